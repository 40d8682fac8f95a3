//! Every rule of the calendar, each with the fault of the original system that it keeps away where there was one.

mod endings;
mod snapshots;

use std::collections::BTreeSet;

use booking::OpeningRule;
use kernel::{Aggregate, Answer, Exposed, Id, Refused, RefusedKind, Rows};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::desk::{Desk, at, conference, date, maintenance, painted, reserve, seoul, time, user};
use super::{Calendar, Command, Event};
use crate::reserve::api::{BlockRoom, CheckUser, OpenCalendar, ReserveEvent, ReserveStatus, RoomStatus, Rules};
use crate::reserve::views::ReserveRow;

fn desk() -> Desk {
    let mut desk = Desk::open(seoul());
    desk.at("10:05");
    desk
}

fn with(change: impl FnOnce(&mut Rules)) -> Desk {
    let mut rules = seoul();
    change(&mut rules);
    let mut desk = Desk::open(rules);
    desk.at("10:05");
    desk
}

#[track_caller]
fn refused(answer: Result<Vec<Event>, Refused>, kind: RefusedKind, code: &str) -> Value {
    let refused = answer.expect_err("a refusal");
    assert_eq!((refused.kind, refused.code.as_str()), (kind, code));
    Value::Object(refused.details)
}

#[track_caller]
fn conflict(answer: Result<Vec<Event>, Refused>, code: &str) -> Value {
    refused(answer, RefusedKind::Conflict, code)
}

#[track_caller]
fn standing(answer: Result<Vec<Event>, Refused>, id: u64) {
    assert_eq!(answer.expect_err("it stands").standing_id(), Some(id));
}

// Which slot is meant.

#[test]
fn without_a_time_the_running_slot_is_meant() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    assert_eq!(desk.slot(1).as_deref(), Some("2026-11-23 10:00-11:50"));
}

#[test]
fn between_slots_the_next_one_is_meant() {
    let mut desk = desk();
    desk.at("11:50").reserve(1, "ann").unwrap();
    assert_eq!(desk.slot(1).as_deref(), Some("2026-11-23 12:00-13:50"));
}

#[test]
fn without_a_time_it_is_never_the_first_free_one() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    conflict(desk.reserve(2, "bob"), "slot-taken");
}

#[test]
fn when_no_slot_is_left_the_next_opening_is_told() {
    let mut desk = desk();
    let details = conflict(desk.at("21:50").reserve(1, "ann"), "no-slot-left");
    assert_eq!(details["nextOpening"], json!(at("24T00:00")));
    assert_eq!(details["nextSlot"], json!({ "date": "2026-11-24", "startTime": "08:00", "endTime": "09:50" }));
}

#[test]
fn a_date_without_a_time_means_its_first_slot_that_is_not_over() {
    let mut desk = with(|rules| rules.opening_rule = OpeningRule::DaysAhead(1));
    let mut on =
        |id, day| desk.send(Command::Reserve { id: reserve(id), user: user("ann"), date: Some(date(day)), start: None, end: None });
    on(1, 24).unwrap();
    on(2, 23).unwrap();
    conflict(on(3, 22), "slot-over");
    assert_eq!(desk.slot(1).as_deref(), Some("2026-11-24 08:00-09:50"));
    assert_eq!(desk.slot(2).as_deref(), Some("2026-11-23 10:00-11:50"));
}

#[test]
fn given_times_must_be_those_of_a_slot() {
    let mut desk = desk();
    let mut between = |id, start: Option<&str>, end: Option<&str>| {
        desk.send(Command::Reserve { id: reserve(id), user: user("ann"), date: None, start: start.map(time), end: end.map(time) })
    };
    let details = refused(between(1, Some("10:30"), None), RefusedKind::Invalid, "no-such-slot");
    assert_eq!((&details["field"], &details["slots"][0]), (&json!("startTime"), &json!({ "start": "08:00", "end": "09:50" })));
    refused(between(1, Some("12:00"), Some("14:00")), RefusedKind::Invalid, "no-such-slot");
    between(1, Some("12:00"), Some("13:50")).unwrap();
    between(2, None, Some("15:50")).unwrap();
    assert_eq!(desk.slot(2).as_deref(), Some("2026-11-23 14:00-15:50"));
}

// When a slot can be taken.

#[test]
fn an_over_slot_cannot_be_taken() {
    let mut desk = desk();
    conflict(desk.reserve_on(1, "ann", 23, "08:00"), "slot-over");
    conflict(desk.reserve_on(1, "ann", 22, "20:00"), "slot-over");
    // The slot ends with the minute before 11:50.
    conflict(desk.at("11:50").reserve_on(1, "ann", 23, "10:00"), "slot-over");
}

#[test]
fn same_day_opens_the_whole_day_and_no_other() {
    let mut desk = desk();
    desk.reserve_on(1, "ann", 23, "20:00").unwrap();
    let details = conflict(desk.reserve_on(2, "ann", 24, "08:00"), "not-open-yet");
    assert_eq!(details["opensAt"], json!(at("24T00:00")));
    desk.at("24T00:00").reserve_on(2, "ann", 24, "08:00").unwrap();
}

#[test]
fn slot_start_opens_a_slot_at_its_own_start() {
    let mut desk = with(|rules| rules.opening_rule = OpeningRule::SlotStart);
    desk.reserve(1, "ann").unwrap();
    let details = conflict(desk.at("11:55").reserve(2, "ann"), "not-open-yet");
    assert_eq!(details["opensAt"], json!(at("12:00")));
    desk.at("12:00").reserve(2, "ann").unwrap();
}

#[test]
fn days_ahead_opens_so_many_days_before() {
    let mut desk = with(|rules| rules.opening_rule = OpeningRule::DaysAhead(3));
    desk.reserve_on(1, "ann", 26, "20:00").unwrap();
    let details = conflict(desk.reserve_on(2, "ann", 27, "08:00"), "not-open-yet");
    assert_eq!(details["opensAt"], json!(at("24T00:00")));
}

// Nothing overlaps. Fault of the original: "no availability check, so double booking; rooms need not exist".

#[test]
fn a_room_that_was_never_added_cannot_be_used() {
    let mut desk = Desk::closed();
    refused(desk.reserve(1, "ann"), RefusedKind::NotFound, "no-such-room");
    refused(desk.start(1, "ann", 1), RefusedKind::NotFound, "no-such-room");
    refused(desk.block(1, None, None), RefusedKind::NotFound, "no-such-room");
}

#[test]
fn a_taken_slot_is_refused_without_saying_whose_it_is() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    let details = conflict(desk.reserve(2, "bob"), "slot-taken");
    assert_eq!(details, json!({ "inTheWay": { "reserveId": 1, "start": at("10:00"), "end": at("11:50") } }));
}

#[test]
fn asking_again_for_what_one_has_is_no_error() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    standing(desk.reserve(2, "ann"), 1);
    desk.start(1, "ann", 1).unwrap();
    standing(desk.reserve(2, "ann"), 1);
}

#[test]
fn a_slot_that_was_given_back_can_be_taken_for_what_remains_of_it() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    desk.cancel(1, Some("ann")).unwrap();
    desk.reserve(2, "bob").unwrap();
    desk.start(2, "bob", 1).unwrap();
    desk.at("10:40").end(2, 1).unwrap();
    desk.reserve(3, "cho").unwrap();
    // Nobody comes within 15 minutes of 10:40.
    desk.at("10:55").reserve(4, "dan").unwrap();
    assert_eq!(desk.slot(4).as_deref(), Some("2026-11-23 10:00-11:50"));
}

#[test]
fn what_counts_is_the_time_not_which_slot() {
    let mut desk = with(|rules| rules.opening_rule = OpeningRule::DaysAhead(1));
    desk.reserve_on(1, "ann", 24, "10:00").unwrap();
    // The slots change behind the calendar's back: the old reservation still has its time.
    let slots = "09:00-10:30,11:50-13:00".parse().unwrap();
    desk.calendar.rules = Some(Rules { slots, opening_rule: OpeningRule::DaysAhead(1), ..seoul() });
    conflict(desk.reserve_on(2, "bob", 24, "09:00"), "slot-taken");
    desk.reserve_on(3, "bob", 24, "11:50").unwrap();
}

// Cancelling. Fault of the original: "a late Canceled frees a room that someone else holds".

#[test]
fn only_the_reserver_or_an_administrator_cancels() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    refused(desk.cancel(1, Some("bob")), RefusedKind::Forbidden, "not-the-reserver");
    desk.cancel(1, None).unwrap();
    conflict(desk.cancel(1, Some("ann")), "reservation-over");
    conflict(desk.cancel(9, None), "reservation-over");
}

#[test]
fn a_meeting_that_started_cannot_be_cancelled() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    desk.start(1, "ann", 1).unwrap();
    conflict(desk.cancel(1, Some("ann")), "already-started");
}

#[test]
fn a_late_cancel_frees_nothing_of_someone_else() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    desk.cancel(1, Some("ann")).unwrap();
    desk.reserve(2, "bob").unwrap();
    conflict(desk.cancel(1, Some("ann")), "reservation-over");
    assert_eq!(desk.shows(), (RoomStatus::Reserved, Some(2)));
}

// Starting. Faults of the original: "any edit of a reserve starts the meeting; an ended meeting can be started again".

#[test]
fn only_the_reserver_starts() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    refused(desk.start(1, "bob", 1), RefusedKind::Forbidden, "not-the-reserver");
    desk.start(1, "ann", 2).unwrap();
    assert_eq!(desk.shows(), (RoomStatus::Started, Some(1)));
    conflict(desk.start(1, "ann", 3), "already-started");
}

#[test]
fn what_is_over_cannot_be_started() {
    let mut desk = desk();
    conflict(desk.start(9, "ann", 1), "not-startable");
    desk.reserve(1, "ann").unwrap();
    desk.start(1, "ann", 1).unwrap();
    desk.end(1, 1).unwrap();
    conflict(desk.start(1, "ann", 2), "not-startable");
    desk.reserve(2, "ann").unwrap();
    desk.cancel(2, None).unwrap();
    conflict(desk.start(2, "ann", 2), "not-startable");
    desk.reserve(3, "ann").unwrap();
    conflict(desk.at("10:20").start(3, "ann", 2), "not-startable");
}

#[test]
fn a_meeting_starts_ten_minutes_before_its_slot_at_the_earliest() {
    let mut desk = desk();
    desk.reserve_on(1, "ann", 23, "12:00").unwrap();
    let details = conflict(desk.at("11:49:59").start(1, "ann", 1), "too-early");
    assert_eq!(details["startsAt"], json!(at("11:50")));
    desk.at("11:50").start(1, "ann", 1).unwrap();
    assert_eq!(desk.shows(), (RoomStatus::Started, Some(1)));
}

#[test]
fn an_early_start_waits_for_whoever_has_the_room() {
    let mut desk = with(|rules| (rules.slots, rules.grace_minutes) = ("10:00-11:00,11:00-12:00,12:00-13:00".parse().unwrap(), 0));
    desk.reserve(1, "ann").unwrap();
    desk.reserve_on(2, "bob", 23, "11:00").unwrap();
    desk.start(1, "ann", 1).unwrap();
    let details = conflict(desk.at("10:55").start(2, "bob", 2), "room-in-use");
    assert_eq!(details["inTheWay"]["reserveId"], json!(1));
    desk.end(1, 1).unwrap();
    desk.start(2, "bob", 2).unwrap();
    // The early start has the room from then on: what remains of the slot before is no longer free.
    conflict(desk.at("10:56").reserve_on(3, "cho", 23, "10:00"), "slot-taken");
    desk.withdraw(2, 2).unwrap();
    desk.reserve_on(3, "cho", 23, "10:00").unwrap();
    // Nor does someone who is late lose the room to whoever is early.
    conflict(desk.at("10:57").start(2, "bob", 3), "room-in-use");
}

#[test]
fn an_early_start_waits_for_maintenance() {
    let mut desk = desk();
    desk.block(1, None, Some("11:55")).unwrap();
    desk.reserve_on(1, "ann", 23, "12:00").unwrap();
    let details = conflict(desk.at("11:50").start(1, "ann", 1), "under-maintenance");
    assert_eq!(details["inTheWay"], json!({ "maintenanceId": 1, "from": at("10:05"), "until": at("11:55") }));
    desk.at("11:55").start(1, "ann", 1).unwrap();
}

#[test]
fn a_start_that_is_withdrawn_leaves_the_reservation_and_its_grace() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    desk.at("10:19").start(1, "ann", 1).unwrap();
    assert_eq!(desk.withdraw(1, 2), Ok(Vec::new()));
    desk.at("10:25").withdraw(1, 1).unwrap();
    assert_eq!(desk.withdraw(1, 1), Ok(Vec::new()));
    assert_eq!(desk.at("10:39").shows(), (RoomStatus::Reserved, Some(1)));
    assert_eq!(desk.at("10:40").shows(), (RoomStatus::Available, None));
}

// Maintenance. Fault of the original: "a maintenance check races with a new reservation".

#[test]
fn a_reserved_time_cannot_be_closed() {
    let mut desk = with(|rules| rules.opening_rule = OpeningRule::DaysAhead(5));
    for id in 1..=12 {
        let start = ["12:00", "14:00", "16:00"][id as usize % 3];
        desk.reserve_on(id, "ann", 23 + i8::try_from(id / 3).unwrap(), start).unwrap();
    }
    let details = conflict(desk.block(1, None, None), "reserved");
    assert_eq!(details["inTheWay"].as_array().map(Vec::len), Some(10));
    assert_eq!(details["inTheWayCount"], 12);
    assert_eq!(details["inTheWay"][0], json!({ "reserveId": 1, "start": at("14:00"), "end": at("15:50") }));
    desk.block(1, None, Some("14:00")).unwrap();
}

#[test]
fn a_closed_time_cannot_be_reserved() {
    let mut desk = desk();
    desk.block(1, Some("11:00"), Some("13:00")).unwrap();
    let details = conflict(desk.reserve(1, "ann"), "under-maintenance");
    assert_eq!(details["inTheWay"], json!({ "maintenanceId": 1, "from": at("11:00"), "until": at("13:00") }));
    conflict(desk.reserve_on(1, "ann", 23, "12:00"), "under-maintenance");
    desk.reserve_on(1, "ann", 23, "14:00").unwrap();
}

#[test]
fn a_maintenance_begins_now_at_the_earliest_and_is_never_empty() {
    let mut desk = desk();
    assert_eq!(refused(desk.block(1, None, Some("10:05")), RefusedKind::Invalid, "empty-period"), json!({ "field": "until" }));
    refused(desk.block(1, Some("12:00"), Some("11:00")), RefusedKind::Invalid, "empty-period");
    desk.block(1, Some("09:00"), None).unwrap();
    assert_eq!(desk.calendar.blocked(maintenance(1)).map(|period| period.start()), Some(at("10:05")));
}

#[test]
fn asking_again_for_the_same_maintenance_is_no_error() {
    let mut desk = desk();
    desk.block(1, None, Some("12:00")).unwrap();
    desk.block(2, Some("14:00"), None).unwrap();
    desk.at("10:30");
    standing(desk.block(3, None, Some("12:00")), 1);
    standing(desk.block(3, Some("09:00"), Some("12:00")), 1);
    standing(desk.block(3, Some("14:00"), None), 2);
    conflict(desk.block(3, None, None), "under-maintenance");
    conflict(desk.block(3, Some("14:30"), None), "under-maintenance");
    conflict(desk.block(3, Some("11:00"), Some("12:00")), "under-maintenance");
}

#[test]
fn a_maintenance_ends_when_it_is_ended_or_its_time_is_over() {
    let mut desk = desk();
    desk.block(1, None, None).unwrap();
    assert_eq!(desk.shows(), (RoomStatus::Maintenance, None));
    let unblocked = vec![Event::Unblocked { maintenance: maintenance(1) }];
    assert_eq!(desk.send(Command::Unblock { maintenance: maintenance(1) }), Ok(unblocked));
    assert_eq!(desk.send(Command::Unblock { maintenance: maintenance(1) }), Ok(Vec::new()));
    desk.block(2, Some("11:00"), Some("11:30")).unwrap();
    let length = desk.log.len();
    desk.at("12:00");
    let unblocked = Event::Unblocked { maintenance: maintenance(2) };
    assert_eq!(desk.happened_since(length), [("11:00:00".into(), Event::Turned), ("11:30:00".into(), unblocked)]);
}

// What the room shows.

#[test]
fn the_room_shows_the_slot_that_runs_or_the_next_of_today() {
    let mut desk = with(|rules| (rules.opening_rule, rules.grace_minutes) = (OpeningRule::DaysAhead(1), 0));
    desk.reserve_on(1, "ann", 23, "14:00").unwrap();
    desk.reserve_on(2, "bob", 24, "08:00").unwrap();
    let mut check = |now, shown| assert_eq!(desk.at(now).shows(), shown, "{now}");
    check("13:49", (RoomStatus::Available, None));
    check("13:50", (RoomStatus::Reserved, Some(1)));
    check("15:49", (RoomStatus::Reserved, Some(1)));
    check("15:50", (RoomStatus::Available, None));
    // Tomorrow's first slot is not "the next one of today".
    check("23:59", (RoomStatus::Available, None));
    check("24T00:00", (RoomStatus::Reserved, Some(2)));
}

#[test]
fn between_slots_maintenance_of_the_next_one_is_shown() {
    let check = |from, until, changes: &[(&str, RoomStatus)]| {
        let mut desk = desk();
        desk.block(1, Some(from), until).unwrap();
        let length = desk.log.len();
        for (now, status) in changes {
            let before = at(now) - jiff::SignedDuration::from_nanos(1);
            assert_ne!(desk.calendar.announced().status, *status, "before {now}");
            desk.pass(before);
            assert_ne!(desk.calendar.announced().status, *status, "just before {now}");
            assert_eq!(desk.at(now).shows(), (*status, None), "{now}");
        }
        desk.at("24T23:59");
        assert_eq!(desk.log.len(), length + changes.len(), "nothing else is told: {:?}", desk.happened_since(length));
    };
    use RoomStatus::{Available, Maintenance};
    check("12:00", Some("13:50"), &[("11:50", Maintenance), ("13:50", Available)]);
    check("13:55", None, &[("13:50", Maintenance)]);
    // A slot that runs shows what it is now.
    check("12:30", Some("13:00"), &[("11:50", Maintenance), ("12:00", Available), ("12:30", Maintenance), ("13:00", Available)]);
    check("10:20", Some("10:30"), &[("10:20", Maintenance), ("10:30", Available)]);
    // What lasts is shown where there is no slot, too, and no slot is next on the evening before.
    check("11:52", Some("11:55"), &[("11:52", Maintenance), ("11:55", Available)]);
    check("22:00", Some("23:00"), &[("22:00", Maintenance), ("23:00", Available)]);
    check("24T08:00", Some("24T09:50"), &[("24T00:00", Maintenance), ("24T09:50", Available)]);
}

#[test]
fn the_slot_that_is_next_can_be_closed_by_a_later_maintenance() {
    let mut desk = desk();
    desk.block(1, Some("11:52"), Some("11:55")).unwrap();
    desk.block(2, Some("12:00"), Some("13:50")).unwrap();
    let length = desk.log.len();
    let told = ["11:50:00", "11:55:00", "13:50:00"];
    assert_eq!(desk.at("13:49").shows(), (RoomStatus::Maintenance, None));
    assert_eq!(desk.at("15:00").shows(), (RoomStatus::Available, None));
    assert_eq!(desk.happened_since(length).into_iter().map(|(time, _)| time).collect::<Vec<_>>(), told);
}

proptest! {
    #[test]
    fn a_room_shows_in_each_minute_what_was_painted(
        asked in prop::collection::vec((0_usize..1430, 1_usize..200), 0..6),
        wanted in prop::collection::btree_set(0_usize..7, 0..4),
    ) {
        let mut desk = Desk::open(Rules { opening_rule: OpeningRule::DaysAhead(1), grace_minutes: 0, ..seoul() });
        let midnight = at("24T00:00");
        let minute = |minute: usize| midnight + jiff::SignedDuration::from_mins(i64::try_from(minute).unwrap());
        let (mut closed, mut reserved) = (Vec::new(), BTreeSet::new());
        for (number, (begins, lasts)) in (1..).zip(asked) {
            let ends = (begins + lasts).min(1440);
            let command = Command::Block { maintenance: maintenance(number), from: Some(minute(begins)), until: Some(minute(ends)) };
            if desk.send(command).is_ok() {
                closed.push((begins, ends));
            }
        }
        for slot in wanted {
            if desk.reserve_on(slot as u64 + 1, "ann", 24, &format!("{:02}:00", 8 + 2 * slot)).is_ok() {
                reserved.insert(slot);
            }
        }
        for (number, status) in painted(&reserved, &closed).into_iter().enumerate() {
            desk.pass(minute(number));
            prop_assert_eq!(desk.shows().0, status, "minute {} of {:?} {:?}", number, &reserved, &closed);
        }
    }
}

#[test]
fn a_maintenance_that_begins_where_a_meeting_ends_is_told_once() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    desk.start(1, "ann", 1).unwrap();
    desk.block(1, Some("11:50"), None).unwrap();
    let length = desk.log.len();
    assert_eq!(desk.at("15:00").shows(), (RoomStatus::Maintenance, None));
    assert_eq!(desk.log.len(), length + 1);
}

#[test]
fn an_idle_calendar_never_wakes() {
    let mut desk = desk();
    assert_eq!(desk.calendar.wake_at(), None);
    desk.block(1, None, None).unwrap();
    assert_eq!(desk.calendar.wake_at(), None);
}

// Opening and closing.

#[test]
fn closing_cancels_what_stands() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    desk.reserve_on(2, "ann", 23, "12:00").unwrap();
    desk.start(1, "ann", 1).unwrap();
    desk.block(1, Some("20:00"), None).unwrap();
    let ended = Event::Ended { id: reserve(1), conference: conference(1), unheard: true };
    let (canceled, unblocked) = (Event::Canceled { id: reserve(2) }, Event::Unblocked { maintenance: maintenance(1) });
    assert_eq!(desk.send(Command::Close), Ok(vec![ended, canceled, unblocked, Event::Closed]));
    assert_eq!(desk.send(Command::Close), Ok(Vec::new()));
    refused(desk.reserve(3, "ann"), RefusedKind::NotFound, "no-such-room");
}

#[test]
fn a_calendar_opens_once() {
    let mut desk = desk();
    conflict(desk.send(Command::Open { name: None, floor: "3".into(), rules: seoul() }), "already-open");
}

// What others see.

#[test]
fn a_row_follows_its_reservation() {
    let mut desk = desk();
    let before = desk.calendar.clone();
    let made = desk.reserve(1, "ann").unwrap();
    assert_eq!(
        row(&before, &made[0]),
        json!({
            "id": 1, "userId": "ann", "roomId": 3, "date": "2026-11-23", "startTime": "10:00", "endTime": "11:50", "status": "Reserved",
            "startsAt": at("10:00"), "endsAt": at("11:50"), "startableFrom": at("09:50"), "conferenceId": null,
        })
    );
    let mut check = |status: ReserveStatus, conference: Value, answer: fn(&mut Desk) -> Result<Vec<Event>, Refused>| {
        let before = desk.calendar.clone();
        let events = answer(&mut desk).unwrap();
        let row = row(&before, &events[0]);
        assert_eq!((&row["status"], &row["conferenceId"]), (&json!(status), &conference));
    };
    check(ReserveStatus::Started, json!(5), |desk| desk.start(1, "ann", 5));
    check(ReserveStatus::Reserved, json!(null), |desk| desk.withdraw(1, 5));
    check(ReserveStatus::Started, json!(6), |desk| desk.start(1, "ann", 6));
    check(ReserveStatus::Ended, json!(6), |desk| desk.end(1, 6));
    desk.reserve(2, "ann").unwrap();
    let before = desk.calendar.clone();
    assert_eq!(row(&before, &Event::Expired { id: reserve(2) })["status"], json!("Expired"));
    assert_eq!(row(&before, &Event::Canceled { id: reserve(2) })["status"], json!("Canceled"));
}

fn row(before: &Calendar, event: &Event) -> Value {
    let mut rows = Rows::default();
    before.rows(&Id::new(3), event, at("10:05"), &mut rows);
    let changes = rows.into_changes();
    assert_eq!(changes.len(), 1);
    serde_json::from_str(changes[0].row.as_ref().expect("a row")).unwrap()
}

#[test]
fn a_row_offers_what_can_be_done_now() {
    use kernel::Resource;
    let mut desk = desk();
    let before = desk.calendar.clone();
    let made = desk.reserve_on(1, "ann", 23, "12:00").unwrap();
    let row: ReserveRow = serde_json::from_value(row(&before, &made[0])).unwrap();
    let check = |row: &ReserveRow, now, moves: &[&str]| {
        let found: Vec<_> =
            row.moves(at(now)).into_iter().map(|found| format!("{}: {} {}", found.name, found.method, found.path)).collect();
        assert_eq!(found, moves);
    };
    check(&row, "11:49", &["cancel: DELETE /reserves/1"]);
    check(&row, "11:50", &["cancel: DELETE /reserves/1", "start: POST /conferences"]);
    check(&row, "13:50", &["cancel: DELETE /reserves/1"]);
    check(&ReserveRow { status: ReserveStatus::Started, ..row }, "12:00", &[]);
}

#[test]
fn every_event_says_how_the_room_is_occupied() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    desk.start(1, "ann", 1).unwrap();
    desk.end(1, 1).unwrap();
    desk.block(4, None, Some("11:00")).unwrap();
    desk.at("12:00").send(Command::Close).unwrap();
    let told: Vec<_> = desk.published().iter().map(|event| (event.room().0.number(), event.room().1.status)).collect();
    let statuses = [
        RoomStatus::Available,
        RoomStatus::Reserved,
        RoomStatus::Started,
        RoomStatus::Available,
        RoomStatus::Maintenance,
        RoomStatus::Available,
        RoomStatus::Available,
    ];
    assert_eq!(told, statuses.map(|status| (3, status)));
    let json = serde_json::to_value(&desk.published()[1]).unwrap();
    assert_eq!(
        json,
        json!({
            "eventType": "Reserved", "id": 1, "userId": "ann", "roomId": 3, "status": "Reserved", "date": "2026-11-23",
            "startTime": "10:00", "endTime": "11:50", "startsAt": at("10:00"), "endsAt": at("11:50"),
            "occupancy": { "status": "Reserved", "reserveId": 1, "userId": "ann" },
        })
    );
    for event in desk.published() {
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<ReserveEvent>(&json).unwrap(), event);
    }
}

#[test]
fn the_schema_of_events_names_fields_as_their_json_does() {
    let schema = serde_json::to_string(&<ReserveEvent as utoipa::PartialSchema>::schema()).unwrap();
    for field in ["eventType", "roomId", "userId", "startTime", "maintenanceId", "conferenceId", "openingRule", "occupancy"] {
        assert!(schema.contains(&format!("\"{field}\"")), "{field} in {schema}");
    }
    assert!(!schema.contains("room_id") && !schema.contains("starts_at"), "{schema}");
}

// Calls: what is undone leaves nothing, whether or not it was done.

#[test]
fn opening_a_calendar_can_be_undone() {
    let call = OpenCalendar { room_id: Id::new(3), name: None, floor: "3".into(), rules: seoul() };
    let mut desk = Desk::closed();
    assert_eq!(desk.send(call.undo().1), Ok(Vec::new()));
    desk.send(call.command().1).unwrap();
    desk.send(call.undo().1).unwrap();
    assert_eq!(desk.calendar.rules, None);
}

#[test]
fn a_checked_user_has_started_and_can_be_unchecked() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    let call = CheckUser { room_id: Id::new(3), reserve_id: reserve(1), user_id: user("ann"), conference_id: conference(1) };
    assert_eq!(desk.send(call.undo().1), Ok(Vec::new()));
    desk.at("10:06").send(call.command().1).unwrap();
    assert_eq!(call.reply(&desk.calendar).started_at, at("10:06"));
    desk.send(call.undo().1).unwrap();
    assert_eq!(desk.shows(), (RoomStatus::Reserved, Some(1)));
}

#[test]
fn a_blocked_room_can_be_unblocked() {
    let mut desk = desk();
    let (from, until) = (Some(at("09:00")), Some(at("11:00")));
    let call = BlockRoom { room_id: Id::new(3), maintenance_id: maintenance(1), from, until };
    assert_eq!(desk.send(call.undo().1), Ok(Vec::new()));
    desk.send(call.command().1).unwrap();
    let reply = call.reply(&desk.calendar);
    assert_eq!((reply.from, reply.until), (at("10:05"), until));
    desk.send(call.undo().1).unwrap();
    assert_eq!(desk.shows(), (RoomStatus::Available, None));
}

// The seed's own flow, as the acceptance script sends it.

#[test]
fn the_flow_of_the_seed() {
    let mut desk = desk();
    desk.reserve(1, "1").unwrap();
    conflict(desk.reserve(2, "2"), "slot-taken");
    conflict(desk.block(1, None, None), "reserved");
    refused(desk.start(1, "2", 1), RefusedKind::Forbidden, "not-the-reserver");
    desk.start(1, "1", 1).unwrap();
    standing(desk.reserve(3, "1"), 1);
    conflict(desk.cancel(1, None), "already-started");
    desk.end(1, 1).unwrap();
    assert_eq!(desk.shows(), (RoomStatus::Available, None));
    conflict(desk.start(1, "1", 2), "not-startable");
    desk.reserve(4, "2").unwrap();
    desk.cancel(4, None).unwrap();
    desk.block(2, None, None).unwrap();
    conflict(desk.reserve(5, "1"), "under-maintenance");
    desk.send(Command::Unblock { maintenance: maintenance(2) }).unwrap();
    assert_eq!(desk.shows(), (RoomStatus::Available, None));
}

#[test]
fn every_refusal_is_told_in_korean_too() {
    let mut desk = desk();
    desk.reserve_on(1, "ann", 23, "12:00").unwrap();
    desk.block(1, Some("14:00"), Some("15:00")).unwrap();
    let refusals = [
        desk.reserve_on(2, "bob", 23, "12:00"),
        desk.reserve_on(2, "bob", 23, "14:00"),
        desk.reserve_on(2, "bob", 23, "12:30"),
        desk.reserve_on(2, "bob", 23, "08:00"),
        desk.reserve_on(2, "bob", 24, "08:00"),
        desk.cancel(1, Some("bob")),
        desk.cancel(9, None),
        desk.start(9, "ann", 1),
        desk.start(1, "ann", 1),
        desk.block(2, Some("12:00"), Some("13:00")),
        desk.block(2, Some("13:00"), Some("12:00")),
        Desk::closed().reserve(1, "ann"),
        desk.send(Command::Open { name: None, floor: "3".into(), rules: seoul() }),
        desk.at("22:00").reserve(2, "bob"),
    ];
    let catalogue = edge::language::Catalogue::new(crate::KOREAN);
    for refused in refusals {
        let told = refused.unwrap_err().message;
        assert!(catalogue.korean(&told).is_some(), "{told}");
    }
}
