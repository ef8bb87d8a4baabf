//! People in numbers. The first comes by the server's line and invites the others.

use crate::connection::Connection;
use crate::entrance::Entrance;
use crate::outcome::{Outcome, defect};
use crate::pen::Known;
use crate::person::{Person, begun};
use crate::place::Site;
use crate::randomness;
use crate::watch::Watch;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use subrosa_ledger::Conversation;
use subrosa_login::InviteSecret;
use subrosa_proto::Name;
use tokio::task::JoinSet;

/// Registrations under way at a time: fewer than one address may have open.
const AT_A_TIME: usize = 8;

/// Names that nobody else has, also not those of another run on the same server.
#[derive(Debug)]
pub(crate) struct Names {
    run: u32,
    given: AtomicU32,
}

impl Names {
    pub(crate) fn next(&self) -> Outcome<Name> {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        Name::new(&format!("bench-{:08x}-{number}", self.run)).map_err(defect)
    }
}

/// Who invites the others.
pub(crate) struct Founder {
    pub(crate) person: Person,
    pub(crate) connection: Connection,
    pub(crate) entrance: Entrance,
    pub(crate) names: Arc<Names>,
}

/// Somebody new, still on the connection of the registration.
pub(crate) struct Newcomer {
    pub(crate) person: Person,
    pub(crate) connection: Connection,
    /// With which invite.
    pub(crate) invite: InviteSecret,
    pub(crate) entrance: Entrance,
    pub(crate) names: Arc<Names>,
}

/// Two people who write to each other.
pub(crate) struct Pair {
    pub(crate) writer: Person,
    pub(crate) reader: Person,
    pub(crate) known: Arc<Known>,
    pub(crate) conversation: Conversation,
}

impl Founder {
    pub(crate) async fn arrive(site: &Site) -> Outcome<Self> {
        let names = Arc::new(Names {
            run: u32::from_be_bytes(randomness::bytes()),
            given: AtomicU32::new(0),
        });
        let mut connection = site.entrance.connect().await?;
        let invite = InviteSecret::from_bytes(&site.line.secret.0);
        let person = Person::join(&mut connection, &invite, &names.next()?).await?;
        Ok(Self {
            person,
            connection,
            entrance: site.entrance.clone(),
            names,
        })
    }

    /// So many newcomers, several at a time, and what `work` makes of each.
    pub(crate) async fn welcome<T, F>(
        &mut self,
        count: usize,
        watch: &dyn Watch,
        work: impl Fn(Newcomer) -> F + Clone + Send + 'static,
    ) -> Outcome<Vec<T>>
    where
        T: Send + 'static,
        F: Future<Output = Outcome<T>> + Send,
    {
        watch.begin("making people", count as u64);
        let mut made = Vec::new();
        let mut tasks = JoinSet::new();
        for n in 0..count {
            if tasks.len() >= AT_A_TIME
                && let Some(done) = tasks.join_next().await
            {
                made.push(done.map_err(defect)??);
                watch.step(1);
            }
            let invite = Person::invite(&mut self.connection).await?;
            let (entrance, names, work) = (self.entrance.clone(), self.names.clone(), work.clone());
            let source = u32::try_from(n % AT_A_TIME).unwrap_or_default();
            tasks.spawn(async move {
                let newcomer = Newcomer::arrive(entrance, names, invite, source).await?;
                work(newcomer).await
            });
        }
        while let Some(done) = tasks.join_next().await {
            made.push(done.map_err(defect)??);
            watch.step(1);
        }
        Ok(made)
    }
}

impl Newcomer {
    async fn arrive(
        entrance: Entrance,
        names: Arc<Names>,
        invite: InviteSecret,
        source: u32,
    ) -> Outcome<Self> {
        let mut connection = entrance.connect_from(source).await?;
        let person = Person::join(&mut connection, &invite, &names.next()?).await?;
        Ok(Self {
            person,
            connection,
            invite,
            entrance,
            names,
        })
    }
}

impl Pair {
    /// The newcomer invites somebody, who opens a conversation with it.
    pub(crate) async fn of(newcomer: Newcomer) -> Outcome<Self> {
        let Newcomer {
            person: reader,
            mut connection,
            entrance,
            names,
            ..
        } = newcomer;
        let invite = Person::invite(&mut connection).await?;
        // The connection has logged in, so that its place is free again.
        let guest = Newcomer::arrive(entrance, names, invite, 0).await?;
        let mut writer = guest.person;
        let mut connection = guest.connection;
        let create = writer
            .befriend(&mut connection, reader.id(), &guest.invite)
            .await?;
        let known = Known::of([&writer, &reader])?;
        let conversation = begun(&create, &known)?;
        Ok(Self {
            writer,
            reader,
            known: Arc::new(known),
            conversation,
        })
    }
}
