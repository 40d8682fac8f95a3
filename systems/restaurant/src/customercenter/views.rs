//! `/myPages`: each reservation through all its states. `/availability`: the free sittings of a day, put together from two kinds of rows: the
//! sittings that every day of a venue has, and how many people are expected at those of a day.

use std::collections::BTreeMap;

use booking::{Slot, TimeOfDay, Zone};
use jiff::civil::Date;
use kernel::{Field, Money, Move, Projection, Resource, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::places::number;
use crate::reservation::api::{
    Booking, ClosedDays, CustomerId, ReservationEvent, ReservationId, ReservationStatus, RestaurantNo, VenueRules,
};

/// A reservation, as its guest sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MyPage)]
pub(crate) struct MyPageRow {
    /// The number of the reservation.
    pub(crate) id: ReservationId,
    /// The same.
    pub(crate) reservation_no: ReservationId,
    /// The restaurant.
    pub(crate) restaurant_no: RestaurantNo,
    /// The day.
    #[schema(value_type = String, format = Date)]
    pub(crate) day: Date,
    /// When the sitting begins.
    pub(crate) time: TimeOfDay,
    /// For how many people.
    pub(crate) party_size: u32,
    /// Who reserved, if that was said.
    pub(crate) customer_id: Option<CustomerId>,
    /// The whole deposit.
    pub(crate) deposit: Money,
    /// What the reservation is.
    pub(crate) status: ReservationStatus,
    /// How its guest has rated it.
    pub(crate) point: Option<u8>,
}

/// A sitting that each day of a venue has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SittingTemplate)]
pub(crate) struct SittingRow {
    /// 64 times the venue's number, and the sitting's place in the day from 1 on.
    pub(crate) id: u64,
    /// The venue's number.
    pub(crate) venue: u64,
    /// The sitting of the venue. Of another that happens to have the same number, its own.
    pub(crate) of: BTreeMap<RestaurantNo, Sitting>,
}

/// A sitting of a venue, with the rules that it is kept by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sitting {
    /// What the venue is called, if it has a name.
    pub(crate) name: Option<String>,
    /// The zone of these times.
    pub(crate) zone: Zone,
    /// When it begins and ends.
    pub(crate) slot: Slot,
    /// How many people it holds; any number when null.
    pub(crate) seats: Option<u32>,
    /// What is paid beforehand for each person.
    pub(crate) deposit: Money,
    /// When the venue is closed.
    pub(crate) closed: ClosedDays,
}

/// How many people are expected at the sittings of a day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FilledDay)]
pub(crate) struct FilledRow {
    /// The number of venue and day.
    pub(crate) id: u64,
    /// By venue and day in one, `10/2026-11-24`, and the sitting's beginning.
    pub(crate) of: BTreeMap<String, BTreeMap<TimeOfDay, u32>>,
}

/// A sitting of a day, as it is shown to who looks for one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Availability)]
pub(crate) struct ShownSitting {
    /// The number of the venue's sitting, the same on each day.
    pub(crate) id: u64,
    /// The venue.
    pub(crate) restaurant_no: RestaurantNo,
    /// What it is called, if it has a name.
    pub(crate) name: Option<String>,
    /// The day.
    #[schema(value_type = String, format = Date)]
    pub(crate) day: Date,
    /// When the sitting begins.
    pub(crate) time: TimeOfDay,
    /// When it ends.
    pub(crate) end_time: TimeOfDay,
    /// Its first instant.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) starts_at: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) ends_at: Timestamp,
    /// How many people it holds; any number when null.
    pub(crate) seats: Option<u32>,
    /// How many seats are left; any number when null.
    pub(crate) seats_left: Option<u32>,
    /// For how many people a sitting is looked for.
    pub(crate) party_size: u32,
    /// What these pay beforehand, all together.
    pub(crate) deposit: Money,
    /// Whether they can have it: it has not begun, the venue is open on that day, and there are seats for them all.
    pub(crate) is_free: bool,
}

impl Resource for MyPageRow {
    const COLLECTION: &'static str = "myPages";
    const ITEM: &'static str = "myPage";
    const FIELDS: &'static [Field] = &[Field::text("restaurantNo"), Field::text("day"), Field::text("customerId"), Field::text("status")];
    const SAME_AS_ID: &'static [&'static str] = &["reservationNo"];

    fn id(&self) -> u64 {
        self.id.number()
    }
}

impl Resource for SittingRow {
    const COLLECTION: &'static str = "sittings";
    const ITEM: &'static str = "sitting";
    const FIELDS: &'static [Field] = &[Field::integer("venue")];

    fn id(&self) -> u64 {
        self.id
    }
}

impl Resource for FilledRow {
    const COLLECTION: &'static str = "filledDays";
    const ITEM: &'static str = "filledDay";
    const FIELDS: &'static [Field] = &[];

    fn id(&self) -> u64 {
        self.id
    }
}

/// A sitting as it is shown is found where its row is; a day says which one of it is meant.
impl Resource for ShownSitting {
    const COLLECTION: &'static str = "availability";
    const ITEM: &'static str = "sitting";
    const FIELDS: &'static [Field] = &[];

    fn id(&self) -> u64 {
        self.id
    }

    fn asked_by(&self) -> Option<String> {
        Some(format!("day={}&partySize={}", self.day, self.party_size))
    }

    fn moves(&self, at: Timestamp) -> Vec<Move> {
        let is_free = self.is_free && at < self.starts_at;
        is_free.then(|| Move { name: "reserve", method: "POST", path: "/reservations".into() }).into_iter().collect()
    }
}

/// `/myPages`.
pub(crate) struct MyPages;

impl Projection for MyPages {
    const NAME: &'static str = "my-pages";
    const VERSION: u32 = 1;
    type On = ReservationEvent;
    type Row = MyPageRow;

    fn rows(event: &ReservationEvent) -> Vec<u64> {
        match event {
            ReservationEvent::DepositPending { id, .. }
            | ReservationEvent::DepositPayed { id, .. }
            | ReservationEvent::Reserved { id, .. }
            | ReservationEvent::Canceled { id, .. }
            | ReservationEvent::Recommanded { id, .. }
            | ReservationEvent::NoShow { id, .. } => vec![id.number()],
            ReservationEvent::VenueOpened { .. }
            | ReservationEvent::VenueChanged { .. }
            | ReservationEvent::VenueClosed { .. }
            | ReservationEvent::SittingFilled { .. } => Vec::new(),
        }
    }

    fn fold(_id: u64, row: Option<MyPageRow>, event: &ReservationEvent, _at: Timestamp) -> Option<MyPageRow> {
        match event {
            ReservationEvent::DepositPending { id, booking, status, .. } | ReservationEvent::DepositPayed { id, booking, status } => {
                let Booking { restaurant_no, day, time, party_size, customer_id, deposit, .. } = booking.clone();
                let (id, reservation_no, status, point) = (*id, *id, *status, None);
                Some(MyPageRow { id, reservation_no, restaurant_no, day, time, party_size, customer_id, deposit, status, point })
            }
            ReservationEvent::Reserved { status, .. }
            | ReservationEvent::Canceled { status, .. }
            | ReservationEvent::NoShow { status, .. } => row.map(|row| MyPageRow { status: *status, ..row }),
            ReservationEvent::Recommanded { status, point, .. } => row.map(|row| MyPageRow { status: *status, point: Some(*point), ..row }),
            ReservationEvent::VenueOpened { .. }
            | ReservationEvent::VenueChanged { .. }
            | ReservationEvent::VenueClosed { .. }
            | ReservationEvent::SittingFilled { .. } => row,
        }
    }
}

/// The sittings that each day of a venue has.
pub(crate) struct Sittings;

impl Projection for Sittings {
    const NAME: &'static str = "sittings";
    const VERSION: u32 = 1;
    type On = ReservationEvent;
    type Row = SittingRow;

    fn rows(event: &ReservationEvent) -> Vec<u64> {
        match event {
            // How many there were is not said, so all that there can be are looked at.
            ReservationEvent::VenueOpened { restaurant_no, .. }
            | ReservationEvent::VenueChanged { restaurant_no, .. }
            | ReservationEvent::VenueClosed { restaurant_no } => {
                let first = sitting_id(restaurant_no, 1);
                (first..).take(booking::MAX_SLOTS).collect()
            }
            ReservationEvent::SittingFilled { .. }
            | ReservationEvent::DepositPending { .. }
            | ReservationEvent::DepositPayed { .. }
            | ReservationEvent::Reserved { .. }
            | ReservationEvent::Canceled { .. }
            | ReservationEvent::Recommanded { .. }
            | ReservationEvent::NoShow { .. } => Vec::new(),
        }
    }

    fn fold(id: u64, row: Option<SittingRow>, event: &ReservationEvent, _at: Timestamp) -> Option<SittingRow> {
        let (restaurant_no, rules) = match event {
            ReservationEvent::VenueOpened { restaurant_no, rules, .. } | ReservationEvent::VenueChanged { restaurant_no, rules, .. } => {
                (restaurant_no, Some(rules))
            }
            ReservationEvent::VenueClosed { restaurant_no } => (restaurant_no, None),
            ReservationEvent::SittingFilled { .. }
            | ReservationEvent::DepositPending { .. }
            | ReservationEvent::DepositPayed { .. }
            | ReservationEvent::Reserved { .. }
            | ReservationEvent::Canceled { .. }
            | ReservationEvent::Recommanded { .. }
            | ReservationEvent::NoShow { .. } => return row,
        };
        let mut of = row.map(|row| row.of).unwrap_or_default();
        match rules.and_then(|rules| Sitting::of(rules, id % PLACES)) {
            Some(sitting) => of.insert(restaurant_no.clone(), sitting),
            None => of.remove(restaurant_no),
        };
        (!of.is_empty()).then(|| SittingRow { id, venue: id / PLACES, of })
    }
}

/// How many people are expected at the sittings of a day. A day at which nobody is expected any more stays, with nothing in it, so that who
/// follows its sittings hears of it.
pub(crate) struct FilledDays;

impl Projection for FilledDays {
    const NAME: &'static str = "filled-days";
    const VERSION: u32 = 2;
    const HISTORY: bool = false;
    const FOLLOWED: bool = true;
    type On = ReservationEvent;
    type Row = FilledRow;

    fn rows(event: &ReservationEvent) -> Vec<u64> {
        match event {
            ReservationEvent::SittingFilled { restaurant_no, day, .. } => vec![number(&venue_day(restaurant_no, *day))],
            ReservationEvent::VenueOpened { .. }
            | ReservationEvent::VenueChanged { .. }
            | ReservationEvent::VenueClosed { .. }
            | ReservationEvent::DepositPending { .. }
            | ReservationEvent::DepositPayed { .. }
            | ReservationEvent::Reserved { .. }
            | ReservationEvent::Canceled { .. }
            | ReservationEvent::Recommanded { .. }
            | ReservationEvent::NoShow { .. } => Vec::new(),
        }
    }

    fn fold(id: u64, row: Option<FilledRow>, event: &ReservationEvent, _at: Timestamp) -> Option<FilledRow> {
        let ReservationEvent::SittingFilled { restaurant_no, day, time, taken } = event else { return row };
        let mut of = row.map(|row| row.of).unwrap_or_default();
        let sittings = of.entry(venue_day(restaurant_no, *day)).or_default();
        if *taken > 0 {
            sittings.insert(*time, *taken);
        } else {
            sittings.remove(time);
        }
        of.retain(|_, sittings| !sittings.is_empty());
        Some(FilledRow { id, of })
    }
}

/// A venue's number times this, and the place of a sitting, is the number of the sitting. A day has fewer (see [`booking::MAX_SLOTS`]).
const PLACES: u64 = 64;

/// The row of the venue's sitting at `place`, counted from 1.
pub(crate) fn sitting_id(restaurant_no: &RestaurantNo, place: u64) -> u64 {
    number(&restaurant_no.to_string()) * PLACES + place
}

/// Under what a [`FilledRow`] has the sittings of a venue and a day.
pub(crate) fn venue_day(restaurant_no: &RestaurantNo, day: Date) -> String {
    format!("{restaurant_no}/{day}")
}

impl Sitting {
    /// The sitting at a place of the day, counted from 1.
    fn of(rules: &VenueRules, place: u64) -> Option<Self> {
        let VenueRules { name, zone, sittings, seats, deposit, closed, .. } = rules;
        let (_, slot) = (1..).zip(sittings.iter()).find(|(at, _)| *at == place)?;
        Some(Self { name: name.clone(), zone: zone.clone(), slot, seats: *seats, deposit: *deposit, closed: closed.clone() })
    }

    /// This sitting on `day`, of which `taken` seats are taken, as it is at `at` to `party_size` people. None when clocks skip it on that day.
    pub(crate) fn shown(
        &self,
        (id, restaurant_no): (u64, &RestaurantNo),
        day: Date,
        taken: u32,
        party_size: u32,
        at: Timestamp,
    ) -> Option<ShownSitting> {
        let dated = self.slot.on(day, &self.zone)?;
        let seats_left = self.seats.map(|seats| seats.saturating_sub(taken));
        let is_open = !self.closed.contains(day) && at < dated.starts_at();
        Some(ShownSitting {
            id,
            restaurant_no: restaurant_no.clone(),
            name: self.name.clone(),
            day,
            time: self.slot.start(),
            end_time: self.slot.end(),
            starts_at: dated.starts_at(),
            ends_at: dated.ends_at(),
            seats: self.seats,
            seats_left,
            party_size,
            deposit: Money { minor: self.deposit.minor.saturating_mul(party_size.into()), ..self.deposit },
            is_free: is_open && seats_left.is_none_or(|left| left >= party_size),
        })
    }
}
