//! `/deposits`: what became of them, and trying once more to give one back.

use edge::contract::changes;
use edge::{Incoming, Reply, Routes, Who};

use super::domain::{Command, Deposit};
use super::views::DepositRow;
use crate::{PAID_BY, Settings};

/// The routes of the service. Nobody else writes to a deposit: it follows its reservation, and what the payment provider says.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    let retries = changes::<DepositRow>("Try again to give back a deposit that the provider refused to").refuses(NOT_RETRIED);
    routes.resource::<DepositRow>(Who::EachTheirOwn(PAID_BY)).post("/deposits/{id}/refund", Who::Operator, retries, retry)
}

/// Why giving back is not tried again.
const NOT_RETRIED: &[&str] = &["refund-not-due"];

/// Has the provider asked once more. Where it is being asked, or has given the money back meanwhile, nothing happens.
async fn retry(incoming: Incoming, (): ()) -> Reply {
    let row = incoming.row::<DepositRow>().await?;
    incoming.command::<DepositRow, Deposit>(&incoming.caller()?, &row.id, Command::Retry).await
}
