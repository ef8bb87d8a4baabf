//! The one table of keys: what is pressed is looked up here, and the help is made from here.

use super::composer::Edit;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Where keys are pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On every screen.
    Everywhere,
    /// In the conversation, while writing and while reading.
    Chat,
    /// While a message is written.
    Writing,
    /// After Esc: letters are commands.
    Reading,
    /// In a list to choose from, or on a page.
    List,
}

/// What keys do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Quit,
    Suspend,
    Help,
    Switcher,
    Search,
    Members,
    NextUnread,
    Nth(usize),
    NextTalk,
    PreviousTalk,
    PageUp,
    PageDown,
    ToTop,
    ToEnd,
    Redraw,
    Send,
    Edit(Edit),
    Up,
    Down,
    Complete,
    Leave,
    Read,
    Write,
    ChooseDown,
    ChooseUp,
    Reply,
    React,
    EditChosen,
    Delete,
    Copy,
    Info,
    Command,
}

/// A key, or several that do the same.
pub struct Binding {
    pub place: Place,
    /// As people name it.
    pub named: &'static str,
    pub about: &'static str,
    keys: &'static [(KeyCode, KeyModifiers, Action)],
}

const NO: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;
const ALT: KeyModifiers = KeyModifiers::ALT;
const SHIFT: KeyModifiers = KeyModifiers::SHIFT;

macro_rules! bindings {
    ($($place:ident $named:literal $about:literal [$($code:expr, $with:expr => $action:expr);+];)+) => {
        &[$(Binding { place: Place::$place, named: $named, about: $about, keys: &[$(($code, $with, $action)),+] }),+]
    };
}

use Action as A;
use KeyCode::{Char, F};

/// All keys.
pub const KEYS: &[Binding] = bindings! {
    Everywhere "F1" "help" [F(1), NO => A::Help];
    Everywhere "Ctrl+C" "leave subrosa" [Char('c'), CTRL => A::Quit];
    Everywhere "Ctrl+Z" "stop for a while; fg goes on" [Char('z'), CTRL => A::Suspend];
    Everywhere "Ctrl+L" "draw the screen anew" [Char('l'), CTRL => A::Redraw];
    Chat "Ctrl+K" "go to a conversation by a part of its name" [Char('k'), CTRL => A::Switcher];
    Chat "Alt+1 … Alt+9" "go to the first … ninth conversation" [
        Char('1'), ALT => A::Nth(0); Char('2'), ALT => A::Nth(1); Char('3'), ALT => A::Nth(2);
        Char('4'), ALT => A::Nth(3); Char('5'), ALT => A::Nth(4); Char('6'), ALT => A::Nth(5);
        Char('7'), ALT => A::Nth(6); Char('8'), ALT => A::Nth(7); Char('9'), ALT => A::Nth(8)];
    Chat "Alt+A" "go to the next that is unread" [Char('a'), ALT => A::NextUnread];
    Chat "Alt+↑ Alt+↓" "go to the conversation above, below" [
        KeyCode::Up, ALT => A::PreviousTalk; KeyCode::Down, ALT => A::NextTalk;
        Char('p'), CTRL => A::PreviousTalk; Char('n'), CTRL => A::NextTalk];
    Chat "Ctrl+F" "search in what was written" [Char('f'), CTRL => A::Search];
    Chat "Ctrl+O" "members of the room, or the person's keys" [Char('o'), CTRL => A::Members];
    Chat "PageUp PageDown" "back in the history, and forth" [
        KeyCode::PageUp, NO => A::PageUp; KeyCode::PageDown, NO => A::PageDown];
    Chat "Ctrl+Home Ctrl+End" "to the first row that is loaded, to the newest" [
        KeyCode::Home, CTRL => A::ToTop; KeyCode::End, CTRL => A::ToEnd];
    Writing "Enter" "send" [KeyCode::Enter, NO => A::Send];
    Writing "Alt+Enter" "a new line" [
        KeyCode::Enter, ALT => A::Edit(Edit::NewLine); KeyCode::Enter, SHIFT => A::Edit(Edit::NewLine);
        Char('j'), CTRL => A::Edit(Edit::NewLine)];
    Writing "Tab" "complete a /command, @name, #room or :emoji:" [KeyCode::Tab, NO => A::Complete];
    Writing "↑ ↓" "the line above, below; what was typed before" [
        KeyCode::Up, NO => A::Up; KeyCode::Down, NO => A::Down];
    Writing "← → Ctrl+← Ctrl+→" "a character, a word" [
        KeyCode::Left, NO => A::Edit(Edit::Left); KeyCode::Right, NO => A::Edit(Edit::Right);
        KeyCode::Left, CTRL => A::Edit(Edit::WordLeft); KeyCode::Right, CTRL => A::Edit(Edit::WordRight);
        Char('b'), ALT => A::Edit(Edit::WordLeft)];
    Writing "Home End" "beginning and end of the line" [
        KeyCode::Home, NO => A::Edit(Edit::Home); KeyCode::End, NO => A::Edit(Edit::End);
        Char('a'), CTRL => A::Edit(Edit::Home); Char('e'), CTRL => A::Edit(Edit::End)];
    Writing "Backspace Delete" "take away a character" [
        KeyCode::Backspace, NO => A::Edit(Edit::Backspace); KeyCode::Backspace, SHIFT => A::Edit(Edit::Backspace);
        KeyCode::Delete, NO => A::Edit(Edit::Delete); Char('h'), CTRL => A::Edit(Edit::Backspace);
        Char('d'), CTRL => A::Edit(Edit::Delete)];
    Writing "Ctrl+W Ctrl+U Alt+K" "take away a word, the line before the caret, and behind it" [
        Char('w'), CTRL => A::Edit(Edit::WordBack); Char('u'), CTRL => A::Edit(Edit::ToStart); Char('k'), ALT => A::Edit(Edit::ToEnd);
        KeyCode::Backspace, ALT => A::Edit(Edit::WordBack)];
    Writing "Esc" "read: letters become commands" [KeyCode::Esc, NO => A::Read];
    Reading "i" "write again" [Char('i'), NO => A::Write; KeyCode::Esc, NO => A::Write; KeyCode::Enter, NO => A::Write; Char('a'), NO => A::Write];
    Reading "j k" "choose the message below, above" [
        Char('j'), NO => A::ChooseDown; Char('k'), NO => A::ChooseUp;
        KeyCode::Down, NO => A::ChooseDown; KeyCode::Up, NO => A::ChooseUp];
    Reading "g G" "to the first row that is loaded, to the newest" [Char('g'), NO => A::ToTop; Char('G'), NO => A::ToEnd; KeyCode::Home, NO => A::ToTop; KeyCode::End, NO => A::ToEnd];
    Reading "r" "reply to the chosen message" [Char('r'), NO => A::Reply];
    Reading "+" "react to it" [Char('+'), NO => A::React];
    Reading "e" "edit it, if it is yours" [Char('e'), NO => A::EditChosen];
    Reading "d" "delete it, if it is yours" [Char('d'), NO => A::Delete];
    Reading "y" "copy it" [Char('y'), NO => A::Copy];
    Reading "s" "who has got and read it" [Char('s'), NO => A::Info];
    Reading "/" "search" [Char('/'), NO => A::Search];
    Reading ":" "a command" [Char(':'), NO => A::Command];
    Reading "q ?" "leave; help" [Char('q'), NO => A::Quit; Char('?'), NO => A::Help];
    List "Enter" "choose, or go on" [KeyCode::Enter, NO => A::Send];
    List "↑ ↓" "up and down" [KeyCode::Up, NO => A::Up; KeyCode::Down, NO => A::Down;
        Char('p'), CTRL => A::Up; Char('n'), CTRL => A::Down;
        KeyCode::PageUp, NO => A::PageUp; KeyCode::PageDown, NO => A::PageDown];
    List "Esc" "back to the conversation" [KeyCode::Esc, NO => A::Leave];
};

/// What a key does, at the first of these places that knows it.
pub fn action(places: &[Place], key: KeyEvent) -> Option<Action> {
    let (code, modifiers) = normal(key);
    let bound = |binding: &Binding| {
        let found = binding
            .keys
            .iter()
            .find(|(known, with, _)| (*known, *with) == (code, modifiers));
        found.map(|(.., action)| *action)
    };
    places.iter().find_map(|place| {
        let here = KEYS.iter().filter(|binding| binding.place == *place);
        here.filter_map(bound).next()
    })
}

/// A shifted letter is that letter; some terminals say so twice.
fn normal(key: KeyEvent) -> (KeyCode, KeyModifiers) {
    let modifiers = key.modifiers & (CTRL | ALT | SHIFT);
    match key.code {
        KeyCode::Char(_) => (key.code, modifiers - SHIFT),
        KeyCode::BackTab => (KeyCode::Tab, NO),
        code => (code, modifiers),
    }
}

/// A key that types this character.
pub fn typed(key: KeyEvent) -> Option<char> {
    match normal(key) {
        (KeyCode::Char(c), NO) => Some(c),
        // AltGr comes as both.
        (KeyCode::Char(c), both) if both == CTRL | ALT => Some(c),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for (group, places) in [
            (
                "writing",
                vec![Place::Everywhere, Place::Chat, Place::Writing],
            ),
            (
                "reading",
                vec![Place::Everywhere, Place::Chat, Place::Reading],
            ),
            ("list", vec![Place::Everywhere, Place::List]),
        ] {
            let mut seen = HashSet::new();
            for binding in KEYS
                .iter()
                .filter(|binding| places.contains(&binding.place))
            {
                assert!(!binding.about.is_empty() && !binding.named.is_empty());
                for (code, with, _) in binding.keys {
                    assert!(seen.insert((*code, *with)), "{group}: {code:?} {with:?}");
                }
            }
        }
    }

    #[test]
    fn keys_are_found_by_place() {
        let press = |code, with| KeyEvent::new(code, with);
        let writing = [Place::Everywhere, Place::Chat, Place::Writing];
        let reading = [Place::Everywhere, Place::Chat, Place::Reading];
        assert_eq!(action(&writing, press(Char('j'), NO)), None);
        assert_eq!(action(&reading, press(Char('j'), NO)), Some(A::ChooseDown));
        assert_eq!(action(&reading, press(Char('G'), SHIFT)), Some(A::ToEnd));
        assert_eq!(action(&writing, press(Char('5'), ALT)), Some(A::Nth(4)));
        assert_eq!(typed(press(Char('@'), CTRL | ALT)), Some('@'));
        assert_eq!(typed(press(Char('c'), CTRL)), None);
    }
}
