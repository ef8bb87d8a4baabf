//! What one connection follows, and how far it has been told.

use crate::delivery::Seat;
use crate::observer::Seen;
use crate::records::PlaceRow;
use crate::refused::Outcome;
use crate::session::Ready;
use crate::storage::Store;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use subrosa_proto::{
    AccountId, ConvId, Cursor, DeviceId, ErrorCode, HashHead, Push, Response, Signed, limits,
};

/// Conversations that one connection follows.
const FOLLOWED_MAX: usize = 4 * limits::CURSORS_MAX;

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
    /// The registers have still to be handed over.
    recall: bool,
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

impl Follows {
    /// Signs of typing in conversations that are followed.
    pub(crate) fn signs(&self, typing: HashMap<(ConvId, DeviceId), Signed>) -> Vec<Push> {
        let followed = typing
            .into_iter()
            .filter(|((conv, _), _)| self.cursors.contains_key(conv));
        followed
            .map(|((conv, _), register)| Push::Typing { conv, register })
            .collect()
    }
}

impl<S: Store> Ready<S> {
    /// Follows conversations from positions on. Those that the account has no place in are left
    /// out: they do not exist for it.
    pub(crate) async fn follow(&mut self, cursors: Vec<Cursor>) -> Outcome<Response> {
        let all = self.follows.cursors.len() + cursors.len();
        if cursors.len() > limits::CURSORS_MAX || all > FOLLOWED_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        // First the bells, then the reading: nothing falls in between.
        for Cursor { conv, .. } in &cursors {
            self.office.delivery.follow(&self.seat, conv);
        }
        let convs = cursors.iter().map(|cursor| &cursor.conv);
        let places = self.office.places(&self.seat.account, convs).await;
        let mut found = places.as_deref().unwrap_or_default().iter().cloned();
        for Cursor { conv, next } in cursors {
            match found.next().flatten() {
                Some((place, joined)) => self.begin(&conv, next.max(1), place, joined),
                None if self.follows.cursors.contains_key(&conv) => {}
                None => self.office.delivery.unfollow(&self.seat, &conv),
            }
        }
        places?;
        Ok(Response::Done {})
    }

    fn begin(&mut self, conv: &ConvId, next: u64, place: PlaceRow, joined: bool) {
        let recall = joined && place.until.is_none();
        let follow = Follow {
            next,
            place,
            recall,
            behind: false,
        };
        if let Some(before) = self.follows.cursors.insert(*conv, follow)
            && before.behind
        {
            self.follows.behind.retain(|other| other != conv);
        }
        self.follows.mark(conv);
    }

    /// What the other devices have written into their registers so far goes the way of news, when
    /// it is the conversation's first turn.
    async fn recall_registers(&mut self, conv: &ConvId) -> Outcome<()> {
        let recall = self
            .follows
            .cursors
            .get_mut(conv)
            .map(|follow| std::mem::take(&mut follow.recall));
        if recall == Some(true) {
            for (device, register) in self.office.registers(&self.seat, conv).await? {
                self.seat.recall(conv, &device, &register);
            }
        }
        Ok(())
    }

    /// Bells have rung for these conversations; where places have changed, the own one is looked up.
    pub(crate) async fn heed(&mut self, rung: HashMap<ConvId, bool>) -> Outcome<()> {
        for (conv, places) in rung {
            if places
                && let Some(place) = self.office.place(&self.seat.account, &conv).await?
                && let Some(follow) = self.follows.cursors.get_mut(&conv)
            {
                follow.place = place;
            }
            self.follows.mark(&conv);
        }
        Ok(())
    }

    /// The next page of the conversation whose turn it is, if it has one.
    pub(crate) async fn next_push(&mut self) -> Outcome<Option<Push>> {
        let Some(conv) = self.follows.behind.pop_front() else {
            return Ok(None);
        };
        let Some(follow) = self.follows.cursors.get_mut(&conv) else {
            return Ok(None);
        };
        follow.behind = false;
        let (next, place) = (follow.next, follow.place.clone());
        self.recall_registers(&conv).await?;
        let page = self
            .office
            .page(&self.reader(), &conv, &place, next, limits::PAGE_EVENTS_MAX)
            .await?;
        // If the place has changed meanwhile, the page may hold what is no longer for this account:
        // the bell of a removal rings before the next event is stored.
        if self.seat.places_changed(&conv) {
            self.follows.mark(&conv);
            return Ok(None);
        }
        let sent = page.events.len() as u64;
        if sent == 0 {
            return Ok(None);
        }
        let after = page.first + sent;
        if let Some(follow) = self.follows.cursors.get_mut(&conv) {
            follow.next = after;
        }
        if after <= page.head {
            self.follows.mark(&conv);
        }
        self.saw_delivery(&conv, page.first, page.events.len());
        Ok(Some(Push::Events { page }))
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
