//! A good invite was shown: the account is made, or another name is tried.

use super::Session;
use super::connection::Ended;
use super::greeting::Greeting;
use crate::accounts::Invited;
use crate::refused::Outcome;
use crate::storage::Store;
use subrosa_proto::{ErrorCode, FromClient, Name, Request, Response, limits};

/// A connection with an invite and a name.
pub(crate) struct Joining<S> {
    greeting: Greeting<S>,
    invited: Invited,
}

impl<S: Store> Joining<S> {
    /// From the first step. A taken name leaves the connection where it was.
    pub(super) async fn start(
        mut greeting: Greeting<S>,
        id: u64,
        code: &[u8; 32],
        name: Name,
        password: &[u8],
        recovery: &[u8],
    ) -> Session<S> {
        let source = greeting.connection.source;
        match greeting
            .office
            .register_start(code, source, name, password, recovery)
            .await
        {
            Ok((invited, response)) => {
                greeting
                    .connection
                    .reader
                    .set_message_limit(limits::MESSAGE_BYTES_JOINING_MAX);
                let answered = greeting.connection.answer(id, response).await;
                Self { greeting, invited }.stay(answered)
            }
            Err(refused) => {
                refused.report();
                let answered = greeting.connection.answer(id, refused.response()).await;
                greeting.stay(answered)
            }
        }
    }

    pub(super) async fn handle(mut self) -> Session<S> {
        let Ok(FromClient { id, request }) = self.greeting.request().await else {
            return self.greeting.end();
        };
        let answered = match request {
            Request::RegisterFinish { .. } => {
                let finished = self.finish(request).await;
                let response = finished.as_ref().map_or_else(
                    |refused| {
                        refused.report();
                        refused.response()
                    },
                    |()| Response::Done {},
                );
                let answered = self.greeting.connection.answer(id, response).await;
                if finished.is_ok() {
                    return self.greeting.stay(answered);
                }
                answered
            }
            Request::RegisterStart {
                code,
                name,
                password,
                recovery,
            } => {
                return Self::start(self.greeting, id, &code, name, &password, &recovery).await;
            }
            Request::Ping {} => self.greeting.connection.answer(id, Response::Done {}).await,
            _ => {
                let refused = Response::refused(ErrorCode::OutOfTurn);
                self.greeting.connection.answer(id, refused).await
            }
        };
        self.stay(answered)
    }

    async fn finish(&self, request: Request) -> Outcome<()> {
        let Request::RegisterFinish {
            code,
            chain,
            bundle,
            prekey,
        } = request
        else {
            return Err(ErrorCode::OutOfTurn.into());
        };
        let number = self.greeting.connection.id;
        self.greeting
            .office
            .register_finish(number, &self.invited, &code, chain, bundle, prekey)
            .await
    }

    fn stay(self, answered: Result<(), Ended>) -> Session<S> {
        match answered {
            Ok(()) => Session::Joining(Box::new(self)),
            Err(Ended) => Session::Closed,
        }
    }
}
