//! A reservation, as the restaurant sees it. It writes down what reservation decided.

use booking::TimeOfDay;
use jiff::civil::Date;
use kernel::{Aggregate, Refused, Timestamp};
use serde::{Deserialize, Serialize};

use crate::reservation::api::{ReservationId, RestaurantNo};
use crate::restaurant::api::EntryStatus;

/// A reservation in the restaurant's book. That it was taken back, or that nobody came, can be known before the reservation itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    /// Who is expected where and when, once that is known.
    pub(crate) expected: Option<Expected>,
    /// What became of it, once something did.
    pub(crate) end: Option<End>,
}

/// A party that is expected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Expected {
    /// The restaurant.
    pub(crate) restaurant_no: RestaurantNo,
    /// The day.
    pub(crate) day: Date,
    /// When the sitting begins.
    pub(crate) time: TimeOfDay,
    /// How many people.
    pub(crate) party_size: u32,
}

/// How a reservation ends that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum End {
    /// It was taken back.
    Canceled,
    /// Nobody came.
    NoShow,
}

/// What can be asked of an entry.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// Someone is expected.
    Reserve(Expected),
    /// Nobody is, any more.
    End(End),
}

/// What can have happened to an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Event {
    /// Someone is expected.
    Reserved(Expected),
    /// It was taken back.
    Canceled,
    /// Nobody came.
    NoShow,
}

impl Aggregate for Entry {
    const NAME: &'static str = "entry";
    type Key = ReservationId;
    type Command = Command;
    type Event = Event;
    // It writes down what was decided elsewhere.
    type Refusal = Refused;

    fn decide(&self, command: Command, _at: Timestamp) -> Result<Vec<Event>, Refused> {
        Ok(match command {
            Command::Reserve(_) if self.expected.is_some() => Vec::new(),
            // An end that was known before comes after all the same, so that whoever hears of the one hears of the other.
            Command::Reserve(expected) => [Event::Reserved(expected)].into_iter().chain(self.end.map(Event::from)).collect(),
            Command::End(_) if self.end.is_some() => Vec::new(),
            Command::End(end) => vec![end.into()],
        })
    }

    fn evolve(&mut self, event: &Event, _at: Timestamp) {
        match event {
            Event::Reserved(expected) => self.expected = Some(expected.clone()),
            Event::Canceled => self.end = Some(End::Canceled),
            Event::NoShow => self.end = Some(End::NoShow),
        }
    }
}

impl From<End> for Event {
    fn from(end: End) -> Self {
        match end {
            End::Canceled => Self::Canceled,
            End::NoShow => Self::NoShow,
        }
    }
}

impl Entry {
    /// What it is to the restaurant.
    pub(crate) const fn status(&self) -> EntryStatus {
        match self.end {
            None => EntryStatus::Reserved,
            Some(End::Canceled) => EntryStatus::Canceled,
            Some(End::NoShow) => EntryStatus::NoShow,
        }
    }
}
