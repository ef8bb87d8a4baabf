//! People with real homes. Ada, Bob and Carol are made once; each test begins with a copy of their world, since making an
//! account means stretching passwords.

use super::PATIENCE;
use super::liar::{Liar, copy};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use subrosa_client::engine::fact;
use subrosa_client::enrol::{Choice, NameWish, Sheet, join, login};
use subrosa_client::store::{FILE, Store, StoreError, StoreKey};
use subrosa_client::{
    AccountView, Answer, Client, Command, ContactView, Driver, Failure, Home, Notice, Notices, Row,
    RowKind, SendState, Wait,
};
use subrosa_e2e::{Changes, RecordName};
use subrosa_proto::{AccountId, Address, DeviceId, InviteLine, Name};
use zeroize::Zeroizing;

/// The words that were said when the world was made, by Ada to Bob and by Bob to Ada.
pub const FIRST: [(&str, &str); 2] = [("ada", "hello bob"), ("bob", "hello ada")];

/// A lying server and the homes of three people. Ada knows Bob and Carol, who do not know each other.
pub struct World {
    pub liar: Liar,
    pub folder: tempfile::TempDir,
    pub sheets: &'static Sheets,
}

/// What the people keep in their drawers.
pub struct Sheets {
    folder: tempfile::TempDir,
    pub ada: Sheet,
    pub bob: Sheet,
    pub carol: Sheet,
}

impl Sheets {
    pub fn of(&self, name: &str) -> &Sheet {
        match name {
            "ada" => &self.ada,
            "bob" => &self.bob,
            _ => &self.carol,
        }
    }
}

impl World {
    /// A world of its own.
    pub async fn new() -> Self {
        let sheets = tokio::task::spawn_blocking(template).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        copy(sheets.folder.path(), folder.path());
        let liar = Liar::start(&folder.path().join("server")).await;
        let world = Self {
            liar,
            folder,
            sheets,
        };
        for name in ["ada", "bob", "carol"] {
            world.move_house(name);
        }
        world
    }

    /// The server has another port than when the home was made.
    fn move_house(&self, name: &str) {
        let mut address = Address::parse(&self.sheets.of(name).address).unwrap();
        address.hosts = self.address().hosts;
        self.with_store(name, |desk| {
            desk.set_fact(fact::ADDRESS, &address.to_string())
        });
    }

    pub fn address(&self) -> Address {
        self.liar.server().address().clone()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("homes").join(name)
    }

    pub fn home(&self, name: &str) -> Home {
        Home::open(&self.path(name)).unwrap()
    }

    pub async fn client(&self, name: &str) -> Client {
        client_of(&self.path(name)).await
    }

    /// Reads or writes the store of a home that nobody uses.
    pub fn with_store<T>(
        &self,
        name: &str,
        work: impl FnOnce(&subrosa_client::store::Desk<'_>) -> Result<T, StoreError>,
    ) -> T {
        let path = self.path(name);
        let key = StoreKey::load(&path, None).unwrap();
        let mut store = Store::open(&path, FILE, &key, false).unwrap();
        let done = store.transaction(work).unwrap();
        store.close();
        done
    }

    /// Makes a home forget the sessions that it sends in, so that its next message opens one.
    pub fn end_sessions(&self, name: &str) {
        self.with_store(name, |desk| {
            let open = desk.records_at_start()?.into_iter();
            let deletes: Vec<_> = open
                .map(|(record, _)| record)
                .filter(|record| matches!(record, RecordName::Outbound(_)))
                .collect();
            assert!(!deletes.is_empty(), "there was a session to forget");
            desk.save(&Changes {
                puts: Vec::new(),
                deletes,
            })
        });
    }

    pub fn account(&self, name: &str) -> AccountId {
        self.with_store(name, |desk| desk.fact(fact::ACCOUNT))
            .unwrap()
    }

    /// The key of a device, taken from its unlocked home: what a thief or a member with bad intentions has.
    pub fn device_key(&self, name: &str) -> ed25519_dalek::SigningKey {
        let record = self
            .with_store(name, |desk| desk.record(&RecordName::Device))
            .unwrap();
        // The seed is the last field of the record.
        let seed: [u8; 32] = record[record.len() - 32..].try_into().unwrap();
        ed25519_dalek::SigningKey::from_bytes(&seed)
    }

    pub fn device(&self, name: &str) -> DeviceId {
        DeviceId(self.device_key(name).verifying_key().to_bytes())
    }

    /// A further device of somebody, by the passphrase, in another home.
    pub async fn log_in(&self, who: &str, home: &str) -> Result<(), Failure> {
        let secret = self.sheets.of(who).passphrase.clone().unwrap();
        self.log_in_with(who, home, secret).await
    }

    pub async fn log_in_with(
        &self,
        who: &str,
        home: &str,
        secret: Zeroizing<String>,
    ) -> Result<(), Failure> {
        let name = Name::new(who).unwrap();
        let (home, label) = (self.home(home), home);
        login(
            &home,
            &self.address(),
            &name,
            secret,
            None,
            label,
            &mut |_| {},
        )
        .await
    }

    pub async fn join(&self, name: &str, line: &InviteLine) -> Result<Sheet, Failure> {
        let wish = NameWish::Exact(Name::new(name).unwrap());
        let home = self.home(name);
        join(
            &home,
            line,
            wish,
            Choice::Generate,
            None,
            "test",
            &mut |_| {},
        )
        .await
    }
}

pub async fn client_of(home: &Path) -> Client {
    let home = Home::open(home).unwrap();
    Client::open(home, "test", Driver::new(None)).await.unwrap()
}

/// Makes the world from which the others are copied, on a runtime of its own.
fn template() -> &'static Sheets {
    static MADE: OnceLock<Sheets> = OnceLock::new();
    MADE.get_or_init(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(make())
    })
}

async fn make() -> Sheets {
    let folder = tempfile::tempdir().unwrap();
    let mut liar = Liar::start(&folder.path().join("server")).await;
    let homes = folder.path().join("homes");
    let enrol = async |name: &str, line: &InviteLine| {
        let home = Home::open(&homes.join(name)).unwrap();
        let wish = NameWish::Exact(Name::new(name).unwrap());
        let choice = Choice::Generate;
        join(&home, line, wish, choice, None, "test", &mut |_| {})
            .await
            .unwrap()
    };
    let line = liar.server().admin_invite().await.unwrap();
    let ada_sheet = enrol("ada", &line).await;
    let ada = client_of(&homes.join("ada")).await;
    let mut at_ada = ada.subscribe(None, Some(0)).await.unwrap();
    let mut sheets = Vec::new();
    for name in ["bob", "carol"] {
        let sheet = enrol(name, &invite(&ada).await).await;
        sheets.push(sheet);
        let guest = client_of(&homes.join(name)).await;
        let mention = format!("@{name}");
        let mut at_guest = guest.subscribe(None, Some(0)).await.unwrap();
        wait_for(
            &mut at_ada,
            |notice| matches!(notice, Notice::Joined(view) if view.name == mention),
        )
        .await;
        let hello = format!("hello {name}");
        assert_eq!(send(&ada, name, &hello).await.unwrap(), SendState::Sent);
        wait_for(&mut at_guest, |notice| is_text(notice, &hello)).await;
        assert_eq!(
            send(&guest, "ada", "hello ada").await.unwrap(),
            SendState::Sent
        );
        wait_for(&mut at_ada, |notice| is_text(notice, "hello ada")).await;
        guest.close().await;
    }
    ada.close().await;
    liar.close().await;
    let [bob, carol] = <[Sheet; 2]>::try_from(sheets).unwrap_or_else(|_| panic!("two sheets"));
    Sheets {
        folder,
        ada: ada_sheet,
        bob,
        carol,
    }
}

pub async fn invite(client: &Client) -> InviteLine {
    match client.call(Command::Invite {}).await.unwrap() {
        Answer::Invite(view) => InviteLine::parse(&view.line).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Sends and waits until the server has it, or cannot be reached.
pub async fn send(client: &Client, to: &str, text: &str) -> Result<SendState, Failure> {
    let command = Command::Send {
        conversation: to.into(),
        text: text.into(),
        wait: Wait::Sent,
        queue: true,
        within_ms: None,
        timer: None,
    };
    sent(client, command).await
}

/// Puts a text into the outbox.
pub async fn queue(client: &Client, to: &str, text: &str) {
    let command = Command::Send {
        conversation: to.into(),
        text: text.into(),
        wait: Wait::Queued,
        queue: true,
        within_ms: None,
        timer: None,
    };
    sent(client, command).await.unwrap();
}

async fn sent(client: &Client, command: Command) -> Result<SendState, Failure> {
    match tokio::time::timeout(PATIENCE, client.call(command))
        .await
        .expect("no answer to a send")?
    {
        Answer::Sent { state, .. } => Ok(state),
        other => panic!("{other:?}"),
    }
}

pub async fn rows(client: &Client, conversation: &str, fresh: bool) -> Vec<Row> {
    let command = Command::Read {
        conversation: Some(conversation.to_owned()),
        before: None,
        since: None,
        limit: 1_000,
        fresh,
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

fn texts_of(rows: Vec<Row>) -> Vec<(String, String)> {
    let text = |row: Row| match row.what {
        RowKind::Text { text } => Some((row.from, text)),
        _ => None,
    };
    rows.into_iter().filter_map(text).collect()
}

/// The texts of a conversation that are here, each with its author.
pub async fn texts(client: &Client, conversation: &str) -> Vec<(String, String)> {
    texts_of(rows(client, conversation, false).await)
}

/// The same, after the server was asked for what there is.
pub async fn fresh_texts(client: &Client, conversation: &str) -> Vec<(String, String)> {
    texts_of(rows(client, conversation, true).await)
}

pub async fn contact(client: &Client, name: &str) -> ContactView {
    match client.call(Command::Contacts {}).await.unwrap() {
        Answer::Contacts(contacts) => contacts
            .into_iter()
            .find(|contact| contact.name == name)
            .unwrap(),
        other => panic!("{other:?}"),
    }
}

pub async fn status(client: &Client) -> AccountView {
    match client.call(Command::Status {}).await.unwrap() {
        Answer::Account(view) => view,
        other => panic!("{other:?}"),
    }
}

/// Waits for a notice that fits.
pub async fn wait_for(notices: &mut Notices, mut fits: impl FnMut(&Notice) -> bool) -> Notice {
    let mut seen = Vec::new();
    let wait = async {
        loop {
            let notice = notices.recv().await.expect("the notices ended");
            if fits(&notice) {
                return notice;
            }
            seen.push(notice);
        }
    };
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(notice) => notice,
        Err(_) => panic!("what was waited for did not come; these did: {seen:#?}"),
    }
}

/// Waits for a text that a person typed.
pub async fn wait_for_text(notices: &mut Notices, text: &str) {
    wait_for(notices, |notice| is_text(notice, text)).await;
}

/// Waits for a warning that says this: as it comes, or as the line that stays of it when it came before anybody listened.
pub async fn wait_for_warning(notices: &mut Notices, part: &str) {
    wait_for(notices, |notice| match notice {
        Notice::Warning { sentence } => sentence.contains(part),
        Notice::Row(row) => matches!(&row.what, RowKind::Info { text } if text.contains(part)),
        _ => false,
    })
    .await;
}

pub fn is_text(notice: &Notice, wanted: &str) -> bool {
    matches!(notice, Notice::Row(Row { what: RowKind::Text { text }, .. }) if text == wanted)
}

/// Pairs of author and text, as [`texts`] gives them.
pub fn said(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(from, text)| ((*from).to_owned(), (*text).to_owned()))
        .collect()
}
