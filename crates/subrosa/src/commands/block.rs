//! `block` and `unblock`: people of whom nothing is to be heard.

use super::{catch_up, with_client};
use crate::seat::Setting;
use crate::text::harmless;
use serde::Serialize;
use subrosa_client::{About, Client, Command};

const BLOCK: &str = "\
Examples:
  subrosa block eve";
const UNBLOCK: &str = "\
Examples:
  subrosa unblock eve";

/// Hear nothing of somebody any more
///
/// What they write to you is not shown and gets no receipt, and they are not told. In rooms that you
/// share, their lines are collapsed. It holds on all your devices.
#[derive(Debug, clap::Args)]
#[command(before_help = BLOCK)]
pub struct BlockArgs {
    /// Whom
    name: String,
}

/// Hear of somebody again
#[derive(Debug, clap::Args)]
#[command(before_help = UNBLOCK)]
pub struct UnblockArgs {
    /// Whom
    name: String,
}

/// With `--json`.
#[derive(Serialize)]
struct Blocked<'a> {
    name: &'a str,
    blocked: bool,
}

/// Blocks.
pub async fn block(args: BlockArgs, setting: &Setting) -> anyhow::Result<()> {
    set(&args.name, true, setting).await
}

/// Ends it.
pub async fn unblock(args: UnblockArgs, setting: &Setting) -> anyhow::Result<()> {
    set(&args.name, false, setting).await
}

async fn set(name: &str, blocked: bool, setting: &Setting) -> anyhow::Result<()> {
    with_client(setting, "block", async |client: &Client| {
        catch_up(client).await?;
        let contact = name.to_owned();
        let ask = About::Block { contact, blocked };
        client.call(Command::About { ask }).await?;
        // The other devices hear of it now rather than with the next command.
        client.call(Command::Drain {}).await?;
        Ok(())
    })
    .await?;
    if setting.output.json {
        return setting.output.object(&Blocked { name, blocked });
    }
    let name = harmless(name);
    let words = if blocked {
        format!("{name} is blocked: `subrosa unblock {name}` ends that")
    } else {
        format!("{name} is not blocked any more")
    };
    setting.output.talk(&words);
    Ok(())
}
