//! The demonstration to type in: two people side by side, and below what the server sees.

use super::draw::draw;
use super::pane::{Pane, Picture};
use super::sight::Names;
use super::stage::{Person, Stage};
use super::verdict::Verdict;
use crate::output::Output;
use crate::signals::Signals;
use crate::terminal::{self, Keys};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use std::io::Stdout;
use subrosa_client::{Failure, Wait};
use subrosa_proto::limits::TEXT_BYTES_MAX;

/// Sights that one key scrolls.
const SCROLL: usize = 5;

/// Sets the stage: a server and two people who have joined.
pub async fn set(output: Output) -> anyhow::Result<Stage> {
    output.talk("starting a server in a temporary folder …");
    let mut stage = Stage::open().await?;
    output.talk("ada registers with the operator's line …");
    let line = stage.first_line().await?;
    stage.join("ada", &line).await?;
    output.talk("bob registers with ada's line …");
    let line = stage.person(0)?.invite().await?;
    stage.join("bob", &line).await?;
    Ok(stage)
}

/// What a key asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Nothing,
    Quit,
    /// This person writes this.
    Write(usize, String),
}

/// What an interactive demonstration leaves to be checked.
pub struct Left {
    /// Everybody still on it.
    pub stage: Stage,
    /// All that was written.
    pub written: Vec<String>,
    /// What the server must hold.
    pub verdict: Verdict,
}

/// Runs until somebody has had enough.
pub async fn run(mut stage: Stage, signals: &mut Signals) -> anyhow::Result<Left> {
    terminal::cover(false)?;
    let keys = Keys::read();
    let mut verdict = Verdict::default();
    let done = converse(&mut stage, keys, &mut verdict, signals).await;
    terminal::restore();
    Ok(Left {
        stage,
        written: done?,
        verdict,
    })
}

async fn converse(
    stage: &mut Stage,
    mut keys: Keys,
    verdict: &mut Verdict,
    signals: &mut Signals,
) -> anyhow::Result<Vec<String>> {
    let mut screen = Terminal::new(CrosstermBackend::new(std::io::stdout()))
        .map_err(|error| undrawable(&error))?;
    let [ada, bob] = stage.people.as_mut_slice() else {
        return Err(
            Failure::defect("the demonstration lacks one of two people; please report it").into(),
        );
    };
    let mut names = Names::default();
    let mut picture = Picture {
        panes: [Pane::of(&ada.name), Pane::of(&bob.name)],
        active: 0,
        sights: Vec::new(),
        back: 0,
    };
    let mut written = Vec::new();
    loop {
        show(&mut screen, &picture)?;
        let [first, second] = &mut picture.panes;
        let wish = tokio::select! {
            _ = signals.next() => Wish::Quit,
            key = keys.next() => key.map_or(Wish::Quit, |key| obey(&mut picture, key)),
            Some(notice) = ada.notices.recv() => { first.notice(notice); Wish::Nothing }
            Some(notice) = bob.notices.recv() => { second.notice(notice); Wish::Nothing }
            Some(seen) = stage.seen.recv() => {
                verdict.server_holds(&seen);
                picture.sights.push(names.sight(&seen));
                Wish::Nothing
            }
        };
        match wish {
            Wish::Nothing => {}
            Wish::Quit => return Ok(written),
            Wish::Write(from, text) => {
                let (author, reader): (&Person, &Person) =
                    if from == 0 { (ada, bob) } else { (bob, ada) };
                author.write(&reader.name, &text, Wait::Queued).await?;
                written.push(text);
            }
        }
    }
}

fn show(screen: &mut Terminal<CrosstermBackend<Stdout>>, picture: &Picture) -> Result<(), Failure> {
    screen
        .draw(|frame| draw(frame, picture))
        .map(drop)
        .map_err(|error| undrawable(&error))
}

fn undrawable(error: &std::io::Error) -> Failure {
    Failure::user(format!(
        "the terminal cannot be drawn on ({error}): use --no-input"
    ))
}

fn obey(picture: &mut Picture, event: Event) -> Wish {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => key_pressed(picture, key),
        Event::Paste(text) => {
            text.chars()
                .for_each(|c| type_in(picture, if c.is_control() { ' ' } else { c }));
            Wish::Nothing
        }
        _ => Wish::Nothing,
    }
}

fn key_pressed(picture: &mut Picture, key: KeyEvent) -> Wish {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Esc => return Wish::Quit,
        KeyCode::Char('c' | 'd') if control => return Wish::Quit,
        KeyCode::Tab | KeyCode::BackTab => picture.active = 1 - picture.active,
        KeyCode::PageUp => picture.back = (picture.back + SCROLL).min(picture.sights.len()),
        KeyCode::PageDown => picture.back = picture.back.saturating_sub(SCROLL),
        KeyCode::Enter => return enter(picture),
        KeyCode::Backspace => {
            if let Some(pane) = picture.panes.get_mut(picture.active) {
                pane.typed.pop();
            }
        }
        KeyCode::Char('u') if control => {
            if let Some(pane) = picture.panes.get_mut(picture.active) {
                pane.typed.clear();
            }
        }
        KeyCode::Char(c) if !control => type_in(picture, c),
        _ => {}
    }
    Wish::Nothing
}

fn type_in(picture: &mut Picture, c: char) {
    if let Some(pane) = picture.panes.get_mut(picture.active)
        && pane.typed.len() + c.len_utf8() <= TEXT_BYTES_MAX
    {
        pane.typed.push(c);
    }
}

fn enter(picture: &mut Picture) -> Wish {
    let typed = picture
        .panes
        .get_mut(picture.active)
        .map(|pane| std::mem::take(&mut pane.typed))
        .unwrap_or_default();
    if typed.trim().is_empty() {
        Wish::Nothing
    } else {
        Wish::Write(picture.active, typed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        Picture {
            panes: [Pane::of("ada"), Pane::of("bob")],
            active: 0,
            sights: Vec::new(),
            back: 0,
        }
    }

    fn press(picture: &mut Picture, code: KeyCode, modifiers: KeyModifiers) -> Wish {
        obey(picture, Event::Key(KeyEvent::new(code, modifiers)))
    }

    fn types(picture: &mut Picture, text: &str) {
        for c in text.chars() {
            assert_eq!(
                press(picture, KeyCode::Char(c), KeyModifiers::NONE),
                Wish::Nothing
            );
        }
    }

    #[test]
    fn what_is_typed_goes_out_from_whoever_types() {
        let mut picture = picture();
        types(&mut picture, "hello?");
        press(&mut picture, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!(
            press(&mut picture, KeyCode::Enter, KeyModifiers::NONE),
            Wish::Write(0, "hello".to_owned())
        );
        press(&mut picture, KeyCode::Tab, KeyModifiers::NONE);
        types(&mut picture, "hi");
        assert_eq!(
            press(&mut picture, KeyCode::Enter, KeyModifiers::NONE),
            Wish::Write(1, "hi".to_owned())
        );
        assert_eq!(
            press(&mut picture, KeyCode::Enter, KeyModifiers::NONE),
            Wish::Nothing,
            "nothing is typed"
        );
    }

    #[test]
    fn a_paste_stays_one_line() {
        let mut picture = picture();
        assert_eq!(
            obey(&mut picture, Event::Paste("one\ntwo\u{1b}".to_owned())),
            Wish::Nothing
        );
        assert_eq!(picture.panes[0].typed, "one two ");
    }

    #[test]
    fn escape_and_control_c_end_it() {
        assert_eq!(
            press(&mut picture(), KeyCode::Esc, KeyModifiers::NONE),
            Wish::Quit
        );
        assert_eq!(
            press(&mut picture(), KeyCode::Char('c'), KeyModifiers::CONTROL),
            Wish::Quit
        );
        assert_eq!(
            press(&mut picture(), KeyCode::Char('c'), KeyModifiers::NONE),
            Wish::Nothing
        );
    }
}
