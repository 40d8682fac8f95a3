//! `/conferences`: starting and ending meetings.

use edge::{Incoming, Reply, Routes, Who, optional, required};
use kernel::Id;

use super::domain::{Command, Conference};
use super::saga::{NewMeeting, StartMeeting};
use super::views::ConferenceRow;
use crate::reserve::api::{ReserveId, UserId};
use crate::room::api::RoomId;
use crate::{PERSONAL, Settings};

/// The routes of the service.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    let user = Who::PersonIn("userId");
    routes.resource::<ConferenceRow>(Who::EachTheirOwn(PERSONAL)).post("/conferences", user, start).delete("/conferences/{id}", user, end)
}

/// Starts a meeting, if reserve finds that the one who starts is the one who reserved.
async fn start(incoming: Incoming) -> Reply {
    let (user_id, room_id, reserve_id) = incoming.fields()?.read((
        required::<String>("userId").parse::<UserId>(),
        required::<RoomId>("roomId"),
        required::<ReserveId>("reserveId"),
    ))?;
    let caller = incoming.caller()?;
    let input = move |id| NewMeeting { id: Id::new(id), room_id, user_id: user_id.clone(), reserve_id };
    incoming.create_by_saga::<ConferenceRow, StartMeeting>(&caller, input).await
}

/// Ends a meeting. Doing so twice is harmless.
async fn end(incoming: Incoming) -> Reply {
    let by = incoming.fields()?.read(optional::<String>("userId").parse::<UserId>())?;
    let row = incoming.row::<ConferenceRow>().await?;
    let caller = incoming.caller()?;
    incoming.command::<ConferenceRow, Conference>(&caller, &row.id, Command::End { by }).await
}
