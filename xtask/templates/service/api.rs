//! What others may know of {{service}}.

use kernel::{Id, Published};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What {{service}} ids count.
pub enum {{Service}}Kind {}

/// The number of a {{service}}.
pub type {{Service}}Id = Id<{{Service}}Kind>;

/// What {{service}} publishes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "eventType")]
pub enum {{Service}}Event {
    /// It stands.
    #[serde(rename_all = "camelCase")]
    {{Service}}Added {
        /// Which.
        id: {{Service}}Id,
        /// What it is called.
        name: String,
    },
    /// It stands no longer.
    #[serde(rename_all = "camelCase")]
    {{Service}}Removed {
        /// Which.
        id: {{Service}}Id,
    },
}

impl Published for {{Service}}Event {
    const SERVICE: &'static str = "{{service}}";
}
