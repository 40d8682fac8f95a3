//! The in-process carrier keeps what every carrier keeps; and the suite sees it when one does not.
#![allow(clippy::unwrap_used, missing_docs)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use eventlog::conformance::{self, Backend, Given, May};
use eventlog::{Carrier, Delivery, Feeds, InProcess, Subscription};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use store::FeedEvent;
use yeyak_log as eventlog;

struct Memory;

impl Backend for Memory {
    fn carrier(&self, _feeds: Arc<dyn Feeds>) -> Arc<dyn Carrier> {
        Arc::new(InProcess::default())
    }

    fn block_on(&self, future: BoxFuture<'_, ()>) {
        // What was published is there at once, so a follower that has to wait would wait for ever.
        assert!(future.now_or_never().is_some(), "something that was published did not arrive");
    }

    fn holds(&self) -> usize {
        256
    }
}

eventlog::conformance!(Memory);

/// What a carrier does to the deliveries of the one it stands before.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Every third publication is lost.
    Loses,
    /// Every one is delivered twice.
    Repeats,
    /// Two publications change their places.
    Swaps,
}

struct Unruly {
    fault: Fault,
    carrier: InProcess,
    count: AtomicUsize,
    held: Mutex<Vec<Arc<FeedEvent>>>,
}

impl Carrier for Unruly {
    fn publish(&self, events: &[Arc<FeedEvent>]) {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        match self.fault {
            Fault::Loses if count % 3 == 1 => {}
            Fault::Loses => self.carrier.publish(events),
            Fault::Repeats => {
                self.carrier.publish(events);
                self.carrier.publish(events);
            }
            Fault::Swaps if count.is_multiple_of(2) => self.held.lock().unwrap().extend_from_slice(events),
            Fault::Swaps => {
                self.carrier.publish(events);
                self.carrier.publish(&std::mem::take(&mut *self.held.lock().unwrap()));
            }
        }
    }

    fn subscribe(&self, source: &str) -> Box<dyn Subscription> {
        self.carrier.subscribe(source)
    }
}

/// An in-process carrier with a fault, and what it says that it may do.
struct Broken(Fault, May);

impl Backend for Broken {
    fn carrier(&self, _feeds: Arc<dyn Feeds>) -> Arc<dyn Carrier> {
        Arc::new(Unruly { fault: self.0, carrier: InProcess::default(), count: AtomicUsize::new(0), held: Mutex::default() })
    }

    fn block_on(&self, future: BoxFuture<'_, ()>) {
        assert!(future.now_or_never().is_some(), "something that was published did not arrive");
    }

    fn may(&self) -> May {
        self.1
    }

    fn holds(&self) -> usize {
        256
    }
}

fn passes(backend: &Broken, case: fn(Given<'_>)) -> bool {
    catch_unwind(AssertUnwindSafe(|| conformance::run(backend, case))).is_ok()
}

#[test]
fn the_suite_sees_what_a_carrier_may_not_do() {
    let case = conformance::what_is_published_after_subscribing_arrives_in_order_in_each_shard;
    for fault in [Fault::Loses, Fault::Repeats, Fault::Swaps] {
        assert!(!passes(&Broken(fault, May::default()), case), "{fault:?}");
    }
}

#[test]
fn a_follower_with_the_feed_has_everything_whatever_the_carrier_may_do() {
    let may = May { repeat: true, lose: true, remember: false };
    for fault in [Fault::Loses, Fault::Repeats, Fault::Swaps] {
        for case in [
            conformance::what_is_published_after_subscribing_arrives_in_order_in_each_shard,
            conformance::what_was_published_before_is_found_in_the_feed,
            conformance::giving_up_waiting_loses_nothing,
            conformance::a_follower_hears_of_its_own_source_alone,
            conformance::followers_do_not_depend_on_each_other,
        ] {
            assert!(passes(&Broken(fault, may), case), "{fault:?}");
        }
    }
}

/// A carrier that tells nobody when it has left something out.
struct Silent(InProcess);

struct SilentEnd(Box<dyn Subscription>);

impl Carrier for Silent {
    fn publish(&self, events: &[Arc<FeedEvent>]) {
        self.0.publish(events);
    }

    fn subscribe(&self, source: &str) -> Box<dyn Subscription> {
        Box::new(SilentEnd(self.0.subscribe(source)))
    }
}

impl Subscription for SilentEnd {
    fn next(&mut self) -> BoxFuture<'_, Delivery> {
        Box::pin(async {
            loop {
                match self.0.next().await {
                    Delivery::Missed => {}
                    other => return other,
                }
            }
        })
    }
}

/// Its followers see gaps in the positions, which is enough.
struct WithoutAWord;

impl Backend for WithoutAWord {
    fn carrier(&self, _feeds: Arc<dyn Feeds>) -> Arc<dyn Carrier> {
        Arc::new(Silent(InProcess::default()))
    }

    fn block_on(&self, future: BoxFuture<'_, ()>) {
        assert!(future.now_or_never().is_some(), "something that was published did not arrive");
    }

    fn holds(&self) -> usize {
        256
    }
}

#[test]
fn a_gap_in_the_positions_tells_as_well() {
    conformance::run(&WithoutAWord, conformance::a_slow_follower_is_told_and_holds_up_nothing);
}
