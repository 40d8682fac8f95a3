//! `/venues` and `/restaurants`, and the published form of what happens to an entry.

use booking::{DaySlots, TimeOfDay, Zone};
use jiff::civil::Date;
use kernel::{Aggregate, Exposed, Field, Money, Resource, Rows, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api::{EntryStatus, RestaurantEvent, VenueId};
use super::domain::entry::{Entry, Event, Expected};
use super::domain::venue::{self, Venue};
use crate::reservation::api::{ClosedDays, RatingOpens, ReservationId, RestaurantNo, VenueRules};

/// A venue, as the catalogue shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Venue)]
pub(crate) struct VenueRow {
    /// Its number in the catalogue.
    pub(crate) id: VenueId,
    /// The number under which guests know it.
    pub(crate) restaurant_no: RestaurantNo,
    /// What it is called.
    pub(crate) name: Option<String>,
    /// How many people a sitting holds; any number when null.
    pub(crate) seats: Option<u32>,
    /// The sittings of each of its days.
    pub(crate) sittings: DaySlots,
    /// What is paid beforehand for each person.
    pub(crate) deposit: Money,
    /// The days of each week on which it is closed, Monday being 1 and Sunday 7.
    pub(crate) closed_weekdays: Vec<u8>,
    /// The dates on which it is closed besides.
    #[schema(value_type = Vec<String>)]
    pub(crate) closed_dates: Vec<Date>,
    /// Until how many hours before its sitting a reservation that is cancelled is refunded.
    pub(crate) refund_until: u16,
    /// From when on a guest may rate.
    pub(crate) rating_opens: RatingOpens,
    /// The zone of its times.
    pub(crate) zone: Zone,
}

impl Resource for VenueRow {
    const COLLECTION: &'static str = "venues";
    const ITEM: &'static str = "venue";
    const FIELDS: &'static [Field] = &[Field::text("restaurantNo"), Field::text("name"), Field::integer("seats")];

    fn id(&self) -> u64 {
        self.id.number()
    }
}

impl VenueRow {
    fn of(id: VenueId, restaurant_no: RestaurantNo, rules: VenueRules) -> Self {
        let VenueRules { name, zone, sittings, seats, deposit, closed, refund_until_hours, rating_opens } = rules;
        let ClosedDays { weekdays: closed_weekdays, dates: closed_dates } = closed;
        let refund_until = refund_until_hours;
        Self { id, restaurant_no, name, seats, sittings, deposit, closed_weekdays, closed_dates, refund_until, rating_opens, zone }
    }

    /// What it is kept by.
    pub(crate) fn rules(self) -> VenueRules {
        let Self { name, seats, sittings, deposit, closed_weekdays, closed_dates, refund_until, rating_opens, zone, .. } = self;
        let closed = ClosedDays { weekdays: closed_weekdays, dates: closed_dates };
        VenueRules { name, zone, sittings, seats, deposit, closed, refund_until_hours: refund_until, rating_opens }
    }
}

impl Exposed for Venue {
    // The calendar tells what a venue is kept by.
    type Published = RestaurantEvent;

    fn rows(&self, restaurant_no: &RestaurantNo, event: &venue::Event, at: Timestamp, rows: &mut Rows) {
        let mut after = self.clone();
        after.evolve(event, at);
        if let (Some(id), Some(kept)) = (after.id, after.kept) {
            rows.put(&VenueRow::of(id, restaurant_no.clone(), kept.rules));
        }
    }
}

/// A reservation, as the restaurant sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Restaurant)]
pub(crate) struct EntryRow {
    /// Its number, which is its reservation's.
    pub(crate) id: ReservationId,
    /// The reservation.
    pub(crate) reservation_no: ReservationId,
    /// The restaurant.
    pub(crate) restaurant_no: RestaurantNo,
    /// The day.
    #[schema(value_type = String, format = Date)]
    pub(crate) day: Date,
    /// When the sitting begins.
    pub(crate) time: TimeOfDay,
    /// How many people are expected.
    pub(crate) party_size: u32,
    /// What it is to the restaurant.
    pub(crate) status: EntryStatus,
}

impl Resource for EntryRow {
    const COLLECTION: &'static str = "restaurants";
    const ITEM: &'static str = "restaurant";
    const FIELDS: &'static [Field] = &[Field::text("restaurantNo"), Field::text("day"), Field::text("time"), Field::text("status")];
    const SAME_AS_ID: &'static [&'static str] = &["reservationNo"];

    fn id(&self) -> u64 {
        self.id.number()
    }
}

impl Exposed for Entry {
    type Published = RestaurantEvent;

    const COLLECTION: Option<&'static str> = Some(EntryRow::COLLECTION);

    fn rows(&self, id: &ReservationId, event: &Event, at: Timestamp, rows: &mut Rows) {
        let mut after = self.clone();
        after.evolve(event, at);
        let status = after.status();
        if let Some(Expected { restaurant_no, day, time, party_size }) = after.expected {
            rows.put(&EntryRow { id: *id, reservation_no: *id, restaurant_no, day, time, party_size, status });
        }
    }

    fn publish(&self, id: &ReservationId, event: &Event, _at: Timestamp) -> Option<RestaurantEvent> {
        // Of a reservation that never reached the restaurant, it has nothing to tell.
        let (id, reservation_no, restaurant_no) = (*id, *id, self.expected.as_ref()?.restaurant_no.clone());
        match event {
            Event::Reserved(_) => Some(RestaurantEvent::ReservAccepted { id, reservation_no, status: EntryStatus::Reserved }),
            Event::Canceled => Some(RestaurantEvent::ReserveCanceled { id, reservation_no, restaurant_no }),
            Event::NoShow => None,
        }
    }
}
