//! One door for all services: paths begin with the system's name and, when there is only one system, need not.

use axum::Router;
use axum::response::IntoResponse;
use edge::Problem;

/// A system's routes, made for where they stand.
pub struct Hosted<'a> {
    /// Its name.
    pub name: &'static str,
    /// Makes its routes behind a base: nothing, or its name.
    pub routes: Box<dyn Fn(&str) -> Router + 'a>,
}

/// The door to these systems, and to `actuator` beside them.
pub fn door(systems: &[Hosted<'_>], actuator: Router) -> Router {
    let mut door = actuator;
    for system in systems {
        let base = format!("/{}", system.name);
        door = door.nest(&base, (system.routes)(&base));
    }
    if let [only] = systems {
        door = door.merge((only.routes)(""));
    }
    closed(door)
}

/// The same routes for one service alone, on a port of its own.
pub fn service_door(routes: Router, actuator: Router) -> Router {
    closed(routes.merge(actuator))
}

/// Whatever is not known is a problem like any other.
fn closed(router: Router) -> Router {
    router
        .fallback(async || Problem::not_found().into_response())
        .method_not_allowed_fallback(async || Problem::method_not_allowed("").into_response())
}
