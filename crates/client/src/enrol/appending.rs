//! The last step of a change: statements and what belongs to them, appended at once. When its
//! answer is lost, the account is asked whether it took place, and the same bytes go out again.

use super::conversation::{Conversation, refused, unexpected};
use super::login::{Admitted, admit};
use super::proof::Proof;
use super::renewing::Whose;
use crate::command::{Failure, FailureKind};
use bytes::Bytes;
use std::time::Duration;
use subrosa_ledger::{Account, statement_hash};
use subrosa_proto::{ErrorCode, Request, Response, Signed};

/// Pauses before the account is asked again whether a step took place.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_secs(1),
];

/// A step.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub statements: Vec<Signed>,
    pub bundle: Option<Bytes>,
    pub prekey: Option<Signed>,
}

/// Why a step was not brought about.
#[derive(Debug)]
pub(super) struct Undone {
    pub failure: Failure,
    /// Whether it may have taken place all the same.
    pub open: bool,
}

impl From<Failure> for Undone {
    /// A failure before the step was sent.
    fn from(failure: Failure) -> Self {
        let open = false;
        Self { failure, open }
    }
}

impl Step {
    /// Whether the step has taken place in this chain.
    pub(super) fn stands_in(&self, account: &Account) -> bool {
        let mut all = self.statements.iter();
        all.all(|signed| account.knows(&statement_hash(signed)))
    }

    /// Brings the step about on a link that has proved the account, or on further ones. `after`
    /// proves the account once the step has taken place, `before` until then. Returns a link that
    /// has proved it.
    pub(super) async fn settle(
        &self,
        mut conversation: Conversation,
        whose: Whose<'_>,
        [before, after]: [&Proof; 2],
    ) -> Result<Conversation, Undone> {
        let mut undone = match self.send(&mut conversation).await {
            Ok(()) => return Ok(conversation),
            Err(undone) => undone,
        };
        for pause in PAUSES {
            if !undone.open {
                break;
            }
            tokio::time::sleep(pause).await;
            undone = match self.find_out(whose, [after, before]).await {
                Ok(conversation) => return Ok(conversation),
                Err(undone) => undone,
            };
        }
        Err(undone)
    }

    async fn send(&self, conversation: &mut Conversation) -> Result<(), Undone> {
        let request = Request::ChainAppend {
            statements: self.statements.clone(),
            bundle: self.bundle.clone(),
            prekey: self.prekey.clone(),
        };
        let open = |failure| {
            let open = true;
            Err(Undone { failure, open })
        };
        match conversation.ask(request).await {
            Ok(Response::Done {}) => Ok(()),
            Ok(Response::Refused { refusal }) => match refusal.code {
                ErrorCode::Internal => open(refused(&refusal)),
                ErrorCode::Conflict => Err(Undone::from(Failure {
                    kind: FailureKind::Network,
                    sentence: "another change of this account came in between, and this one was not made; run the command again".to_owned(),
                })),
                _ => Err(refused(&refusal).into()),
            },
            Ok(_) => open(unexpected()),
            Err(failure) => open(failure),
        }
    }

    /// Asks the account itself, by whichever secret counts now.
    async fn find_out(
        &self,
        whose: Whose<'_>,
        proofs: [&Proof; 2],
    ) -> Result<Conversation, Undone> {
        let open = |failure| {
            let open = true;
            Undone { failure, open }
        };
        let mut last = None;
        for proof in proofs {
            let mut conversation = Conversation::open(whose.address).await.map_err(open)?;
            match admit(&mut conversation, whose, proof).await {
                Ok(Admitted { account, .. }) => {
                    if !self.stands_in(&account) {
                        self.send(&mut conversation).await?;
                    }
                    return Ok(conversation);
                }
                // It is not this one that counts.
                Err(failure) if failure.kind == FailureKind::User => last = Some(failure),
                Err(failure) => return Err(open(failure)),
            }
        }
        Err(open(last.unwrap_or_else(unexpected)))
    }
}

/// What a person is told when nobody knows whether a change took place.
pub(super) fn open_sentence(failure: &Failure, what: &str) -> Failure {
    Failure {
        kind: failure.kind,
        sentence: format!(
            "{}. Whether the change has reached the server is not known: either {what} counts, never half of each. Run the same command again: it finds out",
            failure.sentence.trim_end_matches('.')
        ),
    }
}
