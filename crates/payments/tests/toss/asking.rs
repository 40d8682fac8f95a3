//! How Toss Payments is reached, what of us is shown, and what it tells of a time.

use super::*;
use kernel::{Currency, Money};
use payments::api::Charged;
use payments::{Checkout, Provider, Status, TossError, TransactionKind};
use serde_json::{Value, json};

#[tokio::test]
async fn a_charge_is_a_link_and_asks_toss_nothing() {
    let given = Given::new().await;
    let pending = Ok(Charged::Pending { checkout: "https://shop.example/pay/order-1".into() });
    assert_eq!(given.act(&charge(), &key("a", 0)).await, pending);
    assert_eq!(given.recall(&charge(), &key("a", 0)).await, pending);
    assert_eq!(given.toss.asked("GET /v1/payments/orders/order-1"), 0);
    let dollars = Charge { amount: Money { minor: 15_000, currency: Currency::Usd }, ..charge() };
    assert_eq!(word(&given.act(&dollars, &key("b", 0)).await), "currency-not-taken");
    let dollars = Approve { amount: dollars.amount, ..approve() };
    assert_eq!(word(&given.act(&dollars, &key("b", 1)).await), "currency-not-taken", "an answer, not that nobody is there");
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let given = Given::agreed().await;
    // A port that was free a moment ago: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = Given { adapter: adapter(&format!("http://{free}"), &given.clock), ..given };
    assert_eq!(word(&nobody.act(&approve(), &key("a", 1)).await), "unavailable");
    assert_eq!(word(&nobody.recall(&approve(), &key("a", 1)).await), "unavailable");
    assert_eq!(word(&nobody.cancel(&approve(), &key("a", 1)).await), "unavailable");
    assert_eq!(word(&nobody.cancel(&charge(), &key("a", 0)).await), "unavailable");
    assert_eq!(word(&nobody.act(&refund(1), &key("a", 2)).await), "unavailable");
}

#[tokio::test]
async fn while_toss_cannot_tell_nothing_is_done_and_nothing_is_certain() {
    for (status, code) in [(500, "COMMON_ERROR"), (400, "PROVIDER_ERROR"), (404, "NOT_FOUND")] {
        let given = Given::paid().await;
        given.toss.lookups_say(Some((status, code)));
        assert_eq!(word(&given.act(&approve(), &key("b", 1)).await), "unavailable", "{code}");
        assert_eq!(word(&given.recall(&approve(), &key("a", 1)).await), "timed-out", "{code}");
        assert_eq!(word(&given.cancel(&approve(), &key("a", 1)).await), "timed-out", "{code}");
        assert_eq!(word(&given.cancel(&charge(), &key("a", 0)).await), "timed-out", "{code}");
        assert_eq!(word(&given.act(&refund(1), &key("a", 2)).await), "timed-out", "{code}");
        given.clock.advance(SETTLED);
        assert_eq!(word(&given.cancel(&approve(), &key("a", 1)).await), "timed-out", "{code}: time alone does not make it certain");
        assert_eq!((given.toss.asked(CONFIRM), given.toss.asked(CANCEL)), (1, 0), "{code}");
        given.toss.lookups_say(None);
        assert_eq!(given.cancel(&approve(), &key("a", 1)).await, Ok(()), "{code}");
    }
}

#[tokio::test]
async fn a_call_past_its_deadline_is_not_sent_and_a_cancel_has_none() {
    let given = Given::paid().await;
    let late = envelope(Act::Do(key("b", 1)), &approve(), &given.clock);
    let cancel = envelope(Act::Cancel(key("a", 1)), &approve(), &given.clock);
    given.clock.advance(common::DAY);
    assert_eq!(word(&given.adapter.send(late).await), "unavailable");
    assert_eq!(word(&given.adapter.send(cancel).await), "ok");
    assert_eq!(given.toss.kept(), 0);
}

#[test]
fn settings_are_checked_and_the_secret_is_shown_nowhere() {
    let shown = |settings: &TossSettings| format!("{settings:?}");
    let ours = settings(TossSettings::BASE);
    assert!(!shown(&ours).contains(SECRET) && shown(&ours).contains("test_ck"), "{ours:?}");
    let tried = |base: &str| payments::Toss::new(settings(base), Arc::new(clock())).err();
    assert_eq!(tried("http://127.0.0.1:1"), None);
    assert_eq!(tried("http://localhost:1/"), None);
    for base in ["http://toss.example", "https://user:secret@toss.example", "ftp://127.0.0.1", "nothing", ""] {
        assert_eq!(tried(base), Some(TossError::Base), "{base}");
    }
    for key in ["", "  ", "a key", "key\n\u{feff}", "키"] {
        assert_eq!(SecretKey::new(key), Err(TossError::Key), "{key}");
    }
    assert!(SecretKey::new(" test_sk_1 \n").is_ok());
}

#[tokio::test]
async fn another_key_is_unavailable_and_not_shown() {
    let mut given = Given::agreed().await;
    let other = TossSettings { secret_key: SecretKey::new("test_sk_another").unwrap(), ..settings(&given.toss.base) };
    given.adapter = Arc::new(payments::Toss::new(other, Arc::new(given.clock.clone())).unwrap());
    let error = given.act(&approve(), &key("a", 1)).await.unwrap_err();
    assert_eq!(error.to_string(), "payments cannot be reached: Toss Payments does not take our secret key");
    assert_eq!(word(&given.cancel(&approve(), &key("a", 1)).await), "unavailable");
}

#[tokio::test]
async fn the_checkout_page_opens_the_window_and_no_text_breaks_out_of_it() {
    let given = Given::new().await;
    let page = given.adapter.checkout_page(&Checkout {
        order: ORDER.into(),
        amount: won(15_000),
        title: "</script><b>\"Deposit\"</b>".into(),
        agreed: "https://shop.example/pay/order-1/agreed".into(),
        failed: "https://shop.example/pay/order-1/failed".into(),
    });
    assert_eq!((page.matches("<script").count(), page.matches("</script>").count(), page.matches("<b>").count()), (3, 3, 0), "{page}");
    let (_, rest) = page.split_once("id=\"asked\">").unwrap();
    let asked: Value = serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap();
    let amount = json!({ "currency": "KRW", "value": 15_000 });
    assert_eq!((&asked["clientKey"], &asked["request"]["amount"]), (&json!("test_ck_of-this-test"), &amount));
    assert_eq!(asked["request"]["orderName"], "</script><b>\"Deposit\"</b>");
    assert!(!page.contains(SECRET));
}

fn movement(number: usize, status: &str, at: &str, currency: &str, amount: i64) -> Value {
    json!({
        "mId": "tosspayments", "transactionKey": format!("t{number}"), "paymentKey": format!("p{number}"), "orderId": "order-1",
        "method": "카드", "status": status, "transactionAt": at, "currency": currency, "amount": amount,
    })
}

#[tokio::test]
async fn transactions_are_read_page_by_page_and_in_their_time() {
    let given = Given::new().await;
    given.toss.transaction(movement(0, "DONE", "2026-11-23T23:59:59+09:00", "KRW", 1));
    for number in 1..=2500 {
        given.toss.transaction(movement(number, "DONE", "2026-11-24T12:00:00+09:00", "KRW", 1000));
    }
    given.toss.transaction(movement(2501, "CANCELED", "2026-11-24T13:00:00+09:00", "KRW", -700));
    given.toss.transaction(movement(2502, "PARTIAL_CANCELED", "2026-11-24T13:00:01+09:00", "KRW", 300));
    given.toss.transaction(movement(2503, "WAITING_FOR_DEPOSIT", "2026-11-24T13:00:02+09:00", "KRW", 1));
    given.toss.transaction(movement(2504, "ABORTED", "2026-11-24T13:00:03+09:00", "KRW", 1));
    given.toss.transaction(movement(2505, "DONE", "2026-11-24T13:00:04+09:00", "JPY", 1));
    given.toss.transaction(movement(2506, "DONE", "2026-11-25T00:00:00+09:00", "KRW", 1));
    let day = |day: &str| format!("{day}T00:00:00+09:00").parse::<jiff::Timestamp>().unwrap();
    let told = given.adapter.transactions(day("2026-11-24"), day("2026-11-25")).await.unwrap();
    assert_eq!(told.len(), 2504);
    let last: Vec<_> = told[2500..].iter().map(|told| (told.kind, told.amount.minor, told.status)).collect();
    let (payment, refund) = (TransactionKind::Payment, TransactionKind::Refund);
    assert_eq!(
        last,
        [(refund, 700, Status::Done), (refund, 300, Status::Done), (payment, 1, Status::Pending), (payment, 1, Status::Failed)]
    );
    assert_eq!(given.toss.asked("GET /v1/transactions"), 3);
}

#[tokio::test]
async fn a_charge_that_is_cancelled_takes_with_it_what_stands_for_its_order() {
    for (status, kept, given_back) in
        [("DONE", 0, 1), ("PARTIAL_CANCELED", 0, 1), ("CANCELED", 15_000, 0), ("IN_PROGRESS", 15_000, 0), ("EXPIRED", 15_000, 0)]
    {
        let given = Given::paid().await;
        given.toss.turns(PAYMENT, status);
        for _ in 0..2 {
            assert_eq!(given.cancel(&charge(), &key("a", 0)).await, Ok(()), "{status}");
        }
        assert_eq!((given.toss.kept(), given.toss.asked(CANCEL)), (kept, given_back), "{status}");
        assert_eq!(word(&given.act(&charge(), &key("a", 0)).await), "cancelled", "{status}");
    }
    let nothing = Given::new().await;
    assert_eq!(nothing.cancel(&charge(), &key("a", 0)).await, Ok(()));
}
