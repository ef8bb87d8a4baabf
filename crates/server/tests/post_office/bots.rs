//! Bots at the server: made by their owner, entered once, held to their warrant, ended.

use crate::ground::{Ground, everywhere};
use crate::person::{Pair, Person, View, key, sign};
use crate::wire::{Client, rng};
use bytes::Bytes;
use subrosa_ledger::text;
use subrosa_login::InviteSecret;
use subrosa_proto::*;

/// A bot of Bob's with the secret of its line, handed in and not entered.
struct Bot {
    person: Person,
    code: [u8; 32],
    code_hash: [u8; 32],
}

impl Bot {
    fn of(owner: &Person, name: &str, grants: Vec<Grant>) -> Self {
        let mut person = Person::new(name);
        person.chain.truncate(1);
        let body = encode(&Warrant {
            owner: owner.account(),
            device: owner.id(),
            bot: person.account(),
            grants,
        });
        let signature = sign(&owner.device, &text::warrant(&body));
        let warrant = Signed { body, signature };
        person.state(StatementOp::Bot { warrant });
        let secret = InviteSecret::generate(&mut rng());
        Self {
            person,
            code: *secret.code().as_bytes(),
            code_hash: secret.code().hash(),
        }
    }

    fn request(&self, ground: &Ground) -> Request {
        Request::BotNew {
            chain: self.person.chain.clone(),
            code_hash: self.code_hash,
            expires_ms: ground.now_ms() + limits::INVITE_MS,
            note: Bytes::from_static(b"sealed elsewhere"),
        }
    }

    fn finish(&mut self, ground: &Ground) -> Request {
        let (device, label) = (self.person.id(), "runner".to_owned());
        let statement = self.person.state(StatementOp::DeviceAdd { device, label });
        Request::BotFinish {
            code: self.code,
            statement,
            prekey: self
                .person
                .prekey(&self.person.device, 1, ground.now_ms() + limits::PREKEY_MS),
        }
    }

    async fn enter(&mut self, ground: &Ground) -> Client {
        let mut client = ground.connect().await;
        let reply = client.ask(Request::BotStart { code: self.code }).await;
        assert!(matches!(reply, Response::BotReply { .. }), "{reply:?}");
        let finish = self.finish(ground);
        client.done(finish).await;
        self.person.log_in(&mut client).await;
        client
    }
}

async fn room(pair: &mut Pair) -> View {
    let create = pair.bob.create_event(Form::Room, None, None);
    pair.bob.create(&mut pair.bob_client, &create).await;
    View::from_create(&create)
}

async fn control(pair: &mut Pair, view: &mut View, control: Control) -> Response {
    let event = pair.bob.control(Some(view), &control);
    let events = vec![event.clone()];
    let answer = pair.bob.append(&mut pair.bob_client, view, events).await;
    if matches!(answer, Response::Appended { .. }) {
        view.see(&event);
    }
    answer
}

// Proves: C11, C22
#[tokio::test]
async fn a_bots_line_makes_one_home_and_no_second() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        let mut bot = Bot::of(&pair.bob, "ci", Vec::new());
        let new = bot.request(&ground);
        // Only its owner hands it in, and may do so again.
        assert_eq!(
            pair.ada_client.refused(new.clone()).await,
            ErrorCode::Malformed
        );
        pair.bob_client.done(new.clone()).await;
        pair.bob_client.done(new).await;
        let taken = Bot::of(&pair.bob, "ci", Vec::new()).request(&ground);
        assert_eq!(pair.bob_client.refused(taken).await, ErrorCode::NameTaken);
        let mut client = bot.enter(&ground).await;

        let start = Request::BotStart { code: bot.code };
        let mut thief = ground.connect().await;
        assert_eq!(thief.refused(start).await, ErrorCode::InviteInvalid);
        // The same step again is done again, by the same device only.
        let chain = bot.person.chain.clone();
        let again = Request::BotFinish {
            code: bot.code,
            statement: chain[2].clone(),
            prekey: bot
                .person
                .prekey(&bot.person.device, 1, ground.now_ms() + limits::PREKEY_MS),
        };
        thief.done(again).await;
        bot.person.chain.truncate(2);
        bot.person.device = key();
        let second = bot.finish(&ground);
        assert_eq!(thief.refused(second).await, ErrorCode::InviteInvalid);
        // What a bot is not for.
        let invite = Request::InviteNew {
            code_hash: [1; 32],
            expires_ms: ground.now_ms() + limits::DAY_MS,
            note: Bytes::new(),
        };
        assert_eq!(client.refused(invite).await, ErrorCode::NotPermitted);
        let own = Bot::of(&bot.person, "ci2", Vec::new()).request(&ground);
        assert_eq!(client.refused(own).await, ErrorCode::NotPermitted);
    })
    .await;
}

// Proves: C12
#[tokio::test]
async fn a_bot_is_held_to_its_warrant() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        let mut posts = room(&mut pair).await;
        let mut other = room(&mut pair).await;
        let mut reads = room(&mut pair).await;
        let grant = |view: &View, post, read| Grant {
            conv: view.conv,
            post,
            read,
        };
        let grants = vec![grant(&posts, true, false), grant(&reads, false, true)];
        let mut bot = Bot::of(&pair.bob, "ci", grants);
        pair.bob_client.done(bot.request(&ground)).await;
        let (account, pending) = (bot.person.account(), false);
        let add = |role| Control::Add {
            account,
            role,
            pending,
        };
        // Its warrant is its acceptance, of these rooms and as this.
        let refused = Response::refused(ErrorCode::NotPermitted);
        for role in [Role::Member, Role::Admin] {
            assert_eq!(control(&mut pair, &mut posts, add(role)).await, refused);
        }
        for view in [&mut other, &mut reads] {
            let answer = control(&mut pair, view, add(Role::Poster)).await;
            assert_eq!(answer, refused);
        }
        for (view, role) in [(&mut posts, Role::Poster), (&mut reads, Role::Member)] {
            let answer = control(&mut pair, view, add(role)).await;
            assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
        }
        let raise = Control::SetRole {
            account,
            role: Role::Member,
        };
        assert_eq!(control(&mut pair, &mut posts, raise).await, refused);

        let mut client = bot.enter(&ground).await;
        let bob = [pair.bob.id()];
        let accounts = [pair.bob.account()];
        bot.person
            .open_session(&mut client, &mut posts.clone(), &bob, &accounts, b"built")
            .await;
        // It is handed nothing of what others wrote where it only posts.
        let mut in_reads = reads.clone();
        let event = bot.person.key_event(&mut in_reads);
        let answer = bot.person.append(&mut client, &reads, vec![event]).await;
        assert_eq!(answer, refused);
        for event in [
            bot.person.create_event(Form::Room, None, None),
            bot.person
                .create_event(Form::Direct, Some(pair.ada.account()), None),
        ] {
            assert_eq!(bot.person.create(&mut client, &event).await, refused);
        }
        // Nor does anybody else draw it into a conversation.
        let asked = pair.ada.create_event(Form::Direct, Some(account), None);
        let answer = pair.ada.create(&mut pair.ada_client, &asked).await;
        assert_eq!(answer, refused);
    })
    .await;
}

#[tokio::test]
async fn an_ended_bot_is_out_at_once_and_its_name_is_free() {
    everywhere(|ground| async move {
        let mut pair = Pair::new(&ground).await;
        let mut bot = Bot::of(&pair.bob, "ci", Vec::new());
        pair.bob_client.done(bot.request(&ground)).await;
        let mut client = bot.enter(&ground).await;
        let account = bot.person.account();
        let end = |statement| Request::BotEnd {
            bot: account,
            statement,
        };
        // Without the end of its device it is not over, and nobody else ends it.
        assert_eq!(
            pair.bob_client.refused(end(None)).await,
            ErrorCode::Conflict
        );
        let device = bot.person.id();
        let statement = bot.person.state(StatementOp::DeviceRevoke { device });
        assert_eq!(
            pair.ada_client.refused(end(Some(statement.clone()))).await,
            ErrorCode::NotFound
        );
        pair.bob_client.done(end(Some(statement.clone()))).await;
        pair.bob_client.done(end(Some(statement))).await;
        assert!(client.ended().await, "the connection is cut");
        let mut again = ground.connect().await;
        let login = bot.person.login(&again.transcript());
        assert_eq!(again.refused(login).await, ErrorCode::Revoked);
        // The name may be given to the next; a line that was never used goes with its bot.
        let next = Bot::of(&pair.bob, "ci", Vec::new());
        pair.bob_client.done(next.request(&ground)).await;
        let end = Request::BotEnd {
            bot: next.person.account(),
            statement: None,
        };
        pair.bob_client.done(end).await;
        let mut late = ground.connect().await;
        let start = Request::BotStart { code: next.code };
        assert_eq!(late.refused(start).await, ErrorCode::InviteInvalid);
    })
    .await;
}
