//! The rules: what can be asked of a calendar, and what stands in the way.

use booking::{DatedSlot, Seats, Slot, TimeOfDay, TooFew};
use jiff::SignedDuration;
use jiff::civil::Date;
use kernel::{Money, Timestamp};

use super::refusal::{Free, InTheWay, Refusal};
use super::sittings::Sitting;
use super::{Calendar, Event, Venue, Wanted};
use crate::reservation::api::{ReservationId, VenueRules};
use crate::restaurant::api::VenueId;

impl Calendar {
    pub(super) fn open(&self, venue_id: VenueId, rules: VenueRules) -> Result<Vec<Event>, Refusal> {
        match &self.venue {
            None => Ok(vec![Event::Opened { venue_id: Some(venue_id), rules }]),
            Some(venue) if venue.rules == rules => Err(Refusal::Standing),
            Some(_) => Err(Refusal::VenueExists),
        }
    }

    pub(super) fn close(&self, venue_id: VenueId) -> Vec<Event> {
        match &self.venue {
            Some(Venue { id: Some(id), .. }) if *id == venue_id && self.sittings.first().is_none() => vec![Event::Closed],
            // What guests have by now is kept, though the catalogue does not have the venue under that number.
            Some(Venue { id: Some(id), rules }) if *id == venue_id => vec![Event::Opened { venue_id: None, rules: rules.clone() }],
            Some(_) | None => Vec::new(),
        }
    }

    pub(super) fn change(&self, before: &VenueRules, rules: VenueRules) -> Result<Vec<Event>, Refusal> {
        let standing = self.rules().ok_or(Refusal::NoSuchVenue)?;
        if *standing == rules {
            return Ok(Vec::new());
        }
        // Who changes one thing sends all of them, and would take back what somebody else changed meanwhile.
        if standing != before {
            return Err(Refusal::VenueChanged);
        }
        let ousted = self.sittings.iter().filter(|sitting| !fits(&rules, standing, sitting));
        let in_the_way: Vec<_> = ousted.flat_map(InTheWay::all_of).collect();
        if in_the_way.is_empty() { Ok(vec![Event::Changed { rules }]) } else { Err(Refusal::VenueReserved(in_the_way)) }
    }

    pub(super) fn take_back(&self, before: VenueRules, rules: &VenueRules) -> Result<Vec<Event>, Refusal> {
        if self.rules() == Some(rules) { self.change(rules, before) } else { Ok(Vec::new()) }
    }

    pub(super) fn hold(&self, wanted: Wanted, at: Timestamp) -> Result<Vec<Event>, Refusal> {
        let Wanted { id, day, time, party_size, default } = wanted;
        if self.sittings.held(id).is_some() {
            return Ok(Vec::new());
        }
        let rules = self.rules().or(default.as_ref()).ok_or(Refusal::NoSuchVenue)?;
        let sitting = self.meant(rules, day, time, party_size, at)?;
        let held = Event::Held {
            id,
            day,
            slot: sitting.slot,
            period: sitting.period,
            party_size,
            deposit: deposit(rules, party_size),
            refund_until: refund_until(rules, &sitting),
        };
        let opened = default.filter(|_| self.venue.is_none()).map(|rules| Event::Opened { venue_id: None, rules });
        Ok(opened.into_iter().chain([held]).collect())
    }

    pub(super) fn release(&self, id: ReservationId) -> Vec<Event> {
        let released = |sitting: &Sitting| Event::Released { id, day: sitting.day, time: sitting.slot.start() };
        self.sittings.held(id).map(|(sitting, _)| released(sitting)).into_iter().collect()
    }

    /// The sitting that is meant by a day and a time: without one, the first that has not begun and has the seats.
    fn meant(&self, rules: &VenueRules, day: Date, time: Option<TimeOfDay>, party_size: u32, at: Timestamp) -> Result<DatedSlot, Refusal> {
        if let Some(seats) = rules.seats.filter(|seats| *seats < party_size) {
            return Err(Refusal::PartyTooLarge { seats });
        }
        if rules.closed.contains(day) {
            return Err(Refusal::ClosedDay);
        }
        let Some(time) = time else { return self.first_free(rules, day, party_size, at) };
        let sitting = rules.sittings.find(Some(time), None).and_then(|slot| self.on(rules, day, slot));
        let sitting = sitting.ok_or_else(|| Refusal::NoSuchSitting { sittings: rules.sittings.clone() })?;
        if sitting.starts_at() <= at {
            return Err(Refusal::SittingBegun);
        }
        match self.admit(rules, &sitting, party_size) {
            Ok(()) => Ok(sitting),
            Err(TooFew { left }) => Err(Refusal::SoldOut { seats_left: left, free: self.free(rules, day, party_size, at) }),
        }
    }

    fn first_free(&self, rules: &VenueRules, day: Date, party_size: u32, at: Timestamp) -> Result<DatedSlot, Refusal> {
        let mut most_left = None;
        for sitting in self.coming(rules, day, at) {
            match self.admit(rules, &sitting, party_size) {
                Ok(()) => return Ok(sitting),
                Err(TooFew { left }) => most_left = most_left.max(Some(left)),
            }
        }
        Err(most_left.map_or(Refusal::NoSittingLeft, |seats_left| Refusal::SoldOut { seats_left, free: Vec::new() }))
    }

    /// The sittings of a day that can still be had by so many people.
    fn free(&self, rules: &VenueRules, day: Date, party_size: u32, at: Timestamp) -> Vec<Free> {
        let free = self.coming(rules, day, at).filter(|sitting| self.admit(rules, sitting, party_size).is_ok());
        let left = |sitting: &DatedSlot| rules.seats.map(|seats| seats.saturating_sub(self.taken(day, sitting.slot.start())));
        free.map(|sitting| Free { slot: sitting.slot, seats_left: left(&sitting) }).collect()
    }

    /// The sittings of a day that have not begun, in order.
    fn coming<'a>(&'a self, rules: &'a VenueRules, day: Date, at: Timestamp) -> impl Iterator<Item = DatedSlot> + 'a {
        rules.sittings.iter().filter_map(move |slot| self.on(rules, day, slot)).filter(move |sitting| at < sitting.starts_at())
    }

    /// A sitting on a day. The instants of one that is reserved already are those that its guests were told.
    fn on(&self, rules: &VenueRules, day: Date, slot: Slot) -> Option<DatedSlot> {
        self.sittings.get(day, slot.start()).map(Sitting::dated).or_else(|| slot.on(day, &rules.zone))
    }

    fn admit(&self, rules: &VenueRules, sitting: &DatedSlot, party_size: u32) -> Result<(), TooFew> {
        match self.sittings.get(sitting.date, sitting.slot.start()) {
            Some(reserved) => reserved.seats.admit(party_size, rules.seats),
            None => Seats::<ReservationId, ()>::default().admit(party_size, rules.seats),
        }
    }
}

/// Whether what is reserved of a sitting can stay as it is under `rules`, which come after those that `stand`.
fn fits(rules: &VenueRules, stand: &VenueRules, sitting: &Sitting) -> bool {
    let DatedSlot { date, slot, period } = sitting.dated();
    let same = rules.sittings.find(Some(slot.start()), Some(slot.end()));
    let at_its_time = |slot: Slot| rules.zone == stand.zone || slot.on(date, &rules.zone).is_some_and(|moved| moved.period == period);
    let has_seats = rules.seats.is_none_or(|seats| sitting.seats.taken() <= seats);
    has_seats && !rules.closed.contains(date) && same.is_some_and(at_its_time)
}

fn deposit(rules: &VenueRules, party_size: u32) -> Money {
    Money { minor: rules.deposit.minor.saturating_mul(party_size.into()), ..rules.deposit }
}

fn refund_until(rules: &VenueRules, sitting: &DatedSlot) -> Timestamp {
    let before = SignedDuration::from_hours(rules.refund_until_hours.into());
    sitting.starts_at().checked_sub(before).unwrap_or(Timestamp::MIN)
}
