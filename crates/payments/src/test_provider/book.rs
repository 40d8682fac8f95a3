use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use kernel::{Money, Refused};
use serde::{Deserialize, Serialize};

use crate::{Status, Transaction, TransactionKind};

/// What an amount means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    Pay,
    Decline,
    Vanish,
    Late,
    FailOnce,
}

impl Meant {
    pub(super) const fn by(amount: Money) -> Self {
        match amount.minor % 1000 {
            402 => Self::Decline,
            408 => Self::Vanish,
            202 => Self::Late,
            503 => Self::FailOnce,
            _ => Self::Pay,
        }
    }

    /// A refund that is declined or lost for ever would only ever be repeated.
    pub(super) const fn for_a_refund(self) -> Self {
        match self {
            Self::Decline | Self::Vanish | Self::Pay => Self::Pay,
            Self::Late | Self::FailOnce => self,
        }
    }
}

/// Something that has happened, as a line of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "camelCase")]
pub(super) enum Entry {
    /// A try that found nobody, on purpose.
    Tried { key: String },
    /// It was refused.
    Refused { key: String, refused: Refused },
    /// A guest can pay in a browser.
    Opened { key: String, order: String, payment: String, amount: Money, until: Timestamp, at: Timestamp },
    /// It was paid.
    Paid { key: String, order: String, payment: String, amount: Money, at: Timestamp },
    /// Something was given back.
    Refunded { key: String, payment: String, amount: Money, at: Timestamp },
    /// A refund asked for what was given back before.
    GivenBackBefore { key: String, at: Timestamp },
    /// A call was cancelled, and `back` given back.
    Cancelled { key: String, back: Option<Back>, at: Timestamp },
}

/// What is left of a payment, to be given back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Back {
    payment: String,
    amount: Money,
}

/// What came of a call.
#[derive(Clone, Debug)]
pub(super) enum Came {
    Tried,
    Refused(Refused),
    Opened { payment: String },
    Paid { payment: String, at: Timestamp },
    Refunded { at: Timestamp },
    Cancelled,
}

/// What a guest can pay in a browser.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) order: String,
    pub(super) amount: Money,
    pub(super) until: Timestamp,
    pub(super) is_closed: bool,
}

/// A payment in the test provider's book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its name.
    pub payment: String,
    /// What was paid.
    pub order: String,
    /// How much.
    pub amount: Money,
    /// When.
    pub at: Timestamp,
    /// What was given back, and when, oldest first.
    pub refunds: Vec<(Money, Timestamp)>,
}

impl Payment {
    /// How much of it is still there.
    pub fn left(&self) -> Money {
        let refunded: i64 = self.refunds.iter().map(|(amount, _)| amount.minor).sum();
        Money { minor: self.amount.minor - refunded, ..self.amount }
    }
}

/// What the test provider has done, as its entries make it.
#[derive(Clone, Debug, Default)]
pub struct Book {
    keys: HashMap<String, Came>,
    sessions: BTreeMap<String, Session>,
    payments: BTreeMap<String, Payment>,
    /// How many payments were given a name.
    named: u64,
}

impl Book {
    /// Everything that was ever paid, by the names of the payments.
    pub fn payments(&self) -> impl Iterator<Item = &Payment> {
        self.payments.values()
    }

    /// The payments of which something is still there.
    pub fn standing(&self) -> impl Iterator<Item = &Payment> {
        self.payments().filter(|payment| payment.left().minor != 0)
    }

    /// The payments for an order of which something is still there.
    pub fn standing_for(&self, order: &str) -> impl Iterator<Item = &Payment> {
        self.standing().filter(move |payment| payment.order == order)
    }

    /// How much is kept in all, in minor units. Currencies are added up as if they were one.
    pub fn kept(&self) -> i64 {
        self.payments().map(|payment| payment.left().minor).sum()
    }

    /// How much is kept for an order, in minor units.
    pub fn kept_for(&self, order: &str) -> i64 {
        self.standing_for(order).map(|payment| payment.left().minor).sum()
    }

    /// The name that a browser brings back when the guest agrees to pay this order.
    pub fn payable(&self, order: &str) -> Option<&str> {
        let mut open = self.sessions.iter().filter(|(_, session)| session.order == order && !session.is_closed);
        open.next_back().map(|(payment, _)| payment.as_str())
    }

    pub(super) fn payment(&self, payment: &str) -> Option<&Payment> {
        self.payments.get(payment)
    }

    pub(super) fn session(&self, payment: &str) -> Option<&Session> {
        self.sessions.get(payment)
    }

    pub(super) fn came(&self, key: &str) -> Option<&Came> {
        self.keys.get(key)
    }

    pub(super) fn was_tried(&self, key: &str) -> bool {
        matches!(self.came(key), Some(Came::Tried))
    }

    /// What is left of a payment, if anything is.
    pub(super) fn left(&self, payment: &str) -> Option<Back> {
        let left = self.payment(payment)?.left();
        (left.minor > 0).then(|| Back { payment: payment.into(), amount: left })
    }

    /// The name of the next payment. They sort as they were given.
    pub(super) fn next_payment(&self) -> String {
        format!("test-{:010}", self.named + 1)
    }

    pub(super) fn transactions(&self) -> Vec<Transaction> {
        let mut transactions = Vec::new();
        for Payment { payment, order, amount, at, refunds } in self.payments.values() {
            let mut add = |kind, amount, at| {
                transactions.push(Transaction { order: order.clone(), payment: payment.clone(), kind, amount, at, status: Status::Done });
            };
            add(TransactionKind::Payment, *amount, *at);
            refunds.iter().for_each(|(amount, at)| add(TransactionKind::Refund, *amount, *at));
        }
        transactions.sort_by_key(|transaction| transaction.at);
        transactions
    }

    pub(super) fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Tried { key } => drop(self.keys.insert(key, Came::Tried)),
            Entry::Refused { key, refused } => drop(self.keys.insert(key, Came::Refused(refused))),
            Entry::Opened { key, order, payment, amount, until, at: _ } => {
                self.named += 1;
                self.sessions.insert(payment.clone(), Session { order, amount, until, is_closed: false });
                self.keys.insert(key, Came::Opened { payment });
            }
            Entry::Paid { key, order, payment, amount, at } => {
                match self.sessions.get_mut(&payment) {
                    Some(session) => session.is_closed = true,
                    None => self.named += 1,
                }
                self.payments.insert(payment.clone(), Payment { payment: payment.clone(), order, amount, at, refunds: Vec::new() });
                self.keys.insert(key, Came::Paid { payment, at });
            }
            Entry::Refunded { key, payment, amount, at } => {
                self.give_back(&payment, amount, at);
                self.keys.insert(key, Came::Refunded { at });
            }
            Entry::GivenBackBefore { key, at } => drop(self.keys.insert(key, Came::Refunded { at })),
            Entry::Cancelled { key, back, at } => {
                if let Some(Back { payment, amount }) = back {
                    self.give_back(&payment, amount, at);
                }
                if let Some(Came::Opened { payment }) = self.keys.insert(key, Came::Cancelled)
                    && let Some(session) = self.sessions.get_mut(&payment)
                {
                    session.is_closed = true;
                }
            }
        }
    }

    fn give_back(&mut self, payment: &str, amount: Money, at: Timestamp) {
        if let Some(payment) = self.payments.get_mut(payment) {
            payment.refunds.push((amount, at));
        }
    }
}
