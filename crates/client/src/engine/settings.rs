//! What the devices of this account agree on, in the account's own conversation (docs/spec/e2e.md §12).
//!
//! What the person wishes here holds here at once and is kept as a wish until it stands in the
//! log; then the log decides, for all devices alike.

use super::inbox::Spot;
use super::talk::Talk;
use super::turn::Turn;
use super::{Engine, EngineError};
use crate::store::{Agreed, Desk, StoreError};
use crate::view::Notice;
use std::collections::{BTreeMap, HashMap};
use subrosa_e2e::{Body, ContactTrust, Content, ReadMark, Setting};
use subrosa_proto::{AccountId, ContentId, ConvId, Form};

/// The setting that switches read receipts off.
pub(super) const READ_RECEIPTS: &str = "read-receipts";

/// A conversation's mark is sent so often at most; what is read in between goes with the next.
const MARK_MS: u64 = 3_000;

/// A content's kind, and what it is about.
pub(super) type Subject = (u64, Vec<u8>);

/// What a content is about, if it is one that devices agree on.
fn subject(body: &Body) -> Option<Subject> {
    let about = match body {
        Body::ReadMark(mark) => mark.conv.as_bytes().to_vec(),
        Body::ContactTrust(trust) => trust.account.as_bytes().to_vec(),
        Body::Setting(setting) => setting.key.clone().into_bytes(),
        _ => return None,
    };
    Some((body.number(), about))
}

struct Entry {
    /// Where the one that counts stands in the log.
    position: u64,
    value: Option<Content>,
    wish: Option<Content>,
    posted: bool,
}

/// Everything agreed or wished.
#[derive(Default)]
pub(super) struct Settings {
    entries: BTreeMap<Subject, Entry>,
    /// When a conversation's mark was last sent.
    marked_ms: HashMap<Subject, u64>,
}

impl Settings {
    pub fn load(desk: &Desk<'_>) -> Result<Self, StoreError> {
        let read = |bytes: Option<bytes::Bytes>| {
            let content = bytes.map(|bytes| Content::decode(&bytes));
            content
                .transpose()
                .map_err(|_| StoreError::Shape("setting"))
        };
        let mut entries = BTreeMap::new();
        for agreed in desk.settings()? {
            let entry = Entry {
                position: agreed.position,
                value: read(agreed.value)?,
                wish: read(agreed.wish)?,
                posted: agreed.posted,
            };
            entries.insert((agreed.kind, agreed.subject), entry);
        }
        Ok(Self {
            entries,
            marked_ms: HashMap::new(),
        })
    }

    /// What holds here.
    fn holds(&self, subject: &Subject) -> Option<&Body> {
        let entry = self.entries.get(subject)?;
        let content = match (&entry.wish, &entry.value) {
            (Some(wish), Some(value)) if position(&value.body) > position(&wish.body) => value,
            (Some(wish), _) => wish,
            (None, value) => value.as_ref()?,
        };
        Some(&content.body)
    }

    /// Up to which position a conversation was read, on whatever device.
    pub fn read_to(&self, conv: &ConvId) -> u64 {
        let mark = ReadMark {
            conv: *conv,
            position: 0,
        };
        subject(&mark.into())
            .and_then(|subject| self.holds(&subject))
            .map_or(0, position)
    }

    /// The value of a setting; absent when it is not set.
    pub fn value(&self, key: &str) -> Option<&[u8]> {
        let setting = Setting {
            key: key.to_owned(),
            value: bytes::Bytes::new(),
        };
        match self.holds(&subject(&setting.into())?)? {
            Body::Setting(setting) if !setting.value.is_empty() => Some(&setting.value),
            _ => None,
        }
    }

    /// The keys of all settings.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.all().filter_map(|body| match body {
            Body::Setting(setting) => Some(setting.key.as_str()),
            _ => None,
        })
    }

    /// Whether others are told what the person has read.
    pub fn read_receipts(&self) -> bool {
        self.value(READ_RECEIPTS) != Some(&[0])
    }

    /// Whether the person has blocked somebody.
    pub fn blocked(&self, account: &AccountId) -> bool {
        self.value(&block_key(account)).is_some()
    }

    /// Whether the person has muted a conversation.
    pub fn muted(&self, conv: &ConvId) -> bool {
        self.value(&mute_key(conv)).is_some()
    }

    /// Everything that holds here.
    pub fn all(&self) -> impl Iterator<Item = &Body> {
        self.entries
            .keys()
            .filter_map(|subject| self.holds(subject))
    }

    fn save(&self, desk: &Desk<'_>, subject: &Subject) -> Result<(), EngineError> {
        let Some(entry) = self.entries.get(subject) else {
            return Ok(());
        };
        let write = |content: &Option<Content>| {
            let content = content.as_ref().map(Content::encode);
            content
                .transpose()
                .map_err(|error| EngineError::Secrets(error.to_string()))
        };
        desk.set_setting(&Agreed {
            kind: subject.0,
            subject: subject.1.clone(),
            position: entry.position,
            value: write(&entry.value)?,
            wish: write(&entry.wish)?,
            posted: entry.posted,
        })?;
        Ok(())
    }

    /// What stands in the log at a position. Whether it changes what is agreed.
    fn placed(&mut self, subject: &Subject, content: &Content, at: u64) -> bool {
        let entry = self.entries.entry(subject.clone()).or_insert(Entry {
            position: 0,
            value: None,
            wish: None,
            posted: false,
        });
        if entry
            .wish
            .as_ref()
            .is_some_and(|wish| wish.id == content.id)
        {
            entry.wish = None;
            entry.posted = false;
        }
        let before = entry
            .value
            .as_ref()
            .map_or(0, |value| position(&value.body));
        // Of marks the one that reaches further counts, of anything else the last in the log.
        let counts = match content.body {
            Body::ReadMark(mark) => mark.position > before,
            _ => at > entry.position,
        };
        if counts {
            entry.position = at;
            entry.value = Some(content.clone());
        }
        counts
    }

    fn wish(&mut self, subject: &Subject, content: Content) {
        let entry = self.entries.entry(subject.clone()).or_insert(Entry {
            position: 0,
            value: None,
            wish: None,
            posted: false,
        });
        entry.wish = Some(content);
        entry.posted = false;
    }

    /// What is to be sent now, and when the rest is.
    fn due(&self, now_ms: u64) -> (Vec<(Subject, Content)>, Option<u64>) {
        let mut due = Vec::new();
        let mut later = None;
        for (subject, entry) in &self.entries {
            let Some(wish) = entry.wish.as_ref().filter(|_| !entry.posted) else {
                continue;
            };
            match self.marked_ms.get(subject) {
                Some(marked) if marked.abs_diff(now_ms) < MARK_MS => {
                    let at = now_ms.saturating_add(MARK_MS);
                    later = Some(later.map_or(at, |other: u64| other.min(at)));
                }
                _ => due.push((subject.clone(), wish.clone())),
            }
        }
        (due, later)
    }

    fn posted(&mut self, subject: &Subject, now_ms: u64) {
        if let Some(entry) = self.entries.get_mut(subject) {
            entry.posted = true;
            if matches!(
                entry.wish,
                Some(Content {
                    body: Body::ReadMark(_),
                    ..
                })
            ) {
                self.marked_ms.insert(subject.clone(), now_ms);
            }
        }
    }

    /// Wishes that are not in the log yet.
    pub fn waiting(&self) -> bool {
        self.entries.values().any(|entry| entry.wish.is_some())
    }
}

/// The setting that blocks somebody.
pub(super) fn block_key(account: &AccountId) -> String {
    format!("block/{account}")
}

/// The setting that mutes a conversation.
pub(super) fn mute_key(conv: &ConvId) -> String {
    format!("mute/{conv}")
}

/// How far a mark reaches.
const fn position(body: &Body) -> u64 {
    match body {
        Body::ReadMark(mark) => mark.position,
        _ => 0,
    }
}

impl Engine {
    /// Whether a conversation is with somebody whom the person has blocked, or a room into which
    /// somebody like that asks, or puts this account: nothing of it is shown.
    pub(super) fn silenced(&self, talk: &Talk) -> bool {
        let other = match talk.state.form() {
            Form::Direct => talk.state.peer(&self.account),
            Form::Room if talk.waits_for_own(&self.account) => self.rooms.asker(talk.no),
            Form::Room => return self.rooms.unasked(talk.no),
            Form::Own => None,
        };
        other.is_some_and(|other| self.settings.blocked(&other))
    }

    /// Whether everything is here that this account's devices have agreed on, as far as the server
    /// gives it.
    pub(super) fn settings_here(&self) -> bool {
        let own = self.own_no().and_then(|no| self.talks.get(&no));
        own.is_some_and(Talk::settled)
    }

    /// The number of the conversation of this account's own devices.
    pub(super) fn own_no(&self) -> Option<i64> {
        let mut talks = self.talks.values();
        talks
            .find(|talk| talk.state.form() == Form::Own)
            .map(|talk| talk.no)
    }

    /// The person wishes something: it holds here at once, and on all devices when it is in the log.
    pub(super) fn wish(
        &mut self,
        turn: &mut Turn<'_>,
        body: impl Into<Body>,
    ) -> Result<(), EngineError> {
        let content = Content::new(body, turn.now_ms, &mut turn.rng);
        let Some(subject) = subject(&content.body) else {
            return Ok(());
        };
        if self.settings.holds(&subject) == Some(&content.body) {
            return Ok(());
        }
        self.settings.wish(&subject, content);
        self.settings.save(turn.desk, &subject)?;
        self.heed(turn, &subject)?;
        self.post_settings(turn)
    }

    /// Sends what is wished and is not on its way.
    pub(super) fn post_settings(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        let own = self.own_no().and_then(|no| self.talks.get(&no));
        let Some(no) = own
            .filter(|talk| talk.synced() && talk.halt.is_none())
            .map(|talk| talk.no)
        else {
            return Ok(());
        };
        if !self.link.online() {
            return Ok(());
        }
        let (due, later) = self.settings.due(turn.now_ms);
        for (subject, content) in due {
            self.settings.posted(&subject, turn.now_ms);
            self.settings.save(turn.desk, &subject)?;
            self.enqueue(turn, no, &wish_caller(&content.id), &content, false)?;
        }
        if let Some(at_ms) = later {
            turn.wake(at_ms);
        }
        Ok(())
    }

    /// A content of this account in its own conversation. Whether it is one that devices agree on.
    pub(super) fn agreed(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &Talk,
        spot: &Spot,
        content: &Content,
    ) -> Result<bool, EngineError> {
        let Some(subject) = subject(&content.body) else {
            return Ok(false);
        };
        // Elsewhere, or from others, it says nothing, and there is nothing to show of it.
        if talk.state.form() != Form::Own || spot.author != self.account {
            return Ok(true);
        }
        let before = self.settings.holds(&subject).cloned();
        self.settings.placed(&subject, content, spot.position);
        self.settings.save(turn.desk, &subject)?;
        if self.settings.holds(&subject) != before.as_ref() {
            self.heed(turn, &subject)?;
        }
        Ok(true)
    }

    /// What holds of a subject has changed.
    fn heed(&mut self, turn: &mut Turn<'_>, subject: &Subject) -> Result<(), EngineError> {
        match self.settings.holds(subject).cloned() {
            Some(Body::ReadMark(mark)) => self.marked(turn, &mark),
            Some(Body::ContactTrust(trust)) => {
                self.people.compared(&trust);
                Ok(())
            }
            Some(Body::Setting(setting)) if setting.key == READ_RECEIPTS => {
                self.receipts_switched(turn)
            }
            Some(Body::Setting(setting)) if self.heed_merge(&setting) => self.caught_up(turn),
            Some(Body::Setting(setting)) => self.heed_name(turn, &setting.key),
            _ => Ok(()),
        }
    }

    fn marked(&mut self, turn: &mut Turn<'_>, mark: &ReadMark) -> Result<(), EngineError> {
        let no = self.numbers.get(&mark.conv).copied();
        let Some(talk) = no.and_then(|no| self.talks.get_mut(&no)) else {
            return Ok(());
        };
        if talk.read_to >= mark.position {
            return Ok(());
        }
        talk.read_to = mark.position;
        let no = talk.no;
        if let Some(talk) = self.talks.get(&no) {
            let unread = self.unread(turn.desk, talk)?;
            let notice = Notice::Unread {
                conversation: talk.name.clone(),
                conv: talk.id().to_string(),
                unread: unread.count,
                unread_more: unread.more,
                mentions: unread.mentions,
            };
            self.tell(turn, no, &notice);
        }
        Ok(())
    }

    /// Up to which position the person has compared safety numbers with whom.
    pub(super) fn compared(&self) -> impl Iterator<Item = (AccountId, ContactTrust)> {
        self.settings.all().filter_map(|body| match body {
            Body::ContactTrust(trust) => Some((trust.account, *trust)),
            _ => None,
        })
    }
}

/// Names the sending of a wish, so that it is sent once.
fn wish_caller(content: &ContentId) -> String {
    format!("wish/{content}")
}
