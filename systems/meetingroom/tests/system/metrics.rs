//! What Prometheus reads, in its strict form, and that each number moves when what it counts happens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use edge::actuator::Actuator;
use edge::{Auth, Entry, Limits, Observer};
use runtime::Fault;
use serde_json::json;
use telemetry::Tracer;
use testkit::{Asked, Subject, TestApp, at};

/// The system with its actuator, every request seen.
const SEEN: Subject = Subject {
    spec: yeyak_meetingroom::spec,
    routes: |system| {
        let clock = Arc::clone(system.service("room").unwrap().clock());
        let observer = Observer::new(Arc::clone(&clock), Tracer::off());
        let actuator = Actuator {
            systems: vec![system.clone()],
            faults: Some(system.faults().clone()),
            auth: Auth::Open,
            limits: Limits::default(),
            clock,
            observer: observer.clone(),
            open_to_network: false,
            stopping: Arc::default(),
            verify: None,
            backup: None,
            reconcile: None,
            shows: Vec::new(),
        };
        let routes = yeyak_meetingroom::routes(system, "", &Entry::open(Limits::default()), &yeyak_meetingroom::Settings::default());
        let see = move |request: Request, next: Next| {
            let observer = observer.clone();
            async move { observer.see(request, "seen", |request| next.run(request)).await }
        };
        edge::named(routes.merge(actuator.into_router())).layer(from_fn(see))
    },
    outside: testkit::Outside::nothing,
};

/// All samples, by metric with its labels.
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    #[track_caller]
    fn of(app: &mut TestApp) -> Self {
        let answer = app.get("/actuator/prometheus");
        assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
        assert_eq!(answer.status, 200);
        Self(parse(&answer.text))
    }

    /// The sum of the samples of a metric that have these labels, written as they stand there.
    #[track_caller]
    fn sum(&self, metric: &str, labels: &[&str]) -> f64 {
        let of = |sample: &str| {
            let (name, rest) = sample.split_once('{').unwrap_or((sample, ""));
            name == metric && labels.iter().all(|label| rest.contains(label))
        };
        let found: Vec<_> = self.0.iter().filter(|(sample, _)| of(sample)).collect();
        found.iter().map(|(_, value)| **value).sum()
    }
}

/// Reads the text format 0.0.4, and takes nothing that is not quite right.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let (mut samples, mut seen, mut lines) = (BTreeMap::new(), BTreeSet::new(), text.lines().peekable());
    assert!(text.ends_with('\n') && !text.contains("\n\n"));
    while let Some(line) = lines.next() {
        let (name, help) = line.strip_prefix("# HELP ").unwrap_or_else(|| panic!("{line}")).split_once(' ').unwrap();
        let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap();
        assert!(is_name(name) && seen.insert(name), "{name} stands twice, or is no name");
        assert!(help.ends_with('.') && help.len() > 10, "{name}: {help}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
        assert!(["counter", "gauge", "histogram"].contains(&kind));
        let mut of_this = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let (sample_name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
            let suffix = sample_name.strip_prefix(name).unwrap_or_else(|| panic!("{line} is no {name}"));
            assert!(if kind == "histogram" { ["_bucket", "_sum", "_count"].contains(&suffix) } else { suffix.is_empty() }, "{line}");
            let labels = labels.strip_suffix('}').unwrap();
            for label in labels.split("\",").filter(|label| !label.is_empty()) {
                let (label, value) = label.split_once("=\"").unwrap();
                assert!(is_name(label) && !value.trim_end_matches('"').contains(['"', '\n']), "{line}");
            }
            let value: f64 = value.parse().unwrap();
            assert!(value.is_finite() && (value >= 0. || kind == "gauge"), "{line}");
            assert!(samples.insert(sample.to_owned(), value).is_none(), "{line} stands twice");
            of_this.push((sample.to_owned(), value));
        }
        assert!(!of_this.is_empty(), "{name} has no sample");
        if kind == "histogram" {
            check_histogram(&of_this);
        }
    }
    samples
}

fn check_histogram(samples: &[(String, f64)]) {
    let mut last = 0.;
    for pair in samples.windows(2) {
        let ((sample, value), (next, after)) = (&pair[0], &pair[1]);
        if sample.contains("_bucket{") {
            assert!(*value >= last, "{sample} is less than the bucket before");
            last = *value;
        }
        if sample.contains("le=\"+Inf\"") {
            assert!(next.contains("_sum"), "{next}");
        }
        if sample.contains("_sum") {
            assert!((*after - last).abs() < 1e-9, "{next} is not what its buckets hold");
            last = 0.;
        }
    }
}

fn app() -> TestApp {
    TestApp::start(SEEN, at("2026-11-23T10:05:00+09:00"))
}

#[track_caller]
fn is(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

fn down(app: &TestApp, service: &str) {
    app.faults().set(&format!("meetingroom/{service}"), Fault { down: true, ..Fault::default() });
}

#[test]
fn requests_are_counted_by_the_template_of_their_path() {
    let mut app = app();
    app.post("/rooms", json!({"floor": "3"})).expect(201);
    for path in ["/rooms/1", "/rooms/2", "/rooms/3", "/nothing/7", "/nothing/8"] {
        app.get(path);
    }
    app.send(Asked::new("PATCH", "/rooms/1")).expect(405);
    app.send(Asked::new("MADEUP", "/rooms/1")).expect(405);
    let seen = Scrape::of(&mut app);
    is(seen.sum("yeyak_http_requests_total", &["method=\"POST\"", "route=\"/rooms\"", "status=\"201\""]), 1.);
    is(seen.sum("yeyak_http_requests_total", &["route=\"/rooms/{id}\"", "status=\"200\""]), 1.);
    is(seen.sum("yeyak_http_requests_total", &["route=\"/rooms/{id}\"", "status=\"404\""]), 2.);
    is(seen.sum("yeyak_http_requests_total", &["route=\"unknown\"", "status=\"404\""]), 2.);
    is(seen.sum("yeyak_http_requests_total", &["method=\"PATCH\"", "status=\"405\""]), 1.);
    is(seen.sum("yeyak_http_requests_total", &["method=\"other\"", "status=\"405\""]), 1.);
    is(seen.sum("yeyak_http_request_duration_seconds_count", &["route=\"/rooms/{id}\"", "method=\"GET\""]), 3.);
    assert!(!seen.0.keys().any(|sample| sample.contains("/rooms/1") || sample.contains("nothing") || sample.contains("MADEUP")));
}

#[test]
fn what_is_decided_and_published_is_counted() {
    let mut app = app();
    app.post("/rooms", json!({"floor": "3"})).expect(201);
    let before = Scrape::of(&mut app);
    app.post("/reserves", json!({"userId": "1", "roomId": 1})).expect(201);
    app.post("/reserves", json!({"userId": "2", "roomId": 1})).refused(409, "slot-taken");
    app.settle();
    let after = Scrape::of(&mut app);
    let moved = |metric: &str, labels: &[&str]| after.sum(metric, labels) - before.sum(metric, labels);
    is(moved("yeyak_commands_total", &["aggregate=\"calendar\"", "outcome=\"accepted\""]), 1.);
    is(moved("yeyak_commands_total", &["aggregate=\"calendar\"", "outcome=\"refused\""]), 1.);
    is(moved("yeyak_commands_total", &["aggregate=\"room\"", "outcome=\"accepted\""]), 1.);
    is(moved("yeyak_writer_work_total", &["service=\"reserve\"", "kind=\"client\"", "outcome=\"refused\""]), 1.);
    is(moved("yeyak_feed_head", &["service=\"reserve\""]), 1.);
    let batches = moved("yeyak_writer_batch_size_count", &[]);
    assert!(batches >= 2., "{batches}");
    is(moved("yeyak_writer_batch_duration_seconds_count", &[]), batches);
    assert!(moved("yeyak_writer_batch_size_sum", &[]) >= batches);
}

#[test]
fn what_waits_and_what_is_turned_away_is_shown() {
    let mut app = app();
    app.post("/rooms", json!({"floor": "3"})).expect(201);
    let asked = |n: usize| Asked::post("/reserves", &json!({"userId": n.to_string(), "roomId": 1}));
    // More come at once than may wait for the writer.
    let answers = app.together((0..1100).map(asked));
    let refused = answers.iter().filter(|answer| answer.status == 503).count();
    assert!(refused > 0);
    app.settle();
    let seen = Scrape::of(&mut app);
    is(seen.sum("yeyak_overload_refused_total", &["service=\"reserve\"", "too_many=\"waiting\""]), refused as f64);
    is(seen.sum("yeyak_writer_queue_depth", &[]), 0.);
    for n in 0..3 {
        app.begin(asked(n));
    }
    // Each hands in its command, and the writer has not yet had its turn.
    app.steps(3);
    let system = app.system().clone();
    let mut shown = telemetry::Exposition::default();
    app.wait_for(system.show(&mut shown));
    is(Scrape(parse(&shown.to_string())).sum("yeyak_writer_queue_depth", &["lane=\"new\""]), 3.);
}

#[test]
fn who_is_behind_is_shown_in_events_and_seconds() {
    let mut app = app();
    app.post("/rooms", json!({"floor": "3"})).expect(201);
    app.settle();
    let room = ["service=\"room\"", "consumer=\"policies\"", "source=\"reserve\""];
    is(Scrape::of(&mut app).sum("yeyak_consumer_lag_events", &[]), 0.);
    down(&app, "room");
    app.post("/reserves", json!({"userId": "1", "roomId": 1})).expect(201);
    app.advance(Duration::from_secs(40));
    let behind = Scrape::of(&mut app);
    is(behind.sum("yeyak_consumer_lag_events", &room), 1.);
    is(behind.sum("yeyak_consumer_lag_seconds", &room), 40.);
    is(behind.sum("yeyak_consumer_lag_events", &["service=\"schedule\""]), 0.);
    is(behind.sum("yeyak_fault_active", &["service=\"meetingroom/room\"", "fault=\"down\""]), 1.);
    app.faults().clear();
    app.settle();
    let caught_up = Scrape::of(&mut app);
    is(caught_up.sum("yeyak_consumer_lag_events", &room) + caught_up.sum("yeyak_consumer_lag_seconds", &room), 0.);
    is(caught_up.sum("yeyak_fault_active", &[]), 0.);
}

#[test]
fn a_wake_up_that_nobody_can_hear_is_late() {
    let mut app = app();
    app.post("/rooms", json!({"floor": "3"})).expect(201);
    app.post("/reserves", json!({"userId": "1", "roomId": 1})).expect(201);
    app.settle();
    is(Scrape::of(&mut app).sum("yeyak_wakeup_late_seconds", &[]), 0.);
    down(&app, "reserve");
    app.advance(Duration::from_secs(15 * 60 + 7));
    // Settling took a few milliseconds.
    is(Scrape::of(&mut app).sum("yeyak_wakeup_late_seconds", &["service=\"reserve\""]).trunc(), 7.);
}

#[test]
fn calls_breakers_and_sagas_are_shown() {
    let mut app = app();
    app.post("/rooms", json!({"floor": "3"})).expect(201);
    app.post("/reserves", json!({"userId": "1", "roomId": 1})).expect(201);
    let start = Asked::post("/conferences", &json!({"userId": "1", "roomId": 1, "reserveId": 1}));
    let call = ["callee=\"reserve\"", "call=\"check-user\"", "act=\"do\""];
    down(&app, "reserve");
    for _ in 0..19 {
        app.send(start.clone()).expect(503);
    }
    // These, and the one call that was answered before, open the breaker: the next does not even begin.
    app.send(start.clone()).expect(503);
    let seen = Scrape::of(&mut app);
    is(seen.sum("yeyak_calls_total", &[&call[..], &["outcome=\"unavailable\""]].concat()), 19.);
    is(seen.sum("yeyak_call_duration_seconds_count", &call[..2]), 19.);
    is(seen.sum("yeyak_calls_total", &[&call[..], &["outcome=\"not-asked\""]].concat()), 1.);
    is(seen.sum("yeyak_breaker_state", &["callee=\"reserve\"", "state=\"open\""]), 1.);
    is(seen.sum("yeyak_breaker_state", &[]), 1.);
    is(seen.sum("yeyak_breaker_opened_total", &["callee=\"reserve\""]), 1.);
    is(seen.sum("yeyak_sagas_open", &[]), 0.);

    app.faults().set("meetingroom/reserve", Fault { delay: Duration::from_millis(400), ..Fault::default() });
    app.advance(Duration::from_secs(2));
    app.begin(start.clone());
    app.run();
    is(Scrape::of(&mut app).sum("yeyak_sagas_open", &["saga=\"start-meeting\"", "state=\"calling\""]), 1.);
    app.advance(Duration::from_millis(400));
    let seen = Scrape::of(&mut app);
    is(seen.sum("yeyak_calls_total", &[&call[..], &["outcome=\"replied\""]].concat()), 1.);
    is(seen.sum("yeyak_sagas_open", &[]), 0.);
}

#[test]
fn views_and_the_release_are_shown() {
    let mut app = app();
    let seen = Scrape::of(&mut app);
    let version = seen.sum("yeyak_projection_version", &["service=\"schedule\"", "view=\"roomTables\""]);
    assert!(version >= 1.);
    is(seen.sum("yeyak_projection_served_version", &["service=\"schedule\"", "view=\"roomTables\""]), version);
    is(seen.sum("yeyak_projection_stale", &[]), 0.);
    is(seen.sum("yeyak_build_info", &[&format!("version=\"{}\"", env!("CARGO_PKG_VERSION"))]), 1.);
    is(seen.sum("yeyak_uptime_seconds", &[]), 0.);
    app.advance(Duration::from_secs(90));
    is(Scrape::of(&mut app).sum("yeyak_uptime_seconds", &[]), 90.);
    is(seen.sum("yeyak_store_up", &["system=\"meetingroom\""]), 1.);
    is(seen.sum("yeyak_parked_events", &[]) + seen.sum("yeyak_parked_keys", &[]) + seen.sum("yeyak_consumer_halted", &[]), 0.);
}
