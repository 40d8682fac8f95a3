//! deposit.
//!
//! - [`api`]: what others may know of it

pub mod api;

use edge::Routes;
use runtime::Service;

use crate::Settings;

/// The routes of the service.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    routes
}

/// What the service consists of.
pub(crate) fn service() -> Service {
    Service::new("deposit")
}
