use crate::Checkout;
use crate::checkout::page;

const HEAD: &str = "<script src=\"https://js.tosspayments.com/v2/standard\"></script>\n";

const BODY: &str = "\
<p><button id=\"pay\">결제하기 · Pay</button></p>
<p id=\"problem\" role=\"alert\"></p>
<script>
const asked = JSON.parse(document.getElementById('asked').textContent);
const pay = document.getElementById('pay');
pay.addEventListener('click', async () => {
  pay.disabled = true;
  try {
    const toss = TossPayments(asked.clientKey);
    await toss.payment({ customerKey: TossPayments.ANONYMOUS }).requestPayment(asked.request);
  } catch (error) {
    document.getElementById('problem').textContent = error.message;
    pay.disabled = false;
  }
});
</script>
";

/// The page that opens the payment window, by the second version of the SDK.
pub(super) fn render(client_key: &str, checkout: &Checkout) -> String {
    let Checkout { order, amount, title, agreed, failed } = checkout;
    let asked = serde_json::json!({
        "clientKey": client_key,
        "request": {
            "method": "CARD",
            "amount": { "currency": "KRW", "value": amount.minor },
            "orderId": order,
            // Toss takes up to a hundred letters.
            "orderName": title.chars().take(100).collect::<String>(),
            "successUrl": agreed,
            "failUrl": failed,
        },
    });
    // So that no text ends the element in which it stands.
    let asked = asked.to_string().replace('<', "\\u003c");
    page(checkout, HEAD, &format!("<script type=\"application/json\" id=\"asked\">{asked}</script>\n{BODY}"))
}
