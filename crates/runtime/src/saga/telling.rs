//! How a client goes on with a saga that waits, or takes it back.

use futures_util::FutureExt;
use kernel::{Commands, Saga, Timestamp};
use store::Meta;
use tokio::sync::oneshot;

use super::begin::{answered, away};
use super::drive::{Driven, load, resume, within};
use super::run::{Asker, Run, RunCommand, UNDER_WAY, Who};
use crate::handle::ServiceHandle;
use crate::open_sagas::SagaState;
use crate::writer::{Act, Answer, ClientKey, Expected, KeyUse, Outcome, Purpose};

/// What a client says to a saga that waits.
pub struct SagaInput {
    /// The saga's key.
    pub saga: String,
    /// The collection whose row is shown once the saga ends.
    pub collection: &'static str,
    /// The status it is answered with then.
    pub status: u16,
    /// It happens once for this key.
    pub key: Option<ClientKey>,
    /// After this instant it is not heard any more.
    pub deadline: Timestamp,
    /// What the client expects of one of the service's rows; it is heard only if that holds.
    pub expected: Option<Expected>,
    /// Its origin.
    pub meta: Meta,
}

impl ServiceHandle {
    /// Tells a saga what it waits for, as JSON. It goes on when the teller does not wait for it.
    pub async fn tell<S: Saga>(&self, input: SagaInput, what: String) -> Outcome {
        self.beside(tell::<S>(self.clone(), input, what)).await.unwrap_or(Outcome::Unheard)
    }

    /// Takes back a saga that has not ended: it comes to nothing, as if it had waited in vain. One that has ended is refused, `saga-not-current`.
    pub async fn withdraw<S: Saga>(&self, input: SagaInput) -> Outcome {
        self.beside(withdraw::<S>(self.clone(), input)).await.unwrap_or(Outcome::Unheard)
    }

    /// Waits for something that goes on without whoever waits. None when the process is going down with it in hand.
    pub(super) fn beside<T: Send + 'static, W: Future<Output = T> + Send + 'static>(
        &self,
        work: W,
    ) -> impl Future<Output = Option<T>> + use<T, W> {
        let (answer, answered) = oneshot::channel();
        self.spawn(Box::pin(work.map(|done| drop(answer.send(done)))));
        answered.map(Result::ok)
    }

    /// A command to the run of the saga that has begun under this key.
    fn to_run<S: Saga>(&self, saga: &str, command: RunCommand<S>, purpose: Purpose, meta: Meta) -> Act {
        Act::of(self.name(), Commands::to::<Run<S>>(&saga.to_owned(), command), purpose, meta)
    }
}

async fn tell<S: Saga>(service: ServiceHandle, input: SagaInput, what: String) -> Outcome {
    let SagaInput { saga: name, collection, status, key, deadline, expected, meta } = input;
    let (_span, meta) = within::<S>(&service, meta, "go on with");
    // It waits on, and can be told again.
    if let Some(away) = away::<S>(&service) {
        return answered(&service, away, key, collection, deadline, meta).await;
    }
    let asker = Asker { who: Who::Client { status, collection: collection.into(), key: key.clone() }, meta: meta.clone() };
    let purpose = Purpose::Client { key: key.map_or(KeyUse::None, KeyUse::Bind), status: 202, shows: None };
    let told = service.to_run::<S>(&name, RunCommand::Tell { what, asker }, purpose, meta.clone());
    match service.submit_fresh(Act { deadline: Some(deadline), expected, ..told }).await {
        Outcome::Accepted(Answer { status: 202, .. }) => {}
        Outcome::Refused(refused) if refused.code == UNDER_WAY => return Outcome::InProgress,
        other => return other,
    }
    service.open_sagas().begin(service.name(), S::NAME, &name, SagaState::Calling);
    // It is woken to go on if it cannot be read now.
    let Some(run) = load::<S>(&service, &name).await else { return Outcome::Unheard };
    let is_own = run.is_told_by(&meta);
    let Some((driven, saga)) = Driven::of(service, name, run) else { return Outcome::Unheard };
    // Only what this has told is gone on with here: somebody may have taken the saga back meanwhile, or told it something else.
    if !is_own {
        driven.overtaken().await;
        return Outcome::Unheard;
    }
    match driven.drive(saga).await {
        Ok(done) => driven.service().outcome(done),
        Err(outcome) => outcome,
    }
}

async fn withdraw<S: Saga>(service: ServiceHandle, input: SagaInput) -> Outcome {
    let SagaInput { saga, status, key, deadline, expected, meta, .. } = input;
    let (_span, meta) = within::<S>(&service, meta, "take back");
    let purpose = Purpose::Client { key: key.map_or(KeyUse::None, KeyUse::Take), status, shows: None };
    let withdrawn = service.to_run::<S>(&saga, RunCommand::TakeBack, purpose, meta);
    let outcome = service.submit_fresh(Act { deadline: Some(deadline), expected, ..withdrawn }).await;
    if let Outcome::Accepted(_) = outcome {
        resume::<S>(&service, saga).await;
    }
    outcome
}
