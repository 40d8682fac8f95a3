//! How reservations come to an end, by themselves or by the word of their meeting.

use super::*;

#[test]
fn a_meeting_whose_end_is_heard_after_its_slot_is_settled_once() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    desk.start(1, "ann", 7).unwrap();
    desk.at("15:00");
    assert_eq!(desk.end(1, 8), Ok(Vec::new()));
    assert_eq!(desk.end(1, 7), Ok(vec![Event::Settled { id: reserve(1) }]));
    assert_eq!(desk.end(1, 7), Ok(Vec::new()));
    assert_eq!(desk.withdraw(1, 7), Ok(Vec::new()));
    assert_eq!(desk.calendar.unsettled(reserve(1)), None);
}

#[test]
fn a_start_that_is_withdrawn_after_its_slot_was_never_held() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    desk.start(1, "ann", 7).unwrap();
    desk.at("15:00");
    let before = desk.calendar.clone();
    assert_eq!(desk.withdraw(1, 8), Ok(Vec::new()));
    let events = desk.withdraw(1, 7).unwrap();
    assert_eq!(events, [Event::NeverHeld { id: reserve(1) }]);
    let row = row(&before, &events[0]);
    assert_eq!((&row["status"], &row["conferenceId"]), (&json!("Expired"), &json!(null)));
    assert_eq!(desk.withdraw(1, 7), Ok(Vec::new()));
    assert_eq!(desk.calendar.unsettled(reserve(1)), None);
}

/// Before the meeting's own word was waited for, slots ended without a word of it, and nothing settled them.
#[test]
fn an_older_log_leaves_nothing_to_be_settled() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    desk.start(1, "ann", 7).unwrap();
    desk.at("15:00");
    let mut folded = Calendar::default();
    for (at, event) in &desk.log {
        let mut event = json!(event);
        if let Some(ended) = event.get_mut("ended") {
            assert_eq!(ended.as_object_mut().unwrap().remove("unheard"), Some(json!(true)));
        }
        folded.evolve(&serde_json::from_value(event).unwrap(), *at);
    }
    assert!(folded.unsettled.is_empty());
    let mut snapshot = json!(folded);
    snapshot.as_object_mut().unwrap().remove("unsettled");
    assert_eq!(serde_json::from_value::<Calendar>(snapshot).unwrap(), folded);
}

#[test]
fn a_start_that_is_withdrawn_after_its_room_was_closed_was_never_held() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    desk.start(1, "ann", 7).unwrap();
    desk.send(Command::Close).unwrap();
    assert_eq!(desk.withdraw(1, 7), Ok(vec![Event::NeverHeld { id: reserve(1) }]));
}

#[test]
fn ending_what_is_not_held_does_nothing() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    assert_eq!(desk.end(1, 1), Ok(Vec::new()));
    desk.start(1, "ann", 1).unwrap();
    assert_eq!(desk.end(1, 2), Ok(Vec::new()));
    assert_eq!(desk.end(1, 1), Ok(vec![Event::Ended { id: reserve(1), conference: conference(1), unheard: false }]));
    assert_eq!(desk.end(1, 1), Ok(Vec::new()));
}

#[test]
fn the_end_of_the_slot_ends_the_meeting() {
    let mut desk = desk();
    desk.reserve(1, "ann").unwrap();
    desk.start(1, "ann", 7).unwrap();
    let length = desk.log.len();
    desk.at("15:00");
    assert_eq!(
        desk.happened_since(length),
        [("11:50:00".into(), Event::Ended { id: reserve(1), conference: conference(7), unheard: true })]
    );
}

#[test]
fn a_reservation_that_is_not_started_expires() {
    let mut desk = desk();
    desk.reserve_on(1, "ann", 23, "12:00").unwrap();
    desk.reserve(2, "bob").unwrap();
    let length = desk.log.len();
    desk.at("18:00");
    let expired = |id| Event::Expired { id: reserve(id) };
    // Bob's time runs from his reserving, Ann's from her slot, which leads once the one before it is over.
    let expected = [("10:20:00".to_owned(), expired(2)), ("11:50:00".to_owned(), Event::Turned), ("12:15:00".to_owned(), expired(1))];
    assert_eq!(desk.happened_since(length), expected);
}

#[test]
fn without_grace_a_slot_is_kept_to_its_end() {
    let mut desk = with(|rules| rules.grace_minutes = 0);
    desk.reserve(1, "ann").unwrap();
    let length = desk.log.len();
    desk.at("18:00");
    assert_eq!(desk.happened_since(length), [("11:50:00".into(), Event::Expired { id: reserve(1) })]);
}

#[test]
fn a_slot_ends_before_grace_that_is_longer() {
    let mut desk = desk();
    desk.at("11:45").reserve(1, "ann").unwrap();
    assert_eq!(desk.calendar.wake_at(), Some(at("11:50")));
}
