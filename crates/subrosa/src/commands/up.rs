//! `up`: a server and the first person's session, in one terminal.

use super::serve::ServerArgs;
use crate::chat::{self, AtEnd, Opening};
use crate::enrolment::{self, Enrolled, Wishes};
use crate::invitation::{self, Invitation, outward};
use crate::seat::{Setting, account, conversations, enrolled};
use crate::signals::Signals;
use crate::{exit, terminal, tui};
use std::path::{Path, PathBuf};
use subrosa_client::{Client, ConversationView, Failure, Home};
use subrosa_proto::{Address, Host, InviteLine, limits};
use subrosa_server::{Server, StartError, admin};
use zeroize::Zeroizing;

const EXAMPLES: &str = "\
Examples:
  subrosa up                                  prints the line that somebody else joins with
  subrosa up --public chat.example.org        reachable from outside under this host
  subrosa up --listen 127.0.0.1:0 --name ada  on this machine only, any free port

In the chat F1 shows all keys and commands, /invite makes a join line for one more person, /quit ends
both chat and server.";

/// Start a server of your own, and chat from it
///
/// The first time it makes your account and shows its sheet (address, name, passphrase, recovery
/// code) once. It prints a join line for one person; whoever joins with it can write to you at
/// once, and you to them. The next time it goes on with the same server and account. Where that
/// server runs already, it only attaches.
///
/// Without a terminal, standard input is sent line by line; at its end the server runs on until
/// it is told to stop.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    wishes: Wishes,
    /// Chat line by line, also at a terminal
    #[arg(long)]
    plain: bool,
}

/// Names the home of the person at the server; in the server's data folder.
const HOME_FILE: &str = "home-of-up";

/// The server of this `up`: in this process, or in another.
enum Post {
    Here(Server),
    Elsewhere(Address),
}

/// Starts and chats.
pub async fn run(args: Args, setting: Setting) -> anyhow::Result<()> {
    let mut signals = Signals::watch()?;
    let data = args.server.data(&setting);
    let post = post(&args, &setting, &data).await?;
    let done = with_post(&args, &setting, &data, &post, &mut signals).await;
    if let Post::Here(server) = post {
        super::orderly(server.shutdown(), &mut signals).await;
    }
    done
}

async fn post(args: &Args, setting: &Setting, data: &Path) -> anyhow::Result<Post> {
    match args.server.start(setting).await {
        Ok(server) => {
            exit::serving();
            Ok(Post::Here(server))
        }
        Err(error)
            if matches!(
                error.downcast_ref(),
                Some(StartError::AlreadyRunning { .. })
            ) =>
        {
            let address = admin::address(data).await?;
            setting
                .output
                .talk("the server runs already: attaching to it");
            Ok(Post::Elsewhere(address))
        }
        Err(error) => Err(error),
    }
}

impl Post {
    fn address(&self) -> &Address {
        match self {
            Self::Here(server) => server.address(),
            Self::Elsewhere(address) => address,
        }
    }

    /// Ends only when the server cannot go on.
    async fn failed(&self) -> anyhow::Result<()> {
        match self {
            Self::Here(server) => Err(Failure::network(server.failed().await).into()),
            Self::Elsewhere(_) => std::future::pending().await,
        }
    }

    /// A line for the person at this server. It names the loopback as well, so that it works in
    /// whichever network this machine is.
    async fn own_line(&self, data: &Path) -> anyhow::Result<InviteLine> {
        let mut line = match self {
            Self::Here(server) => server.admin_invite().await?,
            Self::Elsewhere(_) => admin::invite(data).await?,
        };
        if let Self::Here(server) = self
            && let Some(bound) = server.local_addr()
            && (bound.ip().is_unspecified() || bound.ip().is_loopback())
        {
            let name = if bound.ip().is_loopback() {
                bound.ip().to_string()
            } else {
                "127.0.0.1".to_owned()
            };
            let local = Host {
                name,
                port: bound.port(),
            };
            if !line.address.hosts.contains(&local) {
                line.address.hosts.truncate(limits::ADDRESS_HOSTS_MAX - 1);
                line.address.hosts.push(local);
            }
        }
        Ok(line)
    }
}

async fn with_post(
    args: &Args,
    setting: &Setting,
    data: &Path,
    post: &Post,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    let (client, sheet) = seat(args, setting, data, post, signals).await?;
    if setting.fills_screen(args.plain) {
        return screen(post, client, sheet, signals).await;
    }
    let done = session(setting, post, &client, signals).await;
    super::orderly(client.close(), signals).await;
    done
}

/// The session of a person at a terminal.
async fn screen(
    post: &Post,
    client: Client,
    sheet: Option<Zeroizing<String>>,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    let address = outward(post.address().clone());
    let opening = tui::Opening {
        hosting: matches!(post, Post::Here(_)),
        join_line: alone(&client, &address, signals).await?,
        sheet,
        ..tui::Opening::default()
    };
    tokio::select! {
        lived = tui::live(client, opening, signals) => lived,
        failed = post.failed() => {
            terminal::restore();
            failed
        }
    }
}

/// A line for somebody, as long as there is nobody to write to.
async fn alone(
    client: &Client,
    address: &Address,
    signals: &mut Signals,
) -> anyhow::Result<Option<String>> {
    let own = match account(client).await {
        Err(failure) if failure.is_locked() => return Ok(None),
        account => account?.name,
    };
    let talks = conversations(client).await?;
    let with_oneself = |talk: &ConversationView| talk.name.strip_prefix('@') == Some(&own);
    if !talks.iter().all(with_oneself) {
        return Ok(None);
    }
    let asked = async { Ok(invitation::new(client, Some(address)).await.ok()) };
    let invitation = signals.during(asked).await?;
    Ok(invitation.map(|invitation| invitation.join))
}

async fn session(
    setting: &Setting,
    post: &Post,
    client: &Client,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    let address = outward(post.address().clone());
    let invitation = match signals
        .during(async { Ok(invitation::new(client, Some(&address)).await) })
        .await?
    {
        Ok(invitation) => Some(invitation),
        Err(failure) => {
            setting.output.talk(&failure.sentence);
            None
        }
    };
    tell(setting, client, &address, invitation.as_ref()).await?;
    let opening = Opening {
        to: None,
        at_end: AtEnd::Stay,
        address: Some(address),
    };
    tokio::select! {
        chatted = chat::run(client, setting.output, opening, signals) => chatted,
        failed = post.failed() => failed,
    }
}

#[derive(serde::Serialize)]
struct Ready<'a> {
    notice: &'static str,
    name: &'a str,
    address: &'a str,
    #[serde(flatten)]
    invitation: Option<&'a Invitation>,
}

async fn tell(
    setting: &Setting,
    client: &Client,
    address: &Address,
    invitation: Option<&Invitation>,
) -> anyhow::Result<()> {
    let name = account(client).await?.name;
    if setting.output.json {
        return setting.output.object(&Ready {
            notice: "ready",
            name: &name,
            address: &address.to_string(),
            invitation,
        });
    }
    setting.output.talk(&format!(
        "your server is at {}, and you are {name} there",
        address.hosts_text()
    ));
    if let Some(invitation) = invitation {
        setting
            .output
            .talk("give this line to one person; it works once, within seven days:");
        setting.output.line(&invitation.join)?;
    }
    Ok(())
}

/// A seat in the home of the person at this server; the home is made the first time.
async fn seat(
    args: &Args,
    setting: &Setting,
    data: &Path,
    post: &Post,
    signals: &mut Signals,
) -> anyhow::Result<(Client, Option<Zeroizing<String>>)> {
    if let Some(home) = known_home(setting, data)? {
        let client = signals.during(setting.sit_in(home, "up", None)).await?;
        return Ok((client, None));
    }
    let line = post.own_line(data).await?;
    // The mark is the server: a first start that was cut short goes on with the same home.
    let joined = enrolment::join(setting, &line, &args.wishes, &line.address.key, signals).await?;
    remember(data, &joined)?;
    let sheet = joined.hand_over(setting, args.plain)?;
    joined.tell(setting);
    Ok((signals.during(joined.sit("up")).await?, sheet))
}

fn known_home(setting: &Setting, data: &Path) -> anyhow::Result<Option<Home>> {
    let dir = match setting.named_home()? {
        Some(named) => named,
        None => match std::fs::read_to_string(data.join(HOME_FILE)) {
            Ok(text) => PathBuf::from(text.trim_end_matches('\n')),
            Err(_) => return Ok(None),
        },
    };
    Ok(enrolled(&dir)?)
}

fn remember(data: &Path, joined: &Enrolled) -> Result<(), Failure> {
    let file = data.join(HOME_FILE);
    let text = format!("{}\n", joined.home.dir().display());
    std::fs::write(&file, text).map_err(|error| {
        Failure::user(format!(
            "{} cannot be written ({error}): make room or mend the rights of that folder",
            file.display()
        ))
    })
}
