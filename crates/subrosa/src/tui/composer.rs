//! What is being typed: several lines, a caret, what was typed before, and what it is about.

use crate::tui::timeline::Entry;
use crate::wrap::wrapped;
use subrosa_client::RowKind;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Texts kept to be had again.
const HISTORY_MAX: usize = 200;
/// Spaces that stand for a tabulator.
const TAB: &str = "    ";

/// What a text is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// It answers this.
    Reply {
        id: String,
        from: String,
        excerpt: String,
    },
    /// It takes the place of this.
    Edit { id: String },
}

/// A movement or a change at the caret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Backspace,
    Delete,
    WordBack,
    ToStart,
    ToEnd,
    NewLine,
}

/// The line, or lines, at the bottom.
#[derive(Debug, Clone, Default)]
pub struct Composer {
    text: String,
    /// In bytes; between two characters.
    caret: usize,
    pub about: Option<About>,
    history: Vec<String>,
    /// Which of the history is shown, and what was being typed before.
    back: Option<(usize, String)>,
}

impl Composer {
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// What stands before the caret.
    pub fn before(&self) -> &str {
        self.text.get(..self.caret).unwrap_or_default()
    }

    fn after(&self) -> &str {
        self.text.get(self.caret..).unwrap_or_default()
    }

    /// Puts a text in place of what is there.
    pub fn set(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        self.caret = self.text.len();
    }

    /// Replaces the last bytes before the caret.
    pub fn replace(&mut self, bytes: usize, with: &str) {
        let from = self.caret.saturating_sub(bytes);
        if self.text.is_char_boundary(from) {
            self.text.replace_range(from..self.caret, with);
            self.caret = from + with.len();
        }
    }

    /// Puts in what was typed or pasted. Line ends become those of one kind; other control
    /// characters have no business in a message.
    pub fn insert(&mut self, text: &str) {
        let text = text
            .replace("\r\n", "\n")
            .replace('\r', "\n")
            .replace('\t', TAB);
        let text: String = text
            .chars()
            .filter(|c| *c == '\n' || !c.is_control())
            .collect();
        self.text.insert_str(self.caret, &text);
        self.caret += text.len();
    }

    /// Takes the text, and keeps it to be had again.
    pub fn take(&mut self) -> String {
        let text = std::mem::take(&mut self.text);
        self.caret = 0;
        self.back = None;
        if !text.trim().is_empty() && self.history.last() != Some(&text) {
            self.history.push(text.clone());
            let over = self.history.len().saturating_sub(HISTORY_MAX);
            self.history.drain(..over);
        }
        text
    }

    /// Puts back what could not be sent.
    pub fn give_back(&mut self, text: &str) {
        if self.text.is_empty() {
            self.set(text);
        }
    }

    /// Leaves what it was about, and the text with an edit.
    pub fn leave(&mut self) {
        if matches!(self.about.take(), Some(About::Edit { .. })) {
            self.set("");
        }
    }

    /// Begins an answer to a row.
    pub fn reply_to(&mut self, entry: &Entry) {
        if let RowKind::Text { text } = &entry.row.what {
            self.about = Some(About::Reply {
                id: entry.row.id.clone(),
                from: entry.row.from.clone(),
                excerpt: text.lines().next().unwrap_or_default().to_owned(),
            });
        }
    }

    /// Begins a change of one's own row.
    pub fn edit(&mut self, entry: &Entry) {
        if let RowKind::Text { text } = &entry.row.what {
            let text = text.clone();
            self.about = Some(About::Edit {
                id: entry.row.id.clone(),
            });
            self.set(&text);
        }
    }

    /// Moves or changes.
    pub fn apply(&mut self, edit: Edit) {
        let caret = self.caret;
        match edit {
            Edit::Left => self.caret -= last_glyph(self.before()),
            Edit::Right => self.caret += first_glyph(self.after()),
            Edit::WordLeft => self.caret = self.word_start(),
            Edit::WordRight => self.caret = self.word_end(),
            Edit::Home => self.caret = self.line_start(),
            Edit::End => self.caret += self.after().find('\n').unwrap_or(self.after().len()),
            Edit::Backspace => self.replace(last_glyph(self.before()), ""),
            Edit::Delete => {
                let end = caret + first_glyph(self.after());
                self.text.replace_range(caret..end, "");
            }
            Edit::WordBack => self.replace(caret - self.word_start(), ""),
            Edit::ToStart => self.replace(caret - self.line_start(), ""),
            Edit::ToEnd => {
                let end = caret + self.after().find('\n').unwrap_or(self.after().len());
                self.text.replace_range(caret..end, "");
            }
            Edit::NewLine => self.insert("\n"),
        }
    }

    fn line_start(&self) -> usize {
        self.before().rfind('\n').map_or(0, |at| at + 1)
    }

    fn word_start(&self) -> usize {
        let mut words = self.before().unicode_word_indices();
        words.next_back().map_or(0, |(at, _)| at)
    }

    fn word_end(&self) -> usize {
        let word = self.after().unicode_word_indices().next();
        word.map_or(self.text.len(), |(at, word)| self.caret + at + word.len())
    }

    /// Up: to the line above, or to what was typed before. Whether it did anything.
    pub fn up(&mut self, width: usize) -> bool {
        let (lines, (row, column)) = self.laid(width);
        if row > 0 && self.back.is_none() {
            self.caret = place(&lines, row - 1, column);
            return true;
        }
        let at = self.back.as_ref().map_or(self.history.len(), |(at, _)| *at);
        let Some((earlier, text)) = at
            .checked_sub(1)
            .and_then(|at| Some((at, self.history.get(at)?.clone())))
        else {
            return false;
        };
        let typed = self
            .back
            .take()
            .map_or_else(|| self.text.clone(), |(_, typed)| typed);
        self.back = Some((earlier, typed));
        self.set(&text);
        true
    }

    /// Down: to the line below, or back to what was being typed.
    pub fn down(&mut self, width: usize) -> bool {
        let (lines, (row, column)) = self.laid(width);
        if row + 1 < lines.len() && self.back.is_none() {
            self.caret = place(&lines, row + 1, column);
            return true;
        }
        let Some((at, typed)) = self.back.take() else {
            return false;
        };
        match self.history.get(at + 1).cloned() {
            Some(text) => {
                self.set(&text);
                self.back = Some((at + 1, typed));
            }
            None => self.set(&typed),
        }
        true
    }

    /// The lines at a width with their beginnings in the text, and row and column of the caret.
    pub fn laid(&self, width: usize) -> (Vec<(usize, String)>, (usize, usize)) {
        let mut lines = Vec::new();
        let mut start = 0;
        for line in self.text.split('\n') {
            let mut at = start;
            for part in wrapped(line, width) {
                // Spaces that a break swallowed are found again by looking for the part.
                let skipped = self
                    .text
                    .get(at..)
                    .and_then(|rest| rest.find(part.as_str()));
                at += skipped.unwrap_or(0);
                let length = part.len();
                lines.push((at, part));
                at += length;
            }
            start += line.len() + 1;
        }
        let row = lines
            .iter()
            .rposition(|(at, _)| *at <= self.caret)
            .unwrap_or(0);
        let column = lines.get(row).map_or(0, |(at, line)| {
            line.get(..self.caret.saturating_sub(*at))
                .unwrap_or(line)
                .width()
        });
        (lines, (row, column))
    }
}

/// The place in the text at a row and a column.
fn place(lines: &[(usize, String)], row: usize, column: usize) -> usize {
    let Some((at, line)) = lines.get(row) else {
        return 0;
    };
    let mut used = 0;
    let before = line.graphemes(true).take_while(|glyph| {
        used += glyph.width();
        used <= column
    });
    at + before.map(str::len).sum::<usize>()
}

fn last_glyph(text: &str) -> usize {
    text.graphemes(true).next_back().map_or(0, str::len)
}

fn first_glyph(text: &str) -> usize {
    text.graphemes(true).next().map_or(0, str::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Composer {
        let mut composer = Composer::default();
        composer.insert(text);
        composer
    }

    #[test]
    fn the_caret_moves_by_what_people_see_as_one_character() {
        let mut composer = with("a👩\u{200d}🔬e\u{301}");
        composer.apply(Edit::Backspace);
        assert_eq!(composer.text(), "a👩\u{200d}🔬");
        composer.apply(Edit::Left);
        composer.apply(Edit::Backspace);
        assert_eq!(composer.text(), "👩\u{200d}🔬");
        composer.apply(Edit::Delete);
        assert!(composer.is_empty());
        for edit in [
            Edit::Left,
            Edit::Right,
            Edit::Backspace,
            Edit::Delete,
            Edit::WordLeft,
            Edit::WordRight,
            Edit::Home,
            Edit::End,
            Edit::ToStart,
            Edit::ToEnd,
            Edit::WordBack,
        ] {
            composer.apply(edit);
        }
        assert!(composer.is_empty());
    }

    #[test]
    fn words_and_lines_are_reached_and_taken_away() {
        let mut composer = with("one two three\nfour five");
        composer.apply(Edit::WordBack);
        assert_eq!(composer.text(), "one two three\nfour ");
        composer.apply(Edit::ToStart);
        assert_eq!(composer.text(), "one two three\n");
        composer.apply(Edit::Left);
        composer.apply(Edit::WordLeft);
        composer.apply(Edit::WordLeft);
        composer.apply(Edit::ToEnd);
        assert_eq!(composer.text(), "one \n");
        composer.apply(Edit::Home);
        composer.apply(Edit::WordRight);
        assert_eq!(composer.before(), "one");
        composer.apply(Edit::End);
        assert_eq!(composer.before(), "one ");
    }

    #[test]
    fn a_paste_keeps_its_lines_and_loses_what_a_terminal_obeys() {
        let composer = with("a\r\nb\rc\td\u{1b}[2J\u{7}");
        assert_eq!(composer.text(), "a\nb\nc    d[2J");
    }

    #[test]
    fn what_was_typed_before_comes_back_and_what_was_being_typed_too() {
        let mut composer = with("first");
        composer.take();
        composer.insert("second");
        composer.take();
        composer.insert("third");
        assert!(composer.up(40));
        assert_eq!(composer.text(), "second");
        assert!(composer.up(40));
        assert_eq!(composer.text(), "first");
        assert!(!composer.up(40));
        assert!(composer.down(40) && composer.down(40));
        assert_eq!(composer.text(), "third");
        assert!(!composer.down(40));
    }

    #[test]
    fn up_and_down_go_through_the_lines_that_are_shown() {
        let mut composer = with("one two three\nfour");
        let (lines, caret) = composer.laid(8);
        let lines: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
        assert_eq!(lines, ["one two ", "three", "four"]);
        assert_eq!(caret, (2, 4));
        composer.up(8);
        assert_eq!(composer.laid(8).1, (1, 4));
        composer.up(8);
        assert_eq!(composer.before(), "one ");
        composer.down(8);
        assert_eq!(composer.before(), "one two thre");
    }
}
