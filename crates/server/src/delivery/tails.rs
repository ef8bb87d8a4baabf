//! The last events of conversations that are being talked in, so that those who follow need not
//! read from the store what has just been put there. A bounded cache and nothing more: whatever is
//! not in it is read.

use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use subrosa_proto::{ConvId, Delivered, Page};

/// Bytes of all tails.
const BYTES_MAX: usize = 4 << 20;
/// Events of one tail.
const EVENTS_MAX: usize = 64;
/// Events that the order names.
const ORDER_MAX: usize = 2 * BYTES_MAX / 256;

/// Tails by conversation.
#[derive(Default)]
pub(super) struct Tails {
    by_conversation: HashMap<ConvId, Tail>,
    /// Of each event kept, in the order in which they came, and of some that are gone.
    order: VecDeque<(ConvId, u64)>,
    bytes: usize,
}

#[derive(Default)]
struct Tail {
    first: u64,
    events: VecDeque<Kept>,
}

struct Kept {
    time_ms: u64,
    event: Bytes,
}

impl Tails {
    /// An event was stored. One with boxes ends the tail before it: those are each recipient's own
    /// and come from the store.
    pub(super) fn push(
        &mut self,
        conv: &ConvId,
        position: u64,
        time_ms: u64,
        event: Option<Bytes>,
    ) {
        let tail = self.by_conversation.entry(*conv).or_default();
        if tail.first + tail.events.len() as u64 != position || event.is_none() {
            self.drop_tail(conv);
        }
        let Some(event) = event else { return };
        let tail = self.by_conversation.entry(*conv).or_default();
        if tail.events.is_empty() {
            tail.first = position;
        }
        self.bytes += event.len();
        tail.events.push_back(Kept { time_ms, event });
        let full = tail.events.len() > EVENTS_MAX;
        self.order.push_back((*conv, position));
        if full {
            self.drop_first(conv);
        }
        // Each step makes the order shorter. An event that it names and that is gone costs no other its place.
        while self.bytes > BYTES_MAX || self.order.len() > ORDER_MAX {
            let Some((oldest, position)) = self.order.pop_front() else {
                return;
            };
            let first = self.by_conversation.get(&oldest).map(|tail| tail.first);
            if first == Some(position) {
                self.drop_first(&oldest);
            }
        }
    }

    /// The page from a position on, if all of it is here. One without events says that there is nothing behind the
    /// last event: whoever is rung for twice and has read both does not ask the store for more.
    pub(super) fn page(
        &self,
        conv: &ConvId,
        from: u64,
        count: usize,
        bytes: usize,
    ) -> Option<Page> {
        let tail = self.by_conversation.get(conv)?;
        let skipped = usize::try_from(from.checked_sub(tail.first)?).ok()?;
        if skipped > tail.events.len() {
            return None;
        }
        let mut left = bytes;
        let events: Vec<Delivered> = tail
            .events
            .iter()
            .skip(skipped)
            .take(count)
            .take_while(|kept| {
                let fits = kept.event.len() <= left;
                left = left.saturating_sub(kept.event.len());
                fits
            })
            .map(|kept| Delivered {
                time_ms: kept.time_ms,
                event: kept.event.clone(),
                boxes: Vec::new(),
            })
            .collect();
        let head = tail.first + tail.events.len() as u64 - 1;
        (!events.is_empty() || from > head).then_some(Page {
            conv: *conv,
            first: from,
            events,
            head,
        })
    }

    fn drop_first(&mut self, conv: &ConvId) {
        let Some(tail) = self.by_conversation.get_mut(conv) else {
            return;
        };
        if let Some(kept) = tail.events.pop_front() {
            self.bytes -= kept.event.len();
            tail.first += 1;
        }
        if tail.events.is_empty() {
            self.by_conversation.remove(conv);
        }
    }

    pub(super) fn drop_tail(&mut self, conv: &ConvId) {
        if let Some(tail) = self.by_conversation.remove(conv) {
            self.bytes -= tail
                .events
                .iter()
                .map(|kept| kept.event.len())
                .sum::<usize>();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONV: ConvId = ConvId([1; 32]);

    fn positions(tails: &Tails, from: u64) -> Option<(u64, usize, u64)> {
        let page = tails.page(&CONV, from, 500, 1 << 20)?;
        Some((page.first, page.events.len(), page.head))
    }

    #[test]
    fn what_is_not_here_is_read_elsewhere() {
        let mut tails = Tails::default();
        let event = || Some(Bytes::from_static(b"event"));
        for position in 5..=9 {
            tails.push(&CONV, position, 0, event());
        }
        assert_eq!(positions(&tails, 4), None);
        assert_eq!(positions(&tails, 5), Some((5, 5, 9)));
        assert_eq!(positions(&tails, 9), Some((9, 1, 9)));
        assert_eq!(
            positions(&tails, 10),
            Some((10, 0, 9)),
            "nothing is behind the last"
        );
        assert_eq!(positions(&tails, 11), None);
        // An event with boxes, and one after a gap, begin anew.
        tails.push(&CONV, 10, 0, None);
        assert_eq!(positions(&tails, 9), None);
        tails.push(&CONV, 11, 0, event());
        tails.push(&CONV, 13, 0, event());
        assert_eq!(positions(&tails, 11), None);
        assert_eq!(positions(&tails, 13), Some((13, 1, 13)));
    }

    #[test]
    fn memory_is_bounded_over_all_conversations() {
        let mut tails = Tails::default();
        for n in 0..200_u8 {
            for position in 1..=100 {
                tails.push(
                    &ConvId([n; 32]),
                    position,
                    0,
                    Some(Bytes::from(vec![0; 1_000])),
                );
            }
        }
        let kept: usize = tails
            .by_conversation
            .values()
            .map(|tail| tail.events.len())
            .sum();
        assert_eq!(tails.bytes, 1_000 * kept);
        assert!(tails.bytes <= BYTES_MAX && kept > 1_000);
        assert!(
            tails
                .by_conversation
                .values()
                .all(|tail| tail.events.len() <= EVENTS_MAX)
        );
        for position in 1..200_000 {
            tails.push(&CONV, position, 0, Some(Bytes::from_static(b"tiny")));
        }
        assert!(tails.order.len() <= ORDER_MAX);
        let first = 200_000 - EVENTS_MAX as u64;
        let whole = Some((first, EVENTS_MAX, 199_999));
        assert_eq!(
            positions(&tails, first),
            whole,
            "what is long gone takes no place"
        );
    }
}
