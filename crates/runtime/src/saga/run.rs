//! Where one saga stands: an aggregate of its service, so that its progress is committed with everything else.

use std::time::Duration;

use calls::CallKey;
use kernel::{Aggregate, Exposed, Published, Refused, RefusedKind, Saga, Step, Steps, Timestamp};
use serde::{Deserialize, Serialize};
use store::Meta;

use crate::writer::ClientKey;

/// How much longer than twice the deadlines of its calls a saga is left to the request that began it.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// The longest time for which a saga that is open does nothing.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long a saga that could not go on waits before the next try: longer each time.
fn backoff(tries: u32) -> Duration {
    Duration::from_millis(250 << tries.min(8)).min(LONGEST_PAUSE)
}

/// Where one saga stands.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Run<S: Saga> {
    pub(super) begun: Option<Begun<S>>,
    /// The first step that is not known to be done.
    pub(super) step: usize,
    pub(super) phase: Phase,
    /// How often it has begun to wait, or was told what it waits for. A snapshot without it is none: whoever drives a saga folds its events,
    /// and has to come to the same.
    pub(super) stage: u32,
    pub(super) tellings: Tellings,
    pub(super) tries: u32,
    wake_at: Option<Timestamp>,
}

/// A saga that has begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub(super) struct Begun<S: Saga> {
    /// What is known of it, as it was written last.
    pub(super) saga: S,
    pub(super) at: Timestamp,
    pub(super) asker: Asker,
}

/// How often a saga was told what it waited for, by the step that it went on with then. The calls behind a wait are other calls after
/// another telling.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Tellings(Vec<(usize, u16)>);

impl Tellings {
    fn add(&mut self, step: usize) {
        match self.0.last_mut() {
            Some((last, count)) if *last == step => *count = count.saturating_add(1),
            _ => self.0.push((step, 1)),
        }
    }

    /// How often the call of this step was made for tellings before the last.
    pub(super) fn in_vain(&self, step: usize) -> u16 {
        self.0.iter().rev().find(|(from, _)| *from <= step).map_or(0, |(_, count)| count.saturating_sub(1))
    }
}

/// Who is told how a saga ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asker {
    pub(super) who: Who,
    /// The origin of all that the saga does.
    pub(super) meta: Meta,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Who {
    /// A client, who is answered with this status, and shown the row of this collection.
    Client { status: u16, collection: String, key: Option<ClientKey> },
    /// Another service, by a call.
    Call(CallKey),
    /// A rule of the service itself, which does not wait.
    Nobody,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    #[default]
    Absent,
    /// It has begun, and waits for somebody to make its first call.
    Unstarted,
    /// Whoever began it makes its calls.
    Calling,
    /// It was left behind; its callees are asked what came of their calls.
    Recalling,
    /// Somebody has to tell it something.
    Waiting,
    /// It lies behind its pivot, and its calls are made until they are answered.
    Insisting,
    /// What was done is undone.
    Compensating,
    Ended,
}

impl<S: Saga> Default for Run<S> {
    fn default() -> Self {
        Self { begun: None, step: 0, phase: Phase::Absent, stage: 0, tellings: Tellings::default(), tries: 0, wake_at: None }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum RunCommand<S> {
    Begin {
        saga: S,
        asker: Asker,
    },
    /// Somebody tells it what it waits for.
    Tell {
        what: String,
        asker: Asker,
    },
    /// Whoever makes its calls since this stage says how far it is. Once it has gone on without them, they are refused.
    Move {
        stage: u32,
        to: Move<S>,
    },
    /// A client takes it back. One that has ended is refused.
    TakeBack,
    /// The same, said by a service that asked for it and does not know where it stands.
    Withdraw,
}

/// A step that a saga itself takes.
#[derive(Clone, Debug)]
pub(crate) enum Move<S> {
    /// The steps before this one are done, and it takes somebody to tell something.
    Wait { step: usize, saga: S },
    /// The steps before this one are done, and it is the first behind the pivot.
    Pass { step: usize, saga: S },
    /// Everything was accepted, and what stands here stands from now on.
    Accept,
    /// It cannot go on, or nobody knows how a call ended: what was done has to be undone.
    Doubt,
    /// Nothing stands of it anywhere.
    GiveUp { why: String },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", bound = "")]
pub(crate) enum RunEvent<S: Saga> {
    Begun { saga: S, asker: Asker },
    Waited { step: usize, saga: S },
    Told { saga: S, asker: Asker },
    Passed { step: usize, saga: S },
    Accepted,
    Doubted,
    Resumed,
    GivenUp { why: String },
}

/// The stable code of [`not_current`].
pub(super) const NOT_CURRENT: &str = "saga-not-current";

/// The outcome of a step that is not what the saga stands at any more.
fn not_current() -> Refused {
    Refused::new(RefusedKind::Conflict, NOT_CURRENT, "the saga has gone on without this")
}

/// The stable code of [`under_way`].
pub(super) const UNDER_WAY: &str = "saga-under-way";

/// What it was told before is being worked on, and may lead back to where it waits.
fn under_way() -> Refused {
    Refused::new(RefusedKind::Conflict, UNDER_WAY, "the saga is not back where it waits")
}

/// Nobody has to tell it anything, or not any more.
fn not_waiting() -> Refused {
    Refused::new(RefusedKind::Conflict, "not-waiting", "this has been done, has lapsed or was taken back already")
}

impl<S: Saga> Aggregate for Run<S> {
    const NAME: &'static str = S::NAME;
    // A retry is wanted now, not as often as there was time for one while nobody could make it.
    const REPLAYS_TIME: bool = false;
    type Key = String;
    type Command = RunCommand<S>;
    type Event = RunEvent<S>;
    type Refusal = Refused;

    fn decide(&self, command: RunCommand<S>, _at: Timestamp) -> Result<Vec<RunEvent<S>>, Refused> {
        use Phase::{Absent, Calling, Compensating, Ended, Insisting, Recalling, Unstarted, Waiting};
        match (command, self.phase) {
            (RunCommand::Begin { saga, asker }, Absent) => Ok(vec![RunEvent::Begun { saga, asker }]),
            // A rule that is told twice means one saga.
            (RunCommand::Begin { asker: Asker { who: Who::Nobody, .. }, .. }, _) => Ok(Vec::new()),
            (RunCommand::Tell { what, asker }, Waiting) => self.told(&what).map(|saga| vec![RunEvent::Told { saga, asker }]),
            (RunCommand::Tell { .. }, Calling | Recalling) => Err(under_way()),
            (RunCommand::Tell { .. }, _) => Err(not_waiting()),
            (RunCommand::Move { stage, to }, _) if stage == self.stage => self.moved(to),
            (RunCommand::TakeBack, Calling | Recalling | Waiting) => Ok(vec![RunEvent::Doubted]),
            (RunCommand::TakeBack | RunCommand::Withdraw, Compensating) => Ok(Vec::new()),
            (RunCommand::Withdraw, Unstarted | Calling | Recalling | Waiting) => Ok(vec![RunEvent::Doubted]),
            (RunCommand::Withdraw, Absent | Insisting | Ended) => Ok(Vec::new()),
            _ => Err(not_current()),
        }
    }

    fn evolve(&mut self, event: &RunEvent<S>, at: Timestamp) {
        let later = |by| at.checked_add(by).ok();
        match event {
            RunEvent::Begun { saga, asker } => {
                let is_insisting = S::steps().pivot() == 0;
                self.begun = Some(Begun { saga: saga.clone(), at, asker: asker.clone() });
                (self.phase, self.wake_at) = match asker.who {
                    Who::Nobody => (Phase::Unstarted, Some(at)),
                    _ if is_insisting => (Phase::Insisting, later(patience::<S>())),
                    _ => (Phase::Calling, later(patience::<S>())),
                };
            }
            RunEvent::Waited { step, saga } => {
                self.wake_at = until(*step, saga);
                self.goes_on(*step, saga, Phase::Waiting);
                self.stage += 1;
                // Whoever asked is answered that it waits.
                if let Some(Begun { asker: Asker { who: Who::Client { key, .. }, .. }, .. }) = &mut self.begun {
                    *key = None;
                }
            }
            RunEvent::Told { saga, asker } => {
                self.wake_at = later(patience::<S>());
                self.goes_on(self.step + 1, saga, Phase::Calling);
                self.stage += 1;
                self.tellings.add(self.step);
                if let Some(begun) = &mut self.begun {
                    begun.asker = asker.clone();
                }
            }
            RunEvent::Passed { step, saga } => {
                self.wake_at = later(patience::<S>());
                self.goes_on(*step, saga, Phase::Insisting);
            }
            RunEvent::Accepted | RunEvent::GivenUp { .. } => {
                self.phase = Phase::Ended;
                self.wake_at = None;
            }
            RunEvent::Resumed if self.phase == Phase::Unstarted => {
                self.phase = if S::steps().pivot() == 0 { Phase::Insisting } else { Phase::Calling };
                self.wake_at = later(patience::<S>());
            }
            RunEvent::Doubted | RunEvent::Resumed => {
                self.phase = match (event, self.phase) {
                    (RunEvent::Resumed, Phase::Insisting) => Phase::Insisting,
                    (RunEvent::Resumed, Phase::Calling | Phase::Recalling) => Phase::Recalling,
                    _ => Phase::Compensating,
                };
                self.wake_at = later(backoff(self.tries));
                self.tries = self.tries.saturating_add(1);
            }
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.wake_at
    }

    fn tick(&self, _at: Timestamp) -> Vec<RunEvent<S>> {
        // What nobody told in time comes to nothing.
        vec![if self.phase == Phase::Waiting { RunEvent::Doubted } else { RunEvent::Resumed }]
    }
}

impl<S: Saga> Run<S> {
    fn moved(&self, to: Move<S>) -> Result<Vec<RunEvent<S>>, Refused> {
        use Phase::{Calling, Compensating, Insisting, Recalling};
        match (to, self.phase) {
            (Move::Wait { step, saga }, Calling | Recalling) => Ok(vec![RunEvent::Waited { step, saga }]),
            (Move::Pass { step, saga }, Calling | Recalling) => Ok(vec![RunEvent::Passed { step, saga }]),
            (Move::Accept, Calling | Recalling | Insisting) => Ok(vec![RunEvent::Accepted]),
            (Move::Doubt, Calling | Recalling) => Ok(vec![RunEvent::Doubted]),
            (Move::Doubt, Compensating) => Ok(Vec::new()),
            // One that has ended is refused to be ended again: with an end goes the client's key, which may be someone else's by now.
            (Move::GiveUp { why }, Calling | Recalling | Compensating) => Ok(vec![RunEvent::GivenUp { why }]),
            _ => Err(not_current()),
        }
    }

    /// The saga, once it was told what it waits for.
    fn told(&self, what: &str) -> Result<S, Refused> {
        let steps = S::steps();
        let (Some(Step::Wait(wait)), Some(begun)) = (steps.list().get(self.step), &self.begun) else { return Err(not_waiting()) };
        let mut saga = begun.saga.clone();
        wait.told(&mut saga, what)?;
        Ok(saga)
    }

    /// Whether it makes the calls for what this request told it.
    pub(super) fn is_told_by(&self, request: &Meta) -> bool {
        self.phase == Phase::Calling && self.begun.as_ref().is_some_and(|begun| begun.asker.meta == *request)
    }

    fn goes_on(&mut self, step: usize, saga: &S, phase: Phase) {
        (self.step, self.phase, self.tries) = (step, phase, 0);
        if let Some(begun) = &mut self.begun {
            begun.saga = saga.clone();
        }
    }
}

/// For how long a saga is left to whoever makes its calls.
fn patience<S: Saga>() -> Duration {
    let steps: Steps<S> = S::steps();
    let deadlines = steps.list().iter().map(|step| match step {
        Step::Call(call) | Step::Insist(call) => call.deadline * 2,
        Step::Wait(_) => Duration::ZERO,
    });
    (deadlines.sum::<Duration>() + LEFT_ALONE).min(LONGEST_PAUSE)
}

/// Until when a saga waits in this step.
fn until<S: Saga>(step: usize, saga: &S) -> Option<Timestamp> {
    match S::steps().list().get(step) {
        Some(Step::Wait(wait)) => wait.until(saga),
        _ => None,
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

#[cfg(test)]
mod tests;
