//! The server's secrets of the password login, all from one seed: docs/spec/login.md §5.1.

use core::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::credential::CredentialId;
use crate::derivation::{hkdf, label};
use crate::error::LoginError;
use crate::record::Record;
use crate::suite::{self, RECORD_LEN, REGISTRATION_RESPONSE_LEN, Setup};

/// OPRF seed and key pair of the server. Who loses the seed loses all passwords of all accounts; who has it and the
/// records can guess them. Wiped on drop.
pub struct ServerSetup {
    pub(crate) opaque: Setup,
    dummy_public: [u8; 32],
}

impl ServerSetup {
    /// Derives everything from the server's 32-byte seed; the same seed gives the same setup, always. The seed may
    /// serve other purposes under other labels.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, LoginError> {
        let opaque = Setup::new(
            &hkdf(seed, label::OPAQUE_OPRF),
            &hkdf(seed, label::OPAQUE_AKE),
        )?;
        let dummy_public = suite::public_key(&hkdf(seed, label::OPAQUE_DUMMY))?;
        Ok(Self {
            opaque,
            dummy_public,
        })
    }

    /// Answers a registration request of 32 bytes.
    pub fn respond(
        &self,
        credential: &CredentialId,
        request: &[u8],
    ) -> Result<[u8; REGISTRATION_RESPONSE_LEN], LoginError> {
        suite::registration_response(&self.opaque, credential.as_bytes(), request)
    }

    /// The record with which a login goes on: the stored one, or for an unknown name one that no secret opens
    /// (RFC 9807, CreateCredentialResponse). The dummy is made in both cases, so that both take the same steps.
    pub(crate) fn record_or_dummy(
        &self,
        stored: Option<&Record>,
        rng: &mut impl CryptoRng,
    ) -> Zeroizing<[u8; RECORD_LEN]> {
        let mut dummy = Zeroizing::new([0; RECORD_LEN]);
        let (public, rest) = dummy.split_at_mut(self.dummy_public.len());
        public.copy_from_slice(&self.dummy_public);
        let (masking_key, _envelope_of_zeros) = rest.split_at_mut(64);
        rng.fill_bytes(masking_key);
        match stored {
            Some(record) => Zeroizing::new(*record.as_bytes()),
            None => dummy,
        }
    }
}

impl fmt::Debug for ServerSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerSetup(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::cases;

    #[test]
    fn vectors() {
        for case in cases(include_str!("../tests/vectors/server-seed.txt")) {
            let seed: [u8; 32] = case.array("seed");
            assert_eq!(
                *hkdf(&seed, label::OPAQUE_OPRF),
                case.array::<64>("oprf_seed")
            );
            assert_eq!(
                *hkdf(&seed, label::OPAQUE_AKE),
                case.array::<32>("ake_seed")
            );
            assert_eq!(
                *hkdf(&seed, label::OPAQUE_DUMMY),
                case.array::<32>("dummy_seed")
            );
        }
    }

    #[test]
    fn dummy_record_is_one_that_a_login_takes() {
        let setup = ServerSetup::from_seed(&[1; 32]).unwrap();
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let [first, second] = [(); 2].map(|()| setup.record_or_dummy(None, &mut rng));
        assert_eq!(suite::check_record(&first), Ok(()));
        assert_ne!(first[32..96], second[32..96], "the masking key is fresh");
        assert_eq!(first[96..], [0; 96], "the envelope is zeros");
    }
}
