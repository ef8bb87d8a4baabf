//! What the operator of a server can learn about an account from the server's own database: all of
//! it, in words (docs/spec/storage.md §7.6). Nothing here is a secret that the operator did not
//! have before; the point is that anybody can see how much, and how little, it is.

mod events;
mod records;

use crate::error::StartError;
use crate::folder::Folder;
use crate::records as keys;
use crate::storage::sqlite::{AnswerSeen, BoxSeen, Glass, GlassError, RecordSeen};
use records::Told;
use std::collections::BTreeMap;
use std::path::Path;
use subrosa_ledger::Account;
use subrosa_proto::{AccountId, ConvId, DeviceId, Name, Signed, decode};

/// Why there is nothing to see.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The folder holds no database.
    #[error("there is no server's database in {0}: name its folder with --data")]
    NoServer(std::path::PathBuf),
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] StartError),
    /// Nobody has that name.
    #[error("there is nobody called {0} on this server: names are as their owners chose them")]
    NoAccount(Name),
    /// The database cannot be read.
    #[error("the database cannot be read: {0}; is this the folder of a server of this version?")]
    Engine(#[from] GlassError),
    /// Something stored is damaged.
    #[error("the database holds something that cannot be read: {0}; restore it from a backup")]
    Damaged(&'static str),
}

/// One table of what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// One word.
    pub title: &'static str,
    /// What the operator learns from it.
    pub meaning: &'static str,
    /// Names of the columns.
    pub columns: Vec<&'static str>,
    /// Their values.
    pub rows: Vec<Vec<String>>,
}

/// All that is known of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Whose.
    pub name: String,
    /// What there is.
    pub sections: Vec<Section>,
    /// What the operator does not see.
    pub hidden: &'static [&'static str],
}

/// What no look at the database shows.
const HIDDEN: [&str; 7] = [
    "the text of messages, names and topics of rooms, reactions, replies, edits: sealed in the events' bodies",
    "how long a message is, closer than its padded size",
    "passwords and recovery codes: their OPAQUE records are stretched and keyed with the seed in the secrets file, so whoever has that file too can try guesses one by one",
    "the keys in boxes, vault and slots: sealed to devices and to the account's history key",
    "read marks, settings, verified contacts and blocks: messages in the conversation of one's own devices",
    "what receipts say: sealed, only that and when one changed is seen",
    "addresses of the network: not in the database; a log that the operator keeps may have them",
];

/// The account that is looked at, and what leads to the rest.
struct Subject<'a> {
    glass: &'a Glass,
    id: AccountId,
    devices: Vec<(DeviceId, String)>,
    /// Names of accounts that come up.
    names: BTreeMap<AccountId, String>,
    conversations: Vec<ConvId>,
}

/// Looks at an account. With `each`, every event of its conversations has a line of its own.
///
/// # Errors
/// [`ViewError`]
pub fn look(data: &Path, name: &Name, each: bool) -> Result<View, ViewError> {
    let folder = Folder::new(data);
    if !folder.has_database()? {
        return Err(ViewError::NoServer(data.to_owned()));
    }
    let glass = Glass::open(&folder.database_folder())?;
    let subject = Subject::find(&glass, name)?;
    let told = subject.records()?;
    let mut sections = vec![subject.devices_section(), records_section(told)];
    sections.extend(subject.conversations_sections(each)?);
    sections.push(subject.boxes_section()?);
    sections.push(subject.staged_section()?);
    sections.push(subject.requests_section()?);
    sections.push(subject.counter_section()?);
    Ok(View {
        name: name.to_string(),
        sections,
        hidden: &HIDDEN,
    })
}

impl<'a> Subject<'a> {
    fn find(glass: &'a Glass, name: &Name) -> Result<Self, ViewError> {
        let by_name = glass.records(keys::name(name).as_bytes())?;
        let named = by_name
            .into_iter()
            .find(|record| record.key == keys::name(name).as_bytes())
            .ok_or_else(|| ViewError::NoAccount(name.clone()))?;
        let id: AccountId = decode(&named.value).map_err(|_| ViewError::Damaged("a name"))?;
        let statements = glass.records(keys::statements(&id).as_bytes())?;
        let chain = statements
            .iter()
            .map(|record| decode::<Signed>(&record.value));
        let chain: Vec<Signed> = chain
            .collect::<Result<_, _>>()
            .map_err(|_| ViewError::Damaged("a statement"))?;
        let account = Account::from_chain(&chain).map_err(|_| ViewError::Damaged("a chain"))?;
        let devices = chain
            .iter()
            .filter_map(records::added_device)
            .map(|device| {
                let known = account.device(&device);
                let label = known.map_or(String::new(), |known| {
                    let end = if known.live() { "" } else { " (revoked)" };
                    format!("{}{end}", known.label)
                });
                (device, label)
            })
            .collect();
        let places = glass.records(keys::places(&id).as_bytes())?;
        let conversations = places.iter().filter_map(|record| {
            let id = record.key.last_chunk::<32>()?;
            Some(ConvId(*id))
        });
        let mut names = BTreeMap::new();
        for record in glass.records(keys::names().as_bytes())? {
            let name = record.key.get(1..).unwrap_or_default();
            if let Ok(id) = decode::<AccountId>(&record.value) {
                names.insert(id, String::from_utf8_lossy(name).into_owned());
            }
        }
        Ok(Self {
            glass,
            id,
            devices,
            names,
            conversations: conversations.collect(),
        })
    }

    fn name(&self, id: &AccountId) -> String {
        let known = self.names.get(id).cloned();
        known.unwrap_or_else(|| format!("{:.16}", id.to_string()))
    }

    fn devices_section(&self) -> Section {
        let rows = self.devices.iter().map(|(device, label)| {
            let no = self.glass.device(&device.0).ok().flatten();
            let no = no.map_or_else(|| "none".to_owned(), |no| no.to_string());
            vec![device.to_string(), label.clone(), no]
        });
        Section {
            title: "devices",
            meaning: "which devices there were and are, what their owner calls them, and in which order they first wrote",
            columns: vec!["device", "label", "number"],
            rows: rows.collect(),
        }
    }

    fn boxes_section(&self) -> Result<Section, ViewError> {
        let mut rows = Vec::new();
        let recipients = self
            .devices
            .iter()
            .map(|(device, label)| (device.0, label.clone()));
        let history = crate::conversations::history_recipient(&self.id);
        let recipients = recipients.chain([(history.0, "history key".to_owned())]);
        for (recipient, whose) in recipients {
            let boxes = self.glass.boxes(&recipient)?;
            rows.extend(by_log(&boxes).into_iter().map(|(log, boxes)| {
                let mut row = vec![whose.clone(), format!("log {log}")];
                row.extend(box_columns(&boxes));
                row
            }));
        }
        Ok(Section {
            title: "boxes",
            meaning: "which messages wait for which device, until which day; a device that takes its boxes was there",
            columns: vec![
                "for", "log", "boxes", "events", "bytes", "kept to", "rows", "damaged",
            ],
            rows,
        })
    }

    fn staged_section(&self) -> Result<Section, ViewError> {
        let mut rows = Vec::new();
        for (device, label) in &self.devices {
            for staged in self.glass.staged(&device.0)? {
                let session = staged.session.unwrap_or_default();
                rows.push(vec![
                    label.clone(),
                    hex(&session),
                    hex(&staged.recipient),
                    day(staged.at),
                    staged
                        .last_day
                        .map_or_else(|| "for good".to_owned(), |last| day(last.into())),
                    staged.bytes.to_string(),
                    staged.no.to_string(),
                    damaged(usize::from(!staged.sound)),
                ]);
            }
        }
        Ok(Section {
            title: "staged",
            meaning: "boxes put down for a message that has not followed yet, and for whom",
            columns: vec![
                "by", "session", "for", "day", "kept to", "bytes", "row", "damaged",
            ],
            rows,
        })
    }

    fn requests_section(&self) -> Result<Section, ViewError> {
        let mut rows = Vec::new();
        for (device, label) in &self.devices {
            let Some(no) = self.glass.device(&device.0)? else {
                continue;
            };
            let answers = self.glass.answers(no)?;
            let days: std::collections::BTreeSet<u32> =
                answers.iter().map(|answer| answer.day).collect();
            for of in days {
                let on: Vec<_> = answers.iter().filter(|answer| answer.day == of).collect();
                let mut row = vec![label.clone(), day(of.into()), on.len().to_string()];
                row.extend(answer_columns(&on));
                rows.push(row);
            }
        }
        Ok(Section {
            title: "requests",
            meaning: "how much each device wrote on each of the last days, where, and when",
            columns: vec![
                "device",
                "day",
                "requests",
                "counters",
                "logs",
                "positions",
                "events",
                "times",
                "revisions",
            ],
            rows,
        })
    }

    fn counter_section(&self) -> Result<Section, ViewError> {
        Ok(Section {
            title: "revision",
            meaning: "how many changes of records there were on the whole server; the revisions above tell the order",
            columns: vec!["last"],
            rows: vec![vec![self.glass.revision()?.to_string()]],
        })
    }
}

fn records_section(told: Vec<Told>) -> Section {
    let rows = told.into_iter().map(|told| {
        let RecordSeen {
            no,
            revision,
            value,
            sound,
            ..
        } = told.record;
        vec![
            told.kind.to_owned(),
            told.says,
            value.len().to_string(),
            revision.to_string(),
            no.to_string(),
            damaged(usize::from(!sound)),
        ]
    });
    Section {
        title: "records",
        meaning: "what is public about the account, whom it knows, and when each of that changed in the order of revisions",
        columns: vec!["kind", "says", "bytes", "revision", "row", "damaged"],
        rows: rows.collect(),
    }
}

fn by_log(boxes: &[BoxSeen]) -> BTreeMap<i64, Vec<&BoxSeen>> {
    let mut logs: BTreeMap<i64, Vec<&BoxSeen>> = BTreeMap::new();
    for one in boxes {
        logs.entry(one.log.unwrap_or_default())
            .or_default()
            .push(one);
    }
    logs
}

fn box_columns(boxes: &[&BoxSeen]) -> Vec<String> {
    let days = boxes.iter().map(|one| one.last_day);
    let last = if days.clone().all(|last| last.is_none()) {
        "for good".to_owned()
    } else {
        span(days.flatten().map(u64::from), day)
    };
    vec![
        boxes.len().to_string(),
        span(boxes.iter().map(|one| one.at), |n| n.to_string()),
        boxes.iter().map(|one| one.bytes).sum::<usize>().to_string(),
        last,
        span(boxes.iter().map(|one| one.no), |n| n.to_string()),
        damaged(boxes.iter().filter(|one| !one.sound).count()),
    ]
}

fn answer_columns(on: &[&AnswerSeen]) -> Vec<String> {
    let logs: std::collections::BTreeSet<String> = on
        .iter()
        .map(|answer| {
            answer
                .log
                .map_or_else(|| "none".to_owned(), |log| log.to_string())
        })
        .collect();
    let number = |n: u64| n.to_string();
    vec![
        span(on.iter().map(|answer| answer.counter), number),
        Vec::from_iter(logs).join(" "),
        span(on.iter().map(|answer| answer.first), number),
        on.iter()
            .map(|answer| answer.count)
            .sum::<u64>()
            .to_string(),
        span(on.iter().map(|answer| answer.time_ms), time),
        span(on.iter().map(|answer| answer.revision), number),
    ]
}

/// From the least to the greatest.
fn span<T: Ord + Copy>(values: impl Iterator<Item = T>, text: impl Fn(T) -> String) -> String {
    let values: std::collections::BTreeSet<T> = values.collect();
    match (values.first(), values.last()) {
        (Some(first), Some(last)) if first != last => format!("{}–{}", text(*first), text(*last)),
        (Some(only), _) => text(*only),
        _ => String::new(),
    }
}

fn damaged(count: usize) -> String {
    if count == 0 {
        String::new()
    } else {
        count.to_string()
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A day since 1970-01-01 as a date.
fn day(days: u64) -> String {
    // Days of the civil calendar, counted in years that begin in March.
    let z = days.saturating_add(719_468);
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{date:02}")
}

/// Unix milliseconds as date and time, UTC.
fn time(ms: u64) -> String {
    let s = ms / 1_000;
    let (h, m) = (s / 3_600 % 24, s / 60 % 60);
    format!(
        "{} {h:02}:{m:02}:{:02}.{:03}",
        day(s / 86_400),
        s % 60,
        ms % 1_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (days, date) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_780, "2026-11-23"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(day(days), date);
        }
        assert_eq!(time(1_795_392_000_001), "2026-11-23 00:00:00.001");
    }
}
