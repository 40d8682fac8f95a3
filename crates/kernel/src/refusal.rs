use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What sort of no it is; the edge answers each with its own status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusedKind {
    /// A matter of who asks: 403.
    Forbidden,
    /// What it is about does not exist: 404.
    NotFound,
    /// A rule stands in the way: 409.
    Conflict,
    /// What was asked makes no sense whatever the state: 422.
    Invalid,
    /// What it takes is not there now; the same can be asked again shortly: 503.
    Unavailable,
    /// What was asked for stands already: 200 with the row whose id is in `details.id`.
    Standing,
}

/// A refusal as it travels: to a client as a problem, to a calling service as the answer to its call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// What sort of no.
    pub kind: RefusedKind,
    /// A stable code, such as `slot-taken`.
    pub code: String,
    /// A sentence for a person.
    pub message: String,
    /// What is in the way, by id and interval; never a person's name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

/// How much of what is in the way a refusal names at most.
const NAMED: usize = 10;

impl Refused {
    /// A refusal without details.
    pub fn new(kind: RefusedKind, code: &str, message: impl ToString) -> Self {
        Self { kind, code: code.into(), message: message.to_string(), details: Map::new() }
    }

    /// It takes `service` to do this, and `service` does not answer.
    pub fn unavailable(service: &str) -> Self {
        let message = "This cannot be done just now. Please try again shortly.";
        Self::new(RefusedKind::Unavailable, "service-unavailable", message).with("service", service)
    }

    /// It was called off before it happened, and never will.
    pub fn cancelled() -> Self {
        Self::new(RefusedKind::Conflict, "cancelled", "this was cancelled before it happened")
    }

    /// It was under way, could not be completed, and comes to nothing.
    pub fn taken_back() -> Self {
        Self::new(RefusedKind::Conflict, "taken-back", "This could not be completed, and all of it is taken back. Please begin anew.")
    }

    /// What was asked for stands already, as the row `id`.
    pub fn standing(id: u64) -> Self {
        Self::new(RefusedKind::Standing, "standing", "this stands already").with("id", id)
    }

    /// With one more detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.into(), value.into());
        self
    }

    /// With what is in the way: ten of it at most, as `shown`, and how much there is.
    #[must_use]
    pub fn in_the_way<T>(self, all: &[T], shown: impl Fn(&T) -> Value) -> Self {
        let named: Vec<_> = all.iter().take(NAMED).map(shown).collect();
        self.with("inTheWay", named).with("inTheWayCount", all.len())
    }

    /// The id of the row that stands already, when that is why.
    pub fn standing_id(&self) -> Option<u64> {
        (self.kind == RefusedKind::Standing).then(|| self.details.get("id")?.as_u64()).flatten()
    }
}
