//! 32 secret bytes on their way into and out of sealed or stored texts.

use core::fmt;
use rand_core::CryptoRng;
use subrosa_proto::{CodecError, Reader, Wire, Writer, codec};
use zeroize::Zeroizing;

/// 32 secret bytes. Wiped when dropped, never shown; boxed, so that a move leaves no copy behind.
pub(crate) struct Secret(Box<Zeroizing<[u8; 32]>>);

impl Secret {
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Box::new(Zeroizing::new([0; 32]));
        rng.fill_bytes(bytes.as_mut_slice());
        Self(bytes)
    }

    pub(crate) fn copy_of(bytes: &[u8; 32]) -> Self {
        let mut own = Box::new(Zeroizing::new([0; 32]));
        own.copy_from_slice(bytes);
        Self(own)
    }

    pub(crate) fn replace(&mut self, bytes: &[u8; 32]) {
        self.0.copy_from_slice(bytes);
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl Wire for Secret {
    fn write(&self, out: &mut Writer) {
        out.bytes(self.0.as_slice());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        let bytes = from.bytes("secret")?;
        let bytes = bytes
            .as_array()
            .ok_or(CodecError::Shape("secret of another length"))?;
        Ok(Self::copy_of(bytes))
    }
}

/// Encodes a value that holds secrets. `room` is at least the length of the encoding: were the buffer to grow, a copy
/// would stay in freed memory.
pub(crate) fn encode<T: Wire>(value: &T, room: usize) -> Zeroizing<Vec<u8>> {
    let bytes = codec::encode_into(value, Vec::with_capacity(room));
    debug_assert!(bytes.len() <= room);
    Zeroizing::new(bytes)
}

/// Decodes a value that holds secrets and wipes the bytes that it came from.
pub(crate) fn decode<T: Wire>(bytes: Zeroizing<Vec<u8>>) -> Result<T, CodecError> {
    codec::decode(&bytes::Bytes::from_owner(bytes))
}
