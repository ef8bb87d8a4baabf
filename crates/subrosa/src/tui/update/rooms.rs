//! Commands about rooms and their members.

use crate::tui::app::App;
use crate::tui::event::Ask;
use crate::tui::slash::Verb;
use subrosa_client::{About, Command, RoomCommand, RoomRole};

/// Steps of a timer as they are typed; the number of a step is its place (docs/spec/ledger.md §6.6).
pub const TIMERS: [&str; 8] = ["off", "30s", "5m", "1h", "8h", "1d", "7d", "28d"];

impl App {
    fn room(&self) -> Option<String> {
        let open = self.open.as_ref().map(|open| open.name.clone());
        open.filter(|name| name.starts_with('#'))
    }

    /// Members of the room; of a conversation with one person, their keys.
    pub(in crate::tui) fn members(&mut self) {
        match self.open.as_ref().map(|open| open.name.clone()) {
            Some(room) if room.starts_with('#') => {
                self.ask(Ask::Members, Command::Room(RoomCommand::Show { room }));
            }
            Some(name) => {
                let contact = Some(name.trim_start_matches('@').to_owned());
                self.ask(
                    Ask::Trust,
                    Command::About {
                        ask: About::Trust { contact },
                    },
                );
            }
            None => self.complain("there is no conversation open"),
        }
    }

    pub(in crate::tui) fn about_room(&mut self, verb: Verb, words: &str) {
        if verb == Verb::Room {
            return self.make_room(words);
        }
        let Some(room) = self.room() else {
            return self
                .complain("you are in no room here: /to #NAME goes to one, /room NAME makes one");
        };
        if matches!(verb, Verb::Remove | Verb::Leave | Verb::Close) {
            return self.part(verb, room, people(words));
        }
        let people = people(words);
        let named = people.join(", ");
        let (done, command) = match verb {
            Verb::Add => (
                format!("added: {named}"),
                RoomCommand::Add {
                    room,
                    people,
                    role: RoomRole::Member,
                },
            ),
            Verb::Admin => (
                format!("admins now: {named}"),
                RoomCommand::Role {
                    room,
                    people,
                    role: RoomRole::Admin,
                },
            ),
            Verb::Member => (
                format!("members now: {named}"),
                RoomCommand::Role {
                    room,
                    people,
                    role: RoomRole::Member,
                },
            ),
            Verb::Title => (
                format!("it is called {words} now"),
                RoomCommand::Title {
                    room,
                    name: Some(words.to_owned()),
                    topic: None,
                },
            ),
            Verb::Topic => (
                "the topic is changed".to_owned(),
                RoomCommand::Title {
                    room,
                    name: None,
                    topic: Some(words.to_owned()),
                },
            ),
            _ => {
                let name = words.trim_start_matches('#').to_owned();
                return self.ask(
                    Ask::NewRoom,
                    Command::Room(RoomCommand::Rename { room, name }),
                );
            }
        };
        self.ask(Ask::Done(done), Command::Room(command));
    }

    /// What ends somebody's part in a room, after a question.
    fn part(&mut self, verb: Verb, room: String, people: Vec<String>) {
        let named = people.join(", ");
        let (question, done, command) = match verb {
            Verb::Remove => (
                format!("Remove {named} from {room}? They read nothing that comes from now on."),
                format!("removed: {named}"),
                RoomCommand::Remove { room, people },
            ),
            Verb::Leave => (
                format!("Leave {room}? To come back somebody has to add you."),
                format!("you left {room}"),
                RoomCommand::Leave { room },
            ),
            _ => (
                format!("End {room} for everybody, for good?"),
                format!("{room} is closed"),
                RoomCommand::Close { room },
            ),
        };
        self.confirm(question, (Ask::Done(done), Command::Room(command)));
    }

    fn make_room(&mut self, words: &str) {
        let mut words = words.split_whitespace();
        let Some(name) = words
            .next()
            .map(|name| name.trim_start_matches('#').to_owned())
        else {
            return self.complain("a room needs a name, as in /room garden @bob");
        };
        let create = RoomCommand::Create {
            name,
            topic: String::new(),
            archive: true,
            members_add: false,
            people: words
                .map(|name| name.trim_start_matches('@').to_owned())
                .collect(),
        };
        self.ask(Ask::NewRoom, Command::Room(create));
    }

    pub(in crate::tui) fn timer(&mut self, words: &str) {
        let step = TIMERS
            .iter()
            .position(|known| *known == words)
            .and_then(|at| u8::try_from(at).ok());
        let Some(open) = self.open.as_ref().map(|open| open.name.clone()) else {
            return self.complain("there is no conversation open");
        };
        let done = if words == "off" {
            "messages stay from now on".to_owned()
        } else {
            format!("messages disappear {words} after they arrive")
        };
        let command = if open.starts_with('#') {
            Command::Room(RoomCommand::Policy {
                room: open,
                members_add: None,
                timer: step,
            })
        } else {
            Command::SetTimer {
                conversation: open,
                timer: step,
            }
        };
        self.ask(Ask::Done(done), command);
    }
}

/// People as they are typed, with or without signs and commas.
fn people(words: &str) -> Vec<String> {
    let names = words.split([' ', ',', '\n']);
    names
        .map(|name| name.trim_start_matches('@').to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}
