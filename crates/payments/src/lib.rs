//! Payments, as a port: what a system asks of whoever takes its money, and who that can be.
//!
//! A provider is an outside system, and is reached exactly as a sibling service is: by the keyed calls of [`api`], through
//! `calls::Client` with its deadline, bound, breaker and trace. What answers them is a [`Provider`]: [`TestProvider`], which is
//! built in and does on purpose whatever can go wrong, or [`Toss`], which speaks to Toss Payments.
//!
//! All of them keep the same promises:
//!
//! - What a call asks for happens once for its key, however often it is sent.
//! - Recalling a call tells what came of it; if nothing has, nothing ever will under its key. Where that is not certain yet (a
//!   confirmation may still be on its way), it is `CallError::Undecided`: ask again later.
//! - Cancelling a [`Charge`](api::Charge) or an [`Approve`](api::Approve) gives back what was paid under its key, whole and once.
//!   Only what is certain is `Ok`; after that nothing is kept under the key, now or later.
//! - A [`Refund`](api::Refund) is only ever repeated. It cannot be cancelled, and recalling it carries it out.

pub mod api;
mod asked;
mod checkout;
mod provider;
mod reconcile;
mod refusals;
mod test_provider;
mod toss;

pub use checkout::Checkout;
pub use provider::{Provider, Status, Transaction, TransactionKind};
pub use reconcile::{Booked, Disagreement, Dispute, Sums, reconcile};
pub use refusals::KOREAN;
pub use test_provider::{Book, NotOpened, Payment, TestProvider};
pub use toss::{Notice, SecretKey, Toss, TossError, TossSettings};
