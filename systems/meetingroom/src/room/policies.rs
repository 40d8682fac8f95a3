//! The status that a room shows follows reserve's events.

use kernel::{Commands, Policy, Timestamp};

use super::domain::{Command, Room};
use crate::reserve::api::ReserveEvent;

/// A room is what reserve says that it is.
pub(crate) struct FollowOccupancy;

impl Policy for FollowOccupancy {
    const NAME: &'static str = "follow-occupancy";
    type On = ReserveEvent;

    fn react(event: &ReserveEvent, _at: Timestamp) -> Commands {
        let (room, occupancy) = event.room();
        Commands::to::<Room>(&room, Command::Follow(occupancy.status))
    }
}
