//! One door for all services: paths begin with the system's name and, when there is only one system, need not.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should"))]

pub mod server;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use edge::Problem;
use edge::language::{self, Catalogue};
use tower::ServiceExt;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

/// A system's routes, made for where they stand.
pub struct Hosted<'a> {
    /// Its name.
    pub name: &'static str,
    /// Makes its routes behind a base: nothing, or its name.
    pub routes: Box<dyn Fn(&str) -> Router + 'a>,
}

/// The door to these systems, and to `actuator` beside them.
pub fn door(systems: &[Hosted<'_>], actuator: Router, catalogue: Catalogue) -> Router {
    let mut door = actuator;
    for system in systems {
        let base = format!("/{}", system.name);
        door = door.nest(&base, (system.routes)(&base));
    }
    if let [only] = systems {
        door = door.merge((only.routes)(""));
    }
    closed(door, catalogue)
}

/// The same routes for one service alone, on a port of its own.
pub fn service_door(routes: Router, actuator: Router, catalogue: Catalogue) -> Router {
    closed(routes.merge(actuator), catalogue)
}

/// Whatever is not known is a problem like any other, told in the reader's language, and pages of any origin may ask.
fn closed(router: Router, catalogue: Catalogue) -> Router {
    let router = router
        .fallback(async || Problem::not_found().into_response())
        .method_not_allowed_fallback(async || Problem::method_not_allowed("").into_response())
        .layer(from_fn_with_state(catalogue, language::speak));
    // The layer would answer every OPTIONS, also one that no browser sends ahead, and that routes answer with what they allow.
    router.clone().layer(any_origin()).layer(from_fn_with_state(router, past_any_origin))
}

/// What a browser has to be told before it lets a page of any origin ask and read the answer (required: any origin with `auth=open`). No
/// cookie or other credential goes with such a request: nothing here reads one.
fn any_origin() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([header::LOCATION, header::RETRY_AFTER])
}

async fn past_any_origin(State(plain): State<Router>, request: Request, next: Next) -> Response {
    let is_sent_ahead = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() != Method::OPTIONS || is_sent_ahead {
        return next.run(request).await;
    }
    match plain.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use axum::body::Body;
    use axum::routing::get;

    use super::*;

    /// The status and the headers that both doors answer.
    async fn ask(method: Method, path: &str, headers: &[(&str, &str)]) -> (u16, BTreeMap<String, String>) {
        let rooms = || Router::new().route("/rooms", get(async || "rooms"));
        let system = Hosted { name: "meetingroom", routes: Box::new(move |_| rooms()) };
        let mut answers = Vec::new();
        let catalogue = || Catalogue::new([]);
        for door in [door(&[system], Router::new(), catalogue()), service_door(rooms(), Router::new(), catalogue())] {
            let request =
                headers.iter().fold(Request::builder().method(&method).uri(path), |request, (name, value)| request.header(*name, *value));
            let answer = door.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
            answers.push((answer.status().as_u16(), headers.collect()));
        }
        assert_eq!(answers[0], answers[1]);
        answers.remove(0)
    }

    const ORIGIN: (&str, &str) = ("origin", "https://page.example");

    #[tokio::test]
    async fn a_page_of_any_origin_may_ask_and_read_the_answer() {
        for (path, status) in [("/rooms", 200), ("/none", 404)] {
            let (found, headers) = ask(Method::GET, path, &[ORIGIN]).await;
            assert_eq!((found, headers["access-control-allow-origin"].as_str()), (status, "*"));
            assert_eq!(headers["access-control-expose-headers"], "location,retry-after");
        }
        let (refused, headers) = ask(Method::POST, "/rooms", &[ORIGIN]).await;
        assert_eq!((refused, headers["access-control-allow-origin"].as_str()), (405, "*"));
    }

    #[tokio::test]
    async fn what_a_browser_sends_ahead_is_answered() {
        for method in ["GET", "POST", "PATCH", "DELETE"] {
            let wants =
                [ORIGIN, ("access-control-request-method", method), ("access-control-request-headers", "content-type,idempotency-key")];
            let (status, headers) = ask(Method::OPTIONS, "/rooms", &wants).await;
            assert_eq!((status, headers["access-control-allow-origin"].as_str()), (200, "*"));
            assert!(headers["access-control-allow-methods"].split(',').any(|allowed| allowed == method));
            assert_eq!(headers["access-control-allow-headers"], "content-type,idempotency-key");
            assert!(!headers.contains_key("access-control-allow-credentials"));
        }
    }

    #[tokio::test]
    async fn other_options_are_a_method_like_any_other() {
        let (status, headers) = ask(Method::OPTIONS, "/rooms", &[ORIGIN]).await;
        assert_eq!((status, headers["allow"].as_str()), (405, "GET,HEAD"));
        assert_eq!(ask(Method::OPTIONS, "/none", &[]).await.0, 404);
    }
}
