//! Tries parked events again, the first of each key first; others of the key wait behind it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::system::System;
use crate::writer::{Done, Work};

/// How often it looks whether something parked is due.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How many parked events are looked at.
const AT_ONCE: usize = 1024;

/// Retries what is parked until the process ends.
pub(crate) async fn run(system: Arc<System>) {
    while !system.has_stopped() {
        system.clock.sleep(LOOK_AGAIN).await;
        if let Err(why) = step(&system).await {
            tracing::warn!(system = system.name, why, "retrying what is parked waits");
        }
    }
}

/// One look at everything that is parked.
async fn step(system: &Arc<System>) -> Result<(), String> {
    for service in system.handles() {
        if service.fault().down {
            continue;
        }
        let mut seen = HashSet::new();
        for parked in service.store().parked(service.name(), AT_ONCE).await.map_err(|error| error.to_string())? {
            let first_of_its_key = seen.insert((parked.consumer.clone(), parked.event.source.clone(), parked.event.key.clone()));
            if !first_of_its_key || parked.next_at > system.clock.now() {
                continue;
            }
            match service.inbox().begun(service.name(), Work::Retry(parked)).await {
                Done::Handled => {}
                other => return Err(format!("a parked event was answered with {other:?}")),
            }
        }
    }
    Ok(())
}
