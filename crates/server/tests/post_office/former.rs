//! Who is no member any more: what it takes to read up to one's end, and nothing behind it.

use crate::ground::{Ground, everywhere};
use crate::person::{Pair, Person, View};
use crate::wire::Client;
use subrosa_ledger::Account;
use subrosa_proto::*;

/// Bob's room, from which Ada was removed after a device of Dan's had ended, and which went on.
struct Left {
    pair: Pair,
    dan: Person,
    /// Where Dan's device ends.
    ended: u64,
    /// What Ada knows at her end.
    known: View,
    /// The same of those who stayed.
    view: View,
}

impl Left {
    async fn new(ground: &Ground) -> Self {
        let mut pair = Pair::new(ground).await;
        let dan = Person::new("dan");
        let mut dan_client = dan.register(ground, &ground.invite().await.0).await;
        let create = pair.bob.create_event(Form::Room, None, None);
        pair.bob.create(&mut pair.bob_client, &create).await;
        let view = View::from_create(&create);
        let mut left = Self {
            ended: 0,
            known: view.clone(),
            view,
            pair,
            dan,
        };
        let add = |account, pending| Control::Add {
            account,
            role: Role::Member,
            pending,
        };
        let (ada, account) = (left.pair.ada.account(), left.dan.account());
        left.bob(&add(ada, false)).await;
        left.bob(&add(account, true)).await;
        let dan = &mut left.dan;
        let accept = dan.control(Some(&left.view), &Control::Accept {});
        dan.append(&mut dan_client, &left.view, vec![accept.clone()])
            .await;
        left.view.see(&accept);
        let device = left.dan.id();
        let statement = left.dan.state(StatementOp::DeviceRevoke { device });
        left.bob(&Control::Revoke {
            account,
            statement,
            logout: false,
        })
        .await;
        left.ended = left.view.n;
        left.bob(&Control::Remove { account: ada }).await;
        left.known = left.view.clone();
        for timer in [1, 2] {
            let members_add = false;
            left.bob(&Control::Policy { members_add, timer }).await;
        }
        left
    }

    async fn bob(&mut self, control: &Control) {
        let event = self.pair.bob.control(Some(&self.view), control);
        let (bob, client) = (&mut self.pair.bob, &mut self.pair.bob_client);
        let answer = bob.append(client, &self.view, vec![event.clone()]).await;
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
        self.view.see(&event);
    }
}

#[tokio::test]
// Proves: C12
async fn the_end_of_a_device_comes_with_the_chain_that_it_is_judged_by() {
    everywhere(|ground| async move {
        let mut left = Left::new(&ground).await;
        let conv = left.view.conv;
        let author = |position| Request::AuthorChain { conv, position };
        for client in [&mut left.pair.ada_client, &mut left.pair.bob_client] {
            let Response::Chains { chains } = client.ask(author(left.ended)).await else {
                panic!("no chains")
            };
            let [of_bob, of_dan] = &chains[..] else {
                panic!("{} chains", chains.len())
            };
            // As much as certifies the two devices, and nothing of what came after.
            assert_eq!(*of_bob, left.pair.bob.chain[..2]);
            assert_eq!(*of_dan, left.dan.chain[..2]);
            let dan = Account::from_chain(of_dan).unwrap();
            assert!(dan.certified(&left.dan.id()));
            // Beside an event that ends none there is the author's chain alone.
            let answer = client.ask(author(left.ended + 1)).await;
            let alone = left.pair.bob.chain[..2].to_vec();
            assert_eq!(
                answer,
                Response::Chains {
                    chains: vec![alone]
                }
            );
        }
    })
    .await;
}

async fn log_at(client: &mut Client, conv: ConvId, at: u64) -> Response {
    client.ask(Request::LogAt { conv, at }).await
}

#[tokio::test]
// Proves: C12
async fn how_long_the_log_has_grown_is_for_those_who_stayed() {
    everywhere(|ground| async move {
        let mut left = Left::new(&ground).await;
        let conv = left.view.conv;
        let (end, head) = (left.known.n, left.view.n);
        let at = |head, at, log| Response::LogAt {
            head,
            at,
            log,
            copy_ms: None,
        };
        let whole = at(head, head, left.view.log);
        let bob = &mut left.pair.bob_client;
        assert_eq!(log_at(bob, conv, u64::MAX).await, whole);
        assert_eq!(log_at(bob, conv, end).await, at(head, end, left.known.log));
        let ada = &mut left.pair.ada_client;
        for asked in [end, end + 1, head, head + 1, u64::MAX] {
            assert_eq!(
                log_at(ada, conv, asked).await,
                at(end, end, left.known.log),
                "{asked}"
            );
        }
        assert_eq!(log_at(ada, conv, 0).await, at(end, 0, LogHash::START));
    })
    .await;
}
