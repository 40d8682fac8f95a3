//! How published events reach those who follow them.
//!
//! The feed of a service is the truth: everything it ever published, in order, without a gap. A carrier only makes it fast.
//! It may deliver late, twice, out of order or not at all; a consumer checks every position against its own and fills what
//! is missing from the feed.
//!
//! Every carrier passes the same `conformance` suite, unchanged.

#[cfg(feature = "conformance")]
pub mod conformance;
mod in_process;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use store::{Feed, FeedEvent, Position, Shard};

pub use in_process::InProcess;

/// Why a feed could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// The service or its store cannot be reached now; later it can.
    #[error("the feed of {source_service} cannot be reached: {why}")]
    Away {
        /// The publishing service.
        source_service: String,
        /// What was found.
        why: String,
    },
}

/// Where the feeds of services are read.
pub trait Feeds: Send + Sync + 'static {
    /// Up to `limit` events of `source` in `shard` behind `after`, in order.
    fn feed<'a>(&'a self, source: &'a str, shard: Shard, after: u64, limit: usize) -> BoxFuture<'a, Result<Feed, FeedError>>;

    /// The last position given in each shard of `source`.
    fn heads<'a>(&'a self, source: &'a str) -> BoxFuture<'a, Result<Vec<Position>, FeedError>>;
}

/// Hands events on to whoever follows them.
pub trait Carrier: Send + Sync + 'static {
    /// Hands on what was just committed.
    fn publish(&self, events: &[Arc<FeedEvent>]);

    /// Follows one service from now on.
    fn subscribe(&self, source: &str) -> Box<dyn Subscription>;
}

/// One follower's end of a carrier.
pub trait Subscription: Send + Sync {
    /// What comes next.
    fn next(&mut self) -> BoxFuture<'_, Delivery>;
}

/// What a carrier delivers.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// Events of one service, in order within each shard as far as the carrier knows.
    Events(Arc<Vec<Arc<FeedEvent>>>),
    /// Something was left out: look at the feed.
    Missed,
    /// Nothing comes any more.
    Closed,
}
