use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use calls::{Envelope, Transport};
use futures_util::future::{BoxFuture, ready};
use kernel::{CallError, Money};
use payments::api::PAYMENTS;
use payments::{Checkout, TestProvider};
use testkit::{Outside, Subject, TestApp, at};

use super::*;

const NOW: &str = "2026-11-23T10:05:00+09:00";

/// A provider whose list is old for the first so many times: what it was asked for meanwhile is not in it. By its clock everything is a
/// little later.
struct Behind {
    provider: TestProvider,
    times: AtomicUsize,
    late: AtomicBool,
    /// Whether it gives nothing back.
    keeps: AtomicBool,
}

impl Transport for Behind {
    fn send<'a>(&'a self, envelope: Envelope) -> BoxFuture<'a, Result<String, CallError>> {
        if envelope.call == "refund" && self.keeps.load(Ordering::Relaxed) {
            return Box::pin(ready(Err(CallError::TimedOut { service: PAYMENTS.into() })));
        }
        self.provider.send(envelope)
    }
}

impl Provider for Behind {
    fn name(&self) -> &'static str {
        "behind"
    }

    fn transactions(&self, from: Timestamp, until: Timestamp) -> BoxFuture<'_, Result<Vec<Transaction>, CallError>> {
        let is_old = self.times.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |times| times.checked_sub(1)).is_ok();
        if is_old {
            return Box::pin(ready(Ok(Vec::new())));
        }
        let late = Duration::from_secs(if self.late.load(Ordering::Relaxed) { 1 } else { 0 });
        Box::pin(async move {
            let mut all = self.provider.transactions(Timestamp::MIN, Timestamp::MAX).await?;
            all.iter_mut().for_each(|one| one.at = one.at.saturating_add(late).unwrap_or(Timestamp::MAX));
            all.retain(|one| (from..until).contains(&one.at));
            Ok(all)
        })
    }

    fn has_agreed<'a>(&'a self, order: &'a str, amount: Money, payment: &'a str) -> BoxFuture<'a, Result<bool, CallError>> {
        self.provider.has_agreed(order, amount, payment)
    }

    fn checkout_page(&self, checkout: &Checkout) -> String {
        self.provider.checkout_page(checkout)
    }
}

const RESTAURANT: Subject = Subject {
    spec: restaurant::spec,
    routes: |system| restaurant::routes(system, "", &edge::Entry::open(edge::Limits::default()), &restaurant::Settings::default()),
    outside: |clock| {
        let provider = TestProvider::in_memory(clock);
        Outside::of(
            PAYMENTS,
            Arc::new(Behind { provider, times: AtomicUsize::new(0), late: AtomicBool::new(false), keeps: AtomicBool::new(false) }),
        )
    },
};

/// A restaurant where a table was reserved at this instant, and its books.
fn books(now: &str) -> (TestApp, Arc<Behind>, Arc<Reconciler>) {
    let mut app = TestApp::start(RESTAURANT, at(now));
    app.post("/reservations", json!({"restaurantNo": "10", "day": "20261125"})).expect(201);
    app.settle();
    let provider = app.outside().get::<Behind>();
    let clock = Arc::clone(app.system().service("deposit").expect("it runs").clock());
    let reconciler = Reconciler::new(app.system().clone(), Arc::clone(&provider) as _, Zone::default(), clock);
    (app, provider, Arc::new(reconciler))
}

fn compared(app: &mut TestApp, books: &Arc<Reconciler>, day: Option<Date>) -> Value {
    let books = Arc::clone(books);
    app.wait_for(async move { books.compare(day).await }).expect("both can be read")
}

#[test]
fn what_moved_while_the_books_were_read_is_no_disagreement() {
    let (mut app, provider, books) = books(NOW);
    for (times, found) in [(0, 0), (1, 0), (2, 1)] {
        provider.times.store(times, Ordering::Relaxed);
        let result = compared(&mut app, &books, None);
        assert_eq!(result["disagreements"].as_array().map(Vec::len), Some(found), "{times}: {result}");
    }
}

/// What is on its way is no disagreement, but it is not on its way for ever.
#[test]
fn money_that_is_not_given_back_in_an_hour_is_owed() {
    let (mut app, provider, books) = books(NOW);
    provider.keeps.store(true, Ordering::Relaxed);
    app.delete("/reservations/1").expect(204);
    for (minutes, owed) in [(1, 0), (59, 0), (3, 1)] {
        app.advance(Duration::from_secs(minutes * 60));
        let result = compared(&mut app, &books, None);
        assert_eq!(app.get("/deposits/1").expect(200)["status"], "PayCancelRequested");
        let found = result["disagreements"].as_array().unwrap();
        assert_eq!(found.iter().filter(|one| one["what"] == "owed" && one["reservationNo"] == 1).count(), owed, "{result}");
        assert_eq!(found.len(), owed, "{result}");
    }
    provider.keeps.store(false, Ordering::Relaxed);
    app.settle();
    assert_eq!(compared(&mut app, &books, None)["disagreements"], json!([]));
}

/// Nor is the money of a table that came to nothing, of which no deposit is shown.
#[test]
fn money_of_no_table_that_is_not_given_back_in_an_hour_is_only_there() {
    let (mut app, provider, books) = books(NOW);
    provider.keeps.store(true, Ordering::Relaxed);
    app.faults().set("restaurant/recommendation", runtime::Fault { refuse: true, ..runtime::Fault::default() });
    app.post("/reservations", json!({"restaurantNo": "10", "day": "20261125"})).refused(409, "refused-on-purpose");
    app.faults().clear();
    for (minutes, found) in [(1, 0), (58, 0), (3, 1)] {
        app.advance(Duration::from_secs(minutes * 60));
        let result = compared(&mut app, &books, None);
        let only_there = result["disagreements"].as_array().unwrap().iter().filter(|one| one["what"] == "only-there").count();
        assert_eq!((only_there, result["disagreements"].as_array().unwrap().len()), (found, found), "{result}");
    }
    provider.keeps.store(false, Ordering::Relaxed);
    app.settle();
    assert_eq!(compared(&mut app, &books, None)["disagreements"], json!([]));
}

#[test]
fn a_day_is_that_of_the_payment_in_the_zone() {
    let (mut app, _, books) = books(NOW);
    for (day, payments) in [(22, 0), (23, 1)] {
        assert_eq!(compared(&mut app, &books, Some(jiff::civil::date(2026, 11, day)))["payments"], payments);
    }
    let books = Arc::clone(&books);
    let tomorrow = app.wait_for(async move { books.compare(Some(jiff::civil::date(2026, 11, 24))).await });
    assert_eq!(tomorrow, Err("2026-11-24 has not begun".into()));
}

#[test]
fn a_payment_at_midnight_is_of_either_day_and_no_disagreement() {
    let (mut app, provider, books) = books("2026-11-23T23:59:59.5+09:00");
    provider.late.store(true, Ordering::Relaxed);
    app.advance(Duration::from_secs(60));
    for day in [23, 24] {
        let result = compared(&mut app, &books, Some(jiff::civil::date(2026, 11, day)));
        assert_eq!((&result["payments"], &result["disagreements"]), (&json!(1), &json!([])), "{day}");
    }
}

#[test]
fn it_is_done_at_four_in_the_morning() {
    let (_app, _, books) = books(NOW);
    let check = |now: &str, next: &str| assert_eq!(books.next(at(now)), at(next), "{now}");
    check("2026-11-23T03:59:59+09:00", "2026-11-23T04:00:00+09:00");
    check("2026-11-23T04:00:00+09:00", "2026-11-24T04:00:00+09:00");
    check("2026-12-31T23:00:00+09:00", "2027-01-01T04:00:00+09:00");
}
