//! Pages of a conversation as one device may see them: the events since it has its place, and of
//! the boxes beside them its own.

use super::bodies::shown;
use crate::hash;
use crate::office::Office;
use crate::records::PlaceRow;
use crate::refused::Outcome;
use crate::storage::{LogId, Read, Recipient, Release, Store};
use subrosa_proto::{AccountId, ConvId, Delivered, DeviceId, Page, limits};

/// Whose boxes a connection is handed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    /// The password was proved on this connection: those to the account's history key too.
    pub(crate) by_password: bool,
}

/// For whom a box to an account's history key lies in the store. Apart from all device keys, so
/// that nobody can certify a device under which somebody else's boxes lie.
pub(crate) fn history_recipient(account: &AccountId) -> Recipient {
    Recipient(hash::sha256(&[
        b"subrosa/1 history-recipient\0",
        &account.0,
    ]))
}

impl<S: Store> Office<S> {
    /// A page from a position on, at most so many events.
    pub(crate) async fn page(
        &self,
        reader: &Reader,
        conv: &ConvId,
        place: &PlaceRow,
        from: u64,
        count: usize,
    ) -> Outcome<Page> {
        let from = from.max(place.since).max(1);
        let last = place.until.unwrap_or(u64::MAX);
        let within =
            usize::try_from(last.saturating_add(1).saturating_sub(from)).unwrap_or(usize::MAX);
        let count = count.min(limits::PAGE_EVENTS_MAX).min(within);
        if count == 0 {
            return Ok(Page {
                conv: *conv,
                first: from,
                events: Vec::new(),
                head: last,
            });
        }
        if place.until.is_none()
            && let Some(page) = self.delivery.tail(conv, from, count)
        {
            return self.shown_page(page, place, reader);
        }
        let mut recipients = vec![Recipient(reader.device.0)];
        if reader.by_password {
            recipients.push(history_recipient(&reader.account));
        }
        let read = Read {
            log: LogId(conv.0),
            from,
            count,
            bytes: limits::PAGE_BYTES_MAX,
            recipients,
        };
        let page = self.store.read(read).await?;
        let first = page.events.first().map_or(from, |event| event.position);
        let events = page.events.into_iter().map(|event| Delivered {
            time_ms: event.time_ms,
            event: event.bytes,
            boxes: event.side.into_iter().map(|row| row.bytes).collect(),
        });
        let page = Page {
            conv: *conv,
            first,
            events: events.collect(),
            head: page.head.min(last),
        };
        self.shown_page(page, place, reader)
    }

    /// A page as this reader may see it.
    fn shown_page(&self, mut page: Page, place: &PlaceRow, reader: &Reader) -> Outcome<Page> {
        let now_ms = self.now_ms();
        let events = (page.first..).zip(std::mem::take(&mut page.events));
        let events =
            events.map(|(position, delivered)| shown(delivered, position, place, reader, now_ms));
        page.events = events.collect::<Outcome<_>>()?;
        Ok(page)
    }

    /// A device holds the keys of all its boxes up to a position.
    pub(crate) async fn ack_boxes(&self, device: &DeviceId, conv: &ConvId, to: u64) -> Outcome<()> {
        let (log, recipient) = (LogId(conv.0), Recipient(device.0));
        self.store
            .release(Release::UpTo {
                log,
                position: to.min(u64::MAX >> 1),
                recipient,
            })
            .await?;
        Ok(())
    }
}
