use kernel::{Aggregate, Exposed, Id, Policy, Refused, RefusedKind, Rows, Timestamp};
use serde_json::{Value, json};

use super::api::{MaintenanceEvent, MaintenanceId};
use super::domain::{Closure, Command, Event, Maintenance};
use super::policies::EndWithTime;
use super::saga::BlockRoom;
use crate::reserve::api::{Occupancy, ReserveEvent, RoomBlocked};

const ID: MaintenanceId = Id::new(4);

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

fn closure() -> Closure {
    Closure { room: Id::new(3), from: at(10), until: Some(at(30)) }
}

/// What happened, with the row after it and what was published.
#[derive(Default)]
struct Story {
    maintenance: Maintenance,
    row: Option<Value>,
    published: Vec<MaintenanceEvent>,
}

impl Story {
    fn send(&mut self, command: Command, at: Timestamp) -> Result<Vec<Event>, Refused> {
        let events = self.maintenance.decide(command, at)?;
        for event in &events {
            let mut rows = Rows::default();
            self.maintenance.rows(&ID, event, at, &mut rows);
            self.row =
                rows.into_changes().pop().map_or(self.row.take(), |change| change.row.map(|row| serde_json::from_str(&row).unwrap()));
            self.maintenance.evolve(event, at);
            self.published.extend(self.maintenance.publish(&ID, event, at));
        }
        Ok(events)
    }
}

#[test]
fn a_maintenance_starts_and_is_ended() {
    let mut story = Story::default();
    story.send(Command::Start(closure()), at(10)).unwrap();
    let row = |status, ended_at: Option<Timestamp>| {
        Some(json!({ "id": 4, "roomId": 3, "from": at(10), "until": at(30), "status": status, "endedAt": ended_at }))
    };
    assert_eq!(story.row, row("Started", None));
    story.send(Command::End, at(20)).unwrap();
    assert_eq!(story.row, row("Ended", Some(at(20))));
    let published: Vec<_> = story.published.iter().map(|event| serde_json::to_value(event).unwrap()).collect();
    assert_eq!(
        published,
        [
            json!({ "eventType": "MaintStarted", "id": 4, "roomId": 3, "from": at(10), "until": at(30) }),
            json!({ "eventType": "MaintEnded", "id": 4, "roomId": 3 }),
        ]
    );
}

#[test]
fn ending_what_has_ended_changes_nothing() {
    let mut story = Story::default();
    story.send(Command::Start(closure()), at(10)).unwrap();
    story.send(Command::TimeEnded { at: at(30) }, at(31)).unwrap();
    assert_eq!(story.send(Command::End, at(40)), Ok(Vec::new()));
    assert_eq!(story.send(Command::TimeEnded { at: at(50) }, at(50)), Ok(Vec::new()));
    assert_eq!(story.maintenance.ended_at, Some(at(30)));
}

#[test]
fn what_never_started_cannot_be_ended() {
    let refused = Story::default().send(Command::End, at(30)).unwrap_err();
    assert_eq!((refused.kind, refused.code.as_str()), (RefusedKind::NotFound, "no-such-maintenance"));
}

#[test]
fn whichever_comes_first_the_end_is_the_same() {
    let (start, ended) = (Command::Start(closure()), Command::TimeEnded { at: at(30) });
    let (mut one, mut other) = (Story::default(), Story::default());
    one.send(start.clone(), at(11)).unwrap();
    one.send(ended.clone(), at(30)).unwrap();
    other.send(ended, at(30)).unwrap();
    assert_eq!((&other.row, other.published.len()), (&None, 0));
    other.send(start, at(31)).unwrap();
    assert_eq!((one.maintenance, one.row, one.published), (other.maintenance, other.row, other.published));
}

#[test]
fn the_saga_starts_what_reserve_blocked() {
    let mut saga = BlockRoom { id: ID, room_id: Id::new(3), from: None, until: Some(at(30)), blocked: None };
    assert_eq!(saga.block().unwrap().maintenance_id, ID);
    saga.blocked(RoomBlocked { from: at(10), until: Some(at(30)) });
    let commands: Vec<_> = saga.start(at(11)).into_iter().collect();
    assert_eq!((commands.len(), commands[0].aggregate, commands[0].key.as_str()), (1, "maintenance", "4"));
    assert!(matches!(commands[0].command.downcast_ref(), Some(Command::Start(started)) if *started == closure()));
}

#[test]
fn the_policy_reacts_to_times_given_back_and_to_nothing_else() {
    let (room_id, occupancy) = (Id::new(3), Occupancy::default());
    let unblocked = ReserveEvent::Unblocked { maintenance_id: ID, room_id, occupancy: occupancy.clone() };
    let commands: Vec<_> = EndWithTime::react(&unblocked, at(30)).into_iter().collect();
    assert_eq!((commands.len(), commands[0].key.as_str()), (1, "4"));
    assert!(matches!(commands[0].command.downcast_ref(), Some(Command::TimeEnded { at: ended }) if *ended == at(30)));
    let turned = ReserveEvent::Turned { room_id, occupancy };
    assert_eq!(EndWithTime::react(&turned, at(30)).into_iter().count(), 0);
}
