//! What guests read who come to pay, or come back from it.

/// It is paid.
pub(super) const PAID: &str = "결제되었습니다. 예약이 완료되었습니다. · The deposit is paid, and the table is reserved.";
/// There is nothing to pay.
pub(super) const OVER: &str = "결제할 것이 없습니다. 결제 기한이 지났거나 취소된 예약입니다. · There is nothing to pay here, or no longer.";
/// The table was lost over it.
pub(super) const REFUSED: &str = "자리를 확보하지 못해 예약되지 않았습니다. 내실 금액은 없으며, 결제된 금액은 모두 돌려드립니다. 처음부터 다시 예약해 주세요. · \
     The table could not be kept, and is not reserved. Nothing is owed, and whatever was paid is given back. Please reserve again.";
/// It never stood, or was taken back, and no money of it is kept.
pub(super) const UNDONE: &str = "예약되지 않았거나 취소된 예약입니다. 내실 금액은 없으며, 결제된 금액은 모두 돌려드립니다. · \
     The table is not reserved, or no longer. Nothing is owed, and whatever was paid is given back.";
/// It does not stand, and money of it is still owed to the guest.
pub(super) const OWED: &str = "예약되지 않았거나 취소된 예약입니다. 결제하신 금액은 아직 돌려드리지 못했으며, 저희가 처리하고 있습니다. · \
     The table is not reserved, or no longer. What you paid is still owed to you, and we see to it.";
/// It was not taken: it waits on, or comes to nothing; or nobody has heard yet which.
pub(super) const NOT_NOW: &str = "지금은 결제를 마칠 수 없습니다. 이 페이지에서 잠시 후 다시 확인합니다. 예약되지 않으면 결제 금액은 받지 않습니다. · \
     The payment cannot be completed just now. This page looks again in a moment. Nothing is kept unless the table is reserved.";
/// The provider said no.
pub(super) const DECLINED: &str = "결제가 승인되지 않았습니다. 자리는 결제 기한까지 유지되니 다른 결제 수단으로 다시 시도해 주세요. · \
     The payment was declined. The table is held until the payment is due, so please try another card.";
/// The guest did not agree.
pub(super) const NOT_AGREED: &str = "아직 결제되지 않았습니다. 다시 시도해 주세요. · It is not paid yet. Please try again.";
/// Nobody knows.
pub(super) const UNSURE: &str =
    "결제를 확인하고 있습니다. 이 페이지에서 잠시 후 다시 확인합니다. · The payment is being looked up. This page looks again in a moment.";

/// A page that says this.
pub(super) fn said(text: &str) -> String {
    of("", text)
}

/// The same, where it will be something else soon: a browser looks again by itself.
pub(super) fn said_for_now(text: &str) -> String {
    of("<meta http-equiv=\"refresh\" content=\"5\">\n", text)
}

fn of(head: &str, text: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"ko\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n{head}\
         <title>결제 · Payment</title>\n<p role=\"status\">{text}</p>\n</html>\n"
    )
}

/// A page that says this before all else it shows; the same page where there is nothing to say.
pub(super) fn with(first: &str, page: String) -> String {
    if first.is_empty() { page } else { page.replacen("<h1>", &format!("<p role=\"status\">{first}</p>\n<h1>"), 1) }
}
