//! The login of this device, and the state of the server that comes with it.

use super::link::{Asked, Down};
use super::talk::Halt;
use super::turn::{Effect, Turn};
use super::{Engine, EngineError, fact};
use crate::command::{Failure, FailureKind};
use crate::view::LinkState;
use subrosa_proto::{
    ConvHead, Cursor, ErrorCode, HashHead, Incarnation, LoggedIn, Refusal, Request, Signed, limits,
};

impl Engine {
    pub(super) fn login_refused(
        &mut self,
        turn: &mut Turn<'_>,
        refusal: &Refusal,
    ) -> Result<(), EngineError> {
        if refusal.code == ErrorCode::Revoked {
            return self.device_ended(turn);
        }
        if refusal.code == ErrorCode::NotAuthenticated {
            if self.introduces(turn)? {
                return Ok(());
            }
            self.unknown_there = true;
        }
        let (cause, retry_ms) = match refusal.code {
            ErrorCode::NotAuthenticated => (
                "the server does not know this device: if it was put back to an old copy, `subrosa devices merge` makes the device known again; if the account was deleted there, ask for a new join line",
                None,
            ),
            ErrorCode::RateLimited => (
                "the server asks to wait before the next login",
                Some(turn.after(refusal.retry_ms.max(1_000)) - turn.now_ms),
            ),
            _ => ("the server cannot log this device in now", Some(5_000)),
        };
        let down = Down {
            cause: cause.to_owned(),
            retry_ms,
        };
        turn.effects.push(Effect::Leave(retry_ms));
        self.unreachable(turn, down)
    }

    pub(super) fn logged_in(
        &mut self,
        turn: &mut Turn<'_>,
        login: LoggedIn,
    ) -> Result<(), EngineError> {
        self.judge_incarnation(turn, &login.incarnation)?;
        self.introduced = false;
        self.unknown_there = false;
        self.device_lives(turn)?;
        self.learn_hosts(turn, &login.hosts)?;
        turn.effects.push(Effect::Settled);
        self.tell_link(turn, LinkState::Online);
        self.judge_clock(turn, login.time_ms);
        self.judge_own_head(turn, &login.chain);
        if self.archive.is_some() {
            self.since_ms = login.time_ms;
            turn.desk.set_fact(fact::SINCE, &login.time_ms)?;
        }
        self.publish_prekey(turn)?;
        self.want_keepsake(turn)?;
        self.link.listing = true;
        self.heads(turn, &login.heads, login.more)
    }

    /// A server that was restored from a copy has forgotten what came after the copy.
    fn judge_incarnation(
        &mut self,
        turn: &Turn<'_>,
        incarnation: &Incarnation,
    ) -> Result<(), EngineError> {
        let before = turn.desk.fact::<Incarnation>(fact::INCARNATION)?;
        if before.is_some_and(|before| before != *incarnation) {
            self.alarm(
                format!("incarnation/{incarnation}"),
                "the server was restored from a copy: this home brings back to it what it has of the last 30 days; invite lines that were open are void, so make new ones".to_owned(),
            );
            turn.desk.drop_fact(fact::PREKEY)?;
            turn.desk.set_fact(fact::RETURN_DUE, incarnation)?;
            // What was shown ahead of the history may be what was lost.
            turn.desk.drop_previews()?;
            self.talks
                .values_mut()
                .for_each(|talk| talk.preview.clear());
        }
        self.return_due = turn.desk.fact::<Incarnation>(fact::RETURN_DUE)?.is_some();
        turn.desk.set_fact(fact::INCARNATION, incarnation)?;
        Ok(())
    }

    fn judge_clock(&mut self, turn: &mut Turn<'_>, server_ms: u64) {
        let off_ms = server_ms.abs_diff(turn.now_ms);
        let off = i64::try_from(off_ms).unwrap_or(i64::MAX);
        self.link.ahead_ms = if server_ms < turn.now_ms { -off } else { off };
        if off_ms > limits::CLOCK_SKEW_MS && !self.warned_clock {
            self.warned_clock = true;
            let minutes = off_ms / 60_000;
            self.warn(turn, format!(
                "this machine's clock and the server's differ by {minutes} minutes; messages go on, but their times will look wrong until one of the clocks is set right"
            ));
        }
    }

    /// The server says under which hosts it can be reached; the one that works now stays first.
    fn learn_hosts(&mut self, turn: &Turn<'_>, hosts: &str) -> Result<(), EngineError> {
        let Ok(announced) = subrosa_proto::Host::parse_list(hosts) else {
            return Ok(());
        };
        let mut known = self.address.hosts.clone();
        for host in announced {
            if !known.contains(&host) && known.len() < limits::ADDRESS_HOSTS_MAX {
                known.push(host);
            }
        }
        if known != self.address.hosts {
            self.address.hosts = known;
            turn.desk
                .set_fact(fact::ADDRESS, &self.address.to_string())?;
        }
        Ok(())
    }

    /// The head of this account's own chain, as the server has it.
    pub(super) fn judge_own_head(&mut self, turn: &mut Turn<'_>, head: &HashHead) {
        let Some(own) = self.people.account(&self.account) else {
            return;
        };
        let (known, next) = (own.head(), own.statements().len() as u64);
        if head.seq > known.seq {
            let asked = Asked::OwnChain { from: next };
            self.ask(turn, Request::OwnChain { from: next }, asked);
        } else if !own.knows(&head.hash) {
            // All of it: what it says otherwise is the evidence.
            self.ask(
                turn,
                Request::OwnChain { from: 0 },
                Asked::OwnChain { from: 0 },
            );
            self.alarm(
                format!("own-chain/{}", head.seq),
                "the server has another list of this account's devices than this home: it was restored from a copy, or it lies".to_owned(),
            );
        } else if head.seq < known.seq && !self.return_due {
            self.alarm(
                format!("own-chain/{}", head.seq),
                "the server has forgotten the latest changes of this account's devices: it was restored from a copy, or it lies".to_owned(),
            );
        }
    }

    pub(super) fn own_chain_came(
        &mut self,
        turn: &mut Turn<'_>,
        from: u64,
        statements: &[Signed],
    ) -> Result<(), EngineError> {
        if let Err(refused) = self.people.take_own(turn.desk, from, statements)? {
            if from > 0 {
                // It does not go on where this home's ends.
                self.ask(
                    turn,
                    Request::OwnChain { from: 0 },
                    Asked::OwnChain { from: 0 },
                );
                return Ok(());
            }
            self.alarm(format!("chain/{}", refused.0), refused.0);
        }
        self.want_keepsake(turn)?;
        self.tell_own_account();
        for talk in self.talks.values_mut() {
            talk.members.changed();
        }
        self.caught_up(turn)
    }

    /// Which conversations there are, and how far they reach.
    pub(super) fn heads(
        &mut self,
        turn: &mut Turn<'_>,
        heads: &[ConvHead],
        more: bool,
    ) -> Result<(), EngineError> {
        if self.archive.is_some() {
            return self.want_keys(turn, heads, more);
        }
        let mut cursors = Vec::new();
        for head in heads {
            let no = self.numbers.get(&head.conv).copied();
            match no.and_then(|no| self.talks.get_mut(&no)) {
                Some(talk) => {
                    talk.server_head = Some(head.head);
                    cursors.push(Cursor {
                        conv: head.conv,
                        next: talk.next(),
                    });
                }
                None => {
                    self.link.expected.insert(head.conv, head.head);
                    self.want(turn, head.conv);
                }
            }
            if let Some(no) = no {
                self.judge_head(turn, no, head.head)?;
            }
        }
        for Cursor { conv, .. } in &cursors {
            self.ask_newest(turn, conv);
        }
        for part in cursors.chunks(limits::CURSORS_MAX) {
            let cursors = part.to_vec();
            self.ask(turn, Request::Follow { cursors }, Asked::Nothing);
        }
        match heads.last() {
            Some(last) if more => {
                let after = Some(last.conv);
                self.ask(turn, Request::Conversations { after }, Asked::Conversations);
            }
            _ => self.listed(turn)?,
        }
        self.open_openings(turn)?;
        self.caught_up(turn)
    }

    /// All conversations have been listed; one that is not among them has no events for this account.
    fn listed(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        self.link.listing = false;
        self.ask_boxes(turn)?;
        let missing: Vec<i64> = self
            .talks
            .values()
            .filter(|talk| talk.server_head.is_none())
            .map(|talk| talk.no)
            .collect();
        for no in missing {
            if let Some(talk) = self.talks.get_mut(&no) {
                talk.server_head = Some(0);
                if talk.state.member(&self.account).is_some() {
                    self.judge_head(turn, no, 0)?;
                }
            }
        }
        self.begin_returning(turn)
    }

    /// A log that ends before what this home has seen of it was rolled back. Nothing is sent on top
    /// of it: what the others see there is not what this home sees.
    fn judge_head(&mut self, turn: &mut Turn<'_>, no: i64, head: u64) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get_mut(&no) else {
            return Ok(());
        };
        if head >= talk.state.head().0 || talk.halt.is_some() {
            return Ok(());
        }
        talk.halt = Some(Halt::Behind);
        if self.return_due {
            // It gets its end back.
            return Ok(());
        }
        let (conv, name) = (talk.id(), talk.name.clone());
        let failure = behind_failure(&name);
        self.alarm(format!("behind/{conv}/{head}"), failure.sentence.clone());
        self.release_sends(turn, Some(no), Some(&failure), &failure)
    }
}

/// Why nothing goes out in a conversation of which the server has lost the end.
pub(super) fn behind_failure(name: &str) -> Failure {
    Failure {
        kind: FailureKind::Trust,
        sentence: format!(
            "the server has lost the end of the conversation {name}, which this home has seen: it was restored from a copy, or it lies; what is written waits here"
        ),
    }
}
