//! Who has a place, and who has said nothing that can be answered for how long.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

/// The places of a server.
pub(super) struct Places {
    most: usize,
    /// How long whoever is silent keeps the place in any case.
    patience: Duration,
    held: Arc<Mutex<Held>>,
    /// Told when a place is left, or one that works is done.
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Held {
    /// How many have a place.
    count: usize,
    /// How often somebody has begun to be silent, which is what silence is told by.
    turns: u64,
    /// Those that can be closed: those that have not sent a whole request yet, or take nothing of their answer, the one that has been so
    /// for longest first.
    silent: BTreeMap<u64, (Instant, Weak<Place>)>,
}

/// One connection's place. It is silent, until a whole request is there, or working, until that is answered.
pub(super) struct Place {
    held: Arc<Mutex<Held>>,
    changed: Arc<Notify>,
    says: Mutex<Says>,
    lost: Notify,
}

#[derive(Default)]
struct Says {
    /// Since which turn it is silent; none while it works.
    silent_since: Option<u64>,
    /// Whether it is answered, and silent once that is sent.
    told: bool,
    /// Whether it is silent because it takes nothing of what it is sent.
    stuck: bool,
}

impl Places {
    pub(super) fn new(most: usize, patience: Duration) -> Self {
        Self { most, patience, held: Arc::default(), changed: Arc::default() }
    }

    /// Is ready once another connection can have a place: there is a free one, or one that has been silent for long enough.
    pub(super) async fn can_be_had(&self) {
        self.wait(|held| self.to_be_had(held)).await;
    }

    /// A place, which is another's when there is no free one.
    pub(super) async fn take(&self) -> Arc<Place> {
        let taken = self
            .wait(|held| {
                self.to_be_had(held)?;
                // Looked for and taken under one lock: whoever was silent a moment ago may be working by now.
                let longest = if held.count < self.most { None } else { held.silent.pop_first() };
                held.count += 1;
                Ok(longest)
            })
            .await;
        if let Some((_, (_, place))) = taken {
            lose(&place);
        }
        let (held, changed) = (Arc::clone(&self.held), Arc::clone(&self.changed));
        let place = Arc::new(Place { held, changed, says: Mutex::default(), lost: Notify::new() });
        place.is_silent();
        place
    }

    /// Waits until a place is left, or one that works is done.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Waits until `look` finds something; it says when to look again if nothing changes before.
    #[allow(clippy::disallowed_methods, reason = "how long a connection is silent is told by the clock of connections, which is tokio's")]
    async fn wait<T>(&self, look: impl Fn(&mut Held) -> Result<T, Option<Instant>>) -> T {
        loop {
            let again = match look(&mut lock(&self.held)) {
                Ok(found) => return found,
                Err(again) => again,
            };
            tokio::select! {
                // A change between the look and the wait is kept, and ends the wait at once.
                () = self.changed.notified() => {}
                () = tokio::time::sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => {}
            }
        }
    }

    /// Whether there is a place to be had; else from when on there is, unless all of them work.
    #[allow(clippy::disallowed_methods, reason = "as above")]
    fn to_be_had(&self, held: &Held) -> Result<(), Option<Instant>> {
        if held.count < self.most {
            return Ok(());
        }
        let from = held.silent.first_key_value().map(|(_, (since, _))| *since + self.patience);
        if from.is_some_and(|from| from <= Instant::now()) { Ok(()) } else { Err(from) }
    }

    pub(super) fn close_the_longest_silent(&self) {
        let longest = lock(&self.held).silent.pop_first();
        if let Some((_, (_, place))) = longest {
            lose(&place);
        }
    }
}

impl Place {
    /// Is ready when somebody else has this place.
    pub(super) async fn lost(&self) {
        self.lost.notified().await;
    }

    /// A whole request is there. It is not to be begun when somebody else has this place by now.
    pub(super) fn is_working(&self) -> bool {
        let mut says = lock(&self.says);
        (says.told, says.stuck) = (false, false);
        match says.silent_since {
            Some(since) if lock(&self.held).silent.remove(&since).is_none() => return false,
            _ => says.silent_since = None,
        }
        true
    }

    /// What it asked is answered, but perhaps not yet sent.
    fn is_told(&self) {
        lock(&self.says).told = true;
    }

    /// Everything is sent.
    pub(super) fn is_flushed(self: &Arc<Self>) {
        if std::mem::take(&mut lock(&self.says).told) {
            self.is_silent();
        }
    }

    /// It takes no more of what it is sent, for now.
    fn is_stuck(self: &Arc<Self>) {
        if lock(&self.says).silent_since.is_none() {
            self.is_silent();
            lock(&self.says).stuck = true;
        }
    }

    /// It takes some of what it is sent. Who has lost the place meanwhile hears of that elsewhere.
    fn takes(&self) {
        let mut says = lock(&self.says);
        if std::mem::take(&mut says.stuck)
            && let Some(since) = says.silent_since.take()
        {
            lock(&self.held).silent.remove(&since);
        }
    }

    /// What it asked is answered, or it has asked nothing yet.
    #[allow(clippy::disallowed_methods, reason = "as above")]
    fn is_silent(self: &Arc<Self>) {
        let mut says = lock(&self.says);
        if says.silent_since.is_none() {
            let mut held = lock(&self.held);
            held.turns += 1;
            let turn = held.turns;
            held.silent.insert(turn, (Instant::now(), Arc::downgrade(self)));
            drop(held);
            says.silent_since = Some(turn);
            self.changed.notify_one();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.is_working();
        lock(&self.held).count -= 1;
        self.changed.notify_one();
    }
}

fn lose(place: &Weak<Place>) {
    if let Some(place) = place.upgrade() {
        place.lost.notify_one();
    }
}

/// Counts are whole between any two of their changes, so a poisoned lock is still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request's body, at whose end the whole request is there.
pub(super) struct Heard {
    body: Incoming,
    place: Arc<Place>,
}

impl Heard {
    pub(super) const fn new(body: Incoming, place: Arc<Place>) -> Self {
        Self { body, place }
    }
}

impl HttpBody for Heard {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        // Who has lost the place hears of it next; until then its request is without an end.
        if (frame.is_none() || self.body.is_end_stream()) && !self.place.is_working() {
            return Poll::Pending;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body, with whose last byte the connection falls silent.
pub(super) struct Told {
    body: Body,
    place: Arc<Place>,
}

impl Told {
    pub(super) const fn new(body: Body, place: Arc<Place>) -> Self {
        Self { body, place }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.place.is_told();
    }
}

impl HttpBody for Told {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection's bytes: once all of an answer has left, it is told.
pub(super) struct Sent<S> {
    stream: Pin<Box<S>>,
    place: Arc<Place>,
}

impl<S> Sent<S> {
    pub(super) fn new(stream: S, place: Arc<Place>) -> Self {
        Self { stream: Box::pin(stream), place }
    }

    /// Whoever reads nothing of a long answer holds the place no better than whoever says nothing.
    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            self.place.is_stuck();
        } else {
            self.place.takes();
        }
        written
    }
}

impl<S: AsyncRead> AsyncRead for Sent<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_read(context, buffer)
    }
}

impl<S: AsyncWrite> AsyncWrite for Sent<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.stream.as_mut().poll_write(context, bytes);
        self.note(written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = self.stream.as_mut().poll_write_vectored(context, bytes);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when it has handed over all it had.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(self.stream.as_mut().poll_flush(context));
        self.place.is_flushed();
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn whoever_begins_to_work_while_nobody_comes_keeps_the_place() {
        let places = Places::new(1, Duration::ZERO);
        let first = places.take().await;
        places.can_be_had().await;
        assert!(first.is_working());
        assert!(places.take().now_or_never().is_none());
        first.is_told();
        assert!(places.take().now_or_never().is_none());
        first.is_flushed();
        let _second = places.take().await;
        first.lost().await;
        assert!(!first.is_working(), "its place is another's");
    }

    #[tokio::test]
    async fn whoever_takes_nothing_of_an_answer_gives_way_and_whoever_takes_some_does_not() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let places = Places::new(1, Duration::ZERO);
        let place = places.take().await;
        let (stream, mut client) = tokio::io::duplex(4);
        let mut sent = Sent::new(stream, Arc::clone(&place));
        assert!(place.is_working());
        sent.write_all(b"told").await.unwrap();
        assert!(places.take().now_or_never().is_none(), "all of it has been taken in");

        assert!(sent.write(b"more").now_or_never().is_none());
        client.read_exact(&mut [0; 4]).await.unwrap();
        sent.write_all(b"more").await.unwrap();
        assert!(places.take().now_or_never().is_none(), "it was stuck, and goes on");
        place.is_told();
        sent.flush().await.unwrap();
        let _second = places.take().await;

        let (_unread, stream) = tokio::io::duplex(1);
        let places = Places::new(1, Duration::ZERO);
        let place = places.take().await;
        let mut sent = Sent::new(stream, Arc::clone(&place));
        assert!(place.is_working());
        sent.write_all(b"a").await.unwrap();
        assert!(sent.write(b"b").now_or_never().is_none());
        let _second = places.take().await;
        place.lost().await;
    }
}
