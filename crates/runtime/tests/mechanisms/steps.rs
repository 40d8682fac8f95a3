//! Sagas of several steps: what was done is undone in turn, what waits is told or lapses, and what lies behind the pivot is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::seeing;
use crate::support::trip::{Bank, LongerTrip, Mood, TILL, TRIPS, Trip, longer_trips, port, trips};
use crate::support::{Bench, Hold, Process, Started, key, meta, told};
use calls::conformance::Pool;
use kernel::{Resource, Saga, Timestamp};
use runtime::{Fault, Outcome, SagaInput, SagaRequest};
use store::Claims;

use crate::support::toy::OrderRow;

/// Longer than any saga needs once its callees are back.
const SETTLED: Duration = Duration::from_secs(120);

/// A bench beside a bank.
fn bench() -> (Bench, Arc<Bank>) {
    let bank = Arc::<Bank>::default();
    (Bench::calling(port(&bank)), bank)
}

fn trip(fare: u32, until: Option<Timestamp>) -> SagaRequest<Trip> {
    SagaRequest {
        saga: Arc::new(move |ids| {
            let id = ids.next(OrderRow::COLLECTION);
            (id.to_string(), Trip { id, places: 4, fare, until, sat: None, to: None, told: 0 })
        }),
        collection: OrderRow::COLLECTION,
        status: 201,
        key: key("k", "f"),
        deadline: Timestamp::MAX,
        expected: None,
        meta: meta(),
    }
}

fn begin(bench: &Bench, process: &Process, request: SagaRequest<Trip>) -> Started<Outcome> {
    let service = process.service(TRIPS);
    let started = process.start(async move { service.run(request).await });
    bench.settle();
    started
}

fn input(trip: u64) -> SagaInput {
    SagaInput {
        saga: trip.to_string(),
        collection: OrderRow::COLLECTION,
        status: 200,
        key: None,
        deadline: Timestamp::MAX,
        expected: None,
        meta: meta(),
    }
}

/// Tells a trip where to go.
fn tell(bench: &Bench, process: &Process, trip: u64, to: &str) -> String {
    tell_of::<Trip>(bench, process, trip, to)
}

fn tell_of<S: Saga>(bench: &Bench, process: &Process, trip: u64, to: &str) -> String {
    let (service, to) = (process.service(TRIPS), format!("{to:?}"));
    let started = process.start(async move { service.tell::<S>(input(trip), to).await });
    bench.settle();
    answer(&started)
}

fn answer(started: &Started<Outcome>) -> String {
    started.answer().map_or_else(|| "nothing yet".into(), |outcome| told(&outcome))
}

/// Whether everything of trip 1 stands, or nothing does.
fn stands(process: &Process, bank: &Bank) -> bool {
    process.check();
    let order = process.row::<OrderRow>(TRIPS, 1).is_some();
    let seat = process.events::<crate::support::trip::Seat>(TRIPS, &"home".into()).len() % 2 == 1;
    let facts = (order, process.seats_left() == 6, seat, bank.balance() == 7);
    assert!([(true, true, true, true), (false, false, false, false)].contains(&facts), "half of it stands: {facts:?}");
    assert!(order || bank.balance() == 0);
    order
}

#[test]
fn when_all_agree_it_stands_everywhere() {
    let (bench, bank) = bench();
    let process = bench.start(trips());
    assert_eq!(answer(&begin(&bench, &process, trip(7, None))), "201 orders/1");
    assert!(stands(&process, &bank));
    bench.pass(SETTLED);
    assert!(stands(&process, &bank), "and nobody takes it back");
    assert_eq!(answer(&begin(&bench, &process, trip(7, None))), "201 orders/1", "its key answers the same");
}

#[test]
fn what_begins_with_a_refused_command_does_not_begin() {
    let (bench, bank) = bench();
    let process = bench.start(trips());
    begin(&bench, &process, trip(7, None));
    let other = SagaRequest { key: None, ..trip(7, None) };
    assert_eq!(answer(&begin(&bench, &process, other)), "refused seat-taken");
    assert_eq!((process.seats_left(), bank.balance()), (6, 7), "nobody else was asked");
    process.check();
}

/// Whoever it takes, and however they fail: what came before is undone, and the next request finds everything free.
#[test]
fn when_one_of_several_fails_everything_before_it_is_undone() {
    let down = Fault { down: true, ..Fault::default() };
    let slow = Fault { delay: Duration::from_secs(10), ..Fault::default() };
    let refuses = Fault { refuse: true, ..Fault::default() };
    for service in ["pool", TILL] {
        for (fault, says) in [(down, "unavailable"), (slow, "unavailable"), (refuses, "refused refused-on-purpose")] {
            let (bench, bank) = bench();
            let process = bench.start(trips());
            process.fault(service, fault);
            let began = begin(&bench, &process, trip(7, None));
            bench.pass(Duration::from_secs(3));
            assert!(answer(&began).starts_with(says), "{service}: {}", answer(&began));
            process.faults.clear();
            bench.pass(SETTLED);
            assert!(!stands(&process, &bank), "{service} {says}");
            assert_eq!(answer(&begin(&bench, &process, trip(7, None))), "201 orders/2");
        }
    }
}

/// Whoever is asked last counts as well: the pool is not asked for what would be given back at once.
#[test]
fn while_one_of_several_cannot_be_asked_it_does_not_begin() {
    let (bench, bank) = bench();
    let process = bench.start(trips());
    process.fault(TILL, Fault { down: true, ..Fault::default() });
    let seat = || process.events::<crate::support::trip::Seat>(TRIPS, &"home".into()).len();
    let try_it = || {
        let began = begin(&bench, &process, SagaRequest { key: None, ..trip(7, None) });
        bench.pass(Duration::from_millis(30));
        assert_eq!(answer(&began), "unavailable till");
        seat()
    };
    let sat: Vec<_> = (0..30).map(|_| try_it()).collect();
    assert_eq!(sat[0], 2, "the first sat down, and stood up again");
    assert_eq!(sat[28], sat[29], "the last did not begin");
    process.faults.clear();
    bench.pass(SETTLED);
    assert!(answer(&begin(&bench, &process, trip(7, None))).starts_with("201"));
    assert_eq!(bank.balance(), 7);
}

/// What the till's own callee says travels through the till.
#[test]
fn who_is_asked_by_the_one_who_is_asked_decides_too() {
    for (mood, says) in
        [(Mood::Refusing, "refused no-credit"), (Mood::Away, "refused service-unavailable"), (Mood::Mute, "refused service-unavailable")]
    {
        let (bench, bank) = bench();
        let process = bench.start(trips());
        *bank.mood.lock().unwrap() = mood;
        let began = begin(&bench, &process, trip(7, None));
        bench.pass(Duration::from_secs(3));
        assert_eq!(answer(&began), says, "{mood:?}");
        *bank.mood.lock().unwrap() = Mood::Obliging;
        bench.pass(SETTLED);
        assert!(!stands(&process, &bank), "{mood:?}");
    }
}

/// The till has the money and the trip comes to nothing: what it has is given back, however long the bank is away for that.
#[test]
fn behind_its_pivot_a_saga_insists() {
    let (bench, bank) = bench();
    let process = bench.start(trips());
    // Its last transaction is never reached: the trip is doubted once it is found left behind.
    process.store.hold(Hold::Before, |claims: &Claims| claims.roots.keys().any(|root| root.aggregate == "order"));
    begin(&bench, &process, trip(7, None));
    assert_eq!(bank.balance(), 7);
    process.kill();
    let process = bench.start_with(trips(), |faults| faults.set("toy/pool", Fault { refuse: true, ..Fault::default() }));
    process.faults.clear();
    bench.pass(SETTLED);
    assert!(stands(&process, &bank), "what all have decided stands");
    // Now somebody takes it back at the till.
    let owe = kernel::Commands::to::<crate::support::trip::Drawer>(&1, crate::support::trip::DrawerCommand::Owe);
    *bank.mood.lock().unwrap() = Mood::Away;
    process.wait(process.service(TILL).execute(runtime::Request::new(owe, meta())));
    bench.pass(Duration::from_secs(30));
    assert_eq!((bank.balance(), process.wait(process.system.unfinished_sagas()).unwrap()), (7, vec!["till/give-back/1".into()]));
    process.kill();
    let process = bench.start(trips());
    *bank.mood.lock().unwrap() = Mood::Mute;
    bench.pass(Duration::from_secs(30));
    assert_eq!(bank.balance(), 0, "it was heard although nobody answered");
    *bank.mood.lock().unwrap() = Mood::Obliging;
    bench.pass(SETTLED);
    assert_eq!(bank.balance(), 0, "once");
    process.check();
}

/// Money that is owed is seen for as long as it is: by the metrics at once, and by the log once it takes long.
#[test]
fn one_that_waits_or_insists_is_shown() {
    let (bench, bank) = bench();
    let process = bench.start(trips());
    let open =
        |service, saga, state: &str| format!("yeyak_sagas_open{{system=\"toy\",service=\"{service}\",saga=\"{saga}\",state=\"{state}\"}}");
    begin(&bench, &process, trip(7, Some(bench.now() + WAITED)));
    seeing::check(&process, &open(TRIPS, "trip", "waiting"), 1.);
    tell(&bench, &process, 1, "Busan");
    seeing::check(&process, &open(TRIPS, "trip", "waiting"), 0.);
    *bank.mood.lock().unwrap() = Mood::Away;
    let owe = kernel::Commands::to::<crate::support::trip::Drawer>(&1, crate::support::trip::DrawerCommand::Owe);
    process.wait(process.service(TILL).execute(runtime::Request::new(owe, meta())));
    let lines = seeing::told(|| bench.pass(5 * SETTLED));
    seeing::check(&process, &open(TILL, "give-back", "insisting"), 1.);
    let in_vain: Vec<_> = lines.iter().filter(|line| line.contains("in vain so far")).collect();
    assert!((6..=10).contains(&in_vain.len()), "one a minute: {lines:#?}");
    assert!(in_vain.iter().all(|line| line.contains("key=\"1\"") && line.contains("bank")), "{in_vain:#?}");
    *bank.mood.lock().unwrap() = Mood::Obliging;
    bench.pass(SETTLED);
    seeing::check(&process, &open(TILL, "give-back", "insisting"), 0.);
    assert_eq!(bank.balance(), 0);
}

#[test]
fn one_that_has_waited_in_vain_is_shown_at_work() {
    let (bench, _bank) = bench();
    let process = bench.start(trips());
    begin(&bench, &process, trip(7, Some(bench.now() + WAITED)));
    process.fault("pool", Fault { down: true, ..Fault::default() });
    bench.pass(WAITED + SETTLED);
    let state = |state: &str| format!("yeyak_sagas_open{{system=\"toy\",service=\"{TRIPS}\",saga=\"trip\",state=\"{state}\"}}");
    seeing::check(&process, &state("compensating"), 1.);
    seeing::check(&process, &state("waiting"), 0.);
    process.faults.clear();
    bench.pass(SETTLED);
    seeing::check(&process, &state("compensating"), 0.);
}

#[test]
fn a_saga_waits_until_it_is_told_and_goes_on_from_there() {
    let (bench, bank) = bench();
    let process = bench.start(trips());
    let until = bench.now() + Duration::from_secs(600);
    assert_eq!(answer(&begin(&bench, &process, trip(7, Some(until)))), "201", "whoever began it is told that it waits");
    assert_eq!((process.seats_left(), bank.balance()), (6, 0));
    process.kill();
    let process = bench.start(trips());
    bench.pass(Duration::from_secs(300));
    assert_eq!(tell(&bench, &process, 1, ""), "refused nowhere");
    assert_eq!(tell(&bench, &process, 1, "Busan"), "200 orders/1");
    assert!(stands(&process, &bank));
    assert_eq!(tell(&bench, &process, 1, "Busan"), "refused not-waiting");
    bench.pass(SETTLED * 10);
    assert!(stands(&process, &bank));
}

#[test]
fn what_nobody_tells_in_time_and_what_is_taken_back_comes_to_nothing() {
    for takes_back in [false, true] {
        let (bench, bank) = bench();
        let process = bench.start(trips());
        let until = bench.now() + Duration::from_secs(600);
        begin(&bench, &process, trip(7, Some(until)));
        if takes_back {
            let service = process.service(TRIPS);
            assert_eq!(told(&process.wait(service.withdraw::<Trip>(SagaInput { status: 204, ..input(1) }))), "204");
        } else {
            bench.pass(Duration::from_secs(601));
        }
        assert!(!stands(&process, &bank), "{takes_back}");
        assert_eq!(tell(&bench, &process, 1, "Busan"), "refused not-waiting");
        assert_eq!(answer(&begin(&bench, &process, SagaRequest { key: None, ..trip(7, None) })), "201 orders/2");
    }
}

/// What was told and comes to nothing elsewhere can be told otherwise, for as long as the saga waits.
#[test]
fn a_saga_whose_next_call_is_refused_waits_on() {
    for lapses in [false, true] {
        let (bench, bank) = bench();
        let process = bench.start(trips());
        begin(&bench, &process, trip(7, Some(bench.now() + WAITED)));
        *bank.mood.lock().unwrap() = Mood::Refusing;
        for to in ["Busan", "Jeju", "Busan"] {
            assert_eq!(tell(&bench, &process, 1, to), "refused no-credit");
            assert_eq!((process.seats_left(), bank.balance()), (6, 0), "what was held is held");
        }
        *bank.mood.lock().unwrap() = Mood::Obliging;
        process.fault(TILL, Fault { down: true, ..Fault::default() });
        let service = process.service(TRIPS);
        let told_in_vain = process.start(async move { service.tell::<Trip>(input(1), "\"Busan\"".into()).await });
        bench.pass(Duration::from_millis(100));
        assert_eq!(answer(&told_in_vain), "unavailable till", "who was not asked has decided nothing");
        process.kill();
        let process = bench.start(trips());
        assert_eq!(process.wait(process.system.unfinished_sagas()).unwrap().len(), 0, "it waits");
        if lapses {
            bench.pass(WAITED);
            assert_eq!(tell(&bench, &process, 1, "Busan"), "refused not-waiting");
        } else {
            assert_eq!(tell(&bench, &process, 1, "Busan"), "200 orders/1");
        }
        bench.pass(SETTLED * 10);
        assert_eq!(stands(&process, &bank), !lapses);
    }
}

/// Somebody was asked and did not answer, so nobody can tell anything any more: whoever told it learns that, and not to try again.
#[test]
fn whoever_told_a_saga_that_comes_to_nothing_is_told_so() {
    let (bench, bank) = bench();
    let process = bench.start(trips());
    begin(&bench, &process, trip(7, Some(bench.now() + WAITED)));
    process.fault(TILL, Fault { delay: Duration::from_secs(10), ..Fault::default() });
    let service = process.service(TRIPS);
    let told_in_vain = process.start(async move { service.tell::<Trip>(input(1), "\"Busan\"".into()).await });
    bench.pass(Duration::from_millis(50));
    assert_eq!(tell(&bench, &process, 1, "Jeju"), "InProgress", "it is being worked on, and may lead back to where it waits");
    bench.pass(Duration::from_secs(3));
    assert_eq!(answer(&told_in_vain), "refused taken-back");
    assert_eq!(tell(&bench, &process, 1, "Busan"), "refused not-waiting");
    process.faults.clear();
    bench.pass(SETTLED);
    assert!(!stands(&process, &bank));
}

/// Behind its pivot nothing can be undone, so what is refused there is for a person to see to.
#[test]
fn what_is_insisted_on_and_refused_is_told_to_whoever_runs_it() {
    let (bench, bank) = bench();
    let process = bench.start(trips());
    begin(&bench, &process, trip(7, None));
    *bank.mood.lock().unwrap() = Mood::Refusing;
    let owe = kernel::Commands::to::<crate::support::trip::Drawer>(&1, crate::support::trip::DrawerCommand::Owe);
    let lines = seeing::told(|| {
        process.wait(process.service(TILL).execute(runtime::Request::new(owe, meta())));
        bench.pass(SETTLED);
    });
    let refused: Vec<_> = lines.iter().filter(|line| line.contains("refused for good")).collect();
    assert_eq!(refused.len(), 1, "once: {lines:#?}");
    assert!(refused[0].contains("WARN") && refused[0].contains("key=\"1\"") && refused[0].contains("no-credit"), "{refused:?}");
}

/// Each telling is kept, so there is an end to it.
#[test]
fn a_saga_is_not_told_in_vain_for_ever() {
    let (bench, bank) = bench();
    let process = bench.start(trips());
    begin(&bench, &process, trip(7, Some(bench.now() + WAITED)));
    *bank.mood.lock().unwrap() = Mood::Refusing;
    let refused = (0..1000).take_while(|_| tell(&bench, &process, 1, "Busan") == "refused no-credit").count();
    assert_eq!(refused, 501, "it came to nothing with the last");
    assert_eq!(tell(&bench, &process, 1, "Busan"), "refused not-waiting");
    bench.pass(SETTLED);
    assert!(!stands(&process, &bank));
}

/// What comes of a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Nothing is waited for.
    GoesAtOnce,
    /// The traveller says where to.
    IsTold,
    /// They never do.
    Lapses,
}

/// For how long a traveller is waited for.
const WAITED: Duration = Duration::from_secs(600);

/// A process that was killed while it made a trip.
struct Killed {
    bench: Bench,
    bank: Arc<Bank>,
    /// What whoever asked last was answered.
    text: String,
    /// Whether there were no more transactions.
    is_over: bool,
}

impl Killed {
    /// Before or after one of the transactions that the trip takes.
    fn at(fate: Fate, hold: Hold, count: usize) -> Self {
        let (bench, bank) = bench();
        let process = bench.start(trips());
        let seen = AtomicUsize::new(0);
        process.store.hold(hold, move |_| seen.fetch_add(1, Ordering::Relaxed) == count);
        let until = (fate != Fate::GoesAtOnce).then(|| bench.now() + WAITED);
        let mut text = answer(&begin(&bench, &process, trip(7, until)));
        match fate {
            Fate::GoesAtOnce => {}
            Fate::IsTold => text = tell(&bench, &process, 1, "Busan"),
            Fate::Lapses => bench.pass(WAITED),
        }
        let is_over = !process.store.holds();
        process.kill();
        Self { bench, bank, text, is_over }
    }

    /// Every one of them, until there are no more.
    fn at_any(fate: Fate, hold: Hold) -> impl Iterator<Item = (usize, Self)> {
        let mut is_over = false;
        (0..).map_while(move |count| {
            let killed = (!is_over).then(|| Self::at(fate, hold, count))?;
            is_over = killed.is_over;
            assert!(!is_over || count > 4, "{fate:?} takes {count} transactions");
            Some((count, killed))
        })
    }
}

/// Each transaction of it, one after the other: killed before and after it, it stands whole or never was. One that waits goes on waiting.
#[test]
fn killed_at_any_transaction_it_stands_whole_or_never_was() {
    for (fate, hold) in FATES {
        for (count, Killed { bench, bank, text, .. }) in Killed::at_any(fate, hold) {
            let process = bench.start(trips());
            bench.pass(SETTLED);
            let told = tell(&bench, &process, 1, "Busan");
            let whole = stands(&process, &bank);
            let what = format!("{fate:?} {hold:?} {count}: {text}, told {told}");
            let heard = text.contains("orders/") || told.starts_with("200");
            assert!(whole || !heard, "{what}");
            assert!(!whole || fate != Fate::Lapses, "{what}");
            assert!(told.starts_with("200") || told == "refused not-waiting", "{what}");
            if fate == Fate::GoesAtOnce {
                assert!(answer(&begin(&bench, &process, trip(7, None))).starts_with("201 orders/"), "{what}, by its key");
                continue;
            }
            let again = answer(&begin(&bench, &process, SagaRequest { key: key("another", "f"), ..trip(7, None) }));
            assert_eq!(again.starts_with("201 orders/"), !whole, "{what}: {again}");
        }
    }
}

/// What is under way when a release comes that has one more step at the end (decision 018) ends by the new table or comes to nothing: the
/// new step is never left out of what stands, but for what stood before, and never done for what does not.
#[test]
fn a_next_release_goes_on_with_what_is_under_way() {
    let mut went_on = 0;
    for (fate, hold) in FATES {
        for (count, Killed { bench, bank, text, .. }) in Killed::at_any(fate, hold) {
            let ended_before = {
                let process = bench.start_with(trips(), |faults| faults.set("toy/desk", Fault { down: true, ..Fault::default() }));
                process.row::<OrderRow>(TRIPS, 1).is_some()
            };
            let process = bench.start(longer_trips());
            bench.pass(SETTLED);
            let told = tell_of::<LongerTrip>(&bench, &process, 1, "Busan");
            let whole = stands(&process, &bank);
            let what = format!("{fate:?} {hold:?} {count}: {text}, told {told}");
            let lounge = process.events::<Pool>("pool", &"lounge".into()).len() % 2 == 1;
            assert_eq!(lounge, whole && !ended_before, "{what}");
            assert!(whole || !told.starts_with("200"), "{what}");
            went_on += usize::from(lounge);
        }
    }
    assert!(went_on > 2, "only {went_on} went on");
}

/// What can come of a trip, and where it is killed.
const FATES: [(Fate, Hold); 6] = [
    (Fate::GoesAtOnce, Hold::Before),
    (Fate::GoesAtOnce, Hold::After),
    (Fate::IsTold, Hold::Before),
    (Fate::IsTold, Hold::After),
    (Fate::Lapses, Hold::Before),
    (Fate::Lapses, Hold::After),
];
