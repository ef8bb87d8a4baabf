//! One connection through the script: the client's channel on one side, the post office's on the other.

use super::rng;
use super::script::{Fate, Script, Whose, Word};
use bytes::Bytes;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use subrosa_channel::io::{self, Link, Reader, Writer};
use subrosa_channel::{Hello, MESSAGE_BYTES_MAX, ServerKey};
use subrosa_proto::{FromClient, FromServer, Push, Request, decode, encode};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Connections that are open, and how something is pushed to them.
pub type Open = Arc<Mutex<Vec<(Whose, mpsc::UnboundedSender<FromServer>)>>>;

/// Lays a second channel behind the client's and lets the script sit in between. Gives the post office its end.
pub async fn lay(number: u64, client: Link, script: Script, open: Open) -> Option<Link> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.ok()?;
    let key = ServerKey::from_bytes(super::random());
    let config = io::Config::new(Hello::new(1, 1, "script").ok()?);
    let to = listener.local_addr().ok()?;
    let (office, ours) = tokio::join!(
        async {
            let (tcp, _) = listener.accept().await.ok()?;
            io::accept(tcp, &key, &config, &mut rng()).await.ok()
        },
        async {
            let tcp = TcpStream::connect(to).await.ok()?;
            io::connect(tcp, key.public(), &config, &mut rng())
                .await
                .ok()
        }
    );
    let (office, ours) = (office?, ours?);
    tokio::spawn(async move {
        let (mut from_client, to_client) = client.split();
        from_client.set_message_limit(MESSAGE_BYTES_MAX);
        let (from_office, to_office) = ours.split();
        let line = Line {
            whose: Whose {
                number,
                ..Whose::default()
            },
            asked: HashMap::new(),
            to_client,
            to_office,
            script,
            open,
        };
        line.run(from_client, from_office).await;
    });
    Some(office)
}

struct Line {
    whose: Whose,
    asked: HashMap<u64, Request>,
    to_client: Writer,
    to_office: Writer,
    script: Script,
    open: Open,
}

/// The connection has ended.
struct Over;

impl Line {
    async fn run(mut self, mut from_client: Reader, mut from_office: Reader) {
        let (push, mut pushes) = mpsc::unbounded_channel();
        self.open.lock().unwrap().push((self.whose.clone(), push));
        loop {
            let done = tokio::select! {
                said = from_client.recv() => match said {
                    Ok(Some(said)) => self.up(&said).await,
                    _ => Err(Over),
                },
                said = from_office.recv() => match said {
                    Ok(Some(said)) => self.down(said).await,
                    Ok(None) => {
                        drop(self.to_client.close().await);
                        Err(Over)
                    }
                    Err(_) => Err(Over),
                },
                Some(message) = pushes.recv() => self.say(&encode(&message)).await,
            };
            if done.is_err() {
                break;
            }
        }
        let number = self.whose.number;
        self.open
            .lock()
            .unwrap()
            .retain(|(whose, _)| whose.number != number);
    }

    async fn up(&mut self, said: &Bytes) -> Result<(), Over> {
        let Ok(FromClient { id, request }) = decode::<FromClient>(said) else {
            return self.ask_bytes(said).await;
        };
        self.learn(&request);
        let fate = self.script.fate(&self.whose, &Word::Asked(request.clone()));
        let request = match fate {
            Fate::Pass => request,
            Fate::Ask(other) => other,
            Fate::Answer(response) => {
                return self
                    .say(&encode(&FromServer::Answer { id, response }))
                    .await;
            }
            Fate::Drop => return Ok(()),
            Fate::Bytes(bytes) => return self.say(&bytes).await,
            Fate::With(pushes) => {
                for push in pushes {
                    self.say(&encode(&FromServer::Push { push })).await?;
                }
                request
            }
            Fate::Push(_) => panic!("a question is no push"),
            Fate::Cut => return Err(Over),
        };
        self.asked.insert(id, request.clone());
        self.ask_bytes(&encode(&FromClient { id, request })).await
    }

    async fn down(&mut self, said: Bytes) -> Result<(), Over> {
        let message: FromServer = decode(&said).expect("a real server says what can be read");
        let (word, id) = match message {
            FromServer::Answer { id, response } => {
                let asked = self.asked.remove(&id).expect("an answer has a question");
                (Word::Answered { asked, response }, Some(id))
            }
            FromServer::Push { push } => (Word::Pushed(push), None),
        };
        match (self.script.fate(&self.whose, &word), id) {
            (Fate::Pass, _) => self.say(&said).await,
            (Fate::Answer(response), Some(id)) => {
                self.say(&encode(&FromServer::Answer { id, response }))
                    .await
            }
            (Fate::Push(pushes), None) => self.push_all(pushes).await,
            (Fate::With(pushes), _) => {
                self.say(&said).await?;
                self.push_all(pushes).await
            }
            (Fate::Bytes(bytes), _) => self.say(&bytes).await,
            (Fate::Drop, _) => Ok(()),
            (Fate::Cut, _) => Err(Over),
            (fate, _) => panic!("{fate:?} does not fit {word:?}"),
        }
    }

    /// Who is speaking.
    fn learn(&mut self, request: &Request) {
        match request {
            Request::DeviceLogin {
                account, device, ..
            } => {
                self.whose.account = Some(*account);
                self.whose.device = Some(*device);
            }
            Request::PasswordStart { name, .. } | Request::RegisterStart { name, .. } => {
                self.whose.name = Some(name.clone());
            }
            _ => return,
        }
        let mut open = self.open.lock().unwrap();
        let number = self.whose.number;
        if let Some((whose, _)) = open.iter_mut().find(|(whose, _)| whose.number == number) {
            *whose = self.whose.clone();
        }
    }

    async fn push_all(&mut self, pushes: Vec<Push>) -> Result<(), Over> {
        for push in pushes {
            self.say(&encode(&FromServer::Push { push })).await?;
        }
        Ok(())
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), Over> {
        self.to_client.send(bytes).map_err(|_| Over)?;
        self.to_client.flush().await.map_err(|_| Over)
    }

    async fn ask_bytes(&mut self, bytes: &[u8]) -> Result<(), Over> {
        self.to_office.send(bytes).map_err(|_| Over)?;
        self.to_office.flush().await.map_err(|_| Over)
    }
}
