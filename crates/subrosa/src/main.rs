//! The binary: every face of Subrosa. `cli` reads the command line, `commands` has one file for
//! each verb, `exit` says how it ends.

mod chat;
mod cli;
mod colour;
mod columns;
mod commands;
mod demo;
mod enrolment;
mod exit;
mod export;
mod folders;
mod history;
mod invitation;
mod listen;
mod log;
mod methods;
mod notify;
mod output;
mod papers;
mod progress;
mod proving;
mod qr;
mod room;
mod row;
mod seat;
mod secret;
mod sheet;
mod signals;
mod terminal;
mod text;
mod tui;
mod unread;
mod when;
mod wrap;

use std::process::ExitCode;

fn main() -> ExitCode {
    exit::on_panic();
    match cli::read() {
        Ok(cli) => {
            let json = cli.global.json;
            exit::end(commands::run(cli), json)
        }
        Err(usage) => usage.end(),
    }
}
