//! `admin`: for whoever may read the server's data folder, on its machine.

use crate::invitation::Invitation;
use crate::seat::Setting;
use clap::Subcommand;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  subrosa admin invite                          a join line for the server of this user
  subrosa admin invite --data /srv/subrosa      or for the one in this folder";

/// Administer a server, on its machine
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Make a join line that comes from nobody, such as the one for the first account
    #[command(before_help = EXAMPLES)]
    Invite {
        /// The server's data folder
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
}

/// Administers.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    match args.task {
        Task::Invite { data } => {
            let data = data.unwrap_or_else(|| setting.folders.server());
            let invitation = Invitation::from(subrosa_server::admin::invite(&data).await?);
            setting.output.either(&invitation, &invitation.join)
        }
    }
}
