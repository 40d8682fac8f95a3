//! The sittings of which seats are held, in the order of time.

use std::collections::BTreeMap;

use booking::{DatedSlot, Holder, Seats, Slot, TimeOfDay};
use jiff::civil::Date;
use kernel::{Money, Period, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::reservation::api::ReservationId;

/// All of them, each with those who hold its seats. Every question and every change costs O(log n), however many hold seats.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sittings {
    /// Boxed, as what is reserved in its order leaves a B-tree's nodes half empty.
    sittings: BTreeMap<Key, Box<Sitting>>,
    /// Which sitting a reservation holds seats of.
    of: BTreeMap<ReservationId, Key>,
}

/// A day, and when the sitting begins on it. These are what guests know it by, and stay what they are if a zone is given other rules.
type Key = (Date, TimeOfDay);

/// A sitting of which seats are held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sitting {
    /// Its day.
    pub(super) day: Date,
    /// When it begins and ends on it.
    pub(super) slot: Slot,
    /// The instants between which it lies, by the zone's rules when it was first reserved.
    period: Period,
    /// Who holds how many of its seats.
    pub(super) seats: Seats<ReservationId, Terms>,
}

/// On what terms seats are held.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Terms {
    /// The whole deposit.
    pub(super) deposit: Money,
    /// The first instant from which on it is not given back any more.
    pub(super) refund_until: Timestamp,
}

impl Sitting {
    /// It on its date.
    pub(super) const fn dated(&self) -> DatedSlot {
        DatedSlot { date: self.day, slot: self.slot, period: self.period }
    }

    /// Its first instant.
    pub(super) const fn starts_at(&self) -> Timestamp {
        self.dated().starts_at()
    }

    /// The first instant after it.
    pub(super) fn ends_at(&self) -> Timestamp {
        self.dated().ends_at()
    }
}

impl Sittings {
    /// The one of `day` that begins at `time`, if any of its seats are held.
    pub(super) fn get(&self, day: Date, time: TimeOfDay) -> Option<&Sitting> {
        self.sittings.get(&(day, time)).map(Box::as_ref)
    }

    /// The one that is over first.
    pub(super) fn first(&self) -> Option<&Sitting> {
        self.iter().next()
    }

    /// All, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Sitting> {
        self.sittings.values().map(Box::as_ref)
    }

    /// What a reservation holds, and of which sitting.
    pub(super) fn held(&self, id: ReservationId) -> Option<(&Sitting, &Holder<ReservationId, Terms>)> {
        let sitting = self.sittings.get(self.of.get(&id)?)?;
        Some((sitting, sitting.seats.get(id)?))
    }

    /// Gives a reservation so many seats of a sitting. They must be free.
    pub(super) fn hold(&mut self, id: ReservationId, (day, slot, period): (Date, Slot, Period), places: u32, terms: Terms) {
        self.release(id);
        let key = (day, slot.start());
        let sitting = self.sittings.entry(key).or_insert_with(|| Box::new(Sitting { day, slot, period, seats: Seats::default() }));
        sitting.seats.hold(id, places, terms);
        self.of.insert(id, key);
    }

    /// Takes back what a reservation holds.
    pub(super) fn release(&mut self, id: ReservationId) {
        let Some(key) = self.of.remove(&id) else { return };
        if let Some(sitting) = self.sittings.get_mut(&key) {
            sitting.seats.release(id);
            if sitting.seats.is_empty() {
                self.sittings.remove(&key);
            }
        }
    }

    /// Takes back all that is held of a sitting.
    pub(super) fn end(&mut self, day: Date, time: TimeOfDay) {
        let over = self.sittings.remove(&(day, time));
        for holder in over.iter().flat_map(|sitting| sitting.seats.iter()) {
            self.of.remove(&holder.id);
        }
    }
}

impl Serialize for Sittings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.sittings.values())
    }
}

impl<'de> Deserialize<'de> for Sittings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut all = Self::default();
        for sitting in Vec::<Box<Sitting>>::deserialize(deserializer)? {
            let key = (sitting.day, sitting.slot.start());
            all.of.extend(sitting.seats.iter().map(|holder| (holder.id, key)));
            all.sittings.insert(key, sitting);
        }
        Ok(all)
    }
}
