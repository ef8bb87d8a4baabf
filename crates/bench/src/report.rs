//! What a measurement found, and for what it holds.

use crate::latency::Latency;
use crate::machine::Machine;
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Duration;
use subrosa_proto::{BUILD, limits};

/// A finished measurement.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Which measure.
    pub bench: &'static str,
    /// The build of subrosa.
    pub build: &'static str,
    /// Where.
    pub machine: Machine,
    /// What was asked for.
    pub settings: Map<String, Value>,
    /// What was found, once for each size that was asked for.
    pub cases: Vec<Case>,
    /// What has to be known to read the figures.
    pub notes: Vec<String>,
}

/// Figures of one size.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Case {
    /// The size, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// In the order in which they are shown.
    #[serde(serialize_with = "as_map")]
    pub figures: Vec<Figure>,
}

/// One number. Its unit stands last in its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// As in the JSON.
    pub name: &'static str,
    /// As in the table.
    pub label: &'static str,
    /// The number.
    pub value: f64,
}

fn as_map<S: serde::Serializer>(figures: &[Figure], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(figures.iter().map(|figure| (figure.name, figure.value)))
}

impl Report {
    pub(crate) fn new(bench: &'static str) -> Self {
        Self {
            bench,
            build: BUILD,
            machine: Machine::this(),
            settings: Map::new(),
            cases: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Says that writers waited for the limits of every server.
    pub(crate) fn note_limits(&mut self) {
        self.notes.push(format!(
            "Writers kept within the limits of every server, {} messages a second for each device after a burst of {}: \
             --limits lifted shows what it could do.",
            limits::EVENTS_PER_S, limits::EVENTS_BURST
        ));
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.settings.insert(name.to_owned(), value.into());
    }
}

impl Case {
    pub(crate) fn of_size(size: usize) -> Self {
        Self {
            size: u64::try_from(size).ok(),
            figures: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, name: &'static str, label: &'static str, value: f64) {
        self.figures.push(Figure { name, label, value });
    }

    /// The same, unless there is nothing to say.
    pub(crate) fn add_some(&mut self, name: &'static str, label: &'static str, value: Option<f64>) {
        if let Some(value) = value {
            self.add(name, label, value);
        }
    }

    pub(crate) fn add_latency(&mut self, latency: &Latency) {
        let [p50, p99, max] = latency.summary_ms();
        self.add("latency_p50_ms", "latency, half within, ms", p50);
        self.add("latency_p99_ms", "latency, 99 % within, ms", p99);
        self.add("latency_max_ms", "latency, longest, ms", max);
    }
}

/// Microseconds for each of so many.
pub(crate) fn us_each(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / count.max(1) as f64
}
