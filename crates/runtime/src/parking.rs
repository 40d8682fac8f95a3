//! Tries parked events again, the first of each key first; others of the key wait behind it.

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
            Ok(Some(Next::AtOnce)) => continue,
            Ok(Some(Next::At(next))) => until(system.clock.now(), next).max(LEAST),
            Err(why) => {
                tracing::warn!(system = system.name, why, "retrying what is parked waits");
                AWAY
            }
        };
        select(pin!(parked.changed()), system.clock.sleep(pause)).await;
    }
}

/// When to look again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    AtOnce,
    At(Timestamp),
}

/// Retries what is due, and says when the next is.
async fn step(system: &Arc<System>) -> Result<Option<Next>, String> {
    let mut next = None;
    for service in system.handles() {
        // Of each key only the first can be tried; the others wait behind it.
        for parked in service.store().parked_heads(service.name(), AT_ONCE).await.map_err(|error| error.to_string())? {
            if service.fault().down || parked.next_at > system.clock.now() {
                next = next.into_iter().chain([Next::At(parked.next_at)]).min();
                continue;
            }
            match service.inbox().begun(service.name(), Work::Retry(parked)).await {
                // Either the next of its key is first now, or this one waits for longer than before: there is news in any case.
                Done::Handled | Done::ParkedAgain | Done::Gone => next = Some(Next::AtOnce),
                Done::Away(why) => return Err(why),
                other => return Err(format!("a parked event was answered with {}", other.name())),
            }
        }
    }
    Ok(next)
}
