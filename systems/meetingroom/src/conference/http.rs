//! `/conferences`: starting and ending meetings.

use edge::contract::{changes, creates};
use edge::{Incoming, Reply, Routes, Spec, Who, optional, required};
use kernel::Id;

use super::domain::{Command, Conference};
use super::saga::StartMeeting;
use super::views::ConferenceRow;
use crate::reserve::api::{ReserveId, UserId};
use crate::room::api::RoomId;
use crate::{PERSONAL, Settings};

/// The routes of the service.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    let user = Who::PersonIn("userId");
    let starts = creates::<ConferenceRow, _, _>("Start the meeting of a reservation", meant).refuses(NOT_STARTED);
    let ends = changes::<ConferenceRow>("End a meeting").of(named).refuses(&["not-the-reserver", "no-such-conference"]);
    routes.resource::<ConferenceRow>(Who::EachTheirOwn(PERSONAL)).post("/conferences", user, starts, start).delete(
        "/conferences/{id}",
        user,
        ends,
        end,
    )
}

/// Why reserve does not let a meeting start.
const NOT_STARTED: &[&str] =
    &["no-such-room", "not-startable", "not-the-reserver", "already-started", "too-early", "under-maintenance", "room-in-use"];

/// What is said of a meeting that is to start.
fn meant() -> impl Spec<Output = (UserId, RoomId, ReserveId)> {
    (
        required::<String>("userId").parse::<UserId>().like("1"),
        required::<RoomId>("roomId").like(3),
        required::<ReserveId>("reserveId").like(1),
    )
}

/// Who asks for an end.
fn named() -> impl Spec<Output = Option<UserId>> {
    optional::<String>("userId").parse::<UserId>().like("1")
}

/// Starts a meeting, if reserve finds that the one who starts is the one who reserved.
async fn start(incoming: Incoming, (user_id, room_id, reserve_id): (UserId, RoomId, ReserveId)) -> Reply {
    let caller = incoming.caller()?;
    let saga = move |id| StartMeeting { id: Id::new(id), room_id, user_id: user_id.clone(), reserve_id, started_at: None };
    incoming.create_by_saga::<ConferenceRow, StartMeeting>(&caller, saga).await
}

/// Ends a meeting. Doing so twice is harmless.
async fn end(incoming: Incoming, by: Option<UserId>) -> Reply {
    let row = incoming.row::<ConferenceRow>().await?;
    let caller = incoming.caller()?;
    incoming.command::<ConferenceRow, Conference>(&caller, &row.id, Command::End { by }).await
}
