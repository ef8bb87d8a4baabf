//! A verb that runs, typed to and listened to.

use crate::machine::{Done, line_of};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// What has not come by then does not come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running verb; killed when dropped.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    pub out: Lines,
    pub err: Lines,
}

/// What it has written so far, line by line.
#[derive(Clone, Default)]
pub struct Lines(Arc<(Mutex<Heard>, Condvar)>);

#[derive(Default)]
struct Heard {
    lines: Vec<String>,
    /// What has come of the line after those.
    begun: Vec<u8>,
    /// Lines that a wait has passed.
    passed: usize,
    ended: bool,
}

impl Heard {
    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => {
                    let line = std::mem::take(&mut self.begun);
                    self.lines.push(
                        String::from_utf8_lossy(&line)
                            .trim_end_matches('\r')
                            .to_owned(),
                    );
                }
                byte => self.begun.push(*byte),
            }
        }
    }

    /// All that no wait has passed.
    fn rest(&self) -> String {
        format!(
            "{}\n{}",
            self.lines[self.passed..].join("\n"),
            String::from_utf8_lossy(&self.begun)
        )
    }
}

impl Lines {
    fn hear(from: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let heard = lines.clone();
        let mut from = BufReader::new(from);
        std::thread::spawn(move || {
            loop {
                let count = match from.fill_buf() {
                    Ok([]) | Err(_) => break,
                    Ok(bytes) => {
                        heard.0.0.lock().unwrap().take(bytes);
                        bytes.len()
                    }
                };
                from.consume(count);
                heard.0.1.notify_all();
            }
            let mut last = heard.0.0.lock().unwrap();
            if !last.begun.is_empty() {
                last.take(b"\n");
            }
            last.ended = true;
            heard.0.1.notify_all();
        });
        lines
    }

    /// Waits for the next line of this kind, and passes it.
    pub fn line(&self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut heard = self.0.0.lock().unwrap();
        loop {
            let from = heard.passed;
            if let Some(at) = heard.lines[from..].iter().position(|line| is_it(line)) {
                heard.passed = from + at + 1;
                return heard.lines[from + at].clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !heard.ended,
                "{what} did not come in {:#?}",
                heard.lines
            );
            heard = self.0.1.wait_timeout(heard, left).unwrap().0;
        }
    }

    /// Waits for something that may stand anywhere, also on a line that has not ended.
    pub fn prompt(&self, what: &str, part: &str) {
        self.heard(what, |heard| heard.rest().contains(part));
    }

    /// Waits for something on a screen that is drawn.
    pub fn screen(&self, what: &str, part: &str) {
        self.heard(what, |heard| {
            crate::screen::drawn(&heard.rest()).contains(part)
        });
    }

    /// Waits for something on a screen, and gives the whole screen.
    pub fn whole_screen(&self, what: &str, part: &str) -> String {
        self.screen(what, part);
        crate::screen::drawn(&self.0.0.lock().unwrap().rest())
    }

    fn heard(&self, what: &str, enough: impl Fn(&Heard) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut heard = self.0.0.lock().unwrap();
        while !enough(&heard) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !heard.ended,
                "{what} did not come in {:?}",
                heard.rest()
            );
            heard = self.0.1.wait_timeout(heard, left).unwrap().0;
        }
    }

    /// Waits until so many lines of this kind have come.
    pub fn count(&self, what: &str, enough: usize, is_it: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut heard = self.0.0.lock().unwrap();
        loop {
            let count = heard.lines.iter().filter(|line| is_it(line)).count();
            if count >= enough {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !heard.ended,
                "{count} of {enough} {what} in {:#?}",
                heard.lines
            );
            heard = self.0.1.wait_timeout(heard, left).unwrap().0;
        }
    }

    /// All that has come.
    pub fn all(&self) -> Vec<String> {
        self.0.0.lock().unwrap().lines.clone()
    }

    /// All, once the other end is closed.
    fn whole(&self) -> String {
        let mut heard = self.0.0.lock().unwrap();
        while !heard.ended {
            heard = self.0.1.wait(heard).unwrap();
        }
        heard.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

impl Running {
    pub fn new(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let out = Lines::hear(child.stdout.take().unwrap());
        let err = Lines::hear(child.stderr.take().unwrap());
        Self {
            child,
            stdin,
            out,
            err,
        }
    }

    /// Waits for the join line that `up` prints.
    pub fn join_line(&self) -> String {
        line_of(
            &self
                .out
                .line("the join line", |line| line.starts_with("subrosa join ")),
        )
    }

    pub fn type_line(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Keys, without the end of a line.
    pub fn type_raw(&mut self, keys: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(keys.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// End of standard input.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// As with Ctrl-C; waits for the end.
    pub fn interrupt(self) -> Done {
        self.signal(Signal::INT);
        self.wait()
    }

    /// kill -9; waits for the end.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end, within a limit.
    pub fn wait(mut self) -> Done {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "it does not end: {:#?} {:#?}",
                self.out.all(),
                self.err.all()
            );
            // condition: the process has ended
            std::thread::sleep(Duration::from_millis(5));
        };
        Done {
            code: status.code(),
            out: self.out.whole(),
            err: self.err.whole(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
