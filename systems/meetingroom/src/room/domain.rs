//! A room in the catalogue. Whether it is free is not decided here: its status follows what reserve tells.

use booking::{DaySlots, OpeningRule};
use kernel::{Aggregate, Refused, Timestamp};
use serde::{Deserialize, Serialize};

use super::api::RoomId;
use crate::reserve::api::RoomStatus;

/// A room. What reserve tells of it can come before the room itself, since either takes its own way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Room {
    /// What it is, once it was added.
    pub(crate) details: Option<RoomDetails>,
    /// What reserve told last.
    pub(crate) status: RoomStatus,
}

/// What a room is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoomDetails {
    /// Its name, if it has one.
    pub(crate) name: Option<String>,
    /// Its floor.
    pub(crate) floor: String,
    /// How many people it holds, if that is known.
    pub(crate) capacity: Option<u32>,
    /// From when on its slots can be taken.
    pub(crate) opening_rule: OpeningRule,
    /// The slots of each of its days.
    pub(crate) slots: DaySlots,
}

/// What can be asked of a room.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// It belongs to the catalogue from now on.
    Add(RoomDetails),
    /// Reserve tells how it is occupied.
    Follow(RoomStatus),
}

/// What can have happened to a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Event {
    /// It was added.
    Added(RoomDetails),
    /// Its status changed, because reserve told so.
    StatusFollowed {
        /// What it is.
        status: RoomStatus,
    },
}

impl Aggregate for Room {
    const NAME: &'static str = "room";
    type Key = RoomId;
    type Command = Command;
    type Event = Event;
    // Nothing is ever refused: whether a room can be added is decided by the call that comes before.
    type Refusal = Refused;

    fn decide(&self, command: Command, _at: Timestamp) -> Result<Vec<Event>, Refused> {
        Ok(match command {
            Command::Add(details) if self.details.is_none() => vec![Event::Added(details)],
            Command::Follow(status) if self.status != status => vec![Event::StatusFollowed { status }],
            Command::Add(_) | Command::Follow(_) => Vec::new(),
        })
    }

    fn evolve(&mut self, event: &Event, _at: Timestamp) {
        match event {
            Event::Added(details) => self.details = Some(details.clone()),
            Event::StatusFollowed { status } => self.status = *status,
        }
    }
}
