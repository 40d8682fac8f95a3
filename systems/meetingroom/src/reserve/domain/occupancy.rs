//! Who has the room now, and what happens to it only because time passes.
//!
//! Nothing in a calendar overlaps, and what is over has left. So what begins first also ends first, and what happens next follows from the
//! first reservation, the first maintenance, and the slot in or before which that begins.

use booking::DatedSlot;
use jiff::SignedDuration;
use kernel::Timestamp;

use super::{Calendar, Event, Reservation};
use crate::reserve::api::{Occupancy, ReserveId, RoomStatus};

impl Calendar {
    /// How the room is occupied at `at`, which is neither before the last event nor beyond what is due next.
    ///
    /// What is shown is the state of the slot that is running or, between slots, of the next one of that day. The next one is under
    /// maintenance if any part of it is, for then nobody can have it. The running one is shown as it is at that instant: under maintenance
    /// while that lasts, and neither before it begins nor after it has ended, though the slot cannot be reserved for either. A maintenance
    /// that lasts at `at` is shown also where there is no slot.
    pub(super) fn occupancy(&self, at: Timestamp) -> Occupancy {
        let shown = |status, id: ReserveId, reservation: &Reservation| Occupancy {
            status,
            reserve_id: Some(id),
            user_id: Some(reservation.user.clone()),
        };
        if self.is_closed(at) {
            return Occupancy { status: RoomStatus::Maintenance, ..Occupancy::default() };
        }
        match self.reservations.first() {
            Some(entry) if entry.what.meeting.is_some() => shown(RoomStatus::Started, entry.id, &entry.what),
            Some(entry) if entry.what.leads_from <= at => shown(RoomStatus::Reserved, entry.id, &entry.what),
            _ => Occupancy::default(),
        }
    }

    /// Whether maintenance is what is shown at `at`. It never hides a meeting or a reservation: what they have, nobody closes.
    fn is_closed(&self, at: Timestamp) -> bool {
        let Some(first) = self.blocks.first() else { return false };
        let next = || self.running_or_next(at).filter(|slot| at < slot.starts_at());
        first.what.contains(at) || next().is_some_and(|slot| self.blocks.overlapping(&slot.period).next().is_some())
    }

    fn running_or_next(&self, at: Timestamp) -> Option<DatedSlot> {
        let rules = self.rules.as_ref()?;
        rules.slots.running_or_next(rules.zone.date(at), &rules.zone, at)
    }

    /// The next instant at which something happens by itself.
    pub(super) fn wakes_at(&self) -> Option<Timestamp> {
        [self.reservation_ends(), self.block_ends(), self.turns_at()].into_iter().flatten().min()
    }

    /// What happens by itself at `at`. What ends comes before what turns, because it says itself how the room is occupied then.
    pub(super) fn due(&self, at: Timestamp) -> Option<Event> {
        let is_due = |instant: Option<Timestamp>| instant.is_some_and(|instant| instant <= at);
        if is_due(self.reservation_ends()) {
            return self.reservations.first().map(|entry| match &entry.what.meeting {
                Some(meeting) => Event::Ended { id: entry.id, conference: meeting.conference, unheard: true },
                None => Event::Expired { id: entry.id },
            });
        }
        if is_due(self.block_ends()) {
            return self.blocks.first().map(|block| Event::Unblocked { maintenance: block.id });
        }
        is_due(self.turns_at()).then_some(Event::Turned)
    }

    /// When the first reservation leaves by itself. It is the first of all to do so: grace is counted from a slot's start or
    /// later, so a reservation behind it cannot run out before this one's slot has ended.
    fn reservation_ends(&self) -> Option<Timestamp> {
        let first = &self.reservations.first()?.what;
        let ends = first.period.end();
        let grace = self.rules.as_ref().map_or(0, |rules| rules.grace_minutes);
        if first.meeting.is_some() || grace == 0 {
            return ends;
        }
        let counted_from = first.period.start().max(first.grace_from);
        let runs_out = counted_from.checked_add(SignedDuration::from_mins(grace.into())).ok();
        [ends, runs_out].into_iter().flatten().min()
    }

    /// When the first maintenance ends by itself.
    fn block_ends(&self) -> Option<Timestamp> {
        self.blocks.first()?.what.end()
    }

    /// When the occupancy will differ from what was told, though nothing ends: a reserved slot becomes the one that is running or next, or
    /// maintenance comes to be shown, or to be shown no longer.
    fn turns_at(&self) -> Option<Timestamp> {
        let leads = self.reservations.first().map(|entry| entry.what.leads_from);
        let changes = self.block_changes().into_iter().chain([leads]).flatten().map(|instant| instant.max(self.as_of));
        changes.filter(|instant| self.occupancy(*instant) != self.announced).min()
    }

    /// When the first maintenance can change what is shown: when it begins, and when the slot in or before which it begins becomes the next
    /// one and when that slot begins. Slots before that one it does not touch, those after it are for when it has ended, and a maintenance
    /// behind it reaches no earlier slot than it does.
    fn block_changes(&self) -> [Option<Timestamp>; 3] {
        let begins = self.blocks.first().map(|block| block.what.start());
        let slot = begins.and_then(|begins| self.running_or_next(begins));
        let next_from = self.rules.as_ref().zip(slot).map(|(rules, slot)| rules.slots.leads_from(&slot, &rules.zone));
        [begins, next_from, slot.map(|slot| slot.starts_at())]
    }
}
