//! How a client begins a saga.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use kernel::{Commands, Saga, Step, Timestamp};
use store::{Meta, RootKey};

use super::drive::{Driven, within};
use super::run::{Asker, Run, RunCommand, Who};
use crate::handle::ServiceHandle;
use crate::open_sagas::SagaState;
use crate::writer::{Act, Answer, ClientKey, Expected, Ids, KeyUse, Make, Outcome, Purpose, Then};

/// Makes a saga's key and the saga, with new ids.
pub type MakeSaga<S> = Arc<dyn Fn(&mut Ids<'_>) -> (String, S) + Send + Sync>;

/// What begins a saga.
pub struct SagaRequest<S: Saga> {
    /// Makes the saga's key and the saga, with new ids. It may run more than once.
    pub saga: MakeSaga<S>,
    /// The collection of which a new id may be taken, and whose row is shown once the saga is accepted.
    pub collection: &'static str,
    /// The status it is answered with then.
    pub status: u16,
    /// It happens once for this key.
    pub key: Option<ClientKey>,
    /// After this instant it is not begun any more.
    pub deadline: Timestamp,
    /// What the client expects of one of the service's rows; it begins only if that holds.
    pub expected: Option<Expected>,
    /// Its origin.
    pub meta: Meta,
}

impl ServiceHandle {
    /// Asks for something that takes another service. It goes on when the asker does not wait for it.
    pub async fn run<S: Saga>(&self, request: SagaRequest<S>) -> Outcome {
        self.beside(run(self.clone(), request)).await.unwrap_or(Outcome::Unheard)
    }
}

/// Begins a saga and drives it to its end.
async fn run<S: Saga>(service: ServiceHandle, request: SagaRequest<S>) -> Outcome {
    let Some(place) = service.open_sagas().place() else {
        service.system.stats.turned_away.of(&(service.name(), "sagas")).inc();
        return Outcome::Full;
    };
    let SagaRequest { saga, collection, status, key, deadline, expected, meta } = request;
    let (_span, meta) = within::<S>(&service, meta, "run");
    if let Some(away) = away::<S>(&service) {
        return answered(&service, away, key, collection, deadline, meta).await;
    }
    let asker = Asker { who: Who::Client { status, collection: collection.into(), key: key.clone() }, meta: meta.clone() };
    let Beginning { begun, roots, make, then } = Beginning::of(service.name(), saga, asker.clone());
    let purpose = Purpose::Client { key: key.map_or(KeyUse::None, KeyUse::Bind), status: 202, shows: None };
    let sequences = if service.service().counts(collection) { vec![collection] } else { Vec::new() };
    let act = Act { make, then, roots, sequences, purpose, deadline: Some(deadline), expected, meta };
    let born = match service.submit_fresh(act).await {
        // Only the beginning itself answers 202; anything else was kept under the client's key before.
        Outcome::Accepted(Answer { status: 202, at, .. }) => at,
        other => return other,
    };
    let made = begun.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some((key, saga)) = made else { return Outcome::Failed("a saga began without being made".into()) };
    service.open_sagas().begin(service.name(), S::NAME, &key, SagaState::Calling);
    drop(place);
    let driven = Driven::<S>::new(service, key, asker, born);
    match driven.drive(saga).await {
        Ok(done) => driven.service().outcome(done),
        Err(outcome) => outcome,
    }
}

/// A service that this saga asks before its pivot, and that cannot be asked now: it would go on only to be undone.
pub(super) fn away<S: Saga>(service: &ServiceHandle) -> Option<&'static str> {
    let steps = S::steps();
    let mut asked = steps.list().iter().filter_map(|step| match step {
        Step::Call(call) => Some(call),
        Step::Wait(_) | Step::Insist(_) => None,
    });
    asked.find(|call| service.client().refuses(call.service, call.name)).map(|call| call.service)
}

/// What was answered under this key before; if nothing was, that `away` cannot be asked.
pub(super) async fn answered(
    service: &ServiceHandle,
    away: &'static str,
    key: Option<ClientKey>,
    collection: &'static str,
    deadline: Timestamp,
    meta: Meta,
) -> Outcome {
    let unavailable = Outcome::Unavailable(away.into());
    let Some(key) = key else { return unavailable };
    let purpose = Purpose::Client { key: KeyUse::Bind(key), status: 202, shows: None };
    // What is kept under a key is told first, and what is expected here never holds.
    let expected = Some(Expected::of(collection, 0, |_, _| false));
    let asked = Act::of(service.name(), Commands::none(), purpose, meta);
    match service.submit_fresh(Act { deadline: Some(deadline), expected, ..asked }).await {
        Outcome::Changed => unavailable,
        other => other,
    }
}

/// What the first transaction of a saga consists of.
pub(super) struct Beginning<S> {
    /// The saga as it began, once it has.
    pub(super) begun: Arc<Mutex<Option<(String, S)>>>,
    pub(super) roots: Vec<RootKey>,
    pub(super) make: Make,
    pub(super) then: Option<Then>,
}

impl<S: Saga> Beginning<S> {
    pub(super) fn of(service: &'static str, saga: MakeSaga<S>, asker: Asker) -> Self {
        let begun = Arc::new(Mutex::new(None));
        // What it commands with its beginning has to be claimed beforehand. What is named by a new id is fresh, whatever the id.
        let (_, probe) = saga(&mut Ids { last: &mut |_| 0 });
        let first = S::steps().begins(&probe);
        let has_first = first.is_some();
        let commanded = first.unwrap_or_default();
        let roots = (&commanded).into_iter().map(|one| RootKey { service, aggregate: one.aggregate, key: one.key.clone() }).collect();
        let begin =
            move |key: &String, saga: &S| Commands::to::<Run<S>>(key, RunCommand::Begin { saga: saga.clone(), asker: asker.clone() });
        let make: Make = {
            let (begun, begin) = (Arc::clone(&begun), begin.clone());
            Arc::new(move |ids| {
                let (key, saga) = saga(ids);
                let commands = S::steps().begins(&saga).unwrap_or_else(|| begin(&key, &saga));
                *begun.lock().unwrap_or_else(PoisonError::into_inner) = Some((key, saga));
                commands
            })
        };
        let then: Then = {
            let begun = Arc::clone(&begun);
            Arc::new(move |state: &dyn Any, at| match &mut *begun.lock().unwrap_or_else(PoisonError::into_inner) {
                Some((key, saga)) => {
                    S::steps().taken(saga, state, at);
                    begin(key, saga)
                }
                None => Commands::none(),
            })
        };
        Self { begun, roots, make, then: has_first.then_some(then) }
    }
}
