//! Events without their bodies have the same place and the same verdict (docs/spec/ledger.md §6.7).

use crate::agreement::{PEOPLE, deed};
use crate::world::{Kept, Log, Person};
use proptest::prelude::*;
use subrosa_ledger::{Unplaceable, Verdict, VoidReason, body_hash, carried_hash, event_hash};
use subrosa_proto::{
    Absence, Carried, Control, Event, EventKind, Form, Header, TrimmedEvent, decode, encode,
};

fn trim(event: &Event) -> Carried {
    Carried::Trimmed(TrimmedEvent {
        header: event.header.clone(),
        body_hash: body_hash(&event.body),
        signature: event.signature,
        why: Absence::Expired,
    })
}

fn kind(event: &Event) -> Option<u8> {
    let header: Header = decode(&event.header).ok()?;
    Some(header.kind)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Proves: C13 (a log without bodies is the same log).
    #[test]
    fn whoever_reads_no_body_agrees(deeds in prop::collection::vec(deed(), 1..48)) {
        let people: Vec<Person> = (1..=PEOPLE).map(|n| {
            let mut person = Person::new(u16::try_from(n).unwrap());
            person.add_device();
            person
        }).collect();
        let all: Vec<&Person> = people.iter().collect();
        let create = people[0].creates(Form::Room, None, None);
        let mut whole = Log::create(&create, Kept::of(&all)).unwrap();
        let mut bare = whole.clone();
        for deed in &deeds {
            let Some(event) = deed.event(&people, &whole) else { continue };
            let verdict = whole.apply(&event);
            if kind(&event) == Some(EventKind::Control as u8) {
                prop_assert_eq!(bare.apply(&event), verdict);
                continue;
            }
            let position = bare.conversation.head().0 + 1;
            let trimmed = trim(&event);
            let same = bare.conversation.apply_carried(position, &trimmed, &bare.kept);
            prop_assert_eq!(same, Ok(verdict));
            prop_assert_eq!(carried_hash(&trimmed), event_hash(&event));
            bare.kept.logs.push(Some(bare.conversation.head().1));
            bare.kept.seen.push(event_hash(&event));
            prop_assert_eq!(encode(&bare.conversation), encode(&whole.conversation));
        }
    }
}

/// Proves: C12 (nobody can hide what a control event says).
#[test]
fn a_control_event_is_never_without_its_body() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut log = Log::room(&[&ada, &bob]);
    let account = bob.id();
    let remove = log.control(&ada, &Control::Remove { account });
    let before = log.conversation.clone();
    let position = before.head().0 + 1;
    assert_eq!(
        log.conversation
            .apply_carried(position, &trim(&remove), &log.kept),
        Err(Unplaceable::Control)
    );
    assert_eq!(log.conversation, before);
    let carried = Carried::Whole(remove);
    assert!(matches!(
        log.conversation
            .apply_carried(position, &carried, &log.kept),
        Ok(Verdict::Valid(_))
    ));
}

/// Proves: C13 (a body's hash is signed like the body).
#[test]
fn another_body_hash_is_void() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut log = Log::direct(&ada, &bob);
    log.takes(&log.key(&ada, 0, 1));
    let Carried::Trimmed(mut trimmed) = trim(&log.message(&ada, 0, 1, 0)) else {
        unreachable!()
    };
    trimmed.body_hash[0] ^= 1;
    let position = log.conversation.head().0 + 1;
    assert_eq!(
        log.conversation
            .apply_carried(position, &Carried::Trimmed(trimmed), &log.kept),
        Ok(Verdict::Void(VoidReason::Signature))
    );
}
