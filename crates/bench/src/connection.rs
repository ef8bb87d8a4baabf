//! A connection of the load: requests with their answers, and pages of followed conversations in their order.

use crate::outcome::{Outcome, link, lost, unexpected};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use subrosa_channel::io::{Link, Reader, Writer};
use subrosa_client::Failure;
use subrosa_proto::{ErrorCode, FromClient, FromServer, Page, Push, Request, Response};
use tokio::time::{sleep, timeout};

/// Nothing that a load waits for takes this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Connection {
    reader: Reader,
    writer: Writer,
    transcript: [u8; 32],
    next_id: u64,
    pages: VecDeque<Page>,
    answers: VecDeque<(u64, Response)>,
}

impl Connection {
    pub(crate) fn new(link: Link) -> Self {
        let transcript = *link.transcript();
        let (reader, writer) = link.split();
        Self {
            reader,
            writer,
            transcript,
            next_id: 0,
            pages: VecDeque::new(),
            answers: VecDeque::new(),
        }
    }

    pub(crate) const fn transcript(&self) -> &[u8; 32] {
        &self.transcript
    }

    /// Queues a request; the number of its answer. It leaves with the next flush.
    pub(crate) fn queue(&mut self, request: Request) -> Outcome<u64> {
        self.next_id += 1;
        let id = self.next_id;
        let message = subrosa_proto::encode(&FromClient { id, request });
        self.writer
            .send(&message)
            .map_err(|error| link(&error.into()))?;
        Ok(id)
    }

    pub(crate) async fn flush(&mut self) -> Outcome<()> {
        self.writer
            .flush()
            .await
            .map_err(|error| link(&error.into()))
    }

    /// What the server says next; answers and pages are kept in their order.
    async fn take_in(&mut self) -> Outcome<()> {
        let received = timeout(PATIENCE, self.reader.recv())
            .await
            .map_err(|_| Failure::network("the server did not answer in time: look at its log"))?;
        let bytes = received.map_err(|error| link(&error))?.ok_or_else(lost)?;
        match subrosa_proto::decode(&bytes) {
            Ok(FromServer::Answer { id, response }) => self.answers.push_back((id, response)),
            Ok(FromServer::Push {
                push: Push::Events { page },
            }) => self.pages.push_back(page),
            Ok(FromServer::Push { .. }) => {}
            Err(error) => {
                return Err(Failure::network(format!(
                    "what the server said cannot be read ({error}): use the same version of subrosa"
                )));
            }
        }
        Ok(())
    }

    /// Takes in whatever has arrived already, without waiting.
    async fn take_in_ready(&mut self) -> Outcome<()> {
        loop {
            let mut next = pin!(self.take_in());
            let ready = poll_fn(|context| match next.as_mut().poll(context) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending => Poll::Ready(None),
            });
            match ready.await {
                Some(done) => done?,
                None => return Ok(()),
            }
        }
    }

    /// All answers that are there, at least one, in the order in which they came.
    pub(crate) async fn answers(&mut self) -> Outcome<VecDeque<(u64, Response)>> {
        while self.answers.is_empty() {
            self.take_in().await?;
        }
        self.take_in_ready().await?;
        Ok(std::mem::take(&mut self.answers))
    }

    /// All answers and pages that are there, at least one of either.
    pub(crate) async fn news(&mut self) -> Outcome<(VecDeque<(u64, Response)>, VecDeque<Page>)> {
        while self.answers.is_empty() && self.pages.is_empty() {
            self.take_in().await?;
        }
        self.take_in_ready().await?;
        Ok((
            std::mem::take(&mut self.answers),
            std::mem::take(&mut self.pages),
        ))
    }

    /// The next page of a followed conversation.
    pub(crate) async fn page(&mut self) -> Outcome<Page> {
        loop {
            if let Some(page) = self.pages.pop_front() {
                return Ok(page);
            }
            self.take_in().await?;
        }
    }

    /// Asks, and again after the pause that a server names which is asked too often.
    pub(crate) async fn ask(&mut self, request: &Request) -> Outcome<Response> {
        loop {
            let id = self.queue(request.clone())?;
            self.flush().await?;
            let response = self.answer(id).await?;
            match response {
                Response::Refused { refusal } if refusal.code == ErrorCode::RateLimited => {
                    sleep(Duration::from_millis(refusal.retry_ms)).await;
                }
                response => return Ok(response),
            }
        }
    }

    async fn answer(&mut self, id: u64) -> Outcome<Response> {
        loop {
            if let Some(at) = self.answers.iter().position(|(other, _)| *other == id)
                && let Some((_, response)) = self.answers.remove(at)
            {
                return Ok(response);
            }
            self.take_in().await?;
        }
    }

    /// Takes leave in order.
    pub(crate) async fn close(mut self) -> Outcome<()> {
        self.writer.close().await.map_err(|error| link(&error))
    }

    /// Asks for something that is answered by `Done`.
    pub(crate) async fn done(&mut self, what: &str, request: &Request) -> Outcome<()> {
        match self.ask(request).await? {
            Response::Done {} => Ok(()),
            other => Err(unexpected(what, &other)),
        }
    }
}
