//! What the actuator answers: each answer is one of these types, and the contract has their schemas.

use std::collections::BTreeMap;

use kernel::Timestamp;
use runtime::{ConsumerStatus, Faults, ProjectionStatus, Status};
use serde::Serialize;
use serde_json::Value;
use store::{Parked, ParkedLine, Position};
use utoipa::ToSchema;

/// How the process is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    pub(super) status: HealthStatus,
    /// Whoever reaches it may do everything: then it says `open-to-network`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) auth: Option<&'static str>,
    /// What does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) why: Option<String>,
    /// Each system by its name, and the `issuer` of tokens where there is one, for those who may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) components: Option<BTreeMap<String, Component>>,
    /// The services whose fault switch is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) faults: Option<Vec<String>>,
}

impl Health {
    pub(super) const fn of(status: HealthStatus) -> Self {
        Self { status, auth: None, why: None, components: None, faults: None }
    }
}

/// DEGRADED serves, and wants an operator.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum HealthStatus {
    Up,
    Degraded,
    Down,
    OutOfService,
}

/// How a part of the process is; of a system that can be read, all that there is to see.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HealthComponent)]
pub(crate) struct Component {
    pub(super) status: HealthStatus,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    why: Option<String>,
    /// How many events are parked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parked: Option<usize>,
    /// How many aggregates' wake-ups fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    stuck_wake_ups: Option<usize>,
    /// How many sagas have begun and not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    open_sagas: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    waiting: Option<Waiting>,
    /// The views that are served in an old version while the new one is built: SERVICE/COLLECTION.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rebuilding: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    consumers: Option<Vec<Consumer>>,
}

impl Component {
    pub(super) const fn plain(status: HealthStatus, why: Option<String>) -> Self {
        Self { status, why, parked: None, stuck_wake_ups: None, open_sagas: None, waiting: None, rebuilding: None, consumers: None }
    }

    pub(super) fn system(status: Status) -> Self {
        let health = if status.is_degraded() { HealthStatus::Degraded } else { HealthStatus::Up };
        Self {
            parked: Some(status.parked),
            stuck_wake_ups: Some(status.stuck),
            open_sagas: Some(status.open_sagas),
            waiting: Some(Waiting { new: status.waiting.0, begun: status.waiting.1 }),
            rebuilding: Some(status.rebuilding.iter().map(|(service, view)| format!("{service}/{view}")).collect()),
            consumers: Some(status.consumers.into_iter().map(Consumer::of).collect()),
            ..Self::plain(health, None)
        }
    }
}

/// How much work waits for the writer.
#[derive(Serialize, ToSchema)]
#[schema(as = WaitingWork)]
struct Waiting {
    /// What clients ask.
    new: usize,
    /// What continues something begun.
    begun: usize,
}

/// Who follows what a service publishes.
#[derive(Serialize, ToSchema)]
struct Consumer {
    /// Its service.
    service: &'static str,
    /// Its name there: `policies`, or a view with its version.
    consumer: String,
    /// Whom it follows.
    source: &'static str,
    /// How many events it has still to handle.
    behind: u64,
    /// Why it has halted, if it has.
    #[schema(required = true)]
    halted: Option<String>,
}

impl Consumer {
    fn of(status: ConsumerStatus) -> Self {
        let ConsumerStatus { service, consumer, source, behind, halted } = status;
        Self { service, consumer, source, behind, halted }
    }
}

/// Each service whose fault switch is on, by its name.
#[derive(Serialize, ToSchema)]
#[schema(as = Faults)]
pub(crate) struct SwitchedFaults(BTreeMap<String, Fault>);

impl SwitchedFaults {
    pub(super) fn of(faults: &Faults) -> Self {
        Self(faults.all().into_iter().map(|(service, fault)| (service, Fault::of(fault))).collect())
    }
}

/// What is wrong with a service on purpose.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fault {
    /// It answers nobody and handles nothing.
    down: bool,
    /// How long each request waits, in milliseconds.
    delay_ms: u64,
    /// It refuses whatever it is asked to do.
    refuse: bool,
}

impl Fault {
    pub(super) fn of(fault: runtime::Fault) -> Self {
        Self { down: fault.down, delay_ms: u64::try_from(fault.delay.as_millis()).unwrap_or(u64::MAX), refuse: fault.refuse }
    }
}

/// The services that run here.
#[derive(Serialize, ToSchema)]
pub(crate) struct Services {
    pub(super) services: Vec<Service>,
}

/// A service, with what is in its way.
#[derive(Serialize, ToSchema)]
pub(crate) struct Service {
    /// Its name: SYSTEM/SERVICE.
    pub(super) service: String,
    /// `down` on purpose, `halted` when one of its consumers is, else `up`.
    pub(super) state: &'static str,
    pub(super) fault: Fault,
    /// How many events its consumers have still to handle.
    pub(super) behind: u64,
    /// How many of them have halted.
    pub(super) halted: usize,
    /// How many lines of parked events it has.
    pub(super) parked: u64,
    /// The names of its projections.
    pub(super) projections: Vec<&'static str>,
}

/// The lines of parked events.
#[derive(Serialize, ToSchema)]
pub(crate) struct ParkedLines {
    pub(super) lines: Vec<Line>,
}

/// Parked events of one key: the first that could not be handled, and those behind it.
#[derive(Serialize, ToSchema)]
#[schema(as = ParkedLine)]
pub(crate) struct Line {
    #[serde(flatten)]
    first: ParkedEvent,
    /// Its name: SYSTEM/SERVICE/CONSUMER/SOURCE/KEY.
    line: String,
    /// How many wait behind the first.
    behind: u64,
}

impl Line {
    pub(super) fn of(system: &str, line: &ParkedLine) -> Self {
        let Parked { service, consumer, event, .. } = &line.first;
        let name = format!("{system}/{service}/{consumer}/{}/{}", event.source, event.key);
        Self { first: ParkedEvent::of(&line.first), line: name, behind: line.behind }
    }
}

/// An event that could not be handled, or waits behind one.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ParkedEvent {
    /// Its place in its shard.
    event: u64,
    /// Its id.
    id: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// What was found wrong; empty of one that was not tried.
    error: String,
    /// How often it was tried.
    tries: u32,
    /// When it is tried again.
    #[schema(value_type = String, format = DateTime)]
    next_try: Timestamp,
}

impl ParkedEvent {
    pub(super) fn of(parked: &Parked) -> Self {
        let Parked { event, error, tries, next_at, .. } = parked;
        Self { event: event.position.seq, id: event.id(), since: event.at, error: error.clone(), tries: *tries, next_try: *next_at }
    }
}

/// The events of a line, in order.
#[derive(Serialize, ToSchema)]
pub(crate) struct ParkedEvents {
    /// Its name.
    pub(super) line: String,
    pub(super) events: Vec<ParkedStory>,
}

/// A parked event with all that it says.
#[derive(Serialize, ToSchema)]
pub(crate) struct ParkedStory {
    #[serde(flatten)]
    event: ParkedEvent,
    /// The story it belongs to.
    correlation: String,
    /// What it says.
    data: Value,
}

impl ParkedStory {
    pub(super) fn of(parked: &Parked) -> Self {
        let data = serde_json::from_str(&parked.event.data).unwrap_or_else(|_| (*parked.event.data).into());
        Self { event: ParkedEvent::of(parked), correlation: parked.event.meta.correlation.clone(), data }
    }
}

/// What came of trying a line.
#[derive(Serialize, ToSchema)]
pub(crate) struct RetriedLine {
    /// Its name.
    pub(super) line: String,
    /// How many of its events were handled.
    pub(super) handled: usize,
    /// How many are left.
    pub(super) left: usize,
    /// The one that failed again, at which it stopped.
    #[schema(required = true)]
    pub(super) failed: Option<ParkedEvent>,
}

/// What was given up of a line.
#[derive(Serialize, ToSchema)]
pub(crate) struct DiscardedEvents {
    /// Its name.
    pub(super) line: String,
    /// The ids of the events.
    pub(super) discarded: Vec<String>,
    /// How many are left.
    pub(super) left: usize,
}

/// The projections.
#[derive(Serialize, ToSchema)]
pub(crate) struct Projections {
    pub(super) projections: Vec<Projection>,
}

/// A projection: how far it is, and in what state.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Projection {
    /// Its name: SYSTEM/SERVICE/NAME.
    projection: String,
    /// The collection of its rows.
    collection: &'static str,
    /// The version that this release has.
    version: u32,
    /// The version that readers are served.
    #[schema(required = true)]
    served: Option<u32>,
    /// `live`, `halted`, `building` while an older version is served, or `rebuilding` while it is served itself.
    state: &'static str,
    /// Why it has halted, if it has.
    #[schema(required = true)]
    halted: Option<String>,
    /// How many rows it has.
    rows: u64,
    /// Nobody counted further: there are as many, or more.
    rows_is_lower_bound: bool,
    /// Whom it follows.
    source: &'static str,
    /// How many events it has still to handle.
    behind: u64,
    /// How far it is in each shard.
    positions: Vec<u64>,
    /// How far each shard is.
    heads: Vec<u64>,
    /// How many events that makes.
    published: u64,
    /// What is built anew beside it.
    #[schema(required = true)]
    rebuilding: Option<Rebuilding>,
}

/// A projection that is built anew.
#[derive(Serialize, ToSchema)]
struct Rebuilding {
    /// How many events it has handled.
    handled: u64,
    /// How many it has still to handle.
    behind: u64,
    /// Why it has halted, if it has.
    #[schema(required = true)]
    halted: Option<String>,
}

impl Projection {
    pub(super) fn of(system: &str, one: &ProjectionStatus) -> Self {
        let places = |positions: &[Position]| positions.iter().map(|position| position.seq).collect::<Vec<_>>();
        let handled = |positions: &[Position]| positions.iter().map(|position| position.seq).sum();
        let rebuilding = one.rebuilding.as_ref().map(|anew| Rebuilding {
            handled: handled(&anew.positions),
            behind: one.behind(&anew.positions),
            halted: anew.halted.clone(),
        });
        Self {
            projection: format!("{system}/{}/{}", one.service, one.name),
            collection: one.collection,
            version: one.version,
            served: one.served,
            state: one.state(),
            halted: one.halted.clone(),
            rows: one.rows,
            rows_is_lower_bound: one.rows_is_lower_bound,
            source: one.source,
            behind: one.behind(&one.positions),
            positions: places(&one.positions),
            heads: places(&one.heads),
            published: handled(&one.heads),
            rebuilding,
        }
    }
}

/// A projection that is to be built anew.
#[derive(Serialize, ToSchema)]
pub(crate) struct RebuildBegun {
    /// Its name.
    pub(super) projection: String,
    /// Whether this has begun it; else it was under way already.
    pub(super) begun: bool,
}

/// A projection that is to be followed again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RetriedProjection {
    /// Its name.
    pub(super) projection: String,
    /// Whether it had halted; else nothing was to be done.
    pub(super) had_halted: bool,
}

/// How a job is that takes longer than a request may.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JobState {
    pub(super) status: JobStatus,
    /// How many have begun since the process has.
    pub(super) number: u64,
    /// How far it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) progress: Option<JobProgress>,
    /// What came of it, once it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<Value>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) why: Option<String>,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    /// None has begun since the process has.
    Never,
    /// It runs.
    Running,
    /// It has ended.
    Done,
    /// It has ended in nothing.
    Failed,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct JobProgress {
    /// How much is done.
    pub(super) done: u64,
    /// Of about how much.
    pub(super) total: u64,
}

/// A job that was asked for.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobAsked {
    #[serde(flatten)]
    pub(super) job: JobState,
    /// Whether it was begun for this; else the same was under way already.
    pub(super) begun: bool,
}
