//! Every limit of the protocol and the server's defaults, in one file.
//!
//! Units stand last in the names. What arrives is checked against these before it is kept.

/// Longest account name.
pub const NAME_BYTES_MAX: usize = 32;
/// Longest message on the channel before a connection has authenticated.
pub const MESSAGE_BYTES_UNAUTHENTICATED_MAX: usize = 4 * 1024;
/// Longest message after a valid invite or password, before the device has logged in.
pub const MESSAGE_BYTES_JOINING_MAX: usize = 64 * 1024;
/// Longest message once a device has logged in.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// Longest encoded event, boxes apart.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;
/// Longest text of one message, so that its event keeps below [`EVENT_BYTES_MAX`] when padded.
pub const TEXT_BYTES_MAX: usize = 48 * 1024;
/// Events in one append.
pub const APPEND_EVENTS_MAX: usize = 2;
/// Statements in one account chain, those of the branches that it has taken in among them.
pub const CHAIN_STATEMENTS_MAX: u64 = 1_024;
/// The same in bytes, so that a chain with its prekeys fits into one answer.
pub const CHAIN_BYTES_MAX: usize = 160 * 1024;
/// Branches that one account chain can take in.
pub const CHAIN_BRANCHES_MAX: usize = 16;
/// Live devices of one account.
pub const ACCOUNT_DEVICES_MAX: usize = 20;
/// Live devices in one room.
pub const ROOM_DEVICES_MAX: usize = 1_000;
/// Boxes staged by one device and not yet committed: one for each device of the largest room, and
/// one for each history key in it.
pub const STAGED_BOXES_MAX: usize = 2_000;
/// The same in bytes.
pub const STAGED_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Conversations one account asks about in one request.
pub const CURSORS_MAX: usize = 1_000;
/// Contact requests that wait for one account.
pub const PENDING_REQUESTS_MAX: usize = 50;
/// Blobs that one message may name.
pub const MESSAGE_BLOBS_MAX: usize = 64;
/// Chain heads that one key event may quote.
pub const QUOTES_MAX: usize = 64;
/// Bytes of events in one page or push.
pub const PAGE_BYTES_MAX: usize = 128 * 1024;
/// Events in one page or push.
pub const PAGE_EVENTS_MAX: usize = 500;
/// Longest bundle (vault, slots, login records).
pub const BUNDLE_BYTES_MAX: usize = 16 * 1024;
/// Longest invite note.
pub const NOTE_BYTES_MAX: usize = 1_024;
/// Longest note behind a bot's line.
pub const BOT_NOTE_BYTES_MAX: usize = 2_048;
/// Rooms that one bot may use.
pub const BOT_ROOMS_MAX: usize = 16;
/// Bots of one account that have not ended.
pub const BOTS_MAX: usize = 64;
/// Longest address or invite line.
pub const ADDRESS_BYTES_MAX: usize = 1_024;
/// Hosts in one address.
pub const ADDRESS_HOSTS_MAX: usize = 4;

/// Default TCP port.
pub const PORT: u16 = 7_673;
/// Time for a handshake.
pub const HANDSHAKE_MS: u64 = 5_000;
/// Time to authenticate after the handshake.
pub const AUTHENTICATE_MS: u64 = 30_000;
/// Life of an invite.
pub const INVITE_MS: u64 = 7 * DAY_MS;
/// Open invites of one account.
pub const INVITES_MAX: usize = 200;
/// Connections that have not authenticated.
pub const UNAUTHENTICATED_MAX: usize = 1_024;
/// Burst of new connections of one source.
pub const SOURCE_BURST: u32 = 20;
/// New connections of one source each second, after the burst.
pub const SOURCE_PER_S: u32 = 2;
/// Burst of password logins for one name and source.
pub const LOGIN_BURST: u32 = 5;
/// Password logins for one name and source each minute, after the burst.
pub const LOGIN_PER_MIN: u32 = 1;
/// Password logins for one name from all unknown sources each hour.
pub const LOGIN_PER_NAME_PER_H: u32 = 30;
/// Events that one device may append each second.
pub const EVENTS_PER_S: u32 = 20;
/// Burst of the same.
pub const EVENTS_BURST: u32 = 200;

/// Life of a prekey after it was made.
pub const PREKEY_MS: u64 = 30 * DAY_MS;
/// How often a device makes a new prekey.
pub const PREKEY_ROTATION_MS: u64 = DAY_MS;
/// How long the private part is kept after a newer prekey superseded it.
pub const PREKEY_SUPERSEDED_MS: u64 = 2 * DAY_MS;
/// Doubt about one's own clock when a prekey's expiry is judged.
pub const PREKEY_CLOCK_MS: u64 = 2 * DAY_MS;
/// Messages in one session, up to [`SESSION_SMALL_BOXES`] boxes.
pub const SESSION_MESSAGES: u32 = 100;
/// Messages in one session with more boxes.
pub const SESSION_MESSAGES_LARGE: u32 = 1_000;
/// Up to so many boxes a session counts as small.
pub const SESSION_SMALL_BOXES: usize = 64;
/// Longest life of a session.
pub const SESSION_MS: u64 = DAY_MS;
/// How long a sender keeps a session's first key to answer a lost box.
pub const SESSION_KEPT_MS: u64 = 7 * DAY_MS;
/// How far an author's clock may be off before the server's time is shown.
pub const CLOCK_SKEW_MS: u64 = 5 * 60 * 1_000;
/// How long the server remembers a request's idem, at least.
pub const IDEM_KEPT_MS: u64 = 7 * DAY_MS;
/// How long the server keeps a question for a lost box.
pub const ASK_MS: u64 = 7 * DAY_MS;
/// Questions for lost boxes that wait for one device in one conversation.
pub const ASKS_MAX: usize = 256;
/// Sessions in one pack.
pub const PACK_SESSIONS_MAX: usize = 512;
/// Longest encoded pack.
pub const PACK_BYTES_MAX: usize = 48 * 1024;
/// How long boxes to devices are kept.
pub const DEVICE_BOX_MS: u64 = 35 * DAY_MS;
/// Accounts in a conversation up to which its members are told what each has read, and who types.
pub const READ_RECEIPT_ACCOUNTS_MAX: usize = 20;
/// Longest receipt register or sign of typing.
pub const REGISTER_BYTES_MAX: usize = 512;
/// How long a sign of typing holds.
pub const TYPING_MS: u64 = 6_000;
/// How often one device says that its person types.
pub const TYPING_EVERY_MS: u64 = 3_000;
/// How long clients keep events as they came, for a server that is restored from a copy.
pub const RAW_KEPT_MS: u64 = 30 * DAY_MS;
/// One day.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
