//! `/reserves`: reserving and cancelling.

use booking::TimeOfDay;
use edge::contract::{changes, creates};
use edge::{Incoming, Reply, Routes, Spec, Who, optional, required};
use jiff::civil::Date;
use kernel::{Id, Refused};

use super::api::{ReserveStatus, UserId};
use super::domain::{Calendar, Command, Refusal};
use super::views::ReserveRow;
use crate::room::api::RoomId;
use crate::{PERSONAL, Settings};

/// The routes of the service.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    let user = Who::PersonIn("userId");
    let reserves = creates::<ReserveRow, _, _>("Reserve a slot of a room", meant).refuses(NOT_RESERVED).or_stands();
    let cancels = changes::<ReserveRow>("Cancel a reservation").of(named).refuses(NOT_CANCELED);
    routes.resource::<ReserveRow>(Who::EachTheirOwn(PERSONAL)).post("/reserves", user, reserves, reserve).delete(
        "/reserves/{id}",
        user,
        cancels,
        cancel,
    )
}

/// Why a calendar does not give a slot.
const NOT_RESERVED: &[&str] =
    &["no-such-room", "no-such-slot", "no-slot-left", "slot-over", "not-open-yet", "slot-taken", "under-maintenance"];

/// Why a calendar does not take a slot back.
const NOT_CANCELED: &[&str] = &["reservation-over", "not-the-reserver", "already-started"];

/// What is said of a slot: whose it is to be, of which room, and which one.
fn meant() -> impl Spec<Output = Wanted> {
    (
        required::<String>("userId").parse::<UserId>().like("1"),
        required::<RoomId>("roomId").like(3),
        optional::<Date>("date"),
        optional::<String>("startTime").parse::<TimeOfDay>().like("10:00"),
        optional::<String>("endTime").parse::<TimeOfDay>().like("11:50"),
    )
}

type Wanted = (UserId, RoomId, Option<Date>, Option<TimeOfDay>, Option<TimeOfDay>);

/// Who asks for a cancellation.
fn named() -> impl Spec<Output = Option<UserId>> {
    optional::<String>("userId").parse::<UserId>().like("1")
}

/// Reserves the slot that is meant by what is given: the one that is running or next today when nothing is.
async fn reserve(incoming: Incoming, (user, room, date, start, end): Wanted) -> Reply {
    let caller = incoming.caller()?;
    let command = move |id| Command::Reserve { id: Id::new(id), user: user.clone(), date, start, end };
    incoming.create::<ReserveRow, Calendar>(&caller, room, command).await
}

/// Takes a reservation back. Doing so twice is harmless.
async fn cancel(incoming: Incoming, by: Option<UserId>) -> Reply {
    let row = incoming.row::<ReserveRow>().await?;
    let command = Command::Cancel { id: row.id, by: by.clone() };
    match incoming.command::<ReserveRow, Calendar>(&incoming.caller()?, &row.room_id, command).await {
        // What is over has left the calendar, so it is the row that knows how it came to be over.
        Err(over) if over.code == "reservation-over" && incoming.row::<ReserveRow>().await?.status == ReserveStatus::Canceled => {
            let is_theirs = by.is_none_or(|by| by == row.user_id);
            if is_theirs { incoming.done_already::<ReserveRow>().await } else { Err(Refused::from(Refusal::NotTheReserver).into()) }
        }
        reply => reply,
    }
}
