use kernel::{Aggregate, Exposed, Id, Policy, Refused, RefusedKind, Rows, Timestamp};
use serde_json::{Value, json};

use super::api::{ConferenceEvent, ConferenceId};
use super::domain::{Command, Conference, Event, Meeting};
use super::policies::EndWithSlot;
use super::saga::StartMeeting;
use crate::reserve::api::{Occupancy, ReserveEvent, UserChecked};

const ID: ConferenceId = Id::new(7);

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

fn meeting() -> Meeting {
    Meeting { room: Id::new(3), user: "ann".parse().unwrap(), reservation: Id::new(1), started_at: at(10) }
}

fn end(by: Option<&str>) -> Command {
    Command::End { by: by.map(|by| by.parse().unwrap()) }
}

/// What happened, with the row after it and what was published.
#[derive(Default)]
struct Story {
    conference: Conference,
    row: Option<Value>,
    published: Vec<ConferenceEvent>,
}

impl Story {
    fn send(&mut self, command: Command, at: Timestamp) -> Result<Vec<Event>, Refused> {
        let events = self.conference.decide(command, at)?;
        for event in &events {
            let mut rows = Rows::default();
            self.conference.rows(&ID, event, at, &mut rows);
            self.row =
                rows.into_changes().pop().map_or(self.row.take(), |change| change.row.map(|row| serde_json::from_str(&row).unwrap()));
            self.conference.evolve(event, at);
            self.published.extend(self.conference.publish(&ID, event, at));
        }
        Ok(events)
    }
}

#[test]
fn a_meeting_starts_and_is_ended_by_the_reserver() {
    let mut story = Story::default();
    story.send(Command::Start(meeting()), at(10)).unwrap();
    let row = |status, ended_at: Option<Timestamp>| {
        Some(json!({
            "id": 7, "roomId": 3, "userId": "ann", "reserveId": 1, "status": status, "startedAt": at(10), "endedAt": ended_at,
        }))
    };
    assert_eq!(story.row, row("Started", None));
    story.send(end(Some("ann")), at(30)).unwrap();
    assert_eq!(story.row, row("Ended", Some(at(30))));
    assert_eq!(
        serde_json::to_value(&story.published[1]).unwrap(),
        json!({ "eventType": "Ended", "id": 7, "roomId": 3, "userId": "ann", "reserveId": 1, "endedAt": at(30) })
    );
}

#[test]
fn only_the_reserver_or_an_administrator_ends_it() {
    let mut story = Story::default();
    story.send(Command::Start(meeting()), at(10)).unwrap();
    let refused = story.send(end(Some("bob")), at(30)).unwrap_err();
    assert_eq!((refused.kind, refused.code.as_str()), (RefusedKind::Forbidden, "not-the-reserver"));
    story.send(end(None), at(30)).unwrap();
}

#[test]
fn ending_what_has_ended_changes_nothing() {
    let mut story = Story::default();
    story.send(Command::Start(meeting()), at(10)).unwrap();
    story.send(Command::SlotEnded { at: at(30) }, at(31)).unwrap();
    assert_eq!(story.send(end(Some("ann")), at(40)), Ok(Vec::new()));
    assert_eq!(story.send(Command::SlotEnded { at: at(50) }, at(50)), Ok(Vec::new()));
    assert_eq!(story.send(Command::Start(meeting()), at(60)), Ok(Vec::new()));
    assert_eq!(story.conference.ended_at, Some(at(30)));
}

#[test]
fn what_never_started_cannot_be_ended() {
    let refused = Story::default().send(end(None), at(30)).unwrap_err();
    assert_eq!((refused.kind, refused.code.as_str()), (RefusedKind::NotFound, "no-such-conference"));
}

#[test]
fn a_slot_that_ends_first_ends_the_meeting_as_it_starts() {
    let mut story = Story::default();
    story.send(Command::SlotEnded { at: at(30) }, at(30)).unwrap();
    assert_eq!((&story.row, story.published.len()), (&None, 0));
    let events = story.send(Command::Start(meeting()), at(31)).unwrap();
    assert_eq!(events, [Event::Started(meeting()), Event::Ended { ended_at: at(30) }]);
    assert_eq!(story.row.unwrap()["status"], json!("Ended"));
    assert!(matches!(&story.published[..], [ConferenceEvent::Started { .. }, ConferenceEvent::Ended { .. }]));
}

#[test]
fn whichever_comes_first_the_end_is_the_same() {
    let (start, ended) = (Command::Start(meeting()), Command::SlotEnded { at: at(30) });
    let (mut one, mut other) = (Story::default(), Story::default());
    one.send(start.clone(), at(11)).unwrap();
    one.send(ended.clone(), at(30)).unwrap();
    other.send(ended, at(30)).unwrap();
    other.send(start, at(31)).unwrap();
    assert_eq!((one.conference, one.row, one.published), (other.conference, other.row, other.published));
}

#[test]
fn the_saga_starts_what_reserve_let_start() {
    let (user_id, reserve_id) = ("ann".parse().unwrap(), Id::new(1));
    let mut saga = StartMeeting { id: ID, room_id: Id::new(3), user_id, reserve_id, started_at: None };
    assert_eq!(saga.check().unwrap().conference_id, ID);
    saga.checked(UserChecked { started_at: at(10) });
    let commands: Vec<_> = saga.start(at(11)).into_iter().collect();
    assert_eq!((commands.len(), commands[0].aggregate, commands[0].key.as_str()), (1, "conference", "7"));
    assert!(matches!(commands[0].command.downcast_ref(), Some(Command::Start(started)) if *started == meeting()));
}

#[test]
fn the_policy_reacts_to_slots_that_end_and_to_nothing_else() {
    let (room_id, occupancy) = (Id::new(3), Occupancy::default());
    let ended = ReserveEvent::Ended { id: Id::new(1), room_id, conference_id: ID, occupancy: occupancy.clone() };
    let commands: Vec<_> = EndWithSlot::react(&ended, at(30)).into_iter().collect();
    assert_eq!((commands.len(), commands[0].key.as_str()), (1, "7"));
    assert!(matches!(commands[0].command.downcast_ref(), Some(Command::SlotEnded { at: ended }) if *ended == at(30)));
    let turned = ReserveEvent::Turned { room_id, occupancy };
    assert_eq!(EndWithSlot::react(&turned, at(30)).into_iter().count(), 0);
}
