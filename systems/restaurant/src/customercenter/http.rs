//! `/myPages` and `/availability`: what stands, and what is free.

use edge::contract::{lists, shows};
use edge::{Incoming, Problem, Reply, Routes, Spec, Who, optional, required};
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use store::{Cell, Page, Query};

use super::places::number;
use super::views::{FilledRow, MyPageRow, ShownSitting, Sitting, SittingRow, venue_day};
use crate::reservation::api::RestaurantNo;
use crate::{PERSONAL, Settings};

/// For how many people a sitting is looked for when that is not said: as many as a reservation is made for then.
const PARTY: u32 = 2;

/// The most people that a sitting can be looked for.
const LARGEST_PARTY: u32 = 1_000;

/// The routes of the service.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    routes
        .resource::<MyPageRow>(Who::EachTheirOwn(PERSONAL))
        .get("/availability", Who::Anyone, lists::<ShownSitting>().with(wanted), list_free)
        .get("/availability/{id}", Who::Anyone, shows::<ShownSitting>().asking(day_and_party), show_sitting)
        .past::<SittingRow>("availability", Who::Anyone)
}

/// Where, when and for how many people.
fn wanted() -> impl Spec<Output = (RestaurantNo, Wanted)> {
    (required::<String>("restaurantNo").parse::<RestaurantNo>().like("10"), day_and_party())
}

/// When, and for how many people.
fn day_and_party() -> impl Spec<Output = Wanted> {
    (optional::<Date>("day"), optional::<u32>("partySize").within(1..=LARGEST_PARTY).or(PARTY))
}

type Wanted = (Option<Date>, u32);

/// The free sittings of a venue on a day, today when none is given. Of a venue that nobody knows of there are none.
async fn list_free(incoming: Incoming, (query, (venue, wanted)): (Query, (RestaurantNo, Wanted))) -> Reply {
    let known = Cell::Integer(i64::try_from(number(&venue.to_string())).unwrap_or(i64::MAX));
    let filters = [vec![("venue", known)], query.filters.clone()].concat();
    let all = Query { page: 0, size: booking::MAX_SLOTS as u64, sort: query.sort.clone(), filters };
    let rows = incoming.service().rows::<SittingRow>(&all).await.map_err(edge::unreadable)?.rows;
    let rows = rows.iter().map(|row| read::<SittingRow>(row)).collect::<Result<Vec<_>, _>>()?;
    let own: Vec<_> = rows.iter().filter_map(|row| Some((row.id, row.of.get(&venue)?))).collect();

    let free: Vec<_> = shown(&incoming, &venue, &own, wanted).await?.into_iter().filter(|sitting| sitting.is_free).collect();
    let page = Page { total: free.len() as u64, ..Page::default() };
    let skipped = usize::try_from(query.page.saturating_mul(query.size)).unwrap_or(usize::MAX);
    let free: Vec<_> = free.into_iter().skip(skipped).take(usize::try_from(query.size).unwrap_or(usize::MAX)).collect();
    incoming.computed_page(&free, &page, &query)
}

/// A sitting of a venue on a day, today when none is given, free or not. On a day on which clocks skip it there is none.
async fn show_sitting(incoming: Incoming, wanted: Wanted) -> Reply {
    let row: SittingRow = incoming.row().await?;
    // Of two venues that happen to have one number, nobody can say which is meant; they are found by their names.
    let mut all = row.of.iter();
    let (Some((venue, sitting)), None) = (all.next(), all.next()) else { return Err(Problem::not_found()) };
    let shown = shown(&incoming, venue, &[(row.id, sitting)], wanted).await?;
    incoming.computed(shown.first().ok_or_else(Problem::not_found)?)
}

/// These sittings of a venue, as they are on a day.
async fn shown(
    incoming: &Incoming,
    venue: &RestaurantNo,
    sittings: &[(u64, &Sitting)],
    (day, party): Wanted,
) -> Result<Vec<ShownSitting>, Problem> {
    let at = incoming.at();
    let Some(day) = day.or_else(|| sittings.first().map(|(_, sitting)| sitting.zone.date(at))) else { return Ok(Vec::new()) };
    let key = venue_day(venue, day);
    let filled = incoming.service().row::<FilledRow>(number(&key)).await.map_err(edge::unreadable)?;
    let filled = filled.as_deref().map(read::<FilledRow>).transpose()?.unwrap_or_default();
    let taken = |sitting: &Sitting| filled.of.get(&key).and_then(|day| day.get(&sitting.slot.start())).copied().unwrap_or_default();
    Ok(sittings.iter().filter_map(|(id, sitting)| sitting.shown((*id, venue), day, taken(sitting), party, at)).collect())
}

fn read<R: DeserializeOwned>(row: &str) -> Result<R, Problem> {
    serde_json::from_str(row).map_err(|error| edge::internal(&kernel::misread(&error)))
}
