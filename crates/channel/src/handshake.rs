//! The two messages that open a channel (`docs/spec/channel.md` §2), as typestates consumed by value: an error leaves
//! nothing behind that could be tried again.

use core::fmt;

use rand_core::CryptoRng;
use thiserror::Error;

use crate::derive;
use crate::frame::{Inbound, Outbound};
use crate::kem::{self, CIPHERTEXT_LEN, DecapsulationKey, ENCAPSULATION_KEY_LEN};
use crate::noise::{DH_LEN, Initiator, Responder, Split, TAG_LEN};
use crate::server_key::{ServerKey, ServerPublicKey};

/// The handshake's version: first byte of M1 and last of the prologue.
///
/// History: 1 (2026) `Noise_NKpsk2_25519_AESGCM_SHA256` with ML-KEM-768.
pub const VERSION: u8 = 1;

/// Bytes of M1, from the client: version, `e`, ML-KEM-768 encapsulation key, tag.
pub const M1_LEN: usize = 1 + DH_LEN + ENCAPSULATION_KEY_LEN + TAG_LEN;
/// Bytes of M2, from the server: ML-KEM-768 ciphertext, `e`, tag.
pub const M2_LEN: usize = CIPHERTEXT_LEN + DH_LEN + TAG_LEN;

/// The label `channel`, then the version.
const PROLOGUE: &[u8] = b"subrosa/1 channel\0\x01";

const _: () = assert!(matches!(PROLOGUE, [.., VERSION]));

/// Why a handshake came to nothing. A server answers none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// The message does not have the one length that it can have.
    #[error("a handshake message of a length that there is not")]
    Length,
    /// M1 is of a version of the handshake that this build does not know.
    #[error("a handshake of version {0}, and this build knows {VERSION}")]
    Version(u8),
    /// Made for another key, altered, or with a point of low order.
    #[error("the handshake was refused: other key, altered message, or an unusable point")]
    Refused,
}

impl From<crate::noise::Refused> for HandshakeError {
    fn from(_: crate::noise::Refused) -> Self {
        Self::Refused
    }
}

impl From<kem::InvalidKey> for HandshakeError {
    fn from(_: kem::InvalidKey) -> Self {
        Self::Refused
    }
}

/// Starts a handshake with the server that has this key. Gives M1, to be sent as it is.
///
/// Takes 96 bytes from `rng`: 64 for the ML-KEM key pair, then 32 for the X25519 one.
///
/// # Errors
/// [`HandshakeError::Refused`] if the server's key is a point of low order.
pub fn dial(
    server: &ServerPublicKey,
    rng: &mut impl CryptoRng,
) -> Result<(AwaitReply, Vec<u8>), HandshakeError> {
    let kem = DecapsulationKey::generate(rng);
    let mut m1 = Vec::with_capacity(M1_LEN);
    m1.push(VERSION);
    let noise = Initiator::start(server, PROLOGUE, &kem.encapsulation_key(), rng, &mut m1)?;
    Ok((AwaitReply { noise, kem }, m1))
}

/// The client between M1 and M2.
pub struct AwaitReply {
    noise: Initiator,
    kem: DecapsulationKey,
}

impl AwaitReply {
    /// Reads M2, exactly [`M2_LEN`] bytes.
    ///
    /// # Errors
    /// [`HandshakeError`] if the answer is not from the holder of the server's private key, or not to this M1.
    pub fn reply(self, m2: &[u8]) -> Result<Open, HandshakeError> {
        let (ciphertext, message) = m2.split_first_chunk().ok_or(HandshakeError::Length)?;
        if m2.len() != M2_LEN {
            return Err(HandshakeError::Length);
        }
        let shared = self.kem.decapsulate(ciphertext);
        let psk = derive::psk(&shared, &self.kem.encapsulation_key(), ciphertext);
        let Split {
            transcript,
            client_to_server,
            server_to_client,
        } = self.noise.finish(&psk, message)?;
        Ok(Open {
            outbound: Outbound::new(client_to_server),
            inbound: Inbound::new(server_to_client),
            transcript,
        })
    }
}

impl fmt::Debug for AwaitReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwaitReply(redacted)")
    }
}

/// Reads M1, exactly [`M1_LEN`] bytes, and gives M2 with the open channel. On any error nothing may be sent back.
///
/// Takes 64 bytes from `rng`: 32 for the X25519 key pair, then 32 for ML-KEM, these only if M1 is good.
///
/// # Errors
/// [`HandshakeError`] if M1 was not made for this server's key by somebody who speaks this version.
pub fn accept(
    server: &ServerKey,
    m1: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<(Open, Vec<u8>), HandshakeError> {
    let (version, message) = m1.split_first().ok_or(HandshakeError::Length)?;
    if *version != VERSION {
        return Err(HandshakeError::Version(*version));
    }
    if m1.len() != M1_LEN {
        return Err(HandshakeError::Length);
    }
    let mut encapsulation_key = [0; ENCAPSULATION_KEY_LEN];
    let noise = Responder::start(server, PROLOGUE, message, &mut encapsulation_key, rng)?;
    let (ciphertext, shared) = kem::encapsulate(&encapsulation_key, rng)?;
    let psk = derive::psk(&shared, &encapsulation_key, &ciphertext);
    let mut m2 = Vec::with_capacity(M2_LEN);
    m2.extend_from_slice(&ciphertext);
    let Split {
        transcript,
        client_to_server,
        server_to_client,
    } = noise.finish(&psk, &mut m2)?;
    let open = Open {
        outbound: Outbound::new(server_to_client),
        inbound: Inbound::new(client_to_server),
        transcript,
    };
    Ok((open, m2))
}

/// A channel whose handshake is done: two directions that know nothing of each other, and what they agreed on.
pub struct Open {
    outbound: Outbound,
    inbound: Inbound,
    transcript: [u8; 32],
}

impl Open {
    /// The handshake hash: 32 bytes, equal at both ends, different for each handshake. Whatever is signed or proven
    /// inside the channel is bound to the channel by it.
    pub const fn transcript(&self) -> &[u8; 32] {
        &self.transcript
    }

    /// The direction from here to the peer.
    pub const fn outbound(&mut self) -> &mut Outbound {
        &mut self.outbound
    }

    /// The direction from the peer to here.
    pub const fn inbound(&mut self) -> &mut Inbound {
        &mut self.inbound
    }

    /// The two directions apart, for two owners.
    pub fn split(self) -> (Outbound, Inbound) {
        (self.outbound, self.inbound)
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open")
            .field("outbound", &self.outbound)
            .field("inbound", &self.inbound)
            .finish_non_exhaustive()
    }
}
