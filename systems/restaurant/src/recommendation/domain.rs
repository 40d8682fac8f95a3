//! What a guest thinks of one reservation.

use kernel::{Aggregate, Refused, RefusedKind, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::reservation::api::{CustomerId, ReservationId, RestaurantNo};

/// A reservation as it can be rated. That it is cancelled can be heard before it can be rated, since either takes its own way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recommendation {
    /// What can be rated, once it was registered.
    pub registered: Option<Registered>,
    /// How it was rated.
    pub point: Option<u8>,
    /// Whether the reservation is no more, or nobody came.
    pub is_deleted: bool,
}

/// What can be rated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registered {
    /// The reservation.
    pub reservation_no: ReservationId,
    /// The restaurant.
    pub restaurant_no: RestaurantNo,
    /// Whose it is, if that was said.
    pub customer_id: Option<CustomerId>,
    /// From when on.
    pub opens_at: Timestamp,
}

/// What can be asked of a recommendation.
#[derive(Clone, Debug)]
pub enum Command {
    /// The reservation can be rated.
    Register(Registered),
    /// It is rated, or rated otherwise.
    Rate {
        /// How: 1 to 5.
        point: u8,
        /// Who says so; an administrator when not given.
        by: Option<CustomerId>,
    },
    /// The reservation is no more, nobody came, or it never came to be.
    Delete,
}

/// What can have happened to a recommendation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// The reservation can be rated.
    Registered(Registered),
    /// It was rated.
    Rated {
        /// How.
        point: u8,
        /// How it was rated before.
        before: Option<u8>,
    },
    /// The reservation is no more.
    Deleted,
}

/// Why a recommendation says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was never registered, or is no more.
    #[error("there is no such recommendation")]
    NotFound,
    /// The reservation is someone else's.
    #[error("only the guest who reserved may do this")]
    NotTheGuest,
    /// It is too early to say.
    #[error("the reservation cannot be rated yet")]
    NotOpenYet {
        /// When it can be.
        opens_at: Timestamp,
    },
    /// It is rated just so.
    #[error("this stands already")]
    Standing(ReservationId),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        use RefusedKind::{Conflict, Forbidden, NotFound};

        let no = |kind, code| Self::new(kind, code, &refusal);
        match &refusal {
            Refusal::NotFound => no(NotFound, "not-found"),
            Refusal::NotTheGuest => no(Forbidden, "not-the-guest"),
            Refusal::NotOpenYet { opens_at } => no(Conflict, "not-open-yet").with("opensAt", json!(opens_at)),
            Refusal::Standing(id) => Self::standing(id.number()),
        }
    }
}

impl Aggregate for Recommendation {
    const NAME: &'static str = "recommendation";
    type Key = ReservationId;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, at: Timestamp) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Register(_) if self.registered.is_some() || self.is_deleted => Ok(Vec::new()),
            Command::Register(registered) => Ok(vec![Event::Registered(registered)]),
            Command::Rate { point, by } => self.rate(point, by.as_ref(), at),
            Command::Delete if self.is_deleted => Ok(Vec::new()),
            Command::Delete => Ok(vec![Event::Deleted]),
        }
    }

    fn evolve(&mut self, event: &Event, _at: Timestamp) {
        match event {
            Event::Registered(registered) => self.registered = Some(registered.clone()),
            Event::Rated { point, .. } => self.point = Some(*point),
            Event::Deleted => self.is_deleted = true,
        }
    }
}

impl Recommendation {
    fn rate(&self, point: u8, by: Option<&CustomerId>, at: Timestamp) -> Result<Vec<Event>, Refusal> {
        let registered = self.registered.as_ref().filter(|_| !self.is_deleted).ok_or(Refusal::NotFound)?;
        if by.is_some() && by != registered.customer_id.as_ref() {
            return Err(Refusal::NotTheGuest);
        }
        if at < registered.opens_at {
            return Err(Refusal::NotOpenYet { opens_at: registered.opens_at });
        }
        if self.point == Some(point) {
            return Err(Refusal::Standing(registered.reservation_no));
        }
        Ok(vec![Event::Rated { point, before: self.point }])
    }
}
