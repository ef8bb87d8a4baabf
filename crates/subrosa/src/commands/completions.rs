//! `completions`: for a shell.

use crate::cli;
use crate::seat::Setting;
use clap_complete::{Shell, generate};

const EXAMPLES: &str = "\
Examples:
  subrosa completions bash > ~/.local/share/bash-completion/completions/subrosa
  subrosa completions fish > ~/.config/fish/completions/subrosa.fish
  subrosa completions zsh > ~/.zfunc/_subrosa";

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Which shell
    shell: Shell,
}

/// Prints.
pub fn run(args: &Args, setting: &Setting) -> anyhow::Result<()> {
    // Into memory first: the generator panics on a closed pipe.
    let mut script = Vec::new();
    generate(args.shell, &mut cli::command(), "subrosa", &mut script);
    setting
        .output
        .line(String::from_utf8_lossy(&script).trim_end())
}
