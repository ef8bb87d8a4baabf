//! The only part that touches the terminal and the client.

mod calls;
mod canvas;
mod face;
mod outside;

use super::app::Beginning;
use super::beside::{How, Outside};
use super::event::{Effect, Event, Printed};
use super::screens::{Screen, Sheet};
use super::theme::Theme;
use crate::exit::Silent;
use crate::notify::Notify;
use crate::output::Output;
use crate::signals::Signals;
use crate::terminal::Keys;
use crate::when::now_ms;
pub use canvas::{Canvas, event as of_terminal};
pub use face::Face;
use jiff::tz::TimeZone;
use outside::Ran;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use subrosa_client::{Client, Failure};
use tokio::task::JoinSet;
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
    /// What is run for a new message.
    pub notify: Option<Notify>,
    /// A command with which somebody joins.
    pub join_line: Option<String>,
    /// The sheet of a new account.
    pub sheet: Option<Zeroizing<String>>,
    /// Whoever has read keys before: another reader would take keys that are meant for this one.
    pub keys: Option<Keys>,
}

/// The terminal, and whose conversations it shows.
struct Shell {
    face: Face,
    canvas: Canvas,
    keys: Keys,
    home: PathBuf,
    /// Verbs that run beside.
    printing: JoinSet<Printed>,
    leaves: bool,
    /// What runs at the terminal next.
    next: Option<Outside>,
}

/// Shows it until the person leaves or a signal comes, and leaves the home in good order.
pub async fn live(
    client: Client,
    mut opening: Opening,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    let home = client.home().dir().to_owned();
    let client = Arc::new(client);
    let watching = opening.notify.take().map(|notify| {
        let client = client.clone();
        let output = Output {
            json: false,
            quiet: true,
        };
        tokio::spawn(async move { notify.watch(&client, output).await })
    });
    let lived = run(client.clone(), home.clone(), opening, signals).await;
    if let Some(watching) = watching {
        watching.abort();
        drop(watching.await);
    }
    if let Some(client) = Arc::into_inner(client) {
        crate::commands::orderly(client.close(), signals).await;
    }
    let Some(last) = lived? else { return Ok(()) };
    match outside::at_terminal(&home, &last, signals).await? {
        Ran::Ended(status) if status.success() => Ok(()),
        Ran::Ended(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            Err(Silent::Code(code.unwrap_or(1)).into())
        }
        Ran::Signalled => Ok(()),
    }
}

/// Shows it until the person leaves or a signal comes. Gives what is to run when the home is free.
async fn run(
    client: Arc<Client>,
    home: PathBuf,
    opening: Opening,
    signals: &mut Signals,
) -> anyhow::Result<Option<Outside>> {
    let theme = Theme::remembered(&home);
    let beginning = Beginning {
        theme,
        to: opening.to,
        hosting: opening.hosting,
        join_line: opening.join_line,
        ..Beginning::here()
    };
    let face = Face::open(client, beginning).await?;
    let canvas = Canvas::open()?;
    let mut shell = Shell {
        face,
        canvas,
        keys: opening.keys.unwrap_or_else(Keys::read),
        home,
        printing: JoinSet::new(),
        leaves: false,
        next: None,
    };
    if let Some(sheet) = opening.sheet {
        shell.face.app.screen = Screen::Sheet(Sheet(sheet));
    }
    let shown = shell.live(signals).await;
    // Whatever runs at the terminal next gets all that is typed from now on.
    shell.keys.stop().await;
    crate::terminal::restore();
    let Shell { face, next, .. } = shell;
    face.settle().await;
    shown.map(|()| next)
}

impl Shell {
    async fn live(&mut self, signals: &mut Signals) -> anyhow::Result<()> {
        let (columns, rows) = self.canvas.size();
        self.take(Event::Size(columns, rows)).await?;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut continued = canvas::continued()?;
        let (mut stale, mut drawn) = (true, Instant::now() - FRAME);
        while !self.leaves {
            let event = tokio::select! {
                biased;
                _ = signals.next() => return Ok(()),
                () = sleep_until(drawn + FRAME), if stale => {
                    self.canvas.draw(&self.face.app)?;
                    (stale, drawn) = (false, Instant::now());
                    continue;
                }
                key = self.keys.next() => match key {
                    Some(event) => canvas::event(event),
                    // The terminal is gone.
                    None => return Ok(()),
                },
                event = self.face.happens() => Some(event?),
                Some(Ok(printed)) = self.printing.join_next() => Some(Event::Printed(printed)),
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
            if let Some(outside) = self.next.take_if(|_| !self.leaves) {
                self.hand_over(&outside, signals).await?;
            }
        }
        Ok(())
    }

    /// What has come already.
    fn waiting(&mut self) -> Option<Event> {
        if self.leaves || self.next.is_some() {
            return None;
        }
        let told = self.face.waiting();
        told.or_else(|| self.keys.waiting().and_then(canvas::event))
    }

    async fn take(&mut self, event: Event) -> anyhow::Result<()> {
        for effect in self.face.take(event).await? {
            match effect {
                Effect::Copy(text) => self.canvas.copy(&text)?,
                Effect::Bell => self.canvas.bell()?,
                Effect::Redraw => self.canvas.cover_again()?,
                Effect::Suspend => self.canvas.suspend().await?,
                Effect::Quit => self.leaves = true,
                Effect::Remember(theme) => theme.remember(&self.home),
                Effect::Run(outside) => self.run_outside(outside),
                Effect::Call(..) | Effect::Subscribe => {}
            }
        }
        Ok(())
    }

    fn run_outside(&mut self, outside: Outside) {
        match outside.how {
            How::Page => {
                let home = self.home.clone();
                self.printing
                    .spawn(async move { outside::printed(&home, outside).await });
            }
            How::Terminal | How::Elsewhere => self.next = Some(outside),
            How::Last => (self.leaves, self.next) = (true, Some(outside)),
        }
    }

    /// Gives the terminal to a verb until it ends; the conversations go on behind it.
    async fn hand_over(&mut self, outside: &Outside, signals: &mut Signals) -> anyhow::Result<()> {
        self.keys.stop().await;
        crate::terminal::lend();
        match outside::at_terminal(&self.home, outside, signals).await {
            Ok(Ran::Ended(_)) => {}
            Ok(Ran::Signalled) => {
                self.leaves = true;
                return Ok(());
            }
            Err(failure) => self.take(Event::Printed(Printed::failed(&failure))).await?,
        }
        self.keys = outside::until_a_key(signals).await;
        self.canvas.cover_again()
    }
}

impl Beginning {
    /// At this terminal.
    pub fn here() -> Self {
        Self {
            own: String::new(),
            theme: Theme::of_terminal(),
            now_ms: now_ms(),
            zone: TimeZone::system(),
            size: (80, 24),
            to: None,
            hosting: false,
            join_line: None,
        }
    }
}

/// The terminal does not take a picture.
fn undrawable(error: &std::io::Error) -> Failure {
    Failure::user(format!(
        "the terminal cannot be drawn on ({error}): use --plain"
    ))
}
