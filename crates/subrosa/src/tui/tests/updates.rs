//! What follows from keys, answers and notices.

use super::scene::Scene;
use crate::tui::beside::{How, Outside};
use crate::tui::event::{Ask, Effect, Event, Printed};
use crate::tui::sample::{self, NOW_MS, row};
use crate::tui::screens::Screen;
use crate::tui::theme::Theme;
use crate::tui::timeline::Place;
use crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use subrosa_client::{
    About, Act, Answer, Command, Failure, InviteView, LinkState, Notice, RoomCommand, SendState,
    Standing, Trust, TrustView, Wait,
};

const SIZE: (u16, u16) = (100, 30);

fn send(text: &str) -> Command {
    Command::Send {
        conversation: "@bob".to_owned(),
        text: text.to_owned(),
        wait: Wait::Queued,
        queue: true,
        within_ms: None,
        timer: None,
    }
}

fn spoken(commands: Vec<Command>) -> Vec<Command> {
    let quiet =
        |command: &Command| matches!(command, Command::Typing { .. } | Command::MarkRead { .. });
    commands
        .into_iter()
        .filter(|command| !quiet(command))
        .collect()
}

#[test]
fn whoever_wrote_last_is_open_and_what_is_seen_counts_as_read() {
    let mut scene = Scene::empty(SIZE);
    scene.answer(Ask::Talks, Answer::Conversations(sample::list()));
    assert_eq!(scene.app.open.as_ref().unwrap().name, "@bob");
    scene.answer(
        Ask::Newest("@bob".to_owned()),
        Answer::Rows(vec![row(5, "bob", "hi")]),
    );
    let read = Command::MarkRead {
        conversation: "@bob".to_owned(),
        cursor: 5,
    };
    assert!(scene.commands().contains(&read));
    // Nobody looks: it stays unread.
    scene.give(Event::Focus(false));
    scene.tell(Notice::Row(row(6, "bob", "there?")));
    assert_eq!(
        (
            scene.commands(),
            scene.app.talks.get("@bob").unwrap().unread
        ),
        (vec![], 0)
    );
    scene.tell(Notice::Row(row(91, "bob", "there?")));
    assert_eq!(scene.app.talks.get("@bob").unwrap().unread, 1);
    scene.give(Event::Focus(true));
    let read = Command::MarkRead {
        conversation: "@bob".to_owned(),
        cursor: 91,
    };
    assert_eq!(scene.commands(), [read]);
    assert_eq!(scene.app.talks.get("@bob").unwrap().unread, 0);
}

#[test]
fn what_is_typed_is_sent_once_and_given_back_if_it_fails() {
    let mut scene = Scene::with_bob(SIZE);
    scene.enter("hello :rose:");
    assert_eq!(spoken(scene.commands()), [send("hello 🌹")]);
    assert!(scene.app.composer.is_empty());
    scene.key(KeyCode::Enter);
    assert_eq!(scene.commands(), []);
    let failed = Err(Failure::user("no"));
    scene.give(Event::Answer(Ask::Sent("hello :rose:".to_owned()), failed));
    assert_eq!(scene.app.composer.text(), "hello :rose:");
    assert!(scene.app.said.as_ref().unwrap().wrong);
}

#[test]
fn a_paste_sends_nothing_by_itself() {
    let mut scene = Scene::with_bob(SIZE);
    scene.give(Event::Paste("one\n/quit\n\u{1b}[201~two\r".to_owned()));
    assert_eq!(spoken(scene.commands()), []);
    assert_eq!(scene.app.composer.text(), "one\n/quit\n[201~two\n");
    scene.press(KeyCode::Enter, KeyModifiers::ALT);
    assert_eq!(spoken(scene.commands()), []);
    scene.key(KeyCode::Enter);
    assert_eq!(spoken(scene.commands()).len(), 1);
}

#[test]
fn the_others_hear_that_somebody_types_now_and_then_and_not_of_commands() {
    let mut scene = Scene::with_bob(SIZE);
    let typing = |typing| Command::Typing {
        conversation: "@bob".to_owned(),
        typing,
    };
    scene.types("/to");
    assert_eq!(scene.commands(), []);
    scene.press(KeyCode::Char('u'), KeyModifiers::CONTROL);
    scene.types("hello");
    assert_eq!(scene.commands(), [typing(true)]);
    scene.give(Event::Time(NOW_MS + 5_000));
    scene.types("!");
    assert_eq!(scene.commands(), [typing(true)]);
    scene.press(KeyCode::Char('u'), KeyModifiers::CONTROL);
    assert_eq!(scene.commands(), [typing(false)]);
}

#[test]
fn drafts_stay_with_their_conversations() {
    let mut scene = Scene::with_bob(SIZE);
    scene.types("for bob");
    scene.press(KeyCode::Char('3'), KeyModifiers::ALT);
    let open = scene.app.open.as_ref().unwrap().name.clone();
    assert_ne!(open, "@bob");
    assert!(scene.app.composer.is_empty());
    scene.enter("/to bob");
    scene.answer(Ask::Talks, Answer::Conversations(sample::list()));
    assert_eq!(scene.app.composer.text(), "for bob");
}

#[test]
fn in_reading_letters_are_commands() {
    let mut scene = Scene::with_bob(SIZE);
    scene.key(KeyCode::Esc);
    assert!(scene.app.reading);
    scene.types("kk");
    let chosen = scene
        .app
        .open
        .as_ref()
        .unwrap()
        .chosen()
        .unwrap()
        .row
        .clone();
    assert_eq!(chosen.from, "bob");
    scene.types("y");
    assert!(
        scene
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Copy(text) if text.starts_with("日本語")))
    );
    scene.types("e");
    assert!(scene.app.said.as_ref().unwrap().wrong, "it is not hers");
    scene.types("r");
    assert!(!scene.app.reading);
    scene.enter("yes");
    let reply = Act::Reply {
        text: "yes".to_owned(),
    };
    let sent = spoken(scene.commands());
    assert!(
        matches!(&sent[..], [Command::ActOn { id, act, .. }] if *id == chosen.id && *act == reply),
        "{sent:?}"
    );
}

#[test]
fn ones_own_message_is_edited_and_taken_back_after_a_question() {
    let mut scene = Scene::with_bob(SIZE);
    scene.key(KeyCode::Esc);
    scene.types("e");
    assert_eq!(scene.app.composer.text(), "On my way.");
    scene.enter("!");
    let sent = spoken(scene.commands());
    assert!(
        matches!(&sent[..], [Command::ActOn { act: Act::Edit { text }, .. }] if text == "On my way.!"),
        "{sent:?}"
    );
    scene.key(KeyCode::Esc);
    scene.types("d");
    assert_eq!(spoken(scene.commands()), []);
    scene.key(KeyCode::Esc);
    assert_eq!(spoken(scene.commands()), []);
    scene.types("d");
    scene.key(KeyCode::Enter);
    let sent = spoken(scene.commands());
    assert!(
        matches!(
            &sent[..],
            [Command::ActOn {
                act: Act::Delete {},
                ..
            }]
        ),
        "{sent:?}"
    );
}

#[test]
fn reading_on_loads_history_before_its_end_is_reached_and_once() {
    let mut scene = Scene::empty(SIZE);
    scene.answer(Ask::Talks, Answer::Conversations(sample::list()));
    let page: Vec<_> = (1_001..=1_200)
        .map(|number| row(number, "bob", "x"))
        .collect();
    scene.answer(Ask::Newest("@bob".to_owned()), Answer::Rows(page));
    scene.effects.clear();
    for _ in 0..7 {
        scene.key(KeyCode::PageUp);
    }
    let older: Vec<_> = scene
        .commands()
        .into_iter()
        .filter(|command| {
            matches!(
                command,
                Command::Read {
                    before: Some(1_001),
                    ..
                }
            )
        })
        .collect();
    assert_eq!(older.len(), 1);
    let page: Vec<_> = (801..=1_000)
        .map(|number| row(number, "bob", "x"))
        .collect();
    let seen = scene.app.open.as_ref().unwrap().place;
    scene.answer(Ask::Older("@bob".to_owned()), Answer::Rows(page));
    assert_eq!(scene.app.open.as_ref().unwrap().place, seen);
}

#[test]
fn commands_about_rooms_go_to_the_room_that_is_open() {
    let mut scene = Scene::with_bob(SIZE);
    scene.enter("/members");
    assert!(!scene.commands().is_empty(), "a person's keys");
    scene.enter("/leave");
    assert!(scene.app.said.as_ref().unwrap().wrong);
    scene.enter("/room #shed @carol bob");
    let made = scene.commands();
    assert!(
        matches!(&made[..], [Command::Room(RoomCommand::Create { name, people, .. })] if name == "shed" && people == &["carol", "bob"]),
        "{made:?}"
    );
    scene.enter("/to garden");
    scene.answer(Ask::Talks, Answer::Conversations(sample::list()));
    scene.commands();
    scene.enter("/add @bob, carol");
    let added = spoken(scene.commands());
    assert!(
        matches!(&added[..], [Command::Room(RoomCommand::Add { room, people, .. })] if room == "#garden" && people == &["bob", "carol"]),
        "{added:?}"
    );
    scene.enter("/timer 1h");
    let timed = spoken(scene.commands());
    assert!(
        matches!(
            &timed[..],
            [Command::Room(RoomCommand::Policy { timer: Some(3), .. })]
        ),
        "{timed:?}"
    );
}

#[test]
fn a_key_that_changed_covers_everything_until_it_is_read() {
    let mut scene = Scene::with_bob(SIZE);
    scene.tell(Notice::Warning {
        sentence: "the server shows two accounts".to_owned(),
    });
    let asked = Command::About {
        ask: About::Trust { contact: None },
    };
    assert_eq!(scene.commands(), [asked]);
    scene.answer(Ask::Keys, Answer::Trust(vec![doubt()]));
    scene.types("x");
    assert!(scene.app.composer.is_empty(), "nothing goes past it");
    assert!(scene.app.ringing().is_some());
    scene.key(KeyCode::Enter);
    assert!(scene.app.ringing().is_none());
    assert!(
        scene.app.about_open().is_some(),
        "it stays above the conversation"
    );
    scene.answer(Ask::Keys, Answer::Trust(vec![doubt()]));
    assert!(scene.app.ringing().is_none(), "it was read");
    scene.enter("/decide known");
    let decided = spoken(scene.commands());
    assert!(
        matches!(
            &decided[..],
            [Command::About {
                ask: About::DecideName {
                    accept_new: false,
                    ..
                }
            }]
        ),
        "{decided:?}"
    );
    scene.answer(Ask::Keys, Answer::Trust(vec![]));
    assert!(scene.app.about_open().is_none());
}

pub fn doubt() -> TrustView {
    TrustView {
        name: "bob".to_owned(),
        account: String::new(),
        trust: Trust::Verified,
        standing: Standing::Holder,
        line: None,
        verified_ms: None,
        changed_ms: None,
        devices: Vec::new(),
        blocked: false,
        problem: Some(
            "the server shows two accounts under the name bob; nothing is sent to @bob".to_owned(),
        ),
        fix: Some("subrosa trust @bob --accept-new, or subrosa trust @bob --keep".to_owned()),
    }
}

#[test]
fn a_message_gets_its_state_and_its_place() {
    let mut scene = Scene::with_bob(SIZE);
    let id = format!("{:032x}", 90);
    scene.tell(Notice::State {
        cursor: 90,
        id,
        state: SendState::Sent,
        position: Some(200),
    });
    let open = scene.app.open.as_ref().unwrap();
    assert_eq!(open.last().unwrap().row.state, Some(SendState::Sent));
    assert_eq!(open.seen_to(), Some(90));
}

#[test]
fn somebody_who_joins_is_open_at_once_where_nobody_was() {
    let mut scene = Scene::empty(SIZE);
    scene.app.join_line = Some("subrosa join x".to_owned());
    scene.answer(
        Ask::Talks,
        Answer::Conversations(vec![sample::talk("@ada", "ada", 0)]),
    );
    assert!(scene.app.open.is_none());
    scene.enter("hello?");
    assert!(scene.app.said.as_ref().unwrap().wrong);
    assert_eq!(scene.app.composer.text(), "hello?", "it is not lost");
    scene.tell(Notice::Joined(sample::talk("@bob", "b0b", 0)));
    assert_eq!(scene.app.open.as_ref().unwrap().name, "@bob");
    assert!(scene.app.join_line.is_none());
}

#[test]
fn the_switcher_finds_by_parts_of_names() {
    let mut scene = Scene::with_bob(SIZE);
    scene.press(KeyCode::Char('k'), KeyModifiers::CONTROL);
    scene.enter("gdn");
    assert_eq!(scene.app.open.as_ref().unwrap().name, "#garden");
    scene.press(KeyCode::Char('k'), KeyModifiers::CONTROL);
    scene.enter("zoe");
    assert_eq!(
        scene.app.open.as_ref().unwrap().name,
        "@zoe",
        "somebody new"
    );
}

#[test]
fn what_is_unread_is_reached_by_one_key_mentions_first() {
    let mut scene = Scene::with_bob(SIZE);
    scene.press(KeyCode::Char('a'), KeyModifiers::ALT);
    assert_eq!(scene.app.open.as_ref().unwrap().name, "#garden");
    scene.answer(Ask::Newest("#garden".to_owned()), Answer::Rows(vec![]));
    scene.app.talks.read("#garden");
    scene.press(KeyCode::Char('a'), KeyModifiers::ALT);
    assert_eq!(scene.app.open.as_ref().unwrap().name, "@carol");
}

#[test]
fn a_server_that_runs_here_is_left_after_a_question_only() {
    let mut scene = Scene::with_bob(SIZE);
    scene.app.hosting = true;
    scene.press(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert!(matches!(scene.app.screen, Screen::Leaving) && scene.effects.is_empty());
    scene.key(KeyCode::Esc);
    assert!(matches!(scene.app.screen, Screen::Chat));
    scene.enter("/quit");
    scene.key(KeyCode::Enter);
    assert!(scene.effects.contains(&Effect::Quit));
}

#[test]
fn the_mouse_opens_chooses_and_scrolls() {
    let mut scene = Scene::with_bob(SIZE);
    let mouse = |kind, column, row| {
        Event::Mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        })
    };
    let left = MouseEventKind::Down(MouseButton::Left);
    scene.give(mouse(left, 60, 20));
    assert!(scene.app.reading && scene.app.open.as_ref().unwrap().chosen.is_some());
    scene.give(mouse(MouseEventKind::ScrollUp, 60, 10));
    assert_ne!(scene.app.open.as_ref().unwrap().place, Place::End);
    let third = scene.app.talks.list()[2].name.clone();
    scene.give(mouse(left, 5, 4));
    assert_eq!(scene.app.open.as_ref().unwrap().name, third);
}

#[test]
fn the_link_and_an_invite_are_told() {
    let mut scene = Scene::with_bob(SIZE);
    let cause = "the server does not answer".to_owned();
    scene.tell(Notice::Link(LinkState::Offline { cause, retry_ms: 1 }));
    scene.tell(Notice::Link(LinkState::Online));
    assert_eq!(
        scene.app.said.as_ref().unwrap().text,
        "the server is in reach again"
    );
    scene.enter("/invite");
    scene.answer(
        Ask::Invite,
        Answer::Invite(InviteView {
            line: "subrosa://x/y/z".to_owned(),
            expires_ms: 0,
        }),
    );
    assert!(matches!(scene.app.screen, Screen::Page(_)));
    scene.key(KeyCode::Esc);
    assert!(matches!(scene.app.screen, Screen::Chat));
}

#[test]
fn completion_goes_round_and_enter_sends_what_stands_there() {
    let mut scene = Scene::with_bob(SIZE);
    scene.types("/se");
    assert!(scene.app.proposals.list.len() >= 3);
    scene.key(KeyCode::Tab);
    let first = scene.app.composer.text().to_owned();
    scene.key(KeyCode::Tab);
    assert_ne!(scene.app.composer.text(), first);
    scene.key(KeyCode::Esc);
    assert!(scene.app.proposals.list.is_empty() && !scene.app.reading);
    scene.press(KeyCode::Char('u'), KeyModifiers::CONTROL);
    scene.types("hi @b");
    scene.key(KeyCode::Tab);
    assert_eq!(scene.app.composer.text(), "hi @bob ");
}

#[test]
fn a_locked_home_shows_nothing_until_its_passphrase_is_given() {
    let mut scene = Scene::with_bob(SIZE);
    scene.types("a draft");
    scene.press(KeyCode::Char('u'), KeyModifiers::CONTROL);
    scene.enter("/lock");
    assert_eq!(
        spoken(scene.commands()),
        [Command::Lock { passphrase: None }]
    );
    scene.answer(Ask::Lock, Answer::Done {});
    assert!(scene.app.open.is_none() && scene.app.talks.list().is_empty());
    scene.key(KeyCode::Esc);
    scene.key(KeyCode::F(1));
    assert!(
        matches!(scene.app.screen, Screen::Locked(_)),
        "there is no way past it"
    );
    scene.enter("wrong");
    let asked = scene.commands();
    assert!(
        matches!(&asked[..], [Command::Unlock { passphrase }] if passphrase.as_str() == "wrong"),
        "{asked:?}"
    );
    assert!(!format!("{asked:?} {:?}", scene.app.screen).contains("wrong"));
    let wrong = Failure::user("the passphrase is wrong: the home stays locked");
    scene.give(Event::Answer(Ask::Unlock, Err(wrong)));
    assert!(matches!(scene.app.screen, Screen::Locked(_)));
    scene.enter("right");
    scene.answer(Ask::Unlock, Answer::Done {});
    assert!(scene.effects.contains(&Effect::Subscribe));
    scene.answer(Ask::Talks, Answer::Conversations(sample::list()));
    assert_eq!(scene.app.open.as_ref().unwrap().name, "@bob");
    // Another face has locked it, while this one asks whether to leave; then another has opened it.
    scene.give(Event::Locked);
    scene.app.hosting = true;
    scene.press(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert!(matches!(scene.app.screen, Screen::Leaving));
    scene.key(KeyCode::Esc);
    assert!(matches!(scene.app.screen, Screen::Locked(_)));
    scene.answer(Ask::Talks, Answer::Conversations(sample::list()));
    assert!(scene.app.talks.list().is_empty(), "it was on its way");
    scene.commands();
    scene.give(Event::Time(NOW_MS + 1_000));
    assert_eq!(scene.commands(), [Command::Status {}]);
    scene.give(Event::Answer(Ask::Open, Err(Failure::locked())));
    assert!(matches!(scene.app.screen, Screen::Locked(_)));
    scene.answer(Ask::Open, Answer::Done {});
    assert!(matches!(scene.app.screen, Screen::Chat));
    assert!(scene.effects.contains(&Effect::Subscribe));
    scene.answer(Ask::Talks, Answer::Conversations(sample::list()));
    // A command that comes too late tells it as well.
    scene.give(Event::Answer(Ask::Talks, Err(Failure::locked())));
    assert!(matches!(scene.app.screen, Screen::Locked(_)));
}

#[test]
fn verbs_of_the_command_line_run_beside_and_show_what_they_print() {
    let mut scene = Scene::with_bob(SIZE);
    let runs = |scene: &mut Scene, typed: &str| -> Vec<Outside> {
        scene.enter(typed);
        let effects = std::mem::take(&mut scene.effects);
        let runs = effects.into_iter().filter_map(|effect| match effect {
            Effect::Run(outside) => Some(outside),
            _ => None,
        });
        runs.collect()
    };
    let outside = |verb, words: &str, how| {
        let words = words.to_owned();
        vec![Outside { verb, words, how }]
    };
    assert_eq!(
        runs(&mut scene, "/doctor"),
        outside("doctor", "", How::Page)
    );
    assert_eq!(scene.app.said.as_ref().unwrap().text, "doctor …");
    scene.give(Event::Printed(Printed {
        title: "doctor".to_owned(),
        text: "all is well\n".to_owned(),
        failed: false,
    }));
    assert!(matches!(scene.app.screen, Screen::Page(_)));
    scene.key(KeyCode::Esc);
    let newest = scene.app.open.as_ref().unwrap().newest_message().unwrap();
    let words = format!("@bob {}", newest.row.id);
    assert_eq!(runs(&mut scene, "/why"), outside("why", &words, How::Page));
    assert_eq!(
        runs(&mut scene, "/passwd"),
        outside("passwd", "", How::Terminal)
    );
    let revoke = outside("devices", "revoke old phone", How::Terminal);
    assert_eq!(runs(&mut scene, "/revoke old phone"), revoke);
    assert_eq!(runs(&mut scene, "/serve"), vec![]);
    assert!(
        scene
            .app
            .said
            .as_ref()
            .unwrap()
            .text
            .contains("terminal of its own")
    );
    assert_eq!(
        runs(&mut scene, "/logout"),
        vec![],
        "what was wrong stays to be mended"
    );
    scene.press(KeyCode::Char('u'), KeyModifiers::CONTROL);
    assert_eq!(
        runs(&mut scene, "/logout"),
        outside("logout", "", How::Last)
    );
    scene.app.hosting = true;
    assert_eq!(runs(&mut scene, "/logout"), vec![]);
    assert!(
        scene
            .app
            .said
            .as_ref()
            .unwrap()
            .text
            .contains("subrosa serve")
    );
}

#[test]
fn a_theme_is_kept_and_a_first_lock_asks_at_the_terminal() {
    let mut scene = Scene::with_bob(SIZE);
    scene.enter("/theme light");
    assert!(scene.effects.contains(&Effect::Remember(Theme::Light)));
    scene.give(Event::Answer(Ask::Lock, Err(Failure::no_passphrase())));
    let lock = Outside {
        verb: "lock",
        words: String::new(),
        how: How::Terminal,
    };
    assert!(scene.effects.contains(&Effect::Run(lock)));
}
