//! `timer`: disappearing messages.

use super::with_client;
use crate::seat::{Setting, unexpected};
use subrosa_client::{Answer, Client, Command, Failure};

const EXAMPLES: &str = "\
Examples:
  subrosa timer bob        after what time messages with bob disappear
  subrosa timer bob 1d     a day after they arrive
  subrosa timer bob off    new ones stay
  subrosa timer '#ops' 7d  the same in a room, for its admins";

/// What can be chosen, from step 1 on.
const STEPS: [&str; 7] = ["30s", "5m", "1h", "8h", "1d", "7d", "28d"];

/// Let messages disappear
///
/// The time counts from a message's arrival at the server, read or not, on all devices of all and at
/// the server alike. It holds for messages sent from then on. What somebody has copied stays copied.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// With whom, or in which room
    name: String,
    /// 30s, 5m, 1h, 8h, 1d, 7d, 28d, or off; without, the present one is shown
    time: Option<String>,
}

#[derive(serde::Serialize)]
struct Timer<'a> {
    conversation: &'a str,
    timer: &'a str,
}

/// Shows or sets.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let wanted = args.time.as_deref().map(step).transpose()?;
    with_client(setting, "timer", async |client: &Client| {
        super::freshened(client, &args.name).await?;
        let set = Command::SetTimer {
            conversation: args.name.clone(),
            timer: wanted,
        };
        let step = match client.call(set).await? {
            Answer::Timer { timer } => timer,
            other => return Err(unexpected(&other).into()),
        };
        let shown = Timer {
            conversation: &args.name,
            timer: name(step),
        };
        setting.output.either(&shown, shown.timer)
    })
    .await
}

/// The step that somebody names.
pub(super) fn step(time: &str) -> Result<u8, Failure> {
    let time = match time {
        "off" => return Ok(0),
        "1w" => "7d",
        "4w" => "28d",
        time => time,
    };
    let place = STEPS.iter().position(|step| *step == time);
    let step = place.and_then(|place| u8::try_from(place + 1).ok());
    step.ok_or_else(|| {
        Failure::user(format!(
            "{time} is no timer: choose one of {}, or off",
            STEPS.join(", ")
        ))
    })
}

/// What a step is called.
pub(super) fn name(step: u8) -> &'static str {
    match usize::from(step).checked_sub(1) {
        None => "off",
        // A step of a newer version counts as the longest.
        Some(place) => STEPS.get(place).or(STEPS.last()).copied().unwrap_or("off"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_names() {
        for (number, time) in (1..).zip(STEPS) {
            assert_eq!((step(time).unwrap(), name(number)), (number, time));
        }
        assert_eq!((step("off").unwrap(), name(0)), (0, "off"));
        assert_eq!(step("4w").unwrap(), 7);
        for wrong in ["", "2d", "1", "never"] {
            assert!(
                step(wrong)
                    .unwrap_err()
                    .sentence
                    .contains("choose one of 30s")
            );
        }
    }
}
