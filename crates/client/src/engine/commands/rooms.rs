//! Rooms: made, looked at, changed.

use super::{Waiting, refused};
use crate::command::{Answer, Caller, Command, Failure, FailureKind};
use crate::engine::deeds::{DeedCall, Shows};
use crate::engine::link::Asked;
use crate::engine::outlook::Wish;
use crate::engine::rooms::{Plan, local_name};
use crate::engine::talk::Talk;
use crate::engine::turn::{CallId, Turn};
use crate::engine::{Engine, EngineError};
use crate::room::RoomCommand;
use crate::view::LinkState;
use std::collections::BTreeSet;
use subrosa_e2e::{Content, ROOM_NAME_BYTES_MAX, ROOM_TOPIC_BYTES_MAX, RoomTitle};
use subrosa_login::InviteSecret;
use subrosa_proto::{
    AccountId, ConvId, ErrorCode, Event, Form, Name, Request, Response, decode, encode, limits,
};

/// A call with the name under which its repetition is known.
type Who<'a> = (CallId, &'a Caller);

impl Engine {
    /// Whether what is here is all that can be had now.
    pub(in crate::engine) fn is_fresh(&self) -> bool {
        match self.link.state {
            LinkState::Offline { .. } | LinkState::Refused { .. } => true,
            LinkState::Connecting => false,
            LinkState::Online => self.all_synced(),
        }
    }

    /// Runs a command again when the store has what the server has, or it is out of reach.
    pub(in crate::engine) fn again(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): Who<'_>,
        command: Command,
    ) {
        self.waiting.push(Waiting::Again {
            call,
            caller: caller.clone(),
            command,
        });
        self.try_now(turn);
    }

    pub(super) fn room(
        &mut self,
        turn: &mut Turn<'_>,
        who: Who<'_>,
        command: RoomCommand,
    ) -> Result<(), EngineError> {
        if !self.is_fresh() {
            self.again(turn, who, Command::Room(command));
            return Ok(());
        }
        let Some(people) = self.find_people(turn, who, &command)? else {
            return Ok(());
        };
        let no = match command.room().map(|named| self.room_no(named)).transpose() {
            Ok(no) => no.unwrap_or(0),
            Err(failure) => {
                turn.answer(who.0, Err(failure));
                return Ok(());
            }
        };
        let each = |wish: &dyn Fn(AccountId) -> Wish| people.iter().copied().map(wish).collect();
        let wishes: Vec<Wish> = match command {
            RoomCommand::Create {
                name,
                topic,
                archive,
                members_add,
                ..
            } => {
                let plan = Plan {
                    title: RoomTitle { name, topic },
                    archive,
                    members_add,
                    people,
                };
                return self.create_room(turn, who, plan);
            }
            RoomCommand::List {} => {
                let views = self.room_views(turn.desk)?;
                turn.answer(who.0, Ok(Answer::Rooms(views)));
                return Ok(());
            }
            RoomCommand::Show { .. } => {
                let answer = self.room_answer(turn.desk, no)?;
                turn.answer(who.0, answer);
                return Ok(());
            }
            RoomCommand::Title { name, topic, .. } => {
                return self.retitle(turn, who, no, (name, topic));
            }
            RoomCommand::Rename { name, .. } => return self.rename_here(turn, who.0, no, &name),
            RoomCommand::Invite { .. } => return self.invite_into(turn, who, no),
            RoomCommand::Add { role, .. } => each(&|account| Wish::Add {
                account,
                role: role.into(),
            }),
            RoomCommand::Remove { .. } => each(&|account| Wish::Remove { account }),
            RoomCommand::Role { role, .. } => each(&|account| Wish::SetRole {
                account,
                role: role.into(),
            }),
            RoomCommand::Leave { .. } => vec![Wish::Leave {}],
            RoomCommand::Close { .. } => vec![Wish::Close {}],
            RoomCommand::Policy {
                members_add, timer, ..
            } => vec![Wish::Policy { members_add, timer }],
        };
        self.pursue(turn, (who.0, &who.1.0), no, &wishes)
    }

    /// The number of a room that people name, with or without its sign.
    pub(in crate::engine) fn room_no(&self, named: &str) -> Result<i64, Failure> {
        let no = self
            .conversation_no(named)
            .or_else(|| self.conversation_no(&format!("#{named}")));
        let talk = no.and_then(|no| self.talks.get(&no));
        let is_room = talk.is_some_and(|talk| talk.state.form() == Form::Room);
        match (no.filter(|_| is_room), named.starts_with('@')) {
            (Some(no), _) => Ok(no),
            (None, true) => Err(Failure::user(format!(
                "{named} is a person, not a room: `subrosa room list` lists the rooms"
            ))),
            (None, false) => Err(Failure::user(format!(
                "there is no room {named} here: `subrosa room list` lists those there are, `subrosa room create {}` makes one",
                named.trim_start_matches('#')
            ))),
        }
    }

    /// The accounts that a command names. None while they are looked up, or when that failed.
    fn find_people(
        &mut self,
        turn: &mut Turn<'_>,
        who: Who<'_>,
        command: &RoomCommand,
    ) -> Result<Option<Vec<AccountId>>, EngineError> {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for typed in command.people() {
            let Ok(name) = Name::new(typed.trim_start_matches('@')) else {
                let sentence = format!("{typed} is no account name: small letters, digits, . _ -");
                turn.answer(who.0, Err(Failure::user(sentence)));
                return Ok(None);
            };
            match self.people.named(name.as_str()) {
                Some(person) => found.push(person.account.id()),
                None => missing.push(name),
            }
        }
        if missing.is_empty() {
            return Ok(Some(found));
        }
        if let LinkState::Offline { cause, .. } | LinkState::Refused { cause } = &self.link.state {
            let cause = cause.clone();
            let names: Vec<&str> = missing.iter().map(Name::as_str).collect();
            let names = names.join(", @");
            let sentence = format!("the server cannot be asked for @{names}: {cause}");
            turn.answer(who.0, Err(Failure::network(sentence)));
            self.try_now(turn);
            return Ok(None);
        }
        for name in missing {
            if !self.link.looking_up(who.0, &name) {
                let asked = Asked::Person {
                    call: who.0,
                    name: name.clone(),
                };
                self.ask(turn, Request::Lookup { name }, asked);
            }
        }
        self.again(turn, who, Command::Room(command.clone()));
        Ok(None)
    }

    /// Somebody whom a command about a room names.
    pub(in crate::engine) fn person_answered(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        name: &Name,
        response: &Response,
    ) -> Result<(), EngineError> {
        let failure = match response {
            Response::Account { genesis } => {
                match self
                    .people
                    .take_chain(turn.desk, std::slice::from_ref(genesis))?
                {
                    Ok(id) if self.people.name_of(&id) == name.as_str() => {
                        return self.run_again(turn);
                    }
                    Ok(_) => Failure::network(format!(
                        "the server gave somebody else's account for {name}"
                    )),
                    Err(refused) => Failure {
                        kind: FailureKind::Trust,
                        sentence: refused.0,
                    },
                }
            }
            Response::Refused { refusal } if refusal.code == ErrorCode::NotFound => {
                Failure::user(format!("there is nobody called {name} on this server"))
            }
            other => refused(other, "the server did not answer the look-up"),
        };
        let before = self.waiting.len();
        let of_call = |waiting: &Waiting| matches!(waiting, Waiting::Again { call: other, .. } if *other == call);
        self.waiting.retain(|waiting| !of_call(waiting));
        if self.waiting.len() < before {
            turn.answer(call, Err(failure));
        }
        Ok(())
    }

    /// Commands that waited to be run again.
    pub(super) fn run_again(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Again {
                    call,
                    caller,
                    command,
                } => self.command(turn, call, &caller, command, false)?,
                other => self.waiting.push(other),
            }
        }
        Ok(())
    }

    fn create_room(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): Who<'_>,
        plan: Plan,
    ) -> Result<(), EngineError> {
        if let Some(made) = turn.desk.draft_of(&title_caller(&caller.0))? {
            let answer = self.room_answer(turn.desk, made.conversation)?;
            turn.answer(call, answer);
            return Ok(());
        }
        let plan = match fitting(plan.title) {
            Ok(title) => Plan { title, ..plan },
            Err(failure) => {
                turn.answer(call, Err(failure));
                return Ok(());
            }
        };
        let seq = turn.desk.add_room_opening(&caller.0, &encode(&plan))?;
        self.rooms.opening.push((call, seq));
        if self.link.online() {
            return self.open_openings(turn);
        }
        self.try_now(turn);
        Ok(())
    }

    /// A room that this account opened is in the store: what was planned for it is wished.
    pub(in crate::engine) fn room_begun(
        &mut self,
        turn: &mut Turn<'_>,
        no: i64,
    ) -> Result<(), EngineError> {
        let Some(conv) = self.talks.get(&no).map(Talk::id) else {
            return Ok(());
        };
        let openings = turn.desk.openings()?.into_iter();
        let made = |event: &bytes::Bytes| {
            let event: Option<Event> = decode(event).ok();
            event.is_some_and(|event| ConvId(subrosa_ledger::event_hash(&event).0) == conv)
        };
        let opening = openings
            .filter(|opening| opening.made.as_ref().is_some_and(|(_, event)| made(event)))
            .find_map(|opening| Some((opening.seq, opening.room?)));
        let Some((seq, (caller, plan))) = opening else {
            return Ok(());
        };
        turn.desk.drop_opening(seq)?;
        let plan: Plan = decode(&plan).map_err(|_| crate::store::StoreError::Shape("plan"))?;
        if let Some(mut talk) = self.talks.remove(&no) {
            let bound = self.bind_name(turn, &mut talk, &plan.title.name);
            self.talks.insert(no, talk);
            bound?;
        }
        let title = encode(&plan.title);
        self.rooms
            .change(turn.desk, no, |room| room.title = Some(title))?;
        let calls = std::mem::take(&mut self.rooms.opening);
        let (here, others): (Vec<_>, Vec<_>) = calls.into_iter().partition(|(_, at)| *at == seq);
        self.rooms.opening = others;
        let mut deeds = BTreeSet::new();
        for (number, wish) in plan.wishes().iter().enumerate() {
            let caller = format!("{caller}/{number}");
            deeds.insert(turn.desk.add_deed(&caller, no, &encode(wish))?);
        }
        // After the wishes, so that it is told once and to all who come in by them.
        let content = Content::new(plan.title, turn.now_ms, &mut turn.rng);
        let draft = self.enqueue(turn, no, &title_caller(&caller), &content, false)?;
        self.deed_calls
            .extend(here.into_iter().map(|(call, _)| DeedCall {
                call,
                no,
                deeds: deeds.clone(),
                drafts: [draft].into(),
                failed: None,
                shows: Shows::Room,
            }));
        self.pump(turn, no)
    }

    /// The server is out of reach, or does not take a room: whoever waits for it is told.
    pub(in crate::engine) fn release_openings(
        &mut self,
        turn: &mut Turn<'_>,
        only: Option<i64>,
        cause: &Failure,
    ) -> Result<(), EngineError> {
        for (call, seq) in std::mem::take(&mut self.rooms.opening) {
            if only.is_some_and(|only| only != seq) {
                self.rooms.opening.push((call, seq));
                continue;
            }
            let left = turn.desk.openings()?.into_iter();
            let made = left
                .filter(|opening| opening.seq == seq)
                .any(|opening| opening.made.is_some());
            let what = if made {
                "the room is made with the next command that reaches it"
            } else {
                turn.desk.drop_opening(seq)?;
                "no room was made"
            };
            let failure = Failure {
                kind: cause.kind,
                sentence: format!("{}; {what}", cause.sentence),
            };
            turn.answer(call, Err(failure));
        }
        Ok(())
    }

    fn retitle(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): Who<'_>,
        no: i64,
        (name, topic): (Option<String>, Option<String>),
    ) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get(&no) else {
            return Ok(());
        };
        let role = talk.state.role_of(&self.account);
        let before = self.rooms.title(no).unwrap_or(RoomTitle {
            name: talk.name.trim_start_matches('#').to_owned(),
            topic: String::new(),
        });
        let refused = self.may_not_write(talk).or_else(|| {
            (role != Some(subrosa_proto::Role::Admin)).then(|| Failure {
                kind: FailureKind::NotPermitted,
                sentence: format!(
                    "only admins of {0} name it: `subrosa room show '{0}'` lists them, `subrosa room rename '{0}' NAME` changes its name on this machine only",
                    talk.name
                ),
            })
        });
        let title = fitting(RoomTitle {
            name: name.unwrap_or(before.name),
            topic: topic.unwrap_or(before.topic),
        });
        let title = match (refused, title) {
            (Some(failure), _) | (None, Err(failure)) => {
                turn.answer(call, Err(failure));
                return Ok(());
            }
            (None, Ok(title)) => title,
        };
        let content = Content::new(title, turn.now_ms, &mut turn.rng);
        let draft = self.enqueue(turn, no, &title_caller(&caller.0), &content, false)?;
        let done = turn.desk.waiting(draft)?.is_none_or(|waiting| waiting.done);
        self.deed_calls.push(DeedCall {
            call,
            no,
            deeds: BTreeSet::new(),
            drafts: (!done).then_some(draft).into_iter().collect(),
            failed: None,
            shows: Shows::Nothing,
        });
        self.try_now(turn);
        self.settle_calls(turn)
    }

    fn rename_here(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        no: i64,
        name: &str,
    ) -> Result<(), EngineError> {
        let wish = local_name(name);
        let taken = self.conversation_no(&wish).filter(|taken| *taken != no);
        if taken.is_some() {
            let sentence = format!("{wish} is another conversation here: choose another name");
            turn.answer(call, Err(Failure::user(sentence)));
            return Ok(());
        }
        if let Some(talk) = self.talks.get_mut(&no)
            && talk.name != wish
        {
            talk.name = turn.desk.rename_conversation(no, &wish)?;
        }
        let answer = self.room_answer(turn.desk, no)?;
        turn.answer(call, answer);
        Ok(())
    }

    fn invite_into(
        &mut self,
        turn: &mut Turn<'_>,
        (call, caller): Who<'_>,
        no: i64,
    ) -> Result<(), EngineError> {
        let Some(talk) = self.talks.get(&no) else {
            return Ok(());
        };
        if !self.may_add(talk) {
            let sentence = format!(
                "you may not add people to {0}: only its admins may (`subrosa room show '{0}'`)",
                talk.name
            );
            let failure = Failure {
                kind: FailureKind::NotPermitted,
                sentence,
            };
            turn.answer(call, Err(failure));
            return Ok(());
        }
        let conv = talk.id();
        if turn.desk.invite_of(&caller.0)?.is_none() {
            let secret = InviteSecret::generate(&mut turn.rng);
            let expires_ms = turn.now_ms.saturating_add(limits::INVITE_MS);
            turn.desk
                .add_invite(secret.as_bytes(), Some(&caller.0), turn.now_ms, expires_ms)?;
            turn.desk.set_invite_room(secret.as_bytes(), &conv)?;
        }
        self.invite(turn, call, caller.clone())
    }
}

fn title_caller(caller: &str) -> String {
    format!("{caller}/title")
}

/// A title as it may be sent.
fn fitting(title: RoomTitle) -> Result<RoomTitle, Failure> {
    let name = title.name.trim().trim_start_matches('#').trim().to_owned();
    let topic = title.topic.trim().to_owned();
    let refused = |sentence: String| Err(Failure::user(sentence));
    if name.is_empty() {
        return refused("a room needs a name: letters and digits, as in ops".to_owned());
    }
    if name.chars().chain(topic.chars()).any(char::is_control) {
        return refused(
            "name and topic of a room are one line each, without control characters".to_owned(),
        );
    }
    if name.len() > ROOM_NAME_BYTES_MAX {
        return refused(format!(
            "the name has {} bytes, a room's has {ROOM_NAME_BYTES_MAX} at most: choose a shorter one",
            name.len()
        ));
    }
    if topic.len() > ROOM_TOPIC_BYTES_MAX {
        return refused(format!(
            "the topic has {} bytes, {ROOM_TOPIC_BYTES_MAX} fit: choose a shorter one",
            topic.len()
        ));
    }
    Ok(RoomTitle { name, topic })
}
