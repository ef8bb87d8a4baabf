//! A line between client and server that breaks once, after a given number of messages.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use subrosa_proto::Host;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Cuts a line when so many parts have passed, of both directions together. Client and server
/// write in turns here, and each writes a message at once, so a part is a message.
pub struct Cutter {
    port: u16,
    /// What may still pass; below zero the line was cut and everything passes.
    left: Arc<AtomicI64>,
    /// Whether a line that was cut stays so.
    stays: Arc<AtomicBool>,
}

impl Cutter {
    pub async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let left = Arc::new(AtomicI64::new(i64::MAX));
        let stays = Arc::new(AtomicBool::new(false));
        let (passing, staying) = (left.clone(), stays.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if staying.load(Ordering::SeqCst) && passing.load(Ordering::SeqCst) < 0 {
                    continue;
                }
                let server = TcpStream::connect(to).await.unwrap();
                tokio::spawn(pass(client, server, passing.clone()));
            }
        });
        Self { port, left, stays }
    }

    pub fn host(&self) -> Host {
        let hosts = Host::parse_list(&format!("127.0.0.1:{}", self.port)).unwrap();
        hosts.into_iter().next().unwrap()
    }

    /// The line breaks in place of the message after so many, and is whole for the next link.
    pub fn cut_after(&self, messages: i64) {
        self.left.store(messages, Ordering::SeqCst);
    }

    /// The line breaks in place of the message after so many, and stays broken until it is mended.
    pub fn cut_for_good(&self, messages: i64) {
        self.stays.store(true, Ordering::SeqCst);
        self.cut_after(messages);
    }

    pub fn mend(&self) {
        self.stays.store(false, Ordering::SeqCst);
        self.cut_after(i64::MAX);
    }

    /// How many messages have passed, if no line is to break.
    pub fn passed(&self) -> i64 {
        i64::MAX - self.left.load(Ordering::SeqCst)
    }

    pub fn has_cut(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, left: Arc<AtomicI64>) {
    let (mut up, mut down) = (vec![0; 64 * 1_024], vec![0; 64 * 1_024]);
    loop {
        let (bytes, up_not_down) = tokio::select! {
            read = client.read(&mut up) => (read, true),
            read = server.read(&mut down) => (read, false),
        };
        let Ok(bytes @ 1..) = bytes else { return };
        if left.load(Ordering::SeqCst) >= 0 && left.fetch_sub(1, Ordering::SeqCst) == 0 {
            return;
        }
        let written = match up_not_down {
            true => server.write_all(&up[..bytes]).await,
            false => client.write_all(&down[..bytes]).await,
        };
        if written.is_err() {
            return;
        }
    }
}
