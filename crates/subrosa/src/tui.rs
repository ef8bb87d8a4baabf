//! The terminal UI.
//!
//! | part | job |
//! |---|---|
//! | `app`, `update` | the state, and what follows from keys, answers and notices: no terminal, no client, no clock |
//! | `keys`, `slash`, `beside` | the tables of keys and commands, from which the help is made |
//! | `timeline`, `lay` | the open conversation: a window of its rows, and their lines |
//! | `screens`, `widgets` | what is drawn: functions of the state |
//! | `run` | the terminal and the client: events in, effects out |

mod alarm;
mod app;
mod area;
mod beside;
mod clock;
mod complete;
mod composer;
mod event;
mod first;
mod keys;
mod lay;
mod run;
#[cfg(test)]
mod sample;
mod screens;
mod slash;
mod talks;
mod theme;
mod timeline;
mod update;
mod widgets;

#[cfg(test)]
mod tests;

pub use app::{App, Beginning};
pub use event::{Effect, Event, Printed};
pub use first::begin;
pub use run::{Canvas, Face, Opening, live, of_terminal};
pub use theme::{Ink, Theme};
pub use widgets::draw;
