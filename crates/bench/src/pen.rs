//! Letters that are sealed and signed ahead, so that the load has nothing to do but to send them.

use crate::outcome::{Outcome, defect};
use crate::person::{Person, now_ms};
use crate::randomness;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use subrosa_client::Failure;
use subrosa_e2e::{Content, Machine, MessageMeta, PrekeyDirectory, Text};
use subrosa_ledger::{Account, Conversation, Record, Verdict};
use subrosa_proto::{AccountId, ConvId, Event, EventHash, LogHash, Request, encode, limits};

/// Boxes in one request to stage them.
const STAGE_BOXES: usize = 150;

/// What members know of each other.
#[derive(Default)]
pub(crate) struct Known {
    accounts: HashMap<AccountId, Account>,
    pub(crate) prekeys: PrekeyDirectory,
}

impl Known {
    pub(crate) fn of<'a>(people: impl IntoIterator<Item = &'a Person>) -> Outcome<Self> {
        let mut known = Self::default();
        for person in people {
            known
                .prekeys
                .admit(&person.account, &person.prekey)
                .map_err(defect)?;
            known.accounts.insert(person.id(), person.account.clone());
        }
        Ok(known)
    }
}

impl Record for Known {
    fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.get(id)
    }

    fn newest(&self, _: &AccountId) -> bool {
        true
    }

    fn log_hash(&self, _: u64) -> Option<LogHash> {
        None
    }

    fn seen(&self, _: &EventHash) -> bool {
        false
    }
}

/// A sealed message, with what has to be staged and appended for it.
pub(crate) struct Letter {
    pub(crate) stages: Vec<Request>,
    /// A key event where the message opens a session, and the message.
    pub(crate) events: Vec<Bytes>,
}

/// What letter number `number` says, in so many bytes or a few more.
pub(crate) fn text(number: u64, size: usize) -> String {
    const FILLER: &str = "it goes on for a while, as people do when they write to each other, ";
    let mut text = format!("{number} ");
    while text.len() < size {
        let missing = size - text.len();
        text.push_str(FILLER.get(..missing).unwrap_or(FILLER));
    }
    text
}

/// Seals a text for a conversation as it stands; the letter, and its events once more.
pub(crate) fn seal(
    machine: &mut Machine,
    conversation: &Conversation,
    known: &Known,
    text: String,
) -> Outcome<(Letter, Vec<Event>)> {
    let now = now_ms();
    let mut rng = randomness::system();
    let content = Content::new(Text { text }, now, &mut rng);
    let meta = MessageMeta::default();
    let sealed = machine.seal(
        conversation,
        known,
        &known.prekeys,
        &content,
        &meta,
        now,
        &mut rng,
    );
    let sealed = sealed.map_err(defect)?;
    let (mut stages, mut events) = (Vec::new(), Vec::new());
    if let Some(key) = sealed.key {
        let boxes: Vec<_> = key.boxes.iter().map(encode).collect();
        let session = sealed.session;
        stages.extend(boxes.chunks(STAGE_BOXES).map(|part| Request::Stage {
            session,
            boxes: part.to_vec(),
        }));
        events.push(key.event);
    }
    events.push(sealed.message);
    let letter = Letter {
        stages,
        events: events.iter().map(encode).collect(),
    };
    Ok((letter, events))
}

/// Adds an event at the end of a log; it must count.
pub(crate) fn apply(conversation: &mut Conversation, event: &Event, known: &Known) -> Outcome<()> {
    let position = conversation.head().0 + 1;
    match conversation.apply(position, event, known) {
        Ok(Verdict::Valid(_)) => Ok(()),
        Ok(other) => Err(Failure::defect(format!(
            "a letter does not count: {other:?}"
        ))),
        Err(error) => Err(defect(error)),
    }
}

/// The writing side of a device in one conversation, in which nobody else writes.
pub(crate) struct Pen {
    pub(crate) machine: Machine,
    pub(crate) known: Arc<Known>,
    /// As the device has seen it: it runs behind what it has sent, as the answers do.
    conversation: Conversation,
    unseen: VecDeque<Event>,
    behind: usize,
    size: usize,
    written: u64,
}

impl Pen {
    pub(crate) const fn new(
        machine: Machine,
        known: Arc<Known>,
        conversation: Conversation,
        behind: usize,
        size: usize,
    ) -> Self {
        Self {
            machine,
            known,
            conversation,
            unseen: VecDeque::new(),
            behind,
            size,
            written: 0,
        }
    }

    pub(crate) const fn conv(&self) -> ConvId {
        self.conversation.id()
    }

    /// Positions that are taken.
    pub(crate) fn head(&self) -> u64 {
        self.conversation.head().0 + self.unseen.len() as u64
    }

    /// Seals the next letter.
    pub(crate) fn write(&mut self) -> Outcome<Letter> {
        let text = text(self.written, self.size);
        let (letter, events) = seal(&mut self.machine, &self.conversation, &self.known, text)?;
        self.written += 1;
        self.unseen.extend(events);
        while self.unseen.len() > self.behind {
            if let Some(event) = self.unseen.pop_front() {
                apply(&mut self.conversation, &event, &self.known)?;
            }
        }
        Ok(letter)
    }

    /// Seals so many more.
    pub(crate) fn write_all(&mut self, count: usize) -> Outcome<Vec<Letter>> {
        (0..count).map(|_| self.write()).collect()
    }
}

/// The longest text that a load may ask for.
pub(crate) fn check_size(size: usize) -> Outcome<()> {
    if size > limits::TEXT_BYTES_MAX {
        return Err(Failure::user(format!(
            "a message has {} bytes at most: choose a smaller --size",
            limits::TEXT_BYTES_MAX
        )));
    }
    Ok(())
}
