//! The list of conversations.

use super::line;
use crate::text::harmless;
use crate::tui::app::App;
use crate::tui::lay::Piece;
use crate::tui::talks::waits_for_you;
use crate::tui::theme::Ink;
use crate::unread;
use crate::wrap::cut;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::widgets::{Block, Borders, Paragraph};
use subrosa_client::ConversationView;
use unicode_width::UnicodeWidthStr;

pub fn draw(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let block = Block::new()
        .borders(Borders::RIGHT)
        .border_style(app.theme.style(Ink::Line));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let [head, rule, list] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
    ])
    .areas(inner);
    let own = cut(
        &harmless(&app.own),
        usize::from(head.width).saturating_sub(2),
    );
    let head_line = [(Ink::Text, " ".to_owned()), (Ink::Own, own)];
    frame.render_widget(Paragraph::new(line(app.theme, &head_line)), head);
    let ruled = [(Ink::Line, "─".repeat(usize::from(rule.width)))];
    frame.render_widget(Paragraph::new(line(app.theme, &ruled)), rule);
    let joint = Rect {
        x: area.right().saturating_sub(1),
        width: 1,
        ..rule
    };
    frame.render_widget(
        Paragraph::new(line(app.theme, &[(Ink::Line, "┼".to_owned())])),
        joint,
    );
    let width = usize::from(list.width);
    let rows: Vec<_> = app
        .talks
        .list()
        .iter()
        .map(|talk| row(app, talk, width))
        .collect();
    let height = usize::from(list.height);
    let open = app.open.as_ref().and_then(|open| {
        app.talks
            .list()
            .iter()
            .position(|talk| talk.name == open.name)
    });
    let from = open.map_or(0, |at| (at + 1).saturating_sub(height));
    let lines: Vec<_> = rows
        .iter()
        .skip(from)
        .take(height)
        .map(|pieces| line(app.theme, pieces))
        .collect();
    frame.render_widget(Paragraph::new(lines), list);
}

fn row(app: &App, talk: &ConversationView, width: usize) -> Vec<Piece> {
    let open = app.open.as_ref().is_some_and(|open| open.name == talk.name);
    let alarming = app.is_alarming(&talk.name);
    let count = unread::count(talk);
    let (mark, ink) = match () {
        () if alarming => ("!".to_owned(), Ink::Alarm),
        () if waits_for_you(talk) => ("asks".to_owned(), Ink::Warn),
        () if talk.mentions > 0 => (format!("@{count}"), Ink::Mention),
        () if talk.muted => (count.clone(), Ink::Dim),
        () => (count.clone(), Ink::Unread),
    };
    let bar = if open { "▌" } else { " " };
    let space = width.saturating_sub(mark.width() + 3);
    let own = app.talks.is_own(talk);
    let name = if own {
        "notes".to_owned()
    } else {
        cut(&harmless(&talk.name), space)
    };
    let gap = " ".repeat(space.saturating_sub(name.width()) + 1);
    let loud = !count.is_empty() && !talk.muted;
    let named = match () {
        () if open => Ink::Title,
        () if talk.muted || own => Ink::Dim,
        () if loud => Ink::Unread,
        () => Ink::Text,
    };
    vec![
        (Ink::Accent, bar.to_owned()),
        (named, name),
        (Ink::Text, gap),
        (ink, mark),
        (Ink::Text, " ".to_owned()),
    ]
}
