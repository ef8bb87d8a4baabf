//! A bot's identity, which its owner makes and keeps, and the note behind its line
//! (`docs/spec/e2e.md` §14).

use crate::identity::Identity;
use crate::invite_note::{open_note, seal_note};
use crate::secret::{Secret, encode};
use bytes::Bytes;
use core::fmt;
use rand_core::CryptoRng;
use subrosa_cipher::OpenError;
use subrosa_ledger::statement_hash;
use subrosa_proto::{
    AccountId, ConvId, DeviceId, HashHead, Name, Signed, StatementOp, limits, record,
};
use zeroize::Zeroizing;

/// The identity key of a bot. The owner's devices keep its seed, so that any of them can end the
/// bot; the bot's home has it for as long as it takes to certify its device. Wiped when dropped.
pub struct BotIdentity(Identity);

impl BotIdentity {
    /// A new bot's.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(Identity::generate(rng))
    }

    /// From the seed that was kept.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Identity::from_seed(&Secret::copy_of(seed)))
    }

    /// What is kept of it.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(*self.0.seed().expose())
    }

    /// The bot's account.
    #[must_use]
    pub const fn id(&self) -> AccountId {
        self.0.id()
    }

    /// The beginning of its chain: genesis and warrant.
    #[must_use]
    pub fn found(&self, name: &Name, warrant: Signed) -> Vec<Signed> {
        let genesis = StatementOp::Genesis {
            identity: self.0.public_key(),
            name: name.clone(),
        };
        let genesis = self.0.sign_statement(None, genesis);
        let head = HashHead {
            seq: 0,
            hash: statement_hash(&genesis),
        };
        let bot = StatementOp::Bot { warrant };
        let bot = self.0.sign_statement(Some(head), bot);
        vec![genesis, bot]
    }

    /// Certifies the bot's one device.
    #[must_use]
    pub fn certify(&self, head: HashHead, device: DeviceId, label: &str) -> Signed {
        let label = label.to_owned();
        let add = StatementOp::DeviceAdd { device, label };
        self.0.sign_statement(Some(head), add)
    }

    /// Ends it.
    #[must_use]
    pub fn end(&self, head: HashHead, device: DeviceId) -> Signed {
        let revoke = StatementOp::DeviceRevoke { device };
        self.0.sign_statement(Some(head), revoke)
    }
}

impl fmt::Debug for BotIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BotIdentity({:?}, key redacted)", self.id())
    }
}

record! {
    /// What a room is called where the owner is, so that the bot's home calls it the same.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RoomName {
        /// The room.
        pub conv: ConvId,
        /// Its name there.
        pub name: String,
    }
}

/// What lies behind a bot's line.
#[derive(Debug)]
pub struct BotNote {
    /// The owner.
    pub owner: AccountId,
    /// Head of the owner's chain.
    pub head: HashHead,
    /// The bot's identity.
    pub identity: BotIdentity,
    /// What its rooms are called.
    pub rooms: Vec<RoomName>,
}

record! {
    struct Sealed {
        owner: AccountId,
        head: HashHead,
        seed: Secret,
        rooms: Vec<RoomName>,
    }
}

impl BotNote {
    /// Seals it for whoever holds the line; see [`crate::seal_invite_note`].
    #[must_use]
    pub fn seal(&self, note_key: &Zeroizing<[u8; 32]>, server_key: &[u8; 32]) -> Bytes {
        let note = Sealed {
            owner: self.owner,
            head: self.head,
            seed: self.identity.0.seed(),
            rooms: self.rooms.clone(),
        };
        let note = encode(&note, limits::BOT_NOTE_BYTES_MAX);
        seal_note(note_key, server_key, &note).into()
    }

    /// Opens what [`BotNote::seal`] made.
    ///
    /// # Errors
    /// [`OpenError`] when it was made with another line or for another server, or is no note.
    pub fn open(
        note_key: &Zeroizing<[u8; 32]>,
        server_key: &[u8; 32],
        sealed: &[u8],
    ) -> Result<Self, OpenError> {
        let note: Sealed = open_note(note_key, server_key, sealed)?;
        Ok(Self {
            owner: note.owner,
            head: note.head,
            identity: BotIdentity(Identity::from_seed(&note.seed)),
            rooms: note.rooms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{BotIdentity, BotNote, RoomName};
    use getrandom::SysRng;
    use rand_core::UnwrapErr;
    use subrosa_ledger::Account;
    use subrosa_proto::*;
    use zeroize::Zeroizing;

    fn bot() -> BotIdentity {
        BotIdentity::from_seed(&[7; 32])
    }

    // Proves: C10
    #[test]
    fn a_bots_note_opens_with_its_line_at_its_server_only_and_shows_no_key() {
        let note = BotNote {
            owner: AccountId([1; 32]),
            head: HashHead {
                seq: 3,
                hash: StatementHash([2; 32]),
            },
            identity: bot(),
            rooms: vec![
                RoomName {
                    conv: ConvId([5; 32]),
                    name: "#".repeat(70),
                };
                limits::BOT_ROOMS_MAX
            ],
        };
        let (key, server) = (Zeroizing::new([3; 32]), [4; 32]);
        let sealed = note.seal(&key, &server);
        assert!(sealed.len() <= limits::BOT_NOTE_BYTES_MAX);
        let read = BotNote::open(&key, &server, &sealed).unwrap();
        assert_eq!(read.identity.seed(), note.identity.seed());
        assert_eq!(
            (read.owner, read.head, &read.rooms),
            (note.owner, note.head, &note.rooms)
        );
        assert!(BotNote::open(&Zeroizing::new([5; 32]), &server, &sealed).is_err());
        assert!(BotNote::open(&key, &[5; 32], &sealed).is_err());
        assert!(format!("{note:?}").contains("redacted"));
    }

    #[test]
    fn a_bots_chain_is_whole() {
        let (bot, mut rng) = (bot(), UnwrapErr(SysRng));
        let owner = AccountId([1; 32]);
        let (machine, _) = crate::Machine::generate(owner, &mut rng);
        let warrant = machine.warrant(bot.id(), Vec::new());
        let mut account =
            Account::from_chain(&bot.found(&Name::new("ci").unwrap(), warrant)).unwrap();
        let device = DeviceId([8; 32]);
        account
            .append(&bot.certify(account.head(), device, "a runner"))
            .unwrap();
        assert!(
            account
                .append(&bot.certify(account.head(), DeviceId([9; 32]), ""))
                .is_err()
        );
        account.append(&bot.end(account.head(), device)).unwrap();
        assert!(account.devices().next().is_none());
        assert_eq!(account.warrant().unwrap().owner, owner);
    }
}
