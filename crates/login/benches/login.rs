//! Cost of the password login: `cargo bench -p subrosa-login`.
//!
//! The server's first step is measured for a known and for an unknown name: the two must not be told apart by time.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use subrosa_login::{
    Bound, ClientLogin, ClientRegistration, Credential, CredentialId, Record, Secret, ServerLogin,
    ServerSetup, check_strength, generate_passphrase,
};

const SERVER: [u8; 32] = [8; 32];

fn random() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

fn bound(name: &str) -> Bound {
    Bound::new(
        CredentialId::new(Credential::Password, name).unwrap(),
        &SERVER,
        &[9; 32],
    )
}

fn registered(setup: &ServerSetup, secret: &Secret) -> Record {
    let (client, request) = ClientRegistration::start(secret, &mut random()).unwrap();
    let id = CredentialId::new(Credential::Password, "ann").unwrap();
    let response = setup.respond(&id, &request).unwrap();
    Record::from_upload(
        &client
            .finish(&response, &id, &SERVER, &mut random())
            .unwrap()
            .upload,
    )
    .unwrap()
}

fn server(criterion: &mut Criterion) {
    let setup = ServerSetup::from_seed(&[7; 32]).unwrap();
    let secret = generate_passphrase(&mut random());
    let record = registered(&setup, &secret);
    let (client, ke1) = ClientLogin::start(&secret, bound("ann"), &mut random()).unwrap();

    let mut group = criterion.benchmark_group("server");
    group.bench_function("start, known name", |bencher| {
        bencher.iter(|| {
            let stored = Record::from_store(record.as_bytes());
            ServerLogin::start(&setup, Some(&stored), bound("ann"), &ke1, &mut random()).unwrap()
        });
    });
    group.bench_function("start, unknown name", |bencher| {
        bencher
            .iter(|| ServerLogin::start(&setup, None, bound("bob"), &ke1, &mut random()).unwrap());
    });
    group.bench_function("finish, refused", |bencher| {
        bencher.iter_batched(
            || {
                ServerLogin::start(&setup, Some(&record), bound("ann"), &ke1, &mut random())
                    .unwrap()
                    .0
            },
            |server| server.finish(&[0; 64]).unwrap_err(),
            BatchSize::SmallInput,
        );
    });
    let (_, request) = ClientRegistration::start(&secret, &mut random()).unwrap();
    let id = CredentialId::new(Credential::Password, "ann").unwrap();
    group.bench_function("registration response", |bencher| {
        bencher.iter(|| setup.respond(&id, &request).unwrap());
    });
    group.bench_function("setup from seed", |bencher| {
        bencher.iter(|| ServerSetup::from_seed(&[7; 32]).unwrap());
    });
    group.finish();
    drop(client);
}

fn client(criterion: &mut Criterion) {
    let setup = ServerSetup::from_seed(&[7; 32]).unwrap();
    let secret = generate_passphrase(&mut random());
    let record = registered(&setup, &secret);

    let mut group = criterion.benchmark_group("client");
    group.bench_function("start", |bencher| {
        bencher.iter(|| ClientLogin::start(&secret, bound("ann"), &mut random()).unwrap());
    });
    group.sample_size(20);
    group.bench_function("finish with Argon2id", |bencher| {
        bencher.iter_batched(
            || {
                let (client, ke1) =
                    ClientLogin::start(&secret, bound("ann"), &mut random()).unwrap();
                let (_, ke2) =
                    ServerLogin::start(&setup, Some(&record), bound("ann"), &ke1, &mut random())
                        .unwrap();
                (client, ke2)
            },
            |(client, ke2)| client.finish(&ke2, &mut random()).unwrap(),
            BatchSize::PerIteration,
        );
    });
    let chosen = Secret::password("greenish hippopotamus reads newspapers").unwrap();
    group.bench_function("strength of a password", |bencher| {
        bencher.iter(|| check_strength(&chosen, "ann").unwrap());
    });
    group.finish();
}

criterion_group!(benches, server, client);
criterion_main!(benches);
