//! The list of what Toss Payments has done.

use std::time::Duration;

use clock::{Clock, timeout};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, offset};
use kernel::{CallError, Money};

use super::acts::troubled;
use super::api::Api;
use super::wire::{Movement, PaymentStatus, money};
use crate::asked::timed_out;
use crate::{Status, Transaction, TransactionKind};

/// How many are asked for at once. Toss gives up to 5000.
const PAGE: usize = 1000;

/// More pages than this are not read: a million transactions are not one shop's.
const PAGES: usize = 1000;

/// How long one page may take, as Toss says.
const PATIENCE: Duration = Duration::from_secs(60);

/// Times in queries are those of Korea, which has no summer time.
const KOREA: Offset = offset(9);

pub(super) async fn between(api: &Api, clock: &dyn Clock, from: Timestamp, until: Timestamp) -> Result<Vec<Transaction>, CallError> {
    let mut transactions = Vec::new();
    let mut after = String::new();
    for _ in 0..PAGES {
        let path = format!("/v1/transactions?startDate={}&endDate={}&limit={PAGE}{after}", civil(from), civil(until));
        let page: Vec<Movement> =
            timeout(clock, PATIENCE, api.get(&path)).await.map_err(|_| timed_out())?.map_err(|trouble| troubled(&trouble))?;
        let is_last = page.len() < PAGE;
        if let Some(last) = page.last() {
            after = format!("&startingAfter={}", last.transaction_key);
        }
        transactions.extend(page.into_iter().filter_map(read));
        if is_last {
            // Queries know whole seconds, and their end may be part of them.
            transactions.retain(|transaction| (from..until).contains(&transaction.at));
            transactions.sort_by_key(|transaction| transaction.at);
            return Ok(transactions);
        }
    }
    tracing::error!(%from, %until, "there are more transactions than are read; ask for a shorter time");
    Err(timed_out())
}

fn civil(at: Timestamp) -> DateTime {
    let civil = KOREA.to_datetime(at);
    civil.with().subsec_nanosecond(0).build().unwrap_or(civil)
}

/// A transaction of theirs as ours; nothing when it is of a currency that we do not take.
fn read(movement: Movement) -> Option<Transaction> {
    let Some(amount) = money(&movement.amount, &movement.currency) else {
        tracing::warn!(payment = movement.payment_key, currency = movement.currency, "a transaction of another currency is left out");
        return None;
    };
    let (kind, status) = match movement.status {
        PaymentStatus::Done => (TransactionKind::Payment, Status::Done),
        PaymentStatus::Canceled | PaymentStatus::PartialCanceled => (TransactionKind::Refund, Status::Done),
        PaymentStatus::Ready | PaymentStatus::InProgress | PaymentStatus::WaitingForDeposit | PaymentStatus::Unknown => {
            (TransactionKind::Payment, Status::Pending)
        }
        PaymentStatus::Aborted | PaymentStatus::Expired => (TransactionKind::Payment, Status::Failed),
    };
    // With which sign a refund stands there is not documented; which way it went is said by its status.
    let amount = Money { minor: amount.minor.saturating_abs(), ..amount };
    Some(Transaction { order: movement.order_id, payment: movement.payment_key, kind, amount, at: movement.transaction_at, status })
}
