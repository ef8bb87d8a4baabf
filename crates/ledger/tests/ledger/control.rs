//! Control events and roles (docs/spec/ledger.md §7.1-§7.3).

use crate::world::{Kept, Log, Person};
use bytes::Bytes;
use subrosa_ledger::{
    Conversation, CreateError, Effect, PARTICIPANTS_MAX, Verdict, VoidReason, event_hash,
};
use subrosa_proto::{Control, ConvId, Form, LOGOUT_ID, Role, Signed, encode, limits};

use VoidReason::{Form as WrongForm, Full, LastAdmin, Malformed, NotMember, Pending, Target};

fn add(person: &Person, role: Role) -> Control {
    Control::Add {
        account: person.id(),
        role,
        pending: true,
    }
}
fn remove(person: &Person) -> Control {
    let account = person.id();
    Control::Remove { account }
}
fn set_role(person: &Person, role: Role) -> Control {
    let account = person.id();
    Control::SetRole { account, role }
}
fn revoke(person: &Person, statement: &Signed, logout: bool) -> Control {
    Control::Revoke {
        account: person.id(),
        statement: statement.clone(),
        logout,
    }
}
const fn policy(members_add: bool, timer: u8) -> Control {
    Control::Policy { members_add, timer }
}
fn link() -> Control {
    Control::Link {
        key: [1; 32],
        terms: Bytes::new(),
    }
}

#[track_caller]
fn refuses(log: &Log, person: &Person, control: &Control, reason: VoidReason) {
    log.voids(&log.control(person, control), reason);
}
#[track_caller]
fn not_created(event: &subrosa_proto::Event, people: &[&Person], reason: VoidReason) {
    let created = Conversation::create(event, &Kept::of(people));
    assert_eq!(created, Err(CreateError::Void(reason)));
}

#[test]
fn a_room_begins_with_its_creator_as_admin() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let create = ada.creates(Form::Room, None, None);
    let log = Log::create(&create, Kept::of(&[&ada, &bob])).unwrap();
    let room = &log.conversation;
    assert_eq!(room.id(), ConvId(event_hash(&create).0));
    assert_eq!(room.ctl(), event_hash(&create));
    assert_eq!((room.form(), room.archive()), (Form::Room, true));
    assert_eq!((room.head().0, room.ctl_position()), (1, 1));
    assert_eq!(log.standing(&ada), Some((Role::Admin, false)));
    assert_eq!(room.creator(), ada.id());
    assert_eq!(room.peer(&ada.id()), None);
    assert_eq!(room.members().count(), 1);
}

#[test]
fn a_direct_conversation_has_two_accounts_for_good() {
    let [ada, bob, eve] = [Person::new(1), Person::new(2), Person::new(3)];
    let people = [&ada, &bob, &eve];
    let create = ada.creates(Form::Direct, Some(bob.id()), None);
    let mut log = Log::create(&create, Kept::of(&people)).unwrap();
    assert_eq!(log.standing(&ada), Some((Role::Member, false)));
    assert_eq!(log.standing(&bob), Some((Role::Member, true)));
    assert_eq!(log.conversation.peer(&ada.id()), Some(bob.id()));
    assert_eq!(log.conversation.peer(&bob.id()), Some(ada.id()));
    let recipients: Vec<_> = log.conversation.recipients().collect();
    assert_eq!(recipients, [ada.id()], "keys only after acceptance");

    refuses(&log, &ada, &add(&eve, Role::Member), WrongForm);
    refuses(&log, &ada, &remove(&bob), WrongForm);
    refuses(&log, &ada, &set_role(&bob, Role::Admin), WrongForm);
    refuses(&log, &ada, &Control::Leave {}, WrongForm);
    refuses(&log, &ada, &Control::Close {}, WrongForm);
    refuses(&log, &ada, &policy(true, 0), WrongForm);
    log.does(&bob, Control::Accept {});
    assert_eq!(log.conversation.recipients().count(), 2);
    log.does(&bob, policy(false, 4));
    assert_eq!(log.conversation.timer(), 4);

    let with_invite = ada.creates(Form::Direct, Some(bob.id()), Some([9; 32]));
    let log = Log::create(&with_invite, Kept::of(&people)).unwrap();
    assert_eq!(log.standing(&bob), Some((Role::Member, false)));
    assert_eq!(log.conversation.invite(), Some(&[9; 32]));
}

#[test]
fn ones_own_conversation_has_one_account() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let create = ada.creates(Form::Own, None, None);
    let log = Log::create(&create, Kept::of(&[&ada, &bob])).unwrap();
    assert_eq!(log.standing(&ada), Some((Role::Admin, false)));
    for control in [
        add(&bob, Role::Member),
        policy(false, 1),
        Control::Leave {},
        Control::Close {},
    ] {
        refuses(&log, &ada, &control, WrongForm);
    }
}

/// Proves: C11, C12.
#[test]
fn what_is_no_beginning_is_refused() {
    let [mut ada, bob] = [Person::new(1), Person::new(2)];
    let people = [&ada, &bob];
    let (own, peer, mac) = (Some(ada.id()), Some(bob.id()), Some([9; 32]));
    not_created(&ada.creates(Form::Direct, own, None), &people, Target);
    for (form, peer, mac) in [
        (Form::Direct, None, None),
        (Form::Direct, None, mac),
        (Form::Room, peer, None),
        (Form::Room, None, mac),
        (Form::Own, peer, None),
        (Form::Own, None, mac),
    ] {
        not_created(&ada.creates(form, peer, mac), &people, Malformed);
    }
    let body = ada.creates(Form::Room, None, None).body;
    for change in 0..6 {
        let mut header = ada.create_header();
        match change {
            0 => header.conv.0[0] = 1,
            1 => header.kind = 2,
            2 => header.ctl.0[0] = 1,
            3 => header.base_n = 1,
            4 => header.base_log.0[0] = 1,
            _ => header.fields = Bytes::from_static(b"\x80"),
        }
        not_created(&ada.sign(0, &header, body.clone()), &people, Malformed);
    }
    let mut header = ada.create_header();
    header.suite = 2;
    not_created(
        &ada.sign(0, &header, body.clone()),
        &people,
        VoidReason::Suite,
    );
    let another = encode(&Control::Accept {});
    not_created(
        &ada.sign(0, &ada.create_header(), another),
        &people,
        Malformed,
    );
    let mut forged = ada.creates(Form::Room, None, None);
    forged.signature[0] ^= 1;
    not_created(&forged, &people, VoidReason::Signature);

    let create = ada.creates(Form::Room, None, None);
    assert_eq!(
        Conversation::create(&create, &Kept::of(&[&bob])),
        Err(CreateError::NeedsAccount(ada.id()))
    );
    let stray = ada.uncertified_device();
    let mut header = ada.create_header();
    header.device = ada.device(stray);
    let event = ada.sign(stray, &header, body);
    not_created(&event, &[&ada], VoidReason::DeviceNotCertified);
    let mut old = Kept::of(&[&ada]);
    old.newest = false;
    assert_eq!(
        Conversation::create(&event, &old),
        Err(CreateError::NeedsAccount(ada.id()))
    );
}

/// Proves: C12 (every control event, tried by everyone who lacks the right to it).
#[test]
fn rights_follow_the_role() {
    let people: Vec<Person> = (1..=6).map(Person::new).collect();
    let [admin, member, poster, pending, outsider, other] = &people[..] else {
        unreachable!()
    };
    let mut log = Log::room(&[admin, member, other]);
    log.kept = {
        let mut kept = log.kept;
        kept.accounts
            .extend(people.iter().map(|p| (p.id(), p.account.clone())));
        kept
    };
    log.admit(admin, poster, Role::Poster);
    log.does(admin, add(pending, Role::Admin));

    let by_admin_only = [
        add(outsider, Role::Member),
        add(outsider, Role::Admin),
        remove(other),
        set_role(other, Role::Poster),
        set_role(other, Role::Admin),
        policy(true, 1),
        Control::Close {},
    ];
    for control in &by_admin_only {
        assert!(
            matches!(log.try_on(&log.control(admin, control)), Verdict::Valid(_)),
            "{control:?}"
        );
        refuses(&log, member, control, VoidReason::Role);
        refuses(&log, poster, control, VoidReason::Role);
        refuses(&log, pending, control, Pending);
        refuses(&log, outsider, control, NotMember);
    }
    for control in [Control::Accept {}, Control::Leave {}] {
        refuses(&log, outsider, &control, NotMember);
    }
    for person in [admin, member, poster] {
        refuses(&log, person, &Control::Accept {}, Target);
        refuses(&log, person, &link(), VoidReason::Reserved);
    }
    let again = log.control(
        admin,
        &Control::Create {
            nonce: subrosa_proto::Nonce([1; 16]),
            form: Form::Room,
            archive: true,
            peer: None,
            invite: None,
        },
    );
    log.voids(&again, WrongForm);
}

/// Proves: C12.
#[test]
fn members_add_only_plain_members_and_only_by_policy() {
    let people: Vec<Person> = (1..=5).map(Person::new).collect();
    let [admin, member, poster, next, last] = &people[..] else {
        unreachable!()
    };
    let mut log = Log::room(&[admin, member]);
    log.refresh(&[poster, next, last]);
    log.admit(admin, poster, Role::Poster);
    refuses(&log, member, &add(next, Role::Member), VoidReason::Role);
    log.does(admin, policy(true, 0));
    assert!(log.conversation.members_add());
    refuses(&log, member, &add(next, Role::Admin), VoidReason::Role);
    refuses(&log, member, &add(next, Role::Poster), VoidReason::Role);
    refuses(&log, poster, &add(next, Role::Member), VoidReason::Role);
    log.does(member, add(next, Role::Member));
    log.does(admin, policy(false, 0));
    refuses(&log, member, &add(last, Role::Member), VoidReason::Role);
}

#[test]
fn memberships_change_as_stated() {
    let people: Vec<Person> = (1..=3).map(Person::new).collect();
    let [ada, bob, eve] = &people[..] else {
        unreachable!()
    };
    let mut log = Log::room(&[ada, bob]);
    log.refresh(&[eve]);
    refuses(&log, ada, &add(bob, Role::Admin), Target);
    refuses(&log, ada, &remove(eve), Target);
    refuses(&log, ada, &remove(ada), Target);
    refuses(&log, ada, &set_role(eve, Role::Admin), Target);
    refuses(&log, ada, &set_role(bob, Role::Member), Target);

    log.does(ada, add(eve, Role::Poster));
    assert_eq!(log.standing(eve), Some((Role::Poster, true)));
    log.does(ada, set_role(eve, Role::Member));
    assert_eq!(log.standing(eve), Some((Role::Member, true)));
    assert_eq!(log.conversation.recipients().count(), 2);
    log.does(eve, Control::Accept {});
    assert_eq!(log.conversation.recipients().count(), 3);
    log.does(ada, set_role(bob, Role::Poster));
    assert_eq!(log.conversation.recipients().count(), 2);
    log.does(ada, remove(eve));
    assert_eq!(log.standing(eve), None);
    refuses(&log, eve, &Control::Accept {}, NotMember);
    // Who is invited may decline, and may be invited again.
    log.does(ada, add(eve, Role::Member));
    log.does(eve, Control::Leave {});
    log.does(ada, add(eve, Role::Member));
    log.does(bob, Control::Leave {});
    assert_eq!(log.standing(bob), None);
}

/// Proves: C12.
#[test]
fn the_last_admin_stays() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut log = Log::room(&[&ada]);
    log.refresh(&[&bob]);
    refuses(&log, &ada, &Control::Leave {}, LastAdmin);
    // An admin who has not accepted does not count.
    log.does(&ada, add(&bob, Role::Admin));
    refuses(&log, &ada, &Control::Leave {}, LastAdmin);
    refuses(&log, &ada, &set_role(&ada, Role::Member), LastAdmin);
    log.does(&bob, Control::Accept {});
    log.does(&ada, set_role(&ada, Role::Member));
    log.does(&ada, Control::Leave {});
    refuses(&log, &bob, &Control::Leave {}, LastAdmin);
    log.does(&bob, Control::Close {});
    assert!(log.conversation.closed());
    refuses(&log, &bob, &policy(false, 1), VoidReason::Closed);
}

#[test]
fn a_room_has_a_largest_size() {
    let ada = Person::new(1);
    let mut log = Log::room(&[&ada]);
    let account = |n: usize| {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&(n as u64).to_be_bytes());
        subrosa_proto::AccountId(id)
    };
    let role = Role::Member;
    for n in 1..limits::ROOM_DEVICES_MAX {
        log.does(
            &ada,
            Control::Add {
                account: account(n),
                role,
                pending: true,
            },
        );
    }
    let one_more = Control::Add {
        account: account(5_000),
        role,
        pending: true,
    };
    refuses(&log, &ada, &one_more, Full);
    log.does(
        &ada,
        Control::Remove {
            account: account(1),
        },
    );
    log.does(&ada, one_more);
}

/// A former member with a dead device is remembered, so these have a largest number too.
#[test]
fn a_room_remembers_few_former_members() {
    let ada = Person::new(1);
    let mut log = Log::room(&[&ada]);
    let last = u16::try_from(PARTICIPANTS_MAX).unwrap();
    for number in 2..=last {
        let person = Person::new(number);
        log.refresh(&[&person]);
        log.does(&ada, add(&person, Role::Member));
        log.does(&ada, revoke(&person, &person.logout(0), true));
        log.does(&ada, remove(&person));
        log.kept.seen.clear();
    }
    let next = Person::new(last + 1);
    refuses(&log, &ada, &add(&next, Role::Member), Full);
}

/// Proves: C11, C16 (a revoked device is dead in the log from there on).
#[test]
fn a_revocation_ends_a_device() {
    let [mut ada, mut bob] = [Person::new(1), Person::new(2)];
    let phone = ada.add_device();
    let bobs = bob.add_device();
    let mut log = Log::direct(&ada, &bob);
    log.takes(&log.key(&ada, phone, 1));
    let revocation = ada.revoke_device(phone);
    // The chain alone does not end it: the log does, so that all agree where.
    log.refresh(&[&ada]);
    log.takes(&log.message(&ada, phone, 1, 0));
    assert_eq!(
        log.conversation.recipient_devices(&ada.account).count(),
        1,
        "no keys once the chain says so"
    );

    // Any member may post it.
    let control = revoke(&ada, &revocation, false);
    assert_eq!(
        log.does(&bob, control.clone()),
        Effect::Control(control.clone())
    );
    log.voids(&log.key(&ada, phone, 2), VoidReason::DeviceDead);
    assert!(log.conversation.dead(&ada.id(), &ada.device(phone)));
    assert!(!log.conversation.dead(&bob.id(), &ada.device(phone)));
    let dead: Vec<_> = log.conversation.dead_devices().collect();
    assert_eq!(dead, [(ada.id(), ada.device(phone))]);
    refuses(&log, &bob, &control, Target);

    // A device may log itself out, and is gone by that.
    let logout = revoke(&bob, &bob.logout(bobs), true);
    let header = log.header(&bob, bobs, 1, Bytes::new());
    log.takes(&bob.sign(bobs, &header, encode(&logout)));
    log.voids(&log.key(&bob, bobs, 3), VoidReason::DeviceDead);
    assert_eq!(log.conversation.recipient_devices(&bob.account).count(), 1);
}

/// Proves: C12 (nobody ends the devices of another).
#[test]
fn a_revocation_has_to_be_true() {
    let [mut ada, mut bob, mut eve] = [Person::new(1), Person::new(2), Person::new(3)];
    let phone = ada.add_device();
    let log = Log::direct(&ada, &bob);
    let mut log = log;
    log.refresh(&[&eve]);
    let true_one = ada.statement(subrosa_proto::StatementOp::DeviceRevoke {
        device: ada.device(phone),
    });
    let mut forged = true_one.clone();
    forged.signature[5] ^= 1;
    refuses(
        &log,
        &bob,
        &revoke(&ada, &forged, false),
        VoidReason::Statement,
    );
    // Another kind of statement, a statement as a logout and the other way round.
    let add = ada.account.statements()[2].clone();
    refuses(&log, &bob, &revoke(&ada, &add, false), Malformed);
    refuses(&log, &bob, &revoke(&ada, &true_one, true), Malformed);
    let logout = ada.logout(phone);
    refuses(&log, &bob, &revoke(&ada, &logout, false), Malformed);
    // An ordinary prekey is no logout, and a logout has to be the device's own.
    let prekey = ada.prekey(phone, LOGOUT_ID - 1, 0);
    refuses(&log, &bob, &revoke(&ada, &prekey, true), Malformed);
    let mut other_device: subrosa_proto::Prekey = subrosa_proto::decode(&logout.body).unwrap();
    other_device.device = ada.device(0);
    let by_phone = ada.raw_prekey(phone, &other_device);
    refuses(
        &log,
        &bob,
        &revoke(&ada, &by_phone, true),
        VoidReason::Statement,
    );
    // About somebody else than it says, also where both have the device, or about no member.
    refuses(&log, &bob, &revoke(&bob, &true_one, false), Target);
    let mut both = bob.clone();
    both.adopt_device(&ada, phone);
    let mut shared = log.clone();
    shared.refresh(&[&both]);
    refuses(&shared, &both, &revoke(&both, &true_one, false), Target);
    let hers = eve.revoke_device(0);
    refuses(&log, &bob, &revoke(&eve, &hers, false), Target);
    // A device that the chain does not know: void where the chain is current, else to be asked.
    let stray = bob.uncertified_device();
    let unknown = bob.statement(subrosa_proto::StatementOp::DeviceRevoke {
        device: bob.device(stray),
    });
    let event = log.control(&ada, &revoke(&bob, &unknown, false));
    log.voids(&event, Target);
    log.kept.newest = false;
    assert_eq!(log.try_on(&event), Verdict::NeedsAccount(bob.id()));
    log.kept.accounts.remove(&bob.id());
    log.kept.newest = true;
    assert_eq!(log.try_on(&event), Verdict::NeedsAccount(bob.id()));
}

#[test]
fn who_is_pending_ends_only_own_devices() {
    let [mut ada, mut bob] = [Person::new(1), Person::new(2)];
    let (phone, bobs) = (ada.add_device(), bob.add_device());
    let create = ada.creates(Form::Direct, Some(bob.id()), None);
    let mut log = Log::create(&create, Kept::of(&[&ada, &bob])).unwrap();
    let hers = revoke(&ada, &ada.logout(phone), true);
    refuses(&log, &bob, &hers, Pending);
    log.does(&bob, revoke(&bob, &bob.logout(bobs), true));
    assert!(log.conversation.dead(&bob.id(), &bob.device(bobs)));
}

/// Proves: C16 (a dead device stays dead when its account is removed and comes back).
#[test]
fn dead_devices_outlast_membership() {
    let [ada, mut bob] = [Person::new(1), Person::new(2)];
    let phone = bob.add_device();
    let mut log = Log::room(&[&ada, &bob]);
    log.does(&bob, revoke(&bob, &bob.logout(phone), true));
    log.does(&ada, remove(&bob));
    let other = revoke(&bob, &bob.logout(0), true);
    refuses(&log, &ada, &other, Target);
    log.admit(&ada, &bob, Role::Member);
    log.voids(&log.key(&bob, phone, 1), VoidReason::DeviceDead);
    log.takes(&log.key(&bob, 0, 1));
}

/// Proves: C15 (who may delete what).
#[test]
fn only_authors_and_admins_of_rooms_delete() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let room = Log::room(&[&ada, &bob]).conversation;
    let own = |person: &Person| room.may_delete(&person.id(), &person.id());
    assert!(own(&ada) && own(&bob));
    assert!(room.may_delete(&ada.id(), &bob.id()));
    assert!(!room.may_delete(&bob.id(), &ada.id()));
    let direct = Log::direct(&ada, &bob).conversation;
    assert!(!direct.may_delete(&ada.id(), &bob.id()));
    assert!(!direct.may_delete(&bob.id(), &ada.id()));
}
