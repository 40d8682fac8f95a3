//! `/reserves`: reserving and cancelling.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use booking::TimeOfDay;
use edge::{Incoming, Reply, Routes, Who, optional, required};
use jiff::civil::Date;
use kernel::Id;

use super::api::{ReserveStatus, UserId};
use super::domain::{Calendar, Command};
use super::views::ReserveRow;
use crate::room::api::RoomId;
use crate::{PERSONAL, Settings};

/// The routes of the service.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    let user = Who::PersonIn("userId");
    routes.resource::<ReserveRow>(Who::EachTheirOwn(PERSONAL)).post("/reserves", user, reserve).delete("/reserves/{id}", user, cancel)
}

/// Reserves the slot that is meant by what is given: the one that is running or next today when nothing is.
async fn reserve(incoming: Incoming) -> Reply {
    let (user, room, date, start, end) = incoming.fields()?.read((
        required::<String>("userId").parse::<UserId>(),
        required::<RoomId>("roomId"),
        optional::<Date>("date"),
        optional::<String>("startTime").parse::<TimeOfDay>(),
        optional::<String>("endTime").parse::<TimeOfDay>(),
    ))?;
    let caller = incoming.caller()?;
    let command = move |id| Command::Reserve { id: Id::new(id), user: user.clone(), date, start, end };
    incoming.create::<ReserveRow, Calendar>(&caller, room, command).await
}

/// Takes a reservation back. Doing so twice is harmless.
async fn cancel(incoming: Incoming) -> Reply {
    let by = incoming.fields()?.read(optional::<String>("userId").parse::<UserId>())?;
    let row = incoming.row::<ReserveRow>().await?;
    if row.status == ReserveStatus::Canceled {
        incoming.holds(&row)?;
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let caller = incoming.caller()?;
    incoming.command::<ReserveRow, Calendar>(&caller, &row.room_id, Command::Cancel { id: row.id, by }).await
}
