//! Views: folded again from what was published, as far as they have handled it, and compared row by row.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use store::{FeedEvent, SHARDS, Shard, StoreError};

use super::{AT_ONCE, About, Audit, Order};
use crate::service::ProjectionEntry;

impl Audit<'_> {
    pub(super) fn views(&mut self, about: &About<'_>, order: Option<Order<'_>>) -> Result<(), StoreError> {
        for view in &about.service.projections {
            let table = view.table();
            match order {
                None => {
                    for shard in 0..SHARDS {
                        self.fold_shard(about, view, shard, |audit, events| audit.fold(about, view, &events))?;
                    }
                }
                Some(order) => {
                    let mut all = Vec::new();
                    for shard in 0..SHARDS {
                        self.fold_shard(about, view, shard, |_, events| {
                            all.extend(events);
                            Ok(())
                        })?;
                    }
                    self.fold(about, view, &order(all))?;
                }
            }
            self.rows(about, "view", &table, view.fields)?;
            if view.history {
                self.histories(about, &table)?;
            }
        }
        Ok(())
    }

    /// What a view has handled of one shard. What it has not handled yet is no disagreement.
    fn fold_shard(
        &mut self,
        about: &About<'_>,
        view: &ProjectionEntry,
        shard: Shard,
        mut take: impl FnMut(&mut Self, Vec<Arc<FeedEvent>>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let table = view.table();
        let held = about.positions.iter().find(|held| held.consumer == table && held.source == view.source && held.shard == shard);
        let reached = held.map_or(0, |held| held.position.seq);
        let mut after = 0;
        while after < reached {
            let key = format!("{}/{shard}", view.source);
            let Some(feed) = self.read(about.service.name, "view", &key, |snapshot| snapshot.feed(view.source, shard, after, AT_ONCE))?
            else {
                break;
            };
            let Some(last) = feed.events.last() else { break };
            after = last.position.seq;
            self.looked_at(feed.events.len() as u64);
            take(self, feed.events.into_iter().filter(|event| event.position.seq <= reached).collect())?;
        }
        Ok(())
    }

    fn fold(&mut self, about: &About<'_>, view: &ProjectionEntry, events: &[Arc<FeedEvent>]) -> Result<(), StoreError> {
        let table = view.table();
        for event in events {
            // What is damaged may make a rule panic, which trusts its source.
            let rows = catch_unwind(AssertUnwindSafe(|| (view.rows)(&event.data))).unwrap_or_else(|_| Err("its rules panic".into()));
            let rows = match rows {
                Ok(rows) => rows,
                Err(why) => {
                    self.found(about.service.name, "view", &table, format!("{} cannot be folded: {why}", event.id()));
                    continue;
                }
            };
            for id in rows {
                let before = about.scratch.get(&table, id)?;
                let folded = catch_unwind(AssertUnwindSafe(|| (view.fold)(id, before.as_deref(), &event.data, event.at)));
                match folded.unwrap_or_else(|_| Err("its rules panic".into())) {
                    Ok(after) => {
                        if after != before {
                            about.scratch.put(&table, id, after.as_deref())?;
                        }
                    }
                    Err(why) => self.found(about.service.name, "view", format!("{table}/{id}"), format!("{}: {why}", event.id())),
                }
            }
        }
        Ok(())
    }

    /// A row keeps each event that changed it.
    fn histories(&mut self, about: &About<'_>, table: &str) -> Result<(), StoreError> {
        let service = about.service.name;
        let (mut after, mut next) = (None, Vec::new().into_iter());
        let mut known: Option<(u64, u64)> = None;
        let mut behind = None;
        loop {
            let folded = about.scratch.page(table, after, AT_ONCE)?;
            let Some(last) = folded.last() else { return Ok(()) };
            after = Some(last.id);
            for row in folded {
                // Both come in the order of ids.
                while known.is_none_or(|(id, _)| id < row.id) {
                    known = next.next();
                    if known.is_none() {
                        let page = self.read(service, "history", table, |snapshot| snapshot.histories(service, table, behind, AT_ONCE))?;
                        let Some(page) = page.filter(|page| !page.is_empty()) else { break };
                        behind = page.last().map(|(id, _)| *id);
                        next = page.into_iter();
                    }
                }
                let kept = known.filter(|(id, _)| *id == row.id).map_or(0, |(_, kept)| kept);
                if kept != row.times {
                    let what = format!("{} events were folded into it, and {kept} are kept", row.times);
                    self.found(service, "history", format!("{table}/{}", row.id), what);
                }
            }
        }
    }
}
