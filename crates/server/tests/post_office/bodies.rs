//! Bodies that go before their events, and bodies that are not for everybody.

use crate::ground::{Ground, everywhere};
use crate::person::{Pair, Person, View};
use crate::wire::Client;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use subrosa_proto::*;
use subrosa_server::storage::faulty::Faulty;
use subrosa_server::storage::memory::MemoryStore;
use subrosa_server::storage::{LogId, Read, Store};

/// What a reader is shown of a position: the body, or why there is none; and how many boxes.
async fn shown(
    client: &mut Client,
    conv: ConvId,
    position: u64,
) -> (Result<Bytes, Absence>, usize) {
    let read = Request::Read {
        conv,
        from: position,
        count: 1,
    };
    let Response::Page { page } = client.ask(read).await else {
        panic!("no page")
    };
    assert_eq!(page.first, position);
    let delivered = &page.events[0];
    let body = match delivered.carried().unwrap() {
        Carried::Whole(event) => Ok(event.body),
        Carried::Trimmed(event) => Err(event.why),
    };
    (body, delivered.boxes.len())
}

/// What the store has of a position.
async fn stored(store: &MemoryStore, conv: ConvId, position: u64) -> Carried {
    let read = Read {
        log: LogId(conv.0),
        from: position,
        count: 1,
        bytes: 1,
        recipients: Vec::new(),
    };
    let page = store.read(read).await.unwrap();
    Carried::read(&page.events[0].bytes).unwrap()
}

async fn post(person: &mut Person, client: &mut Client, view: &mut View, event: Bytes) -> u64 {
    let answer = person.append(client, view, vec![event.clone()]).await;
    let Response::Appended { first, .. } = answer else {
        panic!("{answer:?}")
    };
    view.see(&event);
    first
}

#[tokio::test]
async fn a_message_disappears_when_its_time_has_run_out() {
    let store = MemoryStore::new();
    let mut ground = Ground::faulty(Arc::new(Faulty::new(store.clone()))).await;
    let mut pair = Pair::new(&ground).await;
    pair.follow_both().await;
    pair.bob_opens(b"stays").await;
    let conv = pair.bob_view.conv;
    let Pair {
        bob,
        bob_client,
        bob_view,
        ada_client,
        ada_view,
        ..
    } = &mut pair;
    let event = bob.message_with(bob_view, b"goes", 2, None);
    let position = post(bob, bob_client, bob_view, event).await;
    while ada_view.n < position {
        let page = ada_client.page().await;
        ada_view.read(&page);
    }
    let goes = Ok(Bytes::from_static(b"goes"));
    assert_eq!(shown(ada_client, conv, position).await.0, goes);
    ground.pass(Duration::from_millis(299_000));
    assert_eq!(shown(ada_client, conv, position).await.0, goes);
    ground.pass(Duration::from_millis(1_001));
    for client in [&mut *ada_client, &mut *bob_client] {
        assert_eq!(
            shown(client, conv, position).await.0,
            Err(Absence::Expired),
            "also before it is swept"
        );
        let stays = Ok(Bytes::from_static(b"stays"));
        assert_eq!(shown(client, conv, 3).await.0, stays);
    }
    // A server that starts sweeps at once; what is left is the same event.
    assert!(stored(&store, conv, position).await.whole().is_some());
    ground
        .restart_on(Arc::new(Faulty::new(store.clone())))
        .await;
    while stored(&store, conv, position).await.whole().is_some() {
        tokio::task::yield_now().await;
    }
    assert!(stored(&store, conv, 3).await.whole().is_some());
    let mut client = pair.ada.online(&ground).await;
    let read = Request::Read {
        conv,
        from: 1,
        count: 500,
    };
    let Response::Page { page } = client.ask(read).await else {
        panic!("no page")
    };
    let mut view = View {
        n: 0,
        log: LogHash::START,
        ..pair.bob_view.clone()
    };
    view.read(&page);
    assert_eq!(view.log, pair.bob_view.log);
    // The server itself goes on from such a log.
    let mut client = pair.bob.online(&ground).await;
    pair.bob.say(&mut client, &mut pair.bob_view, b"more").await;
}

#[tokio::test]
async fn a_deleted_body_is_gone_at_once_if_its_author_or_an_admin_deletes_it() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        let [ada, bob] = pair.accounts();
        let create = pair.bob.create_event(Form::Room, None, None);
        pair.bob.create(&mut pair.bob_client, &create).await;
        let mut view = View::from_create(&create);
        let conv = view.conv;
        let role = Role::Member;
        let add = Control::Add {
            account: ada,
            role,
            pending: true,
        };
        let add = pair.bob.control(Some(&view), &add);
        let Pair {
            ada: ada_self,
            bob: bob_self,
            ada_client,
            bob_client,
            ..
        } = &mut pair;
        post(bob_self, bob_client, &mut view, add).await;
        let accept = ada_self.control(Some(&view), &Control::Accept {});
        post(ada_self, ada_client, &mut view, accept).await;
        let (mut ada_view, mut bob_view) = (view.clone(), view);
        let both = [ada, bob];
        let devices = [bob_self.id()];
        let of_ada = ada_self
            .open_session(ada_client, &mut ada_view, &devices, &both, b"ada's")
            .await;
        let (n, log) = (ada_view.n, ada_view.log);
        (bob_view.n, bob_view.log) = (n, log);
        let devices = [ada_self.id()];
        let of_bob = bob_self
            .open_session(bob_client, &mut bob_view, &devices, &both, b"bob's")
            .await;
        // A member that is no admin deletes nobody else's.
        (ada_view.n, ada_view.log) = (bob_view.n, bob_view.log);
        let event = ada_self.message_with(&mut ada_view, b"away", 0, Some(of_bob));
        post(ada_self, ada_client, &mut ada_view, event).await;
        let whole = Ok(Bytes::from_static(b"bob's"));
        assert_eq!(shown(ada_client, conv, of_bob).await.0, whole);
        // Her own, and nothing but messages.
        let event = ada_self.message_with(&mut ada_view, b"away", 0, Some(1));
        post(ada_self, ada_client, &mut ada_view, event).await;
        assert!(shown(bob_client, conv, 1).await.0.is_ok());
        (bob_view.n, bob_view.log) = (ada_view.n, ada_view.log);
        let event = bob_self.message_with(&mut bob_view, b"away", 0, Some(of_ada));
        post(bob_self, bob_client, &mut bob_view, event).await;
        let gone = Err(Absence::Deleted);
        assert_eq!(shown(ada_client, conv, of_ada).await.0, gone);
        let event = bob_self.message_with(&mut bob_view, b"away", 0, Some(of_bob));
        post(bob_self, bob_client, &mut bob_view, event).await;
        assert_eq!(shown(bob_client, conv, of_bob).await.0, gone);
        // Once more is nothing more.
        let event = bob_self.message_with(&mut bob_view, b"away", 0, Some(of_bob));
        post(bob_self, bob_client, &mut bob_view, event).await;
        assert_eq!(shown(bob_client, conv, of_bob).await.0, gone);
    })
    .await;
}

#[tokio::test]
// Proves: C16
async fn who_is_pending_or_a_poster_follows_and_reads_nothing() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        let [ada, bob] = pair.accounts();
        let create = pair.bob.create_event(Form::Room, None, None);
        pair.bob.create(&mut pair.bob_client, &create).await;
        let mut view = View::from_create(&create);
        let conv = view.conv;
        let Pair {
            ada: ada_self,
            bob: bob_self,
            ada_client,
            bob_client,
            ..
        } = &mut pair;
        let add = Control::Add {
            account: ada,
            role: Role::Poster,
            pending: true,
        };
        let add = bob_self.control(Some(&view), &add);
        let start = post(bob_self, bob_client, &mut view, add).await;
        let withheld = (Err(Absence::Withheld), 0);
        // Pending.
        let pending = bob_self
            .open_session(bob_client, &mut view, &[], &[bob], b"one")
            .await;
        assert_eq!(shown(ada_client, conv, pending).await, withheld);
        assert!(shown(ada_client, conv, start).await.0.is_ok());
        // A poster, who writes and reads her own.
        let accept = ada_self.control(Some(&view), &Control::Accept {});
        post(ada_self, ada_client, &mut view, accept).await;
        let poster = bob_self
            .open_session(bob_client, &mut view, &[], &[bob], b"two")
            .await;
        assert_eq!(shown(ada_client, conv, poster).await, withheld);
        let mut own = view.clone();
        let devices = [bob_self.id()];
        let posted = ada_self
            .open_session(ada_client, &mut own, &devices, &[bob], b"mine")
            .await;
        assert!(shown(ada_client, conv, posted).await.0.is_ok());
        assert!(shown(bob_client, conv, posted).await.0.is_ok());
        (view.n, view.log) = (own.n, own.log);
        // A member, and a poster again.
        for (role, reads) in [(Role::Member, true), (Role::Poster, false)] {
            let set = Control::SetRole { account: ada, role };
            let set = bob_self.control(Some(&view), &set);
            post(bob_self, bob_client, &mut view, set).await;
            let devices = if reads { vec![ada_self.id()] } else { vec![] };
            let accounts = if reads { vec![ada, bob] } else { vec![bob] };
            let said = bob_self
                .open_session(bob_client, &mut view, &devices, &accounts, b"three")
                .await;
            assert_eq!(shown(ada_client, conv, said).await.0.is_ok(), reads);
            let (_, boxes) = shown(ada_client, conv, said - 1).await;
            assert_eq!(boxes, usize::from(reads));
        }
        // What she could read stays readable, what not not; and the log is one.
        assert_eq!(shown(ada_client, conv, poster).await, withheld);
        let follow = Request::Follow {
            cursors: vec![Cursor { conv, next: 1 }],
        };
        ada_client.done(follow).await;
        let mut seen = View {
            n: 1,
            log: subrosa_ledger::next_log(LogHash::START, 1, EventHash(conv.0)),
            ..view.clone()
        };
        let mut whole = 0;
        while seen.n < view.n {
            let page = ada_client.page().await;
            seen.read(&page);
            let carried = page.events.iter().map(|event| event.carried().unwrap());
            whole += carried.filter(|event| event.whole().is_some()).count();
        }
        assert_eq!((seen.n, seen.log), (view.n, view.log));
        assert_eq!(
            whole,
            4 + 2 + 2,
            "control events, her own, and what was said to her"
        );
    })
    .await;
}
