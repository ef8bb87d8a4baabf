//! The engine without sockets: two people, a naive server in memory, a clock that is moved by hand.

mod absent;
mod acting;
mod adding;
mod blocking;
mod boundaries;
mod contents;
mod fading;
mod forks;
mod joining;
mod large;
mod names;
mod office;
mod orders;
mod packing;
mod person;
mod receiving;
mod restored;
mod room;
mod sending;
mod settings;
mod simulation;
mod telling;
mod trust;
mod upkeep;
mod wishes;
mod world;
