//! `messages`: pairs of people, one of whom writes to the other, durable before it is answered.

use crate::crew::{Crew, Load, Round, round};
use crate::folk::{Founder, Pair};
use crate::outcome::Outcome;
use crate::pace::Pace;
use crate::pen::check_size;
use crate::place::{Limits, Place, Site};
use crate::process::open_files;
use crate::report::{Case, Report, us_each};
use crate::watch::Watch;
use std::time::Duration;
use subrosa_client::Failure;

/// Letters of each pair before the clock starts: they show how many more have to be sealed.
const REHEARSAL: usize = 64;
/// More is sealed than the rehearsal promises.
const MARGIN: f64 = 1.5;
/// Letters that are stored in one go, over all pairs.
const FILLED_AT_A_TIME: usize = 50_000;
/// Letters that are sealed ahead at most, over all pairs: about 1 KB each.
const AHEAD_MAX: usize = 2_000_000;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Pairs of people.
    pub pairs: usize,
    /// Messages of a pair that are under way at a time.
    pub window: usize,
    /// Bytes of a message's text.
    pub size: usize,
    /// Messages each second over all pairs, if not as many as possible.
    pub rate: Option<u32>,
    /// How long is written.
    pub seconds: u32,
    /// Events that are stored before, in the same conversations.
    pub stored: usize,
}

/// Measures.
///
/// # Errors
/// A [`Failure`] in one sentence; then there are no figures.
pub async fn run(place: &Place, settings: Settings, watch: &dyn Watch) -> Outcome<Report> {
    check(settings)?;
    open_files(settings.pairs as u64 * 2 + 256)?;
    let site = place.open().await?;
    let mut report = site.report("messages");
    report.set("pairs", settings.pairs);
    report.set("window", settings.window);
    report.set("size_bytes", settings.size);
    report.set("rate_per_s", settings.rate);
    report.set("seconds", settings.seconds);
    report.set("stored", settings.stored);
    let mut founder = Founder::arrive(&site).await?;
    let pairs = founder.welcome(settings.pairs, watch, Pair::of).await?;
    let crews: Vec<_> = pairs
        .into_iter()
        .map(|pair| Crew::new(pair, settings.window, settings.size))
        .collect();

    let rehearsal = Load {
        letters: REHEARSAL,
        window: settings.window,
        every: None,
        time: Duration::from_secs(3_600),
    };
    let crews = fill(&site, crews, settings, watch).await?;
    let (crews, rehearsed) = round(&site, crews, rehearsal, watch).await?;
    let load = Load {
        letters: letters_each(&site, settings, &rehearsed),
        every: settings.rate.map(|rate| interval(settings, rate)),
        time: Duration::from_secs(settings.seconds.into()),
        ..rehearsal
    };
    let (_, round) = round(&site, crews, load, watch).await?;
    report.cases.push(case(&site, &round));
    if settings.rate.is_none() && site.limits() == Limits::Default {
        report.note_limits();
    }
    Ok(report)
}

fn check(settings: Settings) -> Outcome<()> {
    check_size(settings.size)?;
    if settings.pairs == 0 || settings.window == 0 || settings.seconds == 0 {
        return Err(Failure::user(
            "pairs, window and seconds are 1 at least: there is nothing to measure otherwise",
        ));
    }
    Ok(())
}

/// Writes what has to be stored before, a part at a time, since letters lie in memory until they are sent.
async fn fill(
    site: &Site,
    mut crews: Vec<Crew>,
    settings: Settings,
    watch: &dyn Watch,
) -> Outcome<Vec<Crew>> {
    let mut left = settings.stored.div_ceil(settings.pairs);
    while left > 0 {
        let load = Load {
            letters: left.min(FILLED_AT_A_TIME.div_ceil(settings.pairs)),
            window: settings.window,
            every: None,
            time: Duration::from_secs(24 * 3_600),
        };
        left -= load.letters;
        (crews, _) = round(site, crews, load, watch).await?;
    }
    Ok(crews)
}

/// The time between two messages of one pair.
fn interval(settings: Settings, rate: u32) -> Duration {
    Duration::from_secs_f64(settings.pairs as f64 / f64::from(rate.max(1)))
}

/// How many letters each pair will need.
fn letters_each(site: &Site, settings: Settings, rehearsal: &Round) -> usize {
    let time = Duration::from_secs(settings.seconds.into());
    let seconds = time.as_secs_f64();
    let possible = rehearsal.messages as f64 / rehearsal.took.as_secs_f64().max(1e-3) * MARGIN;
    let rate = settings.rate.map_or(possible, f64::from);
    let mut each = rate * seconds / settings.pairs as f64 + 1.0;
    if let Some(pace) = Pace::of_events(site.limits()) {
        each = each.min(pace.within(time));
    }
    (each as usize).min(AHEAD_MAX / settings.pairs).max(1)
}

fn case(site: &Site, round: &Round) -> Case {
    let mut case = Case::default();
    let each = |time: Duration| us_each(time, round.messages);
    let rate = round.messages as f64 / round.took.as_secs_f64();
    case.add(
        "verified_messages",
        "messages delivered and opened",
        round.messages as f64,
    );
    case.add("wall_s", "time, s", round.took.as_secs_f64());
    case.add("messages_per_s", "messages each second", rate);
    case.add_some(
        "server_cpu_us",
        "server's processor time for each, µs",
        round.server.map(each),
    );
    case.add(
        "client_cpu_us",
        "clients' processor time for each, µs",
        each(round.client),
    );
    case.add_latency(&round.latency);
    let resident = site.resident().map(|bytes| bytes as f64 / 1e6);
    case.add_some(
        "server_resident_mb",
        "server's resident memory, MB",
        resident,
    );
    case
}
