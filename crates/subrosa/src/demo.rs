//! The demonstration: a real server on the loopback, two people who register and write to each
//! other over TCP, and beside their conversation what the server saw of it. In the end the
//! server's files are searched for everything that must not be in them.

mod draw;
mod keys;
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
use screen::Left;
use telling::Telling;
use verdict::Verdict;

/// Shorter texts say nothing when they are found.
const SEARCHED_BYTES_MIN: usize = 16;

/// Shows it: at a terminal to type in, elsewhere as a short play.
pub async fn run(setting: &Setting) -> anyhow::Result<()> {
    let mut signals = Signals::watch()?;
    let telling = Telling {
        output: setting.output,
    };
    let interactive = is_seen() && setting.can_ask() && !setting.output.json;
    let verdict = if interactive {
        let stage = signals.during(screen::set(setting.output)).await?;
        let left = screen::run(stage, &mut signals).await?;
        telling.section("What was checked")?;
        signals.during(close(left, telling)).await?
    } else {
        signals.during(script::play(telling)).await?
    };
    telling.verdict(&verdict)
}

/// Ends it and searches the server's files. A short text could be in them by chance.
async fn close(left: Left, telling: Telling) -> anyhow::Result<Verdict> {
    let Left {
        stage,
        written,
        mut verdict,
    } = left;
    let (long, short): (Vec<_>, Vec<_>) = written
        .into_iter()
        .partition(|text| text.len() >= SEARCHED_BYTES_MIN);
    if !short.is_empty() {
        let note = format!(
            "{} texts of less than {SEARCHED_BYTES_MIN} bytes are not searched for: they could be there by chance",
            short.len()
        );
        telling.note(&note)?;
    }
    verdict::search_server(stage, verdict::texts(&long), &mut verdict).await?;
    Ok(verdict)
}
