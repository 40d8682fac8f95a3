//! Sagas: acts that take another service, committed before their call and carried to an end whatever happens.
//!
//! A saga's progress is an aggregate of its service, [`Run`]. While the client waits, `drive` makes the call and ends the
//! saga with it. A saga that is left behind (a kill, a lost answer) is woken by its `wake_at` and *compensated*: its call is
//! cancelled by its key until that is certain. The state of the run decides between the two, so they can race without harm.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use calls::CallKey;
use futures_util::future::BoxFuture;
use kernel::{Aggregate, Call, CallError, Commands, Exposed, Published, Refused, RefusedKind, Saga, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Meta, RootKey};
use tokio::sync::oneshot;

use crate::handle::ServiceHandle;
use crate::writer::{Act, Answer, ClientKey, Done, Ids, KeyUse, Outcome, Purpose};

/// How much longer than two deadlines of its call a saga is left to the request that began it.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// How many sagas of one system may be open before new ones are refused.
pub(crate) const MOST_OPEN: usize = 4096;

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
    key: Option<ClientKey>,
    meta: Meta,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    #[default]
    Absent,
    /// Its call is under way.
    Calling,
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
        key: Option<ClientKey>,
        meta: Meta,
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
    Begun { input: I, key: Option<ClientKey>, meta: Meta },
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
    type Key = String;
    type Command = RunCommand<S::Input>;
    type Event = RunEvent<S::Input>;
    type Refusal = NotCurrent;

    fn decide(&self, command: Self::Command, _at: Timestamp) -> Result<Vec<Self::Event>, NotCurrent> {
        match (command, self.phase) {
            (RunCommand::Begin { input, key, meta }, Phase::Absent) => Ok(vec![RunEvent::Begun { input, key, meta }]),
            (RunCommand::Accept, Phase::Calling) => Ok(vec![RunEvent::Accepted]),
            (RunCommand::Doubt, Phase::Calling) => Ok(vec![RunEvent::Doubted]),
            (RunCommand::Doubt, Phase::Compensating) => Ok(Vec::new()),
            // One that has ended is refused to be ended again: with an end goes the client's key, which may be someone else's by now.
            (RunCommand::GiveUp { why }, Phase::Calling | Phase::Compensating) => Ok(vec![RunEvent::GivenUp { why }]),
            _ => Err(NotCurrent),
        }
    }

    fn evolve(&mut self, event: &Self::Event, at: Timestamp) {
        let later = |by| at.checked_add(by).ok();
        match event {
            RunEvent::Begun { input, key, meta } => {
                self.begun = Some(Begun { input: input.clone(), at, key: key.clone(), meta: meta.clone() });
                self.phase = Phase::Calling;
                self.wake_at = later(S::Call::DEADLINE * 2 + LEFT_ALONE);
            }
            RunEvent::Accepted | RunEvent::GivenUp { .. } => {
                self.phase = Phase::Ended;
                self.wake_at = None;
            }
            RunEvent::Doubted | RunEvent::Resumed => {
                self.phase = Phase::Compensating;
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
    /// Its origin.
    pub meta: Meta,
}

/// One saga on its way.
struct Driven<S: Saga> {
    service: ServiceHandle,
    key: String,
    input: S::Input,
    client: Option<ClientKey>,
    born: Timestamp,
    meta: Meta,
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
}

/// Begins a saga and drives it to its end.
async fn run<S: Saga>(service: ServiceHandle, request: SagaRequest<S>) -> Outcome {
    let open = service.open_sagas();
    let Some(_open) = Open::within(&open, MOST_OPEN) else { return Outcome::Full };
    let SagaRequest { input, collection, status, key, meta } = request;
    let begun = Arc::new(Mutex::new(None));
    let act = Act {
        make: {
            let (begun, key, meta) = (Arc::clone(&begun), key.clone(), meta.clone());
            Arc::new(move |ids| {
                let (saga, input) = input(ids);
                *begun.lock().unwrap_or_else(PoisonError::into_inner) = Some((saga.clone(), input.clone()));
                Commands::to::<Run<S>>(&saga, RunCommand::Begin { input, key: key.clone(), meta: meta.clone() })
            })
        },
        roots: Vec::new(),
        sequences: vec![collection],
        purpose: Purpose::Client { key: key.clone().map_or(KeyUse::None, KeyUse::Bind), status: 202, shows: None },
        deadline: None,
        meta: meta.clone(),
    };
    let born = match service.submit_fresh(act).await {
        // Only the beginning itself answers 202; anything else was kept under the client's key before.
        Outcome::Accepted(Answer { status: 202, at, .. }) => at,
        other => return other,
    };
    let made = begun.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some((saga, input)) = made else { return Outcome::Failed("a saga began without input".into()) };
    Driven::<S> { service, key: saga, input, client: key, born, meta }.drive(status, collection).await
}

impl<S: Saga> Driven<S> {
    async fn drive(&self, status: u16, shows: &'static str) -> Outcome {
        let call = S::call(&self.input);
        match self.service.client().act(&call, &self.call_key(), self.call_meta()).await {
            Ok(reply) => self.accept(reply, status, shows).await,
            Err(CallError::Refused(refused)) => {
                self.give_up(&refused.code).await;
                Outcome::Refused(refused)
            }
            Err(CallError::Unavailable { service, why }) => {
                tracing::warn!(saga = S::NAME, service, why, "a callee cannot be reached");
                self.give_up("unavailable").await;
                Outcome::Unavailable(service)
            }
            Err(CallError::TimedOut { service }) => {
                tracing::warn!(saga = S::NAME, service, "a callee did not answer; the call is cancelled");
                self.compensate().await;
                Outcome::Unavailable(service)
            }
        }
    }

    /// What stands here and the end of the saga are one transaction.
    async fn accept(&self, reply: <S::Call as Call>::Reply, status: u16, shows: &'static str) -> Outcome {
        let (input, key, now) = (self.input.clone(), self.key.clone(), self.service.now());
        let commands = S::done(&input, &reply, now).and::<Run<S>>(&key, RunCommand::Accept);
        let client = self.client.clone().map_or(KeyUse::None, KeyUse::Finish);
        let done = self.service.submit(self.act(commands, Purpose::Client { key: client, status, shows: Some(shows) })).await;
        match done {
            Done::Accepted(answer) => Outcome::Accepted(answer),
            // The saga was woken meanwhile and takes its call back.
            Done::Refused(refused) if refused.code == NOT_CURRENT => {
                self.compensate().await;
                Outcome::Unavailable(S::Call::SERVICE.into())
            }
            Done::Refused(refused) => {
                self.compensate().await;
                Outcome::Refused(refused)
            }
            other => self.service.outcome(other),
        }
    }

    /// Takes the call back. When that is not certain now, the saga is woken to try again until it is.
    async fn compensate(&self) {
        let call = S::call(&self.input);
        match self.service.client().cancel(&call, &self.call_key(), self.call_meta()).await {
            Ok(()) => self.give_up("cancelled").await,
            Err(error) => {
                tracing::warn!(saga = S::NAME, key = self.key, %error, "a call could not be cancelled yet");
                let commands = Commands::to::<Run<S>>(&self.key, RunCommand::Doubt);
                self.service.submit(self.act(commands, Purpose::Client { key: KeyUse::None, status: 200, shows: None })).await;
            }
        }
    }

    /// Ends the saga with nothing standing, so that the next request is decided afresh.
    async fn give_up(&self, why: &str) {
        let commands = Commands::to::<Run<S>>(&self.key, RunCommand::GiveUp { why: why.into() });
        let client = self.client.clone().map_or(KeyUse::None, KeyUse::Free);
        let done = self.service.submit(self.act(commands, Purpose::Client { key: client, status: 200, shows: None })).await;
        let ended = match &done {
            Done::Accepted(_) => true,
            // Whoever else went on with it has ended it.
            Done::Refused(refused) => refused.code == NOT_CURRENT,
            _ => false,
        };
        if !ended {
            // It stays open, and is woken to be ended.
            tracing::warn!(saga = S::NAME, key = self.key, ?done, "a saga could not be ended yet");
        }
    }

    fn act(&self, commands: Commands, purpose: Purpose) -> Act {
        let roots = (&commands)
            .into_iter()
            .map(|one| RootKey { service: self.service.name(), aggregate: one.aggregate, key: one.key.clone() })
            .collect();
        let mut meta = self.meta.clone();
        meta.causation = format!("{}/{}/{}", self.service.name(), S::NAME, self.key);
        Act { make: Arc::new(move |_| commands.clone()), roots, sequences: Vec::new(), purpose, deadline: None, meta }
    }

    fn call_key(&self) -> CallKey {
        CallKey { service: self.service.name().into(), saga: S::NAME.into(), key: self.key.clone(), step: 0, born: self.born }
    }

    fn call_meta(&self) -> Meta {
        Meta { causation: format!("{}/{}/{}", self.service.name(), S::NAME, self.key), ..self.meta.clone() }
    }
}

/// Goes on with a saga that was woken: nobody waits for it any more, so whatever its call did is taken back.
async fn resume<S: Saga>(service: &ServiceHandle, key: String) {
    let root = RootKey { service: service.name(), aggregate: S::NAME, key: key.clone() };
    let mut run = Run::<S>::default();
    let events = match service.store().events(&root).await {
        Ok(events) => events,
        Err(error) => {
            tracing::warn!(saga = S::NAME, key, %error, "a saga could not be read; it is woken again");
            return;
        }
    };
    for event in events {
        match serde_json::from_str(&event.data) {
            Ok(recorded) => run.evolve(&recorded, event.at),
            Err(error) => {
                tracing::error!(saga = S::NAME, key, %error, "a saga's event cannot be read");
                return;
            }
        }
    }
    if let (Some(begun), Phase::Compensating) = (run.begun, run.phase) {
        let Begun { input, at: born, key: client, meta } = begun;
        Driven::<S> { service: service.clone(), key, input, client, born, meta }.compensate().await;
    }
}

/// One of the open sagas, counted while it lives.
struct Open<'a>(&'a AtomicUsize);

impl<'a> Open<'a> {
    fn within(count: &'a AtomicUsize, bound: usize) -> Option<Self> {
        if count.fetch_add(1, Ordering::AcqRel) < bound {
            return Some(Self(count));
        }
        count.fetch_sub(1, Ordering::AcqRel);
        None
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
