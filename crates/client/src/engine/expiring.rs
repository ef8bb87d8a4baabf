//! Messages that disappear: so long after their arrival at the server as their header says, on
//! every device alike, read or not (docs/spec/e2e.md §2.4).

use super::inbox::Spot;
use super::rows::{LINE_GONE, LINE_WAITING};
use super::talk::Talk;
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::store::{Entry, Line};
use subrosa_e2e::{Content, ContentRef};
use subrosa_proto::{EventKind, Header, MessageFields, TIMER_STEPS_MS, decode, timer_ms};

/// What is said of a message that has disappeared.
const DISAPPEARED: &str = "disappeared";
/// So many at a time.
const LINES_MAX: u32 = 200;

/// When what an event says disappears.
pub(super) fn expiry(header: &Header, arrived_ms: u64) -> Option<u64> {
    if u64::from(header.kind) != EventKind::Message.number() {
        return None;
    }
    let fields: MessageFields = decode(&header.fields).ok()?;
    timer_ms(fields.timer).map(|ms| arrived_ms.saturating_add(ms))
}

/// The timer step with which a line was sent; `None` while it has not arrived.
pub(super) fn step_of(line: &Line) -> Option<u8> {
    let arrived_ms = line.arrived_ms?;
    let Some(expires_ms) = line.expires_ms else {
        return Some(0);
    };
    let life = expires_ms.saturating_sub(arrived_ms);
    let place = TIMER_STEPS_MS.iter().position(|step| *step == life)?;
    u8::try_from(place + 1).ok()
}

impl Engine {
    /// Wipes what has had its time. By this machine's clock: a server that could move it could wipe
    /// what people have.
    pub(super) fn expire(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        if self.next_expiry_ms.is_none_or(|at| at > turn.now_ms) {
            return Ok(());
        }
        loop {
            let lines = turn.desk.expired_lines(turn.now_ms, LINES_MAX)?;
            if lines.is_empty() {
                break;
            }
            for line in &lines {
                self.expire_line(turn, line)?;
            }
        }
        self.next_expiry_ms = turn.desk.next_expiry()?;
        if let Some(at) = self.next_expiry_ms {
            turn.wake(at);
        }
        Ok(())
    }

    fn expire_line(&mut self, turn: &mut Turn<'_>, line: &Line) -> Result<(), EngineError> {
        let Some(mut talk) = self.talks.remove(&line.conversation) else {
            return Ok(turn.desk.erase_line(line.cursor, LINE_GONE, DISAPPEARED)?);
        };
        if let (LINE_WAITING, Some(position)) = (line.kind, line.position) {
            turn.desk.drop_held(talk.no, position)?;
            talk.receipt_due = true;
        }
        let erased = self.erase(turn, &talk, line, DISAPPEARED);
        self.talks.insert(line.conversation, talk);
        erased
    }

    /// A line has got its end.
    pub(super) fn set_expiry(
        &mut self,
        turn: &mut Turn<'_>,
        cursor: u64,
        spot: &Spot,
    ) -> Result<(), EngineError> {
        if let Some(at) = spot.expires_ms {
            turn.desk.set_expiry(cursor, at)?;
            self.mind_expiry(turn, at);
        }
        Ok(())
    }

    /// The line of a message that waits for its key has got its end.
    pub(super) fn expire_waiting(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &Talk,
        spot: &Spot,
    ) -> Result<(), EngineError> {
        for line in turn.desk.lines_at(talk.no, spot.position)? {
            if line.kind == LINE_WAITING {
                self.set_expiry(turn, line.cursor, spot)?;
            }
        }
        Ok(())
    }

    fn mind_expiry(&mut self, turn: &mut Turn<'_>, at: u64) {
        if self.next_expiry_ms.is_none_or(|next| at < next) {
            self.next_expiry_ms = Some(at);
            turn.wake(at);
        }
    }

    /// A content whose time was over before it came here.
    pub(super) fn came_too_late(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &Talk,
        spot: &Spot,
        content: &Content,
    ) -> Result<(), EngineError> {
        let name = ContentRef {
            account: spot.author,
            id: content.id,
        };
        if content.amends() {
            return Ok(turn.desk.drop_waiting_amendment(talk.no, &name)?);
        }
        if let Some(line) = turn.desk.line_of(talk.no, &name)? {
            return self.erase(turn, talk, &line, DISAPPEARED);
        }
        turn.desk.add_line(&Entry {
            conversation: talk.no,
            position: Some(spot.position),
            account: spot.author,
            content: Some(content.id),
            author_ms: content.author_ms,
            arrived_ms: Some(spot.arrived_ms),
            kind: LINE_GONE,
            body: DISAPPEARED.as_bytes(),
            state: None,
        })?;
        Ok(())
    }
}

impl Spot {
    /// Whether what stands here has had its time.
    pub(super) fn is_over(&self, now_ms: u64) -> bool {
        self.expires_ms.is_some_and(|at| at <= now_ms)
    }
}
