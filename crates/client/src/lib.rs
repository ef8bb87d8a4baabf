//! The person's side: one account on one server, kept in one folder, used by any number of
//! processes at a time.
//!
//! A face (command line, chat, demo) opens a [`Home`], enrols it once, and then speaks to a
//! [`Client`]: [`Command`]s in, [`Answer`]s and [`Notice`]s out. Whether this process owns the
//! home or is a guest of another that does makes no difference to the face.

mod bot;
mod command;
mod consumer;
mod driver;
pub mod engine;
pub mod enrol;
mod evidence;
mod export;
mod home;
mod loss;
mod randomness;
mod room;
pub mod rpc;
mod search;
pub mod store;
mod trust_view;
mod upkeep_view;
mod view;

pub use bot::{BotCommand, BotGrant, BotState, BotView};
pub use command::{
    Act, Answer, Call, Caller, Command, Failure, FailureKind, Notices, Passphrase, Wait,
};
pub use consumer::{ConsumerCommand, ConsumerView};
pub use driver::{Driver, is_marked};
pub use evidence::{EvidenceError, Finding, verify as verify_evidence};
pub use export::{
    EXPORT_FORMAT, EXPORT_VERSION, ExportError, ExportFile, ExportSignature, ExportTalk,
    FileDigest, Manifest, Signer, manifest_digest, verify_export,
};
pub use home::{Client, Home, HomeError, Start};
pub use loss::{EvidenceView, LossView, OwnChainView};
pub use room::{MemberView, RoomCommand, RoomRole, RoomStanding, RoomView};
pub use search::{HitView, Reach, SearchView};
pub use trust_view::{
    About, Comparison, KeyDevice, Line, SettingView, Standing, TrustView, VerificationView,
};
pub use upkeep_view::{HealthView, StoragePart, StorageView, UpkeepCommand, WhyFact, WhyView};
pub use view::{
    AccountView, Beside, ContactView, ConversationView, DeviceView, HistoryView, InviteView,
    LinkState, Notice, ReactionView, ReceiptView, ReplyView, Row, RowKind, SendState, Trust,
};
