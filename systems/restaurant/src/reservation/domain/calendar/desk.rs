//! A calendar at work, as the runtime drives it: what is due happens before a command is decided, at the instant it was due.

use std::collections::BTreeMap;

use booking::{TimeOfDay, Zone};
use jiff::civil::Date;
use kernel::{Aggregate, Exposed, Id, Refused, Timestamp};

use super::{Calendar, Command, Event, Wanted};
use crate::reservation::api::{Booking, ReservationEvent, ReservationId, RestaurantNo, VenueRules};
use crate::restaurant::api::VenueId;

pub(super) struct Desk {
    pub(super) calendar: Calendar,
    /// Everything that happened, and when.
    pub(super) log: Vec<(Timestamp, Event)>,
    pub(super) now: Timestamp,
}

/// The usual rules in Seoul, with ten seats.
pub(super) fn seoul() -> VenueRules {
    VenueRules { seats: Some(10), ..VenueRules::usual(Zone::named("Asia/Seoul").unwrap()) }
}

/// An instant of 2026-11-23, a Monday, in Seoul, or of the date that is given as well: `10:05`, `24T10:05`.
pub(super) fn at(text: &str) -> Timestamp {
    let (day, time) = text.split_once('T').unwrap_or(("23", text));
    format!("2026-11-{day}T{time}:00+09:00").parse().unwrap()
}

pub(super) fn date(day: i8) -> Date {
    Date::constant(2026, 11, day)
}

pub(super) fn time(text: &str) -> TimeOfDay {
    text.parse().unwrap()
}

pub(super) fn no() -> RestaurantNo {
    "10".parse().unwrap()
}

pub(super) const VENUE: VenueId = Id::new(1);

impl Desk {
    /// A calendar that opens at 10:00 on 2026-11-23 in Seoul.
    pub(super) fn open(rules: VenueRules) -> Self {
        let mut desk = Self::closed();
        desk.send(Command::Open { venue_id: VENUE, rules }).unwrap();
        desk
    }

    /// A calendar that was never opened.
    pub(super) fn closed() -> Self {
        Self { calendar: Calendar::default(), log: Vec::new(), now: at("10:00") }
    }

    /// Time passes until `now`, which is given as to [`at`].
    pub(super) fn at(&mut self, now: &str) -> &mut Self {
        self.pass(at(now));
        self
    }

    pub(super) fn pass(&mut self, now: Timestamp) {
        assert!(self.now <= now, "time never goes back");
        while let Some(due) = self.calendar.wake_at().filter(|wake| *wake <= now) {
            let due = due.max(self.log.last().map_or(due, |(last, _)| *last));
            let events = self.calendar.tick(due);
            assert!(!events.is_empty(), "a calendar that wakes has something to say");
            self.happen(events, due);
        }
        self.now = now;
    }

    pub(super) fn send(&mut self, command: Command) -> Result<Vec<Event>, Refused> {
        let events = self.calendar.decide(command, self.now).map_err(Refused::from)?;
        self.happen(events.clone(), self.now);
        Ok(events)
    }

    pub(super) fn happen(&mut self, events: Vec<Event>, at: Timestamp) {
        for event in events {
            self.calendar.evolve(&event, at);
            self.log.push((at, event));
        }
    }

    pub(super) fn hold(&mut self, id: u64, day: i8, start: Option<&str>, party_size: u32) -> Result<Vec<Event>, Refused> {
        let (id, day, time) = (Id::new(id), date(day), start.map(time));
        self.send(Command::Hold(Wanted { id, day, time, party_size, default: None }))
    }

    pub(super) fn release(&mut self, id: u64) -> Vec<Event> {
        self.send(Command::Release { id: Id::new(id) }).unwrap()
    }

    /// Changes the rules from what they are.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut VenueRules)) -> Result<Vec<Event>, Refused> {
        let before = self.calendar.rules().unwrap().clone();
        let mut rules = before.clone();
        change(&mut rules);
        self.send(Command::Change { before, rules })
    }

    /// What is held under a number, as its day and time.
    pub(super) fn sitting(&self, id: u64) -> Option<String> {
        self.booking(id).map(|booking| format!("{} {}-{}", booking.day, booking.time, booking.end_time))
    }

    pub(super) fn booking(&self, id: u64) -> Option<Booking> {
        self.calendar.booking(Id::new(id), &no(), None)
    }

    /// What was published, as followers get it.
    pub(super) fn published(&self) -> Vec<ReservationEvent> {
        let mut calendar = Calendar::default();
        let publish = |(at, event): &(Timestamp, Event)| {
            calendar.evolve(event, *at);
            calendar.publish(&no(), event, *at)
        };
        self.log.iter().filter_map(publish).collect()
    }

    /// Who holds how many seats of which sitting, found out the plain way: by everything that happened.
    pub(super) fn held(&self) -> BTreeMap<ReservationId, (Date, TimeOfDay, u32)> {
        let mut held = BTreeMap::new();
        for (_, event) in &self.log {
            match event {
                Event::Held { id, day, slot, party_size, .. } => drop(held.insert(*id, (*day, slot.start(), *party_size))),
                Event::Released { id, .. } => drop(held.remove(id)),
                Event::SittingOver { day, time } => held.retain(|_, (on, from, _)| (*on, *from) != (*day, *time)),
                Event::Opened { .. } | Event::Closed | Event::Changed { .. } => {}
            }
        }
        held
    }

    /// How many people have their seats at each sitting.
    pub(super) fn taken(&self) -> BTreeMap<(Date, TimeOfDay), u32> {
        let mut taken = BTreeMap::new();
        for (day, time, party_size) in self.held().into_values() {
            *taken.entry((day, time)).or_default() += party_size;
        }
        taken
    }

    /// The most people by which a sitting holds more than it has seats.
    pub(super) fn oversold(&self) -> u32 {
        let seats = self.calendar.rules().and_then(|rules| rules.seats).unwrap_or(u32::MAX);
        self.taken().into_values().map(|taken| taken.saturating_sub(seats)).max().unwrap_or_default()
    }
}
