//! Makes a saga's calls and brings it to its end.

use std::pin::pin;
use std::time::Duration;

use calls::{Act as Ask, Asked, CallKey};
use clock::{Elapsed, timeout};
use kernel::{Aggregate, CallError, CallStep, Commands, Refused, RefusedKind, Saga, Step, Steps, Timestamp, WaitStep, misread};
use store::{Meta, RootKey};
use telemetry::{Kind, Span};

use super::run::{Asker, Begun, Move, NOT_CURRENT, Phase, Run, RunCommand, Tellings, Who};
use crate::handle::ServiceHandle;
use crate::open_sagas::SagaState;
use crate::writer::{Act, CallRecord, Done, KeyUse, Outcome, Purpose};

/// One saga on its way.
pub(super) struct Driven<S: Saga> {
    service: ServiceHandle,
    key: String,
    asker: Asker,
    born: Timestamp,
    steps: Steps<S>,
    /// The first step that is not known to be done.
    first: usize,
    /// Where the saga stood when this went on with it.
    stage: u32,
    tellings: Tellings,
    /// How often it was woken to go on since then.
    tries: u32,
}

/// How the calls of a saga are made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// For the first time: what is asked is to be done.
    Doing,
    /// After it was left behind: what was done stands, and what was not never will.
    Recalling,
}

/// What became of a step.
enum Came {
    /// It is done.
    Done,
    /// It is not, and the saga ends here for now.
    Ended(Result<Done, Outcome>),
}

impl<S: Saga> Driven<S> {
    /// A saga that has just begun.
    pub(super) fn new(service: ServiceHandle, key: String, asker: Asker, born: Timestamp) -> Self {
        Self { service, key, asker, born, steps: S::steps(), first: 0, stage: 0, tellings: Tellings::default(), tries: 0 }
    }

    /// One that goes on from where it stands; none when it has not begun.
    pub(super) fn of(service: ServiceHandle, key: String, run: Run<S>) -> Option<(Self, S)> {
        let Run { begun, step: first, stage, tellings, tries, .. } = run;
        let Begun { saga, at: born, asker } = begun?;
        Some((Self { first, stage, tellings, tries, ..Self::new(service, key, asker, born) }, saga))
    }

    pub(super) const fn service(&self) -> &ServiceHandle {
        &self.service
    }

    /// Makes the calls of a saga that has just begun.
    pub(super) async fn drive(&self, saga: S) -> Result<Done, Outcome> {
        self.go(saga, How::Doing).await
    }

    /// Goes through the steps that are left, and ends it.
    async fn go(&self, mut saga: S, how: How) -> Result<Done, Outcome> {
        for (index, step) in self.steps.list().iter().enumerate().skip(self.first) {
            let came = match step {
                Step::Call(call) => self.call(index, call, &mut saga, how).await,
                Step::Wait(wait) => self.wait(index, wait, &saga).await,
                Step::Insist(call) => self.insist(index, call, &mut saga).await,
            };
            if let Came::Ended(ended) = came {
                return ended;
            }
        }
        self.accept(&saga).await
    }

    /// A step before the pivot.
    async fn call(&self, index: usize, call: &CallStep<S>, saga: &mut S, how: How) -> Came {
        let Some(body) = call.body(saga) else { return Came::Done };
        let key = self.call_key(index);
        let act = if how == How::Doing { Ask::Do(key) } else { Ask::Recall(key) };
        match self.ask(call, body, act).await {
            Ok(reply) if self.learns(call, saga, &reply).is_ok() => Came::Done,
            // Whatever was decided that cannot be read has to be cancelled.
            Ok(_) => Came::Ended(Box::pin(self.turn(index + 1, saga, call, Outcome::Unavailable(call.service.into()))).await),
            // Whoever is recalled and cannot be asked is asked again when the saga is woken.
            Err(error) if how == How::Recalling && !matches!(error, CallError::Refused(_)) => Came::Ended(Err(self.not_yet(&error))),
            Err(error) => {
                let (outcome, waits_on) = (self.not_yet(&error), self.steps.waits_on(index, saga));
                // Only what was certainly not decided needs no cancelling.
                let may_stand = matches!(error, CallError::TimedOut { .. } | CallError::Undecided { .. });
                Came::Ended(match waits_on {
                    Some(wait) if !may_stand && self.tellings.in_vain(index) < MOST_IN_VAIN => self.wait_on(wait, saga, outcome).await,
                    _ => Box::pin(self.turn(index + usize::from(may_stand), saga, call, outcome)).await,
                })
            }
        }
    }

    /// A step behind the pivot. Its call is made again under the same key until it is answered.
    async fn insist(&self, index: usize, call: &CallStep<S>, saga: &mut S) -> Came {
        if index == self.steps.pivot() && index > self.first {
            let passed = self.submit(Commands::none(), Move::Pass { step: index, saga: saga.clone() }, PLAIN).await;
            if !matches!(passed, Done::Accepted(_)) {
                return Came::Ended(Err(self.left(passed).await));
            }
        }
        let Some(body) = call.body(saga) else { return Came::Done };
        match self.ask(call, body, Ask::Do(self.call_key(index))).await {
            Ok(reply) => match self.learns(call, saga, &reply) {
                Ok(()) => Came::Done,
                Err(why) => Came::Ended(Err(Outcome::Failed(why))),
            },
            Err(CallError::Refused(refused)) => {
                // Nothing can be undone any more, so this is for a person to see to.
                let (correlation, code, details) = (self.correlation(), &refused.code, tracing::field::debug(&refused.details));
                tracing::warn!(
                    saga = S::NAME,
                    key = self.key,
                    correlation,
                    callee = call.service,
                    call = call.name,
                    code,
                    details,
                    "what a saga insists on is refused for good"
                );
                call.refused(saga, refused);
                Came::Done
            }
            Err(error) => {
                // Nobody is told that it is not done yet, and somebody may wait for it.
                if self.tries >= IN_VAIN {
                    tracing::warn!(saga = S::NAME, key = self.key, correlation = self.correlation(), %error, "a saga asks for what has to be done in vain so far");
                }
                Came::Ended(Err(self.not_yet(&error)))
            }
        }
    }

    /// A step that somebody has to take. Whoever began the saga is answered that it waits.
    async fn wait(&self, index: usize, wait: &WaitStep<S>, saga: &S) -> Came {
        if wait.until(saga).is_none() {
            return Came::Done;
        }
        let answers = match self.answers(saga) {
            Ok(answers) => answers,
            Err(why) => return Came::Ended(Err(Outcome::Failed(why))),
        };
        let waited = self.submit(wait.meanwhile(saga), Move::Wait { step: index, saga: saga.clone() }, answers).await;
        Came::Ended(match waited {
            done @ Done::Accepted(_) => {
                self.service.open_sagas().wait(self.service.name(), S::NAME, &self.key);
                Ok(done)
            }
            other => Err(self.left(other).await),
        })
    }

    /// What somebody told came to nothing, and they are answered why. The saga waits on, to be told again.
    async fn wait_on(&self, wait: usize, saga: &S, outcome: Outcome) -> Result<Done, Outcome> {
        match self.submit(Commands::none(), Move::Wait { step: wait, saga: saga.clone() }, self.frees()).await {
            Done::Accepted(_) => {
                self.service.open_sagas().wait(self.service.name(), S::NAME, &self.key);
                Err(outcome)
            }
            other => Err(self.left(other).await),
        }
    }

    /// What stands here and the end of the saga are one transaction.
    async fn accept(&self, saga: &S) -> Result<Done, Outcome> {
        let answers = self.answers(saga).map_err(Outcome::Failed)?;
        match self.submit(self.steps.ends(saga, self.service.now()), Move::Accept, answers).await {
            done @ (Done::Accepted(_) | Done::Replied(_)) => {
                self.ended();
                Ok(done)
            }
            Done::Refused(refused) if refused.code != NOT_CURRENT && self.steps.pivot() == self.steps.list().len() => {
                Box::pin(self.doubt(self.steps.list().len(), saga, PATIENCE, Outcome::Refused(refused))).await
            }
            other => Err(self.left(other).await),
        }
    }

    /// Ends a saga that cannot go on. The steps before `through` were done, or may have been.
    async fn turn(&self, through: usize, saga: &S, call: &CallStep<S>, outcome: Outcome) -> Result<Done, Outcome> {
        // Whoever told it something could try again for as long as it waits, and there is nothing left to tell now.
        let is_away = match &outcome {
            Outcome::Unavailable(_) => true,
            Outcome::Refused(refused) => refused.kind == RefusedKind::Unavailable,
            _ => false,
        };
        let outcome = if is_away && self.stage > 0 { Outcome::Refused(Refused::taken_back()) } else { outcome };
        if self.made(through, saga).next().is_none() {
            return self.give_up(saga, outcome).await;
        }
        self.doubt(through, saga, call.deadline, outcome).await
    }

    /// Turns the saga round: from now on what was done is taken back. That is written before anything is cancelled, so that nobody
    /// goes forward with it meanwhile.
    async fn doubt(&self, through: usize, saga: &S, patience: Duration, outcome: Outcome) -> Result<Done, Outcome> {
        // Whoever waits is not kept for longer than their call; what is handed in is written all the same, and the saga woken.
        let turning = self.submit(Commands::none(), Move::Doubt, PLAIN);
        match timeout(&**self.service.clock(), patience, pin!(turning)).await {
            Ok(Done::Accepted(_)) => {
                self.stands(SagaState::Compensating);
                return if self.cancel(through, saga).await { self.give_up(saga, outcome).await } else { Err(outcome) };
            }
            // While that is not written, what was decided elsewhere stands, and whoever goes on with it later may find that it does.
            Ok(Done::Refused(_)) | Err(Elapsed) => {}
            Ok(other) => {
                let (correlation, turning) = (self.correlation(), other.name());
                tracing::warn!(saga = S::NAME, key = self.key, correlation, turning, "a saga could not be turned round");
            }
        }
        self.overtaken().await;
        Err(Outcome::Unheard)
    }

    /// Cancels the calls before `through`, last first, and says whether that is certain. When it is not now, the saga is woken to try
    /// again until it is.
    async fn cancel(&self, through: usize, saga: &S) -> bool {
        let made: Vec<_> = self.made(through, saga).collect();
        for (index, call, body) in made.into_iter().rev() {
            if let Err(error) = self.ask(call, body, Ask::Cancel(self.call_key(index))).await {
                self.not_yet(&error);
                return false;
            }
        }
        true
    }

    /// Undoes a saga that was left behind. Each callee is asked what came of its call, so that no more is cancelled than was done.
    async fn compensate(&self, mut saga: S) -> Result<Done, Outcome> {
        let mut through = self.first;
        for (index, step) in self.steps.list().iter().enumerate().take(self.steps.pivot()).skip(self.first) {
            let call = match step {
                Step::Call(call) => call,
                // Nobody has told it anything, so nothing was done behind this.
                Step::Wait(wait) if wait.until(&saga).is_some() => break,
                Step::Wait(_) | Step::Insist(_) => continue,
            };
            let Some(body) = call.body(&saga) else { continue };
            match self.ask(call, body, Ask::Recall(self.call_key(index))).await {
                Ok(reply) => {
                    through = index + 1;
                    if call.replied(&mut saga, &reply).is_err() {
                        break;
                    }
                }
                Err(CallError::Refused(_)) => break,
                Err(error) => return Err(self.not_yet(&error)),
            }
        }
        let withdrawn = Outcome::Refused(Refused::cancelled());
        if self.cancel(through, &saga).await { self.give_up(&saga, withdrawn).await } else { Err(withdrawn) }
    }

    /// Ends the saga with nothing standing, so that the next request is decided afresh.
    async fn give_up(&self, saga: &S, outcome: Outcome) -> Result<Done, Outcome> {
        // A service that asked is told what is kept under its call.
        let outcome = match (outcome, &self.asker.who) {
            (Outcome::Unavailable(service), Who::Call(_)) => Outcome::Refused(Refused::unavailable(&service)),
            (outcome, _) => outcome,
        };
        let (why, kept) = match &outcome {
            Outcome::Refused(refused) => (refused.code.clone(), refused.clone()),
            _ => ("unavailable".into(), Refused::cancelled()),
        };
        let purpose = match &self.asker.who {
            Who::Call(key) => Purpose::End { key: key.clone(), record: CallRecord::Refused(kept) },
            Who::Client { .. } | Who::Nobody => self.frees(),
        };
        match self.submit(self.steps.withdraws(saga), Move::GiveUp { why }, purpose).await {
            Done::Accepted(_) | Done::Replied(_) => self.ended(),
            Done::Refused(refused) if refused.code == NOT_CURRENT => self.overtaken().await,
            // It stays open, and is woken to be ended.
            other => {
                let (correlation, outcome) = (self.correlation(), other.name());
                tracing::warn!(saga = S::NAME, key = self.key, correlation, outcome, "a saga could not be ended yet");
                self.overtaken().await;
            }
        }
        Err(outcome)
    }

    /// The calls before `through` that this saga had need of.
    fn made<'a>(&'a self, through: usize, saga: &'a S) -> impl Iterator<Item = (usize, &'a CallStep<S>, Result<String, String>)> {
        self.steps.list().iter().take(through).enumerate().filter_map(move |(index, step)| match step {
            Step::Call(call) => call.body(saga).map(|body| (index, call, body)),
            Step::Wait(_) | Step::Insist(_) => None,
        })
    }

    async fn ask(&self, call: &CallStep<S>, body: Result<String, String>, act: Ask) -> Result<String, CallError> {
        let body = body.map_err(|why| CallError::Unavailable { service: call.service.into(), why })?;
        let asked = Asked { service: call.service, name: call.name, deadline: call.deadline, body };
        self.service.client().ask(asked, act, self.meta()).await
    }

    /// Takes a reply into the saga.
    fn learns(&self, call: &CallStep<S>, saga: &mut S, reply: &str) -> Result<(), String> {
        call.replied(saga, reply).inspect_err(|why| {
            let correlation = self.correlation();
            tracing::error!(
                saga = S::NAME,
                key = self.key,
                correlation,
                callee = call.service,
                call = call.name,
                why,
                "a reply cannot be read"
            );
        })
    }

    /// What a call that was not answered is to its saga: nothing more for now. The breaker tells the state of the callee; a line for each
    /// request would only repeat it.
    fn not_yet(&self, error: &CallError) -> Outcome {
        tracing::debug!(saga = S::NAME, key = self.key, correlation = self.correlation(), %error, "a saga's call was not answered");
        match error {
            CallError::Refused(refused) => Outcome::Refused(refused.clone()),
            CallError::Unavailable { service, .. } | CallError::TimedOut { service } | CallError::Undecided { service } => {
                Outcome::Unavailable(service.clone())
            }
        }
    }

    /// A step of the saga itself was not written. When it was woken meanwhile, somebody else goes on with it.
    async fn left(&self, done: Done) -> Outcome {
        match done {
            Done::Refused(refused) if refused.code == NOT_CURRENT => {
                self.overtaken().await;
                Outcome::Unheard
            }
            other => {
                let (correlation, outcome) = (self.correlation(), other.name());
                if let Done::Refused(_) | Done::Failed(_) = other {
                    tracing::error!(saga = S::NAME, key = self.key, correlation, outcome, "a saga cannot go on");
                }
                self.overtaken().await;
                self.service.outcome(other)
            }
        }
    }

    /// Whoever was woken for it went on with it. If they ended it, or it waits, before its beginning was heard of here, it counts as open still.
    pub(super) async fn overtaken(&self) {
        match load::<S>(&self.service, &self.key).await.map(|run| run.phase) {
            Some(Phase::Ended) => self.ended(),
            Some(Phase::Waiting) => self.service.open_sagas().wait(self.service.name(), S::NAME, &self.key),
            _ => {}
        }
    }

    /// What the asker is answered when the saga ends well, or waits.
    fn answers(&self, saga: &S) -> Result<Purpose, String> {
        Ok(match &self.asker.who {
            Who::Client { status, collection, key } => {
                let shows = self.service.service().resources.iter().map(|one| one.collection).find(|one| one == collection);
                Purpose::Client { key: key.clone().map_or(KeyUse::None, KeyUse::Finish), status: *status, shows }
            }
            Who::Call(key) => {
                let reply = self.service.service().saga_reply(S::NAME, saga)?;
                Purpose::End { key: key.clone(), record: CallRecord::Replied(reply) }
            }
            Who::Nobody => PLAIN,
        })
    }

    /// That the key of a client is free again, so that the next request is decided afresh.
    fn frees(&self) -> Purpose {
        match &self.asker.who {
            Who::Client { key: Some(key), .. } => Purpose::Client { key: KeyUse::Free(key.clone()), status: 200, shows: None },
            Who::Client { key: None, .. } | Who::Call(_) | Who::Nobody => PLAIN,
        }
    }

    /// Commands that are committed with a step of the saga itself.
    fn submit(&self, commands: Commands, to: Move<S>, purpose: Purpose) -> impl Future<Output = Done> {
        let command = RunCommand::Move { stage: self.stage, to };
        self.service.submit(Act::of(self.service.name(), commands.and::<Run<S>>(&self.key, command), purpose, self.meta()))
    }

    /// Where it stands, for metrics.
    fn stands(&self, state: SagaState) {
        self.service.open_sagas().stands(self.service.name(), S::NAME, &self.key, state);
    }

    fn ended(&self) {
        self.service.open_sagas().end(self.service.name(), S::NAME, &self.key);
    }

    fn correlation(&self) -> &str {
        &self.asker.meta.correlation
    }

    fn call_key(&self, step: usize) -> CallKey {
        let attempt = self.tellings.in_vain(step);
        let step = u16::try_from(step).unwrap_or(u16::MAX);
        CallKey { service: self.service.name().into(), saga: S::NAME.into(), key: self.key.clone(), step, attempt, born: self.born }
    }

    fn meta(&self) -> Meta {
        Meta { causation: format!("{}/{}/{}", self.service.name(), S::NAME, self.key), ..self.asker.meta.clone() }
    }
}

/// What nobody is told.
const PLAIN: Purpose = Purpose::Client { key: KeyUse::None, status: 200, shows: None };

/// A saga that was told in vain so often before comes to nothing: each telling stands among its events for ever, and costs whoever is asked.
/// A page that tries again every few seconds, for as long as somebody is away, stays far below.
const MOST_IN_VAIN: u16 = 500;

/// After so many tries in vain, about a minute, each is worth a line of the log: from then on there is one a minute.
const IN_VAIN: u32 = 8;

/// How long a saga whose end is refused waits to be turned round.
const PATIENCE: Duration = Duration::from_millis(600);

/// The part of a trace that a saga is, and the origin of what it does.
pub(super) fn within<S: Saga>(service: &ServiceHandle, meta: Meta, what: &str) -> (Span, Meta) {
    let span =
        service.tracer().within(meta.trace.as_ref(), Kind::Internal, || format!("{what} saga {}/{}", service.name(), S::NAME).into());
    let trace = span.context().cloned().or(meta.trace);
    (span, Meta { trace, ..meta })
}

/// Goes on with a saga that was woken. Nobody waits for it who could be told.
pub(super) async fn resume<S: Saga>(service: &ServiceHandle, key: String) {
    let Some(run) = load::<S>(service, &key).await else { return };
    let phase = run.phase;
    let Some((mut driven, saga)) = Driven::of(service.clone(), key, run) else { return };
    // Whoever asked for it makes its calls, or has gone, and then it is recalled in time: two who make them would not know of each other.
    if phase == Phase::Calling && !matches!(driven.asker.who, Who::Nobody) {
        return;
    }
    let (_span, meta) = within::<S>(service, driven.asker.meta.clone(), "go on with");
    driven.asker.meta = meta;
    let (state, going): (_, futures_util::future::BoxFuture<'_, _>) = match phase {
        Phase::Calling => (SagaState::Calling, Box::pin(driven.go(saga, How::Doing))),
        Phase::Recalling => (SagaState::Recalling, Box::pin(driven.go(saga, How::Recalling))),
        Phase::Insisting => (SagaState::Insisting, Box::pin(driven.go(saga, How::Doing))),
        Phase::Compensating => (SagaState::Compensating, Box::pin(driven.compensate(saga))),
        Phase::Absent | Phase::Unstarted | Phase::Waiting | Phase::Ended => return,
    };
    if matches!(phase, Phase::Calling | Phase::Insisting) {
        // One that a rule began is heard of here for the first time.
        service.open_sagas().begin(service.name(), S::NAME, &driven.key, state);
    }
    driven.stands(state);
    if let Err(Outcome::Failed(why)) = going.await {
        tracing::error!(saga = S::NAME, key = driven.key, correlation = driven.correlation(), why, "a saga cannot go on");
    }
}

/// Where a saga stands in the store, if that can be read now.
pub(super) async fn load<S: Saga>(service: &ServiceHandle, key: &str) -> Option<Run<S>> {
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
