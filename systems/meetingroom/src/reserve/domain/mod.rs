//! The calendar of a room: who has it when. It alone decides, whatever the path, so nothing ever overlaps in it.

mod decide;
mod occupancy;
mod refusal;

#[cfg(test)]
mod desk;
#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use booking::{Agenda, Slot, TimeOfDay, Timed};
use jiff::SignedDuration;
use jiff::civil::Date;
use kernel::{Aggregate, Period, Timestamp};
use serde::{Deserialize, Serialize};

pub(crate) use refusal::Refusal;

use super::api::{Occupancy, ReserveId, Rules, UserId};
use crate::conference::api::ConferenceId;
use crate::maintenance::api::MaintenanceId;
use crate::room::api::RoomId;

/// The calendar of one room. What is over leaves it, so a year of history costs nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Calendar {
    /// The rules, once the room was added.
    rules: Option<Rules>,
    /// What was reserved and is not over, by the time for which it has the room.
    reservations: Agenda<ReserveId, Reservation>,
    /// What maintenance takes and is not over.
    blocks: Agenda<MaintenanceId, Period>,
    /// What ended with its slot while its meeting was held, until that meeting says that it is over, or that it never was.
    #[serde(default)]
    unsettled: BTreeMap<ReserveId, Reservation>,
    /// The occupancy that was last told to others.
    announced: Occupancy,
    /// When the last event happened.
    as_of: Timestamp,
}

/// A reservation that stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reservation {
    /// Whose it is.
    pub(crate) user: UserId,
    /// The date of its slot.
    pub(crate) date: Date,
    /// Its slot.
    pub(crate) slot: Slot,
    /// The instants between which the slot lies on that date, by the zone's rules when it was reserved.
    pub(crate) period: Period,
    /// The instant from which the slot is the running-or-next one of its date, and so the one that is shown.
    pub(crate) leads_from: Timestamp,
    /// The instant from which grace is counted, unless the slot's start is later: its making, or a start that was withdrawn.
    pub(crate) grace_from: Timestamp,
    /// The meeting, once it is held, as few are.
    pub(crate) meeting: Option<Box<Meeting>>,
}

/// A meeting that is held.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meeting {
    /// Which.
    pub(crate) conference: ConferenceId,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// What can be asked of a calendar.
#[derive(Clone, Debug)]
pub enum Command {
    /// The room was added: it can be reserved by these rules.
    Open {
        /// Its name, if it has one.
        name: Option<String>,
        /// Its floor.
        floor: String,
        /// What the calendar is kept by.
        rules: Rules,
    },
    /// The room was not added after all. What stands is cancelled.
    Close,
    /// Someone wants a slot: the one that is meant by what is given.
    Reserve {
        /// The reservation, if it comes to stand.
        id: ReserveId,
        /// Who.
        user: UserId,
        /// On which date; today when not given.
        date: Option<Date>,
        /// The slot's start; the slot that is running or next when neither start nor end is given.
        start: Option<TimeOfDay>,
        /// The slot's end.
        end: Option<TimeOfDay>,
    },
    /// A reservation is taken back.
    Cancel {
        /// Which.
        id: ReserveId,
        /// By whom; an administrator when not given.
        by: Option<UserId>,
    },
    /// A meeting is started.
    Start {
        /// On which reservation.
        reservation: ReserveId,
        /// By whom.
        user: UserId,
        /// Which meeting.
        conference: ConferenceId,
    },
    /// The meeting was not started after all.
    WithdrawStart {
        /// On which reservation.
        reservation: ReserveId,
        /// Which meeting.
        conference: ConferenceId,
    },
    /// The meeting has ended.
    End {
        /// On which reservation.
        reservation: ReserveId,
        /// Which meeting.
        conference: ConferenceId,
    },
    /// The room is to be closed for a time.
    Block {
        /// For which maintenance.
        maintenance: MaintenanceId,
        /// From when on; now when not given, or past.
        from: Option<Timestamp>,
        /// Until when; open when not given.
        until: Option<Timestamp>,
    },
    /// The maintenance has ended.
    Unblock {
        /// Which.
        maintenance: MaintenanceId,
    },
}

/// What can have happened to a calendar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// The room can be reserved.
    Opened {
        /// Its name, if it has one.
        name: Option<String>,
        /// Its floor.
        floor: String,
        /// What the calendar is kept by.
        rules: Rules,
    },
    /// The room can no longer be reserved. What stood has left by events of its own.
    Closed,
    /// A slot was reserved.
    Reserved {
        /// The reservation.
        id: ReserveId,
        /// Whose it is.
        user: UserId,
        /// The date of its slot.
        date: Date,
        /// Its slot.
        slot: Slot,
        /// The instants between which that lies.
        period: Period,
        /// The instant from which it is the running-or-next slot of its date.
        leads_from: Timestamp,
    },
    /// The meeting started.
    Started {
        /// On which reservation.
        id: ReserveId,
        /// Which meeting.
        conference: ConferenceId,
    },
    /// The meeting did not start after all.
    StartWithdrawn {
        /// On which reservation.
        id: ReserveId,
        /// Which meeting.
        conference: ConferenceId,
    },
    /// The reservation was taken back.
    Canceled {
        /// Which.
        id: ReserveId,
    },
    /// The meeting ended.
    Ended {
        /// On which reservation.
        id: ReserveId,
        /// Which meeting.
        conference: ConferenceId,
        /// Whether the calendar says so, and the meeting itself is yet to be heard. Nobody waited for it before this was written.
        #[serde(default)]
        unheard: bool,
    },
    /// Nobody started in time.
    Expired {
        /// Which reservation.
        id: ReserveId,
    },
    /// The meeting that ended with its slot has said so itself.
    Settled {
        /// On which reservation.
        id: ReserveId,
    },
    /// The meeting that ended with its slot was never held: its start was withdrawn, too late to be known before.
    NeverHeld {
        /// On which reservation.
        id: ReserveId,
    },
    /// A time was taken for maintenance.
    Blocked {
        /// Which.
        maintenance: MaintenanceId,
        /// From when on, until when.
        period: Period,
    },
    /// The maintenance ended.
    Unblocked {
        /// Which.
        maintenance: MaintenanceId,
    },
    /// The occupancy changed because time passed.
    Turned,
}

impl Aggregate for Calendar {
    const NAME: &'static str = "calendar";
    type Key = RoomId;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, at: Timestamp) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Open { name, floor, rules } => self.open(name, floor, rules),
            Command::Close => Ok(self.close()),
            Command::Reserve { id, user, date, start, end } => self.reserve(id, user, date, (start, end), at),
            Command::Cancel { id, by } => self.cancel(id, by.as_ref()),
            Command::Start { reservation, user, conference } => self.start(reservation, &user, conference, at),
            Command::WithdrawStart { reservation, conference } => Ok(self.withdraw_start(reservation, conference)),
            Command::End { reservation, conference } => Ok(self.end(reservation, conference)),
            Command::Block { maintenance, from, until } => self.block(maintenance, from, until, at),
            Command::Unblock { maintenance } => Ok(self.unblock(maintenance)),
        }
    }

    fn evolve(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Opened { rules, .. } => self.rules = Some(rules.clone()),
            Event::Closed => self.rules = None,
            Event::Reserved { id, user, date, slot, period, leads_from } => {
                let (user, date, slot, period, leads_from) = (user.clone(), *date, *slot, *period, *leads_from);
                let reservation = Reservation { user, date, slot, period, leads_from, grace_from: at, meeting: None };
                self.reservations.insert(*id, reservation);
            }
            Event::Started { id, conference } => {
                let meeting = Some(Box::new(Meeting { conference: *conference, since: at }));
                self.change(*id, |reservation| Reservation { meeting, ..reservation });
            }
            Event::StartWithdrawn { id, .. } => {
                self.change(*id, |reservation| Reservation { meeting: None, grace_from: at, ..reservation });
            }
            Event::Ended { id, unheard, .. } => self.take_out(*id, *unheard),
            Event::Canceled { id } | Event::Expired { id } => {
                self.reservations.remove(*id);
            }
            Event::Settled { id } | Event::NeverHeld { id } => {
                self.unsettled.remove(id);
            }
            Event::Blocked { maintenance, period } => self.blocks.insert(*maintenance, *period),
            Event::Unblocked { maintenance } => {
                self.blocks.remove(*maintenance);
            }
            Event::Turned => {}
        }
        self.as_of = at;
        self.announced = self.occupancy(at);
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.wakes_at()
    }

    fn tick(&self, at: Timestamp) -> Vec<Event> {
        self.due(at).into_iter().collect()
    }
}

impl Calendar {
    /// What stands under this id.
    pub(crate) fn reservation(&self, id: ReserveId) -> Option<&Reservation> {
        self.reservations.get(id).map(|entry| &entry.what)
    }

    /// What ended with its slot under this id, while its meeting has not been heard.
    pub(crate) fn unsettled(&self, id: ReserveId) -> Option<&Reservation> {
        self.unsettled.get(&id)
    }

    /// The time that this maintenance takes.
    pub(crate) fn blocked(&self, maintenance: MaintenanceId) -> Option<Period> {
        self.blocks.get(maintenance).map(|entry| entry.what)
    }

    /// The occupancy that was last told to others.
    pub(crate) const fn announced(&self) -> &Occupancy {
        &self.announced
    }

    /// When the last event happened.
    pub(crate) const fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// The first instant at which a meeting on this reservation can be started.
    pub(crate) fn startable_from(&self, period: Period) -> Timestamp {
        let early = self.rules.as_ref().map_or(0, |rules| rules.early_minutes);
        period.start().checked_sub(SignedDuration::from_mins(early.into())).unwrap_or(Timestamp::MIN)
    }

    /// A meeting that is over leaves. When its slot ended it, the meeting itself has not been heard yet, so it is kept until it is.
    fn take_out(&mut self, id: ReserveId, unheard: bool) {
        let ended = self.reservations.remove(id).filter(|_| unheard);
        self.unsettled.extend(ended.map(|entry| (id, entry.what)));
    }

    /// Puts a changed reservation in place of what stands under its id.
    fn change(&mut self, id: ReserveId, change: impl FnOnce(Reservation) -> Reservation) {
        if let Some(entry) = self.reservations.remove(id) {
            self.reservations.insert(id, change(entry.what));
        }
    }
}

impl Timed for Reservation {
    /// The time for which it has the room: its slot, and what comes before it once the meeting was started early.
    fn time(&self) -> Period {
        let early = self.meeting.as_ref().and_then(|meeting| Period::new(meeting.since, self.period.end()?).ok());
        early.filter(|early| early.start() < self.period.start()).unwrap_or(self.period)
    }
}
