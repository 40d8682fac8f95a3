//! What every carrier keeps, as one suite that each of them runs unchanged.
//!
//! Any carrier may be late, and may mix shards in any order. Where its [`May`] says so it may also repeat, lose or remember. What
//! it may not do is let a follower that looks at the feed when it should end up with anything but every event, once, in order
//! within each shard.
//!
//! A carrier's tests implement [`Backend`] and say `eventlog::conformance!(…)` with an expression that makes a fresh one; every
//! rule becomes a test of its own.

// A rule is broken by a panic: that is what a test's failure is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]
// A case's name is the rule that it keeps; there is no more to say of it.
#![allow(missing_docs)]

mod fixture;

use std::sync::Arc;

use futures_util::future::{BoxFuture, join_all};
use futures_util::{FutureExt, pin_mut};

use crate::{Carrier, Delivery, Feeds};
pub use fixture::{Follower, Truth};

/// What a carrier may legitimately do; nothing of it when default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct May {
    /// Deliver an event more than once, also an older one after a newer.
    pub repeat: bool,
    /// Lose an event without a word, so that the next one of its shard shows a gap. The last one of a shard is then found by
    /// looking at the feed only.
    pub lose: bool,
    /// Deliver what was published before the subscription, as one does that is late, or that knows where its follower stood.
    pub remember: bool,
}

/// A carrier to be tested.
pub trait Backend: Sync {
    /// A fresh carrier. Whatever is published stands in `feeds` before; a carrier that asks for events asks there.
    fn carrier(&self, feeds: Arc<dyn Feeds>) -> Arc<dyn Carrier>;

    /// Runs a future to its end. One that never ends is a failure, which a backend tells in its own way.
    fn block_on(&self, future: BoxFuture<'_, ()>);

    /// What it may do.
    fn may(&self) -> May {
        May::default()
    }

    /// The most deliveries that it holds for a follower who does not take them.
    fn holds(&self) -> usize;
}

/// What a case is given.
pub struct Given<'a> {
    backend: &'a dyn Backend,
    truth: Truth,
    carrier: Arc<dyn Carrier>,
}

/// Runs one case on a fresh carrier.
pub fn run(backend: &dyn Backend, case: fn(Given<'_>)) {
    let truth = Truth::default();
    let carrier = backend.carrier(Arc::new(truth.clone()));
    case(Given { backend, truth, carrier });
}

const SHOP: &str = "shop";
const DEPOT: &str = "depot";

impl Given<'_> {
    fn may(&self) -> May {
        self.backend.may()
    }

    /// Commits one event to each of these shards of `source`, and publishes them together.
    fn publish(&self, source: &str, shards: &[u8]) {
        self.carrier.publish(&self.truth.commit(source, shards));
    }

    fn follow(&self, source: &str) -> Follower {
        Follower::new(self.truth.clone(), source, self.carrier.subscribe(source), self.may())
    }

    fn wait<T: Send>(&self, future: impl Future<Output = T> + Send) -> T {
        let mut answer = None;
        self.backend.block_on(Box::pin(async { answer = Some(future.await) }));
        answer.expect("a backend runs a future to its end")
    }

    /// Lets a follower come to the end of its source, and checks what it saw.
    fn settles(&self, follower: &mut Follower) {
        self.wait(follower.catch_up());
        follower.check();
    }
}

pub fn what_is_published_after_subscribing_arrives_in_order_in_each_shard(given: Given<'_>) {
    let mut follower = given.follow(SHOP);
    for shards in [&[0, 1, 0][..], &[15], &[1, 1, 2, 0], &[0]] {
        given.publish(SHOP, shards);
    }
    given.settles(&mut follower);
    if !given.may().lose {
        assert_eq!(follower.looked_at_the_feed, 0, "the carrier alone brought everything");
    }
}

pub fn what_is_published_while_a_follower_waits_arrives(given: Given<'_>) {
    let mut follower = given.follow(SHOP);
    {
        let waiting = follower.catch_up_to(1);
        pin_mut!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none(), "there is nothing yet");
        given.publish(SHOP, &[3]);
        given.wait(waiting);
    }
    follower.check();
}

pub fn what_was_published_before_is_found_in_the_feed(given: Given<'_>) {
    given.publish(SHOP, &[0, 0, 5]);
    let mut follower = given.follow(SHOP);
    given.publish(SHOP, &[0]);
    given.settles(&mut follower);
    if !given.may().remember {
        assert!(follower.looked_at_the_feed > 0, "a carrier tells of what is new");
    }
}

pub fn giving_up_waiting_loses_nothing(given: Given<'_>) {
    let mut follower = given.follow(SHOP);
    for _ in 0..3 {
        assert!(follower.carrier.next().now_or_never().is_none(), "there is nothing yet");
    }
    given.publish(SHOP, &[0, 1]);
    given.publish(SHOP, &[0]);
    given.settles(&mut follower);
}

pub fn a_follower_hears_of_its_own_source_alone(given: Given<'_>) {
    let (mut shop, mut depot) = (given.follow(SHOP), given.follow(DEPOT));
    // One commit may hold events of several services.
    let both = [given.truth.commit(SHOP, &[0, 1]), given.truth.commit(DEPOT, &[0])].concat();
    given.carrier.publish(&both);
    given.publish(DEPOT, &[7]);
    given.settles(&mut shop);
    given.settles(&mut depot);
}

pub fn followers_do_not_depend_on_each_other(given: Given<'_>) {
    let mut all: Vec<_> = (0..3).map(|_| given.follow(SHOP)).collect();
    let never_looks = given.follow(SHOP);
    given.publish(SHOP, &[0, 1, 2]);
    drop(all.pop());
    given.publish(SHOP, &[2, 2]);
    let mut late = given.follow(SHOP);
    given.publish(SHOP, &[0]);
    given.wait(join_all(all.iter_mut().map(Follower::catch_up)));
    all.iter().for_each(Follower::check);
    given.settles(&mut late);
    drop(never_looks);
}

pub fn a_slow_follower_is_told_and_holds_up_nothing(given: Given<'_>) {
    let (mut slow, holds) = (given.follow(SHOP), given.backend.holds());
    let mut quick = given.follow(SHOP);
    for n in 0..holds * 4 {
        given.publish(SHOP, &[u8::try_from(n % 16).expect("small")]);
        if n % holds == 0 {
            given.wait(quick.catch_up());
        }
    }
    given.settles(&mut quick);
    given.settles(&mut slow);
    assert!(slow.deliveries <= holds + 1, "{} deliveries were held for a follower that was to have {holds}", slow.deliveries);
    assert!(slow.looked_at_the_feed > 0, "nobody told it that something was left out");
    // Having caught up it hears of what is new again.
    given.publish(SHOP, &[4]);
    given.settles(&mut slow);
}

pub fn publishing_waits_for_nobody(given: Given<'_>) {
    let never_looks = given.follow(SHOP);
    let holds = given.backend.holds();
    for _ in 0..holds * 8 {
        given.publish(SHOP, &[0]);
        given.publish(DEPOT, &[0]);
    }
    given.publish(SHOP, &[]);
    drop(never_looks);
}

pub fn what_nobody_follows_is_not_held(given: Given<'_>) {
    drop(given.follow(SHOP));
    for _ in 0..10 {
        given.publish(SHOP, &[0]);
    }
    if !given.may().remember {
        let mut follower = given.follow(SHOP);
        assert!(follower.carrier.next().now_or_never().is_none(), "what nobody followed was kept");
    }
}

pub fn a_carrier_that_goes_says_so(given: Given<'_>) {
    let mut follower = given.follow(SHOP);
    given.publish(SHOP, &[0, 1]);
    given.settles(&mut follower);
    let Given { backend, carrier, .. } = given;
    drop(carrier);
    let mut carrier = follower.carrier;
    for _ in 0..2 {
        let mut delivery = Delivery::Missed;
        backend.block_on(Box::pin(async {
            delivery = carrier.next().await;
            // What was held may still come.
            while !matches!(delivery, Delivery::Closed) {
                delivery = carrier.next().await;
            }
        }));
        assert!(matches!(delivery, Delivery::Closed), "and it stays so");
    }
}

/// Makes a test of each rule. It takes an expression that makes a fresh [`Backend`](conformance::Backend).
#[macro_export]
macro_rules! conformance {
    ($backend:expr) => {
        $crate::conformance! {
            @cases $backend;
            what_is_published_after_subscribing_arrives_in_order_in_each_shard,
            what_is_published_while_a_follower_waits_arrives,
            what_was_published_before_is_found_in_the_feed,
            giving_up_waiting_loses_nothing,
            a_follower_hears_of_its_own_source_alone,
            followers_do_not_depend_on_each_other,
            a_slow_follower_is_told_and_holds_up_nothing,
            publishing_waits_for_nobody,
            what_nobody_follows_is_not_held,
            a_carrier_that_goes_says_so,
        }
    };
    (@cases $backend:expr; $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                $crate::conformance::run(&$backend, $crate::conformance::$case);
            }
        )*
    };
}
