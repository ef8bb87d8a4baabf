//! A person: a real store, an engine, and what the driver would carry out.

use super::office::Office;
use crate::command::{Act, Answer, Caller, Command, Failure, Wait};
use crate::engine::{CallId, Effect, Engine, EngineError, Input, Turn, fact};
use crate::store::{FILE, Store, StoreError, StoreKey};
use crate::view::{Notice, Row, RowKind, SendState};
use bytes::Bytes;
use rand::rngs::StdRng;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use subrosa_e2e::{Credential, Identity, Machine, Slot, SlotSecret, found_account, open_vault};
use subrosa_ledger::Account;
use subrosa_proto::{
    AccountId, DeviceId, FromClient, FromServer, Name, Push, Request, Response, Signed, decode,
    encode,
};
use zeroize::Zeroizing;

pub const ADDRESS_KEY: [u8; 32] = [9; 32];

pub struct Person {
    pub dir: tempfile::TempDir,
    pub account: AccountId,
    pub device: DeviceId,
    pub store: Store,
    pub engine: Engine,
    pub bundle: Bytes,
    pub now_ms: u64,
    /// Requests that have left and are not answered.
    pub sent: VecDeque<FromClient>,
    pub answers: BTreeMap<CallId, Result<Answer, Failure>>,
    pub notices: Vec<Notice>,
    pub wakes: Vec<u64>,
    pub dials: usize,
    pub leaves: Vec<Option<u64>>,
    pub ended: Vec<CallId>,
    next_call: CallId,
    /// In place of the system's random numbers.
    rng: StdRng,
}

/// What a new account hands to the server.
pub struct Founded {
    pub account: Account,
    pub prekey: Signed,
}

/// A folder for a home, in memory where the system has such: the tests' homes need not outlive it.
fn room() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory)
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

fn slot_secret(account: AccountId) -> SlotSecret {
    SlotSecret {
        seed: Box::new(Zeroizing::new([5; 32])),
        anchor: account.0,
    }
}

impl Person {
    /// Founds an account and puts it into a store, as enrolment does.
    pub fn found(
        name: &str,
        now_ms: u64,
        prepare: impl FnOnce(&crate::store::Desk<'_>, AccountId) -> Result<(), StoreError>,
    ) -> (Self, Founded) {
        Self::found_by(rand::make_rng(), name, now_ms, prepare)
    }

    /// The same, from given randomness.
    pub fn found_by(
        mut rng: StdRng,
        name: &str,
        now_ms: u64,
        prepare: impl FnOnce(&crate::store::Desk<'_>, AccountId) -> Result<(), StoreError>,
    ) -> (Self, Founded) {
        let identity = Identity::generate(&mut rng);
        let account = identity.id();
        let (mut machine, mut changes) = Machine::generate(account, &mut rng);
        let (prekey, made) = machine.next_prekey(now_ms, &mut rng);
        changes.then(made);
        let secret = slot_secret(account);
        let slot = || Credential {
            secret: &secret,
            record: Bytes::from_static(b"record"),
        };
        let name = Name::new(name).unwrap();
        let device = machine.device();
        let founding =
            found_account(identity, &name, device, "first", slot(), slot(), &mut rng).unwrap();
        let own = Account::from_chain(&founding.chain).unwrap();
        let dir = room();
        let key = StoreKey::create(dir.path(), None).unwrap();
        let mut store = Store::open(dir.path(), FILE, &key, true).unwrap();
        store
            .transaction(|desk| {
                desk.set_fact(fact::ACCOUNT, &account)?;
                let address = subrosa_proto::Address {
                    hosts: subrosa_proto::Host::parse_list("localhost").unwrap(),
                    key: ADDRESS_KEY,
                };
                desk.set_fact(fact::ADDRESS, &address.to_string())?;
                desk.set_fact(fact::PREKEY, &1_u64)?;
                desk.set_account(&own)?;
                desk.save(&changes)?;
                desk.add_opening(None, None)?;
                prepare(desk, account)
            })
            .unwrap();
        let person = Self::seated(dir, store, founding.bundle, now_ms, rng);
        let founded = Founded {
            account: own,
            prekey,
        };
        (person, founded)
    }

    fn seated(
        dir: tempfile::TempDir,
        mut store: Store,
        bundle: Bytes,
        now_ms: u64,
        rng: StdRng,
    ) -> Self {
        let engine = store.transaction(Engine::load).unwrap();
        Self {
            dir,
            account: engine.account,
            device: engine.machine.device(),
            store,
            engine,
            bundle,
            now_ms,
            sent: VecDeque::new(),
            answers: BTreeMap::new(),
            notices: Vec::new(),
            wakes: Vec::new(),
            dials: 0,
            leaves: Vec::new(),
            ended: Vec::new(),
            next_call: 1,
            rng,
        }
    }

    /// A further device of a person's account, let in by the password.
    pub fn further(rng: StdRng, of: &Self, office: &mut Office, label: &str, now_ms: u64) -> Self {
        let mut rng = rng;
        let secret = slot_secret(of.account);
        let mut account = office.accounts[&of.account].clone();
        let vault = open_vault(&of.bundle, Slot::Password, &secret, &account).unwrap();
        let (mut machine, mut changes) = Machine::generate(of.account, &mut rng);
        let (prekey, made) = machine.next_prekey(now_ms, &mut rng);
        changes.then(made);
        let added = vault.add_device(&account, machine.device(), label);
        account.append(&added).unwrap();
        let dir = room();
        let key = StoreKey::create(dir.path(), None).unwrap();
        let mut store = Store::open(dir.path(), FILE, &key, true).unwrap();
        store
            .transaction(|desk| {
                desk.set_fact(fact::ACCOUNT, &of.account)?;
                desk.set_fact(fact::ADDRESS, &of.engine.address().to_string())?;
                desk.set_account(&account)?;
                desk.save(&changes)?;
                desk.save(&machine.prekey_published(now_ms))
            })
            .unwrap();
        office.prekeys.insert(machine.device(), prekey);
        office.grown(account);
        office.by_password.insert(machine.device());
        let mut person = Self::seated(dir, store, of.bundle.clone(), now_ms, rng);
        person.engine.fetch_archive(vault.history_opener());
        person
    }

    /// The account's password ends this device.
    pub fn revoked(&self, office: &mut Office) {
        let secret = slot_secret(self.account);
        let mut account = office.accounts[&self.account].clone();
        let vault = open_vault(&self.bundle, Slot::Password, &secret, &account).unwrap();
        let ended = vault.revoke_device(&account, self.device);
        account.append(&ended).unwrap();
        office.prekeys.remove(&self.device);
        office.grown(account);
    }

    /// The same home, copied, in the hands of another process.
    pub fn copy(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(self.dir.path()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
        }
        let store = open(dir.path());
        Self::seated(
            dir,
            store,
            self.bundle.clone(),
            self.now_ms,
            rand::make_rng(),
        )
    }

    /// The process ends as by kill -9, and another takes over: what it had sent and not heard is lost.
    pub fn restart(&mut self) {
        self.engine = self.store.transaction(Engine::load).unwrap();
        self.sent.clear();
        self.answers.clear();
        self.notices.clear();
        self.wakes.clear();
        self.leaves.clear();
    }

    /// The process ends as by kill -9 before what an input changes is on disk.
    pub fn die_of(&mut self, input: Input) {
        let (engine, now_ms, rng) = (&mut self.engine, self.now_ms, &mut self.rng);
        let outcome = self.store.transaction(|desk| {
            let mut turn = Turn {
                now_ms,
                desk,
                rng: &mut *rng,
                effects: Vec::new(),
            };
            engine.handle(&mut turn, input)?;
            Err::<(), _>(EngineError::Secrets("the process ended".to_owned()))
        });
        assert!(outcome.is_err());
        self.restart();
    }

    pub fn give(&mut self, input: Input) {
        let (engine, now_ms, rng) = (&mut self.engine, self.now_ms, &mut self.rng);
        let effects = self
            .store
            .transaction(|desk| {
                let mut turn = Turn {
                    now_ms,
                    desk,
                    rng: &mut *rng,
                    effects: Vec::new(),
                };
                engine.handle(&mut turn, input)?;
                Ok::<_, EngineError>(turn.effects)
            })
            .unwrap();
        for effect in effects {
            match effect {
                Effect::Send(bytes) => self.sent.push_back(decode(&bytes).unwrap()),
                Effect::Answer(call, answer) => {
                    let before = self.answers.insert(call, answer);
                    assert!(before.is_none(), "a call is answered once");
                }
                Effect::Notify(_, notice) => self.notices.push(notice),
                Effect::Wake(at_ms) => self.wakes.push(at_ms),
                Effect::DialNow => self.dials += 1,
                Effect::Compact(..) => {}
                Effect::Settled => {}
                Effect::Leave(pause_ms) => self.leaves.push(pause_ms),
                Effect::End(call) => self.ended.push(call),
            }
        }
    }

    pub fn link(&mut self) {
        self.give(Input::Linked {
            transcript: [3; 32],
            version: 1,
        });
    }

    pub fn lose_link(&mut self) {
        self.sent.clear();
        self.give(Input::Lost);
    }

    pub fn unreachable(&mut self) {
        self.give(Input::Unreachable {
            down: crate::engine::Down {
                cause: "nothing listens there".to_owned(),
                retry_ms: Some(1_000),
            },
        });
    }

    pub fn reply(&mut self, id: u64, response: Response) {
        self.frame(&FromServer::Answer { id, response });
    }

    pub fn push(&mut self, push: Push) {
        self.frame(&FromServer::Push { push });
    }

    fn frame(&mut self, message: &FromServer) {
        self.give(Input::Frame {
            message: encode(message),
        });
    }

    pub fn tick(&mut self) {
        self.wakes.clear();
        self.give(Input::Tick);
    }

    pub fn call(&mut self, command: Command) -> CallId {
        let caller = format!("call {}", self.next_call);
        self.call_as(&caller, command)
    }

    pub fn call_as(&mut self, caller: &str, command: Command) -> CallId {
        let call = self.next_call;
        self.next_call += 1;
        let subscribes = matches!(command, Command::Subscribe { .. });
        self.give(Input::Command {
            call,
            caller: Caller(caller.to_owned()),
            command,
            subscribes,
        });
        call
    }

    pub fn send(&mut self, to: &str, text: &str) -> CallId {
        self.call(send_command(to, text, true))
    }

    /// What is done about the newest row of a conversation that shows this text.
    pub fn act(&mut self, to: &str, text: &str, act: Act) -> CallId {
        let id = self.row(to, text).id;
        self.call(act_command(to, &id, act))
    }

    /// The newest row of a conversation that shows this text.
    pub fn row(&mut self, conversation: &str, text: &str) -> Row {
        let mut rows = self.rows(Some(conversation)).into_iter().rev();
        let shows = |row: &Row| matches!(&row.what, RowKind::Text { text: shown } if shown == text);
        rows.find(shows)
            .unwrap_or_else(|| panic!("{text} is not there"))
    }

    /// What a client that breaks the rules could send.
    pub fn slip(&mut self, to: &str, content: &subrosa_e2e::Content) {
        self.at_the_desk(|engine, turn| {
            let no = engine.conversation_no(to).unwrap();
            let caller = content.id.to_string();
            engine.enqueue(turn, no, &caller, content, false)?;
            Ok(())
        });
    }

    /// A deletion whose header names a position, whoever wrote what stands there.
    pub fn slip_removal(&mut self, to: &str, text: &str, position: u64) {
        let cursor = self.row(to, text).cursor;
        let deletion = subrosa_e2e::Delete {
            of: subrosa_proto::ContentId([0; 16]),
        };
        let rng = &mut crate::randomness::system();
        let content = subrosa_e2e::Content::new(deletion, self.now_ms, rng);
        self.at_the_desk(|engine, turn| {
            let line = turn.desk.line(cursor)?.unwrap();
            let caller = content.id.to_string();
            engine.enqueue_about(turn, &caller, &line, &content, Some(position))?;
            Ok(())
        });
    }

    /// What the engine is made to do, and sends.
    fn at_the_desk(
        &mut self,
        act: impl FnOnce(&mut Engine, &mut Turn<'_>) -> Result<(), EngineError>,
    ) {
        let (engine, now_ms) = (&mut self.engine, self.now_ms);
        let effects = self
            .store
            .transaction(|desk| {
                let mut turn = Turn {
                    now_ms,
                    desk,
                    rng: &mut crate::randomness::system(),
                    effects: Vec::new(),
                };
                act(engine, &mut turn)?;
                Ok::<_, EngineError>(turn.effects)
            })
            .unwrap();
        for effect in effects {
            if let Effect::Send(bytes) = effect {
                self.sent.push_back(decode(&bytes).unwrap());
            }
        }
    }

    /// Whether no page of the index holds a word any more.
    pub fn raw_index_lacks(&mut self, word: &str) -> bool {
        let pages = self.store.transaction(|desk| desk.index_pages()).unwrap();
        let holds = |page: &Vec<u8>| page.windows(word.len()).any(|part| part == word.as_bytes());
        !pages.iter().any(holds)
    }

    pub fn subscribe(&mut self) {
        self.call(Command::Subscribe {
            conversation: None,
            since: None,
        });
    }

    /// What a send was answered.
    pub fn sent_state(&self, call: CallId) -> Option<SendState> {
        match self.answers.get(&call)? {
            Ok(Answer::Sent { state, .. }) => Some(*state),
            other => panic!("{other:?}"),
        }
    }

    pub fn failure(&self, call: CallId) -> &Failure {
        self.answers[&call].as_ref().unwrap_err()
    }

    pub fn rows(&mut self, conversation: Option<&str>) -> Vec<Row> {
        let call = self.call(Command::Read {
            conversation: conversation.map(str::to_owned),
            before: None,
            since: None,
            limit: 1_000,
            fresh: false,
        });
        match self.answers.remove(&call) {
            Some(Ok(Answer::Rows(rows))) => rows,
            other => panic!("{other:?}"),
        }
    }

    /// The texts of a conversation with their authors, in order.
    pub fn texts(&mut self, conversation: &str) -> Vec<(String, String)> {
        let rows = self.rows(Some(conversation)).into_iter();
        rows.filter_map(|row| match row.what {
            RowKind::Text { text } => Some((row.from, text)),
            _ => None,
        })
        .collect()
    }

    /// What this home says to its person beside the texts.
    pub fn notes(&mut self, conversation: &str) -> Vec<String> {
        let rows = self.rows(Some(conversation)).into_iter();
        rows.filter_map(|row| match row.what {
            RowKind::Info { text } => Some(text),
            RowKind::WaitingForKey { cause } | RowKind::Gone { cause } => Some(cause),
            _ => None,
        })
        .collect()
    }

    pub fn warnings(&self) -> Vec<&str> {
        let notices = self.notices.iter();
        notices
            .filter_map(|notice| match notice {
                Notice::Warning { sentence } => Some(sentence.as_str()),
                _ => None,
            })
            .collect()
    }

    pub fn outbox(&mut self) -> u64 {
        self.store.transaction(|desk| desk.waiting_count()).unwrap()
    }

    /// The first request under way that fits, taken out of the server's sight.
    pub fn intercept(&mut self, fits: impl Fn(&Request) -> bool) -> Option<FromClient> {
        let at = self.sent.iter().position(|sent| fits(&sent.request))?;
        self.sent.remove(at)
    }

    pub fn intercept_append(&mut self) -> FromClient {
        self.intercept(|request| matches!(request, Request::Append { .. }))
            .expect("no append is under way")
    }
}

/// The password of a person gives another device to the account.
pub fn add_device(person: &Person, office: &mut Office, label: &str) -> DeviceId {
    let known = office.accounts[&person.account].clone();
    let (machine, prekey, added) = added_device(person, &known, known.clone(), label);
    office.accounts.insert(person.account, added);
    office.prekeys.insert(machine.device(), prekey);
    machine.device()
}

/// Another chain of the same account: its last statement is another one than in `known`.
pub fn branch_of(person: &Person, known: &Account) -> Account {
    let (_, before) = known.statements().split_last().unwrap();
    let base = Account::from_chain(before).unwrap();
    added_device(person, known, base, "branched").2
}

fn added_device(
    person: &Person,
    known: &Account,
    mut onto: Account,
    label: &str,
) -> (Machine, Signed, Account) {
    let mut rng: StdRng = rand::make_rng();
    let secret = slot_secret(person.account);
    let vault = open_vault(&person.bundle, Slot::Password, &secret, known).unwrap();
    let (mut machine, _) = Machine::generate(person.account, &mut rng);
    let (prekey, _) = machine.next_prekey(person.now_ms, &mut rng);
    onto.append(&vault.add_device(&onto, machine.device(), label))
        .unwrap();
    (machine, prekey, onto)
}

pub fn open(dir: &Path) -> Store {
    let key = StoreKey::load(dir, None).unwrap();
    Store::open(dir, FILE, &key, false).unwrap()
}

pub fn act_command(to: &str, id: &str, act: Act) -> Command {
    Command::ActOn {
        conversation: to.to_owned(),
        id: id.to_owned(),
        act,
        wait: Wait::Sent,
        queue: true,
        within_ms: None,
        timer: None,
    }
}

pub fn send_command(to: &str, text: &str, queue: bool) -> Command {
    Command::Send {
        conversation: to.to_owned(),
        text: text.to_owned(),
        wait: Wait::Sent,
        queue,
        within_ms: None,
        timer: None,
    }
}
