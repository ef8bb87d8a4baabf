//! What clients ask (docs/spec/ledger.md §9).

use crate::{AccountId, ConvId, Delivered, DeviceId, LogHash, Name, SessionId, Signed};
use bytes::Bytes;

record! {
    /// A message from a client: a request under a number that its answer will carry.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct FromClient {
        /// Chosen by the client, unique among its open requests.
        pub id: u64,
        /// The request.
        pub request: Request,
    }
}

record! {
    /// From which position a conversation is wanted.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Cursor {
        /// The conversation.
        pub conv: ConvId,
        /// The next position wanted, from 1.
        pub next: u64,
    }
}

choice! {
    /// Requests. Those up to 6, and those that say so, are allowed before a device has logged in.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Request {
        /// Nothing; answered by `Done`.
        0 => Ping {},
        /// Proves a device: Ed25519 over `device-auth` ‖ h ‖ account.
        1 => DeviceLogin { account: AccountId, device: DeviceId, signature: [u8; 64] },
        /// Registration, first step: invite code and two OPAQUE registration requests.
        2 => RegisterStart { code: [u8; 32], name: Name, password: Bytes, recovery: Bytes },
        /// Registration, second step. The chain is genesis, device_add, history_key, vault.
        /// Repeated by the same identity it is answered by `Done` again.
        3 => RegisterFinish { code: [u8; 32], chain: Vec<Signed>, bundle: Bytes, prekey: Signed },
        /// Password login, first step; credential 0 is the password, 1 the recovery code.
        4 => PasswordStart { credential: u8, name: Name, ke1: Bytes },
        /// Password login, second step.
        5 => PasswordFinish { ke3: Bytes },
        /// Appends to the own account chain; allowed after a password login on this connection.
        /// A `vault` statement comes with its bundle, a `device_add` with the device's first prekey.
        6 => ChainAppend { statements: Vec<Signed>, bundle: Option<Bytes>, prekey: Option<Signed> },
        /// Publishes this device's next prekey, or logs it out.
        7 => PutPrekey { prekey: Signed },
        /// Leaves an invite: SHA-256 of its code, its end and the sealed note.
        8 => InviteNew { code_hash: [u8; 32], expires_ms: u64, note: Bytes },
        /// The genesis of a name. The same answer for unknown names and for nobody.
        9 => Lookup { name: Name },
        /// The genesis of an account.
        10 => Genesis { account: AccountId },
        /// Chains and prekeys of the members of a conversation that has accepted each other, in the
        /// order of their accounts, after this one.
        11 => People { conv: ConvId, after: Option<AccountId> },
        /// Opens a conversation by its create event.
        12 => Create { counter: u64, event: Bytes },
        /// Boxes of a session that is about to be opened, in parts. Each is an encoded `KeyBox`.
        13 => Stage { session: SessionId, boxes: Vec<Bytes> },
        /// Appends encoded events; a key event takes the boxes staged under its session with it.
        14 => Append { counter: u64, conv: ConvId, events: Vec<Bytes> },
        /// Pushes these conversations from these positions on, as long as the connection lasts.
        15 => Follow { cursors: Vec<Cursor> },
        /// One page of a conversation.
        16 => Read { conv: ConvId, from: u64, count: u64 },
        /// Replaces this device's receipt register.
        17 => PutReceipt { conv: ConvId, register: Signed },
        /// The account's conversations after this one, in order of their ids.
        18 => Conversations { after: Option<ConvId> },
        /// This device holds the keys of all boxes up to here: they may be deleted.
        19 => AckBoxes { conv: ConvId, to: u64 },
        /// The account's own chain from a number on.
        20 => OwnChain { from: u64 },
        /// Tells those who follow a conversation that this device's person types, or has stopped. Never stored.
        23 => Typing { conv: ConvId, register: Signed },
        /// The control events above this position that lie before the account's start.
        21 => ControlHistory { conv: ConvId, after: u64 },
        /// Chains of accounts that the log remembers, members or not.
        22 => Chains { conv: ConvId, accounts: Vec<AccountId> },
        /// Of the chain of whoever signed the event at a position as much as certifies the device
        /// that did; for whoever may know the event, a member still or not.
        36 => AuthorChain { conv: ConvId, position: u64 },
        /// One box to the account's history key in place of those at these positions.
        24 => Pack { counter: u64, conv: ConvId, positions: Vec<u64>, key_box: Bytes },
        /// This device has no box of the key event there that opens.
        25 => AskBox { conv: ConvId, position: u64 },
        /// A box made anew for a device that asked.
        26 => GiveBox { counter: u64, conv: ConvId, position: u64, key_box: Bytes },
        /// A new registration for one of the account's secrets, after a password login on this
        /// connection; credential 0 is the password, 1 the recovery code. Each once a connection.
        27 => SecretStart { credential: u8, request: Bytes },
        /// Boxes to the account's history key beside events above a position; `which` is the
        /// number of a [`crate::KeysWanted`]. After a password login on this connection only,
        /// positions apart.
        29 => Keys { conv: ConvId, after: u64, which: crate::KeysWanted },
        /// Brings an account chain back to a restored server: statements of one account, in order,
        /// the bundle that its last vault statement names, and prekeys.
        30 => ReturnChain { statements: Vec<Signed>, bundle: Option<Bytes>, prekeys: Vec<Signed> },
        /// What a device keeps in order to heal a restored server.
        31 => Keepsake {},
        /// How far a conversation reaches, and L at a position.
        32 => LogAt { conv: ConvId, at: u64 },
        /// Brings events back that follow on L `before`.
        33 => ReturnEvents { conv: ConvId, first: u64, before: LogHash, events: Vec<Delivered> },
        /// Brings the boxes of an own key event back.
        34 => ReturnBoxes { conv: ConvId, position: u64, boxes: Vec<Bytes> },
        /// Shows that a restored server had this account: it may be brought back on this connection.
        35 => ShowVoucher { account: AccountId, voucher: [u8; 32] },
        /// Makes a bot of this account: its genesis and its `bot` statement, SHA-256 of its line's
        /// code, the line's end and the sealed note. The same again is done again.
        37 => BotNew { chain: Vec<Signed>, code_hash: [u8; 32], expires_ms: u64, note: Bytes },
        /// Before a login: what lies behind a bot's line.
        38 => BotStart { code: [u8; 32] },
        /// Before a login: the statement that certifies the bot's device, and its first prekey.
        /// The line is used up; repeated by the same device it is answered by `Done` again.
        39 => BotFinish { code: [u8; 32], statement: Signed, prekey: Signed },
        /// Ends a bot of this account: its line, if that is open, and its device by the statement.
        40 => BotEnd { bot: AccountId, statement: Option<Signed> },
    }
}
