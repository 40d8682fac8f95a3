//! `/reservations`, and the published form of what happens to calendars and reservations.

use booking::TimeOfDay;
use jiff::civil::Date;
use kernel::{Aggregate, Exposed, Field, Money, Move, Resource, Rows, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api::{Booking, CustomerId, ReservationEvent, ReservationId, ReservationStatus, RestaurantNo};
use super::domain::calendar::{self, Calendar};
use super::domain::reservation::{Checkout, Event, Made, Reservation};

/// A reservation, through all its states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Reservation)]
pub(crate) struct ReservationRow {
    /// Its number.
    pub(crate) id: ReservationId,
    /// The restaurant.
    pub(crate) restaurant_no: RestaurantNo,
    /// The day, in the restaurant's zone.
    #[schema(value_type = String, format = Date)]
    pub(crate) day: Date,
    /// When the sitting begins.
    pub(crate) time: TimeOfDay,
    /// When it ends.
    pub(crate) end_time: TimeOfDay,
    /// For how many people.
    pub(crate) party_size: u32,
    /// Who reserved, if that was said.
    pub(crate) customer_id: Option<CustomerId>,
    /// The whole deposit.
    pub(crate) deposit: Money,
    /// What it is.
    pub(crate) status: ReservationStatus,
    /// The sitting's first instant.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) starts_at: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) ends_at: Timestamp,
    /// The first instant from which on a cancellation is not refunded any more.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) refund_until: Timestamp,
    /// Where the deposit can be paid, while it has to be.
    pub(crate) checkout: Option<String>,
    /// Until when it can be.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) pay_until: Option<Timestamp>,
    /// What the guest gave it, 1 to 5.
    pub(crate) point: Option<u8>,
}

impl Resource for ReservationRow {
    const COLLECTION: &'static str = "reservations";
    const ITEM: &'static str = "reservation";
    const FIELDS: &'static [Field] =
        &[Field::text("restaurantNo"), Field::text("day"), Field::text("status"), Field::text("customerId"), Field::instant("startsAt")];

    fn id(&self) -> u64 {
        self.id.number()
    }

    fn moves(&self, at: Timestamp) -> Vec<Move> {
        let path = format!("/reservations/{}", self.id);
        let cancel = |path| Move { name: "cancel", method: "DELETE", path };
        let post = |name, path| Move { name, method: "POST", path };
        let is_ahead = at < self.starts_at;
        match self.status {
            ReservationStatus::DepositPending if is_ahead && self.pay_until.is_some_and(|until| at < until) => {
                vec![cancel(path.clone()), post("pay", format!("{path}/payment"))]
            }
            ReservationStatus::DepositPending | ReservationStatus::Canceled | ReservationStatus::NoShow => Vec::new(),
            ReservationStatus::DepositPayed | ReservationStatus::Reserved | ReservationStatus::Recommanded => {
                vec![if is_ahead { cancel(path) } else { post("no-show", format!("{path}/no-show")) }]
            }
        }
    }
}

impl Exposed for Reservation {
    type Published = ReservationEvent;

    const COLLECTION: Option<&'static str> = Some(ReservationRow::COLLECTION);

    fn rows(&self, id: &ReservationId, event: &Event, at: Timestamp, rows: &mut Rows) {
        let mut after = self.clone();
        after.evolve(event, at);
        if let Some(made) = after.made {
            rows.put(&row(*id, made, after.point));
        }
    }

    fn publish(&self, id: &ReservationId, event: &Event, _at: Timestamp) -> Option<ReservationEvent> {
        let (id, Made { booking, status, .. }) = (*id, self.made.clone()?);
        let (restaurant_no, day) = (booking.restaurant_no.clone(), booking.day);
        Some(match event {
            Event::DepositPending { checkout, .. } => ReservationEvent::DepositPending { id, booking, status, until: checkout.until },
            Event::DepositPayed { .. } => ReservationEvent::DepositPayed { id, booking, status },
            // What never stood keeps no money, though it may have come at the last moment.
            Event::Lapsed => ReservationEvent::Canceled { id, restaurant_no, day, status, refund: true },
            Event::Reserved => ReservationEvent::Reserved { id, restaurant_no, day, status },
            Event::Canceled { refund } => ReservationEvent::Canceled { id, restaurant_no, day, status, refund: *refund },
            Event::NoShow => ReservationEvent::NoShow { id, restaurant_no, day, status },
            Event::RatedEarly { .. } => return None,
            Event::Recommanded { point } => ReservationEvent::Recommanded { id, restaurant_no, status, point: *point },
        })
    }
}

impl Exposed for Calendar {
    type Published = ReservationEvent;

    fn publish(&self, restaurant_no: &RestaurantNo, event: &calendar::Event, _at: Timestamp) -> Option<ReservationEvent> {
        use calendar::Event;

        let (restaurant_no, revision) = (restaurant_no.clone(), self.revision());
        let filled = |restaurant_no, day: &Date, time| ReservationEvent::SittingFilled {
            restaurant_no,
            day: *day,
            time,
            taken: self.taken(*day, time),
        };
        Some(match event {
            Event::Opened { venue_id, rules } => {
                ReservationEvent::VenueOpened { restaurant_no, venue_id: *venue_id, revision, rules: rules.clone() }
            }
            Event::Closed => ReservationEvent::VenueClosed { restaurant_no },
            Event::Changed { rules } => ReservationEvent::VenueChanged { restaurant_no, revision, rules: rules.clone() },
            Event::Held { day, slot, .. } => filled(restaurant_no, day, slot.start()),
            Event::Released { day, time, .. } | Event::SittingOver { day, time } => filled(restaurant_no, day, *time),
        })
    }
}

fn row(id: ReservationId, made: Made, point: Option<u8>) -> ReservationRow {
    let Made { booking, status, checkout } = made;
    let Booking { restaurant_no, day, time, end_time, starts_at, ends_at, party_size, customer_id, deposit, refund_until } = booking;
    let (checkout, pay_until) = checkout.map(|Checkout { link, until }| (link, until)).unzip();
    ReservationRow {
        id,
        restaurant_no,
        day,
        time,
        end_time,
        party_size,
        customer_id,
        deposit,
        status,
        starts_at,
        ends_at,
        refund_until,
        checkout,
        pay_until,
        point,
    }
}
