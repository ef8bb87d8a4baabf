//! `manual`: man pages.

use crate::cli;
use crate::methods;
use crate::seat::Setting;
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::Roff;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use subrosa_client::Failure;

const EXAMPLES: &str = "\
Examples:
  subrosa manual ~/.local/share/man/man1   write the pages; then: man subrosa-send
  subrosa manual /tmp/pages && man /tmp/pages/subrosa.1";

/// Write the man pages into a folder
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Where to; it is made if it is not there
    folder: PathBuf,
}

/// Writes.
pub fn run(args: &Args, setting: &Setting) -> anyhow::Result<()> {
    let mut command = cli::command().disable_help_subcommand(true);
    command.build();
    let written = std::fs::create_dir_all(&args.folder)
        .and_then(|()| pages(&command, &args.folder, &mut Vec::new()));
    let count = written.map_err(|error| {
        Failure::user(format!(
            "{} takes no pages ({error}): choose another folder",
            args.folder.display()
        ))
    })?;
    setting
        .output
        .talk(&format!("{count} pages are in {}", args.folder.display()));
    Ok(())
}

/// The page of a command and of all below it; gives their number.
fn pages(command: &Command, folder: &Path, above: &mut Vec<String>) -> io::Result<usize> {
    above.push(command.get_name().to_owned());
    let name = above.join("-");
    std::fs::write(folder.join(format!("{name}.1")), page(command, &name)?)?;
    let mut count = 1;
    for below in command
        .get_subcommands()
        .filter(|below| !below.is_hide_set())
    {
        count += pages(below, folder, above)?;
    }
    above.pop();
    Ok(count)
}

/// Examples come first, as in the help.
fn page(command: &Command, name: &str) -> io::Result<Vec<u8>> {
    let methods = methods::of(command.get_name());
    let man = Man::new(command.clone().display_name(name))
        .title(name.to_uppercase())
        .manual("Subrosa");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    if let Some(examples) = command.get_before_help() {
        let examples = examples.to_string();
        let lines = examples.strip_prefix("Examples:\n").unwrap_or(&examples);
        section(&mut page, "EXAMPLES", lines)?;
    }
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(more) = command.get_after_help() {
        section(&mut page, "NOTES", &more.to_string())?;
    }
    if !methods.is_empty() && name.matches('-').count() == 1 {
        let lines = format!("  {}", methods.join("\n  "));
        section(&mut page, "METHODS FOR PROGRAMS", &lines)?;
    }
    Ok(page)
}

/// Lines as they are.
fn section(page: &mut dyn Write, title: &str, lines: &str) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", [title]).control("nf", []);
    for line in lines.lines() {
        roff.text([clap_mangen::roff::roman(line)]);
    }
    roff.control("fi", []);
    roff.to_writer(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_leads_with_examples_and_names_its_options() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = cli::command().disable_help_subcommand(true);
        command.build();
        let count = pages(&command, folder.path(), &mut Vec::new()).unwrap();
        assert_eq!(count, std::fs::read_dir(folder.path()).unwrap().count());
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let send = read("subrosa-send.1");
        let place = |part: &str| {
            send.find(part)
                .unwrap_or_else(|| panic!("{part} in {send}"))
        };
        assert!(place(".SH EXAMPLES") < place(".SH DESCRIPTION"));
        assert!(place(".SH DESCRIPTION") < place(".SH OPTIONS"));
        assert!(
            send.contains("expire") && place(".SH OPTIONS") < place(".SH \"METHODS FOR PROGRAMS\"")
        );
        assert!(send.contains("act_on"));
        assert!(read("subrosa-room-create.1").contains(".SH EXAMPLES"));
        assert!(read("subrosa.1").contains("subrosa\\-send(1)"));
    }
}
