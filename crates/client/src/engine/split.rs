//! One log and two memberships: this home and somebody else have the same events and take different
//! control events for the last that counts (docs/spec/ledger.md §7.5).
//!
//! From the same log everybody comes to the same members, so one of the two runs a program that judges
//! otherwise, or lies. What is sent would be refused for good, and what comes would be left out.

use super::link::Asked;
use super::lookup::Lookup;
use super::talk::{Halt, Talk};
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::command::{Failure, FailureKind};
use crate::evidence::Proof;
use bytes::Bytes;
use subrosa_ledger::{Conversation, Verdict, VoidReason};
use subrosa_proto::{AccountId, Carried, EventHash, Header, LogHash, Request, Response};

/// What the author of an event takes for the last control event, though it has seen the one that is so
/// here, in the same log. Nothing for any other event.
pub(super) fn splits(
    state: &Conversation,
    position: u64,
    event: &Carried,
    lookup: &Lookup<'_>,
) -> Option<EventHash> {
    let header = event.header().ok()?;
    let saw_it = header.base_n >= state.ctl_position() && header.ctl != state.ctl();
    // Only what a member signed, on this log, is void for this reason.
    let verdict = saw_it.then(|| state.clone().apply_carried(position, event, lookup));
    let stale = Ok(Verdict::Void(VoidReason::Stale));
    (verdict == Some(stale)).then_some(header.ctl)
}

impl Engine {
    /// Asks how far the server's log goes, and to which hash: if it is the log that is here, all of it,
    /// then waiting for what explains the server's answer would be in vain.
    pub(super) fn ask_standing(&mut self, turn: &mut Turn<'_>, no: i64, ctl: Option<EventHash>) {
        let Some(talk) = self.talks.get(&no) else {
            return;
        };
        if talk.halt.is_some() || self.is_returning() {
            return;
        }
        let (conv, head) = (talk.id(), talk.state.head().0);
        let request = Request::LogAt { conv, at: head };
        self.ask(turn, request, Asked::Standing { no, head, ctl });
    }

    pub(super) fn standing_came(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        (asked_at, ctl): (u64, Option<EventHash>),
        response: &Response,
    ) -> Result<(), EngineError> {
        let Response::LogAt { head, at, log, .. } = response else {
            return Ok(());
        };
        let Some(talk) = self.talks.get(&no) else {
            return Ok(());
        };
        let (own_head, own_log) = talk.state.head();
        // If the server has more by now, or had less, that is what is to be looked at first.
        if talk.halt.is_some() || [asked_at, *head, *at] != [own_head; 3] {
            return Ok(());
        }
        match ctl {
            _ if *log != own_log => {
                self.forked(turn, no, &format!("at {own_head} the log is {log}"))
            }
            Some(ctl) if ctl != talk.state.ctl() => {
                self.keep_split(turn, talk, ctl, None)?;
                self.split(turn, no)
            }
            _ => Ok(()),
        }
    }

    /// Keeps what was found, with the event of a member if one says so.
    pub(super) fn keep_split(
        &self,
        turn: &Turn<'_>,
        talk: &Talk,
        other: EventHash,
        event: Option<&Bytes>,
    ) -> Result<(), EngineError> {
        let quoted = event.and_then(quoted);
        let (n, log) = quoted.map_or_else(|| talk.state.head(), |(_, base)| base);
        let author = quoted.and_then(|(author, _)| self.chain_of(&author));
        let proof = Proof::Control {
            conv: talk.id(),
            n,
            log,
            ctl: talk.state.ctl(),
            other,
            event: event.cloned(),
            author: author.unwrap_or_default(),
        };
        let what = format!("control/{}", talk.id());
        turn.desk.keep_evidence(&what, &talk.name, &proof.file())?;
        Ok(())
    }

    /// Stops a conversation whose members are in doubt. As with a fork, the next link comes to the same.
    pub(super) fn split(&mut self, turn: &mut Turn<'_>, no: i64) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get_mut(&no) else {
            return Ok(());
        };
        talk.halt = Some(Halt::Split);
        let (conv, failure) = (talk.id(), split_failure(&talk.name));
        self.alarm(format!("split/{conv}"), failure.sentence.clone());
        self.release_sends(turn, Some(no), Some(&failure), &failure)
    }
}

/// Author and base of an event.
fn quoted(event: &Bytes) -> Option<(AccountId, (u64, LogHash))> {
    let header: Header = Carried::read(event).ok()?.header().ok()?;
    Some((header.account, (header.base_n, header.base_log)))
}

/// Why nothing goes out in a conversation of whose members there are two opinions.
pub(super) fn split_failure(name: &str) -> Failure {
    Failure {
        kind: FailureKind::Trust,
        sentence: format!(
            "the conversation {name} has other members here than elsewhere, though its log is the same: a program judges it otherwise, or somebody lies; nothing is sent there any more. `subrosa evidence {name}` shows and exports what was found; bring the server and all devices to one version, and go on in a new room"
        ),
    }
}
