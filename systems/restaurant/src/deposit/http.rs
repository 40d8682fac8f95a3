//! `/deposits`: what became of them.

use edge::{Routes, Who};

use super::views::DepositRow;
use crate::Settings;

/// The routes of the service. Nobody writes to a deposit: it follows its reservation, and what the payment provider says.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    routes.resource::<DepositRow>(Who::Anyone)
}
