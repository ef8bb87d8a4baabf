//! An export: files in a new folder, a manifest of them, and this device's signature under that (docs/spec/export.md).
//!
//! | file | job |
//! |---|---|
//! | `folder` | the folder, which is there whole or not at all |
//! | `jsonl`, `markdown`, `html` | the three forms |
//! | `pages` | the rows of a conversation, in its order |
//! | `check` | whether an export is what was signed |

pub mod check;
pub mod folder;
mod html;
mod jsonl;
mod markdown;
pub mod pages;

use folder::{Folder, Sheet};
use subrosa_client::{ConversationView, ExportTalk, Row};

/// How messages are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Objects, one a line, as `read --json` prints them
    Jsonl,
    /// Text with light marks
    Markdown,
    /// Pages for a browser, without scripts and without anything from elsewhere
    Html,
}

impl Form {
    /// As manifests name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Markdown => "markdown",
            Self::Html => "html",
        }
    }

    const fn ending(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Markdown => "md",
            Self::Html => "html",
        }
    }
}

/// One conversation on its way into an export.
pub struct Talk {
    form: Form,
    sheet: Sheet,
    written: ExportTalk,
    day: Option<String>,
}

impl Talk {
    /// Begins a conversation; `number` keeps names of files apart.
    pub fn begin(
        folder: &Folder,
        form: Form,
        number: usize,
        view: &ConversationView,
    ) -> anyhow::Result<Self> {
        let path = format!("{number:04}-{}.{}", plain(&view.name), form.ending());
        let mut sheet = folder.sheet(&path)?;
        match form {
            Form::Jsonl => {}
            Form::Markdown => sheet.write(&markdown::head(view))?,
            Form::Html => sheet.write(&html::head(&view.name))?,
        }
        let written = ExportTalk {
            name: view.name.clone(),
            conv: view.conv.clone(),
            rows: 0,
            path,
        };
        Ok(Self {
            form,
            sheet,
            written,
            day: None,
        })
    }

    /// The next row.
    pub fn row(&mut self, row: &Row) -> anyhow::Result<()> {
        let day = crate::row::day(row.time_ms);
        let new = self.day.as_ref() != Some(&day);
        let text = match self.form {
            Form::Jsonl => jsonl::line(row)?,
            Form::Markdown => markdown::row(row, new.then_some(day.as_str())),
            Form::Html => html::row(row, new.then_some(day.as_str())),
        };
        self.day = Some(day);
        self.written.rows += 1;
        self.sheet.write(&text)
    }

    /// So many rows are written.
    pub const fn rows(&self) -> u64 {
        self.written.rows
    }

    /// Ends it.
    pub fn end(mut self, folder: &mut Folder) -> anyhow::Result<ExportTalk> {
        if self.form == Form::Html {
            self.sheet.write(html::FOOT)?;
        }
        folder.add(self.sheet)?;
        Ok(self.written)
    }
}

/// The first page, where the form has one.
pub fn index(
    folder: &mut Folder,
    form: Form,
    name: &str,
    talks: &[ExportTalk],
) -> anyhow::Result<()> {
    if form != Form::Html {
        return Ok(());
    }
    let mut sheet = folder.sheet("index.html")?;
    sheet.write(&html::index(name, talks))?;
    folder.add(sheet)
}

/// A name of a conversation as a part of a file's name.
fn plain(name: &str) -> String {
    let kept = name
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .take(40);
    let plain: String = kept.collect();
    let plain = plain.trim_matches('-');
    if plain.is_empty() {
        "conversation".to_owned()
    } else {
        plain.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_conversations_lead_nowhere_else() {
        assert_eq!(plain("@bob"), "bob");
        assert_eq!(plain("#../../etc/passwd"), "etc-passwd");
        assert_eq!(plain("#日本"), "日本");
        assert_eq!(plain("\u{202e}."), "conversation");
        assert!(plain(&"x".repeat(500)).len() <= 40);
    }
}
