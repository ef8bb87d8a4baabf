//! What is due next: messages that arrive, links that are made, ticks.

use super::Simulation;
use super::node::{Node, Wire};
use crate::command::{Command, FailureKind};
use crate::engine::Input;
use crate::engine::link::Down;
use rand::RngExt;
use subrosa_proto::{FromServer, encode};

/// A tick comes at least this often. (Less often than a real one: nights are long.)
const TICK_MS: u64 = 10 * 60_000;
/// Things that may happen at one moment of the made-up time; more is a loop.
const AT_ONCE_MAX: u32 = 20_000;

impl Simulation {
    /// Lets so much time pass.
    pub(super) fn pass(&mut self, ms: u64) {
        let until = self.now_ms + ms;
        let (mut moment, mut at_once) = (self.now_ms, 0);
        loop {
            self.flush();
            let next = (0..self.nodes.len()).min_by_key(|at| self.nodes[*at].due());
            let next = next.expect("there are devices");
            let due = self.nodes[next].due().max(self.now_ms);
            if due > until {
                break;
            }
            at_once = if due == moment { at_once + 1 } else { 0 };
            moment = due;
            assert!(at_once < AT_ONCE_MAX, "seed {}: no rest", self.seed);
            self.set_time(due);
            self.happen(next);
        }
        self.set_time(until);
    }

    pub(super) fn set_time(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        self.office.now_ms = now_ms;
        for node in &mut self.nodes {
            node.set_clock(now_ms);
        }
    }

    fn delay(&mut self) -> u64 {
        self.dice.random_range(1..300)
    }

    /// One thing that is due at a device.
    fn happen(&mut self, at: usize) {
        let now = self.now_ms;
        let node = &mut self.nodes[at];
        // What lies at the server leaves with the next flush.
        if node.push_at.take_if(|push_at| *push_at <= now).is_some() {
            return;
        }
        match &mut node.wire {
            Wire::Down { dial_at } if *dial_at <= now => return self.dial(at),
            Wire::Up { up, .. } if up.front().is_some_and(|(at, _)| *at <= now) => {
                let (_, asked) = up.pop_front().expect("one is there");
                let who = (node.person.account, node.person.device);
                let response = self.office.answer(who, asked.request);
                let answer = FromServer::Answer {
                    id: asked.id,
                    response,
                };
                return self.send_down(at, answer);
            }
            Wire::Up { down, .. } if down.front().is_some_and(|(at, _)| *at <= now) => {
                let (_, message) = down.pop_front().expect("one is there");
                let message = encode(&message);
                node.give(&mut self.office, now, Input::Frame { message });
                return;
            }
            _ => {}
        }
        let node = &mut self.nodes[at];
        node.next_tick = now + TICK_MS;
        node.person.wakes.clear();
        node.give(&mut self.office, now, Input::Tick);
    }

    fn send_down(&mut self, at: usize, message: FromServer) {
        let arrives = self.now_ms + self.delay();
        if let Wire::Up { down, .. } = &mut self.nodes[at].wire {
            let before = down.back().map_or(0, |(at, _)| *at);
            down.push_back((arrives.max(before), message));
        }
    }

    /// The device tries to reach the server.
    fn dial(&mut self, at: usize) {
        let now = self.now_ms;
        let node = &mut self.nodes[at];
        if node.cut_off_until > now {
            let retry_ms = 1_000 + node.cut_off_until - now;
            node.wire = Wire::Down {
                dial_at: now + retry_ms,
            };
            let down = Down {
                cause: "nothing listens there".to_owned(),
                retry_ms: Some(retry_ms),
            };
            return node.give(&mut self.office, now, Input::Unreachable { down });
        }
        self.office.unlink(&node.person.device);
        node.push_at = None;
        node.lag_ms = self.dice.random_range(0..self.lag_ms);
        node.wire = Wire::Up {
            up: std::collections::VecDeque::new(),
            down: std::collections::VecDeque::new(),
        };
        let linked = Input::Linked {
            transcript: [3; 32],
            version: 1,
        };
        node.give(&mut self.office, now, linked);
    }

    /// The link ends with all that is on its way.
    pub(super) fn break_link(&mut self, at: usize, dial_after: u64) {
        let now = self.now_ms;
        let node = &mut self.nodes[at];
        if !node.online() {
            return;
        }
        self.office.unlink(&node.person.device);
        self.office.by_password.remove(&node.person.device);
        node.person.sent.clear();
        node.wire = Wire::Down {
            dial_at: now + dial_after,
        };
        node.give(&mut self.office, now, Input::Lost);
    }

    /// Carries what engines and server want to say onto the wires, and takes answers to wishes.
    fn flush(&mut self) {
        for at in 0..self.nodes.len() {
            self.take_answers(at);
            self.heed_link(at);
            let node = &mut self.nodes[at];
            let sent: Vec<_> = node.person.sent.drain(..).collect();
            for asked in sent {
                let arrives = self.now_ms + self.delay();
                if let Wire::Up { up, .. } = &mut self.nodes[at].wire {
                    let before = up.back().map_or(0, |(at, _)| *at);
                    up.push_back((arrives.max(before), asked));
                }
            }
            let node = &self.nodes[at];
            if node.online() && node.push_at.is_none() {
                let pushes = self.office.take_pushes(&node.person.device);
                if !pushes.is_empty() && node.lag_ms > 0 {
                    self.nodes[at].push_at = Some(self.now_ms + self.nodes[at].lag_ms);
                }
                for push in pushes {
                    self.send_down(at, FromServer::Push { push });
                }
            }
        }
    }

    fn take_answers(&mut self, at: usize) {
        let node: &mut Node = &mut self.nodes[at];
        node.person.notices.clear();
        for (call, answer) in std::mem::take(&mut node.person.answers) {
            let Some(wish) = node.wishes.remove(&call) else {
                continue;
            };
            let Err(failure) = answer else { continue };
            // Where rights changed in the meantime people are told, and that is that.
            let told = matches!(
                failure.kind,
                FailureKind::User | FailureKind::NotPermitted | FailureKind::Network
            );
            assert!(
                told,
                "seed {}: {}: {}: {failure}",
                self.seed, node.name, wish.caller
            );
            self.story.push(format!("{at}: {}: {failure}", wish.caller));
            node.leaving &= !matches!(wish.command, Command::Logout { .. });
            if let Some(text) = wish.text {
                node.promised.retain(|(_, promised)| *promised != text);
            }
        }
    }

    /// What the engine wants of its link.
    fn heed_link(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let leaves = std::mem::take(&mut node.person.leaves);
        let dials = std::mem::take(&mut node.person.dials);
        match leaves.into_iter().next() {
            Some(Some(pause)) => return self.break_link(at, pause.max(50)),
            Some(None) => return self.turned_away(at),
            None => {}
        }
        let node = &mut self.nodes[at];
        if dials > 0
            && node.over.is_none()
            && let Wire::Down { dial_at } = &mut node.wire
        {
            *dial_at = (*dial_at).min(self.now_ms + 20);
        }
    }

    /// The device was revoked, or has logged out.
    fn turned_away(&mut self, at: usize) {
        let heads = self.heads();
        let node = &mut self.nodes[at];
        assert!(
            node.leaving || node.over.is_some(),
            "seed {}: {at} is turned away",
            self.seed
        );
        if node.over.is_none() {
            self.figures.ended += 1;
            node.over = Some(heads);
        }
        self.break_link(at, 0);
        self.nodes[at].wire = Wire::Down { dial_at: u64::MAX };
    }
}
