//! Two people, two shell commands, and pipes.

use crate::machine::{Machine, line_of, sheet};
use rustix::process::Signal;
use std::os::unix::fs::PermissionsExt;

#[test]
fn two_people_write_to_each_other_through_pipes() {
    let machine = Machine::new();
    let mut up = machine.start(&["up", "--listen", "127.0.0.1:0"]);
    up.type_line("typed before anyone joined");
    up.type_line("and a second line");
    let line = up.join_line();
    assert_eq!(
        up.out.all().len(),
        1,
        "the join line is alone on standard output"
    );

    let mut join = machine.start(&["join", &line]);
    join.out.line("the first line", |line| {
        line == "ada: typed before anyone joined"
    });
    join.out
        .line("the second line", |line| line == "ada: and a second line");
    join.type_line("here I am");
    up.out.line("the answer", |line| line == "ada2: here I am");
    up.type_line("welcome, with a \u{1b}[31mcolour\u{202e}");
    join.out.line("the welcome, made harmless", |line| {
        line == "ada: welcome, with a \\u{1b}[31mcolour\\u{202e}"
    });

    join.type_line("last words");
    join.end_input();
    let done = join.wait();
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.err.contains("the profile ada2"), "{done:?}");
    up.out
        .line("the last words", |line| line == "ada2: last words");
    up.end_input();
    up.err.line("that it goes on is silent", |line| {
        line.contains("@ada2 is here")
    });
    let done = up.interrupt();
    assert_eq!(done.code, Some(0), "{done:?}");
}

#[test]
fn secrets_go_to_the_sheet_and_nowhere_else() {
    let machine = Machine::new();
    let (up, line) = machine.up();
    let join = machine.run(&["join", &line]);
    let up = up.interrupt();
    for (profile, done) in [("ada", &up), ("ada2", &join)] {
        let home = machine.home(profile);
        let (name, passphrase, code) = sheet(&home);
        assert_eq!(name, profile);
        assert_eq!(passphrase.split(' ').count(), 6, "six words");
        let mode = std::fs::metadata(home.join("sheet.txt"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let said = format!("{}{}", done.out, done.err);
        assert!(
            !said.contains(&passphrase) && !said.contains(&code),
            "{said}"
        );
        assert!(done.err.contains("sheet.txt"), "{done:?}");
    }
}

#[test]
fn the_second_up_goes_on_with_the_same_server_and_account() {
    let machine = Machine::new();
    let (mut up, line) = machine.up();
    let mut join = machine.start(&["join", &line]);
    join.type_line("before the pause");
    up.out
        .line("the message", |line| line == "ada2: before the pause");
    up.type_line("heard");
    join.out.line("the answer", |line| line == "ada: heard");
    assert_eq!(up.interrupt().code, Some(0));

    join.type_line("while nobody is there");
    let mut up = machine.start(&["up", "--listen", "127.0.0.1:0"]);
    let again = up.join_line();
    let address = |line: &str| line.rsplit_once('/').unwrap().0.to_owned();
    assert_eq!(
        address(&line),
        address(&again),
        "the same server, on the same port"
    );
    assert_ne!(line, again, "but another invite");
    up.out
        .line("what waited", |line| line == "ada2: while nobody is there");
    up.type_line("back again");
    join.out
        .line("the answer", |line| line == "ada: back again");
    up.signal(Signal::TERM);
    assert_eq!(up.wait().code, Some(0), "SIGTERM is a good end too");
}

#[test]
fn a_further_up_attaches_and_a_third_person_joins() {
    let machine = Machine::new();
    let (mut up, line) = machine.up();
    let mut bob = machine.start(&["join", &line, "--name", "bob"]);
    up.err.line("bob", |line| line.contains("@bob is here"));

    let mut second = machine.start(&["up"]);
    second
        .err
        .line("that it attaches", |line| line.contains("attaching"));
    let line = second.join_line();
    let mut carol = machine.start(&["join", &line, "--name", "carol"]);
    carol
        .err
        .line("the conversation", |line| line.contains("@ada is here"));
    second
        .err
        .line("carol", |line| line.contains("@carol is here too"));
    second.type_line("/to carol");
    second.type_line("for carol");
    carol.out.line("it", |line| line == "ada: for carol");
    second.type_line("/to bob");
    second.type_line("for bob");
    bob.out.line("it", |line| line == "ada: for bob");
    up.type_line("/invite");
    let line = up
        .out
        .line("a further line", |line| line.starts_with("subrosa join "));
    assert!(line_of(&line).starts_with("subrosa://"));

    for (person, text) in [(&mut bob, "from bob"), (&mut carol, "from carol")] {
        person.type_line(text);
        second
            .out
            .line("it at the second", |line| line.ends_with(text));
        up.out.line("it at the first", |line| line.ends_with(text));
    }
    assert_eq!(second.interrupt().code, Some(0));
    assert_eq!(up.interrupt().code, Some(0));
}

#[test]
fn objects_with_json() {
    let machine = Machine::new();
    let up = machine.start(&["up", "--listen", "127.0.0.1:0", "--json"]);
    let ready = up
        .out
        .line("that it is ready", |line| line.contains("\"ready\""));
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(ready["name"], "ada");
    let line = ready["line"].as_str().unwrap();
    assert_eq!(ready["join"], format!("subrosa join {line}"));

    let mut join = machine.start(&["join", line, "--json"]);
    join.type_line("as an object");
    let row = up.out.line("the row", |line| line.contains("as an object"));
    let row: serde_json::Value = serde_json::from_str(&row).unwrap();
    assert_eq!(
        (&row["notice"], &row["kind"], &row["from"], &row["own"]),
        (&"row".into(), &"text".into(), &"ada2".into(), &false.into())
    );
    join.out
        .line("the delivery", |line| line.contains("\"delivered\""));
    join.end_input();
    let done = join.wait();
    assert_eq!(done.code, Some(0));
    for line in done.out.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn a_chat_that_knows_nobody_says_so_at_its_end() {
    let machine = Machine::new();
    let (up, _) = machine.up();
    let told = machine.pipe(&["chat"], b"to nobody\n").failed(1);
    assert!(
        told.contains("1 lines were not sent") && told.contains("subrosa invite"),
        "{told}"
    );
    assert_eq!(up.interrupt().code, Some(0));
}
