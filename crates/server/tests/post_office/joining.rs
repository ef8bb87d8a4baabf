//! Rooms that somebody joins late: what the server gives of the time before, and what not.

use crate::ground::{Ground, everywhere};
use crate::person::{Pair, Person, View};
use crate::wire::Client;
use std::collections::HashMap;
use subrosa_ledger::{Account, Joining, Record};
use subrosa_proto::*;

/// More control events than fit into one answer.
const POLICIES: u16 = 700;

/// Chains, and nothing else.
struct Chains(HashMap<AccountId, Account>);

impl Record for Chains {
    fn account(&self, id: &AccountId) -> Option<&Account> {
        self.0.get(id)
    }
    fn newest(&self, _: &AccountId) -> bool {
        true
    }
    fn log_hash(&self, _: u64) -> Option<LogHash> {
        None
    }
    fn seen(&self, _: &EventHash) -> bool {
        false
    }
}

/// Bob's room. Ada was an admin there and has left; Dan is a member; Cy was added behind many control
/// events, from a base three events back.
struct Room {
    pair: Pair,
    cy: Person,
    cy_client: Client,
    view: View,
    add: bytes::Bytes,
}

impl Room {
    async fn new(ground: &Ground) -> Self {
        let mut pair = Pair::new(ground).await;
        let cy = Person::new("cy");
        let cy_client = cy.register(ground, &ground.invite().await.0).await;
        let create = pair.bob.create_event(Form::Room, None, None);
        pair.bob.create(&mut pair.bob_client, &create).await;
        let view = View::from_create(&create);
        let mut room = Self {
            pair,
            cy,
            cy_client,
            view,
            add: create,
        };
        let account = room.pair.ada.account();
        let role = Role::Admin;
        room.bob(&Control::Add {
            account,
            role,
            pending: true,
        })
        .await;
        room.ada(&Control::Accept {}).await;
        let mut dan = Person::new("dan");
        let mut dan_client = dan.register(ground, &ground.invite().await.0).await;
        let (account, role) = (dan.account(), Role::Member);
        room.bob(&Control::Add {
            account,
            role,
            pending: true,
        })
        .await;
        let accept = dan.control(Some(&room.view), &Control::Accept {});
        dan.append(&mut dan_client, &room.view, vec![accept.clone()])
            .await;
        room.view.see(&accept);
        for number in 0..POLICIES {
            let timer = (number % 8) as u8;
            let members_add = false;
            room.bob(&Control::Policy { members_add, timer }).await;
        }
        room.ada(&Control::Leave {}).await;
        let (account, role) = (room.cy.account(), Role::Member);
        room.add = room.pair.bob.control(
            Some(&room.view),
            &Control::Add {
                account,
                role,
                pending: true,
            },
        );
        let devices = [room.pair.bob.id()];
        let accounts = [room.pair.bob.account(), dan.account()];
        dan.open_session(
            &mut dan_client,
            &mut room.view,
            &devices,
            &accounts,
            b"before",
        )
        .await;
        dan.say(&mut dan_client, &mut room.view, b"also before")
            .await;
        let (bob, client) = (&mut room.pair.bob, &mut room.pair.bob_client);
        let answer = bob.append(client, &room.view, vec![room.add.clone()]).await;
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
        let add = room.add.clone();
        room.view.see(&add);
        room
    }

    async fn bob(&mut self, control: &Control) {
        let event = self.pair.bob.control(Some(&self.view), control);
        let (bob, client) = (&mut self.pair.bob, &mut self.pair.bob_client);
        let answer = bob.append(client, &self.view, vec![event.clone()]).await;
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
        self.view.see(&event);
    }

    async fn ada(&mut self, control: &Control) {
        let event = self.pair.ada.control(Some(&self.view), control);
        let (ada, client) = (&mut self.pair.ada, &mut self.pair.ada_client);
        let answer = ada.append(client, &self.view, vec![event.clone()]).await;
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
        self.view.see(&event);
    }

    async fn chains(&mut self, accounts: Vec<AccountId>) -> Vec<Vec<Signed>> {
        let conv = self.view.conv;
        match self.cy_client.ask(Request::Chains { conv, accounts }).await {
            Response::Chains { chains } => chains,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
// Proves: C12, C16
async fn a_joiner_is_given_all_control_events_and_nothing_else_of_the_past() {
    everywhere(|ground| async move {
        let mut room = Room::new(&ground).await;
        let conv = room.view.conv;
        let (mut controls, mut after, mut pages) = (Vec::new(), 0, 0);
        let (position, hashes) = loop {
            let request = Request::ControlHistory { conv, after };
            let answer = room.cy_client.ask(request).await;
            let Response::ControlHistory {
                since,
                events,
                hashes,
                more,
            } = answer
            else {
                panic!("{answer:?}")
            };
            pages += 1;
            for placed in &events {
                controls.push((placed.position, decode(&placed.event).unwrap()));
                after = placed.position;
            }
            if !more {
                break (since, hashes);
            }
        };
        assert!(pages > 1, "it does not fit into one answer");
        assert_eq!(controls.len(), 6 + usize::from(POLICIES));
        assert_eq!((position, hashes.len()), (room.view.n, 3));
        // Ada is no member any more: as much of her chain as proves what she signed here.
        let [ada, bob] = room.pair.accounts();
        let dan = joined_dan(&controls, [ada, bob]);
        let chains = room.chains(vec![ada, bob, dan]).await;
        assert_eq!(chains[0], room.pair.ada.chain[..2]);
        assert_eq!(chains[1], room.pair.bob.chain);
        let known = chains.iter().map(|chain| {
            let account = Account::from_chain(chain).unwrap();
            (account.id(), account)
        });
        let joining = Joining {
            conv,
            account: room.cy.account(),
            controls: &controls,
            hashes: &hashes,
            position,
            add: &decode(&room.add).unwrap(),
        };
        let joined = joining.begin(&Chains(known.collect())).unwrap();
        assert_eq!(
            joined.conversation.head(),
            (room.view.n, room.view.log),
            "the log hash is that of those who were there"
        );
        assert_eq!(joined.conversation.members().count(), 3);
        // Whatever is asked for, it begins at the start.
        let read = Request::Read {
            conv,
            from: 1,
            count: 500,
        };
        let Response::Page { page } = room.cy_client.ask(read).await else {
            panic!("no page")
        };
        assert_eq!((page.first, page.events.len()), (position, 1));
    })
    .await;
}

#[tokio::test]
// Proves: C12, C16
async fn a_history_is_for_those_who_are_there() {
    everywhere(|ground| async move {
        let mut room = Room::new(&ground).await;
        let conv = room.view.conv;
        let [ada, bob] = room.pair.accounts();
        let history = Request::ControlHistory { conv, after: 0 };
        let chains = |accounts| Request::Chains { conv, accounts };
        // Ada has left.
        let client = &mut room.pair.ada_client;
        assert_eq!(client.refused(history.clone()).await, ErrorCode::NotFound);
        assert_eq!(client.refused(chains(vec![bob])).await, ErrorCode::NotFound);
        // Of who signed what she may still read she is given as much as it takes to judge that.
        let author = |position| Request::AuthorChain { conv, position };
        let Response::Chains { chains: of_bob } = client.ask(author(2)).await else {
            panic!("no chain")
        };
        let certifies = |known: &Account| known.certified(&room.pair.bob.id());
        let short = Account::from_chain(&of_bob[0]).unwrap();
        assert!(certifies(&short) && of_bob[0].len() < room.pair.bob.chain.len());
        let left = u64::from(POLICIES) + 6;
        assert!(matches!(
            client.ask(author(left)).await,
            Response::Chains { .. }
        ));
        // Not of what was before her, nor of what came after.
        for position in [1, left + 1] {
            assert_eq!(client.refused(author(position)).await, ErrorCode::NotFound);
        }
        // A stranger, and somebody whom the log does not name.
        let eve = Person::new("eve");
        let mut client = eve.register(&ground, &ground.invite().await.0).await;
        assert_eq!(client.refused(history).await, ErrorCode::NotFound);
        assert_eq!(client.refused(author(2)).await, ErrorCode::NotFound);
        let of_eve = chains(vec![ada, eve.account()]);
        assert_eq!(room.cy_client.refused(of_eve).await, ErrorCode::NotFound);
        // Cy is pending: she sees who is there, and nothing that could be sealed to.
        let people = Request::People { conv, after: None };
        let Response::People {
            chains, prekeys, ..
        } = room.cy_client.ask(people.clone()).await
        else {
            panic!("no people")
        };
        assert!(chains.contains(&room.pair.bob.chain) && chains.contains(&room.cy.chain));
        let prekey: Prekey = decode(&prekeys[0].body).unwrap();
        assert_eq!((prekeys.len(), prekey.account), (1, room.cy.account()));
        // And of her the others see who she is.
        let Response::People {
            chains, prekeys, ..
        } = room.pair.bob_client.ask(people).await
        else {
            panic!("no people")
        };
        assert!(chains.contains(&room.cy.chain[..1].to_vec()));
        assert_eq!(prekeys.len(), 2, "Bob's and Dan's");
    })
    .await;
}

/// The author of control events who is none of these.
fn joined_dan(controls: &[(u64, Event)], others: [AccountId; 2]) -> AccountId {
    let authors = controls
        .iter()
        .map(|(_, event)| decode::<Header>(&event.header).unwrap().account);
    let mut rest = authors.filter(|author| !others.contains(author));
    rest.next().unwrap()
}
