//! The account's conversations, and what the clear headers in them say.

use super::{Section, Subject, ViewError, damaged, span, time};
use crate::storage::sqlite::EventSeen;
use std::collections::BTreeMap;
use subrosa_proto::{Carried, DeviceId, EventKind, Header, KeyFields, MessageFields, decode};

/// What one device has written in a conversation.
#[derive(Default)]
struct Written {
    author: String,
    /// By kind.
    kinds: BTreeMap<u8, usize>,
    bytes: usize,
    positions: Vec<u64>,
    times: Vec<u64>,
    rows: Vec<i64>,
    damaged: usize,
}

impl Subject<'_> {
    /// The conversations; what each device wrote in them; and, if wanted, each event.
    pub(super) fn conversations_sections(&self, each: bool) -> Result<Vec<Section>, ViewError> {
        let (mut logs, mut devices, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for conv in &self.conversations {
            let Some((no, trimmed_to)) = self.glass.log(&conv.0)? else {
                continue;
            };
            let mut written: BTreeMap<DeviceId, Written> = BTreeMap::new();
            let (mut count, mut bytes) = (0_usize, 0_usize);
            self.glass.events(no, |event| {
                count += 1;
                bytes += event.bytes.len();
                let header = Carried::read(&event.bytes).and_then(|carried| carried.header());
                let (device, author, kind) = header.as_ref().map_or_else(
                    |_| (DeviceId([0; 32]), "cannot be read".to_owned(), 0),
                    |header| (header.device, self.name(&header.account), header.kind),
                );
                let of = written.entry(device).or_default();
                of.author = author;
                *of.kinds.entry(kind).or_default() += 1;
                of.bytes += event.bytes.len();
                of.positions.push(event.position);
                of.times.push(event.time_ms);
                of.rows.push(event.no);
                of.damaged += usize::from(!event.sound);
                if each {
                    lines.push(self.line(no, &event, header.ok().as_ref()));
                }
            })?;
            logs.push(vec![
                no.to_string(),
                conv.to_string(),
                count.to_string(),
                bytes.to_string(),
                trimmed_to.to_string(),
            ]);
            devices.extend(written.into_iter().map(|(device, of)| of.row(no, &device)));
        }
        Ok(sections(logs, devices, each.then_some(lines)))
    }

    fn line(&self, log: i64, event: &EventSeen, header: Option<&Header>) -> Vec<String> {
        let author = header.map_or_else(String::new, |header| self.name(&header.account));
        vec![
            log.to_string(),
            event.position.to_string(),
            time(event.time_ms),
            author,
            event.bytes.len().to_string(),
            event.no.to_string(),
            header.map_or_else(|| "cannot be read".to_owned(), clear),
            damaged(usize::from(!event.sound)),
        ]
    }
}

/// The tables of the conversations, and that of single events where it is wanted.
fn sections(
    logs: Vec<Vec<String>>,
    devices: Vec<Vec<String>>,
    lines: Option<Vec<Vec<String>>>,
) -> Vec<Section> {
    let mut sections = vec![
        Section {
            title: "conversations",
            meaning: "with whom, how much; the members are in the records above",
            columns: vec!["log", "conversation", "events", "bytes", "trimmed to"],
            rows: logs,
        },
        Section {
            title: "written",
            meaning: "which device wrote how much, of which kind, from when to when, and where in the order of all events of the server",
            columns: vec![
                "log",
                "by",
                "device",
                "kinds",
                "bytes",
                "positions",
                "times",
                "rows",
                "damaged",
            ],
            rows: devices,
        },
    ];
    if let Some(lines) = lines {
        sections.push(Section {
            title: "events",
            meaning: "each event with its clear header",
            columns: vec![
                "log", "position", "time", "by", "bytes", "row", "says", "damaged",
            ],
            rows: lines,
        });
    }
    sections
}

impl Written {
    fn row(self, log: i64, device: &DeviceId) -> Vec<String> {
        let kinds = self
            .kinds
            .iter()
            .map(|(number, count)| format!("{count} {}", kind(*number)));
        vec![
            log.to_string(),
            self.author,
            device.to_string(),
            Vec::from_iter(kinds).join(", "),
            self.bytes.to_string(),
            span(self.positions.into_iter(), |n| n.to_string()),
            span(self.times.into_iter(), time),
            span(self.rows.into_iter(), |n| n.to_string()),
            damaged(self.damaged),
        ]
    }
}

fn kind(number: u8) -> String {
    let is = |kind: EventKind| number == kind as u8;
    match number {
        _ if is(EventKind::Control) => "control".to_owned(),
        _ if is(EventKind::Key) => "key".to_owned(),
        _ if is(EventKind::Message) => "message".to_owned(),
        other => format!("of kind {other}"),
    }
}

/// What the clear header of an event says beside its author.
fn clear(header: &Header) -> String {
    let base = format!("base {}", header.base_n);
    if header.kind == EventKind::Message as u8
        && let Ok(fields) = decode::<MessageFields>(&header.fields)
    {
        let deletes = fields
            .deletes
            .map_or_else(String::new, |n| format!(", deletes {n}"));
        return format!(
            "message {} of session {:.16}, timer {}, {} blobs{deletes}, {base}",
            fields.index,
            fields.session.to_string(),
            fields.timer,
            fields.blobs.len()
        );
    }
    if header.kind == EventKind::Key as u8
        && let Ok(fields) = decode::<KeyFields>(&header.fields)
    {
        return format!(
            "opens session {:.16}, prekey {}, {} quotes, {base}",
            fields.session.to_string(),
            fields.prekey_id,
            fields.quotes.len()
        );
    }
    format!("{}, {base}", kind(header.kind))
}
