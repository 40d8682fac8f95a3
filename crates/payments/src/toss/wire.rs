//! What Toss Payments sends and is sent. Only those fields are here that something is decided by; it may add others at any time.

use jiff::Timestamp;
use kernel::{Currency, Money};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An error.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    pub(super) code: String,
}

/// A payment.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payment {
    pub(super) payment_key: String,
    pub(super) order_id: String,
    pub(super) status: PaymentStatus,
    pub(super) currency: String,
    total_amount: Box<RawValue>,
    balance_amount: Box<RawValue>,
    pub(super) approved_at: Option<Timestamp>,
    #[serde(default)]
    cancels: Option<Vec<Cancel>>,
    #[serde(default)]
    pub(super) failure: Option<Said>,
}

/// How a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum PaymentStatus {
    Ready,
    InProgress,
    WaitingForDeposit,
    Done,
    Canceled,
    PartialCanceled,
    Aborted,
    Expired,
    /// One that is not documented yet.
    #[serde(other)]
    Unknown,
}

/// Money that was given back.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cancel {
    pub(super) cancel_reason: String,
    pub(super) canceled_at: Timestamp,
    #[serde(default)]
    cancel_status: Option<String>,
}

impl Payment {
    /// How much was paid; nothing when it is of a currency that we do not take.
    pub(super) fn total(&self) -> Option<Money> {
        money(&self.total_amount, &self.currency)
    }

    /// How much of it can still be given back.
    pub(super) fn balance(&self) -> Option<Money> {
        money(&self.balance_amount, &self.currency)
    }

    /// What was given back for a reason that ends like this.
    pub(super) fn given_back(&self, mark: &str) -> Option<&Cancel> {
        self.done().find(|cancel| cancel.cancel_reason.ends_with(mark))
    }

    /// What was given back last.
    pub(super) fn last_given_back(&self) -> Option<&Cancel> {
        self.done().max_by_key(|cancel| cancel.canceled_at)
    }

    fn done(&self) -> impl Iterator<Item = &Cancel> {
        self.cancels.iter().flatten().filter(|cancel| cancel.cancel_status.as_deref().is_none_or(|status| status == "DONE"))
    }
}

/// An amount of theirs, which is a decimal number of whole units, as ours. It is never a float on the way.
pub(super) fn money(amount: &RawValue, currency: &str) -> Option<Money> {
    let currency = match currency {
        "KRW" => Currency::Krw,
        "USD" => Currency::Usd,
        "EUR" => Currency::Eur,
        _ => return None,
    };
    Money::parse(amount.get(), currency).ok()
}

/// `POST /v1/payments/confirm`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Confirm<'a> {
    pub(super) payment_key: &'a str,
    pub(super) order_id: &'a str,
    /// In won, which have no minor unit.
    pub(super) amount: i64,
}

/// `POST /v1/payments/{paymentKey}/cancel`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GiveBack {
    pub(super) cancel_reason: String,
    pub(super) cancel_amount: i64,
    /// What must be left for it to be done at all.
    pub(super) refundable_amount: i64,
}

/// A movement of money, in the list of them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Movement {
    pub(super) transaction_key: String,
    pub(super) payment_key: String,
    pub(super) order_id: String,
    pub(super) status: PaymentStatus,
    pub(super) transaction_at: Timestamp,
    pub(super) currency: String,
    pub(super) amount: Box<RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        let check = |amount: &str, currency, minor| {
            let raw = RawValue::from_string(amount.into()).unwrap();
            assert_eq!(money(&raw, currency).map(|money| money.minor), minor, "{amount} {currency}");
        };
        check("15000", "KRW", Some(15_000));
        check("-15000", "KRW", Some(-15_000));
        check("12.34", "USD", Some(1234));
        check("9007199254740993", "KRW", Some(9_007_199_254_740_993));
        check("0.5", "KRW", None);
        check("100", "JPY", None);
        check("\"100\"", "KRW", None);
    }

    #[test]
    fn what_is_new_at_toss_is_read_all_the_same() {
        let json = r#"{"paymentKey": "p", "orderId": "order-1", "status": "BRAND_NEW", "currency": "KRW", "totalAmount": 1, "balanceAmount": 1,
            "approvedAt": "2026-11-24T10:00:00+09:00", "cancels": null, "failure": null, "more": {"of": "it"}}"#;
        let payment: Payment = serde_json::from_str(json).unwrap();
        assert_eq!(payment.status, PaymentStatus::Unknown);
        assert_eq!(payment.approved_at.unwrap().to_string(), "2026-11-24T01:00:00Z");
    }
}
