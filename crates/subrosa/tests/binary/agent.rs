//! Programs that are none of ours, at the socket of a home.

use crate::machine::Machine;
use crate::running::Running;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

/// A program that knows JSON and nothing else.
struct Program {
    from: BufReader<UnixStream>,
    to: UnixStream,
}

impl Program {
    fn connect(path: &Path) -> Self {
        let to = UnixStream::connect(path).unwrap();
        to.set_read_timeout(Some(crate::running::PATIENCE)).unwrap();
        let from = BufReader::new(to.try_clone().unwrap());
        Self { from, to }
    }

    fn write(&mut self, line: &[u8]) {
        self.to.write_all(line).unwrap();
        self.to.write_all(b"\n").unwrap();
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        assert!(
            self.from.read_line(&mut line).unwrap() > 0,
            "the connection ended"
        );
        serde_json::from_str(&line).unwrap()
    }

    fn ask(&mut self, request: Value) -> Value {
        self.write(request.to_string().as_bytes());
        self.read()
    }

    fn code(&mut self, line: &[u8]) -> i64 {
        self.write(line);
        let answer = self.read();
        assert!(!answer["error"]["message"].as_str().unwrap().is_empty());
        answer["error"]["code"].as_i64().unwrap()
    }
}

fn agent(machine: &Machine, profile: &str) -> (Running, std::path::PathBuf) {
    let agent = machine.start(&["agent", "-p", profile]);
    let path = agent.out.line("the socket", |line| line.starts_with('/'));
    (agent, path.into())
}

#[test]
fn a_program_needs_no_hello_and_gets_the_errors_of_json_rpc() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let (agent, path) = agent(&machine, "ada");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut program = Program::connect(&path);

    let status = program.ask(json!({"jsonrpc": "2.0", "id": "s", "method": "status"}));
    assert_eq!(
        (&status["id"], &status["result"]["account"]["name"]),
        (&json!("s"), &json!("ada"))
    );
    for (line, code) in [
        (&b"{not json"[..], -32_700),
        (b"\xff\xfe", -32_700),
        (b"[]", -32_600),
        (br#"{"id":1,"method":"status"}"#, -32_600),
        (br#"{"jsonrpc":"2.0","id":{},"method":"status"}"#, -32_600),
        (br#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32_600),
        (
            br#"{"jsonrpc":"2.0","id":1,"method":"status","caller":""}"#,
            -32_600,
        ),
        (
            br#"{"jsonrpc":"2.0","id":1,"method":"frobnicate"}"#,
            -32_601,
        ),
        (
            br#"{"jsonrpc":"2.0","id":1,"method":"send","params":{"text":"hi"}}"#,
            -32_602,
        ),
        (
            br#"{"jsonrpc":"2.0","id":1,"method":"send","params":["bob","hi"]}"#,
            -32_602,
        ),
        (
            br#"{"jsonrpc":"2.0","id":1,"method":"read","params":{"conversation":"nobody"}}"#,
            -32_001,
        ),
    ] {
        assert_eq!(
            program.code(line),
            code,
            "{}",
            String::from_utf8_lossy(line)
        );
    }
    // None of it has ended the connection; what has no id is carried out and not answered.
    program.write(
        br#"{"jsonrpc":"2.0","method":"send","params":{"conversation":"bob","text":"no id"}}"#,
    );
    let sent = program.ask(json!({"jsonrpc": "2.0", "id": 9, "method": "send",
        "params": {"conversation": "bob", "text": "from a program"}}));
    assert_eq!(
        (&sent["id"], &sent["result"]["sent"]["state"]),
        (&json!(9), &json!("sent"))
    );
    // Under the same name the same is not sent again.
    for id in [10, 11] {
        program.write(
            json!({"jsonrpc": "2.0", "id": id, "method": "send", "caller": "once",
            "params": {"conversation": "bob", "text": "named"}})
            .to_string()
            .as_bytes(),
        );
    }
    let ids = [program.read(), program.read()].map(|answer| answer["result"]["sent"]["id"].clone());
    assert_eq!(ids[0], ids[1]);

    // It is not read to its end.
    drop(program.to.write_all(&vec![b'x'; 1024 * 1024]));
    assert_eq!(program.read()["error"]["code"], -32_600);

    let read = machine.run(&["read", "-p", "bob", "ada", "--json"]).ok();
    let texts = crate::machine::texts(&read);
    let texts: Vec<_> = texts.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["no id", "from a program", "named"]);
    assert_eq!(agent.interrupt().code, Some(0));
}

#[test]
fn each_answer_is_what_the_document_says() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let (_agent, path) = agent(&machine, "ada");
    let mut program = Program::connect(&path);
    let document = program.ask(json!({"jsonrpc": "2.0", "id": 1, "method": "rpc.discover"}));
    let printed = machine.run(&["agent", "--schema"]).ok();
    assert_eq!(
        document["result"],
        serde_json::from_str::<Value>(&printed).unwrap()
    );

    let mut tried = 0;
    for method in document["result"]["methods"].as_array().unwrap() {
        let required = |param: &Value| param["required"] == true;
        let name = method["name"].as_str().unwrap();
        if method["params"].as_array().unwrap().iter().any(required)
            || name == "rpc.discover"
            || ["lock", "logout"].contains(&name)
        {
            continue;
        }
        let answer = program.ask(json!({"jsonrpc": "2.0", "id": 2, "method": name}));
        let result = answer["result"]
            .as_object()
            .unwrap_or_else(|| panic!("{name}: {answer}"));
        let keys: Vec<_> = result.keys().collect();
        assert_eq!(keys, [method["result"]["name"].as_str().unwrap()], "{name}");
        tried += 1;
        if name == "subscribe" {
            program = Program::connect(&path);
        }
    }
    assert!(tried > 8, "{tried}");
}

#[test]
fn a_subscription_goes_on_with_its_cursor_and_ends_when_asked() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let (first, path) = agent(&machine, "ada");
    let mut program = Program::connect(&path);
    let answer = program.ask(json!({"jsonrpc": "2.0", "id": 5, "method": "subscribe"}));
    let began = answer["result"]["subscribed"]["cursor"].as_u64().unwrap();
    machine.run(&["send", "-p", "bob", "ada", "one"]).ok();
    let row = |program: &mut Program| loop {
        let notice = program.read()["params"].clone();
        if notice["notice"] == "row" && notice["kind"] == "text" {
            assert_eq!(notice["subscription"], 5);
            return (
                notice["text"].as_str().unwrap().to_owned(),
                notice["cursor"].as_u64().unwrap(),
            );
        }
    };
    let (text, cursor) = row(&mut program);
    assert!(text == "one" && cursor > began);
    let ended = program.ask(
        json!({"jsonrpc": "2.0", "id": 6, "method": "unsubscribe", "params": {"subscription": 5}}),
    );
    assert_eq!(ended["id"], 6, "{ended}");

    // Another owner, another connection: it goes on where it was.
    first.kill();
    machine.run(&["send", "-p", "bob", "ada", "two"]).ok();
    let (_second, path) = agent(&machine, "ada");
    let mut program = Program::connect(&path);
    program.ask(
        json!({"jsonrpc": "2.0", "id": 5, "method": "subscribe", "params": {"since": cursor}}),
    );
    assert_eq!(row(&mut program).0, "two");
}

#[test]
fn standard_input_and_a_socket_of_ones_choice_do_as_well() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let lines = br#"{"jsonrpc":"2.0","id":1,"method":"send","params":{"conversation":"ada","text":"by stdio"}}
{"jsonrpc":"2.0","id":2,"method":"read","params":{"limit":1}}"#;
    let done = machine.pipe(&["agent", "--stdio", "-p", "bob"], lines);
    let answers: Vec<Value> = done
        .ok()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), 2, "all is answered before the end: {done:?}");
    assert!(
        answers
            .iter()
            .any(|answer| answer["result"]["sent"]["state"] == "sent")
    );

    let path = machine.path("further");
    std::fs::write(&path, "not a socket").unwrap();
    let told = machine
        .run(&["agent", "-p", "bob", "--socket", path.to_str().unwrap()])
        .failed(1);
    assert!(told.contains("choose another path"), "{told}");
    std::fs::remove_file(&path).unwrap();
    let agent = machine.start(&[
        "agent",
        "-p",
        "bob",
        "--json",
        "--socket",
        path.to_str().unwrap(),
    ]);
    let ready = agent
        .out
        .line("that it is ready", |line| line.contains("socket"));
    assert_eq!(
        serde_json::from_str::<Value>(&ready).unwrap()["socket"],
        path.to_str().unwrap()
    );
    let status =
        Program::connect(&path).ask(json!({"jsonrpc": "2.0", "id": 1, "method": "status"}));
    assert_eq!(status["result"]["account"]["name"], "bob");
    assert_eq!(agent.interrupt().code, Some(0));
    assert!(!path.exists(), "it is taken away");
}

#[test]
fn an_agent_gives_way_to_a_newer_build_and_another_owner_does_not() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let (agent, path) = agent(&machine, "ada");
    let hello = |build: &str| json!({"jsonrpc": "2.0", "id": 0, "method": "hello", "params": {"build": build, "face": "send"}});
    let answer = Program::connect(&path).ask(hello("subrosa 0.0.1"));
    assert_eq!(answer["result"]["hello"]["gives_way"], false, "{answer}");
    let answer = Program::connect(&path).ask(hello("subrosa 99.0.0"));
    assert_eq!(answer["result"]["hello"]["gives_way"], true, "{answer}");
    let done = agent.wait();
    assert_eq!(done.code, Some(0), "{done:?}");

    let tail = machine.start(&["tail", "-p", "ada", "--json"]);
    tail.out.line("its link", |line| line.contains("\"link\""));
    let answer = Program::connect(&path).ask(hello("subrosa 99.0.0"));
    assert_eq!(answer["result"]["hello"]["gives_way"], false, "{answer}");
    assert_eq!(answer["result"]["hello"]["face"], "tail");
}

/// The example of the documentation, as somebody would run it.
#[test]
fn the_example_in_python_answers_across_its_own_end() {
    let machine = Machine::new();
    let (_server, _) = machine.serve();
    machine.ada_and_bob();
    let (_agent, path) = agent(&machine, "ada");
    let bot = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/echo_bot.py");
    let start = || {
        let mut command = Command::new("python3");
        command
            .arg(bot)
            .arg(&path)
            .env("ECHO_STATE", machine.path("cursor"));
        let command = command.stdin(std::process::Stdio::null());
        command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let bot = Running::new(command);
        bot.out.line("that it listens", |line| line == "listening");
        bot
    };
    let running = start();
    machine.run(&["send", "-p", "bob", "ada", "!echo one"]).ok();
    let answered = |text: &'static str| {
        machine.until(&["read", "-p", "bob", "ada", "--json"], move |out| {
            crate::machine::texts(out).contains(&("ada".to_owned(), text.to_owned()))
        })
    };
    answered("one");
    running.kill();
    machine.run(&["send", "-p", "bob", "ada", "!echo two"]).ok();
    let _running = start();
    let out = answered("two");
    let echoes = crate::machine::texts(&out)
        .into_iter()
        .filter(|(from, _)| from == "ada")
        .count();
    assert_eq!(echoes, 2, "each is answered once: {out}");
}
