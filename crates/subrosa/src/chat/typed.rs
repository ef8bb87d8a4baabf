//! What a typed line means.

/// What `/help` says.
pub const HELP: &str = "\
  /to NAME      write to NAME from now on, a person or a #room
  /reply N TEXT, /react N EMOJI, /unreact N
                about the message of the others that is the N-th from the end: 1 is their last
  /edit N TEXT, /delete N
                the same about your own
  /people       whom you write with
  /invite       print a join line for one more person
  /accept NAME  let NAME, who asked, write to you
  /members      who is in this room
  /add NAME     add somebody to this room
  /remove NAME  remove somebody from it
  /leave        leave this room
  /quit         leave the chat
  //TEXT        send a line that begins with /
Anything else is a message.";

/// A typed line.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed<'a> {
    /// An empty line.
    Nothing,
    /// A message.
    Message(&'a str),
    /// `/to NAME`.
    To(&'a str),
    /// `/accept NAME`.
    Accept(&'a str),
    /// `/reply`, `/edit` and the like: which message, and the words.
    Act(What, &'a str, &'a str),
    /// `/members`.
    Members,
    /// `/add NAME`.
    Add(&'a str),
    /// `/remove NAME`.
    Remove(&'a str),
    /// `/leave`.
    Leave,
    /// `/invite`.
    Invite,
    /// `/people`.
    People,
    /// `/help`.
    Help,
    /// `/quit`.
    Quit,
    /// A command that lacks something.
    Incomplete(&'static str),
    /// No such command.
    Unknown(&'a str),
}

/// What is done about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Answer it.
    Reply,
    /// Change it.
    Edit,
    /// Take it back.
    Delete,
    /// Put an emoji beside it.
    React,
    /// Take the emoji back.
    Unreact,
}

impl What {
    /// Whether it is about what one wrote oneself.
    pub const fn is_about_own(self) -> bool {
        matches!(self, Self::Edit | Self::Delete)
    }

    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "reply" => Self::Reply,
            "edit" => Self::Edit,
            "delete" => Self::Delete,
            "react" => Self::React,
            "unreact" => Self::Unreact,
            _ => return None,
        })
    }

    /// What is said when something lacks.
    const fn lacks(self) -> &'static str {
        match self {
            Self::Reply => "/reply needs a number and a text, as in `/reply 1 at two`",
            Self::Edit => "/edit needs a number and a text, as in `/edit 1 at three`",
            Self::Delete => "/delete needs a number, as in `/delete 1`",
            Self::React => "/react needs a number and an emoji, as in `/react 1 👍`",
            Self::Unreact => "/unreact needs a number, as in `/unreact 1`",
        }
    }

    fn read(self, rest: &str) -> Typed<'_> {
        let (which, words) = rest
            .split_once(char::is_whitespace)
            .map_or((rest, ""), |(which, words)| (which, words.trim()));
        let wordless = matches!(self, Self::Delete | Self::Unreact);
        if which.is_empty() || wordless != words.is_empty() {
            return Typed::Incomplete(self.lacks());
        }
        Typed::Act(self, which, words)
    }
}

/// Reads a line.
pub fn read(line: &str) -> Typed<'_> {
    if line.trim().is_empty() {
        return Typed::Nothing;
    }
    let Some(command) = line.strip_prefix('/') else {
        return Typed::Message(line);
    };
    if command.starts_with('/') {
        return Typed::Message(command);
    }
    let (word, rest) = command
        .split_once(char::is_whitespace)
        .unwrap_or((command, ""));
    if let Some(what) = What::of(word) {
        return what.read(rest.trim());
    }
    match (word, rest.trim()) {
        ("to", "") => Typed::Incomplete("/to needs a name, as in `/to bob`"),
        ("to", name) => Typed::To(name),
        ("accept", "") => Typed::Incomplete("/accept needs a name, as in `/accept bob`"),
        ("accept", name) => Typed::Accept(name),
        ("members", "") => Typed::Members,
        ("leave", "") => Typed::Leave,
        ("add", "") => Typed::Incomplete("/add needs a name, as in `/add bob`"),
        ("add", name) => Typed::Add(name),
        ("remove", "") => Typed::Incomplete("/remove needs a name, as in `/remove bob`"),
        ("remove", name) => Typed::Remove(name),
        ("invite", "") => Typed::Invite,
        ("people", "") => Typed::People,
        ("help", "") => Typed::Help,
        ("quit", "") => Typed::Quit,
        _ => Typed::Unknown(line.split_whitespace().next().unwrap_or(line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_message_unless_it_begins_with_a_slash() {
        assert_eq!(read("hello /to bob"), Typed::Message("hello /to bob"));
        assert_eq!(read("  indented"), Typed::Message("  indented"));
        assert_eq!(read("//etc/hosts"), Typed::Message("/etc/hosts"));
        assert_eq!(read(" \t"), Typed::Nothing);
    }

    #[test]
    fn commands_are_read_and_what_is_wrong_with_them_is_said() {
        assert_eq!(read("/to bob"), Typed::To("bob"));
        assert_eq!(read("/to   @bob "), Typed::To("@bob"));
        assert_eq!(read("/accept eve"), Typed::Accept("eve"));
        assert_eq!(read("/invite"), Typed::Invite);
        assert_eq!(read("/add bob carol"), Typed::Add("bob carol"));
        assert_eq!(read("/leave"), Typed::Leave);
        assert!(matches!(read("/to"), Typed::Incomplete(_)));
        assert_eq!(read("/etc/passwd is a file"), Typed::Unknown("/etc/passwd"));
        assert_eq!(read("/invite bob"), Typed::Unknown("/invite"));
    }

    #[test]
    fn what_is_about_a_message_names_it_by_a_number() {
        assert_eq!(
            read("/reply 1 at two"),
            Typed::Act(What::Reply, "1", "at two")
        );
        assert_eq!(
            read("/edit 2  so  so "),
            Typed::Act(What::Edit, "2", "so  so")
        );
        assert_eq!(
            read("/react 3f2a91c0 👍"),
            Typed::Act(What::React, "3f2a91c0", "👍")
        );
        assert_eq!(read("/unreact 1"), Typed::Act(What::Unreact, "1", ""));
        assert_eq!(read("/delete 1"), Typed::Act(What::Delete, "1", ""));
        for lacking in [
            "/reply",
            "/reply 1",
            "/edit 1",
            "/react",
            "/delete",
            "/delete 1 2",
        ] {
            assert!(matches!(read(lacking), Typed::Incomplete(_)), "{lacking}");
        }
    }

    #[test]
    fn help_names_every_command() {
        for word in [
            "/reply", "/edit", "/delete", "/react", "/unreact", "/to", "/people", "/invite",
            "/accept", "/members", "/add", "/remove", "/leave", "/quit", "//",
        ] {
            assert!(HELP.contains(word), "{word}");
        }
    }
}
