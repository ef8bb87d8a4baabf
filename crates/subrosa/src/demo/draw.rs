//! The picture on the screen: two chats, and between them what the server sees.

use super::sight::Sight;
use crate::text::harmless;
use crate::tui::{self, App, Ink, Theme};
use crate::wrap::{cut, wrapped};
use ratatui::backend::TestBackend;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Borders, Paragraph};
use ratatui::{Frame, Terminal};
use unicode_width::UnicodeWidthStr;

const KEYS: &str =
    " Tab other person · Ctrl+↑↓ what the server saw · F1 keys of a chat · Ctrl+C end";
/// Below this width the three stand one above the other.
const BESIDE_COLUMNS_MIN: u16 = 100;
/// Lines of the server's view between people who stand one above the other.
const SERVER_LINES: u16 = 7;
/// With less than this a line above has to be enough of a frame.
const FRAMED_LINES_MIN: u16 = 16;
/// Columns of a sight's step, where its words stand behind it.
const STEP_COLUMNS: usize = 13;

/// All that is drawn.
pub struct Picture<'a> {
    pub people: [&'a App; 2],
    /// Who types.
    pub active: usize,
    pub sights: &'a [Sight],
    /// How many of the newest sights are scrolled away.
    pub back: usize,
    pub theme: Theme,
}

/// What stands where.
pub struct Places {
    pub people: [Rect; 2],
    pub server: Rect,
    keys: Rect,
}

pub fn places(area: Rect) -> Places {
    let [all, keys] = Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(area);
    let three = if area.width >= BESIDE_COLUMNS_MIN {
        Layout::horizontal([
            Constraint::Fill(4),
            Constraint::Fill(3),
            Constraint::Fill(4),
        ])
    } else {
        Layout::vertical([
            Constraint::Fill(1),
            Constraint::Max((area.height / 4).min(SERVER_LINES)),
            Constraint::Fill(1),
        ])
    };
    let [left, server, right] = three.areas(all);
    Places {
        people: [left, right],
        server,
        keys,
    }
}

/// The space for a chat in its frame.
pub fn inside(area: Rect) -> Rect {
    bordered(area).inner(area)
}

fn bordered(area: Rect) -> Block<'static> {
    if area.height < FRAMED_LINES_MIN {
        Block::new().borders(Borders::TOP)
    } else {
        Block::bordered()
    }
}

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, picture: &Picture<'_>) {
    let places = places(frame.area());
    let [left, right] = places.people;
    let [first, second] = picture.people;
    person(frame, left, first, picture.active == 0);
    person(frame, right, second, picture.active == 1);
    sights(frame, places.server, picture);
    let keys = Paragraph::new(KEYS).style(picture.theme.style(Ink::Dim));
    frame.render_widget(keys, places.keys);
}

/// A chat as its person sees it, drawn on a screen of its own and put into its frame.
fn person(frame: &mut Frame<'_>, area: Rect, app: &App, active: bool) {
    let (ink, kind) = if active {
        (Ink::Accent, BorderType::Thick)
    } else {
        (Ink::Line, BorderType::Plain)
    };
    let block = bordered(area)
        .border_type(kind)
        .border_style(app.theme.style(ink))
        .title(format!(" {} ", harmless(&app.own)));
    frame.render_widget(block, area);
    let space = inside(area);
    let Ok(mut screen) = Terminal::new(TestBackend::new(space.width, space.height));
    if space.is_empty() || screen.draw(|frame| tui::draw(frame, app)).is_err() {
        return;
    }
    let drawn = screen.backend();
    for place in Rect::new(0, 0, space.width, space.height).positions() {
        let there = Position::new(space.x + place.x, space.y + place.y);
        if let Some(from) = drawn.buffer().cell(place)
            && let Some(to) = frame.buffer_mut().cell_mut(there)
        {
            to.clone_from(from);
        }
    }
    if active && drawn.cursor_visible() {
        let at = drawn.cursor_position();
        frame.set_cursor_position(Position::new(space.x + at.x, space.y + at.y));
    }
}

fn sights(frame: &mut Frame<'_>, area: Rect, picture: &Picture<'_>) {
    let title = if picture.back == 0 {
        " what the server sees "
    } else {
        " what the server saw before "
    };
    let block = bordered(area)
        .border_style(picture.theme.style(Ink::Warn))
        .title(title);
    let space = block.inner(area);
    let (width, height) = (usize::from(space.width), usize::from(space.height));
    let end = picture.sights.len().saturating_sub(picture.back);
    let of = |sights: &[Sight]| -> Vec<Line<'static>> {
        let lines = sights
            .iter()
            .flat_map(|sight| lines(sight, picture.theme, width));
        lines.collect()
    };
    let mut shown = of(picture.sights.get(..end).unwrap_or_default());
    if shown.len() < height {
        // Scrolled to the first: what fits below it is shown too.
        shown = of(picture.sights);
        shown.truncate(height);
    }
    shown.drain(..shown.len().saturating_sub(height));
    frame.render_widget(Paragraph::new(shown).block(block), area);
}

/// A sight on one line, or where there is no space for that, on several.
fn lines(sight: &Sight, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let ink = match sight.step {
        "handshake" | "login" | "registration" => Ink::Own,
        "key share" => Ink::Accent,
        "message" => Ink::Warn,
        _ => Ink::Text,
    };
    let span = |ink, text: String| Span::styled(text, theme.style(ink));
    let bytes = sight.bytes.as_deref().unwrap_or_default();
    let used = STEP_COLUMNS + sight.text.width() + 1;
    if used <= width {
        return vec![Line::from(vec![
            span(ink, format!("{:<STEP_COLUMNS$}", sight.step)),
            span(Ink::Text, format!("{} ", sight.text)),
            span(Ink::Dim, cut(bytes, width - used)),
        ])];
    }
    let mut lines = vec![Line::from(span(ink, cut(sight.step, width)))];
    let words = wrapped(&sight.text, width.saturating_sub(2).max(1));
    lines.extend(
        words
            .into_iter()
            .map(|part| Line::from(span(Ink::Text, format!("  {part}")))),
    );
    if !bytes.is_empty() {
        let bytes = cut(bytes, width.saturating_sub(2));
        lines.push(Line::from(span(Ink::Dim, format!("  {bytes}"))));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::Beginning;
    use crate::tui::Event;

    fn sight(number: u32) -> Sight {
        Sight {
            step: "message",
            text: format!("event {number} from ada, 463 bytes, of them 160 sealed"),
            bytes: Some("5a5a".to_owned()),
        }
    }

    fn drawn((width, height): (u16, u16), back: usize) -> String {
        let places = places(Rect::new(0, 0, width, height));
        let app = |own: &str, place| {
            let space = inside(place);
            let (mut app, _) = App::new(Beginning {
                own: own.to_owned(),
                ..Beginning::here()
            });
            app.update(Event::Size(space.width, space.height));
            app.update(Event::Paste(format!("{own} types")));
            app
        };
        let people = [app("ada", places.people[0]), app("bob", places.people[1])];
        let sights: Vec<_> = (0..40).map(sight).collect();
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let picture = Picture {
            people: [&people[0], &people[1]],
            active: 0,
            sights: &sights,
            back,
            theme: Theme::None,
        };
        terminal.draw(|frame| draw(frame, &picture)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn the_server_stands_between_two_chats_at_every_size() {
        for size in [(120, 40), (100, 24), (80, 24), (50, 20)] {
            let text = drawn(size, 0);
            for part in [
                " ada ",
                " bob ",
                "› ada types",
                "› bob types",
                "what the server sees",
                "event 39 from ada",
                "Tab other person",
            ] {
                assert!(text.contains(part), "{part} at {size:?} in\n{text}");
            }
            assert!(
                !text.contains("event 1 from"),
                "only the newest fit\n{text}"
            );
            let at = |part: &str| text.lines().position(|line| line.contains(part)).unwrap();
            if size.0 < BESIDE_COLUMNS_MIN {
                assert!(at("ada types") < at("event 39") && at("event 39") < at("bob types"));
            } else {
                let line = text
                    .lines()
                    .find(|line| line.contains("ada types"))
                    .unwrap();
                assert!(line.find("ada types") < line.find("bob types"), "{text}");
            }
        }
    }

    #[test]
    fn the_servers_view_scrolls_back_to_the_first_sight() {
        for size in [(120, 40), (80, 24)] {
            let text = drawn(size, 40);
            assert!(
                text.contains("event 0 from") && text.contains("saw before"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_tiny_terminal_is_no_panic() {
        for size in [(1, 1), (3, 3), (10, 4), (200, 2)] {
            drawn(size, 0);
        }
    }
}
