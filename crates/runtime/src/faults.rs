use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// What is wrong with a service for the moment, on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// It is stopped: it answers nobody and handles nothing.
    pub down: bool,
    /// It waits so long before it answers.
    pub delay: Duration,
    /// It refuses whatever it is asked to do.
    pub refuse: bool,
}

/// The fault switch: what is wrong with which service. Clones are handles on the same switch.
#[derive(Clone, Debug)]
pub struct Faults {
    faults: Arc<Mutex<HashMap<String, Fault>>>,
    changed: watch::Sender<()>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { faults: Arc::default(), changed: watch::Sender::new(()) }
    }
}

impl Faults {
    /// Makes something wrong with a service, by its name `{system}/{service}`, or, with a fault that is none, well again.
    pub fn set(&self, service: &str, fault: Fault) {
        if fault == Fault::default() {
            self.faults().remove(service);
        } else {
            self.faults().insert(service.into(), fault);
        }
        self.changed.send_replace(());
    }

    /// Ends all faults.
    pub fn clear(&self) {
        self.faults().clear();
        self.changed.send_replace(());
    }

    /// What is wrong with a service.
    pub fn of(&self, service: &str) -> Fault {
        self.faults().get(service).copied().unwrap_or_default()
    }

    /// All that is wrong, by service.
    pub fn all(&self) -> Vec<(String, Fault)> {
        let mut all: Vec<_> = self.faults().iter().map(|(service, fault)| (service.clone(), *fault)).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// Is ready when none of the services is stopped.
    pub async fn until_up(&self, services: &[&str]) {
        let mut changed = self.changed.subscribe();
        while services.iter().any(|service| self.of(service).down) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Tells when the switch is turned from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn faults(&self) -> MutexGuard<'_, HashMap<String, Fault>> {
        // A map is whole between any two of its operations.
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
