//! What follows from events, one file for each kind.

mod answered;
mod clicked;
mod noticed;
mod obey;
mod pressed;
mod rooms;

pub use answered::AROUND;
