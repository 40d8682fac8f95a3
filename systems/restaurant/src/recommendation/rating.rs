//! What all guests together think of one restaurant.

use kernel::{Aggregate, Refused, Timestamp};
use serde::{Deserialize, Serialize};

use crate::reservation::api::{ReservationId, RestaurantNo};

/// The ratings of a restaurant, added up. Each is counted by a policy, which hears of it once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rating {
    /// The reservation that was rated first. It is of this restaurant and of no other, so its number is this one's too.
    pub(crate) first: Option<ReservationId>,
    /// How many guests have rated.
    pub(crate) count: u64,
    /// All their points.
    pub(crate) sum: u64,
}

/// That a reservation is rated otherwise than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Changed {
    /// Which.
    pub(crate) reservation_no: ReservationId,
    /// How it was rated before, if it was.
    pub(crate) before: Option<u8>,
    /// How it is rated now, if it is.
    pub(crate) point: Option<u8>,
}

/// What can be told to a rating.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// Count this.
    Count(Changed),
}

/// What can have happened to a rating.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum RatingEvent {
    /// This was counted.
    Counted(Changed),
}

impl Aggregate for Rating {
    const NAME: &'static str = "rating";
    type Key = RestaurantNo;
    type Command = Command;
    type Event = RatingEvent;
    // What was rated is counted; there is nothing to refuse.
    type Refusal = Refused;

    fn decide(&self, command: Command, _at: Timestamp) -> Result<Vec<RatingEvent>, Refused> {
        let Command::Count(changed) = command;
        Ok(vec![RatingEvent::Counted(changed)])
    }

    fn evolve(&mut self, event: &RatingEvent, _at: Timestamp) {
        let RatingEvent::Counted(Changed { reservation_no, before, point }) = event;
        let add = |total: u64, each: fn(u8) -> u64| {
            let (more, less) = (point.map_or(0, each), before.map_or(0, each));
            total.saturating_add(more).saturating_sub(less)
        };
        self.first = self.first.or(Some(*reservation_no));
        self.count = add(self.count, |_| 1);
        self.sum = add(self.sum, u64::from);
    }
}

impl Rating {
    /// The average in hundredths, rounded to the nearest, if anybody has rated.
    pub(crate) fn average_in_hundredths(&self) -> Option<u64> {
        (self.sum.saturating_mul(100).saturating_add(self.count / 2)).checked_div(self.count)
    }
}
