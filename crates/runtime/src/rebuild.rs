//! A view built anew beside itself because an operator wants it, and put in its own place once it has caught up.

use std::sync::Arc;
use std::time::Duration;

use store::{StoreError, beside};

use crate::consumer::Consumer;
use crate::handle::ServiceHandle;
use crate::service::ProjectionEntry;
use crate::status::ConsumerState;
use crate::writer::ConsumerKind;

/// How long to wait when the store or the source is away.
const AWAY: Duration = Duration::from_millis(250);

/// Begins to build a view anew; `false` when that is under way already. One that has halted on the way begins from the first event.
pub(crate) async fn begin(service: &ServiceHandle, view: &ProjectionEntry) -> Result<bool, StoreError> {
    let _alone = service.system.rebuilding.lock().await;
    let state = service.watch_consumer(&beside(&view.table()), view.source);
    let is_anew = service.views().is_anew(service.name(), view.name);
    if is_anew && !state.is_halted() {
        return Ok(false);
    }
    service.store().begin_rebuild(service.name(), &view.table()).await?;
    tracing::info!(service = service.name(), view = view.name, version = view.version, "a view is built anew beside itself");
    if is_anew {
        state.reach(&[]);
        state.revive();
        service.system.drive(consumer(service, view).run());
    } else {
        follow(service, view);
    }
    Ok(true)
}

/// Goes on building a view anew from where that stands.
pub(crate) fn follow(service: &ServiceHandle, view: &ProjectionEntry) {
    if service.views().begin_anew(service.name(), view.name) {
        let consumer = consumer(service, view);
        let state = service.watch_consumer(&beside(&view.table()), view.source);
        service.system.drive(consumer.run());
        service.system.drive(replace_when_caught_up(service.clone(), view.name, state));
    }
}

fn consumer(service: &ServiceHandle, view: &ProjectionEntry) -> Consumer {
    Consumer::new(service.clone(), beside(&view.table()), ConsumerKind::Anew(view.name), view.source)
}

/// Follows a view again that has halted; `false` when it has not.
pub(crate) fn retry(service: &ServiceHandle, view: &ProjectionEntry) -> bool {
    let revive = |name: String, kind: ConsumerKind| {
        let halted = service.watch_consumer(&name, view.source).revive();
        if halted {
            service.system.drive(Consumer::new(service.clone(), name, kind, view.source).run());
        }
        halted
    };
    let live = revive(view.table(), ConsumerKind::View(view.name));
    let anew = service.views().is_anew(service.name(), view.name) && revive(beside(&view.table()), ConsumerKind::Anew(view.name));
    live || anew
}

/// Waits until what is built anew has caught up with its source, then puts it in the place of what was served.
async fn replace_when_caught_up(service: ServiceHandle, name: &'static str, state: Arc<ConsumerState>) {
    let Some(view) = service.service().projections.iter().find(|view| view.name == name) else { return };
    let mut positions = state.positions.subscribe();
    loop {
        match service.feeds().heads(view.source).await {
            Ok(heads) if state.status(&heads).behind == 0 && !positions.borrow_and_update().is_empty() => break,
            Ok(_) => {
                if positions.changed().await.is_err() {
                    return;
                }
            }
            // The view's consumer waits for the same, and says so.
            Err(_) => service.clock().sleep(AWAY).await,
        }
    }
    let _alone = service.system.rebuilding.lock().await;
    // From here on nothing more is folded into it; what comes meanwhile is folded in once it has its place.
    service.views().end_anew(service.name(), view.name);
    while let Err(error) = service.store().finish_rebuild(service.name(), &view.table()).await {
        tracing::warn!(service = service.name(), view = view.name, %error, "a view cannot be put in its place yet");
        service.clock().sleep(AWAY).await;
    }
    service.system.following.tell(service.name(), view.collection);
    service.forget_consumer(&state);
    let served = service.watch_consumer(&view.table(), view.source);
    served.moved.send_replace(());
    // What had halted it may have been in its rows; if it is in an event, it halts again.
    retry(&service, view);
    tracing::info!(service = service.name(), view = view.name, version = view.version, "a view was built anew");
}
