//! Starting a meeting: reserve checks who starts and starts the reservation in the same decision, so that a cancel that runs
//! at the same time either loses or wins, never both.

use kernel::{Commands, Saga, Timestamp};
use serde::{Deserialize, Serialize};

use super::api::ConferenceId;
use super::domain::{Command, Conference, Meeting};
use crate::reserve::api::{CheckUser, ReserveId, UserChecked, UserId};
use crate::room::api::RoomId;

/// | step | done by | undone by |
/// |---|---|---|
/// | check the user, start the reservation | reserve: `CheckUser` | reserve: the start is withdrawn |
/// | the meeting stands | conference: `Start` | – |
pub(crate) struct StartMeeting;

/// A meeting that is wanted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewMeeting {
    /// The number it will have.
    pub(crate) id: ConferenceId,
    /// In which room.
    pub(crate) room_id: RoomId,
    /// Who wants to start it.
    pub(crate) user_id: UserId,
    /// On which reservation.
    pub(crate) reserve_id: ReserveId,
}

impl Saga for StartMeeting {
    const NAME: &'static str = "start-meeting";
    type Input = NewMeeting;
    type Call = CheckUser;

    fn call(input: &NewMeeting) -> CheckUser {
        let NewMeeting { id, room_id, user_id, reserve_id } = input.clone();
        CheckUser { room_id, reserve_id, user_id, conference_id: id }
    }

    fn done(input: &NewMeeting, reply: &UserChecked, _at: Timestamp) -> Commands {
        let NewMeeting { id, room_id, user_id, reserve_id } = input.clone();
        let meeting = Meeting { room: room_id, user: user_id, reservation: reserve_id, started_at: reply.started_at };
        Commands::to::<Conference>(&id, Command::Start(meeting))
    }
}
