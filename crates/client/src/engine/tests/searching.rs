//! What is found, and what is not any more.

use super::person::Person;
use super::world::World;
use crate::command::{Act, Answer, Command, FailureKind};
use crate::engine::Input;
use crate::search::{HitView, SearchView};
use crate::trust_view::About;
use crate::view::RowKind;

fn search(query: &str, before: Option<u64>, limit: u32) -> Command {
    Command::Search {
        query: query.to_owned(),
        conversation: None,
        before,
        limit,
        zone_s: 0,
    }
}

fn view(person: &mut Person, query: &str, before: Option<u64>, limit: u32) -> SearchView {
    let call = person.call(search(query, before, limit));
    match &person.answers[&call] {
        Ok(Answer::Found(view)) => view.clone(),
        other => panic!("{other:?}"),
    }
}

fn text(hit: &HitView) -> &str {
    match &hit.row.what {
        RowKind::Text { text } => text,
        other => panic!("{other:?}"),
    }
}

fn found(person: &mut Person, query: &str) -> Vec<String> {
    let view = view(person, query, None, 50);
    assert_eq!(view.reach.unindexed, 0, "{view:?}");
    view.hits.iter().map(|hit| text(hit).to_owned()).collect()
}

/// Whether a word stands in the index, whatever is shown.
fn indexed(person: &mut Person, word: &str) -> usize {
    let sought = crate::store::Sought {
        expression: format!("\"{word}\""),
        ..Default::default()
    };
    let keys = |desk: &crate::store::Desk<'_>| desk.find_places(&sought, 100);
    person.store.transaction(keys).unwrap().len()
}

fn written(texts: &[&str]) -> World {
    let mut world = World::new();
    for text in texts {
        world.ada.send("@bob", text);
        world.run();
    }
    world
}

#[test]
fn words_phrases_beginnings_and_filters_find_messages_newest_first() {
    let mut world = written(&[
        "Lunch at one?",
        "see https://example.org",
        "at one point, lunch",
        "日本語の本",
    ]);
    world.bob.send("@ada", "Lünch is over");
    world.run();
    for person in [&mut world.ada, &mut world.bob] {
        assert_eq!(
            found(person, "lunch"),
            ["Lünch is over", "at one point, lunch", "Lunch at one?"]
        );
        assert_eq!(found(person, "\"lunch at\""), ["Lunch at one?"]);
        assert_eq!(found(person, "\"at one\" poi*"), ["at one point, lunch"]);
        assert_eq!(found(person, "lunch from:bob"), ["Lünch is over"]);
        assert_eq!(found(person, "has:link"), ["see https://example.org"]);
        assert_eq!(found(person, "本語"), ["日本語の本"]);
        assert_eq!(found(person, "本"), ["日本語の本"]);
        assert_eq!(found(person, "l* over"), ["Lünch is over"]);
        assert_eq!(found(person, "after:1d").len(), 5);
        for nothing in [
            "dinner",
            "lunch before:2020",
            "has:file",
            "lunc",
            "from:me from:bob dinner",
        ] {
            assert!(found(person, nothing).is_empty(), "{nothing}");
        }
    }
    assert_eq!(found(&mut world.bob, "lunch from:me"), ["Lünch is over"]);
    assert_eq!(found(&mut world.bob, "lunch in:@ada").len(), 3);
    let hit = &view(&mut world.bob, "point", None, 1).hits[0];
    assert_eq!(
        (hit.excerpt.as_str(), &hit.marks[..]),
        ("at one point, lunch", &[(7, 12)][..])
    );
}

#[test]
fn pages_follow_each_other_and_end() {
    let texts: Vec<String> = (0..7).map(|number| format!("note {number}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut world = written(&texts);
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = view(&mut world.bob, "note", before, 3);
        seen.extend(page.hits.iter().map(|hit| text(hit).to_owned()));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    let expected: Vec<&str> = texts.into_iter().rev().collect();
    assert_eq!(seen, expected);
}

#[test]
fn a_mistake_in_a_query_is_one_sentence() {
    let mut world = written(&["hello"]);
    for query in ["", "from:nobody x", "in:#nowhere x", "after:soon", "\"open"] {
        let call = world.ada.call(search(query, None, 10));
        let failure = world.ada.failure(call);
        assert_eq!(failure.kind, FailureKind::User, "{query}");
        assert!(!failure.sentence.contains('\n'), "{failure}");
    }
}

// Proves: C15
#[test]
fn what_is_edited_deleted_or_gone_leaves_the_index_at_once() {
    let mut world = written(&[
        "the first secret",
        "zygotes, the second secret",
        "xenon, the third secret",
    ]);
    for person in [&mut world.ada, &mut world.bob] {
        assert_eq!(found(person, "secret").len(), 3);
    }
    let edit = Act::Edit {
        text: "the first word".to_owned(),
    };
    world.ada.act("@bob", "the first secret", edit);
    world.run();
    for person in [&mut world.ada, &mut world.bob] {
        assert_eq!(indexed(person, "first"), 1);
        assert_eq!(
            indexed(person, "secret"),
            2,
            "the edit is in, the text before it out"
        );
        assert_eq!(found(person, "first word"), ["the first word"]);
    }
    world
        .ada
        .act("@bob", "zygotes, the second secret", Act::Delete {});
    world.run();
    world.ada.act("@bob", "the first word", Act::Delete {});
    world.run();
    for person in [&mut world.ada, &mut world.bob] {
        assert_eq!(indexed(person, "second") + indexed(person, "word"), 0);
        assert_eq!(found(person, "secret"), ["xenon, the third secret"]);
        person.store.transaction(|desk| desk.check_index()).unwrap();
    }
    assert!(world.bob.raw_index_lacks("zygote") && !world.bob.raw_index_lacks("xenon"));
}

#[test]
fn a_deletion_that_waits_hides_what_it_is_about() {
    let mut world = written(&["the only secret"]);
    assert_eq!(found(&mut world.ada, "secret").len(), 1);
    world.office.unlink(&world.ada.device);
    world.ada.lose_link();
    world.ada.act("@bob", "the only secret", Act::Delete {});
    assert_eq!(indexed(&mut world.ada, "secret"), 0);
    assert!(found(&mut world.ada, "secret").is_empty());
}

#[test]
fn what_blocked_people_wrote_is_not_found() {
    let mut world = written(&["hello from ada"]);
    world.bob.send("@ada", "hello from bob");
    world.run();
    let block = |blocked| Command::About {
        ask: About::Block {
            contact: "ada".to_owned(),
            blocked,
        },
    };
    world.bob.call(block(true));
    world.run();
    assert!(
        !found(&mut world.bob, "hello")
            .iter()
            .any(|text| text.contains("ada"))
    );
    world.bob.call(block(false));
    world.run();
    assert_eq!(found(&mut world.bob, "hello").len(), 2);
}

#[test]
fn a_home_without_an_index_gets_one_step_by_step_and_across_restarts() {
    let texts: Vec<String> = (0..20).map(|number| format!("old {number}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut world = written(&texts);
    let bob = &mut world.bob;
    assert_eq!(found(bob, "old").len(), 20);
    bob.store.transaction(|desk| desk.empty_index()).unwrap();
    bob.restart();
    bob.engine.index_in_steps_of(4);
    let (mut before, mut steps) = (u64::MAX, 0);
    while bob.engine.index_waits() {
        bob.give(Input::Idle);
        let left = bob
            .store
            .transaction(|desk| desk.unindexed(desk.index_state()?))
            .unwrap();
        assert!(left < before, "each step comes further");
        if steps == 1 {
            bob.restart();
            bob.engine.index_in_steps_of(4);
        }
        (before, steps) = (left, steps + 1);
    }
    assert!(steps > 3);
    assert_eq!(found(bob, "old").len(), 20);
    assert_eq!(indexed(bob, "old"), 20, "each is in it once");
}
