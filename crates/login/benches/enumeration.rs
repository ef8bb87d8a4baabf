//! Whether the time of the server's answer tells a known name from an unknown one:
//! `cargo bench -p subrosa-login --bench enumeration`.
//!
//! The two kinds are measured in turn, so that a busy machine disturbs both alike. Welch's t over the faster 90 % of
//! each says how far apart the means are, in units of their error: beyond 4.5 is taken for a leak by those who test
//! hardware so.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench fails by panicking and prints its result"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a bench measures time"
)]

use std::hint::black_box;
use std::time::Instant;

use getrandom::SysRng;
use rand_core::UnwrapErr;
use subrosa_login::{
    Bound, ClientLogin, ClientRegistration, Credential, CredentialId, Record, ServerLogin,
    ServerSetup, generate_passphrase,
};

const SERVER: [u8; 32] = [8; 32];
const ROUNDS: usize = 20_000;

fn main() {
    let mut rng = UnwrapErr(SysRng);
    let setup = ServerSetup::from_seed(&[7; 32]).unwrap();
    let secret = generate_passphrase(&mut rng);
    let id = |name| CredentialId::new(Credential::Password, name).unwrap();
    let bound = |name| Bound::new(id(name), &SERVER, &[9; 32]);

    let (client, request) = ClientRegistration::start(&secret, &mut rng).unwrap();
    let response = setup.respond(&id("ann"), &request).unwrap();
    let registered = client
        .finish(&response, &id("ann"), &SERVER, &mut rng)
        .unwrap();
    let stored = *Record::from_upload(&registered.upload).unwrap().as_bytes();
    let (_, ke1) = ClientLogin::start(&secret, bound("ann"), &mut rng).unwrap();

    let mut nanoseconds = |known: bool| {
        let bound = bound(if known { "ann" } else { "bob" });
        let begin = Instant::now();
        let record = known.then(|| Record::from_store(&stored));
        black_box(ServerLogin::start(&setup, record.as_ref(), bound, &ke1, &mut rng).unwrap());
        begin.elapsed().as_nanos() as f64
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Turn about who goes first.
        for is_known in [round % 2 == 0, round % 2 == 1] {
            let spent = nanoseconds(is_known);
            if is_known {
                known.push(spent)
            } else {
                unknown.push(spent)
            }
        }
    }
    let (known, unknown) = (Sample::of(known), Sample::of(unknown));
    println!("answer to a known name:   {known}");
    println!("answer to an unknown one: {unknown}");
    let error = ((known.variance + unknown.variance) / known.count).sqrt();
    println!(
        "Welch's t over {} each: {:.2}",
        known.count,
        (known.mean - unknown.mean) / error
    );
}

/// The faster 90 % of the measurements.
struct Sample {
    count: f64,
    mean: f64,
    variance: f64,
    tenth: f64,
    median: f64,
}

impl Sample {
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let at = |share: usize| {
            times
                .get(times.len() * share / 10)
                .copied()
                .unwrap_or_default()
        };
        let (tenth, median) = (at(1), at(5));
        times.truncate(times.len() * 9 / 10);
        let count = times.len() as f64;
        let mean = times.iter().sum::<f64>() / count;
        let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Self {
            count,
            mean,
            variance,
            tenth,
            median,
        }
    }
}

impl std::fmt::Display for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [tenth, median, mean] = [self.tenth, self.median, self.mean].map(|time| time / 1000.0);
        write!(
            f,
            "tenth {tenth:.1} µs, median {median:.1} µs, mean {mean:.1} µs"
        )
    }
}
