//! `room`: what one message costs that many receive, and the first of a session, whose key every device gets in a box of its own.

use crate::connection::Connection;
use crate::crew::Round;
use crate::folk::Founder;
use crate::gathering::Room;
use crate::latency::Latency;
use crate::listening::{Ear, mark};
use crate::outcome::{Outcome, defect, unexpected, unverified};
use crate::pace::Pace;
use crate::pen::{apply, check_size};
use crate::place::{Limits, Place, Site};
use crate::process::{Spent, open_files};
use crate::reading::Reading;
use crate::report::{Case, Report, us_each};
use crate::speaking::Mouth;
use crate::watch::Watch;
use std::collections::HashMap;
use std::time::Duration;
use subrosa_client::Failure;
use subrosa_e2e::Machine;
use subrosa_proto::{Request, Response, encode, limits};
use tokio::sync::watch::channel;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Devices in the room; each size is measured in a room of its own.
    pub members: Vec<usize>,
    /// How many of them write.
    pub senders: usize,
    /// Messages of each writer.
    pub messages: u64,
    /// Messages of a writer under way at a time.
    pub window: usize,
    /// Bytes of a message's text.
    pub size: usize,
}

/// Measures.
///
/// # Errors
/// A [`Failure`] in one sentence; then there are no figures.
pub async fn run(place: &Place, settings: &Settings, watch: &dyn Watch) -> Outcome<Report> {
    check(settings)?;
    let most = settings.members.iter().copied().max().unwrap_or_default();
    open_files(most as u64 + 256)?;
    let site = place.open().await?;
    let mut report = site.report("room");
    report.set("senders", settings.senders);
    report.set("messages", settings.messages);
    report.set("window", settings.window);
    report.set("size_bytes", settings.size);
    let mut founder = Founder::arrive(&site).await?;
    for devices in &settings.members {
        let room = Room::gather(&mut founder, *devices, watch).await?;
        let mut case = Case::of_size(*devices);
        measure(&site, &mut founder, room, settings, &mut case, watch).await?;
        report.cases.push(case);
    }
    if site.limits() == Limits::Default {
        report.note_limits();
    }
    Ok(report)
}

fn check(settings: &Settings) -> Outcome<()> {
    check_size(settings.size)?;
    let least = settings.senders + 2;
    let most = limits::ROOM_DEVICES_MAX;
    if settings.senders == 0 || settings.messages == 0 || settings.window == 0 {
        return Err(Failure::user(
            "senders, messages and window are 1 at least: nobody would write otherwise",
        ));
    }
    if settings.members.is_empty() || settings.members.iter().any(|m| *m < least || *m > most) {
        return Err(Failure::user(format!(
            "a room of {least} to {most} devices can be measured with so many senders: choose other --members"
        )));
    }
    Ok(())
}

/// Somebody in the room, with what was heard.
struct Guest {
    connection: Connection,
    ear: Ear,
}

async fn measure(
    site: &Site,
    founder: &mut Founder,
    mut room: Room,
    settings: &Settings,
    case: &mut Case,
    watch: &dyn Watch,
) -> Outcome<()> {
    let connections = room.follow(site, watch).await?;
    let next = room.conversation.head().0 + 1;
    let guests = connections.into_iter().map(|connection| Guest {
        connection,
        ear: Ear::new(next, 2),
    });
    let guests = first(
        site,
        founder,
        &mut room,
        guests.collect(),
        settings.size,
        case,
        watch,
    )
    .await?;
    let company = Company::of(site, room, guests, settings);
    talk(site, company, settings, case, watch).await
}

/// Who does what once the sessions are open: one keeps all and reads it, some write, the others hear.
struct Company {
    keeper: Machine,
    mouths: Vec<Mouth>,
    /// The keeper's is the first.
    ears: Vec<Guest>,
}

impl Company {
    fn of(site: &Site, room: Room, guests: Vec<Guest>, settings: &Settings) -> Option<Self> {
        let at = room.conversation.head().0 + 1;
        let mut people = room.members.into_iter().zip(guests);
        let (keeper, guest) = people.next()?;
        let hear = |guest: Guest, keeps| Guest {
            connection: guest.connection,
            ear: Ear::new(at, keeps),
        };
        let mut ears = vec![hear(guest, usize::MAX)];
        let mut mouths = Vec::new();
        for (person, guest) in people.by_ref().take(settings.senders) {
            let (machine, counter) = person.into_parts();
            mouths.push(Mouth {
                machine,
                known: room.known.clone(),
                conversation: room.conversation.clone(),
                connection: guest.connection,
                ear: Ear::new(at, 0),
                counter,
                pace: Pace::of_events(site.limits()),
                said: 0,
                left: HashMap::new(),
                events: 0,
            });
        }
        ears.extend(people.map(|(_, guest)| hear(guest, 0)));
        Some(Self {
            keeper: keeper.into_parts().0,
            mouths,
            ears,
        })
    }
}

/// The founder's first message: everybody opens its key and reads it.
async fn first(
    site: &Site,
    founder: &mut Founder,
    room: &mut Room,
    mut guests: Vec<Guest>,
    size: usize,
    case: &mut Case,
    watch: &dyn Watch,
) -> Outcome<Vec<Guest>> {
    watch.begin("the first message", 0);
    let (server, start) = (site.spent(), Instant::now());
    let (letter, events) = room.seal_first(founder, size)?;
    let sealed = start.elapsed();
    let boxes = letter.stages.iter().map(|stage| encode(stage).len());
    let key_bytes = boxes.sum::<usize>() + letter.events.first().map_or(0, bytes::Bytes::len);
    for stage in &letter.stages {
        founder.connection.done("keys", stage).await?;
    }
    let request = Request::Append {
        counter: founder.person.counter(),
        conv: room.conversation.id(),
        events: letter.events,
    };
    match founder.connection.ask(&request).await? {
        Response::Appended { .. } => {}
        other => return Err(unexpected("a message", &other)),
    }
    let stored = start.elapsed();
    let mut tasks = JoinSet::new();
    for (n, mut guest) in guests.drain(..).enumerate() {
        let (_tell, told) = channel(Some(2));
        tasks.spawn(async move {
            guest.ear.listen(&mut guest.connection, start, told).await?;
            Ok::<_, Failure>((n, guest))
        });
    }
    let mut heard = Vec::new();
    while let Some(done) = tasks.join_next().await {
        heard.push(done.map_err(defect)??);
    }
    let took = start.elapsed();
    let server = site.spent_since(&server);
    heard.sort_by_key(|(n, _)| *n);
    for event in &events {
        apply(&mut room.conversation, event, &room.known)?;
    }
    let guests: Vec<_> = heard.into_iter().map(|(_, guest)| guest).collect();
    everybody_reads(&guests, room, size)?;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    case.add(
        "first_verified",
        "devices that have opened the first message",
        guests.len() as f64,
    );
    case.add("key_bytes", "bytes of its keys", key_bytes as f64);
    case.add(
        "first_seal_ms",
        "time to seal it and its keys, ms",
        ms(sealed),
    );
    case.add("first_stored_ms", "until it was on disk, ms", ms(stored));
    case.add("first_message_ms", "until everybody had it, ms", ms(took));
    case.add_some(
        "first_server_cpu_ms",
        "server's processor time for it, ms",
        server.map(ms),
    );
    Ok(guests)
}

fn everybody_reads(guests: &[Guest], room: &Room, size: usize) -> Outcome<()> {
    for (guest, person) in guests.iter().zip(&room.members) {
        let mut reading = Reading::new(size);
        let opened = reading.open(&person.machine, &guest.ear.kept)?;
        if opened != 1 {
            return Err(unverified("somebody cannot read the first message"));
        }
    }
    Ok(())
}

/// Several write, everybody hears all of it.
async fn talk(
    site: &Site,
    company: Option<Company>,
    settings: &Settings,
    case: &mut Case,
    watch: &dyn Watch,
) -> Outcome<()> {
    let Company {
        keeper,
        mouths,
        ears,
    } = company.ok_or_else(|| defect("nobody is in the room"))?;
    watch.begin("writing and reading", 0);
    let start = Instant::now();
    let (server, client) = (site.spent(), Spent::of(std::process::id()));
    let (total, told) = channel(None);
    let mut hearing = JoinSet::new();
    for (n, Guest { connection, ear }) in ears.into_iter().enumerate() {
        hearing.spawn(hear(n, connection, ear, start, told.clone()));
    }
    let mut writing = JoinSet::new();
    let (messages, window, size) = (settings.messages, settings.window, settings.size);
    for mut mouth in mouths {
        writing.spawn(async move {
            mouth.say(messages, window, size, start).await?;
            Ok::<_, Failure>(mouth)
        });
    }
    let mut left = HashMap::new();
    let mut events = 0;
    let mut quiet = Vec::new();
    while let Some(done) = writing.join_next().await {
        let mouth = done.map_err(defect)??;
        events += mouth.events;
        left.extend(mouth.left);
        quiet.push((mouth.connection, mouth.ear));
    }
    total.send_replace(Some(events));
    for (connection, ear) in quiet {
        hearing.spawn(hear(usize::MAX, connection, ear, start, told.clone()));
    }
    let mut heard = Vec::new();
    while let Some(done) = hearing.join_next().await {
        heard.push(done.map_err(defect)??);
    }
    let mut round = Round {
        messages: left.len() as u64,
        took: start.elapsed(),
        server: site.spent_since(&server),
        client: Spent::of(std::process::id()).since(&client),
        latency: Latency::new()?,
    };
    heard.sort_by_key(|(n, _)| *n);
    let ears: Vec<Ear> = heard.into_iter().map(|(_, ear)| ear).collect();
    round.latency = Spoken { left, size }.check(&keeper, &ears)?;
    tell(case, &round, ears.len());
    let resident = site.resident().map(|bytes| bytes as f64 / 1e6);
    case.add_some(
        "server_resident_mb",
        "server's resident memory, MB",
        resident,
    );
    Ok(())
}

fn tell(case: &mut Case, round: &Round, ears: usize) {
    let messages = round.messages as f64;
    let deliveries = messages * ears as f64;
    let seconds = round.took.as_secs_f64();
    let each = |time: Duration| us_each(time, round.messages * ears as u64);
    case.add(
        "verified_deliveries",
        "deliveries of further messages, all equal",
        deliveries,
    );
    case.add("messages_per_s", "messages each second", messages / seconds);
    case.add(
        "deliveries_per_s",
        "deliveries each second",
        deliveries / seconds,
    );
    case.add_some(
        "server_cpu_us",
        "server's processor time for each delivery, µs",
        round.server.map(each),
    );
    case.add(
        "client_cpu_us",
        "clients' processor time for each, µs",
        each(round.client),
    );
    case.add_latency(&round.latency);
}

async fn hear(
    n: usize,
    mut connection: Connection,
    mut ear: Ear,
    start: Instant,
    told: tokio::sync::watch::Receiver<Option<usize>>,
) -> Outcome<(usize, Ear)> {
    ear.listen(&mut connection, start, told).await?;
    Ok((n, ear))
}

/// What was said, and when.
struct Spoken {
    left: HashMap<u64, u64>,
    size: usize,
}

impl Spoken {
    /// The keeper, who is the first, has kept everything: it opens it. All others have heard the same.
    fn check(&self, keeper: &Machine, ears: &[Ear]) -> Outcome<Latency> {
        let first = ears
            .first()
            .ok_or_else(|| defect("nobody has heard anything"))?;
        let opened = Reading::new(self.size).open(keeper, &first.kept)?;
        if opened != self.left.len() as u64 {
            return Err(unverified(format!(
                "of {} messages {opened} could be opened",
                self.left.len()
            )));
        }
        if ears.iter().any(|ear| ear.digest() != first.digest()) {
            return Err(unverified(
                "two members of the room have heard different things",
            ));
        }
        let mut latency = Latency::new()?;
        for (at, delivered) in first.kept.iter().enumerate() {
            let Some(left) = self.left.get(&mark(&delivered.event)) else {
                continue;
            };
            for came in ears.iter().filter_map(|ear| ear.came_us.get(at)) {
                latency.note(Duration::from_micros(
                    u64::from(*came).saturating_sub(*left),
                ));
            }
        }
        Ok(latency)
    }
}
