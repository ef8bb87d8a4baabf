//! The picture on the screen.

use super::pane::{Pane, Picture, tail};
use super::sight::Sight;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph};
use unicode_width::UnicodeWidthStr;

const KEYS: &str =
    " Enter sends · Tab: the other person · PageUp, PageDown: what the server saw · Esc ends";
/// What stands before the line being typed.
const PROMPT: &str = "> ";

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, picture: &Picture) {
    let rows = Layout::vertical([
        Constraint::Percentage(55),
        Constraint::Fill(1),
        Constraint::Length(1),
    ]);
    let [people, server, keys] = rows.areas(frame.area());
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(people);
    let [first, second] = &picture.panes;
    pane(frame, left, first, picture.active == 0);
    pane(frame, right, second, picture.active == 1);
    sights(frame, server, picture);
    frame.render_widget(
        Paragraph::new(KEYS).style(Style::new().add_modifier(Modifier::DIM)),
        keys,
    );
}

fn pane(frame: &mut Frame<'_>, area: Rect, pane: &Pane, active: bool) {
    let style = if active {
        Style::new().fg(Color::Green)
    } else {
        Style::new().add_modifier(Modifier::DIM)
    };
    let kind = if active {
        BorderType::Thick
    } else {
        BorderType::Plain
    };
    let block = Block::bordered()
        .border_type(kind)
        .border_style(style)
        .title(format!(" {} ", pane.name));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let [said, typed] = Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(inner);
    let lines = pane.lines(usize::from(said.width), usize::from(said.height));
    frame.render_widget(
        Paragraph::new(lines.into_iter().map(Line::from).collect::<Vec<_>>()),
        said,
    );
    let room = usize::from(typed.width).saturating_sub(PROMPT.width() + 1);
    let shown = crate::text::harmless(tail(&pane.typed, room)).into_owned();
    if active {
        let column = u16::try_from(PROMPT.width() + shown.width()).unwrap_or(u16::MAX);
        let x = typed
            .x
            .saturating_add(column)
            .min(typed.right().saturating_sub(1));
        frame.set_cursor_position(Position::new(x, typed.y));
    }
    frame.render_widget(Paragraph::new(format!("{PROMPT}{shown}")), typed);
}

fn sights(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let title = if picture.back == 0 {
        " what the server sees "
    } else {
        " what the server saw before "
    };
    let block = Block::bordered()
        .border_style(Style::new().fg(Color::Yellow))
        .title(title);
    let height = usize::from(block.inner(area).height);
    let end = picture
        .sights
        .len()
        .saturating_sub(picture.back)
        .max(height.min(picture.sights.len()));
    let start = end.saturating_sub(height);
    let lines: Vec<_> = picture
        .sights
        .get(start..end)
        .unwrap_or_default()
        .iter()
        .map(sight)
        .collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn sight(sight: &Sight) -> Line<'_> {
    let color = match sight.step {
        "handshake" | "login" | "registration" => Color::Cyan,
        "key share" => Color::Magenta,
        "message" => Color::Red,
        _ => Color::Reset,
    };
    Line::from(vec![
        Span::styled(format!("{:<13}", sight.step), Style::new().fg(color)),
        Span::raw(sight.text.as_str()),
        Span::raw(" "),
        Span::styled(
            sight.bytes.as_deref().unwrap_or_default(),
            Style::new().add_modifier(Modifier::DIM),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn drawn(picture: &Picture, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, picture)).unwrap();
        terminal.backend().to_string()
    }

    fn picture() -> Picture {
        let sight = |number| Sight {
            step: "message",
            text: format!("event {number} from ada"),
            bytes: Some("5a5a".to_owned()),
        };
        let mut panes = [Pane::of("ada"), Pane::of("bob")];
        panes[0].typed = "hello bo".to_owned();
        Picture {
            panes,
            active: 0,
            sights: (0..40).map(sight).collect(),
            back: 0,
        }
    }

    #[test]
    fn both_people_the_server_and_the_keys_are_there() {
        let text = drawn(&picture(), 100, 30);
        for part in [
            " ada ",
            " bob ",
            "> hello bo",
            "what the server sees",
            "event 39 from ada 5a5a",
            "Esc ends",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(!text.contains("event 1 from"), "only the newest fit");
    }

    #[test]
    fn the_servers_view_scrolls_back_to_the_first_sight() {
        let mut picture = picture();
        picture.back = 40;
        let text = drawn(&picture, 100, 30);
        assert!(
            text.contains("event 0 from ada") && text.contains("saw before"),
            "{text}"
        );
    }

    #[test]
    fn a_tiny_terminal_is_no_panic() {
        for (width, height) in [(1, 1), (3, 3), (10, 4), (200, 2)] {
            drawn(&picture(), width, height);
        }
    }
}
