//! What an event leads to for one consumer, found from the event alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use kernel::Commands;
use store::FeedEvent;

use super::work::{ConsumerKind, Handle};
use crate::service::Service;

/// What one event leads to.
pub(crate) enum Reaction {
    /// The commands of each policy that reacts, with the policy's name.
    Policies(Vec<(&'static str, Commands)>),
    /// The rows of a view that it touches.
    Rows(Vec<u64>),
}

impl Reaction {
    /// Whether it is to do nothing.
    fn is_empty(&self) -> bool {
        match self {
            Self::Policies(policies) => policies.iter().all(|(_, commands)| commands.is_empty()),
            Self::Rows(rows) => rows.is_empty(),
        }
    }
}

/// An event as a consumer has heard it.
#[derive(Clone)]
pub(crate) struct Heard {
    pub(crate) event: Arc<FeedEvent>,
    /// Found once, however often the event is handed in: a rule that panics does so once.
    reaction: Arc<Result<Reaction, String>>,
}

impl Heard {
    /// An event as it is heard by a consumer of `service`.
    pub(crate) fn by(service: &Service, consumer: &ConsumerKind, event: Arc<FeedEvent>) -> Self {
        // A rule that panics fails for its own event alone, like one that says that it cannot.
        let reaction = catch_unwind(AssertUnwindSafe(|| react(service, consumer, &event)));
        let reaction = Arc::new(reaction.unwrap_or_else(|_| Err("a rule panicked".into())));
        Self { event, reaction }
    }

    /// What it leads to.
    ///
    /// # Errors
    /// Why nobody can tell.
    pub(super) fn reaction(&self) -> Result<&Reaction, String> {
        self.reaction.as_ref().as_ref().map_err(Clone::clone)
    }

    /// Whether there is something to do about it. One that cannot be read is something to do about: it is parked.
    pub(crate) fn concerns(&self) -> bool {
        self.reaction().map_or(true, |reaction| !reaction.is_empty())
    }
}

fn react(service: &Service, consumer: &ConsumerKind, event: &FeedEvent) -> Result<Reaction, String> {
    match consumer {
        ConsumerKind::Policies => {
            let policies = service.policies.iter().filter(|policy| policy.source == event.source);
            let reactions = policies.map(|policy| Ok((policy.name, (policy.react)(&event.data, event.at)?)));
            reactions.collect::<Result<_, String>>().map(Reaction::Policies)
        }
        ConsumerKind::View(name) | ConsumerKind::Anew(name) => {
            let view = service.projections.iter().find(|one| one.name == *name).ok_or("no such view")?;
            (view.rows)(&event.data).map(Reaction::Rows)
        }
    }
}

impl Handle {
    /// The same work in parts that can fail on their own. Each ends with an event that there is something to do about: those before it that
    /// concern nobody cannot fail, and take no transaction of their own.
    pub(super) fn split(&self) -> impl Iterator<Item = Self> {
        let parts = self.events.chunk_by(|before, _| !before.concerns());
        parts.map(|events| Self { consumer: self.consumer.clone(), events: events.into(), park: None })
    }
}
