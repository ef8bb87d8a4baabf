//! What lies in an unfinished store: its last step is dropped when the server has taken it, and the store gets its name
//! after that. Whoever was killed in between has an account, and must not lose it.

use super::bot::{LAST_STEP, LastStep};
use super::join::{UNFINISHED_FACT, Unfinished};
use crate::command::Failure;
use crate::engine::fact;
use crate::store::{Store, StoreError};

/// How far a start in this home had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    /// The server had heard of nothing.
    Nothing,
    /// A registration by a person's line, of which the outcome is not known.
    Registration,
    /// A bot's start, of which the outcome is not known.
    Bot,
    /// All of it is done but the name of the store.
    Complete,
}

/// How far it had come, and with which server.
pub(super) fn begun(store: &mut Store) -> Result<(Begun, Option<String>), StoreError> {
    store.transaction(|desk| {
        // It is written together with the last step, so it tells whether anything was.
        let server = desk.fact::<String>(fact::ADDRESS)?;
        let begun = if server.is_none() {
            Begun::Nothing
        } else if desk.fact::<Unfinished>(UNFINISHED_FACT)?.is_some() {
            Begun::Registration
        } else if desk.fact::<LastStep>(LAST_STEP)?.is_some() {
            Begun::Bot
        } else {
            Begun::Complete
        };
        Ok((begun, server))
    })
}

/// What is said to who begins something else in a home in which something was begun.
pub(super) fn other_start(what: &str, server: Option<String>) -> Failure {
    let server = server.unwrap_or_default();
    Failure::user(format!(
        "{what} with the server {server} was begun in this home and may have gone through; finish it with its line, or choose another home with --home"
    ))
}
