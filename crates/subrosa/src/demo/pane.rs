//! One person's half of the screen, and the lines in it.

use super::sight::Sight;
use crate::row::words;
use crate::text::harmless;
use crate::wrap::wrapped;
use subrosa_client::{Notice, RowKind, SendState};
use unicode_width::UnicodeWidthChar;

/// A line of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    id: String,
    from: String,
    text: String,
    state: Option<SendState>,
}

/// What one person sees and types.
#[derive(Debug, Default)]
pub struct Pane {
    /// Whose it is.
    pub name: String,
    /// What is being typed.
    pub typed: String,
    said: Vec<Said>,
}

/// All that is drawn.
#[derive(Debug)]
pub struct Picture {
    /// Both people.
    pub panes: [Pane; 2],
    /// Who types.
    pub active: usize,
    /// What the server saw.
    pub sights: Vec<Sight>,
    /// How many of the newest sights are scrolled away.
    pub back: usize,
}

impl Pane {
    /// Of a person.
    pub fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// Takes in what arrived.
    pub fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Row(row) => {
                let (from, text) = match row.what {
                    RowKind::Text { text } => (row.from, text),
                    RowKind::Info { text } => (String::new(), text),
                    RowKind::WaitingForKey { cause } | RowKind::Gone { cause } => {
                        (row.from, format!("[{cause}]"))
                    }
                    RowKind::Hidden {} => (row.from, "[hidden]".to_owned()),
                    RowKind::Newer { number } => (row.from, format!("[kind {number}]")),
                };
                self.said.push(Said {
                    id: row.id,
                    from,
                    text,
                    state: row.state,
                });
            }
            Notice::State { id, state, .. } => {
                for said in self.said.iter_mut().filter(|said| said.id == id) {
                    said.state = Some(state);
                }
            }
            Notice::Warning { sentence } => {
                self.said.push(Said {
                    id: String::new(),
                    from: String::new(),
                    text: sentence,
                    state: None,
                });
            }
            Notice::Joined(_)
            | Notice::Link(_)
            | Notice::Changed(_)
            | Notice::Typing { .. }
            | Notice::Checked { .. }
            | Notice::Unread { .. } => {}
        }
    }

    /// The newest lines that fit.
    pub fn lines(&self, width: usize, height: usize) -> Vec<String> {
        let mut lines: Vec<_> = self
            .said
            .iter()
            .flat_map(|said| wrapped(&line(said), width))
            .collect();
        lines.drain(..lines.len().saturating_sub(height));
        lines
    }
}

fn line(said: &Said) -> String {
    let state = said
        .state
        .map_or(String::new(), |state| format!("  {}", words(state)));
    if said.from.is_empty() {
        return format!("-- {}", harmless(&said.text));
    }
    format!("{}: {}{state}", harmless(&said.from), harmless(&said.text))
}

/// The end of what is typed that fits.
pub fn tail(text: &str, width: usize) -> &str {
    let mut used = 0;
    let start = text.char_indices().rev().take_while(|(_, c)| {
        used += c.width().unwrap_or(0);
        used <= width
    });
    let from = start.last().map_or(text.len(), |(at, _)| at);
    text.get(from..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use subrosa_client::Row;

    fn row(id: &str, text: &str, state: Option<SendState>) -> Notice {
        Notice::Row(Row {
            checking: false,
            cursor: 1,
            id: id.to_owned(),
            conversation: "@bob".to_owned(),
            conv: String::new(),
            position: None,
            from: "ada".to_owned(),
            own: state.is_some(),
            time_ms: 0,
            time_of_arrival: false,
            state,
            what: RowKind::Text {
                text: text.to_owned(),
            },
            beside: Box::default(),
        })
    }

    #[test]
    fn a_message_shows_how_far_it_has_come() {
        let mut pane = Pane::of("ada");
        pane.notice(row("1", "hello", Some(SendState::Queued)));
        assert_eq!(pane.lines(80, 9), ["ada: hello  … waiting"]);
        pane.notice(Notice::State {
            cursor: 1,
            id: "1".to_owned(),
            state: SendState::Delivered,
            position: None,
        });
        assert_eq!(pane.lines(80, 9), ["ada: hello  ✓✓ delivered"]);
    }

    #[test]
    fn the_newest_lines_are_kept_and_harmless() {
        let mut pane = Pane::of("bob");
        for text in ["one", "two", "thr\u{1b}ee"] {
            pane.notice(row(text, text, None));
        }
        assert_eq!(pane.lines(80, 2), ["ada: two", "ada: thr\\u{1b}ee"]);
    }

    #[test]
    fn the_end_of_what_is_typed_is_shown() {
        assert_eq!(tail("hello", 3), "llo");
        assert_eq!(tail("hello", 9), "hello");
        assert_eq!(tail("日本", 3), "本");
        assert_eq!(tail("", 3), "");
    }
}
