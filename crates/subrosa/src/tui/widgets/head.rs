//! Above the timeline: with whom, and how far they can be trusted.

use super::line;
use crate::text::harmless;
use crate::tui::app::App;
use crate::tui::screens::pages::trust_words;
use crate::tui::talks::waits_for_you;
use crate::tui::theme::Ink;
use crate::wrap::cut;
use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;
use subrosa_client::{LinkState, Trust};
use unicode_width::UnicodeWidthStr;

pub fn draw(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let [top, below] =
        ratatui::layout::Layout::vertical([ratatui::layout::Constraint::Length(1); 2]).areas(area);
    let (link, ink) = link(app);
    let link = format!("{link} ");
    let mut pieces = vec![(Ink::Text, " ".to_owned())];
    let name = app
        .open
        .as_ref()
        .map_or("subrosa", |open| open.name.as_str());
    let space = usize::from(top.width).saturating_sub(link.width() + 2);
    pieces.push((Ink::Title, cut(&harmless(name), space)));
    if let Some((words, ink)) = standing(app)
        && name.width() + words.width() + 3 <= space
    {
        pieces.push((ink, format!("  {words}")));
    }
    frame.render_widget(Paragraph::new(line(app.theme, &pieces)), top);
    let right = Line::styled(link, app.theme.style(ink)).alignment(Alignment::Right);
    frame.render_widget(Paragraph::new(right), top);
    let rule = "─".repeat(usize::from(below.width));
    frame.render_widget(
        Paragraph::new(Line::styled(rule, app.theme.style(Ink::Line))),
        below,
    );
}

/// What is known of whoever is on the other side.
fn standing(app: &App) -> Option<(String, Ink)> {
    let talk = app.talks.get(&app.open.as_ref()?.name)?;
    if app.talks.is_own(talk) {
        return Some((
            "notes to yourself, on all your devices".to_owned(),
            Ink::Dim,
        ));
    }
    if waits_for_you(talk) {
        return Some((
            "asks to write to you: /accept or /refuse".to_owned(),
            Ink::Warn,
        ));
    }
    if talk.name.starts_with('#') {
        return Some((
            if talk.muted { "muted" } else { "room" }.to_owned(),
            Ink::Dim,
        ));
    }
    let muted = if talk.muted { ", muted" } else { "" };
    let pending = if talk.pending {
        ", has not accepted yet"
    } else {
        ""
    };
    let words = format!("{}{muted}{pending}", trust_words(talk.trust));
    Some(match talk.trust {
        Trust::Verified => (format!("✓ {words}"), Ink::Good),
        Trust::Invited => (words, Ink::Dim),
        Trust::Unverified => (words, Ink::Warn),
    })
}

fn link(app: &App) -> (&'static str, Ink) {
    match app.link {
        LinkState::Connecting => ("connecting …", Ink::Dim),
        LinkState::Online => ("● online", Ink::Good),
        LinkState::Offline { .. } => ("○ offline", Ink::Warn),
        LinkState::Refused { .. } => ("✗ refused", Ink::Alarm),
    }
}

/// Something is wrong with the keys of whoever is on the other side.
pub fn draw_alarm(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let Some(alarm) = app.about_open() else {
        return;
    };
    let width = usize::from(area.width);
    let padded = |text: String| format!("{:width$}", cut(&text, width));
    let lines = [
        (
            Ink::Alarm,
            padded(format!(" ! {}", harmless(&alarm.problem))),
        ),
        (
            Ink::Alarm,
            padded(format!(
                "   {}",
                if alarm.doubt {
                    "/trust shows more; /decide new or /decide known ends it"
                } else {
                    "/trust shows more"
                }
            )),
        ),
    ];
    let lines: Vec<_> = lines
        .iter()
        .map(|piece| line(app.theme, std::slice::from_ref(piece)))
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}
