//! What fails leaves nothing behind, and what was answered stays.

use super::Opened;
use super::fixture::{GOODS, SHOP, appended, at, batch, claims, good, item, put, root, schema};
use crate::{Abort, Claims, Position, Record, RecordKey, RecordKind, RootWrite, SequenceKey, StoreError, Writes};

fn answer_key() -> RecordKey {
    RecordKey { service: SHOP, kind: RecordKind::Answer, key: "1".into() }
}

/// A bit of everything.
fn everything(version: u64) -> Writes {
    let mut writes = appended(&["a"], version, 1);
    writes.roots = vec![RootWrite { wake_at: Some(at(5)), snapshot: Some("{}".into()), ..root(item("a"), version) }];
    writes.rows = vec![put("goods", GOODS, version, &good(version, Some(1), None, None))];
    writes.records = vec![(answer_key(), Some(Record { at: at(1), value: "kept".into() }))];
    writes.sequences = vec![(SequenceKey { service: SHOP, name: "goods" }, version)];
    writes
}

/// Nothing of [`everything`] stands.
fn assert_nothing(opened: &Opened<'_>) {
    assert_eq!(opened.events("a"), []);
    assert_eq!(opened.feed(SHOP, 1), []);
    assert_eq!(opened.wait(opened.store.heads(SHOP)).unwrap()[1].seq, 0);
    assert_eq!(opened.wait(opened.store.row(SHOP, "goods", 1)).unwrap(), None);
    assert_eq!(opened.wait(opened.store.next_wake(SHOP)).unwrap(), None);
    let sequence = SequenceKey { service: SHOP, name: "goods" };
    let wanted =
        Claims { records: [answer_key()].into(), sequences: [sequence.clone()].into(), roots: [(item("a"), 0)].into(), ..claims() };
    let loaded = opened.load(wanted);
    assert!(loaded.records.is_empty());
    assert_eq!((loaded.sequences[&sequence], loaded.roots[&item("a")].version), (0, 0));
}

pub fn an_abort_leaves_nothing_behind(opened: Opened<'_>) {
    let error = opened.run(claims(), |_| Err(Abort("the rule says no".into()))).unwrap_err();
    assert!(matches!(&error, StoreError::Aborted(why) if why == "the rule says no"), "{error}");
    assert_nothing(&opened);
    opened.write(everything(1));
    assert_eq!(opened.feed(SHOP, 1).len(), 1);
}

pub fn a_panic_leaves_nothing_behind_and_the_store_usable(opened: Opened<'_>) {
    for _ in 0..3 {
        let error = opened.run(claims(), |_| panic!("a rule is broken: {}", 7)).unwrap_err();
        assert!(matches!(&error, StoreError::Rejected(why) if why.contains("a rule is broken: 7")), "{error}");
    }
    assert_nothing(&opened);
    opened.write(everything(1));
    assert_eq!(opened.feed(SHOP, 1).len(), 1);
}

fn landed(opened: &Opened<'_>, batch: &str) -> bool {
    opened.wait(opened.store.landed(batch)).unwrap()
}

fn run_as(opened: &Opened<'_>, batch: &str, writes: Writes) -> Result<(), StoreError> {
    opened.run(Claims { batch: batch.into(), ..Claims::default() }, move |_| Ok(writes)).map(drop)
}

pub fn a_batch_that_was_committed_has_landed(opened: Opened<'_>) {
    let id = batch();
    run_as(&opened, &id, everything(1)).unwrap();
    assert!(landed(&opened, &id));
    assert!(landed(&opened, &id), "asking changes nothing");
    let opened = opened.reopen(schema());
    assert!(landed(&opened, &id));
    opened.write(everything(2));
    assert_eq!(opened.feed(SHOP, 1).len(), 2);
}

pub fn a_batch_that_never_ran_has_not_landed_and_never_will(opened: Opened<'_>) {
    let id = batch();
    assert!(!landed(&opened, &id));
    assert!(!landed(&opened, &id));
    let error = run_as(&opened, &id, everything(1)).unwrap_err();
    assert!(matches!(error, StoreError::Rejected(_)), "{error}");
    assert_nothing(&opened);
    let opened = opened.reopen(schema());
    assert!(!landed(&opened, &id));
    run_as(&opened, &id, everything(1)).unwrap_err();
    opened.write(everything(1));
}

pub fn a_batch_that_was_aborted_has_not_landed(opened: Opened<'_>) {
    let id = batch();
    opened.run(Claims { batch: id.clone(), ..Claims::default() }, |_| Err(Abort("no".into()))).unwrap_err();
    assert!(!landed(&opened, &id));
    assert_nothing(&opened);
}

pub fn a_batch_id_is_used_once(opened: Opened<'_>) {
    let id = batch();
    run_as(&opened, &id, everything(1)).unwrap();
    let error = run_as(&opened, &id, everything(2)).unwrap_err();
    assert!(matches!(error, StoreError::Rejected(_)), "{error}");
    assert_eq!(opened.feed(SHOP, 1).len(), 1);
}

pub fn the_ids_of_batches_need_no_order(opened: Opened<'_>) {
    for n in 0..40 {
        run_as(&opened, &format!("z{n}"), Writes::default()).unwrap();
    }
    // This one is smaller than all before it.
    run_as(&opened, "a", everything(1)).unwrap();
    assert!(landed(&opened, "a"));
    for n in 0..5 {
        run_as(&opened, &format!("y{n}"), Writes::default()).unwrap();
    }
    assert!(landed(&opened, "a") && landed(&opened, "z39"));
}

pub fn nobody_waiting_for_the_answer_changes_nothing(opened: Opened<'_>) {
    let id = batch();
    let writes = everything(1);
    drop(opened.store.write(Claims { batch: id.clone(), ..Claims::default() }, Box::new(move |_| Ok(writes))));
    // It stands or it does not, and what is told of it is true.
    let landed = landed(&opened, &id);
    assert_eq!(opened.feed(SHOP, 1).len(), usize::from(landed));
    opened.write(everything(if landed { 2 } else { 1 }));
}

pub fn what_was_answered_survives_reopening(mut opened: Opened<'_>) {
    for version in 1..=3 {
        opened.write(everything(version));
        opened = opened.reopen(schema());
    }
    assert_eq!(opened.events("a").len(), 3);
    let places: Vec<_> = opened.feed(SHOP, 1).iter().map(|event| event.position).collect();
    assert_eq!(places, [1, 2, 3].map(|seq| Position { epoch: 1, seq }));
    let loaded = opened.load(Claims { records: [answer_key()].into(), roots: [(item("a"), 0)].into(), ..claims() });
    assert_eq!(loaded.records[&answer_key()].value, "kept");
    assert_eq!(loaded.roots[&item("a")].snapshot, Some((3, "{}".into())));
    assert_eq!(opened.wait(opened.store.row(SHOP, "goods", 2)).unwrap(), Some(good(2, Some(1), None, None)));
    assert_eq!(opened.wait(opened.store.next_wake(SHOP)).unwrap(), Some(at(5)));
}
