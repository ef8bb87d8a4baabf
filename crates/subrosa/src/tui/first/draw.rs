//! The picture of the first run.

use super::{First, Step};
use crate::text::harmless;
use crate::tui::lay::Piece;
use crate::tui::theme::Ink;
use crate::tui::widgets::{line, popup};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

const COLUMNS: u16 = 72;

pub fn draw(frame: &mut Frame<'_>, first: &First) {
    let whole = frame.area();
    let width = COLUMNS.min(whole.width.saturating_sub(4));
    let space = usize::from(width);
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    let mut put = |ink, text: &str| lines.extend(popup::folded(&[(ink, text.to_owned())], space));
    put(Ink::Own, "subrosa");
    put(Ink::Text, "");
    for (ink, text) in words(first) {
        put(ink, &text);
    }
    put(Ink::Text, "");
    let field = lines.len();
    let typed = match first.step {
        Step::Password(..) => "•".repeat(first.typed.chars().count()),
        _ => harmless(&first.typed).into_owned(),
    };
    let typed = tail(&typed, space.saturating_sub(3));
    lines.push(vec![
        (Ink::Accent, "› ".to_owned()),
        (Ink::Title, typed.clone()),
    ]);
    lines.push(Vec::new());
    if first.working {
        let words = "Asking the server, and stretching the password against whoever might guess it … this takes some seconds.";
        lines.extend(popup::folded(&[(Ink::Good, words.to_owned())], space));
    } else if let Some(wrong) = &first.wrong {
        lines.extend(popup::folded(
            &[(Ink::Warn, harmless(wrong).into_owned())],
            space,
        ));
    } else {
        let back = if first.step == Step::Line {
            "leave"
        } else {
            "back"
        };
        lines.push(vec![
            (Ink::Accent, "Enter".to_owned()),
            (Ink::Dim, " go on   ".to_owned()),
            (Ink::Accent, "Esc".to_owned()),
            (Ink::Dim, format!(" {back}")),
        ]);
    }
    let height = u16::try_from(lines.len())
        .unwrap_or(u16::MAX)
        .min(whole.height);
    let area = Rect {
        x: (whole.width - width) / 2,
        y: (whole.height - height) / 3,
        width,
        height,
    };
    let drawn: Vec<_> = lines
        .iter()
        .map(|pieces| line(first.theme, pieces))
        .collect();
    frame.render_widget(Paragraph::new(drawn), area);
    if !first.working {
        popup::caret(
            frame,
            area,
            u16::try_from(field).unwrap_or(0),
            &format!("› {typed}"),
        );
    }
}

/// The end of what is typed that fits.
fn tail(text: &str, width: usize) -> String {
    let mut from = text;
    while from.width() > width {
        from = from
            .get(from.chars().next().map_or(0, char::len_utf8)..)
            .unwrap_or_default();
    }
    from.to_owned()
}

fn words(first: &First) -> Vec<Piece> {
    let text = |text: &str| (Ink::Text, text.to_owned());
    let dim = |text: &str| (Ink::Dim, text.to_owned());
    match &first.step {
        Step::Line => vec![
            text(
                "There is no account on this machine yet. Paste the join line that somebody gave you. Or, if you have an account already, the address of its server: it stands on your sheet.",
            ),
            text(""),
            dim("You have neither? `subrosa up` starts a server of your own."),
        ],
        Step::NewName(line) => vec![
            text(&format!(
                "You join the server at {}.",
                line.address.hosts_text()
            )),
            text(""),
            text(
                "How shall the others call you? Letters, digits, dots and dashes; it cannot be changed later.",
            ),
        ],
        Step::Name(address) => vec![text(&format!(
            "You log in at {}. What is the name of your account?",
            address.hosts_text()
        ))],
        Step::Password(_, name) => vec![text(&format!("The password of {name}:"))],
    }
}
