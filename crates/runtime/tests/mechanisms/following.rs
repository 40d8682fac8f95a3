//! Consumers handle every event of their source, once and in order, whatever the carrier does.

use std::time::Duration;

use crate::support::toy::{BOARD, COUNTERS, IGNORED, PANICS_IN_DECIDE, PANICS_IN_REACT, REFUSED, faulty_policy, mended, reactions};
use crate::support::{Bench, Carries, Process, add};
use runtime::{Fault, shard_of};
use store::{Claims, Position, PositionKey, Store, Writes};

/// As long as a consumer that hears nothing waits before it looks at the feed.
const LOOK: Duration = Duration::from_secs(5);

fn ten(toy: &Process) {
    for n in 1..=10 {
        toy.say([add(1, n), add(2, n)]);
    }
}

fn has_everything(toy: &Process) {
    for id in [1, 2] {
        assert_eq!(toy.heard(id), (1..=10).collect::<Vec<_>>(), "in order, each once");
        assert_eq!(toy.viewed(id), Some(55));
    }
    toy.check();
}

#[test]
fn what_is_published_is_heard_at_once() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    ten(&toy);
    has_everything(&toy);
    assert_eq!(toy.consumer("policies").behind, 0);
}

#[test]
fn whatever_the_carrier_does_everything_is_handled_once_and_in_order() {
    for carries in [Carries::Nothing, Carries::Half, Carries::Twice, Carries::Late] {
        let bench = Bench::new();
        let toy = bench.start(mended());
        toy.carrier.carries(carries);
        ten(&toy);
        bench.pass(LOOK);
        has_everything(&toy);
    }
}

#[test]
fn a_gap_is_filled_from_the_feed_as_soon_as_it_is_seen() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.carrier.carries(Carries::Nothing);
    toy.execute(add(1, 1));
    assert!(toy.heard(1).is_empty());
    toy.carrier.carries(Carries::Everything);
    toy.execute(add(1, 2));
    assert_eq!(toy.heard(1), [1, 2], "the next event shows that one is missing; no time has passed");
}

#[test]
fn a_consumer_that_is_told_that_it_missed_something_looks_at_the_feed() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.carrier.carries(Carries::Hints);
    ten(&toy);
    has_everything(&toy);
}

#[test]
fn what_came_while_a_service_was_stopped_is_found_in_the_feed() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.fault(BOARD, Fault { down: true, ..Fault::default() });
    // More than a carrier holds for whoever does not listen.
    for _ in 0..300 {
        toy.execute(add(1, 1));
    }
    assert!(toy.heard(1).is_empty());
    toy.faults.clear();
    bench.settle();
    assert_eq!(toy.heard(1).len(), 300);
    toy.check();
}

#[test]
fn a_stopped_source_hands_nothing_out_and_is_caught_up_with() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.fault(COUNTERS, Fault { down: true, ..Fault::default() });
    toy.execute(add(1, 1));
    bench.pass(LOOK);
    assert_eq!((toy.heard(1), toy.consumer("policies").behind), (vec![], 1));
    toy.faults.clear();
    bench.pass(LOOK);
    assert_eq!(toy.heard(1), [1]);
}

#[test]
fn a_position_and_its_effects_outlive_the_process_together() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.carrier.carries(Carries::Half);
    for n in 1..=5 {
        toy.say([add(1, n), add(2, n)]);
    }
    toy.kill();
    let toy = bench.start(mended());
    for n in 6..=10 {
        toy.say([add(1, n), add(2, n)]);
    }
    has_everything(&toy);
}

#[test]
fn two_processes_that_follow_one_feed_handle_each_event_once() {
    let bench = Bench::new();
    let [one, other] = bench.start_two();
    for n in 1..=10 {
        let process = if n % 2 == 0 { &one } else { &other };
        process.say([add(1, n), add(2, n)]);
    }
    bench.pass(LOOK);
    has_everything(&one);
    assert_eq!(other.consumer("policies").behind, 0);
}

#[test]
fn a_refusal_of_what_a_policy_commands_is_an_outcome() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    for n in [1, REFUSED, 2] {
        toy.execute(add(1, n));
    }
    assert_eq!(toy.heard(1), [1, 2]);
    toy.check();
}

#[test]
fn a_new_epoch_is_gone_into_when_nothing_was_lost() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 1));
    // One event that is not handled yet when the epoch begins.
    toy.carrier.carries(Carries::Nothing);
    toy.execute(add(1, 2));
    toy.wait(toy.store.raise_epoch(0)).unwrap();
    toy.carrier.carries(Carries::Everything);
    toy.execute(add(1, 3));
    assert_eq!(toy.heard(1), [1, 2, 3]);
    let epochs: Vec<_> = toy.feed()[usize::from(shard_of("1"))].iter().map(|event| event.position).collect();
    assert_eq!(epochs, [(1, 1), (1, 2), (2, 3)].map(|(epoch, seq)| Position { epoch, seq }));
    toy.kill();
    let toy = bench.start(mended());
    toy.execute(add(1, 4));
    assert_eq!((toy.heard(1), toy.viewed(1)), (vec![1, 2, 3, 4], Some(10)));
    toy.check();
}

/// Moves the board's policies as if they had seen more of counter 1's shard than there is now, or less.
fn has_seen(toy: &Process, seq: u64) {
    has_seen_of(toy, 1, seq);
}

/// The same for the shard of any counter.
fn has_seen_of(toy: &Process, id: u64, seq: u64) {
    let key = PositionKey { service: BOARD, consumer: "policies".into(), source: COUNTERS.into(), shard: shard_of(&id.to_string()) };
    let writes = Writes { positions: vec![(key, Position { epoch: 1, seq })], ..Writes::default() };
    let claims = Claims { batch: format!("seen {seq}"), ..Claims::default() };
    toy.wait(toy.store.write(claims, Box::new(move |_| Ok(writes)))).unwrap();
}

#[test]
fn the_position_in_the_store_counts_and_not_the_one_in_memory() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 1));
    // As an operator does who wants everything to be handled once more.
    has_seen(&toy, 0);
    toy.execute(add(1, 2));
    bench.pass(LOOK);
    assert_eq!(toy.heard(1), [1, 1, 2]);
    assert_eq!(toy.consumer("policies").behind, 0);
    toy.check();
}

/// What was handled before the gap stands, and so does that it was handled.
#[test]
fn a_gap_in_one_shard_leaves_what_was_handled_of_another() {
    let pace = Duration::from_millis(5);
    let bench = Bench::paced(pace);
    let toy = bench.start(mended());
    // One that is handed in behind counter 1.
    let other = (2..99).find(|id: &u64| shard_of(&id.to_string()) > shard_of("1")).unwrap();
    toy.execute(add(other, 1));
    bench.pass(pace);
    toy.execute(add(1, 1));
    toy.execute(add(1, 2));
    toy.execute(add(other, 2));
    has_seen_of(&toy, other, 0);
    bench.pass(pace);
    bench.pass(LOOK);
    assert_eq!((toy.heard(1), toy.heard(other)), (vec![1, 2], vec![1, 1, 2]));
    toy.check();
}

#[test]
fn a_consumer_that_has_seen_what_a_restore_lost_stops_with_an_alarm() {
    // Fewer events than were lost have come since, or more; it learns it at its start, or when it hands in the next event.
    for (after_the_restore, started_anew) in [(1, true), (9, true), (1, false), (9, false)] {
        let bench = Bench::new();
        let mut toy = bench.start(mended());
        toy.execute(add(1, 1));
        // It has seen five; the restore brought back the first alone.
        has_seen(&toy, 5);
        toy.wait(toy.store.raise_epoch(0)).unwrap();
        if started_anew {
            toy.kill();
            toy = bench.start(mended());
        }
        for n in 0..after_the_restore {
            toy.execute(add(1, 100 + n));
        }
        bench.pass(LOOK);
        let status = toy.consumer("policies");
        assert!(status.halted.as_ref().is_some_and(|why| why.contains("restore")), "{status:?}");
        assert!(toy.wait(toy.system.status()).unwrap().is_degraded());
        assert_eq!(toy.heard(1), [1], "nothing is handled on top of what was lost");
        assert_eq!(toy.consumer("totals@1").halted, None, "who has seen nothing of it goes on");
    }
}

/// How far a consumer of the board is, as the store has it, in the shard of counter 1.
fn kept(toy: &Process, consumer: &str) -> u64 {
    toy.wait(toy.store.positions(BOARD, consumer, COUNTERS)).unwrap()[usize::from(shard_of("1"))].seq
}

/// Adds what concerns nobody to each of these counters.
fn ignored(toy: &Process, counters: impl IntoIterator<Item = u64>) {
    for id in counters {
        toy.execute(add(id, IGNORED));
    }
}

#[test]
fn what_concerns_nobody_is_passed_by_without_a_transaction() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 1));
    toy.store.seen();
    ignored(&toy, [1; 3]);
    assert_eq!(toy.store.seen().len(), 3, "the three commands, and nothing of those who follow");
    assert_eq!((toy.consumer("policies").behind, kept(&toy, "policies")), (0, 1));

    // It is written down together with what comes after it.
    toy.execute(add(1, 2));
    assert_eq!((kept(&toy, "policies"), kept(&toy, "totals@1")), (5, 5));
    assert_eq!(toy.heard(1), [1, 2]);
}

#[test]
fn what_was_passed_by_is_written_down_in_a_quiet_moment() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, IGNORED));
    assert_eq!(kept(&toy, "policies"), 0);
    bench.pass(LOOK);
    assert_eq!((kept(&toy, "policies"), kept(&toy, "totals@1")), (1, 1));
    toy.store.seen();
    bench.pass(LOOK * 3);
    assert_eq!(toy.store.seen().len(), 0, "once");
}

#[test]
fn what_was_passed_by_is_written_down_when_it_is_old_however_much_comes_behind_it() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    for _ in 0..4 {
        toy.execute(add(1, IGNORED));
        bench.pass(LOOK / 4);
    }
    assert_eq!((kept(&toy, "policies"), kept(&toy, "totals@1")), (4, 4), "the oldest is as old as it may be");
    for _ in 0..3 {
        toy.execute(add(1, IGNORED));
        bench.pass(LOOK / 4);
    }
    assert_eq!(kept(&toy, "policies"), 4, "the oldest of the next ones is not");
}

#[test]
fn a_view_that_has_passed_something_by_is_not_behind() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    for n in [1, IGNORED, IGNORED] {
        toy.execute(add(1, n));
    }
    let [view] = &toy.wait(toy.system.projections()).unwrap()[..] else { panic!("there is one view") };
    assert_eq!((view.behind(&view.positions), kept(&toy, "totals@1")), (0, 1));
}

#[test]
fn an_event_that_fails_costs_no_more_for_those_that_were_passed_by_before_it() {
    let bench = Bench::new();
    let toy = bench.start(faulty_policy());
    ignored(&toy, 1..=200);
    toy.store.seen();
    toy.execute(add(2, PANICS_IN_DECIDE));
    let transactions = toy.store.seen().len();
    assert_eq!((toy.parked().len(), toy.consumer("policies").behind), (1, 0));
    assert!(transactions <= 3, "{transactions}: the command, the view, and the event that is parked");
}

#[test]
fn a_policy_that_panics_is_asked_once_for_its_event() {
    let bench = Bench::paced(Duration::from_millis(5));
    let toy = bench.start(faulty_policy());
    toy.execute(add(1, 1));
    reactions();
    toy.execute(add(1, PANICS_IN_REACT));
    bench.pass(Duration::from_millis(5));
    assert_eq!((toy.parked().len(), reactions()), (1, 1));
}

#[test]
fn what_is_parked_and_what_is_passed_by_keep_their_order_wherever_the_process_dies() {
    for poison in [PANICS_IN_DECIDE, PANICS_IN_REACT] {
        for dies_after in 0..8 {
            let bench = Bench::new();
            let mut toy = bench.start(faulty_policy());
            for (place, n) in [IGNORED, 1, IGNORED, poison, IGNORED, 2, IGNORED, 3].into_iter().enumerate() {
                toy.execute(add(1, n));
                toy.execute(add(2, n));
                if place == dies_after {
                    toy.kill();
                    toy = bench.start(faulty_policy());
                }
            }
            assert_eq!(toy.heard(1), [1]);
            toy.kill();
            let toy = bench.start(mended());
            toy.execute(add(1, 4));
            bench.pass(LOOK);
            assert_eq!((toy.heard(1), toy.heard(2)), (vec![1, poison, 2, 3, 4], vec![1, poison, 2, 3]), "{poison} {dies_after}");
            toy.check();
        }
    }
}

#[test]
fn what_was_passed_by_does_not_hide_that_the_position_in_the_store_was_moved_back() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    for n in [1, 2, IGNORED, IGNORED] {
        toy.execute(add(1, n));
    }
    has_seen(&toy, 0);
    bench.pass(LOOK);
    assert_eq!(toy.heard(1), [1, 2, 1, 2]);
    toy.execute(add(1, 3));
    assert_eq!((toy.heard(1), toy.consumer("policies").behind), (vec![1, 2, 1, 2, 3], 0));
}

#[test]
fn a_view_is_built_anew_and_an_epoch_begins_while_something_is_passed_by() {
    for raises in [false, true] {
        let bench = Bench::paced(Duration::from_millis(5));
        let toy = bench.start(mended());
        for n in [1, IGNORED, 2, IGNORED, IGNORED] {
            toy.execute(add(1, n));
        }
        if raises {
            toy.wait(toy.store.raise_epoch(0)).unwrap();
        }
        assert_eq!(toy.wait(toy.service(BOARD).rebuild("totals")).unwrap(), Some(true));
        for n in [IGNORED, 3, IGNORED] {
            toy.execute(add(1, n));
        }
        bench.pass(LOOK);
        assert_eq!((toy.heard(1), toy.viewed(1)), (vec![1, 2, 3], Some(6)), "{raises}");
        toy.execute(add(1, IGNORED));
        toy.kill();
        let toy = bench.start(mended());
        toy.execute(add(1, 4));
        bench.pass(LOOK);
        assert_eq!((toy.heard(1), toy.viewed(1)), (vec![1, 2, 3, 4], Some(10)), "{raises}");
        toy.check();
    }
}

#[test]
fn two_processes_that_pass_by_what_concerns_nobody_handle_the_rest_once() {
    for shift in 0..4 {
        let bench = Bench::paced(Duration::from_millis(5));
        let [one, other] = bench.start_two();
        for n in 0..24 {
            let process = if (n + shift) % 3 == 0 { &one } else { &other };
            process.execute(add(1, if n % 4 == shift { n + 20 } else { IGNORED }));
            if n % 5 == 0 {
                bench.pass(Duration::from_millis(3));
            }
        }
        bench.pass(LOOK * 2);
        let expected: Vec<_> = (0..24).filter(|n| n % 4 == shift).map(|n| n + 20).collect();
        assert_eq!(one.heard(1), expected);
        assert_eq!((one.consumer("policies").behind, other.consumer("policies").behind), (0, 0));
        one.check();
    }
}

#[test]
fn what_was_passed_by_does_not_grow_without_end() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    ignored(&toy, 1..=300);
    let kept = toy.wait(toy.store.positions(BOARD, "policies", COUNTERS)).unwrap();
    assert!(kept.iter().map(|position| position.seq).sum::<u64>() >= 256, "{kept:?}");
}

#[test]
fn a_process_that_dies_passes_by_again_and_goes_on() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    for n in [IGNORED, 1, IGNORED, IGNORED] {
        toy.execute(add(1, n));
    }
    toy.kill();
    let toy = bench.start(mended());
    toy.execute(add(1, 2));
    assert_eq!((toy.heard(1), toy.viewed(1)), (vec![1, 2], Some(3)));
    toy.check();
}

#[test]
fn what_comes_right_behind_another_waits_a_moment_and_is_handled_together() {
    let pace = Duration::from_millis(5);
    let bench = Bench::paced(pace);
    let toy = bench.start(mended());
    toy.execute(add(1, 1));
    assert_eq!(toy.heard(1), [1], "after a quiet moment at once");
    for n in 2..=9 {
        toy.execute(add(1, n));
    }
    toy.store.seen();
    assert_eq!(toy.heard(1), [1]);
    bench.pass(pace);
    assert_eq!(toy.heard(1), (1..=9).collect::<Vec<_>>());
    assert_eq!(toy.store.seen().len(), 1, "one transaction for the policies and the view");
    // Whoever does not listen holds up nothing.
    bench.pass(pace);
    toy.execute(add(1, 10));
    assert_eq!(toy.heard(1), (1..=10).collect::<Vec<_>>());
}
