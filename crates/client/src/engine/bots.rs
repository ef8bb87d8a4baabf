//! Bots of this account (docs/spec/e2e.md §14).
//!
//! What an owner has to keep of a bot is a setting, so that every device of the owner lists it and
//! can end it. It is wished, and so on disk, before the server hears of the bot.

use super::commands::refused;
use super::deeds::{DeedCall, Shows};
use super::link::Asked;
use super::outlook::Wish;
use super::talk::Talk;
use super::turn::{CallId, Turn};
use super::{Engine, EngineError};
use crate::bot::{BotCommand, BotGrant, BotState, BotView};
use crate::command::{Answer, Caller, Command, Failure, FailureKind};
use crate::view::{InviteView, LinkState, Trust};
use bytes::Bytes;
use std::collections::BTreeSet;
use subrosa_e2e::{BotIdentity, BotNote, RoomName, Setting};
use subrosa_login::InviteSecret;
use subrosa_proto::{
    AccountId, ErrorCode, Form, Grant, InviteLine, Name, Request, Response, Role, Signed, decode,
    encode, limits, record,
};

/// Settings of bots begin so.
const PREFIX: &str = "bot/";

record! {
    /// What is kept of a bot.
    #[derive(Clone, PartialEq, Eq)]
    struct Kept {
        name: Name,
        seed: [u8; 32],
        secret: [u8; 16],
        created_ms: u64,
        grants: Vec<Grant>,
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.seed.zeroize();
        self.secret.zeroize();
    }
}

impl Kept {
    fn identity(&self) -> BotIdentity {
        BotIdentity::from_seed(&self.seed)
    }

    const fn expires_ms(&self) -> u64 {
        self.created_ms.saturating_add(limits::INVITE_MS)
    }
}

fn key(bot: &AccountId) -> String {
    format!("{PREFIX}{bot}")
}

pub(super) fn not_permitted(sentence: String) -> Failure {
    Failure {
        kind: FailureKind::NotPermitted,
        sentence,
    }
}

/// What a bot is in a room.
const fn role(grant: &Grant) -> Role {
    if grant.read {
        Role::Member
    } else {
        Role::Poster
    }
}

impl Engine {
    pub(super) fn bot_command(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): (CallId, &Caller),
        command: BotCommand,
    ) -> Result<(), EngineError> {
        if !self.is_fresh() {
            self.again(turn, (call, caller), Command::Bot(command));
            return Ok(());
        }
        let needs_server = !matches!(command, BotCommand::List {});
        if let LinkState::Offline { cause, .. } | LinkState::Refused { cause } = &self.link.state
            && needs_server
        {
            let sentence = format!("a bot is made and ended at the server: {cause}");
            turn.answer(call, Err(Failure::network(sentence)));
            self.try_now(turn);
            return Ok(());
        }
        match command {
            BotCommand::List {} => {
                let views = self.bot_views(turn.now_ms);
                turn.answer(call, Ok(Answer::Bots(views)));
                Ok(())
            }
            BotCommand::New { name, can } => match self.new_bot(turn, caller, &name, &can)? {
                Ok(request) => {
                    let command = BotCommand::New { name, can };
                    let caller = caller.clone();
                    let asked = Asked::Bot {
                        call,
                        caller,
                        command,
                    };
                    self.ask(turn, request, asked);
                    Ok(())
                }
                Err(failure) => {
                    turn.answer(call, Err(failure));
                    Ok(())
                }
            },
            BotCommand::End { name } => {
                let Some((bot, kept)) = self.bot_named(&name) else {
                    let sentence = format!(
                        "you have no bot called {name}: `subrosa bot list` lists those there are"
                    );
                    turn.answer(call, Err(Failure::user(sentence)));
                    return Ok(());
                };
                let statement = self.end_of(&bot, &kept);
                let caller = caller.clone();
                let asked = Asked::Bot {
                    call,
                    caller,
                    command: BotCommand::End { name },
                };
                self.ask(turn, Request::BotEnd { bot, statement }, asked);
                Ok(())
            }
        }
    }

    pub(super) fn bot_answered(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): (CallId, &Caller),
        command: &BotCommand,
        response: &Response,
    ) -> Result<(), EngineError> {
        match (command, response) {
            (BotCommand::New { .. }, Response::Done {}) => self.bot_made(turn, (call, caller)),
            (BotCommand::New { name, .. }, response) => {
                self.bot_unmade(turn, caller)?;
                turn.answer(call, Err(not_made(name, response)));
                Ok(())
            }
            (BotCommand::End { name }, Response::Done {}) => {
                self.bot_ended(turn, (call, caller), name)
            }
            (BotCommand::End { name }, Response::Refused { refusal })
                if refusal.code == ErrorCode::Conflict =>
            {
                let sentence = format!("{name} has just joined: run the command again");
                turn.answer(call, Err(Failure::network(sentence)));
                Ok(())
            }
            (_, response) => {
                let failure = refused(response, "the server did not end the bot");
                turn.answer(call, Err(failure));
                Ok(())
            }
        }
    }

    /// All that is kept, by accounts.
    fn bots(&self) -> Vec<(AccountId, Kept)> {
        let keys = self.settings.keys().filter(|key| key.starts_with(PREFIX));
        let kept = keys.filter_map(|key| {
            let value = self.settings.value(key)?;
            let kept: Kept = decode(&Bytes::copy_from_slice(value)).ok()?;
            Some((kept.identity().id(), kept))
        });
        kept.collect()
    }

    fn bot_named(&self, name: &str) -> Option<(AccountId, Kept)> {
        let name = name.trim_start_matches('@');
        let mut bots = self.bots().into_iter();
        bots.find(|(_, kept)| kept.name.as_str() == name)
    }

    fn bot_views(&self, now_ms: u64) -> Vec<BotView> {
        let mut bots = self.bots();
        bots.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
        let view = |(id, kept): (AccountId, Kept)| {
            let known = self.people.account(&id);
            let joined = known.is_some_and(|known| known.devices().next().is_some());
            BotView {
                name: kept.name.to_string(),
                account: id.to_string(),
                can: self.grant_views(&kept.grants),
                state: match joined {
                    true => BotState::Joined,
                    false if kept.expires_ms() <= now_ms => BotState::Expired,
                    false => BotState::Waiting,
                },
                created_ms: kept.created_ms,
                expires_ms: kept.expires_ms(),
            }
        };
        bots.into_iter().map(view).collect()
    }

    /// What a warrant says, with the names that rooms have here.
    pub(super) fn grant_views(&self, grants: &[Grant]) -> Vec<BotGrant> {
        let named = |grant: &Grant| {
            let no = self.numbers.get(&grant.conv);
            let talk = no.and_then(|no| self.talks.get(no));
            let unknown = || format!("#{:.8}", grant.conv.to_string());
            BotGrant {
                room: talk.map_or_else(unknown, |talk| talk.name.clone()),
                post: grant.post,
                read: grant.read,
            }
        };
        grants.iter().map(named).collect()
    }

    /// Keeps a new bot, or finds the one that this command made before; what the server is asked.
    fn new_bot(
        &mut self,
        turn: &mut Turn<'_>,
        caller: &Caller,
        name: &str,
        can: &[BotGrant],
    ) -> Result<Result<Request, Failure>, EngineError> {
        if self.owner().is_some() {
            let sentence = "this home is a bot, and a bot makes no bots".to_owned();
            return Ok(Err(not_permitted(sentence)));
        }
        let Ok(name) = Name::new(name.trim_start_matches('@')) else {
            let sentence = format!("{name} is no account name: small letters, digits, . _ -");
            return Ok(Err(Failure::user(sentence)));
        };
        let rooms = match self.granted_rooms(&name, can) {
            Ok(rooms) => rooms,
            Err(failure) => return Ok(Err(failure)),
        };
        let kept = match self.made_by(turn, caller)? {
            Some((_, kept)) => kept,
            None => {
                let identity = BotIdentity::generate(&mut turn.rng);
                let secret = InviteSecret::generate(&mut turn.rng);
                let kept = Kept {
                    name: name.clone(),
                    seed: *identity.seed(),
                    secret: *secret.as_bytes(),
                    created_ms: turn.now_ms,
                    grants: rooms.iter().map(|(grant, _)| *grant).collect(),
                };
                let (secret, end) = (kept.secret, kept.expires_ms());
                turn.desk
                    .add_invite(&secret, Some(&caller.0), turn.now_ms, end)?;
                let (key, value) = (key(&identity.id()), encode(&kept));
                self.wish(turn, Setting { key, value })?;
                kept
            }
        };
        let named = rooms.into_iter().map(|(grant, name)| RoomName {
            conv: grant.conv,
            name,
        });
        Ok(self.bot_request(&kept, named.collect()))
    }

    /// The bot that a command made before, if it did.
    fn made_by(
        &self,
        turn: &Turn<'_>,
        caller: &Caller,
    ) -> Result<Option<(AccountId, Kept)>, EngineError> {
        let Some((secret, _)) = turn.desk.invite_of(&caller.0)? else {
            return Ok(None);
        };
        let mut bots = self.bots().into_iter();
        Ok(bots.find(|(_, kept)| kept.secret == secret))
    }

    fn bot_request(&self, kept: &Kept, rooms: Vec<RoomName>) -> Result<Request, Failure> {
        let own = self.people.account(&self.account);
        let own = own.ok_or_else(|| Failure::defect("this account's own chain is missing"))?;
        let line = InviteSecret::from_bytes(&kept.secret);
        let note = BotNote {
            owner: self.account,
            head: own.head(),
            identity: kept.identity(),
            rooms,
        };
        Ok(Request::BotNew {
            chain: self.beginning_of(kept),
            code_hash: line.code().hash(),
            expires_ms: kept.expires_ms(),
            note: note.seal(&line.note_key(), &self.address.key),
        })
    }

    /// The beginning of a bot's chain. Signatures have no randomness, so that it is the same again.
    fn beginning_of(&self, kept: &Kept) -> Vec<Signed> {
        let identity = kept.identity();
        let warrant = self.machine.warrant(identity.id(), kept.grants.clone());
        identity.found(&kept.name, warrant)
    }

    /// The rooms that a command names, where this account may put a bot into them.
    fn granted_rooms(&self, bot: &Name, can: &[BotGrant]) -> Result<Vec<(Grant, String)>, Failure> {
        let mut rooms: Vec<(Grant, String)> = Vec::new();
        for asked in can {
            let no = self.room_no(&asked.room)?;
            let Some(talk) = self.talks.get(&no) else {
                continue;
            };
            let (post, read) = (asked.post, asked.read);
            if !post && !read {
                let sentence = format!("say what {bot} may do in {}: post or read", talk.name);
                return Err(Failure::user(sentence));
            }
            self.may_put(talk, read)?;
            let conv = talk.id();
            match rooms.iter_mut().find(|(grant, _)| grant.conv == conv) {
                Some((grant, _)) => {
                    grant.post |= post;
                    grant.read |= read;
                }
                None => rooms.push((Grant { conv, post, read }, talk.name.clone())),
            }
        }
        if rooms.len() > limits::BOT_ROOMS_MAX {
            let most = limits::BOT_ROOMS_MAX;
            let sentence = format!("a bot has {most} rooms at most: make a second bot");
            return Err(Failure::user(sentence));
        }
        Ok(rooms)
    }

    fn may_put(&self, talk: &Talk, reads: bool) -> Result<(), Failure> {
        let mine = talk.state.member(&self.account);
        let admin = mine.is_some_and(|mine| mine.role == Role::Admin && !mine.pending);
        if talk.state.closed() || !(admin || reads && self.may_add(talk)) {
            let name = &talk.name;
            return Err(not_permitted(format!(
                "only an admin of {name} can put a bot into it that posts there (`subrosa room show '{name}'` lists them)"
            )));
        }
        Ok(())
    }

    /// The server has the account: the bot is put into its rooms, and its line is the answer.
    fn bot_made(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): (CallId, &Caller),
    ) -> Result<(), EngineError> {
        let Some((bot, kept)) = self.made_by(turn, caller)? else {
            return Ok(());
        };
        drop(
            self.people
                .take_chain(turn.desk, &self.beginning_of(&kept))?,
        );
        // Its key was made here.
        self.people.set_trust(turn.desk, &bot, Trust::Invited)?;
        self.tell_issued(turn, caller, &kept.secret, kept.expires_ms())?;
        let wishes = kept.grants.iter().filter_map(|grant| {
            let no = self.numbers.get(&grant.conv).copied()?;
            let (account, role) = (bot, role(grant));
            Some((no, Wish::Add { account, role }))
        });
        let wishes: Vec<(i64, Wish)> = wishes.collect();
        self.pursue_in_rooms(turn, (call, caller), &wishes, Shows::Line(bot))
    }

    /// Wishes in several rooms; the call is answered when all are over.
    fn pursue_in_rooms(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): (CallId, &Caller),
        wishes: &[(i64, Wish)],
        shows: Shows,
    ) -> Result<(), EngineError> {
        let mut deeds = BTreeSet::new();
        for (number, (no, wish)) in wishes.iter().enumerate() {
            let name = format!("{}/{number}", caller.0);
            let seq = turn.desk.add_deed(&name, *no, &encode(wish))?;
            if turn.desk.deed(seq)?.is_some_and(|deed| !deed.done) {
                deeds.insert(seq);
            }
        }
        self.deed_calls.push(DeedCall {
            call,
            no: wishes.first().map_or(0, |(no, _)| *no),
            deeds,
            drafts: BTreeSet::new(),
            failed: None,
            shows,
        });
        for (no, _) in wishes {
            self.pump(turn, *no)?;
        }
        self.settle_calls(turn)
    }

    /// The line of a bot, for the answer.
    pub(super) fn line_of(&self, bot: &AccountId) -> Result<Answer, Failure> {
        let mut bots = self.bots().into_iter();
        let kept = bots.find(|(id, _)| id == bot);
        let (_, kept) = kept.ok_or_else(|| Failure::user("the bot was ended meanwhile"))?;
        let line = InviteLine {
            address: self.address.clone(),
            secret: subrosa_proto::InviteSecret(kept.secret),
            bot: Some(kept.name.clone()),
        };
        Ok(Answer::Invite(InviteView {
            line: line.line(),
            expires_ms: kept.expires_ms(),
        }))
    }

    /// The server did not take it: there is nothing to keep.
    fn bot_unmade(&mut self, turn: &mut Turn<'_>, caller: &Caller) -> Result<(), EngineError> {
        if let Some((bot, _)) = self.made_by(turn, caller)? {
            self.forget_bot(turn, &bot)?;
        }
        Ok(())
    }

    fn forget_bot(&mut self, turn: &mut Turn<'_>, bot: &AccountId) -> Result<(), EngineError> {
        let (key, value) = (key(bot), Bytes::new());
        self.wish(turn, Setting { key, value })
    }

    /// The statement that ends a bot's device, if it has one.
    fn end_of(&self, bot: &AccountId, kept: &Kept) -> Option<Signed> {
        let known = self.people.account(bot)?;
        let device = known.devices().next()?;
        Some(kept.identity().end(known.head(), device.id))
    }

    /// The server lets the bot in no more: the end of its device goes into the conversations with
    /// it, and it out of the rooms in which this account may do that.
    fn bot_ended(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): (CallId, &Caller),
        name: &str,
    ) -> Result<(), EngineError> {
        let Some((bot, kept)) = self.bot_named(name) else {
            turn.answer(call, Ok(Answer::Done {}));
            return Ok(());
        };
        if let Some(statement) = self.end_of(&bot, &kept)
            && let Some(known) = self.people.account(&bot)
        {
            let mut chain = known.statements().to_vec();
            chain.push(statement);
            drop(self.people.take_chain(turn.desk, &chain)?);
        }
        self.forget_bot(turn, &bot)?;
        let admin = |talk: &&Talk| {
            let mine = talk.state.role_of(&self.account) == Some(Role::Admin);
            let room = talk.state.form() == Form::Room && !talk.state.closed();
            mine && room && talk.state.member(&bot).is_some()
        };
        let remove = |talk: &Talk| (talk.no, Wish::Remove { account: bot });
        let wishes: Vec<_> = self.talks.values().filter(admin).map(remove).collect();
        self.post_ends(turn)?;
        self.pursue_in_rooms(turn, (call, caller), &wishes, Shows::Nothing)
    }
}

/// Why the server has not made a bot.
fn not_made(name: &str, response: &Response) -> Failure {
    match response {
        Response::Refused { refusal } if refusal.code == ErrorCode::NameTaken => Failure::user(
            format!("the name {name} is taken on this server; choose another"),
        ),
        Response::Refused { refusal } if refusal.code == ErrorCode::TooLarge => {
            Failure::user(format!(
                "an account has {} bots and {} open lines at most: end one with `subrosa bot end NAME`",
                limits::BOTS_MAX,
                limits::INVITES_MAX
            ))
        }
        other => refused(other, "the server did not make the bot"),
    }
}
