//! `client`: what a device itself does for a message: seal, open, judge. No server takes part, and one core.

use crate::outcome::{Outcome, defect, unverified};
use crate::pen::{Known, apply, check_size, seal, text};
use crate::person::{Opening, Person, begun};
use crate::randomness;
use crate::reading::Reading;
use crate::report::{Case, Report, us_each};
use crate::watch::Watch;
use std::time::{Duration, Instant};
use subrosa_client::Failure;
use subrosa_e2e::Identity;
use subrosa_ledger::Conversation;
use subrosa_proto::{Delivered, Event, EventKind, Form, Header, Name, decode, encode};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Messages.
    pub messages: usize,
    /// Bytes of a message's text.
    pub size: usize,
}

/// Measures. Blocks until it is done.
///
/// # Errors
/// A [`Failure`] in one sentence; then there are no figures.
pub fn run(settings: Settings, watch: &dyn Watch) -> Outcome<Report> {
    check_size(settings.size)?;
    if settings.messages == 0 {
        return Err(Failure::user(
            "nothing would be sealed: ask for one message at least",
        ));
    }
    let mut report = Report::new("client");
    report.set("messages", settings.messages);
    report.set("size_bytes", settings.size);
    let (mut writer, reader) = (person("writer")?, person("reader")?);
    let known = Known::of([&writer, &reader])?;
    let mac = Some(randomness::bytes());
    let peer = Some(reader.id());
    let mut rng = randomness::system();
    let (create, _) = writer
        .machine
        .create(Form::Direct, true, peer, mac, &mut rng);
    let conversation = begun(&create, &known)?;
    let mut case = Case::default();

    watch.begin("sealing", 0);
    let begun = Instant::now();
    let mut letters = Vec::new();
    for number in 0..settings.messages {
        let text = text(number as u64, settings.size);
        letters.push(seal(&mut writer.machine, &conversation, &known, text)?);
    }
    let sealed = begun.elapsed();
    let delivered = deliver(letters)?;

    watch.begin("opening", 0);
    let begun = Instant::now();
    let opened = Reading::new(settings.size).open(&reader.machine, &delivered)?;
    let read = begun.elapsed();
    if opened != settings.messages as u64 {
        return Err(unverified(format!("{opened} messages could be opened")));
    }

    watch.begin("judging", 0);
    let judged = judge(conversation, &known, &delivered)?;
    let each = |time: Duration| us_each(time, opened);
    case.add(
        "verified_messages",
        "messages sealed, opened and judged",
        opened as f64,
    );
    case.add(
        "encrypt_us",
        "sealing and signing one, its share of keys included, µs",
        each(sealed),
    );
    case.add(
        "decrypt_us",
        "opening one, its share of keys included, µs",
        each(read),
    );
    case.add(
        "judge_us",
        "its signature and its place in the log, µs",
        each(judged),
    );
    report.cases.push(case);
    Ok(report)
}

/// Somebody who is at no server.
fn person(name: &str) -> Outcome<Person> {
    let identity = Identity::generate(&mut randomness::system());
    let name = Name::new(name).map_err(defect)?;
    let openings = [Opening::stand_in()?, Opening::stand_in()?];
    Ok(Person::found(identity, &name, [0; 32], &openings)?.0)
}

/// As a server hands them over: a key event with the recipient's boxes.
fn deliver(letters: Vec<(crate::pen::Letter, Vec<Event>)>) -> Outcome<Vec<Delivered>> {
    let mut delivered = Vec::new();
    for (letter, events) in letters {
        let boxes: Vec<_> = letter.stages.into_iter().flat_map(boxes).collect();
        for event in events {
            let header: Header = decode(&event.header).map_err(defect)?;
            let is_key = u64::from(header.kind) == EventKind::Key.number();
            delivered.push(Delivered {
                time_ms: crate::person::now_ms(),
                event: encode(&event),
                boxes: if is_key { boxes.clone() } else { Vec::new() },
            });
        }
    }
    Ok(delivered)
}

fn boxes(stage: subrosa_proto::Request) -> Vec<bytes::Bytes> {
    match stage {
        subrosa_proto::Request::Stage { boxes, .. } => boxes,
        _ => Vec::new(),
    }
}

/// Applies everything to the log, as client and server do.
fn judge(
    mut conversation: Conversation,
    known: &Known,
    delivered: &[Delivered],
) -> Outcome<Duration> {
    let events: Result<Vec<Event>, _> = delivered.iter().map(|one| decode(&one.event)).collect();
    let events = events.map_err(defect)?;
    let begun = Instant::now();
    for event in &events {
        apply(&mut conversation, event, known)?;
    }
    Ok(begun.elapsed())
}
