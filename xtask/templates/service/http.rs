//! What people can ask of {{service}}.

use kernel::Commands;

use super::api::{{Service}}Id;
use super::domain::{Command, {{Service}}};

/// `POST /{{collection}}`.
pub(super) fn add(id: {{Service}}Id, name: String) -> Commands {
    Commands::to::<{{Service}}>(&id, Command::Add { name })
}

/// `DELETE /{{collection}}/{id}`.
pub(super) fn remove(id: {{Service}}Id) -> Commands {
    Commands::to::<{{Service}}>(&id, Command::Remove)
}
