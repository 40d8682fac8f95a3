//! A consumer follows one service's feed for one purpose: its policies, or one view.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clock::timeout;
use eventlog::{Delivery, Subscription};
use futures_util::FutureExt;
use store::{FeedEvent, Position, SHARDS, Shard, StoreError};
use telemetry::{Kind, Span};

use crate::handle::ServiceHandle;
use crate::status::ConsumerState;
use crate::writer::{ConsumerKind, Done, Handle, Heard, Work};

/// How many events are read from a feed, and handled in one piece of work.
const AT_ONCE: usize = 256;

/// How often a consumer looks at the feed although no carrier told it to, and how long it may keep to itself what it has passed by.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How long a consumer waits when a store or a feed is away.
const AWAY: Duration = Duration::from_millis(250);

/// Why a consumer cannot go on.
enum Stop {
    /// It halts until an operator acts.
    Halted(String),
    /// The process is ending.
    Ended,
}

pub(crate) struct Consumer {
    service: ServiceHandle,
    /// The name under which its positions are kept.
    name: String,
    kind: ConsumerKind,
    source: &'static str,
    positions: Vec<Position>,
    /// What it has passed by because it has nothing to do with it, which is written down together with what comes after it.
    passed: Vec<Heard>,
    /// When it passed by the oldest of that.
    passed_at: Option<Duration>,
    /// When it last had something handled.
    handled: Option<Duration>,
    carrier: Box<dyn Subscription>,
    state: Arc<ConsumerState>,
    /// What it waits for, told in the log once and not each time it looks.
    waits_for: Option<String>,
}

impl Consumer {
    pub(crate) fn new(service: ServiceHandle, name: String, kind: ConsumerKind, source: &'static str) -> Self {
        let carrier = service.carrier().subscribe(source);
        let state = service.watch_consumer(&name, source);
        let positions = vec![Position::default(); usize::from(SHARDS)];
        let (passed, passed_at, handled, waits_for) = (Vec::new(), None, None, None);
        Self { service, name, kind, source, positions, passed, passed_at, handled, carrier, state, waits_for }
    }

    /// Follows the source until the process ends or nothing but an operator helps.
    pub(crate) async fn run(mut self) {
        let stop = match self.follow().await {
            Err(stop) => stop,
            Ok(never) => match never {},
        };
        if let Stop::Halted(why) = stop {
            // Of what it was handed last, a part may be written.
            if let Ok(positions) = self.stored_positions().await {
                self.state.reach(&positions);
            }
            tracing::error!(service = self.service.name(), consumer = self.name, source = self.source, why, "a consumer has halted");
            self.state.halt(why);
        }
    }

    async fn follow(&mut self) -> Result<std::convert::Infallible, Stop> {
        self.load_positions().await;
        self.catch_up().await?;
        let state = Arc::clone(&self.state);
        let mut moved = state.moved.subscribe();
        loop {
            let clock = Arc::clone(self.service.clock());
            let delivery = tokio::select! {
                biased;
                _ = moved.changed() => None,
                delivery = timeout(&*clock, self.looks_again_in(), self.carrier.next()) => Some(delivery),
            };
            self.until_up().await;
            match delivery {
                Some(Ok(Delivery::Events(events))) => {
                    let (events, then) = self.gather(&events).await;
                    self.take(events).await?;
                    match then {
                        Some(Delivery::Missed) => self.catch_up().await?,
                        Some(Delivery::Closed) => return Err(Stop::Ended),
                        Some(Delivery::Events(_)) | None => {}
                    }
                }
                Some(Ok(Delivery::Missed)) => self.catch_up().await?,
                Some(Err(_)) => {
                    self.catch_up().await?;
                    self.take(Vec::new()).await?;
                }
                Some(Ok(Delivery::Closed)) => return Err(Stop::Ended),
                None => {
                    self.load_positions().await;
                    self.catch_up().await?;
                }
            }
        }
    }

    /// How long it waits for what the carrier tells, and then looks for itself.
    fn looks_again_in(&self) -> Duration {
        let kept_for = self.passed_at.map(|passed| self.service.clock().elapsed().saturating_sub(passed));
        LOOK_AGAIN.saturating_sub(kept_for.unwrap_or_default())
    }

    /// A stopped service handles nothing, and a stopped source hands nothing out.
    async fn until_up(&self) {
        let (own, source) = (self.service.full_name(), self.service.full_name_of(self.source));
        self.service.faults().until_up(&[&own, &source]).await;
    }

    async fn load_positions(&mut self) {
        loop {
            match self.stored_positions().await {
                Ok(positions) => {
                    self.state.reach(&positions);
                    self.positions = positions;
                    self.forget_passed();
                    return;
                }
                Err(error) => self.wait_out(&error.to_string()).await,
            }
        }
    }

    async fn stored_positions(&self) -> Result<Vec<Position>, StoreError> {
        self.service.store().positions(self.service.name(), &self.name, self.source).await
    }

    fn forget_passed(&mut self) {
        self.passed.clear();
        self.passed_at = None;
    }

    async fn wait_out(&mut self, why: &str) {
        if self.waits_for.as_deref() != Some(why) {
            tracing::warn!(service = self.service.name(), consumer = self.name, why, "a consumer waits");
            self.waits_for = Some(why.into());
        }
        self.service.clock().sleep(AWAY).await;
    }

    /// What was delivered, and what else is once it is time to handle it; if anything but events came then, that too.
    async fn gather(&mut self, events: &[Arc<FeedEvent>]) -> (Vec<Heard>, Option<Delivery>) {
        let mut events = self.hear(events);
        let clock = self.service.clock();
        let since = self.handled.map(|handled| clock.elapsed().saturating_sub(handled));
        if let Some(wait) = since.and_then(|since| self.service.system.pace.checked_sub(since))
            && events.iter().any(Heard::concerns)
        {
            clock.sleep(wait).await;
        }
        while events.len() < AT_ONCE {
            match self.carrier.next().now_or_never() {
                Some(Delivery::Events(more)) => events.extend(self.hear(&more)),
                other => return (events, other),
            }
        }
        (events, None)
    }

    fn hear(&self, events: &[Arc<FeedEvent>]) -> Vec<Heard> {
        events.iter().map(|event| Heard::by(self.service.service(), &self.kind, Arc::clone(event))).collect()
    }

    /// Handles what was delivered, as far as it follows what was handled before.
    async fn take(&mut self, events: Vec<Heard>) -> Result<(), Stop> {
        let mut next: BTreeMap<Shard, Vec<Heard>> = BTreeMap::new();
        let mut gaps = Vec::new();
        for heard in events {
            let event = &heard.event;
            let Some(position) = self.positions.get(usize::from(event.shard)) else { continue };
            let waiting = next.entry(event.shard).or_default();
            let last = waiting.last().map_or(*position, |last| last.event.position);
            if event.position.epoch > last.epoch && last.epoch > 0 {
                // Only the feed tells where an epoch begins.
                gaps.push(event.shard);
            } else if event.position.seq == last.seq + 1 {
                waiting.push(heard);
            } else if event.position.seq > last.seq {
                gaps.push(event.shard);
            }
        }
        let events: Vec<_> = next.into_values().flatten().collect();
        if !self.hand_in(events).await? {
            return self.catch_up().await;
        }
        gaps.dedup();
        for shard in gaps {
            self.catch_up_shard(shard).await?;
        }
        Ok(())
    }

    /// Reads from the feed whatever was not handled yet.
    async fn catch_up(&mut self) -> Result<(), Stop> {
        self.until_up().await;
        let heads = loop {
            match self.service.feeds().heads(self.source).await {
                Ok(heads) => break heads,
                Err(error) => self.wait_out(&error.to_string()).await,
            }
        };
        for (shard, head) in (0..SHARDS).zip(heads) {
            if head > self.positions[usize::from(shard)] {
                self.catch_up_shard(shard).await?;
            }
        }
        Ok(())
    }

    async fn catch_up_shard(&mut self, shard: Shard) -> Result<(), Stop> {
        loop {
            self.until_up().await;
            let position = self.positions[usize::from(shard)];
            let feed = match self.service.feeds().feed(self.source, shard, position.seq, AT_ONCE).await {
                Ok(feed) => feed,
                Err(error) => {
                    self.wait_out(&error.to_string()).await;
                    continue;
                }
            };
            let newer = feed.epochs.iter().filter(|epoch| position.epoch > 0 && epoch.epoch > position.epoch);
            if let Some(lost) = newer.clone().find(|epoch| epoch.after < position.seq) {
                return Err(Stop::Halted(format!(
                    "a restore of {} lost events of shard {shard} after {}, of which this has seen up to {}",
                    self.source, lost.after, position.seq
                )));
            }
            let Some(first) = feed.events.first() else { return Ok(()) };
            if first.position.seq > position.seq + 1 {
                return Err(Stop::Halted(format!(
                    "the feed of {} goes from {} to {} in shard {shard}: what stood between them is lost",
                    self.source, position.seq, first.position.seq
                )));
            }
            let events = self.hear(&feed.events);
            self.hand_in(events).await?;
        }
    }

    /// Lets the writer handle events, until it has; events that concern nobody here wait until it has to be asked anyway, or the oldest
    /// of them has waited long. `false`: they do not follow the positions, which are known anew now.
    async fn hand_in(&mut self, events: Vec<Heard>) -> Result<bool, Stop> {
        let is_due = self.looks_again_in().is_zero() || self.passed.len() >= AT_ONCE || events.iter().any(Heard::concerns);
        let new = self.passed.len();
        self.passed.extend(events);
        if self.passed.is_empty() {
            return Ok(true);
        }
        if !is_due {
            self.passed_at.get_or_insert_with(|| self.service.clock().elapsed());
            self.reached(new);
            return Ok(true);
        }
        let (traced, _spans) = self.traced(&self.passed);
        loop {
            let work = Work::Handle(Handle { consumer: self.kind.clone(), events: traced.clone(), park: None });
            match self.service.inbox().begun(self.service.name(), work).await {
                Done::Handled => {
                    self.reached(new);
                    self.forget_passed();
                    self.handled = Some(self.service.clock().elapsed());
                    return Ok(true);
                }
                Done::Away(why) => self.wait_out(&why).await,
                Done::Unheard | Done::Gone => return Err(Stop::Ended),
                // Somebody else has moved the positions; the store knows where they are.
                Done::Gap => {
                    self.load_positions().await;
                    return Ok(false);
                }
                Done::Lost => return Err(Stop::Halted(format!("a restore of {} lost events that this has seen", self.source))),
                Done::Failed(why) => return Err(Stop::Halted(why)),
                other => return Err(Stop::Halted(format!("events were answered with {}", other.name()))),
            }
        }
    }

    /// It has got to the end of what it has passed by, of which all before the place `new` was known.
    fn reached(&mut self, new: usize) {
        for Heard { event, .. } in self.passed.iter().skip(new) {
            let position = &mut self.positions[usize::from(event.shard)];
            *position = event.position.max(*position);
        }
        self.state.reach(&self.positions);
    }

    /// The events, each within the span that handling it here is, and these spans.
    fn traced(&self, events: &[Heard]) -> (Vec<Heard>, Vec<Span>) {
        let mut spans = Vec::new();
        let traced = events.iter().map(|heard| {
            let mut heard = heard.clone();
            if let Some(trace) = heard.event.meta.trace.as_ref().filter(|_| heard.concerns()) {
                let name = || format!("handle {} in {}/{}", self.source, self.service.name(), self.name).into();
                let mut span = self.service.tracer().within(Some(trace), Kind::Consumer, name);
                if let Some(context) = span.context().cloned() {
                    span.set("yeyak.event", heard.event.id());
                    spans.push(span);
                    Arc::make_mut(&mut heard.event).meta.trace = Some(context);
                }
            }
            heard
        });
        (traced.collect(), spans)
    }
}
