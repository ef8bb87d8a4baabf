//! What stands where on a screen of a size.

use super::app::App;
use super::timeline::Fit;
use super::widgets::note_lines;
use ratatui::layout::Rect;

/// Below this width the list of conversations hides.
pub const LIST_COLUMNS_MIN: u16 = 60;
/// On fewer rows than this the line of keys leaves its place to what is said.
const KEYS_ROWS_MIN: u16 = 9;
/// Lines that a text being typed may take.
const TYPED_LINES_MAX: usize = 8;
/// What stands left of a text: the bar of the chosen row, and a space.
pub const MARGIN: u16 = 2;
/// What stands before the line being typed.
pub const PROMPT: &str = "› ";

/// Parts of the conversation's screen.
#[derive(Debug, Clone, Copy)]
pub struct Areas {
    /// The list of conversations, if there is space for it.
    pub list: Option<Rect>,
    pub head: Rect,
    /// A key that changed.
    pub alarm: Option<Rect>,
    pub timeline: Rect,
    /// Who types, what is said.
    pub notes: Rect,
    /// What the text is about.
    pub about: Option<Rect>,
    pub typed: Rect,
    pub keys: Rect,
}

impl Areas {
    /// The space for rows.
    pub fn fit(&self) -> Fit {
        Fit {
            width: usize::from(self.timeline.width.saturating_sub(MARGIN + 1)),
            height: usize::from(self.timeline.height),
        }
    }

    /// Columns for what is typed.
    pub fn typed_width(&self) -> usize {
        usize::from(self.typed.width).saturating_sub(3).max(1)
    }
}

/// Cuts lines off the bottom of what is left.
fn cut_bottom(left: &mut Rect, lines: u16) -> Rect {
    let lines = lines.min(left.height);
    left.height -= lines;
    Rect {
        y: left.y + left.height,
        height: lines,
        ..*left
    }
}

fn cut_top(left: &mut Rect, lines: u16) -> Rect {
    let lines = lines.min(left.height);
    let top = Rect {
        height: lines,
        ..*left
    };
    left.y += lines;
    left.height -= lines;
    top
}

/// The parts for a state.
pub fn of(app: &App) -> Areas {
    let (columns, rows) = app.size;
    let mut left = Rect::new(0, 0, columns, rows);
    let keys = cut_bottom(&mut left, u16::from(rows >= KEYS_ROWS_MIN));
    // Where nobody is there is nothing to choose from.
    let list = (columns >= LIST_COLUMNS_MIN && !app.is_alone()).then(|| {
        let width = if columns >= 100 { 28 } else { 20 };
        let list = Rect { width, ..left };
        left.x += width;
        left.width -= width;
        list
    });
    let head = cut_top(&mut left, 2);
    let alarm = app.about_open().map(|_| cut_top(&mut left, 2));
    let width = usize::from(left.width).saturating_sub(3).max(1);
    let lines = app.composer.laid(width).0.len().clamp(1, TYPED_LINES_MAX);
    let lines = u16::try_from(lines).unwrap_or(1).min(rows / 3).max(1);
    let typed = cut_bottom(&mut left, lines);
    let about = app
        .composer
        .about
        .as_ref()
        .map(|_| cut_bottom(&mut left, 1));
    let notes = note_lines(app, usize::from(left.width)).len().max(1);
    let notes = cut_bottom(&mut left, u16::try_from(notes).unwrap_or(1));
    Areas {
        list,
        head,
        alarm,
        timeline: left,
        notes,
        about,
        typed,
        keys,
    }
}
