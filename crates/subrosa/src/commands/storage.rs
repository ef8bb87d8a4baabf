//! `storage`: what takes room on this machine, and giving it back.

use super::with_client;
use crate::columns::{hanging, screen_width};
use crate::seat::{Setting, unexpected};
use crate::text::harmless;
use indicatif::HumanBytes;
use subrosa_client::{Answer, Client, Command, StorageView, UpkeepCommand};

const EXAMPLES: &str = "\
Examples:
  subrosa storage               what takes how much room in this home
  subrosa storage --free        gives back what nothing needs";

/// Show what takes room, and free it
///
/// Freeing writes the store anew without what was deleted; it needs as much free room on the disk as the store has, for a moment.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Give back to the disk what nothing needs
    #[arg(long)]
    free: bool,
}

/// Shows, frees.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    with_client(setting, "storage", async |client: &Client| {
        if args.free {
            setting.output.talk("writing the store anew …");
        }
        let ask = UpkeepCommand::Storage { free: args.free };
        let view = match client.call(Command::Upkeep(ask)).await? {
            Answer::Storage(view) => view,
            other => return Err(unexpected(&other).into()),
        };
        setting.output.either(&view, &told(&view, args.free))
    })
    .await
}

fn told(view: &StorageView, freed: bool) -> String {
    let size = |bytes: u64| format!("{:>12}", HumanBytes(bytes).to_string());
    let mut lines: Vec<String> = view
        .parts
        .iter()
        .map(|part| {
            hanging(
                &format!("{}  ", size(part.bytes)),
                &harmless(&part.what),
                screen_width(),
            )
        })
        .collect();
    lines.push(format!("{}  used by nothing", size(view.unused)));
    let all = view.bytes();
    lines.push(format!("{}  in all", size(all)));
    if freed {
        lines.push(format!("{}  freed", size(view.freed)));
    } else if view.unused * 10 > all {
        lines.push("`subrosa storage --free` gives back what nothing uses".to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use subrosa_client::StoragePart;

    #[test]
    fn sizes_are_told_with_what_can_be_done() {
        let part = |what: &str, bytes| StoragePart {
            what: what.to_owned(),
            bytes,
        };
        let view = StorageView {
            parts: vec![part("messages", 3 << 20), part("keys", 4096)],
            unused: 1 << 20,
            freed: 0,
        };
        let text = told(&view, false);
        assert!(
            text.contains("3.00 MiB  messages") && text.contains("--free"),
            "{text}"
        );
        assert!(!told(&view, true).contains("--free"));
    }
}
