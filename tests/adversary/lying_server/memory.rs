//! What lies in the memory of a device that is taken away while it runs. The device is a process of its own: this very
//! program, started once more.

use crate::stage::caller::Caller;
use crate::stage::entrance::{Newcomer, Recording, prove, register};
use crate::stage::people::{World, client_of, status};
use crate::stage::remains::{holds, memory_of};
use ed25519_dalek::SigningKey;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use subrosa_client::Home;
use subrosa_client::enrol::login;
use subrosa_proto::{Address, Name};
use zeroize::Zeroizing;

/// Where the process that is searched has its home, and which server is its own.
const HOME: &str = "SUBROSA_SEARCHED_HOME";
const SERVER: &str = "SUBROSA_SEARCHED_SERVER";
/// What it says when it has logged in and shows what was written.
const READY: &str = "it goes on";
const TEST: &str = "memory::a_process_that_has_logged_in_holds_no_key_of_the_account";

/// The process that is searched: it logs in by the password on its standard input and goes on, as a device does.
#[expect(
    clippy::print_stdout,
    reason = "whoever searches this process waits for its line"
)]
async fn be_searched(home: &Path) {
    let mut password = Zeroizing::new(Vec::with_capacity(256));
    // Unbuffered, so that no buffer of this program keeps what it reads.
    let mut input = File::open("/dev/stdin").unwrap();
    let mut byte = [0];
    while input.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
        password.extend_from_slice(&byte);
    }
    let typed = Zeroizing::new(std::str::from_utf8(&password).unwrap().to_owned());
    drop(password);
    let address = Address::parse(&std::env::var(SERVER).unwrap()).unwrap();
    let place = Home::open(home).unwrap();
    let name = Name::new("dora").unwrap();
    login(&place, &address, &name, typed, None, "taken", &mut |_| {})
        .await
        .unwrap();
    drop(place);
    let client = client_of(home).await;
    status(&client).await;
    println!("{READY}");
    // It is searched until its input ends.
    input.read_to_end(&mut Vec::new()).unwrap();
    client.close().await;
}

/// The forms in which a key that grows from these 32 bytes can lie there: the bytes, and the scalar that signs.
fn forms(seed: &[u8]) -> [Vec<u8>; 3] {
    let key = SigningKey::from_bytes(seed.try_into().unwrap());
    [
        seed.to_vec(),
        key.to_scalar_bytes().to_vec(),
        key.to_scalar().to_bytes().to_vec(),
    ]
}

// Proves: C18
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_has_logged_in_holds_no_key_of_the_account() {
    if let Some(home) = std::env::var_os(HOME) {
        return be_searched(Path::new(&home)).await;
    }
    let world = World::new().await;
    let line = world.liar.server().admin_invite().await.unwrap();
    let mut random = Recording::default();
    let password = "violet harbour anchor mosaic tundra";
    let newcomer = Newcomer {
        name: "dora",
        label: "first",
        password,
    };
    let (_, slots) = register(&world, &line, &newcomer, &mut random).await;

    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([TEST, "--exact", "--nocapture"])
        .env(HOME, world.path("taken"))
        .env(SERVER, world.address().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{password}").unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(
        said.any(|line| line.unwrap().contains(READY)),
        "it did not log in"
    );
    let memory = memory_of(child.id());
    drop(input);
    assert!(child.wait().unwrap().success());

    // The search finds what is there: this device's own key.
    let device = world.device_key("taken");
    assert!(holds(&memory, &device.to_bytes()));
    assert!(!holds(&memory, password.as_bytes()), "the password");
    for (slot, which) in slots.iter().zip(["password", "recovery code"]) {
        assert!(
            !holds(&memory, &slot.seed[..]),
            "the slot key of the {which}"
        );
    }
    // Identity key, history key, vault key: all come from these numbers.
    let drawn: Vec<_> = random.0.iter().filter(|drawn| drawn.len() == 32).collect();
    assert!(drawn.len() >= 3, "{}", drawn.len());
    let found: Vec<_> = (0..drawn.len())
        .filter(|at| forms(drawn[*at]).iter().any(|form| holds(&memory, form)))
        .collect();
    assert!(found.is_empty(), "keys of the account: {found:?}");
    // They are what opens the account.
    let mut caller = Caller::connect(world.liar.port(), world.address().key).await;
    prove(&mut caller, &world, "dora", password).await;
}
