//! The last line: the keys that matter now.

use super::line;
use crate::tui::app::App;
use crate::tui::lay::Piece;
use crate::tui::theme::Ink;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

const WRITING: &[(&str, &str)] = &[
    ("Enter", "send"),
    ("Ctrl+K", "go to"),
    ("Ctrl+F", "search"),
    ("F1", "help"),
    ("Esc", "read"),
    ("Alt+A", "next unread"),
    ("Ctrl+C", "leave"),
];
const READING: &[(&str, &str)] = &[
    ("j k", "choose"),
    ("r", "reply"),
    ("+", "react"),
    ("e", "edit"),
    ("d", "delete"),
    ("y", "copy"),
    ("G", "newest"),
    ("i", "write"),
    ("F1", "help"),
];
const COMPLETING: &[(&str, &str)] = &[("Tab", "put in"), ("Esc", "no, thanks"), ("Enter", "send")];

pub fn draw(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let keys = match () {
        () if app.reading => READING,
        () if !app.proposals.list.is_empty() => COMPLETING,
        () => WRITING,
    };
    let width = usize::from(area.width);
    let mut used = 0;
    let mut pieces: Vec<Piece> = Vec::new();
    for (key, about) in keys {
        let piece = format!(" {about}  ");
        used += key.width() + piece.width() + 1;
        if used > width {
            break;
        }
        pieces.push((Ink::Accent, format!(" {key}")));
        pieces.push((Ink::Dim, piece));
    }
    frame.render_widget(Paragraph::new(line(app.theme, &pieces)), area);
}
