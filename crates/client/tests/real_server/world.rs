//! A real server on loopback and people with homes of their own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use subrosa_client::enrol::{Choice, NameWish, Sheet, join};
use subrosa_client::{
    Answer, Client, Command, Driver, Failure, Home, Notice, Notices, Row, RowKind, SendState, Wait,
};
use subrosa_proto::{InviteLine, Name};
use subrosa_server::{Config, Rates, Server};

/// Longest wait for something that must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server and a folder for everybody's homes.
pub struct World {
    pub folder: tempfile::TempDir,
    pub server: Option<Server>,
    listen: SocketAddr,
    rates: Rates,
}

impl World {
    pub async fn start() -> Self {
        Self::with_rates(Rates::default()).await
    }

    /// With a server that counts no logins.
    pub async fn patient() -> Self {
        Self::with_rates(Rates::unlimited()).await
    }

    async fn with_rates(rates: Rates) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut world = Self {
            folder,
            server: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            rates,
        };
        world.open().await;
        world.listen = world.server.as_ref().unwrap().local_addr().unwrap();
        world
    }

    /// Starts the server, on the port it had before.
    pub async fn open(&mut self) {
        let mut config = Config::new(self.folder.path().join("server"));
        config.listen = vec![self.listen];
        config.limits = self.rates.clone();
        self.server = Some(Server::start(config).await.unwrap());
    }

    pub async fn close(&mut self) {
        self.server.take().unwrap().shutdown().await;
    }

    pub fn home(&self, name: &str) -> Home {
        Home::open(&self.path(name)).unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("homes").join(name)
    }

    /// The first person, by an invite of the server itself.
    pub async fn first(&self, name: &str) -> (Sheet, Client) {
        let line = self.server.as_ref().unwrap().admin_invite().await.unwrap();
        self.join(name, &line).await
    }

    pub async fn join(&self, name: &str, line: &InviteLine) -> (Sheet, Client) {
        let sheet = self.enrol(name, line, Choice::Generate).await.unwrap();
        (sheet, self.client(name).await)
    }

    pub async fn enrol(
        &self,
        name: &str,
        line: &InviteLine,
        choice: Choice,
    ) -> Result<Sheet, Failure> {
        let wish = NameWish::Exact(Name::new(name).unwrap());
        join(
            &self.home(name),
            line,
            wish,
            choice,
            None,
            "test",
            &mut |_| {},
        )
        .await
    }

    pub async fn client(&self, name: &str) -> Client {
        Client::open(self.home(name), "test", Driver::new(None))
            .await
            .unwrap()
    }
}

pub async fn invite(client: &Client) -> InviteLine {
    match client.call(Command::Invite {}).await.unwrap() {
        Answer::Invite(view) => InviteLine::parse(&view.line).unwrap(),
        other => panic!("{other:?}"),
    }
}

pub async fn send(client: &Client, to: &str, text: &str) -> Result<SendState, Failure> {
    let command = Command::Send {
        conversation: to.into(),
        text: text.into(),
        wait: Wait::Sent,
        queue: true,
        within_ms: None,
        timer: None,
    };
    match tokio::time::timeout(PATIENCE, client.call(command))
        .await
        .expect("no answer to a send")?
    {
        Answer::Sent {
            state,
            conversation,
            ..
        } => {
            assert_eq!(
                conversation.trim_start_matches('@'),
                to.trim_start_matches('@')
            );
            Ok(state)
        }
        other => panic!("{other:?}"),
    }
}

pub async fn rows(client: &Client, conversation: Option<&str>) -> Vec<Row> {
    let command = Command::Read {
        conversation: conversation.map(str::to_owned),
        before: None,
        since: None,
        limit: 1_000,
        fresh: true,
    };
    match tokio::time::timeout(PATIENCE, client.call(command))
        .await
        .expect("no answer to a read")
        .unwrap()
    {
        Answer::Rows(rows) => rows,
        other => panic!("{other:?}"),
    }
}

/// The texts of a conversation, each with its author.
pub async fn texts(client: &Client, conversation: &str) -> Vec<(String, String)> {
    let rows = rows(client, Some(conversation)).await;
    let text = |row: Row| match row.what {
        RowKind::Text { text } => Some((row.from, text)),
        _ => None,
    };
    rows.into_iter().filter_map(text).collect()
}

/// Waits for a notice that fits.
pub async fn wait_for(notices: &mut Notices, mut fits: impl FnMut(&Notice) -> bool) -> Notice {
    let wait = async {
        loop {
            let notice = notices.recv().await.expect("the notices ended");
            if fits(&notice) {
                return notice;
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("what was waited for did not come")
}

pub fn is_text(notice: &Notice, wanted: &str) -> bool {
    matches!(notice, Notice::Row(Row { what: RowKind::Text { text }, .. }) if text == wanted)
}
