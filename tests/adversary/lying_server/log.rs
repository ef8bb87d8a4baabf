//! Lies about what was said, by whom, and in which order.

use crate::stage::members::{Hand, header_of, shared};
use crate::stage::people::{
    FIRST, World, fresh_texts, queue, rows, said, send, texts, wait_for, wait_for_text,
    wait_for_warning,
};
use crate::stage::script::{Fate, Told, Word};
use bytes::Bytes;
use std::sync::{Arc, Mutex};
use subrosa_client::{Client, FailureKind, Notice, Row, RowKind, SendState};
use subrosa_proto::{
    Absence, AccountId, Control, Delivered, Event, EventKind, KeyBox, Page, Push, Request,
    Response, Role, TrimmedEvent, decode, encode,
};

const SPLIT: &str = "differently to its members";

/// Lies about the events that an account is handed. A page that comes back is told in the place of the true one.
fn lie_to(
    world: &World,
    whom: AccountId,
    mut change: impl FnMut(&Page) -> Option<Page> + Send + 'static,
) -> Told {
    world.liar.lie(move |whose, word| {
        if whose.account != Some(whom) {
            return Fate::Pass;
        }
        match word {
            Word::Pushed(Push::Events { page }) => {
                change(page).map_or(Fate::Pass, |page| Fate::Push(vec![Push::Events { page }]))
            }
            Word::Answered {
                response: Response::Page { page },
                ..
            } => change(page).map_or(Fate::Pass, |page| Fate::Answer(Response::Page { page })),
            _ => Fate::Pass,
        }
    })
}

fn is_message_of(delivered: &Delivered, author: AccountId) -> bool {
    let header = header_of(&delivered.event);
    header.kind == EventKind::Message as u8 && header.account == author
}

/// Ada says something that Bob is lied to about, then something true. Bob must see the second's cross-check fail: he
/// is warned, shown nothing false, and says nothing into the fork.
async fn crossing(change: impl Fn(&Page, AccountId) -> Option<Page> + Send + 'static) {
    let world = World::new().await;
    let (ada_account, bob_account) = (world.account("ada"), world.account("bob"));
    let ada = world.client("ada").await;
    send(&ada, "bob", "one").await.unwrap();
    send(&ada, "bob", "two").await.unwrap();
    let mut told = lie_to(&world, bob_account, move |page| change(page, ada_account));
    let bob = world.client("bob").await;
    let mut at_bob = bob.subscribe(None, Some(0)).await.unwrap();
    told.at_least(1).await;
    told.end();
    // An event that was slipped in hides the next true one behind its number; the one after that crosses.
    queue(&ada, "bob", "three").await;
    queue(&ada, "bob", "four").await;
    wait_for_warning(&mut at_bob, SPLIT).await;
    let failure = send(&bob, "ada", "into the fork").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Trust, "{failure}");
    // What Bob has seen is what was said, as far as it goes, in its order and from its authors.
    let seen = texts(&bob, "ada").await;
    let mut true_ones = said(&FIRST);
    true_ones.extend(said(&[("ada", "one"), ("ada", "two")]));
    let mut order = true_ones.iter();
    let shown = seen.iter().filter(|(_, text)| text != "into the fork");
    for line in shown {
        assert!(
            order.any(|true_one| true_one == line),
            "{line:?} in {seen:?}"
        );
    }
    ada.close().await;
    bob.close().await;
}

// Proves: C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_left_out_shows_at_the_next_that_is_not() {
    // All positions after it are shifted, so that nothing seems to be missing.
    crossing(|page, ada| {
        let mut events = page.events.clone();
        let gone = events
            .iter()
            .position(|delivered| is_message_of(delivered, ada))?;
        events.remove(gone);
        Some(Page {
            events,
            head: page.head - 1,
            ..page.clone()
        })
    })
    .await;
}

// Proves: C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_in_another_order_are_noticed() {
    crossing(|page, ada| {
        let mut events = page.events.clone();
        let of_ada: Vec<usize> = (0..events.len())
            .filter(|at| is_message_of(&events[*at], ada))
            .collect();
        let [first, second, ..] = of_ada[..] else {
            return None;
        };
        events.swap(first, second);
        Some(Page {
            events,
            ..page.clone()
        })
    })
    .await;
}

// Proves: C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_told_twice_counts_once_and_shows() {
    crossing(|page, ada| {
        let mut events = page.events.clone();
        let at = events
            .iter()
            .position(|delivered| is_message_of(delivered, ada))?;
        let again = events[at].clone();
        events.insert(at + 1, again);
        Some(Page {
            events,
            head: page.head + 1,
            ..page.clone()
        })
    })
    .await;
}

// Proves: C11, C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_words_of_one_event_do_not_fit_another() {
    crossing(|page, ada| {
        let mut events = page.events.clone();
        let of_ada: Vec<usize> = (0..events.len())
            .filter(|at| is_message_of(&events[*at], ada))
            .collect();
        let [first, second, ..] = of_ada[..] else {
            return None;
        };
        let mut event: Event = decode(&events[first].event).unwrap();
        let other: Event = decode(&events[second].event).unwrap();
        event.body = other.body;
        events[first].event = encode(&event);
        Some(Page {
            events,
            ..page.clone()
        })
    })
    .await;
}

// Proves: C11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_nobodys_but_its_signers() {
    let world = World::new().await;
    let (bob_account, carol) = (world.account("bob"), Hand::of(&world, "carol"));
    let ada_account = world.account("ada");
    let ada = world.client("ada").await;
    send(&ada, "bob", "from ada").await.unwrap();
    // Carol, who works for the server, signs Ada's words as her own, and as Ada's.
    let told = lie_to(&world, bob_account, move |page| {
        let mut events = page.events.clone();
        let at = events
            .iter()
            .position(|delivered| is_message_of(delivered, ada_account))?;
        let own = carol.resign(&events[at].event, |header, _| {
            header.account = carol.account;
            header.device = carol.device();
        });
        let as_ada = carol.resign(&events[at].event, |_, _| {});
        let forged = [own, as_ada].map(|event| Delivered {
            event,
            ..events[at].clone()
        });
        events.splice(at..=at, forged);
        Some(Page {
            events,
            head: page.head + 1,
            ..page.clone()
        })
    });
    let bob = world.client("bob").await;
    let mut at_bob = bob.subscribe(None, Some(0)).await.unwrap();
    wait_for(&mut at_bob, |notice| matches!(notice, Notice::Link(_))).await;
    assert_eq!(fresh_texts(&bob, "ada").await, said(&FIRST));
    assert!(told.times() > 0);
    ada.close().await;
    bob.close().await;
}

// Proves: C2, C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_told_three_times_is_shown_once() {
    let world = World::new().await;
    let bob_account = world.account("bob");
    let told = world.liar.lie(move |whose, word| match word {
        Word::Pushed(push @ Push::Events { .. }) if whose.account == Some(bob_account) => {
            Fate::Push(vec![push.clone(), push.clone(), push.clone()])
        }
        _ => Fate::Pass,
    });
    let (ada, bob) = (world.client("ada").await, world.client("bob").await);
    let mut at_bob = bob.subscribe(None, None).await.unwrap();
    for text in ["one", "two"] {
        send(&ada, "bob", text).await.unwrap();
        wait_for_text(&mut at_bob, text).await;
    }
    assert!(told.times() >= 2);
    let mut expected = said(&FIRST);
    expected.extend(said(&[("ada", "one"), ("ada", "two")]));
    assert_eq!(fresh_texts(&bob, "ada").await, expected);
    ada.close().await;
    bob.close().await;
}

// Proves: C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_one_conversation_is_not_taken_in_another() {
    let world = World::new().await;
    let (ada_account, carol_account) = (world.account("ada"), world.account("carol"));
    // What Carol says to Ada is handed to Ada as if it stood in her conversation with Bob.
    let of_bob = {
        let bob = Hand::of(&world, "bob");
        let mut caller = bob.online(&world).await;
        shared(&mut caller, ada_account).await
    };
    let mut told = lie_to(&world, ada_account, move |page| {
        let from_carol = page
            .events
            .iter()
            .any(|delivered| is_message_of(delivered, carol_account));
        from_carol.then(|| Page {
            conv: of_bob.conv,
            first: of_bob.n + 1,
            head: of_bob.n + page.events.len() as u64,
            events: page.events.clone(),
        })
    });
    let (ada, carol) = (world.client("ada").await, world.client("carol").await);
    queue(&carol, "ada", "between us").await;
    told.at_least(1).await;
    for conversation in ["bob", "carol"] {
        let seen = texts(&ada, conversation).await;
        assert!(
            seen.iter().all(|(_, text)| text != "between us"),
            "{conversation}: {seen:?}"
        );
    }
    ada.close().await;
    carol.close().await;
}

/// Changes the boxes that Bob is handed.
async fn box_lie(
    change: impl Fn(Vec<Bytes>) -> Vec<Bytes> + Send + 'static,
) -> (World, Client, Client) {
    let world = World::new().await;
    world.end_sessions("ada");
    let bob_account = world.account("bob");
    let mut told = lie_to(&world, bob_account, move |page| {
        let mut events = page.events.clone();
        let sealed = events
            .iter_mut()
            .find(|delivered| !delivered.boxes.is_empty())?;
        sealed.boxes = change(std::mem::take(&mut sealed.boxes));
        Some(Page {
            events,
            ..page.clone()
        })
    });
    let (ada, bob) = (world.client("ada").await, world.client("bob").await);
    let mut at_bob = bob.subscribe(None, None).await.unwrap();
    send(&ada, "bob", "under a box that is not there")
        .await
        .unwrap();
    told.at_least(1).await;
    wait_for(&mut at_bob, |notice| {
        matches!(
            notice,
            Notice::Row(Row {
                what: RowKind::WaitingForKey { .. },
                ..
            })
        )
    })
    .await;
    let seen = texts(&bob, "ada").await;
    assert_eq!(seen, said(&FIRST), "nothing false is shown");
    (world, ada, bob)
}

/// A new session is read again, and so the conversation goes on.
async fn goes_on(world: &World, ada: Client, bob: Client) {
    ada.close().await;
    world.end_sessions("ada");
    let ada = world.client("ada").await;
    let mut at_bob = bob.subscribe(None, None).await.unwrap();
    send(&ada, "bob", "under a true box").await.unwrap();
    wait_for_text(&mut at_bob, "under a true box").await;
    ada.close().await;
    bob.close().await;
}

// Proves: C14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_box_is_a_row_that_says_so() {
    let (_world, ada, bob) = box_lie(|_| Vec::new()).await;
    ada.close().await;
    bob.close().await;
}

// Proves: C14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_box_opens_nothing() {
    let (_world, ada, bob) = box_lie(|boxes| {
        let forge = |bytes: Bytes| {
            let mut sealed: KeyBox = decode(&bytes).unwrap();
            let mut forged = sealed.sealed.to_vec();
            *forged.last_mut().unwrap() ^= 1;
            sealed.sealed = forged.into();
            encode(&sealed)
        };
        boxes.into_iter().map(forge).collect()
    })
    .await;
    ada.close().await;
    bob.close().await;
}

// Proves: C14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_box_of_one_session_opens_no_other() {
    let kept = Arc::new(Mutex::new(None::<Vec<Bytes>>));
    let shelf = kept.clone();
    // The box of the first session is handed out with the second.
    let world = World::new().await;
    let bob_account = world.account("bob");
    world.end_sessions("ada");
    let mut told = lie_to(&world, bob_account, move |page| {
        let mut events = page.events.clone();
        let sealed = events
            .iter_mut()
            .find(|delivered| !delivered.boxes.is_empty())?;
        let mut shelf = shelf.lock().unwrap();
        match shelf.take() {
            None => {
                *shelf = Some(sealed.boxes.clone());
                None
            }
            Some(first) => {
                sealed.boxes = first;
                Some(Page {
                    events,
                    ..page.clone()
                })
            }
        }
    });
    let bob = world.client("bob").await;
    let mut at_bob = bob.subscribe(None, None).await.unwrap();
    let ada = world.client("ada").await;
    send(&ada, "bob", "first session").await.unwrap();
    wait_for_text(&mut at_bob, "first session").await;
    ada.close().await;
    world.end_sessions("ada");
    let ada = world.client("ada").await;
    send(&ada, "bob", "second session").await.unwrap();
    told.at_least(1).await;
    told.end();
    wait_for(&mut at_bob, |notice| {
        matches!(
            notice,
            Notice::Row(Row {
                what: RowKind::WaitingForKey { .. },
                ..
            })
        )
    })
    .await;
    goes_on(&world, ada, bob).await;
}

// Proves: C12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_adds_nobody() {
    let world = World::new().await;
    let (ada_account, bob_account) = (world.account("ada"), world.account("bob"));
    let carol = Hand::of(&world, "carol");
    let (carol_account, carol_device) = (carol.account, carol.device());
    world.end_sessions("bob");
    let boxes = Arc::new(Mutex::new(Vec::new()));
    let kept = boxes.clone();
    world.liar.lie(move |whose, word| {
        if let Word::Asked(Request::Stage { boxes, .. }) = word
            && whose.account == Some(bob_account)
        {
            let boxes = boxes.iter().map(|bytes| decode::<KeyBox>(bytes).unwrap());
            kept.lock()
                .unwrap()
                .extend(boxes.map(|sealed| sealed.recipient));
        }
        Fate::Pass
    });
    let ada = world.client("ada").await;
    // Carol's device signs that she belongs to the conversation of Ada and Bob, and the server says so to Bob.
    let seen = {
        let bob = Hand::of(&world, "bob");
        let mut caller = bob.online(&world).await;
        shared(&mut caller, ada_account).await
    };
    let add = carol.control(
        &seen,
        &Control::Add {
            account: carol_account,
            role: Role::Member,
            pending: true,
        },
    );
    let forged = Page {
        conv: seen.conv,
        first: seen.n + 1,
        head: seen.n + 1,
        events: vec![Delivered {
            time_ms: world.liar.now_ms(),
            event: encode(&add),
            boxes: Vec::new(),
        }],
    };
    let bob = world.client("bob").await;
    let mut at_bob = bob.subscribe(None, None).await.unwrap();
    let mut told = world.liar.lie(move |whose, word| {
        let logged_in = matches!(
            word,
            Word::Answered {
                asked: Request::Follow { .. },
                ..
            }
        );
        if logged_in && whose.account == Some(bob_account) {
            Fate::With(vec![Push::Events {
                page: forged.clone(),
            }])
        } else {
            Fate::Pass
        }
    });
    bob.close().await;
    let bob = world.client("bob").await;
    told.at_least(1).await;
    queue(&bob, "ada", "for ada alone").await;
    // The forged event is void: it brings nobody in. That it is in Bob's log and in nobody else's shows, too.
    let shown = fresh_texts(&bob, "ada").await;
    assert!(shown.iter().any(|(_, text)| text == "hello bob"));
    let boxes = boxes.lock().unwrap().clone();
    assert!(!boxes.contains(&carol_account.0) && !boxes.contains(&carol_device.0));
    drop(at_bob.try_recv());
    ada.close().await;
    bob.close().await;
}

// Proves: C26
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_called_stale_though_it_was_stored_is_shown_once() {
    let world = World::new().await;
    let ada_account = world.account("ada");
    let mut once = true;
    let (ada, bob) = (world.client("ada").await, world.client("bob").await);
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let kept = bodies.clone();
    let told = world.liar.lie(move |whose, word| match word {
        Word::Answered {
            asked: Request::Append { events, .. },
            response: Response::Appended { .. },
        } if whose.account == Some(ada_account) => {
            let events: Vec<Event> = events.iter().map(|bytes| decode(bytes).unwrap()).collect();
            kept.lock().unwrap().push(events.last().unwrap().clone());
            if !std::mem::take(&mut once) {
                return Fate::Pass;
            }
            let ctl = header_of(&encode(&events[0])).ctl;
            Fate::Answer(Response::Stale { ctl })
        }
        _ => Fate::Pass,
    });
    let mut at_bob = bob.subscribe(None, None).await.unwrap();
    assert_eq!(
        send(&ada, "bob", "said once").await.unwrap(),
        SendState::Sent
    );
    assert_eq!(
        send(&ada, "bob", "and then this").await.unwrap(),
        SendState::Sent
    );
    wait_for_text(&mut at_bob, "and then this").await;
    assert_eq!(told.times(), 1);
    let mut expected = said(&FIRST);
    expected.extend(said(&[("ada", "said once"), ("ada", "and then this")]));
    assert_eq!(fresh_texts(&bob, "ada").await, expected);
    assert_eq!(fresh_texts(&ada, "bob").await, expected);
    // No two ciphertexts under one key: every salt is another.
    let events = bodies.lock().unwrap().clone();
    let salts: Vec<[u8; 16]> = events
        .iter()
        .map(|event| {
            let header: subrosa_proto::Header = decode(&event.header).unwrap();
            let fields: subrosa_proto::MessageFields = decode(&header.fields).unwrap();
            fields.salt
        })
        .collect();
    for (at, salt) in salts.iter().enumerate() {
        assert!(!salts[at + 1..].contains(salt));
    }
    ada.close().await;
    bob.close().await;
}

// Proves: C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_put_back_is_noticed_by_those_who_saw_more() {
    let mut world = World::new().await;
    let before = world.folder.path().join("before");
    world.liar.snapshot(&before).await;
    let (ada, bob) = (world.client("ada").await, world.client("bob").await);
    let mut at_bob = bob.subscribe(None, None).await.unwrap();
    send(&ada, "bob", "after the copy").await.unwrap();
    wait_for_text(&mut at_bob, "after the copy").await;
    ada.close().await;
    bob.close().await;
    world.liar.roll_back(&before).await;
    let ada = world.client("ada").await;
    let failure = send(&ada, "bob", "into the past").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Trust, "{failure}");
    ada.close().await;
}

// Proves: C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_confirmed_and_dropped_is_told() {
    let world = World::new().await;
    let ada_account = world.account("ada");
    let of_bob = {
        let bob = Hand::of(&world, "bob");
        let mut caller = bob.online(&world).await;
        shared(&mut caller, ada_account).await
    };
    let mut once = true;
    let told = world.liar.lie(move |whose, word| match word {
        Word::Asked(Request::Append { events, .. })
            if whose.account == Some(ada_account) && std::mem::take(&mut once) =>
        {
            assert_eq!(events.len(), 1, "the session was open");
            Fate::Answer(Response::Appended {
                first: of_bob.n + 1,
                time_ms: 1,
            })
        }
        _ => Fate::Pass,
    });
    let (ada, bob) = (world.client("ada").await, world.client("bob").await);
    let mut at_ada = ada.subscribe(None, None).await.unwrap();
    let state = send(&ada, "bob", "confirmed and dropped").await.unwrap();
    assert_eq!(state, SendState::Sent);
    assert_eq!(told.times(), 1);
    send(&bob, "ada", "in its place").await.unwrap();
    wait_for_warning(&mut at_ada, "did not arrive").await;
    // The conversation goes on.
    send(&ada, "bob", "once more").await.unwrap();
    let mut at_bob = bob.subscribe(None, Some(0)).await.unwrap();
    wait_for_text(&mut at_bob, "once more").await;
    ada.close().await;
    bob.close().await;
}

/// Bob is handed a message without its body, for this reason, and has to be shown that something is missing.
async fn body_held_back(why: Absence, cause: &'static str) {
    let world = World::new().await;
    let (ada_account, bob_account) = (world.account("ada"), world.account("bob"));
    let ada = world.client("ada").await;
    send(&ada, "bob", "held back").await.unwrap();
    let mut told = lie_to(&world, bob_account, move |page| {
        let mut events = page.events.clone();
        let of_ada = events
            .iter_mut()
            .find(|delivered| is_message_of(delivered, ada_account))?;
        let event: Event = decode(&of_ada.event).unwrap();
        let body_hash = subrosa_ledger::body_hash(&event.body);
        of_ada.event = encode(&TrimmedEvent {
            header: event.header,
            body_hash,
            signature: event.signature,
            why,
        });
        Some(Page {
            events,
            ..page.clone()
        })
    });
    let bob = world.client("bob").await;
    let mut at_bob = bob.subscribe(None, Some(0)).await.unwrap();
    told.at_least(1).await;
    told.end();
    send(&ada, "bob", "handed over").await.unwrap();
    wait_for_text(&mut at_bob, "handed over").await;
    let shown = rows(&bob, "ada", true).await;
    let row = shown.iter().find_map(|row| match &row.what {
        RowKind::Gone { cause } => Some(cause.clone()),
        _ => None,
    });
    assert!(
        row.as_ref().is_some_and(|row| row.contains(cause)),
        "{why:?}: {row:?}"
    );
    ada.close().await;
    bob.close().await;
}

// Proves: C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_held_back_leaves_a_row_with_the_truth() {
    body_held_back(Absence::Withheld, "holds it back").await;
    body_held_back(Absence::Expired, "holds it back").await;
}

// Proves: C13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_called_deleted_without_a_deletion_leaves_a_row() {
    body_held_back(Absence::Deleted, "nobody who may has signed that").await;
}
