//! The calls that every provider answers, and their replies.

use std::time::Duration;

use jiff::Timestamp;
use kernel::{Call, Money};
use serde::{Deserialize, Serialize};

/// The service under which providers are called.
pub const PAYMENTS: &str = "payments";

/// Asks for money. It is paid at once, or by the guest in a browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Charge {
    /// What is paid, by our own name: 6 to 64 letters, digits, `-` and `_` (see [`is_order`]).
    pub order: String,
    /// How much, more than nothing.
    pub amount: Money,
    /// What the guest reads beside the amount.
    pub title: String,
    /// Until when it can be paid. Who keeps track of it is the caller; not every provider does.
    pub until: Timestamp,
}

/// What came of a [`Charge`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "camelCase")]
pub enum Charged {
    /// It is paid.
    #[serde(rename_all = "camelCase")]
    Paid {
        /// The provider's name of the payment.
        payment: String,
        /// When it was paid.
        at: Timestamp,
    },
    /// The guest has to pay it in a browser; [`Approve`] is what takes the money then.
    #[serde(rename_all = "camelCase")]
    Pending {
        /// The page on which that is done.
        checkout: String,
    },
}

impl Call for Charge {
    const SERVICE: &'static str = PAYMENTS;
    const NAME: &'static str = "charge";
    const DEADLINE: Duration = Duration::from_millis(400);
    type Reply = Charged;
}

/// Takes the money that a guest has agreed to pay in a browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approve {
    /// What is paid: the order of the charge.
    pub order: String,
    /// How much: the amount of the charge, not what the browser says.
    pub amount: Money,
    /// The provider's name of the payment, as the guest's browser brought it. Nothing of it is trusted.
    pub payment: String,
}

/// It is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Paid {
    /// The provider's name of the payment.
    pub payment: String,
    /// When it was paid.
    pub at: Timestamp,
}

impl Call for Approve {
    const SERVICE: &'static str = PAYMENTS;
    const NAME: &'static str = "approve";
    // A card network takes its time.
    const DEADLINE: Duration = Duration::from_secs(8);
    type Reply = Paid;
}

/// Gives money back, all of a payment or a part of it. It is repeated under the same key until it is answered.
///
/// A refund of all of it, of which nothing is left, is answered as if it had been made, though that was under another key or by a
/// person's hand: so one that was refused can be asked for again without asking whether it has happened meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    /// What was paid.
    pub order: String,
    /// The provider's name of the payment.
    pub payment: String,
    /// How much is given back, more than nothing.
    pub amount: Money,
    /// Why, for whoever reads the provider's list; never with a person's data in it.
    pub reason: String,
}

/// It is given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refunded {
    /// When it was given back.
    pub at: Timestamp,
}

impl Call for Refund {
    const SERVICE: &'static str = PAYMENTS;
    const NAME: &'static str = "refund";
    const DEADLINE: Duration = Duration::from_secs(8);
    type Reply = Refunded;
}

/// Whether a text can name an order: 6 to 64 letters, digits, `-` and `_`, which is what the strictest provider takes.
pub fn is_order(text: &str) -> bool {
    (6..=64).contains(&text.len()) && is_name(text)
}

/// Whether a text is nothing but letters, digits, `-` and `_`, so that it can stand in an address as it is.
pub(crate) fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
