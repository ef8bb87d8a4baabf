//! `doctor`: what is wrong with this home, and what mends it.

use super::catch_up;
use crate::colour::Colour;
use crate::columns::{hanging, screen_width};
use crate::exit::{Silent, code};
use crate::seat::{Setting, account, unexpected};
use crate::text::harmless;
use indicatif::HumanBytes;
use rustix::fs::statvfs;
use serde::Serialize;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;
use subrosa_client::{
    Answer, Client, Command, Driver, Failure, FailureKind, HealthView, Home, LinkState,
    UpkeepCommand,
};

const EXAMPLES: &str = "\
Examples:
  subrosa doctor                 looks at everything and says what mends what is wrong
  subrosa doctor --json          for programs";

/// Look whether everything is as it should be
///
/// Works also when the server is away, or the home does not open. The code is 0 when nothing is wrong (warnings aside), 3 when
/// only the server is out of reach, 4 when its key is another, and else 1.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {}

/// A clock that is further off is told.
const CLOCK_MS: u64 = 60_000;
/// Less room on the disk is told.
const ROOM_BYTES: u64 = 256 << 20;
/// How long the server is waited for.
const REACH: Duration = Duration::from_secs(15);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Grade {
    Fine,
    Warning,
    Wrong,
}

/// Something that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    grade: Grade,
    says: String,
    /// What mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    /// For the exit code.
    #[serde(skip)]
    kind: Option<FailureKind>,
}

/// What was found so far; each is shown when it is there.
struct Findings<'a> {
    setting: &'a Setting,
    all: Vec<Finding>,
}

impl Findings<'_> {
    fn fine(&mut self, what: &'static str, says: impl Into<String>) -> anyhow::Result<()> {
        self.add(what, Grade::Fine, says.into(), None, None)
    }

    fn warn(
        &mut self,
        what: &'static str,
        says: impl Into<String>,
        fix: &str,
    ) -> anyhow::Result<()> {
        self.add(
            what,
            Grade::Warning,
            says.into(),
            Some(fix.to_owned()),
            None,
        )
    }

    fn wrong(
        &mut self,
        what: &'static str,
        says: impl Into<String>,
        fix: &str,
        kind: FailureKind,
    ) -> anyhow::Result<()> {
        self.add(
            what,
            Grade::Wrong,
            says.into(),
            Some(fix.to_owned()),
            Some(kind),
        )
    }

    fn failed(&mut self, what: &'static str, failure: &Failure) -> anyhow::Result<()> {
        // A failure's sentence holds its next step.
        let (says, fix) = match failure.sentence.split_once("; ") {
            Some((says, fix)) => (says.to_owned(), Some(fix.to_owned())),
            None => (failure.sentence.clone(), None),
        };
        self.add(what, Grade::Wrong, says, fix, Some(failure.kind))
    }

    fn add(
        &mut self,
        what: &'static str,
        grade: Grade,
        says: String,
        fix: Option<String>,
        kind: Option<FailureKind>,
    ) -> anyhow::Result<()> {
        let finding = Finding {
            what,
            grade,
            says,
            fix,
            kind,
        };
        self.setting.output.either(&finding, &line(&finding))?;
        self.all.push(finding);
        Ok(())
    }
}

fn line(finding: &Finding) -> String {
    let colour = Colour::of_output();
    let sign = match finding.grade {
        Grade::Fine => "✓",
        Grade::Warning => "!",
        Grade::Wrong => "✗",
    };
    let width = screen_width();
    let head = format!("{sign} {:12} ", finding.what);
    let mut line = hanging(&head, &harmless(&finding.says), width);
    if let Some(fix) = &finding.fix {
        line.push('\n');
        line.push_str(&hanging("               → ", &harmless(fix), width));
    }
    match finding.grade {
        Grade::Wrong => line.replacen(sign, &colour.mark(sign), 1),
        Grade::Fine | Grade::Warning => line,
    }
}

/// Looks at everything.
pub async fn run(_: Args, setting: &Setting) -> anyhow::Result<()> {
    let mut findings = Findings {
        setting,
        all: Vec::new(),
    };
    findings.fine("version", version())?;
    let home = setting.home()?;
    folder(&mut findings, &home)?;
    room(&mut findings, &home)?;
    sheet(&mut findings, &home)?;
    match open(setting, home).await {
        Ok(client) => {
            let looked = inside(&mut findings, &client).await;
            client.close().await;
            looked?;
        }
        Err(failure) => findings.failed("store", &failure)?,
    }
    end(&findings.all)
}

fn version() -> String {
    format!(
        "subrosa {} on {}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH
    )
}

async fn open(setting: &Setting, home: Home) -> Result<Client, Failure> {
    let opened = setting.unlocked(&home).await;
    let unlock = opened.map_err(|error| match error.downcast::<Failure>() {
        Ok(failure) => failure,
        Err(error) => Failure::user(error.to_string()),
    })?;
    Client::open(home, "doctor", Driver::new(unlock)).await
}

fn folder(findings: &mut Findings<'_>, home: &Home) -> anyhow::Result<()> {
    let dir = home.dir();
    let own = rustix::process::getuid().as_raw();
    let mut wrong = Vec::new();
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).chain([dir.to_owned()]) {
        let Ok(metadata) = std::fs::symlink_metadata(&path) else {
            continue;
        };
        if metadata.uid() != own {
            wrong.push(format!("{} belongs to somebody else", path.display()));
        } else if !metadata.is_symlink() && metadata.permissions().mode() & 0o077 != 0 {
            wrong.push(format!("{} can be reached by others", path.display()));
        }
    }
    if wrong.is_empty() {
        findings.fine(
            "permissions",
            format!("{} is for this user only", dir.display()),
        )
    } else {
        let fix = format!(
            "chmod -R go= '{}', and chown it to yourself if it is not yours",
            dir.display()
        );
        findings.wrong("permissions", wrong.join(", "), &fix, FailureKind::User)
    }
}

fn room(findings: &mut Findings<'_>, home: &Home) -> anyhow::Result<()> {
    let store = size(&home.file("store.db"));
    let Ok(disk) = statvfs(home.dir()) else {
        return findings.warn(
            "disk",
            "the room on the disk cannot be told",
            "look with df",
        );
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let says = format!(
        "{} free, the store takes {}",
        HumanBytes(free),
        HumanBytes(store)
    );
    if free < ROOM_BYTES {
        findings.warn(
            "disk",
            says,
            "make room on that disk; `subrosa storage` shows what this home takes",
        )
    } else {
        findings.fine("disk", says)
    }
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn sheet(findings: &mut Findings<'_>, home: &Home) -> anyhow::Result<()> {
    let path = home.file(crate::sheet::FILE);
    if !path.exists() {
        return findings.fine("sheet", "no paper with secrets lies in the home");
    }
    findings.warn(
        "sheet",
        format!("{} still holds the recovery code", path.display()),
        "copy it to paper or into a password manager, then remove the file",
    )
}

async fn inside(findings: &mut Findings<'_>, client: &Client) -> anyhow::Result<()> {
    // A server out of reach is a finding, and no reason to stop.
    drop(tokio::time::timeout(REACH, catch_up(client)).await);
    let health = match client.call(Command::Upkeep(UpkeepCommand::Health {})).await {
        Ok(Answer::Health(health)) => health,
        Ok(other) => return Err(unexpected(&other).into()),
        Err(failure) => return findings.failed("store", &failure),
    };
    let own = account(client).await?;
    findings.fine("account", format!("{}, device {:.8}", own.name, own.device))?;
    store(findings, &health)?;
    server(findings, &health, &own.address)?;
    clock(findings, &health)?;
    if health.waiting_for_key > 0 {
        findings.warn(
            "messages",
            format!("{} messages cannot be read yet: their keys are not here", health.waiting_for_key),
            "`subrosa why NAME @CURSOR` tells what is missing of one; keys come when their authors' devices are online",
        )?;
    }
    if health.outbox > 0 {
        findings.warn(
            "outbox",
            format!("{} messages have not left yet", health.outbox),
            "they leave by themselves when the server is in reach",
        )?;
    }
    Ok(())
}

fn store(findings: &mut Findings<'_>, health: &HealthView) -> anyhow::Result<()> {
    if let Some(first) = health.damage.first() {
        return findings.wrong(
            "store",
            format!("the store is damaged in {} places, the first: {first}", health.damage.len()),
            "restore the home from a copy, or log in again in another home: the server has your history",
            FailureKind::User,
        );
    }
    if !health.index_sound {
        return findings.warn(
            "store",
            "the index of words is damaged; no message is",
            "keep a `subrosa tail` running for a minute: it is made anew by itself",
        );
    }
    findings.fine(
        "store",
        "every page of it reads, and the index of words is sound",
    )
}

fn server(findings: &mut Findings<'_>, health: &HealthView, address: &str) -> anyhow::Result<()> {
    if let Some(ended) = &health.ended {
        return findings.wrong(
            "server",
            ended.clone(),
            "log in again with `subrosa login`",
            FailureKind::NotPermitted,
        );
    }
    match &health.link {
        LinkState::Online => findings.fine(
            "server",
            format!("logged in at {address}, protocol {}", health.protocol),
        ),
        LinkState::Refused { cause } => findings.failed(
            "server",
            &Failure {
                kind: FailureKind::Trust,
                sentence: cause.clone(),
            },
        ),
        LinkState::Offline { cause, .. } => {
            findings.failed("server", &Failure::network(cause.clone()))
        }
        LinkState::Connecting => findings.failed(
            "server",
            &Failure::network(format!(
                "{address} does not answer; check that it runs and that this machine is online"
            )),
        ),
    }
}

fn clock(findings: &mut Findings<'_>, health: &HealthView) -> anyhow::Result<()> {
    let Some(ahead) = health.ahead_ms else {
        return findings.warn(
            "clock",
            "cannot be compared without the server",
            "run this again when it is in reach",
        );
    };
    let off = ahead.unsigned_abs();
    let says = format!(
        "{}.{:03} s {} the server's",
        off / 1_000,
        off % 1_000,
        if ahead >= 0 { "behind" } else { "ahead of" }
    );
    if off > CLOCK_MS {
        findings.warn("clock", says, "set the clock, best by NTP: messages show wrong times and disappear too early or too late")
    } else {
        findings.fine("clock", says)
    }
}

/// The gravest finding decides.
fn end(all: &[Finding]) -> anyhow::Result<()> {
    let kinds = all.iter().filter_map(|finding| finding.kind);
    let worst = kinds.max_by_key(|kind| match kind {
        FailureKind::Network => 1,
        FailureKind::Trust => 3,
        FailureKind::NotPermitted => 4,
        _ => 2,
    });
    match worst {
        None => Ok(()),
        Some(kind) => Err(Silent::Code(code(kind)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: Option<FailureKind>) -> Finding {
        Finding {
            what: "x",
            grade: Grade::Wrong,
            says: "bad\u{1b}[2J".to_owned(),
            fix: Some("mend it".to_owned()),
            kind,
        }
    }

    #[test]
    fn the_gravest_finding_decides() {
        let ended = |kinds: &[Option<FailureKind>]| {
            let all: Vec<_> = kinds.iter().copied().map(found).collect();
            end(&all)
                .err()
                .map(|error| error.downcast::<Silent>().unwrap())
        };
        assert_eq!(ended(&[None, None]), None);
        assert_eq!(
            ended(&[None, Some(FailureKind::Network)]),
            Some(Silent::Code(3))
        );
        assert_eq!(
            ended(&[Some(FailureKind::User), Some(FailureKind::Network)]),
            Some(Silent::Code(1))
        );
        assert_eq!(
            ended(&[Some(FailureKind::Trust), Some(FailureKind::User)]),
            Some(Silent::Code(4))
        );
    }

    #[test]
    fn a_finding_is_a_line_with_its_fix_below() {
        assert_eq!(
            line(&found(None)),
            "✗ x            bad\\u{1b}[2J\n               → mend it"
        );
    }
}
