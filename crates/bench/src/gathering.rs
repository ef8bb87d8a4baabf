//! A room with everybody in it.

use crate::connection::Connection;
use crate::folk::{Founder, Newcomer};
use crate::outcome::{Outcome, unexpected};
use crate::pen::{Known, Letter, apply, seal, text};
use crate::person::{Person, begun, prove};
use crate::place::Site;
use crate::watch::Watch;
use std::sync::Arc;
use subrosa_ledger::Conversation;
use subrosa_proto::{Control, Cursor, Event, Form, Request, Response, Role, encode};

/// A room of the founder's, and its other members.
pub(crate) struct Room {
    pub(crate) conversation: Conversation,
    pub(crate) known: Arc<Known>,
    pub(crate) members: Vec<Person>,
}

impl Room {
    /// A room of so many devices, the founder's among them.
    pub(crate) async fn gather(
        founder: &mut Founder,
        devices: usize,
        watch: &dyn Watch,
    ) -> Outcome<Self> {
        let author = founder.person.id();
        let befriended = move |newcomer: Newcomer| async move {
            let Newcomer {
                mut person,
                mut connection,
                invite,
                ..
            } = newcomer;
            // Whom the founder has invited is a contact, and a member as soon as it is added.
            person.befriend(&mut connection, author, &invite).await?;
            Ok(person)
        };
        let others = devices.saturating_sub(1);
        let members = founder.welcome(others, watch, befriended).await?;
        let people = members.iter().chain([&founder.person]);
        let known = Known::of(people)?;
        let create = founder
            .person
            .create(&mut founder.connection, Form::Room, None, None)
            .await?;
        let mut conversation = begun(&create, &known)?;
        watch.begin("adding them to the room", others as u64);
        for member in &members {
            let add = Control::Add {
                account: member.id(),
                role: Role::Member,
                pending: false,
            };
            let event = founder.person.machine.control(&conversation, &add);
            append(founder, &conversation, std::slice::from_ref(&event)).await?;
            apply(&mut conversation, &event, &known)?;
            watch.step(1);
        }
        Ok(Self {
            conversation,
            known: Arc::new(known),
            members,
        })
    }

    /// Every member but the founder, connected, and following from here on.
    pub(crate) async fn follow(&self, site: &Site, watch: &dyn Watch) -> Outcome<Vec<Connection>> {
        watch.begin("connecting", self.members.len() as u64);
        let follow = Request::Follow {
            cursors: vec![Cursor {
                conv: self.conversation.id(),
                next: self.conversation.head().0 + 1,
            }],
        };
        let mut connections = Vec::new();
        for (n, member) in self.members.iter().enumerate() {
            let source = u32::try_from(n).unwrap_or_default();
            let mut connection = site.entrance.connect_from(source).await?;
            prove(&member.machine, &mut connection).await?;
            connection.done("to follow a room", &follow).await?;
            connections.push(connection);
            watch.step(1);
        }
        Ok(connections)
    }

    /// The founder's next message here, sealed.
    pub(crate) fn seal_first(
        &self,
        founder: &mut Founder,
        size: usize,
    ) -> Outcome<(Letter, Vec<Event>)> {
        let machine = &mut founder.person.machine;
        seal(machine, &self.conversation, &self.known, text(0, size))
    }
}

/// Sends what the founder has signed, and waits until it is on disk.
pub(crate) async fn append(
    founder: &mut Founder,
    conversation: &Conversation,
    events: &[Event],
) -> Outcome<()> {
    let request = Request::Append {
        counter: founder.person.counter(),
        conv: conversation.id(),
        events: events.iter().map(encode).collect(),
    };
    match founder.connection.ask(&request).await? {
        Response::Appended { .. } => Ok(()),
        other => Err(unexpected("an event", &other)),
    }
}
