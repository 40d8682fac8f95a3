//! Answers are kept under their keys for a time.

use super::Opened;
use super::fixture::{DEPOT, SHOP, at, claims};
use crate::{Claims, Record, RecordKey, RecordKind, Writes};

fn key(kind: RecordKind, key: &str) -> RecordKey {
    RecordKey { service: SHOP, kind, key: key.into() }
}

fn record(second: i64, value: &str) -> Record {
    Record { at: at(second), value: value.into() }
}

fn keep(opened: &Opened<'_>, records: Vec<(RecordKey, Option<Record>)>) {
    opened.write(Writes { records, ..Writes::default() });
}

fn kept(opened: &Opened<'_>, key: &RecordKey) -> Option<Record> {
    opened.load(Claims { records: [key.clone()].into(), ..claims() }).records.remove(key)
}

pub fn an_answer_is_kept_under_its_key(opened: Opened<'_>) {
    let one = key(RecordKind::Answer, "POST /goods somebody '1'");
    assert_eq!(kept(&opened, &one), None);
    keep(&opened, vec![(one.clone(), Some(record(1, "{\"status\":201}")))]);
    assert_eq!(kept(&opened, &one), Some(record(1, "{\"status\":201}")));
    assert_eq!(kept(&opened, &key(RecordKind::Answer, "another")), None);
}

pub fn an_answer_is_replaced_and_freed(opened: Opened<'_>) {
    let one = key(RecordKind::Answer, "1");
    keep(&opened, vec![(one.clone(), Some(record(1, "first")))]);
    keep(&opened, vec![(one.clone(), Some(record(2, "second")))]);
    assert_eq!(kept(&opened, &one), Some(record(2, "second")));
    keep(&opened, vec![(one.clone(), None), (key(RecordKind::Answer, "never kept"), None)]);
    assert_eq!(kept(&opened, &one), None);
}

pub fn answers_and_calls_are_kept_apart(opened: Opened<'_>) {
    let (answer, call) = (key(RecordKind::Answer, "1"), key(RecordKind::Call, "1"));
    let elsewhere = RecordKey { service: DEPOT, ..answer.clone() };
    keep(&opened, vec![(answer.clone(), Some(record(1, "answer"))), (call.clone(), Some(record(2, "call")))]);
    assert_eq!((kept(&opened, &answer), kept(&opened, &call)), (Some(record(1, "answer")), Some(record(2, "call"))));
    assert_eq!(kept(&opened, &elsewhere), None);
}

pub fn old_ones_are_pruned_by_kind_and_age(opened: Opened<'_>) {
    for second in 1..=3 {
        for kind in [RecordKind::Answer, RecordKind::Call] {
            keep(&opened, vec![(key(kind, &second.to_string()), Some(record(second, "kept")))]);
        }
    }
    let pruned = opened.wait(opened.store.prune(SHOP, RecordKind::Answer, at(3), 100)).unwrap();
    assert_eq!(pruned, 2);
    let there = |kind, name: &str| kept(&opened, &key(kind, name)).is_some();
    assert!(!there(RecordKind::Answer, "1") && !there(RecordKind::Answer, "2") && there(RecordKind::Answer, "3"));
    assert!(there(RecordKind::Call, "1") && there(RecordKind::Call, "2") && there(RecordKind::Call, "3"));
    assert_eq!(opened.wait(opened.store.prune(DEPOT, RecordKind::Call, at(9), 100)).unwrap(), 0);
}

pub fn pruning_stops_at_its_limit_with_the_oldest_gone(opened: Opened<'_>) {
    for second in [3, 1, 2] {
        keep(&opened, vec![(key(RecordKind::Call, &second.to_string()), Some(record(second, "kept")))]);
    }
    let prune = |limit| opened.wait(opened.store.prune(SHOP, RecordKind::Call, at(9), limit)).unwrap();
    assert_eq!(prune(2), 2);
    assert_eq!(kept(&opened, &key(RecordKind::Call, "3")), Some(record(3, "kept")));
    assert_eq!((prune(2), prune(usize::MAX)), (1, 0));
}
