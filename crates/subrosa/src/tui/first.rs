//! The first run: somebody without an account joins with a line, or logs in.

mod draw;

use super::keys::{Action, Place, action, typed};
use super::run::{Canvas, Opening, live};
use super::theme::Theme;
use crate::enrolment::{self, Enrolled, Wishes};
use crate::output::Output;
use crate::seat::Setting;
use crate::signals::Signals;
use crate::terminal::{self, Keys};
use crossterm::event::{Event, KeyEvent, KeyEventKind};
use subrosa_client::Failure;
use subrosa_proto::{Address, InviteLine, Name};
use zeroize::Zeroizing;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A join line, or a server's address.
    Line,
    /// The name of a new account.
    NewName(InviteLine),
    /// The name of an account there.
    Name(Address),
    /// Its password.
    Password(Address, Name),
}

/// What was decided.
pub enum Decided {
    /// Nothing yet.
    Nothing,
    /// To leave.
    Leave,
    /// A new account.
    Join(InviteLine, Name),
    /// A further device.
    Login(Address, Name, Zeroizing<String>),
}

/// The state.
pub struct First {
    pub step: Step,
    /// What is being typed; it may be a password.
    pub typed: Zeroizing<String>,
    pub wrong: Option<String>,
    /// The server is being asked.
    pub working: bool,
    pub theme: Theme,
    proposed: String,
}

impl First {
    pub fn new(theme: Theme, proposed: String) -> Self {
        Self {
            step: Step::Line,
            typed: Zeroizing::new(String::with_capacity(1_024)),
            wrong: None,
            working: false,
            theme,
            proposed,
        }
    }

    /// Takes a key.
    pub fn pressed(&mut self, key: KeyEvent) -> Decided {
        match action(&[Place::Everywhere, Place::List], key) {
            Some(Action::Quit) => return Decided::Leave,
            Some(Action::Send) => return self.enter(),
            Some(Action::Leave) if self.step == Step::Line => return Decided::Leave,
            Some(Action::Leave) => self.begin(Step::Line, ""),
            _ => match typed(key) {
                Some(c) => self.typed.push(c),
                None if action(&[Place::Writing], key)
                    == Some(Action::Edit(super::composer::Edit::Backspace)) =>
                {
                    self.typed.pop();
                }
                None => {}
            },
        }
        Decided::Nothing
    }

    /// Takes a paste; a line that comes with its end is complete.
    pub fn pasted(&mut self, text: &str) -> Decided {
        self.typed.extend(text.chars().filter(|c| !c.is_control()));
        if text.ends_with(['\n', '\r']) {
            self.enter()
        } else {
            Decided::Nothing
        }
    }

    fn begin(&mut self, step: Step, typed: &str) {
        self.step = step;
        self.wrong = None;
        self.typed.clear();
        self.typed.push_str(typed);
    }

    fn enter(&mut self) -> Decided {
        let text = self.typed.trim().to_owned();
        match self.step.clone() {
            Step::Line => {
                let line = text
                    .trim_start_matches("subrosa join ")
                    .trim_matches(['\'', '"', ' ']);
                let proposed = self.proposed.clone();
                match (InviteLine::parse(line), Address::parse(line)) {
                    (Ok(line), _) => self.begin(Step::NewName(line), &proposed),
                    (_, Ok(address)) => self.begin(Step::Name(address), &proposed),
                    (Err(error), _) => {
                        self.wrong = Some(format!(
                            "this is neither a join line nor an address: {error}"
                        ))
                    }
                }
            }
            Step::NewName(line) => match Name::new(&text) {
                Ok(name) => return Decided::Join(line, name),
                Err(error) => self.wrong = Some(error.to_string()),
            },
            Step::Name(address) => match Name::new(&text) {
                Ok(name) => self.begin(Step::Password(address, name), ""),
                Err(error) => self.wrong = Some(error.to_string()),
            },
            Step::Password(address, name) => {
                let password = std::mem::replace(
                    &mut self.typed,
                    Zeroizing::new(String::with_capacity(1_024)),
                );
                return Decided::Login(address, name, password);
            }
        }
        Decided::Nothing
    }
}

/// Makes an account or logs in, and goes on with the conversations.
pub async fn begin(setting: &Setting, signals: &mut Signals) -> anyhow::Result<()> {
    let proposed = enrolment::proposed_name()
        .map(|name| name.to_string())
        .unwrap_or_default();
    let mut first = First::new(Theme::of_terminal(), proposed);
    let mut canvas = Canvas::open()?;
    let mut keys = Keys::read();
    let enrolled = ask(&mut first, (&mut canvas, &mut keys), setting, signals).await;
    terminal::restore();
    let Some(enrolled) = enrolled? else {
        return Ok(());
    };
    let sheet = enrolled.hand_over(setting, false)?;
    let client = signals.during(enrolled.sit("chat")).await?;
    let opening = Opening {
        sheet,
        keys: Some(keys),
        ..Opening::default()
    };
    live(client, opening, signals).await
}

async fn ask(
    first: &mut First,
    (canvas, keys): (&mut Canvas, &mut Keys),
    setting: &Setting,
    signals: &mut Signals,
) -> anyhow::Result<Option<Enrolled>> {
    // What is said on the way would stand across the screen.
    let mut quiet = setting.clone();
    quiet.output = Output {
        quiet: true,
        ..quiet.output
    };
    loop {
        canvas.show(|frame| draw::draw(frame, first))?;
        let decided = tokio::select! {
            _ = signals.next() => return Ok(None),
            event = keys.next() => match event {
                Some(Event::Key(key)) if key.kind != KeyEventKind::Release => first.pressed(key),
                Some(Event::Paste(text)) => first.pasted(&text),
                Some(_) => Decided::Nothing,
                None => return Ok(None),
            },
        };
        let enrolled = match decided {
            Decided::Nothing => continue,
            Decided::Leave => return Ok(None),
            Decided::Join(line, name) => {
                first.working = true;
                canvas.show(|frame| draw::draw(frame, first))?;
                let wishes = Wishes {
                    name: Some(name),
                    own_password: false,
                    password_file: None,
                    lock: false,
                };
                enrolment::join(&quiet, &line, &wishes, &line.secret.0, signals).await
            }
            Decided::Login(address, name, password) => {
                first.working = true;
                canvas.show(|frame| draw::draw(frame, first))?;
                enrolment::login(&quiet, &address, &name, password, false, signals).await
            }
        };
        first.working = false;
        match enrolled {
            Ok(enrolled) => return Ok(Some(enrolled)),
            Err(error) => match error.downcast::<Failure>() {
                Ok(failure) => first.wrong = Some(failure.sentence),
                Err(error) => return Err(error),
            },
        }
    }
}

#[cfg(test)]
mod tests;
