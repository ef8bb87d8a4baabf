//! A server that shows another account under a known name, and what two people do about names and keys.

use super::person::{Person, add_device};
use super::settings::further;
use super::world::{START_MS, World, step};
use crate::command::{Answer, Command, FailureKind};
use crate::trust_view::{
    About, Comparison, Line, SettingView, Standing, TrustView, VerificationView,
};
use crate::view::{RowKind, Trust};
use subrosa_proto::{Push, Request, Response};

fn about(person: &mut Person, ask: About) -> Result<Answer, crate::command::Failure> {
    let call = person.call(Command::About { ask });
    person.answers.remove(&call).unwrap()
}

fn trust(person: &mut Person, contact: &str) -> Vec<TrustView> {
    let contact = Some(contact.to_owned());
    match about(person, About::Trust { contact }).unwrap() {
        Answer::Trust(views) => views,
        other => panic!("{other:?}"),
    }
}

fn verify(person: &mut Person, comparison: Comparison) -> Result<VerificationView, FailureKind> {
    let contact = "@bob".to_owned();
    match about(
        person,
        About::Verify {
            contact,
            comparison,
        },
    ) {
        Ok(Answer::Verification(view)) => Ok(view),
        Ok(other) => panic!("{other:?}"),
        Err(failure) => Err(failure.kind),
    }
}

fn decide(person: &mut Person, accept_new: bool) -> Vec<TrustView> {
    let contact = "bob".to_owned();
    match about(
        person,
        About::DecideName {
            contact,
            accept_new,
        },
    )
    .unwrap()
    {
        Answer::Trust(views) => views,
        other => panic!("{other:?}"),
    }
}

/// Another account by the name of Bob, which the server has made room for.
fn namesake(world: &mut World) -> Person {
    let inviter = world.ada.account;
    let (other, founded) = Person::found("bob", START_MS, |desk, _| {
        desk.add_opening(Some(&inviter), None)
    });
    world.office.accounts.insert(other.account, founded.account);
    world.office.prekeys.insert(other.device, founded.prekey);
    other
}

/// Ada writes to Bob, and the server shows the other account under his name.
fn send_into_doubt(world: &mut World, other: &Person) -> u64 {
    world.relink_ada();
    world.run();
    let call = world.ada.send("@bob", "to whom?");
    show(world, other);
    call
}

/// Answers Ada's look-up with the other account.
fn show(world: &mut World, other: &Person) {
    let genesis = world.office.accounts[&other.account].statements()[0].clone();
    let asked = loop {
        let lookup = |request: &Request| matches!(request, Request::Lookup { .. });
        if let Some(asked) = world.ada.intercept(lookup) {
            break asked;
        }
        assert!(step(&mut world.office, &mut world.ada), "no look-up");
    };
    world.ada.reply(asked.id, Response::Account { genesis });
    world.run();
}

// Proves: C10
#[test]
fn nothing_is_sent_to_a_name_under_which_another_account_is_shown() {
    let mut world = World::new();
    world.ada.send("@bob", "before");
    world.run();
    verify(&mut world.ada, Comparison::Mark).unwrap();
    let other = namesake(&mut world);
    world.ada.subscribe();
    let call = send_into_doubt(&mut world, &other);
    let failure = world.ada.failure(call).clone();
    assert_eq!(failure.kind, FailureKind::Trust);
    assert!(
        failure.sentence.contains("subrosa trust @bob --accept-new"),
        "{failure}"
    );
    assert_eq!(world.bob.texts("@ada").len(), 1, "nothing has left");
    // The same the next time, at once, also after a restart and on a link where the server tells the truth.
    let again = world.ada.send("@bob", "really?");
    assert_eq!(world.ada.failure(again).kind, FailureKind::Trust);
    world.ada.restart();
    world.relink_ada();
    world.run();
    let again = world.ada.send("@bob", "and now?");
    assert_eq!(world.ada.failure(again).kind, FailureKind::Trust);
    assert_eq!(world.bob.texts("@ada").len(), 1);
    // The newcomer has inherited nothing.
    let views = trust(&mut world.ada, "@bob");
    assert_eq!(
        views
            .iter()
            .map(|view| (view.name.as_str(), view.trust, view.standing))
            .collect::<Vec<_>>(),
        [
            ("bob", Trust::Verified, Standing::Holder),
            ("bob~new", Trust::Unverified, Standing::Newcomer),
        ]
    );
    assert!(
        views
            .iter()
            .all(|view| view.problem.is_some() && view.fix.is_some())
    );
    // It was not Bob: what waited leaves, and nobody is asked again about this account.
    decide(&mut world.ada, false);
    world.run();
    assert_eq!(world.bob.texts("@ada").len(), 2);
    let call = send_into_doubt(&mut world, &other);
    assert!(world.ada.sent_state(call).is_some());
    assert_eq!(world.bob.texts("@ada").len(), 3);
    assert_eq!(trust(&mut world.ada, "bob")[1].standing, Standing::Refused);
    // Others are asked about again, and which one is meant has to be said.
    let (third, fourth) = (namesake(&mut world), namesake(&mut world));
    let call = send_into_doubt(&mut world, &third);
    assert_eq!(world.ada.failure(call).kind, FailureKind::Trust);
    // What waits lets the client ask again on the next link.
    world.relink_ada();
    show(&mut world, &fourth);
    let accept = |contact: &str| About::DecideName {
        contact: contact.to_owned(),
        accept_new: true,
    };
    let several = about(&mut world.ada, accept("bob")).unwrap_err();
    assert_eq!(several.kind, FailureKind::User);
    let name = format!("bob~new-{:.8}", fourth.account.to_string());
    assert!(several.sentence.contains(&name), "{several}");
    about(&mut world.ada, accept(&name)).unwrap();
    let views = trust(&mut world.ada, "bob");
    assert_eq!(views[0].account, fourth.account.to_string());
}

// Proves: C10
#[test]
fn a_new_account_is_another_person_until_it_is_accepted() {
    let mut world = World::new();
    world.ada.send("@bob", "to the first");
    world.run();
    let mut second = further(&mut world, "second");
    second.link();
    verify(&mut world.ada, Comparison::Mark).unwrap();
    let mut other = namesake(&mut world);
    // It asks for a conversation, and stands in the list beside Bob, not in his place.
    other.link();
    let run = |world: &mut World, other: &mut Person, second: &mut Person| {
        for _ in 0..2_000 {
            let World { office, ada, bob } = world;
            let moved =
                step(office, ada) | step(office, bob) | step(office, other) | step(office, second);
            if !moved {
                return;
            }
        }
        panic!("no rest");
    };
    run(&mut world, &mut other, &mut second);
    let refused = world.ada.send("@bob", "to whom?");
    assert_eq!(world.ada.failure(refused).kind, FailureKind::Trust);
    let notes = world.ada.notes("@bob~new");
    assert!(
        notes.iter().any(|note| note.starts_with("bob~new asks")),
        "{notes:?}"
    );

    let views = decide(&mut world.ada, true);
    assert_eq!(
        views
            .iter()
            .map(|view| (view.name.as_str(), view.trust))
            .collect::<Vec<_>>(),
        [("bob", Trust::Unverified), ("bob~old", Trust::Verified)]
    );
    assert_eq!(views[0].account, other.account.to_string());
    run(&mut world, &mut other, &mut second);
    for device in [&mut world.ada, &mut second] {
        assert_eq!(
            device.texts("@bob~old").len(),
            1,
            "the old conversation stays readable"
        );
        assert!(device.texts("@bob").is_empty());
        assert_eq!(trust(device, "bob")[0].account, other.account.to_string());
    }
    // On the other device as well, after a restart as well.
    second.restart();
    world.office.unlink(&second.device);
    second.link();
    second.call(Command::Accept {
        conversation: "@bob".to_owned(),
    });
    run(&mut world, &mut other, &mut second);
    second.call(Command::Accept {
        conversation: "@bob".to_owned(),
    });
    run(&mut world, &mut other, &mut second);
    second.send("@bob", "to the new one");
    run(&mut world, &mut other, &mut second);
    assert_eq!(
        other.texts("@ada"),
        [("ada".to_owned(), "to the new one".to_owned())]
    );
    assert_eq!(world.bob.texts("@ada").len(), 1);
}

// Proves: C10
#[test]
fn safety_numbers_are_compared_exactly() {
    let mut world = World::new();
    let shown = verify(&mut world.ada, Comparison::Show).unwrap();
    assert_eq!(shown.trust, Trust::Invited);
    let number = shown.safety_number.clone();
    let other_digit = if number.ends_with('0') { '1' } else { '0' };
    let wrong = format!("{}{other_digit}", &number[..number.len() - 1]);
    for comparison in [
        Comparison::Number(wrong),
        Comparison::Code(shown.code.replace("SUBROSA:1", "SUBROSA:2")),
        Comparison::Code(String::new()),
    ] {
        assert_eq!(verify(&mut world.ada, comparison), Err(FailureKind::Trust));
    }
    for comparison in [
        Comparison::Number(number[..number.len() - 1].to_owned()),
        Comparison::Number("digits".to_owned()),
    ] {
        assert_eq!(verify(&mut world.ada, comparison), Err(FailureKind::User));
    }
    assert_eq!(trust(&mut world.ada, "bob")[0].trust, Trust::Invited);
    // What Bob reads out, in whatever groups, and what a scanner reads.
    let joined = number.replace(' ', "");
    let digits = verify(&mut world.ada, Comparison::Number(joined)).unwrap();
    assert_eq!(digits.trust, Trust::Verified);
    world.run();
    let mut second = further(&mut world, "second");
    second.link();
    while step(&mut world.office, &mut second) {}
    assert_eq!(
        trust(&mut second, "bob")[0].trust,
        Trust::Verified,
        "on all devices"
    );
    let taken_back = verify(&mut world.ada, Comparison::Unmark).unwrap();
    assert_eq!(taken_back.trust, Trust::Invited);
    let scanned = Comparison::Code(shown.code.to_ascii_lowercase());
    assert_eq!(
        verify(&mut world.ada, scanned).unwrap().trust,
        Trust::Verified
    );
}

#[test]
fn both_sides_of_an_invite_line_know_who_held_it() {
    let mut world = World::new();
    let (of_bob, of_ada) = (
        trust(&mut world.ada, "bob").remove(0),
        about(&mut world.bob, About::Trust { contact: None }).unwrap(),
    );
    assert_eq!(
        (of_bob.trust, of_bob.line),
        (Trust::Invited, Some(Line::Ours))
    );
    let Answer::Trust(of_ada) = of_ada else {
        panic!()
    };
    assert_eq!(
        (of_ada[0].trust, of_ada[0].line),
        (Trust::Invited, Some(Line::Theirs))
    );
}

// Proves: C10
#[test]
fn a_new_device_of_a_verified_contact_is_shown_and_does_not_block() {
    let mut world = World::new();
    world.ada.send("@bob", "one");
    world.run();
    verify(&mut world.ada, Comparison::Mark).unwrap();
    add_device(&world.bob, &mut world.office, "tablet");
    let (account, head) = (
        world.bob.account,
        world.office.accounts[&world.bob.account].head(),
    );
    world.ada.push(Push::Chain { account, head });
    let call = world.ada.send("@bob", "two");
    world.run();
    assert!(world.ada.sent_state(call).is_some());
    let notes = world.ada.notes("@bob");
    let told = notes
        .iter()
        .filter(|note| note.contains("new device, \"tablet\""));
    assert_eq!(told.count(), 1, "{notes:?}");
    let view = trust(&mut world.ada, "bob").remove(0);
    assert_eq!(view.trust, Trust::Verified);
    assert!(view.changed_ms.is_some());
    let since: Vec<_> = view
        .devices
        .iter()
        .filter(|device| device.since_verified)
        .collect();
    assert_eq!(since.len(), 1);
    assert_eq!(since[0].label, "tablet");
}

// Proves: C13
#[test]
fn a_chain_shorter_than_the_one_seen_is_not_gone_back_to() {
    let mut world = World::new();
    let before = world.office.accounts[&world.bob.account].clone();
    let tablet = add_device(&world.bob, &mut world.office, "tablet");
    let (account, head) = (
        world.bob.account,
        world.office.accounts[&world.bob.account].head(),
    );
    world.ada.push(Push::Chain { account, head });
    world.ada.send("@bob", "one");
    world.run();
    world.office.accounts.insert(account, before);
    world.relink_ada();
    world.ada.send("@bob", "two");
    for _ in 0..200 {
        step(&mut world.office, &mut world.ada);
    }
    let known = world.ada.engine.people.account(&account).unwrap();
    assert_eq!(known.head(), head, "what was seen stays");
    assert!(known.certified(&tablet));
}

// Proves: C13
#[test]
fn a_device_of_ones_own_that_the_server_hides_is_learned_from_others() {
    let mut world = World::new();
    world.bob.send("@ada", "one");
    world.run();
    world.ada.subscribe();
    // Somebody has Ada's password. The server shows the new device to Bob and hides it from Ada.
    let before = world.office.accounts[&world.ada.account].clone();
    add_device(&world.ada, &mut world.office, "hidden");
    let (account, head) = (
        world.ada.account,
        world.office.accounts[&world.ada.account].head(),
    );
    world.bob.push(Push::Chain { account, head });
    world.bob.send("@ada", "two");
    while step(&mut world.office, &mut world.bob) {}
    world.office.accounts.insert(account, before);
    world.run();
    let warnings = world.ada.warnings();
    let told = warnings
        .iter()
        .filter(|text| text.contains("of this account that the server does not show"));
    assert_eq!(told.count(), 1, "{warnings:?}");
}

#[test]
fn who_is_blocked_is_not_heard_and_hears_nothing_back() {
    let mut world = World::new();
    world.bob.send("@ada", "one");
    world.run();
    let block = |blocked| About::Block {
        contact: "bob".to_owned(),
        blocked,
    };
    about(&mut world.ada, block(true)).unwrap();
    world.run();
    world.ada.subscribe();
    world.ada.notices.clear();
    let receipts = world.office.receipts.clone();
    world.bob.send("@ada", "two");
    world.run();
    assert!(world.ada.rows(Some("@bob")).is_empty());
    assert!(
        world
            .ada
            .rows(None)
            .iter()
            .all(|row| row.conversation != "@bob")
    );
    let shown = |notice: &crate::view::Notice| matches!(notice, crate::view::Notice::Row(_));
    assert!(
        !world.ada.notices.iter().any(shown),
        "{:?}",
        world.ada.notices
    );
    let of_ada = |receipts: &std::collections::BTreeMap<_, _>| {
        let own = receipts
            .iter()
            .filter(|((_, device), _)| *device == world.ada.device);
        own.map(|(_, signed): (_, &subrosa_proto::Signed)| signed.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of_ada(&receipts),
        of_ada(&world.office.receipts),
        "no receipt"
    );
    let call = world.ada.send("@bob", "to you");
    assert_eq!(world.ada.failure(call).kind, FailureKind::User);
    // It holds on further devices, and what was written is there when it ends.
    let mut second = further(&mut world, "second");
    second.link();
    while step(&mut world.office, &mut second) {}
    assert!(second.rows(Some("@bob")).is_empty());
    about(&mut world.ada, block(false)).unwrap();
    assert_eq!(world.ada.texts("@bob").len(), 2);
}

#[test]
fn muted_conversations_and_settings_are_the_same_on_all_devices() {
    let mut world = World::new();
    let mut second = further(&mut world, "second");
    second.link();
    while step(&mut world.office, &mut second) {}
    let mute = About::Mute {
        conversation: "@bob".to_owned(),
        muted: true,
    };
    about(&mut world.ada, mute).unwrap();
    let set = |value: &str| About::Set {
        name: "read-receipts".to_owned(),
        value: value.to_owned(),
    };
    about(&mut world.ada, set("off")).unwrap();
    assert!(about(&mut world.ada, set("maybe")).is_err());
    world.run();
    while step(&mut world.office, &mut second) {}
    let call = second.call(Command::Conversations {});
    let Some(Ok(Answer::Conversations(talks))) = second.answers.remove(&call) else {
        panic!()
    };
    assert!(talks[0].muted);
    let Ok(Answer::Settings(settings)) = about(&mut second, About::Settings {}) else {
        panic!()
    };
    let values: Vec<_> = settings
        .iter()
        .map(|SettingView { name, value, .. }| (name.as_str(), value.as_str()))
        .collect();
    assert!(values.contains(&("read-receipts", "off")), "{values:?}");
    assert!(!second.engine.settings.read_receipts());
    assert!(
        talks[0]
            .last
            .as_ref()
            .is_none_or(|row| !matches!(row.what, RowKind::Hidden {}))
    );
}
