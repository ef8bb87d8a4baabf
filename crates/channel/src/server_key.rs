//! The server's static X25519 key pair (RFC 7748): the public half stands in the address, and who does not know it
//! cannot speak to the server (`docs/spec/channel.md` §1).

use core::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::noise;

/// The server's X25519 public key, 32 bytes, little-endian u-coordinate (RFC 7748 §5).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServerPublicKey([u8; 32]);

impl ServerPublicKey {
    /// Any 32 bytes are taken; a point of low order fails later, in [`dial`](crate::dial).
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes as they stand in the address.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ServerPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerPublicKey(")?;
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

/// The server's X25519 private key with its public half. Wiped when dropped; neither cloned nor shown.
pub struct ServerKey {
    private: Zeroizing<[u8; 32]>,
    public: ServerPublicKey,
}

impl ServerKey {
    /// Takes 32 uniformly random bytes, clamped where they are used (RFC 7748 §5).
    ///
    /// The array is copied in: a caller that holds it in a variable wipes that variable itself.
    pub fn from_bytes(mut bytes: [u8; 32]) -> Self {
        let private = Zeroizing::new(bytes);
        bytes.zeroize();
        let public = ServerPublicKey(noise::public_key(&private));
        Self { private, public }
    }

    /// The half that goes into the address.
    pub const fn public(&self) -> &ServerPublicKey {
        &self.public
    }

    pub(crate) fn private(&self) -> &[u8; 32] {
        &self.private
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerKey(private redacted, {:?})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_private_key_is_not_shown() {
        let key = ServerKey::from_bytes([0xa5; 32]);
        let shown = format!("{key:?}");
        assert!(!shown.contains("a5a5"), "{shown}");
        assert!(shown.contains("redacted"));
    }

    /// RFC 7748 §5.2, the iterated test after one step: scalar and point are both the base point's encoding.
    #[test]
    fn the_public_key_is_that_of_rfc_7748() {
        let mut nine = [0; 32];
        nine[0] = 9;
        let public = *ServerKey::from_bytes(nine).public().as_bytes();
        let expected = "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079";
        assert_eq!(data_encoding::HEXLOWER.encode(&public), expected);
    }
}
