//! The line chat of `up`, `join` and `chat`: lines typed are messages, what arrives is printed.
//!
//! Without a terminal it is a pipe: standard input line by line goes out, and of what arrives
//! each message is a line `name: text`, or each notice an object with `--json`.

mod acting;
mod arrivals;
mod lines;
mod partner;
mod rooms;
mod typed;

use crate::exit::{Silent, code};
use crate::invitation;
use crate::output::{Output, is_seen};
use crate::row::Look;
use crate::seat::{account, unexpected};
use crate::signals::Signals;
use lines::Line;
use std::collections::{HashSet, VecDeque};
use subrosa_client::{Answer, Client, Command, Failure, FailureKind, LinkState, Notices, Wait};
use subrosa_proto::Address;
use typed::Typed;

/// Lines kept for the first who joins; then reading stops until somebody does.
const HELD_MAX: usize = 1_000;
/// Rows shown when a conversation is opened at a terminal.
const ROWS_SHOWN: u32 = 20;

/// What happens at the end of standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtEnd {
    /// Wait until all that was sent is acknowledged, and leave.
    Leave,
    /// Go on until a signal comes.
    Stay,
}

/// How a chat begins.
#[derive(Debug)]
pub struct Opening {
    /// With whom; without, with whoever wrote last, or joins first.
    pub to: Option<String>,
    /// And ends.
    pub at_end: AtEnd,
    /// What new join lines name as the server's address, where it is known better than the client
    /// knows it.
    pub address: Option<Address>,
}

/// A chat under way.
pub struct Chat<'a> {
    client: &'a Client,
    output: Output,
    opening: Opening,
    /// This account's name.
    own: String,
    /// To whom lines go.
    current: Option<String>,
    /// Lines typed while there was nobody.
    held: Vec<String>,
    /// Ids of what was typed here.
    typed: HashSet<String>,
    /// Messages shown last, for `/reply` and the like.
    recent: VecDeque<acting::Recent>,
    /// Who was said to type, until their message comes.
    typers: HashSet<String>,
    /// The newest row seen.
    newest: Option<u64>,
    look: Look,
    /// A person looks at standard output.
    seen: bool,
    offline: bool,
    /// The first failure of a line, for the exit code of a pipe.
    failed: Option<FailureKind>,
}

/// Whether the chat goes on.
enum Next {
    GoOn,
    Quit,
}

/// Chats until the end of standard input or a signal.
pub async fn run(
    client: &Client,
    output: Output,
    opening: Opening,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    let own = account(client).await?.name;
    let seen = is_seen() && !output.json;
    let mut chat = Chat {
        client,
        output,
        current: opening.to.clone(),
        opening,
        own,
        held: Vec::new(),
        typed: HashSet::new(),
        recent: VecDeque::new(),
        typers: HashSet::new(),
        newest: None,
        look: Look::now(),
        seen,
        offline: false,
        failed: None,
    };
    // Subscribed first: what arrives while the history is shown is not missed.
    let notices = client.subscribe(None, None).await?;
    chat.begin().await?;
    chat.go_on(notices, signals).await
}

impl Chat<'_> {
    async fn go_on(&mut self, mut notices: Notices, signals: &mut Signals) -> anyhow::Result<()> {
        let mut lines = lines::read();
        let mut typing = true;
        while typing || self.opening.at_end == AtEnd::Stay {
            tokio::select! {
                // What has arrived is shown before the next line is taken.
                biased;
                // A signal is the ordinary end of a chat; what waits in the outbox stays there.
                _ = signals.next() => {
                    self.tell_held();
                    return Ok(());
                }
                notice = notices.recv() => match notice {
                    Some(notice) => self.noticed(notice).await?,
                    None => notices = self.client.subscribe(None, self.newest).await?,
                },
                line = lines.recv(), if typing && self.held.len() < HELD_MAX => match line {
                    Some(line) => if matches!(self.line(line).await?, Next::Quit) {
                        break;
                    },
                    None => typing = false,
                },
            }
        }
        self.drain(&mut notices, signals).await
    }

    /// Waits until the server has all that was sent, and shows what arrives meanwhile.
    async fn drain(&mut self, notices: &mut Notices, signals: &mut Signals) -> anyhow::Result<()> {
        let client = self.client;
        let drained = client.call(Command::Drain {});
        tokio::pin!(drained);
        let waiting = loop {
            tokio::select! {
                biased;
                signal = signals.next() => return Err(signal.into()),
                Some(notice) = notices.recv() => self.noticed(notice).await?,
                answer = &mut drained => match answer? {
                    Answer::Outbox { waiting } => break waiting,
                    other => return Err(unexpected(&other).into()),
                },
            }
        };
        while let Ok(notice) = notices.try_recv() {
            self.noticed(notice).await?;
        }
        if waiting > 0 {
            return Err(self.waiting(waiting).await?.into());
        }
        if !self.held.is_empty() {
            let sentence = format!(
                "{} lines were not sent, since there is nobody to write to yet: `subrosa invite` makes a join line",
                self.held.len()
            );
            return Err(Failure::user(sentence).into());
        }
        self.failed
            .map_or(Ok(()), |kind| Err(Silent::Code(code(kind)).into()))
    }

    /// Why messages are still in the outbox.
    async fn waiting(&self, count: u64) -> anyhow::Result<Failure> {
        let cause = match account(self.client).await?.link {
            LinkState::Offline { cause, .. } | LinkState::Refused { cause } => cause,
            LinkState::Connecting | LinkState::Online => {
                "the server does not take them yet".to_owned()
            }
        };
        Ok(Failure::network(format!(
            "{count} of your messages wait in the outbox and leave with the next command: {cause}"
        )))
    }

    fn tell_held(&self) {
        if !self.held.is_empty() {
            self.output.talk(&format!(
                "{} lines were not sent, since nobody had joined",
                self.held.len()
            ));
        }
    }

    async fn line(&mut self, line: Line) -> anyhow::Result<Next> {
        match line {
            Line::Text(text) => return self.obey(typed::read(&text)).await,
            Line::TooLong => self.refuse(&Failure::user(lines::TOO_LONG)),
            Line::NotText => self.refuse(&Failure::user(lines::NOT_TEXT)),
            Line::Unreadable(error) => self.refuse(&Failure::user(format!(
                "standard input cannot be read ({error})"
            ))),
        }
        Ok(Next::GoOn)
    }

    async fn obey(&mut self, typed: Typed<'_>) -> anyhow::Result<Next> {
        match typed {
            Typed::Nothing => {}
            Typed::Message(text) => self.say(text).await?,
            Typed::To(name) => self.turn_to(name).await?,
            Typed::Accept(name) => self.accept(name).await?,
            Typed::Act(what, which, words) => self.act(what, which, words).await?,
            Typed::Members => self.members().await?,
            Typed::Add(name) => self.admit(name, true).await?,
            Typed::Remove(name) => self.admit(name, false).await?,
            Typed::Leave => self.leave().await?,
            Typed::Invite => self.invite().await?,
            Typed::People => self.people().await?,
            Typed::Help => typed::HELP.lines().for_each(|line| self.output.talk(line)),
            Typed::Quit => return Ok(Next::Quit),
            Typed::Incomplete(sentence) => self.refuse(&Failure::user(sentence)),
            Typed::Unknown(word) => {
                let sentence = format!(
                    "{word} is no command: /help lists them; to send a line that begins with /, begin it with //"
                );
                self.refuse(&Failure::user(sentence));
            }
        }
        Ok(Next::GoOn)
    }

    async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        let Some(to) = self.current.clone() else {
            self.held.push(text.to_owned());
            if self.seen && self.held.len() == 1 {
                self.output
                    .talk("nobody has joined yet: this goes to the first who does");
            }
            return Ok(());
        };
        self.send(&to, text).await
    }

    /// Into the outbox; it leaves from there by itself.
    async fn send(&mut self, to: &str, text: &str) -> anyhow::Result<()> {
        let send = Command::Send {
            conversation: to.to_owned(),
            text: text.to_owned(),
            wait: Wait::Queued,
            queue: true,
            within_ms: None,
            timer: None,
        };
        match self.client.call(send).await {
            Ok(Answer::Sent { id, .. }) => {
                self.typed.insert(id);
            }
            Ok(other) => return Err(unexpected(&other).into()),
            Err(failure) => self.refuse(&failure),
        }
        Ok(())
    }

    async fn invite(&mut self) -> anyhow::Result<()> {
        match invitation::new(self.client, self.opening.address.as_ref()).await {
            Ok(invitation) => self.output.either(&invitation, &invitation.join)?,
            Err(failure) => self.refuse(&failure),
        }
        Ok(())
    }

    /// Something that was typed could not be done; the chat goes on.
    fn refuse(&mut self, failure: &Failure) {
        self.failed.get_or_insert(failure.kind);
        self.output.talk(&failure.sentence);
    }
}
