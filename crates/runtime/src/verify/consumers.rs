//! How far consumers are, and what they have parked.

use store::{HeldPosition, StoreError, beside};

use super::{About, Audit};
use crate::service::Service;

/// How many parked events are looked at.
const PARKED: usize = 10_000;

impl Audit<'_> {
    pub(super) fn consumers(&mut self, about: &About<'_>) -> Result<(), StoreError> {
        for held in &about.positions {
            self.position(about, held);
        }
        for ((source, shard), reacted) in &about.reacted {
            let of = |held: &&HeldPosition| held.consumer == "policies" && held.source == *source && held.shard == *shard;
            let held = about.positions.iter().find(of).map(|held| held.position.seq);
            if held.is_none_or(|held| held < *reacted) {
                let stands = held.map_or("it is missing".to_owned(), |held| format!("it is at {held}"));
                let what = format!(
                    "{stands}, and its policies have reacted to {reacted}: they would react to what is behind it once more; restore a backup"
                );
                self.found(about.service.name, "position", format!("policies/{source}/{shard}"), what);
            }
        }
        self.parked(about)
    }

    fn position(&mut self, about: &About<'_>, held: &HeldPosition) {
        let HeldPosition { consumer, source, shard, position } = held;
        let key = format!("{consumer}/{source}/{shard}");
        if !is_known(about.service, held) {
            self.found(about.service.name, "position", key, "there is no such consumer");
            return;
        }
        let feed = self
            .feeds
            .iter()
            .find(|((name, of), _)| name == source && of == shard)
            .map(|(_, feed)| (feed.head, feed.epoch_of(position.seq)));
        let Some((head, epoch)) = feed else {
            self.found(about.service.name, "position", key, "there is no such feed");
            return;
        };
        if position.seq > head {
            self.found(about.service.name, "position", key, format!("it is at {}, and the last event is {head}", position.seq));
        } else if position.seq > 0 && position.epoch != epoch {
            let what = format!("it says epoch {}, and {} stands in epoch {epoch}", position.epoch, position.seq);
            self.found(about.service.name, "position", key, what);
        }
    }

    /// What is parked stands in the feed, and was passed by.
    fn parked(&mut self, about: &About<'_>) -> Result<(), StoreError> {
        let service = about.service.name;
        let Some(parked) = self.read(service, "parked", "all", |snapshot| snapshot.parked(service, PARKED))? else { return Ok(()) };
        for one in parked {
            let (event, key) = (&one.event, format!("{}/{}", one.consumer, one.event.id()));
            let Some((source, _)) = self.feeds.keys().find(|(source, shard)| *source == event.source && *shard == event.shard).copied()
            else {
                self.found(service, "parked", key, "there is no such feed");
                continue;
            };
            let before = event.position.seq.saturating_sub(1);
            let feed = self.read(service, "parked", &key, |snapshot| snapshot.feed(source, event.shard, before, 1))?;
            if feed.is_some_and(|feed| feed.events.first() != Some(event)) {
                self.found(service, "parked", &key, "it is not the event that was published");
            }
            let passed = |held: &&HeldPosition| {
                held.consumer == one.consumer
                    && held.source == event.source
                    && held.shard == event.shard
                    && held.position.seq >= event.position.seq
            };
            if !about.positions.iter().any(|held| passed(&held)) {
                self.found(service, "parked", key, "its consumer has not come to it yet");
            }
        }
        Ok(())
    }
}

fn is_known(service: &Service, held: &HeldPosition) -> bool {
    if held.consumer == "policies" {
        return service.policy_sources().iter().any(|source| *source == held.source);
    }
    // An older version is served until the new one has caught up.
    let of_view = |collection: &str| held.consumer.strip_prefix(collection).is_some_and(|rest| rest.starts_with('@'));
    let views = &service.projections;
    views.iter().any(|view| view.source == held.source && (of_view(view.collection) || held.consumer == beside(&view.table())))
}
