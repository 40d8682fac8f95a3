//! Closing a room: reserve takes the time out of its calendar in the decision that finds it free, so that no reservation can
//! slip in between.

use kernel::{Commands, Saga, Timestamp};
use serde::{Deserialize, Serialize};

use super::api::MaintenanceId;
use super::domain::{Closure, Command, Maintenance};
use crate::reserve::api::{self, RoomBlocked};
use crate::room::api::RoomId;

/// | step | done by | undone by |
/// |---|---|---|
/// | take the time | reserve: `BlockRoom` | reserve: it is given back |
/// | the maintenance stands | maintenance: `Start` | – |
pub(crate) struct BlockRoom;

/// A maintenance that is wanted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewMaintenance {
    /// The number it will have.
    pub(crate) id: MaintenanceId,
    /// Of which room.
    pub(crate) room_id: RoomId,
    /// From when on; now when not given, or past.
    pub(crate) from: Option<Timestamp>,
    /// Until when; open when not given.
    pub(crate) until: Option<Timestamp>,
}

impl Saga for BlockRoom {
    const NAME: &'static str = "block-room";
    type Input = NewMaintenance;
    type Call = api::BlockRoom;

    fn call(input: &NewMaintenance) -> api::BlockRoom {
        let NewMaintenance { id, room_id, from, until } = input.clone();
        api::BlockRoom { room_id, maintenance_id: id, from, until }
    }

    fn done(input: &NewMaintenance, reply: &RoomBlocked, _at: Timestamp) -> Commands {
        let closure = Closure { room: input.room_id, from: reply.from, until: reply.until };
        Commands::to::<Maintenance>(&input.id, Command::Start(closure))
    }
}
