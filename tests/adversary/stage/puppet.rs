//! A member who seals as a true client does, and says what no client of ours would: the device's own machine, loaded
//! from its unlocked home, in the script's hands.

use super::caller::Caller;
use super::liar::now_ms;
use super::members::{Hand, Seen, shared};
use super::people::World;
use super::rng;
use subrosa_e2e::{Content, Machine, MessageMeta, PrekeyDirectory};
use subrosa_ledger::{Account, Conversation, Record, event_hash};
use subrosa_proto::{
    AccountId, ConvId, Event, EventHash, LogHash, Request, Response, decode, encode,
};

pub struct Puppet {
    pub machine: Machine,
    pub caller: Caller,
    pub seen: Seen,
    conversation: Conversation,
    known: Known,
    prekeys: PrekeyDirectory,
    counter: u64,
}

#[derive(Default)]
pub struct Known {
    pub accounts: Vec<Account>,
    logs: Vec<LogHash>,
    hashes: Vec<EventHash>,
}

impl Record for Known {
    fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id() == *id)
    }

    fn newest(&self, _: &AccountId) -> bool {
        true
    }

    fn log_hash(&self, n: u64) -> Option<LogHash> {
        let before = n.checked_sub(1)?;
        self.logs.get(usize::try_from(before).ok()?).copied()
    }

    fn seen(&self, event: &EventHash) -> bool {
        self.hashes.contains(event)
    }
}

impl Puppet {
    /// The device of a home that is closed, in its conversation with somebody.
    pub async fn of(world: &World, name: &str, with: AccountId) -> Self {
        let records = world.with_store(name, |desk| desk.records_at_start());
        let machine = Machine::load(records).unwrap();
        let mut caller = Hand::of(world, name).online(world).await;
        let seen = shared(&mut caller, with).await;
        let (known, prekeys) = people(&mut caller, seen.conv).await;
        let first: Event = decode(&seen.events[0]).unwrap();
        let conversation = Conversation::create(&first, &known).unwrap();
        let mut puppet = Self {
            machine,
            caller,
            conversation,
            known,
            prekeys,
            // A counter that was used before would get the answer of that time.
            counter: u64::from(u32::from_be_bytes(super::random())) + 1_000_000,
            seen,
        };
        puppet.note(&first);
        for event in puppet.seen.events.clone().iter().skip(1) {
            puppet.apply(&decode(event).unwrap());
        }
        puppet
    }

    fn note(&mut self, event: &Event) {
        self.known.logs.push(self.conversation.head().1);
        self.known.hashes.push(event_hash(event));
    }

    fn apply(&mut self, event: &Event) {
        let position = self.known.logs.len() as u64 + 1;
        self.conversation
            .apply(position, event, &self.known)
            .unwrap();
        self.note(event);
    }

    /// Seals a content and sends it, with a session if one is needed.
    pub async fn say(&mut self, content: &Content, meta: &MessageMeta) -> Response {
        let sealed = self
            .machine
            .seal(
                &self.conversation,
                &self.known,
                &self.prekeys,
                content,
                meta,
                now_ms(),
                &mut rng(),
            )
            .unwrap();
        let mut events = Vec::new();
        if let Some(key) = sealed.key {
            let boxes = key.boxes.iter().map(encode).collect();
            let stage = Request::Stage {
                session: sealed.session,
                boxes,
            };
            assert_eq!(self.caller.ask(stage).await, Response::Done {});
            events.push(key.event);
        }
        events.push(sealed.message);
        self.counter += 1;
        let request = Request::Append {
            counter: self.counter,
            conv: self.seen.conv,
            events: events.iter().map(encode).collect(),
        };
        let answer = self.caller.ask(request).await;
        if matches!(answer, Response::Appended { .. }) {
            for event in &events {
                self.apply(event);
            }
        }
        answer
    }
}

/// Chains and prekeys of a conversation's members.
async fn people(caller: &mut Caller, conv: ConvId) -> (Known, PrekeyDirectory) {
    let request = Request::People { conv, after: None };
    let Response::People {
        chains, prekeys, ..
    } = caller.ask(request).await
    else {
        panic!("the members were not given")
    };
    let known = Known {
        accounts: chains
            .iter()
            .map(|chain| Account::from_chain(chain).unwrap())
            .collect(),
        ..Known::default()
    };
    let mut directory = PrekeyDirectory::default();
    for signed in &prekeys {
        for account in &known.accounts {
            drop(directory.admit(account, signed));
        }
    }
    (known, directory)
}
