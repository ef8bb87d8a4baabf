//! Messages that the person has not seen, the same on all devices (docs/spec/e2e.md §12.2).

use super::rows::LINE_CONTENT;
use super::talk::Talk;
use super::{Engine, EngineError};
use crate::store::Desk;
use subrosa_e2e::{Body, Content};

/// More than so many are not counted.
const COUNTED_MAX: u64 = 99;
/// Lines looked at in one step.
const STEP: u32 = 200;

impl Engine {
    /// How many messages of others lie behind the mark, and whether there may be more.
    pub(super) fn unread(&self, desk: &Desk<'_>, talk: &Talk) -> Result<(u64, bool), EngineError> {
        let mut above = talk.read_to;
        let mut count = 0;
        loop {
            let lines = desk.contents_above(talk.no, above, &self.account, STEP)?;
            for line in &lines {
                let message = line.kind == LINE_CONTENT && is_message(&line.body);
                count += u64::from(message);
            }
            if count > COUNTED_MAX {
                return Ok((COUNTED_MAX, true));
            }
            let Some(last) = lines.last().and_then(|line| line.position) else {
                break;
            };
            above = last;
        }
        let missing = talk.server_head.is_some_and(|head| talk.next() <= head);
        Ok((count, missing))
    }
}

/// Whether something was said that wants to be read, rather than done to what was said.
fn is_message(body: &bytes::Bytes) -> bool {
    let content = Content::decode(body);
    content
        .is_ok_and(|content| matches!(content.body, Body::Text(_) | Body::Reply(_) | Body::File(_)))
}
