//! What an operator asks of a process: its health, and the fault switch.

use std::fmt;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};
use runtime::{Fault, Faults, Status, SystemHandle};
use serde_json::{Value, json};

use crate::auth::{Auth, Who};
use crate::routes::read_body;
use crate::{FieldError, Fields, Limits, Problem, Spec, optional, required};

/// What the actuator looks at.
#[derive(Clone)]
pub struct Actuator {
    /// The systems that run here.
    pub systems: Vec<SystemHandle>,
    /// The fault switch, when there is one.
    pub faults: Option<Faults>,
    /// Whether callers prove who they are: then only operators see more than whether it is well, and use the switch.
    pub auth: Auth,
    /// Whether other machines can reach this one, though nobody proves anything.
    pub open_to_network: bool,
}

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
    vec![
        ("GET", "/actuator/health", Access::Probe, get(health)),
        // A process that answers at all is alive; whoever restarts it for a store that is away makes things worse.
        ("GET", "/actuator/health/liveness", Access::Probe, get(async || up())),
        ("GET", "/actuator/health/readiness", Access::Probe, get(readiness)),
        ("GET", FAULTS, operator, get(list_faults)),
        ("POST", FAULTS, operator, post(set_fault)),
        ("DELETE", FAULTS, operator, delete(clear_faults)),
    ]
}

const FAULTS: &str = "/actuator/faults";

impl Actuator {
    /// The routes under `/actuator`.
    pub fn into_router(self) -> Router {
        let mut router = Router::new();
        for (_, path, access, answers) in offered() {
            if path == FAULTS && self.faults.is_none() {
                continue;
            }
            let answers = match access {
                Access::Probe => answers,
                Access::Only(who) => answers.route_layer(from_fn_with_state((self.auth.clone(), who), admit)),
            };
            router = router.route(path, answers);
        }
        router.with_state(self)
    }

    /// Method, path and who may of each route there can be.
    pub fn declared() -> Vec<(&'static str, &'static str, Access)> {
        offered().into_iter().map(|(method, path, access, _)| (method, path, access)).collect()
    }

    /// Whether these headers are of someone who may see everything.
    async fn shows_all(&self, headers: &HeaderMap) -> Result<bool, Problem> {
        if !self.auth.is_open() && !headers.contains_key(header::AUTHORIZATION) {
            return Ok(false);
        }
        Ok(self.auth.identify(headers).await?.is_none_or(|identity| identity.is_staff()))
    }
}

/// Lets through who may.
async fn admit(State((auth, who)): State<(Auth, Who)>, request: Request, next: Next) -> Response {
    let admitted = auth.identify(request.headers()).await.and_then(|identity| identity.map_or(Ok(()), |identity| who.admit(&identity)));
    match admitted {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn up() -> Response {
    answer(StatusCode::OK, &json!({"status": "UP"}))
}

/// The whole state. It is 503 only when this process cannot serve; what merely needs an operator is `DEGRADED`.
async fn health(State(actuator): State<Actuator>, headers: HeaderMap) -> Result<Response, Problem> {
    let shows_all = actuator.shows_all(&headers).await?;
    let mut systems = serde_json::Map::new();
    let (mut down, mut degraded) = (false, false);
    for system in &actuator.systems {
        let shown = match system.status().await {
            Ok(status) => {
                degraded |= status.is_degraded();
                describe(&status)
            }
            Err(error) => {
                down = true;
                json!({"status": "DOWN", "why": error.to_string()})
            }
        };
        systems.insert(system.name().into(), shown);
    }
    let faults: Vec<_> = actuator.faults.iter().flat_map(Faults::all).map(|(service, _)| service).collect();
    let status = if down {
        "DOWN"
    } else if degraded {
        "DEGRADED"
    } else {
        "UP"
    };
    let code = if down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let mut shown = json!({"status": status});
    if actuator.open_to_network {
        shown["auth"] = "open-to-network".into();
    }
    if shows_all {
        shown["components"] = systems.into();
        shown["faults"] = faults.into();
    }
    Ok(answer(code, &shown))
}

fn describe(status: &Status) -> Value {
    let consumers: Vec<_> = status
        .consumers
        .iter()
        .map(|one| json!({"service": one.service, "consumer": one.consumer, "source": one.source, "behind": one.behind, "halted": one.halted}))
        .collect();
    json!({
        "status": if status.is_degraded() { "DEGRADED" } else { "UP" },
        "parked": status.parked,
        "stuckWakeUps": status.stuck,
        "openSagas": status.open_sagas,
        "waiting": {"new": status.waiting.0, "begun": status.waiting.1},
        "rebuilding": status.rebuilding.iter().map(|(service, view)| format!("{service}/{view}")).collect::<Vec<_>>(),
        "consumers": consumers,
    })
}

async fn readiness(State(actuator): State<Actuator>) -> Response {
    for system in &actuator.systems {
        if let Err(error) = system.status().await {
            let mut shown = json!({"status": "OUT_OF_SERVICE"});
            if actuator.auth.is_open() {
                shown["why"] = error.to_string().into();
            }
            return answer(StatusCode::SERVICE_UNAVAILABLE, &shown);
        }
    }
    up()
}

fn show(faults: &Faults) -> Response {
    let shown: serde_json::Map<_, _> = faults
        .all()
        .into_iter()
        .map(|(service, fault)| (service, json!({"down": fault.down, "delayMs": fault.delay.as_millis() as u64, "refuse": fault.refuse})))
        .collect();
    answer(StatusCode::OK, &Value::Object(shown))
}

async fn list_faults(State(actuator): State<Actuator>) -> Response {
    actuator.faults.as_ref().map_or_else(|| Problem::not_found().into_response(), show)
}

/// What the switch is told.
pub(crate) fn fault() -> impl Spec<Output = (String, Option<bool>, Option<u32>, Option<bool>)> {
    (required::<String>("service"), optional::<bool>("down"), optional::<u32>("delayMs").within(0..=600_000), optional::<bool>("refuse"))
}

async fn set_fault(State(actuator): State<Actuator>, body: Body) -> Result<Response, Problem> {
    let body = read_body(body, Limits::default().body).await?;
    let faults = actuator.faults.as_ref().ok_or_else(Problem::not_found)?;
    let (service, down, delay, refuse) = Fields::parse(&body)?.read(fault())?;
    let names = actuator.systems.iter().flat_map(|system| system.services()).map(|service| service.full_name());
    let known: Vec<_> = names.collect();
    if !known.contains(&service) {
        let message = format!("is none of the services that run here: {}", known.join(", "));
        return Err(Problem::unprocessable(vec![FieldError::new("service", "unknown", message)]));
    }
    let delay = Duration::from_millis(delay.unwrap_or(0).into());
    faults.set(&service, Fault { down: down.unwrap_or(false), delay, refuse: refuse.unwrap_or(false) });
    Ok(show(faults))
}

async fn clear_faults(State(actuator): State<Actuator>) -> Response {
    if let Some(faults) = &actuator.faults {
        faults.clear();
    }
    StatusCode::NO_CONTENT.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

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
                "GET /actuator/faults: operator",
                "POST /actuator/faults: operator",
                "DELETE /actuator/faults: operator",
            ]
        );
    }
}
