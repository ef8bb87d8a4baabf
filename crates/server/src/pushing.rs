//! What one connection follows, and how far it has been told.

use crate::delivery::Seat;
use crate::observer::Seen;
use crate::records::PlaceRow;
use crate::refused::{Outcome, Refused};
use crate::session::Ready;
use crate::storage::Store;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use subrosa_proto::{
    AccountId, ConvId, Cursor, DeviceId, ErrorCode, HashHead, Push, Response, Signed, limits,
};

/// The conversations that a connection follows.
#[derive(Default)]
pub(crate) struct Follows {
    cursors: HashMap<ConvId, Follow>,
    /// Those with something to push, each once, in turn.
    behind: VecDeque<ConvId>,
}

struct Follow {
    next: u64,
    place: PlaceRow,
    behind: bool,
}

impl Follows {
    /// Whether there is something to push.
    pub(crate) fn is_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    pub(crate) fn conversations(&self) -> impl Iterator<Item = &ConvId> {
        self.cursors.keys()
    }

    fn mark(&mut self, conv: &ConvId) {
        if let Some(follow) = self.cursors.get_mut(conv)
            && !follow.behind
        {
            follow.behind = true;
            self.behind.push_back(*conv);
        }
    }

    /// Pushes that need nothing from the store.
    pub(crate) fn news(
        &self,
        joined: Vec<ConvId>,
        receipts: HashMap<(ConvId, DeviceId), Signed>,
        chains: HashMap<AccountId, HashHead>,
    ) -> Vec<Push> {
        let unknown = joined
            .into_iter()
            .filter(|conv| !self.cursors.contains_key(conv));
        let joined = unknown.map(|conv| Push::Joined { conv });
        let followed = receipts
            .into_iter()
            .filter(|((conv, _), _)| self.cursors.contains_key(conv));
        let receipts = followed.map(|((conv, _), register)| Push::Receipt { conv, register });
        let chains = chains
            .into_iter()
            .map(|(account, head)| Push::Chain { account, head });
        joined.chain(receipts).chain(chains).collect()
    }
}

impl<S: Store> Ready<S> {
    /// Follows conversations from positions on. Those that the account has no place in are left
    /// out: they do not exist for it.
    pub(crate) async fn follow(&mut self, cursors: Vec<Cursor>) -> Outcome<Response> {
        if self.follows.cursors.len() + cursors.len() > 4 * limits::CURSORS_MAX
            || cursors.len() > limits::CURSORS_MAX
        {
            return Err(ErrorCode::TooLarge.into());
        }
        for Cursor { conv, next } in cursors {
            let Some(place) = self.office.place(&self.seat.account, &conv).await? else {
                continue;
            };
            // First the bell, then the reading: nothing falls in between.
            self.office.delivery.follow(&self.seat, &conv);
            let follow = Follow {
                next: next.max(1),
                place,
                behind: false,
            };
            if let Some(before) = self.follows.cursors.insert(conv, follow)
                && before.behind
            {
                self.follows.behind.retain(|other| *other != conv);
            }
            self.follows.mark(&conv);
            self.push_registers(&conv).await?;
        }
        Ok(Response::Done {})
    }

    /// What the other devices have written into their registers so far goes the way of news.
    async fn push_registers(&self, conv: &ConvId) -> Outcome<()> {
        let place = self.office.joined_place(&self.seat.account, conv).await;
        if matches!(place, Err(Refused::Code(_))) {
            return Ok(());
        }
        for (device, register) in self.office.registers(&self.seat, conv).await? {
            self.seat.recall(conv, &device, &register);
        }
        Ok(())
    }

    /// Bells have rung for these conversations; where places have changed, the own one is looked up.
    pub(crate) async fn heed(&mut self, rung: HashMap<ConvId, bool>) {
        for (conv, places) in rung {
            if places
                && let Ok(Some(place)) = self.office.place(&self.seat.account, &conv).await
                && let Some(follow) = self.follows.cursors.get_mut(&conv)
            {
                follow.place = place;
            }
            self.follows.mark(&conv);
        }
    }

    /// The next page of the conversation whose turn it is, if it has one.
    pub(crate) async fn next_push(&mut self) -> Option<Push> {
        let conv = self.follows.behind.pop_front()?;
        let follow = self.follows.cursors.get_mut(&conv)?;
        follow.behind = false;
        let (next, place) = (follow.next, follow.place);
        let page = self
            .office
            .page(&self.reader(), &conv, &place, next, limits::PAGE_EVENTS_MAX)
            .await;
        let page = match page {
            Ok(page) => page,
            Err(refused) => {
                refused.report();
                return None;
            }
        };
        let sent = page.events.len() as u64;
        if sent == 0 {
            return None;
        }
        let after = page.first + sent;
        if let Some(follow) = self.follows.cursors.get_mut(&conv) {
            follow.next = after;
        }
        if after <= page.head {
            self.follows.mark(&conv);
        }
        self.saw_delivery(&conv, page.first, page.events.len());
        Some(Push::Events { page })
    }

    pub(crate) fn saw_delivery(&self, conv: &ConvId, first: u64, count: usize) {
        let Seat {
            account, device, ..
        } = *Arc::as_ref(&self.seat);
        self.office.see(|| Seen::Delivered {
            conv: *conv,
            first,
            count,
            account,
            device,
        });
    }
}
