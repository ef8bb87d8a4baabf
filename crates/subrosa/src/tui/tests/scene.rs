//! A screen with people on it.

use crate::tui::app::{App, Beginning};
use crate::tui::event::{Ask, Effect, Event};
use crate::tui::sample::{self, NOW_MS, info, row};
use crate::tui::theme::Theme;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use subrosa_client::{
    Answer, Command, LinkState, Notice, ReactionView, ReplyView, Row, RowKind, SendState,
};

/// A state, and what it wants done.
pub struct Scene {
    pub app: App,
    pub effects: Vec<Effect>,
}

impl Scene {
    /// Nothing has come yet.
    pub fn empty(size: (u16, u16)) -> Self {
        let (app, effects) = App::new(Beginning {
            own: "ada".to_owned(),
            theme: Theme::Dark,
            now_ms: NOW_MS,
            zone: TimeZone::UTC,
            size,
            to: None,
            hosting: false,
            join_line: None,
        });
        Self { app, effects }
    }

    /// The conversation with bob is open.
    pub fn with_bob(size: (u16, u16)) -> Self {
        let mut scene = Self::empty(size);
        scene.tell(Notice::Link(LinkState::Online));
        scene.answer(Ask::Talks, Answer::Conversations(sample::list()));
        scene.answer(Ask::Newest("@bob".to_owned()), Answer::Rows(said()));
        scene.effects.clear();
        scene
    }

    pub fn give(&mut self, event: Event) {
        let effects = self.app.update(event);
        self.effects.extend(effects);
    }

    pub fn tell(&mut self, notice: Notice) {
        self.give(Event::Notice(notice));
    }

    pub fn answer(&mut self, ask: Ask, answer: Answer) {
        self.give(Event::Answer(ask, Ok(answer)));
    }

    pub fn press(&mut self, code: KeyCode, with: KeyModifiers) {
        self.give(Event::Key(KeyEvent::new(code, with)));
    }

    pub fn key(&mut self, code: KeyCode) {
        self.press(code, KeyModifiers::NONE);
    }

    pub fn types(&mut self, text: &str) {
        for c in text.chars() {
            self.key(KeyCode::Char(c));
        }
    }

    /// Types and presses Enter.
    pub fn enter(&mut self, text: &str) {
        self.types(text);
        self.key(KeyCode::Enter);
    }

    /// The commands that were wished for since the last look.
    pub fn commands(&mut self) -> Vec<Command> {
        let effects = std::mem::take(&mut self.effects);
        effects
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Call(_, command) => Some(command),
                _ => None,
            })
            .collect()
    }
}

/// What was said with bob: some of everything.
pub fn said() -> Vec<Row> {
    let day = 86_400_000;
    let mut yesterday = row(
        3,
        "bob",
        "Are you coming to the garden tomorrow? The roses need a cut, and I found the good shears again.",
    );
    yesterday.time_ms -= day;
    let mut answer = row(4, "ada", "Gladly. What time?");
    answer.time_ms -= day;
    let mut joined = info(1, "bob joined by your invite line");
    joined.time_ms -= day;
    let mut reply = row(40, "bob", "at ten, before it gets hot 🌞");
    reply.beside.reply_to = Some(ReplyView {
        id: answer.id.clone(),
        from: "ada".to_owned(),
        excerpt: Some("Gladly. What time?".to_owned()),
    });
    reply.beside.reactions = vec![ReactionView {
        emoji: "👍".to_owned(),
        from: vec!["ada".to_owned()],
        own: true,
    }];
    let mut edited = row(42, "bob", "bring gloves, and the small saw from the shed");
    edited.beside.edited_ms = Some(1);
    let mut gone = row(60, "bob", "");
    gone.what = RowKind::Gone {
        cause: "deleted by its author".to_owned(),
    };
    let mut waiting = row(61, "carol", "");
    waiting.what = RowKind::WaitingForKey {
        cause: "carol's device sends it again when it is online".to_owned(),
    };
    let wide = row(
        70,
        "bob",
        "日本語も大丈夫？ @ada see https://example.org/roses \u{202e}evil\u{1b}[31m",
    );
    let mut sent = row(75, "ada", "はい、大丈夫\nand a second line");
    sent.state = Some(SendState::Delivered);
    let mut queued = row(90, "ada", "On my way.");
    (queued.state, queued.position) = (Some(SendState::Queued), None);
    vec![
        joined, yesterday, answer, reply, edited, gone, waiting, wide, sent, queued,
    ]
}
