//! Box: a text sealed to a public key (`docs/spec/e2e.md` §4.1).

use crate::encapsulation::{ENCAPSULATION_LEN, PrivateKey, decapsulate, encapsulate, public_key};
use crate::secret::Secret;
use core::fmt;
use rand_core::CryptoRng;
use std::sync::OnceLock;
use subrosa_cipher::{Key, Purpose, sealed_len};
use zeroize::Zeroizing;

/// A box does not open, or cannot be made for this key. It never says which step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the box is not authentic")]
pub struct BadBox;

/// A key pair that receives boxes: the seed of an X-Wing pair, and the private half once it was needed.
pub(crate) struct BoxKey {
    seed: Secret,
    private: OnceLock<PrivateKey>,
}

impl BoxKey {
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::from_seed(Secret::generate(rng))
    }

    pub(crate) fn from_seed(seed: Secret) -> Self {
        Self {
            seed,
            private: OnceLock::new(),
        }
    }

    pub(crate) fn seed(&self) -> &Secret {
        &self.seed
    }

    pub(crate) fn public(&self) -> bytes::Bytes {
        public_key(&self.seed).into()
    }

    /// Opens a box of purpose `P` that was sealed with the same context.
    pub(crate) fn open<P: Purpose>(
        &self,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, BadBox> {
        let (encapsulation, rest) = sealed.split_at_checked(ENCAPSULATION_LEN).ok_or(BadBox)?;
        // Expanding the seed costs as much as opening: worth it once, not for every box of an archive.
        let private = self.private.get_or_init(|| PrivateKey::derive(&self.seed));
        let shared =
            decapsulate(private, encapsulation, &info::<P>(context)).map_err(|_| BadBox)?;
        let mut text = Zeroizing::new(Vec::with_capacity(rest.len()));
        Key::<P>::from_bytes(*shared)
            .prepare()
            .open(0, context, rest, &mut text)
            .map_err(|_| BadBox)?;
        Ok(text)
    }
}

impl fmt::Debug for BoxKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxKey(redacted)")
    }
}

/// Seals `text` to a public key. The context is authenticated and not part of the box.
pub(crate) fn seal_box<P: Purpose>(
    public: &[u8],
    context: &[u8],
    text: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, BadBox> {
    let (mut sealed, shared) = encapsulate(public, &info::<P>(context), rng).map_err(|_| BadBox)?;
    sealed.reserve(sealed_len(text.len()));
    Key::<P>::from_bytes(*shared)
        .prepare()
        .seal(0, context, text, &mut sealed);
    Ok(sealed)
}

fn info<P: Purpose>(context: &[u8]) -> Vec<u8> {
    [P::LABEL, context].concat()
}

#[cfg(test)]
mod tests {
    use super::{BoxKey, seal_box};
    use subrosa_cipher::purpose::{Share, Slot};

    #[test]
    fn a_box_opens_for_its_key_context_and_purpose_only() {
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let key = BoxKey::generate(&mut rng);
        let sealed = seal_box::<Share>(&key.public(), b"context", b"text", &mut rng).unwrap();
        assert_eq!(*key.open::<Share>(b"context", &sealed).unwrap(), b"text");

        assert!(key.open::<Share>(b"Context", &sealed).is_err());
        assert!(key.open::<Slot>(b"context", &sealed).is_err());
        let other = BoxKey::generate(&mut rng);
        assert!(other.open::<Share>(b"context", &sealed).is_err());
        for cut in [0, 1_119, 1_120, sealed.len() - 1] {
            assert!(key.open::<Share>(b"context", &sealed[..cut]).is_err());
        }
        // One bit in the ML-KEM part, in the X25519 part and in the sealed part.
        for at in [5, 1_100, 1_130] {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(key.open::<Share>(b"context", &altered).is_err(), "{at}");
        }
    }

    #[test]
    fn no_box_for_what_is_not_a_key() {
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        assert!(seal_box::<Share>(&[], b"", b"", &mut rng).is_err());
        assert!(seal_box::<Share>(&[0xff; 1_216], b"", b"", &mut rng).is_err());
    }

    #[test]
    fn nothing_secret_is_shown() {
        let key = BoxKey::from_seed(crate::secret::Secret::copy_of(&[0x42; 32]));
        assert_eq!(format!("{key:?}"), "BoxKey(redacted)");
    }
}
