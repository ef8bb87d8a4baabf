//! The real binary, as people and programs use it.

mod crowd;
mod demo;
mod errors;
mod kills;
mod machine;
mod pipes;
mod running;
mod screen;
mod servers;
mod terminals;
mod verbs;
