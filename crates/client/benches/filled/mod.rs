//! A store with many messages, made once below the target folder: texts of made-up words as common and as long as those of
//! people, over three years, in 50 conversations, by 9 people.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_core::UnwrapErr;
use std::path::{Path, PathBuf};
use std::time::Instant;
use subrosa_client::engine::fact;
use subrosa_client::store::{Entry, FILE, Store, StoreError, StoreKey};
use subrosa_e2e::{Content, Credential, Identity, Machine, SlotSecret, Text, found_account};
use subrosa_ledger::{Account, Conversation, Record};
use subrosa_proto::{AccountId, Address, EventHash, Form, Host, LogHash, Name, encode};
use zeroize::Zeroizing;

/// Messages, if nothing else is asked for.
pub const ROWS: u64 = 1_000_000;
/// When the last one was written.
pub const NOW_MS: u64 = 1_795_420_000_000;
const CONVERSATIONS: u64 = 50;
const OTHERS: u8 = 8;
const YEARS_MS: u64 = 3 * 365 * 24 * 60 * 60 * 1_000;
/// Written in one transaction.
const BATCH: u64 = 5_000;

const HEADS: &[&str] = &[
    "st", "re", "con", "in", "de", "pro", "ma", "the", "an", "co", "un", "dis", "pre", "ex", "com",
    "per", "mi", "to", "la", "no", "be", "fo", "wi", "ha", "me", "se", "so", "li", "pa", "tr",
    "ch", "sh",
];
const TAILS: &[&str] = &[
    "a", "e", "i", "o", "u", "er", "en", "on", "al", "it", "or", "is", "es", "ti", "te", "ra",
    "ri", "ro", "le", "ve", "st", "nd",
];

/// A home with such a store.
pub struct Filled {
    dir: PathBuf,
    key: StoreKey,
    /// Messages in it.
    pub rows: u64,
}

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

impl Filled {
    /// The one of this size; made if it is not there.
    pub fn ready(rows: u64) -> Self {
        let below = Path::new(env!("CARGO_TARGET_TMPDIR")).join("filled");
        let dir = below.join(rows.to_string());
        if !dir.join("done").exists() {
            let making = below.join(format!("{rows}.making"));
            drop(std::fs::remove_dir_all(&making));
            std::fs::create_dir_all(&making).unwrap();
            fill(&making, rows);
            std::fs::write(making.join("done"), "").unwrap();
            drop(std::fs::remove_dir_all(&dir));
            std::fs::rename(&making, &dir).unwrap();
        }
        let key = StoreKey::load(&dir, None).unwrap();
        println!("a home with {rows} messages: {}", dir.display());
        Self { dir, key, rows }
    }

    /// Opens its store.
    pub fn open(&self) -> Store {
        Store::open(&self.dir, FILE, &self.key, false).unwrap()
    }

    /// The size of its store.
    pub fn megabytes(&self) -> u64 {
        std::fs::metadata(self.dir.join(FILE)).unwrap().len() / 1_000_000
    }
}

fn words(rng: &mut StdRng) -> Vec<String> {
    let mut words = vec![
        "the".to_owned(),
        "and".to_owned(),
        "to".to_owned(),
        "you".to_owned(),
    ];
    while words.len() < 60_000 {
        let mut word = HEADS[rng.random_range(0..HEADS.len())].to_owned();
        while word.len() < 12 && rng.random_bool(0.7) {
            word.push_str(TAILS[rng.random_range(0..TAILS.len())]);
        }
        words.push(word);
    }
    words
}

/// Few words are common and many are rare, as the words of a language are (Zipf).
fn text(rng: &mut StdRng, words: &[String]) -> String {
    let length = (rng.random::<f64>().mul_add(2.2, 0.4)).exp() as usize + rng.random_range(0..6);
    let mut text = String::new();
    for _ in 0..length.max(1) {
        let rank = (words.len() as f64).powf(rng.random::<f64>()) as usize;
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&words[rank.min(words.len() - 1)]);
    }
    if rng.random_bool(0.02) {
        text.push_str(" https://example.org/");
    }
    text
}

fn fill(dir: &Path, rows: u64) {
    let started = Instant::now();
    let key = StoreKey::create(dir, None).unwrap();
    let mut system = UnwrapErr(getrandom::SysRng);
    let identity = Identity::generate(&mut system);
    let id = identity.id();
    let (mut machine, mut changes) = Machine::generate(id, &mut system);
    let (_, made) = machine.next_prekey(NOW_MS, &mut system);
    changes.then(made);
    let secret = SlotSecret {
        seed: Box::new(Zeroizing::new([1; 32])),
        anchor: [2; 32],
    };
    let slot = || Credential {
        secret: &secret,
        record: bytes::Bytes::from_static(b"record"),
    };
    let name = Name::new("ada").unwrap();
    let device = machine.device();
    let founding = found_account(
        identity,
        &name,
        device,
        "bench",
        slot(),
        slot(),
        &mut system,
    )
    .unwrap();
    let own = Account::from_chain(&founding.chain).unwrap();
    let known = Known(own.clone());
    let mut store = Store::open(dir, FILE, &key, true).unwrap();
    let address = Address {
        hosts: Host::parse_list("localhost").unwrap(),
        key: [7; 32],
    };
    let mut numbers = Vec::new();
    store
        .transaction(|desk| -> Result<(), StoreError> {
            desk.set_fact(fact::ACCOUNT, &id)?;
            desk.set_fact(fact::ADDRESS, &address.to_string())?;
            desk.set_account(&own)?;
            desk.save(&changes)?;
            for conversation in 0..CONVERSATIONS {
                let (event, conv) = machine.create(Form::Room, true, None, None, &mut system);
                let state = Conversation::create(&event, &known).unwrap();
                let wish = format!("#room-{conversation}");
                numbers.push(desk.add_conversation(&conv, &wish, &encode(&state))?.0);
            }
            Ok(())
        })
        .unwrap();
    let mut rng = StdRng::seed_from_u64(7);
    let words = words(&mut rng);
    let mut positions = vec![0_u64; numbers.len()];
    for batch in 0..rows.div_ceil(BATCH) {
        store
            .transaction(|desk| -> Result<(), StoreError> {
                for row in batch * BATCH..((batch + 1) * BATCH).min(rows) {
                    let place = rng.random_range(0..numbers.len());
                    positions[place] += 1;
                    let (no, position) = (numbers[place], positions[place]);
                    let time_ms = NOW_MS - YEARS_MS + row * (YEARS_MS / rows);
                    let text = text(&mut rng, &words);
                    let content = Content::new(Text { text }, time_ms, &mut rng);
                    let body = content.encode().unwrap();
                    let other = rng.random_range(0..=OTHERS);
                    desk.add_line(&Entry {
                        conversation: no,
                        position: Some(position),
                        account: if other == 0 {
                            id
                        } else {
                            AccountId([other; 32])
                        },
                        content: Some(content.id),
                        author_ms: time_ms,
                        arrived_ms: Some(time_ms),
                        kind: 0,
                        body: &body,
                        state: (other == 0).then_some(4),
                    })?;
                    let mut hash = [0; 32];
                    hash[..16].copy_from_slice(&content.id.0);
                    desk.add_log(no, position, &LogHash(hash), &EventHash(hash))?;
                }
                Ok(())
            })
            .unwrap();
    }
    store.fold().unwrap();
    store.close();
    println!(
        "{rows} messages written in {:.1} s",
        started.elapsed().as_secs_f64()
    );
}
