//! Large rooms at the server: a thousand devices, boxes for all of them, and what a day's messages
//! leave behind. Printed, not compared: the figures are those of the machine.

use crate::ground::Ground;
use crate::person::{Person, View, device_box, history_box};
use crate::wire::Client;
use bytes::Bytes;
use std::time::Instant;
use subrosa_proto::*;

/// Messages of a person on a day, and bytes of a sealed body of a usual length.
const MESSAGES: usize = 20;
const BODY: usize = 160;
/// Members who are online and follow.
const FOLLOWERS: usize = 50;

struct Hall {
    ground: Ground,
    ada: Person,
    client: Client,
    view: View,
    devices: Vec<DeviceId>,
    accounts: Vec<AccountId>,
    followers: Vec<Client>,
}

impl Hall {
    async fn new(members: usize) -> Self {
        let ground = Ground::durable().await;
        let mut ada = Person::new("ada");
        let mut client = ada.register(&ground, &ground.invite().await.0).await;
        let create = ada.create_event(Form::Room, None, None);
        ada.create(&mut client, &create).await;
        let view = View::from_create(&create);
        let accounts = vec![ada.account()];
        let mut hall = Self {
            ground,
            ada,
            client,
            view,
            devices: Vec::new(),
            accounts,
            followers: Vec::new(),
        };
        for number in 1..members {
            hall.admit(number).await;
        }
        hall
    }

    async fn admit(&mut self, number: usize) {
        let mut person = Person::new(&format!("p{number}"));
        let secret = self.ground.invite().await.0;
        let mut client = person.register(&self.ground, &secret).await;
        let (account, role) = (person.account(), Role::Member);
        let add = self.ada.control(
            Some(&self.view),
            &Control::Add {
                account,
                role,
                pending: true,
            },
        );
        let answer = self
            .ada
            .append(&mut self.client, &self.view, vec![add.clone()])
            .await;
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
        self.view.see(&add);
        let accept = person.control(Some(&self.view), &Control::Accept {});
        let answer = person
            .append(&mut client, &self.view, vec![accept.clone()])
            .await;
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
        self.view.see(&accept);
        self.devices.push(person.id());
        self.accounts.push(account);
        if self.followers.len() < FOLLOWERS {
            self.followers.push(client);
        }
    }

    async fn follow(&mut self) {
        let conv = self.view.conv;
        for client in &mut self.followers {
            let cursors = vec![Cursor {
                conv,
                next: self.view.n + 1,
            }];
            client.done(Request::Follow { cursors }).await;
        }
    }

    /// Opens a session for everybody. Bytes of the boxes.
    async fn open(&mut self) -> usize {
        let mut after = self.view.clone();
        let key = self.ada.key_event(&mut after);
        let session = after.session;
        let device_boxes = self.devices.iter().map(|device| device_box(*device));
        let boxes = device_boxes.chain(self.accounts.iter().map(|account| history_box(*account)));
        let boxes: Vec<Bytes> = boxes.collect();
        for part in boxes.chunks(150) {
            let boxes = part.to_vec();
            self.client.done(Request::Stage { session, boxes }).await;
        }
        after.see(&key);
        let message = self.ada.message_event(&mut after, &[7; BODY]);
        let events = vec![key, message.clone()];
        let answer = self.ada.append(&mut self.client, &self.view, events).await;
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
        after.see(&message);
        self.view = after;
        boxes.iter().map(Bytes::len).sum()
    }

    /// Everybody who follows has all.
    async fn delivered(&mut self) {
        for client in &mut self.followers {
            let mut seen = 0;
            while seen < self.view.n {
                let page = client.page().await;
                seen = page.first + page.events.len() as u64 - 1;
            }
        }
    }

    fn stored(&self) -> u64 {
        let folder = self.ground.config().data.join("db");
        let db = rusqlite::Connection::open(folder.join("subrosa.db")).unwrap();
        let used = "SELECT sum(pgsize) FROM dbstat";
        let pages = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        db.query_row(used, [], |row| row.get(0))
            .or_else(|_| db.query_row(pages, [], |row| row.get(0)))
            .unwrap()
    }
}

#[tokio::test]
#[ignore = "a minute, prints figures: `just rooms`"]
async fn what_rooms_of_all_sizes_cost_the_server() {
    for members in [3, 50, 300, 1_000] {
        let mut hall = Hall::new(members).await;
        hall.follow().await;
        let before = hall.stored();
        let start = Instant::now();
        let boxes = hall.open().await;
        let answered = start.elapsed();
        hall.delivered().await;
        let delivered = start.elapsed();
        for _ in 1..MESSAGES {
            hall.ada
                .say(&mut hall.client, &mut hall.view, &[7; BODY])
                .await;
        }
        let all = hall.stored() - before;
        // The devices take their boxes.
        let conv = hall.view.conv;
        let to = hall.view.n;
        for client in &mut hall.followers {
            client.done(Request::AckBoxes { conv, to }).await;
        }
        let day = all as usize * members;
        println!(
            "{members} members: first message of {boxes} bytes of boxes answered after {} ms, with {} who follow after {} ms; {MESSAGES} messages of one person on a day store {all} bytes, of all {} KB before boxes are taken",
            answered.as_millis(),
            hall.followers.len(),
            delivered.as_millis(),
            day / 1_000,
        );
    }
}
