//! Random commands at random times: whatever is asked, and whenever, no sitting holds more people than seats.

use booking::{TimeOfDay, Zone};
use jiff::civil::Date;
use jiff::{SignedDuration, Span};
use kernel::{Aggregate, Id, Timestamp};
use proptest::prelude::*;

use super::desk::{Desk, VENUE, at, date, seoul, time};
use super::{Calendar, Command, Event, Wanted};
use crate::reservation::api::{ClosedDays, ReservationEvent, VenueRules};

/// What is asked, and how many seconds after what was asked before.
type Step = (i64, Ask);

#[derive(Clone, Debug)]
enum Ask {
    Hold {
        day: i8,
        sitting: Option<u8>,
        party_size: u32,
    },
    /// One of those that stand, or one that does not.
    Release(u8),
    Change {
        rules: Rules,
        knows: bool,
    },
    /// The change that came this many changes ago.
    TakeBack(u8),
    Close,
}

/// What a change may touch.
#[derive(Clone, Debug)]
struct Rules {
    seats: Option<u32>,
    sittings: &'static str,
    zone: &'static str,
    closed: Option<u8>,
}

/// In any of these something is skipped or doubled when clocks change.
const SITTINGS: [&str; 3] = [
    "01:00-02:15,02:15-02:45,02:45-04:00,17:30-19:30",
    "00:00-00:30,01:00-02:15,02:45-04:00,17:30-19:30,19:30-24:00",
    "01:00-02:15,02:15-02:30,02:45-04:00,12:00-17:30",
];

fn rules() -> impl Strategy<Value = Rules> {
    let seats = prop::option::weighted(0.9, 0_u32..14);
    let (sittings, closed) = (prop::sample::select(SITTINGS.to_vec()), prop::option::weighted(0.2, 1_u8..=7));
    let zone = prop::sample::select(vec!["Asia/Seoul", "America/New_York", "Australia/Lord_Howe"]);
    (seats, sittings, zone, closed).prop_map(|(seats, sittings, zone, closed)| Rules { seats, sittings, zone, closed })
}

impl Rules {
    fn written(&self) -> VenueRules {
        VenueRules {
            seats: self.seats,
            sittings: self.sittings.parse().unwrap(),
            zone: Zone::named(self.zone).unwrap(),
            closed: ClosedDays { weekdays: self.closed.into_iter().collect(), dates: Vec::new() },
            ..seoul()
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ask = prop_oneof![
        10 => (-1_i8..3, prop::option::of(0_u8..5), 1_u32..7).prop_map(|(day, sitting, party_size)| Ask::Hold { day, sitting, party_size }),
        3 => (0_u8..20).prop_map(Ask::Release),
        2 => (rules(), prop::bool::weighted(0.9)).prop_map(|(rules, knows)| Ask::Change { rules, knows }),
        1 => (0_u8..3).prop_map(Ask::TakeBack),
        1 => Just(Ask::Close),
    ];
    let passes = prop_oneof![5 => Just(0_i64), 4 => 1_i64..3_000, 2 => 3_000_i64..20_000, 1 => Just(90_000)];
    prop::collection::vec((passes, ask), 1..80)
}

/// The evenings before clocks change, and one before they do not.
fn beginnings() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "2026-11-22T20:00:00Z",
        "2026-03-07T20:00:00Z",
        "2026-10-31T20:00:00Z",
        "2026-10-03T02:00:00Z",
        "2026-04-04T02:00:00Z",
    ])
}

/// The command that is meant, by what stands. Ids are the step's number.
fn command(desk: &Desk, step: u64, ask: &Ask) -> Command {
    let standing = desk.calendar.rules().cloned().unwrap_or_else(seoul);
    let changes: Vec<_> =
        desk.log.iter().rev().filter_map(|(_, event)| if let Event::Changed { rules } = event { Some(rules) } else { None }).collect();
    match ask {
        Ask::Hold { day, sitting, party_size } => {
            let today = standing.zone.date(desk.now);
            let day: Date = today.saturating_add(Span::new().days(*day));
            let time = sitting.map(|index| standing.sittings.iter().nth(index.into()).map_or(TimeOfDay::MIDNIGHT, |slot| slot.start()));
            Command::Hold(Wanted { id: Id::new(step), day, time, party_size: *party_size, default: Some(seoul()) })
        }
        Ask::Release(index) => Command::Release { id: desk.held().keys().nth((*index).into()).copied().unwrap_or(Id::new(step)) },
        Ask::Change { rules, knows } => {
            let before = if *knows { standing } else { seoul() };
            Command::Change { before, rules: rules.written() }
        }
        Ask::TakeBack(ago) => {
            let (rules, before) = (changes.get(usize::from(*ago)), changes.get(usize::from(*ago) + 1));
            let known = |rules: Option<&&VenueRules>| rules.map_or_else(seoul, |rules| (*rules).clone());
            Command::TakeBack { before: known(before), rules: known(rules) }
        }
        Ask::Close => Command::Close { venue_id: VENUE },
    }
}

fn check(desk: &Desk) -> Result<(), TestCaseError> {
    prop_assert_eq!(desk.oversold(), 0, "more people than seats");
    let held = desk.held();
    for sitting in desk.calendar.sittings.iter() {
        prop_assert!(desk.now < sitting.ends_at(), "what is over has left");
        prop_assert!(!sitting.seats.is_empty(), "a sitting that nobody has is not kept");
        let rules = desk.calendar.rules().unwrap();
        prop_assert!(!rules.closed.contains(sitting.day) && rules.sittings.iter().any(|slot| slot == sitting.slot));
        for holder in sitting.seats.iter() {
            prop_assert_eq!(held.get(&holder.id), Some(&(sitting.day, sitting.slot.start(), holder.places)));
        }
    }
    prop_assert_eq!(held.len(), desk.calendar.sittings.iter().map(|sitting| sitting.seats.iter().len()).sum::<usize>());
    for (id, (day, time, party_size)) in held {
        let booking = desk.booking(id.number()).unwrap();
        prop_assert_eq!((booking.day, booking.time, booking.party_size), (day, time, party_size));
    }
    prop_assert!(desk.calendar.wake_at().is_none_or(|wake| wake > desk.now), "what was due has happened");
    Ok(())
}

proptest! {
    #[test]
    fn whatever_is_asked_no_sitting_holds_more_people_than_seats(first in rules(), beginning in beginnings(), steps in steps()) {
        let begin = || {
            let mut desk = Desk::closed();
            desk.now = beginning.parse().unwrap();
            desk.send(Command::Open { venue_id: VENUE, rules: first.written() }).unwrap();
            desk
        };
        let (mut late, mut early) = (begin(), begin());
        for (number, (passes, ask)) in (1..).zip(&steps) {
            // One is woken by commands alone, the other all the time.
            let now: Timestamp = late.now + SignedDuration::from_secs(*passes);
            late.pass(now);
            while early.now < now {
                let next = (early.now + SignedDuration::from_mins(29)).min(now);
                early.pass(next);
            }
            check(&late)?;
            let command = command(&late, number, ask);
            prop_assert_eq!(late.send(command.clone()), early.send(command));
            check(&late)?;
            prop_assert_eq!(&late.calendar, &early.calendar);

            let snapshot = serde_json::to_string(&late.calendar).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Calendar>(&snapshot).unwrap(), &late.calendar);
        }
        prop_assert_eq!(&late.log, &early.log);

        let mut folded = Calendar::default();
        for (at, event) in &late.log {
            let event = serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap();
            folded.evolve(&event, *at);
        }
        prop_assert_eq!(&folded, &late.calendar);

        // Whoever follows what is published knows how full each sitting is, and by what the venue is kept.
        let (mut taken, mut rules) = (std::collections::BTreeMap::new(), None);
        for event in late.published() {
            match event {
                ReservationEvent::SittingFilled { day, time, taken: now, .. } => drop(taken.insert((day, time), now)),
                ReservationEvent::VenueOpened { rules: now, .. } | ReservationEvent::VenueChanged { rules: now, .. } => rules = Some(now),
                ReservationEvent::VenueClosed { .. } => rules = None,
                other => prop_assert!(false, "a calendar tells of no reservation: {other:?}"),
            }
        }
        taken.retain(|_, taken| *taken > 0);
        prop_assert_eq!(taken, late.taken());
        prop_assert_eq!(rules.as_ref(), late.calendar.rules());
    }
}

/// The control: seats that are given away without being asked for are seen to be too many.
#[test]
fn who_does_not_ask_the_calendar_oversells() {
    let mut desk = Desk::open(seoul());
    let held = desk.hold(1, 24, Some("17:30"), 6).unwrap();
    let Event::Held { day, slot, period, deposit, refund_until, .. } = held[0] else { panic!("seats are held") };
    let (id, party_size) = (Id::new(2), 6);
    desk.happen(vec![Event::Held { id, day, slot, period, party_size, deposit, refund_until }], at("10:00"));
    assert_eq!(desk.oversold(), 2);
    assert_eq!(desk.calendar.taken(date(24), time("17:30")), 12);
}
