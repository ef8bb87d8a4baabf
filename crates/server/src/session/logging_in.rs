//! Login by password or recovery code: one attempt a connection. Once it is proved, a new device
//! can be certified and logs in on the same connection.

use super::Session;
use super::connection::Ended;
use super::greeting::{Greeting, Proof};
use crate::accounts::{OpenLogin, Proven, Renewed};
use crate::refused::Outcome;
use crate::storage::Store;
use subrosa_proto::{ErrorCode, FromClient, Name, Request, Response, limits};

/// A connection with a password login.
pub(crate) struct LoggingIn<S> {
    greeting: Greeting<S>,
    step: Step,
}

enum Step {
    /// The second message is awaited.
    Open(Box<OpenLogin>),
    /// It was right.
    Proven(Proven, Renewed),
}

impl<S: Store> LoggingIn<S> {
    /// From the first message.
    pub(super) async fn start(
        mut greeting: Greeting<S>,
        id: u64,
        credential: u8,
        name: &Name,
        ke1: &[u8],
    ) -> Session<S> {
        let (source, transcript) = (greeting.connection.source, greeting.connection.transcript);
        match greeting
            .office
            .password_start(source, &transcript, credential, name, ke1)
            .await
        {
            Ok((open, response)) => {
                let answered = greeting.connection.answer(id, response).await;
                Self {
                    greeting,
                    step: Step::Open(Box::new(open)),
                }
                .stay(answered)
            }
            Err(refused) => greeting.refuse(id, &refused).await,
        }
    }

    pub(super) async fn handle(self) -> Session<S> {
        match self.step {
            Step::Open(open) => Self::finish(self.greeting, *open).await,
            Step::Proven(proven, renewed) => Self::certify(self.greeting, proven, renewed).await,
        }
    }

    async fn finish(mut greeting: Greeting<S>, open: OpenLogin) -> Session<S> {
        let Ok(FromClient { id, request }) = greeting.request().await else {
            return greeting.end();
        };
        let Request::PasswordFinish { ke3 } = request else {
            return greeting.refuse(id, &ErrorCode::OutOfTurn.into()).await;
        };
        let number = greeting.connection.id;
        match greeting.office.password_finish(number, open, &ke3).await {
            Ok((proven, response)) => {
                greeting
                    .connection
                    .reader
                    .set_message_limit(limits::MESSAGE_BYTES_JOINING_MAX);
                let answered = greeting.connection.answer(id, response).await;
                Self {
                    greeting,
                    step: Step::Proven(proven, Renewed::default()),
                }
                .stay(answered)
            }
            Err(refused) => greeting.refuse(id, &refused).await,
        }
    }

    async fn certify(
        mut greeting: Greeting<S>,
        proven: Proven,
        mut renewed: Renewed,
    ) -> Session<S> {
        let Ok(FromClient { id, request }) = greeting.request().await else {
            return greeting.end();
        };
        let outcome: Outcome<Response> = match request {
            Request::DeviceLogin {
                account,
                device,
                signature,
            } => {
                let proof = Proof {
                    account,
                    device,
                    signature,
                };
                return greeting.log_in(id, proof, Some(proven)).await;
            }
            Request::ChainAppend {
                statements,
                bundle,
                prekey,
            } => {
                let appended = greeting
                    .office
                    .chain_append(&proven.0, statements, bundle, prekey);
                appended.await.map(|()| Response::Done {})
            }
            Request::SecretStart {
                credential,
                request,
            } => {
                let office = &greeting.office;
                office
                    .secret_start(&proven, &mut renewed, credential, &request)
                    .await
            }
            Request::OwnChain { from } => greeting.office.own_chain(&proven.0, from).await,
            Request::Ping {} => Ok(Response::Done {}),
            _ => Err(ErrorCode::OutOfTurn.into()),
        };
        let response = outcome.unwrap_or_else(|refused| {
            refused.report();
            refused.response()
        });
        let answered = greeting.connection.answer(id, response).await;
        Self {
            greeting,
            step: Step::Proven(proven, renewed),
        }
        .stay(answered)
    }

    fn stay(self, answered: Result<(), Ended>) -> Session<S> {
        match answered {
            Ok(()) => Session::LoggingIn(Box::new(self)),
            Err(Ended) => Session::Closed,
        }
    }
}
