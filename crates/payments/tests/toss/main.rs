//! The adapter for Toss Payments, beside a server that does what its public documentation says.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod approving;
mod asking;
#[path = "../common/mod.rs"]
mod common;
mod orders;
mod refunding;

use std::sync::Arc;
use std::time::Duration;

use calls::{Act, CallKey, Transport};
use clock::{Clock, ManualClock};
use common::{clock, envelope, key, won, word};
use kernel::{Call, CallError};
use payments::api::{Approve, Charge, Refund};
use payments::{SecretKey, TossSettings};
use testkit::toss::{Fault, SECRET, Toss};

const ORDER: &str = "order-1";
const PAYMENT: &str = "tviva20261124_1";

/// After so long a confirmation that was sent has landed, or never will.
const SETTLED: Duration = Duration::from_secs(120);

/// A confirmation is sent within so long of its saga's birth, or never.
const SENT_WITHIN: Duration = Duration::from_secs(10);

struct Given {
    clock: ManualClock,
    toss: Toss,
    adapter: Arc<payments::Toss>,
}

fn settings(base: &str) -> TossSettings {
    TossSettings {
        base: base.into(),
        secret_key: SecretKey::new(SECRET).unwrap(),
        client_key: "test_ck_of-this-test".into(),
        checkout: "https://shop.example/pay/".into(),
    }
}

fn adapter(base: &str, clock: &ManualClock) -> Arc<payments::Toss> {
    Arc::new(payments::Toss::new(settings(base), Arc::new(clock.clone())).unwrap())
}

impl Given {
    async fn new() -> Self {
        let clock = clock();
        let toss = Toss::start(clock.clone()).await;
        Self { adapter: adapter(&toss.base, &clock), toss, clock }
    }

    /// With a guest who has agreed to pay 15000 won in the browser.
    async fn agreed() -> Self {
        let given = Self::new().await;
        given.toss.agree(PAYMENT, ORDER, 15_000);
        given
    }

    /// With 15000 won paid, under `key("a", 1)`.
    async fn paid() -> Self {
        let given = Self::agreed().await;
        given.act(&approve(), &key("a", 1)).await.unwrap();
        given
    }

    /// The process ends, and another begins.
    fn restart(&mut self) {
        self.adapter = adapter(&self.toss.base, &self.clock);
    }

    async fn send<C: Call>(&self, act: Act, call: &C) -> Result<String, CallError> {
        self.adapter.send(envelope(act, call, &self.clock)).await
    }

    async fn act<C: Call>(&self, call: &C, key: &CallKey) -> Result<C::Reply, CallError> {
        self.send(Act::Do(key.clone()), call).await.map(|reply| serde_json::from_str(&reply).unwrap())
    }

    async fn recall<C: Call>(&self, call: &C, key: &CallKey) -> Result<C::Reply, CallError> {
        self.send(Act::Recall(key.clone()), call).await.map(|reply| serde_json::from_str(&reply).unwrap())
    }

    async fn cancel<C: Call>(&self, call: &C, key: &CallKey) -> Result<(), CallError> {
        self.send(Act::Cancel(key.clone()), call).await.map(drop)
    }

    /// A call that is sent, and whose answer nobody waits for any more once `seen` is so.
    #[expect(clippy::disallowed_methods, reason = "whoever gives up waiting is a task of its own")]
    async fn abandon<C: Call>(&self, call: &C, key: &CallKey, seen: impl Fn(&Toss) -> bool) {
        let (adapter, envelope) = (Arc::clone(&self.adapter), envelope(Act::Do(key.clone()), call, &self.clock));
        let waiting = tokio::spawn(async move { adapter.send(envelope).await });
        until(|| waiting.is_finished() || seen(&self.toss)).await;
        waiting.abort();
    }
}

/// Lets everything else go on until something is so.
async fn until(seen: impl Fn() -> bool) {
    let patience = clock::SystemClock::with_offset(jiff::SignedDuration::ZERO);
    while !seen() {
        assert!(patience.elapsed() < Duration::from_secs(10), "it never happens");
        tokio::task::yield_now().await;
    }
}

fn charge() -> Charge {
    Charge { order: ORDER.into(), amount: won(15_000), title: "Deposit".into(), until: jiff::Timestamp::MAX }
}

fn approve() -> Approve {
    Approve { order: ORDER.into(), amount: won(15_000), payment: PAYMENT.into() }
}

fn refund(minor: i64) -> Refund {
    Refund { order: ORDER.into(), payment: PAYMENT.into(), amount: won(minor), reason: "the guest cancelled".into() }
}

const CONFIRM: &str = "POST /v1/payments/confirm";
const CANCEL: &str = "POST /v1/payments/tviva20261124_1/cancel";
