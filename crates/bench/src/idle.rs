//! `idle`: connections on which nothing happens, and the memory that the server holds for each.

use crate::connection::Connection;
use crate::crowd::{Crowd, Member};
use crate::folk::Founder;
use crate::outcome::{Outcome, unverified};
use crate::place::{Place, Site};
use crate::process::open_files;
use crate::report::{Case, Report, us_each};
use crate::watch::Watch;
use std::time::Duration;
use subrosa_client::Failure;
use subrosa_proto::Request;
use tokio::time::{Instant, sleep};

/// How long memory is watched until it holds still.
const STILL: Duration = Duration::from_millis(200);
const STILL_MAX: Duration = Duration::from_secs(5);
/// How long the server is watched while nothing happens.
const QUIET: Duration = Duration::from_secs(2);

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Connections; each size is measured on top of the one before.
    pub connections: Vec<usize>,
    /// Devices among whom they are divided.
    pub devices: usize,
}

/// Measures.
///
/// # Errors
/// A [`Failure`] in one sentence; then there are no figures.
pub async fn run(place: &Place, settings: &Settings, watch: &dyn Watch) -> Outcome<Report> {
    let mut sizes = settings.connections.clone();
    sizes.sort_unstable();
    let most = sizes.last().copied().unwrap_or_default();
    if most == 0 || settings.devices == 0 {
        return Err(Failure::user(
            "nobody would be connected: ask for one connection at least",
        ));
    }
    open_files(most as u64 + 1_024)?;
    let mut site = place.open().await?;
    let mut report = site.report("idle");
    report.set("devices", settings.devices.min(most));
    let mut founder = Founder::arrive(&site).await?;
    let crowd = Crowd::gather(&mut founder, settings.devices.min(most), watch).await?;
    drop(founder);
    // What registrations have left in memory is no idle connection's.
    site.restart().await?;
    let empty = still(&site).await;
    let mut open: Vec<Connection> = Vec::new();
    for size in sizes {
        let (before, begun, had) = (site.spent(), Instant::now(), open.len());
        watch.begin("connecting", (size - had) as u64);
        while open.len() < size {
            let member = crowd.member(open.len());
            open.push(Member::come(member, &site.entrance, open.len()).await?);
            watch.step(1);
        }
        let connected = Connected {
            new: (size - had) as u64,
            took: begun.elapsed(),
            server: site.spent_since(&before),
        };
        let case = case(&site, &mut open, &connected, empty, watch).await?;
        report.cases.push(case);
    }
    Ok(report)
}

/// Those that came last.
struct Connected {
    new: u64,
    took: Duration,
    server: Option<Duration>,
}

async fn case(
    site: &Site,
    open: &mut [Connection],
    connected: &Connected,
    empty: Option<u64>,
    watch: &dyn Watch,
) -> Outcome<Case> {
    let size = open.len();
    let mut case = Case::of_size(size);
    let full = still(site).await;
    let alive = alive(open, watch).await?;
    let mb = |bytes: u64| bytes as f64 / 1e6;
    case.add(
        "verified_connections",
        "connections that answered",
        alive as f64,
    );
    case.add_some(
        "server_start_mb",
        "server's memory before, MB",
        empty.map(mb),
    );
    case.add_some("server_resident_mb", "server's memory, MB", full.map(mb));
    let each = full
        .zip(empty)
        .map(|(full, empty)| full.saturating_sub(empty) as f64 / 1e3 / size as f64);
    case.add_some("kb_each", "memory for each connection, kB", each);
    let cpu = connected.server.filter(|_| connected.new > 0);
    let cpu = cpu.map(|spent| us_each(spent, connected.new));
    case.add_some(
        "connect_server_cpu_us",
        "server's processor time to connect, log in and follow, µs",
        cpu,
    );
    case.add(
        "connect_s",
        "time to connect them, s",
        connected.took.as_secs_f64(),
    );
    let before = site.spent();
    sleep(QUIET).await;
    let quiet = site.spent_since(&before);
    let quiet = quiet.map(|spent| spent.as_secs_f64() / QUIET.as_secs_f64() * 100.0);
    case.add_some(
        "quiet_cpu_percent",
        "server's processor while nothing happens, %",
        quiet,
    );
    Ok(case)
}

/// The server's memory once it holds still.
async fn still(site: &Site) -> Option<u64> {
    let until = Instant::now() + STILL_MAX;
    let mut last = site.resident()?;
    // condition: two readings are the same
    while Instant::now() < until {
        sleep(STILL).await;
        let now = site.resident()?;
        if now == last {
            break;
        }
        last = now;
    }
    Some(last)
}

/// Every connection has to answer.
async fn alive(open: &mut [Connection], watch: &dyn Watch) -> Outcome<u64> {
    watch.begin("asking all for a sign of life", open.len() as u64);
    for connection in open.iter_mut() {
        connection
            .done("a sign of life", &Request::Ping {})
            .await
            .map_err(|failure| unverified(format!("an idle connection is gone ({failure})")))?;
        watch.step(1);
    }
    Ok(open.len() as u64)
}
