//! `/{{collection}}`: adding and removing.

use edge::{Incoming, Reply, Routes, Who, required};
use kernel::Id;

use super::api::{{Service}}Id;
use super::domain::{Command, {{Service}}};
use super::views::{{Service}}Row;
use crate::Settings;

/// The routes of the service.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    routes
        .resource::<{{Service}}Row>(Who::Anyone)
        .post("/{{collection}}", Who::Administrator, add)
        .delete("/{{collection}}/{id}", Who::Administrator, remove)
}

/// Adds one under a new number.
async fn add(incoming: Incoming) -> Reply {
    let name = incoming.fields()?.read(required::<String>("name"))?;
    incoming.create_new::<{{Service}}Row, {{Service}}>(&incoming.caller()?, move |_| Command::Add { name: name.clone() }).await
}

/// Removes one.
async fn remove(incoming: Incoming) -> Reply {
    let id: {{Service}}Id = Id::new(incoming.id()?);
    incoming.command::<{{Service}}Row, {{Service}}>(&incoming.caller()?, &id, Command::Remove).await
}
