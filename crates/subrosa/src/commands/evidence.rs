//! `evidence`: what proves that the server told two stories, shown, exported and checked.

use super::with_client;
use crate::seat::{Setting, unexpected};
use crate::text::harmless;
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use subrosa_client::verify_evidence as verify;
use subrosa_client::{Answer, Client, Command, EvidenceView, Failure, FailureKind};

const EXAMPLES: &str = "\
Examples:
  subrosa evidence                          what was found, if anything
  subrosa evidence bob --export bob.proof   write it into a file, to be shown to others
  subrosa evidence --verify bob.proof       check such a file; needs no account";

/// Longest file that is looked at.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Show, export or check evidence of contradictions: forked conversations, forked accounts
///
/// Such a file holds signed bytes and the keys they are checked with, and no message text.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The conversation or person; all without
    #[arg(value_name = "NAME", conflicts_with = "verify")]
    name: Option<String>,
    /// Write the evidence into this file, which must not be there yet
    #[arg(long, value_name = "FILE", conflicts_with = "verify")]
    export: Option<PathBuf>,
    /// Check this file instead
    #[arg(long, value_name = "FILE")]
    verify: Option<PathBuf>,
}

#[derive(Serialize)]
struct Shown<'a> {
    about: Option<&'a str>,
    proven: bool,
    sentences: &'a [String],
}

/// Shows, exports, checks.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    if let Some(file) = &args.verify {
        return check(file, setting);
    }
    let name = args.name.clone();
    let found = with_client(setting, "evidence", async |client: &Client| {
        let about = name.clone();
        match client.call(Command::Evidence { about }).await? {
            Answer::Evidence(found) => Ok(found),
            other => Err(unexpected(&other).into()),
        }
    })
    .await?;
    if found.is_empty() {
        let sentence = "no contradiction was found: there is nothing to show";
        return Err(Failure::user(sentence).into());
    }
    for one in &found {
        show(setting, Some(&one.about), one.proven, &one.sentences)?;
    }
    let Some(target) = &args.export else {
        return Ok(());
    };
    let [one] = found.as_slice() else {
        let about: Vec<&str> = found.iter().map(|one| one.about.as_str()).collect();
        let sentence = format!(
            "one file holds one piece of evidence: name which, {}",
            about.join(" or ")
        );
        return Err(Failure::user(sentence).into());
    };
    export(one, target)?;
    setting
        .output
        .talk(&format!("written to {}", target.display()));
    Ok(())
}

fn export(one: &EvidenceView, target: &Path) -> Result<(), Failure> {
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(target)?;
        file.write_all(&one.file)?;
        file.sync_all()
    };
    write().map_err(|error| {
        Failure::user(format!(
            "{} cannot be written ({error}): choose another name",
            target.display()
        ))
    })
}

/// What a file of evidence holds.
pub fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let read = || -> std::io::Result<Vec<u8>> {
        if std::fs::metadata(file)?.len() > FILE_BYTES_MAX {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        std::fs::read(file)
    };
    read().map_err(|error| {
        Failure::user(format!(
            "{} cannot be read ({error}): check its name",
            file.display()
        ))
    })
}

fn check(file: &Path, setting: &Setting) -> anyhow::Result<()> {
    let bytes = read(file)?;
    let finding = verify(&bytes).map_err(|error| Failure {
        kind: FailureKind::User,
        sentence: format!("{error}: ask for it again"),
    })?;
    show(setting, None, finding.proven, &finding.sentences)
}

fn show(
    setting: &Setting,
    about: Option<&str>,
    proven: bool,
    sentences: &[String],
) -> anyhow::Result<()> {
    let shown = Shown {
        about,
        proven,
        sentences,
    };
    let head = about.map(|about| format!("{}:\n", harmless(about)));
    let lines: Vec<String> = sentences
        .iter()
        .map(|sentence| format!("  {}", harmless(sentence)))
        .collect();
    let end = if proven {
        "proven by the signatures in it"
    } else {
        "not proven by this alone"
    };
    let text = format!("{}{}\n  {end}", head.unwrap_or_default(), lines.join("\n"));
    setting.output.either(&shown, &text)
}
