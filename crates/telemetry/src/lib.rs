//! What a running installation lets be seen of itself: metrics and traces.
//!
//! Nothing here is global. Whoever counts owns its [`Counter`]s and [`Histogram`]s, and writes them into an [`Exposition`] when somebody
//! asks; so any number of systems stand side by side in one process, and what a store knows already is read then and not kept up before.
//! A [`Tracer`] is handed down; one that is off makes spans that cost a look at an empty option
//! ([decision 011](../../../docs/decisions/011-seeing.md)).

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should"))]

mod context;
mod exposition;
mod metrics;
mod otlp;
mod trace;

pub use context::TraceContext;
pub use exposition::{Exposition, Metric};
pub use metrics::{Counter, Family, Histogram};
pub use otlp::{Resource, request};
pub use trace::{Attribute, Ended, Kind, Span, Tracer};
