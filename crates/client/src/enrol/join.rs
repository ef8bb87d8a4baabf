//! Registration by an invite line (docs/spec/login.md).
//!
//! The store is made before the server hears of the account, under another name, with all that
//! is to be sent in it: if this process ends in between, joining again in the same home goes on
//! with the same keys, and the server answers the repetition as it did the first time.

use super::begun::{Begun, begun, other_start};
use super::conversation::{Conversation, refused, unexpected};
use super::founding::{Newcomer, found};
use super::papers::{Papers, drop_half};
use super::sweeping::swept_steps;
use super::{Choice, NameWish, Sheet, UNFINISHED, drop_unfinished, settle};
use crate::command::Failure;
use crate::engine::fact;
use crate::home::Home;
use crate::randomness;
use crate::store::{Store, StoreError, StoreKey};
use bytes::Bytes;
use subrosa_ledger::Account;
use subrosa_login::{ClientRegistration, InviteSecret, generate_passphrase};
use subrosa_proto::{Address, ErrorCode, InviteLine, Name, Request, Response, Signed, record};

record! {
    /// A registration under way, as kept in the unfinished store.
    pub(super) struct Unfinished {
        /// The invite code.
        pub(super) code: [u8; 32],
        /// The new account's chain.
        pub(super) chain: Vec<Signed>,
        /// The new account's bundle.
        pub(super) bundle: Bytes,
        /// Its device's first prekey.
        pub(super) prekey: Signed,
        /// Half of the new secrets.
        pub(super) papers: Bytes,
    }
}

/// Name of the fact that holds it.
pub(super) const UNFINISHED_FACT: &str = "unfinished";

/// What is said while it goes on.
type Progress<'a> = &'a mut (dyn FnMut(&str) + Send);

/// Creates an account by an invite line and puts it into a home.
///
/// # Errors
/// [`Failure`] with the cause and the next step; nothing is left behind that stops another try.
pub async fn join(
    home: &Home,
    line: &InviteLine,
    name: NameWish,
    choice: Choice,
    lock: Option<&str>,
    device_label: &str,
    progress: Progress<'_>,
) -> Result<Sheet, Failure> {
    swept_steps(async move {
        let _held = super::hold(home)?;
        progress("connecting to the server");
        let mut conversation = Conversation::open(&line.address).await?;
        if let Some(store) = unfinished(home, lock, &line.address)? {
            progress("going on with the registration that was begun here");
            match go_on(home, &mut conversation, store, line).await? {
                Ok(sheet) => return Ok(sheet),
                Err(gone) => tracing::info!(%gone, "another line was given since"),
            }
        }
        let newcomer = Newcomer {
            home,
            line,
            choice,
            lock,
            device_label,
        };
        let store = found(newcomer, &name, &mut conversation, progress).await?;
        progress("creating the account");
        finish(home, &mut conversation, store, &line.address).await
    })
    .await
}

/// Takes up a registration whose outcome was not known. `Err` inside when it is over for good and
/// was of another line, so that this line can be used instead.
async fn go_on(
    home: &Home,
    conversation: &mut Conversation,
    mut store: Store,
    line: &InviteLine,
) -> Result<Result<Sheet, Failure>, Failure> {
    let unfinished = read(&mut store)?;
    let invite = InviteSecret::from_bytes(&line.secret.0);
    let same_line = unfinished.code == *invite.code().as_bytes();
    let account = Account::from_chain(&unfinished.chain).map_err(|_| damaged())?;
    let done = match announce(conversation, unfinished.code, account.name()).await? {
        Ok(()) => finish(home, conversation, store, &line.address).await,
        Err(code) => {
            store.close();
            let failure = refused(&code);
            if is_final(code.code) {
                drop_unfinished(home);
            }
            Err(failure)
        }
    };
    match done {
        Err(failure) if !same_line && !home.file(UNFINISHED).exists() => Ok(Err(failure)),
        done => done.map(Ok),
    }
}

/// The first step of a registration, once more, so that the server takes the second. The answers
/// of that time are part of what is sent; these ones are not used.
async fn announce(
    conversation: &mut Conversation,
    code: [u8; 32],
    name: &Name,
) -> Result<Result<(), subrosa_proto::Refusal>, Failure> {
    let mut rng = randomness::system();
    let mut request = || {
        let unused = generate_passphrase(&mut rng);
        ClientRegistration::start(&unused, &mut rng)
            .map(|(_, request)| Bytes::copy_from_slice(&request))
            .map_err(|error| Failure::defect(error.to_string()))
    };
    let request = Request::RegisterStart {
        code,
        name: name.clone(),
        password: request()?,
        recovery: request()?,
    };
    match conversation.ask(request).await? {
        Response::RegisterReply { .. } => Ok(Ok(())),
        Response::Refused { refusal } => Ok(Err(refusal)),
        _ => Err(unexpected()),
    }
}

/// Whether a refusal is one that trying again does not change.
const fn is_final(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::InviteInvalid
            | ErrorCode::NameTaken
            | ErrorCode::Malformed
            | ErrorCode::NotPermitted
            | ErrorCode::Conflict
            | ErrorCode::TooLarge
    )
}

/// The store of a registration whose outcome was not known. One with another server is not thrown
/// away, since the account may have come about there.
fn unfinished(
    home: &Home,
    lock: Option<&str>,
    address: &Address,
) -> Result<Option<Store>, Failure> {
    if !home.file(UNFINISHED).exists() {
        return Ok(None);
    }
    let key = StoreKey::load(home.dir(), lock).map_err(StoreError::from)?;
    let mut store = Store::open(home.dir(), UNFINISHED, &key, false)?;
    let (begun, server) = begun(&mut store)?;
    let same = server
        .as_deref()
        .is_some_and(|known| Address::parse(known).is_ok_and(|known| known.key == address.key));
    match begun {
        Begun::Nothing => {
            store.close();
            drop_unfinished(home);
            Ok(None)
        }
        Begun::Registration if same => Ok(Some(store)),
        Begun::Registration => Err(other_start("a registration", server)),
        Begun::Bot => Err(other_start("the start of a bot", server)),
        Begun::Complete => {
            settle(home, store)?;
            Err(Failure::user(
                "the account of this home was made before, and its last step was cut short: it is whole now, and `subrosa chat` opens it",
            ))
        }
    }
}

fn damaged() -> Failure {
    Failure::defect("the unfinished registration in this home cannot be read")
}

/// What is to be sent.
fn read(store: &mut Store) -> Result<Unfinished, Failure> {
    let unfinished = store.transaction(|desk| desk.fact::<Unfinished>(UNFINISHED_FACT))?;
    unfinished.ok_or_else(damaged)
}

/// Sends what the unfinished store holds; the store gets its name when the server has the account.
async fn finish(
    home: &Home,
    conversation: &mut Conversation,
    mut store: Store,
    address: &Address,
) -> Result<Sheet, Failure> {
    let unfinished = read(&mut store)?;
    let papers = Papers::join(home, UNFINISHED, &unfinished.papers)?;
    let request = Request::RegisterFinish {
        code: unfinished.code,
        chain: unfinished.chain.clone(),
        bundle: unfinished.bundle.clone(),
        prekey: unfinished.prekey.clone(),
    };
    match conversation.ask(request).await? {
        Response::Done {} => {}
        Response::Refused { refusal } => {
            store.close();
            // After any other refusal the account may still come about: its keys are kept.
            if is_final(refusal.code) {
                drop_unfinished(home);
            }
            return Err(refused(&refusal));
        }
        _ => return Err(unexpected()),
    }
    drop(conversation.link.writer().close().await);
    let own = Account::from_chain(&unfinished.chain).map_err(|_| damaged())?;
    store.transaction(|desk| {
        // Where the server has just been reached.
        desk.set_fact(fact::ADDRESS, &address.to_string())?;
        desk.drop_fact(UNFINISHED_FACT)
    })?;
    settle(home, store)?;
    // Random without the other half, which the store had.
    drop_half(home, UNFINISHED);
    let (passphrase, recovery_code) = papers.take();
    Ok(Sheet {
        address: address.to_string(),
        name: own.name().to_string(),
        passphrase,
        recovery_code,
    })
}
