//! How a load fails: in one sentence, as everything that faces show.

use subrosa_channel::io::LinkError;
use subrosa_client::{Failure, FailureKind};
use subrosa_proto::{ErrorCode, Response};

pub(crate) type Outcome<T> = Result<T, Failure>;

/// What was delivered is not what was sent, or did not come: there is no figure.
pub(crate) fn unverified(what: impl std::fmt::Display) -> Failure {
    Failure::network(format!(
        "{what}: no figure is given for what was not delivered"
    ))
}

pub(crate) fn link(error: &LinkError) -> Failure {
    Failure::network(format!(
        "the connection to the server ended ({error}): look at the server's log"
    ))
}

pub(crate) fn lost() -> Failure {
    Failure::network("the server ended the connection: look at its log")
}

/// An answer that does not fit what was asked.
pub(crate) fn unexpected(asked: &str, answer: &Response) -> Failure {
    match answer {
        Response::Refused { refusal } => {
            let (kind, advice) = match refusal.code {
                ErrorCode::RateLimited => (
                    FailureKind::RateLimit,
                    "it is under load from elsewhere, wait and try again",
                ),
                ErrorCode::NotPermitted => (FailureKind::NotPermitted, "give another invite line"),
                _ => (FailureKind::Network, "look at its log"),
            };
            let sentence = format!("the server refused {asked} ({:?}): {advice}", refusal.code);
            Failure { kind, sentence }
        }
        _ => Failure::network(format!(
            "the server answered {asked} with something else: use the same version of subrosa"
        )),
    }
}

/// Something that cannot happen did.
pub(crate) fn defect(error: impl std::fmt::Display) -> Failure {
    Failure::defect(format!("{error}; this should not happen: please report it"))
}

/// The operating system would not.
pub(crate) fn system(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure::user(format!("{what} ({error})"))
}
