//! At the bottom: who types, what is said, what one's own text is about, and the text.

use super::line;
use crate::text::harmless;
use crate::tui::app::App;
use crate::tui::area::{Areas, PROMPT};
use crate::tui::complete::SHOWN_MAX;
use crate::tui::composer::About;
use crate::tui::lay::Piece;
use crate::tui::theme::Ink;
use crate::wrap::{cut, wrapped};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Clear, Paragraph};
use subrosa_client::LinkState;
use unicode_width::UnicodeWidthStr;

/// Lines that are said at most.
const NOTE_LINES_MAX: usize = 3;
/// Names of people who type, until they are only counted.
const TYPERS_NAMED: usize = 2;

pub fn draw(frame: &mut Frame<'_>, app: &App, areas: &Areas) {
    let notes = note_lines(app, usize::from(areas.notes.width));
    let notes: Vec<_> = notes
        .iter()
        .map(|note| line(app.theme, std::slice::from_ref(note)))
        .collect();
    frame.render_widget(Paragraph::new(notes), areas.notes);
    if let (Some(area), Some(about)) = (areas.about, app.composer.about.as_ref()) {
        let text = match about {
            About::Reply { from, excerpt, .. } => {
                format!(" ┃ to {}: {}", harmless(from), harmless(excerpt))
            }
            About::Edit { .. } => " ┃ edits your message".to_owned(),
        };
        let text = cut(&text, usize::from(area.width));
        frame.render_widget(
            Paragraph::new(line(app.theme, &[(Ink::Accent, text)])),
            area,
        );
    }
    draw_text(frame, app, areas);
    draw_proposals(frame, app, areas.typed);
}

/// What stands above the text, in as many lines as it needs, up to a few.
pub fn note_lines(app: &App, width: usize) -> Vec<Piece> {
    let Some((ink, text)) = note(app) else {
        return Vec::new();
    };
    let width = width.saturating_sub(2).max(1);
    let mut parts = wrapped(&text, width);
    if parts.len() > NOTE_LINES_MAX {
        let rest = parts.split_off(NOTE_LINES_MAX - 1).join(" ");
        parts.push(cut(&rest, width));
    }
    let lines = parts.into_iter().map(|part| (ink, format!(" {part}")));
    lines.collect()
}

/// What stands above the text, the weightiest first.
fn note(app: &App) -> Option<Piece> {
    if let Some(said) = &app.said {
        let ink = if said.wrong { Ink::Warn } else { Ink::Good };
        return Some((ink, harmless(&said.text).into_owned()));
    }
    if let LinkState::Offline { cause, .. } | LinkState::Refused { cause } = &app.link {
        let words = format!(
            "{}; what you write waits here and leaves by itself",
            harmless(cause)
        );
        return Some((Ink::Warn, words));
    }
    let open = app.open.as_ref()?;
    let typers = app.talks.typers(&open.conv);
    let names: Vec<_> = typers.iter().map(|name| harmless(name)).collect();
    match names.len() {
        0 => None,
        1 => Some((Ink::Dim, format!("{} is typing …", names.concat()))),
        count if count <= TYPERS_NAMED => {
            Some((Ink::Dim, format!("{} are typing …", names.join(" and "))))
        }
        count => Some((Ink::Dim, format!("{count} people are typing …"))),
    }
}

fn draw_text(frame: &mut Frame<'_>, app: &App, areas: &Areas) {
    let area = areas.typed;
    let (lines, (row, column)) = app.composer.laid(areas.typed_width());
    let height = usize::from(area.height);
    let from = (row + 1).saturating_sub(height);
    let mut drawn: Vec<Vec<Piece>> = Vec::new();
    for (at, (_, text)) in lines.iter().enumerate().skip(from).take(height) {
        let before = if at == 0 {
            format!(" {PROMPT}")
        } else {
            "   ".to_owned()
        };
        drawn.push(vec![
            (Ink::Accent, before),
            (Ink::Text, harmless(text).into_owned()),
        ]);
    }
    if app.composer.is_empty()
        && let Some(first) = drawn.first_mut()
    {
        first.push((Ink::Dim, hint(app)));
    }
    let drawn: Vec<_> = drawn.iter().map(|pieces| line(app.theme, pieces)).collect();
    frame.render_widget(Paragraph::new(drawn), area);
    if app.screen.shows_chat() && !app.reading {
        let x = area.x + u16::try_from(column + 3).unwrap_or(u16::MAX);
        let y = area.y + u16::try_from(row.saturating_sub(from)).unwrap_or(0);
        frame.set_cursor_position(Position::new(x.min(area.right().saturating_sub(1)), y));
    }
}

fn hint(app: &App) -> String {
    match &app.open {
        _ if app.reading => "reading: j k choose, r reply, i write again".to_owned(),
        Some(open) => format!("write to {}", harmless(&open.name)),
        None => "/invite, /to NAME, or F1 for help".to_owned(),
    }
}

/// What Tab would put in, above the text.
fn draw_proposals(frame: &mut Frame<'_>, app: &App, typed: Rect) {
    let list = &app.proposals.list;
    if list.is_empty() || !app.screen.shows_chat() {
        return;
    }
    let chosen = app.proposed.unwrap_or(0);
    let from = (chosen + 1).saturating_sub(SHOWN_MAX);
    let names = list
        .iter()
        .skip(from)
        .take(SHOWN_MAX)
        .map(|proposal| proposal.with.trim().width());
    let column = names.max().unwrap_or(0);
    let width = usize::from(typed.width).saturating_sub(2);
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    for (at, proposal) in list.iter().enumerate().skip(from).take(SHOWN_MAX) {
        let name = harmless(proposal.with.trim()).into_owned();
        let gap = " ".repeat(column.saturating_sub(name.width()) + 2);
        let (bar, ink) = if app.proposed == Some(at) {
            ("▌ ", Ink::Title)
        } else {
            ("  ", Ink::Text)
        };
        let about = cut(&harmless(&proposal.about), width.saturating_sub(column + 4));
        lines.push(vec![
            (Ink::Accent, bar.to_owned()),
            (ink, name),
            (Ink::Text, gap),
            (Ink::Dim, about),
        ]);
    }
    let height = u16::try_from(lines.len()).unwrap_or(0).min(typed.y);
    let area = Rect {
        x: typed.x + 1,
        y: typed.y - height,
        width: typed.width.saturating_sub(1),
        height,
    };
    frame.render_widget(Clear, area);
    let lines: Vec<_> = lines.iter().map(|pieces| line(app.theme, pieces)).collect();
    frame.render_widget(Paragraph::new(lines), area);
}
