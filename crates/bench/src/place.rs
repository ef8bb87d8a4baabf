//! Where a load takes place: on a server that is given, or on one that is started for it.

use crate::entrance::Entrance;
use crate::outcome::{Outcome, system};
use crate::process::{Process, Spent, resident};
use crate::report::Report;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use subrosa_client::Failure;
use subrosa_proto::InviteLine;
use subrosa_server::admin;
use tempfile::TempDir;

/// Under which limits a server of the load's own runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limits {
    /// Those that every server has. The load keeps within them and waits where it has to.
    #[default]
    Default,
    /// As good as none, to find out what the server can do.
    Lifted,
}

/// Which server a load is put on.
#[derive(Debug, Clone)]
pub struct Place {
    /// The program that is run as server, with `serve`.
    pub program: PathBuf,
    /// The limits of a server that is run.
    pub limits: Limits,
    /// An invite line of a server that runs already; the load leaves its accounts there.
    pub given: Option<InviteLine>,
    /// Its process, if it runs on this machine and is to be measured.
    pub pid: Option<u32>,
}

/// The server of one measurement.
pub(crate) struct Site {
    pub(crate) entrance: Entrance,
    pub(crate) line: InviteLine,
    process: Option<Process>,
    pid: Option<u32>,
    limits: Limits,
    program: PathBuf,
    folder: Option<TempDir>,
}

impl Place {
    /// Reaches the server, or starts one in a temporary folder.
    pub(crate) async fn open(&self) -> Outcome<Site> {
        if let Some(line) = &self.given {
            return Ok(Site {
                entrance: Entrance::find(&line.address).await?,
                line: line.clone(),
                process: None,
                pid: self.pid,
                limits: Limits::Default,
                program: self.program.clone(),
                folder: None,
            });
        }
        let folder = tempfile::tempdir()
            .map_err(|error| system("there is no room for a temporary folder", error))?;
        let data = folder.path().join("server");
        let process = Process::start(&self.program, &data, self.limits)?;
        let line = admin::invite(&data)
            .await
            .map_err(|error| Failure::network(error.to_string()))?;
        Ok(Site {
            entrance: Entrance::find(&process.address).await?,
            line,
            pid: Some(process.id()),
            process: Some(process),
            limits: self.limits,
            program: self.program.clone(),
            folder: Some(folder),
        })
    }
}

impl Site {
    /// The limits that the load has to keep within.
    pub(crate) const fn limits(&self) -> Limits {
        self.limits
    }

    /// The data folder, if the server is the load's own.
    pub(crate) fn data(&self) -> Option<PathBuf> {
        self.folder
            .as_ref()
            .map(|folder| folder.path().join("server"))
    }

    /// Ends the server and starts it again on what it has stored; the time from exec to ready.
    pub(crate) async fn restart(&mut self) -> Outcome<Option<Duration>> {
        let Some(data) = self.data() else {
            return Ok(None);
        };
        self.process = None;
        let process = Process::start(&self.program, &data, self.limits)?;
        self.entrance = Entrance::find(&process.address).await?;
        self.pid = Some(process.id());
        let started = process.started;
        self.process = Some(process);
        Ok(Some(started))
    }

    /// The same under other limits.
    pub(crate) async fn restart_with(&mut self, limits: Limits) -> Outcome<Option<Duration>> {
        if self.process.is_some() {
            self.limits = limits;
        }
        self.restart().await
    }

    /// From exec to ready, if the server is the load's own.
    pub(crate) fn started(&self) -> Option<Duration> {
        self.process.as_ref().map(|process| process.started)
    }

    /// The server's processor time up to now.
    pub(crate) fn spent(&self) -> Spent {
        self.pid.map_or_else(Spent::default, Spent::of)
    }

    /// What it has spent since, if it can be seen.
    pub(crate) fn spent_since(&self, before: &Spent) -> Option<Duration> {
        let pid = self.pid?;
        Some(Spent::of(pid).since(before))
    }

    /// The server's resident memory in bytes, if it can be seen.
    pub(crate) fn resident(&self) -> Option<u64> {
        self.pid.map(resident)
    }

    /// A report of a measure at this server.
    pub(crate) fn report(&self, bench: &'static str) -> Report {
        let mut report = Report::new(bench);
        for (name, value) in self.describe() {
            report.set(name, value);
        }
        report
    }

    /// What a report says of the server.
    pub(crate) fn describe(&self) -> [(&'static str, Value); 2] {
        let server = if self.process.is_some() {
            "own"
        } else {
            "given"
        };
        let limits = match self.limits {
            Limits::Default => "default",
            Limits::Lifted => "lifted",
        };
        [("server", json!(server)), ("limits", json!(limits))]
    }
}
