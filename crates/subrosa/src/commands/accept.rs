//! `accept`: lets somebody who asked write to you, or joins the room you were asked into.

use super::with_client;
use crate::seat::Setting;
use subrosa_client::{Client, Command};

const EXAMPLES: &str = "\
Examples:
  subrosa accept eve          eve may write to you, and you to her
  subrosa accept '#ops'       join the room that you were asked into";

/// Accept somebody's request, or join a room you were asked into
///
/// Until you accept, whoever asks learns nothing of you and can show you no text. Requests of people with
/// whom you share a conversation, or whom you invited, are accepted by themselves.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Who asks, or which room
    name: String,
}

/// Accepts.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let name = args.name.clone();
    with_client(setting, "accept", async |client: &Client| {
        let conversation = args.name;
        client.call(Command::Accept { conversation }).await?;
        Ok(())
    })
    .await?;
    setting
        .output
        .talk(&format!("accepted: you can write to {name} now"));
    Ok(())
}
