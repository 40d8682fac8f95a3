use std::sync::Arc;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use telemetry::TraceContext;

use crate::Payload;

/// One of the 16 parts of a service's feed. An aggregate's events all stand in the shard its key hashes to.
pub type Shard = u8;

/// How many shards a feed has, for ever: changing it would break the order that consumers rely on.
pub const SHARDS: Shard = 16;

/// A place in one shard of a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The epoch, raised by every restore.
    pub epoch: u32,
    /// The place in the shard: 1, 2, 3, … without a gap, in commit order.
    pub seq: u64,
}

/// Where an epoch begins in one shard: after this `seq`, whose events belong to earlier epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    /// Which epoch.
    pub epoch: u32,
    /// The last `seq` before it.
    pub after: u64,
}

/// What every event carries of its origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The story it belongs to: one id through every call and event that a request leads to.
    pub correlation: String,
    /// What directly led to it: a request, an event, a call.
    pub causation: String,
    /// Who, as [`kernel::Caller`] shows itself.
    pub caller: String,
    /// The place in a trace that it comes from, when that is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
}

/// A published event, as feeds and carriers hand it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedEvent {
    /// The service that published it.
    pub source: String,
    /// Its shard.
    pub shard: Shard,
    /// Its place there.
    pub position: Position,
    /// The key of its aggregate.
    pub key: String,
    /// When it happened.
    pub at: Timestamp,
    /// Its JSON, with `eventType`.
    pub data: Payload,
    /// Its origin.
    pub meta: Meta,
}

impl FeedEvent {
    /// The id it is known by in stories and causes.
    pub fn id(&self) -> String {
        format!("{}/{}/{}", self.source, self.shard, self.position.seq)
    }
}

/// Part of one shard's feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feed {
    /// The events, in order.
    pub events: Vec<Arc<FeedEvent>>,
    /// Where each epoch begins in this shard, the first at 0.
    pub epochs: Vec<Epoch>,
}

/// An event as it stands in its aggregate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Which one of its aggregate, from 1.
    pub version: u64,
    /// When it happened.
    pub at: Timestamp,
    /// Its JSON.
    pub data: String,
}

/// One thing that happened to a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// Its place in the history of its service, for paging on.
    pub position: u64,
    /// When.
    pub at: Timestamp,
    /// The event, as JSON.
    pub data: String,
    /// By whom and caused by what.
    pub meta: Meta,
}

/// An event as a story tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoryEvent {
    /// Its place among all events of its service, in the order in which they were written.
    pub position: u64,
    /// The kind of its aggregate.
    pub aggregate: String,
    /// The key of its aggregate.
    pub key: String,
    /// Which one of its aggregate, from 1.
    pub version: u64,
    /// When it happened.
    pub at: Timestamp,
    /// Its JSON.
    pub data: String,
    /// The row it is about, `{collection}/{id}`.
    pub subject: Option<String>,
    /// The shard and the place there, when it was published.
    pub published: Option<(Shard, u64)>,
    /// Its origin.
    pub meta: Meta,
}

/// What was found in a stretch of a service's events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// The events of the story, in the order in which they were written.
    pub events: Vec<StoryEvent>,
    /// Whatever stands up to here was not looked at; 0 when nothing is left.
    pub from: u64,
    /// The latest instant of all that was looked at, of this story or not.
    pub latest: Option<Timestamp>,
}

/// All that happened to one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life<'a> {
    /// To a row of the service's own, `{collection}/{id}`.
    Row(&'a str),
    /// To an aggregate, by its kind and key.
    Root(&'a str, &'a str),
}
