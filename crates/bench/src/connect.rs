//! `connect`: logins, each on a channel of its own: by a device's key, and by a password on a machine that has nothing else.

use crate::connection::Connection;
use crate::entrance::Entrance;
use crate::folk::{Founder, Newcomer};
use crate::latency::Latency;
use crate::outcome::{Outcome, defect, unverified};
use crate::password::Account;
use crate::person::{Person, prove};
use crate::place::{Place, Site};
use crate::process::Spent;
use crate::report::{Case, Report, us_each};
use crate::watch::Watch;
use std::sync::Arc;
use std::time::{Duration, Instant};
use subrosa_client::Failure;
use tokio::task::JoinSet;

/// Password logins that one name gets within an hour from addresses where it was never seen, with some room.
const LOGINS_OF_A_NAME: usize = 25;
/// Password logins that one name gets from one address.
const LOGINS_OF_A_SOURCE: usize = 5;
/// People whose devices log in.
const PEOPLE: usize = 20;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Logins of devices.
    pub devices: usize,
    /// Logins by password.
    pub passwords: usize,
    /// Logins under way at a time.
    pub at_a_time: usize,
}

/// Logins of one kind.
struct Logins {
    count: u64,
    took: Duration,
    server: Option<Duration>,
    client: Duration,
    latency: Latency,
}

/// Measures.
///
/// # Errors
/// A [`Failure`] in one sentence; then there are no figures.
pub async fn run(place: &Place, settings: Settings, watch: &dyn Watch) -> Outcome<Report> {
    if settings.at_a_time == 0 || settings.devices + settings.passwords == 0 {
        return Err(Failure::user(
            "nobody would log in: ask for one login at least",
        ));
    }
    let site = place.open().await?;
    let mut report = site.report("connect");
    report.set("devices", settings.devices);
    report.set("passwords", settings.passwords);
    report.set("at_a_time", settings.at_a_time);
    let mut founder = Founder::arrive(&site).await?;
    let mut case = Case::default();
    let started = site.started().map(|time| time.as_secs_f64() * 1e3);
    case.add_some("start_ms", "from exec to ready, ms", started);
    if settings.devices > 0 {
        let people = PEOPLE.min(settings.devices);
        let people = founder.welcome(people, watch, only_person).await?;
        let people: Vec<_> = people.into_iter().map(Arc::new).collect();
        watch.begin("logging devices in", settings.devices as u64);
        let logins = many(&site, settings.devices, settings.at_a_time, watch, |n| {
            let person = people.get(n % people.len().max(1)).cloned();
            device(site.entrance.clone(), n, person)
        });
        device_figures(&mut case, &logins.await?);
    }
    if settings.passwords > 0 {
        let each = if site.entrance.has_sources() {
            LOGINS_OF_A_NAME
        } else {
            LOGINS_OF_A_SOURCE
        };
        let accounts = settings.passwords.div_ceil(each);
        let accounts = founder.register(accounts, watch).await?;
        let accounts: Vec<_> = accounts.into_iter().map(Arc::new).collect();
        watch.begin("logging in by password", settings.passwords as u64);
        let logins = many(&site, settings.passwords, settings.at_a_time, watch, |n| {
            let account = accounts.get(n % accounts.len().max(1)).cloned();
            password(site.entrance.clone(), n, account)
        });
        password_figures(&mut case, &logins.await?);
    }
    report.cases.push(case);
    Ok(report)
}

async fn only_person(newcomer: Newcomer) -> Outcome<Person> {
    Ok(newcomer.person)
}

async fn device(entrance: Entrance, n: usize, person: Option<Arc<Person>>) -> Outcome<()> {
    let person = person.ok_or_else(|| defect("nobody logs in"))?;
    let mut connection = connect(&entrance, n).await?;
    prove(&person.machine, &mut connection).await?;
    connection.close().await
}

async fn password(entrance: Entrance, n: usize, account: Option<Arc<Account>>) -> Outcome<()> {
    let account = account.ok_or_else(|| defect("nobody logs in"))?;
    let mut connection = connect(&entrance, n).await?;
    let id = account.open(&entrance, &mut connection).await?;
    if id != account.id {
        return Err(unverified("another account was opened"));
    }
    connection.close().await
}

async fn connect(entrance: &Entrance, n: usize) -> Outcome<Connection> {
    let source = u32::try_from(n).unwrap_or_default();
    entrance.connect_from(source).await
}

/// So many logins, several at a time.
async fn many<F>(
    site: &Site,
    count: usize,
    at_a_time: usize,
    watch: &dyn Watch,
    login: impl Fn(usize) -> F,
) -> Outcome<Logins>
where
    F: Future<Output = Outcome<()>> + Send + 'static,
{
    let mut latency = Latency::new()?;
    let (server, client) = (site.spent(), Spent::of(std::process::id()));
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    let mut note = |done: Result<Outcome<Duration>, tokio::task::JoinError>| {
        latency.note(done.map_err(defect)??);
        watch.step(1);
        Ok::<_, Failure>(())
    };
    for n in 0..count {
        if tasks.len() >= at_a_time
            && let Some(done) = tasks.join_next().await
        {
            note(done)?;
        }
        let login = login(n);
        tasks.spawn(async move {
            let begun = Instant::now();
            login.await.map(|()| begun.elapsed())
        });
    }
    while let Some(done) = tasks.join_next().await {
        note(done)?;
    }
    Ok(Logins {
        count: count as u64,
        took: begun.elapsed(),
        server: site.spent_since(&server),
        client: Spent::of(std::process::id()).since(&client),
        latency,
    })
}

fn device_figures(case: &mut Case, logins: &Logins) {
    let each = |time: Duration| us_each(time, logins.count);
    let [p50, p99, _] = logins.latency.summary_ms();
    case.add(
        "verified_device_logins",
        "logins by device key",
        logins.count as f64,
    );
    case.add(
        "device_logins_per_s",
        "  each second",
        logins.count as f64 / logins.took.as_secs_f64(),
    );
    case.add_some(
        "device_server_cpu_us",
        "  server's processor time for each, µs",
        logins.server.map(each),
    );
    case.add(
        "device_client_cpu_us",
        "  client's processor time for each, µs",
        each(logins.client),
    );
    case.add("device_p50_ms", "  half within, ms", p50);
    case.add("device_p99_ms", "  99 % within, ms", p99);
}

fn password_figures(case: &mut Case, logins: &Logins) {
    let each = |time: Duration| us_each(time, logins.count);
    let [p50, p99, _] = logins.latency.summary_ms();
    case.add(
        "verified_password_logins",
        "logins by password, vault opened",
        logins.count as f64,
    );
    case.add_some(
        "password_server_cpu_us",
        "  server's processor time for each, µs ",
        logins.server.map(each),
    );
    case.add(
        "password_client_cpu_us",
        "  client's processor time for each, µs ",
        each(logins.client),
    );
    case.add("password_p50_ms", "  half within, ms ", p50);
    case.add("password_p99_ms", "  99 % within, ms ", p99);
}
