//! Our book beside the provider's, and where they differ.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::fmt;

use jiff::Timestamp;
use kernel::Money;

use crate::{Status, Transaction, TransactionKind};

/// A payment as our own book has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    /// For which order.
    pub order: String,
    /// The provider's name of the payment.
    pub payment: String,
    /// How much was paid.
    pub paid: Money,
    /// How much of it was given back.
    pub refunded: Money,
    /// When it was paid.
    pub at: Timestamp,
    /// Whether the guest is owed it, and the provider refuses to give it back, or has not for too long.
    pub is_owed: bool,
}

/// A payment about which the two books differ. Its text is a sentence for whoever has to look into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// For which order: ours, or if we know of none, the provider's.
    pub order: String,
    /// The provider's name of the payment.
    pub payment: String,
    /// In what they differ.
    pub dispute: Dispute,
    /// What our book has of it, if it has it.
    pub ours: Option<Sums>,
    /// What the provider has of it, if it has it.
    pub theirs: Option<Sums>,
    /// When money was last known to move, on either side: the two have differed since then at the latest.
    pub since: Timestamp,
}

/// What was paid in all, and what of it was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// What was paid.
    pub paid: Money,
    /// What was given back.
    pub refunded: Money,
}

/// In what two books differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dispute {
    /// The provider has taken money of which we do not know.
    OnlyThere {
        /// What it still keeps of it.
        kept: Money,
    },
    /// We believe that it was paid, and the provider has no such payment.
    OnlyHere {
        /// What we believe to have of it.
        kept: Money,
    },
    /// It was paid with another amount.
    OtherAmount {
        /// What our book says.
        ours: Money,
        /// What the provider says.
        theirs: Money,
    },
    /// It was paid for another order.
    OtherOrder {
        /// The order that the provider says.
        theirs: String,
    },
    /// The provider has given back more than we know of.
    RefundedThere {
        /// What our book says.
        ours: Money,
        /// What the provider says.
        theirs: Money,
    },
    /// We believe that more was given back than the provider has: a guest may be waiting for money.
    RefundedHere {
        /// What our book says.
        ours: Money,
        /// What the provider says.
        theirs: Money,
    },
    /// Both have it alike, but the guest is owed it: the provider has not given it back.
    Owed {
        /// What is owed.
        owed: Money,
    },
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { order, payment, dispute, .. } = self;
        write!(f, "Payment {payment} of order {order} ")?;
        match dispute {
            Dispute::OnlyThere { kept } => write!(f, "is not in our book; the provider keeps {} of it.", told(*kept)),
            Dispute::OnlyHere { kept } => write!(f, "is unknown to the provider; our book keeps {} of it.", told(*kept)),
            Dispute::OtherAmount { ours, theirs } => {
                write!(f, "was paid with {} as our book has it, and with {} as the provider has it.", told(*ours), told(*theirs))
            }
            Dispute::OtherOrder { theirs } => write!(f, "was paid for the order {theirs} as the provider has it."),
            Dispute::RefundedThere { ours, theirs } => {
                write!(f, "was refunded by the provider with {}, of which our book knows {}.", told(*theirs), told(*ours))
            }
            Dispute::RefundedHere { ours, theirs } => {
                write!(f, "was refunded with {} as our book has it, of which the provider has given back {}.", told(*ours), told(*theirs))
            }
            Dispute::Owed { owed } => write!(f, "is owed to the guest; the provider has not given back {}.", told(*owed)),
        }
    }
}

fn told(money: Money) -> String {
    format!("{money} {:?}", money.currency).to_uppercase()
}

/// What the provider has of one payment.
struct Theirs<'a> {
    order: &'a str,
    paid: Option<Money>,
    refunded: i64,
    /// When it last moved.
    at: Timestamp,
}

/// Compares our book with what the provider did, payment by payment, in the order of the payments' names.
///
/// `theirs` are all transactions since `since`. What of `ours` was paid before that is not compared, since not all that was
/// refunded of it would be seen; so choose `since` as far back as refunds reach. Money that moves while the two are read looks like a
/// disagreement; read both again before you believe in one.
pub fn reconcile(ours: impl IntoIterator<Item = Booked>, theirs: &[Transaction], since: Timestamp) -> Vec<Disagreement> {
    let (early, ours): (Vec<_>, Vec<_>) = ours.into_iter().partition(|booked| booked.at < since);
    let early: HashSet<String> = early.into_iter().map(|booked| booked.payment).collect();
    let mut ours: BTreeMap<String, Booked> = ours.into_iter().map(|booked| (booked.payment.clone(), booked)).collect();
    let mut sums: BTreeMap<&str, Theirs<'_>> = BTreeMap::new();
    let done = theirs.iter().filter(|transaction| transaction.status == Status::Done);
    for transaction in done.filter(|transaction| !early.contains(&transaction.payment)) {
        let Transaction { order, payment, amount, at, .. } = transaction;
        let sum = sums.entry(payment).or_insert(Theirs { order, paid: None, refunded: 0, at: *at });
        sum.at = sum.at.max(*at);
        match transaction.kind {
            TransactionKind::Payment => {
                let before = sum.paid.map_or(0, |paid| paid.minor);
                sum.paid = Some(Money { minor: before + amount.minor, ..*amount });
            }
            TransactionKind::Refund => sum.refunded += amount.minor,
        }
    }
    let mut disagreements = Vec::new();
    for (payment, theirs) in sums {
        let booked = ours.remove(payment);
        let order = booked.as_ref().map_or(theirs.order, |booked| &booked.order);
        disagreements.extend(disputes(booked.as_ref(), &theirs).into_iter().map(|dispute| Disagreement {
            order: order.to_owned(),
            payment: payment.into(),
            dispute,
            ours: booked.as_ref().map(sums_of),
            theirs: theirs.paid.map(|paid| Sums { paid, refunded: Money { minor: theirs.refunded, ..paid } }),
            since: booked.as_ref().map_or(theirs.at, |booked| booked.at.max(theirs.at)),
        }));
    }
    disagreements.extend(ours.into_values().map(|booked| Disagreement {
        dispute: Dispute::OnlyHere { kept: kept(&booked) },
        ours: Some(sums_of(&booked)),
        theirs: None,
        since: booked.at,
        order: booked.order,
        payment: booked.payment,
    }));
    disagreements.sort_by(|a, b| a.payment.cmp(&b.payment));
    disagreements
}

fn sums_of(booked: &Booked) -> Sums {
    Sums { paid: booked.paid, refunded: booked.refunded }
}

fn kept(booked: &Booked) -> Money {
    Money { minor: booked.paid.minor - booked.refunded.minor, ..booked.paid }
}

fn disputes(ours: Option<&Booked>, theirs: &Theirs<'_>) -> Vec<Dispute> {
    match (ours, theirs.paid) {
        // A refund of what was paid before the time that is compared, and that we do not know of either.
        (None, None) => Vec::new(),
        // Paid and given back: neither side has anything of it, as it is after a call that was cancelled.
        (None, Some(paid)) if paid.minor == theirs.refunded => Vec::new(),
        (None, Some(paid)) => vec![Dispute::OnlyThere { kept: Money { minor: paid.minor - theirs.refunded, ..paid } }],
        (Some(ours), None) => vec![Dispute::OnlyHere { kept: kept(ours) }],
        (Some(ours), Some(paid)) => {
            let mut disputes = Vec::new();
            if ours.order != theirs.order {
                disputes.push(Dispute::OtherOrder { theirs: theirs.order.into() });
            }
            if ours.paid != paid {
                disputes.push(Dispute::OtherAmount { ours: ours.paid, theirs: paid });
            }
            let refunded = Money { minor: theirs.refunded, ..paid };
            match theirs.refunded.cmp(&ours.refunded.minor) {
                Ordering::Greater => disputes.push(Dispute::RefundedThere { ours: ours.refunded, theirs: refunded }),
                Ordering::Less => disputes.push(Dispute::RefundedHere { ours: ours.refunded, theirs: refunded }),
                Ordering::Equal if ours.is_owed => disputes.push(Dispute::Owed { owed: kept(ours) }),
                Ordering::Equal => {}
            }
            disputes
        }
    }
}
