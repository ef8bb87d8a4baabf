//! A page to be read: help, devices, keys, settings and the like.

use crate::text::harmless;
use crate::tui::app::App;
use crate::tui::lay::Piece;
use crate::tui::theme::Ink;
use crate::tui::widgets::line;
use crate::tui::widgets::popup::{self, Popup};
use ratatui::Frame;
use ratatui::widgets::Paragraph;

/// Columns of a page.
const COLUMNS: u16 = 84;

/// A page.
#[derive(Debug, Default)]
pub struct Page {
    title: String,
    lines: Vec<Vec<Piece>>,
    from: usize,
}

impl Page {
    pub fn titled(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            ..Self::default()
        }
    }

    /// A heading.
    pub fn head(&mut self, text: &str) {
        if !self.lines.is_empty() {
            self.lines.push(Vec::new());
        }
        self.lines
            .push(vec![(Ink::Title, harmless(text).into_owned())]);
    }

    /// A line of it; words of others in it become harmless.
    pub fn line(&mut self, ink: Ink, text: &str) {
        self.lines
            .push(vec![(ink, format!("  {}", harmless(text)))]);
    }

    /// A name and what is said of it.
    pub fn row(&mut self, name: &str, ink: Ink, about: &str) {
        let name = format!("  {:<22} ", harmless(name));
        self.lines.push(vec![
            (Ink::Accent, name),
            (ink, harmless(about).into_owned()),
        ]);
    }

    pub fn scroll(&mut self, forward: bool, lines: usize) {
        let last = self.lines.len().saturating_sub(1);
        self.from = if forward {
            (self.from + lines).min(last)
        } else {
            self.from.saturating_sub(lines)
        };
    }
}

pub fn draw(frame: &mut Frame<'_>, app: &App, page: &Page) {
    let wanted = u16::try_from(page.lines.len())
        .unwrap_or(u16::MAX)
        .saturating_add(2);
    let popup = Popup {
        title: &page.title,
        foot: "↑ ↓ scroll · Esc back",
        ink: Ink::Line,
    };
    let area = popup::open(frame, app, &popup, (COLUMNS, wanted));
    let width = usize::from(area.width);
    let wrapped: Vec<_> = page
        .lines
        .iter()
        .flat_map(|pieces| popup::folded(pieces, width))
        .collect();
    let height = usize::from(area.height);
    let from = page.from.min(wrapped.len().saturating_sub(height));
    let seen = wrapped.iter().skip(from).take(height);
    let lines: Vec<_> = seen.map(|pieces| line(app.theme, pieces)).collect();
    frame.render_widget(Paragraph::new(lines), area);
}
