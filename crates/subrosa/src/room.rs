//! A room as lines of text.

use crate::columns::{Columns, hanging, screen_width};
use crate::text::harmless;
use std::fmt::Write as _;
use subrosa_client::{MemberView, RoomRole, RoomStanding, RoomView};

/// A role in a word.
pub const fn role(role: RoomRole) -> &'static str {
    match role {
        RoomRole::Admin => "admin",
        RoomRole::Member => "member",
        RoomRole::Poster => "poster",
    }
}

fn counted(count: usize, one: &str) -> String {
    if count == 1 {
        format!("1 {one}")
    } else {
        format!("{count} {one}s")
    }
}

/// A room in a list.
pub fn cells(room: &RoomView) -> [String; 3] {
    let name = harmless(&room.name);
    let mut line = counted(room.members.len(), "member");
    // Writing to a string does not fail.
    let _ = match (room.standing, &room.added_by) {
        _ if room.closed => write!(line, ", closed"),
        (RoomStanding::Out, _) => write!(line, ", left"),
        (RoomStanding::In, _) if room.unread > 0 => write!(line, ", {} unread", room.unread),
        (RoomStanding::In, _) => Ok(()),
        (RoomStanding::Asked, by) => {
            let by = by.as_deref().unwrap_or("somebody");
            write!(
                line,
                ", {} asks you in: subrosa accept '{name}'",
                harmless(by)
            )
        }
    };
    let topic = room.topic.as_deref().map(harmless).unwrap_or_default();
    [name.into_owned(), line, topic.into_owned()]
}

/// The same on one line.
pub fn line(room: &RoomView) -> String {
    let cells = cells(room);
    cells.join("  ").trim_end().to_owned()
}

/// A room in full.
pub fn lines(room: &RoomView, timer: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let width = screen_width();
    let mut row =
        |name: &str, value: String| rows.push(hanging(&format!("{name:<9} "), &value, width));
    let title = match &room.title {
        Some(title) => harmless(title).into_owned(),
        None => "not known here yet: an admin's device tells it".to_owned(),
    };
    row("room", harmless(&room.name).into_owned());
    if room.standing != RoomStanding::Asked {
        row("name", title);
    }
    if let Some(topic) = &room.topic {
        row("topic", harmless(topic).into_owned());
    }
    row("you", you(room));
    let archive = if room.archive {
        "a further device of a member reads what was written before it"
    } else {
        "none: a further device of a member reads from then on"
    };
    row("archive", archive.to_owned());
    let who = if room.members_add {
        "members and admins"
    } else {
        "admins"
    };
    row("rules", format!("{who} add people; {timer}"));
    let pending = room.members.iter().filter(|member| member.pending).count();
    let asked = match pending {
        0 => String::new(),
        pending => format!(", {pending} of them asked and not joined yet"),
    };
    row("members", format!("{}{asked}", room.members.len()));
    let mut members = Columns::new();
    room.members.iter().for_each(|of| members.row(member(of)));
    rows.extend(members.lines());
    rows
}

fn you(room: &RoomView) -> String {
    let name = harmless(&room.name);
    match (room.standing, room.role) {
        _ if room.closed => "it was closed: its history stays".to_owned(),
        (RoomStanding::Out, _) => "not a member any more".to_owned(),
        (RoomStanding::Asked, _) => format!(
            "asked in by {}: subrosa accept '{name}' joins, subrosa refuse '{name}' declines",
            harmless(room.added_by.as_deref().unwrap_or("somebody"))
        ),
        (RoomStanding::In, of) => of.map_or("member", role).to_owned(),
    }
}

fn member(member: &MemberView) -> [String; 3] {
    let state = if member.pending {
        "asked".to_owned()
    } else {
        counted(
            usize::try_from(member.devices).unwrap_or(usize::MAX),
            "device",
        )
    };
    let bot = match &member.bot_of {
        Some(owner) => format!(", a bot of {}", harmless(owner)),
        None => String::new(),
    };
    let name = format!("  {}", harmless(&member.name));
    [name, role(member.role).to_owned(), format!("{state}{bot}")]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> RoomView {
        let member = |name: &str, role, pending| MemberView {
            name: name.to_owned(),
            account: String::new(),
            role,
            pending,
            devices: 2,
            bot_of: None,
        };
        RoomView {
            name: "#ops".to_owned(),
            conv: String::new(),
            title: Some("ops\u{1b}".to_owned()),
            topic: Some("pagers".to_owned()),
            standing: RoomStanding::In,
            role: Some(RoomRole::Admin),
            added_by: None,
            archive: true,
            members_add: false,
            timer: 0,
            closed: false,
            unread: 3,
            members: vec![
                member("ada", RoomRole::Admin, false),
                member("carol", RoomRole::Member, true),
            ],
        }
    }

    #[test]
    fn a_room_in_a_list_says_what_is_to_be_done() {
        let mut room = room();
        assert_eq!(line(&room), "#ops  2 members, 3 unread  pagers");
        room.standing = RoomStanding::Asked;
        room.added_by = Some("eve".to_owned());
        assert!(line(&room).contains("eve asks you in: subrosa accept '#ops'"));
        room.closed = true;
        assert!(line(&room).contains(", closed"));
    }

    #[test]
    fn a_room_in_full_names_rules_and_members() {
        let text = lines(&room(), "messages stay").join("\n");
        for part in [
            "name      ops\\u{1b}",
            "topic     pagers",
            "you       admin",
            "rules     admins add people; messages stay",
            "members   2, 1 of them asked",
            "  ada    admin   2 devices",
            "  carol  member  asked",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn a_request_shows_who_asks_and_no_name() {
        let mut room = room();
        room.standing = RoomStanding::Asked;
        room.title = None;
        room.topic = None;
        let text = lines(&room, "messages stay").join("\n");
        assert!(
            text.contains("asked in by somebody") && !text.contains("name "),
            "{text}"
        );
    }
}
