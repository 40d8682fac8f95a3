//! What goes wrong is seen: as numbers, and as one line of the log that says whose story it is.

use std::io;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use runtime::shard_of;
use store::{Claims, FeedEvent, Meta, Parked, Position, Store as _, Writes};
use telemetry::Exposition;
use tracing::Level;

use crate::support::toy::{BOARD, BREAKS_THE_STORE, COUNTERS, Do, PANICS_IN_DECIDE, PANICS_IN_REACT, faulty_policy, mended};
use crate::support::{Bench, Process, add, ask, buy};
use crate::views::broken;

const SECOND: Duration = Duration::from_secs(1);

/// The value of a sample, written as it stands there.
#[track_caller]
fn shows(toy: &Process, sample: &str) -> f64 {
    let mut shown = Exposition::default();
    toy.wait(toy.system.show(&mut shown));
    let text = shown.to_string();
    let found = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ').map(str::to_owned));
    found.unwrap_or_else(|| panic!("{sample} is not in\n{text}")).parse().unwrap()
}

#[track_caller]
pub fn check(toy: &Process, sample: &str, expected: f64) {
    let found = shows(toy, sample);
    assert!((found - expected).abs() < 1e-9, "{sample} {found}");
}

#[test]
fn what_is_parked_is_counted_by_events_and_keys() {
    let bench = Bench::new();
    let toy = bench.start(faulty_policy());
    check(&toy, "yeyak_parked_events{system=\"toy\",service=\"board\"}", 0.);
    toy.say([add(1, PANICS_IN_DECIDE), add(1, 2), add(2, 1), add(3, BREAKS_THE_STORE)]);
    check(&toy, "yeyak_parked_events{system=\"toy\",service=\"board\"}", 3.);
    check(&toy, "yeyak_parked_keys{system=\"toy\",service=\"board\"}", 2.);
}

/// However long the line of one key is, the others are counted.
#[test]
fn every_key_that_waits_is_counted() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let next_at = bench.now() + 3600 * SECOND;
    let parked = |key: u64, seq: u64| {
        let meta = Meta { correlation: "story".into(), causation: "test".into(), caller: "internal:test".into(), trace: None };
        let (key, at) = (key.to_string(), bench.now() + Duration::from_micros(seq));
        let event = FeedEvent {
            source: COUNTERS.into(),
            shard: shard_of(&key),
            position: Position { epoch: 1, seq },
            key,
            at,
            data: String::from("{}").into(),
            meta,
        };
        Parked { service: BOARD, consumer: "policies".into(), event: event.into(), error: "it fails".into(), tries: 1, next_at }
    };
    let long = (1..=1500).map(|seq| parked(1, seq));
    let others = (2..=1200).map(|key| parked(key, 2000 + key));
    let writes = Writes { parked: long.chain(others).collect(), ..Writes::default() };
    toy.wait(toy.store.write(Claims { batch: "parked".into(), ..Claims::default() }, Box::new(|_| Ok(writes)))).unwrap();
    check(&toy, "yeyak_parked_events{system=\"toy\",service=\"board\"}", 1000.);
    check(&toy, "yeyak_parked_keys{system=\"toy\",service=\"board\"}", 1200.);
}

#[test]
fn a_view_that_has_halted_and_a_wake_up_that_fails_are_shown() {
    let bench = Bench::new();
    let toy = bench.start(broken());
    let view = "yeyak_consumer_halted{system=\"toy\",service=\"board\",consumer=\"totals@1\",source=\"counters\"}";
    check(&toy, view, 0.);
    toy.execute(add(1, PANICS_IN_REACT));
    check(&toy, view, 1.);
    check(&toy, "yeyak_wakeups_stuck{system=\"toy\"}", 0.);
    toy.execute(ask(&[(2, Do::Ring { at: bench.now() + SECOND, lazy: true })]));
    bench.pass(2 * SECOND);
    check(&toy, "yeyak_wakeups_stuck{system=\"toy\"}", 1.);
}

#[test]
fn a_saga_is_shown_where_it_stands() {
    let bench = Bench::new();
    let toy = bench.start(mended());
    let open = |state: &str| format!("yeyak_sagas_open{{system=\"toy\",service=\"shop\",saga=\"buy\",state=\"{state}\"}}");
    // Its callee is slow, then it is away, so that taking the call back has to wait.
    toy.fault("pool", runtime::Fault { delay: 10 * SECOND, ..runtime::Fault::default() });
    let _bought = toy.begin(buy(1));
    check(&toy, &open("calling"), 1.);
    bench.pass(Duration::from_millis(700));
    check(&toy, &open("calling"), 0.);
    check(&toy, &open("compensating"), 1.);
    toy.kill();

    let toy = bench.start_with(mended(), |faults| {
        faults.set("toy/pool", runtime::Fault { down: true, ..runtime::Fault::default() });
    });
    check(&toy, &open("left-behind"), 1.);
    bench.pass(SECOND);
    check(&toy, &open("left-behind"), 0.);
    toy.faults.clear();
    bench.pass(120 * SECOND);
    check(&toy, &open("compensating"), 0.);
    toy.check();
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The warnings and errors that are told meanwhile.
pub fn told(work: impl FnOnce()) -> Vec<String> {
    // Where nobody listened but this thread, a line that another thread comes to first would count as of no interest to anybody.
    static LISTENS: Once = Once::new();
    LISTENS.call_once(|| {
        let log = tracing_subscriber::fmt().with_max_level(Level::WARN).with_writer(io::sink);
        tracing::subscriber::set_global_default(log.finish()).unwrap();
    });
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt().with_max_level(Level::WARN).with_ansi(false).without_time().with_writer(move || writer.clone());
    tracing::subscriber::with_default(log.finish(), work);
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn an_event_that_is_parked_is_told_once_with_its_story() {
    let bench = Bench::new();
    let lines = told(|| drop(bench.start(faulty_policy()).execute(add(1, PANICS_IN_DECIDE))));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("ERROR") && lines[0].contains("an event cannot be handled; it is parked with its key"), "{lines:?}");
    assert!(lines[0].contains("service=\"board\"") && lines[0].contains("correlation=\"story\""), "{lines:?}");
}

#[test]
fn a_wake_up_that_fails_again_and_again_is_told_once() {
    let bench = Bench::new();
    let lines = told(|| {
        let toy = bench.start(mended());
        toy.execute(ask(&[(1, Do::Ring { at: bench.now() + SECOND, lazy: true })]));
        bench.pass(20 * SECOND);
    });
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("a wake-up fails"), "{lines:?}");
}

#[test]
fn a_view_that_halts_is_told_once() {
    let bench = Bench::new();
    let lines = told(|| drop(bench.start(broken()).execute(add(1, PANICS_IN_REACT))));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("a consumer has halted"), "{lines:?}");
}

#[test]
fn what_fails_for_a_client_is_left_to_whoever_answers_them() {
    let bench = Bench::new();
    let lines = told(|| {
        let toy = bench.start(mended());
        assert_eq!(toy.says(ask(&[(1, Do::PanicInDecide)])), "failed");
    });
    assert_eq!(lines, Vec::<String>::new());
}
