//! Who takes the guests' money, the pages at which they pay, and whether the provider's book and ours agree.

pub(crate) mod checkout;
mod pages;
pub(crate) mod reconciling;

use std::path::Path;
use std::sync::Arc;

use clock::Clock;
use payments::{Provider, TestProvider, Toss};

use crate::config::{Payments, Settings};
use crate::error::Fatal;
use crate::systems;

/// Who takes the money of a system, if it takes any. The provider that is built in keeps its book in the data directory.
///
/// # Errors
/// When its book, or its secret key, cannot be read.
pub(crate) fn provider(system: &str, settings: &Settings, data: &Path, clock: &Arc<dyn Clock>) -> Result<Option<Arc<dyn Provider>>, Fatal> {
    let Some(book) = systems::book(system) else { return Ok(None) };
    let provider: Arc<dyn Provider> = match &settings.restaurant.payments {
        Payments::Test => {
            let path = data.join(book);
            let provider = TestProvider::open(Arc::clone(clock), &path);
            Arc::new(provider.map_err(|error| Fatal::Failed(format!("{}: {error}", path.display())))?)
        }
        Payments::Toss(toss) => {
            let provider = Toss::new(toss.with_key().map_err(Fatal::Failed)?, Arc::clone(clock));
            Arc::new(provider.map_err(|error| Fatal::Failed(format!("restaurant.payments: {error}")))?)
        }
    };
    tracing::info!(system, provider = provider.name(), "payments go to this provider");
    Ok(Some(provider))
}
