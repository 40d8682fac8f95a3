//! Deposit, recommendation and customercenter beside a reservation and a restaurant that publish whatever a test has them publish.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::Router;
use edge::auth::Offers;
use edge::{Entry, Limits, Routes};
use kernel::{Aggregate, Commands, Exposed, Published, Refused, Timestamp};
use runtime::{Outcome, Request, Service, SystemHandle, SystemSpec};
use serde::{Deserialize, Serialize};
use store::Meta;
use testkit::{Subject, TestApp};

use crate::reservation::api::ReservationEvent;
use crate::restaurant::api::RestaurantEvent;
use crate::{Settings, customercenter, deposit, recommendation};

/// The system.
pub(crate) const TOLD: Subject = Subject { spec, routes, outside: testkit::Outside::nothing };

fn spec() -> SystemSpec {
    let reservation = Service::new("reservation").aggregate::<Teller<ReservationEvent>>();
    let restaurant = Service::new("restaurant").aggregate::<Teller<RestaurantEvent>>();
    let services = vec![reservation, restaurant, deposit::service(), recommendation::service(), customercenter::service()];
    SystemSpec { name: crate::NAME, services }
}

fn routes(system: &SystemHandle) -> Router {
    let own: [fn(Routes, &Settings) -> Routes; 3] = [deposit::routes, customercenter::routes, recommendation::routes];
    let names = ["deposit", "customercenter", "recommendation"];
    let routers = own.iter().zip(names).map(|(routes, name)| {
        let service = system.service(name).unwrap();
        let routes = routes(Routes::new(), &Settings::default());
        let offers = Arc::new(Offers::of("", routes.declared()));
        routes.into_router(service, "", &Entry::open(Limits::default()), &offers)
    });
    routers.fold(Router::new(), Router::merge)
}

/// Publishes what it is told, in the order of each key.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
struct Teller<E>(PhantomData<fn() -> E>);

impl<E> Default for Teller<E> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E: Published + Clone + Debug> Aggregate for Teller<E> {
    const NAME: &'static str = "teller";
    type Key = String;
    type Command = E;
    type Event = E;
    type Refusal = Refused;

    fn decide(&self, event: E, _at: Timestamp) -> Result<Vec<E>, Refused> {
        Ok(vec![event])
    }

    fn evolve(&mut self, _event: &E, _at: Timestamp) {}
}

impl<E: Published + Clone + Debug> Exposed for Teller<E> {
    type Published = E;

    fn publish(&self, _key: &String, event: &E, _at: Timestamp) -> Option<E> {
        Some(event.clone())
    }
}

/// Has a command decided by a service of the system.
#[track_caller]
pub(crate) fn command<A: Aggregate>(app: &mut TestApp, service: &str, key: &A::Key, command: A::Command) {
    let service = app.system().service(service).unwrap();
    let meta = Meta { correlation: "test".into(), causation: "test".into(), caller: "administrator".into(), trace: None };
    let outcome = app.wait_for(async move { service.execute(Request::new(Commands::to::<A>(key, command), meta)).await });
    assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
}

/// Reservation publishes this of one of its keys.
#[track_caller]
pub(crate) fn reservation(app: &mut TestApp, key: &str, event: ReservationEvent) {
    command::<Teller<ReservationEvent>>(app, "reservation", &key.to_owned(), event);
}

/// Restaurant publishes this of one of its entries.
#[track_caller]
pub(crate) fn restaurant(app: &mut TestApp, key: &str, event: RestaurantEvent) {
    command::<Teller<RestaurantEvent>>(app, "restaurant", &key.to_owned(), event);
}
