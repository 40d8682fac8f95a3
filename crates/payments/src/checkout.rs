use kernel::Money;

/// What a guest is to pay in a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// The order of the charge.
    pub order: String,
    /// Its amount.
    pub amount: Money,
    /// What the guest reads beside the amount.
    pub title: String,
    /// Where the browser goes when the guest has agreed. `paymentKey`, `orderId` and `amount` are added to its query; the first of
    /// them is what `Approve` takes.
    pub agreed: String,
    /// Where it goes when nothing comes of it. `code`, `message` and `orderId` are added to its query.
    pub failed: String,
}

/// The frame of a checkout page: its head, what is to be paid, and `body`.
pub(crate) fn page(checkout: &Checkout, head: &str, body: &str) -> String {
    let (title, amount) = (escaped(&checkout.title), checkout.amount);
    let currency = match amount.currency {
        kernel::Currency::Krw => "KRW",
        kernel::Currency::Usd => "USD",
        kernel::Currency::Eur => "EUR",
    };
    format!(
        "<!doctype html>\n<html lang=\"ko\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>결제 · Payment</title>\n{head}<h1>{title}</h1>\n<p>{amount} {currency}</p>\n{body}</html>\n"
    )
}

/// A text as it stands in HTML, in an element or in a quoted attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
