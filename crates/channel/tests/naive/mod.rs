//! A second implementation of the channel, written from `docs/spec/channel.md` and `docs/spec/cipher.md` alone, with
//! nothing of the crate under test: plain functions over byte strings, no state but what the text names, panics
//! instead of errors.
#![allow(dead_code, reason = "each test binary takes what it needs")]

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes_gcm::aead::{Aead, Payload};
use hmac::Mac;
use ml_kem::{Decapsulate, Key, KeyExport, Seed, ml_kem_768};
use sha2::{Digest, Sha256};
use x25519_dalek::x25519;

pub const HELLO: u8 = 1;
pub const CLOSE: u8 = 2;
pub const LAST: u8 = 3;
pub const MORE: u8 = 4;

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = hmac::Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(&parts.concat());
    mac.finalize().into_bytes().into()
}

fn hkdf_sha256(ikm: &[u8], info: &[u8], len: usize) -> Vec<u8> {
    // RFC 5869 written out.
    let prk = hmac_sha256(&[0; 32], &[ikm]);
    let (mut okm, mut block) = (Vec::new(), Vec::new());
    for i in 1.. {
        if okm.len() >= len {
            break;
        }
        block = hmac_sha256(&prk, &[&block, info, &[i]]).to_vec();
        okm.extend_from_slice(&block);
    }
    okm.truncate(len);
    okm
}

// ---- cipher.md §3

fn subkeys(key: &[u8], label: &[u8]) -> ([u8; 32], [u8; 32], [u8; 32]) {
    let e = hkdf_sha256(key, label, 96);
    (
        e[..32].try_into().unwrap(),
        e[32..64].try_into().unwrap(),
        e[64..].try_into().unwrap(),
    )
}

fn iv_and_tag(
    km: &[u8],
    ki: &[u8; 32],
    n: u64,
    aad: &[u8],
    c: Option<&[u8]>,
) -> ([u8; 16], [u8; 32]) {
    let mut iv = u128::from(n).to_be_bytes().into();
    aes::Aes256::new(ki.into()).encrypt_block(&mut iv);
    let a = [&n.to_be_bytes(), aad].concat();
    let tag = hmac_sha256(
        km,
        &[
            &a,
            &iv,
            c.unwrap_or_default(),
            &(8 * a.len() as u64).to_be_bytes(),
        ],
    );
    (iv.into(), tag)
}

pub fn seal(key: &[u8], label: &[u8], n: u64, aad: &[u8], m: &[u8]) -> Vec<u8> {
    let (km, ke, ki) = subkeys(key, label);
    let (iv, _) = iv_and_tag(&km, &ki, n, aad, None);
    let c = cbc_encrypt(&ke, iv, m);
    let (_, tag) = iv_and_tag(&km, &ki, n, aad, Some(&c));
    [&c[..], &tag].concat()
}

pub fn open(key: &[u8], label: &[u8], n: u64, aad: &[u8], s: &[u8]) -> Option<Vec<u8>> {
    let (c, t) = s.split_at(s.len().checked_sub(32)?);
    let (km, ke, ki) = subkeys(key, label);
    let (iv, tag) = iv_and_tag(&km, &ki, n, aad, Some(c));
    if tag != t {
        return None;
    }
    cbc_decrypt(&ke, iv, c)
}

/// SP 800-38A §6.2 after PKCS#7, block by block.
fn cbc_encrypt(ke: &[u8; 32], mut previous: [u8; 16], m: &[u8]) -> Vec<u8> {
    let p = 16 - m.len() % 16;
    let padded = [m, &vec![p as u8; p]].concat();
    let aes = aes::Aes256::new(ke.into());
    let mut c = Vec::new();
    for block in padded.chunks(16) {
        let mut mixed = [0; 16];
        for i in 0..16 {
            mixed[i] = block[i] ^ previous[i];
        }
        let mut mixed = mixed.into();
        aes.encrypt_block(&mut mixed);
        previous = mixed.into();
        c.extend_from_slice(&previous);
    }
    c
}

fn cbc_decrypt(ke: &[u8; 32], iv: [u8; 16], c: &[u8]) -> Option<Vec<u8>> {
    let aes = aes::Aes256::new(ke.into());
    let (mut previous, mut m) = (iv, Vec::new());
    for block in c.chunks(16) {
        let block: [u8; 16] = block.try_into().ok()?;
        let mut plain = block.into();
        aes.decrypt_block(&mut plain);
        m.extend((0..16).map(|i| plain[i] ^ previous[i]));
        previous = block;
    }
    let p = usize::from(*m.last()?);
    let padding = m.split_off(m.len().checked_sub(p)?);
    ((1..=16).contains(&p) && padding.iter().all(|byte| usize::from(*byte) == p)).then_some(m)
}

// ---- channel.md §3

/// §3.3
pub fn record_key(first: &[u8], seq: u64) -> Vec<u8> {
    (0..seq / 65_536).fold(first.to_vec(), |key, _| {
        hkdf_sha256(&key, b"subrosa/1 rekey\0", 32)
    })
}

/// §3.1, of any plaintext: one without a type, too.
pub fn seal_plaintext(first: &[u8], seq: u64, plaintext: &[u8]) -> Vec<u8> {
    let c = 16 * (plaintext.len() / 16 + 1) + 32;
    let length = [(c >> 16) as u8, (c >> 8) as u8, c as u8];
    let sealed = seal(
        &record_key(first, seq),
        b"subrosa/1 record\0",
        seq,
        &length,
        plaintext,
    );
    assert_eq!(sealed.len(), c);
    [&length[..], &sealed].concat()
}

/// §3.1
pub fn seal_record(first: &[u8], seq: u64, kind: u8, body: &[u8]) -> Vec<u8> {
    seal_plaintext(first, seq, &[&[kind], body].concat())
}

/// §3.1: type and body of the record at the front of the stream, and the rest of the stream.
pub fn open_record<'a>(
    first: &[u8],
    seq: u64,
    stream: &'a [u8],
) -> Option<(u8, Vec<u8>, &'a [u8])> {
    let (length, rest) = stream.split_at_checked(3)?;
    let c = usize::from(length[0]) << 16 | usize::from(length[1]) << 8 | usize::from(length[2]);
    if !(48..=65_536).contains(&c) || c % 16 != 0 {
        return None;
    }
    let (sealed, rest) = rest.split_at_checked(c)?;
    let plaintext = open(
        &record_key(first, seq),
        b"subrosa/1 record\0",
        seq,
        length,
        sealed,
    )?;
    let (kind, body) = plaintext.split_first()?;
    Some((*kind, body.to_vec(), rest))
}

/// §4
pub fn hello(min: u16, max: u16, build: &[u8]) -> Vec<u8> {
    [
        &min.to_be_bytes()[..],
        &max.to_be_bytes(),
        &[build.len() as u8],
        build,
    ]
    .concat()
}

/// §4 to §6: the whole direction as a sender writes it.
pub fn stream(first: &[u8], hello: &[u8], messages: &[Vec<u8>]) -> Vec<u8> {
    let mut records = vec![(HELLO, hello.to_vec())];
    for message in messages {
        let mut rest = &message[..];
        while rest.len() > 16_464 {
            records.push((MORE, rest[..16_464].to_vec()));
            rest = &rest[16_464..];
        }
        records.push((LAST, rest.to_vec()));
    }
    records.push((CLOSE, Vec::new()));
    let sealed = (0..)
        .zip(records)
        .map(|(seq, (kind, body))| seal_record(first, seq, kind, &body));
    sealed.collect::<Vec<_>>().concat()
}

/// §4 to §6: the hello and the messages of a whole direction, up to its close at the very end.
pub fn read_stream(first: &[u8], mut stream: &[u8]) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let (HELLO, hello, rest) = open_record(first, 0, stream)? else {
        return None;
    };
    stream = rest;
    let (mut messages, mut message) = (Vec::new(), Vec::new());
    for seq in 1.. {
        let (kind, body, rest) = open_record(first, seq, stream)?;
        stream = rest;
        match kind {
            MORE => message.extend_from_slice(&body),
            LAST => {
                message.extend_from_slice(&body);
                messages.push(std::mem::take(&mut message));
            }
            CLOSE if message.is_empty() && body.is_empty() && rest.is_empty() => break,
            _ => return None,
        }
    }
    Some((hello, messages))
}

// ---- channel.md §2

/// What both ends know in the end, and how they got there.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub psk: [u8; 32],
    pub h: [u8; 32],
    pub k_cs: [u8; 32],
    pub k_sc: [u8; 32],
}

/// Noise's symmetric state (revision 34, §5.2).
struct Noise {
    h: [u8; 32],
    ck: [u8; 32],
    k: [u8; 32],
}

impl Noise {
    fn start(server_public: &[u8; 32]) -> Self {
        let name = *b"Noise_NKpsk2_25519_AESGCM_SHA256";
        let mut noise = Self {
            h: name,
            ck: name,
            k: [0; 32],
        };
        noise.mix_hash(b"subrosa/1 channel\0\x01");
        noise.mix_hash(server_public);
        noise
    }

    fn mix_hash(&mut self, data: &[u8]) {
        self.h = Sha256::digest([&self.h, data].concat()).into();
    }

    fn hkdf(&self, material: &[u8]) -> [[u8; 32]; 3] {
        let t = hmac_sha256(&self.ck, &[material]);
        let one = hmac_sha256(&t, &[&[1]]);
        let two = hmac_sha256(&t, &[&one, &[2]]);
        [one, two, hmac_sha256(&t, &[&two, &[3]])]
    }

    fn mix_key(&mut self, material: &[u8]) {
        [self.ck, self.k, _] = self.hkdf(material);
    }

    /// Token `e` in a pattern with a pre-shared key.
    fn e(&mut self, public: &[u8]) {
        self.mix_hash(public);
        self.mix_key(public);
    }

    fn psk(&mut self, psk: &[u8; 32]) {
        let [ck, data, k] = self.hkdf(psk);
        (self.ck, self.k) = (ck, k);
        self.mix_hash(&data);
    }

    /// Each key of this handshake encrypts once, so the nonce is zero.
    fn encrypt(&mut self, payload: &[u8]) -> Vec<u8> {
        let gcm = aes_gcm::Aes256Gcm::new(&self.k.into());
        let c = gcm
            .encrypt(
                &[0; 12].into(),
                Payload {
                    msg: payload,
                    aad: &self.h,
                },
            )
            .unwrap();
        self.mix_hash(&c);
        c
    }

    fn decrypt(&mut self, c: &[u8]) -> Option<Vec<u8>> {
        let gcm = aes_gcm::Aes256Gcm::new(&self.k.into());
        let payload = gcm
            .decrypt(
                &[0; 12].into(),
                Payload {
                    msg: c,
                    aad: &self.h,
                },
            )
            .ok()?;
        self.mix_hash(c);
        Some(payload)
    }

    fn outcome(&self, psk: [u8; 32]) -> Outcome {
        let [k_cs, k_sc, _] = self.hkdf(&[]);
        Outcome {
            psk,
            h: self.h,
            k_cs,
            k_sc,
        }
    }
}

pub fn public_of(private: &[u8; 32]) -> [u8; 32] {
    let mut nine = [0; 32];
    nine[0] = 9;
    x25519(*private, nine)
}

fn agree(private: &[u8; 32], public: &[u8]) -> Option<[u8; 32]> {
    Some(x25519(*private, public.try_into().unwrap())).filter(|shared| *shared != [0; 32])
}

/// §2.4
fn psk_of(ss: &[u8], ek: &[u8], ct: &[u8]) -> [u8; 32] {
    hmac_sha256(ss, &[b"subrosa/1 psk\0", ek, ct])
}

/// The client between M1 and M2.
pub struct Client {
    noise: Noise,
    e: [u8; 32],
    dk: ml_kem_768::DecapsulationKey,
    pub ek: Vec<u8>,
}

/// §2.2
pub fn m1(server_public: &[u8; 32], e: [u8; 32], kem_seed: [u8; 64]) -> (Client, Vec<u8>) {
    let dk = ml_kem_768::DecapsulationKey::from_seed(Seed::from(kem_seed));
    let ek = dk.encapsulation_key().to_bytes().to_vec();
    let mut noise = Noise::start(server_public);
    noise.e(&public_of(&e));
    noise.mix_key(&agree(&e, server_public).unwrap());
    let m1 = [&[1][..], &public_of(&e), &noise.encrypt(&ek)].concat();
    (Client { noise, e, dk, ek }, m1)
}

/// §2.3, at the client.
pub fn read_m2(client: Client, m2: &[u8]) -> Option<Outcome> {
    let Client {
        mut noise,
        e,
        dk,
        ek,
    } = client;
    let (ct, message) = m2.split_at(1_088);
    let (their_e, tag) = message.split_at(32);
    let psk = psk_of(&dk.decapsulate(&ct.try_into().unwrap()), &ek, ct);
    noise.e(their_e);
    noise.mix_key(&agree(&e, their_e)?);
    noise.psk(&psk);
    assert!(noise.decrypt(tag)?.is_empty());
    Some(noise.outcome(psk))
}

/// §2.2 and §2.3, at the server: M2, `ct`, `ss` and the outcome.
pub fn m2(
    server: &[u8; 32],
    m1: &[u8],
    e: [u8; 32],
    kem_m: [u8; 32],
) -> Option<(Vec<u8>, Vec<u8>, Outcome)> {
    assert_eq!((m1.len(), m1[0]), (1_233, 1));
    let mut noise = Noise::start(&public_of(server));
    let (their_e, c) = m1[1..].split_at(32);
    noise.e(their_e);
    noise.mix_key(&agree(server, their_e)?);
    let ek = noise.decrypt(c)?;
    let encoded: &Key<ml_kem_768::EncapsulationKey> = ek[..].try_into().unwrap();
    let (ct, ss) = ml_kem_768::EncapsulationKey::new(encoded)
        .ok()?
        .encapsulate_deterministic(&kem_m.into());
    let psk = psk_of(&ss, &ek, &ct);
    noise.e(&public_of(&e));
    noise.mix_key(&agree(&e, their_e)?);
    noise.psk(&psk);
    let m2 = [&ct[..], &public_of(&e), &noise.encrypt(&[])].concat();
    Some((m2, ss.to_vec(), noise.outcome(psk)))
}
