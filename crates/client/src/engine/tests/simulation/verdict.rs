//! After everything has healed: what the logs hold against what each device shows.

use super::Simulation;
use super::naive::{Message, Right, Told};
use super::node::Node;
use crate::view::{Row, RowKind};
use std::collections::BTreeMap;
use subrosa_proto::{ConvId, DeviceId, Form};

/// What was simulated.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Messages in the logs.
    pub messages: u64,
    /// Messages shown by a device of another account than the one that wrote them.
    pub delivered: u64,
    /// Messages that a device may read and does not. One ends the run.
    pub undecryptable: u64,
    /// Rows that wait for a key: messages from before the device, where there is no archive.
    pub waiting: u64,
    /// Rooms.
    pub rooms: u64,
    /// Wishes to change who is in a room, or what they may do.
    pub wishes: u64,
    /// Control events in rooms.
    pub changes: u64,
    pub devices: u64,
    /// Devices that were revoked or have logged out.
    pub ended: u64,
    pub breaks: u64,
    pub deaths: u64,
    pub partitions: u64,
    pub nights: u64,
}

impl Figures {
    pub fn add(&mut self, other: &Self) {
        self.messages += other.messages;
        self.delivered += other.delivered;
        self.undecryptable += other.undecryptable;
        self.waiting += other.waiting;
        self.rooms += other.rooms;
        self.wishes += other.wishes;
        self.changes += other.changes;
        self.devices += other.devices;
        self.ended += other.ended;
        self.breaks += other.breaks;
        self.deaths += other.deaths;
        self.partitions += other.partitions;
        self.nights += other.nights;
    }
}

/// What one device shows of one conversation.
struct Shown {
    at: usize,
    rows: Vec<Row>,
}

impl Simulation {
    pub(super) fn judge(mut self) -> Figures {
        let mut counts: Vec<BTreeMap<String, u32>> = vec![BTreeMap::new(); self.nodes.len()];
        let convs: Vec<ConvId> = self.office.logs.keys().copied().collect();
        let mut placed: BTreeMap<String, (ConvId, u64)> = BTreeMap::new();
        for conv in &convs {
            let told = match Told::read(&self.office.logs[conv], &self.office.accounts) {
                Ok(told) => told,
                Err(fault) => self.fail(&format!("{conv}: {fault}")),
            };
            let shown = self.shown(conv);
            for Shown { at, rows } in &shown {
                for text in rows.iter().filter_map(text_of) {
                    *counts[*at].entry(text.to_owned()).or_default() += 1;
                }
            }
            let truth = self.truth(&told, &shown);
            for (position, text) in &truth {
                if placed.insert(text.clone(), (*conv, *position)).is_some() {
                    self.fail(&format!("{text} is in the logs twice"));
                }
            }
            self.figures.messages += truth.len() as u64;
            if self.office.logs[conv].state.form() == Form::Room {
                self.figures.rooms += 1;
                self.figures.changes += told.controls;
            }
            for Shown { at, rows } in &shown {
                self.judge_device(conv, &told, &truth, *at, rows);
            }
            self.judge_presence(conv, &told, &shown);
        }
        self.judge_promises(&counts, &placed);
        std::mem::take(&mut self.figures)
    }

    pub(super) fn fail(&self, what: &str) -> ! {
        for line in &self.story {
            println!("{line}");
        }
        for (at, node) in self.nodes.iter().enumerate() {
            println!("{at} {} {}", node.name, node.person.device);
            for talk in node.person.engine.talks.values() {
                let (head, server) = (talk.state.head().0, talk.server_head);
                let ctl = (talk.state.ctl_position(), talk.state.ctl());
                println!(
                    "  {} {head} of {server:?}, control {ctl:?}, {:?}",
                    talk.name, talk.halt
                );
                println!(
                    "    {:?}, deed {:?}, sending {:?}",
                    talk.members, talk.deed, talk.sending
                );
            }
        }
        for (conv, log) in &self.office.logs {
            let ctl = (log.state.ctl_position(), log.state.ctl());
            println!(
                "{conv} {} at the server, control {ctl:?}",
                log.state.head().0
            );
        }
        panic!("seed {}: {what}", self.seed);
    }

    fn shown(&mut self, conv: &ConvId) -> Vec<Shown> {
        let mut shown = Vec::new();
        for (at, node) in self.nodes.iter_mut().enumerate() {
            let engine = &node.person.engine;
            let no = engine.numbers.get(conv);
            let name = no.map(|no| engine.talks[no].name.clone());
            if let Some(name) = name {
                let rows = node.all_rows(&name);
                shown.push(Shown { at, rows });
            }
        }
        shown
    }

    /// Whoever has something to read in a conversation has it.
    fn judge_presence(&self, conv: &ConvId, told: &Told, shown: &[Shown]) {
        for (at, node) in self.nodes.iter().enumerate() {
            let there = shown.iter().any(|shown| shown.at == at);
            let mut messages = told.messages.iter();
            let missing = |(position, message): (&u64, &Message)| {
                told.right(conv, *position, message, node) == Right::Must
            };
            if !there && messages.any(missing) {
                self.fail(&format!("{}: {conv} is not there", node.name));
            }
        }
    }

    /// What each message says: its author's word, or where that device has not heard of its place
    /// any more, what all the others say alike.
    fn truth(&self, told: &Told, shown: &[Shown]) -> BTreeMap<u64, String> {
        let mut truth: BTreeMap<u64, (bool, String)> = BTreeMap::new();
        for Shown { at, rows } in shown {
            let device = self.nodes[*at].person.device;
            for row in rows {
                let (Some(position), Some(text)) = (row.position, text_of(row)) else {
                    continue;
                };
                let author = told.messages.get(&position).map(|sent| sent.device);
                let own = author == Some(device);
                if own || !truth.contains_key(&position) {
                    truth.insert(position, (own, text.to_owned()));
                }
            }
        }
        let mut texts = BTreeMap::new();
        for (position, (_, text)) in truth {
            let author = told.messages.get(&position).map(|sent| sent.device);
            if author.is_none() || author != self.sayer(&text) {
                self.fail(&format!("{position}: {text} is not its author's"));
            }
            texts.insert(position, text);
        }
        texts
    }

    fn sayer(&self, text: &str) -> Option<DeviceId> {
        let at = *self.sayers.get(text)?;
        Some(self.nodes[at].person.device)
    }

    /// One order, everything that it may read, nothing else.
    fn judge_device(
        &mut self,
        conv: &ConvId,
        told: &Told,
        truth: &BTreeMap<u64, String>,
        at: usize,
        rows: &[Row],
    ) {
        let node = &self.nodes[at];
        let fail = |position: u64, what: &str| -> ! {
            self.fail(&format!("{}: {conv} {position}: {what}", node.name))
        };
        let mut seen: BTreeMap<u64, &str> = BTreeMap::new();
        let (mut last, mut waiting) = (0, 0);
        for row in rows {
            let Some(position) = row.position else {
                if told.was_out(&node.person.account) || told.closed || node.over.is_some() {
                    continue;
                }
                fail(0, &format!("still in the outbox: {:?}", row.what))
            };
            if position < last {
                fail(position, &format!("after {last}"));
            }
            last = position;
            match &row.what {
                RowKind::Text { text } => {
                    if seen.insert(position, text).is_some() {
                        fail(position, "twice");
                    }
                }
                RowKind::Info { .. } => {}
                RowKind::WaitingForKey { cause } | RowKind::Gone { cause } => {
                    let message = &told.messages[&position];
                    if told.right(conv, position, message, node) == Right::Must {
                        fail(position, cause);
                    }
                    waiting += 1;
                }
                other => fail(position, &format!("{other:?}")),
            }
            if row.checking {
                fail(position, "still being checked");
            }
        }
        let mut delivered = 0;
        for (position, text) in truth {
            let message = &told.messages[position];
            match (
                seen.get(position),
                told.right(conv, *position, message, node),
            ) {
                (Some(found), _) if *found != text.as_str() => {
                    fail(*position, &format!("{found} for {text}"))
                }
                (Some(_), Right::MustNot) => fail(*position, "it reads what it may not"),
                (None, Right::Must) => fail(*position, &format!("{text} is missing")),
                (Some(_), _) if message.author != node.person.account => delivered += 1,
                _ => {}
            }
        }
        self.figures.delivered += delivered;
        self.figures.waiting += waiting;
    }

    /// What was taken into an outbox is in the log, once.
    fn judge_promises(
        &self,
        counts: &[BTreeMap<String, u32>],
        placed: &BTreeMap<String, (ConvId, u64)>,
    ) {
        for (node, counts) in self.nodes.iter().zip(counts) {
            for (to, text) in &node.promised {
                let count = counts.get(text).copied().unwrap_or_default();
                // Who was put out of a room meanwhile, or whose device is over, cannot write any more.
                let lost = node.over.is_some() || self.cut_short(node, to);
                let there = count == 1 && placed.contains_key(text);
                let excused = lost && count <= 1;
                if !there && !excused {
                    self.fail(&format!("{}: {text} is there {count} times", node.name));
                }
            }
        }
    }

    /// Whether a room may have ended for a device before it could send.
    fn cut_short(&self, node: &Node, to: &str) -> bool {
        to.starts_with('#') && {
            let engine = &node.person.engine;
            let talk = engine.talks.values().find(|talk| talk.name == to);
            let log = talk.map(|talk| &self.office.logs[&talk.id()]);
            log.is_none_or(|log| {
                let told = Told::read(log, &self.office.accounts);
                told.is_ok_and(|told| told.was_out(&node.person.account) || told.closed)
            })
        }
    }
}

fn text_of(row: &Row) -> Option<&str> {
    match &row.what {
        RowKind::Text { text } => Some(text),
        _ => None,
    }
}
