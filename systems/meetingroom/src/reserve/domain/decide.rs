//! The rules: what can be asked of a calendar, and what stands in the way.

use booking::{Closed, DatedSlot, TimeOfDay, next_opening};
use jiff::civil::Date;
use kernel::{Period, Timestamp};

use super::refusal::{Held, HeldBlock, NextSlot, Refusal};
use super::{Calendar, Event, Reservation};
use crate::conference::api::ConferenceId;
use crate::maintenance::api::MaintenanceId;
use crate::reserve::api::{ReserveId, Rules, UserId};

impl Calendar {
    pub(super) fn open(&self, name: Option<String>, floor: String, rules: Rules) -> Result<Vec<Event>, Refusal> {
        match &self.rules {
            None => Ok(vec![Event::Opened { name, floor, rules }]),
            Some(_) => Err(Refusal::AlreadyOpen),
        }
    }

    pub(super) fn close(&self) -> Vec<Event> {
        if self.rules.is_none() {
            return Vec::new();
        }
        let reservations = self.reservations.iter().map(|entry| match &entry.what.meeting {
            Some(meeting) => Event::Ended { id: entry.id, conference: meeting.conference, unheard: true },
            None => Event::Canceled { id: entry.id },
        });
        let blocks = self.blocks.iter().map(|block| Event::Unblocked { maintenance: block.id });
        reservations.chain(blocks).chain([Event::Closed]).collect()
    }

    pub(super) fn reserve(
        &self,
        id: ReserveId,
        user: UserId,
        date: Option<Date>,
        times: (Option<TimeOfDay>, Option<TimeOfDay>),
        at: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let rules = self.rules()?;
        let slot = meant(rules, date, times, at)?;
        rules.opening_rule.admits(&slot, &rules.zone, at).map_err(|closed| match closed {
            Closed::Over => Refusal::SlotOver,
            Closed::NotOpenYet { opens_at } => Refusal::NotOpenYet { opens_at },
        })?;
        if let Some(block) = self.blocks.overlapping(&slot.period).next() {
            return Err(Refusal::UnderMaintenance(HeldBlock::of(block)));
        }
        // Slots can have changed since others were taken, so what counts is not which slot, but whether times overlap.
        if let Some(other) = self.reservations.overlapping(&slot.period).next() {
            let same = other.what.user == user && other.what.period == slot.period;
            return Err(if same { Refusal::Standing(other.id.number()) } else { Refusal::SlotTaken(Held::of(other)) });
        }
        let leads_from = rules.slots.leads_from(&slot, &rules.zone);
        Ok(vec![Event::Reserved { id, user, date: slot.date, slot: slot.slot, period: slot.period, leads_from }])
    }

    pub(super) fn cancel(&self, id: ReserveId, by: Option<&UserId>) -> Result<Vec<Event>, Refusal> {
        // Whatever is over has left, so an id that is not here was either over before or never here.
        let reservation = self.reservation(id).ok_or(Refusal::ReservationOver)?;
        if by.is_some_and(|by| *by != reservation.user) {
            return Err(Refusal::NotTheReserver);
        }
        match reservation.meeting {
            Some(_) => Err(Refusal::AlreadyStarted),
            None => Ok(vec![Event::Canceled { id }]),
        }
    }

    pub(super) fn start(&self, id: ReserveId, user: &UserId, conference: ConferenceId, at: Timestamp) -> Result<Vec<Event>, Refusal> {
        self.rules()?;
        let reservation = self.reservation(id).ok_or(Refusal::NotStartable)?;
        if *user != reservation.user {
            return Err(Refusal::NotTheReserver);
        }
        if reservation.meeting.is_some() {
            return Err(Refusal::AlreadyStarted);
        }
        let starts_at = self.startable_from(reservation.period);
        if at < starts_at {
            return Err(Refusal::TooEarly { starts_at });
        }
        self.free_until(reservation.period.start(), at)?;
        Ok(vec![Event::Started { id, conference }])
    }

    /// A meeting that starts early takes the room from `at` on, so nobody else may have it before the slot begins. From there on
    /// nobody else can: the slot is the reservation's own.
    fn free_until(&self, slot_start: Timestamp, at: Timestamp) -> Result<(), Refusal> {
        let Ok(before) = Period::new(at, slot_start) else { return Ok(()) };
        if let Some(block) = self.blocks.overlapping(&before).next() {
            return Err(Refusal::UnderMaintenance(HeldBlock::of(block)));
        }
        match self.reservations.overlapping(&before).next() {
            Some(other) => Err(Refusal::RoomInUse(Held::of(other))),
            None => Ok(()),
        }
    }

    pub(super) fn withdraw_start(&self, id: ReserveId, conference: ConferenceId) -> Vec<Event> {
        self.leave(id, conference, Event::StartWithdrawn { id, conference }, Event::NeverHeld { id })
    }

    pub(super) fn end(&self, id: ReserveId, conference: ConferenceId) -> Vec<Event> {
        self.leave(id, conference, Event::Ended { id, conference, unheard: false }, Event::Settled { id })
    }

    /// What a meeting's word does: the one while its slot is its own, the other after that has ended, nothing to any other meeting.
    fn leave(&self, id: ReserveId, conference: ConferenceId, held: Event, unsettled: Event) -> Vec<Event> {
        let is_of = |reservation: &Reservation| reservation.meeting.as_ref().is_some_and(|meeting| meeting.conference == conference);
        let held = self.reservation(id).filter(|one| is_of(one)).map(|_| held);
        let unsettled = self.unsettled(id).filter(|one| is_of(one)).map(|_| unsettled);
        held.or(unsettled).into_iter().collect()
    }

    pub(super) fn block(
        &self,
        maintenance: MaintenanceId,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        self.rules()?;
        let start = from.map_or(at, |from| from.max(at));
        let period = match until {
            Some(until) => Period::new(start, until).map_err(|_| Refusal::EmptyPeriod)?,
            None => Period::from(start),
        };
        if let Some(block) = self.blocks.overlapping(&period).next() {
            // "From now" asked again means the one that stands now, whenever that began.
            let same_start = block.what.start() == start || (start == at && block.what.contains(at));
            let same = same_start && block.what.end() == until;
            return Err(if same { Refusal::Standing(block.id.number()) } else { Refusal::UnderMaintenance(HeldBlock::of(block)) });
        }
        let in_the_way: Vec<_> = self.reservations.overlapping(&period).map(Held::of).collect();
        if in_the_way.is_empty() { Ok(vec![Event::Blocked { maintenance, period }]) } else { Err(Refusal::Reserved(in_the_way)) }
    }

    pub(super) fn unblock(&self, maintenance: MaintenanceId) -> Vec<Event> {
        if self.blocked(maintenance).is_some() { vec![Event::Unblocked { maintenance }] } else { Vec::new() }
    }

    fn rules(&self) -> Result<&Rules, Refusal> {
        self.rules.as_ref().ok_or(Refusal::NoSuchRoom)
    }
}

/// The slot that is meant by a date and times: without times the date's running or next one, without a date today's.
fn meant(
    rules: &Rules,
    date: Option<Date>,
    (start, end): (Option<TimeOfDay>, Option<TimeOfDay>),
    at: Timestamp,
) -> Result<DatedSlot, Refusal> {
    let today = rules.zone.date(at);
    let date = date.unwrap_or(today);
    if date < today {
        return Err(Refusal::SlotOver);
    }
    if start.is_some() || end.is_some() {
        let slot = rules.slots.find(start, end).and_then(|slot| slot.on(date, &rules.zone));
        return slot.ok_or_else(|| Refusal::NoSuchSlot { slots: rules.slots.clone() });
    }
    rules.slots.running_or_next(date, &rules.zone, at).ok_or_else(|| {
        let next = next_opening(&rules.slots, rules.opening_rule, &rules.zone, at);
        Refusal::NoSlotLeft { next: next.map(|(opens_at, slot)| NextSlot { opens_at, slot }) }
    })
}
