//! Connections: how many there are at once, and what one that says nothing, or says it slowly, may cost the others.

mod places;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use edge::Peer;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_io_timeout::TimeoutStream;

use crate::Door;
use places::{Heard, Place, Places, Sent, Told};

/// How much of a head is kept while it is being read, in bytes: enough for the longest address and token, and little for whoever sends no end.
const LARGEST_HEAD: usize = 32 * 1024;

/// How long nothing is accepted after the system has refused another connection.
const CATCH_BREATH: Duration = Duration::from_millis(50);

/// What connections may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// How many there are at once. One more takes the place of the one that has been silent, or in the middle of a request, for longest; while
    /// all of them are being answered, and take their answers, it waits to be accepted.
    pub most: usize,
    /// How long one that is silent keeps its place though somebody else waits for one: long enough for a request that is on its way.
    pub patience: Duration,
    /// How long one may take until a request's head is there, counted from its beginning or the answer before.
    pub silence: Duration,
    /// How long one may take nothing of what it is being sent.
    pub stall: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        Self { most: 4096, patience: Duration::from_secs(1), silence: Duration::from_secs(75), stall: Duration::from_secs(30) }
    }
}

/// A server that runs.
pub struct Server {
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves `door` to whoever connects to `listener`.
    #[allow(clippy::disallowed_methods, reason = "a server runs beside everything else")]
    pub fn start(listener: TcpListener, door: Door, connections: Connections) -> Self {
        let stop = watch::Sender::new(());
        let task = tokio::spawn(serve(listener, door, connections, stop.subscribe()));
        Self { stop, task }
    }

    /// Accepts nobody any more. What is under way is answered, and its connection closed; one between two requests is closed at once. One in
    /// the middle of a request is waited for as long as its silence may take, so whoever stops does not wait for ever.
    pub fn stop(&self) {
        self.stop.send_replace(());
    }

    /// Waits until every connection is closed, once it was told to [`stop`](Self::stop).
    pub async fn ended(self) {
        // One that panicked has said so itself.
        let _ = self.task.await;
    }
}

async fn serve(listener: TcpListener, door: Door, connections: Connections, mut stop: watch::Receiver<()>) {
    let places = Arc::new(Places::new(connections.most, connections.patience));
    let mut open = JoinSet::new();
    {
        // It goes on across other turns of the loop: it may hold a connection that waits for its place.
        let mut next = std::pin::pin!(accept(&listener, &places));
        loop {
            tokio::select! {
                biased;
                _ = stop.changed() => break,
                Some(_) = open.join_next() => {}
                accepted = next.as_mut() => {
                    next.set(accept(&listener, &places));
                    let Some((stream, peer, place)) = accepted else { continue };
                    let (door, stop) = (door.clone(), stop.clone());
                    open.spawn(async move {
                        if let Err(error) = connection(stream, peer, door, &place, connections, stop).await {
                            // Clients leave as they like; it is no fault of anybody's.
                            tracing::trace!(%error, "a connection broke");
                        }
                    });
                }
            }
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

/// The next connection, once there is a place for it.
#[allow(clippy::disallowed_methods, reason = "what is awaited is the operating system")]
async fn accept(listener: &TcpListener, places: &Places) -> Option<(TcpStream, Peer, Arc<Place>)> {
    places.can_be_had().await;
    match listener.accept().await {
        Ok((stream, address)) => {
            // Answers are small, and whoever waits for one should not wait for the next to fill a packet.
            let _ = stream.set_nodelay(true);
            // Nobody may have come for a while, in which whoever was silent began to work.
            Some((stream, Peer(address.ip()), places.take().await))
        }
        Err(error) if is_of_one_connection(&error) => None,
        Err(error) => {
            tracing::warn!(%error, "no connection can be accepted; the one that was silent for longest is closed");
            places.close_the_longest_silent();
            let _ = tokio::time::timeout(CATCH_BREATH, places.changed()).await;
            None
        }
    }
}

/// Whether it is the connection that failed before it was accepted; else it is the accepting.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

async fn connection(
    stream: TcpStream,
    peer: Peer,
    door: Door,
    place: &Arc<Place>,
    connections: Connections,
    mut stop: watch::Receiver<()>,
) -> hyper::Result<()> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(connections.stall));
    let service = service_fn(|request| answer(door.clone(), peer, Arc::clone(place), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(connections.silence)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(Sent::new(stream, Arc::clone(place))), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        done = connection.as_mut() => return done,
        // Whoever connected meanwhile has the place now.
        () = place.lost() => return Ok(()),
        _ = stop.changed() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

async fn answer(door: Door, peer: Peer, place: Arc<Place>, request: Request<Incoming>) -> hyper::Result<Response<Body>> {
    let mut request = if request.body().is_end_stream() {
        if !place.is_working() {
            // Who has lost the place hears of it next; nothing is begun for them.
            std::future::pending::<()>().await;
        }
        request.map(Body::new)
    } else {
        request.map(|body| Body::new(Heard::new(body, Arc::clone(&place))))
    };
    request.extensions_mut().insert(peer);
    let mut response = door.answer(request).await;
    place.is_working();
    // Routes say how long their answers are. What has no body with any method must not seem to be an empty one.
    if matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    Ok(response.map(|body| Body::new(Told::new(body, place))))
}
