//! A server of the load's own: the same program in a process of its own, so that the system counts its processor time and memory.

use crate::outcome::{Outcome, system};
use crate::place::Limits;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use subrosa_client::Failure;
use subrosa_proto::Address;

/// How long the end of a server is waited for.
const END: Duration = Duration::from_secs(10);

pub(crate) struct Process {
    child: Child,
    /// From exec to the line that says it can be reached.
    pub(crate) started: Duration,
    pub(crate) address: Address,
}

impl Process {
    /// Runs `program serve` in a folder, on a free port of the loopback.
    pub(crate) fn start(program: &Path, data: &Path, limits: Limits) -> Outcome<Self> {
        let log = data.with_extension("log");
        let errors = fs::File::create(&log).map_err(|error| unstarted(program, error))?;
        let mut command = Command::new(program);
        command
            .args(["--json", "serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors);
        if limits == Limits::Lifted {
            command.arg("--limits-lifted");
        }
        let begun = Instant::now();
        let mut child = command.spawn().map_err(|error| unstarted(program, error))?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out)
                .read_line(&mut line)
                .map_err(|error| unstarted(program, error))?;
        }
        let started = begun.elapsed();
        let Some(address) = address_in(&line) else {
            drop(child.kill());
            drop(child.wait());
            let said = fs::read_to_string(&log).unwrap_or_default();
            let said = said.lines().last().unwrap_or("it said nothing");
            return Err(Failure::network(format!(
                "the server did not start: {said}"
            )));
        };
        Ok(Self {
            child,
            started,
            address,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    /// Asks it to end, and waits; then makes it.
    fn drop(&mut self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id
            && kill_process(id, Signal::TERM).is_ok()
        {
            let until = Instant::now() + END;
            // condition: the server has ended
            while Instant::now() < until {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn unstarted(program: &Path, error: std::io::Error) -> Failure {
    system(&format!("{} cannot be run", program.display()), error)
}

fn address_in(line: &str) -> Option<Address> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    Address::parse(line.get("address")?.as_str()?).ok()
}

/// Processor time of a process up to a moment, all threads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spent {
    /// Nanoseconds of each thread that lives.
    threads: HashMap<String, u64>,
    /// The whole, counted by the system in hundredths of a second.
    whole: Duration,
}

impl Spent {
    pub(crate) fn of(pid: u32) -> Self {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let mut threads = HashMap::new();
        for thread in fs::read_dir(folder.join("task"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = thread.file_name().to_string_lossy().into_owned();
            let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
            if let Some(ns) = text
                .split_whitespace()
                .next()
                .and_then(|ns| ns.parse().ok())
            {
                threads.insert(name, ns);
            }
        }
        let stat = fs::read_to_string(folder.join("stat")).unwrap_or_default();
        // After the name: state, then ten others, then user and system time.
        let times = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let ticks: u64 = times
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum();
        let tick_ms = 1_000 / rustix::param::clock_ticks_per_second().max(1);
        Self {
            threads,
            whole: Duration::from_millis(ticks * tick_ms),
        }
    }

    /// What was spent since an earlier moment. Exact as long as no thread has ended in between.
    pub(crate) fn since(&self, before: &Self) -> Duration {
        let all_live = before
            .threads
            .keys()
            .all(|name| self.threads.contains_key(name));
        if !all_live || self.threads.is_empty() {
            return self.whole.saturating_sub(before.whole);
        }
        let spent = self.threads.iter().map(|(name, ns)| {
            ns.saturating_sub(before.threads.get(name).copied().unwrap_or_default())
        });
        Duration::from_nanos(spent.sum())
    }
}

/// Resident memory of a process in bytes.
pub(crate) fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1_024
}

/// Sees to it that this process, and those it starts, may open so many files.
pub(crate) fn open_files(wanted: u64) -> Outcome<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let maximum = limit.maximum.map(|maximum| maximum.max(wanted));
    let raised = Rlimit {
        current: Some(wanted),
        maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|error| {
        system(
            &format!(
                "{wanted} open files are needed and {} allowed: raise it with ulimit -n, or ask for fewer",
                limit.maximum.unwrap_or_default()
            ),
            error,
        )
    })
}
