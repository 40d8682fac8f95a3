//! Slots and opening rules on real calendars: days on which clocks change, in zones where they change differently.

#![allow(clippy::expect_used)]

use jiff::civil::Date;
use kernel::Timestamp;
use proptest::prelude::*;
use yeyak_booking::{Closed, DatedSlot, DaySlots, OpeningRule, Slot, SlotsError, Zone, next_opening};

const ZONES: [&str; 8] = [
    "Asia/Seoul",
    "America/New_York",
    "Europe/Berlin",
    // Half an hour, and on the other side of the year.
    "Australia/Lord_Howe",
    // Midnight itself is skipped or doubled.
    "America/Havana",
    "Asia/Beirut",
    "America/St_Johns",
    // A whole day was skipped.
    "Pacific/Apia",
];

fn zone(name: &str) -> Zone {
    Zone::named(name).expect("a zone of the list")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn slots(text: &str) -> DaySlots {
    text.parse().expect("slots")
}

fn on(slots: &DaySlots, date: Date, zone: &Zone) -> Vec<DatedSlot> {
    slots.iter().filter_map(|slot| slot.on(date, zone)).collect()
}

#[test]
fn slots_read_and_show() {
    let two = slots(" 10:00-11:50 , 8:00–09:50");
    assert_eq!(two.to_string(), "08:00-09:50,10:00-11:50");
    let json = serde_json::to_string(&two).expect("json");
    assert_eq!(json, r#"[{"start":"08:00","end":"09:50"},{"start":"10:00","end":"11:50"}]"#);
    assert_eq!(serde_json::from_str::<DaySlots>(&json).expect("a list"), two);
    assert_eq!(serde_json::from_str::<DaySlots>(r#""08:00-09:50,10:00-11:50""#).expect("a text"), two);
    assert_eq!(DaySlots::default().to_string(), "08:00-09:50,10:00-11:50,12:00-13:50,14:00-15:50,16:00-17:50,18:00-19:50,20:00-21:50");
}

#[test]
fn what_is_wrong_with_slots_is_said() {
    let check = |text: &str, message: &str| {
        let error = text.parse::<DaySlots>().expect_err(text);
        assert_eq!(error.to_string(), message);
    };
    check("", "a day has at least one slot, such as 08:00-09:50");
    check("08:00", "`08:00` is no slot: write its start and end, such as 08:00-09:50");
    check("08:00-", "`` is no time of a day: write hours and minutes, such as 08:00, up to 24:00");
    check("10:00-09:00", "a slot ends after it begins, unlike 10:00-09:00");
    check("08:00-10:00,09:59-11:00", "the slots 08:00-10:00 and 09:59-11:00 overlap");
    check(&vec!["08:00-09:00"; 49].join(","), "a day has at most 48 slots");
    assert_eq!("08:00-08:00".parse::<DaySlots>(), Err(SlotsError::Empty("08:00".parse().expect("time"), "08:00".parse().expect("time"))));
    let error = serde_json::from_str::<DaySlots>("8").expect_err("a number").to_string();
    assert!(error.contains("expected slots, as a list of {start, end} or as a text"), "{error}");
}

#[test]
fn opening_rules_read_and_show() {
    for text in ["same-day", "slot-start", "days-ahead:0", "days-ahead:14"] {
        assert_eq!(text.parse::<OpeningRule>().expect(text).to_string(), text);
    }
    for text in ["", "sameday", "days-ahead", "days-ahead:", "days-ahead:-1", "days-ahead:99999"] {
        let error = text.parse::<OpeningRule>().expect_err(text).to_string();
        assert_eq!(error, format!("`{text}` is no opening rule: write same-day, slot-start or days-ahead:14"));
    }
}

#[test]
fn the_running_slot_or_the_next() {
    let (seoul, today) = (zone("Asia/Seoul"), Date::constant(2026, 11, 23));
    let check = |time: &str, slot: Option<&str>| {
        let at = at(&format!("2026-11-23T{time}+09:00"));
        assert_eq!(DaySlots::default().running_or_next(today, &seoul, at).map(|found| found.slot.to_string()).as_deref(), slot, "{time}");
    };
    check("00:00:00", Some("08:00-09:50"));
    check("08:00:00", Some("08:00-09:50"));
    check("09:49:59", Some("08:00-09:50"));
    check("09:50:00", Some("10:00-11:50"));
    check("21:49:59", Some("20:00-21:50"));
    check("21:50:00", None);
}

#[test]
fn a_rule_says_when_a_slot_opens() {
    let seoul = zone("Asia/Seoul");
    let slot = DaySlots::default().iter().nth(1).and_then(|slot| slot.on(Date::constant(2026, 11, 23), &seoul)).expect("10:00");
    let check = |rule: OpeningRule, opens: &str| {
        let opens = at(opens);
        assert_eq!(rule.opens_at(&slot, &seoul), opens);
        assert_eq!(rule.admits(&slot, &seoul, opens), Ok(()));
        let before = opens - jiff::SignedDuration::from_nanos(1);
        assert_eq!(rule.admits(&slot, &seoul, before), Err(Closed::NotOpenYet { opens_at: opens }));
        assert_eq!(rule.admits(&slot, &seoul, slot.ends_at()), Err(Closed::Over));
    };
    check(OpeningRule::SameDay, "2026-11-23T00:00:00+09:00");
    check(OpeningRule::SlotStart, "2026-11-23T10:00:00+09:00");
    check(OpeningRule::DaysAhead(0), "2026-11-23T00:00:00+09:00");
    check(OpeningRule::DaysAhead(14), "2026-11-09T00:00:00+09:00");
}

#[test]
fn the_next_opening_is_after_today() {
    let seoul = zone("Asia/Seoul");
    let night = at("2026-11-23T22:00:00+09:00");
    let check = |rule: OpeningRule, opens: &str| {
        let (opens_at, slot) = next_opening(&DaySlots::default(), rule, &seoul, night).expect("tomorrow");
        assert_eq!((opens_at, slot.starts_at()), (at(opens), at("2026-11-24T08:00:00+09:00")));
    };
    check(OpeningRule::SameDay, "2026-11-24T00:00:00+09:00");
    check(OpeningRule::SlotStart, "2026-11-24T08:00:00+09:00");
    check(OpeningRule::DaysAhead(14), "2026-11-23T22:00:00+09:00");
}

#[test]
fn a_slot_that_clocks_skip_cannot_be_booked() {
    let (york, spring) = (zone("America/New_York"), Date::constant(2026, 3, 8));
    let day = slots("01:00-02:15,02:15-02:45,02:45-04:00");
    let found = on(&day, spring, &york);
    assert_eq!(found.iter().map(|slot| slot.slot.to_string()).collect::<Vec<_>>(), ["01:00-02:15", "02:45-04:00"]);
    assert_eq!(found[0].ends_at(), at("2026-03-08T03:00:00-04:00"));
    assert_eq!(found[1].starts_at(), at("2026-03-08T03:00:00-04:00"));
    assert_eq!(on(&DaySlots::default(), Date::constant(2011, 12, 30), &zone("Pacific/Apia")), []);
    // The evening before the day that Apia skipped, the next slot is the day after it.
    let opening = next_opening(&DaySlots::default(), OpeningRule::SameDay, &zone("Pacific/Apia"), at("2011-12-29T23:00:00-10:00"));
    assert_eq!(opening.map(|(_, slot)| slot.date), Some(Date::constant(2011, 12, 31)));
}

#[test]
fn a_slot_leads_from_the_end_of_the_one_before_it_that_runs_that_day() {
    let (st_johns, spring) = (zone("America/St_Johns"), Date::constant(2026, 3, 8));
    // Clocks go from 02:00 to 03:00, so the slot in between never runs.
    let day = slots("00:00-00:05,02:00-02:05,02:10-03:05");
    let last = on(&day, spring, &st_johns)[1];
    assert_eq!(day.leads_from(&last, &st_johns), at("2026-03-08T00:05:00-03:30"));
}

fn any_slots() -> impl Strategy<Value = DaySlots> {
    prop::collection::btree_set(0_u16..=288, 2..=40).prop_map(|times| {
        let text = |five: u16| format!("{:02}:{:02}", five * 5 / 60, five * 5 % 60).parse().expect("a time");
        let times: Vec<_> = times.into_iter().map(text).collect();
        let slots = times.chunks_exact(2).map(|pair| Slot::new(pair[0], pair[1]).expect("in order")).collect();
        DaySlots::new(slots).expect("no overlap")
    })
}

fn any_date() -> impl Strategy<Value = Date> {
    // Days on which one of the zones changes its clocks come as often as all others.
    let changes = [
        Date::constant(2026, 3, 8),
        Date::constant(2026, 11, 1),
        Date::constant(2026, 3, 29),
        Date::constant(2026, 10, 25),
        Date::constant(2026, 4, 5),
        Date::constant(2026, 10, 4),
        Date::constant(2011, 12, 30),
        Date::constant(2006, 4, 2),
        Date::constant(2006, 10, 29),
    ];
    prop_oneof![
        prop::sample::select(changes.to_vec()),
        (2000_i16..2100, 1_i8..=12, 1_i8..=28).prop_map(|(y, m, d)| Date::constant(y, m, d))
    ]
}

proptest! {
    #[test]
    fn slots_of_days_in_a_row_never_overlap(name in prop::sample::select(ZONES.to_vec()), date in any_date(), day in any_slots()) {
        let zone = zone(name);
        let dates = [date.yesterday().expect("a day"), date, date.tomorrow().expect("a day")];
        let all: Vec<_> = dates.into_iter().flat_map(|date| on(&day, date, &zone)).collect();
        for pair in all.windows(2) {
            prop_assert!(pair[0].starts_at() < pair[0].ends_at());
            prop_assert!(pair[0].ends_at() <= pair[1].starts_at(), "{pair:?}");
        }
    }

    #[test]
    fn the_running_or_next_slot_is_the_first_that_is_not_over(
        name in prop::sample::select(ZONES.to_vec()), date in any_date(), day in any_slots(), minute in -120_i64..1600,
    ) {
        let zone = zone(name);
        let at = zone.midnight(date).expect("midnight") + jiff::SignedDuration::from_mins(minute);
        let first = on(&day, date, &zone).into_iter().find(|slot| !slot.period.is_over(at));
        prop_assert_eq!(day.running_or_next(date, &zone, at), first);
    }

    #[test]
    fn a_slot_leads_from_the_instant_it_becomes_the_running_or_next(name in prop::sample::select(ZONES.to_vec()), date in any_date(), day in any_slots()) {
        let zone = zone(name);
        for slot in on(&day, date, &zone) {
            let leads = day.leads_from(&slot, &zone);
            prop_assert_eq!(day.running_or_next(date, &zone, leads), Some(slot));
            let before = leads - jiff::SignedDuration::from_nanos(1);
            let earlier = day.running_or_next(date, &zone, before);
            prop_assert!(earlier != Some(slot) || leads == zone.midnight(date).expect("midnight"));
        }
    }

    #[test]
    fn slots_survive_their_text_and_their_json(day in any_slots()) {
        prop_assert_eq!(&day.to_string().parse::<DaySlots>().expect("its text"), &day);
        let json = serde_json::to_string(&day).expect("json");
        prop_assert_eq!(&serde_json::from_str::<DaySlots>(&json).expect("its json"), &day);
    }
}
