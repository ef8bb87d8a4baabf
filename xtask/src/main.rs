//! Checks of the project that the compiler cannot make: `cargo xtask tidy` runs them, `cargo xtask claims` writes
//! the `Tests:` lines of SECURITY.md from the `Proves:` comments of the tests, `cargo xtask counts` counts instructions.

mod budgets;
mod claims;
mod counts;
mod doors;
mod finding;
mod forbidden;
mod homes;
mod links;
mod packages;
mod purposes;
mod ratchet;
mod source;
mod tidy;
mod tokens;
mod tree;
mod walls;

use std::io::Write as _;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask tidy     check doors, budgets, forbidden things and claims
       cargo xtask claims   rewrite the `Tests:` lines of SECURITY.md
       cargo xtask counts   compare the instructions of the hot paths with xtask/counts.txt (--write: note them)";

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["tidy"] => tidy::run(),
        ["claims"] => claims::rewrite(),
        ["counts"] => counts::run(false),
        ["counts", "--write"] => counts::run(true),
        _ => {
            writeln!(std::io::stderr(), "{USAGE}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}
