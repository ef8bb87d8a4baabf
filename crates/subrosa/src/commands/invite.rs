//! `invite`: a join line for one person.

use super::with_client;
use crate::invitation;
use crate::seat::Setting;
use subrosa_client::{Client, Command, RoomCommand};

const EXAMPLES: &str = "\
Examples:
  subrosa invite                 prints the command that one person joins with
  subrosa invite '#ops'          the same, and whoever joins with it is added to the room
  subrosa invite --json          the line and when it ends";

/// Make a join line for one person
///
/// The line works once, within seven days. Whoever joins with it is at once in a verified
/// conversation with you, so pass it on by a way that you trust.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// A room into which whoever joins is added by itself
    room: Option<String>,
}

/// Makes it.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let invitation = with_client(setting, "invite", async |client: &Client| {
        let command = match args.room {
            Some(room) => Command::Room(RoomCommand::Invite { room }),
            None => Command::Invite {},
        };
        Ok(invitation::into(client, None, command).await?)
    })
    .await?;
    setting.output.either(&invitation, &invitation.join)
}
