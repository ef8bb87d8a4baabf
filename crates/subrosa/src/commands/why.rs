//! `why`: the state of one message.

use super::{freshened, with_client};
use crate::columns::Columns;
use crate::row::Look;
use crate::seat::{Setting, unexpected};
use crate::text::harmless;
use subrosa_client::{Answer, Client, Command, UpkeepCommand, WhyView};

const EXAMPLES: &str = "\
Examples:
  subrosa read bob --ids            shows the ids of messages
  subrosa why bob 3f2a91c0          who has that one, which key it is under, what is missing
  subrosa why '#ops' @1234          by the cursor that `read --json` prints: a row that is no message yet has no id";

/// Explain the state of one message
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// In which conversation
    name: String,
    /// The message's id, or how it begins; or @ and its cursor
    id: String,
}

/// Explains.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    with_client(setting, "why", async |client: &Client| {
        freshened(client, &args.name).await?;
        let ask = UpkeepCommand::Why {
            conversation: args.name.clone(),
            id: args.id.clone(),
        };
        let view = match client.call(Command::Upkeep(ask)).await? {
            Answer::Why(view) => view,
            other => return Err(unexpected(&other).into()),
        };
        setting.output.either(&view, &told(&view))
    })
    .await
}

fn told(view: &WhyView) -> String {
    let look = Look::now().with_conversations();
    let mut lines = vec![look.line(&view.row), String::new()];
    let expires = view.row.beside.expires_ms;
    let expires = expires.map(|at| ("disappears".to_owned(), crate::row::day_and_time(at)));
    let facts = view
        .facts
        .iter()
        .map(|fact| (fact.what.clone(), fact.says.clone()));
    let mut columns = Columns::new();
    for (what, says) in facts.chain(expires) {
        columns.row([
            format!("  {}", harmless(&what)),
            harmless(&says).into_owned(),
        ]);
    }
    lines.extend(columns.lines());
    lines.join("\n")
}
