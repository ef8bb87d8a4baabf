//! Signatures are verified on other threads while the engine works on what came before: the pages
//! go in and come out in one order, with their signatures checked.

use super::link::FromLink;
use crate::engine::{Frame, Input, WORTH_BYTES};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

/// Pages that are being checked or wait behind one that is.
const UNDER_WAY_MAX: usize = 8;

/// What is on its way to the engine.
enum Item {
    Ready(FromLink),
    /// The message too, for the case that its check breaks off.
    Checking(u64, bytes::Bytes, JoinHandle<Frame>),
}

/// Passes on what comes from the link, in its order. Ends when either side does.
pub(super) fn checked(
    mut from: mpsc::Receiver<FromLink>,
    waiting_max: usize,
) -> mpsc::Receiver<FromLink> {
    let (items_to, mut items) = mpsc::channel(UNDER_WAY_MAX);
    let (to, checked) = mpsc::channel(waiting_max);
    tokio::spawn(async move {
        while let Some((number, input)) = from.recv().await {
            let item = match input {
                Input::Frame { message } if message.len() >= WORTH_BYTES => {
                    let held = message.clone();
                    let check = spawn_blocking(move || Frame::checked(&message));
                    Item::Checking(number, held, check)
                }
                input => Item::Ready((number, input)),
            };
            if items_to.send(item).await.is_err() {
                return;
            }
        }
    });
    tokio::spawn(async move {
        while let Some(item) = items.recv().await {
            let input = match item {
                Item::Ready(input) => input,
                Item::Checking(number, message, check) => match check.await {
                    Ok(frame) => (number, Input::Checked { frame }),
                    Err(error) => {
                        tracing::error!(%error, "a message is checked by the engine itself");
                        (number, Input::Frame { message })
                    }
                },
            };
            if to.send(input).await.is_err() {
                return;
            }
        }
    });
    checked
}
