//! `mute` and `unmute`: conversations that do not ask for attention.

use super::{catch_up, with_client};
use crate::seat::Setting;
use crate::text::harmless;
use serde::Serialize;
use subrosa_client::{About, Client, Command};

const MUTE: &str = "\
Examples:
  subrosa mute '#ops'
  subrosa mute bob";
const UNMUTE: &str = "\
Examples:
  subrosa unmute '#ops'";

/// Count a conversation's messages quietly
///
/// They come and are counted as before, marked as muted, on all your devices.
#[derive(Debug, clap::Args)]
#[command(before_help = MUTE)]
pub struct MuteArgs {
    /// Which conversation
    conversation: String,
}

/// Count a conversation's messages as others
#[derive(Debug, clap::Args)]
#[command(before_help = UNMUTE)]
pub struct UnmuteArgs {
    /// Which conversation
    conversation: String,
}

/// With `--json`.
#[derive(Serialize)]
struct Muted<'a> {
    conversation: &'a str,
    muted: bool,
}

/// Mutes.
pub async fn mute(args: MuteArgs, setting: &Setting) -> anyhow::Result<()> {
    set(&args.conversation, true, setting).await
}

/// Ends it.
pub async fn unmute(args: UnmuteArgs, setting: &Setting) -> anyhow::Result<()> {
    set(&args.conversation, false, setting).await
}

async fn set(name: &str, muted: bool, setting: &Setting) -> anyhow::Result<()> {
    with_client(setting, "mute", async |client: &Client| {
        catch_up(client).await?;
        let conversation = name.to_owned();
        let ask = About::Mute {
            conversation,
            muted,
        };
        client.call(Command::About { ask }).await?;
        // The other devices hear of it now rather than with the next command.
        client.call(Command::Drain {}).await?;
        Ok(())
    })
    .await?;
    if setting.output.json {
        return setting.output.object(&Muted {
            conversation: name,
            muted,
        });
    }
    let name = harmless(name);
    let words = if muted {
        format!("{name} is muted: `subrosa unmute '{name}'` ends that")
    } else {
        format!("{name} is not muted any more")
    };
    setting.output.talk(&words);
    Ok(())
}
