//! The words that clients and the server speak: ids, requests, answers, pushes, the envelope
//! of an event, and the strict encoding of all of them.
//!
//! No cryptography and no input or output: this crate says what the bytes look like
//! (docs/spec/ledger.md §1-§5), not whether they are true. Everything read through [`decode`]
//! has passed the strict check of [`codec`] and is still hostile until its meaning is checked
//! against [`limits`].

#[macro_use]
mod shape;

mod address;
mod bundle;
pub mod codec;
mod control;
mod error;
mod event;
mod ids;
mod keybox;
pub mod label;
pub mod limits;
mod push;
mod receipt;
mod request;
mod response;
mod signed;
mod statement;
mod timer;
mod trimmed;
mod version;
mod warrant;

pub use address::{Address, AddressError, Host, InviteLine, InviteSecret};
pub use bundle::Bundle;
pub use codec::{CodecError, Reader, Wire, Writer, decode, encode};
pub use control::{Control, Form, Role};
pub use error::{ErrorCode, Refusal};
pub use event::{Event, EventKind, Header, KeyFields, MessageFields, Quote, SUITE};
pub use ids::{
    AccountId, ContentId, ConvId, DeviceId, EventHash, HashHead, Idem, Incarnation, LogHash, Name,
    NameError, Nonce, SessionId, StatementHash,
};
pub use keybox::{BoxKind, KeyAt, KeyBox, KeysWanted};
pub use push::Push;
pub use receipt::Register;
pub use request::{Cursor, FromClient, Request};
pub use response::{ConvHead, Delivered, FromServer, InviteNote, LoggedIn, Page, Placed, Response};
pub use signed::Signed;
pub use statement::{LOGOUT_ID, Prekey, Statement, StatementOp};
pub use timer::{TIMER_STEPS_MS, timer_ms};
pub use trimmed::{Absence, Carried, TrimmedEvent};
pub use version::{BUILD, PROTOCOL_MAX, PROTOCOL_MIN};
pub use warrant::{Grant, Warrant};
