//! Folds everything again and compares it with what stands: the first thing to look at after a crash.

use std::collections::BTreeMap;

use serde_json::Value;
use store::{FeedEvent, Query, SHARDS, StoreError};

use crate::handle::ServiceHandle;
use crate::service::{ProjectionEntry, Service};

/// How much is read at once.
const AT_ONCE: usize = 1000;

/// Something that does not agree with the events it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The service in which it stands.
    pub service: &'static str,
    /// What it is: a root, a row.
    pub what: String,
    /// What its events say, and what stands.
    pub detail: String,
}

/// In which order a view's events are folded. The events of one key have to stay in theirs.
pub type Order<'a> = &'a (dyn Fn(Vec<FeedEvent>) -> Vec<FeedEvent> + Send + Sync);

type FoldedRows = BTreeMap<(String, u64), Option<Value>>;

/// Compares roots, rows, positions and views of one service with their events.
pub(crate) async fn service(handle: &ServiceHandle, order: Order<'_>) -> Result<Vec<Disagreement>, StoreError> {
    let mut found = Vec::new();
    let mut rows = fold_roots(handle, &mut found).await?;
    rows.extend(fold_views(handle, order, &mut found).await?);
    compare_rows(handle, &rows, &mut found).await?;
    check_feed(handle, &mut found).await?;
    Ok(found)
}

/// The sagas of one service that have not ended, `service/saga/key`, whether somebody here drives them or they wait to be woken.
pub(crate) async fn unfinished_sagas(handle: &ServiceHandle) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for saga in &handle.service().sagas {
        let Some(kind) = handle.service().kind(saga.name) else { continue };
        let mut after = None;
        loop {
            let roots = handle.store().roots(handle.name(), saga.name, after.as_deref(), AT_ONCE).await?;
            for root in &roots {
                let mut state = kind.fresh();
                for event in handle.store().events(root).await? {
                    state.evolve(&event.data, event.at).map_err(StoreError::Unreadable)?;
                }
                // A saga wants to be woken for as long as it has not ended.
                if state.wake_at().is_some() {
                    found.push(format!("{}/{}/{}", handle.name(), saga.name, root.key));
                }
            }
            match roots.last() {
                Some(last) => after = Some(last.key.clone()),
                None => break,
            }
        }
    }
    Ok(found)
}

async fn fold_roots(handle: &ServiceHandle, found: &mut Vec<Disagreement>) -> Result<FoldedRows, StoreError> {
    let mut rows = FoldedRows::new();
    for kind in &handle.service().kinds {
        let mut after = None;
        loop {
            let roots = handle.store().roots(handle.name(), kind.name(), after.as_deref(), AT_ONCE).await?;
            for root in &roots {
                let mut state = kind.fresh();
                for (expected, event) in (1..).zip(handle.store().events(root).await?) {
                    if event.version != expected {
                        found.push(disagreement(handle, format!("{root:?}"), format!("version {expected} is {}", event.version)));
                    }
                    match state.fold(&root.key, &event.data, event.at) {
                        Ok(changes) => {
                            rows.extend(changes.into_iter().map(|change| ((change.collection.to_owned(), change.id), change.row)));
                        }
                        Err(why) => found.push(disagreement(handle, format!("{root:?}"), why)),
                    }
                }
            }
            match roots.last() {
                Some(last) => after = Some(last.key.clone()),
                None => break,
            }
        }
    }
    Ok(rows)
}

async fn fold_views(handle: &ServiceHandle, order: Order<'_>, found: &mut Vec<Disagreement>) -> Result<FoldedRows, StoreError> {
    let mut rows = FoldedRows::new();
    for view in &handle.service().projections {
        for event in order(handled_by(handle, view).await?) {
            for id in (view.rows)(&event.data).unwrap_or_default() {
                let key = (view.table(), id);
                let before = rows.get(&key).and_then(|row| row.as_ref()).map(Value::to_string);
                match (view.fold)(id, before.as_deref(), &event.data, event.at) {
                    Ok(after) => drop(rows.insert(key, after)),
                    Err(why) => found.push(disagreement(handle, format!("{}/{id}", view.table()), why)),
                }
            }
        }
    }
    Ok(rows)
}

/// What a view has handled, shard by shard. What it has not handled yet is no disagreement.
async fn handled_by(handle: &ServiceHandle, view: &ProjectionEntry) -> Result<Vec<FeedEvent>, StoreError> {
    let mut events = Vec::new();
    let positions = handle.store().positions(handle.name(), &view.table(), view.source).await?;
    for (shard, position) in (0..SHARDS).zip(positions) {
        let mut after = 0;
        loop {
            let Ok(feed) = handle.feeds().feed(view.source, shard, after, AT_ONCE).await else { break };
            let Some(last) = feed.events.last() else { break };
            after = last.position.seq;
            events.extend(feed.events.into_iter().filter(|event| event.position.seq <= position.seq));
        }
    }
    Ok(events)
}

async fn compare_rows(handle: &ServiceHandle, rows: &FoldedRows, found: &mut Vec<Disagreement>) -> Result<(), StoreError> {
    for ((table, id), expected) in rows {
        let stands = handle.store().row(handle.name(), table, *id).await?;
        let stands: Option<Value> = stands.and_then(|row| serde_json::from_str(&row).ok());
        if &stands != expected {
            found.push(disagreement(handle, format!("{table}/{id}"), format!("events say {expected:?}, the row says {stands:?}")));
        }
    }
    for table in tables(handle.service()) {
        let expected = rows.iter().filter(|((name, _), row)| *name == table && row.is_some()).count() as u64;
        let page = handle.store().rows(handle.name(), &table, &Query::default()).await?;
        if !page.total_is_lower_bound && page.total != expected {
            found.push(disagreement(handle, table, format!("events say {expected} rows, {} stand", page.total)));
        }
    }
    Ok(())
}

fn tables(service: &Service) -> Vec<String> {
    service.schema().tables.into_iter().map(|table| table.name).collect()
}

/// The feed has every position from 1 to its head, once.
async fn check_feed(handle: &ServiceHandle, found: &mut Vec<Disagreement>) -> Result<(), StoreError> {
    for (shard, head) in (0..SHARDS).zip(handle.store().heads(handle.name()).await?) {
        let mut after = 0;
        loop {
            let feed = handle.store().feed(handle.name(), shard, after, AT_ONCE).await?;
            if feed.events.is_empty() {
                break;
            }
            for event in feed.events {
                if event.position.seq != after + 1 {
                    found.push(disagreement(handle, format!("shard {shard}"), format!("after {after} comes {}", event.position.seq)));
                }
                after = event.position.seq;
            }
        }
        if after != head.seq {
            found.push(disagreement(handle, format!("shard {shard}"), format!("its head is {}, its last event {after}", head.seq)));
        }
    }
    Ok(())
}

fn disagreement(handle: &ServiceHandle, what: String, detail: String) -> Disagreement {
    Disagreement { service: handle.name(), what, detail }
}
