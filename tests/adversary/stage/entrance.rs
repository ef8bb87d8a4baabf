//! Getting in by hand: the steps of a registration and of a password login, with everything in the script's hands.

use super::caller::Caller;
use super::people::World;
use super::rng;
use bytes::Bytes;
use rand_core::{CryptoRng, TryCryptoRng, TryRng};
use std::convert::Infallible;
use subrosa_e2e::{
    Credential as Sealing, Identity, Machine, OpenedVault, Slot, SlotSecret, found_account,
    open_vault,
};
use subrosa_ledger::Account;
use subrosa_login::{
    Bound, ClientLogin, ClientRegistration, Credential, CredentialId, ExportKey, InviteSecret,
    Registered, Secret,
};
use subrosa_proto::{InviteLine, Name, Request, Response};

/// Random numbers that are remembered.
#[derive(Default)]
pub struct Recording(pub Vec<Vec<u8>>);

impl TryRng for Recording {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(rand_core::Rng::next_u32(&mut rng()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(rand_core::Rng::next_u64(&mut rng()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        rand_core::Rng::fill_bytes(&mut rng(), bytes);
        self.0.push(bytes.to_vec());
        Ok(())
    }
}

impl TryCryptoRng for Recording {}

/// What a newcomer is made of.
pub struct Newcomer<'a> {
    pub name: &'a str,
    pub label: &'a str,
    pub password: &'a str,
}

/// Registers by an invite line. The machine of the first device, and the secrets of both slots.
pub async fn register(
    world: &World,
    line: &InviteLine,
    newcomer: &Newcomer<'_>,
    random: &mut (impl CryptoRng + Send),
) -> (Machine, [SlotSecret; 2]) {
    let key = world.address().key;
    let mut caller = Caller::connect(world.liar.port(), key).await;
    let code = *InviteSecret::from_bytes(&line.secret.0).code().as_bytes();
    let name = Name::new(newcomer.name).unwrap();
    let secret = |text: &str| Secret::password(text).unwrap();
    let (password, asked) =
        ClientRegistration::start(&secret(newcomer.password), &mut rng()).unwrap();
    let (recovery, asked_recovery) =
        ClientRegistration::start(&secret("not a recovery code"), &mut rng()).unwrap();
    let reply = caller
        .ask(Request::RegisterStart {
            code,
            name: name.clone(),
            password: Bytes::copy_from_slice(&asked),
            recovery: Bytes::copy_from_slice(&asked_recovery),
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
        let id = CredentialId::new(credential, newcomer.name).unwrap();
        state.finish(answer, &id, &key, &mut rng()).unwrap()
    };
    let registered = [
        finish(password, &answer, Credential::Password),
        finish(recovery, &recovery_answer, Credential::Recovery),
    ];
    let identity = Identity::generate(random);
    let account = identity.id();
    let (mut machine, _) = Machine::generate(account, &mut rng());
    let (prekey, _) = machine.next_prekey(super::liar::now_ms(), &mut rng());
    let slots = [0, 1].map(|at| slot(&registered[at].export_key, &account.0));
    let sealing = |at: usize| Sealing {
        secret: &slots[at],
        record: record(&registered[at]),
    };
    let founding = found_account(
        identity,
        &name,
        machine.device(),
        newcomer.label,
        sealing(0),
        sealing(1),
        random,
    )
    .unwrap();
    let answer = caller
        .ask(Request::RegisterFinish {
            code,
            chain: founding.chain,
            bundle: founding.bundle,
            prekey,
        })
        .await;
    assert_eq!(answer, Response::Done {});
    (machine, slots)
}

fn record(registered: &Registered) -> Bytes {
    Bytes::copy_from_slice(&registered.upload)
}

pub fn slot(export: &ExportKey, account: &[u8; 32]) -> SlotSecret {
    SlotSecret {
        seed: export.slot_seed(),
        anchor: export.anchor(account),
    }
}

/// Proves a password on a connection; the account and its open vault.
pub async fn prove(
    caller: &mut Caller,
    world: &World,
    name: &str,
    password: &str,
) -> (Account, OpenedVault) {
    let id = CredentialId::new(Credential::Password, name).unwrap();
    let bound = Bound::new(id, &world.address().key, &caller.transcript());
    let secret = Secret::password(password).unwrap();
    let (state, ke1) = ClientLogin::start(&secret, bound, &mut rng()).unwrap();
    let reply = caller
        .ask(Request::PasswordStart {
            credential: 0,
            name: Name::new(name).unwrap(),
            ke1: Bytes::copy_from_slice(&ke1),
        })
        .await;
    let Response::PasswordReply { ke2 } = reply else {
        panic!("{reply:?}")
    };
    let done = state.finish(&ke2, &mut rng()).unwrap();
    let reply = caller
        .ask(Request::PasswordFinish {
            ke3: Bytes::copy_from_slice(&done.ke3),
        })
        .await;
    let Response::Opened { chain, bundle } = reply else {
        panic!("{reply:?}")
    };
    let account = Account::from_chain(&chain).unwrap();
    let secret = slot(&done.export_key, &account.id().0);
    let vault = open_vault(&bundle, Slot::Password, &secret, &account).unwrap();
    (account, vault)
}
