//! `read`: the newest messages.

use super::{catch_up, with_client};
use crate::output::is_seen;
use crate::row::Look;
use crate::seat::{Setting, account, conversations, unexpected};
use crate::unread;
use crate::when::{Place, When};
use subrosa_client::{Answer, Client, Command, ConversationView, Failure, LinkState, Row};

const EXAMPLES: &str = "\
Examples:
  subrosa read                   the newest messages of all conversations
  subrosa read bob --limit 100
  subrosa read --unread          how much is unread, and where
  subrosa read bob --ids         with the ids that `send --reply` and the like take
  subrosa read bob --json        with whole ids, and the cursors that --since and --before take
  subrosa read --since 14:00     what came after a time, oldest first: 2h, yesterday, 2026-11-28
  subrosa read bob --before 1234 what came before a cursor";

/// Show the newest messages
///
/// With a name and at a terminal, what is shown counts as read.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// With whom; without, of all conversations
    name: Option<String>,
    /// Only what came after this time or cursor, oldest first
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,
    /// Only what came before this time or cursor
    #[arg(long, value_name = "WHEN")]
    before: Option<When>,
    /// Only how much is unread in each conversation
    #[arg(long, conflicts_with_all = ["since", "before", "limit", "mark_read"])]
    unread: bool,
    /// Take what is printed as read, on all your devices, though no person looks
    #[arg(long, requires = "name")]
    mark_read: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Begin each line with the message's id
    #[arg(long)]
    ids: bool,
}

/// Shows.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    with_client(setting, "read", async |client: &Client| {
        if args.unread {
            return list_unread(&args, setting, client).await;
        }
        let rows = rows(&args, client).await?;
        if let LinkState::Offline { cause, .. } | LinkState::Refused { cause } =
            account(client).await?.link
        {
            setting
                .output
                .talk(&format!("{cause}; this is what is here already"));
        }
        if rows.is_empty() {
            setting
                .output
                .talk(&empty(&args, &conversations(client).await?));
        }
        show(&args, setting, &rows)?;
        if let (Some(name), Some(last)) = (&args.name, rows.last())
            && (args.mark_read || is_seen())
        {
            client
                .call(Command::MarkRead {
                    conversation: name.clone(),
                    cursor: last.cursor,
                })
                .await?;
            // The other devices hear of it now rather than with the next command.
            client.call(Command::Drain {}).await?;
        }
        if args.name.is_none()
            && !setting.output.json
            && let Some(summary) = unread::summary(&conversations(client).await?)
        {
            setting.output.talk(&summary);
        }
        Ok(())
    })
    .await
}

/// The rows that were asked for.
async fn rows(args: &Args, client: &Client) -> anyhow::Result<Vec<Row>> {
    let fresh = args.since.is_none() && args.before.is_none();
    if !fresh {
        // Where a time lies is known when all is here.
        catch_up(client).await?;
    }
    let name = args.name.as_deref();
    let since = place(args.since, client, name).await?;
    let before = place(args.before, client, name).await?;
    let mut read = Command::Read {
        conversation: args.name.clone(),
        before: before.map(|place| place.before),
        since: since.map(|place| place.since),
        limit: args.limit,
        fresh,
    };
    let times = [since, before].map(|place| place.and_then(|place| place.time_ms));
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut found: Vec<Row> = Vec::new();
    loop {
        let mut page = match client.call(read.clone()).await? {
            Answer::Rows(rows) => rows,
            other => return Err(unexpected(&other).into()),
        };
        let more = beyond(&mut read, &page);
        page.retain(|row| within(row.time_ms, times));
        if since.is_some() {
            found.append(&mut page);
            found.truncate(limit);
        } else {
            page.append(&mut found);
            page.drain(..page.len().saturating_sub(limit));
            found = page;
        }
        // Times lie among rows in the order of arrival here: where some were on the other side, more are fetched.
        if times == [None, None] || !more || found.len() >= limit {
            return Ok(found);
        }
    }
}

/// Makes of a question the one for the page after its answer; `false` when that was the last.
fn beyond(read: &mut Command, page: &[Row]) -> bool {
    let Command::Read { since, before, .. } = read else {
        return false;
    };
    let (from, to) = (page.first(), page.last());
    match (&since, from, to) {
        (Some(_), _, Some(last)) => *since = Some(last.cursor),
        (None, Some(first), _) => *before = Some(first.cursor),
        _ => return false,
    }
    true
}

async fn place(
    when: Option<When>,
    client: &Client,
    name: Option<&str>,
) -> Result<Option<Place>, Failure> {
    match when {
        Some(when) => when.place(client, name).await.map(Some),
        None => Ok(None),
    }
}

fn within(time_ms: u64, [since, before]: [Option<u64>; 2]) -> bool {
    since.is_none_or(|since| time_ms >= since) && before.is_none_or(|before| time_ms < before)
}

async fn list_unread(args: &Args, setting: &Setting, client: &Client) -> anyhow::Result<()> {
    catch_up(client).await?;
    let mut talks = conversations(client).await?;
    talks.retain(|talk| !talk.blocked && !unread::count(talk).is_empty());
    if let Some(name) = &args.name {
        talks.retain(|talk| talk.name == *name || talk.name.strip_prefix('@') == Some(name));
    }
    if talks.is_empty() {
        setting.output.talk("all is read");
    }
    talks
        .iter()
        .try_for_each(|talk| setting.output.either(talk, &unread::named(talk)))
}

fn show(args: &Args, setting: &Setting, rows: &[Row]) -> anyhow::Result<()> {
    let look = if args.name.is_some() {
        Look::now()
    } else {
        Look::now().with_conversations()
    };
    let look = if args.ids { look.with_ids() } else { look };
    rows.iter().try_for_each(|row| {
        if setting.output.json {
            setting.output.object(row)
        } else {
            setting.output.line(&look.line(row))
        }
    })
}

fn empty(args: &Args, talks: &[ConversationView]) -> String {
    let blocked = |name: &String| {
        let named = |talk: &&ConversationView| {
            talk.name == *name || talk.name.strip_prefix('@') == Some(name)
        };
        talks.iter().find(named).is_some_and(|talk| talk.blocked)
    };
    match (&args.name, args.since, args.before) {
        (Some(name), ..) if blocked(name) => {
            format!("{name} is blocked: `subrosa unblock {name}` shows what they wrote")
        }
        (_, Some(_), _) => "nothing has come since".to_owned(),
        (_, _, Some(_)) => "there is nothing before that".to_owned(),
        (Some(name), ..) => format!("nothing has been written yet: `subrosa send {name} hello` begins"),
        (None, ..) => "nothing has been written yet: `subrosa invite` makes a join line for somebody to write to".to_owned(),
    }
}
