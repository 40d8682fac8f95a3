//! Forgets what was kept under keys, and sagas that have ended, once their time is over.

use std::sync::Arc;
use std::time::Duration;

use kernel::Timestamp;
use store::{RecordKind, StoreFuture};

use crate::handle::System;
use crate::writer::CALLS_KEPT;

/// How long a client's answer is kept under its idempotency key (design §9).
const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 3600);

/// How often it looks for what is old.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// How many are forgotten in one transaction, so that nobody waits long for it.
const AT_ONCE: usize = 1000;

/// Forgets until the process ends.
pub(crate) async fn run(system: Arc<System>) {
    while !system.has_stopped() {
        system.clock.sleep(LOOK_AGAIN).await;
        for service in system.handles() {
            // A call's outcome has to outlive whoever may still send it: twice what a key may be old.
            for (kind, kept) in [(RecordKind::Answer, ANSWERS_KEPT), (RecordKind::Call, CALLS_KEPT * 2)] {
                forget(&system, service.name(), |before| system.store().prune(service.name(), kind, before, AT_ONCE), kept).await;
            }
            for saga in &service.service().sagas {
                let prune = |before| system.store().prune_roots(service.name(), saga.name, before, AT_ONCE);
                forget(&system, service.name(), prune, CALLS_KEPT).await;
            }
        }
    }
}

/// Prunes what is older than it is kept, a part at a time.
async fn forget<'a>(system: &System, service: &'static str, prune: impl Fn(Timestamp) -> StoreFuture<'a, usize>, kept: Duration) {
    let Ok(before) = system.clock.now().checked_sub(kept) else { return };
    loop {
        match prune(before).await {
            Ok(AT_ONCE) => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(service, %error, "what is old cannot be forgotten yet");
                return;
            }
        }
    }
}
