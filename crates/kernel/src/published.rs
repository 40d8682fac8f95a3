use serde::{Serialize, de::DeserializeOwned};

/// The events that a service publishes: an enum of its `api.rs`, tagged by `eventType` (`#[serde(tag = "eventType")]`).
///
/// Its JSON is a contract with every reader there will ever be: types are never removed, fields are only added, and a field
/// that is added is optional.
pub trait Published: Serialize + DeserializeOwned + utoipa::ToSchema + Send + Sync + 'static {
    /// The name of the service that publishes them.
    const SERVICE: &'static str;
}
