//! What the client answers.

use crate::tui::app::App;
use crate::tui::beside::How;
use crate::tui::event::{Ask, Effect};
use crate::tui::screens::{Members, Page, Screen, pages};
use crate::tui::talks::waits_for_you;
use crate::tui::timeline::PAGE;
use subrosa_client::{Answer, Command, ConversationView, Failure};

/// Rows shown before and behind a hit at first.
pub const AROUND: (u32, u32) = (100, 100);

impl App {
    pub(in crate::tui) fn answered(&mut self, ask: Ask, answer: Result<Answer, Failure>) {
        match answer {
            Ok(answer) => self.succeeded(ask, answer),
            Err(failure) => self.failed(ask, &failure),
        }
    }

    fn failed(&mut self, ask: Ask, failure: &Failure) {
        match ask {
            Ask::Unlock => return self.not_unlocked(&failure.sentence),
            Ask::Open => return,
            _ if failure.is_locked() => return self.lock(),
            Ask::Lock if *failure == Failure::no_passphrase() => {
                return self.beside("lock", "", How::Terminal);
            }
            Ask::Lock => return self.show(pages::no_lock(&failure.sentence)),
            Ask::Quietly | Ask::Keys => return,
            Ask::Sent(typed) => self.composer.give_back(&typed),
            Ask::Older(name) | Ask::Newer(name) => {
                if let Some(open) = self.open.as_mut().filter(|open| open.name == name) {
                    (open.whole_before, open.whole_behind) = (true, true);
                }
            }
            Ask::Hits(number) => self.no_hits(number, &failure.sentence),
            _ => {}
        }
        self.complain(failure.sentence.clone());
    }

    fn succeeded(&mut self, ask: Ask, answer: Answer) {
        match (ask, answer) {
            (Ask::Lock, _) => self.lock(),
            (Ask::Unlock | Ask::Open, _) => self.unlocked(),
            (Ask::Account, Answer::Account(account)) => {
                self.talks.named(&account.name);
                self.own = account.name;
            }
            (Ask::Talks, Answer::Conversations(talks)) => self.listed(talks),
            (Ask::Newest(name), Answer::Rows(rows)) => {
                let unread = self.talks.get(&name).map_or(0, |talk| talk.unread);
                if let Some(open) = self.open.as_mut().filter(|open| open.name == name) {
                    open.begin(rows, PAGE, unread);
                }
            }
            (Ask::Older(name), Answer::Rows(rows)) => {
                if let Some(open) = self.open.as_mut().filter(|open| open.name == name) {
                    open.older(rows, PAGE);
                }
            }
            (Ask::Newer(name), Answer::Rows(rows)) => {
                if let Some(open) = self.open.as_mut().filter(|open| open.name == name) {
                    open.newer(rows, PAGE);
                }
            }
            (Ask::Around(name, cursor), Answer::Rows(rows)) => {
                let (fit, clock) = (self.fit(), self.clock.clone());
                if let Some(open) = self.open.as_mut().filter(|open| open.name == name) {
                    open.begin_around(cursor, rows, AROUND);
                    open.go_to_middle(fit, &clock);
                    self.reading = true;
                }
            }
            (
                Ask::Sent(_),
                Answer::Sent {
                    conversation,
                    waits_for,
                    ..
                },
            ) => {
                if let Some(name) = waits_for {
                    self.say(format!("it leaves when {name} has accepted"));
                }
                if self.open.as_ref().is_some_and(|open| open.conv.is_empty()) {
                    self.wanted = Some(conversation);
                    self.open = None;
                    self.ask(Ask::Talks, Command::Conversations {});
                }
            }
            (Ask::Done(words), _) => {
                self.say(words);
                self.ask(Ask::Talks, Command::Conversations {});
            }
            (Ask::Invite, Answer::Invite(invite)) => self.invited(invite),
            (Ask::NewRoom, Answer::Room(room)) => {
                self.wanted = Some(room.name);
                self.ask(Ask::Talks, Command::Conversations {});
            }
            (Ask::Keys, Answer::Trust(keys)) => self.alarm(&keys),
            (ask, answer) => self.shown(ask, answer),
        }
    }

    /// What is shown on a screen of its own.
    fn shown(&mut self, ask: Ask, answer: Answer) {
        let page = match (ask, answer) {
            (Ask::Members, Answer::Room(room)) => {
                self.screen = Screen::Members(Members::of(room));
                return;
            }
            (Ask::Number, Answer::Verification(view)) => {
                self.screen = Screen::Number(Box::new(view));
                return;
            }
            (Ask::Devices, Answer::Devices(devices)) => pages::devices(&devices),
            (Ask::Trust, Answer::Trust(keys)) => {
                self.alarm(&keys);
                pages::trust(&keys, &self.clock)
            }
            (Ask::Receipts, Answer::Receipts(receipts)) => pages::receipts(&receipts),
            (Ask::Settings, Answer::Settings(settings)) => pages::settings(&settings),
            (Ask::Losses, Answer::Losses(losses)) => pages::losses(&losses),
            (Ask::Evidence, Answer::Evidence(evidence)) => pages::evidence(&evidence),
            (ask, answer) => return self.found(&ask, answer),
        };
        self.show(page);
    }

    pub(in crate::tui) fn show(&mut self, page: Page) {
        self.screen = Screen::Page(page);
    }

    fn listed(&mut self, talks: Vec<ConversationView>) {
        self.listed = true;
        self.talks.replace(talks);
        if let Some(wanted) = self.wanted.take() {
            let name = self.talks.meant(&wanted).map(|talk| talk.name.clone());
            let new = || {
                if wanted.starts_with(['@', '#']) {
                    wanted.clone()
                } else {
                    format!("@{wanted}")
                }
            };
            let name = name.unwrap_or_else(new);
            return self.open(&name);
        }
        if self.open.is_none() {
            let others = || {
                self.talks
                    .list()
                    .iter()
                    .filter(|talk| !self.talks.is_own(talk))
            };
            // A stranger who asks is not who one wants to see first.
            let first = others()
                .find(|talk| !waits_for_you(talk))
                .or_else(|| others().next());
            match first.map(|talk| talk.name.clone()) {
                Some(name) => self.open(&name),
                None => self
                    .effects
                    .extend(self.join_line.clone().map(Effect::Copy)),
            }
        }
    }
}
