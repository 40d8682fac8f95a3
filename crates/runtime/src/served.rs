//! Which version of each view is served.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use store::{Store, StoreError};

use crate::service::{ProjectionEntry, Service};

/// The versions that readers are served, and what is built anew beside them.
#[derive(Default)]
pub(crate) struct Served {
    /// By service and collection.
    versions: Mutex<HashMap<(&'static str, &'static str), u32>>,
    /// By service and name.
    anew: Mutex<BTreeSet<(&'static str, &'static str)>>,
}

impl Served {
    /// Reads what is served. A view that never was is served from its first event on.
    pub(crate) async fn load(services: impl Iterator<Item = &Service>, store: &dyn Store) -> Result<Self, StoreError> {
        let mut served = HashMap::new();
        for service in services {
            for view in &service.projections {
                let version = match store.view_version(service.name, view.collection).await? {
                    Some(version) => version,
                    None => {
                        store.switch_view(service.name, view.collection, view.version).await?;
                        view.version
                    }
                };
                served.insert((service.name, view.collection), version);
            }
        }
        Ok(Self { versions: Mutex::new(served), anew: Mutex::default() })
    }

    pub(crate) fn served(&self, service: &'static str, collection: &'static str) -> Option<u32> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).get(&(service, collection)).copied()
    }

    pub(crate) fn serve(&self, service: &'static str, view: &ProjectionEntry) {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).insert((service, view.collection), view.version);
    }

    /// Whether a view's version is built anew beside itself.
    pub(crate) fn is_anew(&self, service: &'static str, view: &'static str) -> bool {
        self.anew().contains(&(service, view))
    }

    /// From now on it is; `false` when it was already.
    pub(crate) fn begin_anew(&self, service: &'static str, view: &'static str) -> bool {
        self.anew().insert((service, view))
    }

    /// What was built anew is handed nothing more.
    pub(crate) fn end_anew(&self, service: &'static str, view: &'static str) {
        self.anew().remove(&(service, view));
    }

    fn anew(&self) -> MutexGuard<'_, BTreeSet<(&'static str, &'static str)>> {
        // A set is whole between any two of its operations.
        self.anew.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
