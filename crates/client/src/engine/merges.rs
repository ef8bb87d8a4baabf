//! Lists of devices that were forked and are joined again: who is told, and what is accepted
//! (docs/spec/ledger.md §4.5, docs/spec/e2e.md §13.3).

use super::people::joined_sentence;
use super::turn::{CallId, Turn};
use super::{Engine, EngineError};
use crate::command::{Answer, Failure, FailureKind};
use subrosa_e2e::{Body, Setting};
use subrosa_proto::{AccountId, StatementHash};

/// The setting with the merge that the person has accepted of somebody.
fn merge_key(account: &AccountId) -> String {
    format!("merge/{account}")
}

impl Engine {
    /// Tells that an account has joined two lists of devices.
    pub(super) fn joined_devices(
        &mut self,
        turn: &mut Turn<'_>,
        id: &AccountId,
    ) -> Result<(), EngineError> {
        if *id == self.account {
            let head = self.people.account(id).map(|own| own.head().hash);
            self.alarm(
                format!("joined/{}", head.unwrap_or(StatementHash::NONE)),
                "the two lists of this account's devices are one again: a merge was signed with its password or recovery code; if that was not you, take the account back with `subrosa recover`".to_owned(),
            );
            return Ok(());
        }
        let Some(merge) = self.people.unaccepted(id) else {
            return Ok(());
        };
        let sentence = joined_sentence(&self.people.name_of(id));
        self.alarm(format!("joined/{merge}"), sentence.clone());
        match self.direct_with(id) {
            Some(no) => {
                self.say(turn, no, &sentence)?;
                self.release_held_back(turn, no)
            }
            None => Ok(()),
        }
    }

    /// The person has seen that somebody has joined two lists of devices, here or on another device.
    pub(super) fn heed_merge(&mut self, setting: &Setting) -> bool {
        let account = setting.key.strip_prefix("merge/");
        let account = account.and_then(AccountId::from_hex);
        let merge = setting.value.first_chunk::<32>().copied();
        let (Some(account), Some(merge)) = (account, merge) else {
            return false;
        };
        self.people.accept_merge(account, StatementHash(merge));
        true
    }

    pub(super) fn merges_accepted(&self) -> Vec<Setting> {
        let all = self.settings.all().filter_map(|body| match body {
            Body::Setting(setting) if setting.key.starts_with("merge/") => Some(setting.clone()),
            _ => None,
        });
        all.collect()
    }

    /// The person accepts what somebody has joined.
    pub(super) fn accept_merge(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        contact: &str,
    ) -> Result<(), EngineError> {
        match self.acceptable(contact) {
            Ok((id, merge)) => {
                let value = bytes::Bytes::copy_from_slice(&merge.0);
                self.wish_value(turn, merge_key(&id), value)?;
                let views = self.trust(turn.desk, Some(contact))?;
                turn.answer(call, views.map(Answer::Trust));
                self.caught_up(turn)
            }
            Err(failure) => {
                turn.answer(call, Err(failure));
                Ok(())
            }
        }
    }

    fn acceptable(&self, contact: &str) -> Result<(AccountId, StatementHash), Failure> {
        let id = self.meant(contact)?;
        if let Some(sentence) = self.people.contradicted(&id) {
            return Err(Failure {
                kind: FailureKind::Trust,
                sentence,
            });
        }
        let merge = self.people.unaccepted(&id).ok_or_else(|| {
            Failure::user(format!(
                "there is nothing to accept: {} has joined no lists of devices since you know them",
                self.people.name_of(&id)
            ))
        })?;
        Ok((id, merge))
    }
}
