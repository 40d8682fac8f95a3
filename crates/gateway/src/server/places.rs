//! Who has a place, and who has said nothing that can be answered for how long.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
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
    /// Those that can be closed: those that have not sent a whole request yet, the one that has been so for longest first.
    silent: BTreeMap<u64, (Instant, Weak<Place>)>,
}

/// One connection's place. It is silent, until a whole request is there, or working, until that is answered.
pub(super) struct Place {
    held: Arc<Mutex<Held>>,
    changed: Arc<Notify>,
    /// Since which turn it is silent; none while it works.
    silent_since: Mutex<Option<u64>>,
    lost: Notify,
}

impl Places {
    pub(super) fn new(most: usize, patience: Duration) -> Self {
        Self { most, patience, held: Arc::default(), changed: Arc::default() }
    }

    /// Is ready once another connection can have a place: there is a free one, or one that has been silent for long enough.
    #[allow(clippy::disallowed_methods, reason = "how long a connection is silent is told by the clock of connections, which is tokio's")]
    pub(super) async fn can_be_had(&self) {
        loop {
            let to_be_had = self.to_be_had();
            if to_be_had.is_some_and(|at| at <= Instant::now()) {
                return;
            }
            tokio::select! {
                // A change between the look and the wait is kept, and ends the wait at once.
                () = self.changed.notified() => {}
                () = tokio::time::sleep_until(to_be_had.unwrap_or_else(Instant::now)), if to_be_had.is_some() => {}
            }
        }
    }

    /// From when on there is a place to be had, unless all of them work.
    #[allow(clippy::disallowed_methods, reason = "as above")]
    fn to_be_had(&self) -> Option<Instant> {
        let held = lock(&self.held);
        if held.count < self.most {
            return Some(Instant::now());
        }
        held.silent.first_key_value().map(|(_, (since, _))| *since + self.patience)
    }

    /// A place, which is another's when there is no free one.
    pub(super) fn take(&self) -> Arc<Place> {
        if lock(&self.held).count >= self.most {
            self.close_the_longest_silent();
        }
        lock(&self.held).count += 1;
        let (held, changed) = (Arc::clone(&self.held), Arc::clone(&self.changed));
        let place = Arc::new(Place { held, changed, silent_since: Mutex::new(None), lost: Notify::new() });
        place.is_silent();
        place
    }

    pub(super) fn close_the_longest_silent(&self) {
        let longest = lock(&self.held).silent.pop_first();
        if let Some(place) = longest.and_then(|(_, (_, place))| place.upgrade()) {
            place.lost.notify_one();
        }
    }
}

impl Place {
    /// Is ready when somebody else has this place.
    pub(super) async fn lost(&self) {
        self.lost.notified().await;
    }

    /// A whole request is there.
    pub(super) fn is_working(&self) {
        if let Some(since) = lock(&self.silent_since).take() {
            lock(&self.held).silent.remove(&since);
        }
    }

    /// What it asked is answered, or it has asked nothing yet.
    #[allow(clippy::disallowed_methods, reason = "as above")]
    fn is_silent(self: &Arc<Self>) {
        let mut silent_since = lock(&self.silent_since);
        if silent_since.is_none() {
            let mut held = lock(&self.held);
            held.turns += 1;
            let turn = held.turns;
            held.silent.insert(turn, (Instant::now(), Arc::downgrade(self)));
            drop(held);
            *silent_since = Some(turn);
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
        if frame.is_none() || self.body.is_end_stream() {
            self.place.is_working();
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

/// An answer's body, with which the connection falls silent.
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
        self.place.is_silent();
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
