//! A time for which a room is closed. Whether it can be is decided by the room's calendar, before anything stands here.

use kernel::{Aggregate, Refused, RefusedKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::api::MaintenanceId;
use crate::room::api::RoomId;

/// A maintenance. That its time is over can be told before the maintenance itself stands, since either takes its own way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Maintenance {
    /// What it is, once it was started.
    pub(crate) closure: Option<Closure>,
    /// When it ended.
    pub(crate) ended_at: Option<Timestamp>,
}

/// What a maintenance is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Closure {
    /// The room that is closed.
    pub(crate) room: RoomId,
    /// From when on.
    pub(crate) from: Timestamp,
    /// Until when; open when not given.
    pub(crate) until: Option<Timestamp>,
}

/// What can be asked of a maintenance.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// The calendar gave its time.
    Start(Closure),
    /// An administrator ends it, or calls it off.
    End,
    /// The calendar took its time back, because it is over.
    TimeEnded {
        /// When.
        at: Timestamp,
    },
}

/// What can have happened to a maintenance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Event {
    /// It started, or is to start.
    Started(Closure),
    /// It is over, though it may not have been known before.
    Ended {
        /// Since when.
        ended_at: Timestamp,
    },
}

impl Aggregate for Maintenance {
    const NAME: &'static str = "maintenance";
    type Key = MaintenanceId;
    type Command = Command;
    type Event = Event;
    type Refusal = Refused;

    fn decide(&self, command: Command, at: Timestamp) -> Result<Vec<Event>, Refused> {
        match command {
            Command::Start(_) if self.closure.is_some() => Ok(Vec::new()),
            Command::Start(closure) => Ok(self.start(closure)),
            Command::End => self.end(at),
            Command::TimeEnded { .. } if self.ended_at.is_some() => Ok(Vec::new()),
            Command::TimeEnded { at } => Ok(vec![Event::Ended { ended_at: at }]),
        }
    }

    fn evolve(&mut self, event: &Event, _at: Timestamp) {
        match event {
            Event::Started(closure) => self.closure = Some(*closure),
            Event::Ended { ended_at } => self.ended_at = Some(*ended_at),
        }
    }
}

impl Maintenance {
    /// A maintenance whose time was over before it came to stand here, ends as soon as it starts.
    fn start(&self, closure: Closure) -> Vec<Event> {
        let ended = self.ended_at.map(|ended_at| Event::Ended { ended_at });
        [Event::Started(closure)].into_iter().chain(ended).collect()
    }

    fn end(&self, at: Timestamp) -> Result<Vec<Event>, Refused> {
        if self.closure.is_none() {
            return Err(Refused::new(RefusedKind::NotFound, "no-such-maintenance", "there is no such maintenance"));
        }
        Ok(if self.ended_at.is_some() { Vec::new() } else { vec![Event::Ended { ended_at: at }] })
    }
}
