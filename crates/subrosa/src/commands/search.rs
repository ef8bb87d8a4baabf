//! `search`: messages by what stands in them.

use super::with_client;
use crate::colour::Colour;
use crate::exit::Silent;
use crate::progress::Bar;
use crate::row::Look;
use crate::seat::{Setting, unexpected};
use crate::text::harmless;
use jiff::ZonedDateTime;
use subrosa_client::{Answer, Client, Command, HitView, Reach, Row, SearchView};

const EXAMPLES: &str = "\
Examples:
  subrosa search lunch                      messages with that word, the newest first
  subrosa search \"lunch tom*\"               with both: the word, and one that begins so
  subrosa search '\"see you at one\"'         these words beside each other
  subrosa search 'report from:bob after:2026-01'
  subrosa search 'in:#ops has:link on:2026-11-23'
  subrosa search lunch --context 2          with what was written around it
  subrosa search lunch --json | jq .excerpt";

/// Find messages
///
/// Case and accents make no difference. All words have to be there, in any order. Filters: from:NAME (from:me),
/// in:CONVERSATION, after: and before: and on: with a day, a month, a year, or how long ago (7d, 12h, 3w), has:link. Where nothing
/// matches, the code is 1.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Words, "phrases", begin* and filters
    #[arg(required = true, value_name = "QUERY")]
    query: Vec<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Show so many messages before and behind each
    #[arg(long, short = 'C', value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=50))]
    context: u32,
    /// Begin each line with the message's id
    #[arg(long)]
    ids: bool,
}

/// Hits of one page.
const PAGE: u32 = 200;

/// Searches.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    with_client(setting, "search", async |client: &Client| {
        let query = args.query.join(" ");
        whole(client, setting, &query).await?;
        let (mut shown, mut before) = (0, None);
        let reach = loop {
            let limit = (args.limit - shown).min(PAGE);
            let view = ask(client, &query, before, limit).await?;
            for hit in &view.hits {
                show(&args, setting, client, hit, shown > 0).await?;
                shown += 1;
            }
            before = view.next;
            if before.is_none() || shown >= args.limit {
                break view.reach;
            }
        };
        if before.is_some() {
            setting.output.talk(&format!(
                "there is more: --limit {}",
                args.limit.saturating_mul(5)
            ));
        }
        if let Some(told) = told(reach) {
            setting.output.talk(&told);
        }
        if shown == 0 {
            let files = if query.contains("has:file") {
                ": no file can be sent yet, so has:file finds none"
            } else {
                ""
            };
            setting
                .output
                .talk(&format!("nothing matches {query}{files}"));
            return Err(Silent::Code(1).into());
        }
        Ok(())
    })
    .await
}

async fn ask(
    client: &Client,
    query: &str,
    before: Option<u64>,
    limit: u32,
) -> anyhow::Result<SearchView> {
    let search = Command::Search {
        query: query.to_owned(),
        conversation: None,
        before,
        limit,
        zone_s: ZonedDateTime::now().offset().seconds(),
    };
    match client.call(search).await? {
        Answer::Found(view) => Ok(view),
        other => Err(unexpected(&other).into()),
    }
}

/// Waits until everything that is here can be found: a home that had no index before gets one now, once.
async fn whole(client: &Client, setting: &Setting, query: &str) -> anyhow::Result<()> {
    let mut bar: Option<Bar> = None;
    loop {
        let left = ask(client, query, None, 1).await?.reach.unindexed;
        if left == 0 {
            return Ok(());
        }
        let bar = bar.get_or_insert_with(|| {
            Bar::new(setting.output, left, "making the index, once", "messages")
        });
        bar.left(left);
    }
}

async fn show(
    args: &Args,
    setting: &Setting,
    client: &Client,
    hit: &HitView,
    further: bool,
) -> anyhow::Result<()> {
    if setting.output.json {
        return setting.output.object(hit);
    }
    let look = Look::now().with_conversations();
    let look = if args.ids { look.with_ids() } else { look };
    if args.context == 0 {
        return setting.output.line(&line(&look, hit));
    }
    if further {
        setting.output.line("--")?;
    }
    let colour = Colour::of_output();
    for row in around(client, &hit.row, args.context).await? {
        if row.cursor == hit.row.cursor {
            setting.output.line(&line(&look, hit))?;
        } else {
            setting.output.line(&colour.faint(&look.line(&row)))?;
        }
    }
    Ok(())
}

async fn around(client: &Client, row: &Row, count: u32) -> anyhow::Result<Vec<Row>> {
    let around = Command::Around {
        conversation: row.conversation.clone(),
        cursor: row.cursor,
        before: count,
        behind: count,
    };
    match client.call(around).await? {
        Answer::Rows(rows) => Ok(rows),
        other => Err(unexpected(&other).into()),
    }
}

fn line(look: &Look, hit: &HitView) -> String {
    let colour = Colour::of_output();
    let (mut marked, mut at) = (String::new(), 0);
    let part = |from: usize, to: usize| harmless(hit.excerpt.get(from..to).unwrap_or_default());
    for (start, end) in &hit.marks {
        marked.push_str(&part(at, *start));
        marked.push_str(&colour.mark(&part(*start, *end)));
        at = *end;
    }
    marked.push_str(&part(at, hit.excerpt.len()));
    look.excerpt(&hit.row, &marked)
}

/// What was not searched.
fn told(reach: Reach) -> Option<String> {
    let mut told = Vec::new();
    if reach.unindexed > 0 {
        told.push(format!(
            "{} messages are not in the index yet: search again in a moment",
            reach.unindexed
        ));
    }
    if reach.missing > 0 {
        told.push(format!(
            "{} messages of the history are still to come from the server and were not searched: `subrosa read` fetches them",
            reach.missing
        ));
    }
    (!told.is_empty()).then(|| told.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_searched_is_told() {
        assert_eq!(told(Reach::default()), None);
        let reach = Reach {
            unindexed: 3,
            missing: 40,
        };
        let told = told(reach).unwrap();
        assert!(
            told.contains("3 messages") && told.contains("40 messages"),
            "{told}"
        );
    }
}
