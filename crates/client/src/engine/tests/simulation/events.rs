//! What people do, and what goes wrong.

use super::super::person::Person;
use super::Simulation;
use super::node::{Node, Wire};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const HOUR_MS: u64 = 60 * 60 * 1_000;
/// Devices that one account has at most.
const DEVICES_MAX: usize = 3;

impl Simulation {
    /// One thing happens.
    pub(super) fn act(&mut self) {
        let at = self.dice.random_range(0..self.nodes.len());
        match self.dice.random_range(0..100) {
            0..66 => self.say(at),
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
            95..97 => self.night(),
            _ => self.further_device(at),
        }
    }

    fn say(&mut self, at: usize) {
        let conversations = self.nodes[at].conversations();
        if conversations.is_empty() {
            return;
        }
        // Several at once now and then: they keep their order.
        for _ in 0..self.dice.random_range(1..4) {
            let to = &conversations[self.dice.random_range(0..conversations.len())];
            self.said += 1;
            let text = format!("message {}", self.said);
            self.story.push(format!(
                "{:>9} {at} says {text} to {to}",
                self.now_ms - super::START_MS
            ));
            self.nodes[at].say(to, &text);
        }
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
        let account = self.nodes[at].person.account;
        let devices = self.nodes.iter();
        let number = devices
            .filter(|node| node.person.account == account)
            .count();
        if number >= DEVICES_MAX {
            return;
        }
        let rng = StdRng::seed_from_u64(self.dice.random());
        let label = format!("device {}", number + 1);
        let of = &self.nodes[at];
        let person = Person::further(rng, &of.person, &mut self.office, &label, self.now_ms);
        let name = format!(
            "{} {}",
            of.name.split(' ').next().unwrap_or_default(),
            number + 1
        );
        self.note(|| format!("{name} is added"));
        self.figures.devices += 1;
        let node = Node::new(name, person);
        self.nodes.push(node);
        // The login is one work with the fetching of the history: it is done when that is.
        let fresh = self.nodes.len() - 1;
        for _ in 0..600 {
            self.pass(100);
            if self.nodes[fresh].caught_up() {
                break;
            }
        }
        assert!(
            self.nodes[fresh].caught_up(),
            "seed {}: no history",
            self.seed
        );
        let logs = self.office.logs.iter();
        let heads = logs.map(|(conv, log)| (*conv, log.events.len() as u64));
        let node = &mut self.nodes[fresh];
        node.history_to = heads.collect();
        self.office.by_password.remove(&node.person.device);
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
            if let Wire::Down { dial_at } = &mut node.wire {
                *dial_at = self.now_ms;
            }
        }
        self.set_time(self.now_ms);
    }
}
