//! Starting a meeting: reserve checks who starts and starts the reservation in the same decision, so that a cancel that runs
//! at the same time either loses or wins, never both.

use kernel::{Commands, Saga, Steps, Timestamp};
use serde::{Deserialize, Serialize};

use super::api::ConferenceId;
use super::domain::{Command, Conference, Meeting};
use crate::reserve::api::{CheckUser, ReserveId, UserChecked, UserId};
use crate::room::api::RoomId;

/// | step | done by | undone by |
/// |---|---|---|
/// | check the user, start the reservation | reserve: `CheckUser` | reserve: the start is withdrawn |
/// | the meeting stands | conference: `Start` | – |
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartMeeting {
    /// The number it will have.
    pub(crate) id: ConferenceId,
    /// In which room.
    pub(crate) room_id: RoomId,
    /// Who wants to start it.
    pub(crate) user_id: UserId,
    /// On which reservation.
    pub(crate) reserve_id: ReserveId,
    /// Since when it is held, once reserve has let it start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<Timestamp>,
}

impl Saga for StartMeeting {
    const NAME: &'static str = "start-meeting";

    fn steps() -> Steps<Self> {
        Steps::new().call::<CheckUser>(Self::check, Self::checked).end(Self::start)
    }
}

impl StartMeeting {
    pub(super) fn check(&self) -> Option<CheckUser> {
        let Self { id, room_id, user_id, reserve_id, .. } = self.clone();
        Some(CheckUser { room_id, reserve_id, user_id, conference_id: id })
    }

    pub(super) fn checked(&mut self, reply: UserChecked) {
        self.started_at = Some(reply.started_at);
    }

    pub(super) fn start(&self, at: Timestamp) -> Commands {
        let Self { id, room_id, user_id, reserve_id, started_at } = self.clone();
        let meeting = Meeting { room: room_id, user: user_id, reservation: reserve_id, started_at: started_at.unwrap_or(at) };
        Commands::to::<Conference>(&id, Command::Start(meeting))
    }
}
