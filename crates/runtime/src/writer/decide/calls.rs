//! Other services' calls: what is kept of them decides what comes of them, however often and in whatever order they come.

use ::calls::CallKey;
use kernel::{Commands, Refused, RefusedKind};
use store::RecordKey;

use super::{CALLS_KEPT, Transaction, read};
use crate::service::Service;
use crate::writer::work::{Act, Answer, CallRecord, Done, Reply};

impl Transaction<'_> {
    pub(super) fn call_act(
        &mut self,
        service: &Service,
        act: &Act,
        key: &CallKey,
        reply: &Reply,
        record_key: Option<RecordKey>,
        record: Option<String>,
    ) -> Result<Done, String> {
        if let Some(done) = self.decided(service, act, key, record)? {
            return Ok(done);
        }
        let (record, done) = match self.commands(service, act)? {
            Ok(accepted) => {
                let state = accepted.root.as_ref().and_then(|key| self.roots.get(key)).ok_or("a call without an aggregate")?;
                let reply = reply(state.state.as_any())?;
                (CallRecord::Replied(reply.clone()), Done::Replied(reply))
            }
            // A refusal is kept like a success, so that no other try of this call lands after it.
            Err(refused) => (CallRecord::Refused(refused.clone()), Done::Refused(refused)),
        };
        self.keep(record_key, Some(record))?;
        Ok(done)
    }

    /// How a call stands that was made before, or is too old to be made.
    fn decided(&self, service: &Service, act: &Act, key: &CallKey, record: Option<String>) -> Result<Option<Done>, String> {
        if let Some(record) = record {
            return read(&record).map(|record| Some(told(record)));
        }
        if self.now.duration_since(key.born) > jiff::SignedDuration::try_from(CALLS_KEPT).unwrap_or_default() {
            let correlation = &act.meta.correlation;
            tracing::error!(service = service.name, %key, correlation, "a call is older than what is remembered of calls; it is refused");
            let refused = Refused::new(RefusedKind::Conflict, "call-too-old", "this call is too old to be answered");
            return Ok(Some(Done::Refused(refused)));
        }
        Ok(None)
    }

    /// A saga begins that will answer a call.
    pub(super) fn begin_act(
        &mut self,
        service: &Service,
        act: &Act,
        key: &CallKey,
        record_key: Option<RecordKey>,
        record: Option<String>,
    ) -> Result<Done, String> {
        if let Some(done) = self.decided(service, act, key, record)? {
            return Ok(done);
        }
        let (record, done) = match self.commands(service, act)? {
            Ok(accepted) => (CallRecord::UnderWay, Done::Accepted(Answer::of(202, None, &accepted.rows, accepted.at))),
            Err(refused) => (CallRecord::Refused(refused.clone()), Done::Refused(refused)),
        };
        self.keep(record_key, Some(record))?;
        Ok(done)
    }

    /// A saga ends that answers a call. One that was cancelled stays so.
    pub(super) fn end_act(
        &mut self,
        service: &Service,
        act: &Act,
        ended: &CallRecord,
        record_key: Option<RecordKey>,
        record: Option<String>,
    ) -> Result<Done, String> {
        let accepted = match self.commands(service, act)? {
            Ok(accepted) => accepted,
            Err(refused) => return Ok(Done::Refused(refused)),
        };
        if record.as_deref().map(read).transpose()? == Some(CallRecord::UnderWay) {
            self.keep(record_key, Some(ended.clone()))?;
        }
        Ok(match ended {
            CallRecord::Replied(reply) => Done::Replied(reply.clone()),
            _ => Done::Accepted(Answer::of(200, None, &accepted.rows, accepted.at)),
        })
    }

    /// What came of a call. One of which nothing has yet, is not decided any more.
    pub(super) fn recall_act(&mut self, record_key: Option<RecordKey>, record: Option<String>) -> Result<Done, String> {
        if let Some(record) = record {
            return read(&record).map(told);
        }
        self.keep(record_key, Some(CallRecord::Cancelled))?;
        Ok(Done::Refused(Refused::cancelled()))
    }

    pub(super) fn cancel_act(
        &mut self,
        service: &Service,
        act: &Act,
        withdraw: &Commands,
        record_key: Option<RecordKey>,
        record: Option<String>,
    ) -> Result<Done, String> {
        match record.as_deref().map(read).transpose()? {
            // Nothing came of it, and its key says so already.
            Some(CallRecord::Cancelled | CallRecord::Refused(_)) => return Ok(Done::Cancelled),
            // An undo that is refused found nothing to undo.
            Some(CallRecord::Replied(_)) => drop(self.commands(service, act)?),
            // Whoever drives the saga, or is woken for it, undoes what it did.
            Some(CallRecord::UnderWay) => drop(self.accept(service, withdraw, &act.meta)?),
            None => {}
        }
        self.keep(record_key, Some(CallRecord::Cancelled))?;
        Ok(Done::Cancelled)
    }
}

/// What a call that was made before is answered.
fn told(record: CallRecord) -> Done {
    match record {
        CallRecord::Replied(reply) => Done::Replied(reply),
        CallRecord::Refused(refused) => Done::Refused(refused),
        CallRecord::UnderWay => Done::InProgress,
        CallRecord::Cancelled => Done::Refused(Refused::cancelled()),
    }
}
