//! `room`: rooms and who is in them.

use super::with_client;
use crate::room::{cells, line, lines};
use crate::seat::{Setting, unexpected};
use subrosa_client::{Answer, Client, Command, Failure, RoomCommand, RoomRole, RoomView};

const EXAMPLES: &str = "\
Examples:
  subrosa room create ops @bob @carol --topic \"what runs where\"
  subrosa send '#ops' \"backup done\"
  subrosa room list
  subrosa room show '#ops'
  subrosa room add '#ops' @dave
  subrosa room add '#ops' @backup --poster   writes there, and cannot read
  subrosa room promote '#ops' @bob
  subrosa room leave '#ops'
  subrosa invite '#ops'                      a line for somebody without an account";

/// Make rooms, and see and change who is in them
///
/// A room's name is yours: it is encrypted like what is written there, and this machine keeps the name under
/// which it first knew the room, whatever others call it later. Who is added reads from then on.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Make a room, with people in it
    #[command(
        before_help = "Examples:\n  subrosa room create ops\n  subrosa room create ops @bob @carol --topic \"what runs where\"\n  subrosa room create secrets @bob --no-archive"
    )]
    Create {
        /// What it is called
        name: String,
        /// Who is added at once
        people: Vec<String>,
        /// What it is about
        #[arg(long, default_value = "")]
        topic: String,
        /// Keep no archive: a member's further device reads from then on only. For good
        #[arg(long)]
        no_archive: bool,
        /// Let plain members add people
        #[arg(long)]
        members_add: bool,
    },
    /// List your rooms
    #[command(before_help = "Examples:\n  subrosa room list\n  subrosa room list --json")]
    List,
    /// Show a room: its members, rules and what is pending
    #[command(before_help = "Examples:\n  subrosa room show '#ops'")]
    Show {
        /// Which room
        room: String,
    },
    /// Add people; they read from then on
    #[command(
        before_help = "Examples:\n  subrosa room add '#ops' @bob @carol\n  subrosa room add '#ops' @backup --poster"
    )]
    Add {
        /// To which room
        room: String,
        /// Whom
        #[arg(required = true)]
        people: Vec<String>,
        /// As posters, who write and cannot read
        #[arg(long, conflicts_with = "admin")]
        poster: bool,
        /// As admins
        #[arg(long)]
        admin: bool,
    },
    /// Remove people; they read nothing that is written later
    #[command(before_help = "Examples:\n  subrosa room remove '#ops' @bob")]
    Remove {
        /// From which room
        room: String,
        /// Whom
        #[arg(required = true)]
        people: Vec<String>,
    },
    /// Make members admins
    #[command(before_help = "Examples:\n  subrosa room promote '#ops' @bob")]
    Promote {
        /// In which room
        room: String,
        /// Whom
        #[arg(required = true)]
        people: Vec<String>,
    },
    /// Make admins plain members
    #[command(before_help = "Examples:\n  subrosa room demote '#ops' @bob")]
    Demote {
        /// In which room
        room: String,
        /// Whom
        #[arg(required = true)]
        people: Vec<String>,
    },
    /// Give members a role: admin, member or poster
    #[command(before_help = "Examples:\n  subrosa room role '#ops' poster @backup")]
    Role {
        /// In which room
        room: String,
        /// Which role
        #[arg(value_enum)]
        role: RoleArg,
        /// To whom
        #[arg(required = true)]
        people: Vec<String>,
    },
    /// Leave a room
    #[command(before_help = "Examples:\n  subrosa room leave '#ops'")]
    Leave {
        /// Which room
        room: String,
    },
    /// End a room for everybody; its history stays
    #[command(before_help = "Examples:\n  subrosa room close '#ops'")]
    Close {
        /// Which room
        room: String,
    },
    /// Change what a room is called, for everybody
    #[command(before_help = "Examples:\n  subrosa room name '#ops' operations")]
    Name {
        /// Which room
        room: String,
        /// The new name
        #[arg(required = true)]
        text: Vec<String>,
    },
    /// Change what a room is about; without a text, take it away
    #[command(before_help = "Examples:\n  subrosa room topic '#ops' \"what runs where\"")]
    Topic {
        /// Which room
        room: String,
        /// The new topic
        text: Vec<String>,
    },
    /// Change the name of a room on this machine only
    #[command(before_help = "Examples:\n  subrosa room rename '#ops-2' '#night-shift'")]
    Rename {
        /// Which room
        room: String,
        /// Its name here
        name: String,
    },
    /// Change the rules of a room
    #[command(
        before_help = "Examples:\n  subrosa room policy '#ops' --members-add on\n  subrosa room policy '#ops' --timer 7d"
    )]
    Policy {
        /// Which room
        room: String,
        /// Whether plain members may add people
        #[arg(long, value_enum, value_name = "on|off")]
        members_add: Option<Switch>,
        /// After what time new messages disappear: 30s, 5m, 1h, 8h, 1d, 7d, 28d, or off
        #[arg(long, value_name = "TIME")]
        timer: Option<String>,
    },
}

/// A role as it is typed.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum RoleArg {
    Admin,
    Member,
    Poster,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    On,
    Off,
}

/// Does it.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let full = matches!(args.act, Act::Show { .. });
    let done = said(&args.act);
    let command = command(args.act)?;
    let answer = with_client(setting, "room", async |client: &Client| {
        Ok(client.call(Command::Room(command)).await?)
    })
    .await?;
    match answer {
        Answer::Done {} => setting.output.talk(&done),
        Answer::Room(room) if full => show(setting, &room)?,
        Answer::Room(room) => {
            setting.output.either(&room, &line(&room))?;
            setting.output.talk(&format!(
                "write there with `subrosa send '{}' TEXT` or `subrosa chat '{}'`",
                room.name, room.name
            ));
        }
        Answer::Rooms(rooms) => {
            if rooms.is_empty() {
                setting
                    .output
                    .talk("there are no rooms yet: `subrosa room create NAME @SOMEBODY` makes one");
            }
            setting.output.list(&rooms, cells)?;
        }
        other => return Err(unexpected(&other).into()),
    }
    Ok(())
}

fn show(setting: &Setting, room: &RoomView) -> anyhow::Result<()> {
    if setting.output.json {
        return setting.output.object(room);
    }
    lines(room, &timer(room.timer))
        .iter()
        .try_for_each(|line| setting.output.line(line))
}

fn timer(step: u8) -> String {
    match step {
        0 => "messages stay".to_owned(),
        step => format!(
            "messages disappear {} after they arrive",
            super::timer::name(step)
        ),
    }
}

fn command(act: Act) -> Result<RoomCommand, Failure> {
    Ok(match act {
        Act::Create {
            name,
            people,
            topic,
            no_archive,
            members_add,
        } => RoomCommand::Create {
            name,
            topic,
            archive: !no_archive,
            members_add,
            people,
        },
        Act::List => RoomCommand::List {},
        Act::Show { room } => RoomCommand::Show { room },
        Act::Add {
            room,
            people,
            poster,
            admin,
        } => RoomCommand::Add {
            room,
            people,
            role: match (poster, admin) {
                (true, _) => RoomRole::Poster,
                (false, true) => RoomRole::Admin,
                (false, false) => RoomRole::Member,
            },
        },
        Act::Remove { room, people } => RoomCommand::Remove { room, people },
        Act::Promote { room, people } => role(room, people, RoleArg::Admin),
        Act::Demote { room, people } => role(room, people, RoleArg::Member),
        Act::Role {
            room,
            role: to,
            people,
        } => role(room, people, to),
        Act::Leave { room } => RoomCommand::Leave { room },
        Act::Close { room } => RoomCommand::Close { room },
        Act::Name { room, text } => RoomCommand::Title {
            room,
            name: Some(text.join(" ")),
            topic: None,
        },
        Act::Topic { room, text } => RoomCommand::Title {
            room,
            name: None,
            topic: Some(text.join(" ")),
        },
        Act::Rename { room, name } => RoomCommand::Rename { room, name },
        Act::Policy {
            room,
            members_add,
            timer,
        } => policy(room, members_add, timer.as_deref())?,
    })
}

fn role(room: String, people: Vec<String>, role: RoleArg) -> RoomCommand {
    let role = match role {
        RoleArg::Admin => RoomRole::Admin,
        RoleArg::Member => RoomRole::Member,
        RoleArg::Poster => RoomRole::Poster,
    };
    RoomCommand::Role { room, people, role }
}

fn policy(
    room: String,
    members_add: Option<Switch>,
    timer: Option<&str>,
) -> Result<RoomCommand, Failure> {
    if members_add.is_none() && timer.is_none() {
        return Err(Failure::user(format!(
            "say what is to change: `subrosa room policy '{room}' --members-add on`, or `--timer 7d`"
        )));
    }
    Ok(RoomCommand::Policy {
        room,
        members_add: members_add.map(|switch| switch == Switch::On),
        timer: timer.map(super::timer::step).transpose()?,
    })
}

/// What is said when it is done.
fn said(act: &Act) -> String {
    match act {
        Act::Create { .. } | Act::List | Act::Show { .. } | Act::Rename { .. } => String::new(),
        Act::Add { room, people, .. } => {
            format!(
                "added to {room}: {}; contacts join by themselves when they are online, others are asked; what is written before is not shown to them",
                people.join(", ")
            )
        }
        Act::Remove { room, people } => format!("removed from {room}: {}", people.join(", ")),
        Act::Promote { room, people } => format!("admin of {room} now: {}", people.join(", ")),
        Act::Demote { room, people } => {
            format!("plain member of {room} now: {}", people.join(", "))
        }
        Act::Role { room, people, .. } => format!("changed in {room}: {}", people.join(", ")),
        Act::Leave { room } => format!("you left {room}; what you have read of it stays here"),
        Act::Close { room } => format!("{room} is closed; its history stays"),
        Act::Name { room, text } => format!(
            "the room is called {} now; on this machine its name stays {room}, which `subrosa room rename` changes",
            text.join(" ")
        ),
        Act::Topic { room, .. } => format!("the topic of {room} is changed"),
        Act::Policy { room, .. } => format!("the rules of {room} are changed"),
    }
}
