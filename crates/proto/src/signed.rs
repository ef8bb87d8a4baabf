//! Bytes with a signature over exactly them (docs/spec/ledger.md §3).

use bytes::Bytes;

record! {
    /// A signed body. Which key signs, and under which label, follows from where it stands.
    /// The body is kept as received: nothing is encoded again to be verified.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Signed {
        /// The encoding of the signed value.
        pub body: Bytes,
        /// Ed25519 signature (RFC 8032).
        pub signature: [u8; 64],
    }
}
