//! Questions and answers before a device has logged in: one at a time.

use crate::command::{Failure, FailureKind};
use crate::driver::dial;
use std::time::Duration;
use subrosa_channel::io::Link;
use subrosa_proto::{
    Address, ErrorCode, FromClient, FromServer, PROTOCOL_MIN, Refusal, Request, Response, decode,
    encode,
};

/// Longest wait for an answer; the server may hold back a burst of logins.
const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// A link on which one thing is asked after another.
pub(super) struct Conversation {
    pub link: Link,
    next: u64,
}

impl Conversation {
    pub async fn open(address: &Address) -> Result<Self, Failure> {
        Ok(Self {
            link: dial(address, PROTOCOL_MIN).await?,
            next: 1,
        })
    }

    /// Asks, and waits for the answer; a refusal is an answer.
    pub async fn ask(&mut self, request: Request) -> Result<Response, Failure> {
        let id = self.next;
        self.next += 1;
        let broke = |why: &dyn std::fmt::Display| {
            Failure::network(format!(
                "the connection to the server broke off ({why}); try again"
            ))
        };
        let message = encode(&FromClient { id, request });
        self.link
            .writer()
            .send(&message)
            .map_err(|error| broke(&error))?;
        self.link
            .writer()
            .flush()
            .await
            .map_err(|error| broke(&error))?;
        loop {
            let received = tokio::time::timeout(ANSWER_WAIT, self.link.reader().recv()).await;
            let message = match received {
                Ok(Ok(Some(message))) => message,
                Ok(Ok(None)) => return Err(broke(&"it closed")),
                Ok(Err(error)) => return Err(broke(&error)),
                Err(_) => {
                    return Err(Failure::network(
                        "the server does not answer; try again later",
                    ));
                }
            };
            match decode::<FromServer>(&message) {
                Ok(FromServer::Answer { id: of, response }) if of == id => return Ok(response),
                Ok(FromServer::Push { .. }) => {}
                _ => return Err(broke(&"it sent something that this version cannot read")),
            }
        }
    }
}

/// What a refusal means while somebody gets in.
pub(super) fn refused(refusal: &Refusal) -> Failure {
    let (kind, sentence) = match refusal.code {
        ErrorCode::InviteInvalid => (
            FailureKind::User,
            "this invite line was used already, has expired, or was never made by this server; ask for a new one".to_owned(),
        ),
        ErrorCode::NameTaken => (FailureKind::User, "this name is taken on the server; choose another with --name".to_owned()),
        ErrorCode::NotAuthenticated => {
            (FailureKind::User, "the name or the password is wrong; check both and try again".to_owned())
        }
        ErrorCode::RateLimited => (
            FailureKind::RateLimit,
            format!("too many tries; wait {} seconds and try again", refusal.retry_ms.div_ceil(1_000).max(1)),
        ),
        ErrorCode::StorageFull => {
            (FailureKind::Network, "the server's disk is full; whoever runs it has to make room".to_owned())
        }
        ErrorCode::TooLarge => {
            (FailureKind::User, "a limit of the server is reached; a device less, or another name, may help".to_owned())
        }
        code => (FailureKind::Network, format!("the server refused ({code:?}); try again later")),
    };
    Failure { kind, sentence }
}

/// An answer of another kind than the question.
pub(super) fn unexpected() -> Failure {
    Failure::network(
        "the server answered something else than was asked; its version may differ from this one",
    )
}
