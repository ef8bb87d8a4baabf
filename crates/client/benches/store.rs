//! How long a home takes to be ready: opening the store, rebuilding the engine, and the newest page,
//! with 100,000 rows in 50 conversations. Every figure is that of a fresh connection; the files lie
//! in the system's cache, as they do when a verb runs a second time. With `SUBROSA_KEEP` it only makes
//! a home in that folder, for whole programs to be measured in it; where an account is there already, its
//! home gets the rows, in rooms of somebody else's.

#![allow(clippy::print_stdout, reason = "a bench prints what it measures")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use subrosa_client::engine::{Engine, fact};
use subrosa_client::store::{Entry, FILE, Store, StoreError, StoreKey};
use subrosa_e2e::{Content, Credential, Identity, Machine, SlotSecret, Text, found_account};
use subrosa_ledger::{Account, Conversation, Record};
use subrosa_proto::{AccountId, Address, EventHash, Form, Host, LogHash, Name, encode};
use zeroize::Zeroizing;

const CONVERSATIONS: u64 = 50;
/// Rows, unless `SUBROSA_ROWS` says otherwise.
const ROWS: u64 = 100_000;
const ROUNDS: usize = 15;
const PAGE: u32 = 50;
const NOW_MS: u64 = 1_795_420_000_000;

type Outcome<T> = Result<T, Box<dyn Error>>;

struct Known(Account);

impl Record for Known {
    fn account(&self, _: &AccountId) -> Option<&Account> {
        Some(&self.0)
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

fn fill(dir: &Path, key: &StoreKey, rows: u64) -> Outcome<()> {
    let new = !dir.join(FILE).exists();
    let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
    let identity = Identity::generate(&mut rng);
    let id = identity.id();
    let (mut machine, mut changes) = Machine::generate(id, &mut rng);
    let (_, made) = machine.next_prekey(NOW_MS, &mut rng);
    changes.then(made);
    let secret = SlotSecret {
        seed: Box::new(Zeroizing::new([1; 32])),
        anchor: [2; 32],
    };
    let slot = || Credential {
        secret: &secret,
        record: bytes::Bytes::from_static(b"record"),
    };
    let name = Name::new(if new { "ada" } else { "somebody" })?;
    let device = machine.device();
    let founding = found_account(identity, &name, device, "bench", slot(), slot(), &mut rng)?;
    let own = Account::from_chain(&founding.chain)?;
    let known = Known(own.clone());
    let mut store = Store::open(dir, FILE, key, new)?;
    let address = Address {
        hosts: Host::parse_list("localhost")?,
        key: [7; 32],
    };
    store.transaction(|desk| {
        if new {
            desk.set_fact(fact::ACCOUNT, &id)?;
            desk.set_fact(fact::ADDRESS, &address.to_string())?;
            desk.save(&changes)?;
        }
        desk.set_account(&own)
    })?;
    for conversation in 0..CONVERSATIONS {
        let (event, conv) = machine.create(Form::Room, true, None, None, &mut rng);
        let state = Conversation::create(&event, &known)?;
        store.transaction(|desk| -> Result<(), StoreError> {
            let wish = format!("#room-{conversation}");
            let (no, _) = desk.add_conversation(&conv, &wish, &encode(&state))?;
            for position in 1..=rows / CONVERSATIONS {
                let text =
                    format!("message {position} of a conversation that has gone on for long");
                let content = Content::new(Text { text }, NOW_MS + position, &mut rng);
                let body = content.encode().map_err(|_| StoreError::Shape("content"))?;
                desk.add_line(&Entry {
                    conversation: no,
                    position: Some(position),
                    account: id,
                    content: Some(content.id),
                    author_ms: content.author_ms,
                    arrived_ms: Some(content.author_ms),
                    kind: 0,
                    body: &body,
                    state: Some(3),
                })?;
                let mut hash = [0; 32];
                hash[..16].copy_from_slice(&content.id.0);
                desk.add_log(no, position, &LogHash(hash), &EventHash(hash))?;
            }
            Ok(())
        })?;
    }
    store.fold()?;
    store.close();
    Ok(())
}

/// The middle of what a piece of work takes, each time on a connection of its own.
fn measured<T>(
    dir: &Path,
    key: &StoreKey,
    mut work: impl FnMut(&mut Store) -> Outcome<T>,
) -> Outcome<(Duration, Duration)> {
    let (mut opened, mut worked) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let mut store = Store::open(dir, FILE, key, false)?;
        opened.push(started.elapsed());
        let started = Instant::now();
        drop(work(&mut store)?);
        worked.push(started.elapsed());
        store.close();
    }
    Ok((middle(opened), middle(worked)))
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn main() -> Outcome<()> {
    let rows = std::env::var("SUBROSA_ROWS").map_or(Ok(ROWS), |rows| rows.parse())?;
    if let Some(dir) = std::env::var_os("SUBROSA_KEEP").map(PathBuf::from) {
        std::fs::create_dir_all(&dir)?;
        let key = StoreKey::load(&dir, None).or_else(|_| StoreKey::create(&dir, None))?;
        return fill(&dir, &key, rows);
    }
    let dir = tempfile::tempdir()?;
    let key = StoreKey::create(dir.path(), None)?;
    let started = Instant::now();
    fill(dir.path(), &key, rows)?;
    let bytes = std::fs::metadata(dir.path().join(FILE))?.len();
    println!(
        "{rows} rows in {CONVERSATIONS} conversations: {} MB, written in {:.1} s",
        bytes / 1_000_000,
        started.elapsed().as_secs_f64()
    );
    let (open, load) = measured(dir.path(), &key, |store| {
        Ok(store.transaction(Engine::load)?)
    })?;
    println!("open the store     {:7.2} ms", ms(open));
    println!("rebuild the engine {:7.2} ms", ms(load));
    let (open, page) = measured(dir.path(), &key, |store| {
        Ok(store.transaction(|desk| desk.lines_before(Some(25), None, PAGE))?)
    })?;
    println!(
        "newest {PAGE} rows of a conversation {:7.2} ms, with opening {:7.2} ms",
        ms(page),
        ms(open + page)
    );
    let (open, page) = measured(dir.path(), &key, |store| {
        Ok(store.transaction(|desk| desk.lines_before(None, None, PAGE))?)
    })?;
    println!(
        "newest {PAGE} rows of all            {:7.2} ms, with opening {:7.2} ms",
        ms(page),
        ms(open + page)
    );
    let (_, unread) = measured(dir.path(), &key, |store| {
        Ok(store.transaction(|desk| desk.contents_above(25, 0, &AccountId([0; 32]), 200))?)
    })?;
    println!("unread count of 2,000 rows          {:7.2} ms", ms(unread));
    Ok(())
}
