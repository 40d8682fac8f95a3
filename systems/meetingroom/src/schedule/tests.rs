use std::collections::BTreeMap;

use booking::Zone;
use jiff::civil::Date;
use kernel::{Id, Projection, Resource, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::views::{RoomBlocks, RoomSlots, RoomTables, SlotBookings, overlay, room_day};
use crate::reserve::api::{Occupancy, ReserveEvent as Event, ReserveStatus, RoomStatus, UserId};
use crate::room::api::RoomId;

const DAY: Date = Date::constant(2026, 11, 23);

fn at(time: &str) -> Timestamp {
    format!("2026-11-23T{time}:00+09:00").parse().unwrap()
}

fn user() -> UserId {
    "ann".parse().unwrap()
}

fn occupancy(status: RoomStatus, reserve: Option<u64>) -> Occupancy {
    Occupancy { status, reserve_id: reserve.map(Id::new), user_id: reserve.map(|_| user()) }
}

fn opened(room_id: RoomId) -> Event {
    Event::CalendarOpened {
        room_id,
        name: Some("Hangang".into()),
        floor: "3".into(),
        zone: Zone::named("Asia/Seoul").unwrap(),
        slots: "08:00-09:50,10:00-11:50".parse().unwrap(),
        opening_rule: "same-day".parse().unwrap(),
        occupancy: Occupancy::default(),
    }
}

fn reserved(room_id: RoomId, id: u64) -> Event {
    Event::Reserved {
        id: Id::new(id),
        user_id: user(),
        room_id,
        status: ReserveStatus::Reserved,
        date: DAY,
        start_time: "10:00".parse().unwrap(),
        end_time: "11:50".parse().unwrap(),
        starts_at: at("10:00"),
        ends_at: at("11:50"),
        occupancy: occupancy(RoomStatus::Reserved, Some(id)),
    }
}

fn checked(room_id: RoomId, id: u64) -> Event {
    Event::UserChecked { id: Id::new(id), room_id, conference_id: Id::new(id), occupancy: occupancy(RoomStatus::Started, Some(id)) }
}

fn blocked(room_id: RoomId, maintenance: u64) -> Event {
    let (from, until) = (at("09:00"), None);
    Event::Blocked { maintenance_id: Id::new(maintenance), room_id, from, until, occupancy: occupancy(RoomStatus::Maintenance, None) }
}

/// The rows of a view, as they stand after these events.
fn view<P>(events: &[Event]) -> BTreeMap<u64, P::Row>
where
    P: Projection<On = Event>,
    P::Row: Clone,
{
    let mut rows = BTreeMap::new();
    for event in events {
        for id in P::rows(event) {
            let row: Option<P::Row> = P::fold(id, rows.remove(&id), event, at("10:05"));
            if let Some(row) = row {
                assert_eq!(row.id(), id);
                rows.insert(id, row);
            }
        }
    }
    rows
}

/// All views together, as JSON.
fn views(events: &[Event]) -> Value {
    json!([view::<RoomTables>(events), view::<RoomSlots>(events), view::<SlotBookings>(events), view::<RoomBlocks>(events)])
}

#[test]
fn a_room_table_follows_its_room_through_every_stage() {
    let room = Id::new(3);
    let mut events = vec![opened(room)];
    let mut check = |event: Option<Event>, status: &str, reserve: Option<u64>| {
        events.extend(event);
        let (user, row) = (reserve.map(|_| "ann"), &view::<RoomTables>(&events)[&3]);
        assert_eq!(
            json!(row),
            json!({ "id": 3, "roomId": 3, "floor": "3", "name": "Hangang", "reserveId": reserve, "userId": user, "status": status })
        );
    };
    check(None, "Available", None);
    check(Some(reserved(room, 1)), "Reserved", Some(1));
    check(Some(checked(room, 1)), "Started", Some(1));
    let ended = Event::Ended { id: Id::new(1), room_id: room, conference_id: Id::new(1), occupancy: Occupancy::default() };
    check(Some(ended), "Available", None);
    check(Some(blocked(room, 1)), "Maintenance", None);
    check(Some(Event::Turned { room_id: room, occupancy: occupancy(RoomStatus::Reserved, Some(9)) }), "Reserved", Some(9));
}

#[test]
fn a_closed_calendar_leaves_no_row() {
    let room = Id::new(3);
    let closed = Event::CalendarClosed { room_id: room, occupancy: Occupancy::default() };
    assert_eq!(views(&[opened(room), closed]), json!([{}, {}, {}, {}]));
}

#[test]
fn the_slots_of_a_room_are_numbered_after_it() {
    let rows = view::<RoomSlots>(&[opened(Id::new(3))]);
    assert_eq!(rows.keys().copied().collect::<Vec<_>>(), [301, 302]);
    assert_eq!(
        json!(rows[&302]),
        json!({ "id": 302, "roomId": 3, "floor": "3", "startTime": "10:00", "endTime": "11:50", "zone": "Asia/Seoul", "openingRule": "same-day" })
    );
}

#[test]
fn a_slot_shows_what_stands_in_it() {
    let room = Id::new(3);
    let shown = |events: &[Event], place: u64| {
        let (slots, bookings, blocks) = (view::<RoomSlots>(events), view::<SlotBookings>(events), view::<RoomBlocks>(events));
        let bookings: Vec<_> = bookings.into_values().filter(|booking| booking.room_day == Some(room_day(room, DAY))).collect();
        let blocks: Vec<_> = blocks.into_values().filter(|block| block.closed_room == Some(room)).collect();
        let shown = overlay(&slots[&(300 + place)], DAY, &bookings, &blocks).unwrap();
        (shown.status, shown.reserve_id.map(Id::number))
    };
    let booked = [opened(room), reserved(room, 1)];
    assert_eq!((shown(&booked, 1), shown(&booked, 2)), ((RoomStatus::Available, None), (RoomStatus::Reserved, Some(1))));
    let held = [opened(room), reserved(room, 1), checked(room, 1)];
    assert_eq!(shown(&held, 2), (RoomStatus::Started, Some(1)));
    // From 09:00 on: the slot of which a part is closed, and the one that is wholly.
    let closed = [opened(room), blocked(room, 1)];
    assert_eq!((shown(&closed, 1), shown(&closed, 2)), ((RoomStatus::Maintenance, None), (RoomStatus::Maintenance, None)));
    // What is over stays in its view, and in no slot.
    let (room_id, occupancy) = (room, Occupancy::default());
    let canceled = Event::Canceled { id: Id::new(1), room_id, occupancy: occupancy.clone() };
    let unblocked = Event::Unblocked { maintenance_id: Id::new(1), room_id, occupancy };
    for over in [vec![opened(room), reserved(room, 1), canceled], vec![opened(room), blocked(room, 1), unblocked]] {
        assert_eq!((shown(&over, 1), shown(&over, 2)), ((RoomStatus::Available, None), (RoomStatus::Available, None)));
        assert_eq!(view::<SlotBookings>(&over).len() + view::<RoomBlocks>(&over).len(), 1);
    }
}

#[test]
fn a_slot_on_a_date_has_its_instants() {
    let slots = view::<RoomSlots>(&[opened(Id::new(3))]);
    assert_eq!(
        json!(overlay(&slots[&301], DAY, &[], &[])),
        json!({
            "id": 301, "roomId": 3, "floor": "3", "date": "2026-11-23", "startTime": "08:00", "endTime": "09:50",
            "startsAt": at("08:00"), "endsAt": at("09:50"), "opensAt": at("00:00"), "status": "Available", "reserveId": null, "userId": null,
        })
    );
}

/// What can happen in a room once its calendar is open. The numbers are the room's own, as ids are.
fn story(room: u64) -> impl Strategy<Value = Vec<Event>> {
    let (room_id, own) = (Id::new(room), move |number: u64| room * 1000 + number);
    let one = (0_u8..9, 0_u64..4).prop_map(move |(kind, number)| {
        let (id, occupancy) = (Id::new(own(number)), occupancy(RoomStatus::Reserved, Some(own(number))));
        let conference_id = Id::new(own(number));
        match kind {
            0 | 1 => reserved(room_id, own(number)),
            2 => checked(room_id, own(number)),
            3 => Event::UserCheckWithdrawn { id, room_id, conference_id, occupancy },
            4 => Event::Canceled { id, room_id, occupancy },
            5 => Event::Ended { id, room_id, conference_id, occupancy },
            6 => Event::Expired { id, room_id, occupancy },
            7 => blocked(room_id, own(number)),
            _ => Event::Unblocked { maintenance_id: Id::new(own(number)), room_id, occupancy },
        }
    });
    prop::collection::vec(one, 0..20).prop_map(move |rest| [vec![opened(room_id)], rest].concat())
}

proptest! {
    #[test]
    fn however_rooms_interleave_the_rows_are_the_same(
        stories in (story(1), story(2), story(3)), turns in prop::collection::vec(0_usize..3, 60),
    ) {
        let stories = [stories.0, stories.1, stories.2];
        let mut waiting = stories.clone().map(Vec::into_iter);
        let mut mixed: Vec<Event> = turns.into_iter().filter_map(|room| waiting[room].next()).collect();
        mixed.extend(waiting.into_iter().flatten());
        prop_assert_eq!(views(&mixed), views(&stories.concat()));
    }
}
