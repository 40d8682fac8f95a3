//! Giving money back.

use super::*;
use payments::api::Refunded;

#[tokio::test]
async fn a_refund_is_made_once_for_its_key_even_when_toss_has_forgotten_it() {
    let mut given = Given::paid().await;
    let at = given.clock.now();
    for _ in 0..3 {
        assert_eq!(given.act(&refund(4000), &key("a", 2)).await, Ok(Refunded { at }));
        assert_eq!(given.recall(&refund(4000), &key("a", 2)).await, Ok(Refunded { at }));
        given.clock.advance(16 * common::DAY);
        given.toss.forget_keys();
        given.restart();
    }
    assert_eq!((given.toss.kept(), given.toss.asked(CANCEL)), (11_000, 1));
    assert_eq!(word(&given.act(&refund(4000), &key("a", 3)).await), "ok", "another is another");
    assert_eq!(given.toss.kept(), 7000);
}

#[tokio::test]
async fn a_refund_that_was_lost_is_repeated() {
    for (fault, says) in [
        (Fault::Says(400, "PROVIDER_ERROR"), "undecided"),
        (Fault::Says(400, "A_CODE_OF_TOMORROW"), "undecided"),
        (Fault::Says(500, "COMMON_ERROR"), "timed-out"),
        (Fault::DoneButSays(500, "COMMON_ERROR"), "timed-out"),
        (Fault::DoneButGarbled, "timed-out"),
        (Fault::Says(409, "IDEMPOTENT_REQUEST_PROCESSING"), "undecided"),
    ] {
        let mut given = Given::paid().await;
        given.toss.fault(fault);
        assert_eq!(word(&given.act(&refund(4000), &key("a", 2)).await), says, "{fault:?}");
        given.restart();
        if let Fault::Says(status, _) = fault {
            // It is told the old answer once more, and then asks under another key, unless the first is still under way.
            assert_eq!(word(&given.act(&refund(4000), &key("a", 2)).await), says, "{fault:?}");
            if status == 409 {
                given.toss.forget_keys();
            }
        }
        assert_eq!(word(&given.act(&refund(4000), &key("a", 2)).await), "ok", "{fault:?}");
        assert_eq!(given.toss.kept(), 11_000, "{fault:?}");
    }
}

/// However often it was tried in vain: a new process is told of one such try, and not of all of them again.
#[tokio::test]
async fn what_was_tried_in_vain_is_not_tried_again_after_a_restart() {
    let mut given = Given::paid().await;
    for _ in 0..5 {
        given.toss.fault(Fault::Says(500, "COMMON_ERROR"));
        assert_eq!(word(&given.act(&refund(4000), &key("a", 2)).await), "timed-out");
    }
    given.clock.advance(Duration::from_secs(1));
    given.restart();
    assert_eq!(word(&given.act(&refund(4000), &key("a", 2)).await), "timed-out");
    assert_eq!(word(&given.act(&refund(4000), &key("a", 2)).await), "ok");
    assert_eq!((given.toss.kept(), given.toss.reasons(PAYMENT).len()), (11_000, 1));
}

#[tokio::test]
async fn a_refund_that_lands_late_is_not_made_again() {
    for restarts in [false, true] {
        let mut given = Given::paid().await;
        given.toss.fault(Fault::Held);
        given.abandon(&refund(4000), &key("a", 2), |toss| toss.held() > 0).await;
        if restarts {
            given.clock.advance(Duration::from_secs(1));
            given.restart();
        }
        assert_eq!(word(&given.act(&refund(4000), &key("a", 2)).await), "undecided", "the first is under way");
        given.toss.release();
        until(|| given.toss.kept() == 11_000).await;
        assert_eq!(word(&given.act(&refund(4000), &key("a", 2)).await), "ok");
        assert_eq!((given.toss.kept(), given.toss.reasons(PAYMENT).len()), (11_000, 1));
    }
}

/// Toss answers with an error, is asked again under another key, and then does the first all the same: it says what had to be left.
#[tokio::test]
async fn what_lands_after_its_error_was_answered_is_not_given_back_twice() {
    let given = Given::paid().await;
    given.toss.fault(Fault::SaysAndIsDoneLater(500, "COMMON_ERROR"));
    assert_eq!(word(&given.act(&refund(4000), &key("a", 2)).await), "timed-out");
    until(|| given.toss.held() == 1).await;
    assert_eq!(word(&given.act(&refund(4000), &key("a", 2)).await), "ok");
    given.toss.release();
    until(|| given.toss.held() == 0).await;
    assert_eq!((given.toss.kept(), given.toss.reasons(PAYMENT).len()), (11_000, 1));
}

/// Two refunds that saw the same balance: the second is not made upon what it did not see.
#[tokio::test]
async fn a_refund_beside_another_is_made_of_what_is_left() {
    let given = Given::paid().await;
    given.toss.fault(Fault::Held);
    given.abandon(&refund(4000), &key("a", 2), |toss| toss.held() > 0).await;
    assert_eq!(word(&given.act(&refund(5000), &key("a", 3)).await), "ok");
    given.toss.release();
    until(|| given.toss.asked(CANCEL) == 2).await;
    while given.toss.kept() != 6000 {
        assert_eq!(given.toss.kept(), 10_000);
        let _ = given.act(&refund(4000), &key("a", 2)).await;
    }
    assert_eq!(given.toss.reasons(PAYMENT).len(), 2);
}

#[tokio::test]
async fn what_cannot_be_given_back_is_refused() {
    let given = Given::paid().await;
    let check = async |refund: Refund, says| assert_eq!(word(&given.act(&refund, &key("b", 1)).await), says, "{refund:?}");
    check(refund(15_001), "refund-refused").await;
    check(Refund { order: "order-2".into(), ..refund(1) }, "payment-mismatch").await;
    check(Refund { payment: "tviva_nothing".into(), ..refund(1) }, "payment-not-found").await;
    check(Refund { payment: "../x".into(), ..refund(1) }, "payment-not-found").await;
    for (status, code, says) in [
        (400, "REFUND_REJECTED", "refund-refused"),
        (403, "EXCEED_MAX_REFUND_DUE", "refund-refused"),
        (403, "NOT_CANCELABLE_PAYMENT", "refund-refused"),
        (401, "UNAUTHORIZED_KEY", "unavailable"),
    ] {
        given.toss.fault(Fault::Says(status, code));
        assert_eq!(word(&given.act(&refund(1000), &key(code, 2)).await), says, "{code}");
    }
    assert_eq!(given.toss.kept(), 15_000);
}

/// What was refused is asked for again under another key; meanwhile it was done by hand, or it had been done and was not heard.
#[tokio::test]
async fn all_of_a_payment_that_was_given_back_is_not_given_back_again() {
    let given = Given::paid().await;
    given.toss.fault(Fault::Says(403, "REFUND_REJECTED"));
    assert_eq!(word(&given.act(&refund(15_000), &key("a", 2)).await), "refund-refused");
    given.toss.fault(Fault::DoneButSays(403, "REFUND_REJECTED"));
    assert_eq!(word(&given.act(&refund(15_000), &key("a", 3)).await), "refund-refused");
    let at = given.clock.now();
    given.clock.advance(common::DAY);
    assert_eq!(given.act(&refund(15_000), &key("a", 4)).await, Ok(Refunded { at }));
    assert_eq!(word(&given.act(&refund(1), &key("a", 5)).await), "refund-refused", "which a part of it is not");
    assert_eq!((given.toss.kept(), given.toss.reasons(PAYMENT).len()), (0, 1));
}

#[tokio::test]
async fn a_refund_is_never_cancelled() {
    let given = Given::paid().await;
    given.act(&refund(4000), &key("a", 2)).await.unwrap();
    assert_eq!(word(&given.cancel(&refund(4000), &key("a", 2)).await), "unavailable");
    assert_eq!(given.toss.kept(), 11_000);
}

#[tokio::test]
async fn a_long_reason_is_cut_and_keeps_its_mark() {
    let given = Given::paid().await;
    let long = Refund { reason: "환불".repeat(200), ..refund(4000) };
    assert_eq!(word(&given.act(&long, &key("a", 2)).await), "ok");
    let reasons = given.toss.reasons(PAYMENT);
    assert_eq!((reasons[0].chars().count(), reasons[0].ends_with(']')), (200, true), "{reasons:?}");
}
