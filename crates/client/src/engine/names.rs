//! Which account a name stands for (docs/spec/e2e.md §13).
//!
//! A name that is known here stands for one account. When the server shows another account under it, that one is
//! a newcomer: somebody else, who takes nothing over, until the person says whom the name means.

use super::people::People;
use super::talk::Talk;
use super::turn::Turn;
use super::{Engine, EngineError, rows::LINE_INFO};
use crate::command::{Failure, FailureKind};
use crate::store::{Desk, Entry, StoreError};
use crate::trust_view::Standing;
use subrosa_e2e::Setting;
use subrosa_ledger::Account;
use subrosa_proto::{AccountId, Form, Name};

/// What tells an account from the one that its name means.
const fn suffix(standing: Standing) -> &'static str {
    match standing {
        Standing::Holder => "",
        Standing::Newcomer => "~new",
        Standing::Former => "~old",
        Standing::Refused => "~other",
    }
}

/// What a decision about a name says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Decision {
    holder: Option<AccountId>,
    formers: Vec<AccountId>,
    refused: Vec<AccountId>,
}

/// The setting with the account that a name means, and those that it meant before.
fn name_key(name: &str) -> String {
    format!("name/{name}")
}

/// The setting with the accounts that a name does not mean.
fn refused_key(name: &str) -> String {
    format!("refused/{name}")
}

fn accounts(value: Option<&[u8]>) -> Vec<AccountId> {
    let (whole, _) = value.unwrap_or_default().as_chunks::<32>();
    whole.iter().copied().map(AccountId).collect()
}

fn bytes(accounts: impl IntoIterator<Item = AccountId>) -> bytes::Bytes {
    let accounts = accounts.into_iter().flat_map(|account| account.0);
    accounts
        .take(subrosa_e2e::SETTING_VALUE_BYTES_MAX)
        .collect()
}

/// What is new about somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// An account came under a name that means another.
    Newcomer(AccountId),
    /// A chain has grown by devices with these labels.
    Devices(AccountId, Vec<String>),
    /// An account has joined two lists of devices.
    Joined(AccountId),
    /// Somebody stands to the name in another way.
    Standing(String),
}

impl People {
    /// How an account that is not known yet stands to its name.
    pub(super) fn arriving(&self, name: &Name, id: &AccountId) -> Standing {
        let name = name.as_str();
        if let Some(decision) = self.decisions.get(name) {
            if decision.holder == Some(*id) {
                return Standing::Holder;
            }
            if decision.formers.contains(id) {
                return Standing::Former;
            }
            if decision.refused.contains(id) {
                return Standing::Refused;
            }
            if decision.holder.is_some() {
                return Standing::Newcomer;
            }
        }
        match self.named(name) {
            Some(_) => Standing::Newcomer,
            None => Standing::Holder,
        }
    }

    /// The holder of an account's name, if that is a bot that is over and this one is the next of the same owner, who
    /// has signed for both. Only the owner is sure to know the end of the first; to others both are the owner's word.
    pub(super) fn outlived(&self, next: &Account) -> Option<AccountId> {
        let holder = &self.named(next.name().as_str())?.account;
        let owner = self.account(&next.warrant()?.owner)?;
        let over = holder.devices().next().is_none() || owner.id() != self.own;
        (over && holder.is_bot_of(owner) && next.is_bot_of(owner)).then(|| holder.id())
    }

    /// Whether an account is called like this, and the name does not mean it.
    pub(super) fn comes_under(&self, name: &Name, id: &AccountId) -> bool {
        self.person(id).is_some_and(|person| {
            person.account.name() == name && person.standing != Standing::Holder
        })
    }

    /// Everybody who goes by a name: whom it means first, then by their ids.
    pub(super) fn all_named(&self, name: &str) -> Vec<AccountId> {
        let persons = self.iter();
        let mut all: Vec<_> = persons
            .filter(|person| person.account.name().as_str() == name)
            .map(|person| (person.standing, person.account.id()))
            .collect();
        all.sort_unstable();
        all.into_iter().map(|(_, id)| id).collect()
    }

    /// Those who came under somebody's name, if nobody has decided about them.
    pub(super) fn newcomers(&self, holder: &AccountId) -> Vec<AccountId> {
        let Some(person) = self.person(holder) else {
            return Vec::new();
        };
        if person.standing != Standing::Holder {
            return Vec::new();
        }
        let name = person.account.name().clone();
        let mut all = self.all_named(name.as_str());
        all.retain(|id| {
            self.person(id)
                .is_some_and(|person| person.standing == Standing::Newcomer)
        });
        all
    }

    /// The account that people mean by what they typed: `bob`, `@bob`, `bob~new`.
    pub(super) fn meant(&self, typed: &str) -> Option<AccountId> {
        let typed = typed.strip_prefix('@').unwrap_or(typed);
        let ids = self.iter().map(|person| person.account.id());
        ids.into_iter().find(|id| self.name_of(id) == typed)
    }

    /// A name with what tells an account from others of that name.
    pub(super) fn told_apart(&self, name: &str, standing: Standing, id: &AccountId) -> String {
        if standing == Standing::Holder {
            return name.to_owned();
        }
        let alike = self
            .iter()
            .filter(|person| person.account.name().as_str() == name && person.standing == standing);
        if alike.count() > 1 {
            format!("{name}{}-{:.8}", suffix(standing), id.to_string())
        } else {
            format!("{name}{}", suffix(standing))
        }
    }

    /// Reads what was decided about a name and puts everybody of that name in their place.
    pub(super) fn decide(
        &mut self,
        desk: &Desk<'_>,
        name: &str,
        decision: Decision,
    ) -> Result<(), StoreError> {
        if self.decisions.get(name) == Some(&decision) {
            return Ok(());
        }
        self.decisions.insert(name.to_owned(), decision.clone());
        for id in self.all_named(name) {
            let before = self.person(&id).map(|person| person.standing);
            let now = if decision.holder == Some(id) {
                Standing::Holder
            } else if decision.formers.contains(&id) {
                Standing::Former
            } else if decision.refused.contains(&id) {
                Standing::Refused
            } else if before == Some(Standing::Holder) && decision.holder.is_none() {
                Standing::Holder
            } else {
                Standing::Newcomer
            };
            if before != Some(now) {
                self.place(desk, &id, now)?;
            }
        }
        self.news.push(News::Standing(name.to_owned()));
        Ok(())
    }
}

/// Why nothing is sent to a name that another account has now as well.
pub(super) fn changed_failure(name: &str) -> Failure {
    Failure {
        kind: FailureKind::Trust,
        sentence: format!(
            "the server shows another key under the name {name} than the one known here: {name} has made a new account, or somebody poses as {name}; nothing is sent to @{name}. Ask {name} by another way, then `subrosa trust @{name} --accept-new` takes the new one, `subrosa trust @{name} --keep` stays with the known one"
        ),
    }
}

impl Engine {
    /// Why nothing is sent in a direct conversation, if the other's name has come to be shown with another account.
    pub(super) fn name_in_doubt(&self, talk: &Talk) -> Option<Failure> {
        let peer = talk.state.peer(&self.account)?;
        if talk.state.form() != Form::Direct || self.people.newcomers(&peer).is_empty() {
            return None;
        }
        let person = self.people.person(&peer)?;
        Some(changed_failure(person.account.name().as_str()))
    }

    /// What a setting about a name says now.
    pub(super) fn heed_name(&mut self, turn: &Turn<'_>, key: &str) -> Result<(), EngineError> {
        let Some((_, name)) = key
            .split_once('/')
            .filter(|(what, _)| matches!(*what, "name" | "refused"))
        else {
            return Ok(());
        };
        let decision = self.decision(name);
        self.people.decide(turn.desk, name, decision)?;
        Ok(())
    }

    pub(super) fn decision(&self, name: &str) -> Decision {
        let mut holders = accounts(self.settings.value(&name_key(name))).into_iter();
        Decision {
            holder: holders.next(),
            formers: holders.collect(),
            refused: accounts(self.settings.value(&refused_key(name))),
        }
    }

    /// The names about which something is decided.
    pub(super) fn decided_names(&self) -> Vec<String> {
        let keys = self.settings.keys();
        keys.filter_map(|key| key.strip_prefix("name/").or(key.strip_prefix("refused/")))
            .map(str::to_owned)
            .collect()
    }

    /// The person says that a name means another account from now on, or goes on to mean the one it did.
    pub(super) fn decide_name(
        &mut self,
        turn: &mut Turn<'_>,
        typed: &str,
        accept_new: bool,
    ) -> Result<Result<(), Failure>, EngineError> {
        let typed = typed.strip_prefix('@').unwrap_or(typed);
        // What stands behind the sign tells accounts of one name apart.
        let name = typed.split('~').next().unwrap_or(typed);
        let Some(holder) = self.people.named(name).map(|person| person.account.id()) else {
            let sentence = format!("nobody called {name} is known here");
            return Ok(Err(Failure::user(sentence)));
        };
        let newcomers = self.people.newcomers(&holder);
        let before = self.decision(name);
        let chosen = self.chosen(name, typed, &newcomers);
        if accept_new {
            let newest = match chosen {
                Ok(newest) => newest,
                Err(failure) => return Ok(Err(failure)),
            };
            let formers = std::iter::once(holder).chain(before.formers);
            let value = bytes(std::iter::once(newest).chain(formers));
            let refused = newcomers.into_iter().filter(|id| *id != newest);
            let refused: Vec<_> = refused.chain(before.refused).collect();
            if !refused.is_empty() {
                self.wish_value(turn, refused_key(name), bytes(refused))?;
            }
            self.drop_unsent(turn, &holder)?;
            self.wish_value(turn, name_key(name), value)?;
        } else if newcomers.is_empty() {
            return Ok(chosen.map(drop));
        } else {
            let refused = newcomers.into_iter().chain(before.refused);
            let value = bytes(refused);
            self.wish_value(turn, refused_key(name), value)?;
        }
        self.tell_news(turn)?;
        Ok(Ok(()))
    }

    /// The newcomer that is meant: the one that was named, or the only one.
    fn chosen(
        &self,
        name: &str,
        typed: &str,
        newcomers: &[AccountId],
    ) -> Result<AccountId, Failure> {
        let named = self.people.meant(typed).filter(|id| newcomers.contains(id));
        match (named, newcomers) {
            (Some(id), _) => Ok(id),
            (None, [only]) => Ok(*only),
            (None, []) => Err(Failure::user(format!(
                "there is nothing to decide: the server shows no other account under the name {name}"
            ))),
            (None, several) => {
                let names: Vec<_> = several.iter().map(|id| self.people.name_of(id)).collect();
                Err(Failure::user(format!(
                    "several accounts came under the name {name}: give the one that you mean, {}",
                    names.join(" or ")
                )))
            }
        }
    }

    pub(super) fn wish_value(
        &mut self,
        turn: &mut Turn<'_>,
        key: String,
        value: bytes::Bytes,
    ) -> Result<(), EngineError> {
        if value.is_empty() && self.settings.value(&key).is_none() {
            return Ok(());
        }
        self.wish(turn, Setting { key, value })
    }

    /// What was written for somebody and has not left is not for whoever has the name next, nor sent behind
    /// the back of the person who turned away.
    fn drop_unsent(&mut self, turn: &mut Turn<'_>, peer: &AccountId) -> Result<(), EngineError> {
        let Some(no) = self.direct_with(peer) else {
            return Ok(());
        };
        let mut dropped = 0;
        while let Some(waiting) = turn.desk.first_waiting(no)? {
            if waiting.sealed.is_some() {
                break;
            }
            turn.desk.drop_draft(waiting.seq)?;
            let failure = changed_failure(&self.people.name_of(peer));
            for (call, _) in self.sends.remove(&waiting.seq).unwrap_or_default() {
                turn.answer(call, Err(failure.clone()));
            }
            dropped += 1;
        }
        if dropped > 0 {
            let name = self.people.name_of(peer);
            self.warn(turn, format!(
                "{dropped} of your messages to {name} had not left and were dropped: write again to whom you mean"
            ));
        }
        Ok(())
    }

    /// The direct conversation with somebody.
    pub(super) fn direct_with(&self, peer: &AccountId) -> Option<i64> {
        let mut talks = self.talks.values();
        talks
            .find(|talk| {
                talk.state.form() == Form::Direct
                    && talk.state.peer(&self.account).as_ref() == Some(peer)
            })
            .map(|talk| talk.no)
    }

    /// Tells what this turn has brought up about people.
    pub(super) fn tell_news(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        for news in std::mem::take(&mut self.people.news) {
            match news {
                News::Newcomer(id) => self.newcomer(turn, &id)?,
                News::Devices(id, labels) => self.new_devices(turn, &id, &labels)?,
                News::Joined(id) => self.joined_devices(turn, &id)?,
                News::Standing(name) => self.rename(turn, &name)?,
            }
        }
        Ok(())
    }

    fn newcomer(&mut self, turn: &mut Turn<'_>, id: &AccountId) -> Result<(), EngineError> {
        let Some(person) = self.people.person(id) else {
            return Ok(());
        };
        let name = person.account.name().to_string();
        let failure = changed_failure(&name);
        self.alarm(format!("name/{id}"), failure.sentence.clone());
        let holder = self.people.named(&name).map(|person| person.account.id());
        let no = holder.and_then(|holder| self.direct_with(&holder));
        match no {
            Some(no) => {
                self.say(turn, no, &failure.sentence)?;
                self.release_held_back(turn, no)
            }
            None => Ok(()),
        }
    }

    fn new_devices(
        &mut self,
        turn: &mut Turn<'_>,
        id: &AccountId,
        labels: &[String],
    ) -> Result<(), EngineError> {
        turn.desk.set_changed(id, turn.now_ms)?;
        let Some(no) = self.direct_with(id).filter(|_| *id != self.account) else {
            return Ok(());
        };
        let name = self.people.name_of(id);
        let key = if self.people.verified(id).is_some() {
            "that you verified"
        } else {
            "known here"
        };
        for label in labels {
            let words = format!("{name} has a new device, {label:?}, certified by the key {key}");
            self.say(turn, no, &words)?;
        }
        Ok(())
    }

    /// Conversations are called as their people are called now.
    fn rename(&mut self, turn: &mut Turn<'_>, name: &str) -> Result<(), EngineError> {
        // Whoever gives the name up first, so that it is free for whom it means now.
        let mut all = self.people.all_named(name);
        all.reverse();
        for id in all {
            let Some(no) = self.direct_with(&id) else {
                continue;
            };
            let wish = format!("@{}", self.people.name_of(&id));
            let Some(talk) = self.talks.get(&no).filter(|talk| talk.name != wish) else {
                continue;
            };
            let words = format!(
                "this conversation, {} before, is {wish} from now on",
                talk.name
            );
            let called = turn.desk.rename_conversation(no, &wish)?;
            if let Some(talk) = self.talks.get_mut(&no) {
                talk.name = called;
            }
            self.say(turn, no, &words)?;
        }
        if let Some(holder) = self.people.named(name).map(|person| person.account.id())
            && let Some(no) = self.direct_with(&holder)
        {
            // What was held back while nobody knew whom the name means.
            self.pump(turn, no)?;
        }
        Ok(())
    }

    /// Adds a line of this home's own words at the end of a conversation.
    pub(super) fn say(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
        words: &str,
    ) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get(&no) else {
            return Ok(());
        };
        let cursor = turn.desk.add_line(&Entry {
            conversation: no,
            position: Some(talk.state.head().0),
            account: self.account,
            content: None,
            author_ms: turn.now_ms,
            arrived_ms: None,
            kind: LINE_INFO,
            body: words.as_bytes(),
            state: None,
        })?;
        self.tell_line(turn, talk, cursor)
    }
}
