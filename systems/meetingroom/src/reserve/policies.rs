//! What meetings and maintenance that end do to a room's calendar.

use kernel::{Commands, Policy, Timestamp};

use super::domain::{Calendar, Command};
use crate::conference::api::ConferenceEvent;
use crate::maintenance::api::MaintenanceEvent;

/// A meeting that ends gives back what remains of its slot (seed: "when a meeting ends, the room can be reserved").
pub(crate) struct EndMeeting;

impl Policy for EndMeeting {
    const NAME: &'static str = "end-meeting";
    type On = ConferenceEvent;

    fn react(event: &ConferenceEvent, _at: Timestamp) -> Commands {
        match event {
            ConferenceEvent::Started { .. } => Commands::none(),
            ConferenceEvent::Ended { id, room_id, reserve_id, .. } => {
                Commands::to::<Calendar>(room_id, Command::End { reservation: *reserve_id, conference: *id })
            }
        }
    }
}

/// A maintenance that ends gives back its time (seed: "ending maintenance makes the room reservable").
pub(crate) struct UnblockRoom;

impl Policy for UnblockRoom {
    const NAME: &'static str = "unblock-room";
    type On = MaintenanceEvent;

    fn react(event: &MaintenanceEvent, _at: Timestamp) -> Commands {
        match event {
            MaintenanceEvent::MaintStarted { .. } => Commands::none(),
            MaintenanceEvent::MaintEnded { id, room_id } => Commands::to::<Calendar>(room_id, Command::Unblock { maintenance: *id }),
        }
    }
}
