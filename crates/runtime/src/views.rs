//! Which version of each view is served, and the change from an old one to a new one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use store::{Store, StoreError};

use crate::service::{ProjectionEntry, Service};
use crate::status::ConsumerState;
use crate::system::ServiceHandle;

/// The versions that readers are served, by service and collection.
#[derive(Default)]
pub(crate) struct Views(Mutex<HashMap<(&'static str, &'static str), u32>>);

impl Views {
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

    fn serve(&self, service: &'static str, view: &ProjectionEntry) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((service, view.collection), view.version);
    }
}

/// Waits until the new version of a view has caught up with its source, then serves it in place of the old one.
pub(crate) async fn switch_when_caught_up(service: ServiceHandle, name: &'static str, state: Arc<ConsumerState>) {
    let Some(view) = service.service().projections.iter().find(|view| view.name == name) else { return };
    let mut positions = state.positions.subscribe();
    loop {
        let heads = service.feeds().heads(view.source).await;
        if heads.is_ok_and(|heads| state.status(&heads).behind == 0 && !positions.borrow_and_update().is_empty()) {
            match service.store().switch_view(service.name(), view.collection, view.version).await {
                Ok(()) => {
                    service.views().serve(service.name(), view);
                    tracing::info!(service = service.name(), view = name, version = view.version, "a view is served in a new version");
                    return;
                }
                Err(error) => tracing::warn!(service = service.name(), view = name, %error, "a view cannot be switched yet"),
            }
        }
        if positions.changed().await.is_err() {
            return;
        }
    }
}
