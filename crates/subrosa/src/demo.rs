//! The demonstration: a real server on the loopback, two people who register and write to each
//! other over TCP, and beside their conversation what the server saw of it. In the end the
//! server's files are searched for everything that must not be in them.

mod keys;
mod pane;
mod screen;
mod script;
mod search;
mod sight;
mod stage;
mod telling;
mod verdict;

use crate::output::is_seen;
use crate::seat::Setting;
use crate::signals::Signals;
use stage::Stage;
use telling::Telling;
use verdict::Verdict;

/// Shows it: at a terminal to type in, elsewhere as a short play.
pub async fn run(setting: &Setting) -> anyhow::Result<()> {
    let mut signals = Signals::watch()?;
    let telling = Telling {
        output: setting.output,
    };
    let interactive = is_seen() && setting.can_ask() && !setting.output.json;
    let verdict = if interactive {
        let stage = signals.during(screen::set(setting.output)).await?;
        let (stage, written) = screen::run(stage, &mut signals).await?;
        telling.section("What was checked")?;
        signals.during(close(stage, &written)).await?
    } else {
        signals.during(script::play(telling)).await?
    };
    telling.verdict(&verdict)
}

/// Ends it and searches the server's files.
async fn close(stage: Stage, written: &[String]) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    verdict::search_server(stage, verdict::texts(written), &mut verdict).await?;
    Ok(verdict)
}
