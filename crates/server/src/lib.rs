//! The post office: it keeps and hands over what it cannot open.
//!
//! Clients reach it over the channel (docs/spec/channel.md) and speak the requests of
//! docs/spec/ledger.md §9. It judges accounts and conversations by the ledger alone and holds no
//! key to any content: its manifest names nothing that could open a letter.
//!
//! Reading path: `session` (the states of one connection) → `dispatch` (from a request to the part
//! that carries it out) → `accounts`, `directory`, `conversations` → `delivery` and `pushing` (how
//! events reach those who follow) → [`storage`].

pub mod admin;
pub mod storage;
pub mod view;

mod accounts;
mod config;
mod control;
mod conversations;
mod delivery;
mod directory;
mod dispatch;
mod engine;
mod error;
mod folder;
mod hash;
mod hosts;
mod incarnation;
mod invites;
mod limits;
mod listener;
mod observer;
mod office;
mod pushing;
mod randomness;
mod receipts;
mod records;
mod refused;
mod secrets;
mod server;
mod session;
#[cfg(feature = "lies")]
mod tap;

pub use config::{Clock, Config};
pub use engine::Engine;
pub use error::StartError;
pub use limits::Rates;
pub use observer::{Observer, Seen};
pub use server::Server;
#[cfg(feature = "lies")]
pub use tap::Tap;
