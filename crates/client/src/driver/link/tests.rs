use super::*;
use crate::randomness;
use subrosa_channel::io::{Config, accept};
use subrosa_channel::{Hello, ServerKey};
use subrosa_proto::{BUILD, Host, PROTOCOL_MAX, PROTOCOL_MIN, decode};
use tokio::net::TcpListener;

/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(30);
/// A link in a hurry, so that a test need not wait for minutes.
const HASTY: Rhythm = Rhythm {
    idle: Duration::from_millis(20),
    answer: Duration::from_millis(200),
};

struct Ground {
    listener: TcpListener,
    key: ServerKey,
    orders: mpsc::UnboundedSender<Order>,
    inputs: mpsc::Receiver<FromLink>,
    _target: watch::Sender<Target>,
}

/// A keeper that dials a server which the test plays.
async fn ground(rhythm: Rhythm) -> Ground {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let key = ServerKey::from_bytes([7; 32]);
    let port = listener.local_addr().unwrap().port();
    let address = Address {
        hosts: Host::parse_list(&format!("127.0.0.1:{port}")).unwrap(),
        key: *key.public().as_bytes(),
    };
    let pinned = PROTOCOL_MIN;
    let (target_to, target) = watch::channel(Target { address, pinned });
    let (inputs_to, inputs) = mpsc::channel(16);
    let (orders, incoming) = mpsc::unbounded_channel();
    let keeper = Keeper {
        target,
        inputs: inputs_to,
        orders: incoming,
        number: 0,
        failures: 0,
        settled: false,
        rhythm,
    };
    tokio::spawn(keeper.run());
    Ground {
        listener,
        key,
        orders,
        inputs,
        _target: target_to,
    }
}

impl Ground {
    async fn accept(&self) -> Link {
        let (tcp, _) = tokio::time::timeout(PATIENCE, self.listener.accept())
            .await
            .expect("nobody dials")
            .unwrap();
        let config = Config::new(Hello::new(PROTOCOL_MIN, PROTOCOL_MAX, BUILD).unwrap());
        accept(tcp, &self.key, &config, &mut randomness::system())
            .await
            .unwrap()
    }

    async fn input(&mut self) -> FromLink {
        tokio::time::timeout(PATIENCE, self.inputs.recv())
            .await
            .expect("nothing comes")
            .unwrap()
    }
}

async fn ping(server: &mut Link) -> u64 {
    let message = tokio::time::timeout(PATIENCE, server.reader().recv()).await;
    let message = message.expect("no ping").unwrap().expect("closed");
    let asked: FromClient = decode(&message).unwrap();
    assert_eq!(asked.request, Request::Ping {});
    asked.id
}

async fn answer(server: &mut Link, id: u64) {
    let response = Response::Done {};
    let message = encode(&FromServer::Answer { id, response });
    server.writer().send(&message).unwrap();
    server.writer().flush().await.unwrap();
}

#[tokio::test]
async fn an_idle_link_is_asked_for_signs_of_life_and_left_when_none_comes() {
    let mut ground = ground(HASTY).await;
    let mut server = ground.accept().await;
    assert!(matches!(ground.input().await, (1, Input::Linked { .. })));
    for _ in 0..3 {
        let id = ping(&mut server).await;
        answer(&mut server, id).await;
    }
    // The next one is not answered: the link is given up, and made anew.
    ping(&mut server).await;
    assert!(
        matches!(ground.input().await, (1, Input::Lost)),
        "no answer reaches the engine"
    );
    let _second = ground.accept().await;
    assert!(matches!(ground.input().await, (2, Input::Linked { .. })));
}

#[tokio::test]
async fn a_link_that_is_left_is_made_anew_when_somebody_asks() {
    let mut ground = ground(Rhythm::CALM).await;
    let _server = ground.accept().await;
    assert!(matches!(ground.input().await, (1, Input::Linked { .. })));
    ground.orders.send(Order::Leave(9, None)).unwrap();
    ground.orders.send(Order::Leave(1, None)).unwrap();
    assert!(matches!(ground.input().await, (1, Input::Lost)));
    ground.orders.send(Order::DialNow).unwrap();
    let _server = ground.accept().await;
    assert!(matches!(ground.input().await, (2, Input::Linked { .. })));
}

#[tokio::test]
async fn what_was_ordered_last_leaves_before_the_close() {
    let mut ground = ground(Rhythm::CALM).await;
    let mut server = ground.accept().await;
    assert!(matches!(ground.input().await, (1, Input::Linked { .. })));
    ground
        .orders
        .send(Order::Send(1, Bytes::from_static(b"last words")))
        .unwrap();
    ground
        .orders
        .send(Order::Send(7, Bytes::from_static(b"for another link")))
        .unwrap();
    drop(ground.orders);
    let message = tokio::time::timeout(PATIENCE, server.reader().recv())
        .await
        .unwrap();
    assert_eq!(message.unwrap().as_deref(), Some(&b"last words"[..]));
    let end = tokio::time::timeout(PATIENCE, server.reader().recv())
        .await
        .unwrap();
    assert!(matches!(end, Ok(None)), "an authenticated close: {end:?}");
}
