//! What deposits come to, as they are compared with the book of whoever takes the money.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kernel::{Money, Timestamp, misread};
use payments::Booked;
use runtime::SystemHandle;
use store::{Direction, Query, StoreError};

use super::api::DepositStatus;
use super::views::DepositRow;
use crate::reservation::api::ReservationId;

/// A deposit that was paid.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The number of its reservation.
    pub id: ReservationId,
    /// What it is.
    pub status: DepositStatus,
    /// What came of its money.
    pub booked: Booked,
}

impl Entry {
    /// Whether its money is being given back, and not for too long.
    pub fn is_moving(&self) -> bool {
        self.status == DepositStatus::PayCancelRequested && !self.booked.is_owed
    }
}

/// Whoever takes the money gives it back within so long, or somebody has to look why not.
pub const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(3600);

/// How many rows are read at once.
const PAGE: u64 = 1000;

/// How much later than its number a deposit is paid, at most. A guest has ten minutes; the rest is for what a provider takes.
const PAID_AFTER: Duration = Duration::from_secs(24 * 3600);

/// The deposits that were paid since then, by the names of their payments, as they stand at `now`.
///
/// # Errors
/// When the store cannot be read.
pub async fn paid_since(system: &SystemHandle, since: Timestamp, now: Timestamp) -> Result<BTreeMap<String, Entry>, StoreError> {
    let mut found = BTreeMap::new();
    let Some(service) = system.service("deposit") else { return Ok(found) };
    // Numbers grow with time, so what was paid long ago stands behind.
    let enough = since.checked_sub(PAID_AFTER).unwrap_or(Timestamp::MIN);
    for page in 0.. {
        let query = Query { page, size: PAGE, sort: vec![("id", Direction::Descending)], filters: Vec::new() };
        let rows = service.rows::<DepositRow>(&query).await?.rows;
        let is_last = (rows.len() as u64) < PAGE;
        let mut newest = Timestamp::MIN;
        for row in &rows {
            let row: DepositRow = serde_json::from_str(row).map_err(|error| StoreError::Unreadable(misread(&error)))?;
            newest = newest.max(row.paid_at.unwrap_or(Timestamp::MIN));
            found.extend(entry(row, now).filter(|entry| entry.booked.at >= since).map(|entry| (entry.booked.payment.clone(), entry)));
        }
        if is_last || (newest != Timestamp::MIN && newest < enough) {
            break;
        }
    }
    Ok(found)
}

/// The reservations whose money is under way: a saga is open that moves it, or will be at once.
///
/// # Errors
/// When the store cannot be read.
pub async fn under_way(system: &SystemHandle) -> Result<BTreeSet<ReservationId>, StoreError> {
    let sagas = system.unfinished_sagas().await?;
    let numbers = sagas.iter().filter_map(|saga| {
        let (service, saga) = saga.split_once('/')?;
        let (_, key) = saga.split_once('/')?;
        // A refund that is tried again is `7-1`.
        let number = key.split('-').next()?.parse().ok()?;
        ["deposit", "reservation"].contains(&service).then(|| ReservationId::new(number))
    });
    Ok(numbers.collect())
}

fn entry(row: DepositRow, now: Timestamp) -> Option<Entry> {
    let DepositRow { id, amount, status, order, payment, paid_at, refund_due_at, .. } = row;
    let nothing = Money { minor: 0, ..amount };
    let refunded = if status == DepositStatus::PayCanceled { amount } else { nothing };
    // Rows of an older form do not say since when.
    let is_overdue = refund_due_at.or(paid_at).and_then(|at| at.checked_add(GIVEN_BACK_WITHIN).ok()).is_some_and(|due| due < now);
    let is_owed = status == DepositStatus::PayCancelFailed || status == DepositStatus::PayCancelRequested && is_overdue;
    let booked = Booked { order: order?, payment: payment?, paid: amount, refunded, at: paid_at?, is_owed };
    Some(Entry { id, status, booked })
}
