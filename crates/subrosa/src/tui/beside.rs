//! Verbs of the command line in the terminal UI: those that run beside the conversations, and those that do not.

use super::slash::{Command, Takes, Verb};

/// How a verb runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It asks nothing; what it prints is shown on a page.
    Page,
    /// The terminal is its own until it ends: secrets are typed where nothing keeps them.
    Terminal,
    /// The same, in a home of its own.
    Elsewhere,
    /// The same, after the conversations have closed: it is the end of this home.
    Last,
}

/// A verb of the command line with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    pub verb: &'static str,
    pub words: String,
    pub how: How,
}

const fn beside(
    verb: &'static str,
    how: How,
    takes: Takes,
    usage: &'static str,
    about: &'static str,
) -> Command {
    Command {
        verb: Verb::Beside(verb, how),
        word: verb,
        takes,
        usage,
        about,
    }
}

const OPTIONS: &str = "[OPTIONS]";

/// Verbs that run beside the conversations.
pub const BESIDE: &[Command] = &[
    beside(
        "why",
        How::Page,
        Takes::Maybe,
        "[NAME ID]",
        "all that is known of the chosen message, or the last",
    ),
    beside(
        "doctor",
        How::Page,
        Takes::Maybe,
        OPTIONS,
        "what is wrong here, and what mends it",
    ),
    beside(
        "bot",
        How::Page,
        Takes::Words,
        "new|list|end …",
        "accounts for scripts that may do only what you say",
    ),
    beside(
        "storage",
        How::Page,
        Takes::Maybe,
        "[--free]",
        "what takes room here",
    ),
    beside(
        "export",
        How::Page,
        Takes::Words,
        "DIR [OPTIONS]",
        "write everything down, signed",
    ),
    beside(
        "address",
        How::Page,
        Takes::Nothing,
        "",
        "the server's address, for a further device",
    ),
    beside(
        "server-view",
        How::Page,
        Takes::Words,
        "NAME",
        "what the operator can learn, on the server's machine",
    ),
    beside(
        "passwd",
        How::Terminal,
        Takes::Maybe,
        OPTIONS,
        "change the password of your account",
    ),
    beside(
        "login",
        How::Elsewhere,
        Takes::Words,
        "ADDRESS --name NAME",
        "log in to another account, as a profile beside this",
    ),
    beside(
        "recover",
        How::Elsewhere,
        Takes::Words,
        "ADDRESS --name NAME",
        "get an account back by its recovery code, as a profile beside this",
    ),
    beside(
        "join",
        How::Elsewhere,
        Takes::Words,
        "LINE",
        "join another server, as a profile beside this",
    ),
    beside(
        "logout",
        How::Last,
        Takes::Maybe,
        OPTIONS,
        "end this device, and leave",
    ),
];

/// Verbs that are no commands here, and why.
pub const NOT_HERE: &[(&str, &str)] = &[
    (
        "admin",
        "it is work on a server's folder: run it in a terminal there (here /admin makes members admins)",
    ),
    (
        "agent",
        "this chat serves other programs already, at the home's socket",
    ),
    (
        "bench",
        "it measures a server for minutes: run it in a terminal of its own",
    ),
    (
        "chat",
        "you are in it: /to NAME or Ctrl+K goes to another conversation",
    ),
    ("completions", "it is for the shell"),
    ("demo", "it fills a terminal of its own"),
    ("manual", "it is for the shell"),
    (
        "on",
        "it waits for messages for ever: run it in a terminal of its own",
    ),
    ("read", "scroll, or /search"),
    ("send", "what you type is sent; /to NAME chooses to whom"),
    (
        "serve",
        "it runs until it is stopped: start it in a terminal of its own",
    ),
    ("tail", "what comes is shown"),
    ("typing", "it is told while you type"),
    ("unlock", "a locked home asks for its passphrase by itself"),
    (
        "up",
        "it runs until it is stopped: start it in a terminal of its own",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::slash::commands;
    use std::collections::BTreeSet;

    #[test]
    fn each_verb_of_the_command_line_is_a_command_or_says_why_not() {
        let mut known: BTreeSet<&str> = commands().map(|command| command.word).collect();
        known.extend(NOT_HERE.iter().map(|(verb, _)| verb));
        let line = crate::cli::command();
        let verbs: BTreeSet<&str> = line
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        let lacking: Vec<_> = verbs.difference(&known).collect();
        assert!(
            lacking.is_empty(),
            "put these into BESIDE, or into NOT_HERE with the reason: {lacking:?}"
        );
        for command in BESIDE {
            assert!(verbs.contains(command.word), "{} is no verb", command.word);
        }
        for (verb, _) in NOT_HERE {
            assert!(verbs.contains(verb), "{verb} is no verb");
        }
    }
}
