//! A load of people who do not exist, on a server that does, and what it costs.
//!
//! Everything is real but the people: the channel, the logins, the ledger, the end-to-end encryption. Keys and letters are made
//! ahead where the measure is the server's, so that the load's own work does not blur it. No figure leaves here unless what it
//! counts has been delivered, byte for byte, and opened.
//!
//! | part | what it is for |
//! |---|---|
//! | [`Place`] | which server, and under which limits |
//! | one module for each measure | settings in, a [`Report`] out |
//! | [`Report`] | figures, with the machine and the settings they hold for |
//! | [`Watch`] | who is told how far it has come |

mod connection;
mod crew;
mod crowd;
mod entrance;
mod exchange;
mod folk;
mod gathering;
mod latency;
mod listening;
mod machine;
mod outcome;
mod pace;
mod password;
mod pen;
mod person;
mod place;
mod process;
mod randomness;
mod reading;
mod report;
mod speaking;
mod watch;

pub mod channel;
pub mod client;
pub mod connect;
pub mod history;
pub mod idle;
pub mod messages;
pub mod reconnect;
pub mod room;

pub use place::{Limits, Place};
pub use report::{Case, Figure, Report};
pub use watch::Watch;
