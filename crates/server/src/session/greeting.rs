//! The channel stands, and nobody has said who he is. The states before a login share the wait for
//! the next request: it ends with the time, with the server, or when others need the room.

use super::connection::{Connection, Ended};
use super::joining::Joining;
use super::logging_in::LoggingIn;
use super::{Ready, Session, Ticket};
use crate::accounts::Proven;
use crate::delivery::Seat;
use crate::office::{Office, until_closing};
use crate::refused::Refused;
use crate::storage::Store;
use std::sync::Arc;
use subrosa_proto::{
    AccountId, DeviceId, ErrorCode, FromClient, Request, Response, Statement, limits,
};
use tokio::time::{Instant, sleep_until};

/// Requests before a login: more than any flow needs.
const REQUESTS_MAX: u32 = 64;

/// A connection before its login.
pub(crate) struct Greeting<S> {
    pub(super) office: Arc<Office<S>>,
    pub(super) connection: Connection,
    ticket: Ticket,
    deadline: Instant,
    requests: u32,
    /// An account that is not here and has shown that this server had it.
    vouched: Option<AccountId>,
}

/// What a device shows to log in.
pub(super) struct Proof {
    pub(super) account: AccountId,
    pub(super) device: DeviceId,
    pub(super) signature: [u8; 64],
}

impl<S: Store> Greeting<S> {
    pub(super) fn new(
        office: Arc<Office<S>>,
        connection: Connection,
        ticket: Ticket,
        deadline: Instant,
    ) -> Self {
        Self {
            office,
            connection,
            ticket,
            deadline,
            requests: 0,
            vouched: None,
        }
    }

    pub(super) async fn handle(mut self) -> Session<S> {
        let Ok(FromClient { id, request }) = self.request().await else {
            return self.end();
        };
        let answered = match request {
            Request::Ping {} => self.connection.answer(id, Response::Done {}).await,
            Request::DeviceLogin {
                account,
                device,
                signature,
            } => {
                return self
                    .log_in(
                        id,
                        Proof {
                            account,
                            device,
                            signature,
                        },
                        None,
                    )
                    .await;
            }
            Request::ShowVoucher { .. } | Request::ReturnChain { .. } => {
                let response = self.take_back(request).await;
                self.connection.answer(id, response).await
            }
            Request::BotStart { .. } | Request::BotFinish { .. } => {
                let response = self.take_bot(request).await;
                self.connection.answer(id, response).await
            }
            Request::RegisterStart {
                code,
                name,
                password,
                recovery,
            } => {
                return Joining::start(self, id, &code, name, &password, &recovery).await;
            }
            Request::PasswordStart {
                credential,
                name,
                ke1,
            } => {
                return LoggingIn::start(self, id, credential, &name, &ke1).await;
            }
            _ => {
                self.connection
                    .answer(id, Response::refused(ErrorCode::OutOfTurn))
                    .await
            }
        };
        self.stay(answered)
    }

    /// Somebody holds the line of a bot.
    async fn take_bot(&self, request: Request) -> Response {
        let answer = match request {
            Request::BotStart { code } => self.office.bot_start(&code).await,
            Request::BotFinish {
                code,
                statement,
                prekey,
            } => {
                let finished = self.office.bot_finish(&code, statement, prekey).await;
                finished.map(|()| Response::Done {})
            }
            _ => Err(ErrorCode::OutOfTurn.into()),
        };
        answer.unwrap_or_else(|refused| {
            refused.report();
            refused.response()
        })
    }

    /// An account that a restored server does not have any more brings itself back.
    async fn take_back(&mut self, request: Request) -> Response {
        let done = match request {
            Request::ShowVoucher { account, voucher } => {
                let shown = self.office.vouched(&account, &voucher);
                if shown.is_ok() {
                    self.vouched = Some(account);
                    self.connection
                        .reader
                        .set_message_limit(limits::MESSAGE_BYTES_JOINING_MAX);
                }
                shown
            }
            Request::ReturnChain {
                statements,
                bundle,
                prekeys,
            } => {
                let first = statements.first();
                let first = first.and_then(|s| subrosa_proto::decode::<Statement>(&s.body).ok());
                if self.vouched.is_some() && first.map(|s| s.account) == self.vouched {
                    self.office.return_chain(&statements, bundle, prekeys).await
                } else {
                    Err(ErrorCode::OutOfTurn.into())
                }
            }
            _ => Err(ErrorCode::OutOfTurn.into()),
        };
        match done {
            Ok(()) => Response::Done {},
            Err(refused) => {
                refused.report();
                refused.response()
            }
        }
    }

    /// The next request, if it comes in time.
    pub(super) async fn request(&mut self) -> Result<FromClient, Ended> {
        self.requests += 1;
        if self.requests > REQUESTS_MAX {
            return Err(Ended);
        }
        let mut closing = self.office.closing.subscribe();
        tokio::select! {
            request = self.connection.request() => request,
            () = sleep_until(self.deadline) => Err(Ended),
            () = self.ticket.revoked() => Err(Ended),
            () = until_closing(&mut closing) => Err(Ended),
        }
    }

    /// After an answer.
    pub(super) fn stay(self, answered: Result<(), Ended>) -> Session<S> {
        match answered {
            Ok(()) => Session::Greeting(Box::new(self)),
            Err(Ended) => Session::Closed,
        }
    }

    /// Nothing came in time, or nothing that could be understood.
    pub(super) fn end(self) -> Session<S> {
        Session::Closing(Box::new(self.connection))
    }

    /// A refusal that ends the connection, such as one of a login.
    pub(super) async fn refuse(mut self, id: u64, refused: &Refused) -> Session<S> {
        refused.report();
        match self.connection.answer(id, refused.response()).await {
            Ok(()) => self.end(),
            Err(Ended) => Session::Closed,
        }
    }

    /// Login of a device, on a connection where a password may have been proved before.
    pub(super) async fn log_in(
        mut self,
        id: u64,
        proof: Proof,
        proven: Option<Proven>,
    ) -> Session<S> {
        let Proof {
            account,
            device,
            signature,
        } = proof;
        let (number, transcript) = (self.connection.id, self.connection.transcript);
        let seat = Arc::new(Seat::new(account, device));
        let login = self
            .office
            .device_login(number, &transcript, &seat, &signature);
        let (name, response) = match login.await {
            Ok(login) => login,
            Err(refused) => {
                self.office.delivery.leave(&seat, std::iter::empty());
                return self.refuse(id, &refused).await;
            }
        };
        self.office.know_source(&name, self.connection.source);
        if self.connection.answer(id, response).await.is_err() {
            self.office.delivery.leave(&seat, std::iter::empty());
            return Session::Closed;
        }
        self.ticket.redeem();
        self.office.recall_asks(&seat).await;
        let by_password = proven == Some(Proven(account));
        Session::Ready(Box::new(Ready::new(
            self.office,
            self.connection,
            seat,
            by_password,
        )))
    }
}
