//! The contract: what clients can rely on, made of what the routes declare, and shown to programs and to people.
//!
//! A route declares a [`Contract`]: what it reads ([`creates`] and its like take the very list of fields that is read), what it answers,
//! and which refusals are its own. What every route has is derived. [`openapi`] and [`asyncapi`] make documents of that, [`router`]
//! serves them with the pages about refusals ([`problems`]).

mod accept;
pub mod asyncapi;
mod common;
mod declare;
pub mod openapi;
mod page;
pub mod problems;
mod schema;
mod serve;

use std::sync::Arc;

use serde_json::Value;

pub use declare::{
    Body, Contract, Filters, Listing, Nothing, Operation, Parameters, Reads, changes, creates, edits, follows, lists, shows, tells,
};
pub use schema::{Described, FieldSchema, Schema};
pub use serve::{declared, router};

/// A system, as its contract shows it.
pub struct System {
    /// Its name.
    pub name: &'static str,
    /// Those of its services that are served.
    pub services: Vec<Service>,
}

/// A service, as its contract shows it.
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// What can be asked of it.
    pub operations: Vec<Arc<Operation>>,
    /// What it publishes: the schema of all its events, by the name under which it does.
    pub events: Vec<(String, Value)>,
}

#[cfg(test)]
mod tests;
