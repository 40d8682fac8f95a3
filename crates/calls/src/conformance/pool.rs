//! The callee's rules: a pool of seats.

use jiff::Timestamp;
use kernel::{Aggregate, Answer, Call, Exposed, Published, Refused, RefusedKind};
use serde::{Deserialize, Serialize};

/// The service that answers.
pub const POOL: &str = "pool";

/// How many seats a pool has at first.
pub const SEATS: u32 = 10;

/// Seats, of which some are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    taken: u32,
}

impl Pool {
    fn left(&self) -> u32 {
        SEATS - self.taken
    }
}

/// What can be asked of a pool.
#[derive(Clone, Debug)]
pub enum PoolCommand {
    Take(u32),
    GiveBack(u32),
}

/// What can have happened to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum PoolEvent {
    Taken { seats: u32 },
    GivenBack { seats: u32 },
}

/// There are not so many.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only {left} seats are left")]
pub struct SoldOut {
    pub left: u32,
}

impl From<SoldOut> for Refused {
    fn from(refusal: SoldOut) -> Self {
        Self::new(RefusedKind::Conflict, "sold-out", &refusal).with("left", refusal.left)
    }
}

impl Aggregate for Pool {
    const NAME: &'static str = "pool";
    type Key = String;
    type Command = PoolCommand;
    type Event = PoolEvent;
    type Refusal = SoldOut;

    fn decide(&self, command: PoolCommand, _at: Timestamp) -> Result<Vec<PoolEvent>, SoldOut> {
        match command {
            PoolCommand::Take(seats) if seats > self.left() => Err(SoldOut { left: self.left() }),
            PoolCommand::Take(0) | PoolCommand::GiveBack(0) => Ok(Vec::new()),
            PoolCommand::Take(seats) => Ok(vec![PoolEvent::Taken { seats }]),
            PoolCommand::GiveBack(seats) if seats > self.taken => Err(SoldOut { left: self.left() }),
            PoolCommand::GiveBack(seats) => Ok(vec![PoolEvent::GivenBack { seats }]),
        }
    }

    fn evolve(&mut self, event: &PoolEvent, _at: Timestamp) {
        match event {
            PoolEvent::Taken { seats } => self.taken += seats,
            PoolEvent::GivenBack { seats } => self.taken -= seats,
        }
    }
}

/// What a pool publishes: nothing.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "eventType")]
pub enum PoolPublished {}

impl Published for PoolPublished {
    const SERVICE: &'static str = POOL;
}

impl Exposed for Pool {
    type Published = PoolPublished;
}

/// Takes seats of a pool.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Take {
    pub pool: String,
    pub seats: u32,
}

/// How many are left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    pub left: u32,
}

impl Call for Take {
    const SERVICE: &'static str = POOL;
    const NAME: &'static str = "take";
    type Reply = Taken;
}

impl Answer for Take {
    type By = Pool;

    fn command(&self) -> (String, PoolCommand) {
        (self.pool.clone(), PoolCommand::Take(self.seats))
    }

    fn reply(&self, after: &Pool) -> Taken {
        Taken { left: after.left() }
    }

    fn undo(&self) -> (String, PoolCommand) {
        (self.pool.clone(), PoolCommand::GiveBack(self.seats))
    }
}
