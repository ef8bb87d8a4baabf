//! An account taken back by its recovery code alone: a new device, a new password and a new code
//! in one step at the server (docs/spec/login.md §6.1, docs/spec/e2e.md §3.4).
//!
//! As in a registration, all that is to be sent lies in an unfinished store before the server hears
//! of it, the new secrets with it: whatever is cut short, the next try in the same home finds out
//! what counts.

use super::appending::{Step, Undone, open_sentence};
use super::conversation::Conversation;
use super::login::{Admitted, admit};
use super::papers::{Papers, drop_half};
use super::proof::Proof;
use super::renewing::{Fresh, Handover, NewSecrets, Slots, Whose};
use super::sweeping::swept_steps;
use super::{Choice, RECOVERING, drop_store, settle_from, unfit};
use crate::command::{Failure, FailureKind};
use crate::driver::{fetch_archive, now_ms};
use crate::engine::fact;
use crate::home::Home;
use crate::randomness;
use crate::store::{Store, StoreError, StoreKey};
use bytes::Bytes;
use subrosa_e2e::{Changes, HistoryOpener, Machine, OpenedVault, SecretChange};
use subrosa_ledger::Account;
use subrosa_proto::{Address, Signed, record};
use zeroize::Zeroizing;

record! {
    /// A recovery under way, as kept in the unfinished store.
    struct Recovering {
        /// What is appended.
        statements: Vec<Signed>,
        /// The new bundle.
        bundle: Bytes,
        /// The device's first prekey.
        prekey: Signed,
        /// Half of the new secrets.
        papers: Bytes,
    }
}

/// Name of the fact that holds it.
const RECOVERING_FACT: &str = "recovering";

/// Into which home, and how.
pub struct Place<'a> {
    /// The home, without an account yet.
    pub home: &'a Home,
    /// The passphrase under which it is locked.
    pub lock: Option<&'a str>,
    /// What other devices see of this one.
    pub device_label: &'a str,
}

/// Takes an account back by its recovery code: a new password, a new code and a device in a home.
/// The new secrets are handed over before they count.
///
/// # Errors
/// [`Failure`] says whether the old secrets still count, or that this is not known.
pub async fn recover(
    place: Place<'_>,
    whose: Whose<'_>,
    code: &Proof,
    choice: Choice,
    handover: &mut dyn Handover,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<(), Failure> {
    swept_steps(async move {
        let _held = super::hold(place.home)?;
        if let Some(store) = unfinished(&place, whose.address)? {
            progress("going on with the recovery that was begun here");
            if let Some(done) = go_on(store, &place, whose, handover).await? {
                return finish(done, place.home, progress).await;
            }
        }
        let fresh = Fresh::choose(&choice, whose.name, true)?;
        progress("connecting to the server");
        let mut conversation = Conversation::open(whose.address).await?;
        progress("checking the recovery code");
        let Admitted { account, vault } = admit(&mut conversation, whose, code).await?;
        progress("stretching the new secrets");
        let slots = fresh
            .register(&mut conversation, whose)
            .await?
            .slots(account.id());
        let shown = fresh.shown();
        let (recovering, changes, history) = prepare(&place, &account, vault, &slots, &shown)?;
        let version = conversation.link.version();
        let store = keep(
            &place,
            whose.address,
            version,
            &account,
            &changes,
            &recovering,
        )?;
        if let Err(failure) = handover.hand_over(&shown) {
            store.close();
            drop_store(place.home, RECOVERING);
            return Err(failure);
        }
        progress("taking the account back");
        let after = fresh.proof()?;
        let step = recovering.step();
        match step.settle(conversation, whose, [code, &after]).await {
            Ok(conversation) => {
                let done = Done {
                    store,
                    history,
                    conversation,
                };
                finish(done, place.home, progress).await
            }
            Err(Undone { failure, open }) => {
                store.close();
                if open {
                    return Err(open_sentence(&failure, "the old secrets or the new ones"));
                }
                drop_store(place.home, RECOVERING);
                handover.withdraw();
                Err(failure)
            }
        }
    })
    .await
}

/// A device, and the step that certifies it with the new secrets.
fn prepare(
    place: &Place<'_>,
    account: &Account,
    vault: OpenedVault,
    slots: &Slots,
    shown: &NewSecrets,
) -> Result<(Recovering, Changes, HistoryOpener), Failure> {
    let mut rng = randomness::system();
    let (mut machine, mut changes) = Machine::generate(account.id(), &mut rng);
    let (prekey, made) = machine.next_prekey(now_ms(), &mut rng);
    changes.then(made);
    let change = SecretChange {
        password: slots.password(),
        recovery: slots.code(),
        device: Some((machine.device(), place.device_label)),
    };
    let rewritten = vault
        .change(account, change, &mut rng)
        .map_err(|error| Failure::defect(error.to_string()))?;
    fn words(secret: Option<&Zeroizing<String>>) -> Option<&str> {
        secret.map(|text| text.as_str())
    }
    let papers = Papers::new(
        words(shown.passphrase.as_ref()),
        words(shown.recovery_code.as_ref()).unwrap_or_default(),
    );
    drop_store(place.home, RECOVERING);
    let recovering = Recovering {
        statements: rewritten.statements,
        bundle: rewritten.bundle,
        prekey,
        papers: papers.split(place.home, RECOVERING)?,
    };
    Ok((recovering, changes, vault.history_opener()))
}

/// A recovery that the server has carried out.
struct Done {
    store: Store,
    history: HistoryOpener,
    conversation: Conversation,
}

impl Recovering {
    fn step(&self) -> Step {
        Step {
            statements: self.statements.clone(),
            bundle: Some(self.bundle.clone()),
            prekey: Some(self.prekey.clone()),
        }
    }
}

/// Puts all that is to be sent into a store, with the chain as it will be.
fn keep(
    place: &Place<'_>,
    address: &Address,
    version: u16,
    account: &Account,
    changes: &Changes,
    recovering: &Recovering,
) -> Result<Store, Failure> {
    let mut own = account.clone();
    for statement in &recovering.statements {
        own.append(statement).map_err(|error| unfit(&error))?;
    }
    let dir = place.home.dir();
    let key = StoreKey::create(dir, place.lock).map_err(StoreError::from)?;
    let mut store = Store::open(dir, RECOVERING, &key, true)?;
    store.transaction(|desk| {
        desk.set_fact(fact::ACCOUNT, &own.id())?;
        desk.set_fact(fact::ADDRESS, &address.to_string())?;
        desk.set_fact(fact::VERSION, &version)?;
        desk.set_fact(fact::PREKEY, &1_u64)?;
        desk.set_fact(RECOVERING_FACT, recovering)?;
        desk.set_account(&own)?;
        desk.save(changes)
    })?;
    Ok(store)
}

/// The store of a recovery whose outcome was not known, of the same server.
fn unfinished(place: &Place<'_>, address: &Address) -> Result<Option<Store>, Failure> {
    if !place.home.file(RECOVERING).exists() {
        return Ok(None);
    }
    let dir = place.home.dir();
    let key = StoreKey::load(dir, place.lock).map_err(StoreError::from)?;
    let mut store = Store::open(dir, RECOVERING, &key, false)?;
    let known: Option<String> = store.transaction(|desk| desk.fact(fact::ADDRESS))?;
    let Some(known) = known else {
        // It ended before the server heard of anything.
        store.close();
        return Ok(None);
    };
    if Address::parse(&known).is_ok_and(|known| known.key == address.key) {
        return Ok(Some(store));
    }
    Err(Failure::user(format!(
        "a recovery at the server {known} was begun in this home and may have gone through; finish it there, or choose another home with --home"
    )))
}

/// Finds out by the new code whether the recovery took place; if not, nothing of it counts.
async fn go_on(
    mut store: Store,
    place: &Place<'_>,
    whose: Whose<'_>,
    handover: &mut dyn Handover,
) -> Result<Option<Done>, Failure> {
    let recovering = store.transaction(|desk| desk.fact::<Recovering>(RECOVERING_FACT))?;
    let Some(recovering) = recovering else {
        store.close();
        return Ok(None);
    };
    let papers = Papers::join(place.home, RECOVERING, &recovering.papers)?;
    let (passphrase, code) = papers.take();
    let after = Proof::recovery(code.clone())?;
    let mut conversation = Conversation::open(whose.address).await?;
    match admit(&mut conversation, whose, &after).await {
        Ok(Admitted { vault, .. }) => {
            handover.hand_over(&NewSecrets {
                passphrase,
                recovery_code: Some(code),
            })?;
            Ok(Some(Done {
                store,
                history: vault.history_opener(),
                conversation,
            }))
        }
        Err(failure) if failure.kind == FailureKind::User => {
            store.close();
            drop_store(place.home, RECOVERING);
            handover.withdraw();
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

/// Fetches the keys of the history and gives the store its name. The conversations come when the home is opened.
async fn finish(
    done: Done,
    home: &Home,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<(), Failure> {
    let Done {
        store,
        history,
        conversation,
    } = done;
    progress("fetching the keys of the history");
    let (mut store, _) = fetch_archive(store, history, conversation.link).await?;
    store.transaction(|desk| desk.drop_fact(RECOVERING_FACT))?;
    drop_half(home, RECOVERING);
    settle_from(home, store, RECOVERING)
}
