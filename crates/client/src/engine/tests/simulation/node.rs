//! A device in the simulation: a person's engine, its link, and its clock.

use super::super::office::Office;
use super::super::person::Person;
use crate::command::{Answer, Command, Wait};
use crate::engine::talk::Talk;
use crate::engine::{CallId, Input};
use crate::view::Row;
use std::collections::{BTreeMap, VecDeque};
use subrosa_proto::{ConvId, Form, FromClient, FromServer};

/// The connection of a device.
pub(super) enum Wire {
    /// None; it is tried at this time.
    Down { dial_at: u64 },
    /// Messages that are on their way, and when they arrive. A connection keeps their order.
    Up {
        up: VecDeque<(u64, FromClient)>,
        down: VecDeque<(u64, FromServer)>,
    },
}

/// Something that a person wants, repeated under the same name until it is answered.
#[derive(Clone)]
pub(super) struct Wish {
    pub caller: String,
    pub command: Command,
    /// The text that is taken back if it fails.
    pub text: Option<String>,
}

pub(super) struct Node {
    pub name: String,
    /// Whose it is: the place of the name among all.
    pub number: usize,
    pub person: Person,
    pub wire: Wire,
    /// Its clock minus the true time.
    pub skew_ms: i64,
    pub wishes: BTreeMap<CallId, Wish>,
    /// Texts that are on this device's disk to be sent, with their conversation.
    pub promised: Vec<(String, String)>,
    /// Nobody can reach the server from here before this time.
    pub cut_off_until: u64,
    /// The next input finds its process dying before the commit.
    pub doomed: bool,
    /// How far each log had come when its account certified it; nothing for a first device.
    pub born: BTreeMap<ConvId, u64>,
    /// How far each had come when it was revoked or had logged out.
    pub over: Option<BTreeMap<ConvId, u64>>,
    /// Its person has told it to log out.
    pub leaving: bool,
    pub next_tick: u64,
    /// What the server pushes lies together for so long, as on a link that is busy.
    pub lag_ms: u64,
    /// When it pushes next, if it has pushed not long ago.
    pub push_at: Option<u64>,
}

impl Node {
    pub fn new(name: String, number: usize, person: Person) -> Self {
        Self {
            name,
            number,
            person,
            wire: Wire::Down { dial_at: 0 },
            skew_ms: 0,
            wishes: BTreeMap::new(),
            promised: Vec::new(),
            cut_off_until: 0,
            doomed: false,
            born: BTreeMap::new(),
            over: None,
            leaving: false,
            next_tick: 0,
            lag_ms: 0,
            push_at: None,
        }
    }

    pub fn set_clock(&mut self, now_ms: u64) {
        self.person.now_ms = now_ms.saturating_add_signed(self.skew_ms);
    }

    /// How much of a log this device has, if it knows the conversation.
    pub fn head(&self, conv: &ConvId) -> Option<u64> {
        let engine = &self.person.engine;
        let no = engine.numbers.get(conv)?;
        Some(engine.talks.get(no)?.state.head().0)
    }

    /// When something is due here next.
    pub fn due(&self) -> u64 {
        let wakes = self.person.wakes.iter();
        let wake = wakes
            .map(|at| at.saturating_add_signed(-self.skew_ms))
            .min();
        let wire = match &self.wire {
            Wire::Down { dial_at } => *dial_at,
            Wire::Up { up, down } => {
                let first = up.front().map(|(at, _)| *at);
                let second = down.front().map(|(at, _)| *at);
                first.into_iter().chain(second).min().unwrap_or(u64::MAX)
            }
        };
        let push = self.push_at.unwrap_or(u64::MAX);
        wire.min(wake.unwrap_or(u64::MAX))
            .min(self.next_tick)
            .min(push)
    }

    pub fn online(&self) -> bool {
        matches!(self.wire, Wire::Up { .. })
    }

    /// Something happens to the engine, or to its process while it does.
    pub fn give(&mut self, office: &mut Office, now_ms: u64, input: Input) {
        if std::mem::take(&mut self.doomed) {
            self.person.die_of(input);
            self.reborn(office, now_ms);
        } else {
            self.person.give(input);
        }
    }

    /// The process is another one now: its link is gone, and what the person wants is asked again.
    pub fn reborn(&mut self, office: &mut Office, now_ms: u64) {
        office.unlink(&self.person.device);
        office.by_password.remove(&self.person.device);
        self.person.dials = 0;
        self.wire = Wire::Down {
            dial_at: now_ms + 50,
        };
        for wish in std::mem::take(&mut self.wishes).into_values() {
            self.wish(wish);
        }
    }

    pub fn wish(&mut self, wish: Wish) {
        let call = self.person.call_as(&wish.caller, wish.command.clone());
        self.wishes.insert(call, wish);
    }

    pub fn say(&mut self, to: &str, text: &str) {
        self.promised.push((to.to_owned(), text.to_owned()));
        self.wish(Wish {
            caller: text.to_owned(),
            command: Command::Send {
                conversation: to.to_owned(),
                text: text.to_owned(),
                wait: Wait::Queued,
                queue: true,
                within_ms: None,
                timer: None,
            },
            text: Some(text.to_owned()),
        });
    }

    /// Names of conversations that can be written in, as far as is known here.
    pub fn conversations(&self) -> Vec<String> {
        let talks = self.person.engine.talks.values();
        talks
            .filter(|talk| talk.state.form() != Form::Own && self.is_in(talk))
            .map(|talk| talk.name.clone())
            .collect()
    }

    fn is_in(&self, talk: &Talk) -> bool {
        let mine = talk.state.member(&self.person.account);
        mine.is_some_and(|mine| !mine.pending) && !talk.state.closed()
    }

    pub fn rooms(&self) -> Vec<String> {
        let talks = self.person.engine.talks.values();
        talks
            .filter(|talk| talk.state.form() == Form::Room && self.is_in(talk))
            .map(|talk| talk.name.clone())
            .collect()
    }

    /// The rows of a conversation, oldest first.
    pub fn all_rows(&mut self, conversation: &str) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        loop {
            let call = self.person.call(Command::Read {
                conversation: Some(conversation.to_owned()),
                before: rows.first().map(|row| row.cursor),
                since: None,
                limit: 500,
                fresh: false,
            });
            let Some(Ok(Answer::Rows(mut page))) = self.person.answers.remove(&call) else {
                panic!("a page is read");
            };
            if page.is_empty() {
                return rows;
            }
            page.append(&mut rows);
            rows = page;
        }
    }
}
