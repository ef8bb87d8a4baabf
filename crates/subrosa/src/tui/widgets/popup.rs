//! A frame in the middle of the screen.

use super::line;
use crate::tui::app::App;
use crate::tui::lay::Piece;
use crate::tui::theme::Ink;
use crate::wrap::wrapped;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Paragraph};
use unicode_width::UnicodeWidthStr;

/// How it is named, and what can be done there.
pub struct Popup<'a> {
    pub title: &'a str,
    pub foot: &'a str,
    /// Of its border.
    pub ink: Ink,
}

/// Opens a frame of this size, or as much of it as there is space for; gives the space in it.
pub fn open(
    frame: &mut Frame<'_>,
    app: &App,
    popup: &Popup<'_>,
    (columns, rows): (u16, u16),
) -> Rect {
    let whole = frame.area();
    let width = columns.min(whole.width);
    let height = rows.min(whole.height);
    let area = Rect {
        x: (whole.width - width) / 2,
        y: top(whole.height, height),
        width,
        height,
    };
    let style = app.theme.style(popup.ink);
    let loud = popup.ink == Ink::Alarm;
    let title = format!(" {} ", popup.title);
    let foot = format!(" {} ", popup.foot);
    let block = Block::bordered()
        .border_type(if loud {
            BorderType::Thick
        } else {
            BorderType::Rounded
        })
        .border_style(style)
        .title(ratatui::text::Line::styled(
            title,
            if loud {
                style
            } else {
                app.theme.style(Ink::Title)
            },
        ))
        .title_bottom(ratatui::text::Line::styled(foot, app.theme.style(Ink::Dim)))
        .padding(Padding::horizontal(1));
    let inner = block.inner(area);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    inner
}

/// The line on which a frame of this height begins.
pub const fn top(rows: u16, height: u16) -> u16 {
    rows.saturating_sub(height) / 2
}

/// A frame around a text that is as high as the text needs.
pub fn text(frame: &mut Frame<'_>, app: &App, popup: &Popup<'_>, columns: u16, lines: &[Piece]) {
    let width = usize::from(columns.min(frame.area().width).saturating_sub(4));
    let height: usize = lines
        .iter()
        .map(|(_, text)| wrapped(text, width).len())
        .sum();
    let rows = u16::try_from(height).unwrap_or(u16::MAX).saturating_add(2);
    let area = open(frame, app, popup, (columns, rows));
    paragraph(frame, app, area, lines);
}

/// Lines broken for an area.
pub fn paragraph(frame: &mut Frame<'_>, app: &App, area: Rect, lines: &[Piece]) {
    let width = usize::from(area.width);
    let folded: Vec<_> = lines
        .iter()
        .flat_map(|piece| folded(std::slice::from_ref(piece), width))
        .collect();
    let lines: Vec<_> = folded
        .iter()
        .map(|pieces| line(app.theme, pieces))
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}

/// A line broken for a width: its last piece goes on below itself.
pub fn folded(pieces: &[Piece], width: usize) -> Vec<Vec<Piece>> {
    let Some(((ink, text), before)) = pieces.split_last() else {
        return vec![Vec::new()];
    };
    let used: usize = before.iter().map(|(_, text)| text.width()).sum();
    // What leaves no space beside it stands above.
    let (indent, mut lines) = if used + 16 > width && used > 0 {
        (2, vec![before.to_vec()])
    } else {
        (used, Vec::new())
    };
    let indent = if used == 0 {
        text.len() - text.trim_start().len()
    } else {
        indent
    };
    let above = !lines.is_empty();
    for (at, part) in wrapped(text.trim_start(), width.saturating_sub(indent))
        .into_iter()
        .enumerate()
    {
        let mut line = if at == 0 && !above && used > 0 {
            before.to_vec()
        } else {
            vec![(Ink::Text, " ".repeat(indent))]
        };
        line.push((*ink, part));
        lines.push(line);
    }
    lines
}

/// Puts the caret behind what is typed on a line of an area.
pub fn caret(frame: &mut Frame<'_>, area: Rect, line: u16, typed: &str) {
    let column = u16::try_from(typed.width()).unwrap_or(u16::MAX);
    let x = area
        .x
        .saturating_add(column)
        .min(area.right().saturating_sub(1));
    frame.set_cursor_position(Position::new(x, area.y.saturating_add(line)));
}
