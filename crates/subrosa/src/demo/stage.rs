//! The stage: a temporary folder with a server and two people in it, all of them real.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use subrosa_client::enrol::{self, Choice, NameWish, Sheet};
use subrosa_client::{
    Answer, Client, Command, Driver, Failure, Home, Notice, Notices, SendState, Wait,
};
use subrosa_proto::{InviteLine, Name};
use subrosa_server::{Config, Observer, Seen, Server};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// What has not happened by then does not happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// All that is there.
pub struct Stage {
    /// Removed with everything in it when the stage is dropped.
    folder: TempDir,
    /// The server.
    pub server: Server,
    /// What it sees.
    pub seen: mpsc::UnboundedReceiver<Seen>,
    /// Who has joined.
    pub people: Vec<Person>,
}

/// One person, at one device.
pub struct Person {
    /// Account name.
    pub name: String,
    /// Where this device keeps its state.
    pub home: Home,
    /// The seat in it.
    pub client: Arc<Client>,
    /// What arrives.
    pub notices: Notices,
    /// Passphrase and recovery code.
    pub sheet: Sheet,
}

impl Stage {
    /// Starts a server that nobody has joined yet.
    pub async fn open() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("subrosa-demo-").tempdir();
        let folder = folder.map_err(|error| {
            Failure::user(format!(
                "no temporary folder can be made ({error}): set TMPDIR to one that you may write to"
            ))
        })?;
        let (sees, seen) = mpsc::unbounded_channel();
        let mut config = Config::new(folder.path().join("server"));
        config.listen = vec![([127, 0, 0, 1], 0).into()];
        config.observer = Some(Observer::new(move |sight| {
            // Nobody watches any more once the stage is closed.
            drop(sees.send(sight));
        }));
        let server = Server::start(config).await?;
        Ok(Self {
            folder,
            server,
            seen,
            people: Vec::new(),
        })
    }

    /// The server's folder.
    pub fn server_folder(&self) -> PathBuf {
        self.folder.path().join("server")
    }

    /// Somebody joins by a line, and sits down.
    pub async fn join(&mut self, name: &str, line: &InviteLine) -> anyhow::Result<()> {
        let home = home(self.folder.path().join(name))?;
        let wish =
            NameWish::Exact(Name::new(name).map_err(|error| Failure::defect(error.to_string()))?);
        let sheet = enrol::join(
            &home,
            line,
            wish,
            Choice::Generate,
            None,
            "demo",
            &mut |_| {},
        )
        .await?;
        let person = sit(name, home, sheet).await?;
        self.people.push(person);
        Ok(())
    }

    /// The first line, from the server itself.
    pub async fn first_line(&self) -> anyhow::Result<InviteLine> {
        Ok(self.server.admin_invite().await?)
    }

    /// One person.
    pub fn person(&mut self, index: usize) -> Result<&mut Person, Failure> {
        self.people
            .get_mut(index)
            .ok_or_else(|| Failure::defect("somebody is missing on the stage; please report it"))
    }

    /// The same account on a further device, by its passphrase.
    pub async fn further_device(&self, index: usize) -> anyhow::Result<(Home, Client)> {
        let missing = || Failure::defect("somebody is missing on the stage; please report it");
        let sheet = &self.people.get(index).ok_or_else(missing)?.sheet;
        let name = Name::new(&sheet.name).map_err(|error| Failure::defect(error.to_string()))?;
        let passphrase = sheet.passphrase.clone().ok_or_else(missing)?;
        let home = home(self.folder.path().join(format!("{name}-second-device")))?;
        enrol::login(
            &home,
            self.server.address(),
            &name,
            passphrase,
            None,
            "second device",
            &mut |_| {},
        )
        .await?;
        let client = Client::open(home.clone(), "demo", Driver::new(None)).await?;
        Ok((home, client))
    }

    /// Takes what the server sees until something is among it.
    pub async fn saw(
        &mut self,
        what: &str,
        enough: impl Fn(&[Seen]) -> bool,
    ) -> anyhow::Result<Vec<Seen>> {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        while !enough(&seen) {
            match timeout_at(deadline, self.seen.recv()).await {
                Ok(Some(sight)) => seen.push(sight),
                _ => return Err(missed(what)),
            }
        }
        while let Ok(sight) = self.seen.try_recv() {
            seen.push(sight);
        }
        Ok(seen)
    }
}

impl Person {
    /// A line for somebody else.
    pub async fn invite(&self) -> anyhow::Result<InviteLine> {
        match self.client.call(Command::Invite {}).await? {
            Answer::Invite(view) => Ok(InviteLine::parse(&view.line)
                .map_err(|error| Failure::defect(error.to_string()))?),
            other => Err(crate::seat::unexpected(&other).into()),
        }
    }

    /// Writes; returns the message's id and how far it has come.
    pub async fn write(
        &self,
        to: &str,
        text: &str,
        wait: Wait,
    ) -> anyhow::Result<(String, SendState)> {
        let send = Command::Send {
            conversation: format!("@{to}"),
            text: text.to_owned(),
            wait,
            queue: true,
            within_ms: None,
            timer: None,
        };
        match self.client.call(send).await? {
            Answer::Sent { id, state, .. } => Ok((id, state)),
            other => Err(crate::seat::unexpected(&other).into()),
        }
    }

    /// Takes notices until the one that is waited for.
    pub async fn noticed(
        &mut self,
        what: &str,
        waited_for: impl Fn(&Notice) -> bool,
    ) -> anyhow::Result<Notice> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match timeout_at(deadline, self.notices.recv()).await {
                Ok(Some(notice)) if waited_for(&notice) => return Ok(notice),
                Ok(Some(_)) => {}
                _ => return Err(missed(&format!("{} did not notice {what}", self.name))),
            }
        }
    }
}

async fn sit(name: &str, home: Home, sheet: Sheet) -> anyhow::Result<Person> {
    let client = Arc::new(Client::open(home.clone(), "demo", Driver::new(None)).await?);
    let notices = client.subscribe(None, Some(0)).await?;
    Ok(Person {
        name: name.to_owned(),
        home,
        client,
        notices,
        sheet,
    })
}

fn home(dir: PathBuf) -> Result<Home, Failure> {
    Home::open(&dir).map_err(|error| Failure::user(error.to_string()))
}

fn missed(what: &str) -> anyhow::Error {
    Failure::defect(format!(
        "the demonstration failed: {what} within {} seconds",
        PATIENCE.as_secs()
    ))
    .into()
}
