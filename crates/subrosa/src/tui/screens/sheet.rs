//! The sheet of a new account.

use super::Sheet;
use crate::tui::app::App;
use crate::tui::lay::Piece;
use crate::tui::theme::Ink;
use crate::tui::widgets::popup::{self, Popup};
use ratatui::Frame;

const COLUMNS: u16 = 104;

pub fn draw(frame: &mut Frame<'_>, app: &App, sheet: &Sheet) {
    let popup = Popup {
        title: "your sheet",
        foot: "Enter I have written it down",
        ink: Ink::Warn,
    };
    // Paragraphs are broken for this screen anew; values stand on lines of their own.
    let mut lines: Vec<Piece> = Vec::new();
    for line in sheet.0.lines() {
        let value = line.starts_with("    ");
        let ink = if value { Ink::Title } else { Ink::Text };
        match lines.last_mut() {
            Some((Ink::Text, last)) if !value && !line.is_empty() && !last.is_empty() => {
                last.push(' ');
                last.push_str(line);
            }
            _ => lines.push((ink, line.trim_start().to_owned())),
        }
    }
    popup::text(frame, app, &popup, COLUMNS, &lines);
}
