//! A person of the script: keys, chain and the view of conversations that events must quote.

use crate::ground::Ground;
use crate::wire::{Client, rng};
use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};
use rand_core::Rng;
use std::sync::OnceLock;
use subrosa_ledger::{
    account_id, bundle_hash, carried_hash, event_hash, next_log, statement_hash, text,
};
use subrosa_login::{
    ClientRegistration, Credential, CredentialId, InviteSecret, Secret, ServerSetup,
};
use subrosa_proto::*;

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rng().fill_bytes(&mut bytes);
    bytes
}

pub fn key() -> SigningKey {
    SigningKey::from_bytes(&random())
}

pub fn sign(key: &SigningKey, text: &[u8]) -> [u8; 64] {
    key.sign(text).to_bytes()
}

pub fn device_id(key: &SigningKey) -> DeviceId {
    DeviceId(key.verifying_key().to_bytes())
}

pub struct Person {
    pub name: Name,
    pub identity: SigningKey,
    pub device: SigningKey,
    pub chain: Vec<Signed>,
    pub bundle: Bundle,
    counter: u64,
}

impl Person {
    pub fn new(name: &str) -> Self {
        let mut person = Self {
            name: Name::new(name).unwrap(),
            identity: key(),
            device: key(),
            chain: Vec::new(),
            bundle: Bundle {
                version: 1,
                vault: Bytes::from(vec![1; 700]),
                password_slot: Bytes::from(vec![2; 1_200]),
                recovery_slot: Bytes::from(vec![3; 1_200]),
                password_record: spare_record(),
                recovery_record: spare_record(),
            },
            counter: 0,
        };
        let identity = person.identity.verifying_key().to_bytes();
        person.state(StatementOp::Genesis {
            identity,
            name: person.name.clone(),
        });
        person.state(StatementOp::DeviceAdd {
            device: person.id(),
            label: "script".into(),
        });
        person.state(StatementOp::HistoryKey {
            generation: 1,
            key: Bytes::from(vec![4; 1_216]),
        });
        let hash = bundle_hash(&encode(&person.bundle));
        person.state(StatementOp::Vault { version: 1, hash });
        person
    }

    /// The same person once more, for another task.
    pub fn twin(&self) -> Self {
        Self {
            name: self.name.clone(),
            identity: self.identity.clone(),
            device: self.device.clone(),
            chain: self.chain.clone(),
            bundle: self.bundle.clone(),
            counter: self.counter,
        }
    }

    pub fn account(&self) -> AccountId {
        account_id(&self.identity.verifying_key().to_bytes())
    }

    pub fn id(&self) -> DeviceId {
        device_id(&self.device)
    }

    pub fn counter(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Adds a statement to the person's own copy of the chain.
    pub fn state(&mut self, op: StatementOp) -> Signed {
        let prev = self
            .chain
            .last()
            .map_or(StatementHash::NONE, statement_hash);
        let statement = Statement {
            account: self.account(),
            seq: self.chain.len() as u64,
            prev,
            op,
        };
        let body = encode(&statement);
        let signature = sign(&self.identity, &text::statement(&body));
        let signed = Signed { body, signature };
        self.chain.push(signed.clone());
        signed
    }

    pub fn prekey(&self, device: &SigningKey, id: u64, expires_ms: u64) -> Signed {
        let key = if id == LOGOUT_ID {
            Bytes::new()
        } else {
            Bytes::from(vec![5; 1_216])
        };
        let prekey = Prekey {
            account: self.account(),
            device: device_id(device),
            id,
            key,
            expires_ms,
        };
        let body = encode(&prekey);
        let signature = sign(device, &text::prekey(&body));
        Signed { body, signature }
    }

    pub fn register_start(&self, code: [u8; 32]) -> Request {
        let request = || {
            let secret = Secret::password("never checked here").unwrap();
            Bytes::copy_from_slice(&ClientRegistration::start(&secret, &mut rng()).unwrap().1)
        };
        Request::RegisterStart {
            code,
            name: self.name.clone(),
            password: request(),
            recovery: request(),
        }
    }

    pub fn register_finish(&self, code: [u8; 32], now_ms: u64) -> Request {
        let prekey = self.prekey(&self.device, 1, now_ms + limits::PREKEY_MS);
        Request::RegisterFinish {
            code,
            chain: self.chain.clone(),
            bundle: encode(&self.bundle),
            prekey,
        }
    }

    /// Registers with an invite's secret, on a connection that is then logged in.
    pub async fn register(&self, ground: &Ground, secret: &[u8; 16]) -> Client {
        let code = *InviteSecret::from_bytes(secret).code().as_bytes();
        let mut client = ground.connect().await;
        let reply = client.ask(self.register_start(code)).await;
        assert!(matches!(reply, Response::RegisterReply { .. }), "{reply:?}");
        client
            .done(self.register_finish(code, ground.now_ms()))
            .await;
        self.log_in(&mut client).await;
        client
    }

    pub fn login(&self, transcript: &[u8; 32]) -> Request {
        let account = self.account();
        let signature = sign(&self.device, &text::device_auth(transcript, &account));
        Request::DeviceLogin {
            account,
            device: self.id(),
            signature,
        }
    }

    pub async fn log_in(&self, client: &mut Client) -> LoggedIn {
        let request = self.login(&client.transcript());
        match client.ask(request).await {
            Response::LoggedIn { login } => login,
            other => panic!("not logged in: {other:?}"),
        }
    }

    pub async fn online(&self, ground: &Ground) -> Client {
        let mut client = ground.connect().await;
        self.log_in(&mut client).await;
        client
    }

    /// Leaves an invite; the secret of its line.
    pub async fn invite(&self, ground: &Ground, client: &mut Client) -> [u8; 16] {
        let secret = InviteSecret::generate(&mut rng());
        let expires_ms = ground.now_ms() + limits::INVITE_MS;
        let note = Bytes::from_static(b"sealed elsewhere");
        client
            .done(Request::InviteNew {
                code_hash: secret.code().hash(),
                expires_ms,
                note,
            })
            .await;
        *secret.as_bytes()
    }
}

/// Somebody as a member of a conversation: what he has seen of its log.
#[derive(Clone)]
pub struct View {
    pub conv: ConvId,
    pub ctl: EventHash,
    pub n: u64,
    pub log: LogHash,
    pub session: SessionId,
    pub index: u32,
}

impl View {
    /// Takes in the next event of the log.
    pub fn see(&mut self, event: &Bytes) {
        let event = Carried::read(event).unwrap();
        let hash = carried_hash(&event);
        self.n += 1;
        self.log = next_log(self.log, self.n, hash);
        let header = event.header().unwrap();
        if header.kind == EventKind::Control as u8 {
            self.ctl = hash;
        }
    }

    pub fn read(&mut self, page: &Page) {
        assert_eq!(page.first, self.n + 1, "pages follow one another");
        for delivered in &page.events {
            self.see(&delivered.event);
        }
    }

    pub fn from_create(event: &Bytes) -> Self {
        let create: Event = decode(event).unwrap();
        let mut view = Self {
            conv: ConvId(event_hash(&create).0),
            ctl: EventHash::NONE,
            n: 0,
            log: LogHash::START,
            session: SessionId([0; 32]),
            index: 0,
        };
        view.see(event);
        view
    }
}

impl Person {
    fn event(&self, view: Option<&View>, kind: EventKind, fields: Bytes, body: Bytes) -> Bytes {
        let header = encode(&Header {
            suite: SUITE,
            conv: view.map_or(ConvId::NONE, |view| view.conv),
            kind: kind as u8,
            account: self.account(),
            device: self.id(),
            ctl: view.map_or(EventHash::NONE, |view| view.ctl),
            base_n: view.map_or(0, |view| view.n),
            base_log: view.map_or(LogHash::START, |view| view.log),
            fields,
        });
        let signature = sign(&self.device, &text::event(&header, &body));
        encode(&Event {
            header,
            body,
            signature,
        })
    }

    pub fn control(&self, view: Option<&View>, control: &Control) -> Bytes {
        self.event(view, EventKind::Control, Bytes::new(), encode(control))
    }

    pub fn create_event(
        &self,
        form: Form,
        peer: Option<AccountId>,
        invite: Option<[u8; 32]>,
    ) -> Bytes {
        let nonce = Nonce(random());
        self.control(
            None,
            &Control::Create {
                nonce,
                form,
                archive: true,
                peer,
                invite,
            },
        )
    }

    /// A session that begins at what the view has seen.
    pub fn key_event(&self, view: &mut View) -> Bytes {
        view.session = SessionId(random());
        view.index = 0;
        let quotes = Vec::new();
        let fields = KeyFields {
            session: view.session,
            nonce: Nonce(random()),
            prekey_id: 1,
            quotes,
        };
        self.event(Some(view), EventKind::Key, encode(&fields), Bytes::new())
    }

    pub fn message_event(&self, view: &mut View, body: &[u8]) -> Bytes {
        self.message_with(view, body, 0, None)
    }

    /// A message that disappears, or that deletes another one.
    pub fn message_with(
        &self,
        view: &mut View,
        body: &[u8],
        timer: u8,
        deletes: Option<u64>,
    ) -> Bytes {
        let fields = MessageFields {
            session: view.session,
            index: view.index,
            salt: random(),
            timer,
            blobs: Vec::new(),
            deletes,
        };
        view.index += 1;
        self.event(
            Some(view),
            EventKind::Message,
            encode(&fields),
            Bytes::copy_from_slice(body),
        )
    }

    pub async fn create(&mut self, client: &mut Client, event: &Bytes) -> Response {
        let counter = self.counter();
        client
            .ask(Request::Create {
                counter,
                event: event.clone(),
            })
            .await
    }

    /// Opens the conversation of one's own devices.
    pub async fn create_own(&mut self, client: &mut Client) -> View {
        let event = self.create_event(Form::Own, None, None);
        let answer = self.create(client, &event).await;
        assert!(
            matches!(answer, Response::Appended { first: 1, .. }),
            "{answer:?}"
        );
        View::from_create(&event)
    }

    pub async fn append(
        &mut self,
        client: &mut Client,
        view: &View,
        events: Vec<Bytes>,
    ) -> Response {
        let counter = self.counter();
        client
            .ask(Request::Append {
                counter,
                conv: view.conv,
                events,
            })
            .await
    }

    /// Opens a session with boxes for these devices and for the history keys of these accounts, and
    /// sends a first message. The position of the message.
    pub async fn open_session(
        &mut self,
        client: &mut Client,
        view: &mut View,
        devices: &[DeviceId],
        accounts: &[AccountId],
        body: &[u8],
    ) -> u64 {
        let key = self.key_event(view);
        stage(client, view.session, devices, accounts).await;
        let mut after = view.clone();
        after.see(&key);
        // The message may quote the same base as its key event: both leave together.
        let message = self.message_event(view, body);
        let answer = self
            .append(client, view, vec![key.clone(), message.clone()])
            .await;
        let Response::Appended { first, .. } = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(first, view.n + 1);
        view.see(&key);
        view.see(&message);
        first + 1
    }

    /// One more message under the open session. Its position.
    pub async fn say(&mut self, client: &mut Client, view: &mut View, body: &[u8]) -> u64 {
        let message = self.message_event(view, body);
        let answer = self.append(client, view, vec![message.clone()]).await;
        let Response::Appended { first, .. } = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(first, view.n + 1);
        view.see(&message);
        first
    }
}

pub fn device_box(device: DeviceId) -> Bytes {
    let sealed = Bytes::from([&device.0[..], &[9; 1_136]].concat());
    encode(&KeyBox {
        kind: BoxKind::Device,
        recipient: device.0,
        key_id: 1,
        sealed,
    })
}

pub fn history_box(account: AccountId) -> Bytes {
    let sealed = Bytes::from([&account.0[..], &[8; 1_136]].concat());
    encode(&KeyBox {
        kind: BoxKind::History,
        recipient: account.0,
        key_id: 1,
        sealed,
    })
}

pub async fn stage(
    client: &mut Client,
    session: SessionId,
    devices: &[DeviceId],
    accounts: &[AccountId],
) {
    let device_boxes = devices.iter().map(|device| device_box(*device));
    let boxes = device_boxes.chain(accounts.iter().map(|account| history_box(*account)));
    client
        .done(Request::Stage {
            session,
            boxes: boxes.collect(),
        })
        .await;
}

/// Two people who can write to each other: the second joined by an invite of the first.
pub struct Pair {
    pub ada: Person,
    pub bob: Person,
    pub ada_client: Client,
    pub bob_client: Client,
    /// Bob's, who made the conversation, and Ada's.
    pub bob_view: View,
    pub ada_view: View,
}

impl Pair {
    pub async fn new(ground: &Ground) -> Self {
        Self::named(ground, "ada", "bob").await
    }

    pub async fn named(ground: &Ground, ada: &str, bob: &str) -> Self {
        let (ada, mut bob) = (Person::new(ada), Person::new(bob));
        let mut ada_client = ada.register(ground, &ground.invite().await.0).await;
        let line = ada.invite(ground, &mut ada_client).await;
        let mut bob_client = bob.register(ground, &line).await;
        let mac = InviteSecret::from_bytes(&line).mac(&ada.account().0, &bob.account().0);
        let create = bob.create_event(Form::Direct, Some(ada.account()), Some(mac));
        let answer = bob.create(&mut bob_client, &create).await;
        assert!(
            matches!(answer, Response::Appended { first: 1, .. }),
            "{answer:?}"
        );
        let bob_view = View::from_create(&create);
        let ada_view = bob_view.clone();
        Self {
            ada,
            bob,
            ada_client,
            bob_client,
            bob_view,
            ada_view,
        }
    }

    pub fn accounts(&self) -> [AccountId; 2] {
        [self.ada.account(), self.bob.account()]
    }

    pub async fn follow_both(&mut self) {
        let cursors = vec![Cursor {
            conv: self.ada_view.conv,
            next: self.ada_view.n + 1,
        }];
        self.ada_client
            .done(Request::Follow {
                cursors: cursors.clone(),
            })
            .await;
        self.bob_client.done(Request::Follow { cursors }).await;
    }

    /// Bob opens a session for Ada and says something.
    pub async fn bob_opens(&mut self, body: &[u8]) -> u64 {
        let accounts = self.accounts();
        let devices = [self.ada.id()];
        self.bob
            .open_session(
                &mut self.bob_client,
                &mut self.bob_view,
                &devices,
                &accounts,
                body,
            )
            .await
    }

    /// Ada opens a session for Bob and says something.
    pub async fn ada_opens(&mut self, body: &[u8]) -> u64 {
        let accounts = self.accounts();
        let devices = [self.bob.id()];
        self.ada
            .open_session(
                &mut self.ada_client,
                &mut self.ada_view,
                &devices,
                &accounts,
                body,
            )
            .await
    }
}

/// A well-formed login record that no password opens, for people who never log in by one. Made
/// once, since making it stretches a password.
fn spare_record() -> Bytes {
    static RECORD: OnceLock<Bytes> = OnceLock::new();
    let make = || {
        let setup = ServerSetup::from_seed(&[0; 32]).unwrap();
        Bytes::copy_from_slice(&record(&setup, "spare", "spare", &[0; 32]).0)
    };
    RECORD.get_or_init(make).clone()
}

/// The upload of a real registration, and the request that began it.
fn record(
    setup: &ServerSetup,
    name: &str,
    password: &str,
    server: &[u8; 32],
) -> ([u8; 192], [u8; 32]) {
    let id = CredentialId::new(Credential::Password, name).unwrap();
    let (state, request) =
        ClientRegistration::start(&Secret::password(password).unwrap(), &mut rng()).unwrap();
    let response = setup.respond(&id, &request).unwrap();
    (
        state
            .finish(&response, &id, server, &mut rng())
            .unwrap()
            .upload,
        request,
    )
}

/// Registers with a real password and recovery code, and logs in.
pub async fn register_with_password(
    person: &mut Person,
    ground: &Ground,
    passwords: [&str; 2],
) -> Client {
    let code = *InviteSecret::from_bytes(&ground.invite().await.0)
        .code()
        .as_bytes();
    let mut client = ground.connect().await;
    let server = ground.server().address().key;
    let start = |password: &str| {
        ClientRegistration::start(&Secret::password(password).unwrap(), &mut rng()).unwrap()
    };
    let (password, request) = start(passwords[0]);
    let (recovery, recovery_request) = start(passwords[1]);
    let reply = client
        .ask(Request::RegisterStart {
            code,
            name: person.name.clone(),
            password: Bytes::copy_from_slice(&request),
            recovery: Bytes::copy_from_slice(&recovery_request),
        })
        .await;
    let Response::RegisterReply {
        password: answer,
        recovery: recovery_answer,
        ..
    } = reply
    else {
        panic!("{reply:?}")
    };
    let finish = |state: ClientRegistration, answer: &[u8], credential| {
        let id = CredentialId::new(credential, person.name.as_str()).unwrap();
        let upload = state
            .finish(answer, &id, &server, &mut rng())
            .unwrap()
            .upload;
        Bytes::copy_from_slice(&upload)
    };
    person.bundle.password_record = finish(password, &answer, Credential::Password);
    person.bundle.recovery_record = finish(recovery, &recovery_answer, Credential::Recovery);
    person.chain.pop();
    let hash = bundle_hash(&encode(&person.bundle));
    person.state(StatementOp::Vault { version: 1, hash });
    client
        .done(person.register_finish(code, ground.now_ms()))
        .await;
    person.log_in(&mut client).await;
    client
}
