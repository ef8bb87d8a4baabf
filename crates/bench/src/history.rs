//! `history`: a new device by password, until the whole history is there, checked and readable; then it is searched, and
//! the home opened anew.

use crate::crew::{Crew, Load, round};
use crate::folk::{Founder, Pair};
use crate::outcome::{Outcome, defect, unverified};
use crate::password::PASSWORD;
use crate::pen::{check_size, text};
use crate::place::{Limits, Place, Site};
use crate::process::Spent;
use crate::report::{Case, Report, us_each};
use crate::watch::Watch;
use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};
use subrosa_client::enrol::login;
use subrosa_client::{
    Answer, Client, Command, Driver, Failure, HistoryView, Home, Row, RowKind, SearchView,
};
use subrosa_proto::Name;
use zeroize::Zeroizing;

/// Letters that are sealed at a time.
const PART: usize = 20_000;
/// Under way at a time while the history is written.
const WINDOW: usize = 16;
/// How often is looked how much is here.
const LOOK: Duration = Duration::from_millis(20);
/// A history that does not move for so long does not come.
const PATIENCE: Duration = Duration::from_secs(60);
/// Rows of the page that somebody sees first.
const PAGE: u32 = 50;
/// Openings of the home, and searches, of which the middle one counts.
const OPENINGS: usize = 5;
/// A word of every message that is long enough (see [`text`]).
const COMMON: &str = "goes";

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Messages in the history; each number is measured on an account of its own.
    pub messages: Vec<usize>,
    /// Bytes of a message's text.
    pub size: usize,
}

/// Measures.
///
/// # Errors
/// A [`Failure`] in one sentence; then there are no figures.
pub async fn run(place: &Place, settings: &Settings, watch: &dyn Watch) -> Outcome<Report> {
    check_size(settings.size)?;
    if settings.messages.contains(&0) || settings.messages.is_empty() {
        return Err(Failure::user(
            "a history has one message at least: choose other --messages",
        ));
    }
    let mut report = Report::new("history");
    report.set("size_bytes", settings.size);
    for (n, count) in settings.messages.iter().enumerate() {
        // It is written without limits, where that is possible, and read under those of every server.
        let writing = Place {
            limits: Limits::Lifted,
            ..place.clone()
        };
        let mut site = writing.open().await?;
        if n == 0 {
            report.set("server", site.describe()[0].1.clone());
            report.set("limits", "default");
        }
        let name = write(&site, *count, settings.size, watch).await?;
        site.restart_with(Limits::Default).await?;
        let mut case = Case::of_size(*count);
        read(&site, &name, *count, settings.size, &mut case, watch).await?;
        report.cases.push(case);
    }
    Ok(report)
}

/// Somebody with a password, to whom so many messages are written.
async fn write(site: &Site, count: usize, size: usize, watch: &dyn Watch) -> Outcome<Name> {
    let mut founder = Founder::arrive(site).await?;
    let (newcomer, name) = founder.register_one().await?;
    let pair = Pair::of(newcomer).await?;
    let mut crews = vec![Crew::new(pair, WINDOW, size)];
    let mut left = count;
    while left > 0 {
        let load = Load {
            letters: left.min(PART),
            window: WINDOW,
            every: None,
            time: Duration::from_secs(24 * 3_600),
        };
        left -= load.letters;
        (crews, _) = round(site, crews, load, watch).await?;
    }
    Ok(name)
}

async fn read(
    site: &Site,
    name: &Name,
    count: usize,
    size: usize,
    case: &mut Case,
    watch: &dyn Watch,
) -> Outcome<()> {
    let folder = tempfile::tempdir().map_err(|error| {
        crate::outcome::system("there is no room for a temporary folder", error)
    })?;
    let dir = folder.path().join("home");
    watch.begin("logging in by password", 0);
    let (server, own) = (site.spent(), Spent::of(std::process::id()));
    let begun = Instant::now();
    let home = Home::open(&dir).map_err(|error| Failure::user(error.to_string()))?;
    let typed = Zeroizing::new(PASSWORD.to_owned());
    login(
        &home,
        &site.entrance.address(),
        name,
        typed,
        None,
        "bench",
        &mut |_| {},
    )
    .await?;
    let logged_in = begun.elapsed();
    let client = open(&dir).await?;
    let readable = fetch(&client, begun, watch).await?;
    let complete = begun.elapsed();
    let server = site.spent_since(&server);
    let own = Spent::of(std::process::id()).since(&own);
    check(&client, count, size, watch).await?;
    let searched = search(&client, count, size, watch).await?;
    client.close().await;
    let cold = cold(&dir).await?;
    let times = Times {
        logged_in,
        readable,
        complete,
        client: own,
        server,
        searched,
        cold,
    };
    times.tell(case, count);
    Ok(())
}

struct Times {
    logged_in: Duration,
    readable: Duration,
    complete: Duration,
    client: Duration,
    server: Option<Duration>,
    searched: Searched,
    cold: Duration,
}

/// How long searches took, the middle of several.
struct Searched {
    /// For what stands in one message.
    rare: Duration,
    /// For what stands in all: the newest page of them.
    common: Duration,
}

impl Times {
    fn tell(&self, case: &mut Case, count: usize) {
        let each = |time: Duration| us_each(time, count as u64);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        case.add(
            "verified_messages",
            "messages that the new device reads",
            count as f64,
        );
        case.add(
            "login_ms",
            "until the password and the keys were there, ms",
            ms(self.logged_in),
        );
        case.add(
            "readable_ms",
            "until the newest page could be read, ms",
            ms(self.readable),
        );
        case.add(
            "complete_s",
            "until all was there and checked, s",
            self.complete.as_secs_f64(),
        );
        case.add(
            "client_cpu_us",
            "client's processor time for each message, µs",
            each(self.client),
        );
        case.add_some(
            "server_cpu_us",
            "server's processor time for each, µs",
            self.server.map(each),
        );
        case.add(
            "search_rare_ms",
            "finding one message by its word, ms",
            ms(self.searched.rare),
        );
        case.add(
            "search_common_ms",
            "finding the newest page of a word that all have, ms",
            ms(self.searched.common),
        );
        case.add(
            "cold_open_ms",
            "opening the home and its newest page later, ms",
            ms(self.cold),
        );
    }
}

async fn open(dir: &Path) -> Outcome<Client> {
    let home = Home::open(dir).map_err(|error| Failure::user(error.to_string()))?;
    Client::open(home, "bench", Driver::new(None)).await
}

/// Waits for all of it; how long it took until the newest could be read.
async fn fetch(client: &Client, begun: Instant, watch: &dyn Watch) -> Outcome<Duration> {
    let mut readable = None;
    let (mut here, mut moved) = (0, Instant::now());
    watch.begin("fetching the history", 0);
    // condition: everything is here
    loop {
        let view: HistoryView = match client.call(Command::History {}).await? {
            Answer::History(view) => view,
            _ => return Err(defect("the history was not told")),
        };
        if view.readable && view.events > 0 && readable.is_none() {
            readable = Some(begun.elapsed());
        }
        if view.complete && view.events > 0 {
            return Ok(readable.unwrap_or_else(|| begun.elapsed()));
        }
        if view.events_here != here {
            (here, moved) = (view.events_here, Instant::now());
        }
        if moved.elapsed() > PATIENCE {
            return Err(unverified("the history does not come"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Every message must be there and say what was written.
async fn check(client: &Client, count: usize, size: usize, watch: &dyn Watch) -> Outcome<()> {
    watch.begin("reading all of it", count as u64);
    let mut missing: HashSet<String> = (0..count as u64).map(|number| text(number, size)).collect();
    let mut before = None;
    while !missing.is_empty() {
        let rows = rows(client, before, 1_000).await?;
        let Some(first) = rows.iter().map(|row| row.cursor).min() else {
            return Err(unverified(format!(
                "{} messages cannot be read",
                missing.len()
            )));
        };
        before = Some(first);
        watch.step(rows.len() as u64);
        for row in rows {
            if let RowKind::Text { text } = row.what {
                missing.remove(&text);
            }
        }
    }
    Ok(())
}

async fn rows(client: &Client, before: Option<u64>, limit: u32) -> Outcome<Vec<Row>> {
    let command = Command::Read {
        conversation: None,
        before,
        since: None,
        limit,
        fresh: false,
    };
    match client.call(command).await? {
        Answer::Rows(rows) => Ok(rows),
        _ => Err(defect("rows were not given")),
    }
}

/// Searches for what stands in one message and in all, once everything is in the index.
async fn search(
    client: &Client,
    count: usize,
    size: usize,
    watch: &dyn Watch,
) -> Outcome<Searched> {
    let wanted = text(count as u64 / 2, size);
    let number = (count / 2).to_string();
    let common = size > "it goes".len() + count.to_string().len() + 1;
    watch.begin("waiting for the index of words", 0);
    let begun = Instant::now();
    // condition: everything has been searched
    while !find(client, &number, 1).await?.reach.is_whole() {
        if begun.elapsed() > PATIENCE {
            return Err(unverified("the index of words does not come to its end"));
        }
        tokio::time::sleep(LOOK).await;
    }
    watch.begin("searching", 0);
    let (mut rare, mut all) = (Vec::new(), Vec::new());
    for _ in 0..OPENINGS {
        let begun = Instant::now();
        let found = find(client, &number, PAGE).await?;
        rare.push(begun.elapsed());
        let is_it = |row: &Row| matches!(&row.what, RowKind::Text { text } if *text == wanted);
        if !found.hits.iter().any(|hit| is_it(&hit.row)) {
            return Err(unverified("a message was not found by its word"));
        }
        let begun = Instant::now();
        let found = find(client, COMMON, PAGE).await?;
        all.push(begun.elapsed());
        if common && found.hits.is_empty() {
            return Err(unverified("a word that all messages have was not found"));
        }
    }
    Ok(Searched {
        rare: middle(rare),
        common: middle(all),
    })
}

async fn find(client: &Client, query: &str, limit: u32) -> Outcome<SearchView> {
    let command = Command::Search {
        query: query.to_owned(),
        conversation: None,
        before: None,
        limit,
        zone_s: 0,
    };
    match client.call(command).await? {
        Answer::Found(found) => Ok(found),
        _ => Err(defect("nothing was said of what was found")),
    }
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The middle of several openings of the home, the newest page included.
async fn cold(dir: &Path) -> Outcome<Duration> {
    let mut times = Vec::new();
    for _ in 0..OPENINGS {
        let begun = Instant::now();
        let client = open(dir).await?;
        if rows(&client, None, PAGE).await?.is_empty() {
            return Err(unverified("the newest page is empty"));
        }
        times.push(begun.elapsed());
        client.close().await;
    }
    Ok(middle(times))
}
