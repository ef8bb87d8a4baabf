//! ML-KEM-768 (FIPS 203). The only file that names `ml-kem` and `libcrux-ml-kem`: they have had no audit, so they stand
//! beside X25519, never alone, and can be replaced here.
//!
//! The client makes the key pair and opens with `ml-kem`, which wipes private keys. The server holds no private key of this
//! kind: it encapsulates with libcrux, whose arithmetic is formally verified and takes a quarter of the time.

use libcrux_ml_kem::mlkem768;
use ml_kem::ml_kem_768;
use ml_kem::{B32, Decapsulate, Generate, KeyExport};
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of an encapsulation key (FIPS 203 §8, table 3).
pub(crate) const ENCAPSULATION_KEY_LEN: usize = 1184;
/// Bytes of a ciphertext (FIPS 203 §8, table 3).
pub(crate) const CIPHERTEXT_LEN: usize = 1088;

pub(crate) type EncapsulationKeyBytes = [u8; ENCAPSULATION_KEY_LEN];
pub(crate) type Ciphertext = [u8; CIPHERTEXT_LEN];
pub(crate) type SharedSecret = Zeroizing<[u8; 32]>;

/// The encapsulation key is not the encoding of one (FIPS 203 §7.2, the modulus check).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidKey;

/// The private half of a fresh key pair, wiped when dropped.
pub(crate) struct DecapsulationKey(ml_kem_768::DecapsulationKey);

impl DecapsulationKey {
    /// Takes 64 bytes from `rng`: the seeds d and z of FIPS 203 §7.1, in this order.
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(ml_kem_768::DecapsulationKey::generate_from_rng(rng))
    }

    pub(crate) fn encapsulation_key(&self) -> EncapsulationKeyBytes {
        self.0.encapsulation_key().to_bytes().into()
    }

    /// An altered ciphertext gives an unrelated secret instead of an error (FIPS 203 §7.3, implicit rejection).
    pub(crate) fn decapsulate(&self, ciphertext: &Ciphertext) -> SharedSecret {
        take(self.0.decapsulate(ciphertext.into()))
    }
}

/// Checks the key, then takes 32 bytes from `rng` (m of FIPS 203 §7.2).
pub(crate) fn encapsulate(
    encapsulation_key: &EncapsulationKeyBytes,
    rng: &mut impl CryptoRng,
) -> Result<(Ciphertext, SharedSecret), InvalidKey> {
    let key = mlkem768::MlKem768PublicKey::from(encapsulation_key);
    if !mlkem768::validate_public_key(&key) {
        return Err(InvalidKey);
    }
    let mut message = [0; 32];
    rng.fill_bytes(&mut message);
    let (ciphertext, mut shared) = mlkem768::encapsulate(&key, message);
    message.zeroize();
    let secret = Zeroizing::new(shared);
    shared.zeroize();
    Ok((ciphertext.into(), secret))
}

/// Into an array that wipes itself; the crate's own is wiped here.
fn take(mut shared: B32) -> SharedSecret {
    let secret = Zeroizing::new(shared.into());
    shared.as_mut_slice().zeroize();
    secret
}

#[cfg(test)]
mod tests;
