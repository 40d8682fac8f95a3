use std::collections::HashMap;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use futures_util::future::BoxFuture;
use kernel::CallError;

use crate::{Envelope, Transport};

/// Calls within one process: each service's door, by its name.
#[derive(Default)]
pub struct InProcess {
    doors: RwLock<HashMap<String, Arc<dyn Transport>>>,
}

impl InProcess {
    /// From now on `door` answers the calls to `service`.
    pub fn open(&self, service: &str, door: Arc<dyn Transport>) {
        self.doors.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(service.into(), door);
    }

    fn doors(&self) -> RwLockReadGuard<'_, HashMap<String, Arc<dyn Transport>>> {
        // A map of doors is whole between any two of its operations.
        self.doors.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Transport for InProcess {
    fn send<'a>(&'a self, envelope: Envelope) -> BoxFuture<'a, Result<String, CallError>> {
        let door = self.doors().get(&envelope.service).cloned();
        Box::pin(async move {
            match door {
                Some(door) => door.send(envelope).await,
                None => Err(CallError::Unavailable { service: envelope.service, why: "it does not run here".into() }),
            }
        })
    }
}
