//! `server-view`: all that the operator of a server can learn about an account, for whoever may
//! read the server's data folder.

use crate::seat::Setting;
use crate::text::harmless;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use subrosa_client::Failure;
use subrosa_proto::Name;
use subrosa_server::view::{Section, View, ViewError, look};
use unicode_width::UnicodeWidthStr;

const EXAMPLES: &str = "\
Examples:
  subrosa server-view bob                       what the server of this user knows of bob
  subrosa server-view bob --events              each event's clear header too
  subrosa server-view bob --data /srv/subrosa --json";

/// Show all that a server's operator can learn about an account
///
/// Reads the server's own database, also while the server runs, and changes nothing in it.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Name of the account
    #[arg(value_name = "NAME", value_parser = Name::new)]
    name: Name,
    /// Show each event of its conversations
    #[arg(long)]
    events: bool,
    /// The server's data folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Shows.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let data = args.data.unwrap_or_else(|| setting.folders.server());
    let looked = tokio::task::spawn_blocking(move || look(&data, &args.name, args.events)).await?;
    let view = looked.map_err(told)?;
    if setting.output.json {
        return setting.output.object(&object(&view));
    }
    for section in &view.sections {
        setting.output.line(&table(section))?;
    }
    setting.output.line("not to be seen here")?;
    for hidden in view.hidden {
        setting.output.line(&format!("  {hidden}"))?;
    }
    Ok(())
}

fn told(error: ViewError) -> anyhow::Error {
    match error {
        ViewError::Folder(start) => start.into(),
        mistake @ (ViewError::NoServer(_) | ViewError::NoAccount(_)) => {
            Failure::user(mistake.to_string()).into()
        }
        other => Failure::network(other.to_string()).into(),
    }
}

/// A table under its title, each column as wide as it must be.
fn table(section: &Section) -> String {
    let mut text = format!("{}: {}\n", section.title, section.meaning);
    if section.rows.is_empty() {
        text.push_str("  nothing\n");
        return text;
    }
    let head = section.columns.iter().map(|name| (*name).to_owned());
    let head: Vec<String> = head.collect();
    let rows: Vec<Vec<String>> = std::iter::once(head)
        .chain(section.rows.iter().map(|row| {
            let cells = row.iter().map(|cell| harmless(cell).into_owned());
            cells.collect()
        }))
        .collect();
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells.map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..section.columns.len()).map(width).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| {
            let filled = " ".repeat(width.saturating_sub(cell.width()));
            format!("{cell}{filled}")
        });
        let line = Vec::from_iter(cells).join("  ");
        text.push_str("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// One object, a list of objects for each section.
fn object(view: &View) -> Value {
    let sections = view.sections.iter().map(|section| {
        let rows = section.rows.iter().map(|row| {
            let cells = section.columns.iter().zip(row);
            let cells = cells.map(|(name, cell)| ((*name).to_owned(), json!(cell)));
            Value::Object(cells.collect())
        });
        (section.title.to_owned(), Value::Array(rows.collect()))
    });
    let mut object: Map<String, Value> = sections.collect();
    object.insert("name".to_owned(), json!(view.name));
    object.insert("hidden".to_owned(), json!(view.hidden));
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(rows: Vec<Vec<String>>) -> Section {
        Section {
            title: "devices",
            meaning: "which there are",
            columns: vec!["device", "label"],
            rows,
        }
    }

    #[test]
    fn a_table_is_aligned_and_harmless() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let rows = vec![row("abcdefgh", "lap\u{1b}top"), row("ij", "x")];
        assert_eq!(
            table(&section(rows)),
            "devices: which there are\n  device    label\n  abcdefgh  lap\\u{1b}top\n  ij        x\n"
        );
        assert_eq!(
            table(&section(Vec::new())),
            "devices: which there are\n  nothing\n"
        );
    }

    #[test]
    fn an_object_has_a_list_for_each_table() {
        let view = View {
            name: "bob".to_owned(),
            sections: vec![section(vec![vec!["ab".to_owned(), "x".to_owned()]])],
            hidden: &["texts"],
        };
        assert_eq!(
            object(&view),
            json!({"name": "bob", "hidden": ["texts"], "devices": [{"device": "ab", "label": "x"}]})
        );
    }
}
