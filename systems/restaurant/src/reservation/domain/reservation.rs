//! One reservation, from the deposit that is to be paid for it to what its guest thought of it.
//!
//! Its seats are the calendar's: what stands here and what is held there is made and taken back by commands that are accepted together.

use kernel::{Aggregate, Refused, RefusedKind, Timestamp};
use serde::{Deserialize, Serialize};

use crate::reservation::api::{Booking, CustomerId, ReservationId, ReservationStatus};

/// A reservation. What others tell of it can come before it stands, since each takes its own way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reservation {
    /// What was made, once it was.
    pub(crate) made: Option<Made>,
    /// What its guest gave it.
    pub(crate) point: Option<u8>,
}

/// A reservation that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Made {
    /// What it is about.
    pub(crate) booking: Booking,
    /// What it is.
    pub(crate) status: ReservationStatus,
    /// Where its deposit can be paid, while it has to be.
    pub(crate) checkout: Option<Checkout>,
}

/// Where a guest pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Checkout {
    /// A link.
    pub(crate) link: String,
    /// Until when.
    pub(crate) until: Timestamp,
}

/// What can be asked of a reservation. Whatever comes again changes nothing.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// Its seats are held, and the guest has to pay.
    Pend(Booking, Checkout),
    /// Its seats are held, and the deposit is paid.
    Take(Booking),
    /// Nobody has paid, or will. Harmless once somebody has.
    Lapse,
    /// The restaurant has it.
    Accept,
    /// It is taken back.
    Cancel {
        /// By whom; an administrator when not given.
        by: Option<CustomerId>,
    },
    /// Its guest did not come.
    NoShow,
    /// Its guest rated it.
    Recommend {
        /// How: 1 to 5.
        point: u8,
    },
}

/// What can have happened to a reservation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Event {
    /// The guest has to pay the deposit.
    DepositPending {
        /// What it is about.
        booking: Booking,
        /// Where.
        checkout: Checkout,
    },
    /// The deposit is paid: it stands.
    DepositPayed {
        /// What it is about.
        booking: Booking,
    },
    /// The deposit was not paid in time.
    Lapsed,
    /// The restaurant has it.
    Reserved,
    /// It was taken back.
    Canceled {
        /// Whether the deposit is to be given back.
        refund: bool,
    },
    /// Its guest did not come.
    NoShow,
    /// Its guest rated it before the restaurant had it, which is kept until then.
    RatedEarly {
        /// How.
        point: u8,
    },
    /// Its guest rated it.
    Recommanded {
        /// How.
        point: u8,
    },
}

/// Why a reservation says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It was never made.
    #[error("there is no such reservation")]
    NoSuchReservation,
    /// It is someone else's.
    #[error("only the guest who reserved may do this")]
    NotTheGuest,
    /// Its sitting has begun.
    #[error("the sitting has begun already")]
    SittingBegun,
    /// Its sitting has not begun.
    #[error("the sitting has not begun yet")]
    SittingAhead {
        /// When it does.
        starts_at: Timestamp,
    },
    /// Its deposit is not paid.
    #[error("the deposit is not paid yet")]
    DepositPending,
    /// It was taken back.
    #[error("the reservation is over")]
    Over,
}

impl Aggregate for Reservation {
    const NAME: &'static str = "reservation";
    type Key = ReservationId;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, at: Timestamp) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Pend(..) if self.made.is_some() => Ok(Vec::new()),
            Command::Pend(booking, checkout) => Ok(vec![Event::DepositPending { booking, checkout }]),
            Command::Take(booking) => self.take(booking, at),
            Command::Lapse => Ok(if self.status() == Some(ReservationStatus::DepositPending) { vec![Event::Lapsed] } else { Vec::new() }),
            Command::Accept => Ok(self.accept()),
            Command::Cancel { by } => self.cancel(by.as_ref(), at),
            Command::NoShow => self.no_show(at),
            Command::Recommend { point } => Ok(self.recommend(point)),
        }
    }

    fn evolve(&mut self, event: &Event, _at: Timestamp) {
        match event {
            Event::DepositPending { booking, checkout } => {
                let (booking, checkout) = (booking.clone(), Some(checkout.clone()));
                self.made = Some(Made { booking, status: ReservationStatus::DepositPending, checkout });
            }
            Event::DepositPayed { booking } => {
                self.made = Some(Made { booking: booking.clone(), status: ReservationStatus::DepositPayed, checkout: None });
            }
            Event::Lapsed | Event::Canceled { .. } => self.turn(ReservationStatus::Canceled),
            Event::Reserved => self.turn(ReservationStatus::Reserved),
            Event::NoShow => self.turn(ReservationStatus::NoShow),
            Event::RatedEarly { point } => self.point = Some(*point),
            Event::Recommanded { point } => {
                self.point = Some(*point);
                self.turn(ReservationStatus::Recommanded);
            }
        }
    }
}

impl Reservation {
    /// What it is, once it was made.
    pub(crate) fn status(&self) -> Option<ReservationStatus> {
        self.made.as_ref().map(|made| made.status)
    }

    /// Who agreed to pay before the sitting began has their table in it, though it may be a while until the money is here. Once it is over, its
    /// seats are nobody's any more.
    fn take(&self, booking: Booking, at: Timestamp) -> Result<Vec<Event>, Refusal> {
        match self.status() {
            None | Some(ReservationStatus::DepositPending) if booking.ends_at <= at => Err(Refusal::SittingBegun),
            None | Some(ReservationStatus::DepositPending) => Ok(vec![Event::DepositPayed { booking }]),
            Some(ReservationStatus::Canceled) => Err(Refusal::Over),
            Some(
                ReservationStatus::DepositPayed | ReservationStatus::Reserved | ReservationStatus::Recommanded | ReservationStatus::NoShow,
            ) => Ok(Vec::new()),
        }
    }

    /// What was taken back before, stays so.
    fn accept(&self) -> Vec<Event> {
        if self.status() != Some(ReservationStatus::DepositPayed) {
            return Vec::new();
        }
        let rated = self.point.map(|point| Event::Recommanded { point });
        [Event::Reserved].into_iter().chain(rated).collect()
    }

    fn cancel(&self, by: Option<&CustomerId>, at: Timestamp) -> Result<Vec<Event>, Refusal> {
        let Made { booking, status, .. } = self.made.as_ref().ok_or(Refusal::NoSuchReservation)?;
        if by.is_some() && by != booking.customer_id.as_ref() {
            return Err(Refusal::NotTheGuest);
        }
        match status {
            ReservationStatus::Canceled => Ok(Vec::new()),
            ReservationStatus::NoShow => Err(Refusal::SittingBegun),
            _ if booking.starts_at <= at => Err(Refusal::SittingBegun),
            // What never stood keeps no money, though it may have come at the last moment.
            ReservationStatus::DepositPending => Ok(vec![Event::Canceled { refund: true }]),
            ReservationStatus::DepositPayed | ReservationStatus::Reserved | ReservationStatus::Recommanded => {
                Ok(vec![Event::Canceled { refund: at < booking.refund_until }])
            }
        }
    }

    fn no_show(&self, at: Timestamp) -> Result<Vec<Event>, Refusal> {
        let Made { booking, status, .. } = self.made.as_ref().ok_or(Refusal::NoSuchReservation)?;
        match status {
            ReservationStatus::NoShow => Ok(Vec::new()),
            ReservationStatus::Canceled => Err(Refusal::Over),
            ReservationStatus::DepositPending => Err(Refusal::DepositPending),
            _ if at < booking.starts_at => Err(Refusal::SittingAhead { starts_at: booking.starts_at }),
            ReservationStatus::DepositPayed | ReservationStatus::Reserved | ReservationStatus::Recommanded => Ok(vec![Event::NoShow]),
        }
    }

    /// A rating waits until the restaurant has the reservation, so that everyone sees its states in their order.
    fn recommend(&self, point: u8) -> Vec<Event> {
        if self.point == Some(point) {
            return Vec::new();
        }
        match self.status() {
            None | Some(ReservationStatus::DepositPending | ReservationStatus::DepositPayed) => vec![Event::RatedEarly { point }],
            Some(ReservationStatus::Reserved | ReservationStatus::Recommanded) => vec![Event::Recommanded { point }],
            Some(ReservationStatus::Canceled | ReservationStatus::NoShow) => Vec::new(),
        }
    }

    fn turn(&mut self, status: ReservationStatus) {
        if let Some(made) = &mut self.made {
            made.status = status;
            made.checkout = None;
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        use RefusedKind::{Conflict, Forbidden, NotFound};

        let no = |kind, code| Self::new(kind, code, refusal);
        match refusal {
            Refusal::NoSuchReservation => no(NotFound, "no-such-reservation"),
            Refusal::NotTheGuest => no(Forbidden, "not-the-guest"),
            Refusal::SittingBegun => no(Conflict, "sitting-begun"),
            Refusal::SittingAhead { starts_at } => no(Conflict, "sitting-ahead").with("startsAt", starts_at.to_string()),
            Refusal::DepositPending => no(Conflict, "deposit-pending"),
            Refusal::Over => no(Conflict, "reservation-over"),
        }
    }
}
