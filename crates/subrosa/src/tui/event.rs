//! What comes to the state, and what it wants done.

use crossterm::event::{KeyEvent, MouseEvent};
use subrosa_client::{Answer, Command, Failure, Notice};

/// What has happened.
#[derive(Debug)]
pub enum Event {
    /// A key.
    Key(KeyEvent),
    /// The mouse.
    Mouse(MouseEvent),
    /// A text was pasted.
    Paste(String),
    /// The terminal has this size now: columns, rows.
    Size(u16, u16),
    /// The terminal has the person's attention, or has lost it.
    Focus(bool),
    /// Time has passed, Unix milliseconds.
    Time(u64),
    /// The client tells something.
    Notice(Notice),
    /// The client answers.
    Answer(Ask, Result<Answer, Failure>),
}

/// What an answer is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// The list of conversations.
    Talks,
    /// The newest rows of a conversation, from which on it is shown.
    Newest(String),
    /// Rows before those that are here.
    Older(String),
    /// Rows behind those that are here.
    Newer(String),
    /// Rows around this one.
    Around(String, u64),
    /// Something was sent; if it fails, this was typed.
    Sent(String),
    /// A change whose success is said in these words.
    Done(String),
    /// What fails without consequence: read marks, typing.
    Quietly,
    /// A join line.
    Invite,
    /// Search hits, for the query with this number.
    Hits(u64),
    /// A room for the screen of its members.
    Members,
    /// A room that has just been made.
    NewRoom,
    /// Devices.
    Devices,
    /// A safety number.
    Number,
    /// What is known of keys, looked at for alarms.
    Keys,
    /// The same, to be shown.
    Trust,
    /// Who has got a message.
    Receipts,
    /// Settings.
    Settings,
    /// What a restored server lost.
    Losses,
    /// Evidence of two stories.
    Evidence,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Asks the client. What one says is asked in order.
    Call(Ask, Command),
    /// Copies a text, by the terminal (OSC 52).
    Copy(String),
    /// Rings.
    Bell,
    /// Draws the whole screen anew.
    Redraw,
    /// Stops until the shell goes on with it.
    Suspend,
    /// Leaves.
    Quit,
}
