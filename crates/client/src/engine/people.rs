//! Accounts that this home knows, and the prekeys of their devices.

use super::EngineError;
use super::names::{Decision, News};
use crate::store::{Desk, StoreError};
use crate::trust_view::Standing;
use crate::view::Trust;
use std::collections::HashMap;
use subrosa_e2e::{ContactTrust, PrekeyDirectory};
use subrosa_ledger::Account;
use subrosa_proto::{AccountId, Name, Prekey, Quote, Signed, Statement, StatementHash, limits};

/// An account and what is known of the person.
pub(super) struct Person {
    pub account: Account,
    /// What the log says of how they came; a comparison stands apart.
    pub trust: Trust,
    /// Heads of other chains of the same account that were seen and are not joined to it.
    branches: Vec<StatementHash>,
    /// The last merge that the account had when it was met here.
    met: Option<u64>,
    /// How it stands to its name.
    pub standing: Standing,
}

/// Everybody this home knows.
pub(super) struct People {
    pub(super) own: AccountId,
    persons: HashMap<AccountId, Person>,
    /// What the person has decided about names.
    pub(super) decisions: HashMap<String, Decision>,
    /// What has come up and is to be told.
    pub(super) news: Vec<News>,
    /// With whom safety numbers were compared.
    compared: HashMap<AccountId, ContactTrust>,
    /// Up to which statement the person has accepted what somebody has joined.
    accepted: HashMap<AccountId, StatementHash>,
    /// The newest prekey seen of each device.
    pub prekeys: PrekeyDirectory,
}

/// What was wrong with something that the server gave about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused(pub String);

impl People {
    pub fn load(desk: &Desk<'_>, own: AccountId) -> Result<Self, EngineError> {
        let persons = desk.accounts()?.into_iter().map(|known| {
            (
                known.account.id(),
                Person {
                    met: known.account.last_merge().filter(|_| known.met_merged),
                    account: known.account,
                    trust: known.trust,
                    branches: known.branches,
                    standing: known.standing,
                },
            )
        });
        let mut people = Self {
            own,
            persons: persons.collect(),
            decisions: HashMap::new(),
            news: Vec::new(),
            compared: HashMap::new(),
            accepted: HashMap::new(),
            prekeys: PrekeyDirectory::default(),
        };
        for (account, signed) in desk.prekeys()? {
            if let Some(person) = people.persons.get(&account) {
                // It was admitted when it was stored; a later revocation may shut it out now.
                drop(people.prekeys.admit(&person.account, &signed));
            }
        }
        Ok(people)
    }

    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.persons.get(id).map(|person| &person.account)
    }

    pub fn person(&self, id: &AccountId) -> Option<&Person> {
        self.persons.get(id)
    }

    /// Whom a name means.
    pub fn named(&self, name: &str) -> Option<&Person> {
        self.persons.values().find(|person| {
            person.standing == Standing::Holder && person.account.name().as_str() == name
        })
    }

    /// Puts an account where it stands to its name.
    pub fn place(
        &mut self,
        desk: &Desk<'_>,
        id: &AccountId,
        standing: Standing,
    ) -> Result<(), StoreError> {
        desk.set_standing(id, standing)?;
        if let Some(person) = self.persons.get_mut(id) {
            person.standing = standing;
        }
        Ok(())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Person> {
        self.persons.values()
    }

    /// The name that people see.
    pub fn name_of(&self, id: &AccountId) -> String {
        match self.persons.get(id) {
            Some(person) => self.told_apart(person.account.name().as_str(), person.standing, id),
            None => format!("{:.8}", id.to_string()),
        }
    }

    pub fn trust_of(&self, id: &AccountId) -> Trust {
        if *id == self.own || self.verified(id).is_some() {
            Trust::Verified
        } else {
            self.persons
                .get(id)
                .map_or(Trust::Unverified, |person| person.trust)
        }
    }

    pub fn set_trust(
        &mut self,
        desk: &Desk<'_>,
        id: &AccountId,
        trust: Trust,
    ) -> Result<(), EngineError> {
        if let Some(person) = self.persons.get_mut(id) {
            person.trust = trust;
            desk.set_trust(id, trust)?;
        }
        Ok(())
    }

    /// Safety numbers were compared with somebody, or that was taken back.
    pub fn compared(&mut self, trust: &ContactTrust) {
        self.compared.insert(trust.account, *trust);
    }

    /// When and at which chain somebody's safety number was found the same.
    pub fn verified(&self, id: &AccountId) -> Option<&ContactTrust> {
        self.compared.get(id).filter(|trust| trust.verified)
    }

    /// Takes a chain that the server gave: a new account, or the continuation of a known one.
    /// A shorter chain than the one known, or another one, is refused; the known one stays.
    pub fn take_chain(
        &mut self,
        desk: &Desk<'_>,
        chain: &[Signed],
    ) -> Result<Result<AccountId, Refused>, EngineError> {
        if let Some(id) = self.known_chain(chain) {
            return Ok(Ok(id));
        }
        let given = match Account::from_chain(chain) {
            Ok(account) => account,
            Err(error) => {
                return Ok(Err(Refused(format!(
                    "the server gave an account chain that does not hold: {error}"
                ))));
            }
        };
        let id = given.id();
        if let Some(inviter) = desk.fact::<Quote>(super::fact::INVITER)?
            && inviter.account == id
            && given
                .hash_at(inviter.head.seq)
                .is_some_and(|_| !given.knows(&inviter.head.hash))
        {
            return Ok(Err(Refused(format!(
                "the server shows {} otherwise than the invite line did; nothing is sent there, and the line's author should be told",
                given.name()
            ))));
        }
        let Some(known) = self.persons.get_mut(&id) else {
            self.arrive(desk, given)?;
            return Ok(Ok(id));
        };
        // The same up to a branch that is named and was not here.
        let completes = known.account.head() == given.head()
            && given.unhealed().len() < known.account.unhealed().len();
        if known.account.covers(&given) && !completes {
            // A shorter one was served to a stranger, or rolled back: what was seen stays.
            return Ok(Ok(id));
        }
        if !given.covers(&known.account) {
            // The identity key has signed two statements with one number. Which of the two counts
            // cannot be known here, and not by what the server shows next either.
            if known.note_branch(given.head().hash) {
                desk.set_branches(&id, &known.branches)?;
                let about = given.name().to_string();
                let file = super::forks::chain_fork(&known.account, &given);
                let what = format!("chain/{id}/{}", known.account.parts_from(&given));
                desk.keep_evidence(&what, &about, &file)?;
            }
            let own = id == self.own;
            return Ok(Err(contradiction(given.name(), own)));
        }
        desk.set_account(&given)?;
        if known.account.last_merge() != given.last_merge() {
            self.news.push(News::Joined(id));
        }
        self.news.extend(devices_changed(&known.account, &given));
        known.account = given;
        known.branches.retain(|head| !known.account.knows(head));
        desk.set_branches(&id, &known.branches)?;
        Ok(Ok(id))
    }

    /// The account of a chain that is the beginning of the one known, statement for statement: in a
    /// room nearly all chains are that each time they come.
    fn known_chain(&self, chain: &[Signed]) -> Option<AccountId> {
        let first: Statement = subrosa_proto::decode(&chain.first()?.body).ok()?;
        let known = self.persons.get(&first.account)?;
        let same = known.account.statements().starts_with(chain);
        same.then(|| known.account.id())
    }

    /// Why nothing is sealed to an account, if so.
    pub fn distrusted(&self, id: &AccountId) -> Option<String> {
        let joined = || {
            let unaccepted = self.unaccepted(id);
            unaccepted.map(|_| joined_sentence(&self.name_of(id)))
        };
        self.contradicted(id).or_else(joined)
    }

    /// What is said of an account of which chains were seen that are not joined, if it is one.
    pub fn contradicted(&self, id: &AccountId) -> Option<String> {
        let person = self.persons.get(id)?;
        let parted = !person.branches.is_empty();
        parted.then(|| contradiction(person.account.name(), *id == self.own).0)
    }

    /// The merge of two lists of devices that the person has not accepted yet.
    pub fn unaccepted(&self, id: &AccountId) -> Option<StatementHash> {
        let person = self.persons.get(id).filter(|_| *id != self.own)?;
        let last = person.account.last_merge();
        let accepted = self.accepted.get(id);
        let accepted = accepted.and_then(|seen| person.account.seen_by(seen));
        let merge = last.filter(|last| Some(*last) > accepted.max(person.met))?;
        person.account.hash_at(merge)
    }

    /// The person has seen that somebody has joined two lists of devices.
    pub fn accept_merge(&mut self, id: AccountId, merge: StatementHash) {
        self.accepted.insert(id, merge);
    }

    /// Continues this account's own chain by what the server has of it from a statement on. What was asked for may have
    /// come by another way since.
    pub fn take_own(
        &mut self,
        desk: &Desk<'_>,
        from: u64,
        more: &[Signed],
    ) -> Result<Result<AccountId, Refused>, EngineError> {
        let known = self.account(&self.own).map(|own| own.statements().to_vec());
        let mut chain = known.unwrap_or_default();
        chain.truncate(usize::try_from(from).unwrap_or(usize::MAX));
        chain.extend_from_slice(more);
        self.take_chain(desk, &chain)
    }

    /// An account that is not known here yet.
    fn arrive(&mut self, desk: &Desk<'_>, account: Account) -> Result<(), EngineError> {
        if let Some(before) = self.outlived(&account) {
            self.place(desk, &before, Standing::Former)?;
        }
        let (id, standing) = (account.id(), self.arriving(account.name(), &account.id()));
        let met = account.last_merge();
        desk.set_account(&account)?;
        desk.set_met(&account)?;
        desk.set_standing(&id, standing)?;
        if standing == Standing::Holder
            && let Some(before) = self.named(account.name().as_str())
        {
            let before = before.account.id();
            self.place(desk, &before, Standing::Former)?;
            self.news.push(News::Standing(account.name().to_string()));
        }
        self.persons.insert(
            id,
            Person {
                account,
                trust: Trust::Unverified,
                branches: Vec::new(),
                met,
                standing,
            },
        );
        if standing == Standing::Newcomer {
            self.news.push(News::Newcomer(id));
        }
        Ok(())
    }

    /// Takes a prekey that the server gave. One that its device did not sign, or that is older than
    /// one seen, is refused.
    pub fn take_prekey(
        &mut self,
        desk: &Desk<'_>,
        signed: &Signed,
    ) -> Result<Result<(), Refused>, EngineError> {
        let refused = |what: String| {
            Ok(Err(Refused(format!(
                "the server gave a prekey that does not hold: {what}"
            ))))
        };
        let Ok(prekey) = subrosa_proto::decode::<Prekey>(&signed.body) else {
            return refused("it cannot be read".to_owned());
        };
        let Some(person) = self.persons.get(&prekey.account) else {
            return refused("its account is not known".to_owned());
        };
        match self.prekeys.admit(&person.account, signed) {
            Ok(true) => {
                desk.set_prekey(&prekey.device, &prekey.account, signed)?;
                Ok(Ok(()))
            }
            Ok(false) => Ok(Ok(())),
            Err(error) => refused(error.to_string()),
        }
    }
}

/// What is new in a chain that has grown, if its devices were known before.
fn devices_changed(known: &Account, given: &Account) -> Option<News> {
    known.devices().next()?;
    let live = |account: &Account| {
        account
            .devices()
            .map(|device| device.id)
            .collect::<Vec<_>>()
    };
    let new = given
        .devices()
        .filter(|device| !known.certified(&device.id));
    let labels = new.map(|device| device.label.clone()).collect();
    (live(known) != live(given)).then(|| News::Devices(given.id(), labels))
}

fn contradiction(name: &Name, own: bool) -> Refused {
    Refused(if own {
        "the server shows this account's devices in two ways that contradict each other: it was put back to an old copy, or it lies, or somebody else has the password; nothing is sent until `subrosa devices merge` has joined the two, and `subrosa evidence` shows what proves it".to_owned()
    } else {
        format!(
            "the server shows {name}'s devices in two ways that contradict each other; nothing is sent to {name} until {name} has joined the two with `subrosa devices merge`, for which `subrosa evidence {name} --export FILE` writes what {name} may need"
        )
    })
}

/// Why nothing is sealed to somebody who has joined two lists of devices.
pub(super) fn joined_sentence(name: &str) -> String {
    format!(
        "{name} had two lists of devices and has joined them; ask {name} by another way whether that is so: nothing is sent to {name} until you accept it with `subrosa trust {name} --accept-merge`"
    )
}

impl Person {
    /// Notes another chain of the account, by its head; whether it was not noted before.
    fn note_branch(&mut self, head: StatementHash) -> bool {
        if self.branches.contains(&head) {
            return false;
        }
        // With more than a chain can take in, what no chain has ever stands for the rest.
        let full = self.branches.len() >= limits::CHAIN_BRANCHES_MAX;
        let noted = if full { StatementHash::NONE } else { head };
        let new = !self.branches.contains(&noted);
        if new {
            self.branches.push(noted);
        }
        new
    }
}
