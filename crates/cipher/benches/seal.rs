//! Seal and Open on one core, beside AES-256-GCM of the same family of crates and of a library with assembly.
//!
//! `cargo bench -p subrosa-cipher --bench seal`. Each runs over one text at a time and copies it into a buffer that is
//! already there, as the channel does.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that fails has nothing to report"
)]

use std::hint::black_box;

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use subrosa_cipher::{Key, purpose};

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
                out.extend_from_slice(black_box(&plaintext));
                let buffer = InOutBuf::from(out.as_mut_slice());
                let tag = rust_crypto
                    .encrypt_inout_detached(&NONCE.into(), &AAD, buffer)
                    .unwrap();
                out.extend_from_slice(&tag);
                black_box(&out);
            });
        });
        group.bench_function(BenchmarkId::new("ring", size), |b| {
            b.iter(|| {
                out.clear();
                out.extend_from_slice(black_box(&plaintext));
                let nonce = Nonce::assume_unique_for_key(NONCE);
                ring.seal_in_place_append_tag(nonce, Aad::from(&AAD), &mut out)
                    .unwrap();
                black_box(&out);
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
                out.extend_from_slice(black_box(ciphertext));
                let buffer = InOutBuf::from(out.as_mut_slice());
                rust_crypto
                    .decrypt_inout_detached(&NONCE.into(), &AAD, buffer, tag.into())
                    .unwrap();
                black_box(&out);
            });
        });
        group.bench_function(BenchmarkId::new("ring", size), |b| {
            b.iter(|| {
                out.clear();
                out.extend_from_slice(black_box(&gcm));
                let nonce = Nonce::assume_unique_for_key(NONCE);
                black_box(
                    ring.open_in_place(nonce, Aad::from(&AAD), &mut out)
                        .unwrap(),
                );
            });
        });
    }
    group.finish();
}

criterion_group!(benches, seal, open);
criterion_main!(benches);
