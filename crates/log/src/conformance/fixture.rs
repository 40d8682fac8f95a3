use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use kernel::Timestamp;
use store::{Epoch, Feed, FeedEvent, Meta, Position, SHARDS, Shard};

use super::May;
use crate::{Delivery, FeedError, Feeds, Subscription};

/// Each source's events, shard by shard.
type Sources = BTreeMap<String, Vec<Vec<Arc<FeedEvent>>>>;

/// What was committed, which is what feeds show: the truth that carriers make fast. Its clones are handles on the same one.
#[derive(Clone, Default)]
pub struct Truth(Arc<Mutex<Sources>>);

impl Truth {
    fn sources(&self) -> MutexGuard<'_, Sources> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits one event to each of these shards.
    pub fn commit(&self, source: &str, shards: &[Shard]) -> Vec<Arc<FeedEvent>> {
        let mut sources = self.sources();
        let feed = sources.entry(source.into()).or_insert_with(|| vec![Vec::new(); usize::from(SHARDS)]);
        let events = shards.iter().map(|shard| {
            let events = &mut feed[usize::from(*shard)];
            let seq = events.len() as u64 + 1;
            let event = Arc::new(FeedEvent {
                source: source.into(),
                shard: *shard,
                position: Position { epoch: 1, seq },
                key: format!("{shard}"),
                at: Timestamp::UNIX_EPOCH,
                data: format!("{{\"eventType\":\"Happened\",\"n\":{seq}}}").into(),
                meta: Meta { correlation: "story".into(), causation: "request".into(), caller: "somebody".into(), trace: None },
            });
            events.push(event.clone());
            event
        });
        events.collect()
    }

    fn shard(&self, source: &str, shard: Shard) -> Vec<Arc<FeedEvent>> {
        self.sources().get(source).map_or_else(Vec::new, |feed| feed[usize::from(shard)].clone())
    }

    fn seqs(&self, source: &str) -> Vec<u64> {
        (0..SHARDS).map(|shard| self.shard(source, shard).len() as u64).collect()
    }
}

impl Feeds for Truth {
    fn feed<'a>(&'a self, source: &'a str, shard: Shard, after: u64, limit: usize) -> BoxFuture<'a, Result<Feed, FeedError>> {
        let events = self.shard(source, shard).into_iter().filter(|event| event.position.seq > after).take(limit).collect();
        Box::pin(std::future::ready(Ok(Feed { events, epochs: vec![Epoch { epoch: 1, after: 0 }] })))
    }

    fn heads<'a>(&'a self, source: &'a str) -> BoxFuture<'a, Result<Vec<Position>, FeedError>> {
        let heads = self.seqs(source).into_iter().map(|seq| Position { epoch: 1, seq }).collect();
        Box::pin(std::future::ready(Ok(heads)))
    }
}

/// Someone who does with deliveries what a consumer does: takes what follows, leaves what it has seen, and looks at the feed
/// when something is missing.
pub struct Follower {
    truth: Truth,
    source: String,
    /// Its end of the carrier.
    pub carrier: Box<dyn Subscription>,
    may: May,
    seen: Vec<Vec<Arc<FeedEvent>>>,
    /// How many deliveries of events it was given.
    pub deliveries: usize,
    /// How often something was missing.
    pub looked_at_the_feed: usize,
}

impl Follower {
    /// One that has seen nothing yet.
    pub fn new(truth: Truth, source: &str, carrier: Box<dyn Subscription>, may: May) -> Self {
        let seen = vec![Vec::new(); usize::from(SHARDS)];
        Self { truth, source: source.into(), carrier, may, seen, deliveries: 0, looked_at_the_feed: 0 }
    }

    /// Follows until it has everything that was committed.
    pub async fn catch_up(&mut self) {
        let committed = self.truth.seqs(&self.source).into_iter().sum();
        self.catch_up_to(committed).await;
    }

    /// Follows until it has this many events.
    pub async fn catch_up_to(&mut self, events: u64) {
        if self.may.lose {
            // A consumer looks from time to time even when it hears nothing.
            self.look();
        }
        while (self.seen.iter().map(Vec::len).sum::<usize>() as u64) < events {
            match self.carrier.next().await {
                Delivery::Events(events) => self.take(&events),
                Delivery::Missed => self.look(),
                Delivery::Closed => panic!("the carrier has ended before everything was delivered"),
            }
        }
    }

    fn take(&mut self, events: &[Arc<FeedEvent>]) {
        self.deliveries += 1;
        let mut last: Option<(Shard, u64)> = None;
        for event in events {
            assert_eq!(event.source, self.source, "an event of another source");
            let seen = &mut self.seen[usize::from(event.shard)];
            let (here, next) = (seen.len() as u64, event.position.seq);
            assert!(next > here || self.may.repeat || self.looked_at_the_feed > 0, "{} came twice", event.id());
            if let Some((shard, seq)) = last.replace((event.shard, next)) {
                assert!(shard != event.shard || seq < next || self.may.repeat, "{} came behind its follower", event.id());
            }
            if next == here + 1 {
                seen.push(event.clone());
            } else if next > here {
                self.look();
            }
        }
    }

    /// Takes what is missing from the feed.
    fn look(&mut self) {
        self.looked_at_the_feed += 1;
        for shard in 0..SHARDS {
            let seen = &mut self.seen[usize::from(shard)];
            seen.extend(self.truth.shard(&self.source, shard).into_iter().skip(seen.len()));
        }
    }

    /// It has every event of its source, once, in order in each shard, just as it was committed.
    pub fn check(&self) {
        for shard in 0..SHARDS {
            assert_eq!(self.seen[usize::from(shard)], self.truth.shard(&self.source, shard), "shard {shard}");
        }
    }
}
