//! What an operator asks of a process: its health, and the fault switch.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use runtime::{Fault, Faults, Status, SystemHandle};
use serde_json::{Value, json};

use crate::routes::read_body;
use crate::{FieldError, Fields, Limits, Problem, optional, required};

/// What the actuator looks at.
#[derive(Clone)]
pub struct Actuator {
    /// The systems that run here.
    pub systems: Vec<SystemHandle>,
    /// The fault switch, when there is one.
    pub faults: Option<Faults>,
}

impl Actuator {
    /// The routes under `/actuator`.
    pub fn into_router(self) -> Router {
        let mut router = Router::new()
            .route("/actuator/health", get(health))
            // A process that answers at all is alive; whoever restarts it for a store that is away makes things worse.
            .route("/actuator/health/liveness", get(async || up()))
            .route("/actuator/health/readiness", get(readiness));
        if self.faults.is_some() {
            router = router.route("/actuator/faults", get(list_faults).post(set_fault).delete(clear_faults));
        }
        router.with_state(self)
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn up() -> Response {
    answer(StatusCode::OK, &json!({"status": "UP"}))
}

/// The whole state. It is 503 only when this process cannot serve; what merely needs an operator is `DEGRADED`.
async fn health(State(actuator): State<Actuator>) -> Response {
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
    answer(code, &json!({"status": status, "components": systems, "faults": faults}))
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
            return answer(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": "OUT_OF_SERVICE", "why": error.to_string()}));
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

async fn set_fault(State(actuator): State<Actuator>, body: Body) -> Result<Response, Problem> {
    let body = read_body(body, Limits::default().body).await?;
    let faults = actuator.faults.as_ref().ok_or_else(Problem::not_found)?;
    let (service, down, delay, refuse) = Fields::parse(&body)?.read((
        required::<String>("service"),
        optional::<bool>("down"),
        optional::<u32>("delayMs").within(0..=600_000),
        optional::<bool>("refuse"),
    ))?;
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
