//! The history on its way to a new device: a bar on a terminal, a line now and then elsewhere.

use crate::enrolment::Enrolled;
use crate::output::Output;
use crate::seat::unexpected;
use crate::signals::Signals;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};
use subrosa_client::{Answer, Client, Command, HistoryView, LinkState};

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(150);
/// How often a line is written where nobody looks.
const LINE: Duration = Duration::from_secs(5);
/// A server that is out of reach for so long is not waited for.
const OFFLINE: Duration = Duration::from_secs(10);

/// Brings the history into a home that has just got its account and the keys. Cut short, it goes on at the next start.
pub async fn bring(
    enrolled: Enrolled,
    output: Output,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    let client = enrolled.sit("login").await?;
    let fetched = tokio::select! {
        fetched = fetch(&client, output) => fetched,
        signal = signals.next() => {
            output.talk("the rest of the history comes when this home is used next: `subrosa read` goes on with it");
            Err(signal.into())
        }
    };
    client.close().await;
    fetched
}

/// Waits until the history is here, and shows how far it is.
async fn fetch(client: &Client, output: Output) -> anyhow::Result<()> {
    let mut progress = Progress::new(output);
    let mut in_reach = Instant::now();
    loop {
        let view = match client.call(Command::History {}).await? {
            Answer::History(view) => view,
            other => return Err(unexpected(&other).into()),
        };
        if view.complete {
            progress.done(&view);
            return Ok(());
        }
        match &view.link {
            LinkState::Offline { cause, .. } if in_reach.elapsed() >= OFFLINE => {
                progress.stopped(&format!(
                    "{cause}; the rest of the history comes when the server is in reach again"
                ));
                return Ok(());
            }
            LinkState::Refused { cause } => {
                progress.stopped(cause);
                return Ok(());
            }
            LinkState::Offline { .. } => {}
            LinkState::Connecting | LinkState::Online => in_reach = Instant::now(),
        }
        progress.show(&view);
        tokio::time::sleep(LOOK).await;
    }
}

struct Progress {
    output: Output,
    bar: ProgressBar,
    told: Instant,
    readable: bool,
}

impl Progress {
    fn new(output: Output) -> Self {
        let seen = !output.quiet && std::io::stderr().is_terminal();
        let target = if seen {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let form = "{msg} [{bar:30}] {pos}/{len} messages, {per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(form) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self {
            output,
            bar,
            told: Instant::now(),
            readable: false,
        }
    }

    fn show(&mut self, view: &HistoryView) {
        self.bar.set_length(view.events);
        self.bar.set_position(view.events_here);
        self.bar.set_message(conversations(view));
        if view.readable && !self.readable && view.events > 0 {
            self.readable = true;
            self.bar.suspend(|| {
                self.output.talk(
                    "the newest messages can be read now; the history before them is still coming",
                );
            });
        }
        if self.bar.is_hidden() && self.told.elapsed() >= LINE {
            self.told = Instant::now();
            self.output.talk(&format!(
                "{}, {} of {} messages …",
                conversations(view),
                view.events_here,
                view.events
            ));
        }
    }

    fn done(&self, view: &HistoryView) {
        self.bar.finish_and_clear();
        self.output.talk(&format!(
            "the history is here: {}, {} messages, all checked",
            conversations(view),
            view.events_here
        ));
    }

    fn stopped(&self, cause: &str) {
        self.bar.finish_and_clear();
        self.output.talk(cause);
    }
}

fn conversations(view: &HistoryView) -> String {
    format!(
        "{} of {} conversations",
        view.conversations_here, view.conversations
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_counts_are_named() {
        let view = HistoryView {
            conversations: 4,
            conversations_here: 1,
            events: 10,
            events_here: 2,
            readable: false,
            complete: false,
            link: LinkState::Online,
        };
        assert_eq!(conversations(&view), "1 of 4 conversations");
    }
}
