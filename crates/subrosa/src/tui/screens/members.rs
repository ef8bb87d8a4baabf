//! The members of a room and what they may do.

use crate::text::harmless;
use crate::tui::app::App;
use crate::tui::event::Ask;
use crate::tui::screens::Screen;
use crate::tui::theme::{self, Ink};
use crate::tui::widgets::line;
use crate::tui::widgets::popup::{self, Popup};
use ratatui::Frame;
use ratatui::widgets::Paragraph;
use subrosa_client::{About, Command, RoomRole, RoomStanding, RoomView};

const COLUMNS: u16 = 64;

/// The room, and the member that is chosen.
#[derive(Debug)]
pub struct Members {
    room: Box<RoomView>,
    chosen: usize,
}

impl Members {
    pub fn of(room: RoomView) -> Self {
        Self {
            room: Box::new(room),
            chosen: 0,
        }
    }

    pub fn step(&mut self, forward: bool) {
        let last = self.room.members.len().saturating_sub(1);
        self.chosen = if forward {
            (self.chosen + 1).min(last)
        } else {
            self.chosen.saturating_sub(1)
        };
    }
}

impl App {
    /// Enter on a member: what is known of their keys.
    pub(in crate::tui) fn about_member(&mut self) {
        let Screen::Members(members) = &self.screen else {
            return;
        };
        let member = members.room.members.get(members.chosen);
        if let Some(name) = member
            .map(|member| member.name.clone())
            .filter(|name| *name != self.own)
        {
            self.ask(
                Ask::Trust,
                Command::About {
                    ask: About::Trust {
                        contact: Some(name),
                    },
                },
            );
        }
    }
}

const fn role(role: RoomRole) -> &'static str {
    match role {
        RoomRole::Admin => "admin",
        RoomRole::Member => "member",
        RoomRole::Poster => "writes only",
    }
}

pub fn draw(frame: &mut Frame<'_>, app: &App, members: &Members) {
    let room = &members.room;
    let title = harmless(&room.name);
    let admin = room.role == Some(RoomRole::Admin);
    let foot = if admin {
        "Enter keys · /add, /remove, /admin · Esc back"
    } else {
        "Enter keys · Esc back"
    };
    let popup = Popup {
        title: &title,
        foot,
        ink: Ink::Line,
    };
    let rows = u16::try_from(room.members.len())
        .unwrap_or(u16::MAX)
        .saturating_add(7);
    let area = popup::open(frame, app, &popup, (COLUMNS, rows));
    let mut lines = Vec::new();
    if let Some(topic) = room.topic.as_ref().filter(|topic| !topic.is_empty()) {
        lines.push(vec![(Ink::Text, harmless(topic).into_owned())]);
    }
    let standing = match (room.closed, room.standing) {
        (true, _) => "it is closed",
        (_, RoomStanding::Out) => "you are no member any more",
        (_, RoomStanding::Asked) => "you were asked: /accept joins it",
        (_, RoomStanding::In) if room.archive => "further devices of members can read its history",
        (_, RoomStanding::In) => "no archive: a further device reads from then on",
    };
    lines.push(vec![(Ink::Dim, standing.to_owned())]);
    lines.push(Vec::new());
    let head = lines.len();
    for (at, member) in room.members.iter().enumerate() {
        let bar = if at == members.chosen { "▌ " } else { "  " };
        let name = crate::wrap::cut(&harmless(&member.name), 24);
        let ink = if member.name == app.own {
            Ink::Own
        } else {
            theme::of_name(&member.name)
        };
        let pending = if member.pending { ", asked" } else { "" };
        let devices = match member.devices {
            1 => "1 device".to_owned(),
            count => format!("{count} devices"),
        };
        lines.push(vec![
            (Ink::Accent, bar.to_owned()),
            (ink, format!("{name:<25}")),
            (
                Ink::Text,
                format!("{:<15}", format!("{}{pending}", role(member.role))),
            ),
            (Ink::Dim, format!("  {devices}")),
        ]);
    }
    let height = usize::from(area.height);
    let from = (head + members.chosen + 1).saturating_sub(height);
    let shown: Vec<_> = lines
        .iter()
        .skip(from)
        .take(height)
        .map(|pieces| line(app.theme, pieces))
        .collect();
    frame.render_widget(Paragraph::new(shown), area);
}
