//! Parts of the screen, each a function of the state.

mod head;
mod keys;
mod list;
pub mod popup;
mod timeline;
mod typed;

pub use typed::note_lines;

use super::app::App;
use super::lay::Piece;
use super::screens;
use super::theme::Theme;
use ratatui::Frame;
use ratatui::text::{Line, Span};

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, app: &App) {
    let areas = app.areas();
    if let Some(list) = areas.list {
        list::draw(frame, app, list);
    }
    head::draw(frame, app, areas.head);
    if let Some(area) = areas.alarm {
        head::draw_alarm(frame, app, area);
    }
    timeline::draw(frame, app, &areas);
    typed::draw(frame, app, &areas);
    keys::draw(frame, app, areas.keys);
    screens::draw(frame, app);
}

/// A line of pieces in a theme's colours.
pub fn line(theme: Theme, pieces: &[Piece]) -> Line<'_> {
    let spans = pieces
        .iter()
        .map(|(ink, text)| Span::styled(text.as_str(), theme.style(*ink)));
    Line::from(spans.collect::<Vec<_>>())
}
