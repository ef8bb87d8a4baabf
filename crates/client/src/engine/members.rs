//! Chains and prekeys of the members of a conversation: when they are asked for, and what comes
//! (docs/spec/ledger.md §9.4, docs/spec/e2e.md §5.2, §10.1).

use super::link::Asked;
use super::people::Refused;
use super::turn::Turn;
use super::{Engine, EngineError};
use subrosa_e2e::{CopiedDevice, QuoteVerdict, judge_quote};
use subrosa_proto::{
    AccountId, ConvId, ErrorCode, LOGOUT_ID, Prekey, Quote, Refusal, Request, Response, Signed,
    Statement, decode,
};

/// So many times in a row the members are asked for at once; then with growing pauses.
const ASKS_AT_ONCE: u32 = 2;
/// What was given is good for so long: a device publishes a new prekey every day and forgets the
/// one before two days later, so whoever stays online has to ask again.
const FRESH_MS: u64 = 6 * 60 * 60 * 1_000;
/// The first pause.
const PAUSE_MS_MIN: u64 = 1_000;

/// What is asked about the members of a conversation.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// When chains and prekeys were last given, if on this link and since the members last changed.
    given_ms: Option<u64>,
    /// They are to be asked for as soon as that may be.
    pub wanted: bool,
    /// They have been asked for.
    asked: bool,
    /// What is under way was asked before the members changed again.
    outdated: bool,
    /// How often in a row, without anything that could be done with the answer.
    pub asks: u32,
    not_before_ms: u64,
    /// Why what the server gave last is not taken.
    pub refused: Option<String>,
    /// The position of the event that could not be judged for want of its author's chain.
    pub wanting: u64,
    /// Chains were fetched after the events up to this position had arrived: a device that they do
    /// not name did not exist then.
    pub chains_to: u64,
}

impl Members {
    /// Something has changed: what is known is not enough to seal to.
    pub const fn changed(&mut self) {
        self.given_ms = None;
        self.outdated = self.asked;
    }

    /// Chains and prekeys have come.
    pub const fn given(&mut self, now_ms: u64) {
        self.given_ms = Some(now_ms);
    }

    /// Whether what is known is enough to seal to.
    pub fn fresh(&self, now_ms: u64) -> bool {
        self.given_ms
            .is_some_and(|given| given.abs_diff(now_ms) < FRESH_MS)
    }

    /// Whether the server does not give what is needed.
    pub const fn unanswered(&self) -> bool {
        self.asks > ASKS_AT_ONCE
    }

    /// No pause holds any more.
    pub const fn resume(&mut self) {
        self.not_before_ms = 0;
    }

    pub fn unlink(&mut self) {
        *self = Self {
            wanting: self.wanting,
            refused: self.refused.take(),
            ..Self::default()
        };
    }

    const fn asking(&mut self, now_ms: u64) {
        self.asked = true;
        self.outdated = false;
        self.wanted = false;
        self.asks = self.asks.saturating_add(1);
        let late = self.asks.saturating_sub(ASKS_AT_ONCE);
        let pause_ms = if late == 0 {
            0
        } else if late > 6 {
            PAUSE_MS_MIN << 6
        } else {
            PAUSE_MS_MIN << late
        };
        self.not_before_ms = now_ms.saturating_add(pause_ms);
    }
}

impl Engine {
    /// A conversation that is not in the store: its members first, then its events.
    pub(super) fn want(&mut self, turn: &mut Turn<'_>, conv: ConvId) {
        if !self.numbers.contains_key(&conv) && self.link.joining.insert(conv) {
            self.link.later.remove(&conv);
            self.ask_people(turn, conv, None);
        }
    }

    /// Asks for the members after an account.
    fn ask_people(&mut self, turn: &mut Turn<'_>, conv: ConvId, after: Option<AccountId>) {
        let request = Request::People { conv, after };
        self.ask(turn, request, Asked::People(conv, after));
    }

    /// Asks for the members of a conversation, now or when the pause is over.
    pub(super) fn refresh_people(&mut self, turn: &mut Turn<'_>, no: i64) {
        let online = self.link.online();
        let Some(talk) = self.talks.get_mut(&no) else {
            return;
        };
        if talk.members.asked || !online {
            return;
        }
        if talk.members.not_before_ms > turn.now_ms {
            talk.members.wanted = true;
            turn.wake(talk.members.not_before_ms);
            return;
        }
        talk.members.asking(turn.now_ms);
        let conv = talk.id();
        // First, so that its answer is here before anything is sealed.
        self.ask_name(turn, no);
        self.ask_people(turn, conv, None);
    }

    /// The author of an event has to be known. The members are asked for, and before them the author, who may have
    /// left since: then nobody else names that chain. Nor does anybody if this account is no member any more itself,
    /// and has yet to read up to that.
    pub(super) fn refresh_author(&mut self, turn: &mut Turn<'_>, no: i64, account: AccountId) {
        if let Some(talk) = self.talks.get(&no)
            && talk.state.member(&account).is_some()
            && self.link.online()
        {
            let request = Request::AuthorChain {
                conv: talk.id(),
                position: talk.next(),
            };
            self.ask(turn, request, Asked::AuthorChain { no });
        }
        self.refresh_people(turn, no);
    }

    /// What the server gives of an author; the events wait for the members, who come after it.
    pub(super) fn author_came(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        response: Response,
    ) -> Result<(), EngineError> {
        match response {
            Response::Chains { chains } => {
                self.take_people(turn, &chains, &[])?;
            }
            // Whoever is out is told so by the answer about the members, too.
            Response::Refused { refusal } if refusal.code == ErrorCode::NotFound => {}
            Response::Refused { refusal } => {
                tracing::info!(code = ?refusal.code, "the chain of an author was not given");
                // The members alone do not do: of who is pending they show the genesis only, and a device that
                // it does not name would be taken for one that did not exist. The event is met and asked for anew.
                if let Some(talk) = self.talks.get_mut(&no) {
                    talk.members.wanting = 0;
                }
            }
            _ => {
                return self
                    .server_broke_protocol(turn, "an answer of another kind than the question");
            }
        }
        Ok(())
    }

    /// A chain that was not taken has grown: it may be whole again, and somebody may wait for that.
    pub(super) fn look_again(&mut self, turn: &mut Turn<'_>, account: &AccountId) {
        let held = self
            .talks
            .values()
            .filter(|talk| talk.members.refused.is_some() && talk.state.member(account).is_some());
        let held: Vec<i64> = held.map(|talk| talk.no).collect();
        for no in held {
            self.refresh_people(turn, no);
        }
    }

    /// Asks where it was put off.
    pub(super) fn refresh_wanted(&mut self, turn: &mut Turn<'_>) {
        let wanted: Vec<i64> = self
            .talks
            .values()
            .filter(|talk| talk.members.wanted)
            .map(|talk| talk.no)
            .collect();
        for no in wanted {
            self.refresh_people(turn, no);
        }
    }

    /// Chains and prekeys of a conversation's members.
    pub(super) fn people_came(
        &mut self,
        turn: &mut Turn<'_>,
        conv: ConvId,
        after: Option<AccountId>,
        response: Response,
    ) -> Result<(), EngineError> {
        let (chains, prekeys, more) = match response {
            Response::People {
                chains,
                prekeys,
                more,
            } => (chains, prekeys, more),
            Response::Refused { refusal } => {
                self.link.refused.remove(&conv);
                tracing::info!(code = ?refusal.code, "the members were not given");
                return self.people_refused(turn, conv, &refusal);
            }
            _ => {
                return self
                    .server_broke_protocol(turn, "an answer of another kind than the question");
            }
        };
        if let Some(refused) = self.take_people(turn, &chains, &prekeys)? {
            self.link.refused.insert(conv, refused);
        }
        if more {
            let last = chains.last().and_then(|chain| account_of(chain));
            if last.is_none() || last <= after {
                return self.server_broke_protocol(turn, "members that do not come in order");
            }
            self.ask_people(turn, conv, last);
            return Ok(());
        }
        let refused = self.link.refused.remove(&conv);
        self.tell_own_account();
        let Some(no) = self.numbers.get(&conv).copied() else {
            self.ask_first(turn, conv);
            return Ok(());
        };
        let Some(talk) = self.talks.get_mut(&no) else {
            return Ok(());
        };
        talk.members.asked = false;
        talk.members.refused.clone_from(&refused);
        if talk.members.outdated {
            self.refresh_people(turn, no);
            return Ok(());
        }
        if refused.is_none() {
            talk.members.given(turn.now_ms);
        }
        talk.members.chains_to = talk.members.wanting;
        // Events that could not be judged come again.
        let (waits, next) = (!talk.synced() && talk.halt.is_none(), talk.next());
        self.judge_quotes(turn, no)?;
        if waits {
            self.follow(turn, conv, next);
        }
        self.pump(turn, no)
    }

    fn people_refused(
        &mut self,
        turn: &mut Turn<'_>,
        conv: ConvId,
        refusal: &Refusal,
    ) -> Result<(), EngineError> {
        let Some(no) = self.numbers.get(&conv).copied() else {
            self.link.joining.remove(&conv);
            // The account is no member: should it be one again, the server says so by itself.
            if refusal.code != ErrorCode::NotFound {
                let at_ms = turn.after(refusal.retry_ms.max(5_000));
                self.link.later.insert(conv, at_ms);
                turn.wake(at_ms);
            }
            return self.caught_up(turn);
        };
        if let Some(talk) = self.talks.get_mut(&no) {
            talk.members.asked = false;
            // Of those who are there now nothing is given to who is gone. What was waited for up
            // to that may be here by its author's own chain.
            let (waits, next) = (!talk.synced() && talk.halt.is_none(), talk.next());
            if waits && refusal.code == ErrorCode::NotFound {
                self.follow(turn, conv, next);
                return self.caught_up(turn);
            }
        }
        self.refresh_people(turn, no);
        self.caught_up(turn)
    }

    /// Takes what was given; why something of it is refused, if it is.
    fn take_people(
        &mut self,
        turn: &Turn<'_>,
        chains: &[Vec<Signed>],
        prekeys: &[Signed],
    ) -> Result<Option<String>, EngineError> {
        let mut refused = None;
        for chain in chains {
            if let Err(Refused(sentence)) = self.people.take_chain(turn.desk, chain)? {
                self.alarm(format!("chain/{sentence}"), sentence.clone());
                refused = Some(sentence);
            }
        }
        for signed in prekeys {
            if let Err(Refused(cause)) = self.people.take_prekey(turn.desk, signed)? {
                tracing::warn!(cause, "a prekey was left out");
                continue;
            }
            if let Ok(prekey) = decode::<Prekey>(&signed.body)
                && prekey.device == self.machine.device()
            {
                self.judge_own_prekey(prekey.id);
            }
        }
        Ok(refused)
    }

    /// A prekey that somebody shows as this device's own (docs/spec/e2e.md §10.6).
    pub(super) fn judge_own_prekey(&mut self, id: u64) {
        if id == LOGOUT_ID {
            return;
        }
        if let Err(sign) = self.machine.check_own_prekey(id) {
            self.alarm_copied(sign);
        }
    }

    /// Somebody else uses the keys of this device.
    pub(super) fn alarm_copied(&mut self, sign: CopiedDevice) {
        self.alarm(
            "copied".to_owned(),
            format!(
                "{sign}. Either this home was copied or restored from a copy, or somebody stole its keys; revoking this device and logging in anew ends it"
            ),
        );
    }

    /// What was quoted and not known, against what the server has given since.
    fn judge_quotes(&mut self, turn: &Turn<'_>, no: i64) -> Result<(), EngineError> {
        for (quote, author) in turn.desk.take_quotes(no)? {
            let verdict = judge_quote(&quote, self.people.account(&quote.account));
            let shown = self
                .talks
                .get(&no)
                .is_some_and(|talk| talk.state.recipients().any(|id| id == quote.account));
            if shown && verdict != QuoteVerdict::Known {
                self.alarm_quote(&quote, &author, verdict);
            }
        }
        Ok(())
    }

    fn alarm_quote(&mut self, quote: &Quote, author: &AccountId, verdict: QuoteVerdict) {
        let author = self.people.name_of(author);
        let whose = if quote.account == self.account {
            "this account".to_owned()
        } else {
            self.people.name_of(&quote.account)
        };
        let sentence = if verdict == QuoteVerdict::Forked {
            format!(
                "{author} was shown the devices of {whose} otherwise than this home was: the server may be lying to one of the two; compare by another way before you trust it"
            )
        } else {
            format!(
                "{author} has seen a change of the devices of {whose} that the server does not show to this home; compare by another way before you trust it"
            )
        };
        let what = format!("quote/{}/{}", quote.account, quote.head.seq);
        self.alarm(what, sentence);
    }
}

/// The account that a chain says it is of.
fn account_of(chain: &[Signed]) -> Option<AccountId> {
    let genesis = decode::<Statement>(&chain.first()?.body).ok()?;
    Some(genesis.account)
}
