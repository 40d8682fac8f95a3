use calls::Transport;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use kernel::{CallError, Money};

use crate::Checkout;

/// Whoever takes money for us. It answers the calls of [`api`](crate::api), and tells what it has done.
pub trait Provider: Transport {
    /// What it is called, in settings and lists.
    fn name(&self) -> &'static str;

    /// What it knows of payments and refunds in the time `[from, until)`, oldest first.
    ///
    /// This is for the daily reconciliation, and may take a minute.
    ///
    /// # Errors
    /// [`CallError`], when it cannot be asked now.
    fn transactions(&self, from: Timestamp, until: Timestamp) -> BoxFuture<'_, Result<Vec<Transaction>, CallError>>;

    /// Whether this payment is one of this order and this amount, which a guest has agreed to or paid. What a notice or a browser says is
    /// looked up by this before anything is done about it, since anybody can say anything.
    ///
    /// # Errors
    /// [`CallError`], when it cannot be asked now.
    fn has_agreed<'a>(&'a self, order: &'a str, amount: Money, payment: &'a str) -> BoxFuture<'a, Result<bool, CallError>>;

    /// The page, in HTML, on which a guest pays in a browser: what stands at the address that
    /// [`Charged::Pending`](crate::api::Charged::Pending) names.
    fn checkout_page(&self, checkout: &Checkout) -> String;
}

/// Money that went one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// For which order.
    pub order: String,
    /// The provider's name of the payment.
    pub payment: String,
    /// Which way it went.
    pub kind: TransactionKind,
    /// How much, never negative.
    pub amount: Money,
    /// When.
    pub at: Timestamp,
    /// Whether it went at all.
    pub status: Status,
}

/// Which way money went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionKind {
    /// From the guest to us.
    Payment,
    /// From us to the guest.
    Refund,
}

/// Whether money has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has.
    Done,
    /// It may yet.
    Pending,
    /// It has not, and will not.
    Failed,
}
