//! An append: judged, stored with its boxes and the records that change with it in one
//! transaction, and only then answered and announced.

use super::judge::{Judged, Parsed};
use super::loading::Loaded;
use crate::observer::Seen;
use crate::office::Office;
use crate::records::{self, ConversationRow, MARK_STEP};
use crate::refused::{Outcome, Refused};
use crate::storage::{
    Append, Appended, Guard, Idem, LogId, NewEvent, Revision, StageKey, Staged, Store, StoreError,
    Write,
};
use subrosa_ledger::{Conversation, Effect, carried_hash};
use subrosa_proto::{
    AccountId, Control, ConvId, DeviceId, ErrorCode, LogHash, Response, Role, encode, limits,
};

/// Events that a device wants to append.
#[derive(Debug)]
pub(crate) struct AppendJob {
    pub(crate) conv: ConvId,
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) counter: u64,
    pub(crate) events: Vec<Parsed>,
}

impl AppendJob {
    pub(super) fn idem(&self) -> Idem {
        Idem {
            device: self.device.0,
            counter: self.counter,
        }
    }
}

pub(super) fn answer(appended: &Appended) -> Response {
    Response::Appended {
        first: appended.first,
        time_ms: appended.time_ms,
    }
}

impl<S: Store> Office<S> {
    /// Carries a job out. Whenever the store's answer leaves doubt about the state in memory, that
    /// is dropped and loaded anew for the next one.
    pub(super) async fn append(
        &self,
        loaded: &mut Option<Box<Loaded>>,
        job: AppendJob,
    ) -> Outcome<Response> {
        let mut again = true;
        loop {
            let current = match loaded {
                Some(current) => current,
                None => loaded.insert(self.load(&job.conv).await?.ok_or(ErrorCode::NotFound)?),
            };
            match self.append_once(current, &job).await {
                Err(Refused::Store(error)) => {
                    *loaded = None;
                    let moved = matches!(
                        error,
                        StoreError::GuardFailed { .. }
                            | StoreError::Conflict { .. }
                            | StoreError::Moved
                    );
                    if !(moved && again) {
                        return Err(error.into());
                    }
                    again = false;
                }
                outcome => return outcome,
            }
        }
    }

    async fn append_once(&self, loaded: &mut Loaded, job: &AppendJob) -> Outcome<Response> {
        let judged = match self.judge(loaded, job).await? {
            Ok(judged) => judged,
            Err(fault) => {
                // What was stored before under this number is valid no more than once.
                return match self.earlier(&job.conv, job.idem()).await? {
                    Some(first) if self.repeats(job, &first).await? => Ok(answer(&first)),
                    _ => fault.answer(&loaded.state),
                };
            }
        };
        let append = self.plan(loaded, job, &judged).await?;
        let appended = match self.store_with_boxes(job, &judged, append).await {
            Err(Refused::Store(StoreError::NotStaged { missing })) => {
                tracing::debug!(conv = ?job.conv, missing, "boxes are missing");
                return Ok(Response::Stale {
                    ctl: loaded.state.ctl(),
                });
            }
            other => other?,
        };
        if appended.repeated {
            if !self.repeats(job, &appended).await? {
                return Err(ErrorCode::Conflict.into());
            }
            self.delivery.ring(&job.conv, true);
        } else {
            let deletes = judged.effects.iter().any(deletes);
            self.advance(loaded, job, judged, &appended);
            if deletes {
                self.drop_bodies().await;
            }
        }
        Ok(answer(&appended))
    }

    /// Takes the judged state over and tells everybody.
    pub(super) fn advance(
        &self,
        loaded: &mut Loaded,
        job: &AppendJob,
        judged: Judged,
        appended: &Appended,
    ) {
        if appended.revision != Revision::ABSENT {
            loaded.revision = appended.revision;
        }
        loaded.state = judged.state;
        for step in judged.steps {
            loaded.recent.push(step);
        }
        for (n, effect) in judged.effects.iter().enumerate() {
            self.tell(job, appended, n, matches!(effect, Effect::Key(_)));
        }
        let controls = judged.effects.iter().filter_map(|effect| match effect {
            Effect::Control(control) => Some(control),
            _ => None,
        });
        let mut places = false;
        for control in controls {
            places = true;
            if let Control::Add { account, .. } = control {
                self.delivery.joined(account, &job.conv);
            }
        }
        self.delivery.ring(&job.conv, places);
    }

    /// Keeps a stored event of a job at hand for those who follow, unless it has boxes.
    pub(super) fn tell(&self, job: &AppendJob, appended: &Appended, n: usize, boxed: bool) {
        let Some(parsed) = job.events.get(n) else {
            return;
        };
        let (conv, position) = (job.conv, appended.first + n as u64);
        let event = (!boxed).then(|| parsed.bytes.clone());
        self.delivery.keep(&conv, position, appended.time_ms, event);
        self.see(|| Seen::Message {
            conv,
            position,
            account: job.account,
            size: parsed.bytes.len(),
            ciphertext: parsed.event.body.clone(),
        });
    }

    /// The append without boxes: guarded by the written state, or writing it anew.
    pub(super) async fn plan(
        &self,
        loaded: &Loaded,
        job: &AppendJob,
        judged: &Judged,
    ) -> Outcome<Append> {
        let conv = &job.conv;
        let (head, log) = judged.state.head();
        let first = loaded.state.head().0 + 1;
        let steps = (first..).zip(&judged.steps);
        let marked = steps.filter(|(position, _)| position % MARK_STEP == 0);
        let marks = marked.map(|(position, step)| mark(conv, position, step.log));
        let mut writes: Vec<_> = marks.collect();
        for ((position, effect), parsed) in (first..).zip(&judged.effects).zip(&job.events) {
            if let Effect::Control(control) = effect {
                self.check_control(&judged.state, &job.account, control)
                    .await?;
                writes.push(Write {
                    key: records::control(conv, position),
                    expected: Revision::ABSENT,
                    value: Some(parsed.bytes.clone()),
                });
                writes.extend(
                    self.place_writes(&judged.state, &job.account, position, control)
                        .await?,
                );
            }
        }
        let lasting = |effect: &Effect| matches!(effect, Effect::Control(_) | Effect::Key(_));
        let mut guards = Vec::new();
        let key = records::conversation(conv);
        if !writes.is_empty() || judged.effects.iter().any(lasting) {
            let row = ConversationRow {
                position: head,
                log,
                state: encode(&judged.state),
            };
            let (expected, value) = (loaded.revision, Some(encode(&row)));
            writes.push(Write {
                key,
                expected,
                value,
            });
        } else {
            let expected = loaded.revision;
            guards.push(Guard { key, expected });
        }
        let events = job.events.iter();
        let events = events.map(|parsed| NewEvent::plain(parsed.bytes.clone()));
        let events = events.collect();
        let now_ms = self.now_ms();
        writes.extend(self.all_due(job, judged, first, now_ms).await?);
        let (log, idem, attach) = (LogId(conv.0), job.idem(), Vec::new());
        Ok(Append {
            log,
            idem,
            now_ms,
            guards,
            first: None,
            events,
            attach,
            writes,
        })
    }

    /// The records of all that the events make due.
    async fn all_due(
        &self,
        job: &AppendJob,
        judged: &Judged,
        first: u64,
        now_ms: u64,
    ) -> Outcome<Vec<Write>> {
        let mut writes = Vec::new();
        for ((position, effect), parsed) in (first..).zip(&judged.effects).zip(&job.events) {
            if let Effect::Message(fields) = effect {
                let place = (&job.conv, position, now_ms);
                let due = self.due_writes(&judged.state, &parsed.header, place, fields);
                writes.extend(due.await?);
            }
        }
        Ok(writes)
    }

    /// Rules of this server beyond those of the log.
    async fn check_control(
        &self,
        state: &Conversation,
        author: &AccountId,
        control: &Control,
    ) -> Outcome<()> {
        let (account, role, pending) = match control {
            Control::Accept {} => return self.check_devices(state).await,
            Control::Add {
                account,
                role,
                pending,
            } => (account, *role, *pending),
            Control::SetRole { account, role } => {
                return self.bots_role(state, account, *role).await.map(drop);
            }
            _ => return Ok(()),
        };
        let bot = self.bots_role(state, account, role).await?;
        if !pending {
            // A bot's warrant is its acceptance of the rooms that it names.
            if !bot && !self.are_contacts(author, account).await? {
                return Err(ErrorCode::NotPermitted.into());
            }
            return self.check_devices(state).await;
        }
        let waiting = self
            .store
            .scan(
                records::waiting(account),
                None,
                limits::PENDING_REQUESTS_MAX,
            )
            .await?;
        if waiting.len() >= limits::PENDING_REQUESTS_MAX {
            return Err(ErrorCode::NotPermitted.into());
        }
        Ok(())
    }

    /// Whether an account is a bot; one is in the rooms of its warrant only, as what that says.
    async fn bots_role(
        &self,
        state: &Conversation,
        account: &AccountId,
        role: Role,
    ) -> Outcome<bool> {
        let known = self.account(account).await?.ok_or(ErrorCode::NotFound)?;
        if known.account.warrant().is_none() {
            return Ok(false);
        }
        let scope = known.account.scope_in_room(&state.id());
        let fits = match role {
            Role::Admin => false,
            Role::Member => scope.read,
            Role::Poster => scope.post && !scope.read,
        };
        fits.then_some(true).ok_or(ErrorCode::NotPermitted.into())
    }

    /// A session is sealed to each device: there are only so many in a room.
    async fn check_devices(&self, state: &Conversation) -> Outcome<()> {
        let recipients: Vec<AccountId> = state.recipients().collect();
        if recipients.len() * limits::ACCOUNT_DEVICES_MAX <= limits::ROOM_DEVICES_MAX {
            return Ok(());
        }
        let mut devices = 0;
        for id in recipients {
            let known = self.account(&id).await?.ok_or(ErrorCode::NotFound)?;
            devices += state.recipient_devices(&known.account).count();
        }
        if devices > limits::ROOM_DEVICES_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        Ok(())
    }

    /// Stores it, each key event with a box for every device and history key that must have one.
    /// A device whose prekey has expired a short while ago may have one.
    async fn store_with_boxes(
        &self,
        job: &AppendJob,
        judged: &Judged,
        mut append: Append,
    ) -> Outcome<Appended> {
        let opens = |effect: &Effect| matches!(effect, Effect::Key(_));
        if !judged.effects.iter().any(opens) {
            return Ok(self.store.append(append).await?);
        }
        let mut strict = append.clone();
        let mut optional = false;
        for ((event, strict), effect) in append
            .events
            .iter_mut()
            .zip(&mut strict.events)
            .zip(&judged.effects)
        {
            let Effect::Key(fields) = effect else {
                continue;
            };
            let wanted = self.wanted_boxes(judged, job).await?;
            let key = StageKey {
                owner: job.device.0,
                session: fields.session.0,
            };
            let all = wanted
                .required
                .iter()
                .chain(&wanted.optional)
                .copied()
                .collect();
            event.staged = Some(Staged {
                key,
                recipients: all,
            });
            strict.staged = Some(Staged {
                key,
                recipients: wanted.required,
            });
            optional |= !wanted.optional.is_empty();
        }
        match self.store.append(append).await {
            Err(StoreError::NotStaged { .. }) if optional => Ok(self.store.append(strict).await?),
            other => Ok(other?),
        }
    }

    /// Whether what an earlier request of this number stored is what this one holds. A device that was put back to an old
    /// copy may use a number again for something else, which is not to be called stored.
    async fn repeats(&self, job: &AppendJob, first: &Appended) -> Outcome<bool> {
        let stored = self
            .events(&job.conv, first.first, job.events.len())
            .await?;
        let stored = stored.iter().map(carried_hash);
        let asked = job.events.iter().map(|parsed| parsed.hash);
        Ok(stored.eq(asked))
    }

    /// The first answer to a request of this number, if there was one. A condition that never
    /// holds keeps the store from carrying anything out.
    pub(super) async fn earlier(&self, conv: &ConvId, idem: Idem) -> Outcome<Option<Appended>> {
        let events = vec![NewEvent::plain(&b""[..])];
        let mut append = Append::new(LogId(conv.0), idem, self.now_ms(), events);
        append.guards.push(Guard {
            key: records::server(),
            expected: Revision::ABSENT,
        });
        match self.store.append(append).await {
            Ok(first) => Ok(Some(first)),
            Err(StoreError::GuardFailed { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether an event deletes another one's body.
const fn deletes(effect: &Effect) -> bool {
    matches!(effect, Effect::Message(fields) if fields.deletes.is_some())
}

/// L at a position, written down.
fn mark(conv: &ConvId, position: u64, log: LogHash) -> Write {
    let key = records::mark(conv, position);
    Write {
        key,
        expected: Revision::ABSENT,
        value: Some(encode(&log)),
    }
}
