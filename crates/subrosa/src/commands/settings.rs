//! `settings`: the few that there are, the same on all devices of the account.

use super::{catch_up, with_client};
use crate::seat::{Setting, unexpected};
use crate::text::harmless;
use subrosa_client::{About, Answer, Client, Command, SettingView};

const EXAMPLES: &str = "\
Examples:
  subrosa settings                     all of them, with their values
  subrosa settings read-receipts off";

/// Show or change the settings of your account
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Which
    #[arg(requires = "value")]
    name: Option<String>,
    /// To what
    value: Option<String>,
}

/// Lists them, after setting one if one is named.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let settings = with_client(setting, "settings", async |client: &Client| {
        catch_up(client).await?;
        let sets = args.value.is_some();
        let command = match (&args.name, &args.value) {
            (Some(name), Some(value)) => About::Set {
                name: name.clone(),
                value: value.clone(),
            },
            _ => About::Settings {},
        };
        let settings = match client.call(Command::About { ask: command }).await? {
            Answer::Settings(settings) => settings,
            other => return Err(unexpected(&other).into()),
        };
        if sets {
            // The other devices hear of it now rather than with the next command.
            client.call(Command::Drain {}).await?;
        }
        Ok(settings)
    })
    .await?;
    let mut settings = settings;
    settings.retain(|shown| args.name.as_ref().is_none_or(|name| *name == shown.name));
    setting.output.list(&settings, cells)
}

fn cells(shown: &SettingView) -> [String; 2] {
    let (name, value) = (harmless(&shown.name), harmless(&shown.value));
    let values = shown.values.join(" or ");
    let about = format!("{} ({values})", harmless(&shown.about));
    [format!("{name} = {value}"), about]
}
