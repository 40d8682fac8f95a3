//! Lets happen what falls due although nobody asks. A wake-up only announces: whatever a command meets has ticked already.

use std::time::Duration;

use clock::until;
use futures_util::future::{join_all, select};
use store::RootKey;

use crate::handle::{ServiceHandle, System};
use crate::writer::{Done, WakeSignal, Work};
use std::pin::pin;
use std::sync::{Arc, PoisonError};

/// How many roots are woken at once.
const AT_ONCE: usize = 256;

/// The longest sleep, after which the store is asked again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// How long to wait when something that is due fails, which stays due.
const FAILS: Duration = Duration::from_secs(1);

/// How long to wait when the store is away.
const AWAY: Duration = Duration::from_millis(250);

/// Wakes the roots of a system until the process ends.
pub(crate) async fn run(system: Arc<System>, mut signal: WakeSignal) {
    let mut switched = system.faults().watch();
    loop {
        let pause = match step(&system, &signal).await {
            Ok(pause) => pause,
            Err(why) => {
                tracing::warn!(system = system.name, why, "wake-ups wait");
                AWAY
            }
        };
        if system.has_stopped() {
            return;
        }
        if !pause.is_zero() {
            // A service that is started again may have slept through what was due.
            let news = pin!(async {
                select(pin!(signal.written()), pin!(switched.changed())).await;
            });
            select(news, system.clock.sleep(pause)).await;
        }
    }
}

/// Wakes what is due, and says how long nothing more will be.
async fn step(system: &Arc<System>, signal: &WakeSignal) -> Result<Duration, String> {
    // Whatever is written from here on is told by the signal, so nothing falls between the look and the sleep.
    signal.know(None);
    let (mut earliest, mut fails) = (None, false);
    for service in system.handles() {
        if service.fault().down {
            continue;
        }
        let due = service.store().due(service.name(), system.clock.now(), AT_ONCE).await.map_err(|error| error.to_string())?;
        if !due.is_empty() {
            fails |= wake(&service, due).await?;
        }
        let next = service.store().next_wake(service.name()).await.map_err(|error| error.to_string())?;
        earliest = earliest.into_iter().chain(next).min();
    }
    signal.know(earliest);
    let now = system.clock.now();
    let pause = earliest.map_or(LOOK_AGAIN, |at| until(now, at).min(LOOK_AGAIN));
    Ok(if fails { pause.max(FAILS) } else { pause })
}

/// Wakes roots, and says whether one of them fails.
async fn wake(service: &ServiceHandle, due: Vec<RootKey>) -> Result<bool, String> {
    let mut fails = false;
    let ticks = due.iter().map(|root| service.inbox().begun(service.name(), Work::Tick(root.clone())));
    for (root, done) in due.iter().zip(join_all(ticks).await) {
        let stuck = || service.system.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        match done {
            Done::Ticked => {
                stuck().remove(root);
                if let Some(saga) = service.service().sagas.iter().find(|saga| saga.name == root.aggregate) {
                    service.spawn((saga.resume)(service.clone(), root.key.clone()));
                }
            }
            Done::Failed(why) => {
                // It is tried again each second, but told once.
                if stuck().insert(root.clone()) {
                    let (aggregate, key) = (root.aggregate, &root.key);
                    tracing::error!(service = root.service, aggregate, key, why, "a wake-up fails");
                }
                fails = true;
            }
            Done::Away(why) => return Err(why),
            other => return Err(format!("a wake-up was answered with {}", other.name())),
        }
    }
    Ok(fails)
}
