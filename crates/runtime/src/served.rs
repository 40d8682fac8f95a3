//! Which version of each view is served.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use store::{Store, StoreError};

use crate::service::{ProjectionEntry, Service};

/// The versions that readers are served, by service and collection.
#[derive(Default)]
pub(crate) struct Served(Mutex<HashMap<(&'static str, &'static str), u32>>);

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
        Ok(Self(Mutex::new(served)))
    }

    pub(crate) fn served(&self, service: &'static str, collection: &'static str) -> Option<u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(service, collection)).copied()
    }

    pub(crate) fn serve(&self, service: &'static str, view: &ProjectionEntry) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((service, view.collection), view.version);
    }
}
