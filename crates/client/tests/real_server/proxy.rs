//! A line between client and server that breaks when it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use subrosa_proto::Host;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Cuts a connection at the server's first answer after the client has said so many bytes.
pub struct Proxy {
    port: u16,
    limit: Arc<AtomicUsize>,
    cut: Arc<AtomicBool>,
}

impl Proxy {
    pub async fn start(to: SocketAddr, limit: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Self {
            port,
            limit: Arc::new(AtomicUsize::new(limit)),
            cut: Arc::new(AtomicBool::new(false)),
        };
        let (limit, cut) = (proxy.limit.clone(), proxy.cut.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(to).await.unwrap();
                tokio::spawn(pass(client, server, limit.clone(), cut.clone()));
            }
        });
        proxy
    }

    pub fn host(&self) -> Host {
        let hosts = Host::parse_list(&format!("127.0.0.1:{}", self.port)).unwrap();
        hosts.into_iter().next().unwrap()
    }

    pub fn has_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }

    /// From now on everything passes.
    pub fn mend(&self) {
        self.limit.store(usize::MAX, Ordering::SeqCst);
    }
}

async fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    limit: Arc<AtomicUsize>,
    cut: Arc<AtomicBool>,
) {
    let (mut said, mut up, mut down) = (0, vec![0; 4_096], vec![0; 4_096]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => match read {
                Ok(bytes) if bytes > 0 => {
                    said += bytes;
                    if server.write_all(&up[..bytes]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
            read = server.read(&mut down) => match read {
                Ok(bytes) if bytes > 0 => {
                    if said > limit.load(Ordering::SeqCst) {
                        cut.store(true, Ordering::SeqCst);
                        return;
                    }
                    if client.write_all(&down[..bytes]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}
