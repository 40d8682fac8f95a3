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
            if !self.stands(about, view)? {
                continue;
            }
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

    /// Whether there is something of a view to compare: it was begun, and how far it is can be known.
    fn stands(&mut self, about: &About<'_>, view: &ProjectionEntry) -> Result<bool, StoreError> {
        let (service, table) = (about.service.name, view.table());
        let served = self.read(service, "view", &table, |snapshot| snapshot.view_version(service, view.collection))?;
        let Some(served) = served else { return Ok(false) };
        if let Some(other) = served.filter(|version| *version != view.version).map(|version| format!("{}@{version}", view.collection))
            && self.read(service, "view", &other, |snapshot| snapshot.has_table(service, &other))? == Some(false)
        {
            self.found(
                service,
                "view",
                other,
                format!("it is served until {table} has caught up, and has no table: reading it fails until then"),
            );
        }
        let followed = about.positions.iter().any(|held| held.consumer == table);
        let Some(has_table) = self.read(service, "view", &table, |snapshot| snapshot.has_table(service, &table))? else {
            return Ok(false);
        };
        if !has_table {
            // A version that a release has added is begun when that release serves it.
            if followed || served == Some(view.version) {
                self.found(service, "view", table, "it is served, and has no table: reading it fails; restore a backup");
            }
            return Ok(false);
        }
        if followed {
            if served.is_none() {
                self.found(service, "view", table, "no version is said to be served: the next start serves this one, caught up or not");
            }
            return Ok(true);
        }
        // Rows, history and position are written together.
        let rows = self.read(service, "view", &table, |snapshot| snapshot.rows(service, &table, None, 1))?;
        let history = self.read(service, "history", &table, |snapshot| snapshot.histories(service, &table, None, 1))?;
        if rows.is_some_and(|rows| !rows.is_empty()) || history.is_some_and(|history| !history.is_empty()) {
            let what =
                "it is missing, and there are rows: events would be folded into them once more; rebuild it, as `yeyak projections` does";
            self.found(service, "position", format!("{table}/{}", view.source), what);
            return Ok(false);
        }
        Ok(true)
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
