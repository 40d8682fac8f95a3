//! Aggregates, sagas among them: their events, and what is kept of their state.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kernel::{RowChange, Timestamp};
use serde_json::Value;
use store::{RootKey, StoreError, StoredEvent, StoredRoot};

use super::compare::differences_of_known;
use super::{AT_ONCE, About, Audit};
use crate::erased::{AnyKind, AnyState, Left};
use crate::sharding::shard_of;

/// How a caller begins that is a policy, as [`kernel::Caller`] shows itself.
const POLICY: &str = "internal:policy:";

/// A root while it is folded again.
struct Folded {
    state: Box<dyn AnyState>,
    version: u64,
    at: Option<Timestamp>,
}

impl Audit<'_> {
    pub(super) fn roots(&mut self, about: &mut About<'_>) -> Result<(), StoreError> {
        let service = about.service;
        for kind in &service.kinds {
            let mut after: Option<String> = None;
            loop {
                let read = self.read(service.name, "root", kind.name(), |snapshot| {
                    snapshot.roots(service.name, kind.name(), after.as_deref(), AT_ONCE)
                })?;
                let Some(roots) = read else { break };
                let Some(last) = roots.last() else { break };
                after = Some(last.key.clone());
                for root in &roots {
                    self.root(about, &**kind, root)?;
                }
            }
        }
        let strays = self.read(service.name, "root", "strays", |snapshot| snapshot.strays(service.name, 100))?;
        for (kind, key) in strays.unwrap_or_default() {
            self.found(
                service.name,
                "root",
                format!("{kind}/{key}"),
                "has events or a snapshot, and is not there itself, or does not lead to them",
            );
        }
        Ok(())
    }

    fn root(&mut self, about: &mut About<'_>, kind: &dyn AnyKind, root: &StoredRoot) -> Result<(), StoreError> {
        let service = about.service.name;
        let key = RootKey { service, aggregate: kind.name(), key: root.key.clone() };
        let name = format!("{}/{}", kind.name(), root.key);
        let mut folded = Folded { state: kind.fresh(), version: 0, at: None };
        self.verified.roots += 1;
        loop {
            let Some(events) = self.read(service, "root", &name, |snapshot| snapshot.events(&key, folded.version, AT_ONCE))? else {
                return Ok(());
            };
            if events.is_empty() {
                break;
            }
            for event in &events {
                if let Err(why) = self.event(about, &name, &root.key, &mut folded, event)? {
                    // The state behind an event that cannot be folded is nobody's.
                    self.found(service, "root", &name, why);
                    return Ok(());
                }
                if let Some((_, state)) = root.snapshot.as_ref().filter(|(version, _)| *version == folded.version) {
                    self.snapshot(service, &name, kind, &*folded.state, state);
                }
            }
            self.verified.events += events.len() as u64;
            self.looked_at(events.len() as u64);
        }
        self.end(service, &name, root, &folded);
        Ok(())
    }

    /// One event more. The inner error says why the state cannot go on.
    fn event(
        &mut self,
        about: &mut About<'_>,
        name: &str,
        key: &str,
        folded: &mut Folded,
        event: &StoredEvent,
    ) -> Result<Result<(), String>, StoreError> {
        let service = about.service.name;
        if event.version != folded.version + 1 {
            self.found(service, "root", name, format!("after version {} comes {}", folded.version, event.version));
        }
        if folded.at.is_some_and(|last| event.at < last) {
            self.found(service, "root", name, format!("version {} happens before the one in front of it", event.version));
        }
        let shard = shard_of(key);
        if event.published.is_some_and(|(published, _)| published != shard) {
            self.found(service, "feed", name, format!("version {} is not published in shard {shard}", event.version));
        }
        if event.caller.starts_with(POLICY)
            && let Some((source, shard, seq)) = place(&event.causation)
        {
            let last = about.reacted.entry((source.to_owned(), shard)).or_default();
            *last = seq.max(*last);
        }
        (folded.version, folded.at) = (event.version, Some(event.at));
        // What is damaged may make a rule panic, which trusts its own events.
        let left = catch_unwind(AssertUnwindSafe(|| folded.state.fold(key, &event.data, event.at)));
        let left = left.unwrap_or_else(|_| Err(format!("version {} makes its rules panic", event.version)));
        match left {
            Ok(Left { rows, published }) => {
                self.published(service, name, event, published.as_deref());
                for RowChange { collection, id, row } in rows {
                    about.scratch.put(collection, id, row.as_deref())?;
                }
                Ok(Ok(()))
            }
            Err(why) => Ok(Err(why)),
        }
    }

    /// What was published is what the event and its state make. That something is published which was not is a release's affair, and a
    /// gap if it was once.
    fn published(&mut self, service: &'static str, name: &str, event: &StoredEvent, made: Option<&str>) {
        let Some(stands) = event.form.as_deref().filter(|form| Some(*form) != made) else { return };
        let version = event.version;
        let Some(made) = made else {
            self.found(service, "feed", name, format!("version {version} was published, and its events publish nothing"));
            return;
        };
        // What is not JSON is told where the feed is read.
        let (Ok(stands), Ok(made)) = (serde_json::from_str(stands), serde_json::from_str(made)) else { return };
        if let Some(differ) = differences_of_known(&made, &stands) {
            self.found(service, "feed", name, format!("version {version} was published otherwise: {differ}"));
        }
    }

    fn end(&mut self, service: &'static str, name: &str, root: &StoredRoot, folded: &Folded) {
        if root.version != folded.version {
            self.found(service, "root", name, format!("its version is {}, its last event {}", root.version, folded.version));
            return;
        }
        if Some(root.at) != folded.at {
            self.found(service, "root", name, format!("it says that it last changed at {}, its last event is another", root.at));
        }
        let wake_at = folded.state.wake_at();
        if root.wake_at.map(Timestamp::as_microsecond) != wake_at.map(Timestamp::as_microsecond) {
            let says = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
            self.found(service, "wake-up", name, format!("its events say {}, it is to be woken {}", says(wake_at), says(root.wake_at)));
        }
        if let Some((version, _)) = root.snapshot.as_ref().filter(|(version, _)| *version > folded.version) {
            self.found(service, "snapshot", name, format!("its snapshot is of version {version}, its last event {}", folded.version));
        }
    }

    /// A snapshot is the state at its version. One of an older form of the state is not read by anybody, and says nothing.
    fn snapshot(&mut self, service: &'static str, name: &str, kind: &dyn AnyKind, folded: &dyn AnyState, stored: &str) {
        if serde_json::from_str::<Value>(stored).is_err() {
            self.found(service, "snapshot", name, "is not JSON");
            return;
        }
        let Some(restored) = kind.restore(stored) else { return };
        let json = |state: &dyn AnyState| state.snapshot().ok().and_then(|json| serde_json::from_str::<Value>(&json).ok());
        if json(&*restored) != json(folded) {
            self.found(service, "snapshot", name, "is not the state that its events lead to");
        }
    }
}

/// The source, shard and place of an event's id.
fn place(id: &str) -> Option<(&str, u8, u64)> {
    let mut parts = id.splitn(3, '/');
    Some((parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
