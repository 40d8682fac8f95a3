use fastrand::Rng;

use crate::carrier::Weather;

/// What can go wrong in a run, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chaos {
    /// How many of 10,000 steps are followed by some misfortune.
    pub rate: u32,
    /// How often each sort of misfortune is chosen, in relation to the others.
    pub kill: u32,
    /// The power is cut within the next writes.
    pub cut: u32,
    /// A service is stopped, delayed or made to refuse.
    pub fault: u32,
    /// Writes and syncs fail for a while.
    pub failing_disk: u32,
    /// Minutes pass at once.
    pub jump: u32,
    /// What the carrier does to events.
    pub weather: Weather,
    /// How many of a hundred answers are lost on their way to the client.
    pub deaf: u8,
}

/// One misfortune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfortune {
    Kill,
    Cut,
    Fault,
    FailingDisk,
    Jump,
}

impl Chaos {
    /// Nothing goes wrong but that time passes.
    pub const NONE: Self = Self { rate: 0, kill: 0, cut: 0, fault: 0, failing_disk: 0, jump: 0, weather: Weather::FAIR, deaf: 0 };

    /// Some chaos or other: calm runs, runs with one sort of misfortune, and runs with all of them.
    pub fn of(rng: &mut Rng) -> Self {
        let mut weight = || if rng.bool() { 0 } else { rng.u32(1..4) };
        let (kill, cut, fault, failing_disk, jump) = (weight(), weight(), weight(), weight(), weight());
        let rate = [0, 20, 60, 200, 600][rng.usize(..5)];
        Self { rate, kill, cut, fault, failing_disk, jump, weather: Weather::of(rng), deaf: if rng.bool() { 0 } else { rng.u8(..30) } }
    }

    pub(super) fn strikes(&self, rng: &mut Rng) -> Option<Misfortune> {
        use Misfortune::{Cut, FailingDisk, Fault, Jump, Kill};

        if rng.u32(..10_000) >= self.rate {
            return None;
        }
        let weights = [(Kill, self.kill), (Cut, self.cut), (Fault, self.fault), (FailingDisk, self.failing_disk), (Jump, self.jump)];
        let total = weights.iter().map(|(_, weight)| weight).sum::<u32>();
        let mut dice = if total == 0 { return None } else { rng.u32(..total) };
        for (misfortune, weight) in weights {
            if dice < weight {
                return Some(misfortune);
            }
            dice -= weight;
        }
        None
    }
}
