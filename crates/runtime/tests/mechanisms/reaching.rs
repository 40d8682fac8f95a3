//! A write tells where what it published stands, and a reader elsewhere can wait for that.

use std::time::Duration;

use crate::support::toy::{BOARD, COUNTERS, Do, LIMIT, SHOP, mended};
use crate::support::{Bench, Carries, Process, add, ask, key};
use runtime::{Fault, FeedPosition, NotReached, Outcome, Request, shard_of};

const SOON: Duration = Duration::from_secs(2);

fn positions(toy: &Process, request: Request) -> Vec<FeedPosition> {
    match toy.execute(request) {
        Outcome::Accepted(answer) => answer.positions,
        other => panic!("it was answered {other:?}"),
    }
}

fn reached(bench: &Bench, toy: &Process, service: &str, positions: &[&str]) -> Result<(), String> {
    let (service, positions) = (toy.service(service), positions.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>());
    let waiting = toy.start(async move { service.reach(&positions, SOON).await });
    bench.settle();
    bench.pass(SOON);
    waiting.answer().unwrap().map_err(|error| match error {
        NotReached::Late => "late".into(),
        NotReached::Lost => "lost".into(),
        NotReached::NotASource(source) => format!("not a source: {source}"),
        NotReached::Unreadable(error) => error.to_string(),
    })
}

#[test]
fn each_of_a_batch_is_told_where_its_own_events_stand() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let started: Vec<_> = (1..=20).map(|id| (id, toy.hand_in(if id % 5 == 0 { add(id, LIMIT + 1) } else { add(id, id) }))).collect();
    bench.settle();
    for (id, started) in started {
        let Outcome::Accepted(answer) = started.answer().unwrap() else { continue };
        let [position] = &answer.positions[..] else { panic!("{:?}", answer.positions) };
        let shard = shard_of(&id.to_string());
        assert_eq!((position.source.as_str(), position.shard), (COUNTERS, shard));
        let place = usize::try_from(position.position.seq).unwrap() - 1;
        assert_eq!(toy.feed()[usize::from(shard)][place].key, id.to_string());
    }
}

#[test]
fn what_published_nothing_and_what_is_repeated_tell_no_position() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let asked = || add(1, 1).once(key("k", "f"));
    assert_eq!(positions(&toy, asked()).len(), 1);
    assert_eq!(positions(&toy, asked()), []);
    assert_eq!(positions(&toy, ask(&[(1, Do::Ring { at: bench.now() + SOON, lazy: false })])), []);
    let ends = toy.wait(toy.service(COUNTERS).feed_ends()).unwrap();
    assert_eq!(ends.iter().map(ToString::to_string).collect::<Vec<_>>(), [format!("counters:1.{}.1", shard_of("1"))]);
}

#[test]
fn a_reader_waits_until_it_is_handled_and_no_longer() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.fault(BOARD, Fault { down: true, ..Fault::default() });
    let wanted = positions(&toy, add(1, 7));
    let service = toy.service(BOARD);
    let waiting = toy.start(async move { service.reach(&wanted, SOON).await.is_ok() });
    bench.settle();
    assert_eq!((waiting.answer(), toy.viewed(1)), (None, None));
    toy.faults.clear();
    bench.settle();
    assert_eq!((waiting.answer(), toy.viewed(1)), (Some(true), Some(7)), "no time has passed");
    assert_eq!(toy.heard(1), [7], "and whatever else the service does about it");
}

#[test]
fn a_reader_does_not_wait_for_ever() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let text = positions(&toy, add(1, 1))[0].to_string();
    assert_eq!(reached(&bench, &toy, BOARD, &[&text]), Ok(()));
    let (shard, late) = (shard_of("1"), Err("late".to_owned()));
    assert_eq!(reached(&bench, &toy, BOARD, &[&format!("counters:1.{shard}.2")]), late);
    assert_eq!(reached(&bench, &toy, BOARD, &[&text, &format!("counters:2.{shard}.1")]), late);
    toy.carrier.carries(Carries::Nothing);
    let text = positions(&toy, add(1, 1))[0].to_string();
    assert_eq!(reached(&bench, &toy, BOARD, &[&text]), late);
    bench.pass(Duration::from_secs(5));
    assert_eq!(reached(&bench, &toy, BOARD, &[&text]), Ok(()));
}

#[test]
fn a_service_is_asked_for_itself_and_for_those_it_follows_alone() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let text = positions(&toy, add(1, 1))[0].to_string();
    assert_eq!(reached(&bench, &toy, COUNTERS, &[&text]), Ok(()));
    assert_eq!(reached(&bench, &toy, COUNTERS, &[&text.replace(".1", ".9")]), Err("late".into()));
    assert_eq!(reached(&bench, &toy, SHOP, &[&text]), Err("not a source: counters".into()));
    assert_eq!(reached(&bench, &toy, BOARD, &[&text, "nobody:1.0.1"]), Err("not a source: nobody".into()));
}

/// What was written after a backup is not there after its restore, though the feed has gone on beyond its number since.
#[test]
fn what_a_restore_lost_is_never_reached() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let kept = positions(&toy, add(1, 1))[0].to_string();
    let shard = shard_of("1");
    let lost = format!("{COUNTERS}:1.{shard}.9");
    assert_eq!(reached(&bench, &toy, BOARD, &[&lost]), Err("late".into()), "it may come yet");
    toy.wait(store::Store::raise_epoch(&*toy.store, 0)).unwrap();
    for service in [COUNTERS, BOARD] {
        assert_eq!(reached(&bench, &toy, service, &[&lost]), Err("lost".into()), "{service}");
        assert_eq!(reached(&bench, &toy, service, &[&kept]), Ok(()), "{service}");
    }
    for _ in 0..20 {
        toy.execute(add(1, 1));
    }
    for service in [COUNTERS, BOARD] {
        assert_eq!(reached(&bench, &toy, service, &[&lost]), Err("lost".into()), "{service}: others stand where it stood");
        assert_eq!(reached(&bench, &toy, service, &[&kept]), Ok(()), "{service}");
    }
}
