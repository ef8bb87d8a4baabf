//! What one event means to this device: keys, contents, notes about the conversation.

use super::commands::timer_words;
use super::expiring::expiry;
use super::lookup::Lookup;
use super::rows::{LINE_CONTENT, LINE_GONE, LINE_INFO, LINE_NEWER, LINE_UNKNOWN, LINE_WAITING};
use super::talk::Talk;
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::store::{Entry, Held};
use crate::view::{Notice, SendState};
use bytes::Bytes;
use subrosa_e2e::{
    Body, Content, ContentRef, InviteIssued, OpenError, Opened, QuoteVerdict, RecordName,
    StoredSession, judge_quote,
};
use subrosa_ledger::Effect as Meaning;
use subrosa_proto::{
    AccountId, Control, Delivered, DeviceId, Event, Form, Header, KeyBox, KeyFields, SessionId,
    decode, limits,
};

/// Where an event stands.
pub(super) struct Spot {
    pub position: u64,
    pub arrived_ms: u64,
    pub author: AccountId,
    pub device: DeviceId,
    /// When what stands there disappears.
    pub expires_ms: Option<u64>,
}

impl Engine {
    /// Takes in what a valid event says.
    pub(super) fn understand(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &mut Talk,
        position: u64,
        delivered: &Delivered,
        event: &Event,
        meaning: Meaning,
    ) -> Result<(), EngineError> {
        let Ok(header) = decode::<Header>(&event.header) else {
            return Ok(());
        };
        let spot = Spot {
            position,
            arrived_ms: delivered.time_ms,
            author: header.account,
            device: header.device,
            expires_ms: expiry(&header, delivered.time_ms),
        };
        if spot.author == self.account && matches!(meaning, Meaning::Key(_) | Meaning::Message(_)) {
            self.settle_place(turn, talk.no)?;
        }
        match meaning {
            Meaning::Control(control) => {
                talk.members.changed();
                self.note_control(turn, talk, &spot, &control)
            }
            Meaning::Key(fields) => {
                self.heed_quotes(turn, talk, &header, &fields)?;
                self.key(turn, talk, &spot, delivered, event, &fields.session)
            }
            Meaning::Message(fields) => {
                if let Some(position) = fields.deletes {
                    self.remove_at(turn, talk, &spot, position)?;
                }
                self.message(turn, talk, &spot, event)
            }
            Meaning::Unknown(kind) => self.note(turn, talk, &spot, LINE_NEWER, &kind.to_be_bytes()),
        }
    }

    /// A line for a control event.
    pub(super) fn note_control(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &Talk,
        spot: &Spot,
        control: &Control,
    ) -> Result<(), EngineError> {
        self.heed_people(turn, talk, spot, control)?;
        let words = match talk.state.form() {
            Form::Room => self.room_words(talk, spot, control),
            Form::Own | Form::Direct => None,
        };
        match words.or_else(|| self.control_words(spot, control)) {
            Some(words) => self.note(turn, talk, spot, LINE_INFO, words.as_bytes()),
            None => Ok(()),
        }
    }

    /// What a key event says beside its key: of chains, and of the author's prekeys
    /// (docs/spec/e2e.md §5.2, §10.5).
    pub(super) fn heed_quotes(
        &mut self,
        turn: &Turn<'_>,
        talk: &mut Talk,
        header: &Header,
        fields: &KeyFields,
    ) -> Result<(), EngineError> {
        if header.device == self.machine.device() {
            self.judge_own_prekey(fields.prekey_id);
            return Ok(());
        }
        for quote in fields.quotes.iter().take(limits::QUOTES_MAX) {
            let known = self.people.account(&quote.account);
            if judge_quote(quote, known) != QuoteVerdict::Known {
                // Judged when the server has been asked once more.
                turn.desk.add_quote(talk.no, quote, &header.account)?;
                talk.members.changed();
                talk.members.wanted = true;
            }
        }
        Ok(())
    }

    pub(super) fn control_words(&self, spot: &Spot, control: &Control) -> Option<String> {
        let author = self.people.name_of(&spot.author);
        match control {
            Control::Accept {} => Some(format!("{author} accepted the conversation")),
            Control::Leave {} => Some(format!("{author} left")),
            Control::Close {} => Some(format!("{author} closed the room")),
            Control::Add { account, .. } => {
                Some(format!("{author} added {}", self.people.name_of(account)))
            }
            Control::Remove { account } => {
                Some(format!("{author} removed {}", self.people.name_of(account)))
            }
            Control::Revoke {
                account, logout, ..
            } => {
                let (name, what) = (
                    self.people.name_of(account),
                    if *logout { "logged out" } else { "was revoked" },
                );
                Some(format!("a device of {name} {what}"))
            }
            Control::SetRole { account, .. } => Some(format!(
                "{author} changed the role of {}",
                self.people.name_of(account)
            )),
            Control::Policy { timer, .. } => Some(format!("{author} {}", timer_words(*timer))),
            Control::Create { .. } | Control::Link { .. } => None,
        }
    }

    fn key(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &mut Talk,
        spot: &Spot,
        delivered: &Delivered,
        event: &Event,
        session: &SessionId,
    ) -> Result<(), EngineError> {
        let held = {
            let lookup = Lookup::new(turn.desk, &self.people, Some(talk.no), true);
            let held = subrosa_e2e::Keyring::session(&lookup, session);
            lookup.finish()?;
            held
        };
        let known = match held {
            // What came with the key before its event was judged may say otherwise than the event.
            Some(held) if held.ctl != talk.state.ctl() => {
                self.readings.forget(session);
                held.confirmed(event, spot.arrived_ms).ok()
            }
            Some(_) => None,
            None => {
                let found = self.find_key(turn, spot, delivered, event, session)?;
                talk.boxes_opened |= found.is_some();
                if found.is_none() {
                    return self.miss_box(turn, talk, spot);
                }
                found
            }
        };
        if let Some(session) = known {
            turn.desk.save(&session.to_changes())?;
        }
        turn.desk.set_newest_session(talk.no, session)?;
        self.open_held(turn, talk, session)
    }

    /// What waited for the key of a session.
    pub(super) fn open_held(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &mut Talk,
        session: &SessionId,
    ) -> Result<(), EngineError> {
        for (position, arrived_ms, bytes) in turn.desk.take_held(talk.no, session.as_bytes())? {
            let Ok(event) = decode::<Event>(&bytes) else {
                continue;
            };
            let Ok(header) = decode::<Header>(&event.header) else {
                continue;
            };
            turn.desk
                .remove_waiting_line(talk.no, position, LINE_WAITING)?;
            let spot = Spot {
                position,
                arrived_ms,
                author: header.account,
                device: header.device,
                expires_ms: expiry(&header, arrived_ms),
            };
            self.message(turn, talk, &spot, &event)?;
        }
        Ok(())
    }

    /// The session of a key event that is not in the store, out of a pack or out of its boxes.
    fn find_key(
        &self,
        turn: &Turn<'_>,
        spot: &Spot,
        delivered: &Delivered,
        event: &Event,
        session: &SessionId,
    ) -> Result<Option<StoredSession>, EngineError> {
        let packed = RecordName::Packed(*session);
        if let Some(first_key) = turn.desk.record(&packed)? {
            turn.desk.drop_record(&packed)?;
            match StoredSession::from_pack(event, &first_key, spot.arrived_ms) {
                Ok(found) => return Ok(Some(found)),
                Err(error) => tracing::info!(%error, "a pack held another key"),
            }
        }
        let boxes = delivered.boxes.iter();
        let boxes: Vec<KeyBox> = boxes.filter_map(|bytes| decode(bytes).ok()).collect();
        let opened = self.machine.open_key(event, &boxes, spot.arrived_ms);
        Ok(opened
            .inspect_err(|error| tracing::debug!(%error, "no box of this device"))
            .ok())
    }

    fn message(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &mut Talk,
        spot: &Spot,
        event: &Event,
    ) -> Result<(), EngineError> {
        let lookup = Lookup::new(turn.desk, &self.people, Some(talk.no), true);
        let opened = self.machine.open_along(event, &mut self.readings, &lookup);
        lookup.finish()?;
        match opened {
            Ok(opened) => self.content(turn, talk, spot, opened),
            // What was written while this account was pending, or to a poster, was never for it.
            Err(OpenError::NoKey(_)) if !talk.receives(&self.account) => Ok(()),
            Err(OpenError::NoKey(session)) => {
                let bytes = subrosa_proto::encode(event);
                let held = Held {
                    position: spot.position,
                    session: session.as_bytes(),
                    time_ms: spot.arrived_ms,
                    // What was written before this device existed was not for it.
                    owed: spot.author != self.account && spot.arrived_ms >= self.since_ms,
                    event: &bytes,
                };
                turn.desk.hold(talk.no, &held)?;
                let cause = self.why_no_key(turn, talk, spot)?;
                self.note(turn, talk, spot, LINE_WAITING, cause.as_bytes())?;
                self.expire_waiting(turn, talk, spot)
            }
            Err(error) => self.note(turn, talk, spot, LINE_GONE, error.to_string().as_bytes()),
        }
    }

    fn content(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &mut Talk,
        spot: &Spot,
        opened: Opened,
    ) -> Result<(), EngineError> {
        turn.desk
            .set_place(&opened.session, opened.index, &opened.salt)?;
        if let Some(sign) = opened.copied {
            let author = self.people.name_of(&spot.author);
            if spot.device == self.machine.device() {
                self.alarm_copied(sign);
            }
            self.note(
                turn,
                talk,
                spot,
                LINE_INFO,
                format!("a device of {author}: {sign}").as_bytes(),
            )?;
        }
        let own = spot.author == self.account;
        let content = opened.content;
        if own {
            self.own_content_placed(turn, talk, spot, &content)?;
        } else {
            talk.receipt_due = true;
            self.stopped_typing(turn, talk, &spot.author);
        }
        self.interpret(turn, talk, spot, &content)
    }

    /// What a content does, once it is known to be its author's. Also for one that an earlier build
    /// kept without knowing its kind.
    pub(super) fn interpret(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &mut Talk,
        spot: &Spot,
        content: &Content,
    ) -> Result<(), EngineError> {
        let own = spot.author == self.account;
        if self.agreed(turn, talk, spot, content)? {
            return Ok(());
        }
        if let Body::RoomTitle(title) = &content.body {
            return self.titled(turn, talk, spot, title);
        }
        if let Body::InviteIssued(InviteIssued {
            secret,
            created_ms,
            room,
        }) = &content.body
        {
            if own && talk.state.form() == Form::Own {
                let expires_ms = created_ms.saturating_add(limits::INVITE_MS);
                turn.desk
                    .add_invite(secret, None, *created_ms, expires_ms)?;
                if let Some(room) = room {
                    turn.desk.set_invite_room(secret, room)?;
                }
                self.recognise_guests(turn)?;
            }
            return Ok(());
        }
        if let Body::DeviceNote(note) = &content.body {
            if own && talk.state.form() == Form::Own {
                return self.device_note(turn, talk, spot, note);
            }
            return Ok(());
        }
        if spot.is_over(turn.now_ms) && !matches!(content.body, Body::Delete(_)) {
            return self.came_too_late(turn, talk, spot, content);
        }
        if content.amends() {
            return self.amend(turn, talk, spot, content);
        }
        let Ok(body) = content.encode() else {
            return Ok(());
        };
        self.show_content(turn, talk, spot, content, &body)
    }

    /// A content of this account is in the log: if this device sent it, its place in the outbox is done.
    fn own_content_placed(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &mut Talk,
        spot: &Spot,
        content: &Content,
    ) -> Result<(), EngineError> {
        let (place, state) = ((spot.position, spot.arrived_ms), SendState::Sent as u8);
        let author = (&self.account, &content.id);
        if talk.provisional.remove(&content.id).is_some() {
            turn.desk.unplace_line(talk.no, author)?;
        }
        let cursor = turn.desk.place_line(talk.no, author, place, state)?;
        if let Some(seq) = turn.desk.open_draft(talk.no, &content.id)? {
            talk.placed.push(seq);
        }
        if let Some(cursor) = cursor {
            self.set_expiry(turn, cursor, spot)?;
            let position = Some(spot.position);
            self.tell_state(
                turn,
                talk.no,
                cursor,
                &content.id,
                SendState::Sent,
                position,
            );
        }
        Ok(())
    }

    pub(super) fn show_content(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &Talk,
        spot: &Spot,
        content: &Content,
        body: &Bytes,
    ) -> Result<(), EngineError> {
        let own = spot.author == self.account;
        let name = ContentRef {
            account: spot.author,
            id: content.id,
        };
        if turn.desk.amendment(talk.no, &name)?.is_some() {
            return Ok(());
        }
        let place = (spot.position, spot.arrived_ms);
        if !own
            && let Some(cursor) =
                turn.desk
                    .place_again(talk.no, (&spot.author, &content.id), place)?
        {
            return self.tell_line(turn, talk, Some(cursor));
        }
        let cursor = turn.desk.add_line(&Entry {
            conversation: talk.no,
            position: Some(spot.position),
            account: spot.author,
            content: Some(content.id),
            author_ms: content.author_ms,
            arrived_ms: Some(spot.arrived_ms),
            kind: match content.body {
                Body::Unknown { .. } => LINE_UNKNOWN,
                _ => LINE_CONTENT,
            },
            body,
            state: own.then_some(SendState::Sent as u8),
        })?;
        if let Some(cursor) = cursor {
            self.set_expiry(turn, cursor, spot)?;
            self.heed_deletion(turn, talk, cursor)?;
        }
        self.tell_line(turn, talk, cursor)
    }

    /// Adds a line of this home's own words beside what stands at a position.
    pub(super) fn note(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &Talk,
        spot: &Spot,
        kind: u64,
        body: &[u8],
    ) -> Result<(), EngineError> {
        let cursor = turn.desk.add_line(&Entry {
            conversation: talk.no,
            position: Some(spot.position),
            account: spot.author,
            content: None,
            author_ms: spot.arrived_ms,
            arrived_ms: Some(spot.arrived_ms),
            kind,
            body,
            state: None,
        })?;
        self.tell_line(turn, talk, cursor)
    }

    pub(super) fn tell_line(
        &self,
        turn: &mut Turn<'_>,
        talk: &Talk,
        cursor: Option<u64>,
    ) -> Result<(), EngineError> {
        let heard = !self.subscribers.is_empty() && !self.silenced(talk);
        let Some(cursor) = cursor.filter(|_| heard) else {
            return Ok(());
        };
        let Some(line) = turn.desk.line(cursor)? else {
            return Ok(());
        };
        let notice = Notice::Row(self.row_in(turn.desk, &line, talk)?);
        self.tell(turn, talk.no, &notice);
        Ok(())
    }

    /// Tells those who subscribed to a conversation, or to all.
    pub(super) fn tell(&self, turn: &mut Turn<'_>, no: i64, notice: &Notice) {
        for (call, wanted) in &self.subscribers {
            if wanted.is_none_or(|wanted| wanted == no) {
                turn.notify(*call, notice.clone());
            }
        }
    }
}
