//! The secret part of Subrosa: what only the devices of the people who talk can do (`docs/spec/e2e.md`).
//!
//! | part | what it is for |
//! |---|---|
//! | [`Machine`] | the one entry point of a device: sign, seal, open |
//! | [`PrekeyDirectory`] | the newest prekeys of others, never gone back from |
//! | [`StoredSession`], [`Keyring`] | session keys, which lie in the client's store |
//! | [`Changes`] | what has to be saved before an effect leaves |
//! | [`Content`] | what is inside a message |
//! | [`Identity`], [`found_account`], [`open_vault`] | the account's own keys, for as long as they are at hand |
//!
//! No clock, disk, network or randomness of its own: time is an argument in Unix milliseconds, and so is the random number
//! generator. Whether an event is valid at its position is judged by `subrosa_ledger`, from the same code as at the server; this
//! crate opens what was found valid.

mod agreement;
mod bot;
mod changes;
mod content;
mod device;
mod encapsulation;
mod gossip;
mod identity;
mod invite_note;
mod keyring;
mod machine;
mod outbound;
mod pack;
mod padding;
mod prekey;
mod primitives;
mod readings;
mod receipt;
mod recipients;
mod safety_number;
mod sealed_box;
mod secret;
mod session;

mod signing;
mod typing;
mod vault;
#[cfg(test)]
mod vectors;

pub use agreement::{
    ContactTrust, ReadMark, SETTING_KEY_BYTES_MAX, SETTING_VALUE_BYTES_MAX, Setting,
};
pub use bot::{BotIdentity, BotNote, RoomName};
pub use changes::{BadRecordName, Changes, RecordName};
pub use content::{
    Body, CONTENT_VERSION, Content, ContentError, ContentRef, DEVICE_LABEL_BYTES_MAX, Delete,
    DeviceNote, Edit, FILE_NAME_BYTES_MAX, File, InviteIssued, REACTION_BYTES_MAX,
    ROOM_NAME_BYTES_MAX, ROOM_TOPIC_BYTES_MAX, Reaction, Reply, RoomTitle, Text,
};
pub use gossip::{QuoteVerdict, judge_quote};
pub use identity::Identity;
pub use invite_note::{open_invite_note, seal_invite_note};
pub use keyring::Keyring;
pub use machine::{
    CopiedDevice, LoadError, Machine, MessageMeta, OpenError, Opened, OpenedSession, SealError,
    Sealed,
};
pub use pack::{PACK_SESSIONS_MAX, seal_pack};
pub use prekey::{PrekeyDirectory, PrekeyError};
pub use readings::Readings;
pub use receipt::{ReadRegister, Receipt, RegisterError, read_register};
pub use safety_number::{safety_code, safety_number};
pub use sealed_box::BadBox;
pub use session::{BoxError, StoredSession};
pub use typing::{ReadTyping, read_typing};
pub use vault::{
    Credential, Founding, HistoryOpener, OpenedVault, Pack, Rewritten, SecretChange, Slot,
    SlotSecret, VaultError, found_account, open_vault,
};
