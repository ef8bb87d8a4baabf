//! `reconnect`: the server has gone and comes back, and all devices with it: so many from one address, or each from its own.

use crate::connection::Connection;
use crate::crowd::{Crowd, Member};
use crate::entrance::Entrance;
use crate::folk::Founder;
use crate::latency::Latency;
use crate::outcome::{Outcome, defect, unverified};
use crate::place::{Place, Site};
use crate::process::open_files;
use crate::randomness;
use crate::report::{Case, Report, us_each};
use crate::watch::Watch;
use std::sync::Arc;
use std::time::Duration;
use subrosa_client::Failure;
use subrosa_proto::Request;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// The first pause after an attempt that failed; each further one is twice as long, up to the longest.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// Whoever is not back by then does not come back.
const PATIENCE: Duration = Duration::from_secs(300);

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Devices that come back at once.
    pub devices: usize,
    /// All from one address, as behind one router.
    pub one_address: bool,
    /// Accounts among whom they are divided.
    pub accounts: usize,
}

/// A device that is back.
struct Back {
    connection: Connection,
    after: Duration,
    attempts: u64,
}

/// Measures.
///
/// # Errors
/// A [`Failure`] in one sentence; then there are no figures.
pub async fn run(place: &Place, settings: Settings, watch: &dyn Watch) -> Outcome<Report> {
    if settings.devices == 0 || settings.accounts == 0 {
        return Err(Failure::user(
            "nobody would come back: ask for one device at least",
        ));
    }
    open_files(settings.devices as u64 + 1_024)?;
    let mut site = place.open().await?;
    let mut report = site.report("reconnect");
    report.set("devices", settings.devices);
    report.set("one_address", settings.one_address);
    let mut founder = Founder::arrive(&site).await?;
    let accounts = settings.accounts.min(settings.devices);
    let crowd = Crowd::gather(&mut founder, accounts, watch).await?;
    drop(founder);
    watch.begin("connecting", settings.devices as u64);
    let mut open = Vec::new();
    for n in 0..settings.devices {
        open.push(Member::come(crowd.member(n), &site.entrance, source(settings, n)).await?);
        watch.step(1);
    }
    // The server goes: all connections end at once. One that is given stays, and only its clients go.
    let restarted = site.restart().await?;
    drop(open);
    let case = storm(&site, &crowd, settings, restarted, watch).await?;
    report.cases.push(case);
    Ok(report)
}

const fn source(settings: Settings, n: usize) -> usize {
    if settings.one_address { 0 } else { n }
}

async fn storm(
    site: &Site,
    crowd: &Crowd,
    settings: Settings,
    restarted: Option<Duration>,
    watch: &dyn Watch,
) -> Outcome<Case> {
    watch.begin("coming back", settings.devices as u64);
    let before = site.spent();
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for n in 0..settings.devices {
        let (member, entrance) = (crowd.member(n), site.entrance.clone());
        tasks.spawn(back(member, entrance, source(settings, n), start));
    }
    let mut latency = Latency::new()?;
    let (mut open, mut attempts, mut last) = (Vec::new(), 0, Duration::ZERO);
    while let Some(done) = tasks.join_next().await {
        let back = done.map_err(defect)??;
        latency.note(back.after);
        last = last.max(back.after);
        attempts += back.attempts;
        open.push(back.connection);
        watch.step(1);
    }
    let server = site.spent_since(&before);
    let resident = site.resident().map(|bytes| bytes as f64 / 1e6);
    for connection in &mut open {
        connection
            .done("a sign of life", &Request::Ping {})
            .await
            .map_err(|failure| unverified(format!("a device that was back is gone ({failure})")))?;
    }
    let mut case = Case::default();
    let count = open.len() as u64;
    case.add(
        "verified_devices",
        "devices that were back and answered",
        count as f64,
    );
    let restarted = restarted.map(|time| time.as_secs_f64() * 1e3);
    case.add_some("restart_ms", "the server from exec to ready, ms", restarted);
    case.add("all_back_s", "until all were back, s", last.as_secs_f64());
    case.add(
        "failed_attempts",
        "attempts that the server turned away",
        (attempts - count) as f64,
    );
    let each = server.map(|spent| us_each(spent, count));
    case.add_some(
        "server_cpu_us",
        "server's processor time for each device, µs",
        each,
    );
    case.add_latency(&latency);
    case.add_some(
        "server_resident_mb",
        "server's resident memory, MB",
        resident,
    );
    Ok(case)
}

/// Tries until it is back, after pauses that grow and differ from device to device.
async fn back(
    member: Option<Arc<Member>>,
    entrance: Entrance,
    source: usize,
    start: Instant,
) -> Outcome<Back> {
    let mut pause = PAUSE;
    let mut attempts = 0;
    // condition: the device has logged in
    loop {
        attempts += 1;
        match Member::come(member.clone(), &entrance, source).await {
            Ok(connection) => {
                return Ok(Back {
                    connection,
                    after: start.elapsed(),
                    attempts,
                });
            }
            Err(failure) if start.elapsed() > PATIENCE => {
                return Err(unverified(format!(
                    "a device does not come back ({failure})"
                )));
            }
            Err(_) => {
                let part = f64::from(u32::from_be_bytes(randomness::bytes())) / f64::from(u32::MAX);
                sleep(pause.mul_f64(0.5 + part)).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}
