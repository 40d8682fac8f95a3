//! What a provider can say no with. The provider's own code travels in `providerCode`, for whoever looks into it.

use kernel::{Refused, RefusedKind};

/// What the refusals of payments mean in Korean: pairs of the English and the Korean sentence.
pub const KOREAN: &[(&str, &str)] = &[
    (DECLINED, "결제가 승인되지 않았습니다. 다른 결제 수단을 사용해 주세요"),
    (NOT_FOUND, "진행 중인 결제를 찾을 수 없습니다. 시간이 지났을 수 있으니 처음부터 다시 결제해 주세요"),
    (MISMATCH, "이 결제는 해당 주문의 결제가 아니거나 금액이 다릅니다"),
    (CURRENCY, "결제 대행사에서 받지 않는 통화입니다. 가게로 문의해 주세요"),
    (REFUND, "결제 대행사에서 환불을 거절했습니다. 가게로 문의해 주세요"),
];

const DECLINED: &str = "the payment was declined; please use another card";
const NOT_FOUND: &str = "there is no such payment under way; it may have taken too long, so please pay again from the start";
const MISMATCH: &str = "this payment belongs to another order or is about another amount";
const CURRENCY: &str = "the payment provider takes no money in this currency; please ask the shop";
const REFUND: &str = "the payment provider refuses to give the money back; please ask the shop";

/// Whoever pays cannot, with this card or account.
pub(crate) fn declined(provider_code: &str) -> Refused {
    Refused::new(RefusedKind::Conflict, "payment-declined", DECLINED).with("providerCode", provider_code)
}

/// The provider knows of no such payment, or no longer.
pub(crate) fn not_found(provider_code: &str) -> Refused {
    Refused::new(RefusedKind::Conflict, "payment-not-found", NOT_FOUND).with("providerCode", provider_code)
}

/// It is the payment of something else.
pub(crate) fn mismatch(provider_code: &str) -> Refused {
    Refused::new(RefusedKind::Conflict, "payment-mismatch", MISMATCH).with("providerCode", provider_code)
}

/// The provider has no contract for money of this kind, whoever pays.
pub(crate) fn currency_not_taken() -> Refused {
    Refused::new(RefusedKind::Conflict, "currency-not-taken", CURRENCY)
}

/// The money cannot be given back this way; a person has to see to it.
pub(crate) fn refund_refused(provider_code: &str) -> Refused {
    Refused::new(RefusedKind::Conflict, "refund-refused", REFUND).with("providerCode", provider_code)
}
