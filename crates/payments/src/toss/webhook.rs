use serde::Deserialize;

use crate::api::{is_name, is_order};

/// That something may have happened to a payment: the webhook `PAYMENT_STATUS_CHANGED`.
///
/// It is not signed, so anybody can send it, and nothing in it is believed. It is a reason to look, no more: whoever waits for the
/// payment of that order goes on with `Approve`, which asks Toss itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Which order to look at.
    pub order: String,
    /// What its payment may be called.
    pub payment: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    event_type: String,
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    payment_key: String,
    order_id: String,
}

impl Notice {
    /// Reads the body of a webhook. Any other event, and whatever cannot be one, is nothing.
    pub fn read(body: &[u8]) -> Option<Self> {
        let Event { event_type, data } = serde_json::from_slice(body).ok()?;
        let can_be = event_type == "PAYMENT_STATUS_CHANGED" && is_order(&data.order_id) && is_payment(&data.payment_key);
        can_be.then_some(Self { order: data.order_id, payment: data.payment_key })
    }
}

/// Whether Toss can have given this name to a payment.
pub(super) fn is_payment(text: &str) -> bool {
    (1..=200).contains(&text.len()) && is_name(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_says_where_to_look_and_nothing_else() {
        let check = |kind: &str, order: &str, payment: &str, is_read: bool| {
            let data = serde_json::json!({ "paymentKey": payment, "orderId": order, "status": "DONE", "totalAmount": 1 });
            let body = serde_json::json!({ "eventType": kind, "createdAt": "2026-11-24T10:00:00.000000", "data": data }).to_string();
            let notice = is_read.then(|| Notice { order: order.into(), payment: payment.into() });
            assert_eq!(Notice::read(body.as_bytes()), notice, "{body}");
        };
        check("PAYMENT_STATUS_CHANGED", "order-1", "tviva_1", true);
        check("CANCEL_STATUS_CHANGED", "order-1", "tviva_1", false);
        check("PAYMENT_STATUS_CHANGED", "no", "tviva_1", false);
        check("PAYMENT_STATUS_CHANGED", "order-1", "../orders/order-2", false);
        check("PAYMENT_STATUS_CHANGED", "order-1", "", false);
        assert_eq!(Notice::read(b"{}"), None);
        assert_eq!(Notice::read(b"\xff"), None);
    }
}
