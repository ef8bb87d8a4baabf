//! The play: two people register, write to each other, and one comes back with a second device.

use super::keys;
use super::search::Needle;
use super::sight::Names;
use super::stage::Stage;
use super::telling::Telling;
use super::verdict::{Verdict, conversations, note, search_server, texts};
use crate::seat::unexpected;
use subrosa_client::{Answer, Client, Command, Notice, RowKind, SendState, Wait};
use subrosa_server::Seen;

/// Who writes, and what.
const LINES: [(usize, &str); 4] = [
    (
        0,
        "Bob, are you there? This is the first line that ever went through here.",
    ),
    (
        1,
        "Here I am, Ada! And whoever runs the server has no idea what we say.",
    ),
    (
        0,
        "Then let us meet under the rose, Thursday at nine, by the old bridge.",
    ),
    (
        1,
        "Thursday at nine it is. I bring the plans, you bring the coffee ☕",
    ),
];

struct Play {
    telling: Telling,
    stage: Stage,
    names: Names,
    verdict: Verdict,
}

/// Plays it; what is to be checked comes back with its outcome.
pub async fn play(telling: Telling) -> anyhow::Result<Verdict> {
    let stage = Stage::open().await?;
    telling.section("1. A server")?;
    telling.note(&format!(
        "listens on {}; its files are in {}",
        stage.server.address().hosts_text(),
        stage.server_folder().display()
    ))?;
    let mut play = Play {
        telling,
        stage,
        names: Names::default(),
        verdict: Verdict::default(),
    };
    play.register().await?;
    play.meet().await?;
    play.write().await?;
    let further = play.come_back().await?;
    let Play {
        stage, mut verdict, ..
    } = play;
    telling.section("6. What is checked")?;
    let mut secrets = texts(&LINES.map(|(_, text)| text));
    secrets.extend(further);
    search_server(stage, secrets, &mut verdict).await?;
    Ok(verdict)
}

impl Play {
    /// Takes what the server saw until something is among it, and tells it.
    async fn tell_saw(
        &mut self,
        what: &str,
        enough: impl Fn(&[Seen]) -> bool,
    ) -> anyhow::Result<()> {
        let seen = self.stage.saw(what, enough).await?;
        let sights = note(&mut self.names, &mut self.verdict, &seen);
        self.telling.saw(&sights)
    }

    async fn register(&mut self) -> anyhow::Result<()> {
        self.telling
            .section("2. Ada registers, with the operator's line")?;
        let line = self.stage.first_line().await?;
        self.stage.join("ada", &line).await?;
        self.telling.note(
            "ada has a passphrase of six words and a recovery code; the server has neither",
        )?;
        self.tell_saw("the server saw no login of ada", |seen| {
            count(seen, is_login) == 1
        })
        .await
    }

    async fn meet(&mut self) -> anyhow::Result<()> {
        self.telling.section("3. Bob registers, with Ada's line")?;
        let line = self.stage.person(0)?.invite().await?;
        self.stage.join("bob", &line).await?;
        for (index, other) in [(0, "@bob"), (1, "@ada")] {
            let here = |notice: &Notice| match notice {
                Notice::Joined(talk) => talk.name == other,
                Notice::Row(row) => row.conversation == other,
                _ => false,
            };
            self.stage
                .person(index)?
                .noticed("the conversation", here)
                .await?;
        }
        self.telling.note(
            "the line proves to each that the other is who held it: their conversation is verified",
        )?;
        let opened = |seen: &Seen| matches!(seen, Seen::Created { .. });
        self.tell_saw("the server saw no conversation", |seen| {
            count(seen, opened) > 0 && count(seen, is_login) > 0
        })
        .await
    }

    async fn write(&mut self) -> anyhow::Result<()> {
        self.telling.section("4. They write to each other")?;
        let mut delivered = 0;
        for (from, text) in LINES {
            if self.line(from, text).await? {
                delivered += 1;
            }
        }
        let all = LINES.len();
        self.verdict.check(
            delivered == all,
            format!("{delivered} of {all} messages were decrypted by the other, who said so"),
        );
        Ok(())
    }

    /// One message, until its author knows that it has arrived.
    async fn line(&mut self, from: usize, text: &str) -> anyhow::Result<bool> {
        let to = 1 - from;
        let (author, reader) = (
            self.stage.person(from)?.name.clone(),
            self.stage.person(to)?.name.clone(),
        );
        self.telling.said(&author, &reader, text)?;
        let (id, _) = self
            .stage
            .person(from)?
            .write(&reader, text, Wait::Sent)
            .await?;
        let arrived = |notice: &Notice| matches!(notice, Notice::Row(row) if !row.own && row.from == author && matches!(&row.what, RowKind::Text { text: read } if read == text));
        self.stage
            .person(to)?
            .noticed("the message", arrived)
            .await?;
        let confirmed = |notice: &Notice| matches!(notice, Notice::State { id: of, state, .. } if *of == id && *state >= SendState::Delivered);
        self.stage
            .person(from)?
            .noticed("the delivery", confirmed)
            .await?;
        self.tell_saw("the server saw no delivery and receipt", |seen| {
            let sealed = |seen: &Seen| matches!(seen, Seen::Message { ciphertext, .. } if !ciphertext.is_empty());
            count(seen, sealed) > 0
                && count(seen, |seen| matches!(seen, Seen::Delivered { .. })) > 0
                && count(seen, |seen| matches!(seen, Seen::Receipt { .. })) > 0
        })
        .await?;
        Ok(true)
    }

    /// Returns the keys of the second device.
    async fn come_back(&mut self) -> anyhow::Result<Vec<Needle>> {
        self.telling
            .section("5. Ada logs in on a second device, by her passphrase alone")?;
        let (home, client) = self.stage.further_device(0).await?;
        let texts = history(&client).await?;
        let convs = conversations(&client).await?;
        client.close().await;
        let further = keys::of(&home, "ada's second device", &convs)?;
        self.telling.note(&format!(
            "it reads {} messages, from the first on",
            texts.len()
        ))?;
        let same = texts.iter().eq(LINES.iter().map(|(_, text)| text));
        self.verdict.check(
            same,
            format!(
                "the second device reads all {} messages, in order",
                LINES.len()
            ),
        );
        let proved = |seen: &Seen| matches!(seen, Seen::PasswordLogin { .. });
        self.tell_saw("the server saw no login by passphrase", |seen| {
            count(seen, proved) == 1
        })
        .await?;
        Ok(further)
    }
}

fn is_login(seen: &Seen) -> bool {
    matches!(seen, Seen::DeviceLogin { .. })
}

fn count(seen: &[Seen], which: impl Fn(&Seen) -> bool) -> usize {
    seen.iter().filter(|seen| which(seen)).count()
}

async fn history(client: &Client) -> anyhow::Result<Vec<String>> {
    let read = Command::Read {
        conversation: Some("@bob".to_owned()),
        before: None,
        since: None,
        limit: 100,
        fresh: true,
    };
    match client.call(read).await? {
        Answer::Rows(rows) => Ok(rows
            .into_iter()
            .filter_map(|row| match row.what {
                RowKind::Text { text } => Some(text),
                _ => None,
            })
            .collect()),
        other => Err(unexpected(&other).into()),
    }
}
