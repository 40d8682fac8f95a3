//! Taking money, telling what came of it, and taking that back.

use super::*;
use kernel::Timestamp;
use payments::Provider as _;
use payments::api::Paid;

#[tokio::test]
async fn what_a_guest_agreed_to_is_paid_once() {
    let given = Given::agreed().await;
    let at: Timestamp = "2025-11-24T16:00:00Z".parse().unwrap();
    assert_eq!(given.clock.now(), at);
    for _ in 0..3 {
        assert_eq!(given.act(&approve(), &key("a", 1)).await, Ok(Paid { payment: PAYMENT.into(), at }));
        given.clock.advance(common::DAY);
    }
    assert_eq!(given.recall(&approve(), &key("a", 1)).await, Ok(Paid { payment: PAYMENT.into(), at }));
    assert_eq!((given.toss.kept(), given.toss.asked(CONFIRM)), (15_000, 1));
}

#[tokio::test]
async fn each_class_of_errors_has_its_answer() {
    for (status, code, says) in [
        (403, "REJECT_CARD_PAYMENT", "payment-declined"),
        (400, "INVALID_CARD_EXPIRATION", "payment-declined"),
        (403, "EXCEED_MAX_ONE_DAY_AMOUNT", "payment-declined"),
        (404, "NOT_FOUND_PAYMENT_SESSION", "payment-not-found"),
        (403, "FORBIDDEN_REQUEST", "payment-mismatch"),
        (400, "DUPLICATED_ORDER_ID", "payment-mismatch"),
        (401, "UNAUTHORIZED_KEY", "unavailable"),
        (400, "INVALID_API_KEY", "unavailable"),
        (400, "PROVIDER_ERROR", "undecided"),
        (429, "TOO_MANY_REQUESTS", "timed-out"),
        (409, "IDEMPOTENT_REQUEST_PROCESSING", "undecided"),
        (500, "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", "timed-out"),
        (400, "A_CODE_OF_TOMORROW", "undecided"),
        (302, "", "undecided"),
        (502, "", "timed-out"),
    ] {
        let given = Given::agreed().await;
        given.toss.fault(Fault::Says(status, code));
        let answer = given.act(&approve(), &key("a", 1)).await;
        assert_eq!(word(&answer), says, "{code}");
        if let Err(CallError::Refused(refused)) = answer {
            assert_eq!(refused.details["providerCode"], code);
        }
        assert_eq!(given.toss.kept(), 0, "{code}");
    }
}

/// Whatever Toss answers, what it says of a payment afterwards is what counts.
#[tokio::test]
async fn an_answer_that_does_not_fit_decides_nothing() {
    for (fault, says) in [(Fault::DoneButSays(429, "TOO_MANY_REQUESTS"), "timed-out"), (Fault::DoneButOfAnother, "undecided")] {
        let given = Given::agreed().await;
        given.toss.fault(fault);
        assert_eq!(word(&given.act(&approve(), &key("a", 1)).await), says, "{fault:?}");
        assert_eq!(word(&given.recall(&approve(), &key("a", 1)).await), "ok", "{fault:?}");
        assert_eq!(given.cancel(&approve(), &key("a", 1)).await, Ok(()), "{fault:?}");
        assert_eq!(given.toss.kept(), 0, "{fault:?}");
    }
}

#[tokio::test]
async fn how_a_payment_stands_says_what_came_of_it() {
    for (status, says) in [
        ("ABORTED", "payment-declined"),
        ("EXPIRED", "payment-not-found"),
        ("CANCELED", "cancelled"),
        ("READY", "undecided"),
        ("IN_PROGRESS", "undecided"),
        ("WAITING_FOR_DEPOSIT", "undecided"),
        ("BRAND_NEW", "undecided"),
    ] {
        let given = Given::agreed().await;
        given.toss.turns(PAYMENT, status);
        assert_eq!(word(&given.recall(&approve(), &key("a", 1)).await), says, "{status}");
    }
}

#[tokio::test]
async fn a_payment_of_something_else_is_not_taken() {
    let given = Given::agreed().await;
    let check = async |approve: Approve, says| assert_eq!(word(&given.act(&approve, &key("b", 1)).await), says, "{approve:?}");
    check(Approve { order: "order-2".into(), ..approve() }, "payment-mismatch").await;
    check(Approve { amount: won(15_001), ..approve() }, "payment-mismatch").await;
    check(Approve { payment: "tviva_nothing".into(), ..approve() }, "payment-not-found").await;
    check(Approve { payment: "../orders/order-1".into(), ..approve() }, "payment-not-found").await;
    check(Approve { payment: String::new(), ..approve() }, "payment-not-found").await;
    assert_eq!(given.toss.kept(), 0);
}

#[tokio::test]
async fn whoever_brings_the_payment_of_another_cannot_have_it_given_back() {
    let given = Given::paid().await;
    let stolen = Approve { order: "order-2".into(), ..approve() };
    assert_eq!(word(&given.act(&stolen, &key("b", 1)).await), "payment-mismatch");
    assert_eq!(given.cancel(&stolen, &key("b", 1)).await, Ok(()));
    assert_eq!(given.cancel(&Approve { payment: "../x".into(), ..approve() }, &key("b", 2)).await, Ok(()));
    assert_eq!(given.toss.kept(), 15_000);
}

#[tokio::test]
async fn what_somebody_says_about_a_payment_is_looked_up() {
    let given = Given::agreed().await;
    let check = async |order, minor, payment, says| {
        assert_eq!(given.adapter.has_agreed(order, won(minor), payment).await, Ok(says), "{order} {minor} {payment}");
    };
    check(ORDER, 15_000, PAYMENT, true).await;
    check("order-2", 15_000, PAYMENT, false).await;
    check(ORDER, 15_001, PAYMENT, false).await;
    check(ORDER, 15_000, "tviva_nothing", false).await;
    check(ORDER, 15_000, "../orders/order-1", false).await;
    for (status, says) in [("DONE", true), ("READY", false), ("EXPIRED", false), ("CANCELED", false)] {
        given.toss.turns(PAYMENT, status);
        check(ORDER, 15_000, PAYMENT, says).await;
    }
    given.toss.lookups_say(Some((500, "COMMON_ERROR")));
    assert_eq!(word(&given.adapter.has_agreed(ORDER, won(15_000), PAYMENT).await), "timed-out");
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_again() {
    for fault in [Fault::DoneButSays(500, "UNKNOWN_PAYMENT_ERROR"), Fault::DoneButGarbled] {
        let mut given = Given::agreed().await;
        given.toss.fault(fault);
        assert_eq!(word(&given.act(&approve(), &key("a", 1)).await), "timed-out", "{fault:?}");
        given.restart();
        assert_eq!(word(&given.recall(&approve(), &key("a", 1)).await), "ok", "{fault:?}");
        for _ in 0..2 {
            assert_eq!(given.cancel(&approve(), &key("a", 1)).await, Ok(()), "{fault:?}");
        }
        assert_eq!((given.toss.kept(), given.toss.asked(CANCEL)), (0, 1), "{fault:?}");
    }
}

#[tokio::test]
async fn slower_than_the_deadline_is_paid_and_found_or_given_back() {
    for cancels in [false, true] {
        let given = Given::agreed().await;
        given.toss.fault(Fault::DoneAndHeld);
        given.abandon(&approve(), &key("a", 1), |toss| toss.kept() > 0).await;
        if cancels {
            assert_eq!(given.cancel(&approve(), &key("a", 1)).await, Ok(()));
            assert_eq!(given.toss.kept(), 0);
        } else {
            assert_eq!(word(&given.recall(&approve(), &key("a", 1)).await), "ok");
            assert_eq!(given.toss.kept(), 15_000);
        }
    }
}

/// While a confirmation may still be on its way, nobody is told that nothing stands.
#[tokio::test]
async fn a_confirmation_that_lands_after_a_lookup_is_given_back() {
    for recalls in [false, true] {
        let given = Given::agreed().await;
        given.toss.fault(Fault::Held);
        given.abandon(&approve(), &key("a", 1), |toss| toss.held() > 0).await;
        let unsure =
            if recalls { word(&given.recall(&approve(), &key("a", 1)).await) } else { word(&given.cancel(&approve(), &key("a", 1)).await) };
        assert_eq!(unsure, "undecided");
        given.clock.advance(SETTLED - Duration::from_secs(1));
        given.toss.release();
        until(|| given.toss.kept() > 0).await;
        if recalls {
            assert_eq!(word(&given.recall(&approve(), &key("a", 1)).await), "ok");
        }
        assert_eq!(given.cancel(&approve(), &key("a", 1)).await, Ok(()));
        assert_eq!(given.toss.kept(), 0);
    }
}

#[tokio::test]
async fn what_never_landed_is_certain_after_a_while_and_never_happens() {
    let given = Given::agreed().await;
    for payment in [PAYMENT, "tviva_nothing"] {
        let (call, first, second) = (Approve { payment: payment.into(), ..approve() }, key(payment, 1), key(payment, 2));
        assert_eq!(word(&given.recall(&call, &first).await), "undecided");
        assert_eq!(word(&given.cancel(&call, &second).await), "undecided");
        assert_eq!(word(&given.act(&call, &first).await), "undecided", "it is not sent any more");
        given.clock.advance(SETTLED);
        assert_eq!(word(&given.recall(&call, &first).await), "cancelled");
        assert_eq!(given.cancel(&call, &second).await, Ok(()));
        for key in [first, second] {
            assert_eq!(word(&given.act(&call, &key).await), "cancelled");
        }
    }
    assert_eq!((given.toss.kept(), given.toss.asked(CONFIRM), given.toss.asked(CANCEL)), (0, 0, 0));
}

/// What a process before this sent is as old as its saga: nobody waits anew for it.
#[tokio::test]
async fn what_an_earlier_process_sent_is_certain_as_soon() {
    for recalls in [false, true] {
        let mut given = Given::agreed().await;
        given.toss.fault(Fault::Held);
        given.abandon(&approve(), &key("a", 1), |toss| toss.held() > 0).await;
        let ends = async |given: &mut Given, says: &str| {
            given.restart();
            let (call, key) = (approve(), key("a", 1));
            let answer = if recalls { word(&given.recall(&call, &key).await) } else { word(&given.cancel(&call, &key).await) };
            assert_eq!(answer, says);
        };
        ends(&mut given, "undecided").await;
        given.clock.advance(SENT_WITHIN + SETTLED - Duration::from_secs(1));
        ends(&mut given, "undecided").await;
        given.clock.advance(Duration::from_secs(1));
        ends(&mut given, if recalls { "cancelled" } else { "ok" }).await;
    }
}

#[tokio::test]
async fn a_confirmation_is_sent_soon_or_never() {
    let given = Given::agreed().await;
    given.clock.advance(SENT_WITHIN + Duration::from_secs(1));
    assert_eq!(word(&given.act(&approve(), &key("a", 1)).await), "undecided");
    assert_eq!((given.toss.kept(), given.toss.asked(CONFIRM)), (0, 0));
}

/// Toss has answered, so it is known what came of it.
#[tokio::test]
async fn a_code_that_nobody_knows_is_an_answer() {
    let given = Given::agreed().await;
    given.toss.fault(Fault::DoneButSays(400, "A_CODE_OF_TOMORROW"));
    assert_eq!(word(&given.act(&approve(), &key("a", 1)).await), "ok");
    assert_eq!(given.toss.kept(), 15_000);

    for code in ["PROVIDER_ERROR", "CARD_PROCESSING_ERROR"] {
        let given = Given::agreed().await;
        given.toss.fault(Fault::DoneButSays(400, code));
        assert_eq!(word(&given.act(&approve(), &key("a", 1)).await), "ok", "{code}");
    }
}

#[tokio::test]
async fn the_same_confirmation_twice_at_once_is_one() {
    let given = Given::agreed().await;
    given.toss.fault(Fault::Held);
    given.abandon(&approve(), &key("a", 1), |toss| toss.held() > 0).await;
    given.clock.advance(Duration::from_secs(1));
    assert_eq!(word(&given.act(&approve(), &key("a", 1)).await), "undecided", "the first is under way");
    given.toss.release();
    until(|| given.toss.kept() > 0).await;
    assert_eq!(word(&given.act(&approve(), &key("a", 1)).await), "ok");
    assert_eq!(given.toss.kept(), 15_000);
}

#[tokio::test]
async fn what_was_processed_before_is_looked_at() {
    let given = Given::agreed().await;
    given.toss.fault(Fault::DoneButSays(400, "ALREADY_PROCESSED_PAYMENT"));
    assert_eq!(word(&given.act(&approve(), &key("a", 1)).await), "ok");
}

#[tokio::test]
async fn what_was_taken_back_does_not_come_again() {
    for forgets in [false, true] {
        let mut given = Given::paid().await;
        given.cancel(&approve(), &key("a", 1)).await.unwrap();
        given.restart();
        if forgets {
            given.toss.forget_keys();
        }
        assert_eq!(word(&given.act(&approve(), &key("a", 1)).await), "cancelled");
        assert_eq!(word(&given.recall(&approve(), &key("a", 1)).await), "cancelled");
        assert_eq!(given.toss.kept(), 0);
    }
}

#[tokio::test]
async fn giving_back_is_certain_or_asked_for_again() {
    for (fault, says) in [
        (Fault::Says(400, "PROVIDER_ERROR"), "undecided"),
        (Fault::Says(400, "A_CODE_OF_TOMORROW"), "undecided"),
        (Fault::Says(500, "FAILED_REFUND_PROCESS"), "timed-out"),
        (Fault::Says(502, ""), "timed-out"),
        (Fault::Says(403, "NOT_CANCELABLE_PAYMENT"), "undecided"),
        (Fault::Says(403, "EXCEED_MAX_REFUND_DUE"), "undecided"),
        (Fault::DoneButSays(500, "COMMON_ERROR"), "timed-out"),
        (Fault::DoneButGarbled, "timed-out"),
    ] {
        let given = Given::paid().await;
        given.toss.fault(fault);
        assert_eq!(word(&given.cancel(&approve(), &key("a", 1)).await), says, "{fault:?}");
        assert_eq!(given.cancel(&approve(), &key("a", 1)).await, Ok(()), "{fault:?}: an old error is not repeated for ever");
        assert_eq!(given.toss.kept(), 0, "{fault:?}");
        assert_eq!(given.toss.reasons(PAYMENT).len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn what_somebody_else_gave_back_meanwhile_is_certain() {
    let given = Given::paid().await;
    given.toss.fault(Fault::DoneButSays(400, "ALREADY_CANCELED_PAYMENT"));
    assert_eq!(given.cancel(&approve(), &key("a", 1)).await, Ok(()));
    assert_eq!(given.toss.kept(), 0);
}

#[tokio::test]
async fn what_is_left_of_a_payment_goes_back_with_its_call() {
    let given = Given::paid().await;
    given.act(&refund(4000), &key("a", 2)).await.unwrap();
    assert_eq!(word(&given.recall(&approve(), &key("a", 1)).await), "ok");
    assert_eq!(given.cancel(&approve(), &key("a", 1)).await, Ok(()));
    assert_eq!(given.toss.kept(), 0);
}
