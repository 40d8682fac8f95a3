use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::Meta;

/// What makes a call one call however often it is sent: the saga that makes it and the step it is in.
///
/// It carries the instant of its birth, so that one which is older than what the callee remembers can be told apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CallKey {
    /// The calling service.
    pub service: String,
    /// The saga's name.
    pub saga: String,
    /// The saga's own key.
    pub key: String,
    /// The step, from 0.
    pub step: u16,
    /// How often the saga took that step before, to no avail.
    #[serde(default)]
    pub attempt: u16,
    /// When the saga began.
    pub born: Timestamp,
}

impl fmt::Display for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, saga, key, step, attempt, born } = self;
        write!(f, "{service}/{saga}/{key}/{step}")?;
        if *attempt > 0 {
            write!(f, ".{attempt}")?;
        }
        write!(f, "@{}", born.as_microsecond())
    }
}

/// What is asked of the callee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// Do it, once for this key.
    Do(CallKey),
    /// Tell what came of it; if nothing has, see to it that nothing ever does.
    Recall(CallKey),
    /// Undo what was done under this key; if nothing was, see to it that nothing ever is.
    Cancel(CallKey),
}

impl Act {
    /// What is asked, in a word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Do(_) => "do",
            Self::Recall(_) => "recall",
            Self::Cancel(_) => "cancel",
        }
    }
}

/// A call on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The service that is to answer.
    pub service: String,
    /// The name of the call.
    pub call: String,
    /// What is asked.
    pub act: Act,
    /// The call's JSON.
    pub body: String,
    /// After this instant it is not decided any more.
    pub deadline: Timestamp,
    /// Its origin, and with it the place in a trace that the call is.
    pub meta: Meta,
}
