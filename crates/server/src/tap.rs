//! Where a lying server begins. The feature `lies` is for tests: no binary is built with it.
//!
//! A tap takes the channel that a client has made and gives the post office another in its place. What a script does
//! between the two is what a server could do that is run by an enemy: everything but forge what others sign. The
//! transcript stays that of the client's channel, so logins hold as they would at an honest server.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use subrosa_channel::io::Link;

type Turned = Pin<Box<dyn Future<Output = Option<Link>> + Send>>;

/// Puts another channel in the place of a client's.
#[derive(Clone)]
pub struct Tap(Arc<dyn Fn(Link) -> Turned + Send + Sync>);

impl Tap {
    /// A tap that calls this for each connection; with nothing in its place the connection ends.
    pub fn new<F>(turn: impl Fn(Link) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<Link>> + Send + 'static,
    {
        Self(Arc::new(move |link| Box::pin(turn(link))))
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}

/// The channel that the post office is to speak on.
pub(crate) async fn through(tap: Option<&Tap>, link: Link) -> Option<Link> {
    match tap {
        Some(Tap(turn)) => turn(link).await,
        None => Some(link),
    }
}
