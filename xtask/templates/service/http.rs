//! `/{{collection}}`: adding and removing.

use edge::contract::{changes, creates};
use edge::{Incoming, Reply, Routes, Spec, Who, required};
use kernel::Id;

use super::api::{{Service}}Id;
use super::domain::{Command, {{Service}}};
use super::views::{{Service}}Row;
use crate::Settings;

/// The routes of the service.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    let adds = creates::<{{Service}}Row, _, _>("Add a {{service}}", meant).refuses(&["taken"]);
    let removes = changes::<{{Service}}Row>("Remove a {{service}}");
    routes
        .resource::<{{Service}}Row>(Who::Anyone)
        .post("/{{collection}}", Who::Administrator, adds, add)
        .delete("/{{collection}}/{id}", Who::Administrator, removes, remove)
}

/// What is said of one.
fn meant() -> impl Spec<Output = String> {
    required::<String>("name")
}

/// Adds one under a new number.
async fn add(incoming: Incoming, name: String) -> Reply {
    incoming.create_new::<{{Service}}Row, {{Service}}>(&incoming.caller()?, move |_| Command::Add { name: name.clone() }).await
}

/// Removes one.
async fn remove(incoming: Incoming, (): ()) -> Reply {
    let id: {{Service}}Id = Id::new(incoming.id()?);
    incoming.command::<{{Service}}Row, {{Service}}>(&incoming.caller()?, &id, Command::Remove).await
}
