//! Folds everything again and compares it with what stands: the first thing to look at after a crash or a restore.
//!
//! It reads one instant of a store, whether that runs or not, part by part; what it folds again stands in a scratch database, so that a
//! store of any size takes little memory.

mod compare;
mod consumers;
mod kept;
mod roots;
mod views;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use store::sqlite::Scratch;
use store::{Epoch, FeedEvent, HeldPosition, SHARDS, Shard, Snapshot, StoreError};

use crate::service::Service;
use crate::system::SystemSpec;

/// How much is read at once.
const AT_ONCE: usize = 1000;

/// How many disagreements are told. Who has so many needs a backup, and not a longer list.
const MOST: usize = 1000;

/// How often progress is told: each time so many events have been looked at.
const STRIDE: u64 = 1000;

/// Something that does not agree with the events it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The service in which it stands; empty for the store itself.
    pub service: &'static str,
    /// What sort of thing it is: `root`, `snapshot`, `wake-up`, `row`, `view`, `history`, `feed`, `position`, `counter`, `answer`,
    /// `call`, `parked` or `store`.
    pub kind: &'static str,
    /// Which one.
    pub key: String,
    /// What its events say, and what stands.
    pub what: String,
}

/// What verifying came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// What does not agree, up to a bound.
    pub found: Vec<Disagreement>,
    /// Whether there was more.
    pub more: bool,
    /// How many aggregates were folded again.
    pub roots: u64,
    /// How many of their events.
    pub events: u64,
    /// How many rows were compared, those of views among them.
    pub rows: u64,
}

/// How far verifying is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many events have been looked at; one that a view follows counts again.
    pub done: u64,
    /// Of about how many.
    pub total: u64,
}

/// In which order a view's events are folded. The events of one key have to stay in theirs.
pub type Order<'a> = &'a (dyn Fn(Vec<Arc<FeedEvent>>) -> Vec<Arc<FeedEvent>> + Send + Sync);

/// Verifies the store of a system that does not run.
///
/// # Errors
/// When it cannot be read.
pub fn store(spec: &SystemSpec, snapshot: &dyn Snapshot, mut progress: impl FnMut(Progress) + Send) -> Result<Verified, StoreError> {
    services(&spec.services, snapshot, None, &mut progress)
}

/// Compares everything of these services with their events. A view's events are read shard by shard, or all at once in an `order`.
pub(crate) fn services(
    services: &[Service],
    snapshot: &dyn Snapshot,
    order: Option<Order<'_>>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Verified, StoreError> {
    let verified = Verified::default();
    let mut audit = Audit { snapshot, progress, done: 0, total: 0, told: 0, verified, feeds: HashMap::new() };
    audit.file()?;
    let services = audit.known(services)?;
    audit.total = audit.size(&services)?;
    for service in &services {
        audit.feed(service)?;
    }
    for service in services {
        let mut about = About { service, scratch: Scratch::new()?, positions: Vec::new(), reacted: BTreeMap::new() };
        about.positions = audit.read(service.name, "position", "all", |snapshot| snapshot.positions(service.name))?.unwrap_or_default();
        audit.roots(&mut about)?;
        audit.kept(&about)?;
        audit.own_rows(&about)?;
        audit.views(&about, order)?;
        audit.consumers(&about)?;
    }
    (audit.progress)(Progress { done: audit.total, total: audit.total });
    Ok(audit.verified)
}

/// What is known of one service while it is looked at.
struct About<'a> {
    service: &'a Service,
    /// The rows that its events make, its own under their table and those of views likewise.
    scratch: Scratch,
    /// How far its consumers are.
    positions: Vec<HeldPosition>,
    /// The last event of each source and shard that a policy has reacted to.
    reacted: BTreeMap<(String, Shard), u64>,
}

/// What is known of a feed's shard once it was looked at.
struct ShardFeed {
    epochs: Vec<Epoch>,
    head: u64,
}

impl ShardFeed {
    /// The epoch in which this place was given.
    fn epoch_of(&self, seq: u64) -> u32 {
        self.epochs.iter().rev().find(|epoch| epoch.after < seq).map_or(0, |epoch| epoch.epoch)
    }
}

struct Audit<'a> {
    snapshot: &'a dyn Snapshot,
    progress: &'a mut (dyn FnMut(Progress) + Send),
    done: u64,
    total: u64,
    /// What was done when progress was last told.
    told: u64,
    verified: Verified,
    feeds: HashMap<(&'static str, Shard), ShardFeed>,
}

impl Audit<'_> {
    fn found(&mut self, service: &'static str, kind: &'static str, key: impl Into<String>, what: impl Into<String>) {
        if self.verified.found.len() < MOST {
            self.verified.found.push(Disagreement { service, kind, key: key.into(), what: what.into() });
        } else {
            self.verified.more = true;
        }
    }

    /// Reads a part. What cannot be read because of what stands there is one more thing found; a store that is away ends it all.
    fn read<T>(
        &mut self,
        service: &'static str,
        kind: &'static str,
        key: &str,
        read: impl FnOnce(&dyn Snapshot) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match read(self.snapshot) {
            Ok(part) => Ok(Some(part)),
            Err(StoreError::Unreadable(why) | StoreError::Rejected(why)) => {
                self.found(service, kind, key, format!("cannot be read: {why}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn looked_at(&mut self, events: u64) {
        self.done += events;
        if self.done - self.told >= STRIDE {
            self.told = self.done;
            (self.progress)(Progress { done: self.done.min(self.total), total: self.total });
        }
    }

    /// The services that the store knows. In one that a release has added, and that it has not served yet, nothing has happened.
    fn known<'s>(&mut self, services: &'s [Service]) -> Result<Vec<&'s Service>, StoreError> {
        let mut known = Vec::new();
        for service in services {
            if self.read(service.name, "store", "tables", |snapshot| snapshot.has_service(service.name))? == Some(true) {
                known.push(service);
            }
        }
        Ok(known)
    }

    /// About how many events there are to look at. One that a view follows is looked at for it as well.
    fn size(&mut self, services: &[&Service]) -> Result<u64, StoreError> {
        let mut total = 0;
        for service in services {
            total += self.read(service.name, "store", "events", |snapshot| snapshot.size(service.name))?.unwrap_or(0);
            for view in service.projections.iter().filter(|view| services.iter().any(|source| source.name == view.source)) {
                let heads = self.read(view.source, "feed", "heads", |snapshot| snapshot.heads(view.source))?.unwrap_or_default();
                total += heads.iter().map(|head| head.seq).sum::<u64>();
            }
        }
        Ok(total)
    }

    /// What the store itself finds wrong with its file.
    fn file(&mut self) -> Result<(), StoreError> {
        for fault in self.read("", "store", "file", |snapshot| snapshot.faults(10))?.unwrap_or_default() {
            self.found("", "store", "file", fault);
        }
        Ok(())
    }

    /// The feed has every position from 1 to its head, once, each in its epoch.
    fn feed(&mut self, service: &Service) -> Result<(), StoreError> {
        let name = service.name;
        let Some(heads) = self.read(name, "feed", "heads", |snapshot| snapshot.heads(name))? else { return Ok(()) };
        for (shard, head) in (0..SHARDS).zip(heads) {
            let key = format!("shard {shard}");
            let mut known = ShardFeed { epochs: Vec::new(), head: head.seq };
            let mut after = 0;
            while let Some(feed) = self.read(name, "feed", &key, |snapshot| snapshot.feed(name, shard, after, AT_ONCE))? {
                if known.epochs.is_empty() {
                    self.epochs(name, &key, &feed.epochs, head.seq);
                    known.epochs = feed.epochs;
                }
                if feed.events.is_empty() {
                    if after != head.seq {
                        self.found(name, "feed", &key, format!("its head is {}, its last event {after}", head.seq));
                    }
                    break;
                }
                for event in feed.events {
                    let (seq, epoch) = (event.position.seq, known.epoch_of(event.position.seq));
                    if seq != after + 1 {
                        self.found(name, "feed", &key, format!("after {after} comes {seq}"));
                    }
                    if event.position.epoch != epoch {
                        self.found(
                            name,
                            "feed",
                            event.id(),
                            format!("it says epoch {}, and stands in epoch {epoch}", event.position.epoch),
                        );
                    }
                    if serde_json::from_str::<serde::de::IgnoredAny>(&event.data).is_err() {
                        self.found(name, "feed", event.id(), "its published form is not JSON");
                    }
                    after = seq;
                }
            }
            self.feeds.insert((name, shard), known);
        }
        Ok(())
    }

    /// Epochs follow each other, the first from the beginning.
    fn epochs(&mut self, service: &'static str, key: &str, epochs: &[Epoch], head: u64) {
        let begins = epochs.first().is_some_and(|first| first.epoch == 1 && first.after == 0);
        let follows = epochs.windows(2).all(|pair| pair[0].epoch < pair[1].epoch && pair[0].after <= pair[1].after);
        if !begins || !follows || epochs.last().is_some_and(|last| last.after > head) {
            self.found(service, "feed", key, format!("its epochs do not follow each other up to {head}: {epochs:?}"));
        }
    }
}
