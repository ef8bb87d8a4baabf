//! `bot`: accounts for scripts, made and ended by their owner.

use super::with_client;
use crate::invitation::Invitation;
use crate::row::day_and_time;
use crate::seat::{Setting, unexpected};
use crate::text::harmless;
use clap::Subcommand;
use subrosa_client::{Answer, BotCommand, BotGrant, BotState, BotView, Client, Command};

const EXAMPLES: &str = "\
Examples:
  subrosa bot new ci --can post:#ops             prints the line that makes its home:
  echo 'LINE' | subrosa join - --home ~/ci       on the machine where it runs, and from then on
  make 2>&1 | subrosa send '#ops' --home ~/ci    it writes there
  subrosa bot new oncall --can read:#dev,post:#ops
  subrosa bot list
  subrosa bot end ci                             at once and for good";

/// Make, list and end bots: accounts for scripts that may do only what you say
///
/// A bot has no password: its line makes one home, once, within seven days. It may write to you,
/// and in the rooms that you name it may post, read, or both. A bot that only posts in a room
/// gets no keys there: it cannot read, whoever steals it. Everybody in the room sees whose bot it is.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Make a bot, put it into its rooms and print its line
    #[command(before_help = EXAMPLES)]
    New {
        /// Its account name
        name: String,
        /// What it may do: post:#ROOM and read:#ROOM, with commas between
        #[arg(long, value_name = "GRANTS", value_delimiter = ',', value_parser = grant)]
        can: Vec<BotGrant>,
    },
    /// List your bots, and what each may do
    #[command(before_help = EXAMPLES)]
    List,
    /// End a bot: its line, its device and its place in rooms
    #[command(before_help = EXAMPLES)]
    End {
        /// Its name
        name: String,
    },
}

/// `post:#ops` or `read:#ops`.
fn grant(text: &str) -> Result<BotGrant, String> {
    let (what, room) = text.split_once(':').unwrap_or((text, ""));
    let (post, read) = match what {
        "post" => (true, false),
        "read" => (false, true),
        _ => return Err("a grant is post:#ROOM or read:#ROOM".to_owned()),
    };
    if room.is_empty() {
        return Err(format!("say in which room: {what}:#ROOM"));
    }
    if room.starts_with('@') {
        return Err("a bot writes to its owner anyway, and to nobody else: name rooms".to_owned());
    }
    let room = room.to_owned();
    Ok(BotGrant { room, post, read })
}

/// Makes, lists or ends.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let command = match args.task {
        Task::New { name, can } => BotCommand::New { name, can },
        Task::List => BotCommand::List {},
        Task::End { name } => BotCommand::End { name },
    };
    let ended = match &command {
        BotCommand::End { name } => format!("{} is over", harmless(name)),
        _ => String::new(),
    };
    let answer = with_client(setting, "bot", async |client: &Client| {
        let answer = client.call(Command::Bot(command)).await?;
        if !matches!(answer, Answer::Bots(_)) {
            // Its end reaches the conversations with it, and other devices hear of a new one.
            client.call(Command::Drain {}).await?;
        }
        Ok(answer)
    });
    let output = setting.output;
    match answer.await? {
        Answer::Invite(view) => {
            let invitation = Invitation::for_bot(&view)?;
            output.either(&invitation, &invitation.line)?;
            output.talk(
                "the line works once, within seven days: give it to `subrosa join -` where the bot runs",
            );
            Ok(())
        }
        Answer::Bots(bots) if bots.is_empty() && !output.json => {
            output.talk("you have no bots: `subrosa bot new NAME --can post:#ROOM` makes one");
            Ok(())
        }
        Answer::Bots(bots) => output.list(&bots, cells),
        Answer::Done {} => {
            output.talk(&ended);
            Ok(())
        }
        other => Err(unexpected(&other).into()),
    }
}

fn cells(bot: &BotView) -> [String; 3] {
    let state = match bot.state {
        BotState::Joined => "has its home".to_owned(),
        BotState::Waiting => format!("line open until {}", day_and_time(bot.expires_ms)),
        BotState::Expired => format!(
            "line expired unused: `subrosa bot end {}` frees the name",
            harmless(&bot.name)
        ),
    };
    let name = harmless(&bot.name).into_owned();
    [name, grants(&bot.can), state]
}

/// What it may do, as one types it.
pub fn grants(can: &[BotGrant]) -> String {
    let words = can.iter().flat_map(|grant| {
        let room = harmless(&grant.room);
        let post = grant.post.then(|| format!("post:{room}"));
        let read = grant.read.then(|| format!("read:{room}"));
        post.into_iter().chain(read)
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() {
        "its owner only".to_owned()
    } else {
        words.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_read_and_told_in_one_form() {
        let can = [grant("post:#ops").unwrap(), grant("read:dev").unwrap()];
        assert_eq!(grants(&can), "post:#ops,read:dev");
        assert_eq!(grants(&[]), "its owner only");
        for wrong in ["", "write:#ops", "post", "post:", "read:@bob"] {
            assert!(grant(wrong).is_err(), "{wrong}");
        }
    }
}
