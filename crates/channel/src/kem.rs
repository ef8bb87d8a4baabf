//! ML-KEM-768 (FIPS 203). The only file that names `ml-kem`: the crate has had no audit, so it stands beside X25519,
//! never alone, and can be replaced here.

use ml_kem::ml_kem_768;
use ml_kem::{B32, Decapsulate, Generate, Key, KeyExport};
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
    use ml_kem::Encapsulate;

    let encoded: &Key<ml_kem_768::EncapsulationKey> = encapsulation_key.into();
    let key = ml_kem_768::EncapsulationKey::new(encoded).map_err(|_| InvalidKey)?;
    let (ciphertext, shared) = key.encapsulate_with_rng(rng);
    Ok((ciphertext.into(), take(shared)))
}

/// Into an array that wipes itself; the crate's own is wiped here.
fn take(mut shared: B32) -> SharedSecret {
    let secret = Zeroizing::new(shared.into());
    shared.as_mut_slice().zeroize();
    secret
}

#[cfg(test)]
mod tests;
