//! Accounts with a real password: what is stretched is what it is for everybody.

use crate::connection::Connection;
use crate::entrance::Entrance;
use crate::folk::{Founder, Newcomer};
use crate::outcome::{Outcome, defect, unexpected};
use crate::person::{Opening, Person, prove};
use crate::randomness;
use crate::watch::Watch;
use bytes::Bytes;
use subrosa_e2e::{Identity, Slot, SlotSecret, open_vault};
use subrosa_login::{
    Bound, ClientLogin, ClientRegistration, Credential, CredentialId, ExportKey, InviteSecret,
    Secret,
};
use subrosa_proto::{AccountId, Name, Request, Response};

/// The password of everybody who has one.
pub(crate) const PASSWORD: &str = "a password that is long enough for anybody";

/// An account that its password opens.
pub(crate) struct Account {
    pub(crate) name: Name,
    pub(crate) id: AccountId,
}

impl Founder {
    /// So many accounts with a password.
    pub(crate) async fn register(
        &mut self,
        count: usize,
        watch: &dyn Watch,
    ) -> Outcome<Vec<Account>> {
        watch.begin("registering passwords", count as u64);
        let mut accounts = Vec::new();
        for _ in 0..count {
            let (person, name) = self.register_one().await?;
            accounts.push(Account {
                id: person.person.id(),
                name,
            });
            watch.step(1);
        }
        Ok(accounts)
    }

    /// Somebody with a password, still on the connection of the registration.
    pub(crate) async fn register_one(&mut self) -> Outcome<(Newcomer, Name)> {
        let invite = Person::invite(&mut self.connection).await?;
        let name = self.names.next()?;
        let mut connection = self.entrance.connect().await?;
        let person = join(&self.entrance, &mut connection, &invite, &name).await?;
        let newcomer = Newcomer {
            person,
            connection,
            invite,
            entrance: self.entrance.clone(),
            names: self.names.clone(),
        };
        Ok((newcomer, name))
    }
}

async fn join(
    entrance: &Entrance,
    connection: &mut Connection,
    invite: &InviteSecret,
    name: &Name,
) -> Outcome<Person> {
    let code = *invite.code().as_bytes();
    let secret = Secret::password(PASSWORD).map_err(defect)?;
    let started = ClientRegistration::start(&secret, &mut randomness::system());
    let (state, request) = started.map_err(defect)?;
    let request = Bytes::copy_from_slice(&request);
    let start = Request::RegisterStart {
        code,
        name: name.clone(),
        password: request.clone(),
        recovery: request,
    };
    let answer = match connection.ask(&start).await? {
        Response::RegisterReply { password, .. } => password,
        other => return Err(unexpected("a registration", &other)),
    };
    let id = CredentialId::new(Credential::Password, name.as_str()).map_err(defect)?;
    let key = *entrance.server_key();
    // Argon2id: a good tenth of a second.
    let stretched = tokio::task::spawn_blocking(move || {
        state.finish(&answer, &id, &key, &mut randomness::system())
    });
    let registered = stretched.await.map_err(defect)?.map_err(defect)?;
    let identity = Identity::generate(&mut randomness::system());
    let password = Opening {
        secret: slot(&registered.export_key, identity.id()),
        record: Bytes::copy_from_slice(&registered.upload),
    };
    let openings = [password, Opening::stand_in()?];
    let (person, finish) = Person::found(identity, name, code, &openings)?;
    connection.done("a registration", &finish).await?;
    prove(&person.machine, connection).await?;
    Ok(person)
}

fn slot(export: &ExportKey, account: AccountId) -> SlotSecret {
    SlotSecret {
        seed: export.slot_seed(),
        anchor: export.anchor(&account.0),
    }
}

impl Account {
    /// Proves the password on a fresh connection and opens the vault with it: whose it is.
    pub(crate) async fn open(
        &self,
        entrance: &Entrance,
        connection: &mut Connection,
    ) -> Outcome<AccountId> {
        let id = CredentialId::new(Credential::Password, self.name.as_str()).map_err(defect)?;
        let bound = Bound::new(id, entrance.server_key(), connection.transcript());
        let secret = Secret::password(PASSWORD).map_err(defect)?;
        let started = ClientLogin::start(&secret, bound, &mut randomness::system());
        let (state, ke1) = started.map_err(defect)?;
        let start = Request::PasswordStart {
            credential: 0,
            name: self.name.clone(),
            ke1: Bytes::copy_from_slice(&ke1),
        };
        let ke2 = match connection.ask(&start).await? {
            Response::PasswordReply { ke2 } => ke2,
            other => return Err(unexpected("a login by password", &other)),
        };
        let stretched =
            tokio::task::spawn_blocking(move || state.finish(&ke2, &mut randomness::system()));
        let done = stretched.await.map_err(defect)?.map_err(defect)?;
        let finish = Request::PasswordFinish {
            ke3: Bytes::copy_from_slice(&done.ke3),
        };
        let (chain, bundle) = match connection.ask(&finish).await? {
            Response::Opened { chain, bundle } => (chain, bundle),
            other => return Err(unexpected("a login by password", &other)),
        };
        let account = subrosa_ledger::Account::from_chain(&chain).map_err(defect)?;
        let secret = slot(&done.export_key, account.id());
        open_vault(&bundle, Slot::Password, &secret, &account).map_err(defect)?;
        Ok(account.id())
    }
}
