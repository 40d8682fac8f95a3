//! The system as a whole, on the test kit: its flows, the faults it must not have, and everything going wrong at once.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod agreement;
mod edge_tests;
mod faults;
mod flows;
mod in_time;
mod links;
mod refunds;
mod sagas;
mod simulation;
mod streams;
mod who;
mod workload;

use std::sync::Arc;

use payments::TestProvider;
use testkit::{Outside, Subject, TestApp};

/// The system with its usual settings and a provider that pays at once.
const RESTAURANT: Subject = Subject {
    spec: yeyak_restaurant::spec,
    routes: |system| {
        yeyak_restaurant::routes(system, "", &edge::Entry::open(edge::Limits::default()), &yeyak_restaurant::Settings::default())
    },
    outside: |clock| Outside::of(payments::api::PAYMENTS, Arc::new(TestProvider::in_memory(clock))),
};

/// The same with a provider whose guests pay in a browser.
const IN_BROWSER: Subject = Subject {
    outside: |clock| {
        let provider = TestProvider::in_memory(clock).in_browser("https://pay.example/checkout");
        Outside::of(payments::api::PAYMENTS, Arc::new(provider))
    },
    ..RESTAURANT
};

/// The instant at which stories begin: a Monday morning.
const NOW: &str = "2026-11-23T10:05:00+09:00";

/// What the provider has in its book.
fn book(app: &TestApp) -> payments::Book {
    app.outside().get::<TestProvider>().book()
}
