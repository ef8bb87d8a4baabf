//! `devices`: the account's devices.

use super::with_client;
use crate::seat::{Setting, unexpected};
use crate::text::harmless;
use subrosa_client::{Answer, Client, Command, DeviceView};

const EXAMPLES: &str = "\
Examples:
  subrosa devices";

/// List the devices of your account
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {}

/// Lists.
pub async fn run(_: &Args, setting: &Setting) -> anyhow::Result<()> {
    let devices = with_client(setting, "devices", async |client: &Client| {
        match client.call(Command::Devices {}).await? {
            Answer::Devices(devices) => Ok(devices),
            other => Err(unexpected(&other).into()),
        }
    })
    .await?;
    devices
        .iter()
        .try_for_each(|device| setting.output.either(device, &line(device)))
}

fn line(device: &DeviceView) -> String {
    let short: String = device.device.chars().take(16).collect();
    let note = match (device.this, device.ended) {
        (true, _) => "  this one",
        (false, true) => "  ended",
        (false, false) => "",
    };
    format!("{short}  {}{note}", harmless(&device.label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_told_by_its_label_and_the_present_one_is_marked() {
        let mut device = DeviceView {
            label: "lap\u{1b}top".to_owned(),
            device: "ab".repeat(32),
            this: true,
            ended: false,
        };
        assert_eq!(
            line(&device),
            format!("{}  lap\\u{{1b}}top  this one", "ab".repeat(8))
        );
        device.this = false;
        device.ended = true;
        assert!(line(&device).ends_with("  ended"));
    }
}
