use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use store::FeedEvent;
use tokio::sync::broadcast;

use crate::{Carrier, Delivery, Subscription};

/// How many deliveries a slow follower may fall behind before it has to look at the feed. It bounds memory, nothing else.
const BUFFERED: usize = 256;

type Events = Arc<Vec<Arc<FeedEvent>>>;

/// The carrier of one process: followers share what was committed, without a copy.
#[derive(Debug, Default)]
pub struct InProcess {
    channels: Mutex<HashMap<String, broadcast::Sender<Events>>>,
}

impl InProcess {
    fn channels(&self) -> MutexGuard<'_, HashMap<String, broadcast::Sender<Events>>> {
        // A map of senders is whole between any two of its operations.
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Carrier for InProcess {
    fn publish(&self, events: &[Arc<FeedEvent>]) {
        let channels = self.channels();
        // Ordered, so that a simulation wakes followers in the same order every time.
        let mut by_source: BTreeMap<&str, Vec<Arc<FeedEvent>>> = BTreeMap::new();
        for event in events {
            // Whoever stopped following leaves the channel behind.
            if channels.get(&event.source).is_some_and(|channel| channel.receiver_count() > 0) {
                by_source.entry(&event.source).or_default().push(event.clone());
            }
        }
        for (source, events) in by_source {
            // An error says that nobody follows just now.
            let _ = channels[source].send(Arc::new(events));
        }
    }

    fn subscribe(&self, source: &str) -> Box<dyn Subscription> {
        let mut channels = self.channels();
        let channel = channels.entry(source.into()).or_insert_with(|| broadcast::channel(BUFFERED).0);
        Box::new(Follower(channel.subscribe()))
    }
}

struct Follower(broadcast::Receiver<Events>);

impl Subscription for Follower {
    fn next(&mut self) -> BoxFuture<'_, Delivery> {
        Box::pin(async {
            match self.0.recv().await {
                Ok(events) => Delivery::Events(events),
                Err(broadcast::error::RecvError::Lagged(_)) => Delivery::Missed,
                Err(broadcast::error::RecvError::Closed) => Delivery::Closed,
            }
        })
    }
}
