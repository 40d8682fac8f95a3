//! `/maintenances`: closing rooms and opening them again.

use edge::{Incoming, Reply, Routes, Who, optional, required};
use kernel::{Id, Timestamp};

use super::domain::{Command, Maintenance};
use super::saga::{BlockRoom, NewMaintenance};
use super::views::MaintenanceRow;
use crate::Settings;
use crate::room::api::RoomId;

/// The routes of the service.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    routes.resource::<MaintenanceRow>(Who::Anyone).post("/maintenances", Who::Administrator, start).delete(
        "/maintenances/{id}",
        Who::Administrator,
        end,
    )
}

/// Closes a room from now or a given instant on, if reserve finds that nobody has it.
async fn start(incoming: Incoming) -> Reply {
    let (room_id, from, until) =
        incoming.fields()?.read((required::<RoomId>("roomId"), optional::<Timestamp>("from"), optional::<Timestamp>("until")))?;
    let input = move |id| NewMaintenance { id: Id::new(id), room_id, from, until };
    incoming.create_by_saga::<MaintenanceRow, BlockRoom>(&incoming.caller()?, input).await
}

/// Opens the room again, or calls the maintenance off. Doing so twice is harmless.
async fn end(incoming: Incoming) -> Reply {
    let row = incoming.row::<MaintenanceRow>().await?;
    incoming.command::<MaintenanceRow, Maintenance>(&incoming.caller()?, &row.id, Command::End).await
}
