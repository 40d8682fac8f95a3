//! Tries parked events again, the first of each key first; others of the key wait behind it.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use clock::until;
use futures_util::future::select;
use kernel::Timestamp;
use tokio::sync::watch;

use crate::handle::System;
use crate::writer::{Done, Work};

/// How long to wait when the store is away.
const AWAY: Duration = Duration::from_secs(1);

/// The shortest wait, so that a service which is stopped is not looked at again and again.
const LEAST: Duration = Duration::from_millis(250);

/// How many parked events are looked at.
const AT_ONCE: usize = 1024;

/// Retries what is parked until the process ends.
pub(crate) async fn run(system: Arc<System>, mut parked: watch::Receiver<u64>) {
    while !system.has_stopped() {
        // Whatever is parked from here on is told, so nothing falls between the look and the wait.
        parked.borrow_and_update();
        let pause = match step(&system).await {
            Ok(None) => {
                if parked.changed().await.is_err() {
                    return;
                }
                continue;
            }
            Ok(Some(next)) => until(system.clock.now(), next).max(LEAST),
            Err(why) => {
                tracing::warn!(system = system.name, why, "retrying what is parked waits");
                AWAY
            }
        };
        select(pin!(parked.changed()), system.clock.sleep(pause)).await;
    }
}

/// Retries what is due, and says when the next is.
async fn step(system: &Arc<System>) -> Result<Option<Timestamp>, String> {
    let mut next = None;
    for service in system.handles() {
        let mut seen = HashSet::new();
        for parked in service.store().parked(service.name(), AT_ONCE).await.map_err(|error| error.to_string())? {
            let first_of_its_key = seen.insert((parked.consumer.clone(), parked.event.source.clone(), parked.event.key.clone()));
            if !first_of_its_key {
                continue;
            }
            if service.fault().down || parked.next_at > system.clock.now() {
                next = next.into_iter().chain([parked.next_at]).min();
                continue;
            }
            match service.inbox().begun(service.name(), Work::Retry(parked)).await {
                // The next of its key is due at once, or this one later once more.
                Done::Handled => next = Some(system.clock.now()),
                other => return Err(format!("a parked event was answered with {other:?}")),
            }
        }
    }
    Ok(next)
}
