//! What operators steer: parked events, views, and work that takes long.

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::civil::Date;
use runtime::{NotParked, RetriedView, ServiceHandle, Which, shard_of};
use serde_json::Value;
use store::{LineKey, StoreError};

use super::shown::{
    DiscardedEvents, Fault, JobAsked, Line, ParkedEvent, ParkedEvents, ParkedLines, ParkedStory, Projection, Projections, RebuildBegun,
    RetriedLine, RetriedProjection, Service, Services,
};
use super::{Actuator, By, Job, NotBegun, answer};
use crate::{FieldError, Fields, Problem, Spec, Text, optional, query, required};

/// How many lines of each service, and events of one line, are shown at once.
const SHOWN: usize = 1000;

impl Actuator {
    /// Each service that runs here, with what is in its way.
    async fn describe_services(&self) -> Result<Vec<Service>, Problem> {
        let mut services = Vec::new();
        for system in &self.systems {
            let status = system.status().await.map_err(away)?;
            for service in system.services() {
                let fault = service.fault();
                let own = || status.consumers.iter().filter(|consumer| consumer.service == service.name());
                let halted = own().filter(|consumer| consumer.halted.is_some()).count();
                services.push(Service {
                    service: service.full_name(),
                    state: if fault.down {
                        "down"
                    } else if halted > 0 {
                        "halted"
                    } else {
                        "up"
                    },
                    fault: Fault::of(fault),
                    behind: own().map(|consumer| consumer.behind).sum(),
                    halted,
                    parked: service.parked_keys().await.map_err(away)?,
                    projections: service.projection_names().collect(),
                });
            }
        }
        Ok(services)
    }

    fn service(&self, system: &str, service: &str) -> Option<ServiceHandle> {
        self.systems.iter().find(|one| one.name() == system)?.service(service)
    }

    /// The line that is called so: `{system}/{service}/{consumer}/{source}/{key}`.
    fn line(&self, id: &str) -> Result<(ServiceHandle, LineKey), Problem> {
        let parts: Vec<&str> = id.splitn(5, '/').collect();
        let found = match parts[..] {
            [system, service, consumer, source, key] => self.service(system, service).map(|service| {
                let name = service.name();
                let line =
                    LineKey { service: name, consumer: consumer.into(), source: source.into(), shard: shard_of(key), key: key.into() };
                (service, line)
            }),
            _ => None,
        };
        found.ok_or_else(not_parked)
    }

    /// The view that is called so: `{system}/{service}/{name}`.
    fn view<'a>(&self, id: &'a str) -> Result<(ServiceHandle, &'a str), Problem> {
        let parts: Vec<&str> = id.splitn(3, '/').collect();
        let found = match parts[..] {
            [system, service, name] => self.service(system, service).map(|service| (service, name)),
            _ => None,
        };
        found.ok_or_else(no_such_projection)
    }
}

fn away(error: StoreError) -> Problem {
    tracing::warn!(%error, "an operator's question was not answered");
    Problem::unavailable("store")
}

fn not_parked() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-parked", "Nothing is parked under this name.")
}

fn no_such_projection() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-projection", "There is no projection of this name: SYSTEM/SERVICE/NAME.")
}

fn refused(error: NotParked) -> Problem {
    match error {
        NotParked::Nothing => not_parked(),
        NotParked::MovedOn(first) => {
            Problem::new(StatusCode::CONFLICT, "parked-moved-on", "Another event is the first of this line now.").with("first", first)
        }
        NotParked::Store(error) => away(error),
        NotParked::Away(why) => {
            tracing::warn!(why, "parked events could not be worked on");
            Problem::unavailable("store")
        }
    }
}

pub(super) async fn services(State(actuator): State<Actuator>) -> Result<Response, Problem> {
    Ok(answer(StatusCode::OK, &Services { services: actuator.describe_services().await? }))
}

pub(super) async fn parked(State(actuator): State<Actuator>) -> Result<Response, Problem> {
    let mut lines = Vec::new();
    for system in &actuator.systems {
        let found = system.parked_lines(SHOWN).await.map_err(away)?;
        lines.extend(found.iter().map(|line| Line::of(system.name(), line)));
    }
    Ok(answer(StatusCode::OK, &ParkedLines { lines }))
}

pub(super) async fn parked_events(State(actuator): State<Actuator>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let (id, after) = query::parse_alone(&query.unwrap_or_default(), (line(), optional::<i64>("after").within(0..=i64::MAX)))?;
    let after = after.map(i64::unsigned_abs);
    let (service, line) = actuator.line(&id)?;
    let events = service.parked_line(&line, after.unwrap_or(0), SHOWN).await.map_err(away)?;
    if events.is_empty() && after.is_none() {
        return Err(not_parked());
    }
    Ok(answer(StatusCode::OK, &ParkedEvents { line: id, events: events.iter().map(ParkedStory::of).collect() }))
}

/// Which line.
pub(crate) fn line() -> impl Spec<Output = String> {
    required::<String>("line")
}

/// What of which line is given up, and why.
pub(crate) fn discarding() -> impl Spec<Output = (String, Option<u64>, Option<bool>, Text<500>)> {
    (required::<String>("line"), optional::<u64>("event"), optional::<bool>("all"), required::<Text<500>>("reason"))
}

/// Which view.
pub(crate) fn projection() -> impl Spec<Output = String> {
    required::<String>("projection")
}

/// What a backup is called.
pub(crate) fn naming() -> impl Spec<Output = Text<64>> {
    required::<Text<64>>("name")
}

/// Of which day payments are compared.
pub(crate) fn of_day() -> impl Spec<Output = Option<Date>> {
    optional::<Date>("day").like("2026-11-23")
}

pub(super) async fn retry_parked(State(actuator): State<Actuator>, Extension(by): Extension<By>, body: Body) -> Result<Response, Problem> {
    let body = actuator.read(body).await?;
    let id = Fields::parse(&body)?.read(line())?;
    let (service, line) = actuator.line(&id)?;
    let retried = service.retry_parked(&line).await.map_err(refused)?;
    tracing::info!(by = by.as_str(), line = id, handled = retried.handled, left = retried.left, "parked events were tried again");
    let failed = retried.failed.as_ref().map(ParkedEvent::of);
    Ok(answer(StatusCode::OK, &RetriedLine { line: id, handled: retried.handled, left: retried.left, failed }))
}

pub(super) async fn discard_parked(
    State(actuator): State<Actuator>,
    Extension(by): Extension<By>,
    body: Body,
) -> Result<Response, Problem> {
    let body = actuator.read(body).await?;
    let (id, event, all, reason) = Fields::parse(&body)?.read(discarding())?;
    let which = match (event, all.unwrap_or(false)) {
        (Some(event), false) => Which::First(event),
        (None, true) => Which::All,
        _ => {
            let message = "either the number of the first event, or all=true, must be given";
            return Err(Problem::unprocessable(vec![FieldError::new("event", "invalid", message)]));
        }
    };
    let (service, line) = actuator.line(&id)?;
    let discarded = service.discard_parked(&line, which).await.map_err(refused)?;
    // What was given up is found again by its ids, which stand in the feed for ever.
    let reason = reason.to_string();
    tracing::warn!(by = by.as_str(), line = id, events = ?discarded.events, reason, "parked events were discarded");
    Ok(answer(StatusCode::OK, &DiscardedEvents { line: id, discarded: discarded.events, left: discarded.left }))
}

pub(super) async fn projections(State(actuator): State<Actuator>) -> Result<Response, Problem> {
    let mut all = Vec::new();
    for system in &actuator.systems {
        all.extend(system.projections().await.map_err(away)?.iter().map(|one| Projection::of(system.name(), one)));
    }
    Ok(answer(StatusCode::OK, &Projections { projections: all }))
}

pub(super) async fn rebuild_projection(
    State(actuator): State<Actuator>,
    Extension(by): Extension<By>,
    body: Body,
) -> Result<Response, Problem> {
    let body = actuator.read(body).await?;
    let id = Fields::parse(&body)?.read(projection())?;
    let (service, name) = actuator.view(&id)?;
    let begun = service.rebuild(name).await.map_err(away)?.ok_or_else(no_such_projection)?;
    tracing::info!(by = by.as_str(), projection = id, begun, "a projection is to be built anew");
    Ok(answer(StatusCode::ACCEPTED, &RebuildBegun { projection: id, begun }))
}

pub(super) async fn retry_projection(
    State(actuator): State<Actuator>,
    Extension(by): Extension<By>,
    body: Body,
) -> Result<Response, Problem> {
    let body = actuator.read(body).await?;
    let id = Fields::parse(&body)?.read(projection())?;
    let (service, name) = actuator.view(&id)?;
    let retried = service.retry_projection(name).ok_or_else(no_such_projection)?;
    tracing::info!(by = by.as_str(), projection = id, "a projection is to be followed again");
    Ok(answer(StatusCode::OK, &RetriedProjection { projection: id, had_halted: retried == RetriedView::Follows }))
}

fn job(job: Option<&Job>) -> Result<&Job, Problem> {
    job.ok_or_else(Problem::not_found)
}

fn begin(job: &Job, asked: Value) -> Result<bool, Problem> {
    let busy = "One that was asked for something else runs already. Wait for its end.";
    job.begin(asked).map_err(|error| match error {
        NotBegun::Busy => Problem::new(StatusCode::CONFLICT, "job-under-way", busy),
        NotBegun::Refused(why) => Problem::new(StatusCode::CONFLICT, "job-refused", why),
    })
}

/// A job that was asked for, and whether it was begun for that or ran already.
fn under_way(job: &Job, begun: bool) -> Response {
    answer(StatusCode::ACCEPTED, &JobAsked { job: job.show(), begun })
}

pub(super) async fn verify(State(actuator): State<Actuator>, Extension(by): Extension<By>) -> Result<Response, Problem> {
    let job = job(actuator.verify.as_ref())?;
    let begun = begin(job, Value::Null)?;
    tracing::info!(by = by.as_str(), begun, "everything is to be verified");
    Ok(under_way(job, begun))
}

pub(super) async fn show_verify(State(actuator): State<Actuator>) -> Result<Response, Problem> {
    Ok(answer(StatusCode::OK, &job(actuator.verify.as_ref())?.show()))
}

pub(super) async fn backup(State(actuator): State<Actuator>, Extension(by): Extension<By>, body: Body) -> Result<Response, Problem> {
    // A name is all that is taken from whoever asks; where backups stand, the installation was told.
    let body = actuator.read(body).await?;
    let name = Fields::parse(&body)?.read(naming())?.to_string();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if name.starts_with('.') || !name.chars().all(plain) {
        let message = "must consist of letters, digits, dots, hyphens and underscores, and begin with none of the dots";
        return Err(Problem::unprocessable(vec![FieldError::new("name", "invalid", message)]));
    }
    let job = job(actuator.backup.as_ref())?;
    let begun = begin(job, name.as_str().into())?;
    tracing::info!(by = by.as_str(), name, begun, "a backup is to be made");
    Ok(under_way(job, begun))
}

pub(super) async fn show_backup(State(actuator): State<Actuator>) -> Result<Response, Problem> {
    Ok(answer(StatusCode::OK, &job(actuator.backup.as_ref())?.show()))
}

pub(super) async fn reconcile(State(actuator): State<Actuator>, Extension(by): Extension<By>, body: Body) -> Result<Response, Problem> {
    let body = actuator.read(body).await?;
    let day = Fields::parse(&body)?.read(of_day())?.map(|day| day.to_string());
    let job = job(actuator.reconcile.as_ref())?;
    let begun = begin(job, day.clone().into())?;
    tracing::info!(by = by.as_str(), day, begun, "payments are to be compared with the provider's");
    Ok(under_way(job, begun))
}

pub(super) async fn show_payments(State(actuator): State<Actuator>) -> Result<Response, Problem> {
    Ok(answer(StatusCode::OK, &job(actuator.reconcile.as_ref())?.show()))
}
