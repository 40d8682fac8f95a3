//! `/reservations`: making them, paying for them, taking them back, and marking that a guest did not come.

use booking::TimeOfDay;
use edge::contract::{changes, creates, edits};
use edge::{Incoming, Reply, Routes, Spec, Text, Who, optional, required};
use jiff::civil::Date;
use kernel::{Commands, Id};

use super::api::{CustomerId, ReservationStatus, RestaurantNo, VenueRules, order_of};
use super::domain::calendar::{self, Calendar};
use super::domain::reservation::{Command, Refusal, Reservation};
use super::saga::{Agreed, MakeReservation};
use super::views::ReservationRow;
use crate::{PAID_BY, Settings};

/// The most people that one reservation is for.
const MOST_PEOPLE: u32 = 1_000;

/// The routes of the service.
pub(crate) fn routes(routes: Routes, settings: &Settings) -> Routes {
    let usual = settings.opens_unknown.then(|| VenueRules::usual(settings.zone.clone()));
    let make = move |incoming, meant| make(incoming, meant, usual.clone());
    let guest = Who::PersonIn("customerId");
    let makes = creates::<ReservationRow, _, _>("Reserve a table", meant).refuses(NOT_RESERVED);
    let pays = edits::<ReservationRow, _, _>("Pay the deposit of a reservation", agreed).refuses(NOT_PAID);
    let cancels = changes::<ReservationRow>("Cancel a reservation").of(named).refuses(NOT_CANCELED);
    let marks = changes::<ReservationRow>("Say that a guest did not come").refuses(NOT_MARKED);
    routes
        .resource::<ReservationRow>(Who::EachTheirOwn(PAID_BY))
        .post("/reservations", guest, makes, make)
        .post("/reservations/{id}/payment", guest, pays, pay)
        .delete("/reservations/{id}", guest, cancels, cancel)
        .post("/reservations/{id}/no-show", Who::Operator, marks, mark_no_show)
}

/// Why a calendar gives no seats, or a guest has not paid for them.
const NOT_RESERVED: &[&str] = &[
    "no-such-venue",
    "no-such-sitting",
    "party-too-large",
    "closed-day",
    "sitting-begun",
    "no-sitting-left",
    "sold-out",
    "currency-not-taken",
    "payment-declined",
    "payment-mismatch",
    "payment-not-found",
];

/// Why a deposit is not paid.
const NOT_PAID: &[&str] = &[
    "not-waiting",
    "taken-back",
    "not-the-guest",
    "reservation-over",
    "sitting-begun",
    "payment-declined",
    "payment-mismatch",
    "payment-not-found",
];

/// Why a reservation is not taken back.
const NOT_CANCELED: &[&str] = &["no-such-reservation", "not-the-guest", "sitting-begun"];

/// Why a guest is not said not to have come.
const NOT_MARKED: &[&str] = &["no-such-reservation", "reservation-over", "deposit-pending", "sitting-ahead"];

/// What is said of a reservation: where, on which day and when, for how many people, and for whom.
pub(super) fn meant() -> impl Spec<Output = Meant> {
    (
        required::<String>("restaurantNo").parse::<RestaurantNo>().like("10"),
        required::<Date>("day").like("20261124"),
        optional::<String>("time").parse::<TimeOfDay>().like("17:30"),
        optional::<u32>("partySize").within(1..=MOST_PEOPLE).or(2),
        optional::<String>("customerId").parse::<CustomerId>().like("7"),
    )
}

/// Where, on which day and when, for how many people, and for whom.
pub(super) type Meant = (RestaurantNo, Date, Option<TimeOfDay>, u32, Option<CustomerId>);

/// Who asks for a cancellation.
fn named() -> impl Spec<Output = Option<CustomerId>> {
    optional::<String>("customerId").parse::<CustomerId>().like("7")
}

/// What a guest has agreed to pay, by the provider's name, and who they are.
fn agreed() -> impl Spec<Output = (Text<200>, Option<CustomerId>)> {
    (required::<Text<200>>("paymentKey").like("tgen_20261123"), optional::<String>("customerId").parse::<CustomerId>().like("7"))
}

/// Reserves the sitting that is meant by what is given: the first of the day that is free when no time is.
async fn make(incoming: Incoming, meant: Meant, default: Option<VenueRules>) -> Reply {
    let (restaurant_no, day, time, party_size, customer_id) = meant;
    let caller = incoming.caller()?;
    let unique = incoming.service().new_id();
    // Ids grow with time at their beginning, and are unlike any other at their end.
    let unique = unique[unique.len().saturating_sub(12)..].to_owned();
    let saga = move |id| MakeReservation {
        id: Id::new(id),
        restaurant_no: restaurant_no.clone(),
        day,
        time,
        party_size,
        customer_id: customer_id.clone(),
        order: order_of(Id::new(id), &unique),
        default: default.clone(),
        held: None,
        checkout: None,
        payment: None,
        attempt: 0,
    };
    incoming.create_by_saga::<ReservationRow, MakeReservation>(&caller, saga).await
}

/// Goes on with a reservation whose guest has agreed to pay.
async fn pay(incoming: Incoming, (payment, by): (Text<200>, Option<CustomerId>)) -> Reply {
    let row = incoming.row::<ReservationRow>().await?;
    is_theirs(&row, by.as_ref())?;
    let agreed = Agreed { payment: payment.into() };
    incoming.tell::<ReservationRow, MakeReservation>(&incoming.caller()?, &row.id, &agreed).await
}

/// Takes a reservation back, and gives its seats to whoever comes next. Doing so twice is harmless.
async fn cancel(incoming: Incoming, by: Option<CustomerId>) -> Reply {
    let row = incoming.row::<ReservationRow>().await?;
    if row.status == ReservationStatus::DepositPending {
        is_theirs(&row, by.as_ref())?;
        // What waits to be paid is taken back by its saga, which knows what is to be undone; unless that has ended meanwhile.
        match incoming.withdraw::<ReservationRow, MakeReservation>(&incoming.caller()?, &row.id).await {
            Err(problem) if problem.code == "saga-not-current" => {}
            answer => return answer,
        }
    }
    let commands = Commands::to::<Reservation>(&row.id, Command::Cancel { by })
        .and::<Calendar>(&row.restaurant_no, calendar::Command::Release { id: row.id });
    incoming.commands::<ReservationRow>(&incoming.caller()?, commands).await
}

/// A guest acts for themselves; an act that names nobody is the administrator's.
fn is_theirs(row: &ReservationRow, by: Option<&CustomerId>) -> Result<(), kernel::Refused> {
    if by.is_some() && by != row.customer_id.as_ref() { Err(Refusal::NotTheGuest.into()) } else { Ok(()) }
}

/// Marks that a guest did not come. Doing so twice is harmless.
async fn mark_no_show(incoming: Incoming, (): ()) -> Reply {
    let row = incoming.row::<ReservationRow>().await?;
    incoming.command::<ReservationRow, Reservation>(&incoming.caller()?, &row.id, Command::NoShow).await
}
