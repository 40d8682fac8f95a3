use kernel::{Id, Policy, Timestamp};

use super::domain::Command;
use super::policies::{EndMeeting, UnblockRoom};
use crate::conference::api::ConferenceEvent;
use crate::maintenance::api::MaintenanceEvent;
use crate::reserve::api::{NotAUserId, UserId};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

#[test]
fn a_meeting_that_ends_gives_back_its_slot() {
    let (id, room_id, reserve_id) = (Id::new(7), Id::new(3), Id::new(1));
    let user_id: UserId = "ann".parse().unwrap();
    let started = ConferenceEvent::Started { id, room_id, user_id: user_id.clone(), reserve_id, started_at: NOW };
    assert_eq!(EndMeeting::react(&started, NOW).into_iter().count(), 0);
    let ended = ConferenceEvent::Ended { id, room_id, user_id, reserve_id, ended_at: NOW };
    let commands: Vec<_> = EndMeeting::react(&ended, NOW).into_iter().collect();
    assert_eq!((commands.len(), commands[0].aggregate, commands[0].key.as_str()), (1, "calendar", "3"));
    let command = commands[0].command.downcast_ref();
    assert!(matches!(command, Some(Command::End { reservation, conference }) if (*reservation, *conference) == (reserve_id, id)));
}

#[test]
fn a_maintenance_that_ends_gives_back_its_time() {
    let (id, room_id) = (Id::new(4), Id::new(3));
    let started = MaintenanceEvent::MaintStarted { id, room_id, from: NOW, until: None };
    assert_eq!(UnblockRoom::react(&started, NOW).into_iter().count(), 0);
    let commands: Vec<_> = UnblockRoom::react(&MaintenanceEvent::MaintEnded { id, room_id }, NOW).into_iter().collect();
    assert_eq!((commands.len(), commands[0].aggregate, commands[0].key.as_str()), (1, "calendar", "3"));
    assert!(matches!(commands[0].command.downcast_ref(), Some(Command::Unblock { maintenance }) if *maintenance == id));
}

#[test]
fn a_user_id_has_1_to_64_characters() {
    assert_eq!("".parse::<UserId>(), Err(NotAUserId));
    assert_eq!("예".repeat(65).parse::<UserId>(), Err(NotAUserId));
    assert_eq!("예".repeat(64).parse::<UserId>().unwrap().to_string().chars().count(), 64);
    assert_eq!(serde_json::to_string(&"1".parse::<UserId>().unwrap()).unwrap(), r#""1""#);
    assert!(serde_json::from_str::<UserId>(r#""""#).is_err());
}
