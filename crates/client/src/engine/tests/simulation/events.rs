//! What people do, and what goes wrong.

use super::super::person::Person;
use super::NAMES;
use super::Simulation;
use super::node::{Node, Wire, Wish};
use crate::command::Command;
use crate::room::{RoomCommand, RoomRole};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use subrosa_proto::ConvId;

const HOUR_MS: u64 = 60 * 60 * 1_000;
/// Devices that one account has at most.
const DEVICES_MAX: usize = 3;

impl Simulation {
    /// One thing happens.
    pub(super) fn act(&mut self) {
        let live = (0..self.nodes.len()).filter(|at| self.nodes[*at].over.is_none());
        let live: Vec<usize> = live.collect();
        let at = live[self.dice.random_range(0..live.len())];
        match self.dice.random_range(0..100) {
            0..57 => self.say(at),
            57..66 => self.change_members(at),
            66..76 => {
                let pause = self.dice.random_range(20..5_000);
                self.note(|| format!("link {at} breaks"));
                self.figures.breaks += 1;
                self.break_link(at, pause);
            }
            76..82 => self.kill(at),
            82..88 => {
                self.note(|| format!("{at} will die of its next input"));
                self.figures.deaths += 1;
                self.nodes[at].doomed = true;
            }
            88..92 => self.part(),
            92..95 => self.misset_clock(at),
            95..96 => self.night(),
            96..97 if self.dice.random_bool(0.5) => self.revoke(at),
            96..97 => self.log_out(at),
            _ => self.further_device(at),
        }
    }

    fn say(&mut self, at: usize) {
        let conversations = self.nodes[at].conversations();
        if conversations.is_empty() {
            return;
        }
        // Several at once now and then: they keep their order.
        for _ in 0..self.dice.random_range(1..=self.burst) {
            let to = &conversations[self.dice.random_range(0..conversations.len())];
            self.said += 1;
            let text = format!("message {}", self.said);
            self.story.push(format!(
                "{:>9} {at} says {text} to {to}",
                self.now_ms - super::START_MS
            ));
            self.sayers.insert(text.clone(), at);
            self.nodes[at].say(to, &text);
        }
    }

    /// Somebody does something about a room, whether it is allowed or not.
    fn change_members(&mut self, at: usize) {
        let rooms = self.nodes[at].rooms();
        if rooms.is_empty() || self.dice.random_bool(0.08) {
            let command = self.new_room(at);
            return self.command(at, command);
        }
        let room = rooms[self.dice.random_range(0..rooms.len())].clone();
        let names = self.names();
        let people = vec![names[self.dice.random_range(0..names.len())].clone()];
        let role = |role, people, room| RoomCommand::Role { room, people, role };
        let command = match self.dice.random_range(0..100) {
            0..40 => RoomCommand::Add {
                room,
                people,
                role: RoomRole::Member,
            },
            40..44 => RoomCommand::Add {
                room,
                people,
                role: RoomRole::Poster,
            },
            44..64 => RoomCommand::Remove { room, people },
            64..73 => role(RoomRole::Admin, people, room),
            73..82 => role(RoomRole::Member, people, room),
            82..85 => role(RoomRole::Poster, people, room),
            85..90 => RoomCommand::Policy {
                room,
                members_add: Some(self.dice.random_bool(0.5)),
                timer: None,
            },
            90..94 => RoomCommand::Title {
                room,
                name: None,
                topic: Some(format!("topic {}", self.said)),
            },
            94..95 => RoomCommand::Close { room },
            _ => RoomCommand::Leave { room },
        };
        self.command(at, command);
    }

    fn new_room(&mut self, at: usize) -> RoomCommand {
        self.said += 1;
        let name = format!("room-{}", self.said);
        let (archive, members_add) = (self.dice.random_bool(0.7), self.dice.random_bool(0.3));
        let own = self.nodes[at].number;
        let mut people = self.names();
        people.retain(|name| name != NAMES[own] && self.dice.random_bool(0.8));
        RoomCommand::Create {
            name,
            topic: String::new(),
            archive,
            members_add,
            people,
        }
    }

    fn command(&mut self, at: usize, command: RoomCommand) {
        self.said += 1;
        let caller = format!("change {}", self.said);
        self.note(|| format!("{at} wants {caller}: {command:?}"));
        self.figures.wishes += 1;
        self.nodes[at].wish(Wish {
            caller,
            command: Command::Room(command),
            text: None,
        });
    }

    /// Kill -9 after the last commit: what was to be sent then is not.
    fn kill(&mut self, at: usize) {
        self.note(|| format!("{at} is killed"));
        self.figures.deaths += 1;
        let now = self.now_ms;
        let node = &mut self.nodes[at];
        node.person.restart();
        node.reborn(&mut self.office, now);
    }

    /// Some devices cannot reach the server for a while.
    fn part(&mut self) {
        let until = self.now_ms + self.dice.random_range(1_000..120_000);
        self.figures.partitions += 1;
        for at in 0..self.nodes.len() {
            if self.dice.random_bool(0.4) {
                self.note(|| format!("{at} is cut off"));
                self.nodes[at].cut_off_until = until;
                self.break_link(at, 100);
            }
        }
    }

    fn misset_clock(&mut self, at: usize) {
        let hours = 3_600_000;
        let skew = self.dice.random_range(-20 * hours..20 * hours);
        self.note(|| format!("the clock of {at} is off by {skew} ms"));
        self.nodes[at].skew_ms = skew;
        self.nodes[at].person.wakes.clear();
        self.nodes[at].next_tick = 0;
        self.set_time(self.now_ms);
    }

    /// Hours in which nobody does anything.
    fn night(&mut self) {
        let hours = self.dice.random_range(1..30);
        self.note(|| format!("{hours} hours pass"));
        self.figures.nights += 1;
        for at in 0..self.nodes.len() {
            // Half of the devices sleep meanwhile.
            if self.dice.random_bool(0.5) {
                self.nodes[at].cut_off_until = self.now_ms + hours * HOUR_MS;
                self.break_link(at, 100);
            }
        }
        self.pass(hours * HOUR_MS);
    }

    fn further_device(&mut self, at: usize) {
        if self.live_devices(at) < DEVICES_MAX {
            self.log_in(at);
        }
    }

    /// When everything is over, so many devices of each person come and find what there is for them.
    pub(super) fn latecomers(&mut self, each: u32) {
        for number in 0..self.names().len() {
            let mut of = self.nodes.iter();
            let at = of.position(|node| node.number == number && node.over.is_none());
            for _ in 0..each {
                self.log_in(at.expect("one device stays"));
            }
        }
    }

    /// A further device of a node's account is let in by the password.
    fn log_in(&mut self, at: usize) {
        let rng = StdRng::seed_from_u64(self.dice.random());
        let of = &self.nodes[at];
        let number = of.number;
        let others = self.nodes.iter().filter(|node| node.number == number);
        let name = format!("{} {}", NAMES[number], others.count() + 1);
        let person = Person::further(rng, &of.person, &mut self.office, &name, self.now_ms);
        let fresh = self.nodes.len();
        self.note(|| format!("{fresh} is {name}"));
        self.figures.devices += 1;
        let mut node = Node::new(name, number, person);
        node.born = self.heads();
        self.nodes.push(node);
        // The login is one work with the fetching of the keys: it is done when they are here.
        for _ in 0..600 {
            self.pass(100);
            if self.nodes[fresh].person.engine.archived().is_some() {
                break;
            }
        }
        let node = &self.nodes[fresh];
        if node.person.engine.archived().is_none() {
            self.fail(&format!("{}: no keys of the history", node.name));
        }
        let device = node.person.device;
        self.office.by_password.remove(&device);
    }

    pub(super) fn heads(&self) -> BTreeMap<ConvId, u64> {
        let logs = self.office.logs.iter();
        logs.map(|(conv, log)| (*conv, log.events.len() as u64))
            .collect()
    }

    /// Devices of a node's account that are not over.
    fn live_devices(&self, at: usize) -> usize {
        let number = self.nodes[at].number;
        let mut devices = 0;
        for node in &self.nodes {
            devices += usize::from(node.number == number && node.over.is_none());
        }
        devices
    }

    /// Another device of the account revokes this one, by the password.
    fn revoke(&mut self, at: usize) {
        if self.live_devices(at) < 2 {
            return;
        }
        self.note(|| format!("{at} is revoked"));
        self.figures.ended += 1;
        let person = &self.nodes[at].person;
        person.revoked(&mut self.office);
        self.nodes[at].over = Some(self.heads());
        self.break_link(at, 100);
    }

    /// A device logs out; what has not left keeps it from that, or is lost.
    fn log_out(&mut self, at: usize) {
        if self.live_devices(at) < 2 || self.nodes[at].leaving {
            return;
        }
        self.said += 1;
        let (discard, caller) = (self.dice.random_bool(0.7), format!("logout {}", self.said));
        self.note(|| format!("{at} logs out"));
        self.nodes[at].leaving = true;
        self.nodes[at].wish(Wish {
            caller,
            command: Command::Logout { discard },
            text: None,
        });
    }

    /// Everything heals.
    pub(super) fn heal(&mut self) {
        self.note(|| "everything heals".to_owned());
        for node in &mut self.nodes {
            node.skew_ms = 0;
            node.doomed = false;
            node.cut_off_until = 0;
            node.person.wakes.clear();
            node.next_tick = 0;
            (node.lag_ms, node.push_at) = (0, None);
            if let Wire::Down { dial_at } = &mut node.wire
                && *dial_at < u64::MAX
            {
                *dial_at = self.now_ms;
            }
        }
        self.lag_ms = 1;
        self.set_time(self.now_ms);
    }
}
