//! What is drawn, at three sizes.

use super::scene::Scene;
use super::updates::doubt;
use crate::tui::event::{Ask, Event};
use crate::tui::sample::{self, NOW_MS};
use crate::tui::screens::{Screen, Sheet};
use crate::tui::theme::Theme;
use crate::tui::widgets;
use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use subrosa_client::{
    Answer, DeviceView, HitView, LinkState, MemberView, Notice, Reach, ReceiptView, RoomRole,
    RoomStanding, RoomView, SearchView, SendState, SettingView, Trust, VerificationView,
};

const SIZES: [(u16, u16); 3] = [(120, 40), (80, 24), (50, 20)];

/// The characters of a screen.
fn picture(scene: &Scene) -> String {
    let (columns, rows) = scene.app.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal
        .draw(|frame| widgets::draw(frame, &scene.app))
        .unwrap();
    // What a wide character covers is no part of what is seen.
    let shown = terminal.backend().to_string();
    let lines = shown.lines().map(|line| {
        line.split("\" Hidden by")
            .next()
            .unwrap_or(line)
            .trim_matches('"')
            .trim_end()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn pictures(name: &str, make: impl Fn(&mut Scene)) {
    for size in SIZES {
        let mut scene = Scene::with_bob(size);
        make(&mut scene);
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), picture(&scene));
    }
}

#[test]
fn a_conversation() {
    pictures("conversation", |scene| {
        scene.tell(Notice::Typing {
            conversation: "@bob".to_owned(),
            conv: "b0b".to_owned(),
            from: "bob".to_owned(),
            typing: true,
        });
    });
}

#[test]
fn nobody_yet() {
    for size in SIZES {
        let mut scene = Scene::empty(size);
        scene.app.join_line = Some(
            "subrosa join subrosa://192.0.2.20:7673/7J8M0R1VW3YB4Z6X5K2N9QTC/H3D8S1FA".to_owned(),
        );
        scene.tell(Notice::Link(LinkState::Online));
        scene.answer(
            Ask::Talks,
            Answer::Conversations(vec![sample::talk("@ada", "ada", 0)]),
        );
        insta::assert_snapshot!(format!("nobody_{}x{}", size.0, size.1), picture(&scene));
    }
}

#[test]
fn reading_and_replying() {
    pictures("reading", |scene| {
        scene.key(KeyCode::Esc);
        scene.types("kkk");
    });
    pictures("replying", |scene| {
        scene.key(KeyCode::Esc);
        scene.types("kkr");
        scene.give(Event::Paste("Of course, 日本語\nis fine.".to_owned()));
    });
}

#[test]
fn completing() {
    pictures("completing", |scene| scene.types("/re"));
}

#[test]
fn offline() {
    pictures("offline", |scene| {
        let cause = "the server at 192.0.2.20:7673 does not answer".to_owned();
        scene.tell(Notice::Link(LinkState::Offline {
            cause,
            retry_ms: 1_000,
        }));
    });
}

#[test]
fn the_switcher() {
    pictures("switcher", |scene| {
        scene.press(KeyCode::Char('k'), KeyModifiers::CONTROL);
        scene.types("o");
    });
}

#[test]
fn a_search() {
    pictures("search", |scene| {
        scene.press(KeyCode::Char('f'), KeyModifiers::CONTROL);
        scene.types("rose");
        let hit = |number, from: &str, text: &str, marks| HitView {
            row: sample::row(number, from, text),
            excerpt: text.to_owned(),
            marks,
        };
        let hits = vec![
            hit(80, "carol", "the roses are in bloom", vec![(4, 8)]),
            hit(
                20,
                "bob",
                "…found a rosebush behind the shed, and \u{202e}more",
                vec![(9, 13)],
            ),
        ];
        let found = SearchView {
            hits,
            next: None,
            reach: Reach {
                unindexed: 0,
                missing: 12,
            },
        };
        let number = scene.app.searches;
        scene.answer(Ask::Hits(number), Answer::Found(found));
    });
}

#[test]
fn members() {
    pictures("members", |scene| {
        let member = |name: &str, role, pending, devices| MemberView {
            name: name.to_owned(),
            account: String::new(),
            role,
            pending,
            devices,
            bot_of: None,
        };
        let room = RoomView {
            name: "#garden".to_owned(),
            conv: "9a".to_owned(),
            title: Some("garden".to_owned()),
            topic: Some("What grows where, and who waters it".to_owned()),
            standing: RoomStanding::In,
            role: Some(RoomRole::Admin),
            added_by: None,
            archive: true,
            members_add: false,
            timer: 0,
            closed: false,
            unread: 0,
            members: vec![
                member("ada", RoomRole::Admin, false, 2),
                member("bob", RoomRole::Member, false, 1),
                member("carol", RoomRole::Member, true, 1),
            ],
        };
        scene.answer(Ask::Members, Answer::Room(room));
        scene.key(KeyCode::Down);
    });
}

#[test]
fn a_safety_number() {
    pictures("number", |scene| {
        let group = |number: usize| format!("{:05}", number * 7_919 % 100_000);
        scene.answer(
            Ask::Number,
            Answer::Verification(VerificationView {
                name: "bob".to_owned(),
                account: String::new(),
                safety_number: (1..=12).map(group).collect::<Vec<_>>().join(" "),
                code: format!("SUBROSA:1:{}:{}", "A".repeat(64), "B".repeat(64)),
                trust: Trust::Invited,
                verified_ms: None,
            }),
        );
    });
}

#[test]
fn an_alarm() {
    pictures("alarm", |scene| {
        scene.answer(Ask::Keys, Answer::Trust(vec![doubt()]))
    });
    pictures("alarm_read", |scene| {
        scene.answer(Ask::Keys, Answer::Trust(vec![doubt()]));
        scene.key(KeyCode::Enter);
    });
}

#[test]
fn the_help() {
    pictures("help", |scene| scene.key(KeyCode::F(1)));
}

#[test]
fn devices_receipts_and_settings() {
    pictures("devices", |scene| {
        let device = |label: &str, this, ended| DeviceView {
            label: label.to_owned(),
            device: "ab".repeat(32),
            this,
            ended,
        };
        let devices = vec![
            device("laptop", true, false),
            device("desk \u{202e}evil", false, false),
            device("old phone", false, true),
        ];
        scene.answer(Ask::Devices, Answer::Devices(devices));
    });
    pictures("receipts", |scene| {
        let receipt = |name: &str, state| ReceiptView {
            name: name.to_owned(),
            state,
        };
        scene.answer(
            Ask::Receipts,
            Answer::Receipts(vec![
                receipt("bob", SendState::Read),
                receipt("carol", SendState::Delivered),
            ]),
        );
    });
    pictures("settings", |scene| {
        let setting = SettingView {
            name: "read-receipts".to_owned(),
            value: "on".to_owned(),
            values: vec!["on".to_owned(), "off".to_owned()],
            about: "whether others see that you have read what they wrote".to_owned(),
        };
        scene.answer(Ask::Settings, Answer::Settings(vec![setting]));
    });
    pictures("keys", |scene| {
        scene.answer(
            Ask::Trust,
            Answer::Trust(vec![{
                let mut view = doubt();
                view.problem = None;
                view.fix = None;
                view
            }]),
        )
    });
}

#[test]
fn the_sheet_and_leaving() {
    pictures("sheet", |scene| {
        let sheet = subrosa_client::enrol::Sheet {
            address: "subrosa://192.0.2.20:7673/7J8M0R1VW3YB4Z6X5K2N9QTC".to_owned(),
            name: "ada".to_owned(),
            passphrase: Some(zeroize::Zeroizing::new(
                "radiant mocha unviable pueblo scarf".to_owned(),
            )),
            recovery_code: zeroize::Zeroizing::new("V3YB-4Z6X-5K2N-9QTC-7J8M-0R1W".to_owned()),
        };
        scene.app.screen = Screen::Sheet(Sheet(crate::sheet::text(&sheet)));
    });
    pictures("leaving", |scene| {
        scene.app.hosting = true;
        scene.press(KeyCode::Char('c'), KeyModifiers::CONTROL);
    });
    pictures("question", |scene| {
        scene.key(KeyCode::Esc);
        scene.types("d");
    });
}

#[test]
fn a_locked_home() {
    pictures("locked", |scene| {
        scene.give(Event::Locked);
        scene.types("secret");
        assert!(
            !picture(scene).contains("roses"),
            "nothing of it is left on the screen"
        );
    });
}

#[test]
fn every_size_and_theme_can_be_drawn() {
    for theme in [Theme::Dark, Theme::Light, Theme::None] {
        for (columns, rows) in [
            (1, 1),
            (3, 2),
            (10, 4),
            (20, 50),
            (59, 9),
            (60, 9),
            (300, 100),
        ] {
            let mut scene = Scene::with_bob((columns, rows));
            scene.app.theme = theme;
            for screen in ["", "k", "f"] {
                if let Some(c) = screen.chars().next() {
                    scene.press(KeyCode::Char(c), KeyModifiers::CONTROL);
                }
                picture(&scene);
                scene.key(KeyCode::Esc);
            }
            scene.key(KeyCode::F(1));
            picture(&scene);
        }
    }
    assert_eq!(NOW_MS, sample::NOW_MS);
}
