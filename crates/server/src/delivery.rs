//! Delivery by cursor: no event is copied for a recipient. A connection follows conversations from
//! positions; after an append is durable a bell rings at every connection that follows, and each
//! reads from the store what it has not sent yet. What waits for a slow reader is therefore only
//! the fact that something is new.

mod seat;
mod tails;

pub(crate) use seat::{Inbox, Seat};

use bytes::Bytes;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use subrosa_proto::{AccountId, ConvId, DeviceId, HashHead, Page, Push, Signed, limits};
use tails::Tails;

/// Who is online, and who follows what.
#[derive(Default)]
pub(crate) struct Delivery {
    seats: Mutex<Seats>,
    tails: Mutex<Tails>,
}

#[derive(Default)]
struct Seats {
    by_device: HashMap<DeviceId, Vec<Arc<Seat>>>,
    by_account: HashMap<AccountId, Vec<Arc<Seat>>>,
    by_conversation: HashMap<ConvId, Vec<Arc<Seat>>>,
}

impl Delivery {
    // No method waits or panics while it holds the lock.
    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A device has logged in on a connection.
    pub(crate) fn enter(&self, seat: &Arc<Seat>) {
        let mut seats = self.seats();
        seats
            .by_device
            .entry(seat.device)
            .or_default()
            .push(seat.clone());
        seats
            .by_account
            .entry(seat.account)
            .or_default()
            .push(seat.clone());
    }

    /// Its connection has ended, which followed these conversations.
    pub(crate) fn leave<'a>(&self, seat: &Arc<Seat>, followed: impl Iterator<Item = &'a ConvId>) {
        let mut seats = self.seats();
        remove(&mut seats.by_device, &seat.device, seat);
        remove(&mut seats.by_account, &seat.account, seat);
        for conv in followed {
            remove(&mut seats.by_conversation, conv, seat);
        }
    }

    /// From now on the bell rings for this conversation.
    pub(crate) fn follow(&self, seat: &Arc<Seat>, conv: &ConvId) {
        let mut seats = self.seats();
        let followers = seats.by_conversation.entry(*conv).or_default();
        if !followers.iter().any(|there| Arc::ptr_eq(there, seat)) {
            followers.push(seat.clone());
        }
    }

    /// It rings no more.
    pub(crate) fn unfollow(&self, seat: &Arc<Seat>, conv: &ConvId) {
        remove(&mut self.seats().by_conversation, conv, seat);
    }

    /// An event was stored; without its bytes if it has boxes. To be called before the bell rings.
    pub(crate) fn keep(&self, conv: &ConvId, position: u64, time_ms: u64, event: Option<Bytes>) {
        let mut tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
        tails.push(conv, position, time_ms, event);
    }

    /// Something in the log of a conversation is not as it was kept.
    pub(crate) fn forget(&self, conv: &ConvId) {
        let mut tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
        tails.drop_tail(conv);
    }

    /// A page of what was stored last, if all of it is still at hand.
    pub(crate) fn tail(&self, conv: &ConvId, from: u64, count: usize) -> Option<Page> {
        let tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
        tails.page(conv, from, count, limits::PAGE_BYTES_MAX)
    }

    /// New events are in the store. With `places`, somebody's right to read may have changed.
    pub(crate) fn ring(&self, conv: &ConvId, places: bool) {
        for seat in self.seats().by_conversation.get(conv).into_iter().flatten() {
            seat.put(|inbox| inbox.ring(conv, places));
        }
    }

    /// An account is in a conversation that its connections may not know.
    pub(crate) fn joined(&self, account: &AccountId, conv: &ConvId) {
        for seat in self.seats().by_account.get(account).into_iter().flatten() {
            seat.put(|inbox| inbox.joined(conv));
        }
    }

    /// A receipt register was replaced, by the device of this seat.
    pub(crate) fn receipt(&self, from: &Arc<Seat>, conv: &ConvId, register: &Signed) {
        for seat in self.seats().by_conversation.get(conv).into_iter().flatten() {
            if !Arc::ptr_eq(seat, from) {
                seat.put(|inbox| inbox.receipt(conv, &from.device, register));
            }
        }
    }

    /// The person at the device of this seat types, or has stopped.
    pub(crate) fn typing(&self, from: &Arc<Seat>, conv: &ConvId, register: &Signed) {
        for seat in self.seats().by_conversation.get(conv).into_iter().flatten() {
            if !Arc::ptr_eq(seat, from) {
                seat.put(|inbox| inbox.typing(conv, &from.device, register));
            }
        }
    }

    /// A chain has grown that followers of this conversation know.
    pub(crate) fn chain(&self, conv: &ConvId, account: &AccountId, head: HashHead) {
        for seat in self.seats().by_conversation.get(conv).into_iter().flatten() {
            seat.put(|inbox| inbox.chain(account, head));
        }
    }

    /// The account's own chain has grown.
    pub(crate) fn own_chain(&self, account: &AccountId, head: HashHead) {
        for seat in self.seats().by_account.get(account).into_iter().flatten() {
            seat.put(|inbox| inbox.chain(account, head));
        }
    }

    /// Tells the connections of a device about a box.
    pub(crate) fn tell_box(&self, device: &DeviceId, push: &Push) {
        for seat in self.seats().by_device.get(device).into_iter().flatten() {
            seat.put(|inbox| inbox.boxes(push.clone()));
        }
    }

    /// A device was revoked or has logged out: its connections end now.
    pub(crate) fn cut(&self, device: &DeviceId) {
        for seat in self.seats().by_device.get(device).into_iter().flatten() {
            seat.put(Inbox::cut);
        }
    }

    /// Connections with a logged-in device.
    pub(crate) fn online(&self) -> usize {
        self.seats().by_device.values().map(Vec::len).sum()
    }
}

fn remove<K: Hash + Eq>(seats: &mut HashMap<K, Vec<Arc<Seat>>>, key: &K, seat: &Arc<Seat>) {
    let Some(there) = seats.get_mut(key) else {
        return;
    };
    there.retain(|other| !Arc::ptr_eq(other, seat));
    if there.is_empty() {
        seats.remove(key);
    }
}
