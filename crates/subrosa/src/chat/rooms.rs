//! The room to which lines go: who is in it, and changes of that.

use super::Chat;
use crate::room::lines;
use crate::seat::unexpected;
use subrosa_client::{Answer, Command, Failure, RoomCommand, RoomRole};

impl Chat<'_> {
    fn current_room(&self) -> Option<String> {
        self.current.clone().filter(|name| name.starts_with('#'))
    }

    async fn change(&mut self, command: RoomCommand, done: &str) -> anyhow::Result<bool> {
        match self.client.call(Command::Room(command)).await {
            Ok(Answer::Room(room)) => {
                lines(&room, "")
                    .iter()
                    .for_each(|line| self.output.talk(line));
                Ok(true)
            }
            Ok(Answer::Done {}) => {
                self.output.talk(done);
                Ok(true)
            }
            Ok(other) => Err(unexpected(&other).into()),
            Err(failure) => {
                self.refuse(&failure);
                Ok(false)
            }
        }
    }

    /// Shows the members of the room.
    pub(super) async fn members(&mut self) -> anyhow::Result<()> {
        match self.current_room() {
            Some(room) => self.change(RoomCommand::Show { room }, "").await.map(drop),
            None => {
                self.no_room();
                Ok(())
            }
        }
    }

    /// Adds somebody to the room, or removes somebody.
    pub(super) async fn admit(&mut self, name: &str, adds: bool) -> anyhow::Result<()> {
        let Some(room) = self.current_room() else {
            self.no_room();
            return Ok(());
        };
        let people = name.split_whitespace().map(str::to_owned).collect();
        let (command, done) = if adds {
            let role = RoomRole::Member;
            let done = format!("added to {room}: {name}");
            (RoomCommand::Add { room, people, role }, done)
        } else {
            let done = format!("removed from {room}: {name}");
            (RoomCommand::Remove { room, people }, done)
        };
        self.change(command, &done).await.map(drop)
    }

    /// Leaves the room; the next line goes nowhere until somebody is named.
    pub(super) async fn leave(&mut self) -> anyhow::Result<()> {
        let Some(room) = self.current_room() else {
            self.no_room();
            return Ok(());
        };
        let done = format!("you left {room}: /to NAME chooses where you write next");
        if self.change(RoomCommand::Leave { room }, &done).await? {
            self.current = None;
        }
        Ok(())
    }

    fn no_room(&mut self) {
        self.refuse(&Failure::user(
            "you are in no room here: /to #NAME goes to one, `subrosa room create NAME` makes one",
        ));
    }
}
