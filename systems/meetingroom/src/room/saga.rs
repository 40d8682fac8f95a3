//! Adding a room: reserve opens its calendar first, so that a room that is shown can be reserved at once.

use kernel::{Commands, Saga, Steps, Timestamp};
use serde::{Deserialize, Serialize};

use super::api::RoomId;
use super::domain::{Command, Room, RoomDetails};
use crate::reserve::api::{OpenCalendar, Rules};

/// | step | done by | undone by |
/// |---|---|---|
/// | open the calendar | reserve: `OpenCalendar` | reserve: it is closed |
/// | the room stands | room: `Add` | – |
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddRoom {
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

    fn steps() -> Steps<Self> {
        Steps::new().call::<OpenCalendar>(Self::open, |_, ()| {}).end(Self::add)
    }
}

impl AddRoom {
    pub(super) fn open(&self) -> Option<OpenCalendar> {
        let Self { id, name, floor, rules, .. } = self.clone();
        Some(OpenCalendar { room_id: id, name, floor, rules })
    }

    pub(super) fn add(&self, _at: Timestamp) -> Commands {
        let Self { id, name, floor, capacity, rules } = self.clone();
        let details = RoomDetails { name, floor, capacity, opening_rule: rules.opening_rule, slots: rules.slots };
        Commands::to::<Room>(&id, Command::Add(details))
    }
}
