//! One person's conversations and the client behind them, without a terminal.

use super::calls::Calls;
use crate::seat::account;
use crate::tui::app::{App, Beginning};
use crate::tui::event::{Effect, Event};
use std::sync::Arc;
use subrosa_client::{Client, Failure, Notice, Notices};

pub struct Face {
    pub app: App,
    client: Arc<Client>,
    calls: Calls,
    /// None while the home is locked.
    notices: Option<Notices>,
    /// The newest row told: a new subscription goes on behind it.
    newest: Option<u64>,
}

impl Face {
    /// Begins; whose conversations they are is asked.
    pub async fn open(client: Arc<Client>, mut beginning: Beginning) -> anyhow::Result<Self> {
        // Subscribed first: what arrives while the history is read is not missed.
        let notices = subscribed(&client, None).await?;
        beginning.own = match account(&client).await {
            Ok(account) => account.name,
            Err(failure) if failure.is_locked() => String::new(),
            Err(failure) => return Err(failure.into()),
        };
        let (mut app, mut effects) = App::new(beginning);
        if notices.is_none() {
            effects = app.update(Event::Locked);
        }
        let mut face = Self {
            app,
            calls: Calls::new(client.clone()),
            client,
            notices,
            newest: None,
        };
        face.carry_out(effects).await?;
        Ok(face)
    }

    /// The next that the client tells. May be given up at any time.
    pub async fn happens(&mut self) -> anyhow::Result<Event> {
        loop {
            tokio::select! {
                notice = next(&mut self.notices) => match notice {
                    Some(notice) => return Ok(self.heard(notice)),
                    None => {
                        self.notices = subscribed(&self.client, self.newest).await?;
                        if self.notices.is_none() {
                            return Ok(Event::Locked);
                        }
                    }
                },
                Some((ask, answer)) = self.calls.next() => return Ok(Event::Answer(ask, answer)),
            }
        }
    }

    /// What has come already.
    pub fn waiting(&mut self) -> Option<Event> {
        if let Some(Ok(notice)) = self.notices.as_mut().map(Notices::try_recv) {
            return Some(self.heard(notice));
        }
        let (ask, answer) = self.calls.waiting()?;
        Some(Event::Answer(ask, answer))
    }

    fn heard(&mut self, notice: Notice) -> Event {
        if let Notice::Row(row) = &notice {
            self.newest = self.newest.max(Some(row.cursor));
        }
        Event::Notice(notice)
    }

    /// Takes an event; what is left is for whoever has the terminal.
    pub async fn take(&mut self, event: Event) -> anyhow::Result<Vec<Effect>> {
        let effects = self.app.update(event);
        self.carry_out(effects).await
    }

    /// Does what is the client's part.
    pub async fn carry_out(&mut self, effects: Vec<Effect>) -> anyhow::Result<Vec<Effect>> {
        let mut rest = Vec::new();
        for effect in effects {
            match effect {
                Effect::Call(ask, command) => self.calls.ask(ask, command).await,
                Effect::Subscribe => self.notices = subscribed(&self.client, self.newest).await?,
                other => rest.push(other),
            }
        }
        Ok(rest)
    }

    /// Lets go of the client when it has taken what the person has said.
    pub async fn settle(self) {
        drop(self.client);
        self.calls.settle().await;
    }
}

/// Hears of what is new behind a row; nothing as long as the home is locked.
async fn subscribed(client: &Client, newest: Option<u64>) -> Result<Option<Notices>, Failure> {
    match client.subscribe(None, newest).await {
        Ok(notices) => Ok(Some(notices)),
        Err(failure) if failure.is_locked() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The next notice; of a locked home there is none.
async fn next(notices: &mut Option<Notices>) -> Option<Notice> {
    match notices {
        Some(notices) => notices.recv().await,
        None => std::future::pending().await,
    }
}
