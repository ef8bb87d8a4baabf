//! Server and client come to the same state from the same log (docs/spec/ledger.md §7.6).

use crate::world::{Kept, Log, Person};
use proptest::prelude::*;
use subrosa_ledger::{Conversation, Verdict};
use subrosa_proto::{Control, Event, Form, Header, Role, decode, encode};

/// One thing that somebody does, rightly or wrongly.
#[derive(Debug, Clone)]
pub struct Deed {
    author: usize,
    device: usize,
    what: What,
    /// Whether it is made from the log as it was some events ago.
    pub lag: usize,
    /// A bit of the encoding that is turned over.
    damage: Option<u16>,
    /// Whether it is posted twice.
    twice: bool,
}

#[derive(Debug, Clone)]
pub enum What {
    Add(usize, Role, bool),
    Accept,
    Remove(usize),
    SetRole(usize, Role),
    Leave,
    Policy(bool, u8),
    Logout(usize, usize),
    Key(u8),
    Message(u8, u32),
    Unknown(u8),
}

pub const PEOPLE: usize = 4;

fn what() -> impl Strategy<Value = What> {
    let person = 0..PEOPLE;
    let role = prop_oneof![Just(Role::Admin), Just(Role::Member), Just(Role::Poster)];
    prop_oneof![
        4 => (person.clone(), role.clone(), any::<bool>()).prop_map(|(p, r, waits)| What::Add(p, r, waits)),
        4 => Just(What::Accept),
        1 => person.clone().prop_map(What::Remove),
        2 => (person.clone(), role).prop_map(|(p, r)| What::SetRole(p, r)),
        1 => Just(What::Leave),
        1 => (any::<bool>(), 0..4_u8).prop_map(|(m, t)| What::Policy(m, t)),
        1 => (person, 0..2_usize).prop_map(|(p, d)| What::Logout(p, d)),
        6 => (0..12_u8).prop_map(What::Key),
        8 => (0..12_u8, 0..3_u32).prop_map(|(s, i)| What::Message(s, i)),
        1 => (4..7_u8).prop_map(What::Unknown),
    ]
}

pub fn deed() -> impl Strategy<Value = Deed> {
    (
        0..PEOPLE,
        prop_oneof![4 => Just(0_usize), 1 => Just(1)],
        what(),
        prop_oneof![6 => Just(0_usize), 1 => 1..4_usize],
        prop_oneof![8 => Just(None), 1 => any::<u16>().prop_map(Some)],
        prop_oneof![8 => Just(false), 1 => Just(true)],
    )
        .prop_map(|(author, device, what, lag, damage, twice)| Deed {
            author,
            device,
            what,
            lag,
            damage,
            twice,
        })
}

impl Deed {
    /// The event, as its author makes it from the log that it has.
    pub fn event(&self, people: &[Person], log: &Log) -> Option<Event> {
        let author = &people[self.author];
        let id = |person: &usize| people[*person].id();
        let control = match &self.what {
            What::Add(p, role, pending) => Control::Add {
                account: id(p),
                role: *role,
                pending: *pending,
            },
            What::Accept => Control::Accept {},
            What::Remove(p) => Control::Remove { account: id(p) },
            What::SetRole(p, role) => Control::SetRole {
                account: id(p),
                role: *role,
            },
            What::Leave => Control::Leave {},
            What::Policy(members_add, timer) => Control::Policy {
                members_add: *members_add,
                timer: *timer,
            },
            What::Logout(p, device) => Control::Revoke {
                account: id(p),
                statement: people[*p].logout(*device),
                logout: true,
            },
            What::Key(session) => return self.damaged(&log.key(author, self.device, *session)),
            What::Message(session, index) => {
                return self.damaged(&log.message(author, self.device, *session, *index));
            }
            What::Unknown(kind) => {
                let header = log.header(author, self.device, *kind, bytes::Bytes::new());
                return self.damaged(&author.sign(self.device, &header, bytes::Bytes::new()));
            }
        };
        let header = log.header(author, self.device, 1, bytes::Bytes::new());
        self.damaged(&author.sign(self.device, &header, encode(&control)))
    }
    fn damaged(&self, event: &Event) -> Option<Event> {
        let mut bytes = encode(event).to_vec();
        if let Some(damage) = self.damage {
            let at = usize::from(damage >> 3) % bytes.len();
            bytes[at] ^= 1 << (damage & 7);
        }
        decode(&bytes.into()).ok()
    }
}

/// What a state may never be, whatever was posted.
fn sound(log: &Log) {
    let conversation = &log.conversation;
    let admins = conversation
        .members()
        .filter(|member| member.role == Role::Admin && !member.pending);
    assert!(admins.count() >= 1, "a room keeps an admin");
    for (account, device) in conversation.dead_devices() {
        let chain = &log.kept.accounts[&account];
        assert!(chain.certified(&device));
        assert!(
            conversation
                .recipient_devices(chain)
                .all(|d| d.id != device)
        );
    }
    let bytes = encode(conversation);
    assert_eq!(
        decode::<Conversation>(&bytes).as_ref(),
        Ok(conversation),
        "the state survives its encoding"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Proves: C11, C12, C13 (server and client reach the same bytes and the same verdicts).
    #[test]
    fn server_and_client_agree(deeds in prop::collection::vec(deed(), 1..48)) {
        let people: Vec<Person> = (1..=PEOPLE).map(|n| {
            let mut person = Person::new(u16::try_from(n).unwrap());
            person.add_device();
            person
        }).collect();
        let all: Vec<&Person> = people.iter().collect();
        let create = people[0].creates(Form::Room, None, None);
        let mut server = Log::create(&create, Kept::of(&all)).unwrap();
        let mut history = vec![server.clone()];
        let mut stored: Vec<(Event, Verdict)> = Vec::new();
        for deed in &deeds {
            let seen = &history[history.len().saturating_sub(1 + deed.lag)];
            let Some(event) = deed.event(&people, seen) else { continue };
            for _ in 0..=usize::from(deed.twice) {
                let verdict = server.apply(&event);
                prop_assert!(!matches!(verdict, Verdict::Fork(_) | Verdict::NeedsAccount(_)), "{verdict:?}");
                if deed.damage.is_some() {
                    prop_assert!(matches!(verdict, Verdict::Void(_)));
                }
                stored.push((event.clone(), verdict));
                history.push(server.clone());
                sound(&server);
            }
        }

        // The client starts with no chains, fetches them as it needs them, and stores its state
        // between any two events.
        let mut kept = Kept::of(&[]);
        kept.newest = false;
        kept.accounts.insert(people[0].id(), people[0].account.clone());
        let mut client = Log::create(&create, kept).unwrap();
        for (event, expected) in &stored {
            client.conversation = decode(&encode(&client.conversation)).unwrap();
            let mut verdict = client.apply(event);
            while let Verdict::NeedsAccount(id) = verdict {
                let chain = server.kept.accounts[&id].clone();
                client.kept.newest = client.kept.accounts.insert(id, chain).is_some();
                verdict = client.apply(event);
                client.kept.newest = false;
            }
            prop_assert_eq!(&verdict, expected);
        }
        prop_assert_eq!(encode(&client.conversation), encode(&server.conversation));
        prop_assert_eq!(client.conversation.head(), server.conversation.head());
    }

    /// Proves: C21 (bytes that no reducer wrote give no state and no panic).
    #[test]
    fn damaged_states_are_refused_or_read(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let [ada, bob] = [Person::new(1), Person::new(2)];
        let mut log = Log::direct(&ada, &bob);
        log.takes(&log.key(&ada, 0, 1));
        let mut bytes = encode(&log.conversation).to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(state) = decode::<Conversation>(&bytes.into()) {
            prop_assert_eq!(decode::<Conversation>(&encode(&state)), Ok(state));
        }
    }
}

/// Proves: C21 (a state of another version, in disorder or out of place is none).
#[test]
fn a_state_is_as_a_reducer_writes_it() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let log = Log::direct(&ada, &bob);
    let clean = encode(&log.conversation).to_vec();
    let refused = |bytes: Vec<u8>| {
        assert_ne!(bytes, clean);
        assert!(decode::<Conversation>(&bytes.into()).is_err());
    };
    // The first element is the version.
    let mut newer = clean.clone();
    newer[1] += 1;
    refused(newer);
    // The last mention of each account is in the list of participants.
    let last = |id: &[u8; 32]| clean.windows(32).rposition(|part| part == id).unwrap();
    let (ada, bob) = (ada.id().0, bob.id().0);
    let mut swapped = clean.clone();
    swapped[last(&ada)..][..32].copy_from_slice(&bob);
    swapped[last(&bob)..][..32].copy_from_slice(&ada);
    refused(swapped);
    // The control event stands within the log: its position is the byte behind its hash.
    let ctl = log.conversation.ctl().0;
    for position in [0, 2] {
        let mut misplaced = clean.clone();
        misplaced[last(&ctl) + 32] = position;
        refused(misplaced);
    }
}

/// The state after a control event follows from the control events alone, so that who joins
/// there agrees with those who were there before.
#[test]
fn a_control_event_forgets_sessions_and_bases() {
    let [ada, bob] = [Person::new(1), Person::new(2)];
    let mut quiet = Log::room(&[&ada, &bob]);
    let mut busy = quiet.clone();
    for session in 0..3 {
        busy.takes(&busy.key(&ada, 0, session));
        busy.takes(&busy.message(&ada, 0, session, 0));
    }
    let policy = Control::Policy {
        members_add: true,
        timer: 2,
    };
    quiet.does(&ada, policy.clone());
    busy.does(&ada, policy);
    let bytes = |log: &Log| encode(&log.conversation).len();
    assert_eq!(bytes(&quiet), bytes(&busy));
    assert!(quiet.conversation.members().eq(busy.conversation.members()));
    let header: Header = decode(&busy.key(&ada, 0, 0).header).unwrap();
    assert_eq!(header.base_n, busy.conversation.ctl_position());
    busy.takes(&busy.key(&ada, 0, 0));
}
