//! `/reservations`: taking them back, and marking that a guest did not come.

use booking::TimeOfDay;
use edge::contract::changes;
use edge::{Incoming, Reply, Routes, Spec, Who, optional, required};
use jiff::civil::Date;
use kernel::Commands;

use super::api::{CustomerId, RestaurantNo};
use super::domain::calendar::{self, Calendar};
use super::domain::reservation::{Command, Reservation};
use super::views::ReservationRow;
use crate::{PERSONAL, Settings};

/// The most people that one reservation is for.
const MOST_PEOPLE: u32 = 1_000;

/// The routes of the service.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    let guest = Who::PersonIn("customerId");
    let cancels = changes::<ReservationRow>("Cancel a reservation").of(named).refuses(NOT_CANCELED);
    let marks = changes::<ReservationRow>("Say that a guest did not come").refuses(NOT_MARKED);
    routes.resource::<ReservationRow>(Who::EachTheirOwn(PERSONAL)).delete("/reservations/{id}", guest, cancels, cancel).post(
        "/reservations/{id}/no-show",
        Who::Operator,
        marks,
        mark_no_show,
    )
}

/// Why a calendar gives no seats.
pub(crate) const NOT_RESERVED: &[&str] =
    &["no-such-venue", "no-such-sitting", "party-too-large", "closed-day", "sitting-begun", "no-sitting-left", "sold-out"];

/// Why a reservation is not taken back.
const NOT_CANCELED: &[&str] = &["no-such-reservation", "not-the-guest", "sitting-begun"];

/// Why a guest is not said not to have come.
const NOT_MARKED: &[&str] = &["no-such-reservation", "reservation-over", "deposit-pending", "sitting-ahead"];

/// What is said of a reservation: where, on which day and when, for how many people, and for whom.
pub(crate) fn meant() -> impl Spec<Output = Meant> {
    (
        required::<String>("restaurantNo").parse::<RestaurantNo>().like("10"),
        required::<Date>("day").like("20261124"),
        optional::<String>("time").parse::<TimeOfDay>().like("17:30"),
        optional::<u32>("partySize").within(1..=MOST_PEOPLE).or(2),
        optional::<String>("customerId").parse::<CustomerId>().like("7"),
    )
}

/// Where, on which day and when, for how many people, and for whom.
pub(crate) type Meant = (RestaurantNo, Date, Option<TimeOfDay>, u32, Option<CustomerId>);

/// Who asks for a cancellation.
fn named() -> impl Spec<Output = Option<CustomerId>> {
    optional::<String>("customerId").parse::<CustomerId>().like("7")
}

/// Takes a reservation back, and gives its seats to whoever comes next. Doing so twice is harmless.
async fn cancel(incoming: Incoming, by: Option<CustomerId>) -> Reply {
    let row = incoming.row::<ReservationRow>().await?;
    let commands = Commands::to::<Reservation>(&row.id, Command::Cancel { by })
        .and::<Calendar>(&row.restaurant_no, calendar::Command::Release { id: row.id });
    incoming.commands::<ReservationRow>(&incoming.caller()?, commands).await
}

/// Marks that a guest did not come. Doing so twice is harmless.
async fn mark_no_show(incoming: Incoming, (): ()) -> Reply {
    let row = incoming.row::<ReservationRow>().await?;
    incoming.command::<ReservationRow, Reservation>(&incoming.caller()?, &row.id, Command::NoShow).await
}
