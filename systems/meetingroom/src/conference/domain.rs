//! A meeting that is held. Whether it may be is decided by the room's calendar, before anything stands here.

use kernel::{Aggregate, Refused, RefusedKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::api::ConferenceId;
use crate::reserve::api::{ReserveId, UserId};
use crate::room::api::RoomId;

/// A meeting. That its slot is over can be told before the meeting itself stands, since either takes its own way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Conference {
    /// What it is, once it was started.
    pub(crate) meeting: Option<Meeting>,
    /// When it ended.
    pub(crate) ended_at: Option<Timestamp>,
}

/// What a meeting is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meeting {
    /// Its room.
    pub(crate) room: RoomId,
    /// Who holds it: the one who reserved.
    pub(crate) user: UserId,
    /// The reservation.
    pub(crate) reservation: ReserveId,
    /// Since when.
    pub(crate) started_at: Timestamp,
}

/// What can be asked of a meeting.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// The calendar let it start.
    Start(Meeting),
    /// It is over.
    End {
        /// Who says so; an administrator when not given.
        by: Option<UserId>,
    },
    /// The calendar gave its time back, because its slot is over.
    SlotEnded {
        /// When.
        at: Timestamp,
    },
}

/// What can have happened to a meeting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Event {
    /// It started.
    Started(Meeting),
    /// It is over, though it may not have been known before.
    Ended {
        /// Since when.
        ended_at: Timestamp,
    },
}

impl Aggregate for Conference {
    const NAME: &'static str = "conference";
    type Key = ConferenceId;
    type Command = Command;
    type Event = Event;
    type Refusal = Refused;

    fn decide(&self, command: Command, at: Timestamp) -> Result<Vec<Event>, Refused> {
        match command {
            Command::Start(_) if self.meeting.is_some() => Ok(Vec::new()),
            Command::Start(meeting) => Ok(self.start(meeting)),
            Command::End { by } => self.end(by.as_ref(), at),
            Command::SlotEnded { .. } if self.ended_at.is_some() => Ok(Vec::new()),
            Command::SlotEnded { at } => Ok(vec![Event::Ended { ended_at: at }]),
        }
    }

    fn evolve(&mut self, event: &Event, _at: Timestamp) {
        match event {
            Event::Started(meeting) => self.meeting = Some(meeting.clone()),
            Event::Ended { ended_at } => self.ended_at = Some(*ended_at),
        }
    }
}

impl Conference {
    /// A meeting whose slot was over before it came to stand here, ends as soon as it starts.
    fn start(&self, meeting: Meeting) -> Vec<Event> {
        let ended = self.ended_at.map(|ended_at| Event::Ended { ended_at: ended_at.max(meeting.started_at) });
        [Event::Started(meeting)].into_iter().chain(ended).collect()
    }

    fn end(&self, by: Option<&UserId>, at: Timestamp) -> Result<Vec<Event>, Refused> {
        let Some(meeting) = &self.meeting else {
            return Err(Refused::new(RefusedKind::NotFound, "no-such-conference", "there is no such meeting"));
        };
        if by.is_some_and(|by| *by != meeting.user) {
            return Err(Refused::new(RefusedKind::Forbidden, "not-the-reserver", "only the one who reserved may end the meeting"));
        }
        Ok(if self.ended_at.is_some() { Vec::new() } else { vec![Event::Ended { ended_at: at }] })
    }
}
