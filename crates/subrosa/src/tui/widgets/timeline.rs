//! The rows of the open conversation.

use super::line;
use crate::row::words;
use crate::text::harmless;
use crate::tui::app::App;
use crate::tui::area::{Areas, MARGIN};
use crate::tui::lay::Piece;
use crate::tui::theme::{self, Ink};
use crate::tui::timeline::{Strip, StripKind, Timeline};
use crate::wrap::cut;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::Paragraph;
use subrosa_client::{LinkState, SendState};
use unicode_width::UnicodeWidthStr;

pub fn draw(frame: &mut Frame<'_>, app: &App, areas: &Areas) {
    let area = areas.timeline;
    let Some(open) = &app.open else {
        return draw_nobody(frame, app, area);
    };
    let fit = areas.fit();
    let view = open.view(fit, &app.clock);
    if view.is_empty() {
        let words = if open.opened {
            "nothing was said here yet"
        } else {
            ""
        };
        return middle(frame, app, area, &[(Ink::Dim, words.to_owned())]);
    }
    let latest = open.last_of(true).map(|entry| entry.row.cursor);
    let width = usize::from(area.width);
    let empty = fit.height.saturating_sub(view.len());
    let mut lines: Vec<Vec<Piece>> = vec![Vec::new(); empty];
    if open.whole_before
        && empty > 2
        && let Some(last) = lines.get_mut(empty - 2)
    {
        *last = vec![(Ink::Dim, beginning(open, width))];
    }
    lines.extend(
        view.iter()
            .map(|strip| strip_line(app, open, strip, width, latest)),
    );
    let lines: Vec<_> = lines.iter().map(|pieces| line(app.theme, pieces)).collect();
    frame.render_widget(Paragraph::new(lines), area);
    if open.below > 0 {
        let words = format!(" {} new below · Ctrl+End ", open.below);
        let columns = u16::try_from(words.width()).unwrap_or(0).min(area.width);
        let note = Rect {
            x: area.right() - columns,
            y: area.bottom().saturating_sub(1),
            width: columns,
            height: 1,
        };
        frame.render_widget(
            Paragraph::new(line(app.theme, &[(Ink::Alarm, words)])),
            note,
        );
    }
}

fn beginning(open: &Timeline, width: usize) -> String {
    let short = format!("  This is where {} begins", harmless(&open.name));
    let whole = format!("{short}; only its members can read it.");
    if whole.width() <= width {
        whole
    } else {
        cut(&format!("{short}."), width)
    }
}

fn strip_line(
    app: &App,
    open: &Timeline,
    strip: &Strip,
    width: usize,
    latest: Option<u64>,
) -> Vec<Piece> {
    let chosen = open.chosen == Some(strip.cursor) && app.reading;
    let bar = |ink| {
        vec![(
            if chosen { Ink::Accent } else { ink },
            if chosen { "▌ " } else { "  " }.to_owned(),
        )]
    };
    match &strip.kind {
        StripKind::Gap => Vec::new(),
        StripKind::Day(day) => ruled(&format!(" {day} "), Ink::Dim, width),
        StripKind::New => ruled(" new ", Ink::Unread, width),
        StripKind::Head => {
            let mut pieces = bar(Ink::Text);
            pieces.extend(head(app, open, strip.cursor));
            pieces
        }
        StripKind::Body(body, last) => {
            let mut pieces = bar(Ink::Text);
            pieces.extend(body.iter().cloned());
            if *last {
                pieces.extend(glyph(open, strip.cursor, &pieces, width, latest));
            }
            pieces
        }
    }
}

fn ruled(words: &str, ink: Ink, width: usize) -> Vec<Piece> {
    let rest = width.saturating_sub(words.width() + 2);
    let left = rest / 2;
    vec![
        (Ink::Line, format!(" {}", "─".repeat(left))),
        (ink, words.to_owned()),
        (Ink::Line, "─".repeat(rest - left)),
    ]
}

fn head(app: &App, open: &Timeline, cursor: u64) -> Vec<Piece> {
    let Some(entry) = open.entry(cursor) else {
        return Vec::new();
    };
    let row = &entry.row;
    let ink = if row.own {
        Ink::Own
    } else {
        theme::of_name(&row.from)
    };
    vec![
        (ink, harmless(&row.from).into_owned()),
        (Ink::Dim, format!("  {}", app.clock.time(row.time_ms))),
    ]
}

/// How far a message of one's own has come, at the right edge; of the last one in words.
fn glyph(
    open: &Timeline,
    cursor: u64,
    before: &[Piece],
    width: usize,
    latest: Option<u64>,
) -> Vec<Piece> {
    let state = open
        .entry(cursor)
        .filter(|entry| entry.row.own)
        .and_then(|entry| entry.row.state);
    let Some(state) = state else {
        return Vec::new();
    };
    let ink = match state {
        SendState::Read => Ink::Own,
        SendState::Queued => Ink::Warn,
        _ => Ink::Dim,
    };
    let used: usize = before.iter().map(|(_, text)| text.width()).sum();
    let whole = words(state);
    let short = whole.split(' ').next().unwrap_or_default();
    let space = width.saturating_sub(used + usize::from(MARGIN) / 2);
    let said = if latest == Some(cursor) && whole.width() < space {
        whole
    } else {
        short
    };
    let gap = space.saturating_sub(said.width());
    vec![(Ink::Text, " ".repeat(gap)), (ink, said.to_owned())]
}

/// Nobody is here yet: what to do next.
fn draw_nobody(frame: &mut Frame<'_>, app: &App, area: Rect) {
    if !app.listed {
        return;
    }
    let mut lines = vec![
        (Ink::Title, "Nobody is here yet.".to_owned()),
        (Ink::Text, String::new()),
    ];
    match &app.join_line {
        Some(join) => {
            lines.push((
                Ink::Text,
                "Give this line to one person; it works once, within seven days:".to_owned(),
            ));
            lines.push((Ink::Text, String::new()));
            lines.push((Ink::Accent, join.clone()));
            lines.push((Ink::Text, String::new()));
            lines.push((
                Ink::Dim,
                "Their conversation opens here when they join. /invite makes a line for one more."
                    .to_owned(),
            ));
        }
        None => {
            lines.push((
                Ink::Text,
                "/invite makes a line with which somebody joins.".to_owned(),
            ));
            lines.push((
                Ink::Text,
                "/to NAME writes to somebody who is on this server already.".to_owned(),
            ));
            if let LinkState::Offline { cause, .. } = &app.link {
                lines.push((Ink::Text, String::new()));
                lines.push((Ink::Warn, harmless(cause).into_owned()));
            }
        }
    }
    middle(frame, app, area, &lines);
}

fn middle(frame: &mut Frame<'_>, app: &App, area: Rect, lines: &[Piece]) {
    let width = usize::from(area.width).saturating_sub(4);
    let height: usize = lines
        .iter()
        .map(|(_, text)| crate::wrap::wrapped(text, width).len())
        .sum();
    let height = u16::try_from(height)
        .unwrap_or(area.height)
        .min(area.height);
    let top = (area.height - height) / 2;
    let inner = Rect {
        x: area.x + 2,
        y: area.y + top,
        width: area.width.saturating_sub(4),
        height,
    };
    super::popup::paragraph(frame, app, inner, lines);
}
