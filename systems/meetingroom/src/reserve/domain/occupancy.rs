//! Who has the room now, and what happens to it only because time passes.
//!
//! Nothing in a calendar overlaps, and what is over has left. So what begins first also ends first, and every question here
//! looks at the first reservation and the first maintenance alone.

use jiff::SignedDuration;
use kernel::Timestamp;

use super::{Calendar, Event, Reservation};
use crate::reserve::api::{Occupancy, ReserveId, RoomStatus};

impl Calendar {
    /// How the room is occupied at `at`, which is neither before the last event nor beyond what is due next.
    pub(super) fn occupancy(&self, at: Timestamp) -> Occupancy {
        let shown = |status, id: ReserveId, reservation: &Reservation| Occupancy {
            status,
            reserve_id: Some(id),
            user_id: Some(reservation.user.clone()),
        };
        if self.blocks.first().is_some_and(|block| block.period.contains(at)) {
            return Occupancy { status: RoomStatus::Maintenance, ..Occupancy::default() };
        }
        match self.reservations.first() {
            Some(entry) if entry.what.meeting.is_some() => shown(RoomStatus::Started, entry.id, &entry.what),
            Some(entry) if entry.what.leads_from <= at => shown(RoomStatus::Reserved, entry.id, &entry.what),
            _ => Occupancy::default(),
        }
    }

    /// The next instant at which something happens by itself.
    pub(super) fn wakes_at(&self) -> Option<Timestamp> {
        [self.reservation_ends(), self.block_ends(), self.turns_at()].into_iter().flatten().min()
    }

    /// What happens by itself at `at`. What ends comes before what turns, because it says itself how the room is occupied then.
    pub(super) fn due(&self, at: Timestamp) -> Option<Event> {
        let is_due = |instant: Option<Timestamp>| instant.is_some_and(|instant| instant <= at);
        if is_due(self.reservation_ends()) {
            return self.reservations.first().map(|entry| match entry.what.meeting {
                Some(meeting) => Event::Ended { id: entry.id, conference: meeting.conference },
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
        self.blocks.first()?.period.end()
    }

    /// When the occupancy will differ from what was told, though nothing ends: a maintenance begins, or a reserved slot becomes
    /// the one that is running or next.
    fn turns_at(&self) -> Option<Timestamp> {
        let begins = self.blocks.first().map(|block| block.period.start());
        let leads = self.reservations.first().map(|entry| entry.what.leads_from);
        let changes = [begins, leads].into_iter().flatten().map(|instant| instant.max(self.as_of));
        changes.filter(|instant| self.occupancy(*instant) != self.announced).min()
    }
}
