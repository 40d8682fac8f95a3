//! One door for all services: paths begin with the system's name and, when there is only one system, need not.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should"))]

mod coding;
pub mod server;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use edge::language::{self, Catalogue};
use edge::{Coding, Observer, Problem, position, request_id};
use futures_util::stream;
use tower::{Layer, ServiceExt};
use tower_http::cors::{AllowHeaders, AllowOrigin, Cors as Allowing, CorsLayer};

/// A system's routes, made for where they stand.
pub struct Hosted<'a> {
    /// Its name.
    pub name: &'static str,
    /// Makes its routes behind a base: nothing, or its name.
    pub routes: Box<dyn Fn(&str) -> Router + 'a>,
}

/// What the doors of an installation have in common.
#[derive(Clone)]
pub struct Outside {
    /// The pages that may ask.
    pub cors: Cors,
    /// Makes ids for requests that bring none: unlike any other.
    pub ids: Arc<dyn Fn() -> String + Send + Sync>,
    /// What is told in Korean.
    pub catalogue: Catalogue,
    /// Sees every request.
    pub observer: Observer,
}

/// The origins whose pages may ask and read the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cors {
    /// All.
    Any,
    /// These, such as `https://pages.example`; none when there are none.
    These(Vec<HeaderValue>),
}

/// The door to these systems, and to `actuator` beside them.
pub fn door(systems: &[Hosted<'_>], actuator: Router, outside: &Outside) -> Door {
    let mut door = actuator;
    for system in systems {
        let base = format!("/{}", system.name);
        door = door.nest(&base, (system.routes)(&base));
    }
    if let [only] = systems {
        door = door.merge((only.routes)(""));
    }
    Door::to(door, outside)
}

/// The same routes for one service alone, on a port of its own.
pub fn service_door(routes: Router, actuator: Router, outside: &Outside) -> Door {
    Door::to(routes.merge(actuator), outside)
}

/// What every request passes. It is functions and not a layer for each thing: layers are cloned for every request, each with all that are
/// within it.
#[derive(Clone)]
pub struct Door(Arc<Within>);

struct Within {
    outside: Outside,
    /// All routes, and what pages of other origins are told.
    asked: Allowing<Router>,
    /// The same for an OPTIONS that no browser has sent ahead.
    options: Router,
}

/// What a browser has to be told before it lets a page of another origin ask and read the answer. No cookie or other credential that it
/// would send by itself goes with such a request: nothing here reads one.
fn origins(cors: &Cors) -> CorsLayer {
    let allowed = match cors {
        Cors::Any => AllowOrigin::any(),
        Cors::These(origins) => AllowOrigin::list(origins.iter().cloned()),
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(PREFLIGHT_KEPT)
}

/// What a page may read of an answer besides its body.
const EXPOSED: [HeaderName; 10] = [
    header::ALLOW,
    header::CONTENT_LOCATION,
    header::ETAG,
    header::LOCATION,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    HeaderName::from_static("preference-applied"),
    request_id::HEADER,
    position::POSITION,
    HeaderName::from_static("yeyak-stale"),
];

/// How long a browser remembers what it was told before.
const PREFLIGHT_KEPT: Duration = Duration::from_secs(600);

/// Says in one way what can be done here: what can be asked is among it, and nobody further in knows of that.
fn spelt(mut answer: Response) -> Response {
    if answer.status() == StatusCode::METHOD_NOT_ALLOWED
        && let Some(allow) = answer.headers().get(header::ALLOW).and_then(|allow| allow.to_str().ok())
    {
        let methods: Vec<_> = allow.split(',').map(str::trim).filter(|method| !method.is_empty()).chain(["OPTIONS"]).collect();
        if let Ok(allow) = HeaderValue::from_str(&methods.join(", ")) {
            answer.headers_mut().insert(header::ALLOW, allow);
        }
    }
    answer
}

/// Tells what can be done here.
async fn options(mut request: Request, next: Next) -> Response {
    *request.method_mut() = Method::OPTIONS;
    let mut answer = spelt(next.run(request).await);
    let (StatusCode::METHOD_NOT_ALLOWED, Some(allow)) = (answer.status(), answer.headers().get(header::ALLOW)) else { return answer };
    let mut told = (StatusCode::NO_CONTENT, [(header::ALLOW, allow.clone())]).into_response();
    answer.extensions_mut().remove::<Problem>();
    // Which route it was, for whoever counts.
    *told.extensions_mut() = std::mem::take(answer.extensions_mut());
    told
}

impl Door {
    /// Whatever is not known is a problem like any other, told in the reader's language, and pages of these origins may ask.
    fn to(router: Router, outside: &Outside) -> Self {
        let router = edge::named(router)
            .fallback(async || Problem::not_found().into_response())
            .method_not_allowed_fallback(async || Problem::method_not_allowed("").into_response());
        let origins = origins(&outside.cors);
        let options = Router::new().fallback_service(origins.layer(from_fn(options).layer(router.clone())));
        Self(Arc::new(Within { outside: outside.clone(), asked: origins.layer(router), options }))
    }

    /// The answer to a request, which is seen, and has its id from here on.
    pub async fn answer(&self, mut request: Request) -> Response {
        let outside = &self.0.outside;
        let id = request_id::sent(request.headers()).map_or_else(|| (outside.ids)(), str::to_owned);
        request_id::put(request.headers_mut(), &id);
        let mut answer = outside.observer.see(request, &id, |request| self.0.answer(request)).await;
        request_id::put(answer.headers_mut(), &id);
        answer
    }
}

impl Within {
    /// What is the same for every request: HEAD as a GET whose body stays here, what went wrong in the reader's language, and bodies made
    /// smaller.
    async fn answer(&self, mut request: Request) -> Response {
        let (coding, korean) = (Coding::wanted(request.headers()), language::prefers_korean(request.headers()));
        // A HEAD says what a GET would, so it is one as far as anybody further in is concerned.
        let is_head = *request.method() == Method::HEAD;
        if is_head {
            *request.method_mut() = Method::GET;
        }
        // What tells pages of origins would answer every OPTIONS itself, so one that no browser sends ahead of a page's request goes past it
        // as a GET, to where it is answered.
        let is_sent_ahead = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let Ok(answer) = if *request.method() == Method::OPTIONS && !is_sent_ahead {
            *request.method_mut() = Method::GET;
            self.options.clone().oneshot(request).await
        } else {
            self.asked.clone().oneshot(request).await
        };
        let answer = language::spoken(spelt(answer), korean, &self.outside.catalogue);
        let answer = coding::encoded(answer, coding).await;
        if is_head { without_body(answer) } else { answer }
    }
}

/// The answer to a HEAD: as long as the body would be, and without it.
fn without_body(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let body = match body.size_hint().exact() {
        Some(length) => {
            parts.headers.insert(header::CONTENT_LENGTH, length.into());
            Body::empty()
        }
        // Nobody knows how long it would be, so nobody is to find that it is nothing long.
        None => Body::from_stream(stream::empty::<Result<Bytes, Infallible>>()),
    };
    Response::from_parts(parts, body)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use axum::routing::get;
    use clock::ManualClock;
    use http_body_util::BodyExt;
    use kernel::Timestamp;
    use telemetry::{Exposition, Tracer};

    use super::*;

    fn outside(cors: Cors) -> Outside {
        let observer = Observer::new(Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH)), Tracer::off());
        Outside { cors, ids: Arc::new(|| "one-of-ours".into()), catalogue: Catalogue::new([]), observer }
    }

    /// A door to these routes, for who asks no matter from where.
    pub(crate) fn door_to(routes: Router) -> Door {
        Door::to(routes, &outside(Cors::Any))
    }

    /// The answers of both doors.
    async fn answers(cors: Cors, method: &str, path: &str, headers: &[(&str, &str)]) -> [Response; 2] {
        let rooms = || {
            let long = "long ".repeat(1000);
            Router::new()
                .route("/rooms", get(async || ([(header::ETAG, "\"tag\"")], "rooms")))
                .route("/long", get(async move || ([(header::ETAG, "\"tag\""), (header::CONTENT_TYPE, "application/json")], long)))
                .route(
                    "/told",
                    get(async |request: Request| {
                        // Told piece by piece, so that nobody knows beforehand how long it is.
                        let id = Bytes::copy_from_slice(request.headers()[request_id::HEADER].as_bytes());
                        Body::from_stream(stream::iter([Ok::<_, Infallible>(id)]))
                    }),
                )
                .route("/live", get(async || ([(header::CONTENT_TYPE, "text/event-stream")], "x".repeat(5000))))
                .route("/none", get(async || StatusCode::NO_CONTENT))
        };
        let system = Hosted { name: "meetingroom", routes: Box::new(move |_| rooms()) };
        let outside = outside(cors);
        let doors = [door(&[system], Router::new(), &outside), service_door(rooms(), Router::new(), &outside)];
        let mut answers = Vec::new();
        for door in doors {
            let request =
                headers.iter().fold(Request::builder().method(method).uri(path), |request, (name, value)| request.header(*name, *value));
            answers.push(door.answer(request.body(Body::empty()).unwrap()).await);
        }
        answers.try_into().unwrap()
    }

    /// The status and the headers that both doors answer.
    async fn ask_from(cors: Cors, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, BTreeMap<String, String>) {
        let [one, other] = answers(cors, method, path, headers).await.map(|answer| {
            let all = |name| answer.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join(", ");
            let headers = answer.headers().keys().map(|name| (name.to_string(), all(name)));
            (answer.status().as_u16(), headers.collect())
        });
        assert_eq!(one, other);
        one
    }

    async fn ask(method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, BTreeMap<String, String>) {
        ask_from(Cors::Any, method, path, headers).await
    }

    const ORIGIN: (&str, &str) = ("origin", "https://page.example");

    #[tokio::test]
    async fn a_page_of_any_origin_may_ask_and_read_the_answer() {
        for (path, status) in [("/rooms", 200), ("/nothing", 404)] {
            let (found, headers) = ask("GET", path, &[ORIGIN]).await;
            assert_eq!((found, headers["access-control-allow-origin"].as_str()), (status, "*"));
            let exposed = &headers["access-control-expose-headers"];
            for name in ["location", "etag", "retry-after", "x-request-id", "yeyak-position", "preference-applied"] {
                assert!(exposed.split(',').any(|one| one == name), "{name}: {exposed}");
            }
        }
        let (refused, headers) = ask("POST", "/rooms", &[ORIGIN]).await;
        assert_eq!((refused, headers["access-control-allow-origin"].as_str()), (405, "*"));
        assert_eq!(headers["allow"], "GET, HEAD, OPTIONS", "whoever spelt it");
    }

    #[tokio::test]
    async fn only_pages_of_listed_origins_may_where_there_is_a_list() {
        let these = |origins: &[&'static str]| Cors::These(origins.iter().map(|origin| HeaderValue::from_static(origin)).collect());
        let listed = these(&["https://other.example", "https://page.example"]);
        let ahead = ("access-control-request-method", "DELETE");
        for (method, asks) in [("GET", &[ORIGIN][..]), ("OPTIONS", &[ORIGIN, ahead][..])] {
            let (_, headers) = ask_from(listed.clone(), method, "/rooms", asks).await;
            assert_eq!(headers["access-control-allow-origin"], "https://page.example");
            assert!(headers["vary"].contains("origin"), "{headers:?}");
            for other in [these(&[]), these(&["https://page.example.evil", "http://page.example"])] {
                let (_, headers) = ask_from(other, method, "/rooms", asks).await;
                assert!(!headers.contains_key("access-control-allow-origin"), "{headers:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_a_browser_sends_ahead_is_answered() {
        for method in ["GET", "POST", "PATCH", "DELETE", "OPTIONS"] {
            let wants =
                [ORIGIN, ("access-control-request-method", method), ("access-control-request-headers", "content-type,idempotency-key")];
            let (status, headers) = ask("OPTIONS", "/rooms", &wants).await;
            assert_eq!((status, headers["access-control-allow-origin"].as_str()), (200, "*"));
            assert!(headers["access-control-allow-methods"].split(',').any(|allowed| allowed == method));
            assert_eq!(headers["access-control-allow-headers"], "content-type,idempotency-key");
            assert!(!headers.contains_key("access-control-allow-credentials"));
            assert_eq!(headers["x-request-id"], "one-of-ours");
        }
    }

    #[tokio::test]
    async fn other_options_are_answered_with_what_can_be_done() {
        let (status, headers) = ask("OPTIONS", "/rooms", &[ORIGIN]).await;
        assert_eq!((status, headers["allow"].as_str()), (204, "GET, HEAD, OPTIONS"));
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(ask("OPTIONS", "/nothing", &[]).await.0, 404);
        let listed = Cors::These(vec![HeaderValue::from_static("https://page.example")]);
        for (path, status) in [("/rooms", 204), ("/nothing", 404)] {
            let (found, headers) = ask_from(listed.clone(), "OPTIONS", path, &[ORIGIN]).await;
            assert_eq!((found, headers["access-control-allow-origin"].as_str()), (status, "https://page.example"));
            let (_, headers) = ask_from(listed.clone(), "OPTIONS", path, &[]).await;
            assert!(headers["vary"].contains("origin") && !headers.contains_key("access-control-allow-origin"), "{headers:?}");
        }
    }

    #[tokio::test]
    async fn every_answer_has_the_id_of_its_request() {
        for (method, path) in [("GET", "/rooms"), ("GET", "/nothing"), ("DELETE", "/rooms"), ("OPTIONS", "/rooms"), ("HEAD", "/long")] {
            let told = async |headers: &[(&str, &str)]| ask(method, path, headers).await.1["x-request-id"].clone();
            assert_eq!(told(&[]).await, "one-of-ours");
            assert_eq!(told(&[("x-request-id", "theirs-1")]).await, "theirs-1");
            assert_eq!(told(&[("x-request-id", "no good")]).await, "one-of-ours");
        }
        for (sent, told) in [("theirs-1", "theirs-1"), ("no good", "one-of-ours")] {
            for answer in answers(Cors::Any, "GET", "/told", &[("x-request-id", sent)]).await {
                assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), told, "those further in know it as well");
            }
        }
    }

    #[tokio::test]
    async fn requests_are_seen_as_they_were_sent() {
        let outside = outside(Cors::Any);
        let rooms = get(async || "rooms").fallback(async || Problem::method_not_allowed("GET, HEAD").into_response());
        let door = service_door(Router::new().route("/rooms", rooms), Router::new(), &outside);
        for (method, path) in [("GET", "/rooms"), ("HEAD", "/rooms"), ("OPTIONS", "/rooms"), ("GET", "/nothing"), ("DELETE", "/rooms")] {
            door.answer(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await;
        }
        let mut shown = Exposition::default();
        outside.observer.show(&mut shown);
        let counted: BTreeSet<_> =
            shown.to_string().lines().filter_map(|line| line.strip_prefix("yeyak_http_requests_total").map(str::to_owned)).collect();
        let expected = [("GET", "/rooms", 200), ("HEAD", "/rooms", 200), ("OPTIONS", "/rooms", 204), ("GET", "unknown", 404)];
        let expected = expected.into_iter().chain([("DELETE", "/rooms", 405)]);
        let sample = |(method, route, status)| format!("{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} 1");
        assert_eq!(counted, expected.map(sample).collect());
    }

    #[tokio::test]
    async fn what_is_long_is_made_smaller_for_whoever_reads_that() {
        for (accepts, coding) in
            [("gzip", Some("gzip")), ("gzip, zstd;q=0.9", Some("gzip")), ("br, zstd, gzip", Some("zstd")), ("br", None)]
        {
            for path in ["/long", "/rooms", "/live", "/told", "/none", "/nothing"] {
                let coding = coding.filter(|_| path == "/long");
                let plain = ask("GET", path, &[]).await;
                let (status, headers) = ask("GET", path, &[("accept-encoding", accepts)]).await;
                assert_eq!((status, headers.get("content-encoding").map(String::as_str)), (plain.0, coding), "{path} {accepts}");
                if path == "/long" {
                    assert!(headers["vary"].ends_with("accept-encoding"), "{headers:?}");
                    assert_eq!(headers["etag"], coding.map_or("\"tag\"".into(), |coding| format!("\"tag-{coding}\"")));
                }
                let (status, mut of_head) = ask("HEAD", path, &[("accept-encoding", accepts)]).await;
                assert_eq!(status, plain.0);
                let length = of_head.remove("content-length");
                let mut headers = headers;
                headers.remove("content-length");
                assert_eq!(of_head, headers, "HEAD {path} {accepts}");
                let [answer, _] = answers(Cors::Any, "GET", path, &[("accept-encoding", accepts)]).await;
                let body = answer.into_body().collect().await.unwrap().to_bytes();
                assert_eq!(length, (path != "/told").then(|| body.len().to_string()), "HEAD {path} {accepts}");
                let [answer, _] = answers(Cors::Any, "HEAD", path, &[("accept-encoding", accepts)]).await;
                assert!(answer.into_body().collect().await.unwrap().to_bytes().is_empty());
                if path == "/long" {
                    let plain = "long ".repeat(1000);
                    assert_eq!(decoded(coding, &body), plain.as_bytes(), "{accepts}");
                    assert!(coding.is_none() || body.len() < 200);
                }
            }
        }
    }

    fn decoded(coding: Option<&str>, body: &[u8]) -> Vec<u8> {
        use std::io::Read;
        let mut plain = Vec::new();
        match coding {
            Some("gzip") => drop(flate2::read::GzDecoder::new(body).read_to_end(&mut plain).unwrap()),
            Some(_) => plain = zstd::decode_all(body).unwrap(),
            None => plain = body.into(),
        }
        plain
    }
}
