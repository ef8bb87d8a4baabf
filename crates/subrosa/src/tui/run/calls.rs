//! Calls to the client: what the person says goes in order, everything else at once.

use crate::tui::event::Ask;
use std::sync::Arc;
use std::time::Duration;
use subrosa_client::{Answer, Client, Command, Failure};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

/// What the person has said and the client has not taken is waited for so long when leaving.
const SETTLE_MAX: Duration = Duration::from_secs(5);

type Asked = (Ask, Command);
type Answered = (Ask, Result<Answer, Failure>);

/// Calls under way.
pub struct Calls {
    client: Arc<Client>,
    said: mpsc::Sender<Asked>,
    saying: JoinHandle<()>,
    asking: JoinSet<()>,
    tell: mpsc::Sender<Answered>,
    told: mpsc::Receiver<Answered>,
}

impl Calls {
    pub fn new(client: Arc<Client>) -> Self {
        let (said, mut saying) = mpsc::channel::<Asked>(256);
        let (tell, told) = mpsc::channel(1_024);
        let (speaker, answers) = (client.clone(), tell.clone());
        let saying = tokio::spawn(async move {
            while let Some((ask, command)) = saying.recv().await {
                let answer = speaker.call(command).await;
                // Whoever has left does not want to know.
                drop(answers.try_send((ask, answer)));
            }
        });
        Self {
            client,
            said,
            saying,
            asking: JoinSet::new(),
            tell,
            told,
        }
    }

    /// Asks.
    pub async fn ask(&mut self, ask: Ask, command: Command) {
        let in_order = matches!(
            command,
            Command::Send { .. }
                | Command::ActOn { .. }
                | Command::Typing { .. }
                | Command::MarkRead { .. }
        );
        if in_order {
            drop(self.said.send((ask, command)).await);
            return;
        }
        while self.asking.try_join_next().is_some() {}
        let (client, tell) = (self.client.clone(), self.tell.clone());
        self.asking.spawn(async move {
            let answer = client.call(command).await;
            drop(tell.send((ask, answer)).await);
        });
    }

    /// The next answer.
    pub async fn next(&mut self) -> Option<Answered> {
        self.told.recv().await
    }

    /// An answer that has come already.
    pub fn waiting(&mut self) -> Option<Answered> {
        self.told.try_recv().ok()
    }

    /// Lets go of the client when it has taken what the person has said.
    pub async fn settle(self) {
        let Self {
            client,
            said,
            saying,
            mut asking,
            ..
        } = self;
        drop((client, said));
        asking.shutdown().await;
        drop(tokio::time::timeout(SETTLE_MAX, saying).await);
    }
}
