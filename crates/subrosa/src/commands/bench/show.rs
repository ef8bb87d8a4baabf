//! How far a measurement has come, and what it found.

use crate::output::Output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;
use subrosa_bench::{Case, Report, Watch};

const TICK: Duration = Duration::from_millis(200);

/// Progress on a terminal.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(output: Output) -> Self {
        let seen = !output.quiet && std::io::stderr().is_terminal();
        let target = if seen {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self(ProgressBar::with_draw_target(None, target))
    }

    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}

impl Watch for Bar {
    fn begin(&self, what: &str, steps: u64) {
        let form = if steps == 0 {
            "{spinner} {msg} {elapsed}"
        } else {
            "{spinner} {msg} [{bar:30}] {pos}/{len}, {eta} left"
        };
        if let Ok(style) = ProgressStyle::with_template(form) {
            self.0.set_style(style.progress_chars("=> "));
        }
        self.0.reset();
        self.0.set_length(steps);
        self.0.set_message(what.to_owned());
        self.0.enable_steady_tick(TICK);
    }

    fn step(&self, count: u64) {
        self.0.inc(count);
    }
}

/// The report as a table, or as one object.
pub(super) fn show(output: Output, report: &Report) -> anyhow::Result<()> {
    if output.json {
        return output.object(report);
    }
    let machine = &report.machine;
    output.line(&format!(
        "{}, {} cores, {} MB, {}; {}",
        machine.cpu, machine.cores, machine.memory_mb, machine.kernel, report.build
    ))?;
    let settings = report.settings.iter();
    let settings: Vec<_> = settings
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| format!("{} {}", name.replace('_', " "), plain(value)))
        .collect();
    output.line(&format!("{}: {}", report.bench, settings.join(", ")))?;
    output.line("")?;
    for line in table(&report.cases) {
        output.line(&line)?;
    }
    for note in &report.notes {
        output.line("")?;
        output.line(note)?;
    }
    Ok(())
}

fn plain(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// One row for each figure, one column for each size.
fn table(cases: &[Case]) -> Vec<String> {
    let mut rows: Vec<(&str, Vec<String>)> = Vec::new();
    if cases.iter().any(|case| case.size.is_some()) {
        let sizes = cases.iter().map(|case| case.size.unwrap_or_default());
        rows.push(("", sizes.map(|size| number(size as f64)).collect()));
    }
    let mut labels: Vec<&str> = Vec::new();
    for figure in cases.iter().flat_map(|case| &case.figures) {
        if !labels.contains(&figure.label) {
            labels.push(figure.label);
        }
    }
    for label in labels {
        let values = cases.iter().map(|case| {
            let figure = case.figures.iter().find(|figure| figure.label == label);
            figure
                .map(|figure| number(figure.value))
                .unwrap_or_default()
        });
        rows.push((label, values.collect()));
    }
    let widest = rows.iter().map(|(label, _)| label.chars().count()).max();
    let lines = rows.iter().map(|(label, values)| {
        let values: Vec<_> = values.iter().map(|value| format!("{value:>12}")).collect();
        let width = widest.unwrap_or_default();
        format!("{label:width$} {}", values.concat())
    });
    lines.collect()
}

/// Three digits or all before the point, in groups.
fn number(value: f64) -> String {
    if value.abs() < 9_999.5 && value.fract() != 0.0 {
        let places = match value.abs() {
            v if v < 10.0 => 2,
            v if v < 100.0 => 1,
            _ => 0,
        };
        return format!("{value:.places$}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_or_groups() {
        let shown = [0.123, 12.34, 123.4, 1_234.0, 12_345.6, 1_234_567.0, 0.0].map(number);
        assert_eq!(
            shown,
            ["0.12", "12.3", "123", "1,234", "12,346", "1,234,567", "0"]
        );
    }
}
