//! `/roomTables` and `/roomSlots`: what stands where.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use booking::Zone;
use edge::contract::{follows, lists, shows};
use edge::{Incoming, Problem, Reply, Routes, Spec, Who, optional};
use jiff::civil::Date;
use kernel::{Period, Resource, Timestamp};
use runtime::{ServiceHandle, Wanted};
use serde::de::DeserializeOwned;
use store::{Cell, Change, Query};

use super::views::{RoomBlockRow, RoomSlotRow, RoomTableRow, ShownSlot, SlotBookingRow, overlay, room_day};
use crate::room::api::RoomId;
use crate::{PERSONAL, Settings};

/// The most slots or blocks of a room, and the most bookings of its day, that are looked at.
const MOST: u64 = 1000;

/// The routes of the service. `/reserveTables` is the older name of `/roomTables`.
pub(crate) fn routes(routes: Routes, settings: &Settings) -> Routes {
    let anyone = Who::EachTheirOwn(PERSONAL);
    let today = Today(settings.zone.clone());
    let (listed, followed, shown) = (today.clone(), today.clone(), today);
    routes
        .resource::<RoomTableRow>(anyone)
        .resource_as::<RoomTableRow>("reserveTables", anyone)
        .get("/roomSlots", anyone, lists::<ShownSlot>().with(day), move |incoming, asked| list_slots(incoming, asked, listed.clone()))
        .get("/roomSlots/stream", anyone, follows::<ShownSlot>().with(day), move |incoming, asked| {
            follow_slots(incoming, asked, followed.clone())
        })
        .get("/roomSlots/{id}", anyone, shows::<ShownSlot>().asking(day), move |incoming, date| show_slot(incoming, date, shown.clone()))
        .past::<RoomSlotRow>("roomSlots", anyone)
}

/// Which day is meant.
fn day() -> impl Spec<Output = Option<Date>> {
    optional::<Date>("date")
}

/// The zone whose today is meant when no day is named.
#[derive(Clone)]
struct Today(Zone);

impl Today {
    fn or(&self, date: Option<Date>, at: Timestamp) -> Date {
        date.unwrap_or_else(|| self.0.date(at))
    }

    /// When it is over.
    fn ends(&self, at: Timestamp) -> Option<Timestamp> {
        self.0.midnight(self.0.date(at).tomorrow().ok()?)
    }
}

/// Each room and slot of a date, today's when none is given, with what stands in it.
async fn list_slots(incoming: Incoming, (query, date): (Query, Option<Date>), today: Today) -> Reply {
    let page = incoming.service().rows::<RoomSlotRow>(&query).await.map_err(edge::unreadable)?;
    let slots = read::<RoomSlotRow>(&page.rows)?;
    let day = Day::of(incoming.service(), today.or(date, incoming.at()), slots.iter().map(|slot| slot.room_id)).await?;
    let shown: Vec<_> = slots.iter().filter_map(|slot| day.show(slot)).collect();
    incoming.computed_page(&shown, &page, &query)
}

/// One slot of a room on a date, today's when none is given. On a date on which clocks skip it there is none.
async fn show_slot(incoming: Incoming, date: Option<Date>, today: Today) -> Reply {
    let slot: RoomSlotRow = incoming.row().await?;
    let day = Day::of(incoming.service(), today.or(date, incoming.at()), [slot.room_id]).await?;
    incoming.computed(&day.show(&slot).ok_or_else(Problem::not_found)?)
}

/// The slots of a date as they change. Those of today, when none is given, are told until it is over: who comes back is told of the next day.
async fn follow_slots(incoming: Incoming, (filters, date): (Vec<(&'static str, Cell)>, Option<Date>), today: Today) -> Reply {
    let until = if date.is_none() { today.ends(incoming.at()) } else { None };
    let date = today.or(date, incoming.at());
    let wanted = Wanted::rows::<RoomSlotRow>(filters.clone()).with::<SlotBookingRow>().with::<RoomBlockRow>().within(date);
    let service = incoming.service().clone();
    let compute = move |collection, changes| {
        let (service, filters) = (service.clone(), filters.clone());
        async move { changed(&service, date, &filters, collection, changes).await }
    };
    incoming.follow_computed::<ShownSlot, _>(wanted, until, compute).await
}

/// The slots of a date that other rows have changed, those that match the filters.
async fn changed(
    service: &ServiceHandle,
    date: Date,
    filters: &[(&'static str, Cell)],
    collection: &str,
    changes: Vec<Change>,
) -> Result<Vec<(u64, Option<ShownSlot>)>, Problem> {
    if collection == RoomSlotRow::COLLECTION {
        let slots = changes.into_iter().map(|Change { place, row }| Ok((place.id, row.map(|row| one::<RoomSlotRow>(&row)).transpose()?)));
        let slots = slots.collect::<Result<Vec<_>, Problem>>()?;
        let day = Day::of(service, date, slots.iter().filter_map(|(_, slot)| Some(slot.as_ref()?.room_id))).await?;
        return Ok(slots.into_iter().map(|(id, slot)| (id, slot.and_then(|slot| day.show(&slot)))).collect());
    }
    let touched = touched(date, collection, changes)?;
    let day = Day::of(service, date, touched.keys().copied()).await?;
    let mut told = Vec::new();
    for (room, periods) in touched {
        let query = Query { size: MOST, filters: [&[("roomId", Cell::id(room.number()))], filters].concat(), ..Query::default() };
        let slots = service.rows::<RoomSlotRow>(&query).await.map_err(edge::unreadable)?;
        for slot in read::<RoomSlotRow>(&slots.rows)? {
            if slot.on(date).is_some_and(|time| periods.iter().any(|period| period.overlaps(&time))) {
                told.push((slot.id, day.show(&slot)));
            }
        }
    }
    Ok(told)
}

/// The times of each room that these bookings or blocks are, or were, about.
fn touched(date: Date, collection: &str, changes: Vec<Change>) -> Result<BTreeMap<RoomId, Vec<Period>>, Problem> {
    let mut touched: BTreeMap<RoomId, Vec<Period>> = BTreeMap::new();
    for row in changes.into_iter().filter_map(|change| change.row) {
        let (room, period) = if collection == SlotBookingRow::COLLECTION {
            let booking: SlotBookingRow = one(&row)?;
            (booking.room_id, booking.period().filter(|_| booking.date == date))
        } else {
            // A block may have been for another time before.
            (one::<RoomBlockRow>(&row)?.room_id, Some(Period::from(Timestamp::MIN)))
        };
        touched.entry(room).or_default().extend(period);
    }
    touched.retain(|_, periods| !periods.is_empty());
    Ok(touched)
}

/// A date, with what stands in some rooms.
struct Day {
    date: Date,
    standing: HashMap<RoomId, Standing>,
}

/// What stands in a room on a date.
struct Standing {
    bookings: Vec<SlotBookingRow>,
    blocks: Vec<RoomBlockRow>,
}

impl Day {
    /// Few rooms have many slots, so each is read once, and all of them together. A day of a room has no more bookings than slots, so these
    /// are about as many as the rows of a page at most.
    async fn of(service: &ServiceHandle, date: Date, rooms: impl IntoIterator<Item = RoomId>) -> Result<Self, Problem> {
        let rooms: BTreeSet<RoomId> = rooms.into_iter().collect();
        let days = rooms.iter().map(|room| Cell::Text(room_day(*room, date))).collect();
        let bookings = service.rows_of_each::<SlotBookingRow>("roomDay", days, MOST).await.map_err(edge::unreadable)?;
        let blocks = rooms.iter().map(|room| Cell::id(room.number())).collect();
        let blocks = service.rows_of_each::<RoomBlockRow>("closedRoom", blocks, MOST).await.map_err(edge::unreadable)?;
        let mut standing = HashMap::with_capacity(rooms.len());
        for (room, (bookings, blocks)) in rooms.into_iter().zip(bookings.iter().zip(&blocks)) {
            standing.insert(room, Standing { bookings: read(bookings)?, blocks: read(blocks)? });
        }
        Ok(Self { date, standing })
    }

    /// A slot of one of the rooms on this date, with what stands in it. None when clocks skip it.
    fn show(&self, slot: &RoomSlotRow) -> Option<ShownSlot> {
        let Standing { bookings, blocks } = self.standing.get(&slot.room_id)?;
        overlay(slot, self.date, bookings, blocks)
    }
}

fn read<R: DeserializeOwned>(rows: &[String]) -> Result<Vec<R>, Problem> {
    rows.iter().map(|row| one(row)).collect()
}

fn one<R: DeserializeOwned>(row: &str) -> Result<R, Problem> {
    serde_json::from_str(row).map_err(|error| edge::internal(&kernel::misread(&error)))
}
