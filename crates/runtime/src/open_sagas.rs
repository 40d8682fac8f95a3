use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use store::{RootKey, StoreError};

use crate::handle::ServiceHandle;
use crate::saga::LONGEST_PAUSE;

/// How many sagas of one system may be open before new ones are refused.
const MOST: usize = 4096;

/// Where a saga stands that has begun and not ended, as metrics show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SagaState {
    /// Its calls are made.
    Calling,
    /// It was left behind, and its callees are asked what came of their calls.
    Recalling,
    /// Somebody has to tell it something.
    Waiting,
    /// It lies behind its pivot, and its calls are made until they are answered.
    Insisting,
    /// What was done is undone.
    Compensating,
    /// Whoever ran before has left it behind, and nobody has gone on with it yet.
    LeftBehind,
}

impl SagaState {
    pub(crate) const ALL: [Self; 6] =
        [Self::Calling, Self::Recalling, Self::Waiting, Self::Insisting, Self::Compensating, Self::LeftBehind];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Calling => "calling",
            Self::Recalling => "recalling",
            Self::Waiting => "waiting",
            Self::Insisting => "insisting",
            Self::Compensating => "compensating",
            Self::LeftBehind => "left-behind",
        }
    }
}

/// The sagas of a system that have begun and not ended, whether driven now or waiting to be woken.
#[derive(Default)]
pub(crate) struct OpenSagas(Mutex<Sagas>);

/// Service, kind and key.
type Name = (&'static str, &'static str, String);

#[derive(Default)]
struct Sagas {
    /// Where each stands.
    open: BTreeMap<Name, SagaState>,
    /// Those that wait for somebody to tell them something, which is no work.
    waiting: BTreeSet<Name>,
    /// How many wait to be begun.
    beginning: usize,
}

/// A place for one that wants to begin, given back when this goes.
pub(crate) struct Place<'a>(&'a OpenSagas);

impl OpenSagas {
    /// A place for one more, unless there are as many as may be.
    pub(crate) fn place(&self) -> Option<Place<'_>> {
        let mut sagas = self.sagas();
        if sagas.open.len() + sagas.beginning >= MOST {
            return None;
        }
        sagas.beginning += 1;
        Some(Place(self))
    }

    pub(crate) fn count(&self) -> usize {
        self.sagas().open.len()
    }

    /// How many there are, by service, kind and where they stand.
    pub(crate) fn by_state(&self) -> BTreeMap<(&'static str, &'static str, SagaState), usize> {
        let mut counts = BTreeMap::new();
        let sagas = self.sagas();
        let waiting = sagas.waiting.iter().map(|name| (name, &SagaState::Waiting));
        for ((service, saga, _), state) in sagas.open.iter().chain(waiting) {
            *counts.entry((*service, *saga, *state)).or_insert(0) += 1;
        }
        counts
    }

    /// One is gone on with from here.
    pub(crate) fn begin(&self, service: &'static str, saga: &'static str, key: &str, state: SagaState) {
        let (mut sagas, name) = (self.sagas(), (service, saga, key.to_owned()));
        sagas.waiting.remove(&name);
        sagas.open.insert(name, state);
    }

    /// One waits for somebody to tell it something.
    pub(crate) fn wait(&self, service: &'static str, saga: &'static str, key: &str) {
        let (mut sagas, name) = (self.sagas(), (service, saga, key.to_owned()));
        sagas.open.remove(&name);
        sagas.waiting.insert(name);
    }

    /// One that is open, or has waited, stands here now. One that has ended does not come back by it.
    pub(crate) fn stands(&self, service: &'static str, saga: &'static str, key: &str, state: SagaState) {
        let (mut sagas, name) = (self.sagas(), (service, saga, key.to_owned()));
        if sagas.waiting.remove(&name) || sagas.open.contains_key(&name) {
            sagas.open.insert(name, state);
        }
    }

    pub(crate) fn end(&self, service: &'static str, saga: &'static str, key: &str) {
        let (mut sagas, name) = (self.sagas(), (service, saga, key.to_owned()));
        sagas.open.remove(&name);
        sagas.waiting.remove(&name);
    }

    fn sagas(&self) -> MutexGuard<'_, Sagas> {
        // It is whole between any two of its operations.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.sagas().beginning -= 1;
    }
}

/// The sagas of one service that have not ended.
pub(crate) struct Unfinished {
    /// Those that somebody drives, or that will be gone on with within the longest pause between two tries.
    pub(crate) open: Vec<RootKey>,
    /// Those that wait for somebody to tell them something.
    pub(crate) waiting: Vec<RootKey>,
}

impl Unfinished {
    pub(crate) async fn of(handle: &ServiceHandle) -> Result<Self, StoreError> {
        let soon = handle.now().checked_add(LONGEST_PAUSE).unwrap_or(kernel::Timestamp::MAX);
        let due: BTreeSet<_> = handle.store().due(handle.name(), soon, usize::MAX).await?.into_iter().collect();
        let mut found = Self { open: Vec::new(), waiting: Vec::new() };
        for saga in &handle.service().sagas {
            // A saga wants to be woken for as long as it has not ended, and one that is to be gone on with is so soon.
            let all = handle.store().waking_roots(handle.name(), saga.name, usize::MAX).await?;
            let (open, waiting): (Vec<_>, _) = all.into_iter().partition(|root| due.contains(root));
            found.open.extend(open);
            found.waiting.extend(waiting);
        }
        Ok(found)
    }
}
