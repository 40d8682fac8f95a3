//! Random commands at random times: whatever is asked, and whenever, nothing overlaps and everyone is told the truth.
//!
//! The desk itself checks after every event that what is told agrees with what stands.

use booking::{OpeningRule, Zone};
use jiff::SignedDuration;
use kernel::{Aggregate, Timestamp};
use proptest::prelude::*;

use super::desk::{Desk, conference, maintenance, occupied, periods, reserve, user};
use super::{Calendar, Command};
use crate::reserve::api::Rules;

/// A command, and when it is asked.
type Step = (When, Ask);

/// How much time passes before a command.
#[derive(Clone, Debug)]
enum When {
    Seconds(i64),
    /// So much that a reservation's slot is so many minutes away.
    BeforeSlot(u8, i64),
}

/// What is asked, with times as minutes from when it is asked.
#[derive(Clone, Debug)]
enum Ask {
    Reserve { who: u8, slot: Option<(u8, u8)> },
    Cancel { which: u8, who: Option<u8> },
    Start { which: u8, who: Option<u8> },
    WithdrawStart { which: u8 },
    End { which: u8 },
    Block { from: Option<i16>, lasts: Option<i16> },
    Unblock { which: u8 },
    Reopen,
}

fn asks() -> impl Strategy<Value = Ask> {
    let who = 0_u8..3;
    let slot = prop::option::of((0_u8..3, 0_u8..7));
    prop_oneof![
        8 => (who.clone(), slot).prop_map(|(who, slot)| Ask::Reserve { who, slot }),
        2 => (0_u8..6, prop::option::of(who.clone())).prop_map(|(which, who)| Ask::Cancel { which, who }),
        4 => (0_u8..4, prop::option::weighted(0.2, who)).prop_map(|(which, who)| Ask::Start { which, who }),
        1 => (0_u8..3).prop_map(|which| Ask::WithdrawStart { which }),
        2 => (0_u8..3).prop_map(|which| Ask::End { which }),
        3 => (prop::option::of(-30_i16..600), prop::option::of(-5_i16..300)).prop_map(|(from, lasts)| Ask::Block { from, lasts }),
        2 => (0_u8..3).prop_map(|which| Ask::Unblock { which }),
        1 => Just(Ask::Reopen),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let seconds = prop_oneof![Just(0_i64), 1_i64..1200, (0_i64..40).prop_map(|fives| fives * 300), Just(40_000)];
    let passes = prop_oneof![
        3 => seconds.prop_map(When::Seconds),
        1 => (0_u8..4, 0_i64..100).prop_map(|(which, minutes)| When::BeforeSlot(which, minutes)),
    ];
    prop::collection::vec((passes, asks()), 1..60)
}

fn rules() -> impl Strategy<Value = Rules> {
    let zones = ["Asia/Seoul", "America/New_York", "Australia/Lord_Howe"];
    let slots =
        ["08:00-09:50,10:00-11:50,12:00-13:50,20:00-21:50", "00:00-01:30,01:30-02:15,02:15-03:00,09:00-10:00,10:00-11:00,23:00-24:00"];
    let openings = [OpeningRule::SameDay, OpeningRule::SlotStart, OpeningRule::DaysAhead(2)];
    let choose = (prop::sample::select(zones.to_vec()), prop::sample::select(slots.to_vec()), prop::sample::select(openings.to_vec()));
    let minutes = (prop::sample::select(vec![0_u16, 15, 200]), prop::sample::select(vec![0_u16, 10, 90]));
    (choose, minutes).prop_map(|((zone, slots, opening_rule), (grace_minutes, early_minutes))| Rules {
        zone: Zone::named(zone).unwrap(),
        slots: slots.parse().unwrap(),
        opening_rule,
        grace_minutes,
        early_minutes,
    })
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

fn begin(beginning: &str, rules: &Rules) -> Desk {
    let mut desk = Desk::closed();
    desk.now = beginning.parse().unwrap();
    open(&mut desk, rules);
    desk
}

fn open(desk: &mut Desk, rules: &Rules) {
    desk.send(Command::Open { name: None, floor: "3".into(), rules: rules.clone() }).unwrap();
}

fn moment(desk: &Desk, when: &When) -> Timestamp {
    let now = match *when {
        When::Seconds(seconds) => desk.now + SignedDuration::from_secs(seconds),
        When::BeforeSlot(which, minutes) => {
            let slot = desk.calendar.reservations.iter().nth(which.into()).map(|entry| entry.what.period.start());
            slot.map_or(desk.now, |start| start - SignedDuration::from_mins(minutes))
        }
    };
    now.max(desk.now)
}

/// The command that is meant, on what stands or stood lately. Ids are the step's number.
fn command(desk: &Desk, rules: &Rules, step: u64, ask: &Ask) -> Command {
    let who = |who: u8| user(["ann", "bob", "cho"][usize::from(who)]);
    let reservations: Vec<_> = desk.calendar.reservations.iter().take(8).collect();
    let which = |which: u8| reservations.get(usize::from(which)).map_or(reserve(step), |entry| entry.id);
    let meeting = |which: u8| {
        let meeting = reservations.get(usize::from(which)).and_then(|entry| entry.what.meeting.as_deref());
        meeting.map_or(conference(step), |meeting| meeting.conference)
    };
    // What ended with its slot can still be heard of, half of the time.
    let late = desk.calendar.unsettled.iter().next().filter(|_| step.is_multiple_of(2));
    let held = |index: u8| match late {
        Some((id, one)) => (*id, one.meeting.as_deref().unwrap().conference),
        None => (which(index), meeting(index)),
    };
    let minutes = |minutes: i16| desk.now + SignedDuration::from_mins(minutes.into());
    match *ask {
        Ask::Reserve { who: person, slot } => {
            let day = |days: u8| rules.zone.date(desk.now).saturating_add(jiff::Span::new().days(days));
            let start = |index: u8| rules.slots.iter().nth(usize::from(index)).map(|slot| slot.start());
            let (date, start) = (slot.map(|(days, _)| day(days)), slot.and_then(|(_, index)| start(index)));
            Command::Reserve { id: reserve(step), user: who(person), date, start, end: None }
        }
        Ask::Cancel { which: index, who: person } => Command::Cancel { id: which(index), by: person.map(who) },
        Ask::Start { which: index, who: person } => {
            let reserver = || desk.calendar.reservation(which(index)).map_or(user("ann"), |reservation| reservation.user.clone());
            Command::Start { reservation: which(index), user: person.map_or_else(reserver, who), conference: conference(step) }
        }
        Ask::WithdrawStart { which: index } => {
            let (reservation, conference) = held(index);
            Command::WithdrawStart { reservation, conference }
        }
        Ask::End { which: index } => {
            let (reservation, conference) = held(index);
            Command::End { reservation, conference }
        }
        Ask::Block { from, lasts } => {
            let until = lasts.map(|lasts| minutes(from.unwrap_or(0).max(0) + lasts));
            Command::Block { maintenance: maintenance(step), from: from.map(minutes), until }
        }
        Ask::Unblock { which } => {
            let block = desk.calendar.blocks.iter().nth(usize::from(which));
            Command::Unblock { maintenance: block.map_or(maintenance(step), |block| block.id) }
        }
        Ask::Reopen => Command::Close,
    }
}

fn check(desk: &Desk) -> Result<(), TestCaseError> {
    let periods = periods(&desk.calendar);
    for (index, one) in periods.iter().enumerate() {
        prop_assert!(!one.is_over(desk.now), "what is over has left");
        for other in &periods[index + 1..] {
            prop_assert!(!one.overlaps(other), "{one:?} and {other:?} overlap");
        }
    }
    prop_assert!(desk.calendar.wake_at().is_none_or(|wake| wake > desk.now), "what was due has happened");
    prop_assert_eq!(desk.calendar.announced(), &occupied(&desk.calendar, desk.now), "what was told still holds");
    Ok(())
}

proptest! {
    #[test]
    fn whatever_is_asked_nothing_overlaps(rules in rules(), beginning in beginnings(), steps in steps()) {
        let mut late = begin(beginning, &rules);
        let mut early = begin(beginning, &rules);
        for (number, (when, ask)) in (1..).zip(&steps) {
            // One is woken by commands alone, the other all the time.
            let now = moment(&late, when);
            late.pass(now);
            while early.now < now {
                let next = (early.now + SignedDuration::from_mins(7)).min(now);
                early.pass(next);
            }
            check(&late)?;
            let command = command(&late, &rules, number, ask);
            prop_assert_eq!(late.send(command.clone()), early.send(command));
            check(&late)?;
            if matches!(ask, Ask::Reopen) {
                open(&mut late, &rules);
                open(&mut early, &rules);
            }
            prop_assert_eq!(&late.calendar, &early.calendar);

            let snapshot = serde_json::to_string(&late.calendar).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Calendar>(&snapshot).unwrap(), &late.calendar);
        }
        prop_assert_eq!(&late.log, &early.log);
        // Whoever follows what is published knows how the room is occupied.
        let told = late.published().last().map(|event| event.room().1.clone());
        prop_assert_eq!(told.as_ref(), Some(late.calendar.announced()), "what was published last still holds");

        let mut folded = Calendar::default();
        for (at, event) in &late.log {
            let event = serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap();
            folded.evolve(&event, *at);
        }
        prop_assert_eq!(folded, late.calendar);
    }
}
