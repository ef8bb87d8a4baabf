//! What this home keeps so that a restored server can be healed (docs/spec/ledger.md §14): the
//! sealed bundle, and the voucher by which an account that a server has lost comes back.

use super::link::Asked;
use super::rows::LINE_INFO;
use super::turn::{Effect, Turn};
use super::{Engine, EngineError, fact};
use crate::store::{Entry, Raw};
use crate::view::SendState;
use bytes::Bytes;
use subrosa_ledger::{Account, bundle_hash};
use subrosa_proto::{
    AccountId, Delivered, ErrorCode, Event, EventKind, Header, KeyFields, Prekey, Request,
    Response, Signed, decode, limits,
};

/// Statements in one request, in bytes; the bundle and prekeys come on top.
const PART_BYTES_MAX: usize = 20 * 1_024;
/// Prekeys in one request.
const PREKEYS_MAX: usize = 16;

impl Engine {
    /// Asks for the sealed bundle and the voucher, unless the present ones are here.
    pub(super) fn want_keepsake(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        let bundle = turn.desk.fact::<Bytes>(fact::BUNDLE)?;
        let fits = bundle.is_some_and(|bundle| self.is_present_bundle(&bundle));
        let voucher = turn.desk.fact::<[u8; 32]>(fact::VOUCHER)?;
        if !fits || voucher.is_none() {
            self.ask(turn, Request::Keepsake {}, Asked::Keepsake);
        }
        Ok(())
    }

    fn is_present_bundle(&self, bundle: &Bytes) -> bool {
        let own = self.people.account(&self.account);
        let vault = own.and_then(Account::vault);
        vault.map(|(_, hash)| hash) == Some(bundle_hash(bundle))
    }

    pub(super) fn keepsake_came(
        &self,
        turn: &Turn<'_>,
        response: Response,
    ) -> Result<(), EngineError> {
        let Response::Keepsake { bundle, voucher } = response else {
            return Ok(());
        };
        turn.desk.set_fact(fact::VOUCHER, &voucher)?;
        if let Some(bundle) = bundle.filter(|bundle| self.is_present_bundle(bundle)) {
            turn.desk.set_fact(fact::BUNDLE, &bundle)?;
        }
        Ok(())
    }

    /// The next part of an account's chain for a restored server, from a statement on; and how many
    /// statements are in it. The last part has the bundle, if it is the own account, and prekeys.
    pub(super) fn chain_part(
        &self,
        turn: &Turn<'_>,
        id: &AccountId,
        from: u64,
    ) -> Result<Option<(Request, u64)>, EngineError> {
        let Some(account) = self.people.account(id) else {
            return Ok(None);
        };
        let mut bytes = 0;
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let all = account.statements();
        let fits = all.iter().skip(from).take_while(|signed| {
            let first = bytes == 0;
            bytes += signed.body.len() + signed.signature.len();
            first || bytes <= PART_BYTES_MAX
        });
        let end = account.parting(from, from.saturating_add(fits.count()));
        let statements = all.get(from..end).unwrap_or_default().to_vec();
        if statements.is_empty() {
            return Ok(None);
        }
        let count = statements.len() as u64;
        let last = end == all.len();
        let mut bundle = None;
        let mut prekeys = Vec::new();
        if last {
            if *id == self.account {
                let kept = turn.desk.fact::<Bytes>(fact::BUNDLE)?;
                bundle = kept.filter(|bundle| self.is_present_bundle(bundle));
            }
            prekeys = self.prekeys_of(turn, id)?;
        }
        let request = Request::ReturnChain {
            statements,
            bundle,
            prekeys,
        };
        Ok(Some((request, count)))
    }

    /// The newest prekeys seen of an account's devices; its own device publishes its own.
    fn prekeys_of(&self, turn: &Turn<'_>, id: &AccountId) -> Result<Vec<Signed>, EngineError> {
        let all = turn.desk.prekeys()?.into_iter();
        let of = all.filter(|(account, signed)| {
            let other = || {
                decode::<Prekey>(&signed.body)
                    .is_ok_and(|prekey| prekey.device != self.machine.device())
            };
            account == id && other()
        });
        Ok(of.map(|(_, signed)| signed).take(PREKEYS_MAX).collect())
    }

    /// The server does not know this device. If it was restored from a copy, and the account is not
    /// in that, the account comes back with its voucher. Once on a link, and never where there is none.
    pub(super) fn introduces(&mut self, turn: &mut Turn<'_>) -> Result<bool, EngineError> {
        if self.introduced || turn.desk.fact::<[u8; 32]>(fact::VOUCHER)?.is_none() {
            return Ok(false);
        }
        self.introduced = true;
        turn.effects.push(Effect::Leave(Some(0)));
        Ok(true)
    }

    /// What goes before the login of a device that the server did not know. A server that does not
    /// take the voucher takes no long message either, so nothing else is sent until it has.
    pub(super) fn show_voucher(
        &mut self,
        turn: &mut Turn<'_>,
        transcript: &[u8; 32],
    ) -> Result<bool, EngineError> {
        let Some(voucher) = turn.desk.fact::<[u8; 32]>(fact::VOUCHER)? else {
            return Ok(false);
        };
        let account = self.account;
        let show = Request::ShowVoucher { account, voucher };
        let transcript = *transcript;
        self.ask(turn, show, Asked::Voucher { transcript });
        Ok(true)
    }

    /// Brings the account back, before the login.
    pub(super) fn introduce(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        let account = self.account;
        let mut from = 0;
        while let Some((request, count)) = self.chain_part(turn, &account, from)? {
            self.ask(turn, request, Asked::Introduced);
            from += count;
            if from >= limits::CHAIN_STATEMENTS_MAX {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn introduction_answered(&mut self, response: &Response) {
        if let Response::Refused { refusal } = response {
            tracing::info!(code = ?refusal.code, "the account was not taken back");
            if refusal.code == ErrorCode::NameTaken {
                self.alarm(
                    "name-taken".to_owned(),
                    "the server was restored from a copy that does not have this account, and somebody else has its name there by now; ask whoever runs the server".to_owned(),
                );
            }
        }
    }

    /// Sends again what was lost between the server's answer and the log, once all that the server
    /// has of a conversation is here.
    pub(super) fn reopen_lost(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        if self.returning.is_some() {
            return Ok(());
        }
        let ready = self
            .talks
            .values()
            .filter(|talk| talk.reopens && talk.synced());
        let ready: Vec<i64> = ready.map(|talk| talk.no).collect();
        for no in &ready {
            let lost = turn.desk.reopen_lost(*no, &self.account)?;
            if let Some(talk) = self.talks.get_mut(no) {
                talk.reopens = false;
                for (_, content) in &lost {
                    talk.provisional.remove(content);
                }
            }
            for (cursor, content) in lost {
                self.tell_state(turn, *no, cursor, &content, SendState::Queued, None);
            }
        }
        let over = !ready.is_empty()
            && self.return_again_ms == 0
            && !self.talks.values().any(|talk| talk.reopens);
        if over {
            turn.desk.drop_fact(fact::RETURN_DUE)?;
        }
        Ok(())
    }

    /// A line of this home's own in a conversation.
    pub(super) fn remark(
        &self,
        turn: &mut Turn<'_>,
        no: i64,
        position: u64,
        words: &str,
    ) -> Result<(), EngineError> {
        turn.desk.add_line(&Entry {
            conversation: no,
            position: Some(position),
            account: self.account,
            content: None,
            author_ms: turn.now_ms,
            arrived_ms: None,
            kind: LINE_INFO,
            body: words.as_bytes(),
            state: None,
        })?;
        Ok(())
    }

    /// An event has its place: it is kept for 30 days.
    pub(super) fn keep_event(
        &self,
        turn: &Turn<'_>,
        no: i64,
        position: u64,
        delivered: &Delivered,
    ) -> Result<(), EngineError> {
        let oldest = turn.now_ms.saturating_sub(limits::RAW_KEPT_MS);
        if delivered.time_ms < oldest {
            return Ok(());
        }
        turn.desk.keep_raw(
            no,
            &Raw {
                position,
                time_ms: delivered.time_ms,
                event: delivered.event.clone(),
            },
        )?;
        if let Some((header, fields)) = key_event(&delivered.event)
            && header.device == self.machine.device()
        {
            turn.desk.place_boxes(&fields.session, position)?;
        }
        Ok(())
    }
}

/// What a key event says.
pub(super) fn key_event(event: &bytes::Bytes) -> Option<(Header, KeyFields)> {
    let event: Event = decode(event).ok()?;
    let header: Header = decode(&event.header).ok()?;
    if u64::from(header.kind) != EventKind::Key.number() {
        return None;
    }
    let fields: KeyFields = decode(&header.fields).ok()?;
    Some((header, fields))
}
