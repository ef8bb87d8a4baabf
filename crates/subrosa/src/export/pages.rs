//! The rows of a conversation from the first to the last, in the order that everybody sees, some at a time.

use crate::seat::unexpected;
use subrosa_client::{Answer, Client, Command, Row};

/// Rows of one step: with texts at their limit an answer still fits a line of the home's socket.
const STEP: u32 = 100;

/// Gives each row to `take`.
pub async fn each_row(
    client: &Client,
    conversation: &str,
    mut take: impl FnMut(&Row) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let Some(mut last) = first(client, conversation).await? else {
        return Ok(());
    };
    take(&last)?;
    loop {
        let rows = around(client, conversation, last.cursor, (0, STEP)).await?;
        let at = rows.iter().position(|row| row.cursor == last.cursor);
        let behind = rows.get(at.map_or(0, |at| at + 1)..).unwrap_or_default();
        let Some(end) = behind.last() else {
            return Ok(());
        };
        behind.iter().try_for_each(&mut take)?;
        last = end.clone();
    }
}

/// The row that stands first: not always the one that came first.
async fn first(client: &Client, conversation: &str) -> anyhow::Result<Option<Row>> {
    let read = Command::Read {
        conversation: Some(conversation.to_owned()),
        before: None,
        since: Some(0),
        limit: 1,
        fresh: false,
    };
    let Some(mut first) = rows(client.call(read).await?)?.into_iter().next() else {
        return Ok(None);
    };
    loop {
        let rows = around(client, conversation, first.cursor, (STEP, 0)).await?;
        match rows.into_iter().next() {
            Some(before) if before.cursor != first.cursor => first = before,
            _ => return Ok(Some(first)),
        }
    }
}

async fn around(
    client: &Client,
    conversation: &str,
    cursor: u64,
    (before, behind): (u32, u32),
) -> anyhow::Result<Vec<Row>> {
    let around = Command::Around {
        conversation: conversation.to_owned(),
        cursor,
        before,
        behind,
    };
    rows(client.call(around).await?)
}

fn rows(answer: Answer) -> anyhow::Result<Vec<Row>> {
    match answer {
        Answer::Rows(rows) => Ok(rows),
        other => Err(unexpected(&other).into()),
    }
}
