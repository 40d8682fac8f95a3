//! Waiting until a service has handled what another one published.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use clock::timeout;
use store::{Position, StoreError};

use crate::feed_position::FeedPosition;
use crate::handle::ServiceHandle;
use crate::status::ConsumerState;

/// Why a position is not reached.
#[derive(Debug, thiserror::Error)]
pub enum NotReached {
    /// The service does not follow the one that published it.
    #[error("{0} is none of the services that are followed here")]
    NotASource(String),
    /// It was lost when data was restored, and will never be there.
    #[error("it was lost when data was restored")]
    Lost,
    /// It has not been handled in time.
    #[error("it has not been handled yet")]
    Late,
    /// The store cannot be read.
    #[error(transparent)]
    Unreadable(#[from] StoreError),
}

impl ServiceHandle {
    /// Where the feed of this service ends now: the last position of each shard that has any.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn feed_ends(&self) -> Result<Vec<FeedPosition>, StoreError> {
        let heads = self.store().heads(self.name()).await?;
        let heads = (0..).zip(heads).filter(|(_, position)| position.seq > 0);
        Ok(heads.map(|(shard, position)| FeedPosition { source: self.name().into(), shard, position }).collect())
    }

    /// Waits until everything in this service that follows the sources of `positions` has handled them, but no longer than `within`.
    /// What it published itself can be seen at once.
    ///
    /// # Errors
    /// [`NotReached::NotASource`] before any waiting, [`NotReached::Late`] and [`NotReached::Lost`] after it.
    pub async fn reach(&self, positions: &[FeedPosition], within: Duration) -> Result<(), NotReached> {
        let mut followers = Vec::new();
        for wanted in positions.iter().filter(|wanted| wanted.source != self.name()) {
            let consumers = self.consumers_of(&wanted.source);
            if consumers.is_empty() {
                return Err(NotReached::NotASource(wanted.source.clone()));
            }
            followers.push((wanted, consumers));
        }
        // One without aggregates publishes nothing, so nothing of its own will ever be there.
        if self.service().kinds.is_empty() && positions.iter().any(|wanted| wanted.source == self.name()) {
            return Err(NotReached::NotASource(self.name().into()));
        }
        let own: Vec<_> = positions.iter().filter(|wanted| wanted.source == self.name()).collect();
        if !own.is_empty() {
            let heads = self.store().heads(self.name()).await?;
            for wanted in own {
                let is_there = has_reached(&heads, wanted);
                if !(is_there && is_of_its_epoch(&heads, wanted)) {
                    self.is_kept(wanted).await?;
                }
                if !is_there {
                    return Err(NotReached::Late);
                }
            }
        }
        let all = async {
            for (wanted, consumers) in &followers {
                for consumer in consumers {
                    // Its sender is in the very list it comes from, so it cannot go.
                    let _ = consumer.positions.subscribe().wait_for(|positions| has_reached(positions, wanted)).await;
                }
            }
        };
        let handled = timeout(&**self.clock(), within, all).await;
        for (wanted, consumers) in &followers {
            if handled.is_err() || consumers.iter().any(|one| !is_of_its_epoch(&one.positions.borrow(), wanted)) {
                self.is_kept(wanted).await?;
            }
        }
        handled.map_err(|_| NotReached::Late)?;
        // While a view is built anew, it is the old rows that are read, and nobody follows with those.
        let is_stale = |source: &str| {
            let views = self.service().projections.iter().filter(|view| view.source == source);
            views.into_iter().any(|view| self.views().served(self.name(), view.collection) != Some(view.version))
        };
        if positions.iter().any(|wanted| is_stale(&wanted.source)) { Err(NotReached::Late) } else { Ok(()) }
    }

    /// That a position is not one of those that a restore lost. A later epoch includes no more of the one before it than where it begins.
    async fn is_kept(&self, wanted: &FeedPosition) -> Result<(), NotReached> {
        // Of one that cannot be asked now, nobody knows; what is waited for is then late.
        let Ok(feed) = self.feeds().feed(&wanted.source, wanted.shard, wanted.position.seq, 1).await else { return Ok(()) };
        let next = feed.epochs.iter().find(|epoch| epoch.epoch > wanted.position.epoch);
        if next.is_some_and(|next| next.after < wanted.position.seq) { Err(NotReached::Lost) } else { Ok(()) }
    }

    /// What of this service follows `source`.
    fn consumers_of(&self, source: &str) -> Vec<Arc<ConsumerState>> {
        let consumers = self.system.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        consumers.iter().filter(|one| one.service == self.name() && one.source == source).cloned().collect()
    }
}

/// Whether a consumer stands in the epoch of a position, so that nothing was lost between the two.
fn is_of_its_epoch(positions: &[Position], wanted: &FeedPosition) -> bool {
    positions.get(usize::from(wanted.shard)).is_none_or(|position| position.epoch <= wanted.position.epoch)
}

/// Whether a consumer's positions include one. Those of a later epoch include all of the ones before it.
fn has_reached(positions: &[Position], wanted: &FeedPosition) -> bool {
    positions.get(usize::from(wanted.shard)).is_some_and(|position| *position >= wanted.position)
}
