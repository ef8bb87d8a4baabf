//! Long conversations, quickly: two devices seal, sign and append by the real protocol, with many
//! appends under way, in homes whose clients are closed meanwhile.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::collections::HashMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use subrosa_channel::io::{Config, Reader, Writer, connect};
use subrosa_channel::{Hello, ServerPublicKey};
use subrosa_client::engine::fact;
use subrosa_client::store::{FILE, Store, StoreError, StoreKey};
use subrosa_e2e::{Content, Machine, MessageMeta, PrekeyDirectory, Text};
use subrosa_ledger::{Account, Conversation, Record, Verdict};
use subrosa_proto::{
    AccountId, Address, BUILD, ConvId, Event, EventHash, Form, FromClient, FromServer, LogHash,
    PROTOCOL_MAX, PROTOCOL_MIN, Request, Response, decode, encode, limits,
};
use tokio::net::TcpStream;

/// Requests under way.
const WINDOW: usize = 16;
/// Messages that one side writes in a row.
const TURN: u64 = 40;

pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis() as u64
}

fn rng() -> rand_core::UnwrapErr<getrandom::SysRng> {
    rand_core::UnwrapErr(getrandom::SysRng)
}

/// What a home knows, as the reducer asks for it.
#[derive(Clone)]
pub struct Known(pub HashMap<AccountId, Account>);

impl Record for Known {
    fn account(&self, id: &AccountId) -> Option<&Account> {
        self.0.get(id)
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

/// A home that nobody has open, read for its keys.
pub struct Device {
    pub machine: Machine,
    pub account: AccountId,
    pub address: Address,
    pub known: Known,
    pub prekeys: PrekeyDirectory,
    pub states: Vec<Conversation>,
    counter: u64,
}

impl Device {
    pub fn read(home: &Path) -> Self {
        let key = StoreKey::load(home, None).unwrap();
        let mut store = Store::open(home, FILE, &key, false).unwrap();
        let device = store.transaction(|desk| {
            let accounts = desk.accounts()?.into_iter();
            let accounts: HashMap<_, _> = accounts
                .map(|known| (known.account.id(), known.account))
                .collect();
            let mut prekeys = PrekeyDirectory::default();
            for (account, signed) in desk.prekeys()? {
                let _ = prekeys.admit(&accounts[&account], &signed);
            }
            let line: String = desk.fact(fact::ADDRESS)?.unwrap();
            let states = desk.conversations()?.into_iter();
            Ok::<_, StoreError>(Self {
                machine: Machine::load(desk.records_at_start()?).unwrap(),
                account: desk.fact(fact::ACCOUNT)?.unwrap(),
                address: Address::parse(&line).unwrap(),
                known: Known(accounts),
                prekeys,
                states: states
                    .map(|stored| decode(&stored.state).unwrap())
                    .collect(),
                // Beyond what the home itself will use.
                counter: 1_000_000,
            })
        });
        let device = device.unwrap();
        store.close();
        device
    }

    pub async fn link(&self) -> Wire {
        let host = &self.address.hosts[0];
        let tcp = TcpStream::connect((host.name.as_str(), host.port))
            .await
            .unwrap();
        let config = Config {
            message_limit: limits::MESSAGE_BYTES_MAX,
            ..Config::new(Hello::new(PROTOCOL_MIN, PROTOCOL_MAX, BUILD).unwrap())
        };
        let server = ServerPublicKey::from_bytes(self.address.key);
        let link = connect(tcp, &server, &config, &mut rng()).await.unwrap();
        let signature = self.machine.sign_login(link.transcript());
        let (reader, writer) = link.split();
        let mut wire = Wire {
            reader,
            writer,
            next: 1,
            open: 0,
        };
        let login = Request::DeviceLogin {
            account: self.account,
            device: self.machine.device(),
            signature,
        };
        match wire.ask(login).await {
            Response::LoggedIn { .. } => wire,
            other => panic!("{other:?}"),
        }
    }
}

/// A connection of a device.
pub struct Wire {
    reader: Reader,
    writer: Writer,
    next: u64,
    open: usize,
}

impl Wire {
    pub async fn send(&mut self, request: Request) {
        let id = self.next;
        self.next += 1;
        self.writer
            .send(&encode(&FromClient { id, request }))
            .unwrap();
        self.writer.flush().await.unwrap();
        self.open += 1;
    }

    pub async fn answer(&mut self) -> Response {
        loop {
            let message = self.reader.recv().await.unwrap().expect("the link ended");
            if let FromServer::Answer { response, .. } = decode(&message).unwrap() {
                self.open -= 1;
                return response;
            }
        }
    }

    /// The next answer as it came.
    pub async fn answer_bytes(&mut self) -> bytes::Bytes {
        self.open -= 1;
        self.reader.recv().await.unwrap().expect("the link ended")
    }

    pub async fn ask(&mut self, request: Request) -> Response {
        assert_eq!(self.open, 0);
        self.send(request).await;
        self.answer().await
    }

    async fn settle(&mut self, down_to: usize) {
        while self.open > down_to {
            match self.answer().await {
                Response::Done {} | Response::Appended { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Fills the direct conversation of two homes with so many messages, in turns of both sides.
/// `lane` tells those apart that go on at one time: no two requests of a device have one counter.
pub async fn fill(ada: &Path, peer: &Path, lane: u64, messages: u64) -> ConvId {
    let mut devices = [Device::read(ada), Device::read(peer)];
    devices[0].counter += lane * 1_000_000;
    let peer_id = devices[1].account;
    let mut states = devices[0].states.iter();
    let found = states.find(|state| {
        state.form() == Form::Direct && state.peer(&devices[0].account) == Some(peer_id)
    });
    let mut state = found.expect("no conversation of the two").clone();
    let mut wires = [devices[0].link().await, devices[1].link().await];
    let mut written = 0;
    while written < messages {
        for side in [0, 1] {
            let turn = TURN.min(messages - written);
            for _ in 0..turn {
                written += 1;
                append(&mut devices[side], &mut wires[side], &mut state, written).await;
            }
            wires[side].settle(0).await;
        }
    }
    state.id()
}

async fn append(device: &mut Device, wire: &mut Wire, state: &mut Conversation, number: u64) {
    let filler =
        "of a conversation that has gone on for long and goes on for longer still, ".repeat(2);
    let length = 20 + (number * 37 % 100) as usize;
    let text = format!("message {number} {}", &filler[..length]);
    let now_ms = now_ms();
    let content = Content::new(Text { text }, now_ms, &mut rng());
    let sealed = device.machine.seal(
        state,
        &device.known,
        &device.prekeys,
        &content,
        &MessageMeta::default(),
        now_ms,
        &mut rng(),
    );
    let sealed = sealed.unwrap();
    let mut events = Vec::new();
    if let Some(key) = sealed.key {
        let session = sealed.session;
        let boxes = key.boxes.iter().map(encode).collect();
        wire.send(Request::Stage { session, boxes }).await;
        events.push(key.event);
    }
    events.push(sealed.message);
    for event in &events {
        judge(state, event, &device.known);
    }
    device.counter += 1;
    let (counter, conv) = (device.counter, state.id());
    let events = events.iter().map(encode::<Event>).collect();
    wire.send(Request::Append {
        counter,
        conv,
        events,
    })
    .await;
    wire.settle(WINDOW - 2).await;
}

pub fn judge(state: &mut Conversation, event: &Event, known: &Known) {
    let position = state.head().0 + 1;
    let verdict = state.apply(position, event, known).unwrap();
    assert!(matches!(verdict, Verdict::Valid(_)), "{verdict:?}");
}
