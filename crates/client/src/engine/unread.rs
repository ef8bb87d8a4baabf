//! Messages that the person has not seen, the same on all devices (docs/spec/e2e.md §12.2).

use super::rows::LINE_CONTENT;
use super::shown::names;
use super::talk::Talk;
use super::{Engine, EngineError};
use crate::store::Desk;
use subrosa_e2e::{Body, Content};

/// More than so many are not counted.
const COUNTED_MAX: u64 = 99;
/// Lines looked at in one step.
const STEP: u32 = 200;

/// What the person has not seen of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unread {
    /// Messages of others behind the mark.
    pub count: u64,
    /// Whether there may be more.
    pub more: bool,
    /// Those among the counted that name this account.
    pub mentions: u64,
}

impl Engine {
    /// What lies behind the mark.
    pub(super) fn unread(&self, desk: &Desk<'_>, talk: &Talk) -> Result<Unread, EngineError> {
        let own_name = self.people.name_of(&self.account);
        let mut above = talk.read_to;
        let (mut count, mut mentions) = (0, 0);
        loop {
            let lines = desk.contents_above(talk.no, above, &self.account, STEP)?;
            for line in &lines {
                let message = (line.kind == LINE_CONTENT)
                    .then(|| message(&line.body))
                    .flatten();
                count += u64::from(message.is_some());
                mentions += u64::from(message.is_some_and(|text| names(&text, &own_name)));
            }
            if count > COUNTED_MAX {
                return Ok(Unread {
                    count: COUNTED_MAX,
                    more: true,
                    mentions,
                });
            }
            let Some(last) = lines.last().and_then(|line| line.position) else {
                break;
            };
            above = last;
        }
        let more = talk.server_head.is_some_and(|head| talk.next() <= head);
        Ok(Unread {
            count,
            more,
            mentions,
        })
    }
}

/// The words of what was said and wants to be read, rather than done to what was said.
fn message(body: &bytes::Bytes) -> Option<String> {
    let content = Content::decode(body).ok()?;
    let said = matches!(content.body, Body::Text(_) | Body::Reply(_) | Body::File(_));
    said.then(|| content.text().unwrap_or_default().to_owned())
}
