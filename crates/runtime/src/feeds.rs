//! The feeds of one system's services, as its consumers read them.

use std::sync::Arc;

use eventlog::{FeedError, Feeds};
use futures_util::future::BoxFuture;
use store::{Feed, Position, Shard, Store, StoreError};

use crate::faults::Faults;

/// The feeds of one system's services, read from their store.
pub(crate) struct OwnFeeds {
    pub(crate) system: &'static str,
    pub(crate) running: Vec<&'static str>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) faults: Faults,
}

impl OwnFeeds {
    fn source(&self, source: &str) -> Result<&'static str, FeedError> {
        let away = |why: &str| FeedError::Away { source_service: source.into(), why: why.into() };
        if self.faults.of(&format!("{}/{source}", self.system)).down {
            return Err(away("it is stopped"));
        }
        self.running.iter().find(|name| **name == source).copied().ok_or_else(|| away("it does not run here"))
    }
}

fn away(source: &str) -> impl Fn(StoreError) -> FeedError {
    let source_service = source.to_owned();
    move |error| FeedError::Away { source_service: source_service.clone(), why: error.to_string() }
}

impl Feeds for OwnFeeds {
    fn feed<'a>(&'a self, source: &'a str, shard: Shard, after: u64, limit: usize) -> BoxFuture<'a, Result<Feed, FeedError>> {
        Box::pin(async move { self.store.feed(self.source(source)?, shard, after, limit).await.map_err(away(source)) })
    }

    fn heads<'a>(&'a self, source: &'a str) -> BoxFuture<'a, Result<Vec<Position>, FeedError>> {
        Box::pin(async move { self.store.heads(self.source(source)?).await.map_err(away(source)) })
    }
}
