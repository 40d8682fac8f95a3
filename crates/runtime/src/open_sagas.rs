use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use store::StoreError;

use crate::handle::ServiceHandle;

/// How many sagas of one system may be open before new ones are refused.
const MOST: usize = 4096;

/// The sagas of a system that have begun and not ended, whether driven now or waiting to be woken.
#[derive(Default)]
pub(crate) struct OpenSagas(Mutex<Sagas>);

#[derive(Default)]
struct Sagas {
    /// Where each stands, as metrics show it, by service, kind and key.
    open: BTreeMap<(&'static str, &'static str, String), &'static str>,
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
    pub(crate) fn by_state(&self) -> BTreeMap<(&'static str, &'static str, &'static str), usize> {
        let mut counts = BTreeMap::new();
        for ((service, saga, _), state) in &self.sagas().open {
            *counts.entry((*service, *saga, *state)).or_insert(0) += 1;
        }
        counts
    }

    pub(crate) fn begin(&self, service: &'static str, saga: &'static str, key: &str, state: &'static str) {
        self.sagas().open.insert((service, saga, key.into()), state);
    }

    /// One that is open stands here now.
    pub(crate) fn stands(&self, service: &'static str, saga: &'static str, key: &str, state: &'static str) {
        if let Some(known) = self.sagas().open.get_mut(&(service, saga, key.to_owned())) {
            *known = state;
        }
    }

    pub(crate) fn end(&self, service: &'static str, saga: &'static str, key: &str) {
        self.sagas().open.remove(&(service, saga, key.to_owned()));
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

/// The sagas of one service that have not ended, `service/saga/key`, whether somebody here drives them or they wait to be woken.
pub(crate) async fn unfinished(handle: &ServiceHandle) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for saga in &handle.service().sagas {
        // A saga wants to be woken for as long as it has not ended, and there are never many more than may be open.
        let waking = handle.store().waking_roots(handle.name(), saga.name, MOST * 2).await?;
        found.extend(waking.into_iter().map(|root| format!("{}/{}/{}", handle.name(), saga.name, root.key)));
    }
    Ok(found)
}
