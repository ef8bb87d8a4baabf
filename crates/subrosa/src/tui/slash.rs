//! Commands that are typed, `/to bob`: the one table from which they are read, completed and explained.

use super::beside::{BESIDE, How, NOT_HERE};

/// What is typed behind a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// Somebody, or a room.
    Talk,
    /// One or more people.
    People,
    /// An emoji.
    Emoji,
    /// One of these words.
    One(&'static [&'static str]),
    /// Anything.
    Words,
    /// Anything, and it may be left away.
    Maybe,
    /// Somebody, and it may be left away where it is clear who is meant.
    MaybeTalk,
}

/// A command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    To,
    Invite,
    Accept,
    Refuse,
    Reply,
    Edit,
    React,
    Unreact,
    Delete,
    Receipts,
    Room,
    Members,
    Add,
    Remove,
    Admin,
    Member,
    Leave,
    Close,
    Title,
    Topic,
    Rename,
    Timer,
    Verify,
    Trust,
    Decide,
    Block,
    Unblock,
    Mute,
    Unmute,
    Devices,
    Revoke,
    Name,
    Settings,
    Set,
    Restored,
    Evidence,
    Search,
    Theme,
    Lock,
    Help,
    Quit,
    /// A verb of the command line.
    Beside(&'static str, How),
}

/// A line of the table.
pub struct Command {
    pub verb: Verb,
    pub word: &'static str,
    pub takes: Takes,
    /// What stands for the words in the help.
    pub usage: &'static str,
    pub about: &'static str,
}

const THEMES: Takes = Takes::One(&["dark", "light", "none"]);
const TIMERS: Takes = Takes::One(&["off", "30s", "5m", "1h", "8h", "1d", "7d", "28d"]);

const fn command(
    verb: Verb,
    word: &'static str,
    takes: Takes,
    usage: &'static str,
    about: &'static str,
) -> Command {
    Command {
        verb,
        word,
        takes,
        usage,
        about,
    }
}

/// All commands.
pub fn commands() -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().chain(BESIDE)
}

/// Those that are done in here.
const COMMANDS: &[Command] = &[
    command(
        Verb::To,
        "to",
        Takes::Talk,
        "NAME",
        "write to somebody, or in a #room",
    ),
    command(
        Verb::Invite,
        "invite",
        Takes::Nothing,
        "",
        "make a join line for one more person",
    ),
    command(
        Verb::Accept,
        "accept",
        Takes::MaybeTalk,
        "[NAME]",
        "let somebody who asked write to you; join a room",
    ),
    command(
        Verb::Refuse,
        "refuse",
        Takes::MaybeTalk,
        "[NAME]",
        "decline a request",
    ),
    command(
        Verb::Reply,
        "reply",
        Takes::Words,
        "TEXT",
        "answer the chosen message, or the last of the others",
    ),
    command(
        Verb::Edit,
        "edit",
        Takes::Words,
        "TEXT",
        "give the chosen message of yours, or your last, another text",
    ),
    command(
        Verb::React,
        "react",
        Takes::Emoji,
        "EMOJI",
        "put an emoji beside the chosen message, or the last of the others",
    ),
    command(
        Verb::Unreact,
        "unreact",
        Takes::Nothing,
        "",
        "take your emoji back",
    ),
    command(
        Verb::Delete,
        "delete",
        Takes::Nothing,
        "",
        "take back the chosen message of yours, or your last",
    ),
    command(
        Verb::Receipts,
        "receipts",
        Takes::Nothing,
        "",
        "who has got and read the chosen message, or your last",
    ),
    command(
        Verb::Search,
        "search",
        Takes::Maybe,
        "[WORDS]",
        "search in what was written",
    ),
    command(
        Verb::Room,
        "room",
        Takes::Words,
        "NAME [PEOPLE]",
        "make a room",
    ),
    command(
        Verb::Members,
        "members",
        Takes::Nothing,
        "",
        "who is in this room, and what they may do",
    ),
    command(
        Verb::Add,
        "add",
        Takes::People,
        "PEOPLE",
        "add people to this room",
    ),
    command(
        Verb::Remove,
        "remove",
        Takes::People,
        "PEOPLE",
        "remove people from this room",
    ),
    command(
        Verb::Admin,
        "admin",
        Takes::People,
        "PEOPLE",
        "make members admins of this room",
    ),
    command(
        Verb::Member,
        "member",
        Takes::People,
        "PEOPLE",
        "make admins plain members",
    ),
    command(Verb::Leave, "leave", Takes::Nothing, "", "leave this room"),
    command(
        Verb::Close,
        "close",
        Takes::Nothing,
        "",
        "end this room for everybody",
    ),
    command(
        Verb::Title,
        "title",
        Takes::Words,
        "NAME",
        "rename this room for everybody",
    ),
    command(
        Verb::Topic,
        "topic",
        Takes::Maybe,
        "[TEXT]",
        "say what this room is about",
    ),
    command(
        Verb::Rename,
        "rename",
        Takes::Words,
        "NAME",
        "rename this room for yourself",
    ),
    command(
        Verb::Timer,
        "timer",
        TIMERS,
        "off|30s|5m|1h|8h|1d|7d|28d",
        "let messages here disappear",
    ),
    command(
        Verb::Verify,
        "verify",
        Takes::MaybeTalk,
        "[NAME]",
        "compare safety numbers",
    ),
    command(
        Verb::Trust,
        "trust",
        Takes::MaybeTalk,
        "[NAME]",
        "what is known of somebody's keys",
    ),
    command(
        Verb::Decide,
        "decide",
        Takes::One(&["new", "known"]),
        "new|known",
        "whom a name means that the server shows twice",
    ),
    command(
        Verb::Block,
        "block",
        Takes::MaybeTalk,
        "[NAME]",
        "show nothing more of somebody",
    ),
    command(Verb::Unblock, "unblock", Takes::Talk, "NAME", "end that"),
    command(
        Verb::Mute,
        "mute",
        Takes::MaybeTalk,
        "[NAME]",
        "do not mark a conversation as unread",
    ),
    command(
        Verb::Unmute,
        "unmute",
        Takes::MaybeTalk,
        "[NAME]",
        "end that",
    ),
    command(
        Verb::Devices,
        "devices",
        Takes::Nothing,
        "",
        "the devices of your account",
    ),
    command(
        Verb::Revoke,
        "revoke",
        Takes::Words,
        "DEVICE",
        "end a device of yours that is lost or sold",
    ),
    command(
        Verb::Name,
        "device-name",
        Takes::Words,
        "NAME",
        "call this device so",
    ),
    command(
        Verb::Settings,
        "settings",
        Takes::Nothing,
        "",
        "what is set",
    ),
    command(
        Verb::Set,
        "set",
        Takes::Words,
        "NAME VALUE",
        "change a setting",
    ),
    command(
        Verb::Restored,
        "restored",
        Takes::Nothing,
        "",
        "what a restored server has lost",
    ),
    command(
        Verb::Evidence,
        "evidence",
        Takes::Nothing,
        "",
        "what proves that the server told two stories",
    ),
    command(Verb::Theme, "theme", THEMES, "dark|light|none", "colours"),
    command(
        Verb::Lock,
        "lock",
        Takes::Nothing,
        "",
        "close the home for all that run in it, until its passphrase is given",
    ),
    command(Verb::Help, "help", Takes::Nothing, "", "keys and commands"),
    command(Verb::Quit, "quit", Takes::Nothing, "", "leave"),
];

/// What a typed text is.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    /// Nothing but space.
    Nothing,
    /// A message.
    Message(String),
    /// A command with its words.
    Do(Verb, String),
    /// A command that cannot be obeyed, and why.
    Wrong(String),
}

/// Reads what was typed.
pub fn read(text: &str) -> Typed {
    if text.trim().is_empty() {
        return Typed::Nothing;
    }
    let Some(rest) = text.strip_prefix('/') else {
        return Typed::Message(text.to_owned());
    };
    if rest.starts_with('/') {
        return Typed::Message(rest.to_owned());
    }
    let (word, words) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let Some(command) = commands().find(|command| command.word == word) else {
        let known = NOT_HERE.iter().find(|(verb, _)| *verb == word);
        return Typed::Wrong(known.map_or_else(
            || format!("/{word} is no command: F1 lists them; to send a line that begins with /, begin it with //"),
            |(_, why)| format!("/{word} is not done here: {why}"),
        ));
    };
    let words = words.trim();
    match command.takes {
        Takes::Nothing if !words.is_empty() => {
            Typed::Wrong(format!("/{word} takes nothing behind it"))
        }
        Takes::Talk | Takes::People | Takes::Emoji | Takes::Words if words.is_empty() => {
            Typed::Wrong(format!("something lacks: /{word} {}", command.usage))
        }
        Takes::One(these) if !these.contains(&words) => {
            Typed::Wrong(format!("/{word} takes one of {}", these.join(", ")))
        }
        _ => Typed::Do(command.verb, words.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_message_unless_it_begins_with_a_slash() {
        assert_eq!(
            read("hello /to bob"),
            Typed::Message("hello /to bob".to_owned())
        );
        assert_eq!(read("//etc/hosts"), Typed::Message("/etc/hosts".to_owned()));
        assert_eq!(read(" \n "), Typed::Nothing);
        assert_eq!(read("/to  @bob "), Typed::Do(Verb::To, "@bob".to_owned()));
        assert_eq!(
            read("/reply one\ntwo"),
            Typed::Do(Verb::Reply, "one\ntwo".to_owned())
        );
    }

    #[test]
    fn what_is_wrong_is_said_and_nothing_is_sent() {
        for wrong in ["/to", "/leave now", "/etc/passwd", "/theme pink", "/"] {
            assert!(matches!(read(wrong), Typed::Wrong(_)), "{wrong}");
        }
    }

    #[test]
    fn words_are_told_apart() {
        for (at, command) in commands().enumerate() {
            let same = commands().position(|other| other.word == command.word);
            assert_eq!(same, Some(at), "{}", command.word);
            assert_eq!(
                command.usage.is_empty(),
                command.takes == Takes::Nothing,
                "{}",
                command.word
            );
        }
    }
}
