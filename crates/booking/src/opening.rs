use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{DatedSlot, DaySlots, Zone};

/// From when on a slot can be taken. Until it is over it then can, first come, first served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum OpeningRule {
    /// `same-day`: from the first instant of its own date (seed: "first come, first served on the day").
    #[default]
    SameDay,
    /// `slot-start`: from its own start (seed: the ticketing rule, "the 8 o'clock slot at 8").
    SlotStart,
    /// `days-ahead:14`: from the first instant of the date so many days before its own.
    DaysAhead(u16),
}

/// A text is no opening rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no opening rule: write same-day, slot-start or days-ahead:14")]
pub struct NotAnOpeningRule(pub String);

/// Why a slot cannot be taken now, whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// It is over.
    #[error("the slot is over")]
    Over,
    /// It can be taken from `opens_at` on.
    #[error("the slot can be taken from {opens_at} on")]
    NotOpenYet {
        /// The first instant at which it can be taken.
        opens_at: Timestamp,
    },
}

impl OpeningRule {
    /// The first instant at which `slot` can be taken.
    pub fn opens_at(self, slot: &DatedSlot, zone: &Zone) -> Timestamp {
        let days = match self {
            Self::SlotStart => return slot.starts_at(),
            Self::SameDay => 0,
            Self::DaysAhead(days) => days,
        };
        // A day before all dates has no midnight; a slot that opens then has always been open.
        zone.midnight(slot.date.saturating_sub(i64::from(days).days())).unwrap_or(Timestamp::MIN)
    }

    /// Whether `slot` can be taken at `at`, as far as time goes.
    ///
    /// # Errors
    /// [`Closed`] says whether it is too late or too early.
    pub fn admits(self, slot: &DatedSlot, zone: &Zone, at: Timestamp) -> Result<(), Closed> {
        if slot.period.is_over(at) {
            return Err(Closed::Over);
        }
        let opens_at = self.opens_at(slot, zone);
        if at < opens_at { Err(Closed::NotOpenYet { opens_at }) } else { Ok(()) }
    }
}

/// The next slot after today's, and the instant from which it can be taken: `at` itself when it can be already.
pub fn next_opening(slots: &DaySlots, rule: OpeningRule, zone: &Zone, at: Timestamp) -> Option<(Timestamp, DatedSlot)> {
    let today = zone.date(at);
    // A week is more than clocks have ever skipped at once, so the next slot lies within it.
    let slot = (1..=7_i64).find_map(|days| slots.running_or_next(today.checked_add(days.days()).ok()?, zone, at))?;
    Some((rule.opens_at(&slot, zone).max(at), slot))
}

impl FromStr for OpeningRule {
    type Err = NotAnOpeningRule;

    fn from_str(text: &str) -> Result<Self, NotAnOpeningRule> {
        let rule = match text.trim() {
            "same-day" => Some(Self::SameDay),
            "slot-start" => Some(Self::SlotStart),
            other => other.strip_prefix("days-ahead:").and_then(|days| days.parse().ok()).map(Self::DaysAhead),
        };
        rule.ok_or_else(|| NotAnOpeningRule(text.into()))
    }
}

impl fmt::Display for OpeningRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameDay => f.write_str("same-day"),
            Self::SlotStart => f.write_str("slot-start"),
            Self::DaysAhead(days) => write!(f, "days-ahead:{days}"),
        }
    }
}

impl From<OpeningRule> for String {
    fn from(rule: OpeningRule) -> Self {
        rule.to_string()
    }
}

impl TryFrom<String> for OpeningRule {
    type Error = NotAnOpeningRule;

    fn try_from(text: String) -> Result<Self, NotAnOpeningRule> {
        text.parse()
    }
}

impl utoipa::PartialSchema for OpeningRule {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^(same-day|slot-start|days-ahead:\\d{1,5})$"))
            .description(Some("From when on a slot can be taken: same-day, slot-start or days-ahead:N."))
            .into()
    }
}
impl utoipa::ToSchema for OpeningRule {}
