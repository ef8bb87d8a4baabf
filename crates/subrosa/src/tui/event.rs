//! What comes to the state, and what it wants done.

use super::beside::Outside;
use super::theme::Theme;
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
    /// The home was locked, by this face or another.
    Locked,
    /// A verb that ran beside has ended.
    Printed(Printed),
    /// The client answers.
    Answer(Ask, Result<Answer, Failure>),
}

/// What a verb has printed that ran beside.
#[derive(Debug)]
pub struct Printed {
    pub title: String,
    pub text: String,
    pub failed: bool,
}

impl Printed {
    /// It could not run.
    pub fn failed(failure: &Failure) -> Self {
        Self {
            title: "not run".to_owned(),
            text: failure.sentence.clone(),
            failed: true,
        }
    }
}

/// What an answer is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Who this is.
    Account,
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
    /// To lock the home.
    Lock,
    /// To open it again.
    Unlock,
    /// Whether it is open again.
    Open,
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
    /// Hears of what is new, again.
    Subscribe,
    /// Begins with this theme the next time.
    Remember(Theme),
    /// Runs a verb of the command line.
    Run(Outside),
    /// Draws the whole screen anew.
    Redraw,
    /// Stops until the shell goes on with it.
    Suspend,
    /// Leaves.
    Quit,
}
