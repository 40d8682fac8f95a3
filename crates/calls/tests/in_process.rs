//! The in-process transport keeps what every transport keeps; and the suite sees it when a callee does not.
#![allow(clippy::unwrap_used, missing_docs)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use calls::conformance::{self, Backend, Callee, Given, POOL};
use calls::{Act, CallKey, Envelope, InProcess, Transport};
use clock::ManualClock;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use kernel::CallError;
use yeyak_calls as calls;

/// A callee in memory behind a transport.
struct Memory {
    clock: ManualClock,
    callee: Arc<Callee>,
    transport: Arc<dyn Transport>,
}

impl Memory {
    fn behind(transport: impl FnOnce(Arc<Callee>) -> Arc<dyn Transport>) -> Self {
        let clock = ManualClock::at(Timestamp::from_second(1_764_000_000).unwrap());
        let callee = Arc::new(Callee::new(clock.clone()));
        Self { clock, transport: transport(Arc::clone(&callee)), callee }
    }

    fn fresh() -> Self {
        Self::behind(|callee| {
            let doors = InProcess::default();
            doors.open(POOL, callee);
            Arc::new(doors)
        })
    }
}

impl Backend for Memory {
    fn transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.transport)
    }

    fn clock(&self) -> ManualClock {
        self.clock.clone()
    }

    fn block_on(&self, future: BoxFuture<'_, ()>) {
        assert!(future.now_or_never().is_some(), "a callee in memory answers at once");
    }

    fn stop(&self, stopped: bool) {
        self.callee.stop(stopped);
    }
}

calls::conformance!(Memory::fresh());

/// What a transport can do wrong to what it carries.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Every call comes under a key of its own.
    ForgetsKeys,
    /// Cancels are answered, and not carried.
    DropsCancels,
    /// Whatever fails is called unavailable.
    HidesRefusals,
    /// The deadline stays behind.
    DropsDeadlines,
}

struct Faulty(Fault, Arc<Callee>, std::sync::atomic::AtomicU16);

impl Transport for Faulty {
    fn send<'a>(&'a self, mut envelope: Envelope) -> BoxFuture<'a, Result<String, CallError>> {
        let step = self.2.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Box::pin(async move {
            match (self.0, &envelope.act) {
                (Fault::ForgetsKeys, Act::Do(key)) => envelope.act = Act::Do(CallKey { step, ..key.clone() }),
                (Fault::DropsCancels, Act::Cancel(_)) => return Ok("null".into()),
                (Fault::DropsDeadlines, _) => envelope.deadline = Timestamp::MAX,
                (Fault::ForgetsKeys | Fault::DropsCancels | Fault::HidesRefusals, _) => {}
            }
            let service = envelope.service.clone();
            match (self.0, self.1.send(envelope).await) {
                (Fault::HidesRefusals, Err(error)) => Err(CallError::Unavailable { service, why: error.to_string() }),
                (_, answer) => answer,
            }
        })
    }
}

#[test]
fn the_suite_sees_what_a_transport_may_not_do() {
    let sees = |fault, case: fn(Given<'_>)| {
        let backend = Memory::behind(|callee| Arc::new(Faulty(fault, callee, 0.into())));
        assert!(catch_unwind(AssertUnwindSafe(|| conformance::run(&backend, case))).is_err(), "{fault:?}");
    };
    sees(Fault::ForgetsKeys, conformance::a_call_is_decided_once_however_often_it_is_sent);
    sees(Fault::ForgetsKeys, conformance::a_cancel_before_the_act_leaves_a_tombstone);
    sees(Fault::DropsCancels, conformance::a_cancel_after_the_act_undoes_it_once);
    sees(Fault::DropsCancels, conformance::an_act_and_its_cancel_at_once_leave_nothing);
    sees(Fault::HidesRefusals, conformance::a_refusal_is_kept_under_its_key);
    sees(Fault::DropsDeadlines, conformance::a_call_past_its_deadline_is_not_decided);
}
