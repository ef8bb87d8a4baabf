//! What a typed line means.

/// What `/help` says.
pub const HELP: &str = "\
  /to NAME      write to NAME from now on
  /people       whom you write with
  /invite       print a join line for one more person
  /accept NAME  let NAME, who asked, write to you
  /quit         leave
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
    match (word, rest.trim()) {
        ("to", "") => Typed::Incomplete("/to needs a name, as in `/to bob`"),
        ("to", name) => Typed::To(name),
        ("accept", "") => Typed::Incomplete("/accept needs a name, as in `/accept bob`"),
        ("accept", name) => Typed::Accept(name),
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
        assert!(matches!(read("/to"), Typed::Incomplete(_)));
        assert_eq!(read("/etc/passwd is a file"), Typed::Unknown("/etc/passwd"));
        assert_eq!(read("/invite bob"), Typed::Unknown("/invite"));
    }

    #[test]
    fn help_names_every_command() {
        for word in ["/to", "/people", "/invite", "/accept", "/quit", "//"] {
            assert!(HELP.contains(word), "{word}");
        }
    }
}
