//! Who may be made a member of a room without being asked.

use crate::ground::everywhere;
use crate::person::{Pair, Person, View};
use subrosa_proto::{AccountId, Carried, Control, ErrorCode, Form, Push, Request, Response, Role};

/// Bob makes somebody a member of his room.
async fn add(pair: &mut Pair, view: &mut View, account: AccountId, pending: bool) -> Response {
    let role = Role::Member;
    let add = Control::Add {
        account,
        role,
        pending,
    };
    let event = pair.bob.control(Some(view), &add);
    let events = vec![event.clone()];
    let answer = pair.bob.append(&mut pair.bob_client, view, events).await;
    if matches!(answer, Response::Appended { .. }) {
        view.see(&event);
    }
    answer
}

async fn room(pair: &mut Pair) -> View {
    let create = pair.bob.create_event(Form::Room, None, None);
    pair.bob.create(&mut pair.bob_client, &create).await;
    View::from_create(&create)
}

#[tokio::test]
// Proves: C14
async fn a_contact_reads_from_its_add_on_without_having_said_anything() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        let mut view = room(&mut pair).await;
        let account = pair.ada.account();
        let answer = add(&mut pair, &mut view, account, false).await;
        assert!(
            matches!(answer, Response::Appended { first: 2, .. }),
            "{answer:?}"
        );
        let (devices, accounts) = ([pair.ada.id()], pair.accounts());
        pair.bob
            .open_session(
                &mut pair.bob_client,
                &mut view,
                &devices,
                &accounts,
                b"news",
            )
            .await;
        while pair.ada_client.push().await != Some(Push::Joined { conv: view.conv }) {}
        let read = Request::Read {
            conv: view.conv,
            from: 1,
            count: 9,
        };
        let answer = pair.ada_client.ask(read).await;
        let Response::Page { page } = answer else {
            panic!("{answer:?}")
        };
        assert_eq!((page.first, page.events.len()), (2, 3));
        assert!(!page.events[1].boxes.is_empty());
        let message = Carried::read(&page.events[2].event).unwrap();
        assert!(
            message.whole().is_some(),
            "what was said while she was silent"
        );
    })
    .await;
}

#[tokio::test]
// Proves: C12
async fn who_is_no_contact_has_to_be_asked() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        let mut view = room(&mut pair).await;
        let refused = Response::refused(ErrorCode::NotPermitted);
        let mut eve = Person::new("eve");
        let mut eve_client = eve.register(&ground, &ground.invite().await.0).await;
        let account = eve.account();
        assert_eq!(add(&mut pair, &mut view, account, false).await, refused);
        // Who was asked and has not answered is no contact, whoever of the two asked.
        let create = eve.create_event(Form::Direct, Some(pair.bob.account()), None);
        eve.create(&mut eve_client, &create).await;
        assert_eq!(add(&mut pair, &mut view, account, false).await, refused);
        let direct = View::from_create(&create);
        let accept = pair.bob.control(Some(&direct), &Control::Accept {});
        let accepted = pair.bob.append(&mut pair.bob_client, &direct, vec![accept]);
        assert!(matches!(accepted.await, Response::Appended { .. }));
        let answer = add(&mut pair, &mut view, account, false).await;
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
        // A room that both are in makes nobody a contact, and nobody is his own.
        let dan = Person::new("dan");
        dan.register(&ground, &ground.invite().await.0).await;
        let answer = add(&mut pair, &mut view, dan.account(), true).await;
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
    })
    .await;
}
