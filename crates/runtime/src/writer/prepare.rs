//! What a batch needs to know before its transaction begins: everything it will touch, from the work alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use store::{Claims, FeedEvent, PositionKey, RecordKey, RecordKind, RootKey, RowKey, SequenceKey, beside};

use super::reaction::{Heard, Reaction};
use super::roots::Cache;
use super::work::{Act, ConsumerKind, Handle, KeyUse, Purpose, Work};
use crate::served::Served;
use crate::service::{ProjectionEntry, Service, Services};

/// The parts of one piece of work that can be known beforehand.
pub(super) enum Prepared {
    /// Nothing beyond the work itself.
    Plain,
    /// There is nobody for whom it could be done any more.
    Gone,
    /// What a parked event leads to now.
    Again(Heard),
}

/// Prepares works, and says what their transaction has to claim.
pub(super) fn prepare(
    services: &Services,
    views: &Served,
    batch: String,
    works: &[&(&'static str, Work)],
    cache: &Cache,
) -> (Claims, Vec<Prepared>) {
    let mut claims = Claims { batch, ..Claims::default() };
    let prepared = works
        .iter()
        .map(|(service, work)| match work {
            Work::Act(act) => {
                claim_act(&mut claims, service, act, cache);
                Prepared::Plain
            }
            Work::Tick(root) => {
                claims.roots.insert(root.clone(), cache.version(root));
                Prepared::Plain
            }
            Work::Handle(Handle { consumer: ConsumerKind::Anew(view), .. }) if !views.is_anew(service, view) => Prepared::Gone,
            Work::Handle(handle) => {
                claim_events(services, &mut claims, service, &handle.consumer, &handle.events, cache);
                Prepared::Plain
            }
            Work::Retry(parked) => {
                claims.lines.insert(parked.line());
                let Some(of) = services.get(service) else { return Prepared::Plain };
                let again = Heard::by(of, &ConsumerKind::Policies, Arc::clone(&parked.event));
                claim_events(services, &mut claims, service, &ConsumerKind::Policies, std::slice::from_ref(&again), cache);
                Prepared::Again(again)
            }
            Work::Discard(discard) => {
                claims.lines.insert(discard.line.clone());
                Prepared::Plain
            }
        })
        .collect();
    (claims, prepared)
}

/// The key under which the answer to an act is kept.
pub(super) fn record_key(service: &'static str, act: &Act) -> Option<RecordKey> {
    let (kind, key) = match &act.purpose {
        Purpose::Client { key: KeyUse::None, .. } => return None,
        Purpose::Client { key: KeyUse::Take(key) | KeyUse::Bind(key) | KeyUse::Finish(key) | KeyUse::Free(key), .. } => {
            (RecordKind::Answer, key.key.clone())
        }
        Purpose::Keep(kept) => (RecordKind::Answer, kept.0.key.clone()),
        Purpose::Call { key, .. }
        | Purpose::Begin { key }
        | Purpose::End { key, .. }
        | Purpose::Recall { key }
        | Purpose::Cancel { key, .. } => (RecordKind::Call, key.to_string()),
    };
    Some(RecordKey { service, kind, key })
}

fn claim_act(claims: &mut Claims, service: &'static str, act: &Act, cache: &Cache) {
    claims.records.extend(record_key(service, act));
    for root in &act.roots {
        claims.roots.insert(root.clone(), cache.version(root));
    }
    claims.rows.extend(act.expected.iter().map(|expected| expected.key(service)));
    claims.sequences.extend(act.sequences.iter().map(|name| SequenceKey { service, name }));
}

/// The position that an event moves.
pub(super) fn position_key(service: &'static str, consumer: &str, event: &FeedEvent) -> PositionKey {
    PositionKey { service, consumer: consumer.into(), source: event.source.clone(), shard: event.shard }
}

/// The name under which a consumer keeps its positions and what it parks.
pub(super) fn consumer_name(service: &Service, consumer: &ConsumerKind) -> String {
    let table = |name: &str| service.projections.iter().find(|one| one.name == name).map_or_else(String::new, ProjectionEntry::table);
    match consumer {
        ConsumerKind::Policies => "policies".into(),
        ConsumerKind::View(name) => table(name),
        ConsumerKind::Anew(name) => beside(&table(name)),
    }
}

fn claim_events(services: &Services, claims: &mut Claims, name: &'static str, consumer: &ConsumerKind, events: &[Heard], cache: &Cache) {
    let Some(service) = services.get(name) else { return };
    let consumer_name = consumer_name(service, consumer);
    // They are of one source, so a shard has one position.
    let mut shards = BTreeSet::new();
    for heard in events {
        if shards.insert(heard.event.shard) {
            claims.positions.insert(position_key(name, &consumer_name, &heard.event));
        }
        match heard.reaction() {
            Ok(Reaction::Policies(reactions)) => {
                let unnumbered = || reactions.iter().flat_map(|(_, commands)| commands.unnumbered());
                claims.sequences.extend(unnumbered().map(|new| SequenceKey { service: name, name: new.collection }));
                // What is named by its number is fresh, whatever the number.
                let unnumbered: Vec<_> = unnumbered().map(|new| new.numbered(0)).collect();
                for command in reactions.iter().flat_map(|(_, commands)| commands).chain(&unnumbered) {
                    let root = RootKey { service: name, aggregate: command.aggregate, key: command.key.clone() };
                    let version = cache.version(&root);
                    claims.roots.insert(root, version);
                }
            }
            Ok(Reaction::Rows(rows)) => {
                claims.rows.extend(rows.iter().map(|id| RowKey { service: name, table: consumer_name.clone(), id: *id }));
            }
            // It fails when it is decided.
            Err(_) => {}
        }
    }
    claims.consumers.insert((name, consumer_name));
}
