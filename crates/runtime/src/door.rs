//! Where a service answers the calls of others.

use std::sync::Arc;

use calls::{Act as Asked, Envelope, Transport};
use futures_util::future::BoxFuture;
use kernel::{CallError, Commands, Refused, RefusedKind};
use store::RootKey;

use crate::handle::{ServiceHandle, WeakServiceHandle};
use crate::writer::{Act, Done, Purpose, Work};

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
        let work = self.work(&envelope).map_err(unavailable)?;
        match service.inbox().begun(service.name(), work).await {
            Done::Replied(reply) => Ok(reply),
            Done::Cancelled => Ok("null".into()),
            Done::Refused(refused) => Err(CallError::Refused(refused)),
            Done::Expired => Err(unavailable("the deadline had passed before it was decided".into())),
            Done::Away(why) => Err(unavailable(why)),
            Done::Failed(why) => {
                let correlation = &envelope.meta.correlation;
                tracing::error!(service = service.name(), call = envelope.call, correlation, why, "a call failed through a fault of ours");
                Err(unavailable(why))
            }
            other => {
                let (correlation, outcome) = (&envelope.meta.correlation, other.name());
                tracing::warn!(service = service.name(), call = envelope.call, correlation, outcome, "nobody knows how a call ended");
                Err(CallError::TimedOut { service: envelope.service.clone() })
            }
        }
    }

    fn work(&self, envelope: &Envelope) -> Result<Work, String> {
        let name = envelope.call.as_str();
        let entry = self.0.service().answers.get(name).ok_or_else(|| format!("it knows no call {name}"))?;
        let (commands, purpose, deadline) = match &envelope.act {
            Asked::Do(key) => {
                let (reply, body) = (entry.reply, envelope.body.clone());
                let reply = Arc::new(move |state: &dyn std::any::Any| reply(&body, state));
                // Undoing has no deadline: it is wanted however late.
                ((entry.commands)(&envelope.body)?, Purpose::Call { key: key.clone(), reply }, Some(envelope.deadline))
            }
            Asked::Recall(key) => (Commands::none(), Purpose::Recall { key: key.clone() }, None),
            Asked::Cancel(key) => ((entry.undo)(&envelope.body)?, Purpose::Cancel { key: key.clone() }, None),
        };
        let service = self.0.name();
        let roots = (&commands).into_iter().map(|one| RootKey { service, aggregate: one.aggregate, key: one.key.clone() }).collect();
        Ok(Work::Act(Box::new(Act {
            make: Arc::new(move |_| commands.clone()),
            roots,
            sequences: Vec::new(),
            purpose,
            deadline,
            expected: None,
            meta: envelope.meta.clone(),
        })))
    }
}
