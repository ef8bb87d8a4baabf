//! One conversation in JSON-RPC: with a guest, with a program at the socket, or over standard input and output.

use super::build::is_newer;
use super::wire::{
    Asks, Ended, EndedWord, Hello, HelloResult, Id, NoticeWord, Noticed, REQUEST_BYTES_MAX, Read,
    Refusal, Request, Told, Version, Wrong, line, next_line, request,
};
use crate::command::{Answer, Call, Caller, Command, Failure};
use crate::randomness;
use crate::view::Notice;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

/// Lines that wait for a reader; more make whoever writes them wait.
const LINES_WAITING_MAX: usize = 64;
/// Notices that wait for one subscription before it is made anew.
const NOTICES_WAITING_MAX: usize = 1_024;
/// Requests of one connection that are under way at once.
const REQUESTS_MAX: usize = 256;

/// Who is spoken with.
#[derive(Clone)]
pub(super) struct Host {
    /// The verb that serves.
    pub face: String,
    /// Where commands go.
    pub calls: mpsc::Sender<Call>,
    /// Told when a newer build asks for the home; only an agent has it.
    pub way: Option<Arc<Notify>>,
}

/// The other side has gone.
struct Gone;

/// Speaks until the input has ended and all of it is answered, or nobody reads any more.
pub(super) async fn converse(
    from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    host: Host,
) {
    let (lines, mut outgoing) = mpsc::channel::<Vec<u8>>(LINES_WAITING_MAX);
    let write = async {
        while let Some(line) = outgoing.recv().await {
            to.write_all(&line).await.map_err(|_| Gone)?;
            if outgoing.is_empty() {
                to.flush().await.map_err(|_| Gone)?;
            }
        }
        Ok(())
    };
    let talk = Talk {
        host,
        lines,
        answers: JoinSet::new(),
        following: JoinSet::new(),
        subscriptions: HashMap::new(),
    };
    drop(tokio::try_join!(talk.listen(from), write));
}

struct Talk {
    host: Host,
    lines: mpsc::Sender<Vec<u8>>,
    answers: JoinSet<()>,
    following: JoinSet<()>,
    subscriptions: HashMap<String, AbortHandle>,
}

impl Talk {
    /// Reads requests in their order. At the end of the input what was asked is answered, and subscriptions end.
    async fn listen(mut self, from: impl AsyncRead + Unpin) -> Result<(), Gone> {
        let mut from = BufReader::new(from);
        let mut text = Vec::new();
        loop {
            let asked = match next_line(&mut from, &mut text, REQUEST_BYTES_MAX).await {
                Read::Line if text.iter().all(u8::is_ascii_whitespace) => continue,
                Read::Line => request(&text),
                Read::TooLong => {
                    let why = "the line is longer than 1 MiB, and the connection ends here";
                    self.refuse(Id::null(), Refusal::no_request(why)).await?;
                    break;
                }
                Read::End => break,
            };
            match asked {
                Ok(asked) => self.take(asked).await?,
                Err(Wrong { id, refusal }) => self.refuse(id, refusal).await?,
            }
            while self.answers.try_join_next().is_some() {}
            while self.following.try_join_next().is_some() {}
            if self.answers.len() >= REQUESTS_MAX {
                self.answers.join_next().await;
            }
        }
        while self.answers.join_next().await.is_some() {}
        Ok(())
    }

    async fn take(&mut self, asked: Request) -> Result<(), Gone> {
        let Request { id, asks } = asked;
        match asks {
            Asks::Hello(hello) => {
                let way = self.host.way.as_ref();
                let way = way.filter(|_| is_newer(&hello.build, subrosa_proto::BUILD));
                let gives_way = way.cloned();
                let hello = Hello {
                    build: subrosa_proto::BUILD.to_owned(),
                    face: self.host.face.clone(),
                    gives_way: gives_way.is_some(),
                };
                let result = HelloResult { hello };
                self.tell(id, |jsonrpc, id| Told::Hello {
                    jsonrpc,
                    id,
                    result,
                })
                .await?;
                if let Some(way) = gives_way {
                    way.notify_one();
                }
                Ok(())
            }
            Asks::Discover => {
                let result = crate::rpc::document();
                self.tell(id, |jsonrpc, id| Told::Document {
                    jsonrpc,
                    id,
                    result,
                })
                .await
            }
            Asks::Unsubscribe(which) => self.unsubscribe(id, &which).await,
            Asks::Command(caller, command) => {
                let Some(caller) = caller.or_else(fresh_caller) else {
                    let failure = Failure::defect("the system gives no random numbers");
                    return self
                        .refuse(id.unwrap_or_else(Id::null), failure.into())
                        .await;
                };
                self.command(id, caller, command).await
            }
        }
    }

    async fn unsubscribe(&mut self, id: Option<Id>, which: &Id) -> Result<(), Gone> {
        let Some(following) = self.subscriptions.remove(&which.0.to_string()) else {
            let failure = Failure::user("this connection has no such subscription");
            return self
                .refuse(id.unwrap_or_else(Id::null), failure.into())
                .await;
        };
        following.abort();
        let result = Answer::Done {};
        self.tell(id, |jsonrpc, id| Told::Result {
            jsonrpc,
            id,
            result,
        })
        .await
    }

    /// Passes a command on. Commands of one connection reach the owner in their order; only answers are waited for aside.
    async fn command(
        &mut self,
        id: Option<Id>,
        caller: Caller,
        command: Command,
    ) -> Result<(), Gone> {
        let since = match &command {
            Command::Subscribe { since, .. } => Some(*since),
            _ => None,
        };
        let (call, answer, arriving) = call(caller, command.clone(), since.is_some());
        self.host.calls.send(call).await.map_err(|_| Gone)?;
        let (Some(arriving), Command::Subscribe { conversation, .. }) = (arriving, command) else {
            let lines = self.lines.clone();
            self.answers.spawn(async move {
                // No answer means that the owner is ending: a guest repeats the command with the next.
                if let (Ok(result), Some(id)) = (answer.await, id) {
                    drop(lines.send(line(&told(id, result))).await);
                }
            });
            return Ok(());
        };
        let id = id.unwrap_or_else(Id::null);
        let following = Following {
            id: id.clone(),
            conversation,
            since: since.flatten(),
            calls: self.host.calls.clone(),
            lines: self.lines.clone(),
        };
        let handle = self.following.spawn(following.run(answer, arriving));
        self.subscriptions.insert(id.0.to_string(), handle);
        Ok(())
    }

    async fn refuse(&self, id: Id, error: Refusal) -> Result<(), Gone> {
        self.tell(Some(id), |jsonrpc, id| Told::Error { jsonrpc, id, error })
            .await
    }

    /// Nothing is said to a request without an id.
    async fn tell(
        &self,
        id: Option<Id>,
        told: impl FnOnce(Version, Id) -> Told,
    ) -> Result<(), Gone> {
        let Some(id) = id else { return Ok(()) };
        let line = line(&told(Version::Two, id));
        self.lines.send(line).await.map_err(|_| Gone)
    }
}

fn fresh_caller() -> Option<Caller> {
    randomness::name::<16>().ok().map(Caller)
}

type Reply = oneshot::Receiver<Result<Answer, Failure>>;
type Arriving = mpsc::Receiver<Notice>;

fn call(caller: Caller, command: Command, subscribes: bool) -> (Call, Reply, Option<Arriving>) {
    let (reply, answer) = oneshot::channel();
    let (notices, arriving) = if subscribes {
        let (notices, arriving) = mpsc::channel(NOTICES_WAITING_MAX);
        (Some(notices), Some(arriving))
    } else {
        (None, None)
    };
    let call = Call {
        caller,
        command,
        reply,
        notices,
    };
    (call, answer, arriving)
}

fn told(id: Id, result: Result<Answer, Failure>) -> Told {
    let jsonrpc = Version::Two;
    match result {
        Ok(result) => Told::Result {
            jsonrpc,
            id,
            result,
        },
        Err(failure) => Told::Error {
            jsonrpc,
            id,
            error: failure.into(),
        },
    }
}

/// A subscription. Its stream ends when its reader does not keep up; it is made anew after the last row that was passed
/// on, so that a slow reader gets every row, late.
struct Following {
    id: Id,
    conversation: Option<String>,
    since: Option<u64>,
    calls: mpsc::Sender<Call>,
    lines: mpsc::Sender<Vec<u8>>,
}

impl Following {
    async fn run(mut self, answer: Reply, mut arriving: Arriving) {
        let Ok(result) = answer.await else { return };
        let failed = result.is_err();
        if let Ok(Answer::Subscribed { cursor }) = &result {
            self.since.get_or_insert(*cursor);
        }
        if self
            .lines
            .send(line(&told(self.id.clone(), result)))
            .await
            .is_err()
            || failed
        {
            return;
        }
        while let Some(()) = self.pass_on(&mut arriving).await {
            let command = Command::Subscribe {
                conversation: self.conversation.clone(),
                since: self.since,
            };
            let Some(caller) = fresh_caller() else { return };
            let (call, answer, next) = call(caller, command, true);
            let (Ok(()), Some(next)) = (self.calls.send(call).await, next) else {
                return;
            };
            match answer.await {
                Ok(Ok(_)) => arriving = next,
                Ok(Err(failure)) => return self.end(failure).await,
                // The owner is ending.
                Err(_) => return,
            }
        }
    }

    /// Says why nothing comes any more.
    async fn end(self, failure: Failure) {
        let told = Told::Ended {
            jsonrpc: Version::Two,
            method: EndedWord::Ended,
            params: Ended {
                subscription: self.id,
                error: failure.into(),
            },
        };
        drop(self.lines.send(line(&told)).await);
    }

    /// Until the stream ends; `None` when nobody reads.
    async fn pass_on(&mut self, arriving: &mut Arriving) -> Option<()> {
        while let Some(notice) = arriving.recv().await {
            if let Notice::Row(row) = &notice {
                if self.since.is_some_and(|since| row.cursor <= since) {
                    continue;
                }
                self.since = Some(row.cursor);
            }
            let params = Noticed {
                subscription: self.id.clone(),
                notice,
            };
            let told = Told::Notice {
                jsonrpc: Version::Two,
                method: NoticeWord::Notice,
                params,
            };
            self.lines.send(line(&told)).await.ok()?;
        }
        Some(())
    }
}
