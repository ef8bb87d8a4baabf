//! Somebody with real keys. The password of most is a stand-in, so that a thousand of them are made in seconds.

use crate::connection::Connection;
use crate::outcome::{Outcome, defect, unexpected};
use crate::randomness;
use bytes::Bytes;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};
use subrosa_client::Failure;
use subrosa_e2e::{Credential as Sealing, Identity, Machine, SlotSecret, found_account};
use subrosa_ledger::{Account, Conversation};
use subrosa_login::{
    ClientRegistration, Credential, CredentialId, InviteSecret, Secret, ServerSetup,
};
use subrosa_proto::{AccountId, Event, Form, Name, Request, Response, Signed, encode, limits};
use zeroize::Zeroizing;

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| {
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    })
}

pub(crate) struct Person {
    pub(crate) machine: Machine,
    pub(crate) account: Account,
    pub(crate) prekey: Signed,
    counter: u64,
}

/// What opens the vault, as the registration of a secret gives it.
pub(crate) struct Opening {
    pub(crate) secret: SlotSecret,
    pub(crate) record: Bytes,
}

impl Opening {
    /// One that no password gives.
    pub(crate) fn stand_in() -> Outcome<Self> {
        Ok(Self {
            secret: SlotSecret {
                seed: Box::new(Zeroizing::new(randomness::bytes())),
                anchor: randomness::bytes(),
            },
            record: stand_in_record()?,
        })
    }
}

impl Person {
    /// Uses an invite on a fresh connection, and logs in there.
    pub(crate) async fn join(
        connection: &mut Connection,
        invite: &InviteSecret,
        name: &Name,
    ) -> Outcome<Self> {
        let code = *invite.code().as_bytes();
        let request = || {
            let secret = Secret::password("a stand-in").map_err(defect)?;
            let started = ClientRegistration::start(&secret, &mut randomness::system());
            Ok::<_, Failure>(Bytes::copy_from_slice(&started.map_err(defect)?.1))
        };
        let start = Request::RegisterStart {
            code,
            name: name.clone(),
            password: request()?,
            recovery: request()?,
        };
        match connection.ask(&start).await? {
            Response::RegisterReply { .. } => {}
            other => return Err(unexpected("a registration", &other)),
        }
        let identity = Identity::generate(&mut randomness::system());
        let openings = [Opening::stand_in()?, Opening::stand_in()?];
        let (person, finish) = Self::found(identity, name, code, &openings)?;
        connection.done("a registration", &finish).await?;
        prove(&person.machine, connection).await?;
        Ok(person)
    }

    /// The account with its first device, and the request that ends its registration.
    pub(crate) fn found(
        identity: Identity,
        name: &Name,
        code: [u8; 32],
        [password, recovery]: &[Opening; 2],
    ) -> Outcome<(Self, Request)> {
        let mut rng = randomness::system();
        let (mut machine, _) = Machine::generate(identity.id(), &mut rng);
        let (prekey, _) = machine.next_prekey(now_ms(), &mut rng);
        let founding = found_account(
            identity,
            name,
            machine.device(),
            "bench",
            Sealing {
                secret: &password.secret,
                record: password.record.clone(),
            },
            Sealing {
                secret: &recovery.secret,
                record: recovery.record.clone(),
            },
            &mut rng,
        )
        .map_err(defect)?;
        let account = Account::from_chain(&founding.chain).map_err(defect)?;
        let finish = Request::RegisterFinish {
            code,
            chain: founding.chain,
            bundle: founding.bundle,
            prekey: prekey.clone(),
        };
        let person = Self {
            machine,
            account,
            prekey,
            counter: 0,
        };
        Ok((person, finish))
    }

    pub(crate) fn id(&self) -> AccountId {
        self.machine.account()
    }

    /// The number of this device's next request that may change something.
    pub(crate) const fn counter(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// The device, and the number of its last request.
    pub(crate) fn into_parts(self) -> (Machine, u64) {
        (self.machine, self.counter)
    }

    /// Leaves an invite at the server.
    pub(crate) async fn invite(connection: &mut Connection) -> Outcome<InviteSecret> {
        let secret = InviteSecret::generate(&mut randomness::system());
        let request = Request::InviteNew {
            code_hash: secret.code().hash(),
            expires_ms: now_ms() + limits::INVITE_MS,
            note: Bytes::from_static(b"bench"),
        };
        connection.done("an invite", &request).await?;
        Ok(secret)
    }

    /// Opens the conversation with whoever gave the invite away: from then on both may write.
    pub(crate) async fn befriend(
        &mut self,
        connection: &mut Connection,
        author: AccountId,
        invite: &InviteSecret,
    ) -> Outcome<Event> {
        let mac = invite.mac(&author.0, &self.id().0);
        let form = Form::Direct;
        self.create(connection, form, Some(author), Some(mac)).await
    }

    /// Opens a conversation; its first event.
    pub(crate) async fn create(
        &mut self,
        connection: &mut Connection,
        form: Form,
        peer: Option<AccountId>,
        mac: Option<[u8; 32]>,
    ) -> Outcome<Event> {
        let (event, _) = self
            .machine
            .create(form, true, peer, mac, &mut randomness::system());
        let request = Request::Create {
            counter: self.counter(),
            event: encode(&event),
        };
        match connection.ask(&request).await? {
            Response::Appended { first: 1, .. } => Ok(event),
            other => Err(unexpected("a conversation", &other)),
        }
    }
}

/// Logs a device in.
pub(crate) async fn prove(machine: &Machine, connection: &mut Connection) -> Outcome<()> {
    let login = Request::DeviceLogin {
        account: machine.account(),
        device: machine.device(),
        signature: machine.sign_login(connection.transcript()),
    };
    match connection.ask(&login).await? {
        Response::LoggedIn { .. } => Ok(()),
        other => Err(unexpected("a login", &other)),
    }
}

/// A conversation as its first event makes it.
pub(crate) fn begun(event: &Event, known: &crate::pen::Known) -> Outcome<Conversation> {
    Conversation::create(event, known).map_err(defect)
}

/// The record of a registration with another server: this one keeps it as any other.
fn stand_in_record() -> Outcome<Bytes> {
    static RECORD: OnceLock<Bytes> = OnceLock::new();
    if let Some(record) = RECORD.get() {
        return Ok(record.clone());
    }
    let mut rng = randomness::system();
    let setup = ServerSetup::from_seed(&randomness::bytes()).map_err(defect)?;
    let id = CredentialId::new(Credential::Password, "bench").map_err(defect)?;
    let secret = Secret::password("a stand-in").map_err(defect)?;
    let (state, request) = ClientRegistration::start(&secret, &mut rng).map_err(defect)?;
    let response = setup.respond(&id, &request).map_err(defect)?;
    let registered = state
        .finish(&response, &id, &[0; 32], &mut rng)
        .map_err(defect)?;
    let record = Bytes::copy_from_slice(&registered.upload);
    Ok(RECORD.get_or_init(|| record).clone())
}
