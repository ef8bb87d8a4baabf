//! From a request of a logged-in device to the part of the server that carries it out.

use crate::accounts::NewBot;
use crate::conversations::{AppendJob, Given, NewBox, Packing, Parsed, ReturnJob};
use crate::limits::Pace;
use crate::records::PlaceRow;
use crate::refused::{Outcome, Refused};
use crate::session::{Ready, Reply};
use crate::storage::{Idem, Store};
use bytes::Bytes;
use std::time::Duration;
use subrosa_proto::{ConvId, ErrorCode, Request, Response, Signed, limits};

/// Signs of typing of one connection at once, and how often one after that.
const TYPING_BURST: u32 = 5;
const TYPING_PERIOD: Duration = Duration::from_secs(2);
/// Conversations of a `follow` that cost as much as another request.
const CURSORS_PER_TOKEN: usize = 50;

impl<S: Store> Ready<S> {
    /// Carries a request out, or puts it into a line where it waits for the disk.
    pub(crate) async fn dispatch(&mut self, request: Request) -> Reply {
        let outcome = match request {
            Request::Append {
                counter,
                conv,
                events,
            } => match self.append(counter, conv, events) {
                Ok(reply) => return reply,
                Err(refused) => Err(refused),
            },
            other => match self.charge(&other) {
                Ok(()) if matches!(other, Request::ReturnEvents { .. }) => {
                    match self.return_events(other) {
                        Ok(reply) => return reply,
                        Err(refused) => Err(refused),
                    }
                }
                Ok(()) => self.carry_out(other).await,
                Err(refused) => Err(refused),
            },
        };
        Reply::Now(outcome.unwrap_or_else(|refused| {
            refused.report();
            refused.response()
        }))
    }

    /// A request costs a token, one that looks up many conversations some more.
    fn charge(&mut self, request: &Request) -> Outcome<()> {
        let pace = self.office.rates.requests();
        if let Request::Follow { cursors } = request {
            for _ in 0..cursors.len() / CURSORS_PER_TOKEN {
                pace.reserve(&mut self.requests, self.office.uptime());
            }
        }
        pace.take(&mut self.requests, self.office.uptime())
            .map_err(Refused::Later)
    }

    fn append(&mut self, counter: u64, conv: ConvId, events: Vec<Bytes>) -> Outcome<Reply> {
        if events.is_empty() {
            return Err(ErrorCode::Malformed.into());
        }
        if events.len() > limits::APPEND_EVENTS_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        let (pace, now) = (self.office.rates.events(), self.office.uptime());
        for _ in &events {
            pace.take(&mut self.events, now).map_err(Refused::Later)?;
        }
        let (account, device) = (self.seat.account, self.seat.device);
        let parsed = events
            .into_iter()
            .map(|bytes| Parsed::read(bytes, &account, &device));
        let events = parsed.collect::<Outcome<Vec<_>>>()?;
        Ok(Reply::Later(self.office.submit(AppendJob {
            conv,
            account,
            device,
            counter,
            events,
        })))
    }

    /// What a device brings back to a restored server, or keeps for that.
    async fn take_back(&self, request: Request) -> Outcome<Response> {
        let (office, account) = (&self.office, &self.seat.account);
        match request {
            Request::ReturnChain {
                statements,
                bundle,
                prekeys,
            } => {
                office.return_chain(&statements, bundle, prekeys).await?;
                Ok(Response::Done {})
            }
            Request::Keepsake {} => office.keepsake(account).await,
            Request::LogAt { conv, at } => office.log_at(account, &conv, at).await,
            Request::ReturnBoxes {
                conv,
                position,
                boxes,
            } => {
                let device = &self.seat.device;
                office.return_boxes(device, &conv, position, boxes).await?;
                Ok(Response::Done {})
            }
            _ => Err(ErrorCode::OutOfTurn.into()),
        }
    }

    fn return_events(&self, request: Request) -> Outcome<Reply> {
        let Request::ReturnEvents {
            conv,
            first,
            before,
            events,
        } = request
        else {
            return Err(ErrorCode::OutOfTurn.into());
        };
        if events.len() > limits::PAGE_EVENTS_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        let now_ms = self.office.now_ms();
        let read = |delivered| Given::read(delivered, now_ms);
        let events = events.into_iter().map(read).collect::<Outcome<Vec<_>>>()?;
        Ok(Reply::Later(self.office.submit(ReturnJob {
            conv,
            account: self.seat.account,
            first,
            before,
            events,
        })))
    }

    async fn carry_out(&mut self, request: Request) -> Outcome<Response> {
        let office = self.office.clone();
        let (account, device) = (self.seat.account, self.seat.device);
        let done = |()| Response::Done {};
        match request {
            Request::Ping {} => Ok(done(())),
            Request::ChainAppend {
                statements,
                bundle,
                prekey,
            } if self.by_password => office
                .chain_append(&account, statements, bundle, prekey)
                .await
                .map(done),
            Request::PutPrekey { prekey } => {
                office.put_prekey(&account, &device, prekey).await.map(done)
            }
            Request::InviteNew {
                code_hash,
                expires_ms,
                note,
            } => office
                .invite_new(&account, code_hash, expires_ms, note)
                .await
                .map(done),
            Request::BotNew { .. } | Request::BotEnd { .. } => self.about_bots(request).await,
            Request::Lookup { .. }
            | Request::Genesis { .. }
            | Request::People { .. }
            | Request::ControlHistory { .. }
            | Request::Chains { .. }
            | Request::AuthorChain { .. }
            | Request::Conversations { .. }
            | Request::OwnChain { .. } => self.look_up(request).await,
            Request::Create { counter, event } => {
                office.create(&account, &device, counter, event).await
            }
            Request::Follow { cursors } => self.follow(cursors).await,
            Request::Read { conv, from, count } => self.read(conv, from, count).await,
            Request::PutReceipt { conv, register } => office
                .put_receipt(&self.seat, &conv, register)
                .await
                .map(done),
            Request::Typing { conv, register } => self.typing(conv, register).await.map(done),
            Request::ReturnChain { .. }
            | Request::Keepsake {}
            | Request::LogAt { .. }
            | Request::ReturnBoxes { .. } => self.take_back(request).await,
            Request::Stage { .. }
            | Request::AckBoxes { .. }
            | Request::Keys { .. }
            | Request::Pack { .. }
            | Request::AskBox { .. }
            | Request::GiveBox { .. } => self.carry_keys(request).await,
            Request::ChainAppend { .. }
            | Request::DeviceLogin { .. }
            | Request::RegisterStart { .. }
            | Request::RegisterFinish { .. }
            | Request::BotStart { .. }
            | Request::BotFinish { .. }
            | Request::PasswordStart { .. }
            | Request::PasswordFinish { .. }
            | Request::ShowVoucher { .. }
            | Request::ReturnEvents { .. }
            | Request::SecretStart { .. }
            | Request::Append { .. } => Err(ErrorCode::OutOfTurn.into()),
        }
    }

    /// Bots of this account.
    async fn about_bots(&self, request: Request) -> Outcome<Response> {
        let (office, account) = (&self.office, &self.seat.account);
        match request {
            Request::BotNew {
                chain,
                code_hash,
                expires_ms,
                note,
            } => {
                let new = NewBot {
                    chain,
                    code_hash,
                    expires_ms,
                    note,
                };
                office.bot_new(account, new).await?;
            }
            Request::BotEnd { bot, statement } => office.bot_end(account, &bot, statement).await?,
            _ => return Err(ErrorCode::OutOfTurn.into()),
        }
        Ok(Response::Done {})
    }

    /// Typing, as often as anybody types.
    async fn typing(&mut self, conv: ConvId, register: Signed) -> Outcome<()> {
        let pace = Pace::new(TYPING_BURST, 1, TYPING_PERIOD);
        pace.take(&mut self.typing, self.office.uptime())
            .map_err(Refused::Later)?;
        self.office.typing(&self.seat, &conv, register).await
    }

    /// Who people are, what they are in, and what their chains and the control events of a conversation say.
    async fn look_up(&self, request: Request) -> Outcome<Response> {
        let (office, account) = (&self.office, self.seat.account);
        match request {
            Request::Lookup { name } => office.lookup(&name).await,
            Request::Genesis { account } => office.genesis(&account).await,
            Request::Conversations { after } => {
                let heads = office.conversation_heads(&account, after).await;
                heads.map(|(heads, more)| Response::Conversations { heads, more })
            }
            Request::People { conv, after } => office.people(&account, &conv, after).await,
            Request::ControlHistory { conv, after } => {
                office.control_history(&account, &conv, after).await
            }
            Request::Chains { conv, accounts } => office.chains(&account, &conv, accounts).await,
            Request::AuthorChain { conv, position } => {
                office.author_chain(&account, &conv, position).await
            }
            Request::OwnChain { from } => office.own_chain(&account, from).await,
            _ => Err(ErrorCode::OutOfTurn.into()),
        }
    }

    /// What is about keys: the account's archive, and boxes that were lost.
    async fn carry_keys(&self, request: Request) -> Outcome<Response> {
        let office = self.office.clone();
        let (account, device) = (self.seat.account, self.seat.device);
        let done = |()| Response::Done {};
        match request {
            Request::Stage { session, boxes } => office
                .stage(&account, &device, session, boxes)
                .await
                .map(done),
            Request::AckBoxes { conv, to } => office.ack_boxes(&device, &conv, to).await.map(done),
            Request::Keys { conv, after, which } => {
                let place = self.place(&conv).await?;
                office
                    .keys(&self.reader(), &conv, &place, after, which)
                    .await
            }
            Request::Pack {
                counter,
                conv,
                positions,
                key_box,
            } => {
                let place = self.place(&conv).await?;
                let packing = Packing {
                    idem: Idem {
                        device: device.0,
                        counter,
                    },
                    positions,
                    bytes: key_box,
                };
                office
                    .pack(&account, &conv, &place, packing)
                    .await
                    .map(done)
            }
            Request::AskBox { conv, position } => {
                let place = self.place(&conv).await?;
                office
                    .ask_box(&self.reader(), &conv, &place, position)
                    .await
            }
            Request::GiveBox {
                counter,
                conv,
                position,
                key_box,
            } => {
                let place = self.place(&conv).await?;
                let idem = Idem {
                    device: device.0,
                    counter,
                };
                let given = NewBox {
                    conv,
                    position,
                    bytes: key_box,
                };
                office
                    .give_box(&self.reader(), &place, idem, given)
                    .await
                    .map(done)
            }
            _ => Err(ErrorCode::OutOfTurn.into()),
        }
    }

    async fn read(&self, conv: ConvId, from: u64, count: u64) -> Outcome<Response> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let mut place = self.place(&conv).await?;
        loop {
            let page = self
                .office
                .page(&self.reader(), &conv, &place, from, count)
                .await?;
            let after = self.place(&conv).await?;
            if after == place {
                if !page.events.is_empty() {
                    self.saw_delivery(&conv, page.first, page.events.len());
                }
                return Ok(Response::Page { page });
            }
            // Removed while it was read: no more than is for this account.
            place = after;
        }
    }

    async fn place(&self, conv: &ConvId) -> Outcome<PlaceRow> {
        let place = self.office.place(&self.seat.account, conv).await?;
        Ok(place.ok_or(ErrorCode::NotFound)?)
    }
}
