use telemetry::{Counter, Family, Histogram};

use crate::writer::{Done, Purpose, Work};

/// What a system counts while it works, for whoever asks for its metrics.
pub(crate) struct Stats {
    /// What aggregates decided: service, kind of aggregate, outcome.
    pub(crate) commands: Family<(&'static str, &'static str, &'static str), Counter>,
    /// What the writer was handed: service, kind of work, outcome.
    pub(crate) work: Family<(&'static str, &'static str, &'static str), Counter>,
    /// New work that was turned away because there was too much: service, and of what.
    pub(crate) turned_away: Family<(&'static str, &'static str), Counter>,
    /// How much transactions took at once.
    pub(crate) batch_sizes: Histogram,
    /// How long they took, from their beginning until all of theirs were answered.
    pub(crate) batch_times: Histogram,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            commands: Family::default(),
            work: Family::default(),
            turned_away: Family::default(),
            batch_sizes: Histogram::of_sizes(),
            batch_times: Histogram::of_times(),
        }
    }
}

impl Work {
    /// What it is called in metrics.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Act(act) => match act.purpose {
                Purpose::Client { .. } | Purpose::Keep(_) => "client",
                Purpose::Begin { .. } | Purpose::End { .. } | Purpose::Call { .. } => "call",
                Purpose::Recall { .. } => "recall",
                Purpose::Cancel { .. } => "cancel",
            },
            Self::Handle(_) => "events",
            Self::Tick(_) => "wake-up",
            Self::Retry(_) => "retry",
            Self::Discard(_) => "discard",
        }
    }
}

impl Done {
    /// What it is called in metrics and in the log, which must not show what it holds.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Replied(_) => "replied",
            Self::Cancelled => "cancelled",
            Self::Refused(_) | Self::Changed => "refused",
            Self::KeyReused => "key-reused",
            Self::InProgress => "in-progress",
            Self::Expired => "expired",
            Self::Handled => "handled",
            Self::Gap => "gap",
            Self::ParkedAgain => "parked-again",
            Self::Gone => "gone",
            Self::Lost => "lost",
            Self::Ticked => "ticked",
            Self::Failed(_) => "failed",
            Self::Away(_) => "away",
            Self::Unheard => "unheard",
        }
    }
}
