//! `invite`: a join line for one person.

use super::with_client;
use crate::invitation;
use crate::seat::Setting;
use subrosa_client::Client;

const EXAMPLES: &str = "\
Examples:
  subrosa invite                 prints the command that one person joins with
  subrosa invite --json          the line and when it ends";

/// Make a join line for one person
///
/// The line works once, within seven days. Whoever joins with it is at once in a verified
/// conversation with you, so pass it on by a way that you trust.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {}

/// Makes it.
pub async fn run(_: &Args, setting: &Setting) -> anyhow::Result<()> {
    let invitation = with_client(setting, "invite", async |client: &Client| {
        Ok(invitation::new(client, None).await?)
    })
    .await?;
    setting.output.either(&invitation, &invitation.join)
}
