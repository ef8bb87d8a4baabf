//! HPKE (RFC 9180) in base mode and for export only, with the hybrid KEM X-Wing: `docs/spec/e2e.md` §4.1.
//! This is the only file that names `hpke`.

use crate::secret::Secret;
use hpke::aead::ExportOnlyAead;
use hpke::kdf::HkdfSha256;
use hpke::kem::{Kem, XWing};
use hpke::{Deserializable, OpModeR, OpModeS, Serializable, setup_receiver, setup_sender_with_rng};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// Bytes of an X-Wing public key.
pub(crate) const PUBLIC_KEY_LEN: usize = 1_216;
/// Bytes of an X-Wing encapsulation.
pub(crate) const ENCAPSULATION_LEN: usize = 1_120;

/// The key or the encapsulation is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadEncapsulation;

/// The public key of the pair that `DeriveKeyPair(seed)` gives.
pub(crate) fn public_key(seed: &Secret) -> Vec<u8> {
    let (_, public) = XWing::derive_keypair(seed.expose());
    public.to_bytes().to_vec()
}

/// A fresh shared key of 32 bytes for the holder of `public`, with its encapsulation.
pub(crate) fn encapsulate(
    public: &[u8],
    info: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<(Vec<u8>, Zeroizing<[u8; 32]>), BadEncapsulation> {
    let public = <XWing as Kem>::PublicKey::from_bytes(public).map_err(|_| BadEncapsulation)?;
    let (encapsulation, context) = setup_sender_with_rng::<ExportOnlyAead, HkdfSha256, XWing>(
        &OpModeS::Base,
        &public,
        info,
        rng,
    )
    .map_err(|_| BadEncapsulation)?;
    let mut shared = Zeroizing::new([0; 32]);
    context
        .export(&[], shared.as_mut_slice())
        .map_err(|_| BadEncapsulation)?;
    Ok((encapsulation.to_bytes().to_vec(), shared))
}

/// The private half of the pair that `DeriveKeyPair(seed)` gives, expanded once for all the boxes
/// that it opens. Wiped when dropped, as its parts are.
pub(crate) struct PrivateKey(<XWing as Kem>::PrivateKey);

impl PrivateKey {
    pub(crate) fn derive(seed: &Secret) -> Self {
        let (secret, _) = XWing::derive_keypair(seed.expose());
        Self(secret)
    }
}

/// The shared key that an encapsulation carries. A wrong one gives another key, not an error.
pub(crate) fn decapsulate(
    PrivateKey(secret): &PrivateKey,
    encapsulation: &[u8],
    info: &[u8],
) -> Result<Zeroizing<[u8; 32]>, BadEncapsulation> {
    let encapsulation =
        <XWing as Kem>::EncappedKey::from_bytes(encapsulation).map_err(|_| BadEncapsulation)?;
    let context = setup_receiver::<ExportOnlyAead, HkdfSha256, XWing>(
        &OpModeR::Base,
        secret,
        &encapsulation,
        info,
    )
    .map_err(|_| BadEncapsulation)?;
    let mut shared = Zeroizing::new([0; 32]);
    context
        .export(&[], shared.as_mut_slice())
        .map_err(|_| BadEncapsulation)?;
    Ok(shared)
}
