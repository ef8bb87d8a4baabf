//! Bots: what their chains may hold, and what everybody lets them do (docs/spec/ledger.md §4.7).

use crate::world::{Kept, Log, Person, signed};
use subrosa_ledger::{Account, ChainError, Conversation, CreateError, Scope, VoidReason, text};
use subrosa_proto::{
    AccountId, Control, ConvId, DeviceId, Form, Grant, Role, Signed, StatementOp, Warrant, encode,
    limits,
};

const fn grant(conv: ConvId, post: bool, read: bool) -> Grant {
    Grant { conv, post, read }
}

fn warrant(owner: &Person, bot: AccountId, grants: Vec<Grant>) -> Signed {
    let body = encode(&Warrant {
        owner: owner.id(),
        device: owner.device(0),
        bot,
        grants,
    });
    let text = text::warrant(&body);
    signed(owner.device_key(0), body, &text)
}

/// A bot of somebody, with its device.
fn bot_of(owner: &Person, number: u16, grants: Vec<Grant>) -> Person {
    let mut bot = Person::without_device(number);
    let warrant = warrant(owner, bot.id(), grants);
    bot.state(StatementOp::Bot { warrant });
    bot.add_device();
    bot
}

#[track_caller]
fn not_taken(account: &Account, statement: &Signed) {
    assert_eq!(account.clone().append(statement), Err(ChainError::Bot));
}

// Proves: C11
#[test]
fn a_bots_chain_is_genesis_warrant_and_one_device_ever() {
    let [ann, eve] = [Person::new(1), Person::new(2)];
    let room = ConvId([7; 32]);
    let mut bot = bot_of(&ann, 3, vec![grant(room, true, false)]);
    assert!(bot.account.is_bot_of(&ann.account));
    assert!(!bot.account.is_bot_of(&eve.account));
    let (_, second) = bot.next_device();
    not_taken(&bot.account, &bot.statement(second));
    let hash = [1; 32];
    not_taken(
        &bot.account,
        &bot.statement(StatementOp::Vault { version: 1, hash }),
    );
    let again = warrant(&ann, bot.id(), Vec::new());
    let again = StatementOp::Bot { warrant: again };
    not_taken(&bot.account, &bot.statement(again.clone()));
    bot.revoke_device(0);
    // Also when the first is over: whoever finds the line later has nothing of it.
    let other = StatementOp::DeviceAdd {
        device: DeviceId([8; 32]),
        label: String::new(),
    };
    not_taken(&bot.account, &bot.statement(other));
    // A person does not become a bot.
    let warrant_of_eve = warrant(&ann, eve.id(), Vec::new());
    not_taken(
        &eve.account,
        &eve.statement(StatementOp::Bot {
            warrant: warrant_of_eve,
        }),
    );
}

#[test]
fn a_warrant_is_of_this_bot_and_says_something() {
    let [ann, eve] = [Person::new(1), Person::new(2)];
    let fresh = Person::without_device(3);
    let room = ConvId([7; 32]);
    let many = (0..=limits::BOT_ROOMS_MAX).map(|n| grant(ConvId([n as u8; 32]), true, false));
    for (what, grants) in [
        ("nothing", vec![grant(room, false, false)]),
        (
            "twice",
            vec![grant(room, true, false), grant(room, false, true)],
        ),
        ("too many", many.collect()),
    ] {
        let warrant = warrant(&ann, fresh.id(), grants);
        let statement = fresh.statement(StatementOp::Bot { warrant });
        assert_eq!(
            fresh.account.clone().append(&statement),
            Err(ChainError::Bot),
            "{what}"
        );
    }
    let others = warrant(&ann, eve.id(), Vec::new());
    not_taken(
        &fresh.account,
        &fresh.statement(StatementOp::Bot { warrant: others }),
    );
    // Somebody else's signature makes it nobody's bot.
    let mut forged = warrant(&eve, fresh.id(), Vec::new());
    forged.body = warrant(&ann, fresh.id(), Vec::new()).body;
    let mut claimed = fresh.clone();
    claimed.state(StatementOp::Bot { warrant: forged });
    assert!(!claimed.account.is_bot_of(&ann.account));
}

// Proves: C12
#[test]
fn what_a_bot_does_beyond_its_warrant_is_void_for_everybody() {
    let [ann, ben] = [Person::new(1), Person::new(2)];
    let create = ann.creates(Form::Room, None, None);
    let conv = Log::create(&create, Kept::of(&[&ann])).unwrap();
    let conv = conv.conversation.id();
    let reader = bot_of(&ann, 3, vec![grant(conv, false, true)]);
    let writer = bot_of(&ann, 4, vec![grant(conv, true, false)]);
    let stray = bot_of(&ann, 5, Vec::new());
    let mut log = Log::create(&create, Kept::of(&[&ann, &ben, &reader, &writer, &stray])).unwrap();
    for (bot, role) in [
        (&reader, Role::Member),
        (&writer, Role::Poster),
        // Nobody honest does this; the log itself cannot tell.
        (&stray, Role::Admin),
    ] {
        let (account, pending) = (bot.id(), false);
        log.does(
            &ann,
            Control::Add {
                account,
                role,
                pending,
            },
        );
    }
    let mut writing = log.clone();
    writing.takes(&log.key(&writer, 0, 1));
    writing.takes(&writing.message(&writer, 0, 1, 0));
    log.voids(&log.key(&reader, 0, 1), VoidReason::Scope);
    log.voids(&log.key(&stray, 0, 1), VoidReason::Scope);
    let account = ben.id();
    for (bot, control) in [
        (&stray, Control::Close {}),
        (&stray, Control::Remove { account: ann.id() }),
        (
            &stray,
            Control::Add {
                account,
                role: Role::Member,
                pending: true,
            },
        ),
        (
            &reader,
            Control::Policy {
                members_add: true,
                timer: 1,
            },
        ),
    ] {
        log.voids(&log.control(bot, &control), VoidReason::Scope);
    }
    log.does(&stray, Control::Leave {});
    // Keys go to the one that may read, whatever role the others were given.
    log.does(
        &ann,
        Control::SetRole {
            account: writer.id(),
            role: Role::Member,
        },
    );
    let receives = |bot: &Person| {
        let devices = log.conversation.recipient_devices(&bot.account);
        devices.count()
    };
    assert_eq!((receives(&reader), receives(&writer)), (1, 0));
    assert_eq!(log.conversation.scope(&ben.account), Scope::FULL);
}

#[test]
fn a_bot_begins_a_conversation_with_its_owner_and_no_other() {
    let [ann, ben] = [Person::new(1), Person::new(2)];
    let bot = bot_of(&ann, 3, Vec::new());
    let kept = Kept::of(&[&ann, &ben, &bot]);
    let created = |form, peer| {
        let event = bot.creates(form, peer, None);
        Conversation::create(&event, &kept).map(drop)
    };
    let beyond = Err(CreateError::Void(VoidReason::Scope));
    assert_eq!(created(Form::Own, None), Ok(()));
    assert_eq!(created(Form::Direct, Some(ann.id())), Ok(()));
    assert_eq!(created(Form::Direct, Some(ben.id())), beyond);
    assert_eq!(created(Form::Room, None), beyond);
    // With its owner it talks both ways; somebody else's conversation it cannot even accept.
    let log = Log::direct(&ann, &bot);
    log.clone().takes(&log.key(&bot, 0, 1));
    let asked = ben.creates(Form::Direct, Some(bot.id()), None);
    let log = Log::create(&asked, kept).unwrap();
    log.voids(&log.control(&bot, &Control::Accept {}), VoidReason::Scope);
}
