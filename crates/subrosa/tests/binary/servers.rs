//! Servers that the binary does not run itself: with another clock, of another version.

use crate::machine::Machine;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use subrosa_channel::{Hello, ServerKey, io};
use subrosa_proto::{Address, Host};
use subrosa_server::{Clock, Config, Server};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A server whose clock is set by hand, relative to this machine's.
struct Clocked {
    runtime: Runtime,
    server: Server,
    off_ms: Arc<AtomicI64>,
}

impl Clocked {
    fn start(machine: &Machine) -> Self {
        let runtime = Runtime::new().unwrap();
        let off_ms = Arc::new(AtomicI64::new(0));
        let mut config = Config::new(machine.path("server"));
        config.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
        let off = off_ms.clone();
        config.clock = Clock::from_fn(move || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            u64::try_from(now.as_millis())
                .unwrap()
                .saturating_add_signed(off.load(Ordering::Relaxed))
        });
        let server = runtime.block_on(Server::start(config)).unwrap();
        Self {
            runtime,
            server,
            off_ms,
        }
    }

    fn set_off(&self, off: Duration) {
        self.off_ms
            .store(off.as_millis().try_into().unwrap(), Ordering::Relaxed);
    }

    fn line(&self) -> String {
        self.runtime
            .block_on(self.server.admin_invite())
            .unwrap()
            .line()
    }
}

#[test]
fn an_expired_line_is_refused_and_a_fresh_one_is_asked_for() {
    let machine = Machine::new();
    let server = Clocked::start(&machine);
    let line = server.line();
    server.set_off(8 * DAY);
    let told = machine.run(&["join", &line, "--no-input"]).failed(1);
    assert!(
        told.contains("expired") && told.contains("new one"),
        "{told}"
    );
    machine.run(&["join", &server.line(), "--no-input"]).ok();
}

#[test]
fn clocks_far_apart_are_warned_of_once_and_stop_nothing() {
    let machine = Machine::new();
    let server = Clocked::start(&machine);
    machine
        .run(&["join", &server.line(), "--name", "ada", "--no-input"])
        .ok();
    let line = crate::machine::line_of(&machine.run(&["invite"]).ok());
    server.set_off(Duration::from_secs(3 * 60 * 60));
    machine
        .run(&["join", &line, "--name", "bob", "--no-input"])
        .ok();
    let chat = machine.pipe(&["chat", "bob"], b"at which hour?\n");
    assert_eq!(chat.code, Some(0), "{chat:?}");
    assert_eq!(chat.err.matches("differ by").count(), 1, "{chat:?}");
    let read = machine.run(&["-p", "bob", "read", "ada"]).ok();
    assert!(read.contains("(arrived) ada: at which hour?"), "{read}");
}

#[test]
fn a_server_of_another_version_is_told_with_both_versions() {
    let machine = Machine::new();
    let runtime = Runtime::new().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let key = ServerKey::from_bytes([9; 32]);
    let host = Host {
        name: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
    };
    let address = Address {
        hosts: vec![host],
        key: *key.public().as_bytes(),
    }
    .to_string();
    runtime.spawn(async move {
        let config = io::Config::new(Hello::new(8, 9, "subrosa of the future").unwrap());
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // It says which versions it speaks, finds none in common, and closes.
            let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
            drop(io::accept(stream, &key, &config, &mut rng).await);
        }
    });
    let password = machine.write("password", "whatever it is\n");
    let told = machine
        .run(&[
            "login",
            &address,
            "--name",
            "ada",
            "--password-file",
            &password,
        ])
        .failed(3);
    assert!(
        told.contains('8') && told.contains('9') && told.contains('1'),
        "{told}"
    );
    assert!(told.contains("version"), "{told}");
}
