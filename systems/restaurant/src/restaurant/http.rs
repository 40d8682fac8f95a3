//! `/venues`: adding and changing them, and `/restaurants`.

use booking::{DaySlots, Zone};
use edge::contract::{Schema, creates, edits};
use edge::{Incoming, Reply, Routes, Spec, Text, Who, optional, required};
use jiff::civil::Date;
use kernel::{Currency, Id, Money};
use serde_json::{Value, json};

use super::saga::{AddVenue, ChangeVenue};
use super::views::{EntryRow, VenueRow};
use crate::Settings;
use crate::reservation::api::{ClosedDays, RatingOpens, RestaurantNo, VenueRules};

/// The most seats that a sitting has.
const MOST_SEATS: u32 = 100_000;

/// The most that is paid beforehand for each person, in minor units. No party's deposit is beyond what fits.
const MOST_DEPOSIT: i64 = 1_000_000_000;

/// The most dates on which a venue is closed besides each week's: a year's.
const MOST_DATES: usize = 366;

/// The longest time before a sitting, in hours, from which on nothing is refunded: a year.
const LONGEST_REFUND: u16 = 8_784;

/// The routes of the service.
pub(crate) fn routes(routes: Routes, settings: &Settings) -> Routes {
    let (zone, currencies) = (settings.zone.clone(), settings.currencies);
    let add = move |incoming, wanted| add(incoming, wanted, zone.clone());
    let adds = creates::<VenueRow, _, _>("Add a venue", move || meant(currencies)).refuses(NOT_ADDED).or_stands();
    let about = "Change what a venue is kept by; what is null is as usual again: no name, no limit of its seats. Its `restaurantNo` stays, whatever is said";
    let changes = edits::<VenueRow, _, _>(about, move || said(currencies)).refuses(NOT_CHANGED);
    routes
        .resource::<VenueRow>(Who::Anyone)
        .post("/venues", Who::Administrator, adds, add)
        .patch("/venues/{id}", Who::Administrator, changes, change)
        .resource::<EntryRow>(Who::Anyone)
}

/// Why reservation does not let a venue be added.
const NOT_ADDED: &[&str] = &["venue-exists"];

/// Why reservation does not let a venue's rules be changed.
const NOT_CHANGED: &[&str] = &["no-such-venue", "venue-changed", "venue-reserved"];

/// What is said of a venue that is to be added: its number, and whatever is not as usual.
pub(super) fn meant(currencies: &'static [Currency]) -> impl Spec<Output = (RestaurantNo, Said)> {
    (required::<String>("restaurantNo").parse::<RestaurantNo>().like("11"), said(currencies))
}

/// What is said of a venue. Whatever is not, stays; what is null is as usual again, so that it has no name then, or no limit of seats.
pub(super) fn said(currencies: &'static [Currency]) -> impl Spec<Output = Said> {
    (
        optional::<Text<200>>("name").or_unset(),
        optional::<u32>("seats").within(1..=MOST_SEATS).or_unset(),
        optional::<Value>("sittings").try_map(sittings).described(sittings_schema).like("11:30-13:00,17:30-19:30").or_unset(),
        optional::<Money>("deposit").try_map(|money| deposit(money, currencies)).or_unset(),
        optional::<Vec<u8>>("closedWeekdays").try_map(weekdays).or_unset(),
        optional::<Vec<Date>>("closedDates").try_map(dates).or_unset(),
        optional::<u16>("refundUntil").within(0..=LONGEST_REFUND).or_unset(),
        optional::<String>("ratingOpens").parse::<RatingOpens>().like("dined").or_unset(),
    )
}

/// Name, seats, sittings, deposit a person, closed days of the week, closed dates, hours of the refund, from when on to rate.
pub(super) type Said = (
    Option<Option<Text<200>>>,
    Option<Option<u32>>,
    Option<Option<DaySlots>>,
    Option<Option<Money>>,
    Option<Option<Vec<u8>>>,
    Option<Option<Vec<Date>>>,
    Option<Option<u16>>,
    Option<Option<RatingOpens>>,
);

/// Adds a venue. Once it is answered it can be reserved. One that is kept by the same rules stands already, also if it opened by itself.
async fn add(incoming: Incoming, (restaurant_no, said): (RestaurantNo, Said), zone: Zone) -> Reply {
    let rules = added(zone, said);
    let no = restaurant_no.clone();
    let saga = move |id| AddVenue { id: Id::new(id), restaurant_no: no.clone(), rules: rules.clone(), revision: None };
    match incoming.create_by_saga::<VenueRow, AddVenue>(&incoming.caller()?, saga).await {
        // The calendar does not know which number the catalogue has for it.
        Err(stands) if stands.code == "standing" => incoming.stands_as::<VenueRow>("restaurantNo", restaurant_no).await,
        reply => reply,
    }
}

/// Changes what a venue is kept by, if what is reserved fits.
async fn change(incoming: Incoming, said: Said) -> Reply {
    let row = incoming.row::<VenueRow>().await?;
    let (restaurant_no, before) = (row.restaurant_no.clone(), row.rules());
    let saga = ChangeVenue { restaurant_no, rules: changed(before.clone(), said), before, revision: None };
    incoming.change_by_saga::<VenueRow, ChangeVenue>(&incoming.caller()?, saga).await
}

/// What a venue is kept by of which `said` is new: of one that is added, beside what is usual in its zone.
pub(crate) fn added(zone: Zone, said: Said) -> VenueRules {
    changed(VenueRules::usual(zone), said)
}

/// What a venue is kept by once that is so of it which is `said`.
pub(crate) fn changed(before: VenueRules, said: Said) -> VenueRules {
    let (name, seats, sittings, deposit, weekdays, dates, refund_until_hours, rating_opens) = said;
    let usual = VenueRules::usual(before.zone.clone());
    VenueRules {
        name: name.map_or(before.name, |name| name.map(String::from)),
        zone: before.zone,
        sittings: or_usual(sittings, before.sittings, usual.sittings),
        seats: seats.unwrap_or(before.seats),
        deposit: or_usual(deposit, before.deposit, usual.deposit),
        closed: ClosedDays {
            weekdays: or_usual(weekdays, before.closed.weekdays, usual.closed.weekdays),
            dates: or_usual(dates, before.closed.dates, usual.closed.dates),
        },
        refund_until_hours: or_usual(refund_until_hours, before.refund_until_hours, usual.refund_until_hours),
        rating_opens: or_usual(rating_opens, before.rating_opens, usual.rating_opens),
    }
}

/// What is said; what was before where nothing is, and what is usual where that is unset.
fn or_usual<T>(said: Option<Option<T>>, before: T, usual: T) -> T {
    said.map_or(before, |said| said.unwrap_or(usual))
}

/// Sittings are a text, `11:30-13:00,17:30-19:30`, or a list of `{start, end}`.
fn sittings(value: Value) -> Result<DaySlots, String> {
    match value {
        Value::String(text) => text.parse::<DaySlots>().map_err(|error| error.to_string()),
        list => serde_json::from_value(list).map_err(|_| "must be sittings such as 11:30-13:00,17:30-19:30, in order and apart".to_owned()),
    }
}

/// Sittings, as they can be written.
fn sittings_schema() -> Schema {
    let list = Schema::of::<DaySlots>().into_json();
    let text = json!({"type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}-[0-9]{1,2}:[0-9]{2}(,[0-9]{1,2}:[0-9]{2}-[0-9]{1,2}:[0-9]{2})*$"});
    json!({"anyOf": [list, text]}).into()
}

/// A deposit is what makes it sure that guests come, so there is one, and they can pay it.
fn deposit(deposit: Money, currencies: &[Currency]) -> Result<Money, &'static str> {
    if !currencies.contains(&deposit.currency) {
        return Err("must be in a currency that the payment provider takes");
    }
    if (1..=MOST_DEPOSIT).contains(&deposit.minor) { Ok(deposit) } else { Err("must be above zero, and at most 1000000000 in minor units") }
}

fn weekdays(mut days: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    days.sort_unstable();
    days.dedup();
    if days.iter().all(|day| (1..=7).contains(day)) { Ok(days) } else { Err("days of the week are 1, Monday, to 7, Sunday") }
}

fn dates(mut dates: Vec<Date>) -> Result<Vec<Date>, &'static str> {
    dates.sort_unstable();
    dates.dedup();
    if dates.len() <= MOST_DATES { Ok(dates) } else { Err("there are at most 366 closed dates") }
}
