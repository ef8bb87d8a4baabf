//! The demonstration to type in: two people's chats, and between them what the server sees.

use super::draw::{self, Picture, Places, places};
use super::sight::{Names, Sight};
use super::stage::{Person, Stage};
use super::verdict::Verdict;
use crate::output::Output;
use crate::signals::Signals;
use crate::terminal::Keys;
use crate::tui::{self, Beginning, Canvas, Effect, Event, Face, Printed};
use crate::when::now_ms;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};
use std::time::Duration;
use subrosa_client::{Act, Command, Failure};
use tokio::time::interval;

/// Sights that one key scrolls.
const SCROLL: usize = 3;
/// How often the clocks of the chats go on.
const TICK: Duration = Duration::from_secs(1);

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
    let [ada, bob] = stage.people.as_slice() else {
        return Err(
            Failure::defect("the demonstration lacks one of two people; please report it").into(),
        );
    };
    let faces = [face(ada, bob).await?, face(bob, ada).await?];
    let mut play = Play {
        canvas: Canvas::open()?,
        keys: Keys::read(),
        faces,
        active: 0,
        sights: Vec::new(),
        names: Names::default(),
        back: 0,
        written: Vec::new(),
        verdict: Verdict::default(),
        leaves: false,
    };
    let done = play.live(&mut stage, signals).await;
    crate::terminal::restore();
    let Play {
        faces,
        written,
        verdict,
        ..
    } = play;
    for face in faces {
        face.settle().await;
    }
    done?;
    Ok(Left {
        stage,
        written,
        verdict,
    })
}

async fn face(person: &Person, other: &Person) -> anyhow::Result<Face> {
    let beginning = Beginning {
        to: Some(other.name.clone()),
        ..Beginning::here()
    };
    Face::open(person.client.clone(), beginning).await
}

struct Play {
    canvas: Canvas,
    keys: Keys,
    faces: [Face; 2],
    /// Who types.
    active: usize,
    sights: Vec<Sight>,
    names: Names,
    /// How many of the newest sights are scrolled away.
    back: usize,
    written: Vec<String>,
    verdict: Verdict,
    leaves: bool,
}

impl Play {
    async fn live(&mut self, stage: &mut Stage, signals: &mut Signals) -> anyhow::Result<()> {
        self.fit().await?;
        let mut tick = interval(TICK);
        while !self.leaves {
            self.show()?;
            let [ada, bob] = &mut self.faces;
            tokio::select! {
                _ = signals.next() => return Ok(()),
                key = self.keys.next() => match key.map(tui::of_terminal) {
                    Some(Some(event)) => self.obey(event).await?,
                    Some(None) => {}
                    None => return Ok(()),
                },
                event = ada.happens() => self.take(0, event?).await?,
                event = bob.happens() => self.take(1, event?).await?,
                Some(seen) = stage.seen.recv() => {
                    self.verdict.server_holds(&seen);
                    self.sights.push(self.names.sight(&seen));
                    if self.back > 0 {
                        // What is looked at stays where it is.
                        self.back += 1;
                    }
                }
                _ = tick.tick() => {
                    for who in [0, 1] {
                        self.take(who, Event::Time(now_ms())).await?;
                    }
                }
            }
        }
        Ok(())
    }

    fn places(&self) -> Places {
        let (columns, rows) = self.canvas.size();
        places(Rect::new(0, 0, columns, rows))
    }

    fn show(&mut self) -> Result<(), Failure> {
        let [ada, bob] = &self.faces;
        let picture = Picture {
            people: [&ada.app, &bob.app],
            active: self.active,
            sights: &self.sights,
            back: self.back,
            theme: ada.app.theme,
        };
        self.canvas.show(|frame| draw::draw(frame, &picture))
    }

    /// Tells both how much space they have.
    async fn fit(&mut self) -> anyhow::Result<()> {
        for (who, place) in self.places().people.into_iter().enumerate() {
            let space = draw::inside(place);
            self.take(who, Event::Size(space.width, space.height))
                .await?;
        }
        Ok(())
    }

    async fn obey(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::Size(..) => self.fit().await,
            Event::Key(key) if self.is_ours(key) => Ok(()),
            Event::Mouse(mouse) => self.clicked(mouse).await,
            event => self.take(self.active, event).await,
        }
    }

    /// Keys of the demonstration itself; all others are the chat's.
    fn is_ours(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let completes = self
            .faces
            .get(self.active)
            .is_some_and(|face| !face.app.proposals.list.is_empty());
        match key.code {
            KeyCode::Tab | KeyCode::BackTab if !completes => self.active = 1 - self.active,
            KeyCode::Up if control => self.scroll(true),
            KeyCode::Down if control => self.scroll(false),
            _ => return false,
        }
        true
    }

    fn scroll(&mut self, up: bool) {
        self.back = if up {
            (self.back + SCROLL).min(self.sights.len())
        } else {
            self.back.saturating_sub(SCROLL)
        };
    }

    async fn clicked(&mut self, mouse: MouseEvent) -> anyhow::Result<()> {
        let places = self.places();
        let at = Position::new(mouse.column, mouse.row);
        if places.server.contains(at) {
            match mouse.kind {
                MouseEventKind::ScrollUp => self.scroll(true),
                MouseEventKind::ScrollDown => self.scroll(false),
                _ => {}
            }
            return Ok(());
        }
        for (who, place) in places.people.into_iter().enumerate() {
            let space = draw::inside(place);
            if space.contains(at) {
                if matches!(mouse.kind, MouseEventKind::Down(_)) {
                    self.active = who;
                }
                let inside = MouseEvent {
                    column: mouse.column - space.x,
                    row: mouse.row - space.y,
                    ..mouse
                };
                return self.take(who, Event::Mouse(inside)).await;
            }
        }
        Ok(())
    }

    async fn take(&mut self, who: usize, event: Event) -> anyhow::Result<()> {
        let Some(face) = self.faces.get_mut(who) else {
            return Ok(());
        };
        let effects = face.app.update(event);
        self.written.extend(effects.iter().filter_map(said));
        for effect in face.carry_out(effects).await? {
            match effect {
                Effect::Copy(text) => self.canvas.copy(&text)?,
                Effect::Redraw => self.canvas.cover_again()?,
                Effect::Suspend => self.canvas.suspend().await?,
                Effect::Quit => self.leaves = true,
                Effect::Run(_) => {
                    let failure = Failure::user(
                        "in the demonstration there are only the conversations: `subrosa up` starts a server of your own",
                    );
                    // It asks for nothing more than to be shown.
                    face.app.update(Event::Printed(Printed::failed(&failure)));
                }
                Effect::Bell | Effect::Remember(_) | Effect::Call(..) | Effect::Subscribe => {}
            }
        }
        Ok(())
    }
}

/// What somebody writes, to be looked for at the server.
fn said(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Call(_, Command::Send { text, .. }) => Some(text.clone()),
        Effect::Call(
            _,
            Command::ActOn {
                act: Act::Reply { text } | Act::Edit { text },
                ..
            },
        ) => Some(text.clone()),
        _ => None,
    }
}
