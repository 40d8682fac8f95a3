//! What operators ask of a running system beyond how it does: parked events, and views.

use store::{LineKey, Parked, ParkedLine, Position, Query, StoreError, beside};

use crate::handle::ServiceHandle;
use crate::rebuild;
use crate::service::ProjectionEntry;
use crate::system::SystemHandle;
use crate::writer::{Discard, Done, Work};

/// How many events of one line are tried, or discarded, at one request.
const AT_ONCE: usize = 1000;

/// What came of trying a line of parked events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// How many of its events were handled, one after the other.
    pub handled: usize,
    /// The one that failed again, at which it stopped.
    pub failed: Option<Parked>,
    /// How many are left.
    pub left: usize,
}

/// Which events of a line are discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The first, which is at this place in its shard.
    First(u64),
    /// Those that wait now, up to a thousand.
    All,
}

/// What was discarded of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discarded {
    /// The ids of the events.
    pub events: Vec<String>,
    /// How many are left.
    pub left: usize,
}

/// Why nothing was done about a line of parked events.
#[derive(Debug, thiserror::Error)]
pub enum NotParked {
    /// Nothing of it is parked.
    #[error("nothing is parked there")]
    Nothing,
    /// Another event is its first now.
    #[error("another event is the first of this line now, {0}")]
    MovedOn(String),
    /// The store is away.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// It could not be tried now.
    #[error("{0}")]
    Away(String),
}

/// A view, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectionStatus {
    /// Its service.
    pub service: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The collection of its rows.
    pub collection: &'static str,
    /// The version that the code has.
    pub version: u32,
    /// The version that readers are served.
    pub served: Option<u32>,
    /// Whom it follows.
    pub source: &'static str,
    /// How far it is in each shard.
    pub positions: Vec<Position>,
    /// How far its source is.
    pub heads: Vec<Position>,
    /// Why it has halted, if it has.
    pub halted: Option<String>,
    /// How many rows are served.
    pub rows: u64,
    /// Whether there are more than were counted.
    pub rows_is_lower_bound: bool,
    /// What is built anew beside it, if anything is.
    pub rebuilding: Option<Rebuilding>,
}

/// A view that is built anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilding {
    /// How far it is in each shard.
    pub positions: Vec<Position>,
    /// Why it has halted, if it has.
    pub halted: Option<String>,
}

impl ProjectionStatus {
    /// How many events its source is ahead of what is served, or of these positions.
    pub fn behind(&self, positions: &[Position]) -> u64 {
        self.heads.iter().zip(positions).map(|(head, position)| head.seq.saturating_sub(position.seq)).sum()
    }

    /// In one word: `live`, `halted`, `building` (an older version is served meanwhile) or `rebuilding` (it is served meanwhile).
    pub fn state(&self) -> &'static str {
        match (&self.halted, &self.rebuilding) {
            (_, Some(Rebuilding { halted: None, .. })) => "rebuilding",
            (Some(_), _) | (None, Some(_)) => "halted",
            (None, None) if self.served != Some(self.version) => "building",
            (None, None) => "live",
        }
    }
}

/// What is to be done about a view that has halted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetriedView {
    /// It is followed again.
    Follows,
    /// It had not halted.
    HadNotHalted,
}

impl SystemHandle {
    /// The lines of parked events, up to `limit` of each service.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn parked_lines(&self, limit: usize) -> Result<Vec<ParkedLine>, StoreError> {
        let mut lines = Vec::new();
        for service in self.services() {
            lines.extend(service.store().parked_lines(service.name(), limit).await?);
        }
        Ok(lines)
    }

    /// All views.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn projections(&self) -> Result<Vec<ProjectionStatus>, StoreError> {
        let mut all = Vec::new();
        for service in self.services() {
            for view in &service.service().projections {
                all.push(projection(&service, view).await?);
            }
        }
        Ok(all)
    }
}

impl ServiceHandle {
    /// How many lines of parked events it has.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn parked_keys(&self) -> Result<u64, StoreError> {
        self.store().parked_keys(self.name()).await
    }

    /// What is parked in one line behind the place `after`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn parked_line(&self, line: &LineKey, after: u64, limit: usize) -> Result<Vec<Parked>, StoreError> {
        self.store().parked_line(line, after, limit).await
    }

    /// Tries a line of parked events now, one after the other until one fails. What is tried by itself meanwhile is tried once all the
    /// same: the first of a line is claimed in the transaction that handles it.
    ///
    /// # Errors
    /// [`NotParked`], when nothing could be tried.
    pub async fn retry_parked(&self, line: &LineKey) -> Result<Retried, NotParked> {
        let mut retried = Retried::default();
        for _ in 0..AT_ONCE {
            let Some(first) = self.parked_line(line, 0, 1).await?.pop() else {
                return if retried.handled == 0 { Err(NotParked::Nothing) } else { Ok(retried) };
            };
            let seq = first.event.position.seq;
            match self.inbox().begun(self.name(), Work::Retry(first)).await {
                Done::Handled => retried.handled += 1,
                // Somebody else has handled it, or is about to try the one behind it.
                Done::Gone => {}
                Done::ParkedAgain => {
                    retried.failed = self.parked_line(line, 0, 1).await?.pop().filter(|first| first.event.position.seq == seq);
                    break;
                }
                Done::Away(why) => return Err(NotParked::Away(why)),
                other => return Err(NotParked::Away(format!("a parked event was answered with {other:?}"))),
            }
        }
        retried.left = self.parked_line(line, 0, AT_ONCE).await?.len();
        Ok(retried)
    }

    /// Discards parked events: they are as handled, without any effect.
    ///
    /// # Errors
    /// [`NotParked`], when nothing was discarded.
    pub async fn discard_parked(&self, line: &LineKey, which: Which) -> Result<Discarded, NotParked> {
        let waiting = self.parked_line(line, 0, AT_ONCE).await?;
        let first = waiting.first().ok_or(NotParked::Nothing)?;
        let place = first.event.position.seq;
        let last = match which {
            Which::First(seq) if seq == place => place,
            Which::First(_) => return Err(NotParked::MovedOn(first.event.id())),
            // Those that come behind them meanwhile were not seen by whoever asks, and stay.
            Which::All => waiting.last().map_or(place, |last| last.event.position.seq),
        };
        let work = Work::Discard(Discard { line: line.clone(), first: place, last });
        match self.inbox().begun(self.name(), work).await {
            Done::Handled => {}
            Done::Gone => {
                let first = self.parked_line(line, 0, 1).await?.pop().ok_or(NotParked::Nothing)?;
                return Err(NotParked::MovedOn(first.event.id()));
            }
            Done::Away(why) => return Err(NotParked::Away(why)),
            other => return Err(NotParked::Away(format!("parked events were answered with {other:?}"))),
        }
        let events = waiting.iter().filter(|one| one.event.position.seq <= last).map(|one| one.event.id()).collect();
        Ok(Discarded { events, left: self.parked_line(line, 0, AT_ONCE).await?.len() })
    }

    /// The view with this name, if the service has it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn projection(&self, name: &str) -> Result<Option<ProjectionStatus>, StoreError> {
        match self.view(name) {
            Some(view) => projection(self, view).await.map(Some),
            None => Ok(None),
        }
    }

    /// Builds a view anew beside itself, from the first event of its source on, and puts it in its own place once it has caught up. It goes
    /// on after a restart. `None` when there is no such view, `false` when that is under way already.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn rebuild(&self, name: &str) -> Result<Option<bool>, StoreError> {
        match self.view(name) {
            Some(view) => rebuild::begin(self, view).await.map(Some),
            None => Ok(None),
        }
    }

    /// Follows a view again that has halted, from where it stands; `None` when there is no such view.
    pub fn retry_projection(&self, name: &str) -> Option<RetriedView> {
        let follows = rebuild::retry(self, self.view(name)?);
        Some(if follows { RetriedView::Follows } else { RetriedView::HadNotHalted })
    }

    /// The names of its views.
    pub fn projection_names(&self) -> impl Iterator<Item = &'static str> {
        self.service().projections.iter().map(|view| view.name)
    }

    fn view(&self, name: &str) -> Option<&ProjectionEntry> {
        self.service().projections.iter().find(|view| view.name == name)
    }
}

async fn projection(service: &ServiceHandle, view: &ProjectionEntry) -> Result<ProjectionStatus, StoreError> {
    let store = service.store();
    let (name, table) = (service.name(), view.table());
    let served = service.views().served(name, view.collection);
    let rebuilding = if service.views().is_anew(name, view.name) {
        let (positions, halted) = progress(service, &beside(&table), view.source).await?;
        Some(Rebuilding { positions, halted })
    } else {
        None
    };
    let (positions, halted) = progress(service, &table, view.source).await?;
    let shown = served.map_or_else(|| table.clone(), |version| format!("{}@{version}", view.collection));
    let page = store.rows(name, &shown, &Query { size: 1, ..Query::default() }).await?;
    Ok(ProjectionStatus {
        service: name,
        name: view.name,
        collection: view.collection,
        version: view.version,
        served,
        source: view.source,
        positions,
        heads: store.heads(view.source).await?,
        halted,
        rows: page.total,
        rows_is_lower_bound: page.total_is_lower_bound,
        rebuilding,
    })
}

/// How far a consumer is, and why it has halted, if it has. What it has passed by because it has nothing to do with it is written down
/// later, so it is asked itself; only before it has begun the store knows better.
async fn progress(service: &ServiceHandle, consumer: &str, source: &'static str) -> Result<(Vec<Position>, Option<String>), StoreError> {
    let state = service.watch_consumer(consumer, source);
    let known = state.positions.borrow().clone();
    let positions = if known.is_empty() { service.store().positions(service.name(), consumer, source).await? } else { known };
    Ok((positions, state.why_halted()))
}
