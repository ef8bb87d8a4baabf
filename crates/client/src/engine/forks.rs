//! What proves that this home was shown another story than somebody else (docs/spec/ledger.md §15).

use super::turn::{CallId, Turn};
use super::{Engine, EngineError};
use crate::command::{Answer, Failure};
use crate::evidence::{Proof, STEPS_MAX, Witness, verify};
use crate::loss::{EvidenceView, OwnChainView};
use bytes::Bytes;
use subrosa_ledger::{Account, ForkEvidence};
use subrosa_proto::{AccountId, ConvId, Event, Header, Signed, decode, encode};

/// Events that are looked through for a witness.
const LOOKED_AT: (usize, usize) = (8 << 20, 5_000);

impl Engine {
    /// Keeps what proves a fork of a log: the event that contradicts it, and one that agrees.
    pub(super) fn keep_fork(
        &self,
        turn: &Turn<'_>,
        (no, conv, name): (i64, ConvId, &str),
        event: &Bytes,
        found: &ForkEvidence,
    ) -> Result<(), EngineError> {
        let Some(author) = author_of(event).and_then(|author| self.chain_of(&author)) else {
            return Ok(());
        };
        let witness = self.witness(turn, no, found)?;
        let proof = Proof::Log {
            conv,
            event: event.clone(),
            author,
            log: found.own_log,
            witness,
        };
        turn.desk
            .keep_evidence(&format!("log/{conv}"), name, &proof.file())?;
        Ok(())
    }

    /// An event of this home's log whose author had seen the position in question here.
    fn witness(
        &self,
        turn: &Turn<'_>,
        no: i64,
        found: &ForkEvidence,
    ) -> Result<Option<Witness>, EngineError> {
        let n = found.quoted_n;
        if found.own_log.is_none() {
            return Ok(None);
        }
        for raw in turn.desk.raw_from(no, n.saturating_add(1), LOOKED_AT)? {
            let Some(header) = header_of(&raw.event) else {
                continue;
            };
            let steps = header.base_n.checked_sub(n);
            if steps.is_none_or(|steps| steps > STEPS_MAX) {
                continue;
            }
            let Some(author) = self.chain_of(&header.account) else {
                continue;
            };
            let steps = if header.base_n == n {
                Vec::new()
            } else {
                turn.desk
                    .event_hashes(no, n.saturating_add(1), header.base_n)?
            };
            return Ok(Some(Witness {
                event: raw.event,
                author,
                steps,
            }));
        }
        Ok(None)
    }

    pub(super) fn chain_of(&self, account: &AccountId) -> Option<Vec<Signed>> {
        self.people
            .account(account)
            .map(|account| account.statements().to_vec())
    }

    /// What was found, each with what it shows.
    pub(super) fn evidence(
        &self,
        turn: &mut Turn<'_>,
        call: CallId,
        about: Option<&str>,
    ) -> Result<(), EngineError> {
        let found = turn.desk.evidence(about)?;
        let views = found.into_iter().map(|found| {
            let (sentences, proven) = match verify(&found.file) {
                Ok(finding) => (finding.sentences, finding.proven),
                Err(error) => (vec![error.to_string()], false),
            };
            EvidenceView {
                about: found.about,
                sentences,
                proven,
                file: found.file,
            }
        });
        let views = views.collect();
        turn.answer(call, Ok(Answer::Evidence(views)));
        Ok(())
    }
}

impl Engine {
    /// What this home has of its own account, to be joined with what the server has.
    pub(super) fn own_chain_view(&self) -> Result<OwnChainView, Failure> {
        let own = self.people.account(&self.account);
        let own = own.ok_or_else(|| Failure::defect("this home does not know its own account"))?;
        let id = self.machine.device();
        Ok(OwnChainView {
            chain: encode(&own.statements().to_vec()).to_vec(),
            device: id.to_string(),
            label: own
                .device(&id)
                .map_or_else(String::new, |device| device.label.clone()),
            prekey: self.machine.prekey().map(|prekey| encode(prekey).to_vec()),
        })
    }
}

/// What proves that an account's chain has forked.
pub(super) fn chain_fork(known: &Account, given: &Account) -> Bytes {
    Proof::Chain {
        one: known.statements().to_vec(),
        other: given.statements().to_vec(),
    }
    .file()
}

fn header_of(event: &Bytes) -> Option<Header> {
    let event: Event = decode(event).ok()?;
    decode(&event.header).ok()
}

fn author_of(event: &Bytes) -> Option<AccountId> {
    header_of(event).map(|header| header.account)
}
