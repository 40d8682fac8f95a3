//! `/myPages` and `/availability`: what stands, and what is free.

use std::collections::{BTreeMap, BTreeSet};

use edge::contract::{follows, lists, shows};
use edge::{Incoming, Problem, Reply, Routes, Spec, Who, optional, required};
use jiff::civil::Date;
use kernel::{Resource, Timestamp};
use runtime::{ServiceHandle, Wanted};
use serde::de::DeserializeOwned;
use store::{Cell, Change, Direction, Page, Query};

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
        .get("/availability/stream", Who::Anyone, follows::<ShownSitting>().with(wanted), follow_free)
        .get("/availability/{id}", Who::Anyone, shows::<ShownSitting>().asking(day_and_party), show_sitting)
        .past::<SittingRow>("availability", Who::Anyone)
}

/// Where, when and for how many people.
fn wanted() -> impl Spec<Output = (RestaurantNo, Looked)> {
    (required::<String>("restaurantNo").parse::<RestaurantNo>().like("10"), day_and_party())
}

/// When, and for how many people.
fn day_and_party() -> impl Spec<Output = Looked> {
    (optional::<Date>("day"), optional::<u32>("partySize").within(1..=LARGEST_PARTY).or(PARTY))
}

type Looked = (Option<Date>, u32);

/// What fields of the rows that are meant equal.
type Filters = Vec<(&'static str, Cell)>;

/// The free sittings of a venue on a day, today when none is given. Of a venue that nobody knows of there are none.
async fn list_free(incoming: Incoming, (query, (venue, (day, party))): (Query, (RestaurantNo, Looked))) -> Reply {
    let asked = Asked::of(&incoming, venue, query.filters.clone(), (day, party));
    let sittings = asked.sittings(query.sort.clone()).await?;
    let shown = asked.shown(&sittings, asked.day(&sittings, incoming.at()), incoming.at()).await?;
    let free: Vec<_> = shown.into_iter().filter(|sitting| sitting.is_free).collect();
    let page = Page { total: free.len() as u64, ..Page::default() };
    let skipped = usize::try_from(query.page.saturating_mul(query.size)).unwrap_or(usize::MAX);
    let free: Vec<_> = free.into_iter().skip(skipped).take(usize::try_from(query.size).unwrap_or(usize::MAX)).collect();
    incoming.computed_page(&free, &page, &query)
}

/// A sitting of a venue on a day, today when none is given, free or not. On a day on which clocks skip it there is none.
async fn show_sitting(incoming: Incoming, looked: Looked) -> Reply {
    let row: SittingRow = incoming.row().await?;
    // Of two venues that happen to have one number, nobody can say which is meant; they are found by their names.
    let mut all = row.of.iter();
    let (Some((venue, _)), None) = (all.next(), all.next()) else { return Err(Problem::not_found()) };
    let (asked, at) = (Asked::of(&incoming, venue.clone(), Vec::new(), looked), incoming.at());
    let sitting = [row];
    let shown = asked.shown(&sitting, asked.day(&sitting, at), at).await?;
    incoming.computed(shown.first().ok_or_else(Problem::not_found)?)
}

/// The free sittings of a venue on a day, today when none is given, as they change. They are told until one begins, or the day that is meant is
/// over: then others are free though nothing has changed, and who comes back is told of these.
async fn follow_free(incoming: Incoming, (filters, (venue, looked)): (Filters, (RestaurantNo, Looked))) -> Reply {
    let (asked, at) = (Asked::of(&incoming, venue, filters, looked), incoming.at());
    let sittings = asked.sittings(Vec::new()).await?;
    let (day, until) = (asked.day(&sittings, at), asked.turns(&sittings, at));
    let wanted = Wanted::rows::<SittingRow>(asked.filters()).with::<FilledRow>().within((&asked.venue, day, asked.party, until));
    let compute = move |collection, changes| {
        let asked = asked.clone();
        async move { asked.changed((at, until), collection, changes).await }
    };
    incoming.follow_computed::<ShownSitting, _>(wanted, until, compute).await
}

/// Who looks for a sitting: where, when, for how many people.
#[derive(Clone)]
struct Asked {
    service: ServiceHandle,
    venue: RestaurantNo,
    filters: Filters,
    day: Option<Date>,
    party: u32,
}

impl Asked {
    fn of(incoming: &Incoming, venue: RestaurantNo, filters: Filters, (day, party): Looked) -> Self {
        Self { service: incoming.service().clone(), venue, filters, day, party }
    }

    fn filters(&self) -> Filters {
        let known = Cell::id(number(&self.venue.to_string()));
        [vec![("venue", known)], self.filters.clone()].concat()
    }

    /// The sittings that each day of the venue has.
    async fn sittings(&self, sort: Vec<(&'static str, Direction)>) -> Result<Vec<SittingRow>, Problem> {
        let all = Query { page: 0, size: booking::MAX_SLOTS as u64, sort, filters: self.filters() };
        let rows = self.service.rows::<SittingRow>(&all).await.map_err(edge::unreadable)?.rows;
        rows.iter().map(|row| read(row)).collect()
    }

    fn own<'a>(&self, sittings: &'a [SittingRow]) -> impl Iterator<Item = (u64, &'a Sitting)> {
        sittings.iter().filter_map(|row| Some((row.id, row.of.get(&self.venue)?)))
    }

    /// The day that is meant at an instant. Without one, and without a venue whose today it would be, none.
    fn day(&self, sittings: &[SittingRow], at: Timestamp) -> Option<Date> {
        self.day.or_else(|| self.own(sittings).next().map(|(_, sitting)| sitting.zone.date(at)))
    }

    /// These sittings on a day, as they are at an instant.
    async fn shown(&self, sittings: &[SittingRow], day: Option<Date>, at: Timestamp) -> Result<Vec<ShownSitting>, Problem> {
        let Some(day) = day else { return Ok(Vec::new()) };
        let key = venue_day(&self.venue, day);
        let filled = self.service.row::<FilledRow>(number(&key)).await.map_err(edge::unreadable)?;
        let filled = filled.as_deref().map(read::<FilledRow>).transpose()?.unwrap_or_default();
        let taken = |sitting: &Sitting| filled.of.get(&key).and_then(|day| day.get(&sitting.slot.start())).copied().unwrap_or_default();
        let shown = |(id, sitting): (u64, &Sitting)| sitting.shown((id, &self.venue), day, taken(sitting), self.party, at);
        Ok(self.own(sittings).filter_map(shown).collect())
    }

    /// When the next of these sittings begins after an instant, or the day that was meant then is over.
    fn turns(&self, sittings: &[SittingRow], at: Timestamp) -> Option<Timestamp> {
        let day = self.day(sittings, at)?;
        let begin = self.own(sittings).filter_map(|(_, sitting)| Some(sitting.slot.on(day, &sitting.zone)?.starts_at()));
        let is_over = || self.own(sittings).next()?.1.zone.midnight(day.tomorrow().ok()?);
        begin.chain(if self.day.is_none() { is_over() } else { None }).filter(|turn| at < *turn).min()
    }

    /// The sittings that other rows have changed, those that are free. At `at` it was said that they
    /// would change by time alone at `until`.
    async fn changed(
        &self,
        (at, until): (Timestamp, Option<Timestamp>),
        collection: &str,
        changes: Vec<Change>,
    ) -> Result<Vec<(u64, Option<ShownSitting>)>, Problem> {
        let sittings = self.sittings(Vec::new()).await?;
        // By what the venue is kept by now they change at another time: who comes back is told until then.
        if self.turns(&sittings, at) != until {
            return Err(Problem::in_progress());
        }
        let day = self.day(&sittings, at);
        let free = self.shown(&sittings, day, self.service.now()).await?.into_iter().filter(|sitting| sitting.is_free);
        let mut free: BTreeMap<_, _> = free.map(|sitting| (sitting.id, sitting)).collect();
        // Each once: a sitting that went and came back is among the changes twice, and is there.
        let ids: BTreeSet<_> = if collection == SittingRow::COLLECTION {
            changes.into_iter().map(|change| change.place.id).collect()
        } else {
            let filled = day.map(|day| number(&venue_day(&self.venue, day)));
            let is_ours = changes.iter().any(|change| Some(change.place.id) == filled);
            sittings.iter().map(|sitting| sitting.id).filter(|_| is_ours).collect()
        };
        Ok(ids.into_iter().map(|id| (id, free.remove(&id))).collect())
    }
}

fn read<R: DeserializeOwned>(row: &str) -> Result<R, Problem> {
    serde_json::from_str(row).map_err(|error| edge::internal(&kernel::misread(&error)))
}
