//! Keys and what else a terminal tells, read on a thread of its own.

use crossterm::event::{self, Event};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often the thread that reads keys looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);

/// Keys, read until this is dropped.
pub struct Keys {
    events: mpsc::Receiver<Event>,
    wanted: Arc<AtomicBool>,
    reading: Option<JoinHandle<()>>,
}

impl Keys {
    /// Reads from now on.
    pub fn read() -> Self {
        let (sender, events) = mpsc::channel(64);
        let wanted = Arc::new(AtomicBool::new(true));
        let still = wanted.clone();
        let reading = std::thread::spawn(move || {
            while still.load(Ordering::Relaxed) {
                let event = match event::poll(LOOK) {
                    Ok(true) => event::read(),
                    Ok(false) => continue,
                    Err(error) => Err(error),
                };
                // The terminal is gone, or nobody listens any more: both end it.
                if event.map_or(true, |event| sender.blocking_send(event).is_err()) {
                    return;
                }
            }
        });
        Self {
            events,
            wanted,
            reading: Some(reading),
        }
    }

    /// Stops reading: from the end of this on the terminal is somebody else's.
    pub async fn stop(&mut self) {
        self.wanted.store(false, Ordering::Relaxed);
        self.events.close();
        if let Some(reading) = self.reading.take() {
            drop(tokio::task::spawn_blocking(move || reading.join()).await);
        }
    }

    /// The next; none when the terminal is gone.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// One that has come already.
    pub fn waiting(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.wanted.store(false, Ordering::Relaxed);
    }
}
