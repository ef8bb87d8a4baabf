//! Answers of the server, each to the part that asked.

use super::link::Asked;
use super::turn::Turn;
use super::{Engine, EngineError};
use subrosa_proto::Response;

impl Engine {
    pub(super) fn answered(
        &mut self,
        turn: &mut Turn<'_>,
        asked: Asked,
        response: Response,
    ) -> Result<(), EngineError> {
        match asked {
            Asked::Nothing => Ok(()),
            Asked::Login => match response {
                Response::LoggedIn { login } => self.logged_in(turn, login),
                Response::Refused { refusal } => self.login_refused(turn, &refusal),
                _ => self.another_kind(turn),
            },
            Asked::Conversations => match response {
                Response::Conversations { heads, more } => self.heads(turn, &heads, more),
                Response::Refused { .. } => {
                    self.server_broke_protocol(turn, "a refusal to list the conversations")
                }
                _ => self.another_kind(turn),
            },
            Asked::Append { no, seq } => self.append_answered(turn, no, seq, response),
            Asked::Create { seq } => self.create_answered(turn, seq, response),
            Asked::Deed { no, seq } => self.deed_answered(turn, no, seq, response),
            Asked::Timer {
                call,
                conversation,
                timer,
            } => self.timer_answered(turn, (call, conversation, timer), &response),
            Asked::Receipt { no, at, receipt } => {
                self.register_answered(turn, no, at, receipt, &response)
            }
            Asked::First(conv) => self.first_came(turn, conv, response),
            Asked::Newest(conv) => self.newest_came(turn, conv, response),
            Asked::Keys(wanted) => self.keys_came(turn, wanted, response),
            Asked::Positions { no } => self.positions_came(turn, no, response),
            Asked::Box { no } => self.box_answered(turn, no, &response),
            Asked::Returned => self.return_answered(turn, response),
            Asked::Standing { no, head, ctl } => {
                self.standing_came(turn, no, (head, ctl), &response)
            }
            Asked::Revoke { no } => self.revoke_answered(turn, no, &response),
            Asked::Logout => self.logout_answered(turn, &response),
            other => self.answered_about_people(turn, other, response),
        }
    }

    /// Answers about accounts and their devices.
    fn answered_about_people(
        &mut self,
        turn: &mut Turn<'_>,
        asked: Asked,
        response: Response,
    ) -> Result<(), EngineError> {
        match asked {
            Asked::AuthorChain { no } => self.author_came(turn, no, response),
            Asked::People(conv, after) => self.people_came(turn, conv, after, response),
            Asked::ControlHistory(conv) => self.control_history_came(turn, conv, response),
            Asked::Chains(conv) => self.chains_came(turn, conv, response),
            Asked::Person { call, name } => self.person_answered(turn, call, &name, &response),
            Asked::Invite { call, caller } => self.invite_answered(turn, call, &caller, &response),
            Asked::Bot {
                call,
                caller,
                command,
            } => self.bot_answered(turn, (call, &caller), &command, &response),
            Asked::Lookup { call, name } => self.lookup_answered(turn, call, &name, response),
            Asked::Prekey(id) => self.prekey_answered(turn, id, &response),
            Asked::OwnChain { from } => match response {
                Response::Chain { statements } => self.own_chain_came(turn, from, &statements),
                Response::Refused { .. } => Ok(()),
                _ => self.another_kind(turn),
            },
            Asked::Keepsake => self.keepsake_came(turn, response),
            Asked::Voucher { transcript } => {
                self.introduction_answered(&response);
                if matches!(response, Response::Done {}) {
                    self.introduce(turn)?;
                }
                self.ask_login(turn, &transcript);
                Ok(())
            }
            Asked::Introduced => {
                self.introduction_answered(&response);
                Ok(())
            }
            Asked::Name => self.name_answered(turn, response),
            Asked::Devices { call, from } => self.devices_came(turn, call, from, response),
            _ => self.another_kind(turn),
        }
    }

    fn another_kind(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        self.server_broke_protocol(turn, "an answer of another kind than the question")
    }
}
