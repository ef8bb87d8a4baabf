//! Questions, and the alarm that covers everything until it is answered.

use super::pages::typed_fix;
use crate::text::harmless;
use crate::tui::alarm::Alarm;
use crate::tui::app::App;
use crate::tui::theme::Ink;
use crate::tui::widgets::popup::{self, Popup};
use ratatui::Frame;

const COLUMNS: u16 = 64;

pub fn draw(frame: &mut Frame<'_>, app: &App, question: &str) {
    let popup = Popup {
        title: "sure?",
        foot: "Enter yes · Esc no",
        ink: Ink::Warn,
    };
    popup::text(
        frame,
        app,
        &popup,
        COLUMNS,
        &[(Ink::Text, harmless(question).into_owned())],
    );
}

pub fn draw_leaving(frame: &mut Frame<'_>, app: &App) {
    let popup = Popup {
        title: "leave?",
        foot: "Enter leave · Esc stay",
        ink: Ink::Warn,
    };
    let lines = [
        (Ink::Title, "The server stops when you leave.".to_owned()),
        (Ink::Text, String::new()),
        (Ink::Text, "The others cannot reach it until you run `subrosa up` again; what they write waits on their devices.".to_owned()),
        (Ink::Text, String::new()),
        (Ink::Dim, "`subrosa serve` runs the server alone, without a chat.".to_owned()),
    ];
    popup::text(frame, app, &popup, COLUMNS, &lines);
}

pub fn draw_alarm(frame: &mut Frame<'_>, app: &App, alarm: &Alarm) {
    let name = harmless(&alarm.name);
    let title = format!("warning: the keys of {name}");
    let popup = Popup {
        title: &title,
        foot: "Enter I have read this",
        ink: Ink::Alarm,
    };
    let mut problem = harmless(&alarm.problem).into_owned();
    if let Some(first) = problem.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let lines = [
        (Ink::Title, format!("{problem}.")),
        (Ink::Text, String::new()),
        (
            Ink::Text,
            format!(
                "Somebody may be trying to read what you write to {name}. Ask {name} by another way, by voice if you can, whether something changed."
            ),
        ),
        (Ink::Text, String::new()),
        (Ink::Accent, typed_fix(&alarm.fix)),
    ];
    popup::text(frame, app, &popup, COLUMNS, &lines);
}
