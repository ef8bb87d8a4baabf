//! Conversations: what may be appended is judged by the ledger's reducer, the same code that the
//! clients run. The server stores nothing that this code calls void.
//!
//! Each conversation has a line in which appends wait for their turn; one task at a time works it
//! off, and what waits goes to the store together. So the reducer's state follows the log, and no connection that breaks off leaves a turn
//! half done. The state is written down with every control and key event and every
//! [`records::MARK_STEP`] positions; what came later is applied to it when it is loaded.

mod append;
mod archive;
mod batch;
mod bodies;
mod boxes;
mod create;
mod history;
mod judge;
mod line;
mod loading;
mod lost_boxes;
mod places;
mod reading;
mod returned;

pub(crate) use append::AppendJob;
pub(crate) use archive::Packing;
pub(crate) use judge::Parsed;
pub(crate) use line::{Conversations, lost};
pub(crate) use lost_boxes::NewBox;
pub(crate) use reading::{Reader, history_recipient};
pub(crate) use returned::{Given, ReturnJob};

use crate::office::Office;
use crate::records;
use crate::refused::Outcome;
use crate::storage::Store;
use subrosa_proto::{AccountId, ConvId};

impl<S: Store> Office<S> {
    /// The members of a conversation, and whether each has still to accept it.
    pub(crate) async fn members(&self, conv: &ConvId) -> Outcome<Option<Vec<(AccountId, bool)>>> {
        // The written state is as new as the last control event.
        let Some(record) = self.record(records::conversation(conv)).await? else {
            return Ok(None);
        };
        let (_, state) = loading::read_row(&record.value)?;
        Ok(Some(
            state
                .members()
                .map(|member| (member.account, member.pending))
                .collect(),
        ))
    }
}
