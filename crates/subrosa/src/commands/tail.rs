//! `tail`: what arrives, as it arrives.

use crate::notify::Notify;
use crate::row::Look;
use crate::seat::Setting;
use crate::signals::Signals;
use crate::when::{Place, When};
use subrosa_client::{Client, Failure, LinkState, Notice};

const EXAMPLES: &str = "\
Examples:
  subrosa tail                   everything from now on
  subrosa tail bob --json        one object a line, for programs
  subrosa tail --since 1234      first what came after that cursor, then what is new
  subrosa tail bob --since today the same from a time on";

/// Print what arrives, until interrupted
///
/// With --json each line is a notice: a row, a row that reads otherwise now, the state of one of
/// your own, a new conversation, or the link. What is printed does not count as read. A program that stops goes on later with --since and the last cursor that it has seen.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// With whom; without, of all conversations
    name: Option<String>,
    /// Begin after this cursor or time
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,
    #[command(flatten)]
    notify: Notify,
}

/// Prints.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let mut signals = Signals::watch()?;
    let client = signals.during(setting.sit("tail")).await?;
    let followed = tokio::select! {
        followed = follow(&args, setting, &client) => followed,
        () = args.notify.watch(&client, setting.output) => Ok(()),
        // An interrupt is the ordinary end.
        _ = signals.next() => Ok(()),
    };
    super::orderly(client.close(), &mut signals).await;
    followed
}

async fn follow(args: &Args, setting: &Setting, client: &Client) -> anyhow::Result<()> {
    let look = if args.name.is_some() {
        Look::now()
    } else {
        Look::now().with_conversations()
    };
    let since = match args.since {
        Some(When::Cursor(cursor)) => Some(Place::of(cursor)),
        Some(when) => {
            super::catch_up(client).await?;
            Some(when.place(client, args.name.as_deref()).await?)
        }
        None => None,
    };
    let mut newest = since.map(|place| place.since);
    let from_ms = since.and_then(|place| place.time_ms).unwrap_or(0);
    let mut offline = false;
    loop {
        let mut notices = client.subscribe(args.name.clone(), newest).await?;
        // The stream ends when this process does not keep up, and goes on after the last row seen.
        while let Some(notice) = notices.recv().await {
            if let Notice::Row(row) = &notice {
                newest = newest.max(Some(row.cursor));
                if row.time_ms < from_ms {
                    continue;
                }
            }
            if setting.output.json {
                setting.output.object(&notice)?;
            }
            match notice {
                Notice::Row(row) if !setting.output.json => {
                    setting.output.line(&look.line(&row))?
                }
                Notice::Changed(row) if !setting.output.json => {
                    setting.output.line(&format!("~ {}", look.line(&row)))?
                }
                Notice::Link(LinkState::Offline { cause, .. }) if !offline => {
                    offline = true;
                    setting.output.talk(&format!("{cause}; it is tried again"));
                }
                Notice::Link(LinkState::Online) if offline => {
                    offline = false;
                    setting.output.talk("the server is in reach again");
                }
                Notice::Link(LinkState::Refused { cause }) => {
                    return Err(Failure::network(cause).into());
                }
                Notice::Warning { sentence } => setting.output.talk(&sentence),
                _ => {}
            }
        }
    }
}
