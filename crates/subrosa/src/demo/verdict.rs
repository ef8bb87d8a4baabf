//! What is checked in the end.

use super::search::{Needle, search};
use super::stage::{Person, Stage};
use super::{keys, sight::Names};
use crate::seat;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use subrosa_client::{Client, Failure};
use subrosa_proto::ConvId;
use subrosa_server::Seen;

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// In words.
    pub check: String,
    /// Whether it holds.
    pub passed: bool,
}

/// All that was checked.
#[derive(Default)]
pub struct Verdict {
    /// In order.
    pub checks: Vec<Check>,
    /// What the server must have: the search has to find it.
    pub must_be_found: Vec<Needle>,
}

impl Verdict {
    /// Notes one check.
    pub fn check(&mut self, passed: bool, check: impl Into<String>) {
        self.checks.push(Check {
            check: check.into(),
            passed,
        });
    }

    /// Remembers what the server holds by rights.
    pub fn server_holds(&mut self, seen: &Seen) {
        match seen {
            Seen::Registered { name, verifier, .. } => {
                self.must_be_found.push(Needle::new(
                    format!("the name {name}"),
                    name.as_str().as_bytes(),
                ));
                self.must_be_found
                    .push(Needle::new(format!("{name}'s verifier"), verifier));
            }
            Seen::Message {
                position,
                ciphertext,
                ..
            } if ciphertext.len() >= 64 => {
                self.must_be_found.push(Needle::new(
                    format!("the ciphertext of event {position}"),
                    ciphertext,
                ));
            }
            _ => {}
        }
    }
}

/// Lets everybody leave, and searches the server's files for what they alone may know: while the
/// server runs, and after it has ended.
pub async fn search_server(
    mut stage: Stage,
    mut secrets: Vec<Needle>,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    while let Ok(seen) = stage.seen.try_recv() {
        verdict.server_holds(&seen);
    }
    let folder = stage.server_folder();
    for person in std::mem::take(&mut stage.people) {
        let convs = conversations(&person.client).await?;
        let Person {
            name,
            home,
            client,
            sheet,
            ..
        } = person;
        if let Some(client) = Arc::into_inner(client) {
            client.close().await;
        }
        secrets.extend(keys::of(&home, &name, &convs)?);
        if let Some(passphrase) = &sheet.passphrase {
            secrets.push(Needle::new(
                format!("{name}'s passphrase"),
                passphrase.as_bytes(),
            ));
        }
        let code: String = sheet
            .recovery_code
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        secrets.push(Needle::new(
            format!("{name}'s recovery code as written"),
            sheet.recovery_code.as_bytes(),
        ));
        secrets.push(Needle::new(
            format!("{name}'s recovery code"),
            code.as_bytes(),
        ));
    }
    look(&folder, &secrets, verdict, "while the server runs")?;
    stage.server.shutdown().await;
    look(&folder, &secrets, verdict, "after it has ended")
}

/// Once for secrets, once for what must be there, without which the first says nothing.
fn look(
    folder: &Path,
    secrets: &[Needle],
    verdict: &mut Verdict,
    when: &str,
) -> anyhow::Result<()> {
    let unreadable = |error| {
        Failure::user(format!(
            "the server's files in {} cannot be read ({error})",
            folder.display()
        ))
    };
    let found = search(folder, secrets).map_err(unreadable)?;
    let searched = format!(
        "{} files of the server with {} bytes, {when}",
        found.files, found.bytes
    );
    for (what, file) in &found.places {
        verdict.check(false, format!("{what} is in {file}"));
    }
    let count = secrets.len();
    let passed = found.places.is_empty() && found.bytes > 0;
    verdict.check(
        passed,
        format!(
            "none of {count} texts, passphrases, recovery codes and private keys is in {searched}"
        ),
    );
    let found = search(folder, &verdict.must_be_found).map_err(unreadable)?;
    let missing: Vec<_> = verdict
        .must_be_found
        .iter()
        .filter(|needle| !found.places.iter().any(|(what, _)| *what == needle.what))
        .collect();
    let missed: Vec<_> = missing
        .iter()
        .map(|needle| format!("the search does not find {}", needle.what))
        .collect();
    let passed = missed.is_empty() && !verdict.must_be_found.is_empty();
    let there = verdict.must_be_found.len();
    for missed in missed {
        verdict.check(false, missed);
    }
    verdict.check(
        passed,
        format!(
            "the same search finds all {there} names, verifiers and ciphertexts that must be there"
        ),
    );
    Ok(())
}

/// The conversations of a client.
pub async fn conversations(client: &Client) -> anyhow::Result<Vec<ConvId>> {
    let talks = seat::conversations(client).await?;
    let ids = talks.iter().map(|talk| ConvId::from_hex(&talk.conv));
    Ok(ids.flatten().collect())
}

/// What was written, to be searched for.
pub fn texts<T: AsRef<str>>(written: &[T]) -> Vec<Needle> {
    let texts = written.iter().map(AsRef::as_ref);
    texts
        .map(|text| Needle::new(format!("the text {text:?}"), text.as_bytes()))
        .collect()
}

/// Sights in words, and what they oblige the search to find.
pub fn note(names: &mut Names, verdict: &mut Verdict, seen: &[Seen]) -> Vec<super::sight::Sight> {
    seen.iter()
        .map(|seen| {
            verdict.server_holds(seen);
            names.sight(seen)
        })
        .collect()
}
