//! The progress of long work: a bar on a terminal, a line now and then elsewhere.

use crate::output::Output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often a line is written where nobody looks.
const LINE: Duration = Duration::from_secs(5);

/// One piece of work with a known end.
pub struct Bar {
    output: Output,
    bar: ProgressBar,
    what: &'static str,
    unit: &'static str,
    told: Instant,
}

impl Bar {
    /// Begins: `what` is done, to `all` of `unit`.
    pub fn new(output: Output, all: u64, what: &'static str, unit: &'static str) -> Self {
        let seen = !output.quiet && std::io::stderr().is_terminal();
        let target = if seen {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(all), target);
        let form = format!("{what} [{{bar:30}}] {{pos}}/{{len}} {unit}, {{per_sec}}, {{eta}} left");
        if let Ok(style) = ProgressStyle::with_template(&form) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self {
            output,
            bar,
            what,
            unit,
            told: Instant::now(),
        }
    }

    /// So much is done.
    pub fn done(&mut self, done: u64) {
        self.bar.set_position(done);
        if self.bar.is_hidden() && self.told.elapsed() >= LINE {
            self.told = Instant::now();
            let all = self.bar.length().unwrap_or(done);
            self.output
                .talk(&format!("{}: {done} of {all} {} …", self.what, self.unit));
        }
    }

    /// So much is left; more than before when something came in between.
    pub fn left(&mut self, left: u64) {
        let all = self.bar.length().unwrap_or(left).max(left);
        self.bar.set_length(all);
        self.done(all - left);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
