//! `on`: a command for each message.

mod claim;
mod errand;
mod work;

use super::with_client;
use crate::seat::{Setting, unexpected};
use crate::signals::Signals;
use crate::text::harmless;
use claim::Claim;
use std::ffi::OsString;
use subrosa_client::{Answer, Client, Command, ConsumerCommand, ConsumerView, Failure};
use work::{Business, Work};

const EXAMPLES: &str = "\
Examples:
  subrosa on '#ops' -- ./deploy.sh       run it for each message, with the text on standard input
  subrosa on bob -- sh -c 'echo \"$SUBROSA_FROM wrote\"; cat'
  subrosa on '#ops' --concurrency 4 --as builds -- ./build.sh
  subrosa on --list                      who waits for messages here, and how many are left to do
  subrosa on --forget builds             end one for good";

const VARIABLES: &str = "\
The command is given:
  SUBROSA_FROM, SUBROSA_CONVERSATION   who wrote it, and where: @bob, #ops
  SUBROSA_ID, SUBROSA_CURSOR           the message's id, and its place in this home
  SUBROSA_TIME, SUBROSA_TIME_MS        when it was written: 2026-11-28T14:30:00Z, Unix milliseconds
  SUBROSA_REPLY_TO                     the id of the message that it answers, or empty
  SUBROSA_OWN                          1 for a message of your own, else 0
  SUBROSA_ATTEMPT                      1, and more when it is tried again
  SUBROSA_HOME, SUBROSA_CONSUMER       this home, for `subrosa --home`, and the name of --as";

/// Run a command for each message
///
/// Begins with what is written from now on. Each message is given to the command until that ends
/// with exit 0, also across ends of this program, of the machine and of the network: at least once,
/// and twice where the end came between the command and its note. A message whose command fails is
/// tried again after 1 second, then after longer and longer pauses of up to 5 minutes, while the
/// others go on. Messages that come while nothing runs are given when it runs again.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, after_help = VARIABLES)]
pub struct Args {
    /// In which conversation; without, in all
    name: Option<String>,
    /// How this consumer is called: what is left to do is kept under its name [default: the conversation]
    #[arg(long = "as", value_name = "NAME")]
    named: Option<String>,
    /// For your own messages too
    #[arg(long)]
    own: bool,
    /// How many commands run at once; with 1, in the order of the messages
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    concurrency: u8,
    /// Show the consumers of this home and end
    #[arg(long, conflicts_with_all = ["name", "named", "own", "command"])]
    list: bool,
    /// Forget a consumer with what it has left to do, and end
    #[arg(long, value_name = "NAME", conflicts_with_all = ["name", "named", "own", "command", "list"])]
    forget: Option<String>,
    /// The command and its arguments
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Runs commands, until interrupted.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    if args.list {
        return list(setting).await;
    }
    if let Some(name) = args.forget {
        return forget(setting, name).await;
    }
    if args.command.is_empty() {
        return Err(Failure::user("the command is missing: write it behind --, as in `subrosa on bob -- cat`; `subrosa on --help` shows examples").into());
    }
    let mut signals = Signals::watch()?;
    let name = args.named.or_else(|| args.name.clone());
    let name = name.unwrap_or_else(|| "all".to_owned());
    let home = setting.home()?;
    let dir = home.dir().to_owned();
    let claim = Claim::take(&dir, &name)?;
    let client = signals.during(setting.sit_in(home, "on", None)).await?;
    let business = Business {
        name,
        conversation: args.name,
        own: args.own,
        concurrency: usize::from(args.concurrency),
        command: args.command,
        home: dir,
    };
    let mut work = Work::new(business, &client, setting.output);
    let worked = tokio::select! {
        worked = work.go_on() => worked,
        // An interrupt is the ordinary end.
        _ = signals.next() => Ok(()),
    };
    // What runs may end and be noted, unless a further signal says that there is no time.
    let settled = tokio::select! {
        settled = work.settle() => settled,
        _ = signals.next() => Ok(()),
    };
    drop(work);
    super::orderly(client.close(), &mut signals).await;
    drop(claim);
    worked.and(settled)
}

async fn list(setting: &Setting) -> anyhow::Result<()> {
    with_client(setting, "on", async |client: &Client| {
        let consumers = consumers(client).await?;
        if consumers.is_empty() {
            setting
                .output
                .talk("nothing waits for messages here: `subrosa on NAME -- CMD` begins");
        }
        setting.output.list(&consumers, |consumer| {
            let place = consumer
                .conversation
                .as_deref()
                .unwrap_or("all conversations");
            let own = if consumer.own {
                ", your own messages too"
            } else {
                ""
            };
            let what = format!("{place}{own}, {} to do", consumer.pending);
            [&consumer.name, &what].map(|cell| harmless(cell).into_owned())
        })
    })
    .await
}

async fn forget(setting: &Setting, name: String) -> anyhow::Result<()> {
    let home = setting.home()?;
    let _claim = Claim::take(home.dir(), &name)?;
    with_client(setting, "on", async |client: &Client| {
        let forget = ConsumerCommand::Forget { name };
        client.call(Command::Consumer(forget)).await?;
        setting.output.talk("forgotten");
        Ok(())
    })
    .await
}

async fn consumers(client: &Client) -> Result<Vec<ConsumerView>, Failure> {
    let list = Command::Consumer(ConsumerCommand::List {});
    match client.call(list).await? {
        Answer::Consumers(consumers) => Ok(consumers),
        other => Err(unexpected(&other)),
    }
}
