//! A carrier that does to events what networks do: it loses, delays, doubles and reorders them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clock::SharedClock;
use eventlog::{Carrier, Delivery, Subscription};
use fastrand::Rng;
use futures_util::future::{BoxFuture, Either, select};
use store::FeedEvent;

/// How often a carrier does what, in percent of the deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// A delivery never arrives, and nothing says so.
    pub lose: u8,
    /// It arrives later, behind others.
    pub delay: u8,
    /// It arrives again later.
    pub double: u8,
    /// Its events come in another order, or some of them without the rest.
    pub shuffle: u8,
}

impl Weather {
    /// Nothing goes wrong.
    pub const FAIR: Self = Self { lose: 0, delay: 0, double: 0, shuffle: 0 };

    /// Some weather or other.
    pub fn of(rng: &mut Rng) -> Self {
        let mut percent = || if rng.bool() { 0 } else { rng.u8(..50) };
        Self { lose: percent(), delay: percent(), double: percent(), shuffle: percent() }
    }
}

/// A carrier in bad weather.
pub struct Unreliable {
    carrier: Arc<dyn Carrier>,
    clock: SharedClock,
    weather: Weather,
    rng: Mutex<Rng>,
}

impl Unreliable {
    /// Puts weather between a carrier and its followers; the seed decides what happens to which delivery.
    pub fn new(carrier: Arc<dyn Carrier>, clock: SharedClock, weather: Weather, seed: u64) -> Self {
        Self { carrier, clock, weather, rng: Mutex::new(Rng::with_seed(seed)) }
    }
}

impl Carrier for Unreliable {
    fn publish(&self, events: &[Arc<FeedEvent>]) {
        self.carrier.publish(events);
    }

    fn subscribe(&self, source: &str) -> Box<dyn Subscription> {
        let rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner).fork();
        let (inner, clock) = (self.carrier.subscribe(source), Arc::clone(&self.clock));
        Box::new(Weathered { inner, clock, weather: self.weather, rng, held: VecDeque::new() })
    }
}

/// One follower's end. Each follower has its own bad luck.
struct Weathered {
    inner: Box<dyn Subscription>,
    clock: SharedClock,
    weather: Weather,
    rng: Rng,
    held: VecDeque<Delivery>,
}

impl Subscription for Weathered {
    fn next(&mut self) -> BoxFuture<'_, Delivery> {
        Box::pin(async {
            loop {
                if !self.held.is_empty() && self.chance(50) {
                    let wait = Duration::from_millis(self.rng.u64(1..400));
                    let arrived = match select(self.inner.next(), self.clock.sleep(wait)).await {
                        Either::Left((delivery, _)) => Some(delivery),
                        Either::Right(_) => None,
                    };
                    match arrived {
                        Some(delivery) => self.held.push_back(delivery),
                        None => return self.release(),
                    }
                } else {
                    let delivery = self.inner.next().await;
                    if let Some(delivery) = self.pass(delivery) {
                        return delivery;
                    }
                }
            }
        })
    }
}

impl Weathered {
    fn chance(&mut self, percent: u8) -> bool {
        self.rng.u8(..100) < percent
    }

    /// One of those that were held back, not always the oldest.
    fn release(&mut self) -> Delivery {
        let which = self.rng.usize(..self.held.len());
        self.held.remove(which).unwrap_or(Delivery::Missed)
    }

    /// What becomes of a delivery: `None` when it does not arrive now.
    fn pass(&mut self, delivery: Delivery) -> Option<Delivery> {
        if matches!(delivery, Delivery::Closed) {
            return Some(delivery);
        }
        let Weather { lose, delay, double, shuffle } = self.weather;
        if self.chance(lose) {
            return None;
        }
        if self.chance(double) {
            self.held.push_back(delivery.clone());
        }
        let delivery = if self.chance(shuffle) { self.shuffled(&delivery) } else { delivery };
        if self.chance(delay) {
            self.held.push_back(delivery);
            return None;
        }
        Some(delivery)
    }

    fn shuffled(&mut self, delivery: &Delivery) -> Delivery {
        let Delivery::Events(events) = delivery else { return delivery.clone() };
        let mut events = events.to_vec();
        self.rng.shuffle(&mut events);
        if self.chance(50) {
            events.truncate(self.rng.usize(..=events.len()));
        }
        Delivery::Events(Arc::new(events))
    }
}
