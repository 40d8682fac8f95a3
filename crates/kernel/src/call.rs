use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Aggregate, Refused};

/// A request from one service to another, answered while the asker waits. It happens once for its key, and can be cancelled by it.
pub trait Call: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The service that answers.
    const SERVICE: &'static str;
    /// The durable name, unique in that service.
    const NAME: &'static str;
    /// How long the asker waits, every try included.
    const DEADLINE: Duration = Duration::from_millis(600);
    /// What it answers.
    type Reply: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;
}

/// How the called service answers a keyed call: one command to one of its aggregates, which accepts or refuses it.
///
/// The command, the kept reply and the caller's key are one transaction. A refusal travels back as
/// [`CallError::Refused`].
pub trait Answer: Call {
    /// The kind of aggregate that decides.
    type By: Aggregate;

    /// What is asked of which one.
    fn command(&self) -> (<Self::By as Aggregate>::Key, <Self::By as Aggregate>::Command);

    /// The reply, now that it was accepted. `after` is the state into which the command's events were folded.
    fn reply(&self, after: &Self::By) -> Self::Reply;

    /// What takes it back. It must be harmless when the command never happened, or when what it made has ended since.
    fn undo(&self) -> (<Self::By as Aggregate>::Key, <Self::By as Aggregate>::Command);
}

/// Why a call brought no reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum CallError {
    /// The callee decided, and said no. Asking again brings the same.
    #[error("refused: {0}")]
    Refused(Refused),
    /// It was certainly not decided, on any try: nothing is left behind.
    #[error("{service} cannot be reached: {why}")]
    Unavailable {
        /// The callee.
        service: String,
        /// What was found: stopped, breaker open, queue full.
        why: String,
    },
    /// Nobody knows whether it was decided; a keyed call has to be cancelled.
    #[error("{service} did not answer in time")]
    TimedOut {
        /// The callee.
        service: String,
    },
    /// The callee answered that nobody can tell yet what is decided, or was; a keyed call has to be cancelled, and a cancel asked for again.
    #[error("{service} cannot tell yet what came of it")]
    Undecided {
        /// The callee.
        service: String,
    },
}
