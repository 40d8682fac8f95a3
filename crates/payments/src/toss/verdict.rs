//! What the error codes of Toss Payments mean for us, as its documentation lists them for confirming and cancelling.
//!
//! What is listed here is certain. Everything else, codes that are not written yet among them, is an answer all the same, unless its status
//! says that there was none: how the payment stands then tells what has happened.

/// What a code means that a confirmation is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confirming {
    /// It is not paid, and will not be: the card, the account or their issuer says no.
    Declined,
    /// It is not paid: no such payment is under way, or no longer.
    NotFound,
    /// It is not paid: the window was opened for another order or amount, or the order was paid before.
    Mismatch,
    /// It is not paid, because Toss does not take our word; an operator has to see to it.
    NotUs,
    /// It was answered, and how the payment stands has to tell what was meant.
    Open,
    /// Toss cannot answer now.
    Away,
}

/// What a code means that giving back is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GivingBack {
    /// It is not given back, and will not be this way.
    Refused,
    /// It may have been given back already, or other than we believe: look.
    Look,
    /// It is not given back, because Toss does not take our word; an operator has to see to it.
    NotUs,
    /// It was answered, and the next try has to show what was meant.
    Open,
    /// Toss cannot answer now.
    Away,
}

const NOT_US: &[&str] = &["UNAUTHORIZED_KEY", "INVALID_API_KEY", "INCORRECT_BASIC_AUTH_FORMAT", "NOT_FOUND_TERMINAL_ID"];

const DECLINED: &[&str] = &[
    "EXCEED_MAX_CARD_INSTALLMENT_PLAN",
    "NOT_ALLOWED_POINT_USE",
    "INVALID_REJECT_CARD",
    "BELOW_MINIMUM_AMOUNT",
    "INVALID_CARD_EXPIRATION",
    "INVALID_STOPPED_CARD",
    "EXCEED_MAX_DAILY_PAYMENT_COUNT",
    "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT",
    "INVALID_CARD_INSTALLMENT_PLAN",
    "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN",
    "EXCEED_MAX_PAYMENT_AMOUNT",
    "INVALID_AUTHORIZE_AUTH",
    "INVALID_CARD_LOST_OR_STOLEN",
    "RESTRICTED_TRANSFER_ACCOUNT",
    "INVALID_CARD_NUMBER",
    "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT",
    "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT",
    "EXCEED_MAX_AMOUNT",
    "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT",
    "INVALID_ACCOUNT_INFO_RE_REGISTER",
    "NOT_AVAILABLE_PAYMENT",
    "REJECT_ACCOUNT_PAYMENT",
    "REJECT_CARD_PAYMENT",
    "REJECT_CARD_COMPANY",
    "REJECT_TOSSPAY_INVALID_ACCOUNT",
    "EXCEED_MAX_AUTH_COUNT",
    "EXCEED_MAX_ONE_DAY_AMOUNT",
    "NOT_AVAILABLE_BANK",
    "INVALID_PASSWORD",
    "FDS_ERROR",
];

const NOT_FOUND: &[&str] = &["NOT_FOUND_PAYMENT", "NOT_FOUND_PAYMENT_SESSION"];

const MISMATCH: &[&str] = &["INVALID_REQUEST", "FORBIDDEN_REQUEST", "DUPLICATED_ORDER_ID", "UNAPPROVED_ORDER_ID"];

/// Codes of giving back that may mean that it has been done before, or that something else was.
const LOOK: &[&str] = &[
    "ALREADY_CANCELED_PAYMENT",
    "ALREADY_REFUND_PAYMENT",
    "NOT_CANCELABLE_PAYMENT",
    "NOT_CANCELABLE_AMOUNT",
    "NOT_MATCHES_REFUNDABLE_AMOUNT",
];

const NOT_GIVEN_BACK: &[&str] = &[
    "INVALID_REQUEST",
    "FORBIDDEN_REQUEST",
    "REFUND_REJECTED",
    "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT",
    "EXCEED_CANCEL_LIMIT",
    "EXCEED_MAX_REFUND_DUE",
    "INVALID_BANK",
    "INVALID_REFUND_ACCOUNT_INFO",
    "INVALID_REFUND_ACCOUNT_NUMBER",
    "FORBIDDEN_BANK_REFUND_REQUEST",
    "NOT_ALLOWED_PARTIAL_REFUND",
    "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT",
    "NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER",
];

/// Whether a code says that there is no such payment.
pub(super) fn is_not_found(code: &str) -> bool {
    NOT_FOUND.contains(&code)
}

/// Whether a code says that Toss does not take our word.
pub(super) fn is_not_us(code: &str) -> bool {
    NOT_US.contains(&code)
}

/// Whether a status says that nothing was decided that could be told: whatever is said with it, a fault of theirs is no decision, and neither
/// is to be asked too often.
const fn is_away(status: u16) -> bool {
    status >= 500 || status == 408 || status == 429
}

pub(super) fn confirming(status: u16, code: &str) -> Confirming {
    match code {
        _ if is_away(status) => Confirming::Away,
        _ if is_not_us(code) => Confirming::NotUs,
        _ if DECLINED.contains(&code) => Confirming::Declined,
        _ if is_not_found(code) => Confirming::NotFound,
        _ if MISMATCH.contains(&code) => Confirming::Mismatch,
        _ => Confirming::Open,
    }
}

pub(super) fn giving_back(status: u16, code: &str) -> GivingBack {
    match code {
        _ if is_away(status) => GivingBack::Away,
        _ if is_not_us(code) => GivingBack::NotUs,
        _ if LOOK.contains(&code) => GivingBack::Look,
        _ if NOT_GIVEN_BACK.contains(&code) => GivingBack::Refused,
        _ => GivingBack::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certain_is_decided() {
        let check = |status, code, means| assert_eq!(confirming(status, code), means, "{status} {code}");
        check(403, "REJECT_CARD_PAYMENT", Confirming::Declined);
        check(404, "NOT_FOUND_PAYMENT_SESSION", Confirming::NotFound);
        check(403, "FORBIDDEN_REQUEST", Confirming::Mismatch);
        check(401, "UNAUTHORIZED_KEY", Confirming::NotUs);
        check(400, "PROVIDER_ERROR", Confirming::Open);
        check(400, "CARD_PROCESSING_ERROR", Confirming::Open);
        check(400, "ALREADY_PROCESSED_PAYMENT", Confirming::Open);
        check(409, "IDEMPOTENT_REQUEST_PROCESSING", Confirming::Open);
        check(500, "UNKNOWN_PAYMENT_ERROR", Confirming::Away);
        check(502, "REJECT_CARD_PAYMENT", Confirming::Away);
        check(429, "TOO_MANY_REQUESTS", Confirming::Away);
        check(400, "A_CODE_OF_TOMORROW", Confirming::Open);
    }

    #[test]
    fn what_may_have_been_given_back_is_looked_at() {
        let check = |status, code, means| assert_eq!(giving_back(status, code), means, "{status} {code}");
        check(400, "ALREADY_CANCELED_PAYMENT", GivingBack::Look);
        check(403, "NOT_CANCELABLE_PAYMENT", GivingBack::Look);
        check(403, "EXCEED_MAX_REFUND_DUE", GivingBack::Refused);
        check(401, "UNAUTHORIZED_KEY", GivingBack::NotUs);
        check(400, "PROVIDER_ERROR", GivingBack::Open);
        check(403, "FORBIDDEN_CONSECUTIVE_REQUEST", GivingBack::Open);
        check(403, "NOT_AVAILABLE_BANK", GivingBack::Open);
        check(400, "A_CODE_OF_TOMORROW", GivingBack::Open);
        check(500, "FAILED_REFUND_PROCESS", GivingBack::Away);
    }
}
