use super::office::Office;
use super::person::Person;
use super::world::{World, step};
use crate::command::{Answer, Command};
use crate::store::Draft;
use crate::view::{ConversationView, Notice};
use subrosa_e2e::{Body, Content, ReadMark, Setting, Text};
use subrosa_proto::{ContentId, Form};

/// Ada with two devices, and Bob.
struct Pair {
    world: World,
    second: Person,
}

impl Pair {
    fn new() -> Self {
        let mut world = World::new();
        let second = further(&mut world, "second");
        let mut pair = Self { world, second };
        pair.second.link();
        pair.run();
        pair
    }

    fn run(&mut self) {
        let Self { world, second } = self;
        run(
            &mut world.office,
            &mut [&mut world.ada, &mut world.bob, second],
        );
    }

    fn pass(&mut self, ms: u64) {
        self.world.office.now_ms += ms;
        for person in [&mut self.world.ada, &mut self.world.bob, &mut self.second] {
            person.now_ms += ms;
            person.tick();
        }
        self.run();
    }

    fn unread(&mut self) -> (u64, u64) {
        (
            seen(&mut self.world.ada).unread,
            seen(&mut self.second).unread,
        )
    }
}

/// A further device of Ada.
pub fn further(world: &mut World, label: &str) -> Person {
    let now_ms = world.ada.now_ms;
    Person::further(
        rand::make_rng(),
        &world.ada,
        &mut world.office,
        label,
        now_ms,
    )
}

pub fn run(office: &mut Office, people: &mut [&mut Person]) {
    for _ in 0..2_000 {
        let mut moved = false;
        for person in people.iter_mut() {
            moved |= step(office, person);
        }
        if !moved {
            return;
        }
    }
    panic!("no rest");
}

/// What a home shows of the conversation with Bob.
fn seen(person: &mut Person) -> ConversationView {
    let call = person.call(Command::Conversations {});
    match person.answers.remove(&call) {
        Some(Ok(Answer::Conversations(views))) => {
            views.into_iter().find(|view| view.name == "@bob").unwrap()
        }
        other => panic!("{other:?}"),
    }
}

/// The person looks at all that is there.
fn read(person: &mut Person) {
    let last = person.rows(Some("@bob")).last().unwrap().cursor;
    mark(person, last);
}

fn mark(person: &mut Person, cursor: u64) {
    let call = person.call(Command::MarkRead {
        conversation: "@bob".to_owned(),
        cursor,
    });
    assert!(matches!(person.answers.remove(&call), Some(Ok(_))));
}

fn marks_at_the_server(pair: &Pair) -> usize {
    let own = pair.world.own_of(&pair.world.ada);
    pair.world.office.logs[&own].events.len()
}

#[test]
fn what_was_read_on_one_device_is_read_on_the_other() {
    let mut pair = Pair::new();
    pair.second.subscribe();
    for text in ["one", "two", "three"] {
        pair.world.bob.send("@ada", text);
        pair.run();
    }
    assert_eq!(pair.unread(), (3, 3));
    read(&mut pair.world.ada);
    pair.run();
    assert_eq!(pair.unread(), (0, 0));
    let told = pair.second.notices.iter().any(|notice| {
        matches!(notice, Notice::Unread { conversation, unread: 0, .. } if conversation == "@bob")
    });
    assert!(told, "{:?}", pair.second.notices);
    // It is remembered, and one's own messages do not count.
    pair.second.restart();
    pair.world.office.unlink(&pair.second.device);
    pair.second.link();
    pair.second.send("@bob", "mine");
    pair.run();
    assert_eq!(pair.unread(), (0, 0));
    pair.world.bob.send("@ada", "four");
    pair.run();
    assert_eq!(pair.unread(), (1, 1));
}

#[test]
fn a_device_that_logs_in_later_has_the_marks_and_settings() {
    let mut world = World::new();
    for text in ["one", "two"] {
        world.bob.send("@ada", text);
        world.run();
    }
    let first = world.ada.rows(Some("@bob"));
    let one = first.iter().find(|row| !row.own && !row.id.is_empty());
    let cursor = one.unwrap().cursor;
    mark(&mut world.ada, cursor);
    world.run();
    let mut second = further(&mut world, "second");
    second.link();
    run(&mut world.office, &mut [&mut world.ada, &mut second]);
    assert_eq!(seen(&mut second).unread, 1);
    assert_eq!(seen(&mut world.ada).unread, 1);
}

#[test]
fn marks_that_race_agree_on_the_one_that_reaches_further() {
    let mut pair = Pair::new();
    for text in ["one", "two", "three"] {
        pair.world.bob.send("@ada", text);
        pair.run();
    }
    let rows = pair.second.rows(Some("@bob"));
    let one = rows.iter().find(|row| !row.own && !row.id.is_empty());
    let one = one.unwrap().cursor;
    // The second device is away and has seen the first message only; its mark arrives last.
    pair.world.office.unlink(&pair.second.device);
    pair.second.lose_link();
    mark(&mut pair.second, one);
    assert_eq!(seen(&mut pair.second).unread, 2);
    read(&mut pair.world.ada);
    pair.run();
    pair.second.restart();
    assert_eq!(
        seen(&mut pair.second).unread,
        2,
        "a wish outlives its process"
    );
    pair.second.link();
    pair.run();
    assert_eq!(pair.unread(), (0, 0));
    // The mark of the second says less than what is agreed, and a third device sees the same.
    let mut third = further(&mut pair.world, "third");
    third.link();
    run(
        &mut pair.world.office,
        &mut [&mut pair.world.ada, &mut pair.second, &mut third],
    );
    assert_eq!(seen(&mut third).unread, 0);
}

#[test]
fn marks_are_sent_every_few_seconds_and_the_newest_only() {
    let mut pair = Pair::new();
    let before = marks_at_the_server(&pair);
    for number in 0..20 {
        pair.world.bob.send("@ada", &format!("{number}"));
        pair.run();
        read(&mut pair.world.ada);
        pair.run();
    }
    let at_once = marks_at_the_server(&pair) - before;
    // A key event and the first mark; the others wait.
    assert_eq!(at_once, 2);
    assert_eq!(pair.unread(), (0, 19));
    pair.pass(3_000);
    assert_eq!(marks_at_the_server(&pair) - before, 3);
    assert_eq!(pair.unread(), (0, 0));
    // What was read without a link goes out as one mark.
    pair.world.office.unlink(&pair.world.ada.device);
    for number in 0..5 {
        pair.world.bob.send("@ada", &format!("{number}"));
        pair.run();
    }
    pair.world.ada.lose_link();
    pair.world.ada.link();
    pair.run();
    pair.pass(10_000);
    pair.world.ada.lose_link();
    pair.world.office.unlink(&pair.world.ada.device);
    let rows = pair.world.ada.rows(Some("@bob"));
    for row in rows.iter().filter(|row| !row.own) {
        mark(&mut pair.world.ada, row.cursor);
    }
    let before = marks_at_the_server(&pair);
    pair.world.ada.link();
    pair.run();
    assert_eq!(marks_at_the_server(&pair) - before, 1);
    assert_eq!(pair.unread(), (0, 0));
}

#[test]
fn more_than_can_be_counted_and_what_is_not_here_are_said() {
    let mut pair = Pair::new();
    for number in 0..101 {
        pair.world.bob.send("@ada", &format!("{number}"));
    }
    pair.run();
    let view = seen(&mut pair.world.ada);
    assert_eq!((view.unread, view.unread_more), (99, true));
    read(&mut pair.world.ada);
    pair.run();
    let view = seen(&mut pair.world.ada);
    assert_eq!((view.unread, view.unread_more), (0, false));
}

#[test]
fn messages_that_name_the_person_are_counted_apart() {
    let mut pair = Pair::new();
    for text in [
        "hello",
        "@ada: are you there?",
        "@adam is not",
        "lunch, @Ada?",
    ] {
        pair.world.bob.send("@ada", text);
    }
    pair.world.ada.send("@bob", "I am @ada");
    pair.run();
    let view = seen(&mut pair.second);
    assert_eq!((view.unread, view.mentions), (4, 2));
    pair.second.subscribe();
    read(&mut pair.world.ada);
    pair.run();
    let view = seen(&mut pair.second);
    assert_eq!((view.unread, view.mentions), (0, 0));
    let told = pair.second.notices.iter().any(|notice| {
        matches!(
            notice,
            Notice::Unread {
                unread: 0,
                mentions: 0,
                ..
            }
        )
    });
    assert!(told, "{:?}", pair.second.notices);
}

/// Puts any content into a conversation, as a device of that account may.
fn post(person: &mut Person, form: Form, body: impl Into<Body>, caller: &str) {
    let mut rng = crate::randomness::system();
    let content = Content::new(body, person.now_ms, &mut rng);
    let talk = person.engine.talks.values();
    let no = talk
        .filter(|talk| talk.state.form() == form)
        .map(|talk| talk.no)
        .next()
        .unwrap();
    person
        .store
        .transaction(|desk| {
            desk.add_draft(&Draft {
                caller,
                conversation: no,
                content: ContentId(content.id.0),
                body: &content.encode().unwrap(),
                cursor: None,
                timer: None,
            })
        })
        .unwrap();
    person.tick();
}

#[test]
fn others_cannot_write_what_ones_own_devices_agree_on() {
    let mut pair = Pair::new();
    pair.world.bob.send("@ada", "one");
    pair.run();
    let conv = pair.world.direct();
    let mark = ReadMark { conv, position: 9 };
    post(&mut pair.world.bob, Form::Direct, mark, "forged mark");
    let setting = Setting {
        key: "read-receipts".to_owned(),
        value: bytes::Bytes::from_static(b"off"),
    };
    post(&mut pair.world.bob, Form::Direct, setting, "forged setting");
    pair.run();
    assert_eq!(pair.unread(), (1, 1));
    assert_eq!(pair.world.ada.engine.settings.value("read-receipts"), None);
    let shown = pair.world.ada.rows(Some("@bob"));
    assert_eq!(shown.iter().filter(|row| !row.id.is_empty()).count(), 1);
}

#[test]
fn the_last_in_the_log_counts_and_unknown_settings_are_kept() {
    let mut pair = Pair::new();
    let setting = |value: &'static [u8]| Setting {
        key: "from a newer version".to_owned(),
        value: bytes::Bytes::from_static(value),
    };
    post(&mut pair.second, Form::Own, setting(b"one"), "first");
    post(&mut pair.world.ada, Form::Own, setting(b"two"), "second");
    post(
        &mut pair.second,
        Form::Own,
        Text {
            text: "a note to oneself".to_owned(),
        },
        "note",
    );
    pair.run();
    let values = |person: &Person| {
        let value = person.engine.settings.value("from a newer version");
        value.map(<[u8]>::to_vec)
    };
    let agreed = values(&pair.world.ada);
    assert!(agreed.is_some());
    assert_eq!(agreed, values(&pair.second));
    pair.world.ada.restart();
    assert_eq!(agreed, values(&pair.world.ada));
}
