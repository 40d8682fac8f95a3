//! The services of a system with their routes: what every system's `lib.rs` lists.

use std::sync::Arc;

use axum::Router;
use runtime::{Service, SystemHandle, SystemSpec};

use crate::auth::Offers;
use crate::contract;
use crate::{Declared, Entry, Routes};

/// What one service consists of, and its routes. `S` is what an installation says of its system.
pub type Member<S> = (fn() -> Service, fn(Routes, &S) -> Routes);

/// The services of a system, in the order of their ports.
pub struct Members<S: 'static> {
    /// The system's name, the first part of its paths.
    pub system: &'static str,
    /// The services.
    pub services: &'static [Member<S>],
}

impl<S: Default> Members<S> {
    /// The system, as it is run.
    pub fn spec(&self) -> SystemSpec {
        SystemSpec { name: self.system, services: self.services.iter().map(|(service, _)| service()).collect() }
    }

    /// The routes of those services that `system` shows, behind `base`.
    pub fn routes(&self, system: &SystemHandle, base: &str, entry: &Entry, settings: &S) -> Router {
        let shown = self.services.iter().filter_map(|(service, routes)| Some((system.service(service().name())?, routes)));
        let offers = Arc::new(Offers::of(base, self.declared()));
        let routers = shown.map(|(service, routes)| routes(Routes::new(), settings).into_router(service, base, entry, &offers));
        routers.fold(Router::new(), Router::merge)
    }

    /// Who may use which route, as the services declare it.
    pub fn declared(&self) -> Vec<Declared> {
        self.services.iter().flat_map(|(_, routes)| routes(Routes::new(), &S::default()).declared().collect::<Vec<_>>()).collect()
    }

    /// What clients can rely on of those services that are named.
    pub fn contract(&self, services: &[&str]) -> contract::System {
        let all = self.services.iter().map(|(service, routes)| (service(), routes));
        let shown = all.filter(|(service, _)| services.contains(&service.name())).map(|(service, routes)| contract::Service {
            name: service.name(),
            operations: routes(Routes::new(), &S::default()).operations(),
            events: service.schemas().map(|(name, schema)| (name.to_owned(), schema.clone())).collect(),
        });
        contract::System { name: self.system, services: shown.collect() }
    }
}
