//! The way of a verb to its account: which home, unlocked how, and a seat in it.

use crate::cli::Global;
use crate::folders::Folders;
use crate::output::{self, Output};
use crate::{secret, terminal};
use std::path::{Path, PathBuf};
use subrosa_client::enrol::is_enrolled;
use subrosa_client::store::is_locked;
use subrosa_client::{
    AccountView, Answer, Client, Command, ConversationView, Driver, Failure, Home, is_marked,
};
use subrosa_proto::{Address, Name};
use zeroize::Zeroizing;

/// What every verb works with.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Options of all verbs.
    pub global: Global,
    /// Where homes lie.
    pub folders: Folders,
    /// Where to write.
    pub output: Output,
}

impl Setting {
    /// From the command line.
    pub fn new(global: Global) -> anyhow::Result<Self> {
        let output = Output {
            json: global.json,
            quiet: global.quiet,
        };
        Ok(Self {
            folders: Folders::of_user()?,
            output,
            global,
        })
    }

    /// Whether somebody can be asked.
    pub fn can_ask(&self) -> bool {
        !self.global.no_input && terminal::can_ask()
    }

    /// Whether somebody sits at a screen that can be filled.
    pub fn fills_screen(&self, plain: bool) -> bool {
        !plain && !self.output.json && output::is_seen() && self.can_ask()
    }

    /// The home that was named, if one was.
    pub fn named_home(&self) -> Result<Option<PathBuf>, Failure> {
        match (&self.global.home, &self.global.profile) {
            (Some(home), _) => Ok(Some(home.clone())),
            (None, Some(profile)) => self.folders.profile(profile).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Whether there is no account yet where one is looked for.
    pub fn is_new(&self) -> Result<bool, Failure> {
        match self.named_home()? {
            Some(named) => Ok(enrolled(&named)?.is_none()),
            None => Ok(self.folders.profiles().is_empty()),
        }
    }

    /// The home of an account that is here.
    pub fn home(&self) -> Result<Home, Failure> {
        let dir = match self.named_home()? {
            Some(named) => named,
            None => match self.folders.default_profile() {
                Some(profile) => self.folders.profile(&profile)?,
                None => return Err(Failure::user(self.nobody())),
            },
        };
        match enrolled(&dir)? {
            Some(home) => Ok(home),
            None => Err(Failure::user(format!(
                "there is no account in {}: {}",
                dir.display(),
                self.nobody()
            ))),
        }
    }

    fn nobody(&self) -> String {
        let profiles = self.folders.profiles();
        if profiles.is_empty() {
            "there is no account here yet: start a server with `subrosa up`, or join one with `subrosa join LINE`".to_owned()
        } else {
            format!(
                "choose one of this machine's accounts with -p: {}",
                profiles.join(", ")
            )
        }
    }

    /// Takes a seat in the home that was named, or the one that verbs use by themselves.
    pub async fn sit(&self, face: &str) -> anyhow::Result<Client> {
        let home = self.home()?;
        self.sit_in(home, face, None).await
    }

    /// Takes a seat in a home; `unlock` if its passphrase is known already.
    pub async fn sit_in(
        &self,
        home: Home,
        face: &str,
        unlock: Option<Zeroizing<String>>,
    ) -> anyhow::Result<Client> {
        let unlock = match unlock {
            Some(unlock) => Some(unlock),
            None => self.unlocked(&home).await?,
        };
        Ok(Client::open(home, face, Driver::new(unlock)).await?)
    }

    /// The same for a process that only keeps the home, and leaves it to a newer build.
    pub async fn sit_giving_way(&self, home: Home, face: &str) -> anyhow::Result<Client> {
        let unlock = self.unlocked(&home).await?;
        Ok(Client::open_giving_way(home, face, Driver::new(unlock)).await?)
    }

    /// The passphrase of a home that has one. What its person has locked is opened by `unlock` only.
    pub async fn unlocked(&self, home: &Home) -> anyhow::Result<Option<Zeroizing<String>>> {
        if is_marked(home) {
            return Ok(None);
        }
        self.passphrase(home).await
    }

    /// The same, whoever has locked it.
    pub async fn passphrase(&self, home: &Home) -> anyhow::Result<Option<Zeroizing<String>>> {
        if let Some(file) = &self.global.unlock_file {
            return Ok(Some(secret::read(file, "passphrase of the home")?));
        }
        if is_locked(home.dir()) && self.can_ask() {
            return Ok(Some(terminal::ask_secret("Passphrase of this home").await?));
        }
        Ok(None)
    }
}

/// A home, if there is an account in the folder. Never makes the folder.
pub fn enrolled(dir: &Path) -> Result<Option<Home>, Failure> {
    if !dir.is_dir() {
        return Ok(None);
    }
    let home = Home::open(dir).map_err(|error| Failure::user(error.to_string()))?;
    Ok(is_enrolled(&home).then_some(home))
}

/// Who this home is.
pub async fn account(client: &Client) -> Result<AccountView, Failure> {
    match client.call(Command::Status {}).await? {
        Answer::Account(account) => Ok(account),
        other => Err(unexpected(&other)),
    }
}

/// The server and the name of an account, as the ways that ask for its secrets take them.
pub fn whereabouts(account: &AccountView) -> Result<(Address, Name), Failure> {
    let defect = |error: &dyn std::fmt::Display| Failure::defect(error.to_string());
    let address = Address::parse(&account.address).map_err(|error| defect(&error))?;
    let name = Name::new(&account.name).map_err(|error| defect(&error))?;
    Ok((address, name))
}

/// Its conversations.
pub async fn conversations(client: &Client) -> Result<Vec<ConversationView>, Failure> {
    match client.call(Command::Conversations {}).await? {
        Answer::Conversations(all) => Ok(all),
        other => Err(unexpected(&other)),
    }
}

/// An answer to another question than the one asked.
pub fn unexpected(answer: &Answer) -> Failure {
    // Its words could be somebody's message; only its kind is told.
    let kind = match answer {
        Answer::Done {} => "done",
        Answer::Account(_) => "account",
        Answer::Invite(_) => "invite",
        Answer::Sent { .. } => "sent",
        Answer::Rows(_) => "rows",
        Answer::Why(_) => "a message explained",
        Answer::Health(_) => "the home's health",
        Answer::Storage(_) => "storage",
        Answer::Signature(_) => "a signature",
        Answer::Found(_) => "what a search found",
        Answer::Receipts(_) => "receipts",
        Answer::Timer { .. } => "timer",
        Answer::Conversations(_) => "conversations",
        Answer::Devices(_) => "devices",
        Answer::Contacts(_) => "contacts",
        Answer::Verification(_) => "verification",
        Answer::Trust(_) => "trust",
        Answer::Settings(_) => "settings",
        Answer::Evidence(_) => "evidence",
        Answer::OwnChain(_) => "a list of devices",
        Answer::Losses(_) => "losses",
        Answer::Subscribed { .. } => "subscribed",
        Answer::History(_) => "history",
        Answer::Outbox { .. } => "outbox",
        Answer::Cursor { .. } => "cursor",
        Answer::Consumer(_) => "consumer",
        Answer::Consumers(_) => "consumers",
        Answer::Room(_) => "room",
        Answer::Rooms(_) => "rooms",
        Answer::Bots(_) => "bots",
    };
    Failure::defect(format!(
        "the client gave an answer of the kind {kind}, which was not asked for; please report it"
    ))
}
