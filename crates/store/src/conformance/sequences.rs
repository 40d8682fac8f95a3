//! Counters give ids.

use super::Opened;
use super::fixture::{DEPOT, SHOP, claims};
use crate::{Abort, Claims, SequenceKey, StoreError, Writes};

const GOODS: SequenceKey = SequenceKey { service: SHOP, name: "goods" };

fn claim(key: &SequenceKey) -> Claims {
    Claims { sequences: [key.clone()].into(), ..claims() }
}

/// Takes the next number, and gives it up again when `abort`.
fn next(opened: &Opened<'_>, key: &SequenceKey, abort: bool) -> u64 {
    let (sender, number) = std::sync::mpsc::channel();
    let taken = key.clone();
    let result = opened.run(claim(key), move |loaded| {
        let next = loaded.sequences[&taken] + 1;
        sender.send(next).map_err(|_| Abort("nobody listens".into()))?;
        if abort {
            return Err(Abort("given up".into()));
        }
        Ok(Writes { sequences: vec![(taken, next)], ..Writes::default() })
    });
    assert!(if abort { matches!(result, Err(StoreError::Aborted(_))) } else { result.is_ok() });
    number.recv().unwrap()
}

pub fn count_from_1(opened: Opened<'_>) {
    assert_eq!((next(&opened, &GOODS, false), next(&opened, &GOODS, false), next(&opened, &GOODS, false)), (1, 2, 3));
    let opened = opened.reopen(super::fixture::schema());
    assert_eq!(next(&opened, &GOODS, false), 4);
}

pub fn are_counted_apart(opened: Opened<'_>) {
    next(&opened, &GOODS, false);
    next(&opened, &GOODS, false);
    assert_eq!(next(&opened, &SequenceKey { service: DEPOT, name: "goods" }, false), 1);
    assert_eq!(next(&opened, &SequenceKey { service: SHOP, name: "offers" }, false), 1);
}

pub fn an_aborted_number_is_given_again(opened: Opened<'_>) {
    let first = next(&opened, &GOODS, true);
    let second = next(&opened, &GOODS, false);
    assert_eq!(first, 1);
    if opened.sequences_are_dense() {
        assert_eq!(second, 1);
    } else {
        assert!(second > 0);
    }
}
