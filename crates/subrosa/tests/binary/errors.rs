//! Every error is one sentence with its cause and the next step, and a code.

use crate::machine::Machine;
use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A telling name of what listens nowhere.
fn unused_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[test]
fn usage() {
    let machine = Machine::new();
    for (args, part) in [
        (&["send"][..], "<NAME> is missing"),
        (&["sned"], "'sned'"),
        (&["read", "--limit", "0"], "--limit"),
        (&["join", "http://example.org"], "subrosa://"),
        (&["join", "subrosa://host"], "cut"),
        (
            &["login", "nowhere", "--name", "ada"],
            "no address of a server",
        ),
        (&["login", "x", "--name", "Ada!"], "letters a to z"),
        (&["up", "--listen", "somewhere far"], "address to listen on"),
        (&["read"], "subrosa up"),
        (&["-p", "nobody", "read"], "subrosa up"),
        (&["-p", "../..", "read"], "profile name"),
        (&["admin", "invite"], "no server"),
    ] {
        let told = machine.run(args).failed(1);
        assert!(told.contains(part), "{args:?}: {told}");
    }
}

#[test]
fn a_port_in_use_and_a_folder_that_is_not_ones_own() {
    let machine = Machine::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    for verb in ["up", "serve"] {
        let told = machine.run(&[verb, "--listen", &listen]).failed(3);
        assert!(
            told.contains("already in use") && told.contains("--listen"),
            "{told}"
        );
    }
    // Nobody may make folders there, not even root.
    let told = machine
        .run(&["serve", "--listen", "127.0.0.1:0", "--data", "/sys/subrosa"])
        .failed(6);
    assert!(
        told.contains("no permission") && told.contains("--data"),
        "{told}"
    );
    let told = machine.run(&[
        "--home",
        "/sys/subrosa",
        "login",
        &address(1),
        "--name",
        "ada",
        "--password-file",
        &machine.write("p", "x"),
    ]);
    assert_ne!(told.code, Some(0), "{told:?}");
    assert!(told.err.contains("--home"), "{told:?}");
}

/// An address with some key at a port of the loopback.
fn address(port: u16) -> String {
    use subrosa_proto::{Address, Host};
    let host = Host {
        name: "127.0.0.1".to_owned(),
        port,
    };
    Address {
        hosts: vec![host],
        key: [7; 32],
    }
    .to_string()
}

#[test]
fn a_server_out_of_reach_and_one_that_says_nothing() {
    let machine = Machine::new();
    let password = machine.write("password", "whatever it is\n");
    let login = |address: &str| {
        machine
            .run(&[
                "login",
                address,
                "--name",
                "ada",
                "--password-file",
                &password,
            ])
            .failed(3)
    };
    let told = login(&address(unused_port()));
    assert!(told.contains("reach") || told.contains("refused"), "{told}");

    // A real server, but not the one of the address; and no Subrosa at all: neither says anything.
    let (_server, real) = machine.serve();
    let port = real
        .split('/')
        .nth(2)
        .unwrap()
        .split(':')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    for port in [port, mute.local_addr().unwrap().port()] {
        let told = login(&address(port));
        for cause in ["key", "version", "no Subrosa"] {
            assert!(told.contains(cause), "{cause} in {told}");
        }
    }
}

#[test]
fn wrong_password_unknown_name_and_weak_password() {
    let machine = Machine::new();
    let (_server, address) = machine.serve();
    let weak = machine.write("weak", "password1\n");
    let line = machine.admin_line();
    let told = machine
        .run(&[
            "join",
            &line,
            "--name",
            "ada",
            "--password-file",
            &weak,
            "--no-input",
        ])
        .failed(1);
    assert!(
        told.contains("weak") || told.contains("strong") || told.contains("guess"),
        "{told}"
    );
    machine
        .run(&["join", &line, "--name", "ada", "--no-input"])
        .ok();
    let login = |name: &str| {
        machine
            .run(&["login", &address, "--name", name, "--password-file", &weak])
            .failed(1)
    };
    let told = login("ada");
    assert!(told.contains("name or the password is wrong"), "{told}");
    assert_eq!(
        told,
        login("nobody"),
        "an unknown name gets the same answer"
    );
}

#[test]
fn names_and_lines() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    let line = machine.admin_line();
    machine
        .run(&["join", &line, "--name", "ada", "--no-input"])
        .ok();
    let told = machine
        .run(&["join", &line, "--name", "bob", "--no-input"])
        .failed(1);
    assert!(
        told.contains("used already") && told.contains("new one"),
        "{told}"
    );

    let line = machine.admin_line();
    let told = machine
        .run(&["join", &line, "--name", "ada", "--no-input"])
        .failed(1);
    assert!(
        told.contains("ada is taken") && told.contains("--name"),
        "{told}"
    );
    let end = line.chars().last().unwrap();
    let other = if end == '0' { '1' } else { '0' };
    let mistyped = format!("{}{other}", &line[..line.len() - 1]);
    let told = machine.run(&["join", &mistyped, "--no-input"]).failed(1);
    assert!(told.contains("wrong") && told.contains("copy"), "{told}");
    let told = machine
        .run(&["join", &line[..line.len() - 4], "--no-input"])
        .failed(1);
    assert!(told.contains("cut"), "{told}");
    let told = machine
        .run(&["-p", "ada", "join", &line, "--no-input"])
        .failed(1);
    assert!(told.contains("account already"), "{told}");
    machine
        .run(&["join", &line, "--name", "bob", "--no-input"])
        .ok();
}

#[test]
fn messages_that_cannot_be_sent() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let most = vec![b'x'; 48 * 1024];
    machine.pipe(&["send", "bob"], &most).ok();
    let over = [most, b"y".to_vec()].concat();
    for (input, part) in [
        (&over[..], "48 KiB"),
        (b"\xff\xfe", "UTF-8"),
        (b"\n", "empty"),
        (b"", "empty"),
    ] {
        let told = machine.pipe(&["send", "bob"], input).failed(1);
        assert!(
            told.contains(part) && told.contains("nothing was sent"),
            "{told}"
        );
    }
    let told = machine
        .run(&["send", "nobody-of-this-name", "hi"])
        .failed(1);
    assert!(told.contains("nobody-of-this-name"), "{told}");
    let chat = machine.pipe(
        &["chat", "bob"],
        &[&over[..], b"\nfits\n/frobnicate\n"].concat(),
    );
    assert_eq!(chat.code, Some(1), "{chat:?}");
    assert!(
        chat.err.contains("48 KiB") && chat.err.contains("/frobnicate is no command"),
        "{chat:?}"
    );
    let read = machine.run(&["-p", "bob", "read", "ada", "--json"]).ok();
    assert!(read.contains("\"fits\""), "what could be sent was: {read}");
}

#[test]
fn a_damaged_store_and_a_home_in_the_way() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let store = machine.home("ada").join("store.db");
    let whole = std::fs::read(&store).unwrap();
    std::fs::write(&store, vec![0x5a; whole.len()]).unwrap();
    let told = machine.run(&["-p", "ada", "read"]).failed(1);
    assert!(
        told.contains("damaged") && told.contains("restore"),
        "{told}"
    );
    std::fs::write(&store, whole).unwrap();
    machine.run(&["-p", "ada", "read"]).ok();
    std::fs::remove_file(machine.home("bob").join("key")).unwrap();
    let told = machine.run(&["-p", "bob", "read"]).failed(1);
    assert!(told.contains("key"), "{told}");
}

#[test]
fn a_broken_server_does_not_start() {
    let machine = Machine::new();
    let (server, _) = machine.serve();
    server.interrupt().ok();
    let data = machine.path("server");
    let secrets = std::fs::read(data.join("secrets")).unwrap();
    std::fs::remove_file(data.join("secrets")).unwrap();
    let serve = || {
        machine
            .run(&[
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--data",
                data.to_str().unwrap(),
            ])
            .failed(3)
    };
    let told = serve();
    assert!(
        told.contains("secrets") && told.contains("backup"),
        "{told}"
    );
    std::fs::write(data.join("secrets"), secrets).unwrap();
    let database = data.join("db/subrosa.db");
    std::fs::write(&database, vec![0x5a; 20_000]).unwrap();
    let told = serve();
    assert!(
        told.contains("damaged") && told.contains("backup"),
        "{told}"
    );
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    for args in [
        &["completions", "bash"][..],
        &["read"],
        &["--help"],
        &["demo", "--no-input"],
    ] {
        let mut child = machine.command(args).spawn().unwrap();
        drop(child.stdout.take());
        let mut err = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        let code = child.wait().unwrap().code();
        assert_eq!(
            (code, err.contains("panicked") || err.contains("subrosa:")),
            (Some(0), false),
            "{args:?}: {err}"
        );
    }
}

#[test]
fn standard_output_that_is_full_is_told() {
    let machine = Machine::new();
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = machine
        .command(&["completions", "bash"])
        .stdout(Stdio::from(full))
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("standard output cannot be written"), "{err}");
}

#[test]
fn errors_are_objects_with_json() {
    let machine = Machine::new();
    let done = machine.run(&["read", "--json"]);
    assert_eq!(done.code, Some(1));
    let told: serde_json::Value = serde_json::from_str(&done.err).unwrap();
    assert_eq!((&told["error"], &told["exit"]), (&"user".into(), &1.into()));
    assert!(told["sentence"].as_str().unwrap().contains("subrosa up"));
}

#[test]
fn an_interrupt_ends_a_verb_that_waits() {
    let machine = Machine::new();
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = address(mute.local_addr().unwrap().port());
    let password = machine.write("password", "whatever it is\n");
    let login = machine.start(&[
        "login",
        &address,
        "--name",
        "ada",
        "--password-file",
        &password,
    ]);
    let begun = Instant::now();
    drop(mute.accept().unwrap());
    login
        .err
        .line("that it connects", |line| line.contains("connecting"));
    let done = login.interrupt();
    assert!(matches!(done.code, Some(130 | 3)), "{done:?}");
    assert!(begun.elapsed() < Duration::from_secs(30));
}

/// Runs a script in which `DISK` is a folder on a disk of one megabyte. Where the system lets nobody
/// mount one, not even in a namespace of their own, there is nothing to test.
fn on_a_small_disk(machine: &Machine, script: &str) -> Option<Output> {
    let disk = machine.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = |script: &str| {
        let script = format!(
            "mount -t tmpfs -o size=1m none {0} && export DISK={0} && {script}",
            disk.display()
        );
        let of_machine = machine.command(&[]);
        Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .envs(
                of_machine
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .stdin(Stdio::null())
            .output()
    };
    mount("true")
        .is_ok_and(|tried| tried.status.success())
        .then(|| mount(script).unwrap())
}

#[test]
fn a_full_disk_is_told_and_nothing_is_lost() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let binary = env!("CARGO_BIN_EXE_subrosa");
    let home = machine.home("ada");
    // The home moves to the small disk, which then fills; after room is made the same verb goes on.
    let script = format!(
        "cp -r {0}/. $DISK && head -c 2000000 /dev/zero > $DISK/filling 2>/dev/null; \
         {binary} --home $DISK send bob full; echo code $?; rm $DISK/filling; \
         {binary} --home $DISK send bob again; echo code $?",
        home.display()
    );
    let Some(output) = on_a_small_disk(&machine, &script) else {
        return;
    };
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let codes: Vec<_> = out
        .lines()
        .filter(|line| line.starts_with("code"))
        .collect();
    assert_eq!(codes, ["code 1", "code 0"], "{out}{err}");
    assert!(err.contains("full") && err.contains("make room"), "{err}");
    let read = machine.run(&["-p", "bob", "read", "ada", "--json"]).ok();
    assert!(
        read.contains("\"again\"") && !read.contains("\"full\""),
        "{read}"
    );
}

#[test]
fn a_server_on_a_full_disk_does_not_start() {
    let machine = Machine::new();
    let binary = env!("CARGO_BIN_EXE_subrosa");
    let script = format!(
        "head -c 2000000 /dev/zero > $DISK/filling 2>/dev/null; \
         {binary} serve --listen 127.0.0.1:0 --data $DISK/server; echo code $?"
    );
    let Some(output) = on_a_small_disk(&machine, &script) else {
        return;
    };
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(out.contains("code 3"), "{out}{err}");
    assert!(err.contains("no room left"), "{err}");
}
