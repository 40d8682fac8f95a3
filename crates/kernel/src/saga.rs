use std::fmt::Debug;

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Call, Commands};

/// One act that takes more than one service: a call that must be accepted elsewhere before something stands here.
///
/// It is committed before its call is sent and survives a kill at any line. The call is the pivot's test: accepted, what
/// [`done`](Self::done) commands is committed together with the saga's end; refused, nothing stands; without an answer,
/// it is cancelled by its key until that is certain.
pub trait Saga: Send + Sync + 'static {
    /// The durable name, unique in its service.
    const NAME: &'static str;
    /// What was asked for. It is kept, so its JSON is durable.
    type Input: Serialize + DeserializeOwned + Clone + Debug + Send + Sync + 'static;
    /// The call it makes.
    type Call: Call;

    /// The call for this input.
    fn call(input: &Self::Input) -> Self::Call;

    /// What stands in this service now that the call was accepted.
    fn done(input: &Self::Input, reply: &<Self::Call as Call>::Reply, at: Timestamp) -> Commands;
}
