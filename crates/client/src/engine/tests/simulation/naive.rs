//! Who may read what, computed once more from the log alone, by other code than the reducer's: the
//! controls in the log of an honest server are all valid, so nothing has to be judged here.

use super::super::office::Log;
use super::node::Node;
use std::collections::{BTreeMap, BTreeSet};
use subrosa_ledger::Account;
use subrosa_proto::{
    AccountId, BoxKind, Control, ConvId, DeviceId, Event, EventKind, Header, KeyBox, KeyFields,
    MessageFields, Role, SessionId, decode,
};

/// A message as the log has it.
pub(super) struct Message {
    pub author: AccountId,
    pub device: DeviceId,
    /// Where its session was opened.
    opened: u64,
    /// Who receives keys there.
    readers: BTreeSet<AccountId>,
}

/// Whether a device shows a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    Must,
    /// It came while it might, or it did not come before that was over.
    May,
    MustNot,
}

/// A member.
#[derive(Clone, Copy)]
struct Member {
    pending: bool,
    poster: bool,
}

/// What one log says.
#[derive(Default)]
pub(super) struct Told {
    archive: bool,
    members: BTreeMap<AccountId, Member>,
    /// Where each account that is or was there was added last.
    since: BTreeMap<AccountId, u64>,
    was_out: BTreeSet<AccountId>,
    dead: BTreeSet<DeviceId>,
    sessions: BTreeMap<SessionId, u64>,
    pub closed: bool,
    pub controls: u64,
    pub messages: BTreeMap<u64, Message>,
}

impl Told {
    /// Reads a log. What is wrong with the keys that it hands out, if anything is.
    pub fn read(log: &Log, accounts: &BTreeMap<AccountId, Account>) -> Result<Self, String> {
        let mut told = Self::default();
        for (position, posted) in (1..).zip(&log.events) {
            let event: Event = decode(&posted.event).unwrap();
            let header: Header = decode(&event.header).unwrap();
            let kind = u64::from(header.kind);
            if kind == EventKind::Control.number() {
                told.control(position, header.account, &decode(&event.body).unwrap());
            } else if kind == EventKind::Key.number() {
                let fields: KeyFields = decode(&header.fields).unwrap();
                told.sessions.insert(fields.session, position);
                let boxes = posted.boxes.iter().map(|bytes| decode(bytes).unwrap());
                told.judge_boxes(boxes, accounts)
                    .map_err(|fault| format!("{position}: {fault}"))?;
            } else if kind == EventKind::Message.number() {
                let fields: MessageFields = decode(&header.fields).unwrap();
                let message = Message {
                    author: header.account,
                    device: header.device,
                    opened: told.sessions[&fields.session],
                    readers: told.readers(),
                };
                told.messages.insert(position, message);
            }
        }
        Ok(told)
    }

    fn control(&mut self, position: u64, author: AccountId, control: &Control) {
        self.controls += 1;
        let mut enter = |account, pending, poster| {
            self.members.insert(account, Member { pending, poster });
            self.since.insert(account, position);
        };
        match control {
            Control::Create {
                peer,
                invite,
                archive,
                ..
            } => {
                enter(author, false, false);
                if let Some(peer) = peer {
                    enter(*peer, invite.is_none(), false);
                }
                self.archive = *archive;
            }
            Control::Add {
                account,
                role,
                pending,
            } => enter(*account, *pending, *role == Role::Poster),
            Control::Accept {} => self.members.get_mut(&author).unwrap().pending = false,
            Control::SetRole { account, role } => {
                self.members.get_mut(account).unwrap().poster = *role == Role::Poster;
            }
            Control::Remove { account } => self.out(account),
            Control::Leave {} => self.out(&author),
            Control::Close {} => self.closed = true,
            Control::Revoke { statement, .. } => {
                self.dead.extend(ended(statement));
            }
            Control::Policy { .. } | Control::Link { .. } => {}
        }
    }

    fn out(&mut self, account: &AccountId) {
        self.members.remove(account);
        self.was_out.insert(*account);
    }

    fn readers(&self) -> BTreeSet<AccountId> {
        let readers = self.members.iter();
        readers
            .filter(|(_, member)| !member.pending && !member.poster)
            .map(|(account, _)| *account)
            .collect()
    }

    /// Keys go to those who read, and to nobody else.
    fn judge_boxes(
        &self,
        boxes: impl Iterator<Item = KeyBox>,
        accounts: &BTreeMap<AccountId, Account>,
    ) -> Result<(), String> {
        let readers = self.readers();
        for addressed in boxes {
            let id = addressed.recipient;
            match addressed.kind {
                BoxKind::Device => {
                    let mut owners = accounts.values();
                    let owner = owners.find(|account| account.certified(&DeviceId(id)));
                    if !owner.is_some_and(|owner| readers.contains(&owner.id())) {
                        return Err("a key for a device of an outsider".to_owned());
                    }
                    if self.dead.contains(&DeviceId(id)) {
                        return Err("a key for a dead device".to_owned());
                    }
                }
                BoxKind::History | BoxKind::Pack => {
                    if !self.archive || !readers.contains(&AccountId(id)) {
                        return Err("a history key that is not to have it".to_owned());
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether an account was removed or has left at any time.
    pub fn was_out(&self, account: &AccountId) -> bool {
        self.was_out.contains(account)
    }

    /// Whether a device shows what stands at a position.
    pub fn right(&self, conv: &ConvId, position: u64, message: &Message, node: &Node) -> Right {
        let (account, device) = (node.person.account, node.person.device);
        if message.device == device {
            // What it wrote itself it has in any case; where, it may not have heard.
            return Right::May;
        }
        let over = node.over.as_ref();
        let over = over.map(|heads| heads.get(conv).copied().unwrap_or(0));
        let born = node.born.get(conv).copied().unwrap_or(0);
        let opens = message.opened > born || self.archive;
        let reads = message.readers.contains(&account);
        if !reads || !opens || over.is_some_and(|over| position > over) {
            Right::MustNot
        } else if over.is_some() || position < self.since[&account] {
            // It was given what there was as long as it was there to take it.
            Right::May
        } else if !self.members.contains_key(&account) {
            // Who has once begun to read reads up to the end of its time, whenever it comes back.
            let known = node.head(conv);
            if known.is_some_and(|head| self.since[&account] <= head) {
                Right::Must
            } else {
                Right::May
            }
        } else {
            Right::Must
        }
    }
}

/// The device that a carried statement ends.
fn ended(statement: &subrosa_proto::Signed) -> Option<DeviceId> {
    use subrosa_proto::{Prekey, Statement, StatementOp};
    let revoked = decode::<Statement>(&statement.body).ok();
    match revoked.map(|statement| statement.op) {
        Some(StatementOp::DeviceRevoke { device }) => Some(device),
        Some(_) => None,
        None => decode::<Prekey>(&statement.body)
            .ok()
            .map(|logout| logout.device),
    }
}
