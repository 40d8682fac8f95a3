//! What stands around all routes: every request is counted, timed, and a span of a trace if it is to be recorded.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use clock::SharedClock;
use telemetry::{Counter, Exposition, Family, Histogram, Metric, TraceContext, Tracer};
use tracing::Instrument;
use tracing::field::Empty;

const REQUESTS: Metric = Metric { name: "yeyak_http_requests_total", help: "Requests that were answered, by the template of their path." };
const TIMES: Metric =
    Metric { name: "yeyak_http_request_duration_seconds", help: "How long requests took, until their answer began to be sent." };
const SPANS: Metric = Metric { name: "yeyak_trace_spans_total", help: "Spans of traces that arrived where they are sent, or are lost." };

const UPTIME: Metric = Metric { name: "yeyak_uptime_seconds", help: "How long the process has been there." };

/// What stands for the path of a request that no route is for. Paths as they are sent would be without number.
const UNKNOWN: &str = "unknown";

/// Sees every request. Clones see for the same metrics.
#[derive(Clone)]
pub struct Observer(Arc<Seen>);

struct Seen {
    clock: SharedClock,
    /// When it began to look, on that clock.
    since: Duration,
    tracer: Tracer,
    requests: Family<(&'static str, Template, u16), Counter>,
    times: Family<(&'static str, Template), Histogram>,
}

/// The template of a request's path: that of the route, with which it is shared, so that no request has to make it anew.
#[derive(Clone)]
struct Template(Option<MatchedPath>);

impl Template {
    /// That of the route which answered; none when no route did.
    fn of(response: &Response) -> Self {
        Self(response.extensions().get::<MatchedPath>().cloned())
    }

    fn as_str(&self) -> &str {
        self.0.as_ref().map_or(UNKNOWN, MatchedPath::as_str)
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Template {}

impl PartialOrd for Template {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Template {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

/// The place in a trace that a request is, for its handler.
#[derive(Clone)]
pub(crate) struct Traced(pub(crate) TraceContext);

impl Observer {
    /// One that measures by this clock and records traces by this tracer.
    pub fn new(clock: SharedClock, tracer: Tracer) -> Self {
        let since = clock.elapsed();
        Self(Arc::new(Seen { clock, since, tracer, requests: Family::default(), times: Family::new(Histogram::of_times) }))
    }

    /// The answer to this request, which has this id. Which route it is that answers is known by [`named`].
    pub async fn see<F: Future<Output = Response>>(&self, mut request: Request, id: &str, answer: impl FnOnce(Request) -> F) -> Response {
        let seen = &*self.0;
        let started = seen.clock.elapsed();
        let method = method(request.method());
        let asked = seen.tracer.is_on().then(|| asked_within(request.headers())).flatten();
        let mut span = seen.tracer.begin(asked, || method.into());
        if let Some(context) = span.context() {
            request.extensions_mut().insert(Traced(context.clone()));
        }

        // An error has to be told with what it belongs to, whatever the level is.
        let lines = tracing::error_span!("request", method, correlation = id, route = Empty);
        let response = answer(request).instrument(lines.clone()).await;
        let status = response.status();
        lines.in_scope(|| tracing::debug!(status = status.as_u16(), "a request was answered"));

        span.set("http.request.method", method);
        span.set("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            span.fail(status.canonical_reason().unwrap_or("failed"));
        }
        let template = Template::of(&response);
        if span.context().is_some() {
            let route = template.as_str();
            span.rename(format!("{method} {route}"));
            span.set("http.route", route.to_owned());
        }
        seen.times.of(&(method, template.clone())).took(seen.clock.elapsed().saturating_sub(started));
        seen.requests.of(&(method, template, status.as_u16())).inc();
        response
    }

    /// Adds what there is to see.
    pub fn show(&self, to: &mut Exposition) {
        for ((method, route, status), count) in self.0.requests.all() {
            to.counter(REQUESTS, &[("method", method), ("route", route.as_str()), ("status", &status.to_string())], &count);
        }
        for ((method, route), times) in self.0.times.all() {
            to.histogram(TIMES, &[("method", method), ("route", route.as_str())], &times);
        }
        to.gauge(UPTIME, &[], self.0.clock.elapsed().saturating_sub(self.0.since).as_secs_f64());
        let (arrived, lost) = self.0.tracer.counts();
        to.count(SPANS, &[("outcome", "arrived")], arrived);
        to.count(SPANS, &[("outcome", "lost")], lost);
    }
}

/// The same routes, each of which says to whoever stands around them that it was the one: only within a route is it known.
pub fn named(router: Router) -> Router {
    router.layer(from_fn(name))
}

async fn name(request: Request, next: Next) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>().cloned() else { return next.run(request).await };
    tracing::Span::current().record("route", path.as_str());
    let mut response = next.run(request).await;
    response.extensions_mut().insert(path);
    response
}

/// The trace that a request says it is part of.
fn asked_within(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all("traceparent").iter();
    let (parent, None) = (parents.next()?.to_str().ok()?, parents.next()) else { return None };
    let states: Vec<_> = headers.get_all("tracestate").iter().filter_map(|state| state.to_str().ok()).collect();
    TraceContext::of_headers(parent.trim(), &states.join(","))
}

/// Methods that somebody made up would be without number, too.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::get;
    use clock::ManualClock;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn requests_are_counted_by_templates_that_no_request_makes() {
        let clock = Arc::new(ManualClock::at(kernel::Timestamp::UNIX_EPOCH));
        let observer = Observer::new(clock, Tracer::off());
        let where_it_is = async |path: MatchedPath| (path.as_str().as_ptr() as usize).to_string();
        let rooms = Router::new().route("/rooms/{id}", get(where_it_is));
        let routes = Router::new().nest("/meetingroom", rooms.clone()).merge(rooms);
        let router = named(routes).fallback(async || StatusCode::NOT_FOUND);
        let ask = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let answer = observer.see(request, "one", async |request| router.clone().oneshot(request).await.unwrap()).await;
            axum::body::to_bytes(answer.into_body(), 100).await.unwrap()
        };
        let place = ask("/rooms/1").await;
        for path in ["/rooms/2", "/meetingroom/rooms/3", "/nowhere", "/elsewhere"] {
            ask(path).await;
        }
        let seen: Vec<_> = observer.0.requests.all();
        let counts: Vec<_> = seen.iter().map(|((_, route, status), count)| (route.as_str(), *status, count.get())).collect();
        assert_eq!(counts, [("/meetingroom/rooms/{id}", 200, 1), ("/rooms/{id}", 200, 2), (UNKNOWN, 404, 2)]);
        let kept = seen[1].0.1.as_str().as_ptr() as usize;
        assert_eq!(place, kept.to_string(), "it is the route's own");
    }
}
