//! The command line. Each verb's own arguments stand with the verb, in `commands`.

use crate::commands::{
    accept, address, admin, agent, bench, chat, completions, demo, devices, evidence, invite, join,
    login, logout, manual, passwd, read, receipts, recover, refuse, restored, room, search, send,
    serve, server_view, tail, timer, typing, up,
};
use crate::commands::{
    block, bot, doctor, export, lock, mute, on, settings, storage, trust, verify, why,
};
use crate::exit::{self, code};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use subrosa_client::{Failure, FailureKind};

const EXAMPLES: &str = "\
Examples:
  subrosa demo                      see it work: a server and two people, in one terminal
  subrosa up                        start a server of your own and chat from it
  subrosa join subrosa://…          join with the line that somebody gave you
  subrosa send bob \"lunch at one?\"  send a message
  subrosa read bob                  read what you wrote to each other
  subrosa room create ops @bob      make a room
  subrosa tail --json               follow what arrives, for programs";

const CODES: &str = "\
Exit codes: 0 ok, 1 mistake or no match, 2 defect, 3 network or server, 4 untrusted or changed key,
5 too much at once, 6 not permitted. Cut short by a signal: 128 and its number; up, serve, chat and tail
run until they are interrupted, so that this is their ordinary end, with 0.";

/// A private messenger that you host yourself, encrypted end to end.
#[derive(Debug, Parser)]
#[command(name = "subrosa", version, before_help = EXAMPLES, after_help = CODES, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

/// Options of all verbs.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of all verbs")]
pub struct Global {
    /// The folder that holds the account
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "profile")]
    pub home: Option<PathBuf>,
    /// Which of this machine's accounts, by its name here
    #[arg(short, long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Print JSON objects, one a line
    #[arg(long, global = true)]
    pub json: bool,
    /// Never ask anything
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Print data only, no talk
    #[arg(long, global = true)]
    pub quiet: bool,
    /// A file with the passphrase of a locked home, - for standard input
    #[arg(long, global = true, value_name = "FILE")]
    pub unlock_file: Option<PathBuf>,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Verb {
    Up(up::Args),
    Serve(serve::Args),
    ServerView(server_view::Args),
    Join(join::Args),
    Login(login::Args),
    Invite(invite::Args),
    Address(address::Args),
    Admin(admin::Args),
    Send(send::Args),
    Read(read::Args),
    Search(search::Args),
    Tail(tail::Args),
    On(on::Args),
    Agent(agent::Args),
    Chat(chat::Args),
    Room(room::Args),
    Bot(bot::Args),
    Accept(accept::Args),
    Refuse(refuse::Args),
    Devices(devices::Args),
    Verify(verify::Args),
    Trust(trust::Args),
    Block(block::BlockArgs),
    Unblock(block::UnblockArgs),
    Mute(mute::MuteArgs),
    Unmute(mute::UnmuteArgs),
    Receipts(receipts::Args),
    Typing(typing::Args),
    Timer(timer::Args),
    Settings(settings::Args),
    Restored(restored::Args),
    Evidence(evidence::Args),
    Export(export::Args),
    Doctor(doctor::Args),
    Why(why::Args),
    Storage(storage::Args),
    Passwd(passwd::Args),
    Recover(recover::Args),
    Lock(lock::LockArgs),
    Unlock(lock::UnlockArgs),
    Logout(logout::Args),
    Bench(bench::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Manual(manual::Args),
}

/// What was typed is not a command of this program, or asks for help.
pub struct Usage(clap::Error);

/// Reads the command line of this process.
pub fn read() -> Result<Cli, Usage> {
    Cli::try_parse().map_err(Usage)
}

/// The whole command line, for completions.
pub fn command() -> clap::Command {
    Cli::command()
}

impl Usage {
    /// Prints help where it was asked for, else one sentence.
    pub fn end(self) -> ExitCode {
        match self.0.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                drop(self.0.print());
                ExitCode::SUCCESS
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                drop(self.0.print());
                ExitCode::from(code(FailureKind::User))
            }
            _ => exit::end(Err(Failure::user(sentence(&self.0)).into()), false),
        }
    }
}

/// One sentence instead of clap's several lines.
fn sentence(error: &clap::Error) -> String {
    let help = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => help_for(&usage.to_string()),
        _ => "subrosa --help".to_owned(),
    };
    if error.kind() == ErrorKind::MissingRequiredArgument
        && let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg)
    {
        let missing = missing.join(" and ");
        let verb = if missing.contains(" and ") {
            "are"
        } else {
            "is"
        };
        return format!("{missing} {verb} missing: `{help}` shows examples");
    }
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    format!("{first}: `{help}` shows what is possible")
}

/// From `Usage: subrosa send [OPTIONS] <NAME>` to `subrosa send --help`.
fn help_for(usage: &str) -> String {
    let words = usage
        .split_whitespace()
        .skip_while(|word| *word != "subrosa");
    let verb: Vec<_> = words
        .take_while(|word| word.chars().all(|c| c.is_ascii_lowercase()))
        .collect();
    format!(
        "{} --help",
        if verb.is_empty() {
            "subrosa".to_owned()
        } else {
            verb.join(" ")
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn told(line: &str) -> String {
        sentence(&Cli::try_parse_from(line.split(' ')).unwrap_err())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    /// How large the command line is. A setting is an option of all verbs or of a server, or a word of `settings`.
    #[test]
    #[allow(
        clippy::print_stdout,
        reason = "the figures are for whoever asks with --nocapture"
    )]
    fn there_are_fewer_than_forty_settings() {
        let command = Cli::command();
        let longs = |of: &clap::Command| {
            let named = of.get_arguments().filter_map(clap::Arg::get_long);
            named.map(str::to_owned).collect::<Vec<_>>()
        };
        let (mut tasks, mut options) = (0, BTreeSet::new());
        options.extend(longs(&command));
        let verbs: Vec<_> = command.get_subcommands().collect();
        for verb in &verbs {
            options.extend(longs(verb));
            for task in verb.get_subcommands() {
                tasks += 1;
                options.extend(longs(task));
            }
        }
        let serve = verbs.iter().find(|verb| verb.get_name() == "serve");
        let of_account = 1;
        let settings =
            longs(&command).len() + serve.map_or(0, |serve| longs(serve).len()) + of_account;
        assert!(settings < 40, "{settings} settings");
        println!(
            "{} verbs, {tasks} tasks of theirs, {} options, {settings} settings",
            verbs.len(),
            options.len()
        );
    }

    #[test]
    fn each_verb_leads_with_examples() {
        for verb in Cli::command().get_subcommands() {
            let before = verb
                .get_before_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                before.starts_with("Examples:\n  subrosa "),
                "{}: {before}",
                verb.get_name()
            );
            assert!(verb.get_about().is_some(), "{}", verb.get_name());
        }
    }

    #[test]
    fn a_mistake_is_one_sentence_with_the_next_step() {
        assert_eq!(
            told("subrosa send"),
            "<NAME> is missing: `subrosa send --help` shows examples"
        );
        assert_eq!(
            told("subrosa join"),
            "<LINE> is missing: `subrosa join --help` shows examples"
        );
        assert_eq!(
            told("subrosa login"),
            "--name <NAME> and <ADDRESS> are missing: `subrosa login --help` shows examples"
        );
        for line in [
            "subrosa sned bob hi",
            "subrosa read --limit many",
            "subrosa up --frobnicate",
        ] {
            let told = told(line);
            assert!(told.contains("--help` shows"), "{told}");
            assert!(!told.contains('\n') && !told.starts_with("error"), "{told}");
        }
    }

    #[test]
    fn options_of_all_verbs_stand_before_or_after_the_verb() {
        for line in ["subrosa --json -p bob read", "subrosa read --json -p bob"] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert!(
                cli.global.json && cli.global.profile.as_deref() == Some("bob"),
                "{line}"
            );
        }
    }
}
