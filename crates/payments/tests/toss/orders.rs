//! Calls in any order, with everything that can go wrong: money is kept once or not at all.

use super::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

#[derive(Clone, Copy, Debug)]
enum Op {
    Do,
    Recall,
    Cancel,
    /// The process ends, and another begins.
    Restart,
    /// It is sent, nobody waits for its answer, and it has not landed yet.
    Leave,
    /// What was left lands.
    Land,
    /// So much time passes that it has landed.
    Wait,
    /// The next request goes wrong.
    Fault(Fault),
}

fn op() -> impl Strategy<Value = Op> {
    let fault = prop_oneof![
        Just(Fault::Says(400, "PROVIDER_ERROR")),
        Just(Fault::Says(403, "REJECT_CARD_PAYMENT")),
        Just(Fault::DoneButSays(500, "COMMON_ERROR")),
        Just(Fault::DoneButSays(400, "ALREADY_PROCESSED_PAYMENT")),
        Just(Fault::DoneButGarbled),
    ];
    prop_oneof![
        4 => Just(Op::Do),
        2 => Just(Op::Recall),
        3 => Just(Op::Cancel),
        1 => Just(Op::Restart),
        2 => Just(Op::Leave),
        1 => Just(Op::Land),
        2 => Just(Op::Wait),
        2 => fault.prop_map(Op::Fault),
    ]
}

async fn holds(ops: &[Op]) {
    let mut given = Given::agreed().await;
    let (call, key) = (approve(), key("a", 1));
    let (mut paid, mut cancelling, mut over) = (false, false, false);
    for op in ops {
        let held = given.toss.held();
        match op {
            Op::Do | Op::Recall => {
                let answer = if matches!(op, Op::Do) { given.act(&call, &key).await } else { given.recall(&call, &key).await };
                match answer {
                    Ok(_) => {
                        assert!(!over, "it was said that nothing would ever come of it");
                        paid = true;
                    }
                    Err(CallError::Refused(refused)) => {
                        assert!(!paid || cancelling, "{refused} though it was paid");
                        // Only what this process was told is over: it is what keeps later tries away.
                        over |= refused.code == "cancelled";
                    }
                    Err(CallError::Unavailable { .. } | CallError::TimedOut { .. } | CallError::Undecided { .. }) => {}
                }
            }
            Op::Cancel => {
                cancelling = true;
                over |= given.cancel(&call, &key).await.is_ok();
            }
            // Whoever knows that it is over sends no more of it, so no process begins with that.
            Op::Restart if over => {}
            Op::Restart => given.restart(),
            Op::Leave => {
                given.toss.hold_next();
                given.abandon(&call, &key, |toss| toss.held() > held).await;
                given.toss.hold_no_more();
            }
            Op::Land => land(&given).await,
            Op::Wait => {
                land(&given).await;
                given.clock.advance(SETTLED);
            }
            Op::Fault(fault) => given.toss.fault(*fault),
        }
        let kept = given.toss.kept();
        assert!(kept == 0 || kept == 15_000, "{kept} is kept");
        assert!(!over || kept == 0, "{kept} is kept after it was over");
        assert!(cancelling || !paid || kept == 15_000, "it is paid, and not kept");
    }
    assert!(given.toss.reasons(PAYMENT).len() <= 1, "it is given back once");
    // However it was left, it can be brought to an end.
    land(&given).await;
    for _ in 0..8 {
        if given.cancel(&call, &key).await.is_ok() {
            break;
        }
        given.clock.advance(SETTLED);
    }
    assert_eq!(given.cancel(&call, &key).await, Ok(()));
    assert_eq!(given.toss.kept(), 0);
}

async fn land(given: &Given) {
    given.toss.release();
    until(|| given.toss.held() == 0).await;
}

#[test]
fn in_any_order_money_is_kept_once_or_not_at_all() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let result = runner.run(&proptest::collection::vec(op(), 1..14), |ops| {
        runtime.block_on(holds(&ops));
        Ok(())
    });
    result.unwrap();
}
