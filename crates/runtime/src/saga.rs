//! Sagas: acts that take another service, committed before their call and carried to an end whatever happens.
//!
//! A saga's progress is an aggregate of its service, [`Run`]. While the client waits, `drive` makes the call and ends the
//! saga with it. A saga that is left behind (a kill, a stall) is woken by its `wake_at` and *recalls* its call: what the callee
//! decided stands, and what it has not decided yet it never will. A saga whose call timed out promised its client that
//! nothing stands, and *compensates*: the call is cancelled until that is certain. The state of the run decides between
//! the three, so they can race without harm.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use calls::CallKey;
use clock::{Elapsed, timeout};
use futures_util::future::BoxFuture;
use kernel::{Aggregate, Call, CallError, Commands, Exposed, Published, Refused, RefusedKind, Saga, Timestamp, misread};
use serde::{Deserialize, Serialize};
use store::{Meta, RootKey, StoreError};
use telemetry::{Kind, Span};
use tokio::sync::oneshot;

use crate::handle::ServiceHandle;
use crate::writer::{Act, Answer, ClientKey, Done, Ids, KeyUse, Outcome, Purpose};

/// How much longer than two deadlines of its call a saga is left to the request that began it.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// How long a saga that could not be compensated waits before the next try: longer each time, up to a minute.
fn backoff(tries: u32) -> Duration {
    Duration::from_millis(250 << tries.min(8)).min(Duration::from_secs(60))
}

/// Where one saga stands.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Run<S: Saga> {
    begun: Option<Begun<S::Input>>,
    phase: Phase,
    tries: u32,
    wake_at: Option<Timestamp>,
    #[serde(skip)]
    saga: PhantomData<fn() -> S>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Begun<I> {
    input: I,
    at: Timestamp,
    client: Client,
}

/// For whom a saga runs, and what they are answered once it is accepted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Client {
    /// The status, and the collection whose row is shown.
    status: u16,
    collection: String,
    key: Option<ClientKey>,
    meta: Meta,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    #[default]
    Absent,
    /// Its call is under way.
    Calling,
    /// It was left behind; the callee is asked what came of its call.
    Recalling,
    /// Its call is being cancelled.
    Compensating,
    Ended,
}

impl<S: Saga> Default for Run<S> {
    fn default() -> Self {
        Self { begun: None, phase: Phase::Absent, tries: 0, wake_at: None, saga: PhantomData }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum RunCommand<I> {
    Begin {
        input: I,
        client: Client,
    },
    /// The call was accepted, and what stands here stands from now on.
    Accept,
    /// Nobody knows how the call ended: it has to be cancelled.
    Doubt,
    /// Nothing stands of it anywhere.
    GiveUp {
        why: String,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum RunEvent<I> {
    Begun { input: I, client: Client },
    Accepted,
    Doubted,
    Resumed,
    GivenUp { why: String },
}

/// The outcome of a call that is not what the saga waits for any more.
#[derive(Debug, thiserror::Error)]
#[error("the saga has gone on without this")]
pub(crate) struct NotCurrent;

/// The stable code of [`NotCurrent`].
const NOT_CURRENT: &str = "saga-not-current";

impl From<NotCurrent> for Refused {
    fn from(error: NotCurrent) -> Self {
        Self::new(RefusedKind::Conflict, NOT_CURRENT, error)
    }
}

impl<S: Saga> Aggregate for Run<S> {
    const NAME: &'static str = S::NAME;
    // A retry is wanted now, not as often as there was time for one while nobody could make it.
    const REPLAYS_TIME: bool = false;
    type Key = String;
    type Command = RunCommand<S::Input>;
    type Event = RunEvent<S::Input>;
    type Refusal = NotCurrent;

    fn decide(&self, command: Self::Command, _at: Timestamp) -> Result<Vec<Self::Event>, NotCurrent> {
        match (command, self.phase) {
            (RunCommand::Begin { input, client }, Phase::Absent) => Ok(vec![RunEvent::Begun { input, client }]),
            (RunCommand::Accept, Phase::Calling | Phase::Recalling) => Ok(vec![RunEvent::Accepted]),
            (RunCommand::Doubt, Phase::Calling | Phase::Recalling) => Ok(vec![RunEvent::Doubted]),
            (RunCommand::Doubt, Phase::Compensating) => Ok(Vec::new()),
            // One that has ended is refused to be ended again: with an end goes the client's key, which may be someone else's by now.
            (RunCommand::GiveUp { why }, Phase::Calling | Phase::Recalling | Phase::Compensating) => Ok(vec![RunEvent::GivenUp { why }]),
            _ => Err(NotCurrent),
        }
    }

    fn evolve(&mut self, event: &Self::Event, at: Timestamp) {
        let later = |by| at.checked_add(by).ok();
        match event {
            RunEvent::Begun { input, client } => {
                self.begun = Some(Begun { input: input.clone(), at, client: client.clone() });
                self.phase = Phase::Calling;
                self.wake_at = later(S::Call::DEADLINE * 2 + LEFT_ALONE);
            }
            RunEvent::Accepted | RunEvent::GivenUp { .. } => {
                self.phase = Phase::Ended;
                self.wake_at = None;
            }
            RunEvent::Doubted | RunEvent::Resumed => {
                let is_woken_first = matches!((event, self.phase), (RunEvent::Resumed, Phase::Calling | Phase::Recalling));
                self.phase = if is_woken_first { Phase::Recalling } else { Phase::Compensating };
                self.wake_at = later(backoff(self.tries));
                self.tries = self.tries.saturating_add(1);
            }
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.wake_at
    }

    fn tick(&self, _at: Timestamp) -> Vec<Self::Event> {
        vec![RunEvent::Resumed]
    }
}

/// What a service publishes of its sagas: nothing.
#[derive(Serialize, Deserialize)]
pub(crate) struct Silent;

impl utoipa::PartialSchema for Silent {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::schema::Schema::default().into()
    }
}
impl utoipa::ToSchema for Silent {}
impl Published for Silent {
    const SERVICE: &'static str = "";
}

impl<S: Saga> Exposed for Run<S> {
    type Published = Silent;
}

/// A saga with its types set aside, for going on with one that was left behind.
pub(crate) struct SagaEntry {
    pub(crate) name: &'static str,
    pub(crate) resume: fn(ServiceHandle, String) -> BoxFuture<'static, ()>,
}

impl SagaEntry {
    pub(crate) const fn of<S: Saga>() -> Self {
        Self { name: S::NAME, resume: |service, key| Box::pin(async move { resume::<S>(&service, key).await }) }
    }
}

/// Makes a saga's key and input, with new ids.
pub type MakeInput<S> = Arc<dyn Fn(&mut Ids<'_>) -> (String, <S as Saga>::Input) + Send + Sync>;

/// What begins a saga.
pub struct SagaRequest<S: Saga> {
    /// Makes the saga's key and input, with new ids. It may run more than once.
    pub input: MakeInput<S>,
    /// The collection of which a new id is taken, and whose row is shown once the saga is accepted.
    pub collection: &'static str,
    /// The status it is answered with then.
    pub status: u16,
    /// It happens once for this key.
    pub key: Option<ClientKey>,
    /// After this instant it is not begun any more.
    pub deadline: Timestamp,
    /// Its origin.
    pub meta: Meta,
}

/// One saga on its way.
struct Driven<S: Saga> {
    service: ServiceHandle,
    key: String,
    input: S::Input,
    born: Timestamp,
    client: Client,
}

impl ServiceHandle {
    /// Asks for something that takes another service. It goes on when the asker does not wait for it.
    pub async fn run<S: Saga>(&self, request: SagaRequest<S>) -> Outcome {
        let (answer, answered) = oneshot::channel();
        let service = self.clone();
        self.spawn(Box::pin(async move {
            let _ = answer.send(run(service, request).await);
        }));
        answered.await.unwrap_or(Outcome::Unheard)
    }

    /// Counts the sagas that were left behind by whoever ran before.
    pub(crate) async fn load_open_sagas(&self) -> Result<(), StoreError> {
        for saga in &self.service().sagas {
            // A saga wants to be woken for as long as it has not ended.
            for root in self.store().waking_roots(self.name(), saga.name, usize::MAX).await? {
                self.open_sagas().begin(self.name(), saga.name, &root.key, "left-behind");
            }
        }
        Ok(())
    }
}

/// Begins a saga and drives it to its end.
async fn run<S: Saga>(service: ServiceHandle, request: SagaRequest<S>) -> Outcome {
    let Some(beginning) = service.open_sagas().place() else {
        service.system.stats.turned_away.of(&(service.name(), "sagas")).inc();
        return Outcome::Full;
    };
    let SagaRequest { input, collection, status, key, deadline, meta } = request;
    let (_span, meta) = within::<S>(&service, meta, "run");
    let client = Client { status, collection: collection.into(), key: key.clone(), meta: meta.clone() };
    let begun = Arc::new(Mutex::new(None));
    let act = Act {
        make: {
            let (begun, client) = (Arc::clone(&begun), client.clone());
            Arc::new(move |ids| {
                let (saga, input) = input(ids);
                *begun.lock().unwrap_or_else(PoisonError::into_inner) = Some((saga.clone(), input.clone()));
                Commands::to::<Run<S>>(&saga, RunCommand::Begin { input, client: client.clone() })
            })
        },
        roots: Vec::new(),
        sequences: vec![collection],
        purpose: Purpose::Client { key: key.map_or(KeyUse::None, KeyUse::Bind), status: 202, shows: None },
        deadline: Some(deadline),
        expected: None,
        meta,
    };
    let born = match service.submit_fresh(act).await {
        // Only the beginning itself answers 202; anything else was kept under the client's key before.
        Outcome::Accepted(Answer { status: 202, at, .. }) => at,
        other => return other,
    };
    let made = begun.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some((key, input)) = made else { return Outcome::Failed("a saga began without input".into()) };
    service.open_sagas().begin(service.name(), S::NAME, &key, "calling");
    drop(beginning);
    Driven::<S> { service, key, input, born, client }.drive().await
}

impl<S: Saga> Driven<S> {
    async fn drive(&self) -> Outcome {
        let call = S::call(&self.input);
        match self.service.client().act(&call, &self.call_key(), self.call_meta()).await {
            Ok(reply) => self.accept(reply).await,
            Err(CallError::Refused(refused)) => {
                self.give_up(&refused.code).await;
                Outcome::Refused(refused)
            }
            Err(CallError::Unavailable { service, why }) => {
                // The breaker tells the state of the callee; a line for each request would only repeat it.
                tracing::debug!(
                    saga = S::NAME,
                    key = self.key,
                    correlation = self.correlation(),
                    callee = service,
                    why,
                    "a callee cannot be reached"
                );
                self.give_up("unavailable").await;
                Outcome::Unavailable(service)
            }
            Err(CallError::TimedOut { service }) => {
                let correlation = self.correlation();
                tracing::debug!(
                    saga = S::NAME,
                    key = self.key,
                    correlation,
                    callee = service,
                    "a callee did not answer; the call is cancelled"
                );
                self.doubt(Outcome::Unavailable(service)).await
            }
        }
    }

    /// What stands here and the end of the saga are one transaction.
    async fn accept(&self, reply: <S::Call as Call>::Reply) -> Outcome {
        let Client { status, collection, key, .. } = &self.client;
        let commands = S::done(&self.input, &reply, self.service.now()).and::<Run<S>>(&self.key, RunCommand::Accept);
        let shows = self.service.service().resources.iter().map(|one| one.collection).find(|one| one == collection);
        let key = key.clone().map_or(KeyUse::None, KeyUse::Finish);
        let done = self.service.submit(self.act(commands, Purpose::Client { key, status: *status, shows })).await;
        match done {
            Done::Accepted(answer) => {
                self.ended();
                Outcome::Accepted(answer)
            }
            // It was woken meanwhile, and ended in one way or another.
            Done::Refused(refused) if refused.code == NOT_CURRENT => {
                self.overtaken().await;
                Outcome::Unheard
            }
            Done::Refused(refused) => self.doubt(Outcome::Refused(refused)).await,
            other => self.service.outcome(other),
        }
    }

    /// Turns the saga round: from now on its call is taken back. That is written before the call is cancelled, so that nobody
    /// goes forward with it meanwhile.
    async fn doubt(&self, outcome: Outcome) -> Outcome {
        // Whoever waits is not kept for longer than their call; what is handed in is written all the same, and the saga woken.
        let turned = timeout(&**self.service.clock(), S::Call::DEADLINE, self.submit(RunCommand::Doubt, KeyUse::None)).await;
        match turned {
            Ok(Done::Accepted(_)) => {
                self.stands("compensating");
                self.compensate().await;
                outcome
            }
            Ok(Done::Refused(_)) => {
                self.overtaken().await;
                Outcome::Unheard
            }
            Err(Elapsed) => outcome,
            Ok(other) => {
                let (correlation, turning) = (self.correlation(), other.name());
                tracing::warn!(saga = S::NAME, key = self.key, correlation, turning, "a saga could not be turned round");
                outcome
            }
        }
    }

    /// Takes the call back. When that is not certain now, the saga is woken to try again until it is.
    async fn compensate(&self) {
        match self.service.client().cancel(&S::call(&self.input), &self.call_key(), self.call_meta()).await {
            Ok(()) => self.give_up("cancelled").await,
            Err(error) => {
                let correlation = self.correlation();
                tracing::debug!(saga = S::NAME, key = self.key, correlation, %error, "a call could not be cancelled yet");
            }
        }
    }

    /// Goes on with a saga that was left behind: what its callee decided stands, and what it did not decide it never will.
    async fn recall(&self) {
        match self.service.client().recall(&S::call(&self.input), &self.call_key(), self.call_meta()).await {
            Ok(reply) => {
                // Nobody waits for it who could tell.
                if let Outcome::Failed(why) = self.accept(reply).await {
                    tracing::error!(saga = S::NAME, key = self.key, correlation = self.correlation(), why, "a saga cannot go on");
                }
            }
            Err(CallError::Refused(refused)) => self.give_up(&refused.code).await,
            Err(error) => {
                let correlation = self.correlation();
                tracing::debug!(saga = S::NAME, key = self.key, correlation, %error, "a call could not be recalled yet");
            }
        }
    }

    /// Ends the saga with nothing standing, so that the next request is decided afresh.
    async fn give_up(&self, why: &str) {
        let key = self.client.key.clone().map_or(KeyUse::None, KeyUse::Free);
        match self.submit(RunCommand::GiveUp { why: why.into() }, key).await {
            Done::Accepted(_) => self.ended(),
            Done::Refused(refused) if refused.code == NOT_CURRENT => self.overtaken().await,
            // It stays open, and is woken to be ended.
            other => {
                let (correlation, outcome) = (self.correlation(), other.name());
                tracing::warn!(saga = S::NAME, key = self.key, correlation, outcome, "a saga could not be ended yet");
            }
        }
    }

    /// Whoever was woken for it went on with it. If they ended it before its beginning was heard of here, it counts as open still.
    async fn overtaken(&self) {
        if load::<S>(&self.service, &self.key).await.is_some_and(|run| run.phase == Phase::Ended) {
            self.ended();
        }
    }

    /// Where it stands, for metrics.
    fn stands(&self, state: &'static str) {
        self.service.open_sagas().stands(self.service.name(), S::NAME, &self.key, state);
    }

    fn correlation(&self) -> &str {
        &self.client.meta.correlation
    }

    fn ended(&self) {
        self.service.open_sagas().end(self.service.name(), S::NAME, &self.key);
    }

    async fn submit(&self, command: RunCommand<S::Input>, key: KeyUse) -> Done {
        let commands = Commands::to::<Run<S>>(&self.key, command);
        self.service.submit(self.act(commands, Purpose::Client { key, status: 200, shows: None })).await
    }

    fn act(&self, commands: Commands, purpose: Purpose) -> Act {
        let roots = (&commands)
            .into_iter()
            .map(|one| RootKey { service: self.service.name(), aggregate: one.aggregate, key: one.key.clone() })
            .collect();
        let mut meta = self.client.meta.clone();
        meta.causation = format!("{}/{}/{}", self.service.name(), S::NAME, self.key);
        Act { make: Arc::new(move |_| commands.clone()), roots, sequences: Vec::new(), purpose, deadline: None, expected: None, meta }
    }

    fn call_key(&self) -> CallKey {
        CallKey { service: self.service.name().into(), saga: S::NAME.into(), key: self.key.clone(), step: 0, born: self.born }
    }

    fn call_meta(&self) -> Meta {
        Meta { causation: format!("{}/{}/{}", self.service.name(), S::NAME, self.key), ..self.client.meta.clone() }
    }
}

/// The part of a trace that a saga is, and the origin of what it does.
fn within<S: Saga>(service: &ServiceHandle, meta: Meta, what: &str) -> (Span, Meta) {
    let span =
        service.tracer().within(meta.trace.as_ref(), Kind::Internal, || format!("{what} saga {}/{}", service.name(), S::NAME).into());
    let trace = span.context().cloned().or(meta.trace);
    (span, Meta { trace, ..meta })
}

/// Goes on with a saga that was woken.
async fn resume<S: Saga>(service: &ServiceHandle, key: String) {
    let Some(run) = load::<S>(service, &key).await else { return };
    let Run { begun: Some(Begun { input, at: born, client }), phase, .. } = run else { return };
    let (_span, meta) = within::<S>(service, client.meta.clone(), "go on with");
    let driven = Driven::<S> { service: service.clone(), key, input, born, client: Client { meta, ..client } };
    match phase {
        Phase::Recalling => {
            driven.stands("recalling");
            driven.recall().await;
        }
        Phase::Compensating => {
            driven.stands("compensating");
            driven.compensate().await;
        }
        Phase::Absent | Phase::Calling | Phase::Ended => {}
    }
}

/// Where a saga stands in the store, if that can be read now.
async fn load<S: Saga>(service: &ServiceHandle, key: &str) -> Option<Run<S>> {
    let root = RootKey { service: service.name(), aggregate: S::NAME, key: key.into() };
    let events = service.store().events(&root).await;
    let events =
        events.inspect_err(|error| tracing::warn!(saga = S::NAME, key, %error, "a saga could not be read; it is woken again")).ok()?;
    let mut run = Run::<S>::default();
    for event in events {
        let recorded = serde_json::from_str(&event.data);
        let recorded = recorded
            .inspect_err(|error| tracing::error!(saga = S::NAME, key, error = misread(error), "a saga's event cannot be read"))
            .ok()?;
        run.evolve(&recorded, event.at);
    }
    Some(run)
}
