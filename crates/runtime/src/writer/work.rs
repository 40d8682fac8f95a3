use std::any::Any;
use std::sync::Arc;

use crate::feed_position::FeedPosition;
use calls::CallKey;
use kernel::{Commands, Refused, RowChange, Timestamp};
use serde::{Deserialize, Serialize};
use store::{LineKey, Meta, Parked, RootKey, RowKey};
use telemetry::TraceContext;

use super::reaction::Heard;

/// Hands out new ids while a command is made. Ids of a command that is refused are handed out again.
pub struct Ids<'a> {
    pub(crate) last: &'a mut dyn FnMut(&'static str) -> u64,
}

impl Ids<'_> {
    /// The next id of a collection, which the request has [declared](Request::counts).
    pub fn next(&mut self, collection: &'static str) -> u64 {
        (self.last)(collection)
    }
}

/// Makes the commands of a request. It may run more than once.
pub(crate) type Make = Arc<dyn Fn(&mut Ids<'_>) -> Commands + Send + Sync>;

/// What a client asks of a service.
pub struct Request {
    pub(crate) make: Make,
    pub(crate) roots: Vec<(&'static str, String)>,
    pub(crate) sequences: Vec<&'static str>,
    pub(crate) status: u16,
    pub(crate) shows: Option<&'static str>,
    pub(crate) key: Option<ClientKey>,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) expected: Option<Expected>,
    pub(crate) meta: Meta,
}

/// What a client expects of one of the service's own rows: its request is decided only if that holds in the same transaction.
#[derive(Clone)]
pub struct Expected {
    collection: &'static str,
    id: u64,
    holds: Holds,
}

/// Says of a row, if there is one, and the instant of the decision whether it is as expected.
type Holds = Arc<dyn Fn(Option<&str>, Timestamp) -> bool + Send + Sync>;

impl Expected {
    /// That `holds` is true of the row `id` of `collection`, as JSON, and of the instant of the decision.
    pub fn of(collection: &'static str, id: u64, holds: impl Fn(Option<&str>, Timestamp) -> bool + Send + Sync + 'static) -> Self {
        Self { collection, id, holds: Arc::new(holds) }
    }

    /// Whether it holds of a row, or of none, at an instant.
    pub fn holds_of(&self, row: Option<&str>, at: Timestamp) -> bool {
        (self.holds)(row, at)
    }

    pub(super) fn key(&self, service: &'static str) -> RowKey {
        RowKey { service, table: self.collection.into(), id: self.id }
    }
}

impl Request {
    /// Asks for these commands.
    pub fn new(commands: Commands, meta: Meta) -> Self {
        let roots = commands.into_iter().map(|one| (one.aggregate, one.key.clone(), one)).collect::<Vec<_>>();
        let names = roots.iter().map(|(aggregate, key, _)| (*aggregate, key.clone())).collect();
        let list: Vec<_> = roots.into_iter().map(|(_, _, one)| one).collect();
        Self::make(move |_| list.iter().cloned().collect(), meta).about(names)
    }

    /// Asks for commands that need new ids.
    pub fn make(make: impl Fn(&mut Ids<'_>) -> Commands + Send + Sync + 'static, meta: Meta) -> Self {
        let (roots, sequences) = (Vec::new(), Vec::new());
        Self { make: Arc::new(make), roots, sequences, status: 200, shows: None, key: None, deadline: None, expected: None, meta }
    }

    /// The aggregates (kind, key) that the commands are for. One that only the new id names need not be told.
    #[must_use]
    pub fn about(mut self, roots: Vec<(&'static str, String)>) -> Self {
        self.roots = roots;
        self
    }

    /// The collections of which new ids are taken. Their service [counts](crate::Service::counted) them.
    #[must_use]
    pub fn counts(mut self, collections: &[&'static str]) -> Self {
        self.sequences = collections.into();
        self
    }

    /// Once accepted it is answered with this status and, when named, the row it left in a collection.
    #[must_use]
    pub fn answered(mut self, status: u16, shows: Option<&'static str>) -> Self {
        self.status = status;
        self.shows = shows;
        self
    }

    /// It happens once for this key.
    #[must_use]
    pub fn once(mut self, key: Option<ClientKey>) -> Self {
        self.key = key;
        self
    }

    /// It is decided only if this holds then. What was answered under its key before is answered all the same.
    #[must_use]
    pub fn only_if(mut self, expected: Option<Expected>) -> Self {
        self.expected = expected;
        self
    }

    /// After this instant it is not decided any more.
    #[must_use]
    pub fn before(mut self, deadline: Timestamp) -> Self {
        self.deadline = Some(deadline);
        self
    }
}

/// An idempotency key with the scope it is valid in, and what was asked under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientKey {
    /// Caller, method, route and the client's key.
    pub key: String,
    /// Of the request, so that another one under the same key is told apart.
    pub fingerprint: String,
}

/// What a client is answered, as it is kept under its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// When it was decided.
    pub at: Timestamp,
    /// The row to show.
    pub shown: Option<Shown>,
    /// Where what it published stands, the last of each shard. Known to the one who is answered first; one who repeats it is answered
    /// without.
    #[serde(skip)]
    pub positions: Vec<FeedPosition>,
}

/// A row as it stood when it was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Its collection.
    pub collection: String,
    /// Its id.
    pub id: u64,
    /// Its JSON.
    #[serde(with = "raw")]
    pub row: String,
}

impl Answer {
    pub(crate) fn of(status: u16, shows: Option<&'static str>, rows: &[RowChange], at: Timestamp) -> Self {
        let shown = shows.and_then(|collection| {
            let change = rows.iter().rev().find(|change| change.collection == collection)?;
            Some(Shown { collection: collection.into(), id: change.id, row: change.row.clone()? })
        });
        Self { status, at, shown, positions: Vec::new() }
    }
}

/// JSON within JSON, kept as it is.
mod raw {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::value::RawValue;

    pub(super) fn serialize<S: Serializer>(json: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(json).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        Ok(Box::<RawValue>::deserialize(deserializer)?.get().to_owned())
    }
}

/// How what was asked for ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was accepted and is on disk.
    Accepted(Answer),
    /// It was refused; nothing happened.
    Refused(Refused),
    /// The row is not what was expected; nothing happened.
    Changed,
    /// The key was used for something else before.
    KeyReused,
    /// What was asked for under this key is still under way.
    InProgress,
    /// Its deadline had passed before it was decided; nothing happened.
    Expired,
    /// Too much waits already; nothing happened.
    Full,
    /// The store is away, or the service is being stopped; nothing happened.
    Away(String),
    /// Another service that has to agree cannot be reached or did not answer. Nothing stands, or within seconds nothing will.
    Unavailable(String),
    /// The process is going down with this in hand: nobody knows whether it happened.
    Unheard,
    /// It cannot be done, through a fault of ours. Nothing happened.
    Failed(String),
}

/// What a call from another service was answered, as it is kept under its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum CallRecord {
    Replied(String),
    Refused(Refused),
    /// A saga does it, and has not ended.
    UnderWay,
    /// Nothing stands of it, and nothing ever will.
    Cancelled,
}

/// What is kept under a client's key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClientRecord {
    pub(crate) fingerprint: String,
    /// Absent while a saga is under way.
    pub(crate) answer: Option<Answer>,
}

impl ClientRecord {
    pub(super) fn of(key: &ClientKey, answer: Option<&Answer>) -> Self {
        Self { fingerprint: key.fingerprint.clone(), answer: answer.cloned() }
    }
}

/// What happens to the client's key when commands are accepted.
#[derive(Clone, Debug)]
pub(crate) enum KeyUse {
    /// There is none.
    None,
    /// It is taken, and the answer kept under it.
    Take(ClientKey),
    /// It is taken by a saga that has only begun.
    Bind(ClientKey),
    /// A saga that took it has ended, and its answer is kept.
    Finish(ClientKey),
    /// A saga that took it has come to nothing.
    Free(ClientKey),
}

/// A reply to a call, made from the state after it.
pub(crate) type Reply = Arc<dyn Fn(&dyn Any) -> Result<String, String> + Send + Sync>;

/// What follows in the same transaction, at the same instant, from the state of the aggregate that was commanded last.
pub(crate) type Then = Arc<dyn Fn(&dyn Any, Timestamp) -> Commands + Send + Sync>;

/// Commands, and what belongs to them.
pub(crate) struct Act {
    pub(crate) make: Make,
    pub(crate) then: Option<Then>,
    pub(crate) roots: Vec<RootKey>,
    pub(crate) sequences: Vec<&'static str>,
    pub(crate) purpose: Purpose,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) expected: Option<Expected>,
    pub(crate) meta: Meta,
}

impl Act {
    /// These commands, which are known beforehand.
    pub(crate) fn of(service: &'static str, commands: Commands, purpose: Purpose, meta: Meta) -> Self {
        let roots = (&commands).into_iter().map(|one| RootKey { service, aggregate: one.aggregate, key: one.key.clone() }).collect();
        let make: Make = Arc::new(move |_| commands.clone());
        Self { make, then: None, roots, sequences: Vec::new(), purpose, deadline: None, expected: None, meta }
    }
}

/// Whom commands are for.
pub(crate) enum Purpose {
    /// A client, or a saga on its behalf.
    Client { key: KeyUse, status: u16, shows: Option<&'static str> },
    /// A client for whom nothing had to happen: only its answer is kept.
    Keep(Box<(ClientKey, Answer)>),
    /// Another service's call.
    Call { key: CallKey, reply: Reply },
    /// A saga that begins for another service's call.
    Begin { key: CallKey },
    /// Its end, and what is kept of the call then.
    End { key: CallKey, record: CallRecord },
    /// The question what came of a call.
    Recall { key: CallKey },
    /// Its undoing; of one whose saga is under way, these commands are.
    Cancel { key: CallKey, withdraw: Commands },
}

/// Events for a consumer, of one source, ascending within each shard.
pub(crate) struct Handle {
    pub(crate) consumer: ConsumerKind,
    pub(crate) events: Vec<Heard>,
    /// Set when the last event failed on its own before: it is parked with this error.
    pub(crate) park: Option<String>,
}

/// What a consumer does with events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConsumerKind {
    /// Lets the service's policies react.
    Policies,
    /// Folds them into the view with this name.
    View(&'static str),
    /// Folds them into what is built anew beside it.
    Anew(&'static str),
}

/// Something for the writer to do.
pub(crate) enum Work {
    Act(Box<Act>),
    Handle(Handle),
    /// What is due happens.
    Tick(RootKey),
    /// A parked event is tried again.
    Retry(Parked),
    /// Parked events are given up.
    Discard(Discard),
}

/// The first events of a line of parked ones, to be given up.
pub(crate) struct Discard {
    pub(crate) line: LineKey,
    /// The place of the event that has to be the first of its line still.
    pub(crate) first: u64,
    /// The place of the last that goes.
    pub(crate) last: u64,
}

impl Work {
    /// The trace that it is part of. What handles events has a span of its own around this.
    pub(crate) fn trace(&self) -> Option<&TraceContext> {
        match self {
            Self::Act(act) => act.meta.trace.as_ref(),
            Self::Handle(_) | Self::Tick(_) | Self::Retry(_) | Self::Discard(_) => None,
        }
    }
}

/// How a piece of work ended.
#[derive(Clone, Debug)]
pub(crate) enum Done {
    /// Commands were accepted (or their key says that they were before).
    Accepted(Answer),
    /// A call was replied to.
    Replied(String),
    /// A call is undone, and cannot happen any more.
    Cancelled,
    /// Commands were refused, or their key says so.
    Refused(Refused),
    /// What was expected of a row does not hold.
    Changed,
    KeyReused,
    InProgress,
    Expired,
    /// Events were handled or parked, or had been before.
    Handled,
    /// A parked event failed again, and is parked for longer.
    ParkedAgain,
    /// Somebody else was faster: the parked event is the first of its line no more, or what was built anew is in its place.
    Gone,
    /// An event does not follow the position; the feed has what is missing.
    Gap,
    /// An event of a new epoch stands where this consumer has been already: a restore lost what it saw.
    Lost,
    /// What was due has happened. Whether the root is a saga's that wants to be run is for the asker to know.
    Ticked,
    /// The work fails on its own, whatever is tried.
    Failed(String),
    /// Nothing was done; it can be tried again later.
    Away(String),
    /// The writer went while it had this in hand: nobody knows how it ended.
    Unheard,
}
