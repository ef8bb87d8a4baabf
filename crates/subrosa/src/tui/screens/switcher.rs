//! To a conversation by a part of its name.

use crate::text::harmless;
use crate::tui::app::App;
use crate::tui::screens::Screen;
use crate::tui::talks::Talks;
use crate::tui::theme::Ink;
use crate::tui::widgets::line;
use crate::tui::widgets::popup::{self, Popup};
use crate::unread;
use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;
use ratatui::Frame;
use ratatui::widgets::Paragraph;

const COLUMNS: u16 = 56;
const LINES: u16 = 16;
/// The field and the line below it.
const HEAD: u16 = 2;

/// What is typed, and what fits it.
#[derive(Debug, Default)]
pub struct Switcher {
    pub typed: String,
    found: Vec<String>,
    chosen: usize,
}

impl Switcher {
    /// Finds anew: names that fit best first; without anything typed, as in the list.
    pub fn find(&mut self, talks: &Talks) {
        let matcher = SkimMatcherV2::default();
        let fits = |name: &str| matcher.fuzzy_match(name, self.typed.trim());
        let mut found: Vec<_> = talks
            .list()
            .iter()
            .filter_map(|talk| Some((fits(&talk.name)?, talk.name.clone())))
            .collect();
        if !self.typed.trim().is_empty() {
            found.sort_by_key(|(score, name)| (-score, name.len()));
        }
        self.found = found.into_iter().map(|(_, name)| name).collect();
        self.chosen = 0;
    }

    pub fn step(&mut self, forward: bool) {
        let last = self.found.len().saturating_sub(1);
        self.chosen = if forward {
            (self.chosen + 1).min(last)
        } else {
            self.chosen.saturating_sub(1)
        };
    }

    /// A click on a line of the screen.
    pub fn choose_line(&mut self, row: u16, rows: u16) -> bool {
        let top = popup::top(rows, LINES + 2) + 1 + HEAD;
        let at = usize::from(row.saturating_sub(top)) + self.from();
        let hit = row >= top && at < self.found.len();
        if hit {
            self.chosen = at;
        }
        hit
    }

    fn from(&self) -> usize {
        (self.chosen + 1).saturating_sub(usize::from(LINES - HEAD))
    }
}

impl App {
    pub(in crate::tui) fn switcher(&mut self) {
        let mut switcher = Switcher::default();
        switcher.find(&self.talks);
        // The one that is open is not where one wants to go.
        let open = self.open.as_ref().map(|open| &open.name);
        if switcher.found.first() == open && switcher.found.len() > 1 {
            switcher.chosen = 1;
        }
        self.screen = Screen::Switcher(switcher);
    }

    /// Goes where the choice says; to somebody new if nothing fits.
    pub(in crate::tui) fn switch(&mut self) {
        let Screen::Switcher(switcher) = &self.screen else {
            return;
        };
        let typed = switcher.typed.trim().trim_start_matches('@').to_owned();
        let name = match switcher.found.get(switcher.chosen) {
            Some(name) => name.clone(),
            None if typed.is_empty() || typed.starts_with('#') => return,
            None => format!("@{typed}"),
        };
        self.open(&name);
    }
}

pub fn draw(frame: &mut Frame<'_>, app: &App, switcher: &Switcher) {
    let popup = Popup {
        title: "go to",
        foot: "Enter go · Esc back",
        ink: Ink::Line,
    };
    let area = popup::open(frame, app, &popup, (COLUMNS, LINES + 2));
    let mut lines = vec![
        vec![
            (Ink::Accent, "› ".to_owned()),
            (Ink::Text, harmless(&switcher.typed).into_owned()),
        ],
        Vec::new(),
    ];
    let typed = harmless(switcher.typed.trim());
    if switcher.found.is_empty() && !typed.is_empty() {
        lines.push(vec![(
            Ink::Dim,
            format!(
                "  nobody here is called so; Enter writes to @{} for the first time",
                typed.trim_start_matches('@')
            ),
        )]);
    }
    let shown = switcher.found.iter().enumerate().skip(switcher.from());
    for (at, name) in shown.take(usize::from(LINES - HEAD)) {
        let chosen = at == switcher.chosen;
        let count = app.talks.get(name).map(unread::count).unwrap_or_default();
        let ink = if chosen { Ink::Title } else { Ink::Text };
        lines.push(vec![
            (Ink::Accent, if chosen { "▌ " } else { "  " }.to_owned()),
            (ink, harmless(name).into_owned()),
            (Ink::Unread, format!("  {count}")),
        ]);
    }
    let lines: Vec<_> = lines.iter().map(|pieces| line(app.theme, pieces)).collect();
    frame.render_widget(Paragraph::new(lines), area);
    popup::caret(frame, area, 0, &format!("› {}", harmless(&switcher.typed)));
}
