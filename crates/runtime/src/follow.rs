//! Following the rows of a collection as they change.
//!
//! The table is the truth: what changed behind a place is a query, and a signal of the writer only says when to ask it. So it does not
//! matter how long a follower was away, how slowly it reads, or whether the process was another one meanwhile.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::Resource;
use store::{Cell, Change, Changes, Place, RowWrite, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::handle::ServiceHandle;
use crate::sharding::fnv;

/// How many may follow the rows of one system at a time. Each costs a task and a page of rows.
const MOST_FOLLOWERS: usize = 512;

/// How many of them one client may be, where clients are known.
const MOST_OF_ONE: usize = 32;

/// How many changes are told at once.
const AT_ONCE: usize = 100;

/// How long a follower waits before it looks again, after it has told a change: a row that changes all the time is told now and then.
const REST: Duration = Duration::from_millis(100);

/// How long to wait when the store is away.
const AWAY: Duration = Duration::from_millis(250);

/// What followers of one system share.
pub(crate) struct Following {
    /// Told when rows of a collection (service, name) were written.
    written: Mutex<BTreeMap<(&'static str, String), watch::Sender<()>>>,
    places: Arc<Semaphore>,
    /// How many places each known client has.
    clients: Mutex<BTreeMap<String, usize>>,
    /// Told when nobody is to follow any more.
    ended: watch::Sender<bool>,
}

impl Default for Following {
    fn default() -> Self {
        Self {
            written: Mutex::default(),
            places: Arc::new(Semaphore::new(MOST_FOLLOWERS)),
            clients: Mutex::default(),
            ended: watch::Sender::new(false),
        }
    }
}

impl Following {
    /// Who is to be told once these rows stand.
    pub(crate) fn to_tell(&self, rows: &[RowWrite]) -> Vec<watch::Sender<()>> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.is_empty() {
            return Vec::new();
        }
        // A view's table is called `{collection}@{version}`.
        let name = |table: &str| table.split('@').next().unwrap_or_default().to_owned();
        let mut collections: Vec<_> = rows.iter().map(|write| (write.row.service, name(&write.row.table))).collect();
        collections.sort_unstable();
        collections.dedup();
        collections.iter().filter_map(|collection| written.get(collection).cloned()).collect()
    }

    /// Tells whoever follows a collection to look at it.
    pub(crate) fn tell(&self, service: &'static str, collection: &str) {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signal) = written.get(&(service, collection.to_owned())) {
            signal.send_replace(());
        }
    }

    /// A place for one more, and one of those that `client` may have.
    fn place(self: &Arc<Self>, client: Option<&str>) -> Option<Seat> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        if let Some(client) = client {
            let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
            let count = clients.entry(client.to_owned()).or_default();
            if *count >= MOST_OF_ONE {
                return None;
            }
            *count += 1;
        }
        Some(Seat { following: Arc::clone(self), client: client.map(str::to_owned), _place: place })
    }

    /// Lets everybody go who follows, and nobody begin to.
    pub(crate) fn end(&self) {
        self.ended.send_replace(true);
    }

    fn listen(&self, service: &'static str, collection: &'static str) -> watch::Receiver<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.entry((service, collection.into())).or_insert_with(|| watch::Sender::new(())).subscribe()
    }
}

/// A follower's place, given back when it goes.
struct Seat {
    following: Arc<Following>,
    client: Option<String>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(client) = &self.client else { return };
        let mut clients = self.following.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = clients.get_mut(client) {
            *count -= 1;
            if *count == 0 {
                clients.remove(client);
            }
        }
    }
}

/// Up to where somebody has followed a collection. Its text is short and opaque to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The table and the line of its places, hashed.
    line: u64,
    place: Place,
}

/// A text is no mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no mark of ours")]
pub struct NotAMark;

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.line, self.place.batch)?;
        // Behind all rows of a transaction no row needs to be named.
        if self.place.id == u64::MAX { Ok(()) } else { write!(f, "-{}", self.place.id) }
    }
}

impl FromStr for Mark {
    type Err = NotAMark;

    fn from_str(text: &str) -> Result<Self, NotAMark> {
        let mut parts = text.splitn(3, '-');
        let line = parts.next().and_then(|line| u64::from_str_radix(line, 16).ok());
        let batch = parts.next().and_then(|batch| batch.parse().ok());
        let id = parts.next().map_or(Ok(u64::MAX), str::parse).ok();
        let (Some(line), Some(batch), Some(id)) = (line, batch, id) else { return Err(NotAMark) };
        let read = Self { line, place: Place { batch, id } };
        if read.to_string() == text { Ok(read) } else { Err(NotAMark) }
    }
}

/// What a follower is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// Rows as they are now, each with the mark behind it; one that is gone or does not match is only named.
    Changes(Vec<(Mark, Change)>),
    /// Everything up to here has been told; what comes now happens now.
    Current(Mark),
    /// What happened since the mark cannot be told. Everything that stands is told again from here on.
    Reset,
    /// There is nothing more to be told: the service is being stopped.
    Ended,
}

/// One who follows the rows of a collection.
pub struct Follower {
    service: ServiceHandle,
    collection: &'static str,
    filters: Vec<(&'static str, Cell)>,
    /// The line in which `after` has its meaning.
    line: Option<u64>,
    after: Option<Place>,
    /// The last transaction when it was begun to tell everything: what was gone by then was never told. 0 for one who comes back.
    begun: u64,
    is_current: bool,
    rests: bool,
    written: watch::Receiver<()>,
    faults: watch::Receiver<()>,
    ended: watch::Receiver<bool>,
    /// What is asked for and by whom: a mark has no meaning for others.
    scope: String,
    _seat: Seat,
}

impl ServiceHandle {
    /// Follows those rows of `R` that match `filters`: all that stand, and then whatever changes; or what changed behind `from`. A mark
    /// that is not known, [`None`] inside, begins with [`Followed::Reset`]. `client` is who asks, where that is known. `None`: too many follow
    /// already, or this client does so too often.
    pub fn follow<R: Resource>(
        &self,
        filters: Vec<(&'static str, Cell)>,
        from: Option<Option<Mark>>,
        client: Option<&str>,
    ) -> Option<Follower> {
        let following = &self.system.following;
        let seat = following.place(client)?;
        let (line, after) = match from {
            None => (None, None),
            Some(Some(Mark { line, place })) => (Some(line), Some(place)),
            // No line is that of a mark which is none.
            Some(None) => (Some(0), None),
        };
        Some(Follower {
            service: self.clone(),
            collection: R::COLLECTION,
            scope: format!("{filters:?} {client:?}"),
            filters,
            line,
            after,
            begun: 0,
            is_current: false,
            rests: false,
            written: following.listen(self.name(), R::COLLECTION),
            faults: self.faults().watch(),
            ended: following.ended.subscribe(),
            _seat: seat,
        })
    }
}

impl Follower {
    /// What is to be told next, once there is something. Nothing is lost when it is not waited for to its end.
    pub async fn next(&mut self) -> Followed {
        if std::mem::take(&mut self.rests) && self.rest(REST).await {
            return Followed::Ended;
        }
        loop {
            if self.has_ended() {
                return Followed::Ended;
            }
            // Whatever is written from here on is signalled anew.
            self.written.mark_unchanged();
            self.faults.mark_unchanged();
            match self.look().await {
                Ok(Some(told)) => return told,
                Ok(None) => {
                    tokio::select! {
                        biased;
                        _ = self.ended.changed() => {}
                        _ = self.faults.changed() => {}
                        _ = self.written.changed() => {}
                    }
                }
                Err(error) => {
                    tracing::debug!(service = self.service.name(), collection = self.collection, %error, "rows cannot be followed now");
                    if self.rest(AWAY).await {
                        return Followed::Ended;
                    }
                }
            }
        }
    }

    /// The mark behind everything that was told, once there is one.
    pub fn mark(&self) -> Option<Mark> {
        Some(Mark { line: self.line?, place: self.after? })
    }

    async fn look(&mut self) -> Result<Option<Followed>, StoreError> {
        loop {
            let table = self.service.table(self.collection);
            let store = self.service.store();
            let found = store.changes(self.service.name(), &table, self.after, &self.filters, AT_ONCE).await?;
            let line = fnv(&format!("{} {table} {}", found.line, self.scope));
            if let Some(known) = self.line
                && (known != line || self.is_lost(&found))
            {
                (self.line, self.after, self.begun, self.is_current) = (Some(line), None, found.last, false);
                return Ok(Some(Followed::Reset));
            }
            if self.after.is_none() {
                (self.line, self.begun) = (Some(line), found.last);
            }
            let is_all = found.changes.len() < AT_ONCE;
            let begun = self.begun;
            let is_news = |change: &Change| change.row.is_some() || change.place.batch > begun;
            let told: Vec<_> = found.changes.iter().filter(|change| is_news(change)).cloned().collect();
            self.after = if is_all { Some(Place { batch: found.last, id: u64::MAX }) } else { found.changes.last().map(|last| last.place) };
            if !told.is_empty() {
                self.rests = self.is_current;
                return Ok(Some(Followed::Changes(told.into_iter().map(|change| (Mark { line, place: change.place }, change)).collect())));
            }
            if is_all {
                let becomes_current = !std::mem::replace(&mut self.is_current, true);
                return Ok(becomes_current.then(|| self.mark().map(Followed::Current)).flatten());
            }
        }
    }

    /// Whether something may have happened behind the last place that nobody can tell any more.
    fn is_lost(&self, found: &Changes) -> bool {
        let Some(after) = self.after else { return false };
        let heard = after.batch.max(self.begun);
        after.batch > found.last || found.forgotten.is_some_and(|forgotten| heard <= forgotten)
    }

    fn has_ended(&self) -> bool {
        *self.ended.borrow() || self.service.fault().down
    }

    /// Waits; true when there is no more sense in it.
    async fn rest(&mut self, time: Duration) -> bool {
        let clock = Arc::clone(self.service.clock());
        tokio::select! {
            biased;
            _ = self.ended.wait_for(|ended| *ended) => {}
            () = clock.sleep(time) => {}
        }
        self.has_ended()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_written_in_one_way() {
        let mark = |batch, id| Mark { line: 0xab, place: Place { batch, id } };
        for (mark, text) in [(mark(7, 3), "00000000000000ab-7-3"), (mark(7, u64::MAX), "00000000000000ab-7")] {
            assert_eq!(mark.to_string(), text);
            assert_eq!(text.parse::<Mark>(), Ok(mark));
        }
        for text in [
            "",
            "-",
            "ab-7",
            "00000000000000ab",
            "00000000000000ab-",
            "00000000000000ab-07",
            "00000000000000ab-7-3-1",
            "00000000000000AB-7",
        ] {
            assert_eq!(text.parse::<Mark>(), Err(NotAMark), "{text}");
        }
    }
}
