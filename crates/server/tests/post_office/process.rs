//! A server in another process, which the system counts by itself.

#![allow(dead_code, reason = "each program takes what it needs")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use subrosa_server::{Config, Rates, Server};

/// Serves on a folder until it is ended; the address stands on standard output.
pub async fn serve(folder: &Path) {
    let mut config = Config::new(folder);
    config.listen = vec!["127.0.0.1:0".parse().unwrap()];
    config.limits = Rates::unlimited();
    let server = Server::start(config).await.unwrap();
    println!("{}", server.local_addr().unwrap());
    std::io::stdout().flush().unwrap();
    std::future::pending::<()>().await;
}

/// A server of its own, in a process of its own: this program once more, with `serve`.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    /// From exec to listening.
    pub started: Duration,
}

impl Process {
    pub fn start(folder: &Path) -> Self {
        let begun = Instant::now();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("serve")
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            child,
            address: line.trim().parse().unwrap(),
            started: begun.elapsed(),
        }
    }

    /// Resident memory in KiB.
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Processor time so far, user and system; the system counts hundredths of a second.
    pub fn busy(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
