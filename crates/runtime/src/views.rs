//! The change of a view from an old version to a new one.

use std::sync::Arc;
use std::time::Duration;

use crate::handle::ServiceHandle;
use crate::status::ConsumerState;

/// How long to wait when the store or the source is away.
const AWAY: Duration = Duration::from_millis(250);

/// Waits until the new version of a view has caught up with its source, then serves it in place of the old one.
pub(crate) async fn switch_when_caught_up(service: ServiceHandle, name: &'static str, state: Arc<ConsumerState>) {
    let Some(view) = service.service().projections.iter().find(|view| view.name == name) else { return };
    let mut positions = state.positions.subscribe();
    loop {
        let caught_up = match service.feeds().heads(view.source).await {
            Ok(heads) => state.status(&heads).behind == 0 && !positions.borrow_and_update().is_empty(),
            // The view's consumer waits for the same, and says so.
            Err(_) => {
                service.clock().sleep(AWAY).await;
                continue;
            }
        };
        if caught_up {
            match service.store().switch_view(service.name(), view.collection, view.version).await {
                Ok(()) => {
                    service.views().serve(service.name(), view);
                    service.system.following.tell(service.name(), view.collection);
                    tracing::info!(service = service.name(), view = name, version = view.version, "a view is served in a new version");
                    return;
                }
                Err(error) => {
                    tracing::warn!(service = service.name(), view = name, %error, "a view cannot be switched yet");
                    service.clock().sleep(AWAY).await;
                    continue;
                }
            }
        }
        if positions.changed().await.is_err() {
            return;
        }
    }
}
