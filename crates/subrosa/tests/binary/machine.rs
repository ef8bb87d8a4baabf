//! A machine with nothing on it yet, on which the binary is run.

use crate::running::{PATIENCE, Running};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Instant;
use tempfile::TempDir;

/// A user's folders, thrown away in the end.
pub struct Machine {
    folder: TempDir,
}

/// How a verb ended.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Waits for the end of a verb. One that does not end is ended, and fails its test with what it had said.
fn ended(child: Child, args: &[&str]) -> Done {
    let began = Instant::now();
    let pid = child.id().to_string();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait_with_output()));
    let done = told.recv_timeout(2 * PATIENCE).unwrap_or_else(|_| {
        Command::new("kill").args(["-9", &pid]).status().unwrap();
        panic!("{args:?} does not end: {:?}", told.recv());
    });
    if began.elapsed().as_secs() > 5 {
        eprintln!("SLOW {:?} {args:?}", began.elapsed());
    }
    done.unwrap().into()
}

impl Machine {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The home of a profile.
    pub fn home(&self, profile: &str) -> PathBuf {
        self.path("data/subrosa/homes").join(profile)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_subrosa"));
        command
            .args(args)
            .env("HOME", self.folder.path())
            .env("XDG_DATA_HOME", self.path("data"))
            .env("USER", "ada")
            .env("TZ", "UTC")
            .env_remove("RUST_LOG")
            .env_remove("XDG_RUNTIME_DIR")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a verb to its end, with nothing on standard input.
    pub fn run(&self, args: &[&str]) -> Done {
        ended(self.command(args).spawn().unwrap(), args)
    }

    /// The same, with this on standard input.
    pub fn pipe(&self, args: &[&str], input: &[u8]) -> Done {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writing = std::thread::spawn(move || {
            // A verb may end before it has read all.
            drop(stdin.write_all(&input));
        });
        let done = ended(child, args);
        writing.join().unwrap();
        done
    }

    /// Runs a verb again and again until its output is as it should become.
    pub fn until(&self, args: &[&str], is_it: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let out = self.run(args).ok();
            if is_it(&out) {
                return out;
            }
            assert!(Instant::now() < deadline, "{args:?}: {out}");
        }
    }

    /// Runs a verb until it leaves nothing in the outbox.
    pub fn drain(&self, args: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let done = self.run(args);
            if done.code == Some(0) {
                return;
            }
            assert_eq!(done.code, Some(3), "{done:?}");
            assert!(Instant::now() < deadline, "{done:?}");
        }
    }

    /// Starts a verb and leaves it running.
    pub fn start(&self, args: &[&str]) -> Running {
        Running::new(self.command(args).stdin(Stdio::piped()))
    }

    /// Starts `up` on a free port of the loopback; returns it with its first join line.
    pub fn up(&self) -> (Running, String) {
        let up = self.start(&["up", "--listen", "127.0.0.1:0"]);
        let line = up.join_line();
        (up, line)
    }

    /// Starts a server alone; returns it with its address.
    pub fn serve(&self) -> (Running, String) {
        let server = self.start(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--data",
            self.path("server").to_str().unwrap(),
        ]);
        let address = server
            .out
            .line("the address", |line| line.starts_with("subrosa://"));
        (server, address)
    }

    /// A line of the server that [`Machine::serve`] runs.
    pub fn admin_line(&self) -> String {
        let done = self.run(&[
            "admin",
            "invite",
            "--data",
            self.path("server").to_str().unwrap(),
        ]);
        line_of(&done.ok())
    }

    /// Two accounts on the server that [`Machine::serve`] runs, in a verified conversation.
    pub fn ada_and_bob(&self) {
        self.run(&["join", &self.admin_line(), "--name", "ada", "--no-input"])
            .ok();
        let line = line_of(&self.run(&["invite"]).ok());
        self.run(&["join", &line, "--name", "bob", "--no-input"])
            .ok();
        self.write("hello.txt", "hello");
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Done {
    /// Its standard output; it must have ended well.
    pub fn ok(&self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out.clone()
    }

    /// The one sentence of a failure with this code.
    pub fn failed(&self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        let sentences: Vec<_> = self
            .err
            .lines()
            .filter_map(|line| line.strip_prefix("subrosa: "))
            .collect();
        assert_eq!(sentences.len(), 1, "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        sentences[0].to_owned()
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The line in `subrosa join LINE`, alone on its line.
pub fn line_of(out: &str) -> String {
    let line = out
        .lines()
        .find_map(|line| line.strip_prefix("subrosa join "));
    line.unwrap_or_else(|| panic!("no join line in {out:?}"))
        .to_owned()
}

/// The values of a sheet: name, passphrase, recovery code.
pub fn sheet(home: &Path) -> (String, String, String) {
    let text = std::fs::read_to_string(home.join("sheet.txt")).unwrap();
    let value = |name: &str| {
        let row = text
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(name));
        row.unwrap_or_else(|| panic!("no {name} in {text}"))
            .trim()
            .to_owned()
    };
    (value("name"), value("passphrase"), value("recovery code"))
}

/// The texts in the output of `read --json`, in order, with their authors.
pub fn texts(out: &str) -> Vec<(String, String)> {
    let rows = out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    rows.filter(|row| row["kind"] == "text")
        .map(|row| {
            (
                row["from"].as_str().unwrap().to_owned(),
                row["text"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}
