//! `Noise_NKpsk2_25519_AESGCM_SHA256` (Noise Protocol Framework, revision 34, §7.4 and §9): the only file that names
//! `snow` and `x25519-dalek`. `docs/spec/channel.md` §2 says what is exchanged.
//!
//! What snow leaves to its user is done here: X25519 refuses a result of zero, so that no point of low order gets
//! through; private keys are wiped; the raw split is taken from a finished handshake only; a state that met an error
//! is dropped, because snow's own roll-back is partial. Snow does not wipe its chaining key or the pre-shared key: both
//! stay in freed memory until it is used again.

use rand_core::CryptoRng;
use snow::params::{CipherChoice, DHChoice, HashChoice, NoiseParams};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState};
use subtle::ConstantTimeEq;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

use crate::server_key::{ServerKey, ServerPublicKey};

const PATTERN: &str = "Noise_NKpsk2_25519_AESGCM_SHA256";
/// Where the pre-shared key stands in the pattern: at the end of the second message.
const PSK_POSITION: usize = 2;

/// Bytes of an X25519 public key on the wire.
pub(crate) const DH_LEN: usize = 32;
/// Bytes of the AES-256-GCM tag after each payload.
pub(crate) const TAG_LEN: usize = 16;

/// The handshake cannot go on. It says nothing more: every cause is the peer's doing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused;

impl From<snow::Error> for Refused {
    fn from(_: snow::Error) -> Self {
        Self
    }
}

/// What a finished handshake leaves: the handshake hash and one raw key for each direction.
pub(crate) struct Split {
    pub(crate) transcript: [u8; 32],
    pub(crate) client_to_server: Zeroizing<[u8; 32]>,
    pub(crate) server_to_client: Zeroizing<[u8; 32]>,
}

/// The client after its message, before the server's.
pub(crate) struct Initiator(HandshakeState);

impl Initiator {
    /// Appends `e`, then the payload and its tag, to `out`. Takes 32 bytes from `rng`: the ephemeral private key.
    pub(crate) fn start(
        server: &ServerPublicKey,
        prologue: &[u8],
        payload: &[u8],
        rng: &mut impl CryptoRng,
        out: &mut Vec<u8>,
    ) -> Result<Self, Refused> {
        let primitives = Primitives {
            ephemeral: draw(rng),
            known: None,
        };
        let mut state = Builder::with_resolver(params()?, Box::new(primitives))
            .prologue(prologue)?
            .remote_public_key(server.as_bytes())?
            .build_initiator()?;
        write(&mut state, payload, out)?;
        Ok(Self(state))
    }

    /// Reads the server's `e` and tag.
    pub(crate) fn finish(mut self, psk: &[u8; 32], message: &[u8]) -> Result<Split, Refused> {
        self.0.set_psk(PSK_POSITION, psk)?;
        match self.0.read_message(message, &mut [])? {
            0 => split(self.0),
            _ => Err(Refused),
        }
    }
}

/// The server after the client's message, before its own.
pub(crate) struct Responder(HandshakeState);

impl Responder {
    /// Reads the client's message into `payload`, which has exactly the payload's length. Takes 32 bytes from `rng`:
    /// the ephemeral private key.
    pub(crate) fn start(
        server: &ServerKey,
        prologue: &[u8],
        message: &[u8],
        payload: &mut [u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Refused> {
        let known = Pair {
            private: Zeroizing::new(*server.private()),
            public: *server.public().as_bytes(),
        };
        let primitives = Primitives {
            ephemeral: draw(rng),
            known: Some(known),
        };
        let mut state = Builder::with_resolver(params()?, Box::new(primitives))
            .prologue(prologue)?
            .local_private_key(server.private())?
            .build_responder()?;
        let len = state.read_message(message, payload)?;
        if len == payload.len() {
            Ok(Self(state))
        } else {
            Err(Refused)
        }
    }

    /// Appends `e` and the tag of an empty payload to `out`.
    pub(crate) fn finish(mut self, psk: &[u8; 32], out: &mut Vec<u8>) -> Result<Split, Refused> {
        self.0.set_psk(PSK_POSITION, psk)?;
        write(&mut self.0, &[], out)?;
        split(self.0)
    }
}

/// The public half of an X25519 private key.
pub(crate) fn public_key(private: &[u8; 32]) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(*private)).to_bytes()
}

fn params() -> Result<NoiseParams, Refused> {
    Ok(PATTERN.parse()?)
}

fn draw(rng: &mut impl CryptoRng) -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    rng.fill_bytes(bytes.as_mut_slice());
    bytes
}

fn write(state: &mut HandshakeState, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Refused> {
    let start = out.len();
    let len = DH_LEN + payload.len() + TAG_LEN;
    out.resize(start + len, 0);
    let (_, message) = out.split_at_mut(start);
    if state.write_message(payload, message)? == len {
        Ok(())
    } else {
        Err(Refused)
    }
}

fn split(mut state: HandshakeState) -> Result<Split, Refused> {
    // The raw split itself does not look.
    if !state.is_handshake_finished() {
        return Err(Refused);
    }
    let transcript = state.get_handshake_hash().try_into().map_err(|_| Refused)?;
    let (mut initiator, mut responder) = state.dangerously_get_raw_split();
    let split = Split {
        transcript,
        client_to_server: Zeroizing::new(initiator),
        server_to_client: Zeroizing::new(responder),
    };
    initiator.zeroize();
    responder.zeroize();
    Ok(split)
}

/// The primitives that snow is given: X25519 and randomness from here, AES-256-GCM and SHA-256 from snow's default.
struct Primitives {
    ephemeral: Zeroizing<[u8; 32]>,
    known: Option<Pair>,
}

impl CryptoResolver for Primitives {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(OneDraw(Some(self.ephemeral.clone()))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        match choice {
            DHChoice::Curve25519 => {
                let known = self.known.clone();
                Some(Box::new(X25519 {
                    pair: Pair::default(),
                    known,
                }))
            }
            _ => None,
        }
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

/// Gives the 32 bytes drawn beforehand, once: snow asks for nothing but one ephemeral key.
struct OneDraw(Option<Zeroizing<[u8; 32]>>);

impl Random for OneDraw {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        match self.0.take() {
            Some(bytes) if dest.len() == bytes.len() => {
                dest.copy_from_slice(bytes.as_slice());
                Ok(())
            }
            _ => Err(snow::Error::Rng),
        }
    }
}

#[derive(Clone, Default)]
struct Pair {
    private: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

/// X25519 (RFC 7748 §5).
struct X25519 {
    pair: Pair,
    /// The server's own pair: deriving the public half anew would cost each handshake a multiplication.
    known: Option<Pair>,
}

impl X25519 {
    fn hold(&mut self, private: Zeroizing<[u8; 32]>) {
        self.pair = match self.known.take() {
            Some(known) if bool::from(known.private.ct_eq(private.as_slice())) => known,
            _ => Pair {
                public: public_key(&private),
                private,
            },
        };
    }
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        DH_LEN
    }

    fn priv_len(&self) -> usize {
        DH_LEN
    }

    fn set(&mut self, private: &[u8]) {
        // Snow hands back what the builder was given: 32 bytes. Anything else leaves the zero key, which fits no
        // public key.
        if let Ok(private) = private.try_into() {
            self.hold(Zeroizing::new(private));
        }
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        let mut private = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(private.as_mut_slice())?;
        self.hold(private);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.pair.public
    }

    fn privkey(&self) -> &[u8] {
        self.pair.private.as_slice()
    }

    /// Refuses a result of zero (RFC 7748 §6.1): that is every point of low order, in any encoding.
    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        let public: [u8; 32] = public
            .get(..DH_LEN)
            .and_then(|public| public.try_into().ok())
            .ok_or(snow::Error::Dh)?;
        let secret = StaticSecret::from(*self.pair.private);
        let shared = secret.diffie_hellman(&PublicKey::from(public));
        if !shared.was_contributory() {
            return Err(snow::Error::Dh);
        }
        out.get_mut(..DH_LEN)
            .ok_or(snow::Error::Dh)?
            .copy_from_slice(shared.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
