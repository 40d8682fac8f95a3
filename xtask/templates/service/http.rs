//! `/{{collection}}`: adding and removing.

use edge::{Incoming, Reply, Routes, required};
use kernel::{Caller, Id};

use super::api::{{Service}}Id;
use super::domain::{Command, {{Service}}};
use super::views::{{Service}}Row;
use crate::Settings;

/// The routes of the service.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    routes.resource::<{{Service}}Row>().post("/{{collection}}", add).delete("/{{collection}}/{id}", remove)
}

/// Adds one under a new number.
async fn add(incoming: Incoming) -> Reply {
    let name = incoming.fields()?.read(required::<String>("name"))?;
    incoming.create_new::<{{Service}}Row, {{Service}}>(&Caller::Administrator, move |_| Command::Add { name: name.clone() }).await
}

/// Removes one.
async fn remove(incoming: Incoming) -> Reply {
    let id: {{Service}}Id = Id::new(incoming.id()?);
    incoming.command::<{{Service}}Row, {{Service}}>(&Caller::Administrator, &id, Command::Remove).await
}
