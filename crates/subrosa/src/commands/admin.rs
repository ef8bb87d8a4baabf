//! `admin`: for whoever may read the server's data folder, on its machine.

mod copies;
mod paper;
mod release;

use crate::invitation::Invitation;
use crate::seat::Setting;
use clap::Subcommand;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  subrosa admin invite                          a join line for the server of this user
  subrosa admin invite --data /srv/subrosa      or for the one in this folder
  subrosa admin release ada                     frees the name of an account whose secrets are lost
  subrosa admin secrets                         the server's one seed, to be written on paper
  subrosa admin backup /mnt/subrosa.copy        a copy of the database, while the server runs
  subrosa admin restore /mnt/subrosa.copy       put it back, while no server runs";

/// Administer a server, on its machine
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    task: Task,
}

/// Which server.
#[derive(Debug, clap::Args)]
struct Place {
    /// The server's data folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Place {
    fn data(self, setting: &Setting) -> PathBuf {
        self.data.unwrap_or_else(|| setting.folders.server())
    }
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Make a join line that comes from nobody, such as the one for the first account
    #[command(before_help = EXAMPLES)]
    Invite(Place),
    Secrets(paper::Args),
    Backup(copies::BackupArgs),
    Restore(copies::RestoreArgs),
    Release(release::Args),
}

/// Administers.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    match args.task {
        Task::Invite(place) => {
            let data = place.data(setting);
            let invitation = Invitation::from(subrosa_server::admin::invite(&data).await?);
            setting.output.either(&invitation, &invitation.join)
        }
        Task::Secrets(args) => paper::run(args, setting).await,
        Task::Backup(args) => copies::backup(args, setting).await,
        Task::Restore(args) => copies::restore(args, setting).await,
        Task::Release(args) => release::run(args, setting).await,
    }
}
