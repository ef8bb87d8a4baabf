//! How a process ends: exit codes, the one sentence on standard error, and the panic hook.
//!
//! 0 ok · 1 user error or no match · 2 defect · 3 network or server · 4 untrusted or changed key ·
//! 5 rate limit · 6 not permitted. Ended by a signal: 128 and its number, as shells do.

use crate::text::harmless;
use serde::Serialize;
use std::fmt;
use std::io::Write;
use std::panic::Location;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use subrosa_client::{Failure, FailureKind};
use subrosa_server::StartError;
use subrosa_server::admin::AdminError;

/// A server in this process outlives the panic of one of its connections.
static SERVING: AtomicBool = AtomicBool::new(false);

/// Ends without a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silent {
    /// Whoever read standard output has gone: nothing is wrong.
    ClosedPipe,
    /// A signal asked for the end.
    Signal(u8),
    /// All has been said; only the code is left.
    Code(u8),
}

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClosedPipe => f.write_str("standard output was closed"),
            Self::Signal(number) => write!(f, "ended by signal {number}"),
            Self::Code(code) => write!(f, "ended with code {code}"),
        }
    }
}

impl std::error::Error for Silent {}

/// An error as JSON, on standard error.
#[derive(Serialize)]
struct Told<'a> {
    error: FailureKind,
    exit: u8,
    sentence: &'a str,
}

/// Says what went wrong, if anything did, and returns the code.
pub fn end(result: anyhow::Result<()>, json: bool) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    if let Some(silent) = error.downcast_ref::<Silent>() {
        return ExitCode::from(match silent {
            Silent::ClosedPipe => 0,
            Silent::Signal(number) => number.saturating_add(128),
            Silent::Code(code) => *code,
        });
    }
    let kind = kind(&error);
    let code = code(kind);
    let sentence = sentence(&error);
    let told = Told {
        error: kind,
        exit: code,
        sentence: &sentence,
    };
    let line = if json {
        serde_json::to_string(&told).unwrap_or_default()
    } else {
        format!("subrosa: {}", harmless(&sentence))
    };
    // Nobody may be reading; the code says it as well.
    drop(writeln!(std::io::stderr(), "{line}"));
    ExitCode::from(code)
}

/// The code of a kind of failure.
pub const fn code(kind: FailureKind) -> u8 {
    match kind {
        FailureKind::User => 1,
        FailureKind::Defect => 2,
        FailureKind::Network => 3,
        FailureKind::Trust => 4,
        FailureKind::RateLimit => 5,
        FailureKind::NotPermitted => 6,
    }
}

fn kind(error: &anyhow::Error) -> FailureKind {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.kind;
    }
    let start = match error.downcast_ref::<AdminError>() {
        Some(AdminError::Folder(start)) => Some(start),
        Some(mistake) if mistake.is_mistake() => return FailureKind::User,
        Some(_) => return FailureKind::Network,
        None => error.downcast_ref::<StartError>(),
    };
    match start {
        Some(StartError::NoPermission { .. }) => FailureKind::NotPermitted,
        Some(StartError::NoServer { .. }) => FailureKind::User,
        Some(_) => FailureKind::Network,
        None => FailureKind::Defect,
    }
}

fn sentence(error: &anyhow::Error) -> String {
    if error.is::<Failure>() || error.is::<StartError>() || error.is::<AdminError>() {
        error.to_string()
    } else {
        format!("{error:#}; this should not happen: please report it")
    }
}

/// From here on a panic ends only the task it happens in, unless that is the face itself.
pub fn serving() {
    SERVING.store(true, Ordering::Relaxed);
}

/// A defect ends the process with one sentence. The payload of the panic is not shown: it could
/// hold what somebody wrote.
pub fn on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let whole = std::thread::current().name() == Some("main");
        let ends = whole || !SERVING.load(Ordering::Relaxed);
        if !ends && crate::terminal::is_covered() {
            // A connection of the server in this process: the person at the screen goes on.
            return;
        }
        crate::terminal::restore();
        drop(writeln!(
            std::io::stderr(),
            "subrosa: {}",
            defect(panic.location())
        ));
        if ends {
            std::process::exit(i32::from(code(FailureKind::Defect)));
        }
    }));
}

fn defect(location: Option<&Location<'_>>) -> String {
    let place = location.map_or_else(
        || "an unknown place".to_owned(),
        |location| format!("{} line {}", location.file(), location.line()),
    );
    format!("a defect in {place} stopped this; what was acknowledged is safe: please report it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_code() {
        let failed = |kind| {
            let failure = Failure {
                kind,
                sentence: "x".to_owned(),
            };
            code(super::kind(&anyhow::Error::new(failure)))
        };
        let kinds = [
            FailureKind::User,
            FailureKind::Defect,
            FailureKind::Network,
            FailureKind::Trust,
            FailureKind::RateLimit,
            FailureKind::NotPermitted,
        ];
        assert_eq!(kinds.map(failed), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_server_that_does_not_start_is_told_by_its_cause() {
        let of = |error: StartError| code(kind(&anyhow::Error::new(error)));
        let path = std::path::PathBuf::from("data");
        assert_eq!(of(StartError::NoPermission { path: path.clone() }), 6);
        assert_eq!(of(StartError::NoServer { path: path.clone() }), 1);
        assert_eq!(of(StartError::DiskFull { path }), 3);
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(of(StartError::PortInUse { address }), 3);
    }

    #[test]
    fn what_nobody_foresaw_is_a_defect_and_says_so() {
        let error = anyhow::anyhow!("no such thing");
        assert_eq!(code(kind(&error)), 2);
        assert!(sentence(&error).contains("no such thing"));
    }

    #[test]
    fn a_panic_is_told_by_its_place() {
        let text = defect(Some(Location::caller()));
        assert!(text.contains("exit.rs line"), "{text}");
        assert!(!text.contains('\n'));
    }
}
