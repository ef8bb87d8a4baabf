//! The wire between client and server (`docs/spec/channel.md`): a Noise handshake with ML-KEM-768 mixed in, then
//! numbered sealed records, and messages made of them.
//!
//! The core is bytes in and bytes out. [`dial`] and [`accept`] make the two handshake messages, each state is consumed
//! by the step that leaves it, and both ends arrive at an [`Open`] channel:
//!
//! ```
//! use subrosa_channel::{Event, Hello, Progress, ServerKey, accept, dial};
//!
//! let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
//! let server = ServerKey::from_bytes([7; 32]);
//!
//! let (await_reply, m1) = dial(server.public(), &mut rng)?;
//! let (at_server, m2) = accept(&server, &m1, &mut rng)?;
//! let at_client = await_reply.reply(&m2)?;
//! assert_eq!(at_client.transcript(), at_server.transcript());
//!
//! let (mut outbound, _) = at_client.split();
//! let (_, mut inbound) = at_server.split();
//! let mut wire = Vec::new();
//! outbound.hello(&Hello::new(1, 1, "example")?, &mut wire)?;
//! outbound.message(b"over land and sea", &mut wire)?;
//!
//! let Progress::Record { consumed, event: Some(Event::Hello(_)) } = inbound.read(&wire)? else { panic!() };
//! let Progress::Record { event: Some(Event::Message(message)), .. } = inbound.read(&wire[consumed..])? else { panic!() };
//! assert_eq!(message, b"over land and sea"[..]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`io`] moves those bytes over TCP and is the only part that knows of sockets and clocks. Any error, on either
//! layer, destroys the state that met it: there is nothing to retry on a channel.

mod derive;
mod frame;
mod handshake;
mod hello;
pub mod io;
mod kem;
mod noise;
mod record;
mod server_key;

pub use frame::{
    Advance, Event, Inbound, MESSAGE_BYTES_MAX, Outbound, Progress, ReceiveError, SendError,
};
pub use handshake::{AwaitReply, HandshakeError, M1_LEN, M2_LEN, Open, VERSION, accept, dial};
pub use hello::{BUILD_BYTES_MAX, Hello, HelloError};
pub use record::{REKEY_RECORDS, RecordError};
pub use server_key::{ServerKey, ServerPublicKey};
