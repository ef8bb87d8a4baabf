//! The state and what follows from events, without a terminal.

mod drawing;
mod frames;
mod pictures;
mod scene;
mod updates;
