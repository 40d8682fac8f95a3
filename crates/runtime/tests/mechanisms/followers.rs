//! Whoever follows rows ends with those that stand, however often they are cut off, and are told of nothing that does not stand.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::toy::{BOARD, COUNTERS, CounterRow, Do, Follow, TallyRow, TotalRow, Totals, mended, with};
use crate::support::{Bench, Hold, Lost, Process, Started, add, ask};
use kernel::Resource;
use runtime::{Fault, Followed, Follower, Mark, ServiceHandle, Wanted};
use store::{Cell, Claims, Query, RowKey, RowWrite, Store, Writes};

const REST: Duration = Duration::from_millis(100);

/// What a client knows.
#[derive(Default)]
struct Client {
    rows: BTreeMap<u64, String>,
    mark: Option<Mark>,
    resets: usize,
    told: usize,
}

impl Client {
    fn follower<R: Resource>(&self, service: &ServiceHandle, filters: &[(&'static str, Cell)]) -> Follower {
        service.follow(Wanted::rows::<R>(filters.to_vec()), self.mark.clone().map(Some), None).unwrap()
    }

    fn hear(&mut self, told: Followed) {
        match told {
            Followed::Changes(_, changes) => {
                for (mark, change) in changes {
                    self.told += 1;
                    self.mark = Some(mark);
                    match change.row {
                        Some(row) => self.rows.insert(change.place.id, row),
                        None => self.rows.remove(&change.place.id),
                    };
                }
            }
            Followed::Current(mark) => self.mark = Some(mark),
            Followed::Reset => {
                self.rows.clear();
                self.resets += 1;
            }
            Followed::Ended => panic!("nobody has ended it"),
        }
    }

    /// Hears what there is; at most so much of it.
    fn listen(&mut self, bench: &Bench, toy: &Process, mut follower: Follower, times: usize) {
        for _ in 0..times {
            let waiting = toy.start(async move {
                let told = follower.next().await;
                (follower, told)
            });
            bench.settle();
            bench.pass(REST);
            // One who waits is cut off.
            let Some((follows, told)) = waiting.answer() else { return };
            follower = follows;
            self.hear(told);
        }
    }
}

fn stands<R: Resource>(toy: &Process, service: &str, filters: &[(&'static str, Cell)]) -> BTreeMap<u64, String> {
    let query = Query { size: 1000, filters: filters.to_vec(), ..Query::default() };
    let rows = toy.wait(toy.service(service).rows::<R>(&query)).unwrap().rows;
    rows.into_iter().map(|row| (serde_json::from_str::<R>(&row).unwrap().id(), row)).collect()
}

/// Numbers as good as random ones.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn converges<R: Resource>(service: &'static str, filters: &[(&'static str, Cell)]) {
    for seed in 0..8 {
        let (bench, mut numbers, mut client) = (Bench::new(), Numbers(seed), Client::default());
        let mut toy = bench.start(mended());
        // Before anything was ever written, a mark has no line to be of.
        toy.execute(add(1, 1));
        for _ in 0..20 {
            match numbers.below(10) {
                0..=5 => drop(toy.say((0..numbers.below(200)).map(|_| add(numbers.below(130) + 1, numbers.below(2) + 1)))),
                6 => {
                    toy.kill();
                    toy = bench.start(mended());
                }
                _ => {
                    let follower = client.follower::<R>(&toy.service(service), filters);
                    client.listen(&bench, &toy, follower, usize::try_from(numbers.below(4)).unwrap());
                }
            }
        }
        let follower = client.follower::<R>(&toy.service(service), filters);
        client.listen(&bench, &toy, follower, 1000);
        assert_eq!(client.rows, stands::<R>(&toy, service, filters), "seed {seed}");
        assert_eq!(client.resets, 0, "seed {seed}");
    }
}

#[test]
fn a_client_that_is_cut_off_at_any_point_ends_with_the_rows_that_stand() {
    converges::<CounterRow>(COUNTERS, &[]);
}

#[test]
fn of_a_view_as_well() {
    converges::<TotalRow>(BOARD, &[]);
}

#[test]
fn with_a_filter_what_no_longer_matches_goes() {
    converges::<CounterRow>(COUNTERS, &[("total", Cell::Integer(3))]);
}

#[test]
fn one_who_waits_hears_of_a_change_at_once_and_once() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 1));
    let mut client = Client::default();
    let mut follower = client.follower::<CounterRow>(&toy.service(COUNTERS), &[]);
    for _ in 0..2 {
        let told = toy.wait(follower.next());
        client.hear(told);
    }
    assert_eq!((client.rows.len(), client.told), (1, 1));
    let waiting = toy.start(async move { (follower.next().await, follower) });
    bench.settle();
    assert!(waiting.answer().is_none());
    toy.execute(add(2, 2));
    let (told, mut follower) = waiting.answer().expect("no time has passed");
    client.hear(told);
    assert_eq!(client.rows, stands::<CounterRow>(&toy, COUNTERS, &[]));
    // While it rests, what happens often is put together.
    let waiting = toy.start(async move { (follower.next().await, follower) });
    for n in 1..=5 {
        toy.execute(add(1, n));
    }
    bench.pass(REST);
    let (told, _) = waiting.answer().unwrap();
    client.hear(told);
    assert_eq!((client.rows, client.told), (stands::<CounterRow>(&toy, COUNTERS, &[]), 3));
}

/// One who waits for whatever happens next.
fn waiting(bench: &Bench, toy: &Process) -> Started<Followed> {
    toy.execute(add(9, 1));
    let mut follower = toy.service(COUNTERS).follow(Wanted::rows::<CounterRow>(Vec::new()), None, None).unwrap();
    assert!(matches!(toy.wait(follower.next()), Followed::Changes(..)));
    assert!(matches!(toy.wait(follower.next()), Followed::Current(_)));
    let waiting = toy.start(async move { follower.next().await });
    bench.settle();
    waiting
}

#[test]
fn nothing_is_told_before_it_stands() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let waiting = waiting(&bench, &toy);
    toy.store.hold(Hold::Before, |_| true);
    let asked = toy.hand_in(add(1, 1));
    bench.settle();
    assert!(waiting.answer().is_none() && asked.answer().is_none());
    toy.store.release();
    bench.settle();
    assert!(matches!(waiting.answer(), Some(Followed::Changes(..))));
}

#[test]
fn a_commit_that_was_lost_and_stands_is_told() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let waiting = waiting(&bench, &toy);
    toy.store.lose_next(Lost::Stands, 0);
    toy.execute(add(1, 1));
    assert!(matches!(waiting.answer(), Some(Followed::Changes(..))));
}

#[test]
fn an_unknown_mark_begins_anew() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 1));
    let service = toy.service(COUNTERS);
    let mark = |text: &str| Some(text.parse::<Mark>().ok());
    let other = Bench::new();
    let elsewhere = other.start(mended());
    // The ids of batches are like no others but on these benches.
    elsewhere.service(COUNTERS).new_id();
    elsewhere.execute(ask(&[(2, Do::Add(1))]));
    let mut follower = elsewhere.service(COUNTERS).follow(Wanted::rows::<CounterRow>(Vec::new()), None, None).unwrap();
    elsewhere.wait(follower.next());
    let of_another = follower.mark().unwrap().to_string();
    let mut follower = service.follow(Wanted::rows::<CounterRow>(Vec::new()), None, None).unwrap();
    toy.wait(follower.next());
    let known = follower.mark().unwrap().to_string();
    let ahead = known.replacen('-', "-9", 1);
    for text in ["", "nonsense", &of_another, &ahead] {
        let mut follower = service.follow(Wanted::rows::<CounterRow>(Vec::new()), mark(text), None).unwrap();
        assert_eq!(toy.wait(follower.next()), Followed::Reset, "{text}");
        assert!(matches!(toy.wait(follower.next()), Followed::Changes(_, all) if all.len() == 1), "{text}");
    }
    let mut follower = service.follow(Wanted::rows::<CounterRow>(Vec::new()), mark(&known), None).unwrap();
    assert!(matches!(toy.wait(follower.next()), Followed::Current(_)), "a known one goes on");
}

#[test]
fn a_restore_and_a_new_version_of_a_view_begin_anew() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 3));
    let mut client = Client::default();
    let follower = client.follower::<TotalRow>(&toy.service(BOARD), &[]);
    client.listen(&bench, &toy, follower, 2);
    toy.kill();

    let toy = bench.start_with(with::<Follow<true>, Totals<2, true>>(), |faults| {
        faults.set(&format!("{}/{COUNTERS}", crate::support::toy::TOY), Fault { down: true, ..Fault::default() });
    });
    let mut follower = client.follower::<TotalRow>(&toy.service(BOARD), &[]);
    client.hear(toy.wait(follower.next()));
    assert_eq!((client.resets, client.rows[&1].as_str()), (0, r#"{"id":1,"total":3}"#), "the old one is still served");
    let waiting = toy.start(async move { (follower.next().await, follower) });
    toy.faults.clear();
    bench.pass(Duration::from_secs(5));
    let (told, follower) = waiting.answer().unwrap();
    assert_eq!(told, Followed::Reset);
    client.hear(told);
    client.listen(&bench, &toy, follower, 2);
    assert_eq!(client.rows, stands::<TotalRow>(&toy, BOARD, &[]));
    assert_eq!(client.rows[&1], r#"{"id":1,"total":6}"#);

    toy.wait(store::Store::raise_epoch(&*toy.store, 0)).unwrap();
    let follower = client.follower::<TotalRow>(&toy.service(BOARD), &[]);
    client.listen(&bench, &toy, follower, 3);
    assert_eq!((client.resets, client.rows.len()), (2, 1));
}

#[test]
fn it_ends_when_the_service_is_stopped_and_when_the_process_is_to_end() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let waits = || waiting(&bench, &toy);
    let waiting = waits();
    toy.fault(BOARD, Fault { down: true, ..Fault::default() });
    bench.settle();
    assert_eq!(waiting.answer(), None, "another one is");
    toy.fault(COUNTERS, Fault { down: true, ..Fault::default() });
    bench.settle();
    assert_eq!(waiting.answer(), Some(Followed::Ended));
    toy.faults.clear();
    let waiting = waits();
    toy.system.end_following();
    bench.settle();
    assert_eq!(waiting.answer(), Some(Followed::Ended));
    let mut late = toy.service(COUNTERS).follow(Wanted::rows::<CounterRow>(Vec::new()), None, None).unwrap();
    assert_eq!(toy.wait(late.next()), Followed::Ended);
}

#[test]
fn no_more_can_follow_than_there_are_places() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let service = toy.service(COUNTERS);
    let mut following: Vec<_> =
        std::iter::from_fn(|| service.follow(Wanted::rows::<CounterRow>(Vec::new()), None, None)).take(10_000).collect();
    assert_eq!(following.len(), 512);
    following.pop();
    assert!(service.follow(Wanted::rows::<CounterRow>(Vec::new()), None, None).is_some(), "a place is free again");
}

#[test]
fn one_who_follows_while_the_store_is_away_goes_on_when_it_is_back() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    toy.execute(add(1, 1));
    toy.store.away(true);
    let mut follower = toy.service(COUNTERS).follow(Wanted::rows::<CounterRow>(Vec::new()), None, None).unwrap();
    let waiting = toy.start(async move { follower.next().await });
    bench.pass(Duration::from_secs(1));
    assert_eq!(waiting.answer(), None);
    toy.store.away(false);
    bench.pass(Duration::from_secs(1));
    assert!(matches!(waiting.answer(), Some(Followed::Changes(_, all)) if all.len() == 1));
}

/// The collection of what is told next, and how many rows of it.
fn next(toy: &Process, follower: &mut Follower) -> (String, usize) {
    match toy.wait(follower.next()) {
        Followed::Changes(collection, all) => (collection.into(), all.len()),
        other => (format!("{other:?}").split('(').next().unwrap().to_owned(), 0),
    }
}

#[test]
fn of_what_rows_are_put_together_with_only_changes_are_told_and_none_is_lost() {
    let bench = Bench::new();
    let mut toy = bench.start(mended());
    toy.execute(add(1, 1));
    bench.settle();
    let joined = || Wanted::rows::<TotalRow>(Vec::new()).with::<TallyRow>().within("a");
    let follow = |toy: &Process, wanted: Wanted, mark: Option<&Mark>| {
        let mark = mark.map(|mark| mark.to_string().parse().ok());
        toy.service(BOARD).follow(wanted, mark, None).unwrap()
    };
    let mut follower = follow(&toy, joined(), None);
    assert_eq!(next(&toy, &mut follower), ("totals".into(), 1), "and no tally");
    let begun = follower.mark().unwrap();
    drop(follower);
    toy.kill();
    toy = bench.start(mended());
    for n in [2, 3] {
        toy.execute(add(n, 1));
    }
    bench.settle();
    // Cut off before everything was told, while both changed.
    let mut follower = follow(&toy, joined(), Some(&begun));
    let told: BTreeMap<_, _> = [next(&toy, &mut follower), next(&toy, &mut follower)].into();
    assert_eq!(told, [("tallies".into(), 2), ("totals".into(), 2)].into());
    assert_eq!(next(&toy, &mut follower).0, "Current");
    // Both change all the time, and each is told in its turn.
    let mut told = Vec::new();
    for n in 4..8 {
        toy.execute(add(1, n));
        bench.settle();
        let waiting = toy.start(async move { (follower.next().await, follower) });
        bench.pass(REST);
        let (Followed::Changes(collection, _), follows) = waiting.answer().unwrap() else { panic!("nothing is told") };
        follower = follows;
        told.push(collection);
    }
    told.sort_unstable();
    assert_eq!(told, ["tallies", "tallies", "totals", "totals"]);
    let mut follower = follow(&toy, joined(), follower.mark().as_ref());
    while next(&toy, &mut follower).0 != "Current" {}
    let known = follower.mark().unwrap();
    for other in [Wanted::rows::<TotalRow>(Vec::new()), joined().within("b"), Wanted::rows::<TallyRow>(Vec::new()).with::<TotalRow>()] {
        assert_eq!(next(&toy, &mut follow(&toy, other, Some(&known))).0, "Reset");
    }
    assert_eq!(next(&toy, &mut follow(&toy, joined(), Some(&known))).0, "Current");

    // One that goes says nothing any more.
    let row = RowKey { service: BOARD, table: "tallies".into(), id: 1 };
    let writes = Writes { rows: vec![RowWrite { row, content: None }], ..Writes::default() };
    let claims = Claims { batch: toy.service(BOARD).new_id(), ..Claims::default() };
    toy.wait(Store::write(&*toy.store, claims, Box::new(move |_| Ok(writes)))).unwrap();
    let mut follower = follow(&toy, joined(), Some(&known));
    assert_eq!([next(&toy, &mut follower).0, next(&toy, &mut follower).0], ["Reset", "totals"]);
    assert_eq!(next(&toy, &mut follower).0, "Current");
}
