//! Following the rows of a collection as they change.
//!
//! The table is the truth: what changed behind a place is a query, and a signal of the writer only says when to ask it. So it does not
//! matter how long a follower was away, how slowly it reads, or whether the process was another one meanwhile.

use std::collections::BTreeMap;
use std::fmt;
use std::iter;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::select_all;
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

/// What somebody wants to follow.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The first is told whole to whoever begins; of the others only what changes from then on.
    collections: Vec<&'static str>,
    /// Those of the first.
    filters: Vec<(&'static str, Cell)>,
    scope: String,
}

impl Wanted {
    /// Those rows of `R` that match `filters`.
    pub fn rows<R: Resource>(filters: Vec<(&'static str, Cell)>) -> Self {
        Self { collections: vec![R::COLLECTION], filters, scope: String::new() }
    }

    /// And what changes in the rows of `R`, of the same service: what is told of the first kind of rows is put together with these.
    #[must_use]
    pub fn with<R: Resource>(mut self) -> Self {
        self.collections.push(R::COLLECTION);
        self
    }

    /// What else a mark has its meaning for: who asks, say. With another scope it is not known.
    #[must_use]
    pub fn within(mut self, scope: impl fmt::Debug) -> Self {
        self.scope.push_str(&format!(" {scope:?}"));
        self
    }
}

/// Up to where somebody has followed something. Its text is short and opaque to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The tables and the line of their places, hashed.
    line: u64,
    /// One for each table.
    places: Vec<Place>,
}

/// A text is no mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no mark of ours")]
pub struct NotAMark;

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.line)?;
        for (place, before) in self.places.iter().zip(iter::once('-').chain(iter::repeat('.'))) {
            write!(f, "{before}{}", place.batch)?;
            // Behind all rows of a transaction no row needs to be named.
            if place.id != u64::MAX {
                write!(f, "-{}", place.id)?;
            }
        }
        Ok(())
    }
}

impl FromStr for Mark {
    type Err = NotAMark;

    fn from_str(text: &str) -> Result<Self, NotAMark> {
        let (line, places) = text.split_once('-').ok_or(NotAMark)?;
        let line = u64::from_str_radix(line, 16).map_err(|_| NotAMark)?;
        let place = |text: &str| {
            let (batch, id) = text.split_once('-').map_or((text, None), |(batch, id)| (batch, Some(id)));
            Some(Place { batch: batch.parse().ok()?, id: id.map_or(Ok(u64::MAX), str::parse).ok()? })
        };
        let places = places.split('.').map(place).collect::<Option<_>>().ok_or(NotAMark)?;
        let read = Self { line, places };
        if read.to_string() == text { Ok(read) } else { Err(NotAMark) }
    }
}

/// What a follower is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// Rows of a collection as they are now, each with the mark behind it; one that is gone or does not match is only named.
    Changes(&'static str, Vec<(Mark, Change)>),
    /// Everything up to here has been told; what comes now happens now.
    Current(Mark),
    /// What happened since the mark cannot be told. Everything that stands is told again from here on.
    Reset,
    /// There is nothing more to be told: the service is being stopped.
    Ended,
}

/// One who follows the rows of a collection, or of some.
pub struct Follower {
    service: ServiceHandle,
    wanted: Wanted,
    /// The line in which `after` has its meaning.
    line: Option<u64>,
    /// A place in each collection; none before anything is told.
    after: Option<Vec<Place>>,
    /// The last transaction when it was begun to tell everything: what was gone by then was never told. 0 for one who comes back.
    begun: u64,
    is_current: bool,
    /// Which collection is looked at next, counted on and on.
    turn: usize,
    rests: bool,
    written: Vec<watch::Receiver<()>>,
    faults: watch::Receiver<()>,
    ended: watch::Receiver<bool>,
    _seat: Seat,
}

impl ServiceHandle {
    /// Follows what is wanted: all rows that stand, and then whatever changes; or what changed behind `from`. A mark that is not known,
    /// [`None`] inside, begins with [`Followed::Reset`]. `client` is who asks, where clients can be told apart. `None`: too many follow
    /// already, or this client does so too often.
    pub fn follow(&self, wanted: Wanted, from: Option<Option<Mark>>, client: Option<&str>) -> Option<Follower> {
        let following = &self.system.following;
        let seat = following.place(client)?;
        let (line, after) = match from {
            None => (None, None),
            Some(Some(Mark { line, places })) => (Some(line), Some(places)),
            // No line is that of a mark which is none.
            Some(None) => (Some(0), None),
        };
        Some(Follower {
            service: self.clone(),
            written: wanted.collections.iter().map(|collection| following.listen(self.name(), collection)).collect(),
            wanted,
            line,
            after,
            begun: 0,
            is_current: false,
            turn: 0,
            rests: false,
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
            self.written.iter_mut().for_each(watch::Receiver::mark_unchanged);
            self.faults.mark_unchanged();
            match self.look().await {
                Ok(Some(told)) => return told,
                Ok(None) => {
                    let written = select_all(self.written.iter_mut().map(|written| Box::pin(written.changed())));
                    tokio::select! {
                        biased;
                        _ = self.ended.changed() => {}
                        _ = self.faults.changed() => {}
                        _ = written => {}
                    }
                }
                Err(error) => {
                    tracing::debug!(service = self.service.name(), wanted = ?self.wanted.collections, %error, "rows cannot be followed now");
                    if self.rest(AWAY).await {
                        return Followed::Ended;
                    }
                }
            }
        }
    }

    /// The mark behind everything that was told, once there is one.
    pub fn mark(&self) -> Option<Mark> {
        Some(Mark { line: self.line?, places: self.after.clone()? })
    }

    /// What there is to be told. The collections take turns, so that one in which something happens all the time keeps none of the others back.
    async fn look(&mut self) -> Result<Option<Followed>, StoreError> {
        let tables: Vec<_> = self.wanted.collections.iter().map(|collection| self.service.table(collection)).collect();
        let mut complete = 0;
        while complete < tables.len() {
            let which = if self.after.is_some() { self.turn % tables.len() } else { 0 };
            let after = self.after.as_ref().and_then(|places| places.get(which).copied());
            let filters = if which == 0 { &*self.wanted.filters } else { &[] };
            let found = self.service.store().changes(self.service.name(), &tables[which], after, filters, AT_ONCE).await?;
            let Wanted { filters, scope, .. } = &self.wanted;
            let line = fnv(&format!("{} {} {filters:?}{scope}", found.line, tables.join(" ")));
            if let Some(known) = self.line
                && (known != line || self.is_lost(which, &found))
            {
                (self.line, self.after, self.begun, self.is_current) = (Some(line), None, found.last, false);
                return Ok(Some(Followed::Reset));
            }
            if self.after.is_none() {
                (self.line, self.begun) = (Some(line), found.last);
            }
            // Whoever begins hears of the other collections what changes from now on: what is told first is put together later than now.
            let behind = Place { batch: found.last, id: u64::MAX };
            let mut places = self.after.take().unwrap_or_else(|| vec![behind; tables.len()]);
            let begun = self.begun;
            let is_news = |change: &Change| change.row.is_some() || change.place.batch > begun;
            let is_all = found.changes.len() < AT_ONCE;
            let last = found.changes.last().map_or(behind, |last| last.place);
            let mut told = Vec::with_capacity(found.changes.len());
            for change in found.changes.into_iter().filter(is_news) {
                places[which] = change.place;
                told.push((Mark { line, places: places.clone() }, change));
            }
            places[which] = if is_all { behind } else { last };
            self.after = Some(places);
            if is_all {
                (self.turn, complete) = (which + 1, complete + 1);
            }
            if !told.is_empty() {
                (self.turn, self.rests) = (which + 1, self.is_current);
                return Ok(Some(Followed::Changes(self.wanted.collections[which], told)));
            }
        }
        let becomes_current = !std::mem::replace(&mut self.is_current, true);
        Ok(becomes_current.then(|| self.mark().map(Followed::Current)).flatten())
    }

    /// Whether something may have happened behind the last place that nobody can tell any more.
    fn is_lost(&self, which: usize, found: &Changes) -> bool {
        let Some(places) = &self.after else { return false };
        let Some(after) = places.get(which).filter(|_| places.len() == self.wanted.collections.len()) else { return true };
        let heard = after.batch.max(self.begun);
        let is_forgotten = found.forgotten.is_some_and(|forgotten| heard <= forgotten);
        // A row that goes says nothing any more, so not what it was put together with either.
        let is_missed = which > 0 && found.changes.iter().any(|change| change.row.is_none());
        after.batch > found.last || is_forgotten || is_missed
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
        let mark = |places: &[(u64, u64)]| Mark { line: 0xab, places: places.iter().map(|&(batch, id)| Place { batch, id }).collect() };
        for (mark, text) in [
            (mark(&[(7, 3)]), "00000000000000ab-7-3"),
            (mark(&[(7, u64::MAX)]), "00000000000000ab-7"),
            (mark(&[(7, 3), (9, u64::MAX), (8, 1)]), "00000000000000ab-7-3.9.8-1"),
        ] {
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
            "00000000000000ab-7.",
            "00000000000000ab-7..8",
            "00000000000000ab.7",
            "00000000000000AB-7",
        ] {
            assert_eq!(text.parse::<Mark>(), Err(NotAMark), "{text}");
        }
    }
}
