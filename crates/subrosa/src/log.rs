//! The log, on standard error.

use clap::ValueEnum;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// Writes what the variable RUST_LOG asks for, or else what `default` does.
pub fn start(form: Form, default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let colours = wanted && std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(std::io::stderr);
    // It is started once; a second start would be refused and change nothing.
    drop(match form {
        Form::Text => log.with_target(false).try_init(),
        Form::Json => log.json().flatten_event(true).try_init(),
    });
}
