//! Calendars as they were put away by earlier releases: they read as what they were, or not at all, and are then folded anew.

use super::*;

/// The form in which the time of what stands was said beside it.
fn with_periods(calendar: &Calendar, what: &str, period: impl Fn(&mut Value) -> Value) -> Value {
    let mut snapshot = serde_json::to_value(calendar).unwrap();
    let entries = snapshot[what].as_array_mut().unwrap();
    assert!(!entries.is_empty());
    for entry in entries {
        entry["period"] = period(&mut entry["what"]);
    }
    snapshot
}

#[test]
fn reservations_whose_time_was_said_beside_them_still_read() {
    let mut desk = desk();
    desk.reserve_on(1, "ann", 23, "12:00").unwrap();
    desk.reserve_on(2, "bob", 23, "16:00").unwrap();
    desk.at("11:55").start(1, "ann", 7).unwrap();
    let older = with_periods(&desk.calendar, "reservations", |what| {
        let mut period = what["period"].clone();
        if what["meeting"].is_object() {
            period["start"] = what["meeting"]["since"].clone();
        }
        period
    });
    assert_eq!(serde_json::from_value::<Calendar>(older).unwrap(), desk.calendar);
}

#[test]
fn maintenance_whose_time_was_said_beside_it_does_not_read() {
    let mut desk = desk();
    desk.block(1, Some("15:00"), Some("16:00")).unwrap();
    let older = with_periods(&desk.calendar, "blocks", std::mem::take);
    assert_eq!(older["blocks"][0]["what"], Value::Null);
    assert!(serde_json::from_value::<Calendar>(older).is_err());
}
