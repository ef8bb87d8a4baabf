//! The protocol version spoken inside the channel.
//!
//! History: 1 (2026) first version.

/// The lowest version that this build speaks.
pub const PROTOCOL_MIN: u16 = 1;
/// The highest version that this build speaks.
pub const PROTOCOL_MAX: u16 = 1;
/// Names this build in the hello and between processes of one home.
pub const BUILD: &str = concat!("subrosa ", env!("CARGO_PKG_VERSION"));
