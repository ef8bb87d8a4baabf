//! What Enter does: messages leave, commands are obeyed.

use crate::tui::app::App;
use crate::tui::beside::{How, Outside};
use crate::tui::complete::{Proposals, with_emojis};
use crate::tui::composer::About as Subject;
use crate::tui::event::{Ask, Effect, Printed};
use crate::tui::screens::{Screen, pages};
use crate::tui::slash::{Typed, Verb, read};
use crate::tui::theme::Theme;
use subrosa_client::{About, Act, Command, Comparison, Wait};

impl App {
    pub(in crate::tui) fn enter(&mut self) {
        let typed = self.composer.text().to_owned();
        match read(&typed) {
            Typed::Nothing => {}
            Typed::Wrong(why) => {
                // They would cover what is said.
                self.proposals = Proposals::default();
                self.complain(why);
            }
            Typed::Message(text) => {
                if self.open.is_none() {
                    return self.complain("there is nobody here yet: /invite makes a join line, /to NAME writes to somebody");
                }
                self.composer.take();
                self.proposals = Proposals::default();
                self.message(&typed, &text);
            }
            Typed::Do(verb, words) => {
                self.composer.take();
                self.proposals = Proposals::default();
                self.obey(verb, &words);
            }
        }
    }

    fn message(&mut self, typed: &str, text: &str) {
        let Some(open) = &self.open else { return };
        let conversation = open.name.clone();
        let text = with_emojis(text);
        // The others see the message come: that is the end of typing.
        self.typing_told_ms = 0;
        let command = match self.about().cloned() {
            None => Command::Send {
                conversation,
                text,
                wait: Wait::Queued,
                queue: true,
                within_ms: None,
                timer: None,
            },
            Some(Subject::Reply { id, .. }) => act_on(conversation, id, Act::Reply { text }),
            Some(Subject::Edit { id }) => act_on(conversation, id, Act::Edit { text }),
        };
        self.composer.about = None;
        self.ask(Ask::Sent(typed.to_owned()), command);
        self.go_to_end();
    }

    fn obey(&mut self, verb: Verb, words: &str) {
        match verb {
            Verb::To => {
                self.wanted = Some(words.to_owned());
                self.ask(Ask::Talks, Command::Conversations {});
            }
            Verb::Invite => self.ask(Ask::Invite, Command::Invite {}),
            Verb::Reply | Verb::Edit | Verb::React | Verb::Unreact => {
                self.act_on_typed(verb, words)
            }
            Verb::Delete => self.delete(),
            Verb::Receipts => self.receipts(),
            Verb::Search => self.search(words),
            Verb::Theme => {
                if let Some(theme) = Theme::named(words) {
                    self.theme = theme;
                    self.effects.push(Effect::Remember(theme));
                }
            }
            Verb::Lock => self.ask(Ask::Lock, Command::Lock { passphrase: None }),
            Verb::Beside(verb, how) => self.beside(verb, words, how),
            Verb::Revoke => self.beside("devices", &format!("revoke {words}"), How::Terminal),
            Verb::Help => self.help(),
            Verb::Quit => self.quit(),
            Verb::Devices => self.ask(Ask::Devices, Command::Devices {}),
            Verb::Name => {
                let label = words.to_owned();
                self.ask(
                    Ask::Done("this device has its new name".to_owned()),
                    Command::RenameDevice { label },
                );
            }
            Verb::Settings => self.ask(
                Ask::Settings,
                Command::About {
                    ask: About::Settings {},
                },
            ),
            Verb::Set => self.set(words),
            Verb::Restored => {
                self.ask(
                    Ask::Losses,
                    Command::Restored {
                        conversation: None,
                        go_on: false,
                    },
                );
            }
            Verb::Evidence => self.ask(Ask::Evidence, Command::Evidence { about: None }),
            Verb::Members => self.members(),
            Verb::Timer => self.timer(words),
            Verb::Accept
            | Verb::Refuse
            | Verb::Verify
            | Verb::Trust
            | Verb::Decide
            | Verb::Block
            | Verb::Unblock
            | Verb::Mute
            | Verb::Unmute => self.about_somebody(verb, words),
            _ => self.about_room(verb, words),
        }
    }

    /// A verb of the command line.
    pub(in crate::tui) fn beside(&mut self, verb: &'static str, words: &str, how: How) {
        if how == How::Last && self.hosting {
            return self.complain(format!(
                "your server would stop with it: leave, start `subrosa serve`, then `subrosa {verb}`"
            ));
        }
        let mut words = words.to_owned();
        if verb == "why" && words.is_empty() {
            let Some(open) = &self.open else { return };
            let Some(entry) = open.chosen().or_else(|| open.newest_message()) else {
                return self.complain("there is no message here");
            };
            words = format!("{} {}", open.name, entry.row.id);
        }
        if how == How::Page {
            self.say(format!("{verb} …"));
        }
        self.effects.push(Effect::Run(Outside { verb, words, how }));
    }

    /// What such a verb has printed.
    pub(in crate::tui) fn printed(&mut self, printed: &Printed) {
        self.said = None;
        if matches!(self.screen, Screen::Chat | Screen::Page(_)) {
            self.show(pages::printed(printed));
        } else {
            self.say(format!("{} is done", printed.title));
        }
    }

    fn act_on_typed(&mut self, verb: Verb, words: &str) {
        let own = verb == Verb::Edit;
        let Some(open) = &self.open else { return };
        let Some(entry) = open
            .chosen()
            .filter(|entry| entry.row.own || !own)
            .or_else(|| open.last_of(own))
        else {
            return self.complain("there is no message for that here");
        };
        let text = with_emojis(words);
        let act = match verb {
            Verb::Reply => Act::Reply { text },
            Verb::Edit => Act::Edit { text },
            Verb::React => Act::React { emoji: text },
            _ => Act::React {
                emoji: String::new(),
            },
        };
        let command = act_on(open.name.clone(), entry.row.id.clone(), act);
        self.ask(Ask::Sent(String::new()), command);
    }

    pub(in crate::tui) fn delete(&mut self) {
        let Some(open) = &self.open else { return };
        let Some(entry) = open
            .chosen()
            .or_else(|| open.last_of(true))
            .filter(|entry| entry.is_message())
        else {
            return self.complain("there is no message of yours here");
        };
        let command = act_on(open.name.clone(), entry.row.id.clone(), Act::Delete {});
        let words = crate::wrap::cut(&first_line(entry), 40);
        self.confirm(
            format!("Take back “{words}” for everybody?"),
            (Ask::Done("it is taken back".to_owned()), command),
        );
    }

    pub(in crate::tui) fn receipts(&mut self) {
        let Some(open) = &self.open else { return };
        let own = open
            .chosen()
            .filter(|entry| entry.row.own)
            .or_else(|| open.last_of(true));
        let Some(entry) = own else {
            return self.complain("there is no message of yours here");
        };
        let command = Command::Receipts {
            conversation: open.name.clone(),
            id: entry.row.id.clone(),
        };
        self.ask(Ask::Receipts, command);
    }

    fn set(&mut self, words: &str) {
        let Some((name, value)) = words.split_once(char::is_whitespace) else {
            return self.complain("a setting needs a value: /settings shows which there are");
        };
        let ask = About::Set {
            name: name.to_owned(),
            value: value.trim().to_owned(),
        };
        self.ask(Ask::Settings, Command::About { ask });
    }

    /// Who is meant: whoever is named, or the open conversation.
    pub(in crate::tui) fn meant(&self, words: &str) -> Option<String> {
        if words.is_empty() {
            return self.open.as_ref().map(|open| open.name.clone());
        }
        let known = self.talks.meant(words).map(|talk| talk.name.clone());
        Some(known.unwrap_or_else(|| words.to_owned()))
    }

    /// What is done against somebody, after a question.
    fn turn_away(&mut self, verb: Verb, name: &str) {
        let (question, done, command) = if verb == Verb::Refuse {
            let conversation = name.to_owned();
            (
                format!("Decline {name}? Nothing of you is shown to them."),
                format!("{name} is declined"),
                Command::Refuse { conversation },
            )
        } else {
            let contact = name.trim_start_matches('@').to_owned();
            let blocked = true;
            (
                format!("Block {name}? Nothing more of theirs is shown, and they are not told."),
                format!("{name} is blocked"),
                Command::About {
                    ask: About::Block { contact, blocked },
                },
            )
        };
        self.confirm(question, (Ask::Done(done), command));
    }

    fn about_somebody(&mut self, verb: Verb, words: &str) {
        let name = if verb == Verb::Decide { "" } else { words };
        let Some(name) = self.meant(name) else {
            return self.complain("name somebody: there is no conversation open");
        };
        if matches!(verb, Verb::Refuse | Verb::Block) {
            return self.turn_away(verb, &name);
        }
        let contact = name.trim_start_matches('@').to_owned();
        let about = |ask| Command::About { ask };
        let (ask, command) = match verb {
            Verb::Accept => (
                Ask::Done(format!("{name} can write to you now")),
                Command::Accept { conversation: name },
            ),
            Verb::Verify => (
                Ask::Number,
                about(About::Verify {
                    contact,
                    comparison: Comparison::Show,
                }),
            ),
            Verb::Trust => (
                Ask::Trust,
                about(About::Trust {
                    contact: Some(contact),
                }),
            ),
            Verb::Decide => {
                let accept_new = words == "new";
                (
                    Ask::Trust,
                    about(About::DecideName {
                        contact,
                        accept_new,
                    }),
                )
            }
            Verb::Unblock => (
                Ask::Done(format!("{name} is not blocked any more")),
                about(About::Block {
                    contact,
                    blocked: false,
                }),
            ),
            mute => {
                let muted = mute == Verb::Mute;
                let words = if muted {
                    format!("{name} is muted")
                } else {
                    format!("{name} is not muted any more")
                };
                (
                    Ask::Done(words),
                    about(About::Mute {
                        conversation: name,
                        muted,
                    }),
                )
            }
        };
        self.ask(ask, command);
    }
}

fn act_on(conversation: String, id: String, act: Act) -> Command {
    Command::ActOn {
        conversation,
        id,
        act,
        wait: Wait::Queued,
        queue: true,
        within_ms: None,
        timer: None,
    }
}

fn first_line(entry: &crate::tui::timeline::Entry) -> String {
    match &entry.row.what {
        subrosa_client::RowKind::Text { text } => {
            text.lines().next().unwrap_or_default().to_owned()
        }
        _ => String::new(),
    }
}
