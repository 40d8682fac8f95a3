//! Over real connections. Whatever is waited for comes by itself, so that a server that is wrong hangs rather than passes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::routing::{get, post};
use axum::{Extension, Router};
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, oneshot};

use super::*;
use crate::tests::door_to;

const HELLO: &str = "GET /hello HTTP/1.1\r\nHost: yeyak\r\n\r\n";

struct Tried {
    server: Server,
    address: SocketAddr,
    /// Lets those who wait at `/wait` go on, one at a time.
    go_on: Arc<Notify>,
    /// Told when one of them waits.
    entered: Arc<Notify>,
}

async fn tried(connections: Connections) -> Tried {
    let go_on = Arc::new(Notify::new());
    let entered = Arc::new(Notify::new());
    let (gate, bell) = (Arc::clone(&go_on), Arc::clone(&entered));
    let door = Router::new()
        .route("/hello", get(async || "hello"))
        .route("/peer", get(async |Extension(Peer(address)): Extension<Peer>| address.to_string()))
        .route("/echo", post(async |body: String| body))
        .route(
            "/wait",
            get(async move || {
                bell.notify_one();
                gate.notified().await;
            }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    Tried { server: Server::start(listener, door_to(door), connections), address, go_on, entered }
}

fn at_most(most: usize) -> Connections {
    Connections { most, patience: Duration::ZERO, ..Connections::default() }
}

impl Tried {
    async fn connect(&self, sent: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        stream
    }
}

/// The head of the next answer and its body, which must be shorter than a packet.
async fn read(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut packet = [0; 2048];
    while !text.contains("\r\n\r\n") {
        let length = stream.read(&mut packet).await.unwrap();
        assert!(length > 0, "it was closed after {text:?}");
        text.push_str(std::str::from_utf8(&packet[..length]).unwrap());
    }
    text
}

async fn is_closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // Closed or reset, but over.
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}

#[tokio::test]
async fn who_is_at_the_other_end_goes_with_each_request() {
    let tried = tried(Connections::default()).await;
    let mut stream =
        tried.connect("GET /peer HTTP/1.1\r\nHost: yeyak\r\nX-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\n\r\n").await;
    assert!(read(&mut stream).await.ends_with("\r\n\r\n127.0.0.1"));
}

#[tokio::test]
async fn the_one_that_was_silent_for_longest_gives_way() {
    let tried = tried(at_most(3)).await;
    let mut nothing = tried.connect("").await;
    let mut half_a_head = tried.connect("GET /hel").await;
    let mut served = tried.connect(HELLO).await;
    assert!(read(&mut served).await.ends_with("hello"));
    assert!(read(&mut tried.connect(HELLO).await).await.ends_with("hello"));
    is_closed(&mut nothing).await;
    // The one just now was closed by its client, or it was the next.
    let mut two = (tried.connect(HELLO).await, tried.connect(HELLO).await);
    assert!(read(&mut two.0).await.ends_with("hello") && read(&mut two.1).await.ends_with("hello"));
    is_closed(&mut half_a_head).await;
}

#[tokio::test]
async fn half_a_body_is_silence_too() {
    let tried = tried(at_most(1)).await;
    let head = "POST /echo HTTP/1.1\r\nHost: yeyak\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n";
    let mut half = tried.connect(&format!("{head}he")).await;
    let mut whole = tried.connect(&format!("{head}hello")).await;
    assert!(read(&mut whole).await.ends_with("hello"));
    is_closed(&mut half).await;
}

#[tokio::test]
async fn a_request_that_is_on_its_way_is_waited_for() {
    let tried = tried(Connections { most: 1, patience: Duration::from_secs(3600), ..Connections::default() }).await;
    let mut first = tried.connect("GET /hello HTTP/1.1\r\n").await;
    let mut second = tried.connect(HELLO).await;
    first.write_all(b"Host: yeyak\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(read(&mut first).await.ends_with("hello"));
    assert!(read(&mut second).await.ends_with("hello"));
}

#[tokio::test]
async fn whoever_is_being_answered_keeps_the_place() {
    let tried = tried(at_most(1)).await;
    let mut first = tried.connect("GET /wait HTTP/1.1\r\nHost: yeyak\r\n\r\n").await;
    tried.go_on.notify_one();
    assert!(read(&mut first).await.starts_with("HTTP/1.1 200"));
    first.write_all(b"GET /wait HTTP/1.1\r\nHost: yeyak\r\n\r\n").await.unwrap();
    let mut second = TcpStream::connect(tried.address).await.unwrap();
    // Either the first is being answered by now and keeps its place, or it was silent still and has lost it: never are both answered at once.
    second.write_all(HELLO.as_bytes()).await.unwrap();
    tried.go_on.notify_one();
    assert!(read(&mut second).await.ends_with("hello"));
}

#[tokio::test]
async fn a_place_is_free_again_when_its_connection_is_gone() {
    let tried = tried(at_most(1)).await;
    for _ in 0..20 {
        let mut stream = tried.connect("GET /hello HTTP/1.1\r\nHost: yeyak\r\nConnection: close\r\n\r\n").await;
        assert!(read(&mut stream).await.ends_with("hello"));
        is_closed(&mut stream).await;
    }
}

#[tokio::test]
async fn silence_ends() {
    let tried = tried(Connections { silence: Duration::from_millis(20), ..Connections::default() }).await;
    for sent in ["", "GET /hel"] {
        is_closed(&mut tried.connect(sent).await).await;
    }
    // However busy the machine is, one of these is served before its silence has lasted too long.
    loop {
        let mut served = TcpStream::connect(tried.address).await.unwrap();
        let _ = served.write_all(HELLO.as_bytes()).await;
        let mut text = Vec::new();
        let _ = served.read_to_end(&mut text).await;
        if text.ends_with(b"hello") {
            return;
        }
    }
}

#[tokio::test]
async fn whoever_reads_nothing_is_let_go() {
    let (gone, is_gone) = oneshot::channel::<()>();
    let gone = Arc::new(std::sync::Mutex::new(Some(gone)));
    let endless = move || {
        // Dropped with the answer's body.
        let held = gone.lock().unwrap().take();
        let packets = stream::unfold(held, async |held| Some((Ok::<_, Infallible>(Bytes::from(vec![b'x'; 65_536])), held)));
        std::future::ready(Body::from_stream(packets))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Connections { stall: Duration::from_millis(20), ..Connections::default() };
    let _server = Server::start(listener, door_to(Router::new().route("/", get(endless))), connections);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: yeyak\r\n\r\n").await.unwrap();
    assert!(is_gone.await.is_err());
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let tried = tried(Connections::default()).await;
    let mut stream = tried.connect(&format!("GET /hello HTTP/1.1\r\nHost: yeyak\r\nX: {}\r\n\r\n", "x".repeat(2 * LARGEST_HEAD))).await;
    assert!(read(&mut stream).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn stopping_answers_what_is_under_way_and_takes_nothing_new() {
    let tried = tried(Connections::default()).await;
    let mut kept_alive = tried.connect(HELLO).await;
    assert!(read(&mut kept_alive).await.ends_with("hello"));
    let mut under_way = tried.connect("GET /wait HTTP/1.1\r\nHost: yeyak\r\n\r\n").await;
    tried.entered.notified().await;
    tried.server.stop();
    is_closed(&mut kept_alive).await;
    tried.go_on.notify_one();
    assert!(read(&mut under_way).await.starts_with("HTTP/1.1 200"));
    is_closed(&mut under_way).await;
    tried.server.ended().await;
    assert!(TcpStream::connect(tried.address).await.is_err());
}

/// An answer larger than what the system buffers, while somebody else wants the place.
#[tokio::test]
async fn whoever_still_reads_an_answer_keeps_the_place() {
    const LARGE: usize = 64 << 20;
    let door = Router::new().route("/large", get(async || vec![b'x'; LARGE])).route("/hello", get(async || "hello"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let _server = Server::start(listener, door_to(door), Connections { patience: Duration::from_secs(3600), ..at_most(1) });
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(b"GET /large HTTP/1.1\r\nHost: yeyak\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut packet = vec![0; 1000];
    let mut got = first.read(&mut packet).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(HELLO.as_bytes()).await.unwrap();
    let mut rest = Vec::new();
    let (ended, second) = tokio::join!(first.read_to_end(&mut rest), read(&mut second));
    got += rest.len();
    assert!(ended.is_ok() && got > LARGE, "{ended:?}: {got} of {LARGE}");
    assert!(second.ends_with("hello"));
}
