//! Which part of a log an account may know, and which bodies of it it may read.

use subrosa_ledger::Conversation;
use subrosa_proto::{AccountId, Control};

/// An account's place in a log.
#[derive(Clone)]
pub struct Place {
    /// The first position of which it may know.
    pub since: u64,
    /// The last one, once it is no member any more.
    pub until: Option<u64>,
    /// Where it may read what others wrote, from and up to which position.
    reads: Vec<(u64, Option<u64>)>,
}

impl Place {
    pub fn new(since: u64, reads: bool) -> Self {
        let mut place = Self {
            since,
            until: None,
            reads: Vec::new(),
        };
        place.reading(since, reads);
        place
    }

    fn reading(&mut self, position: u64, reads: bool) {
        let open = self.reads.last_mut().filter(|(_, to)| to.is_none());
        match (open, reads) {
            (None, true) => self.reads.push((position, None)),
            (Some((_, to)), false) => *to = Some(position),
            _ => {}
        }
    }

    pub fn may_read(&self, position: u64) -> bool {
        let mut reads = self.reads.iter();
        reads.any(|(from, to)| *from <= position && to.is_none_or(|to| position <= to))
    }
}

/// A control event has its position; `state` is what it led to.
pub fn changed(
    places: &mut std::collections::BTreeMap<AccountId, Place>,
    state: &Conversation,
    author: &AccountId,
    position: u64,
    control: &Control,
) {
    let account = match control {
        Control::Create { peer, .. } => {
            places.insert(*author, Place::new(1, true));
            if let Some(peer) = peer {
                let accepted = state.recipients().any(|id| id == *peer);
                places.insert(*peer, Place::new(1, accepted));
            }
            return;
        }
        Control::Add { account, .. } => {
            places.insert(*account, Place::new(position, false));
            account
        }
        Control::Remove { account } | Control::SetRole { account, .. } => account,
        Control::Leave {} | Control::Accept {} => author,
        _ => return,
    };
    let place = places.get_mut(account).unwrap();
    if state.member(account).is_none() {
        place.until = Some(position);
    }
    place.reading(position, state.recipients().any(|id| id == *account));
}
