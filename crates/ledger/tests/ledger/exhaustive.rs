//! The rules of membership, tried out in full for small rooms: every control event of every author
//! in every state that can be reached. A model written from docs/spec/ledger.md §7 alone, which
//! knows nothing of the reducer, has to agree on each verdict and each state.

use crate::world::{Kept, Log, Person};
use std::collections::{BTreeSet, VecDeque};
use subrosa_ledger::{Effect, Verdict, VoidReason};
use subrosa_proto::{Control, Event, Form, Role, encode};

const ROLES: [Role; 3] = [Role::Admin, Role::Member, Role::Poster];

/// The model: who is a member and how, whose device is dead, and what was agreed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Model {
    form: u8,
    /// Role and whether pending.
    members: Vec<Option<(Role, bool)>>,
    dead: Vec<bool>,
    members_add: bool,
    timer: u8,
    closed: bool,
}

/// What somebody tries, by the numbers of accounts.
#[derive(Debug, Clone, Copy)]
enum Try {
    /// Whom, as what, whether pending.
    Add(usize, Role, bool),
    Accept,
    Remove(usize),
    SetRole(usize, Role),
    Leave,
    Policy(bool, u8),
    Revoke(usize),
    Close,
}

impl Model {
    fn of(form: Form, accounts: usize, pending: bool) -> Self {
        let mut members = vec![None; accounts];
        match form {
            Form::Direct => {
                members[0] = Some((Role::Member, false));
                members[1] = Some((Role::Member, pending));
            }
            Form::Own | Form::Room => members[0] = Some((Role::Admin, false)),
        }
        Self {
            form: form as u8,
            members,
            dead: vec![false; accounts],
            members_add: false,
            timer: 0,
            closed: false,
        }
    }

    fn room(&self) -> bool {
        self.form == Form::Room as u8
    }

    fn admins(&self) -> usize {
        let admin = |member: &&Option<(Role, bool)>| **member == Some((Role::Admin, false));
        self.members.iter().filter(admin).count()
    }

    fn last_admin(&self, who: usize) -> bool {
        self.members[who] == Some((Role::Admin, false)) && self.admins() == 1
    }

    /// The table of §7.3, row by row.
    fn after(&self, by: usize, what: Try) -> Result<Self, VoidReason> {
        use VoidReason as No;
        let mut next = self.clone();
        if self.closed {
            return Err(No::Closed);
        }
        let (role, pending) = self.members[by].ok_or(No::NotMember)?;
        if self.dead[by] {
            return Err(No::DeviceDead);
        }
        let refuse = |condition: bool, reason| if condition { Err(reason) } else { Ok(()) };
        let admin = role == Role::Admin;
        if !matches!(what, Try::Accept | Try::Leave | Try::Revoke(_)) {
            refuse(pending, No::Pending)?;
        }
        let direct = self.form == Form::Direct as u8;
        match what {
            Try::Accept => {
                refuse(!pending, No::Target)?;
                next.members[by] = Some((role, false));
            }
            Try::Leave => {
                refuse(!self.room(), No::Form)?;
                refuse(self.last_admin(by), No::LastAdmin)?;
                next.members[by] = None;
            }
            Try::Revoke(whose) => {
                refuse(pending && whose != by, No::Pending)?;
                refuse(self.members[whose].is_none(), No::Target)?;
                refuse(self.dead[whose], No::Target)?;
                next.dead[whose] = true;
            }
            Try::Policy(members_add, timer) => {
                let may = self.room() || direct && !members_add;
                refuse(!may, No::Form)?;
                refuse(self.room() && !admin, No::Role)?;
                (next.members_add, next.timer) = (members_add, timer);
            }
            _ if !self.room() => return Err(No::Form),
            Try::Add(whom, as_what, waits) => {
                let member_may = self.members_add && role == Role::Member;
                let may = admin || member_may && as_what == Role::Member;
                refuse(!may, No::Role)?;
                refuse(self.members[whom].is_some(), No::Target)?;
                next.members[whom] = Some((as_what, waits));
            }
            Try::Remove(whom) => {
                refuse(!admin, No::Role)?;
                refuse(whom == by || self.members[whom].is_none(), No::Target)?;
                next.members[whom] = None;
            }
            Try::SetRole(whom, as_what) => {
                refuse(!admin, No::Role)?;
                let (was, waits) = self.members[whom].ok_or(No::Target)?;
                refuse(was == as_what, No::Target)?;
                refuse(self.last_admin(whom), No::LastAdmin)?;
                next.members[whom] = Some((as_what, waits));
            }
            Try::Close => {
                refuse(!admin, No::Role)?;
                next.closed = true;
            }
        }
        Ok(next)
    }
}

/// Everything that anybody may try.
fn tries(accounts: usize) -> Vec<(usize, Try)> {
    let mut all = Vec::new();
    for by in 0..accounts {
        all.extend([Try::Accept, Try::Leave, Try::Close].map(|what| (by, what)));
        all.extend([(false, 0), (true, 0), (false, 3)].map(|(add, t)| (by, Try::Policy(add, t))));
        for whom in 0..accounts {
            all.extend([Try::Remove(whom), Try::Revoke(whom)].map(|what| (by, what)));
            for pending in [true, false] {
                all.extend(ROLES.map(|role| (by, Try::Add(whom, role, pending))));
            }
            all.extend(ROLES.map(|role| (by, Try::SetRole(whom, role))));
        }
    }
    all
}

struct Check {
    people: Vec<Person>,
    tries: Vec<(usize, Try)>,
    seen: BTreeSet<Model>,
    tried: usize,
    valid: usize,
}

impl Check {
    fn event(&self, log: &Log, by: usize, what: Try) -> Event {
        let account = |who: usize| self.people[who].id();
        let control = match what {
            Try::Add(who, role, pending) => Control::Add {
                account: account(who),
                role,
                pending,
            },
            Try::Accept => Control::Accept {},
            Try::Remove(who) => Control::Remove {
                account: account(who),
            },
            Try::SetRole(who, role) => Control::SetRole {
                account: account(who),
                role,
            },
            Try::Leave => Control::Leave {},
            Try::Policy(members_add, timer) => Control::Policy { members_add, timer },
            Try::Revoke(who) => Control::Revoke {
                account: account(who),
                statement: self.people[who].logout(0),
                logout: true,
            },
            Try::Close => Control::Close {},
        };
        log.control(&self.people[by], &control)
    }

    /// The reducer's state is the model's, and what must never be is not.
    fn agree(&self, log: &Log, model: &Model) {
        let conversation = &log.conversation;
        for (who, person) in self.people.iter().enumerate() {
            assert_eq!(log.standing(person), model.members[who], "{model:?}");
            let device = person.device(0);
            assert_eq!(conversation.dead(&person.id(), &device), model.dead[who]);
            let reads = matches!(model.members[who], Some((role, false)) if role != Role::Poster);
            let recipient = conversation.recipients().any(|id| id == person.id());
            assert_eq!(recipient, reads, "keys are for members who have accepted");
            let sealed_to = conversation.recipient_devices(&person.account).count();
            assert_eq!(sealed_to, usize::from(reads && !model.dead[who]));
        }
        assert_eq!(conversation.members_add(), model.members_add);
        assert_eq!(conversation.timer(), model.timer);
        assert_eq!(conversation.closed(), model.closed);
        assert!(
            !model.room() || model.closed || model.admins() > 0,
            "{model:?}"
        );
    }

    /// Everybody tries everything in one state. The states that follow and are new.
    fn visit(&mut self, log: &Log, model: &Model) -> Vec<(Log, Model)> {
        let mut found = Vec::new();
        let mut won: Option<(Log, Event)> = None;
        for (by, what) in self.tries.clone() {
            let event = self.event(log, by, what);
            let mut after = log.clone();
            let verdict = after.apply(&event);
            self.tried += 1;
            match (model.after(by, what), verdict) {
                (Err(reason), Verdict::Void(why)) => {
                    assert_eq!(why, reason, "{what:?} by {by} in {model:?}");
                    assert_eq!(after.conversation.ctl(), log.conversation.ctl());
                    self.agree(&after, model);
                }
                (Ok(next), Verdict::Valid(Effect::Control(_))) => {
                    self.valid += 1;
                    self.agree(&after, &next);
                    // Of two that were made under one control event the second is void.
                    if let Some((first, rival)) = won.replace((after.clone(), event.clone())) {
                        assert!(matches!(first.try_on(&event), Verdict::Void(_)));
                        assert!(matches!(after.try_on(&rival), Verdict::Void(_)));
                    }
                    if self.seen.insert(next.clone()) {
                        found.push((after, next));
                    }
                }
                (model, reducer) => panic!("{what:?} by {by}: {model:?}, but {reducer:?}"),
            }
        }
        found
    }
}

/// All states to a depth, or all there are. How many, and how many events were tried.
fn explore(form: Form, accounts: u16, invited: bool, depth: usize) -> (usize, usize) {
    let people: Vec<Person> = (1..=accounts).map(Person::new).collect();
    let all: Vec<&Person> = people.iter().collect();
    let direct = form == Form::Direct;
    let peer = direct.then(|| people[1].id());
    let invite = (direct && invited).then_some([9; 32]);
    let create = people[0].creates(form, peer, invite);
    let log = Log::create(&create, Kept::of(&all)).unwrap();
    let model = Model::of(form, people.len(), !invited);
    let mut check = Check {
        tries: tries(people.len()),
        people,
        seen: BTreeSet::from([model.clone()]),
        tried: 0,
        valid: 0,
    };
    check.agree(&log, &model);
    let mut states = VecDeque::from([(log, model, 0)]);
    while let Some((log, model, at)) = states.pop_front() {
        if at == depth {
            continue;
        }
        for (log, model) in check.visit(&log, &model) {
            states.push_back((log, model, at + 1));
        }
    }
    // The encoding of a state holds nothing that the model does not know of.
    assert!(check.valid > 0 && !encode(&check.people[0].account.head()).is_empty());
    (check.seen.len(), check.tried)
}

/// Proves: C12
#[test]
fn every_control_event_in_every_state_of_a_small_room() {
    // Two people, to the end.
    let (states, tried) = explore(Form::Room, 2, true, usize::MAX);
    println!("two people: {states} states, {tried} events");
    assert!(states > 200);
    // Three, as far as it goes quickly: every sequence of so many valid events, with every other
    // event tried after each.
    let (states, tried) = explore(Form::Room, 3, true, 3);
    println!("three people, three changes: {states} states, {tried} events");
    assert!(states > 200);
}

/// Proves: C12
#[test]
fn every_control_event_in_every_state_of_the_other_forms() {
    for invited in [false, true] {
        let (states, _) = explore(Form::Direct, 3, invited, usize::MAX);
        // Pending or not, two devices dead or not, two timers.
        assert_eq!(states, if invited { 8 } else { 16 }, "invited: {invited}");
    }
    let (states, _) = explore(Form::Own, 2, true, usize::MAX);
    assert_eq!(states, 2);
}

/// Proves: C12
#[test]
#[ignore = "minutes: every state that three people can reach; `just membership`"]
fn every_state_of_three_people() {
    let (states, tried) = explore(Form::Room, 3, true, usize::MAX);
    println!("three people: {states} states, {tried} events");
    assert_eq!(states, 4_689);
}
