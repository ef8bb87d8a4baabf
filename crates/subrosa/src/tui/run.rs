//! The only part that touches the terminal and the client.

mod calls;
mod canvas;

use super::app::{App, Beginning};
use super::event::{Effect, Event};
use super::screens::{Screen, Sheet};
use super::theme::Theme;
use crate::seat::account;
use crate::signals::Signals;
use crate::terminal::Keys;
use calls::Calls;
pub use canvas::Canvas;
use jiff::tz::TimeZone;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use subrosa_client::{Client, Failure, Notice, Notices};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use zeroize::Zeroizing;

/// Pictures are at least so far apart.
const FRAME: Duration = Duration::from_millis(16);
/// How often the clock on the screen goes on.
const TICK: Duration = Duration::from_secs(1);
/// Events taken in before a picture, however many wait.
const EVENTS_MAX: usize = 2_000;

/// How it begins.
#[derive(Default)]
pub struct Opening {
    /// With whom; without, whoever wrote last.
    pub to: Option<String>,
    /// The server runs in this process.
    pub hosting: bool,
    /// A command with which somebody joins.
    pub join_line: Option<String>,
    /// The sheet of a new account.
    pub sheet: Option<Zeroizing<String>>,
    /// Whoever has read keys before: another reader would take keys that are meant for this one.
    pub keys: Option<Keys>,
}

/// Everything that a turn works with.
struct Face {
    app: App,
    canvas: Canvas,
    calls: Calls,
    keys: Keys,
    notices: Notices,
    client: Arc<Client>,
    /// The newest row told: a new subscription goes on behind it.
    newest: Option<u64>,
    leaves: bool,
}

/// Shows it until the person leaves or a signal comes, and leaves the home in good order.
pub async fn live(client: Client, opening: Opening, signals: &mut Signals) -> anyhow::Result<()> {
    let client = Arc::new(client);
    let lived = run(client.clone(), opening, signals).await;
    if let Some(client) = Arc::into_inner(client) {
        crate::commands::orderly(client.close(), signals).await;
    }
    lived
}

/// Shows it until the person leaves or a signal comes.
async fn run(client: Arc<Client>, opening: Opening, signals: &mut Signals) -> anyhow::Result<()> {
    let own = account(&client).await?.name;
    // Subscribed first: what arrives while the history is read is not missed.
    let notices = client.subscribe(None, None).await?;
    let canvas = Canvas::open()?;
    let shown = show(client, own, opening, notices, canvas, signals).await;
    crate::terminal::restore();
    shown
}

async fn show(
    client: Arc<Client>,
    own: String,
    opening: Opening,
    notices: Notices,
    canvas: Canvas,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    let beginning = Beginning {
        own,
        theme: Theme::of_terminal(),
        now_ms: now_ms(),
        zone: TimeZone::system(),
        size: canvas.size(),
        to: opening.to,
        hosting: opening.hosting,
        join_line: opening.join_line,
    };
    let (mut app, effects) = App::new(beginning);
    if let Some(sheet) = opening.sheet {
        app.screen = Screen::Sheet(Sheet(sheet));
    }
    let calls = Calls::new(client.clone());
    let mut face = Face {
        app,
        canvas,
        calls,
        keys: opening.keys.unwrap_or_else(Keys::read),
        notices,
        client,
        newest: None,
        leaves: false,
    };
    face.carry_out(effects).await?;
    let ended = face.live(signals).await;
    face.calls.settle().await;
    ended
}

impl Face {
    async fn live(&mut self, signals: &mut Signals) -> anyhow::Result<()> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut continued = canvas::continued()?;
        let (mut stale, mut drawn) = (true, Instant::now() - FRAME);
        while !self.leaves {
            let event = tokio::select! {
                biased;
                _ = signals.next() => return Ok(()),
                () = sleep_until(drawn + FRAME), if stale => {
                    self.canvas.draw(&self.app)?;
                    (stale, drawn) = (false, Instant::now());
                    continue;
                }
                key = self.keys.next() => match key {
                    Some(event) => canvas::event(event),
                    // The terminal is gone.
                    None => return Ok(()),
                },
                notice = self.notices.recv() => match notice {
                    Some(notice) => Some(self.heard(notice)),
                    None => {
                        self.notices = self.client.subscribe(None, self.newest).await?;
                        None
                    }
                },
                answer = self.calls.next() => answer.map(|(ask, answer)| Event::Answer(ask, answer)),
                _ = tick.tick() => Some(Event::Time(now_ms())),
                _ = continued.recv() => {
                    self.canvas.cover_again()?;
                    stale = true;
                    None
                }
            };
            let mut next = event;
            for _ in 0..EVENTS_MAX {
                let Some(event) = next else { break };
                self.take(event).await?;
                stale = true;
                next = self.waiting();
            }
        }
        Ok(())
    }

    /// What has come already.
    fn waiting(&mut self) -> Option<Event> {
        if self.leaves {
            return None;
        }
        if let Ok(notice) = self.notices.try_recv() {
            return Some(self.heard(notice));
        }
        if let Some((ask, answer)) = self.calls.waiting() {
            return Some(Event::Answer(ask, answer));
        }
        self.keys.waiting().and_then(canvas::event)
    }

    fn heard(&mut self, notice: Notice) -> Event {
        if let Notice::Row(row) = &notice {
            self.newest = self.newest.max(Some(row.cursor));
        }
        Event::Notice(notice)
    }

    async fn take(&mut self, event: Event) -> anyhow::Result<()> {
        let effects = self.app.update(event);
        self.carry_out(effects).await
    }

    async fn carry_out(&mut self, effects: Vec<Effect>) -> anyhow::Result<()> {
        for effect in effects {
            match effect {
                Effect::Call(ask, command) => self.calls.ask(ask, command).await,
                Effect::Copy(text) => self.canvas.copy(&text)?,
                Effect::Bell => self.canvas.bell()?,
                Effect::Redraw => self.canvas.cover_again()?,
                Effect::Suspend => self.canvas.suspend().await?,
                Effect::Quit => self.leaves = true,
            }
        }
        Ok(())
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// The terminal does not take a picture.
fn undrawable(error: &std::io::Error) -> Failure {
    Failure::user(format!(
        "the terminal cannot be drawn on ({error}): use --plain"
    ))
}
