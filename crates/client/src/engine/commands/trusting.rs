//! What is known of people's keys: shown, compared, decided (docs/spec/e2e.md §9, §13).

use crate::command::{Answer, Failure, FailureKind};
use crate::engine::turn::{CallId, Turn};
use crate::engine::{Engine, EngineError};
use crate::store::Desk;
use crate::trust_view::{
    About, Comparison, KeyDevice, Line, Standing, TrustView, VerificationView,
};
use crate::view::Trust;
use subrosa_e2e::{ContactTrust, safety_code, safety_number};
use subrosa_proto::AccountId;

/// Digits of a safety number.
const DIGITS: usize = 60;

impl Engine {
    /// The account that is meant, or why there is none.
    pub(in crate::engine) fn meant(&self, typed: &str) -> Result<AccountId, Failure> {
        match self.people.meant(typed) {
            Some(id) if id == self.account => Err(Failure::user(format!("{typed} is you"))),
            Some(id) => Ok(id),
            None => Err(Failure::user(format!(
                "there is nobody called {typed} here; `subrosa trust` lists those that are known"
            ))),
        }
    }

    /// What is asked about people and settings.
    pub(super) fn about(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        ask: About,
    ) -> Result<(), EngineError> {
        match ask {
            About::Verify {
                contact,
                comparison,
            } => self.verify(turn, call, &contact, &comparison),
            About::Trust { contact } => {
                let views = self.trust(turn.desk, contact.as_deref())?;
                turn.answer(call, views.map(Answer::Trust));
                Ok(())
            }
            About::DecideName {
                contact,
                accept_new,
            } => self.decide(turn, call, &contact, accept_new),
            About::AcceptMerge { contact } => self.accept_merge(turn, call, &contact),
            About::Block { contact, blocked } => self.block(turn, call, &contact, blocked),
            About::Mute {
                conversation,
                muted,
            } => self.mute(turn, call, &conversation, muted),
            About::Settings {} => {
                turn.answer(call, Ok(Answer::Settings(self.settings_views())));
                Ok(())
            }
            About::Set { name, value } => self.set(turn, call, &name, &value),
        }
    }

    fn verify(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        contact: &str,
        comparison: &Comparison,
    ) -> Result<(), EngineError> {
        let id = match self.meant(contact) {
            Ok(id) => id,
            Err(failure) => {
                turn.answer(call, Err(failure));
                return Ok(());
            }
        };
        let verified = match self.compare(&id, comparison) {
            Ok(verified) => verified,
            Err(failure) => {
                turn.answer(call, Err(failure));
                return Ok(());
            }
        };
        if let (Some(verified), Some(account)) = (verified, self.people.account(&id)) {
            let head = account.head();
            let trust = ContactTrust {
                account: id,
                verified,
                at_ms: turn.now_ms,
                head,
            };
            // What was never compared need not be taken back.
            if verified || self.people.verified(&id).is_some() {
                self.wish(turn, trust)?;
            }
        }
        let view = VerificationView {
            name: self.people.name_of(&id),
            account: id.to_string(),
            safety_number: safety_number(self.account, id),
            code: safety_code(self.account, id),
            trust: self.people.trust_of(&id),
            verified_ms: self.people.verified(&id).map(|trust| trust.at_ms),
        };
        turn.answer(call, Ok(Answer::Verification(view)));
        Ok(())
    }

    /// What a comparison says about somebody; nothing when it only shows.
    fn compare(&self, id: &AccountId, comparison: &Comparison) -> Result<Option<bool>, Failure> {
        let same = match comparison {
            Comparison::Show => return Ok(None),
            Comparison::Mark => true,
            Comparison::Unmark => return Ok(Some(false)),
            Comparison::Number(typed) => digits(typed)? == plain(&safety_number(self.account, *id)),
            Comparison::Code(scanned) => {
                scanned.trim().to_ascii_uppercase() == safety_code(self.account, *id)
            }
        };
        if same {
            return Ok(Some(true));
        }
        let name = self.people.name_of(id);
        Err(Failure {
            kind: FailureKind::Trust,
            sentence: format!(
                "the safety numbers differ: this is not the key that the other person has; do not write to {name} anything that matters, and compare once more by another way"
            ),
        })
    }

    pub(in crate::engine) fn trust(
        &self,
        desk: &Desk<'_>,
        contact: Option<&str>,
    ) -> Result<Result<Vec<TrustView>, Failure>, EngineError> {
        let mut ids = match contact.map(|typed| self.meant(typed)).transpose() {
            Ok(Some(id)) => {
                let name = self
                    .people
                    .account(&id)
                    .map(|account| account.name().clone());
                let mut all =
                    name.map_or_else(Vec::new, |name| self.people.all_named(name.as_str()));
                // Asked for one account, its namesakes are shown after it.
                all.sort_by_key(|other| *other != id);
                all
            }
            Ok(None) => {
                let everybody = self.people.iter();
                let mut all: Vec<_> = everybody
                    .map(|person| {
                        (
                            person.account.name().clone(),
                            person.standing,
                            person.account.id(),
                        )
                    })
                    .collect();
                all.sort_unstable();
                all.into_iter().map(|(_, _, id)| id).collect()
            }
            Err(failure) => return Ok(Err(failure)),
        };
        ids.retain(|id| *id != self.account);
        let views = ids
            .iter()
            .filter_map(|id| self.trust_view(desk, id).transpose());
        Ok(Ok(views.collect::<Result<_, _>>()?))
    }

    fn trust_view(
        &self,
        desk: &Desk<'_>,
        id: &AccountId,
    ) -> Result<Option<TrustView>, EngineError> {
        let Some(person) = self.people.person(id) else {
            return Ok(None);
        };
        let verified = self.people.verified(id);
        let there = person.account.devices();
        let there = there.filter(|device| !self.logged_out(&device.id));
        let devices = there.map(|device| KeyDevice {
            label: device.label.clone(),
            device: device.id.to_string(),
            since_verified: verified.is_some_and(|trust| {
                let seen = person.account.seen_by(&trust.head.hash);
                seen.is_none_or(|seen| device.added > seen)
            }),
        });
        let trust = self.people.trust_of(id);
        let (problem, fix) = self.problem(id, person.standing, trust);
        Ok(Some(TrustView {
            name: self.people.name_of(id),
            account: id.to_string(),
            trust,
            standing: person.standing,
            line: self.line_held(id),
            verified_ms: verified.map(|trust| trust.at_ms),
            changed_ms: desk.changed(id)?,
            devices: devices.collect(),
            blocked: self.settings.blocked(id),
            problem,
            fix,
        }))
    }

    /// Who held whose invite line.
    fn line_held(&self, id: &AccountId) -> Option<Line> {
        if self.people.person(id)?.trust != Trust::Invited {
            return None;
        }
        let talk = self.direct_with(id).and_then(|no| self.talks.get(&no))?;
        let theirs = talk.state.creator() == self.account;
        Some(if theirs { Line::Theirs } else { Line::Ours })
    }

    fn problem(
        &self,
        id: &AccountId,
        standing: Standing,
        trust: Trust,
    ) -> (Option<String>, Option<String>) {
        let name = self.people.name_of(id);
        if let Some(sentence) = self.people.distrusted(id) {
            let fix = if self.people.unaccepted(id).is_some() {
                format!("subrosa trust @{name} --accept-merge")
            } else {
                format!("subrosa evidence {name} --export FILE")
            };
            return (Some(sentence), Some(fix));
        }
        let doubt = |holder: &str| {
            (
                format!(
                    "the server shows two accounts under the name {holder}; nothing is sent to @{holder}"
                ),
                format!("subrosa trust @{holder} --accept-new, or subrosa trust @{holder} --keep"),
            )
        };
        let plain = self
            .people
            .account(id)
            .map(|account| account.name().to_string());
        let (problem, fix) = match standing {
            Standing::Newcomer => doubt(&plain.unwrap_or_default()),
            Standing::Holder if !self.people.newcomers(id).is_empty() => doubt(&name),
            Standing::Holder if trust != Trust::Verified => {
                return (None, Some(format!("subrosa verify @{name}")));
            }
            _ => return (None, None),
        };
        (Some(problem), Some(fix))
    }

    pub(super) fn decide(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        contact: &str,
        accept_new: bool,
    ) -> Result<(), EngineError> {
        if let Err(failure) = self.decide_name(turn, contact, accept_new)? {
            turn.answer(call, Err(failure));
            return Ok(());
        }
        let name = contact.split('~').next();
        let views = self.trust(turn.desk, name)?;
        turn.answer(call, views.map(Answer::Trust));
        Ok(())
    }
}

fn plain(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

/// The digits that a person typed, without the spaces between them.
fn digits(typed: &str) -> Result<String, Failure> {
    let strange = |c: char| !c.is_ascii_digit() && !c.is_whitespace();
    let digits = plain(typed);
    if typed.chars().any(strange) || digits.len() != DIGITS {
        let sentence = format!(
            "a safety number has {DIGITS} digits, in any groups; this one has {}",
            digits.len()
        );
        return Err(Failure::user(sentence));
    }
    Ok(digits)
}
