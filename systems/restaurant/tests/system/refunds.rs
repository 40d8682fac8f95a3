//! A refund that the provider refuses: it is seen, tried again, and given back once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use calls::{Act, Envelope, Transport};
use futures_util::future::BoxFuture;
use kernel::{Call as _, CallError, Refused, RefusedKind};
use payments::TestProvider;
use payments::api::{PAYMENTS, Refund};
use serde_json::{Value, json};
use testkit::{Outside, Subject, TestApp, at};

use crate::{NOW, RESTAURANT};

/// A provider that refuses to give money back, or says so although it does.
struct Reluctant {
    provider: TestProvider,
    refuses: AtomicBool,
    gives_all_the_same: AtomicBool,
}

impl Transport for Reluctant {
    fn send<'a>(&'a self, envelope: Envelope) -> BoxFuture<'a, Result<String, CallError>> {
        if envelope.call != Refund::NAME || !self.refuses.load(Ordering::Relaxed) {
            return self.provider.send(envelope);
        }
        Box::pin(async move {
            if matches!(envelope.act, Act::Do(_)) && self.gives_all_the_same.load(Ordering::Relaxed) {
                self.provider.send(envelope).await?;
            }
            Err(CallError::Refused(Refused::new(RefusedKind::Conflict, "refund-refused", "the account is closed")))
        })
    }
}

const RELUCTANT: Subject = Subject {
    outside: |clock| {
        let provider = TestProvider::in_memory(clock);
        Outside::of(PAYMENTS, Arc::new(Reluctant { provider, refuses: true.into(), gives_all_the_same: false.into() }))
    },
    ..RESTAURANT
};

/// A reservation that was cancelled, whose deposit the provider did not give back.
fn refused(gives_all_the_same: bool) -> (TestApp, Arc<Reluctant>) {
    let mut app = TestApp::start(RELUCTANT, at(NOW));
    let provider = app.outside().get::<Reluctant>();
    provider.gives_all_the_same.store(gives_all_the_same, Ordering::Relaxed);
    app.post("/reservations", json!({"restaurantNo": "10", "day": "20261124"})).expect(201);
    app.settle();
    app.delete("/reservations/1").expect(204);
    app.settle();
    (app, provider)
}

/// The deposit's status, and whether it says that it can be tried again.
fn shown(app: &mut TestApp) -> (Value, bool) {
    let row = app.get("/deposits/1").expect(200);
    (row["status"].clone(), row["_links"]["refund"].is_object())
}

/// How often the money was given back, and how much of it is still there.
fn given_back(provider: &Reluctant) -> (usize, i64) {
    let book = provider.provider.book();
    (book.payments().map(|payment| payment.refunds.len()).sum(), book.kept())
}

#[test]
fn a_refund_that_was_refused_is_found_and_tried_until_it_is_made_once() {
    let (mut app, provider) = refused(false);
    assert_eq!(shown(&mut app), ("PayCancelFailed".into(), true));
    let found = app.get("/deposits?status=PayCancelFailed").expect(200);
    assert_eq!(found["page"]["totalElements"], 1);
    app.post("/deposits/1/refund", json!({})).expect(204);
    app.settle();
    assert_eq!(shown(&mut app), ("PayCancelFailed".into(), true), "it is refused once more");
    provider.refuses.store(false, Ordering::Relaxed);
    for _ in 0..2 {
        app.post("/deposits/1/refund", json!({})).expect(204);
    }
    app.settle();
    assert_eq!((shown(&mut app), given_back(&provider)), (("PayCanceled".into(), false), (1, 0)));
    app.post("/deposits/1/refund", json!({})).expect(204);
    app.settle();
    assert_eq!(given_back(&provider), (1, 0));
    app.verify();
}

#[test]
fn a_refund_that_was_made_though_it_was_refused_is_not_made_again() {
    let (mut app, provider) = refused(true);
    assert_eq!((shown(&mut app).0, given_back(&provider)), ("PayCancelFailed".into(), (1, 0)));
    provider.refuses.store(false, Ordering::Relaxed);
    app.post("/deposits/1/refund", json!({})).expect(204);
    app.settle();
    assert_eq!((shown(&mut app), given_back(&provider)), (("PayCanceled".into(), false), (1, 0)));
    app.verify();
}

#[test]
fn nothing_is_given_back_that_nobody_is_owed() {
    let mut app = TestApp::start(RESTAURANT, at(NOW));
    app.post("/reservations", json!({"restaurantNo": "10", "day": "20261124"})).expect(201);
    app.settle();
    assert_eq!(shown(&mut app), ("PayCompleted".into(), false));
    app.post("/deposits/1/refund", json!({})).refused(409, "refund-not-due");
    app.post("/deposits/2/refund", json!({})).refused(404, "not-found");
}
