//! What an operator asks of a process: its health, its metrics, the story of a request, and the fault switch.

mod jobs;
pub(crate) mod shown;
pub(crate) mod steering;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};
use axum::{Extension, Router};
use bytes::Bytes;
use clock::SharedClock;
use runtime::{Fault, Faults, SystemHandle};
use serde::Serialize;
use telemetry::Exposition;

use crate::auth::{Auth, Who};
use crate::incoming::internal;
use crate::routes::{drain, read_body};
use crate::{FieldError, Fields, Limits, Observer, Problem, Spec, metrics, optional, query, required, story, unreadable};
pub use jobs::{Job, NotBegun, Refuse, Report, Thread, Work};
use shown::{Component, Health, HealthStatus, SwitchedFaults};
pub use shown::{JobProgress, JobState, JobStatus};

/// What the actuator looks at.
#[derive(Clone)]
pub struct Actuator {
    /// The systems that run here.
    pub systems: Vec<SystemHandle>,
    /// The fault switch, when there is one.
    pub faults: Option<Faults>,
    /// Whether callers prove who they are: then only operators see more than whether it is well, and use the switch.
    pub auth: Auth,
    /// What a request may cost.
    pub limits: Limits,
    /// By which time a request is timed.
    pub clock: SharedClock,
    /// What has seen all requests.
    pub observer: Observer,
    /// Whether other machines can reach this one, though nobody proves anything.
    pub open_to_network: bool,
    /// Set once the process was told to stop: it is no longer ready for anything new.
    pub stopping: Arc<AtomicBool>,
    /// What verifies everything, when there is something.
    pub verify: Option<Job>,
    /// What makes backups, asked for by their names, when there is something.
    pub backup: Option<Job>,
    /// What compares payments with the provider's, of a day or lately, when there is something.
    pub reconcile: Option<Job>,
    /// What the process shows in its metrics besides.
    pub shows: Vec<Show>,
}

/// Adds to the metrics that are shown.
pub type Show = Arc<dyn Fn(&mut Exposition) + Send + Sync>;

/// Who may use a route of the actuator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, also without a token: what watches over a process has none.
    Probe,
    /// As with the routes of services.
    Only(Who),
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Probe => f.write_str("everybody"),
            Self::Only(who) => who.fmt(f),
        }
    }
}

/// Method, path, who may, and what answers.
type Offered = (&'static str, &'static str, Access, MethodRouter<Actuator>);

/// Everything there is under `/actuator`.
fn offered() -> Vec<Offered> {
    let operator = Access::Only(Who::Operator);
    let administrator = Access::Only(Who::Administrator);
    vec![
        ("GET", "/actuator/health", Access::Probe, get(health)),
        // A process that answers at all is alive; whoever restarts it for a store that is away makes things worse.
        ("GET", "/actuator/health/liveness", Access::Probe, get(async || up())),
        ("GET", "/actuator/health/readiness", Access::Probe, get(readiness)),
        ("GET", "/actuator/prometheus", operator, get(prometheus)),
        ("GET", "/actuator/events", operator, get(events)),
        ("GET", FAULTS, operator, get(list_faults)),
        ("POST", FAULTS, operator, post(set_fault)),
        ("DELETE", FAULTS, operator, delete(clear_faults)),
        ("GET", "/actuator/services", operator, get(steering::services)),
        ("GET", "/actuator/parked", operator, get(steering::parked)),
        ("GET", "/actuator/parked/events", operator, get(steering::parked_events)),
        ("POST", "/actuator/parked/retry", operator, post(steering::retry_parked)),
        ("POST", "/actuator/parked/discard", administrator, post(steering::discard_parked)),
        ("GET", "/actuator/projections", operator, get(steering::projections)),
        ("POST", "/actuator/projections/retry", operator, post(steering::retry_projection)),
        ("POST", "/actuator/projections/rebuild", administrator, post(steering::rebuild_projection)),
        ("GET", "/actuator/verify", operator, get(steering::show_verify)),
        ("POST", "/actuator/verify", operator, post(steering::verify)),
        ("GET", "/actuator/backup", operator, get(steering::show_backup)),
        ("POST", "/actuator/backup", administrator, post(steering::backup)),
        ("GET", "/actuator/payments", operator, get(steering::show_payments)),
        ("POST", "/actuator/payments", operator, post(steering::reconcile)),
    ]
}

const FAULTS: &str = "/actuator/faults";

impl Actuator {
    /// The routes under `/actuator`.
    pub fn into_router(self) -> Router {
        let (mut router, is_open) = (Router::new(), self.auth.is_open());
        for (_, path, access, answers) in offered() {
            if path == FAULTS && self.faults.is_none() {
                continue;
            }
            let answers = match access {
                Access::Probe => answers,
                Access::Only(who) => answers.route_layer(from_fn_with_state((self.auth.clone(), who), admit)),
            };
            let answers = answers.layer(from_fn_with_state((self.limits, Arc::clone(&self.clock)), taken));
            router = router.route(path, answers.layer(map_response(move |answer| async move { unkept(is_open, answer) })));
        }
        router.with_state(self)
    }

    /// Method, path and who may of each route there can be.
    pub fn declared() -> Vec<(&'static str, &'static str, Access)> {
        offered().into_iter().map(|(method, path, access, _)| (method, path, access)).collect()
    }

    /// The body of what it is asked.
    async fn read(&self, body: Body) -> Result<Bytes, Problem> {
        read_body(body, self.limits, &*self.clock).await
    }

    /// Whether these headers are of someone who may see everything. Whatever else they say, whether it is well is told to everybody, and
    /// without waiting for an issuer.
    fn shows_all(&self, headers: &HeaderMap) -> bool {
        match &self.auth {
            Auth::Open => true,
            Auth::Required(verifier) => verifier.recognize(headers).is_some_and(|identity| identity.is_staff()),
        }
    }
}

/// Who was let in, as the log names whoever steers: by the id that they have proved. It is an operator's account, and no customer's.
#[derive(Clone)]
pub(crate) struct By(Arc<str>);

impl By {
    async fn admitted(auth: &Auth, who: Who, headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(identity) = auth.identify(headers).await? else { return Ok(Self("open".into())) };
        who.admit(&identity)?;
        Ok(Self(identity.subject().into()))
    }

    /// `open` where nobody has to prove anything.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lets through who may, and tells the handler who it is.
async fn admit(State((auth, who)): State<(Auth, Who)>, mut request: Request, next: Next) -> Response {
    let admitted = By::admitted(&auth, who, request.headers()).await.and_then(|by| {
        if !request.method().is_safe() {
            // What is to be done stands in the body, or is all there is to do: whoever says more in the address means less than that.
            query::parse_alone(request.uri().query().unwrap_or_default(), ())?;
        }
        Ok(by)
    });
    match admitted {
        Ok(by) => {
            request.extensions_mut().insert(by);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// Takes the body of a request before anything is answered, whether there is need of it or not.
async fn taken(State((limits, clock)): State<(Limits, SharedClock)>, mut request: Request, next: Next) -> Response {
    if request.method() == Method::POST {
        match read_body(std::mem::take(request.body_mut()), limits, &*clock).await {
            Ok(body) => *request.body_mut() = body.into(),
            Err(problem) => return problem.into_response(),
        }
    } else {
        drain(&mut request, limits, &*clock).await;
    }
    next.run(request).await
}

/// What is true of this moment, and of who asks, is kept by nobody.
fn unkept(is_open: bool, mut answer: Response) -> Response {
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !is_open {
        answer.headers_mut().append(header::VARY, HeaderValue::from_static("authorization"));
    }
    answer
}

fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_string(body) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => internal(&error).into_response(),
    }
}

fn up() -> Response {
    answer(StatusCode::OK, &Health::of(HealthStatus::Up))
}

/// The whole state. It is 503 only when this process cannot serve; what merely needs an operator is `DEGRADED`.
async fn health(State(actuator): State<Actuator>, headers: HeaderMap) -> Response {
    let mut components = BTreeMap::new();
    for system in &actuator.systems {
        let shown = match system.status().await {
            Ok(status) => Component::system(status),
            Err(error) => Component::plain(HealthStatus::Down, Some(error.to_string())),
        };
        components.insert(system.name().to_owned(), shown);
    }
    if !actuator.auth.is_open() {
        // Those whose keys are known get in, but sooner or later nobody would.
        let trouble = actuator.auth.trouble();
        let status = if trouble.is_some() { HealthStatus::Degraded } else { HealthStatus::Up };
        components.insert("issuer".into(), Component::plain(status, trouble));
    }
    let some_are = |status| components.values().any(|component: &Component| component.status == status);
    let (status, code) = if some_are(HealthStatus::Down) {
        (HealthStatus::Down, StatusCode::SERVICE_UNAVAILABLE)
    } else if some_are(HealthStatus::Degraded) {
        (HealthStatus::Degraded, StatusCode::OK)
    } else {
        (HealthStatus::Up, StatusCode::OK)
    };
    let mut shown = Health { auth: actuator.open_to_network.then_some("open-to-network"), ..Health::of(status) };
    if actuator.shows_all(&headers) {
        shown.components = Some(components);
        shown.faults = Some(actuator.faults.iter().flat_map(Faults::all).map(|(service, _)| service).collect());
    }
    answer(code, &shown)
}

async fn readiness(State(actuator): State<Actuator>) -> Response {
    let out_of_service = |why| {
        let shown = Health { why, ..Health::of(HealthStatus::OutOfService) };
        answer(StatusCode::SERVICE_UNAVAILABLE, &shown)
    };
    if actuator.stopping.load(Ordering::Relaxed) {
        return out_of_service(Some("it was told to stop".into()));
    }
    for system in &actuator.systems {
        if let Err(error) = system.status().await {
            return out_of_service(actuator.auth.is_open().then(|| error.to_string()));
        }
    }
    up()
}

/// All metrics, as Prometheus reads them.
async fn prometheus(State(actuator): State<Actuator>) -> Response {
    let mut shown = Exposition::default();
    for system in &actuator.systems {
        system.show(&mut shown).await;
    }
    actuator.observer.show(&mut shown);
    metrics::show(actuator.faults.as_ref(), &mut shown);
    actuator.shows.iter().for_each(|show| show(&mut shown));
    ([(header::CONTENT_TYPE, Exposition::CONTENT_TYPE)], shown.to_string()).into_response()
}

/// What became of one request, in all systems that know of it.
async fn events(State(actuator): State<Actuator>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let asked = story::Asked::read(query.as_deref().unwrap_or_default())?;
    let mut told = Vec::new();
    for system in &actuator.systems {
        told.push((system.name(), system.story(&asked.correlation).await.map_err(unreadable)?));
    }
    Ok(asked.answer(&told))
}

fn show(faults: &Faults) -> Response {
    answer(StatusCode::OK, &SwitchedFaults::of(faults))
}

async fn list_faults(State(actuator): State<Actuator>) -> Response {
    actuator.faults.as_ref().map_or_else(|| Problem::not_found().into_response(), show)
}

/// What the switch is told.
pub(crate) fn fault() -> impl Spec<Output = (String, Option<bool>, Option<u32>, Option<bool>)> {
    (required::<String>("service"), optional::<bool>("down"), optional::<u32>("delayMs").within(0..=600_000), optional::<bool>("refuse"))
}

async fn set_fault(State(actuator): State<Actuator>, Extension(by): Extension<By>, body: Body) -> Result<Response, Problem> {
    let body = actuator.read(body).await?;
    let faults = actuator.faults.as_ref().ok_or_else(Problem::not_found)?;
    let (service, down, delay, refuse) = Fields::parse(&body)?.read(fault())?;
    if (down, delay, refuse) == (None, None, None) {
        // What is misspelt is not read; whoever meant something to be wrong is told that nothing is.
        let message = "down, delayMs or refuse has to be given";
        return Err(Problem::unprocessable(vec![FieldError::new("down", "missing", message)]));
    }
    let names = actuator.systems.iter().flat_map(|system| system.services()).map(|service| service.full_name());
    let known: Vec<_> = names.collect();
    if !known.contains(&service) {
        let message = format!("is none of the services that run here: {}", known.join(", "));
        return Err(Problem::unprocessable(vec![FieldError::new("service", "unknown", message)]));
    }
    let delay = Duration::from_millis(delay.unwrap_or(0).into());
    let fault = Fault { down: down.unwrap_or(false), delay, refuse: refuse.unwrap_or(false) };
    faults.set(&service, fault);
    tracing::warn!(by = by.as_str(), service, down = fault.down, delay = ?fault.delay, refuse = fault.refuse, "the fault switch was set");
    Ok(show(faults))
}

async fn clear_faults(State(actuator): State<Actuator>, Extension(by): Extension<By>) -> Response {
    if let Some(faults) = &actuator.faults {
        faults.clear();
        tracing::warn!(by = by.as_str(), "all faults were ended");
    }
    StatusCode::NO_CONTENT.into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tower::ServiceExt as _;

    use super::*;
    use crate::auth::{Expected, KeySource, Verifier};

    /// A route that is added has to be added here, with who may use it.
    #[test]
    fn every_route_says_who_may_use_it() {
        let declared: Vec<_> =
            Actuator::declared().into_iter().map(|(method, path, access)| format!("{method} {path}: {access}")).collect();
        assert_eq!(
            declared,
            [
                "GET /actuator/health: everybody",
                "GET /actuator/health/liveness: everybody",
                "GET /actuator/health/readiness: everybody",
                "GET /actuator/prometheus: operator",
                "GET /actuator/events: operator",
                "GET /actuator/faults: operator",
                "POST /actuator/faults: operator",
                "DELETE /actuator/faults: operator",
                "GET /actuator/services: operator",
                "GET /actuator/parked: operator",
                "GET /actuator/parked/events: operator",
                "POST /actuator/parked/retry: operator",
                "POST /actuator/parked/discard: administrator",
                "GET /actuator/projections: operator",
                "POST /actuator/projections/retry: operator",
                "POST /actuator/projections/rebuild: administrator",
                "GET /actuator/verify: operator",
                "POST /actuator/verify: operator",
                "GET /actuator/backup: operator",
                "POST /actuator/backup: administrator",
                "GET /actuator/payments: operator",
                "POST /actuator/payments: operator",
            ]
        );
    }

    /// No source of keys: whoever has no token needs none.
    struct NoKeys;

    impl KeySource for NoKeys {
        fn name(&self) -> &str {
            "none"
        }

        fn read(&self) -> futures_util::future::BoxFuture<'static, Result<bytes::Bytes, String>> {
            Box::pin(std::future::ready(Err("there are none".into())))
        }

        fn refresh(&self) -> Duration {
            Duration::from_secs(300)
        }

        fn at_most_every(&self) -> Duration {
            Duration::from_secs(30)
        }
    }

    /// What is declared and what answers are one list. A route that is put straight into the router stands in its tree of paths, and
    /// one that is put on a path of another answers with something else than 405.
    #[tokio::test]
    async fn what_is_not_declared_does_not_answer() {
        let expected = Expected { issuer: "test".into(), audience: "yeyak".into() };
        let clock = Arc::new(clock::ManualClock::at(kernel::Timestamp::UNIX_EPOCH));
        let actuator = |auth| Actuator {
            systems: Vec::new(),
            faults: Some(Faults::default()),
            auth,
            limits: Limits::default(),
            clock: clock.clone(),
            observer: crate::Observer::new(clock.clone(), telemetry::Tracer::off()),
            open_to_network: false,
            stopping: Arc::default(),
            verify: None,
            backup: None,
            reconcile: None,
            shows: Vec::new(),
        };
        let verifier = Verifier::new(expected, Box::new(NoKeys), clock.clone());
        let (open, router) = (actuator(Auth::Open).into_router(), actuator(Auth::Required(Arc::new(verifier))).into_router());

        let declared: BTreeSet<_> = Actuator::declared().into_iter().map(|(_, path, _)| path.to_owned()).collect();
        let shown = format!("{router:?}");
        let (tree, fallback) = shown.split_once("fallback_router").unwrap();
        assert!(fallback.contains("default_fallback: true"), "{fallback}");
        let routed: BTreeSet<_> = tree.split('"').filter(|text| text.starts_with('/')).map(str::to_owned).collect();
        assert_eq!(routed, declared, "{tree}");

        // What ends all faults, or verifies all, is not asked for some of it.
        for (method, path, _) in Actuator::declared().into_iter().filter(|(method, ..)| *method != "GET") {
            let request = Request::builder().method(method).uri(format!("{path}?service=meetingroom/room")).body(Body::empty()).unwrap();
            let answer = open.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{method} {path}");
        }

        for path in &declared {
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
                // Whoever may look at something, may look at its head.
                let asked = if method == "HEAD" { "GET" } else { method };
                let access =
                    Actuator::declared().into_iter().find(|(one, at, _)| (*one, *at) == (asked, path)).map(|(_, _, access)| access);
                let expected = match access {
                    None => StatusCode::METHOD_NOT_ALLOWED,
                    Some(Access::Probe) => StatusCode::OK,
                    Some(Access::Only(_)) => StatusCode::UNAUTHORIZED,
                };
                let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
                let answer = router.clone().oneshot(request).await.unwrap();
                assert_eq!(answer.status(), expected, "{method} {path}");
                let kept = (&answer.headers()[header::CACHE_CONTROL], &answer.headers()[header::VARY]);
                assert_eq!(kept, (&HeaderValue::from_static("no-store"), &HeaderValue::from_static("authorization")), "{method} {path}");
            }
        }
    }
}
