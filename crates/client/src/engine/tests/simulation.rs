//! Many people with several devices, and a network that does its worst, all from one seed.
//!
//! Real engines with real stores; the server is the tests' own. Time is made up: every step takes the
//! next thing that is due. Links break with requests and answers on the way, processes die before and after
//! their writes are on disk, devices come and end, rooms are made and change, clocks go wrong, nights pass. In the
//! end everything heals, and what the logs say (`naive`) is compared with what each device shows (`verdict`).
//! docs/decisions/0019-a-world-from-one-seed.md has what is demanded, and figures.
//!
//! A seed that fails tells its story, and is run again by `FIRST=17 SEEDS=1` before the same command.

mod events;
mod naive;
mod network;
mod node;
mod verdict;

use super::office::Office;
use super::person::Person;
use super::world::START_MS;
use node::Node;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use subrosa_login::InviteSecret;
use verdict::Figures;

/// Names of the people, the first of whom invites the others.
const NAMES: [&str; 5] = ["ada", "bob", "carol", "dave", "eve"];
/// How long after the last fault everything must have come to rest.
const HEALING_MS: u64 = 20 * 60 * 1_000;

/// How much happens.
struct Plan {
    people: usize,
    acts: u32,
    /// What one says at once, at most.
    burst: u32,
    /// How long the server's pushes lie together, at most.
    lag_ms: u64,
    /// Devices of each person that come when all is over.
    late: u32,
}

/// The world.
struct Simulation {
    seed: u64,
    dice: StdRng,
    now_ms: u64,
    office: Office,
    nodes: Vec<Node>,
    /// Texts said and changes wished so far.
    said: u32,
    burst: u32,
    lag_ms: u64,
    /// Which device said a text.
    sayers: BTreeMap<String, usize>,
    figures: Figures,
    /// What happened, for a seed that fails.
    story: Vec<String>,
}

impl Simulation {
    fn new(seed: u64, plan: &Plan) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut office = Office::new(START_MS);
        let lines: Vec<InviteSecret> = (1..plan.people)
            .map(|number| InviteSecret::from_bytes(&[u8::try_from(number).unwrap(); 16]))
            .collect();
        let week = 7 * 24 * 60 * 60 * 1_000;
        let mut founded = Vec::new();
        let mut nodes: Vec<Node> = Vec::new();
        for (number, name) in NAMES.iter().take(plan.people).enumerate() {
            let rng = StdRng::seed_from_u64(dice.random());
            let inviter = nodes.first().map(|node: &Node| node.person.account);
            let (person, made) = Person::found_by(rng, name, START_MS, |desk, account| {
                if let (Some(inviter), Some(before)) = (inviter, number.checked_sub(1)) {
                    let proof = lines[before].mac(inviter.as_bytes(), account.as_bytes());
                    desk.add_opening(Some(&inviter), Some(&proof))?;
                } else {
                    for line in &lines {
                        desk.add_invite(line.as_bytes(), None, START_MS, START_MS + week)?;
                    }
                }
                Ok(())
            });
            office.accounts.insert(person.account, made.account.clone());
            office.prekeys.insert(person.device, made.prekey.clone());
            founded.push(made);
            nodes.push(Node::new((*name).to_owned(), number, person));
        }
        Self {
            seed,
            dice,
            now_ms: START_MS,
            office,
            nodes,
            said: 0,
            burst: plan.burst,
            lag_ms: plan.lag_ms,
            sayers: BTreeMap::new(),
            figures: Figures::default(),
            story: Vec::new(),
        }
    }

    /// All of it, up to the comparison.
    fn run(mut self, plan: &Plan) -> Figures {
        self.live(plan);
        self.judge()
    }

    /// All that happens.
    fn live(&mut self, plan: &Plan) {
        self.settle();
        for _ in 0..plan.acts {
            let pause = self.dice.random_range(1..1_500);
            self.pass(pause);
            self.act();
        }
        self.heal();
        self.settle();
        self.latecomers(plan.late);
        self.settle();
    }

    /// Lets time pass until there is rest.
    fn settle(&mut self) {
        let until = self.now_ms + HEALING_MS;
        self.pass(HEALING_MS);
        assert_eq!(self.now_ms, until);
    }

    /// Names of those who take part.
    fn names(&self) -> Vec<String> {
        let all = self.nodes.iter().map(|node| node.number).max();
        let taken = NAMES.iter().take(all.map_or(0, |last| last + 1));
        taken.map(|name| (*name).to_owned()).collect()
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        self.story
            .push(format!("{:>9} {}", self.now_ms - START_MS, what()));
    }
}

fn simulate(seed: u64, plan: &Plan) -> Figures {
    let simulation = Simulation::new(seed, plan);
    simulation.run(plan)
}

fn from_environment(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |text| text.parse().expect("a number"))
}

/// A few seeds; `just simulate` asks for more.
///
/// Proves: C14, C16
#[test]
fn every_device_reads_what_it_may_and_nothing_else() {
    let (first, seeds) = (from_environment("FIRST", 0), from_environment("SEEDS", 4));
    let acts = u32::try_from(from_environment("ACTS", 100)).unwrap();
    let burst = u32::try_from(from_environment("BURST", 3)).unwrap();
    let mut total = Figures::default();
    for (seed, number) in (first..first + seeds).zip(1..) {
        let people = 2 + usize::try_from(seed % 4).unwrap();
        let plan = Plan {
            people,
            acts,
            burst,
            lag_ms: from_environment("LAG_MS", 1_000),
            late: u32::try_from(from_environment("LATE", 1)).unwrap(),
        };
        total.add(&simulate(seed, &plan));
        if number % 20 == 0 || number == seeds {
            println!("{number} seeds from {first}, {acts} acts each: {total:?}");
        }
    }
    assert!(
        total.delivered >= 40 * seeds && total.breaks >= seeds && total.deaths >= seeds,
        "{total:?}: it proves nothing"
    );
}

#[test]
fn a_seed_replays() {
    let plan = Plan {
        people: 3,
        acts: 60,
        burst: 3,
        lag_ms: 1_000,
        late: 0,
    };
    let mut stories = (0..2).map(|_| {
        let mut simulation = Simulation::new(99, &plan);
        simulation.live(&plan);
        let logs = simulation.office.logs.values();
        let heads: Vec<_> = logs.map(|log| log.state.head()).collect();
        (simulation.story, heads)
    });
    assert!(
        stories.next() == stories.next(),
        "something is not from the seed"
    );
}
