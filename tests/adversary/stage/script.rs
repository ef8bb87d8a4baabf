//! What a script sees and what it may do: words between a client and the post office, and their fates.

use bytes::Bytes;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use subrosa_proto::{AccountId, DeviceId, Name, Push, Request, Response};
use tokio::sync::watch;

/// One message, with what is needed to understand it.
#[derive(Debug, Clone)]
pub enum Word {
    /// A client asks.
    Asked(Request),
    /// The server answers.
    Answered { asked: Request, response: Response },
    /// The server speaks unasked.
    Pushed(Push),
}

/// Whose connection it is, as far as it has been said on it.
#[derive(Debug, Clone, Default)]
pub struct Whose {
    pub number: u64,
    pub name: Option<Name>,
    pub account: Option<AccountId>,
    pub device: Option<DeviceId>,
}

/// What becomes of a message.
#[derive(Debug, Clone)]
pub enum Fate {
    /// It goes on as it is; nothing was told.
    Pass,
    /// It goes no further.
    Drop,
    /// The post office hears another question in its place.
    Ask(Request),
    /// The client gets this answer: in the place of the true one, or without the post office having been asked.
    Answer(Response),
    /// These are pushed in its place.
    Push(Vec<Push>),
    /// It goes on, and these pushes follow it to the client.
    With(Vec<Push>),
    /// The client gets these bytes as a message in its place.
    Bytes(Bytes),
    /// The connection ends without a word.
    Cut,
}

type Tell = Box<dyn FnMut(&Whose, &Word) -> Fate + Send>;

struct Lie {
    told: watch::Sender<usize>,
    over: Arc<AtomicBool>,
    tell: Tell,
}

/// The lies that are being told.
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<Vec<Lie>>>);

impl Script {
    pub fn add(&self, tell: impl FnMut(&Whose, &Word) -> Fate + Send + 'static) -> Told {
        let (told, count) = watch::channel(0);
        let over = Arc::new(AtomicBool::new(false));
        let lie = Lie {
            told,
            over: over.clone(),
            tell: Box::new(tell),
        };
        self.0.lock().unwrap().push(lie);
        Told { count, over }
    }

    /// The fate of a message: that of the first lie that has one for it.
    pub fn fate(&self, whose: &Whose, word: &Word) -> Fate {
        let mut lies = self.0.lock().unwrap();
        for lie in lies
            .iter_mut()
            .filter(|lie| !lie.over.load(Ordering::SeqCst))
        {
            match (lie.tell)(whose, word) {
                Fate::Pass => {}
                fate => {
                    lie.told.send_modify(|times| *times += 1);
                    return fate;
                }
            }
        }
        Fate::Pass
    }
}

/// How often a lie was told. A test that does not look here may prove nothing.
pub struct Told {
    count: watch::Receiver<usize>,
    over: Arc<AtomicBool>,
}

impl Told {
    pub fn times(&self) -> usize {
        *self.count.borrow()
    }

    /// From now on the truth.
    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Waits until it was told so often.
    pub async fn at_least(&mut self, times: usize) {
        tokio::time::timeout(
            super::PATIENCE,
            self.count.wait_for(|count| *count >= times),
        )
        .await
        .expect("the lie was not told")
        .expect("the script ended");
    }
}
