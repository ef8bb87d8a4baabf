//! The home of a bot: by its line alone, without a name, a password or a question
//! (docs/spec/e2e.md §14).

use super::begun::{Begun, begun, other_start};
use super::conversation::{Conversation, refused, unexpected};
use super::{UNFINISHED, drop_unfinished, settle};
use crate::command::{Failure, FailureKind};
use crate::driver::now_ms;
use crate::engine::fact;
use crate::home::Home;
use crate::randomness;
use crate::store::{Store, StoreError, StoreKey};
use subrosa_e2e::{BotNote, Machine};
use subrosa_ledger::Account;
use subrosa_login::InviteSecret;
use subrosa_proto::{ErrorCode, InviteLine, Quote, Request, Response, Signed, record};

record! {
    /// The last step, as kept in the unfinished store: repeated, it is the same.
    pub(super) struct LastStep {
        /// What the line keeps at the server.
        code: [u8; 32],
        /// The certificate of this device.
        statement: Signed,
        /// Its first prekey.
        prekey: Signed,
    }
}

/// Name of the fact that holds it.
pub(super) const LAST_STEP: &str = "bot-last-step";
/// Number of the device's first prekey, which the server gets with its certificate.
const FIRST_PREKEY: u64 = 1;

/// Makes the home of a bot from its line.
///
/// # Errors
/// [`Failure`] with the cause and the next step; nothing is left behind that stops another try.
pub async fn join_as_bot(
    home: &Home,
    line: &InviteLine,
    lock: Option<&str>,
    device_label: &str,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<(), Failure> {
    let _held = super::hold(home)?;
    progress("connecting to the server");
    let mut conversation = Conversation::open(&line.address).await?;
    let code = *InviteSecret::from_bytes(&line.secret.0).code().as_bytes();
    let begun = match taken_up(home, lock, &code)? {
        TakenUp::LastStep(begun) => *begun,
        TakenUp::Complete => return Ok(()),
        TakenUp::Nothing => {
            drop_unfinished(home);
            begin(home, line, lock, device_label, &mut conversation).await?
        }
    };
    let (mut store, last) = begun;
    progress("certifying this device");
    let request = Request::BotFinish {
        code: last.code,
        statement: last.statement,
        prekey: last.prekey,
    };
    match conversation.ask(request).await? {
        Response::Done {} => {}
        Response::Refused { refusal } => {
            store.close();
            if matches!(
                refusal.code,
                ErrorCode::InviteInvalid | ErrorCode::Malformed
            ) {
                drop_unfinished(home);
            }
            return Err(refused(&refusal));
        }
        _ => return Err(unexpected()),
    }
    drop(conversation.link.writer().close().await);
    store.transaction(|desk| {
        desk.set_fact(fact::ADDRESS, &line.address.to_string())?;
        desk.drop_fact(LAST_STEP)
    })?;
    settle(home, store)
}

/// A start in this home that was cut short.
enum TakenUp {
    /// There was none with this line.
    Nothing,
    /// Its last step is to be said once more.
    LastStep(Box<(Store, LastStep)>),
    /// The server had taken it; the home is whole now.
    Complete,
}

fn taken_up(home: &Home, lock: Option<&str>, code: &[u8; 32]) -> Result<TakenUp, Failure> {
    if !home.file(UNFINISHED).exists() {
        return Ok(TakenUp::Nothing);
    }
    let key = StoreKey::load(home.dir(), lock).map_err(StoreError::from)?;
    let mut store = Store::open(home.dir(), UNFINISHED, &key, false)?;
    match begun(&mut store)? {
        (Begun::Registration, server) => Err(other_start("a registration", server)),
        (Begun::Complete, _) => settle(home, store).map(|()| TakenUp::Complete),
        (Begun::Nothing | Begun::Bot, _) => {
            let last = store.transaction(|desk| desk.fact::<LastStep>(LAST_STEP))?;
            match last.filter(|last| last.code == *code) {
                Some(last) => Ok(TakenUp::LastStep(Box::new((store, last)))),
                None => {
                    store.close();
                    Ok(TakenUp::Nothing)
                }
            }
        }
    }
}

/// Fetches what lies behind the line, and puts all that is to be sent into a store.
async fn begin(
    home: &Home,
    line: &InviteLine,
    lock: Option<&str>,
    device_label: &str,
    conversation: &mut Conversation,
) -> Result<(Store, LastStep), Failure> {
    let invite = InviteSecret::from_bytes(&line.secret.0);
    let code = *invite.code().as_bytes();
    let (sealed, chain) = match conversation.ask(Request::BotStart { code }).await? {
        Response::BotReply { note, chain } => (note, chain),
        Response::Refused { refusal } => return Err(refused(&refusal)),
        _ => return Err(unexpected()),
    };
    let note = BotNote::open(&invite.note_key(), &line.address.key, &sealed)
        .map_err(|_| distrust("the line does not open what it keeps for it"))?;
    let mut account = checked(&chain, &note, line)?;
    let mut rng = randomness::system();
    let (mut machine, mut changes) = Machine::generate(account.id(), &mut rng);
    let (prekey, made) = machine.next_prekey(now_ms(), &mut rng);
    changes.then(made);
    let statement = note
        .identity
        .certify(account.head(), machine.device(), device_label);
    let appended = account.append(&statement);
    appended.map_err(|error| Failure::defect(error.to_string()))?;
    let last = LastStep {
        code,
        statement,
        prekey,
    };
    let proof = invite.mac(note.owner.as_bytes(), account.id().as_bytes());
    let version = conversation.link.version();
    let key = StoreKey::create(home.dir(), lock).map_err(StoreError::from)?;
    let mut store = Store::open(home.dir(), UNFINISHED, &key, true)?;
    store.transaction(|desk| {
        desk.set_fact(fact::ACCOUNT, &account.id())?;
        desk.set_fact(fact::ADDRESS, &line.address.to_string())?;
        desk.set_fact(fact::VERSION, &version)?;
        desk.set_fact(fact::PREKEY, &FIRST_PREKEY)?;
        desk.set_fact(fact::BOT_ROOMS, &note.rooms)?;
        desk.set_fact(LAST_STEP, &last)?;
        desk.set_account(&account)?;
        desk.save(&changes)?;
        desk.add_opening(None, None)?;
        desk.set_fact(
            fact::INVITER,
            &Quote {
                account: note.owner,
                head: note.head,
            },
        )?;
        desk.add_opening(Some(&note.owner), Some(&proof))?;
        Ok::<_, StoreError>(())
    })?;
    Ok((store, last))
}

/// The chain is that of the identity behind the line, of the name in it, and of whoever sealed the note.
fn checked(chain: &[Signed], note: &BotNote, line: &InviteLine) -> Result<Account, Failure> {
    let account = Account::from_chain(chain).map_err(|error| distrust(&error.to_string()))?;
    if account.id() != note.identity.id() || line.bot.as_ref() != Some(account.name()) {
        return Err(distrust("it belongs to another bot"));
    }
    let owner = account.warrant().map(|warrant| warrant.owner);
    if owner != Some(note.owner) {
        return Err(distrust("it names another owner"));
    }
    if account.all_devices().next().is_some() {
        return Err(refused(&subrosa_proto::Refusal {
            code: ErrorCode::InviteInvalid,
            retry_ms: 0,
        }));
    }
    Ok(account)
}

fn distrust(why: &str) -> Failure {
    Failure {
        kind: FailureKind::Trust,
        sentence: format!(
            "what the server keeps for this bot does not hold ({why}); do not use the line, and ask for a new one"
        ),
    }
}
