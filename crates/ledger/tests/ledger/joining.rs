//! Somebody who was added to a room has the same state as those who were there from the start
//! (docs/spec/ledger.md §7.8).

use crate::agreement::{PEOPLE, deed};
use crate::world::{Kept, Log, Person};
use proptest::prelude::*;
use subrosa_ledger::{Effect, JoinError, Joined, Joining, Verdict, VoidReason, event_hash};
use subrosa_proto::{
    AccountId, Control, ConvId, Event, EventHash, Form, Header, Role, decode, encode,
};

/// A log with every event's verdict, as a server has it.
struct Whole {
    log: Log,
    events: Vec<(Event, Verdict)>,
}

/// What a joiner is given at a position.
struct Given {
    conv: ConvId,
    account: AccountId,
    controls: Vec<(u64, Event)>,
    hashes: Vec<EventHash>,
    position: u64,
    add: Event,
}

impl Given {
    fn joining(&self) -> Joining<'_> {
        Joining {
            conv: self.conv,
            account: self.account,
            controls: &self.controls,
            hashes: &self.hashes,
            position: self.position,
            add: &self.add,
        }
    }
    fn begin(&self, kept: &Kept) -> Result<Joined, JoinError> {
        self.joining().begin(kept)
    }
}

impl Whole {
    fn new(create: &Event, kept: Kept) -> Self {
        let created = Effect::Control(decode(&create.body).unwrap());
        Self {
            log: Log::create(create, kept).unwrap(),
            events: vec![(create.clone(), Verdict::Valid(created))],
        }
    }
    fn post(&mut self, event: &Event) -> Verdict {
        let verdict = self.log.apply(event);
        self.events.push((event.clone(), verdict.clone()));
        verdict
    }
    fn control(&mut self, person: &Person, control: &Control) {
        let event = self.log.control(person, control);
        assert!(matches!(self.post(&event), Verdict::Valid(_)));
    }
    /// What the last event's target is given, if that adds somebody.
    fn given(&self) -> Option<Given> {
        let position = self.events.len() as u64;
        let (add, verdict) = self.events.last()?;
        let Verdict::Valid(Effect::Control(Control::Add { account, .. })) = verdict else {
            return None;
        };
        let before = &self.events[..self.events.len() - 1];
        let controls = (1..).zip(before);
        let controls = controls
            .filter(|(_, (_, verdict))| matches!(verdict, Verdict::Valid(Effect::Control(_))))
            .map(|(position, (event, _))| (position, event.clone()));
        let header: Header = decode(&add.header).unwrap();
        let between = &before[usize::try_from(header.base_n).unwrap()..];
        Some(Given {
            conv: self.log.conversation.id(),
            account: *account,
            controls: controls.collect(),
            hashes: between.iter().map(|(event, _)| event_hash(event)).collect(),
            position,
            add: add.clone(),
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Proves: C12, C14 (whoever joins reaches the same bytes, there and ever after).
    #[test]
    fn a_joiner_agrees_with_those_who_were_there(deeds in prop::collection::vec(deed(), 1..60)) {
        let people: Vec<Person> = (1..=PEOPLE).map(|n| {
            let mut person = Person::new(u16::try_from(n).unwrap());
            person.add_device();
            person
        }).collect();
        let all: Vec<&Person> = people.iter().collect();
        let mut whole = Whole::new(&people[0].creates(Form::Room, None, None), Kept::of(&all));
        let mut history = vec![whole.log.clone()];
        let mut joiners: Vec<Log> = Vec::new();
        for deed in &deeds {
            let seen = &history[history.len().saturating_sub(1 + deed.lag)];
            let Some(event) = deed.event(&people, seen) else { continue };
            let verdict = whole.post(&event);
            for joiner in &mut joiners {
                let same = joiner.apply(&event);
                match (&same, &verdict) {
                    // A repetition of what came before the start is void for another reason.
                    (Verdict::Void(_), Verdict::Void(_)) => {}
                    _ => prop_assert_eq!(&same, &verdict),
                }
                prop_assert_eq!(encode(&joiner.conversation), encode(&whole.log.conversation));
            }
            history.push(whole.log.clone());
            let Some(given) = whole.given() else { continue };
            let Joined { conversation, steps } = given.begin(&whole.log.kept).unwrap();
            prop_assert_eq!(encode(&conversation), encode(&whole.log.conversation));
            let mut kept = Kept::of(&all);
            kept.logs.resize(1 + usize::try_from(given.position).unwrap(), None);
            for step in &steps {
                let at = usize::try_from(step.position).unwrap();
                kept.logs[at] = Some(step.log);
                kept.seen.push(step.event);
                prop_assert_eq!(whole.log.kept.logs[at], Some(step.log));
            }
            joiners.push(Log { conversation, kept });
        }
    }
}

/// A room with a past: somebody who has left, a removal, messages between, and an add at its end
/// that was made from a base some events back.
fn room() -> (Vec<Person>, Whole, Given) {
    let people: Vec<Person> = (1..=5).map(Person::new).collect();
    let all: Vec<&Person> = people.iter().collect();
    let [ada, bob, cy, dan, eve] = &all[..] else {
        unreachable!()
    };
    let mut whole = Whole::new(&ada.creates(Form::Room, None, None), Kept::of(&all));
    let add = |person: &Person, role| Control::Add {
        account: person.id(),
        role,
        pending: true,
    };
    whole.control(ada, &add(bob, Role::Admin));
    whole.control(bob, &Control::Accept {});
    whole.control(bob, &add(cy, Role::Member));
    whole.control(cy, &Control::Accept {});
    whole.control(bob, &Control::Leave {});
    whole.control(ada, &add(dan, Role::Poster));
    let account = dan.id();
    whole.control(ada, &Control::Remove { account });
    whole.post(&whole.log.key(cy, 0, 1));
    let late = whole.log.control(ada, &add(eve, Role::Member));
    for index in 0..3 {
        whole.post(&whole.log.message(cy, 0, 1, index));
    }
    whole.post(&late);
    let given = whole.given().unwrap();
    (people, whole, given)
}

#[test]
fn a_joiner_needs_the_chains_of_all_authors_and_nobody_elses() {
    let (people, whole, given) = room();
    assert_eq!(given.hashes.len(), 3);
    // Dan was added and removed and never wrote; Eve is added.
    let mut kept = Kept::of(&[]);
    let mut asked = Vec::new();
    let joined = loop {
        match given.begin(&kept) {
            Err(JoinError::NeedsAccount(id)) => {
                let known = people.iter().find(|person| person.id() == id).unwrap();
                kept.accounts.insert(id, known.account.clone());
                asked.push(id);
            }
            other => break other.unwrap(),
        }
    };
    let authors: Vec<_> = people[..3].iter().map(Person::id).collect();
    assert_eq!(asked, authors);
    assert_eq!(joined.conversation, whole.log.conversation);
}

/// Proves: C12 (a server that leaves out, swaps or invents a control event is refused).
#[test]
fn a_history_that_is_not_the_one_is_refused() {
    let (people, whole, given) = room();
    let kept = &whole.log.kept;
    assert!(given.begin(kept).is_ok());
    let given = || room().2;
    let refused = |given: &Given| given.begin(kept).unwrap_err();
    // Each control event left out, and each two swapped.
    for left_out in 0..given().controls.len() {
        let mut less = given();
        less.controls.remove(left_out);
        refused(&less);
        let mut swapped = given();
        if left_out > 0 {
            let [a, b] = [left_out - 1, left_out];
            let (one, other) = (swapped.controls[a].1.clone(), swapped.controls[b].1.clone());
            (swapped.controls[a].1, swapped.controls[b].1) = (other, one);
            refused(&swapped);
        }
    }
    // One more: Ada has signed it, but not as what came before the add.
    let mut more = given();
    let policy = Control::Policy {
        members_add: true,
        timer: 0,
    };
    let mut earlier = whole.log.clone();
    earlier.conversation = more.begin(kept).unwrap().conversation;
    let event = earlier.control(&people[0], &policy);
    more.controls.push((more.position - 1, event));
    refused(&more);
    // A hash too few, and one too many.
    let mut hashes = given();
    let hash = hashes.hashes.pop().unwrap();
    assert_eq!(refused(&hashes), JoinError::Hashes);
    hashes.hashes.extend([hash, hash]);
    assert_eq!(refused(&hashes), JoinError::Hashes);
    // Somebody else's start, and another conversation.
    let mut other = given();
    other.account = people[3].id();
    assert_eq!(refused(&other), JoinError::NotAdded);
    let mut other = given();
    other.conv = ConvId([1; 32]);
    assert_eq!(refused(&other), JoinError::Chain);
    // Positions that do not rise.
    let mut disorder = given();
    disorder.controls[3].0 = disorder.controls[2].0;
    refused(&disorder);
    // A message that is passed off as a control event.
    let mut message = given();
    let (key, _) = whole.events[8].clone();
    message.controls.push((9, key));
    assert_eq!(refused(&message), JoinError::Chain);
}

/// Proves: C12 (what was signed by nobody who may is refused, whoever shows it).
#[test]
fn a_history_is_judged_like_a_log() {
    let (people, whole, given) = room();
    let [ada, bob, ..] = &people[..] else {
        unreachable!()
    };
    // Bob's chain without the device that signed.
    let mut kept = whole.log.kept.clone();
    let bare = Person::without_device(2);
    kept.accounts.insert(bob.id(), bare.account);
    let position = 3;
    let reason = VoidReason::DeviceNotCertified;
    assert_eq!(
        given.begin(&kept),
        Err(JoinError::Void { position, reason })
    );
    kept.newest = false;
    assert_eq!(given.begin(&kept), Err(JoinError::NeedsAccount(bob.id())));
    // Somebody who is no admin any more adds.
    let mut log = whole.log.clone();
    log.does(
        ada,
        Control::Remove {
            account: people[2].id(),
        },
    );
    let account = people[3].id();
    let role = Role::Member;
    let add = log.control(
        &people[2],
        &Control::Add {
            account,
            role,
            pending: true,
        },
    );
    let mut whole = whole;
    whole.log = log;
    let mut wrong = whole.given().unwrap();
    wrong.add = add;
    assert!(wrong.begin(&whole.log.kept).is_err());
}
