//! Devices that come and go: each follows the one conversation that it is in.

use crate::connection::Connection;
use crate::entrance::Entrance;
use crate::folk::{Founder, Newcomer};
use crate::outcome::{Outcome, defect};
use crate::person::prove;
use crate::watch::Watch;
use std::sync::Arc;
use subrosa_e2e::Machine;
use subrosa_proto::{ConvId, Cursor, Request};

/// A device in a conversation with the founder.
pub(crate) struct Member {
    machine: Machine,
    conv: ConvId,
}

pub(crate) struct Crowd(Vec<Arc<Member>>);

impl Crowd {
    pub(crate) async fn gather(
        founder: &mut Founder,
        count: usize,
        watch: &dyn Watch,
    ) -> Outcome<Self> {
        let author = founder.person.id();
        let work = move |newcomer: Newcomer| async move {
            let Newcomer {
                mut person,
                mut connection,
                invite,
                ..
            } = newcomer;
            let create = person.befriend(&mut connection, author, &invite).await?;
            let conv = ConvId(subrosa_ledger::event_hash(&create).0);
            let machine = person.into_parts().0;
            Ok(Arc::new(Member { machine, conv }))
        };
        founder.welcome(count, watch, work).await.map(Self)
    }

    /// The device of the connection of this number.
    pub(crate) fn member(&self, n: usize) -> Option<Arc<Member>> {
        self.0.get(n % self.0.len().max(1)).cloned()
    }
}

impl Member {
    /// Connects from an address of its own, logs in, and follows its conversation.
    pub(crate) async fn come(
        member: Option<Arc<Self>>,
        entrance: &Entrance,
        source: usize,
    ) -> Outcome<Connection> {
        let source = u32::try_from(source).unwrap_or_default();
        let mut connection = entrance.connect_from(source).await?;
        Self::enter(member, &mut connection).await?;
        Ok(connection)
    }

    /// Logs in and follows on a fresh connection.
    pub(crate) async fn enter(
        member: Option<Arc<Self>>,
        connection: &mut Connection,
    ) -> Outcome<()> {
        let member = member.ok_or_else(|| defect("nobody connects"))?;
        prove(&member.machine, connection).await?;
        let follow = Request::Follow {
            cursors: vec![Cursor {
                conv: member.conv,
                next: 2,
            }],
        };
        connection.done("to follow a conversation", &follow).await
    }
}
