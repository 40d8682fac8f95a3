//! What others may know of reservation.

use std::fmt;
use std::str::FromStr;

use booking::{DaySlots, TimeOfDay, Zone};
use jiff::civil::{Date, Weekday};
use kernel::{Call, Currency, Id, Money, Published, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::restaurant::api::VenueId;

/// What reservation numbers count.
pub enum ReservationKind {}

/// The number of a reservation. Its deposit, its recommendation and what the restaurant keeps of it bear the same one.
pub type ReservationId = Id<ReservationKind>;

/// What the payment for a reservation is called with a provider, by our own name. `unique` is what this name has and no other, of this
/// installation or another.
pub fn order_of(id: ReservationId, unique: &str) -> String {
    format!("{ORDER}{id}-{unique}")
}

/// The reservation whose payment has this name, if it can be one of ours.
pub fn reservation_of(order: &str) -> Option<ReservationId> {
    let (id, _) = order.strip_prefix(ORDER)?.split_once('-')?;
    id.parse().ok().map(Id::new)
}

/// How the names of payments begin.
const ORDER: &str = "reservation-";

/// A restaurant, by the number under which guests know it: `10`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(into = "String", try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 20)]
pub struct RestaurantNo(String);

/// A text is no restaurant's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a restaurantNo has 1 to 20 characters")]
pub struct NotARestaurantNo;

/// Who reserves: the id under which the installation knows a guest. It is no name, and may stand in logs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(into = "String", try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 64)]
pub struct CustomerId(String);

/// A text is no guest's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a customerId has 1 to 64 characters")]
pub struct NotACustomerId;

/// What a venue's calendar is kept by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VenueRules {
    /// What the venue is called, if it has a name.
    pub name: Option<String>,
    /// The zone of its civil times.
    pub zone: Zone,
    /// The sittings of each of its days.
    pub sittings: DaySlots,
    /// How many people a sitting holds; any number when null.
    pub seats: Option<u32>,
    /// What is paid beforehand for each person.
    pub deposit: Money,
    /// When it is closed.
    pub closed: ClosedDays,
    /// Until how many hours before its sitting a reservation that is cancelled is refunded.
    pub refund_until_hours: u16,
    /// From when on a guest may rate.
    pub rating_opens: RatingOpens,
}

impl VenueRules {
    /// What a venue is kept by of which nothing else was said: four sittings a day, any number of seats, 10,000 won a person.
    #[expect(clippy::expect_used, reason = "the sittings are written here, and every test reads them")]
    pub fn usual(zone: Zone) -> Self {
        Self {
            name: None,
            zone,
            sittings: "11:30-13:00,13:00-14:30,17:30-19:30,19:30-21:30".parse().expect("sittings in order"),
            seats: None,
            deposit: Money { minor: 10_000, currency: Currency::Krw },
            closed: ClosedDays::default(),
            refund_until_hours: 0,
            rating_opens: RatingOpens::default(),
        }
    }

    /// What guests call the venue with this number.
    pub fn title(&self, restaurant_no: &RestaurantNo) -> String {
        self.name.clone().unwrap_or_else(|| restaurant_no.to_string())
    }

    /// From when on what is reserved at `at` can be rated.
    pub fn rating_opens_at(&self, booking: &Booking, at: Timestamp) -> Timestamp {
        match self.rating_opens {
            RatingOpens::Reserved => at,
            RatingOpens::Dined => booking.ends_at,
        }
    }
}

/// Days on which a venue is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClosedDays {
    /// Each week, Monday being 1 and Sunday 7 (ISO 8601).
    pub weekdays: Vec<u8>,
    /// Once.
    #[schema(value_type = Vec<String>)]
    pub dates: Vec<Date>,
}

impl ClosedDays {
    /// Whether the venue is closed on `date`.
    pub fn contains(&self, date: Date) -> bool {
        let weekday = Weekday::to_monday_one_offset(date.weekday());
        self.dates.contains(&date) || self.weekdays.iter().any(|closed| i8::try_from(*closed) == Ok(weekday))
    }
}

/// From when on a guest may rate a reservation (required.md: reserved, as the seed has it).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RatingOpens {
    /// As soon as it stands.
    #[default]
    Reserved,
    /// Once its sitting is over.
    Dined,
}

/// A text does not say from when on a guest may rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ratings open once it is `reserved` or once one has `dined`")]
pub struct NotWhenRatingOpens;

impl FromStr for RatingOpens {
    type Err = NotWhenRatingOpens;

    fn from_str(text: &str) -> Result<Self, NotWhenRatingOpens> {
        match text {
            "reserved" => Ok(Self::Reserved),
            "dined" => Ok(Self::Dined),
            _ => Err(NotWhenRatingOpens),
        }
    }
}

/// What a reservation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum ReservationStatus {
    /// The seats are held; the guest has to pay the deposit.
    DepositPending,
    /// The deposit is paid; the restaurant has not answered yet.
    DepositPayed,
    /// The restaurant has it.
    Reserved,
    /// It was taken back, or its deposit was not paid in time.
    Canceled,
    /// The guest has rated it. (The seed spells it so.)
    Recommanded,
    /// The guest did not come.
    NoShow,
}

/// What a reservation is about; it does not change while it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Booking {
    /// The restaurant.
    pub restaurant_no: RestaurantNo,
    /// The day, in the restaurant's zone.
    #[schema(value_type = String, format = Date)]
    pub day: Date,
    /// When the sitting begins.
    pub time: TimeOfDay,
    /// When it ends.
    pub end_time: TimeOfDay,
    /// The sitting's first instant.
    #[schema(value_type = String, format = DateTime)]
    pub starts_at: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
    /// For how many people.
    pub party_size: u32,
    /// Who reserved, if that was said.
    pub customer_id: Option<CustomerId>,
    /// The whole deposit.
    pub deposit: Money,
    /// The first instant from which on a cancellation is not refunded any more.
    #[schema(value_type = String, format = DateTime)]
    pub refund_until: Timestamp,
}

/// What reservation publishes: of venues by their `restaurantNo`, and of reservations by their number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "eventType")]
pub enum ReservationEvent {
    /// A venue takes reservations from now on.
    #[serde(rename_all = "camelCase")]
    VenueOpened {
        /// The venue.
        restaurant_no: RestaurantNo,
        /// Its number in the catalogue; none when it opened by itself, with the installation's defaults.
        venue_id: Option<VenueId>,
        /// How often its rules were set until now, this time included.
        revision: u64,
        /// What it is kept by.
        rules: VenueRules,
    },
    /// A venue's rules changed.
    #[serde(rename_all = "camelCase")]
    VenueChanged {
        /// The venue.
        restaurant_no: RestaurantNo,
        /// How often its rules were set until now, this time included.
        revision: u64,
        /// What it is kept by now.
        rules: VenueRules,
    },
    /// A venue could not be added after all.
    #[serde(rename_all = "camelCase")]
    VenueClosed {
        /// The venue.
        restaurant_no: RestaurantNo,
    },
    /// Another number of people is expected at a sitting; none once it is over.
    #[serde(rename_all = "camelCase")]
    SittingFilled {
        /// The venue.
        restaurant_no: RestaurantNo,
        /// The day.
        #[schema(value_type = String, format = Date)]
        day: Date,
        /// When the sitting begins.
        time: TimeOfDay,
        /// How many people have their seats now.
        taken: u32,
    },
    /// The seats are held until the guest has paid.
    #[serde(rename_all = "camelCase")]
    DepositPending {
        /// The reservation.
        id: ReservationId,
        /// What it is about.
        #[serde(flatten)]
        booking: Booking,
        /// `DepositPending`.
        status: ReservationStatus,
        /// Until when it can be paid.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
    },
    /// The deposit is paid: the reservation stands.
    #[serde(rename_all = "camelCase")]
    DepositPayed {
        /// The reservation.
        id: ReservationId,
        /// What it is about.
        #[serde(flatten)]
        booking: Booking,
        /// `DepositPayed`.
        status: ReservationStatus,
    },
    /// The restaurant has it.
    #[serde(rename_all = "camelCase")]
    Reserved {
        /// The reservation.
        id: ReservationId,
        /// The restaurant.
        restaurant_no: RestaurantNo,
        /// The day.
        #[schema(value_type = String, format = Date)]
        day: Date,
        /// `Reserved`.
        status: ReservationStatus,
    },
    /// It was taken back.
    #[serde(rename_all = "camelCase")]
    Canceled {
        /// The reservation.
        id: ReservationId,
        /// The restaurant.
        restaurant_no: RestaurantNo,
        /// The day.
        #[schema(value_type = String, format = Date)]
        day: Date,
        /// `Canceled`.
        status: ReservationStatus,
        /// Whether the deposit is to be given back.
        refund: bool,
    },
    /// The guest rated it.
    #[serde(rename_all = "camelCase")]
    Recommanded {
        /// The reservation.
        id: ReservationId,
        /// The restaurant.
        restaurant_no: RestaurantNo,
        /// `Recommanded`.
        status: ReservationStatus,
        /// How: 1 to 5.
        point: u8,
    },
    /// The guest did not come.
    #[serde(rename_all = "camelCase")]
    NoShow {
        /// The reservation.
        id: ReservationId,
        /// The restaurant.
        restaurant_no: RestaurantNo,
        /// The day.
        #[schema(value_type = String, format = Date)]
        day: Date,
        /// `NoShow`.
        status: ReservationStatus,
    },
}

impl Published for ReservationEvent {
    const SERVICE: &'static str = "reservation";
}

/// A venue is being added: open its calendar, so that it can be reserved as soon as the answer is out. Asked by restaurant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenVenue {
    /// The venue.
    pub restaurant_no: RestaurantNo,
    /// Its number in the catalogue.
    pub venue_id: VenueId,
    /// What it is kept by.
    pub rules: VenueRules,
}

impl Call for OpenVenue {
    const SERVICE: &'static str = "reservation";
    const NAME: &'static str = "open-venue";
    /// How often the venue's rules were set until now, this time included: by this, whoever keeps them knows which are newer.
    type Reply = u64;
}

/// A venue's rules are to change; refused when what is reserved would not fit, and when they are no more what the asker took them for. Asked by
/// restaurant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeVenue {
    /// The venue.
    pub restaurant_no: RestaurantNo,
    /// What it is kept by from now on.
    pub rules: VenueRules,
    /// What it was kept by until now, as the asker knows it.
    pub before: VenueRules,
}

impl Call for ChangeVenue {
    const SERVICE: &'static str = "reservation";
    const NAME: &'static str = "change-venue";
    /// As of [`OpenVenue`].
    type Reply = u64;
}

impl FromStr for RestaurantNo {
    type Err = NotARestaurantNo;

    fn from_str(text: &str) -> Result<Self, NotARestaurantNo> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for RestaurantNo {
    type Error = NotARestaurantNo;

    fn try_from(text: String) -> Result<Self, NotARestaurantNo> {
        if (1..=20).contains(&text.chars().take(21).count()) { Ok(Self(text)) } else { Err(NotARestaurantNo) }
    }
}

impl From<RestaurantNo> for String {
    fn from(text: RestaurantNo) -> Self {
        text.0
    }
}

impl fmt::Display for RestaurantNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CustomerId {
    type Err = NotACustomerId;

    fn from_str(text: &str) -> Result<Self, NotACustomerId> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for CustomerId {
    type Error = NotACustomerId;

    fn try_from(text: String) -> Result<Self, NotACustomerId> {
        if (1..=64).contains(&text.chars().take(65).count()) { Ok(Self(text)) } else { Err(NotACustomerId) }
    }
}

impl From<CustomerId> for String {
    fn from(text: CustomerId) -> Self {
        text.0
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
