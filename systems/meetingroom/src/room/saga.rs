//! Adding a room: reserve opens its calendar first, so that a room that is shown can be reserved at once.

use kernel::{Commands, Saga, Timestamp};
use serde::{Deserialize, Serialize};

use super::api::RoomId;
use super::domain::{Command, Room, RoomDetails};
use crate::reserve::api::{OpenCalendar, Rules};

/// | step | done by | undone by |
/// |---|---|---|
/// | open the calendar | reserve: `OpenCalendar` | reserve: it is closed |
/// | the room stands | room: `Add` | – |
pub(crate) struct AddRoom;

/// A room that is wanted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewRoom {
    /// The number it will have.
    pub(crate) id: RoomId,
    /// Its name, if it has one.
    pub(crate) name: Option<String>,
    /// Its floor.
    pub(crate) floor: String,
    /// How many people it holds, if that is known.
    pub(crate) capacity: Option<u32>,
    /// What its calendar is kept by.
    pub(crate) rules: Rules,
}

impl Saga for AddRoom {
    const NAME: &'static str = "add-room";
    type Input = NewRoom;
    type Call = OpenCalendar;

    fn call(input: &NewRoom) -> OpenCalendar {
        let NewRoom { id, name, floor, rules, .. } = input.clone();
        OpenCalendar { room_id: id, name, floor, rules }
    }

    fn done(input: &NewRoom, (): &(), _at: Timestamp) -> Commands {
        let NewRoom { id, name, floor, capacity, rules } = input.clone();
        let details = RoomDetails { name, floor, capacity, opening_rule: rules.opening_rule, slots: rules.slots };
        Commands::to::<Room>(&id, Command::Add(details))
    }
}
