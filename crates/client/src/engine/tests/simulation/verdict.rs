//! After everything has healed: what the logs hold against what each device shows.

use super::Simulation;
use super::node::Node;
use crate::view::{Row, RowKind};
use std::collections::{BTreeMap, BTreeSet};
use subrosa_proto::{
    AccountId, BoxKind, ConvId, DeviceId, Event, EventKind, Header, KeyBox, KeyFields,
    MessageFields, SessionId, decode,
};

/// What was simulated.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Messages in the logs.
    pub messages: u64,
    /// Messages shown by a device that did not write them.
    pub delivered: u64,
    /// Messages that a device may read and does not.
    pub undecryptable: u64,
    pub devices: u64,
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
        self.devices += other.devices;
        self.breaks += other.breaks;
        self.deaths += other.deaths;
        self.partitions += other.partitions;
        self.nights += other.nights;
    }
}

/// A session as its key event and boxes tell it.
struct Session {
    position: u64,
    devices: BTreeSet<DeviceId>,
    accounts: BTreeSet<AccountId>,
}

/// A message as the log has it.
struct Message {
    author: AccountId,
    device: DeviceId,
    session: SessionId,
}

/// What one log holds.
#[derive(Default)]
struct Told {
    sessions: BTreeMap<SessionId, Session>,
    messages: BTreeMap<u64, Message>,
}

impl Told {
    /// Whether a device may read a message.
    fn may_read(&self, conv: &ConvId, message: &Message, node: &Node) -> bool {
        let (account, device) = (node.person.account, node.person.device);
        let session = &self.sessions[&message.session];
        let history = node.history_to.get(conv).copied().unwrap_or_default();
        message.device == device
            || session.devices.contains(&device)
            || (session.accounts.contains(&account) && session.position <= history)
    }
}

impl Simulation {
    pub(super) fn judge(mut self) -> Figures {
        let convs: Vec<ConvId> = self.office.logs.keys().copied().collect();
        for conv in &convs {
            self.judge_log(conv);
        }
        self.judge_promises();
        std::mem::take(&mut self.figures)
    }

    fn fail(&self, what: &str) -> ! {
        for line in &self.story {
            println!("{line}");
        }
        panic!("seed {}: {what}", self.seed);
    }

    fn told(&self, conv: &ConvId) -> Told {
        let mut told = Told::default();
        for (position, posted) in (1..).zip(&self.office.logs[conv].events) {
            let event: Event = decode(&posted.event).unwrap();
            let header: Header = decode(&event.header).unwrap();
            let kind = u64::from(header.kind);
            match kind {
                _ if kind == EventKind::Key.number() => {
                    let fields: KeyFields = decode(&header.fields).unwrap();
                    let boxes = posted.boxes.iter();
                    let boxes: Vec<KeyBox> = boxes.map(|bytes| decode(bytes).unwrap()).collect();
                    let to = |kind| {
                        let fits = move |addressed: &&KeyBox| addressed.kind == kind;
                        boxes
                            .iter()
                            .filter(fits)
                            .map(|addressed| addressed.recipient)
                    };
                    let session = Session {
                        position,
                        devices: to(BoxKind::Device).map(DeviceId).collect(),
                        accounts: to(BoxKind::History).map(AccountId).collect(),
                    };
                    told.sessions.insert(fields.session, session);
                }
                _ if kind == EventKind::Message.number() => {
                    let fields: MessageFields = decode(&header.fields).unwrap();
                    let message = Message {
                        author: header.account,
                        device: header.device,
                        session: fields.session,
                    };
                    told.messages.insert(position, message);
                }
                _ => {}
            }
        }
        told
    }

    fn judge_log(&mut self, conv: &ConvId) {
        let told = self.told(conv);
        let mut shown: Vec<(usize, Vec<Row>)> = Vec::new();
        for at in 0..self.nodes.len() {
            let node = &mut self.nodes[at];
            let talk = node.person.engine.numbers.get(conv).copied();
            let Some(name) = talk.map(|no| node.person.engine.talks[&no].name.clone()) else {
                continue;
            };
            shown.push((at, node.all_rows(&name)));
        }
        let mut truth: BTreeMap<u64, String> = BTreeMap::new();
        for (at, rows) in &shown {
            let device = self.nodes[*at].person.device;
            for row in rows {
                let (Some(position), RowKind::Text { text }) = (row.position, &row.what) else {
                    continue;
                };
                if told
                    .messages
                    .get(&position)
                    .is_some_and(|sent| sent.device == device)
                {
                    truth.insert(position, text.clone());
                }
            }
        }
        self.figures.messages += truth.len() as u64;
        for (at, rows) in &shown {
            self.judge_device(conv, &told, &truth, *at, rows);
        }
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
        let mut seen = BTreeMap::new();
        let mut last = 0;
        for row in rows {
            let position = row.position.unwrap_or_else(|| {
                self.fail(&format!(
                    "{}: still in the outbox: {:?}",
                    node.name, row.what
                ))
            });
            if position < last {
                self.fail(&format!("{}: {position} after {last}", node.name));
            }
            last = position;
            match &row.what {
                RowKind::Text { text } => {
                    if seen.insert(position, text.clone()).is_some() {
                        self.fail(&format!("{}: twice at {position}", node.name));
                    }
                }
                RowKind::Info { .. } => {}
                RowKind::WaitingForKey { cause } | RowKind::Gone { cause } => {
                    let message = &told.messages[&position];
                    if told.may_read(conv, message, node) {
                        self.fail(&format!("{}: {position}: {cause}", node.name));
                    }
                }
                other => self.fail(&format!("{}: {position}: {other:?}", node.name)),
            }
        }
        let mut delivered = 0;
        for (position, text) in truth {
            let message = &told.messages[position];
            let may = told.may_read(conv, message, node);
            match seen.get(position) {
                Some(found) if found != text => {
                    self.fail(&format!("{}: {position}: {found} for {text}", node.name));
                }
                Some(_) if !may => {
                    self.fail(&format!("{}: {position}: reads what it may not", node.name));
                }
                None if may => self.fail(&format!("{}: {position}: {text} is missing", node.name)),
                Some(_) if message.author != node.person.account => delivered += 1,
                _ => {}
            }
        }
        if let Some(position) = seen.keys().find(|position| !truth.contains_key(position)) {
            self.fail(&format!("{}: {position}: nobody wrote it", node.name));
        }
        self.figures.delivered += delivered;
    }

    /// What was taken into an outbox is in the log, once.
    fn judge_promises(&mut self) {
        for at in 0..self.nodes.len() {
            let mut counts: BTreeMap<String, u32> = BTreeMap::new();
            for name in self.nodes[at].conversations() {
                for row in self.nodes[at].all_rows(&name) {
                    if let RowKind::Text { text } = row.what {
                        *counts.entry(text).or_default() += 1;
                    }
                }
            }
            for (_, text) in &self.nodes[at].promised {
                if counts.get(text) != Some(&1) {
                    let count = counts.get(text).copied().unwrap_or_default();
                    self.fail(&format!(
                        "{}: {text} is there {count} times",
                        self.nodes[at].name
                    ));
                }
            }
        }
    }
}
