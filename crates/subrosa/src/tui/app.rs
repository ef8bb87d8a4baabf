//! The state of the screen, and how it follows from what happens. Nothing in here touches a
//! terminal, a clock or the client: events come in, effects go out.

use super::alarm::Alarm;
use super::area::{self, Areas};
use super::clock::Clock;
use super::complete::Proposals;
use super::composer::Composer;
use super::event::{Ask, Effect, Event};
use super::screens::Screen;
use super::talks::Talks;
use super::theme::Theme;
use super::timeline::{AHEAD, Fit, PAGE, Place, Timeline};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use subrosa_client::{Command, LinkState};

/// How long something is said at the bottom.
const SAID_MS: u64 = 8_000;

/// What is known when it begins.
#[derive(Debug)]
pub struct Beginning {
    /// This account's name.
    pub own: String,
    pub theme: Theme,
    pub now_ms: u64,
    pub zone: TimeZone,
    /// Columns and rows.
    pub size: (u16, u16),
    /// With whom; without, whoever wrote last.
    pub to: Option<String>,
    /// The server runs in this process, and ends with it.
    pub hosting: bool,
    /// A line for somebody who shall join.
    pub join_line: Option<String>,
}

/// Something said at the bottom for a while.
#[derive(Debug)]
pub struct Said {
    pub text: String,
    /// It went wrong.
    pub wrong: bool,
    until_ms: u64,
}

/// Everything.
#[derive(Debug)]
pub struct App {
    pub own: String,
    pub hosting: bool,
    pub join_line: Option<String>,
    pub link: LinkState,
    pub talks: Talks,
    /// Whether the list of conversations has come.
    pub listed: bool,
    pub open: Option<Timeline>,
    /// Whom to open when the list comes.
    pub(super) wanted: Option<String>,
    pub composer: Composer,
    pub(super) drafts: BTreeMap<String, Composer>,
    pub proposals: Proposals,
    /// Which of them is chosen, once Tab was pressed.
    pub proposed: Option<usize>,
    /// Letters are commands.
    pub reading: bool,
    pub screen: Screen,
    /// The home is locked: nothing of it is shown.
    pub(super) shut: bool,
    pub alarms: Vec<Alarm>,
    pub said: Option<Said>,
    pub theme: Theme,
    pub clock: Clock,
    pub size: (u16, u16),
    pub(super) focused: bool,
    /// When the others were last told that this person types.
    pub(super) typing_told_ms: u64,
    /// Number of the last search.
    pub(super) searches: u64,
    pub(super) effects: Vec<Effect>,
}

impl App {
    /// A screen with nothing on it yet, and what it asks first.
    pub fn new(beginning: Beginning) -> (Self, Vec<Effect>) {
        let Beginning {
            own,
            theme,
            now_ms,
            zone,
            size,
            to,
            hosting,
            join_line,
        } = beginning;
        let mut app = Self {
            talks: Talks::of(&own),
            own,
            hosting,
            join_line,
            link: LinkState::Connecting,
            listed: false,
            open: None,
            wanted: to,
            composer: Composer::default(),
            drafts: BTreeMap::new(),
            proposals: Proposals::default(),
            proposed: None,
            reading: false,
            screen: Screen::Chat,
            shut: false,
            alarms: Vec::new(),
            said: None,
            theme,
            clock: Clock { now_ms, zone },
            size,
            focused: true,
            typing_told_ms: 0,
            searches: 0,
            effects: Vec::new(),
        };
        app.ask(Ask::Talks, Command::Conversations {});
        app.ask_keys();
        let effects = std::mem::take(&mut app.effects);
        (app, effects)
    }

    /// What follows from an event.
    pub fn update(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(key) => self.pressed(key),
            Event::Mouse(mouse) => self.clicked(mouse),
            Event::Paste(text) => self.pasted(&text),
            Event::Size(columns, rows) => self.size = (columns, rows),
            Event::Focus(focused) => self.focused = focused,
            Event::Time(now_ms) => {
                self.clock.now_ms = now_ms;
                self.look_whether_open();
            }
            // What was on its way when the home was locked.
            Event::Notice(_) if self.shut => {}
            Event::Answer(ask, _) if self.shut && !matches!(ask, Ask::Unlock | Ask::Open) => {}
            Event::Notice(notice) => self.noticed(notice),
            Event::Locked => self.lock(),
            Event::Printed(printed) => self.printed(&printed),
            Event::Answer(ask, answer) => self.answered(ask, answer),
        }
        if self
            .said
            .as_ref()
            .is_some_and(|said| said.until_ms < self.clock.now_ms)
        {
            self.said = None;
        }
        self.stay_locked();
        self.look_ahead();
        self.mark_seen();
        std::mem::take(&mut self.effects)
    }

    /// Nobody to write to is here yet.
    pub fn is_alone(&self) -> bool {
        self.open.is_none() && self.talks.list().iter().all(|talk| self.talks.is_own(talk))
    }

    pub fn areas(&self) -> Areas {
        area::of(self)
    }

    /// The space of the timeline.
    pub fn fit(&self) -> Fit {
        self.areas().fit()
    }

    pub(super) fn ask(&mut self, ask: Ask, command: Command) {
        self.effects.push(Effect::Call(ask, command));
    }

    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.tell(text.into(), false);
    }

    pub(super) fn complain(&mut self, text: impl Into<String>) {
        self.tell(text.into(), true);
    }

    fn tell(&mut self, text: String, wrong: bool) {
        let until_ms = self.clock.now_ms.saturating_add(SAID_MS);
        self.said = Some(Said {
            text,
            wrong,
            until_ms,
        });
    }

    /// Opens a conversation; what was being typed in the former one is kept.
    pub(super) fn open(&mut self, name: &str) {
        self.screen = Screen::Chat;
        if self.open.as_ref().is_some_and(|open| open.name == name) {
            return;
        }
        if let Some(former) = self.open.take() {
            self.stop_typing(&former.name);
            let draft = std::mem::take(&mut self.composer);
            self.drafts.insert(former.name, draft);
        }
        self.composer = self.drafts.remove(name).unwrap_or_default();
        self.proposals = Proposals::default();
        let conv = self.talks.get(name).map(|talk| talk.conv.clone());
        match conv {
            Some(conv) => {
                self.open = Some(Timeline::new(name, &conv));
                self.read_newest(name);
            }
            None => {
                // Somebody new: the first line asks them for a conversation.
                let mut open = Timeline::new(name, "");
                open.opened = true;
                open.whole_before = true;
                self.open = Some(open);
            }
        }
    }

    pub(super) fn read_newest(&mut self, name: &str) {
        let read = Command::Read {
            conversation: Some(name.to_owned()),
            before: None,
            since: None,
            limit: PAGE,
            fresh: false,
        };
        self.ask(Ask::Newest(name.to_owned()), read);
    }

    /// Asks for rows before they are needed.
    fn look_ahead(&mut self) {
        let fit = self.fit();
        let clock = &self.clock;
        let Some(open) = &mut self.open else { return };
        let (above, below) = open.out_of_sight(fit, clock);
        let name = open.name.clone();
        let mut asks = Vec::new();
        if open.opened
            && !open.whole_before
            && !open.asked_before
            && above < AHEAD
            && let Some(first) = open.first().map(|entry| entry.row.cursor)
        {
            open.asked_before = true;
            let read = Command::Read {
                conversation: Some(name.clone()),
                before: Some(first),
                since: None,
                limit: PAGE,
                fresh: false,
            };
            asks.push((Ask::Older(name.clone()), read));
        }
        if !open.whole_behind
            && !open.asked_behind
            && below < AHEAD
            && let Some(last) = open.last().map(|entry| entry.row.cursor)
        {
            open.asked_behind = true;
            let around = Command::Around {
                conversation: name.clone(),
                cursor: last,
                before: 0,
                behind: PAGE,
            };
            asks.push((Ask::Newer(name), around));
        }
        for (ask, command) in asks {
            self.ask(ask, command);
        }
    }

    /// Whether this person looks at the end of a conversation.
    pub(super) fn sees(&self, conv: &str) -> bool {
        let open = self.open.as_ref();
        self.focused
            && self.screen.shows_chat()
            && open.is_some_and(|open| {
                open.conv == conv && open.place == Place::End && open.whole_behind
            })
    }

    /// What is seen counts as read.
    fn mark_seen(&mut self) {
        let Some(open) = &self.open else { return };
        if !self.sees(&open.conv)
            || self
                .talks
                .get(&open.name)
                .is_some_and(super::talks::waits_for_you)
        {
            return;
        }
        let Some(cursor) = open.seen_to().filter(|cursor| *cursor > open.read_to) else {
            return;
        };
        let name = open.name.clone();
        if let Some(open) = &mut self.open {
            open.read_to = cursor;
        }
        self.talks.read(&name);
        let mark = Command::MarkRead {
            conversation: name,
            cursor,
        };
        self.ask(Ask::Quietly, mark);
    }

    /// Goes to the newest row.
    pub(super) fn go_to_end(&mut self) {
        let Some(open) = &mut self.open else { return };
        open.chosen = None;
        if open.whole_behind {
            open.place = Place::End;
            open.below = 0;
        } else {
            let name = open.name.clone();
            self.read_newest(&name);
        }
    }

    /// Leaves; where the server runs here, only after asking.
    pub(super) fn quit(&mut self) {
        if self.hosting && !matches!(self.screen, Screen::Leaving) {
            self.screen = Screen::Leaving;
        } else {
            self.effects.push(Effect::Quit);
        }
    }
}
