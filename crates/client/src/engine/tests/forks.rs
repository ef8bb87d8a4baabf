//! What proves that two stories were told, found by Ada and checked by anybody.

use super::person::branch_of;
use super::world::{World, step};
use crate::command::{Answer, Command};
use crate::evidence::{EvidenceError, verify};
use crate::loss::EvidenceView;
use subrosa_proto::{HashHead, Push, StatementHash};

fn found(world: &mut World, about: Option<&str>) -> Vec<EvidenceView> {
    let about = about.map(str::to_owned);
    let call = world.ada.call(Command::Evidence { about });
    match world.ada.answers.get(&call) {
        Some(Ok(Answer::Evidence(found))) => found.clone(),
        other => panic!("{other:?}"),
    }
}

/// Changed anywhere, a file proves nothing or the same: never something else.
fn holds(file: &[u8]) {
    let proven = verify(file).unwrap();
    for at in (0..file.len()).step_by(11) {
        let mut changed = file.to_vec();
        changed[at] ^= 1;
        if let Ok(finding) = verify(&changed) {
            assert!(!finding.proven || finding == proven, "changed at {at}");
        }
    }
    let cut = file.get(..file.len() - 1).unwrap();
    assert_eq!(verify(cut), Err(EvidenceError::Unreadable));
}

// Proves: C13
#[test]
fn a_forked_log_is_proved_by_what_two_members_signed() {
    let mut world = World::new();
    world.bob.send("@ada", "one");
    world.run();
    let conv = world.direct();
    assert!(found(&mut world, None).is_empty());
    // The server leaves an event out for Ada, who writes on; Bob writes on what he is shown.
    world.office.unlink(&world.ada.device);
    world.ada.lose_link();
    for text in ["two", "three"] {
        world.bob.send("@ada", text);
        while step(&mut world.office, &mut world.bob) {}
    }
    let talks = &world.ada.engine.talks;
    let talk = talks.values().find(|talk| talk.id() == conv).unwrap();
    let position = talk.next();
    let events = &mut world.office.logs.get_mut(&conv).unwrap().events;
    events.remove(position as usize - 1);
    world.ada.link();
    world.run();
    let all = found(&mut world, None);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].about, "@bob");
    assert!(
        all[0]
            .sentences
            .iter()
            .any(|text| text.contains("signed that the log was"))
    );
    holds(&all[0].file);
    assert_eq!(found(&mut world, Some("bob")).len(), 1);
    assert!(found(&mut world, Some("carl")).is_empty());
    world.ada.restart();
    assert_eq!(found(&mut world, None), all, "it is kept");
}

// Proves: C13
#[test]
fn a_forked_account_proves_itself() {
    let mut world = World::new();
    super::person::add_device(&world.bob, &mut world.office, "second");
    let head = world.office.accounts[&world.bob.account].head();
    let account = world.bob.account;
    world.ada.push(Push::Chain { account, head });
    world.ada.send("@bob", "before");
    world.run();
    let known = world.office.accounts[&account].clone();
    let other = branch_of(&world.bob, &known);
    world.office.accounts.insert(account, other);
    let head = HashHead {
        seq: 9,
        hash: StatementHash([0; 32]),
    };
    world.ada.push(Push::Chain { account, head });
    world.ada.send("@bob", "to whom?");
    world.run();
    let all = found(&mut world, Some("bob"));
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(all[0].proven, "{all:?}");
    assert!(all[0].sentences[0].contains("signed two statements of number"));
    holds(&all[0].file);
}
