//! Closing a room: reserve takes the time out of its calendar in the decision that finds it free, so that no reservation can
//! slip in between.

use kernel::{Commands, Saga, Steps, Timestamp};
use serde::{Deserialize, Serialize};

use super::api::MaintenanceId;
use super::domain::{Closure, Command, Maintenance};
use crate::reserve::api::{self, RoomBlocked};
use crate::room::api::RoomId;

/// | step | done by | undone by |
/// |---|---|---|
/// | take the time | reserve: `BlockRoom` | reserve: it is given back |
/// | the maintenance stands | maintenance: `Start` | – |
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BlockRoom {
    /// The number it will have.
    pub(crate) id: MaintenanceId,
    /// Of which room.
    pub(crate) room_id: RoomId,
    /// From when on; now when not given, or past.
    pub(crate) from: Option<Timestamp>,
    /// Until when; open when not given.
    pub(crate) until: Option<Timestamp>,
    /// The time that reserve took, once it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blocked: Option<RoomBlocked>,
}

impl Saga for BlockRoom {
    const NAME: &'static str = "block-room";

    fn steps() -> Steps<Self> {
        Steps::new().call::<api::BlockRoom>(Self::block, Self::blocked).end(Self::start)
    }
}

impl BlockRoom {
    pub(super) fn block(&self) -> Option<api::BlockRoom> {
        let Self { id, room_id, from, until, .. } = self.clone();
        Some(api::BlockRoom { room_id, maintenance_id: id, from, until })
    }

    pub(super) fn blocked(&mut self, reply: RoomBlocked) {
        self.blocked = Some(reply);
    }

    pub(super) fn start(&self, at: Timestamp) -> Commands {
        let taken = self.blocked.clone().unwrap_or(RoomBlocked { from: at, until: self.until });
        Commands::to::<Maintenance>(&self.id, Command::Start(Closure { room: self.room_id, from: taken.from, until: taken.until }))
    }
}
