//! `join`: a new account by an invite line.

use crate::chat::{self, AtEnd, Opening};
use crate::enrolment::{self, Wishes};
use crate::seat::{Setting, account};
use crate::signals::Signals;
use crate::{secret, tui};
use std::path::Path;
use subrosa_client::{Client, Command, Failure};
use subrosa_proto::InviteLine;

const EXAMPLES: &str = "\
Examples:
  subrosa join subrosa://192.168.1.5/KEY/SECRET     then type: the conversation is open
  subrosa join LINE --name ada
  subrosa join - --no-input < line.txt              makes the account and ends
  subrosa join - --home ~/ci < line.txt             a bot's line: its home, and no questions";

/// Join a server by the line that somebody gave you
///
/// Checks that it is the right server, makes your account, shows its sheet (address, name,
/// passphrase, recovery code) once, and opens the conversation with whoever gave you the line.
/// Beside an account that is here already it makes a further profile.
///
/// The line of a bot (`subrosa bot new`) makes the bot's home and ends: there is no name to choose,
/// no passphrase and no sheet.
///
/// Without a terminal the sheet goes to sheet.txt in the home, and standard input is sent line by
/// line. With --no-input it makes the account and ends.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The line, - to read it from standard input
    line: String,
    #[command(flatten)]
    wishes: Wishes,
    /// Chat line by line, also at a terminal
    #[arg(long)]
    plain: bool,
}

/// Joins.
pub async fn run(args: Args, setting: Setting) -> anyhow::Result<()> {
    let mut signals = Signals::watch()?;
    let text = if args.line == "-" {
        secret::read(Path::new("-"), "join line")?
    } else {
        args.line.into()
    };
    let line = parse(&text)?;
    if line.bot.is_some() {
        let bot = enrolment::join_as_bot(&setting, &line, &args.wishes, &mut signals).await?;
        bot.tell(&setting);
        let client = signals.during(bot.sit("join")).await?;
        let settled = signals.during(settle(&client, &setting)).await;
        super::orderly(client.close(), &mut signals).await;
        return settled;
    }
    let enrolled =
        enrolment::join(&setting, &line, &args.wishes, &line.secret.0, &mut signals).await?;
    let sheet = enrolled.hand_over(&setting, args.plain)?;
    enrolled.tell(&setting);
    let client = signals.during(enrolled.sit("join")).await?;
    if setting.fills_screen(args.plain) {
        let opening = tui::Opening {
            sheet,
            ..tui::Opening::default()
        };
        return tui::live(client, opening, &mut signals).await;
    }
    let chatted = if setting.global.no_input {
        signals.during(settle(&client, &setting)).await
    } else {
        let opening = Opening {
            to: None,
            at_end: AtEnd::Leave,
            address: None,
        };
        chat::run(&client, setting.output, opening, &mut signals).await
    };
    super::orderly(client.close(), &mut signals).await;
    chatted
}

/// Somebody may paste the whole command.
fn parse(text: &str) -> Result<InviteLine, Failure> {
    let line = text
        .trim()
        .trim_start_matches("subrosa join ")
        .trim_matches(['\'', '"', ' ']);
    InviteLine::parse(line).map_err(|error| Failure::user(format!("this is no join line: {error}")))
}

/// Waits until the conversation with the inviter stands.
async fn settle(client: &Client, setting: &Setting) -> anyhow::Result<()> {
    client
        .call(Command::Read {
            conversation: None,
            before: None,
            since: None,
            limit: 1,
            fresh: true,
        })
        .await?;
    client.call(Command::Drain {}).await?;
    let account = account(client).await?;
    #[derive(serde::Serialize)]
    struct Joined<'a> {
        name: &'a str,
        account: &'a str,
        address: &'a str,
    }
    let joined = Joined {
        name: &account.name,
        account: &account.account,
        address: &account.address,
    };
    setting.output.either(&joined, &account.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use subrosa_proto::{Address, Host, InviteSecret};

    #[test]
    fn the_line_may_come_with_its_command_and_quotes() {
        let address = Address {
            hosts: vec![Host {
                name: "192.0.2.7".to_owned(),
                port: 40,
            }],
            key: [7; 32],
        };
        let line = InviteLine {
            address,
            secret: InviteSecret([9; 16]),
            bot: None,
        };
        let text = line.line();
        for pasted in [
            text.clone(),
            format!("subrosa join {text}\n"),
            format!("subrosa join '{text}'"),
            format!("  {text}  "),
        ] {
            assert_eq!(parse(&pasted).unwrap(), line, "{pasted}");
        }
    }

    #[test]
    fn what_is_no_line_is_told_why() {
        for (text, why) in [
            ("", "begins with"),
            ("http://x/y", "begins with"),
            ("subrosa://host", "cut"),
        ] {
            let told = parse(text).unwrap_err();
            assert!(told.sentence.contains(why), "{told}");
        }
    }
}
