//! New passwords and recovery codes: one transaction at the server, whatever fails around it.

use crate::accounts::{ke2, start};
use crate::ground::{Ground, everywhere};
use crate::person::{Person, device_id, key, register_with_password};
use crate::wire::{Client, rng};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use std::sync::Arc;
use subrosa_ledger::bundle_hash;
use subrosa_login::{ClientRegistration, Credential, CredentialId, Secret};
use subrosa_proto::*;
use subrosa_server::storage::faulty::{Fault, Faulty};
use subrosa_server::storage::memory::MemoryStore;

/// A connection on which a secret was proved; none if it is not the account's.
async fn prove(ground: &Ground, name: &str, credential: u8, typed: &str) -> Option<Client> {
    let server = ground.server().address().key;
    let mut client = ground.connect().await;
    let (state, request) = start(&client, &server, name, credential, typed);
    let answer = ke2(&mut client, request).await;
    let proved = state.finish(&answer, &mut rng()).ok()?;
    let ke3 = Bytes::copy_from_slice(&proved.ke3);
    let opened = client.ask(Request::PasswordFinish { ke3 }).await;
    assert!(matches!(opened, Response::Opened { .. }), "{opened:?}");
    Some(client)
}

/// A new registration for one secret, on a connection that has proved the account: its record.
async fn renew(
    client: &mut Client,
    ground: &Ground,
    name: &str,
    credential: u8,
    typed: &str,
) -> Bytes {
    let secret = Secret::password(typed).unwrap();
    let (state, request) = ClientRegistration::start(&secret, &mut rng()).unwrap();
    let request = Bytes::copy_from_slice(&request);
    let reply = client
        .ask(Request::SecretStart {
            credential,
            request,
        })
        .await;
    let Response::SecretReply { response } = reply else {
        panic!("{reply:?}")
    };
    let kind = [Credential::Password, Credential::Recovery][usize::from(credential)];
    let id = CredentialId::new(kind, name).unwrap();
    let server = ground.server().address().key;
    let done = state.finish(&response, &id, &server, &mut rng()).unwrap();
    Bytes::copy_from_slice(&done.upload)
}

/// The last step of a change: a further history key, the vault that certifies the person's present
/// bundle and, for a recovery, a device before them.
fn last_step(person: &mut Person, device: Option<&SigningKey>, now_ms: u64) -> Request {
    person.bundle.version += 1;
    let version = person.bundle.version;
    let mut statements = Vec::new();
    if let Some(device) = device {
        let device = device_id(device);
        let label = "recovered".into();
        statements.push(person.state(StatementOp::DeviceAdd { device, label }));
    }
    statements.push(person.state(StatementOp::HistoryKey {
        generation: version,
        key: Bytes::from(vec![4; 1_216]),
    }));
    let bundle = encode(&person.bundle);
    let hash = bundle_hash(&bundle);
    statements.push(person.state(StatementOp::Vault { version, hash }));
    let expires = now_ms + limits::PREKEY_MS;
    Request::ChainAppend {
        statements,
        bundle: Some(bundle),
        prekey: device.map(|device| person.prekey(device, 1, expires)),
    }
}

/// A person on a store that fails when it is told to, with two passwords and two codes by turns.
struct Changing {
    store: Arc<Faulty<MemoryStore>>,
    ground: Ground,
    ada: Person,
    /// Has proved the account.
    client: Client,
    /// Records of the password and of the code that come next.
    next: [Bytes; 2],
    round: usize,
}

const PASSWORDS: [&str; 2] = ["the first password", "the second password"];
const CODES: [&str; 2] = ["the first code", "the second code"];

impl Changing {
    async fn new() -> Self {
        let store = Arc::new(Faulty::new(MemoryStore::new()));
        let ground = Ground::faulty(store.clone()).await;
        let mut ada = Person::new("ada");
        register_with_password(&mut ada, &ground, [PASSWORDS[0], CODES[0]]).await;
        let mut client = prove(&ground, "ada", 0, PASSWORDS[0]).await.unwrap();
        let next = [
            renew(&mut client, &ground, "ada", 0, PASSWORDS[1]).await,
            renew(&mut client, &ground, "ada", 1, CODES[1]).await,
        ];
        Self {
            store,
            ground,
            ada,
            client,
            next,
            round: 0,
        }
    }

    /// One change that meets a fault at the nth call of the store within its last step. Returns
    /// false when the step has fewer calls.
    async fn change(&mut self, recovery: bool, nth: u64, fault: Fault) -> bool {
        self.round += 1;
        let before = self.ada.bundle.clone();
        std::mem::swap(&mut self.ada.bundle.password_record, &mut self.next[0]);
        if recovery {
            std::mem::swap(&mut self.ada.bundle.recovery_record, &mut self.next[1]);
        }
        let device = recovery.then(key);
        let step = last_step(&mut self.ada, device.as_ref(), self.ground.now_ms());
        let calls = self.store.calls();
        self.store.fail(nth, fault.clone());
        let answer = self.client.ask(step.clone()).await;
        let met = self.store.calls() - calls >= nth;
        self.store.mend();
        // All that counts is on the side of the old secrets, or all on that of the new.
        let at_server = self.state().await;
        let stands = at_server[0] == encode(&self.ada.bundle);
        let done = answer == (Response::Done {});
        assert!(
            stands || !done,
            "{nth} {fault:?}: what was acknowledged stands"
        );
        let now = if stands { &self.ada.bundle } else { &before };
        let of = [
            encode(now),
            now.password_record.clone(),
            now.recovery_record.clone(),
        ];
        assert_eq!(at_server, of, "{nth} {fault:?}");
        // The same bytes once more bring it about, or are done.
        self.client.done(step).await;
        assert_eq!(self.state().await[0], encode(&self.ada.bundle));
        met
    }

    /// Bundle and both login records as they lie in the store.
    async fn state(&self) -> [Bytes; 3] {
        use subrosa_server::storage::{RecordKey, Store as _};
        let id = self.ada.account().0;
        let keys = vec![
            RecordKey::new(b'B', &[&id]),
            RecordKey::new(b'L', &[&id, &[0]]),
            RecordKey::new(b'L', &[&id, &[1]]),
        ];
        let records = self.store.inner().get(keys).await.unwrap();
        let values: Vec<_> = records
            .into_iter()
            .map(|record| record.unwrap().value)
            .collect();
        values.try_into().unwrap()
    }

    /// Every call of the last step fails once before its effect and once after it. In the end the
    /// secrets of the last round open the account and those of the round before do not.
    async fn everywhere(&mut self, recovery: bool) {
        for fault in [Fault::REQUEST_LOST, Fault::ANSWER_LOST] {
            let mut nth = 1;
            while self.change(recovery, nth, fault.clone()).await {
                nth += 1;
            }
            assert!(nth > 3, "the step has {nth} calls");
        }
        let (now, before) = (self.round % 2, (self.round + 1) % 2);
        assert!(
            prove(&self.ground, "ada", 0, PASSWORDS[now])
                .await
                .is_some()
        );
        assert!(
            prove(&self.ground, "ada", 0, PASSWORDS[before])
                .await
                .is_none()
        );
        let code = if recovery { now } else { 0 };
        assert!(prove(&self.ground, "ada", 1, CODES[code]).await.is_some());
        assert!(
            prove(&self.ground, "ada", 1, CODES[1 - code])
                .await
                .is_none()
        );
    }
}

// Proves: C8
#[tokio::test]
async fn a_crash_at_any_write_of_a_password_change_leaves_the_old_or_the_new_password() {
    Changing::new().await.everywhere(false).await;
}

// Proves: C8
#[tokio::test]
async fn a_crash_at_any_write_of_a_recovery_leaves_the_old_or_the_new_secrets() {
    Changing::new().await.everywhere(true).await;
}

// Proves: C7
#[tokio::test]
async fn a_proved_login_begins_each_secret_once() {
    everywhere(|ground| async move {
        let mut ada = Person::new("ada");
        let mut device = register_with_password(&mut ada, &ground, ["the password", "code"]).await;
        let secret = Secret::password("another").unwrap();
        let begin = |credential| {
            let (_, request) = ClientRegistration::start(&secret, &mut rng()).unwrap();
            let request = Bytes::copy_from_slice(&request);
            Request::SecretStart {
                credential,
                request,
            }
        };
        // Nobody but whoever has proved a secret, devices included.
        assert_eq!(device.refused(begin(0)).await, ErrorCode::OutOfTurn);
        let mut nobody = ground.connect().await;
        assert_eq!(nobody.refused(begin(0)).await, ErrorCode::OutOfTurn);
        let mut client = prove(&ground, "ada", 0, "the password").await.unwrap();
        for credential in [0, 1] {
            let reply = client.ask(begin(credential)).await;
            assert!(matches!(reply, Response::SecretReply { .. }), "{reply:?}");
            assert_eq!(
                client.refused(begin(credential)).await,
                ErrorCode::OutOfTurn
            );
        }
        assert_eq!(client.refused(begin(2)).await, ErrorCode::Malformed);
        assert!(prove(&ground, "ada", 0, "another").await.is_none());
    })
    .await;
}

// Proves: C8
#[tokio::test]
async fn of_two_changes_at_once_one_stands() {
    everywhere(|ground| async move {
        let mut ada = Person::new("ada");
        register_with_password(&mut ada, &ground, ["the password", "code"]).await;
        let mut twin = ada.twin();
        let mut first = prove(&ground, "ada", 0, "the password").await.unwrap();
        let mut second = prove(&ground, "ada", 0, "the password").await.unwrap();
        ada.bundle.password_record = renew(&mut first, &ground, "ada", 0, "first").await;
        twin.bundle.password_record = renew(&mut second, &ground, "ada", 0, "second").await;
        first.done(last_step(&mut ada, None, ground.now_ms())).await;
        let late = last_step(&mut twin, None, ground.now_ms());
        assert_eq!(second.refused(late).await, ErrorCode::Conflict);
        assert!(prove(&ground, "ada", 0, "first").await.is_some());
        assert!(prove(&ground, "ada", 0, "second").await.is_none());
        assert!(prove(&ground, "ada", 0, "the password").await.is_none());
    })
    .await;
}
