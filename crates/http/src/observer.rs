//! What stands around all routes: every request is counted, timed, and a span of a trace if it is to be recorded.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::{Next, from_fn_with_state};
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
    requests: Family<(&'static str, String, u16), Counter>,
    times: Family<(&'static str, String), Histogram>,
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

    /// The same routes, seen.
    pub fn over(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), see))
    }

    /// Adds what there is to see.
    pub fn show(&self, to: &mut Exposition) {
        for ((method, route, status), count) in self.0.requests.all() {
            to.counter(REQUESTS, &[("method", method), ("route", &route), ("status", &status.to_string())], &count);
        }
        for ((method, route), times) in self.0.times.all() {
            to.histogram(TIMES, &[("method", method), ("route", &route)], &times);
        }
        to.gauge(UPTIME, &[], self.0.clock.elapsed().saturating_sub(self.0.since).as_secs_f64());
        let (arrived, lost) = self.0.tracer.counts();
        to.count(SPANS, &[("outcome", "arrived")], arrived);
        to.count(SPANS, &[("outcome", "lost")], lost);
    }
}

async fn see(State(Observer(seen)): State<Observer>, mut request: Request, next: Next) -> Response {
    let started = seen.clock.elapsed();
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or(UNKNOWN, MatchedPath::as_str).to_owned();
    let mut span =
        seen.tracer.begin(seen.tracer.is_on().then(|| asked_within(request.headers())).flatten(), || format!("{method} {route}").into());
    if let Some(context) = span.context() {
        request.extensions_mut().insert(Traced(context.clone()));
    }

    // An error has to be told with what it belongs to, whatever the level is.
    let lines = tracing::error_span!("request", method, route, correlation = Empty);
    let response = next.run(request).instrument(lines.clone()).await;
    let status = response.status();
    lines.in_scope(|| tracing::debug!(status = status.as_u16(), "a request was answered"));

    span.set("http.request.method", method);
    span.set("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.fail(status.canonical_reason().unwrap_or("failed"));
    }
    if span.context().is_some() {
        span.set("http.route", route.clone());
    }
    seen.times.of(&(method, route.clone())).took(seen.clock.elapsed().saturating_sub(started));
    seen.requests.of(&(method, route, status.as_u16())).inc();
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
