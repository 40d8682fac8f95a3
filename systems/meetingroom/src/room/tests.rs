use booking::Zone;
use kernel::{Aggregate, Exposed, Id, Policy, Rows, Timestamp};
use serde_json::{Value, json};

use super::api::{RoomEvent, RoomId};
use super::domain::{Command, Event, Room, RoomDetails};
use super::policies::FollowOccupancy;
use super::saga::AddRoom;
use crate::reserve::api::{Occupancy, ReserveEvent, RoomStatus, Rules};

const ID: RoomId = Id::new(3);
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn wanted() -> AddRoom {
    let rules = Rules { slots: "08:00-09:50".parse().unwrap(), ..Rules::usual(Zone::named("Asia/Seoul").unwrap()) };
    AddRoom { id: ID, name: Some("Hangang".into()), floor: "3".into(), capacity: Some(8), rules }
}

/// What the saga commands once reserve has opened the calendar.
fn add() -> Command {
    let commands: Vec<_> = wanted().add(NOW).into_iter().collect();
    assert_eq!((commands.len(), commands[0].aggregate, commands[0].key.as_str()), (1, "room", "3"));
    commands[0].command.downcast_ref::<Command>().unwrap().clone()
}

/// What happened, with the row after it and what was published.
#[derive(Default)]
struct Story {
    room: Room,
    row: Option<Value>,
    published: Vec<RoomEvent>,
}

impl Story {
    fn send(&mut self, command: Command) -> Vec<Event> {
        let events = self.room.decide(command, NOW).unwrap();
        for event in &events {
            let mut rows = Rows::default();
            self.room.rows(&ID, event, NOW, &mut rows);
            self.row =
                rows.into_changes().pop().map_or(self.row.take(), |change| change.row.map(|row| serde_json::from_str(&row).unwrap()));
            self.room.evolve(event, NOW);
            self.published.extend(self.room.publish(&ID, event, NOW));
        }
        events
    }
}

fn row(status: RoomStatus) -> Option<Value> {
    Some(json!({
        "id": 3, "name": "Hangang", "floor": "3", "capacity": 8, "openingRule": "same-day",
        "slots": [{ "start": "08:00", "end": "09:50" }], "status": status,
    }))
}

#[test]
fn an_added_room_is_available_and_told() {
    let mut story = Story::default();
    story.send(add());
    assert_eq!(story.row, row(RoomStatus::Available));
    let added = serde_json::to_value(&story.published[0]).unwrap();
    assert_eq!(added, json!({ "eventType": "Added", "id": 3, "status": "Available", "floor": "3", "name": "Hangang" }));
    assert_eq!(story.send(add()), []);
}

#[test]
fn a_room_shows_what_reserve_tells() {
    let mut story = Story::default();
    story.send(add());
    story.send(Command::Follow(RoomStatus::Reserved));
    assert_eq!(story.row, row(RoomStatus::Reserved));
    assert_eq!(story.send(Command::Follow(RoomStatus::Reserved)), []);
    assert_eq!(story.published.len(), 1);
}

#[test]
fn what_reserve_tells_before_the_room_stands_is_kept() {
    let mut story = Story::default();
    let details = |command| match command {
        Command::Add(details) => details,
        Command::Follow(_) => unreachable!("the saga adds"),
    };
    story.send(Command::Follow(RoomStatus::Maintenance));
    assert_eq!(story.row, None);
    let added: RoomDetails = details(add());
    assert_eq!(story.send(add()), [Event::Added(added)]);
    assert_eq!(story.row, row(RoomStatus::Maintenance));
}

#[test]
fn the_calendar_is_opened_by_the_rooms_rules() {
    let call = wanted().open().unwrap();
    assert_eq!((call.room_id, call.floor, call.name, call.rules), (ID, "3".into(), Some("Hangang".into()), wanted().rules));
}

#[test]
fn the_policy_follows_every_event() {
    let occupancy = Occupancy { status: RoomStatus::Reserved, ..Occupancy::default() };
    let commands: Vec<_> = FollowOccupancy::react(&ReserveEvent::Turned { room_id: ID, occupancy }, NOW).into_iter().collect();
    assert_eq!((commands.len(), commands[0].key.as_str()), (1, "3"));
    assert!(matches!(commands[0].command.downcast_ref(), Some(Command::Follow(RoomStatus::Reserved))));
}
