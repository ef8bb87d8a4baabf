//! The home itself: one message explained, the store's health and size, exports signed.

use super::unknown;
use crate::command::{Answer, Failure};
use crate::engine::rows::{LINE_CONTENT, LINE_GONE, LINE_WAITING};
use crate::engine::turn::{CallId, Effect, Turn};
use crate::engine::{Engine, EngineError};
use crate::export::{ExportSignature, digest_bytes};
use crate::store::Line;
use crate::upkeep_view::{HealthView, StorageView, UpkeepCommand, WhyFact, WhyView};
use crate::view::{RowKind, SendState};
use subrosa_e2e::RecordName;
use subrosa_proto::{Event, Header, MessageFields, SessionId, decode};

/// Digits of a session that are shown.
const SESSION_DIGITS: usize = 16;

/// What is known of a message, in order.
#[derive(Default)]
struct Facts(Vec<WhyFact>);

impl Facts {
    fn add(&mut self, what: &str, says: impl Into<String>) {
        self.0.push(WhyFact {
            what: what.to_owned(),
            says: says.into(),
        });
    }
}

impl Engine {
    pub(super) fn upkeep(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        command: &UpkeepCommand,
    ) -> Result<(), EngineError> {
        let answer = match command {
            UpkeepCommand::Why { conversation, id } => {
                self.why(turn, conversation, id)?.map(Answer::Why)
            }
            UpkeepCommand::Health {} => Ok(Answer::Health(self.health(turn)?)),
            UpkeepCommand::Storage { free: false } => {
                Ok(Answer::Storage(StorageView::of(turn.desk)?))
            }
            UpkeepCommand::Storage { free: true } => {
                // What is done long ago is answered to nobody any more. The rest is done outside of a transaction.
                turn.desk.forget_done(
                    turn.now_ms
                        .saturating_sub(subrosa_proto::limits::IDEM_KEPT_MS),
                )?;
                turn.effects
                    .push(Effect::Compact(call, StorageView::of(turn.desk)?));
                return Ok(());
            }
            UpkeepCommand::SignExport { digest } => self.sign_export(digest),
        };
        turn.answer(call, answer);
        Ok(())
    }

    fn sign_export(&self, digest: &str) -> Result<Answer, Failure> {
        let manifest = digest_bytes(digest)
            .ok_or_else(|| Failure::defect("the digest of an export has 64 digits"))?;
        let own = self
            .people
            .account(&self.account)
            .ok_or_else(|| Failure::defect("this account's own chain is not here"))?;
        let signature = self.machine.sign_export(&manifest);
        Ok(Answer::Signature(ExportSignature::new(
            &signature,
            own.statements(),
        )))
    }

    fn health(&self, turn: &Turn<'_>) -> Result<HealthView, EngineError> {
        Ok(HealthView {
            link: self.link.state.clone(),
            ahead_ms: self.link.online().then_some(self.link.ahead_ms),
            damage: turn.desk.complaints()?,
            index_sound: turn.desk.check_index().is_ok(),
            waiting_for_key: turn.desk.held_count()?,
            outbox: turn.desk.waiting_count()?,
            protocol: self.pinned,
            ended: self.ended.clone(),
        })
    }

    fn why(
        &self,
        turn: &Turn<'_>,
        conversation: &str,
        id: &str,
    ) -> Result<Result<WhyView, Failure>, EngineError> {
        let Some(no) = self.conversation_no(conversation) else {
            return Ok(Err(unknown(conversation)));
        };
        let line = match id.strip_prefix('@') {
            None => match self.find(turn, no, id)? {
                Ok(line) => line,
                Err(failure) => return Ok(Err(failure)),
            },
            Some(cursor) => {
                let line = cursor.parse().ok().map(|cursor| turn.desk.line(cursor));
                match line
                    .transpose()?
                    .flatten()
                    .filter(|line| line.conversation == no)
                {
                    Some(line) => line,
                    None => {
                        return Ok(Err(Failure::user(format!(
                            "no row of {conversation} has the cursor {cursor}: `subrosa read {conversation} --json` shows them"
                        ))));
                    }
                }
            }
        };
        let Some(row) = self.row(turn.desk, &line)? else {
            return Ok(Err(unknown(conversation)));
        };
        let mut facts = Facts::default();
        self.explain_state(&mut facts, &line, &row.what, row.state);
        self.explain_key(turn, &mut facts, &line)?;
        if line.account == self.account && line.kind == LINE_CONTENT {
            self.explain_members(turn, &mut facts, conversation, &row.id)?;
        }
        Ok(Ok(WhyView {
            row,
            facts: facts.0,
        }))
    }

    fn explain_state(
        &self,
        facts: &mut Facts,
        line: &Line,
        what: &RowKind,
        state: Option<SendState>,
    ) {
        let state = match (what, state) {
            (RowKind::WaitingForKey { cause }, _) => format!("not readable yet: {cause}"),
            (RowKind::Gone { cause }, _) => format!("gone: {cause}"),
            (RowKind::Hidden {}, _) => "hidden: you have blocked its author".to_owned(),
            (RowKind::Newer { number }, _) => {
                format!("kept until an upgrade: this build does not know contents of kind {number}")
            }
            (_, Some(SendState::Queued)) => "in the outbox on this disk".to_owned(),
            (_, Some(SendState::Sending)) => {
                "on its way: the server has not said yet that it is on its disk".to_owned()
            }
            (_, Some(SendState::Sent)) => "on the server's disk".to_owned(),
            (_, Some(SendState::Delivered)) => {
                "decrypted by a device of each who can read it".to_owned()
            }
            (_, Some(SendState::Read)) => "read".to_owned(),
            (_, None) => "here, decrypted and checked".to_owned(),
        };
        facts.add("state", state);
        if let Some(position) = line.position {
            facts.add(
                "place",
                format!("{position} in the log of the conversation"),
            );
        }
        if line.position.is_none() {
            let why = match &self.link.state {
                crate::view::LinkState::Online => {
                    "the conversation before it has to be settled first".to_owned()
                }
                crate::view::LinkState::Connecting => {
                    "the connection to the server is being made".to_owned()
                }
                crate::view::LinkState::Offline { cause, .. }
                | crate::view::LinkState::Refused { cause } => cause.clone(),
            };
            if line.kind == LINE_CONTENT {
                facts.add("waits", why);
            }
        }
        if let (Some(arrived), false) = (line.arrived_ms, line.kind == LINE_GONE) {
            let apart = arrived.abs_diff(line.author_ms) / 1_000;
            facts.add(
                "arrived",
                format!("{apart} s apart from the time its author's clock showed"),
            );
        }
    }

    /// Which session's key opened it, or would.
    fn explain_key(
        &self,
        turn: &Turn<'_>,
        facts: &mut Facts,
        line: &Line,
    ) -> Result<(), EngineError> {
        let Some(position) = line.position else {
            return Ok(());
        };
        let no = line.conversation;
        let raw = turn
            .desk
            .raw_from(no, position, (usize::MAX, 1))?
            .into_iter()
            .next();
        let fields = raw
            .filter(|raw| raw.position == position)
            .and_then(|raw| fields_of(&raw.event));
        let held = turn.desk.held_session(no, position)?.map(SessionId);
        let session = fields.as_ref().map(|fields| fields.session).or(held);
        let Some(session) = session else {
            if line.kind == LINE_CONTENT {
                facts.add(
                    "session",
                    "the sealed event was kept for 30 days and is gone; the text stays",
                );
            }
            return Ok(());
        };
        let name: String = session.to_string().chars().take(SESSION_DIGITS).collect();
        let place = fields.map_or(String::new(), |fields| {
            format!(", message {} of it", fields.index + 1)
        });
        facts.add("session", format!("{name}…{place}"));
        let here = turn.desk.record(&RecordName::Session(session))?.is_some();
        let packed = turn.desk.record(&RecordName::Packed(session))?.is_some();
        facts.add("key", match (here, packed, line.kind) {
            (true, ..) => "the session's key is here",
            (false, true, _) => "the session's key is in a pack of this account and opens when its event is checked",
            (false, false, LINE_WAITING) => "the session's key is not here",
            (false, false, _) => "the session is over and its key deleted; the text stays",
        });
        if line.kind == LINE_WAITING {
            let asked = turn.desk.missing_boxes()?.iter().any(|(of, _)| *of == no);
            facts.add("missing", if asked {
                "the box with the key did not come: this device has asked for it, and the author's device gives it when it is online next"
            } else {
                "the box with the key: it comes from the author's device, or from a device of yours that has it"
            });
        }
        Ok(())
    }

    fn explain_members(
        &self,
        turn: &Turn<'_>,
        facts: &mut Facts,
        conversation: &str,
        id: &str,
    ) -> Result<(), EngineError> {
        // Of what has not left, nobody has anything.
        for receipt in self
            .receipts_of(turn, conversation, id)?
            .unwrap_or_default()
        {
            let has = match receipt.state {
                SendState::Read => "has read it",
                SendState::Delivered => "has decrypted it on a device",
                _ => "has not fetched it yet",
            };
            facts.add("member", format!("{} {has}", receipt.name));
        }
        Ok(())
    }
}

/// The header of a sealed message, as it came.
fn fields_of(event: &bytes::Bytes) -> Option<MessageFields> {
    let event: Event = decode(event).ok()?;
    let header: Header = decode(&event.header).ok()?;
    decode(&header.fields).ok()
}
