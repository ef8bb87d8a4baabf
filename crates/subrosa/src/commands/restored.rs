//! `restored`: what is lost where a restored server went on without what this home has seen, and
//! the word to go on.

use super::with_client;
use crate::seat::{Setting, unexpected};
use crate::terminal;
use crate::text::harmless;
use subrosa_client::{Answer, Client, Command, Failure, LossView};

const EXAMPLES: &str = "\
Examples:
  subrosa restored                  show what is lost, and ask whether to go on
  subrosa restored bob --yes        go on in this conversation without being asked";

/// Go on after the server was restored from a copy and a conversation parted
///
/// Usually nothing is needed: devices bring back what the copy lacks. Where somebody wrote before
/// that happened, a conversation has two ends. This shows what this home has seen and the server
/// has not. Going on sends your own messages of it again; removals and revocations in it are
/// undone, and have to be made again.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The conversation; all without
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Go on
    #[arg(long)]
    yes: bool,
}

/// Shows, asks, goes on.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let Args { name, yes } = args;
    with_client(setting, "restored", async |client: &Client| {
        let shown = losses(client, name.as_deref(), yes).await?;
        if shown.is_empty() {
            setting
                .output
                .talk("no conversation has parted from the server");
            return Ok(());
        }
        show(setting, &shown)?;
        if yes {
            return told(setting, client, &shown).await;
        }
        let agreed =
            setting.can_ask() && terminal::ask("Go on without what is lost?", "no").await? == "yes";
        if !agreed {
            setting
                .output
                .talk("nothing was changed: `subrosa restored --yes` goes on");
            return Ok(());
        }
        let done = losses(client, name.as_deref(), true).await?;
        told(setting, client, &done).await
    })
    .await
}

async fn losses(client: &Client, name: Option<&str>, go_on: bool) -> anyhow::Result<Vec<LossView>> {
    let command = Command::Restored {
        conversation: name.map(str::to_owned),
        go_on,
    };
    match client.call(command).await? {
        Answer::Losses(losses) => Ok(losses),
        other => Err(unexpected(&other).into()),
    }
}

fn show(setting: &Setting, losses: &[LossView]) -> anyhow::Result<()> {
    losses
        .iter()
        .try_for_each(|loss| setting.output.either(loss, &lines(loss)))
}

/// What waits leaves before the end, if the server is in reach.
async fn told(setting: &Setting, client: &Client, losses: &[LossView]) -> anyhow::Result<()> {
    if let Some(stuck) = losses.iter().find(|loss| !loss.done) {
        let sentence = format!(
            "{} cannot be taken back so far, since its events of then are not kept here any more: go on in a new conversation",
            stuck.conversation
        );
        return Err(Failure::user(sentence).into());
    }
    client.call(Command::Drain {}).await?;
    setting
        .output
        .talk("the conversation goes on as the server has it");
    Ok(())
}

fn lines(loss: &LossView) -> String {
    let mut text = format!(
        "{}: {} after position {} that the server does not have",
        harmless(&loss.conversation),
        count(loss.events, "event"),
        loss.common
    );
    if loss.own > 0 {
        text.push_str(&format!(
            "\n  {} of yours: sent again",
            count(loss.own, "message")
        ));
    }
    if loss.others > 0 {
        text.push_str(&format!(
            "\n  {} of others: kept here, and sent again by their devices",
            count(loss.others, "message")
        ));
    }
    for words in &loss.undone {
        text.push_str(&format!("\n  undone: {}", harmless(words)));
    }
    text
}

fn count(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_told_in_lines() {
        let loss = LossView {
            conversation: "@bob".to_owned(),
            common: 4,
            events: 3,
            own: 1,
            others: 0,
            undone: vec!["a device of bob was revoked".to_owned()],
            done: false,
        };
        let told = lines(&loss);
        assert_eq!(
            told,
            "@bob: 3 events after position 4 that the server does not have\n  1 message of yours: sent again\n  undone: a device of bob was revoked"
        );
    }
}
