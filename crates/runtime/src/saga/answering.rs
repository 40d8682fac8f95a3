//! How a call from another service is answered by a saga.

use std::any::Any;
use std::sync::{Arc, PoisonError};

use calls::{CallKey, Envelope};
use futures_util::future::BoxFuture;
use kernel::{AnswerBySaga, CallError, Commands, Saga, misread};
use store::RootKey;

use super::begin::Beginning;
use super::drive::{Driven, within};
use super::run::{Asker, Run, RunCommand, Who};
use crate::handle::ServiceHandle;
use crate::open_sagas::SagaState;
use crate::writer::{Act, Done, Outcome, Purpose};

/// A call that a saga answers, with its types set aside.
pub(crate) struct SagaAnswer {
    pub(crate) saga: &'static str,
    /// Begins the saga and drives it to its end.
    run: fn(ServiceHandle, Envelope, CallKey) -> BoxFuture<'static, Result<String, CallError>>,
    /// What turns it round while it is under way.
    pub(crate) withdraw: fn(&str) -> Result<Commands, String>,
    /// What takes it back once it has ended well.
    pub(crate) undo: fn(&str) -> Result<Commands, String>,
    /// The reply, from the saga as it ended.
    pub(crate) reply: fn(&dyn Any) -> Result<String, String>,
}

fn read<C: AnswerBySaga>(call: &str) -> Result<C, String> {
    serde_json::from_str(call).map_err(|error| misread(&error))
}

impl SagaAnswer {
    pub(crate) const fn of<C: AnswerBySaga>() -> Self {
        Self {
            saga: C::By::NAME,
            run: |service, envelope, key| Box::pin(run::<C>(service, envelope, key)),
            withdraw: |call| {
                let (key, _) = read::<C>(call)?.saga();
                Ok(Commands::to::<Run<C::By>>(&key, RunCommand::Withdraw))
            },
            undo: |call| Ok(read::<C>(call)?.undo()),
            reply: |ended| {
                let ended = ended.downcast_ref().ok_or("a reply from another kind of saga")?;
                serde_json::to_string(&C::reply(ended)).map_err(|error| error.to_string())
            },
        }
    }

    /// Does what a call asks. It goes on when the asker does not wait for it.
    pub(crate) async fn answer(&self, service: &ServiceHandle, envelope: Envelope, key: CallKey) -> Result<String, CallError> {
        let called = envelope.service.clone();
        let answered = service.beside((self.run)(service.clone(), envelope, key)).await;
        answered.unwrap_or(Err(CallError::TimedOut { service: called }))
    }
}

async fn run<C: AnswerBySaga>(service: ServiceHandle, envelope: Envelope, call: CallKey) -> Result<String, CallError> {
    let Envelope { service: called, deadline, meta, body, .. } = envelope;
    let away = |why: String| CallError::Unavailable { service: called.clone(), why };
    let (key, saga) = read::<C>(&body).map_err(away)?.saga();
    let Some(place) = service.open_sagas().place() else {
        service.system.stats.turned_away.of(&(service.name(), "sagas")).inc();
        return Err(away("too many of its sagas are open".into()));
    };
    let (_span, meta) = within::<C::By>(&service, meta, "run");
    let asker = Asker { who: Who::Call(call.clone()), meta: meta.clone() };
    let made = (key.clone(), saga);
    let Beginning { begun, mut roots, make, then } = Beginning::of(service.name(), Arc::new(move |_| made.clone()), asker.clone());
    roots.push(RootKey { service: service.name(), aggregate: C::By::NAME, key: key.clone() });
    let purpose = Purpose::Begin { key: call };
    let act = Act { make, then, roots, sequences: Vec::new(), purpose, deadline: Some(deadline), expected: None, meta };
    let born = match service.submit(act).await {
        Done::Accepted(answer) => answer.at,
        other => return told(other, &called),
    };
    let saga = begun.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some((_, saga)) = saga else { return Err(CallError::TimedOut { service: called }) };
    service.open_sagas().begin(service.name(), C::By::NAME, &key, SagaState::Calling);
    drop(place);
    match Driven::<C::By>::new(service, key, asker, born).drive(saga).await {
        Ok(done) => told(done, &called),
        Err(outcome) => Err(failed(outcome, called)),
    }
}

/// What a caller is told of how a piece of work ended.
pub(crate) fn told(done: Done, called: &str) -> Result<String, CallError> {
    let unavailable = |why| CallError::Unavailable { service: called.into(), why };
    match done {
        Done::Replied(reply) => Ok(reply),
        Done::Cancelled => Ok("null".into()),
        Done::Refused(refused) => Err(CallError::Refused(refused)),
        Done::Expired => Err(unavailable("the deadline had passed before it was decided".into())),
        Done::Away(why) => Err(unavailable(why)),
        Done::Failed(why) => {
            tracing::error!(service = called, why, "a call failed through a fault of ours");
            Err(unavailable(why))
        }
        // What is under way will be decided, but nobody can tell how.
        Done::InProgress => Err(CallError::Undecided { service: called.into() }),
        other => {
            tracing::warn!(service = called, outcome = other.name(), "nobody knows how a call ended");
            Err(CallError::TimedOut { service: called.into() })
        }
    }
}

/// What a caller is told of a saga that did not end well. One that came to nothing is kept so, and is a refusal.
fn failed(outcome: Outcome, called: String) -> CallError {
    match outcome {
        Outcome::Refused(refused) => CallError::Refused(refused),
        // It has answered, and will know once whoever it asks does.
        Outcome::Unavailable(_) => CallError::Undecided { service: called },
        _ => CallError::TimedOut { service: called },
    }
}
