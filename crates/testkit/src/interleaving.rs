//! The same story with everything handled in other orders: nothing may depend on which source or key comes first.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;
use jiff::Timestamp;
use runtime::Fault;
use serde_json::Value;
use store::FeedEvent;

use crate::app::{Setup, TestApp};
use crate::carrier::{Unreliable, Weather};
use crate::disk::Disk;
use crate::subject::Subject;

/// Tells a story in many orders. In each of them services are stopped for a while, messages are lost, delayed, doubled and
/// reordered, and tasks run in another order; the end must be the same.
///
/// `story` sends its requests without settling and may expect only what does not depend on what others have handled; `shown` is
/// what must be the same in the end.
///
/// # Panics
/// When something is parked, a view differs when its keys are folded in another order, or the end differs.
pub fn any_interleaving(
    subject: Subject,
    at: Timestamp,
    seeds: std::ops::Range<u64>,
    story: impl Fn(&mut TestApp),
    shown: impl Fn(&mut TestApp) -> Value,
) {
    let mut first: Option<Value> = None;
    for seed in seeds {
        let mut rng = Rng::with_seed(seed);
        let (weather, carrier_seed) = (Weather::of(&mut rng), rng.u64(..));
        let setup = Setup::at(at).on(&Disk::new(seed)).seeded(seed).carrier(move |carrier| {
            // Its pauses are only ever waited for beside others that end, so a clock that stands still does.
            let clock = Arc::new(clock::ManualClock::at(at));
            Arc::new(Unreliable::new(carrier, clock, weather, carrier_seed))
        });
        let mut app = TestApp::with(subject, setup);
        let spec = (subject.spec)();
        story(&mut app);
        // Whoever is stopped hears of everything later than the others.
        let mut services: Vec<_> = spec.services.iter().map(|service| format!("{}/{}", spec.name, service.name())).collect();
        rng.shuffle(&mut services);
        for service in &services {
            app.faults().set(service, Fault { down: true, ..Fault::default() });
        }
        for service in &services {
            app.faults().set(service, Fault::default());
            app.steps(rng.usize(..40));
        }
        app.settle();
        app.verify();
        for _ in 0..4 {
            verify_merged(&mut app, rng.u64(..));
        }
        let end = shown(&mut app);
        match &first {
            None => first = Some(end),
            Some(first) => assert_eq!(*first, end, "seed {seed} ends differently"),
        }
    }
}

/// Folds every view with its keys merged in another order.
fn verify_merged(app: &mut TestApp, seed: u64) {
    let system = app.system().clone();
    let order = move |events| merged(events, seed);
    let found = app.wait_for(system.verify_in(&order)).unwrap_or_else(|error| panic!("the store cannot be read: {error}"));
    assert!(found.is_empty(), "with keys in another order: {found:#?}");
}

/// The events with those of each key in their order, and the keys merged as the seed says.
fn merged(events: Vec<Arc<FeedEvent>>, seed: u64) -> Vec<Arc<FeedEvent>> {
    let mut keys: BTreeMap<String, std::collections::VecDeque<Arc<FeedEvent>>> = BTreeMap::new();
    for event in events {
        keys.entry(event.key.clone()).or_default().push_back(event);
    }
    let mut rng = Rng::with_seed(seed);
    let mut waiting: Vec<_> = keys.into_values().collect();
    let mut merged = Vec::new();
    while !waiting.is_empty() {
        let which = rng.usize(..waiting.len());
        merged.extend(waiting[which].pop_front());
        if waiting[which].is_empty() {
            waiting.swap_remove(which);
        }
    }
    merged
}
