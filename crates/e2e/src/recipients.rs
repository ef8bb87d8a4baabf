//! To whom a session is sealed (`docs/spec/e2e.md` §10.2).

use crate::encapsulation::PUBLIC_KEY_LEN;
use crate::prekey::{PrekeyDirectory, Usable, usable};
use crate::primitives::sha256;
use crate::session::Recipient;
use subrosa_ledger::{Account, Conversation, Record};
use subrosa_proto::{AccountId, BoxKind, DeviceId, Quote, limits};

/// The keys that get a session's first key, in an order that does not depend on how they were learned.
pub(crate) struct Recipients {
    pub(crate) keys: Vec<Recipient>,
    /// Live devices without a usable prekey: logged out, or away for too long.
    pub(crate) left_out: Vec<(AccountId, DeviceId)>,
    /// The chain heads that the choice rests on, the own account's first.
    pub(crate) quotes: Vec<Quote>,
}

/// What a sender has to learn before it can seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    Account(AccountId),
    Prekey(AccountId, DeviceId),
    /// Which of two branches of an account's chain is meant.
    Branch(AccountId),
}

impl Recipients {
    /// Everyone who gets the keys of what `own` sends in `conversation` now.
    pub(crate) fn find(
        conversation: &Conversation,
        record: &impl Record,
        prekeys: &PrekeyDirectory,
        own: (AccountId, DeviceId),
        now_ms: u64,
    ) -> Result<Self, Unknown> {
        let mut found = Self {
            keys: Vec::new(),
            left_out: Vec::new(),
            quotes: Vec::new(),
        };
        found.quote(own.0, record)?;
        let mut accounts: Vec<AccountId> = conversation.recipients().collect();
        accounts.sort_unstable();
        for id in accounts {
            let account = record.account(&id).ok_or(Unknown::Account(id))?;
            if !account.unhealed().is_empty() {
                return Err(Unknown::Branch(id));
            }
            found.add_devices(conversation, account, prekeys, own.1, now_ms)?;
            if conversation.archive() {
                found.add_history_key(account);
            }
            if id != own.0 {
                found.quote(id, record)?;
            }
        }
        found.quotes.truncate(limits::QUOTES_MAX);
        Ok(found)
    }

    fn add_devices(
        &mut self,
        conversation: &Conversation,
        account: &Account,
        prekeys: &PrekeyDirectory,
        own_device: DeviceId,
        now_ms: u64,
    ) -> Result<(), Unknown> {
        let mut devices: Vec<DeviceId> = conversation
            .recipient_devices(account)
            .map(|device| device.id)
            .filter(|device| *device != own_device)
            .collect();
        devices.sort_unstable();
        for device in devices {
            let prekey = prekeys
                .newest(&device)
                .ok_or(Unknown::Prekey(account.id(), device))?;
            match usable(prekey, now_ms) {
                Usable::Yes(key_id, key) => self.keys.push(Recipient {
                    kind: BoxKind::Device,
                    recipient: *device.as_bytes(),
                    key_id,
                    key: key.clone(),
                }),
                Usable::No => self.left_out.push((account.id(), device)),
            }
        }
        Ok(())
    }

    fn add_history_key(&mut self, account: &Account) {
        if let Some((generation, key)) = account.history_key()
            && key.len() == PUBLIC_KEY_LEN
        {
            self.keys.push(Recipient {
                kind: BoxKind::History,
                recipient: *account.id().as_bytes(),
                key_id: generation,
                key: key.clone(),
            });
        }
    }

    fn quote(&mut self, id: AccountId, record: &impl Record) -> Result<(), Unknown> {
        let account = record.account(&id).ok_or(Unknown::Account(id))?;
        self.quotes.push(Quote {
            account: id,
            head: account.head(),
        });
        Ok(())
    }

    /// Stands for who the recipients are. A new prekey of the same device changes nothing, a new generation of a history key
    /// does.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let parts: Vec<Vec<u8>> = self
            .keys
            .iter()
            .map(|to| {
                let generation = match to.kind {
                    BoxKind::Device => 0,
                    BoxKind::History | BoxKind::Pack => to.key_id,
                };
                [
                    &to.kind.number().to_be_bytes()[..],
                    &to.recipient,
                    &generation.to_be_bytes(),
                ]
                .concat()
            })
            .collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        sha256(&parts)
    }
}
