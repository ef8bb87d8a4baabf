//! A connection's place in the office: where others leave word for it.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, PoisonError};
use subrosa_proto::{AccountId, ConvId, DeviceId, HashHead, Push, Signed};
use tokio::sync::Notify;

/// One connection of a device.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    inbox: Mutex<Inbox>,
    bell: Notify,
}

/// What is new for a connection. Each kind of news is kept once for each thing it concerns.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// Followed conversations with new events, and whether places changed in them.
    pub(crate) rung: HashMap<ConvId, bool>,
    /// Conversations that the account has come into.
    pub(crate) joined: Vec<ConvId>,
    /// The newest registers.
    pub(crate) receipts: HashMap<(ConvId, DeviceId), Signed>,
    /// The newest signs of typing.
    pub(crate) typing: HashMap<(ConvId, DeviceId), Signed>,
    /// Grown chains.
    pub(crate) chains: HashMap<AccountId, HashHead>,
    /// Boxes asked for and given.
    pub(crate) boxes: Vec<Push>,
    /// The connection has to end.
    pub(crate) cut: bool,
}

impl Inbox {
    /// More different news than this, and the connection ends: its client asks anew when it is back.
    const MAX: usize = 4_096;
    /// Signs of typing that wait for one connection.
    const TYPING_MAX: usize = 64;

    pub(super) fn ring(&mut self, conv: &ConvId, places: bool) {
        // At most one entry for each followed conversation.
        *self.rung.entry(*conv).or_default() |= places;
    }

    pub(super) fn joined(&mut self, conv: &ConvId) {
        if !self.joined.contains(conv) {
            self.joined.push(*conv);
        }
        self.cut |= self.joined.len() > Self::MAX;
    }

    pub(super) fn receipt(&mut self, conv: &ConvId, device: &DeviceId, register: &Signed) {
        self.receipts.insert((*conv, *device), register.clone());
        self.cut |= self.receipts.len() > Self::MAX;
    }

    /// For a connection that does not keep up there are no signs: they would be too old.
    pub(super) fn typing(&mut self, conv: &ConvId, device: &DeviceId, register: &Signed) {
        if self.typing.len() < Self::TYPING_MAX {
            self.typing.insert((*conv, *device), register.clone());
        }
    }

    pub(super) fn chain(&mut self, account: &AccountId, head: HashHead) {
        self.chains.insert(*account, head);
        self.cut |= self.chains.len() > Self::MAX;
    }

    pub(super) fn boxes(&mut self, push: Push) {
        if !self.boxes.contains(&push) {
            self.boxes.push(push);
        }
        self.cut |= self.boxes.len() > Self::MAX;
    }

    pub(super) fn cut(&mut self) {
        self.cut = true;
    }
}

impl Seat {
    pub(crate) fn new(account: AccountId, device: DeviceId) -> Self {
        Self {
            account,
            device,
            inbox: Mutex::default(),
            bell: Notify::new(),
        }
    }

    /// Leaves a register for this connection itself.
    pub(crate) fn recall(&self, conv: &ConvId, device: &DeviceId, register: &Signed) {
        self.put(|inbox| inbox.receipt(conv, device, register));
    }

    /// Leaves word of a box that is wanted of this connection.
    pub(crate) fn wanted(&self, push: Push) {
        self.put(|inbox| inbox.boxes(push));
    }

    /// Leaves word and rings.
    pub(super) fn put(&self, word: impl FnOnce(&mut Inbox)) {
        word(&mut self.inbox.lock().unwrap_or_else(PoisonError::into_inner));
        self.bell.notify_one();
    }

    /// Waits for the bell. Cancel-safe: a ring that nobody waited for is kept.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Whether word was left that places in a conversation have changed.
    pub(crate) fn places_changed(&self, conv: &ConvId) -> bool {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        inbox.rung.get(conv) == Some(&true)
    }

    /// Takes what is there.
    pub(crate) fn take(&self) -> Inbox {
        mem::take(&mut self.inbox.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
