//! Toss Payments, by its core API of HTTPS and JSON.
//!
//! What its public documentation says, and this relies on:
//!
//! - A guest pays in a window that the SDK opens in the browser, with the client key. No documented call of the core API makes a
//!   link to that window, so the link of a charge leads to a page of ours that opens it ([`page`]). Nothing is known at Toss before
//!   that, so a charge asks Toss nothing.
//! - The browser comes back with a `paymentKey`, and `POST /v1/payments/confirm` takes the money: within ten minutes, and only if
//!   order and amount are those with which the window was opened.
//! - A `POST` is done once for its `Idempotency-Key`, for 15 days; the same again is answered the same, errors included, and with
//!   `IDEMPOTENT_REQUEST_PROCESSING` while the first is under way.
//! - `POST /v1/payments/{paymentKey}/cancel` gives money back; with `refundableAmount` only if just that much is left.
//! - `GET /v1/payments/{paymentKey}` and `/v1/payments/orders/{orderId}` tell how a payment stands, with what was given back of it.
//!
//! Toss is asked how a payment stands before anything is done to it. So keys that Toss has forgotten do no harm, and what was given
//! back is not taken for paid because an old answer is repeated.

mod acts;
mod api;
mod closed;
mod page;
mod settings;
mod transactions;
mod verdict;
mod webhook;
mod wire;

use calls::{Act, Envelope, Transport};
use clock::SharedClock;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use kernel::{CallError, Money};

use crate::asked::{Asked, refunds_stand, unavailable};
use crate::{Checkout, Provider, Transaction};
use api::Api;
use closed::Closed;
pub use settings::{SecretKey, TossError, TossSettings};
pub use webhook::Notice;

/// The provider that most Korean shops use.
///
/// It takes won, by card. The secret key is in no log, no error and no `Debug`.
pub struct Toss {
    api: Api,
    clock: SharedClock,
    client_key: String,
    checkout: String,
    /// When this process began to ask, which tells its requests from those of the processes before it.
    started: Timestamp,
    closed: Closed,
}

impl Toss {
    /// One that asks with these settings.
    ///
    /// # Errors
    /// [`TossError`] says what is wrong with them.
    pub fn new(settings: TossSettings, clock: SharedClock) -> Result<Self, TossError> {
        let TossSettings { base, secret_key, client_key, checkout } = settings;
        let api = Api::new(&base, &secret_key)?;
        let started = clock.now();
        Ok(Self { api, clock, client_key, checkout: checkout.trim_end_matches('/').into(), started, closed: Closed::default() })
    }

    async fn answer(&self, asked: &Asked, envelope: &Envelope) -> Result<String, CallError> {
        if matches!(envelope.act, Act::Do(_)) && envelope.deadline < self.clock.now() {
            return Err(unavailable("its deadline has passed"));
        }
        match (asked, &envelope.act) {
            (Asked::Charge(charge), Act::Do(key) | Act::Recall(key)) => self.charge(charge, key),
            (Asked::Charge(charge), Act::Cancel(key)) => self.cancel_charge(charge, key).await,
            (Asked::Approve(approve), Act::Do(key)) => self.approve(approve, key).await,
            (Asked::Approve(approve), Act::Recall(key)) => self.recall_approve(approve, key).await,
            (Asked::Approve(approve), Act::Cancel(key)) => self.cancel_approve(approve, key).await,
            (Asked::Refund(refund), Act::Do(key) | Act::Recall(key)) => self.refund(refund, key).await,
            (Asked::Refund(_), Act::Cancel(_)) => Err(refunds_stand()),
        }
    }
}

impl Transport for Toss {
    fn send<'a>(&'a self, envelope: Envelope) -> BoxFuture<'a, Result<String, CallError>> {
        Box::pin(async move {
            let asked = Asked::read(&envelope)?;
            self.answer(&asked, &envelope).await
        })
    }
}

impl Provider for Toss {
    fn name(&self) -> &'static str {
        "toss"
    }

    fn transactions(&self, from: Timestamp, until: Timestamp) -> BoxFuture<'_, Result<Vec<Transaction>, CallError>> {
        Box::pin(transactions::between(&self.api, &*self.clock, from, until))
    }

    fn has_agreed<'a>(&'a self, order: &'a str, amount: Money, payment: &'a str) -> BoxFuture<'a, Result<bool, CallError>> {
        Box::pin(self.agreed(order, amount, payment))
    }

    fn checkout_page(&self, checkout: &Checkout) -> String {
        page::render(&self.client_key, checkout)
    }
}
