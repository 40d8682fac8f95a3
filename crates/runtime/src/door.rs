//! Where a service answers the calls of others.

use std::sync::Arc;

use calls::{Act as Asked, Envelope, Transport};
use futures_util::future::BoxFuture;
use kernel::{CallError, Commands, Refused, RefusedKind};
use store::RootKey;

use crate::handle::{ServiceHandle, WeakServiceHandle};
use crate::saga::told;
use crate::service::AnswerEntry;
use crate::writer::{Act, Purpose, Work};

impl ServiceHandle {
    /// Where it answers the calls of others.
    pub fn door(&self) -> Arc<dyn Transport> {
        Arc::new(Door(self.downgrade()))
    }
}

/// One service's door. The system holds its doors through its client, so a door does not hold the system: else neither would
/// ever go, and with them the writer and the file.
pub(crate) struct Door(pub(crate) WeakServiceHandle);

impl Transport for Door {
    fn send<'a>(&'a self, envelope: Envelope) -> BoxFuture<'a, Result<String, CallError>> {
        Box::pin(async move {
            match self.0.upgrade() {
                Some(service) => Answering(service).answer(envelope).await,
                None => Err(CallError::Unavailable { service: envelope.service, why: "it has stopped".into() }),
            }
        })
    }
}

/// A service that is there to answer.
struct Answering(ServiceHandle);

impl Answering {
    async fn answer(&self, envelope: Envelope) -> Result<String, CallError> {
        let service = &self.0;
        let unavailable = |why: String| CallError::Unavailable { service: envelope.service.clone(), why };
        let fault = service.fault();
        if fault.down {
            return Err(unavailable("it is stopped".into()));
        }
        if !fault.delay.is_zero() {
            service.clock().sleep(fault.delay).await;
        }
        // What was done before can be recalled and undone all the same, or nobody could tell the refusal of the act from its loss.
        if fault.refuse && matches!(envelope.act, Asked::Do(_)) {
            return Err(CallError::Refused(Refused::new(RefusedKind::Conflict, "refused-on-purpose", "the fault switch makes it refuse")));
        }
        let name = envelope.call.as_str();
        let entry = service.service().answers.get(name).ok_or_else(|| unavailable(format!("it knows no call {name}")))?;
        if let (AnswerEntry::BySaga(answer), Asked::Do(key)) = (entry, &envelope.act) {
            let key = key.clone();
            return answer.answer(service, envelope, key).await;
        }
        let work = self.work(entry, &envelope).map_err(unavailable)?;
        told(service.inbox().begun(service.name(), work).await, &envelope.service)
    }

    fn work(&self, entry: &AnswerEntry, envelope: &Envelope) -> Result<Work, String> {
        let body = envelope.body.as_str();
        let (commands, purpose, deadline) = match (&envelope.act, entry) {
            (Asked::Do(key), AnswerEntry::Decided(answer)) => {
                let (reply, body) = (answer.reply, body.to_owned());
                let reply = Arc::new(move |state: &dyn std::any::Any| reply(&body, state));
                // Undoing has no deadline: it is wanted however late.
                ((answer.commands)(&envelope.body)?, Purpose::Call { key: key.clone(), reply }, Some(envelope.deadline))
            }
            (Asked::Do(_), AnswerEntry::BySaga(_)) => return Err("a saga answers by itself".into()),
            (Asked::Recall(key), _) => (Commands::none(), Purpose::Recall { key: key.clone() }, None),
            (Asked::Cancel(key), AnswerEntry::Decided(answer)) => {
                ((answer.undo)(body)?, Purpose::Cancel { key: key.clone(), withdraw: Commands::none() }, None)
            }
            (Asked::Cancel(key), AnswerEntry::BySaga(answer)) => {
                ((answer.undo)(body)?, Purpose::Cancel { key: key.clone(), withdraw: (answer.withdraw)(body)? }, None)
            }
        };
        let service = self.0.name();
        let mut act = Act { deadline, ..Act::of(service, commands, purpose, envelope.meta.clone()) };
        if let Purpose::Cancel { withdraw, .. } = &act.purpose {
            act.roots.extend(withdraw.into_iter().map(|one| RootKey { service, aggregate: one.aggregate, key: one.key.clone() }));
        }
        Ok(Work::Act(Box::new(act)))
    }
}
