//! Seal and Open on one core, beside AES-256-GCM of the same family of crates and of a library with assembly.
//!
//! `cargo bench -p subrosa-cipher --bench seal`. Each works on one text at a time, from one buffer into another that is
//! already there, except ring, which only works in place and is spared the copy. `seal-many` and `open-many` are Subrosa's
//! own lanes: as many texts at once as advance in lock-step.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that fails has nothing to report"
)]

use std::hint::black_box;

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use subrosa_cipher::{Key, LANES, Sealed, Text, purpose};

const KEY: [u8; 32] = [0x5a; 32];
const AAD: [u8; 3] = [0, 0x40, 0x30];
const NONCE: [u8; 12] = [3; 12];
const SIZES: [usize; 3] = [1024, 16 * 1024, 64 * 1024];

fn seal(c: &mut Criterion) {
    let mut group = c.benchmark_group("seal");
    let ours = Key::<purpose::Record>::from_bytes(KEY).prepare();
    let rust_crypto = aes_gcm::Aes256Gcm::new(&KEY.into());
    let ring = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).unwrap());
    for size in SIZES {
        let plaintext = vec![0xa5u8; size];
        let mut out = Vec::with_capacity(size + 64);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("subrosa", size), |b| {
            let mut n = 0;
            b.iter(|| {
                out.clear();
                ours.seal(n, &AAD, black_box(&plaintext), &mut out);
                n += 1;
                black_box(&out);
            });
        });
        group.bench_function(BenchmarkId::new("aes-gcm", size), |b| {
            b.iter(|| {
                out.clear();
                out.resize(size, 0);
                let buffer = InOutBuf::new(black_box(&plaintext), &mut out).unwrap();
                let tag = rust_crypto
                    .encrypt_inout_detached(&NONCE.into(), &AAD, buffer)
                    .unwrap();
                out.extend_from_slice(&tag);
                black_box(&out);
            });
        });
        group.bench_function(BenchmarkId::new("ring", size), |b| {
            let mut text = plaintext.clone();
            b.iter(|| {
                let nonce = Nonce::assume_unique_for_key(NONCE);
                let text = black_box(&mut text);
                let _ = black_box(
                    ring.seal_in_place_separate_tag(nonce, Aad::from(&AAD), text)
                        .unwrap(),
                );
            });
        });
    }
    group.finish();
}

fn open(c: &mut Criterion) {
    let mut group = c.benchmark_group("open");
    let ours = Key::<purpose::Record>::from_bytes(KEY).prepare();
    let rust_crypto = aes_gcm::Aes256Gcm::new(&KEY.into());
    let ring = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).unwrap());
    for size in SIZES {
        let mut sealed = Vec::new();
        ours.seal(0, &AAD, &vec![0xa5u8; size], &mut sealed);
        let mut gcm = vec![0xa5u8; size];
        let nonce = Nonce::assume_unique_for_key(NONCE);
        ring.seal_in_place_append_tag(nonce, Aad::from(&AAD), &mut gcm)
            .unwrap();
        let mut out = Vec::with_capacity(size + 64);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("subrosa", size), |b| {
            b.iter(|| {
                out.clear();
                ours.open(0, &AAD, black_box(&sealed), &mut out).unwrap();
                black_box(&out);
            });
        });
        group.bench_function(BenchmarkId::new("aes-gcm", size), |b| {
            let (ciphertext, tag) = gcm.split_last_chunk::<16>().unwrap();
            b.iter(|| {
                out.clear();
                out.resize(size, 0);
                let buffer = InOutBuf::new(black_box(ciphertext), &mut out).unwrap();
                rust_crypto
                    .decrypt_inout_detached(&NONCE.into(), &AAD, buffer, tag.into())
                    .unwrap();
                black_box(&out);
            });
        });
        group.bench_function(BenchmarkId::new("ring", size), |b| {
            let open = |text: &mut Vec<u8>| {
                let nonce = Nonce::assume_unique_for_key(NONCE);
                ring.open_in_place(nonce, Aad::from(&AAD), text)
                    .unwrap()
                    .len()
            };
            b.iter_batched_ref(|| gcm.clone(), open, BatchSize::SmallInput);
        });
    }
    group.finish();
}

/// Bytes of each of so many texts, as the channel has them: pushes, parts of a large message, whole records.
const LANE_SIZES: [usize; 4] = [200, 1024, 16_400, 65_502];

fn seal_many(c: &mut Criterion) {
    let mut group = c.benchmark_group("seal-many");
    let key = Key::<purpose::Record>::from_bytes(KEY).prepare();
    for size in LANE_SIZES {
        let plaintext = vec![0xa5u8; size * LANES];
        let mut out = Vec::with_capacity((size + 64) * LANES);
        group.throughput(Throughput::Bytes(plaintext.len() as u64));
        group.bench_function(BenchmarkId::new("subrosa", size), |b| {
            b.iter(|| {
                let texts: Vec<Text<'_>> = black_box(&plaintext)
                    .chunks(size)
                    .zip(0..)
                    .map(|(plaintext, n)| Text {
                        n,
                        aad: &AAD,
                        lead: &AAD,
                        first: Some(3),
                        plaintext,
                    })
                    .collect();
                out.clear();
                key.seal_many(&texts, &mut out);
                black_box(&out);
            });
        });
    }
    group.finish();
}

fn open_many(c: &mut Criterion) {
    let mut group = c.benchmark_group("open-many");
    let key = Key::<purpose::Record>::from_bytes(KEY).prepare();
    for size in LANE_SIZES {
        let mut sealed = Vec::new();
        for n in 0..LANES as u64 {
            key.seal(n, &AAD, &vec![0xa5u8; size], &mut sealed);
        }
        let mut out = Vec::with_capacity(sealed.len());
        group.throughput(Throughput::Bytes((size * LANES) as u64));
        group.bench_function(BenchmarkId::new("subrosa", size), |b| {
            b.iter(|| {
                let all: Vec<Sealed<'_>> = black_box(&sealed)
                    .chunks(sealed.len() / LANES)
                    .zip(0..)
                    .map(|(sealed, n)| Sealed {
                        n,
                        aad: &AAD,
                        sealed,
                    })
                    .collect();
                out.clear();
                for one in key.verify_many(&all) {
                    one.decrypt_behind_first(&mut out).unwrap();
                }
                assert_eq!(out.len(), (size - 1) * LANES);
                black_box(&out);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, seal, seal_many, open, open_many);
criterion_main!(benches);
