//! Searching in what was written, and going to what was found.

use crate::text::harmless;
use crate::tui::app::App;
use crate::tui::event::Ask;
use crate::tui::lay::Piece;
use crate::tui::screens::Screen;
use crate::tui::theme::{self, Ink};
use crate::tui::timeline::Timeline;
use crate::tui::update::AROUND;
use crate::tui::widgets::line;
use crate::tui::widgets::popup::{self, Popup};
use crate::wrap::cut;
use ratatui::Frame;
use ratatui::widgets::Paragraph;
use subrosa_client::{Answer, Command, HitView, Reach, SearchView};

const COLUMNS: u16 = 96;
const LINES: u16 = 26;
/// The field, and the line below it.
const HEAD: u16 = 2;
/// Lines of a hit.
const HIT: u16 = 2;
/// Hits in a page.
const PAGE: u32 = 60;

/// What is typed, and what was found.
#[derive(Debug, Default)]
pub struct Search {
    pub typed: String,
    hits: Vec<HitView>,
    reach: Reach,
    chosen: usize,
    /// The answer to what is typed has come.
    done: bool,
    /// What is wrong with the query.
    wrong: Option<String>,
}

impl Search {
    pub fn step(&mut self, forward: bool) {
        let last = self.hits.len().saturating_sub(1);
        self.chosen = if forward {
            (self.chosen + 1).min(last)
        } else {
            self.chosen.saturating_sub(1)
        };
    }

    /// A click on a line of the screen.
    pub fn choose_line(&mut self, row: u16, rows: u16) -> bool {
        let height = (LINES + 2).min(rows);
        let top = popup::top(rows, height) + 1 + HEAD;
        let at = usize::from(row.saturating_sub(top) / HIT) + self.from(height - 2);
        let hit = row >= top && at < self.hits.len();
        if hit {
            self.chosen = at;
        }
        hit
    }

    fn from(&self, height: u16) -> usize {
        let seen = usize::from(height.saturating_sub(HEAD + 1) / HIT).max(1);
        (self.chosen + 1).saturating_sub(seen)
    }
}

impl App {
    pub(in crate::tui) fn search(&mut self, words: &str) {
        let typed = words.to_owned();
        self.screen = Screen::Search(Box::new(Search {
            typed,
            ..Search::default()
        }));
        self.search_anew();
    }

    /// Asks for what is typed now.
    pub(in crate::tui) fn search_anew(&mut self) {
        let Screen::Search(search) = &mut self.screen else {
            return;
        };
        search.done = false;
        search.wrong = None;
        search.chosen = 0;
        if search.typed.trim().is_empty() {
            search.hits.clear();
            return;
        }
        let query = search.typed.clone();
        self.searches += 1;
        let zone_s = self.clock.offset_s();
        let command = Command::Search {
            query,
            conversation: None,
            before: None,
            limit: PAGE,
            zone_s,
        };
        self.ask(Ask::Hits(self.searches), command);
    }

    /// What was found; an answer to what was typed before is late.
    pub(in crate::tui) fn found(&mut self, ask: &Ask, answer: Answer) {
        let Screen::Search(search) = &mut self.screen else {
            return;
        };
        if let (Ask::Hits(number), Answer::Found(SearchView { hits, reach, .. })) = (ask, answer)
            && *number == self.searches
        {
            search.hits = hits;
            search.reach = reach;
            search.done = true;
        }
    }

    pub(in crate::tui) fn no_hits(&mut self, number: u64, why: &str) {
        if let Screen::Search(search) = &mut self.screen
            && number == self.searches
        {
            search.hits.clear();
            search.wrong = Some(why.to_owned());
        }
    }

    /// Goes to the chosen hit.
    pub(in crate::tui) fn jump(&mut self) {
        let Screen::Search(search) = &self.screen else {
            return;
        };
        let Some(row) = search.hits.get(search.chosen).map(|hit| hit.row.clone()) else {
            return;
        };
        self.open(&row.conversation);
        let mut open = Timeline::new(&row.conversation, &row.conv);
        open.whole_behind = false;
        open.asked_behind = true;
        open.asked_before = true;
        open.read_to = self.open.as_ref().map_or(0, |open| open.read_to);
        self.open = Some(open);
        let (before, behind) = AROUND;
        let cursor = row.cursor;
        let around = Command::Around {
            conversation: row.conversation.clone(),
            cursor,
            before,
            behind,
        };
        self.ask(Ask::Around(row.conversation, cursor), around);
    }
}

pub fn draw(frame: &mut Frame<'_>, app: &App, search: &Search) {
    let popup = Popup {
        title: "search",
        foot: "Enter go there · ↑ ↓ choose · Esc back",
        ink: Ink::Line,
    };
    let area = popup::open(frame, app, &popup, (COLUMNS, LINES + 2));
    let mut lines = vec![
        vec![
            (Ink::Accent, "› ".to_owned()),
            (Ink::Text, harmless(&search.typed).into_owned()),
        ],
        Vec::new(),
    ];
    let width = usize::from(area.width);
    if let Some(words) = state(search) {
        lines.extend(popup::folded(&[(Ink::Dim, words)], width));
    }
    let from = search.from(area.height);
    for (at, hit) in search.hits.iter().enumerate().skip(from) {
        if lines.len() + usize::from(HIT) > usize::from(area.height) {
            break;
        }
        let bar = if at == search.chosen { "▌ " } else { "  " };
        lines.push(vec![
            (Ink::Accent, bar.to_owned()),
            (
                theme::of_name(&hit.row.from),
                harmless(&hit.row.from).into_owned(),
            ),
            (
                Ink::Dim,
                format!(
                    "  {}  {}",
                    harmless(&hit.row.conversation),
                    app.clock.short(hit.row.time_ms)
                ),
            ),
        ]);
        lines.push(excerpt(hit, bar, width));
    }
    let lines: Vec<_> = lines.iter().map(|pieces| line(app.theme, pieces)).collect();
    frame.render_widget(Paragraph::new(lines), area);
    popup::caret(frame, area, 0, &format!("› {}", harmless(&search.typed)));
}

fn excerpt(hit: &HitView, bar: &str, width: usize) -> Vec<Piece> {
    let mut pieces = vec![(Ink::Accent, bar.to_owned())];
    let mut at = 0;
    let mut left = width.saturating_sub(2);
    let mut push = |ink, text: Option<&str>| {
        let text = cut(&harmless(text.unwrap_or_default()), left);
        left = left.saturating_sub(unicode_width::UnicodeWidthStr::width(text.as_str()));
        pieces.push((ink, text));
    };
    for (from, to) in &hit.marks {
        push(Ink::Text, hit.excerpt.get(at..*from));
        push(Ink::Mention, hit.excerpt.get(*from..*to));
        at = *to;
    }
    push(Ink::Text, hit.excerpt.get(at..));
    pieces
}

/// What is said above the hits, if anything.
fn state(search: &Search) -> Option<String> {
    if let Some(wrong) = &search.wrong {
        return Some(wrong.clone());
    }
    if search.typed.trim().is_empty() {
        return Some(
            "words, \"whole phrases\", from:bob, in:#garden, after:2026-11-01, before:2026-12-01"
                .to_owned(),
        );
    }
    let missing = search.reach.missing + search.reach.unindexed;
    match (search.done, search.hits.is_empty()) {
        (false, _) => None,
        (true, true) if missing > 0 => Some(format!(
            "nothing found so far; {missing} messages could not be searched yet"
        )),
        (true, true) => Some("nothing found".to_owned()),
        (true, false) if missing > 0 => {
            Some(format!("{missing} messages could not be searched yet"))
        }
        (true, false) => None,
    }
}
