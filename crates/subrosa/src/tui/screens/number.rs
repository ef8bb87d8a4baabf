//! A safety number, with its QR code where there is space for it.

use crate::qr;
use crate::text::harmless;
use crate::tui::app::App;
use crate::tui::event::Ask;
use crate::tui::screens::Screen;
use crate::tui::theme::{Ink, Theme};
use crate::tui::widgets::popup::{self, Popup};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;
use subrosa_client::{About, Command, Comparison, Trust, VerificationView};

/// Digits' groups on a line.
const GROUPS: usize = 4;
/// Columns that the words need.
const WORDS: u16 = 36;

impl App {
    /// Keys on the screen of a number: `m` keeps that it was compared, `u` takes it back.
    pub(in crate::tui) fn compare(&mut self, typed: &str) {
        let Screen::Number(view) = &self.screen else {
            return;
        };
        let comparison = match typed {
            "m" => Comparison::Mark,
            "u" => Comparison::Unmark,
            "q" => return self.screen = Screen::Chat,
            _ => return,
        };
        let contact = view.name.clone();
        self.ask(
            Ask::Number,
            Command::About {
                ask: About::Verify {
                    contact,
                    comparison,
                },
            },
        );
    }
}

pub fn draw(frame: &mut Frame<'_>, app: &App, view: &VerificationView) {
    let name = harmless(&view.name);
    let title = format!("safety number with {name}");
    let popup = Popup {
        title: &title,
        foot: "m they are the same · u take it back · Esc back",
        ink: Ink::Line,
    };
    let code = qr::modules(&view.code).ok();
    let side = code.as_ref().map_or(0, |lines| {
        lines.first().map_or(0, |line| line.chars().count())
    });
    let (side, half) = (
        u16::try_from(side).unwrap_or(0),
        u16::try_from(code.as_ref().map_or(0, Vec::len)).unwrap_or(0),
    );
    let (columns, rows) = app.size;
    let fits = side > 0 && columns >= side + WORDS + 4 && rows >= half + 2;
    let size = if fits {
        (side + WORDS + 5, half + 2)
    } else {
        (WORDS + 24, 14)
    };
    let area = popup::open(frame, app, &popup, size);
    let words = match (fits, code) {
        (true, Some(code)) => {
            let [left, right] =
                Layout::horizontal([Constraint::Length(side + 2), Constraint::Fill(1)]).areas(area);
            draw_code(frame, app.theme, left, &code);
            right
        }
        _ => area,
    };
    let mut lines = vec![
        (
            Ink::Text,
            format!("Read this to {name}, or let {name} scan the code:"),
        ),
        (Ink::Text, String::new()),
    ];
    let groups: Vec<_> = view.safety_number.split(' ').collect();
    lines.extend(
        groups
            .chunks(GROUPS)
            .map(|groups| (Ink::Title, format!("  {}", groups.join(" ")))),
    );
    lines.push((Ink::Text, String::new()));
    lines.push(match view.trust {
        Trust::Verified => (Ink::Good, "✓ compared; it has not changed since".to_owned()),
        _ => (
            Ink::Text,
            "The same on both screens means that nobody sits between you. Then press m.".to_owned(),
        ),
    });
    if !fits {
        lines.push((Ink::Dim, "A larger window shows a QR code too.".to_owned()));
    }
    popup::paragraph(frame, app, words, &lines);
}

/// Black on white, whatever the theme: scanners want it so. Without colours the code is drawn for a dark background.
fn draw_code(frame: &mut Frame<'_>, theme: Theme, area: Rect, code: &[String]) {
    let style = if theme == Theme::None {
        Style::new()
    } else {
        Style::new().fg(Color::Indexed(231)).bg(Color::Indexed(16))
    };
    let lines: Vec<_> = code
        .iter()
        .map(|line| Line::styled(line.clone(), style))
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}
