//! Spans: what was done within one trace, from when to when.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clock::SharedClock;
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::{Counter, TraceContext};

/// So many spans wait at most to be sent; more are dropped. About 4 MB.
const MOST_WAITING: usize = 8192;

/// What makes spans. Clones make spans for the same exporter.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Shared>>);

struct Shared {
    clock: SharedClock,
    /// Of a hundred traces that begin here, so many are recorded.
    percent: u8,
    inner: Mutex<Inner>,
    ended: Notify,
    dropped: Counter,
    sent: Counter,
}

struct Inner {
    chance: fastrand::Rng,
    waiting: Vec<Ended>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // It is whole between any two of its operations.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Tracer(on)" } else { "Tracer(off)" })
    }
}

/// On which side of what is asked a span stands, as OpenTelemetry numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Within.
    Internal = 1,
    /// A request is answered.
    Server = 2,
    /// Somebody else is asked.
    Client = 3,
    /// An event is handled.
    Consumer = 5,
}

/// What a span says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// A text. Never one that is about a person.
    Text(Cow<'static, str>),
    /// A number.
    Whole(i64),
}

impl From<&'static str> for Attribute {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Attribute {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<u16> for Attribute {
    fn from(number: u16) -> Self {
        Self::Whole(number.into())
    }
}

impl From<usize> for Attribute {
    fn from(number: usize) -> Self {
        Self::Whole(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// A span that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its own place: what happened within it has it for a parent.
    pub context: TraceContext,
    /// The span that it is part of.
    pub parent: Option<[u8; 8]>,
    /// What was done. Of few different values: templates, never ids.
    pub name: Cow<'static, str>,
    /// On which side it stands.
    pub kind: Kind,
    /// From when.
    pub start: Timestamp,
    /// Until when.
    pub end: Timestamp,
    /// What else is known of it.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// Why it failed, if it did.
    pub failed: Option<Cow<'static, str>>,
}

impl Tracer {
    /// So many spans are sent at once.
    pub const AT_ONCE: usize = 512;

    /// A tracer that shows the time of `clock`, draws ids from `seed`, and records so many of a hundred traces that begin here. One
    /// that begins elsewhere is recorded if it is there.
    pub fn new(clock: SharedClock, seed: u64, percent: u8) -> Self {
        let inner = Mutex::new(Inner { chance: fastrand::Rng::with_seed(seed), waiting: Vec::new() });
        let (dropped, sent) = (Counter::default(), Counter::default());
        Self(Some(Arc::new(Shared { clock, percent, inner, ended: Notify::new(), dropped, sent })))
    }

    /// One that records nothing.
    pub const fn off() -> Self {
        Self(None)
    }

    /// Whether it records anything.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Begins something that is asked from outside, within the trace that the asker names or as the first of a new one.
    pub fn begin(&self, from: Option<TraceContext>, name: impl FnOnce() -> Cow<'static, str>) -> Span {
        let Some(shared) = &self.0 else { return Span(None) };
        match from {
            Some(from) => self.within(Some(&from), Kind::Server, name),
            None => {
                let mut inner = shared.lock();
                if inner.chance.u8(0..100) >= shared.percent {
                    return Span(None);
                }
                let trace = inner.chance.u128(1..).to_be_bytes();
                drop(inner);
                let root = TraceContext { trace, span: [0; 8], sampled: true, state: None };
                open(shared, &root, None, Kind::Server, name())
            }
        }
    }

    /// Begins a part of something that is recorded; of what is not, no part is.
    pub fn within(&self, parent: Option<&TraceContext>, kind: Kind, name: impl FnOnce() -> Cow<'static, str>) -> Span {
        match (&self.0, parent) {
            (Some(shared), Some(parent)) if parent.sampled => open(shared, parent, Some(parent.span), kind, name()),
            _ => Span(None),
        }
    }

    /// What has ended and was not taken yet; waits until there is something. A tracer that is off waits for ever.
    pub async fn ended(&self) -> Vec<Ended> {
        let Some(shared) = &self.0 else { return std::future::pending().await };
        loop {
            let told = shared.ended.notified();
            let ended = self.take();
            if !ended.is_empty() {
                return ended;
            }
            told.await;
        }
    }

    /// What has ended and was not taken yet, up to so many as are sent at once.
    pub fn take(&self) -> Vec<Ended> {
        let Some(shared) = &self.0 else { return Vec::new() };
        let mut inner = shared.lock();
        let count = inner.waiting.len().min(Self::AT_ONCE);
        inner.waiting.drain(..count).collect()
    }

    /// So many spans have arrived, or are lost.
    pub fn count(&self, spans: usize, have_arrived: bool) {
        if let Some(shared) = &self.0 {
            let counter = if have_arrived { &shared.sent } else { &shared.dropped };
            counter.add(spans as u64);
        }
    }

    /// How many spans have arrived, and how many are lost.
    pub fn counts(&self) -> (u64, u64) {
        self.0.as_ref().map_or((0, 0), |shared| (shared.sent.get(), shared.dropped.get()))
    }
}

fn open(shared: &Arc<Shared>, parent: &TraceContext, within: Option<[u8; 8]>, kind: Kind, name: Cow<'static, str>) -> Span {
    let span = shared.lock().chance.u64(1..).to_be_bytes();
    let start = shared.clock.now();
    let context = TraceContext { span, ..parent.clone() };
    let span = Ended { context, parent: within, name, kind, start, end: start, attributes: Vec::new(), failed: None };
    Span(Some(Box::new((Arc::clone(shared), span))))
}

/// Something that goes on, and ends when this is dropped. One that is not recorded is empty.
#[must_use]
pub struct Span(Option<Box<(Arc<Shared>, Ended)>>);

impl Span {
    /// One that is not recorded.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Its place, for what happens within it.
    pub fn context(&self) -> Option<&TraceContext> {
        self.0.as_ref().map(|open| &open.1.context)
    }

    /// Gives it a name that was not known when it began.
    pub fn rename(&mut self, name: impl Into<Cow<'static, str>>) {
        if let Some(open) = &mut self.0 {
            open.1.name = name.into();
        }
    }

    /// Says something more of it.
    pub fn set(&mut self, key: &'static str, value: impl Into<Attribute>) {
        if let Some(open) = &mut self.0 {
            open.1.attributes.push((key, value.into()));
        }
    }

    /// It has failed.
    pub fn fail(&mut self, why: impl Into<Cow<'static, str>>) {
        if let Some(open) = &mut self.0 {
            open.1.failed = Some(why.into());
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some(open) = self.0.take() else { return };
        let (shared, mut span) = *open;
        span.end = shared.clock.now().max(span.start);
        let mut inner = shared.lock();
        if inner.waiting.len() < MOST_WAITING {
            inner.waiting.push(span);
        } else {
            shared.dropped.inc();
        }
        drop(inner);
        shared.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clock::ManualClock;

    use super::*;

    fn tracer(percent: u8) -> (Tracer, ManualClock) {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        (Tracer::new(Arc::new(clock.clone()), 7, percent), clock)
    }

    #[test]
    fn what_is_within_has_the_trace_and_the_parent_of_what_it_is_within() {
        let (tracer, clock) = tracer(100);
        let request = tracer.begin(None, || "POST /reserves".into());
        let mut part = tracer.within(request.context(), Kind::Client, || "call".into());
        part.set("n", 3_usize);
        clock.advance(Duration::from_millis(5));
        drop(part);
        drop(request);
        let spans = tracer.take();
        assert_eq!(spans.iter().map(|span| &*span.name).collect::<Vec<_>>(), ["call", "POST /reserves"]);
        assert_eq!(spans[0].context.trace, spans[1].context.trace);
        assert_eq!((spans[0].parent, spans[1].parent), (Some(spans[1].context.span), None));
        assert_eq!(spans[0].end.duration_since(spans[0].start).as_millis(), 5);
        assert_eq!(spans[0].attributes, [("n", Attribute::Whole(3))]);
    }

    #[test]
    fn who_asks_decides_whether_a_trace_is_recorded() {
        let (tracer, _) = tracer(0);
        let asked = |flag| TraceContext::of_headers(&format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flag}"), "a=b");
        assert_eq!(tracer.begin(None, || "mine".into()).context(), None);
        assert_eq!(tracer.begin(asked("00"), || "unrecorded".into()).context(), None);
        let recorded = tracer.begin(asked("01"), || "recorded".into());
        let context = recorded.context().unwrap().clone();
        assert_eq!((context.trace_id(), context.tracestate()), (asked("01").unwrap().trace_id(), Some("a=b")));
        drop(recorded);
        assert_eq!(tracer.take()[0].parent, Some(asked("01").unwrap().span));
    }

    #[test]
    fn spans_that_nobody_takes_are_dropped_and_counted() {
        let (tracer, _) = tracer(100);
        for _ in 0..MOST_WAITING + 3 {
            drop(tracer.begin(None, || "request".into()));
        }
        assert_eq!(tracer.counts(), (0, 3));
        assert_eq!(tracer.take().len(), Tracer::AT_ONCE);
    }

    #[tokio::test]
    async fn a_tracer_that_is_off_makes_nothing() {
        let tracer = Tracer::off();
        let span = tracer.begin(TraceContext::of_headers("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", ""), || {
            unreachable!("nobody needs its name")
        });
        assert!(span.context().is_none() && tracer.take().is_empty());
    }

    #[tokio::test]
    async fn who_waits_for_spans_is_told_of_the_next() {
        let (tracer, _) = tracer(100);
        let (spans, ()) = tokio::join!(tracer.ended(), async { drop(tracer.begin(None, || "request".into())) });
        assert_eq!(spans.len(), 1);
    }
}
