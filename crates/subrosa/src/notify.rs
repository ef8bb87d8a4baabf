//! A command of the person's own that tells of new messages on the desktop while a verb runs that
//! stays. Nothing of a text is given to it unless that was asked for, and never as an argument.

use crate::output::Output;
use crate::seat::conversations;
use crate::text::harmless;
use crate::when::now_ms;
use clap::Args;
use std::process::Stdio;
use std::time::Duration;
use subrosa_client::{Client, ConversationView, Failure, Notice, Row, RowKind};
use tokio::io::AsyncWriteExt;

/// A command that does not end in this time is ended.
const RUN_MAX: Duration = Duration::from_secs(10);
/// What was written so long before is history that arrives, and no news.
const NEWS_MS: u64 = 5 * 60 * 1_000;

/// What is run for a new message.
#[derive(Debug, Clone, Args)]
pub struct Notify {
    /// Run a shell command for new messages, with SUBROSA_FROM, SUBROSA_CONVERSATION, SUBROSA_MENTION and SUBROSA_COUNT
    #[arg(long = "notify", value_name = "CMD")]
    command: Option<String>,
    /// Give the command the text on standard input
    #[arg(long = "notify-text", requires = "command")]
    text: bool,
    /// Run it only where a message names you
    #[arg(long = "notify-mentions", requires = "command")]
    mentions: bool,
}

impl Notify {
    /// Runs the command for what comes from now on; never ends. Without a command it does nothing.
    pub async fn watch(&self, client: &Client, output: Output) {
        let Some(command) = &self.command else {
            return std::future::pending().await;
        };
        if let Err(failure) = self.follow(command, client, output).await {
            output.talk(&format!("no more notifications: {failure}"));
        }
        std::future::pending().await
    }

    async fn follow(&self, command: &str, client: &Client, output: Output) -> Result<(), Failure> {
        let from_ms = now_ms().saturating_sub(NEWS_MS);
        let home = client.home().dir().display().to_string();
        let (mut newest, mut warned) = (None, false);
        loop {
            let mut notices = client.subscribe(None, newest).await?;
            while let Some(notice) = notices.recv().await {
                // Asked for once for all that have come together.
                let (mut last, mut count, mut talks) = (None, 0_u64, None);
                let mut next = Some(notice);
                // What came while the last command ran is told at once.
                while let Some(notice) = next {
                    if let Notice::Row(row) = notice {
                        newest = newest.max(Some(row.cursor));
                        if row.time_ms >= from_ms && self.is_news(&row) {
                            if talks.is_none() {
                                talks = Some(conversations(client).await?);
                            }
                            if talks.as_deref().is_some_and(|talks| is_heard(&row, talks)) {
                                count += 1;
                                last = Some(row);
                            }
                        }
                    }
                    next = notices.try_recv().ok();
                }
                let Some(row) = last else { continue };
                if let Err(error) = self.run(command, &row, count, &home).await
                    && !warned
                {
                    warned = true;
                    output.talk(&format!("the command of --notify cannot be run: {error}"));
                }
            }
        }
    }

    /// Whether a row is a message of somebody else of which to tell.
    fn is_news(&self, row: &Row) -> bool {
        let is_text = matches!(row.what, RowKind::Text { .. });
        !row.own && is_text && (!self.mentions || row.beside.names_you)
    }

    async fn run(&self, command: &str, row: &Row, count: u64, home: &str) -> std::io::Result<()> {
        let name = |text: &str| harmless(text).into_owned();
        let mut child = tokio::process::Command::new("sh")
            .args(["-c", command])
            .env("SUBROSA_FROM", name(&row.from))
            .env("SUBROSA_CONVERSATION", name(&row.conversation))
            .env("SUBROSA_ID", &row.id)
            .env(
                "SUBROSA_MENTION",
                u8::from(row.beside.names_you).to_string(),
            )
            .env("SUBROSA_COUNT", count.to_string())
            .env("SUBROSA_HOME", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let stdin = child.stdin.take();
        let text = match &row.what {
            RowKind::Text { text } if self.text => text.as_str(),
            _ => "",
        };
        let write = async {
            if let Some(mut stdin) = stdin {
                // A command need not read all of it.
                drop(stdin.write_all(text.as_bytes()).await);
            }
        };
        let ended = async { tokio::join!(write, child.wait()) };
        drop(tokio::time::timeout(RUN_MAX, ended).await);
        Ok(())
    }
}

/// Whether the conversation of a row is one to which the person listens.
fn is_heard(row: &Row, talks: &[ConversationView]) -> bool {
    let here = talks.iter().find(|talk| talk.conv == row.conv);
    here.is_none_or(|talk| !talk.blocked && (!talk.muted || row.beside.names_you))
}
