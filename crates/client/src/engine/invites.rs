//! Invite lines: made here, and recognised when somebody comes by one (docs/spec/login.md, docs/spec/e2e.md §8).

use super::commands::refused;
use super::link::Asked;
use super::turn::{CallId, Turn};
use super::{Engine, EngineError};
use crate::command::{Answer, Caller, Failure};
use crate::view::{InviteView, Trust};
use subrosa_e2e::{Content, InviteIssued, seal_invite_note};
use subrosa_login::InviteSecret;
use subrosa_proto::{AccountId, ErrorCode, InviteLine, InviteNote, Request, Response, limits};

impl Engine {
    /// Leaves an invite at the server. The secret is on disk before the server hears of it.
    pub(super) fn new_invite(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        caller: Caller,
    ) -> Result<(), EngineError> {
        let (secret, expires_ms) = match turn.desk.invite_of(&caller.0)? {
            Some((secret, expires_ms)) => (InviteSecret::from_bytes(&secret), expires_ms),
            None => {
                let secret = InviteSecret::generate(&mut turn.rng);
                let expires_ms = turn.now_ms + limits::INVITE_MS;
                turn.desk.add_invite(
                    secret.as_bytes(),
                    Some(&caller.0),
                    turn.now_ms,
                    expires_ms,
                )?;
                (secret, expires_ms)
            }
        };
        let Some(own) = self.people.account(&self.account) else {
            turn.answer(
                call,
                Err(Failure::defect("this account's own chain is missing")),
            );
            return Ok(());
        };
        let note = InviteNote {
            account: self.account,
            head: own.head(),
        };
        let note = seal_invite_note(&secret.note_key(), &self.address.key, &note).into();
        let request = Request::InviteNew {
            code_hash: secret.code().hash(),
            expires_ms,
            note,
        };
        self.ask(turn, request, Asked::Invite { call, caller });
        Ok(())
    }

    pub(super) fn invite_answered(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        caller: &Caller,
        response: &Response,
    ) -> Result<(), EngineError> {
        match response {
            Response::Done {} => {}
            Response::Refused { refusal } if refusal.code == ErrorCode::TooLarge => {
                let many =
                    "there are too many open invites; wait until some are used or have expired";
                turn.answer(call, Err(Failure::user(many)));
                return Ok(());
            }
            other => {
                let failure = refused(other, "the server did not take the invite");
                turn.answer(call, Err(failure));
                return Ok(());
            }
        }
        let Some((secret, expires_ms)) = turn.desk.invite_of(&caller.0)? else {
            return Ok(());
        };
        self.tell_issued(turn, caller, &secret, expires_ms)?;
        let line = InviteLine {
            address: self.address.clone(),
            secret: subrosa_proto::InviteSecret(secret),
            bot: None,
        };
        turn.answer(
            call,
            Ok(Answer::Invite(InviteView {
                line: line.line(),
                expires_ms,
            })),
        );
        Ok(())
    }

    /// Tells the other devices of this account of a line: they have to recognise who comes by it.
    pub(super) fn tell_issued(
        &mut self,
        turn: &mut Turn<'_>,
        caller: &Caller,
        secret: &[u8; 16],
        expires_ms: u64,
    ) -> Result<(), EngineError> {
        let Some(no) = self.own_no() else {
            return Ok(());
        };
        let issued = InviteIssued {
            secret: *secret,
            created_ms: expires_ms.saturating_sub(limits::INVITE_MS),
            room: turn.desk.invite_room(secret)?,
        };
        let content = Content::new(issued, turn.now_ms, &mut turn.rng);
        self.enqueue(turn, no, &format!("{}/issued", caller.0), &content, false)?;
        Ok(())
    }

    /// Whether `peer`, who opened a conversation with this proof, held one of this account's lines.
    pub(super) fn came_by_invite(
        &mut self,
        turn: &Turn<'_>,
        peer: &AccountId,
        proof: &[u8; 32],
    ) -> Result<bool, EngineError> {
        for secret in turn.desk.open_invites()? {
            let invite = InviteSecret::from_bytes(&secret);
            if invite.verify_mac(self.account.as_bytes(), peer.as_bytes(), proof) {
                turn.desk.invite_used(&secret, peer)?;
                self.people.set_trust(turn.desk, peer, Trust::Invited)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Another device of this account has told of an invite: whoever came by it before is known now.
    pub(super) fn recognise_guests(&mut self, turn: &Turn<'_>) -> Result<(), EngineError> {
        let guests: Vec<(AccountId, [u8; 32])> = self
            .talks
            .values()
            .map(|talk| (talk.state.creator(), talk.state.invite().copied()))
            .filter(|(creator, _)| {
                *creator != self.account && self.people.trust_of(creator) == Trust::Unverified
            })
            .filter_map(|(creator, proof)| Some((creator, proof?)))
            .collect();
        for (peer, proof) in guests {
            self.came_by_invite(turn, &peer, &proof)?;
        }
        Ok(())
    }
}
