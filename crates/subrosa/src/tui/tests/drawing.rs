//! The picture of the README, drawn by the UI itself. `just picture` writes it anew.

use super::scene::Scene;
use crate::tui::app::App;
use crate::tui::event::Ask;
use crate::tui::sample;
use crate::tui::widgets;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::fmt::Write;
use subrosa_client::{Answer, LinkState, Notice, ReactionView, ReplyView, Row, SendState};
use unicode_width::UnicodeWidthStr;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/chat.svg");
const SIZE: (u16, u16) = (104, 30);
/// Of a cell, in the units of the picture.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 18.0;
const EDGE: f64 = 14.0;

fn said() -> Vec<Row> {
    let day = 86_400_000;
    let mut first = sample::row(
        3,
        "bob",
        "Are you coming to the garden tomorrow? The roses need a cut, and I found the good shears again.",
    );
    first.time_ms -= day;
    let mut second = sample::row(4, "ada", "Gladly. What time?");
    second.time_ms -= day;
    let mut third = sample::row(40, "bob", "At ten, before it gets hot.");
    third.beside.reply_to = Some(ReplyView {
        id: second.id.clone(),
        from: "ada".to_owned(),
        excerpt: Some("Gladly. What time?".to_owned()),
    });
    third.beside.reactions = vec![ReactionView {
        emoji: "👍".to_owned(),
        from: vec!["ada".to_owned()],
        own: true,
    }];
    let mut fourth = sample::row(42, "bob", "Bring gloves, and the small saw from the shed.");
    fourth.beside.edited_ms = Some(1);
    let fifth = sample::row(81, "ada", "The saw is at Carol's. I asked her in #garden.");
    let mut sixth = sample::row(
        90,
        "ada",
        "And whoever runs the server has no idea what we say 🌹",
    );
    sixth.state = Some(SendState::Delivered);
    vec![first, second, third, fourth, fifth, sixth]
}

fn scene() -> Scene {
    let mut scene = Scene::empty(SIZE);
    scene.tell(Notice::Link(LinkState::Online));
    scene.answer(Ask::Talks, Answer::Conversations(sample::list()));
    scene.answer(Ask::Newest("@bob".to_owned()), Answer::Rows(said()));
    scene.tell(Notice::Typing {
        conversation: "@bob".to_owned(),
        conv: "b0b".to_owned(),
        from: "bob".to_owned(),
        typing: true,
    });
    scene.types("See you there");
    scene
}

fn svg(app: &App) -> String {
    let mut terminal = Terminal::new(TestBackend::new(app.size.0, app.size.1)).unwrap();
    terminal.draw(|frame| widgets::draw(frame, app)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let (width, height) = (
        f64::from(app.size.0) * WIDTH + 2.0 * EDGE,
        f64::from(app.size.1) * HEIGHT + 2.0 * EDGE,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\">\n\
         <title>A conversation in subrosa chat</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"10\" fill=\"#16181d\"/>\n"
    );
    for row in 0..app.size.1 {
        line(&mut svg, &buffer, row);
    }
    svg.push_str("</svg>\n");
    svg
}

/// A line as stretches of one look.
fn line(svg: &mut String, buffer: &Buffer, row: u16) {
    let mut column = 0;
    while column < buffer.area.width {
        let start = column;
        let first = &buffer[(column, row)];
        let mut text = String::new();
        while column < buffer.area.width && look(&buffer[(column, row)]) == look(first) {
            let symbol = buffer[(column, row)].symbol();
            text.push_str(symbol);
            column += u16::try_from(symbol.width().max(1)).unwrap();
        }
        stretch(svg, (start, column, row), &text, first);
    }
}

fn stretch(svg: &mut String, (start, end, row): (u16, u16, u16), text: &str, cell: &Cell) {
    let (x, y) = (
        EDGE + f64::from(start) * WIDTH,
        EDGE + f64::from(row) * HEIGHT,
    );
    let width = f64::from(end - start) * WIDTH;
    let (fill, ground, bold) = look(cell);
    if let Some(ground) = ground {
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" fill=\"{ground}\"/>"
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let weight = if bold { " font-weight=\"bold\"" } else { "" };
    let base = y + HEIGHT * 0.75;
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{base:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\" fill=\"{fill}\"{weight}>{text}</text>"
    );
}

fn look(cell: &Cell) -> (String, Option<String>, bool) {
    let fill = colour(cell.fg).unwrap_or_else(|| "#d8dbe2".to_owned());
    (
        fill,
        colour(cell.bg),
        cell.modifier.contains(Modifier::BOLD),
    )
}

/// The 256 colours of terminals: a cube of six steps, then greys.
fn colour(colour: Color) -> Option<String> {
    let Color::Indexed(index) = colour else {
        return None;
    };
    let step = |part: u8| if part == 0 { 0 } else { 55 + 40 * part };
    let (red, green, blue) = match index {
        232.. => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
        16.. => (
            step((index - 16) / 36),
            step((index - 16) / 6 % 6),
            step((index - 16) % 6),
        ),
        _ => (128, 128, 128),
    };
    Some(format!("#{red:02x}{green:02x}{blue:02x}"))
}

#[test]
fn the_picture_of_the_readme_is_what_is_drawn() {
    let drawn = svg(&scene().app);
    if std::env::var_os("SUBROSA_DRAW").is_some() {
        std::fs::write(FILE, &drawn).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        kept == drawn,
        "docs/chat.svg is not what the UI draws now: `just picture` writes it anew"
    );
}
