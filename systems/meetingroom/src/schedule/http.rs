//! `/roomTables` and `/roomSlots`: what stands where.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use edge::contract::{lists, shows};
use edge::{Incoming, Problem, Reply, Routes, Spec, Who, optional};
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use store::{Cell, Query};

use super::views::{RoomBlockRow, RoomSlotRow, RoomTableRow, ShownSlot, SlotBookingRow, overlay, room_day};
use crate::room::api::RoomId;
use crate::{PERSONAL, Settings};

/// The most bookings of a room's day, and the most blocks of a room, that are looked at.
const MOST: u64 = 1000;

/// The routes of the service. `/reserveTables` is the older name of `/roomTables`.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    let anyone = Who::EachTheirOwn(PERSONAL);
    routes
        .resource::<RoomTableRow>(anyone)
        .resource_as::<RoomTableRow>("reserveTables", anyone)
        .get("/roomSlots", anyone, lists::<ShownSlot>().with(day), list_slots)
        .get("/roomSlots/{id}", anyone, shows::<ShownSlot>().asking(day), show_slot)
        .past::<RoomSlotRow>("roomSlots", anyone)
}

/// Which day is meant.
fn day() -> impl Spec<Output = Option<Date>> {
    optional::<Date>("date")
}

/// Each room and slot of a date, today's when none is given, with what stands in it.
async fn list_slots(incoming: Incoming, (query, date): (Query, Option<Date>)) -> Reply {
    let page = incoming.service().rows::<RoomSlotRow>(&query).await.map_err(edge::unreadable)?;
    let slots: Vec<RoomSlotRow> = read(&page.rows)?;

    // A page shows few rooms, each with several slots; what stands in a room is read once.
    let mut standing = HashMap::new();
    let mut shown = Vec::with_capacity(slots.len());
    for slot in &slots {
        let date = date.unwrap_or_else(|| slot.zone.date(incoming.at()));
        let stands = match standing.entry(slot.room_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(Standing::of(&incoming, slot.room_id, date).await?),
        };
        shown.extend(overlay(slot, date, &stands.bookings, &stands.blocks));
    }
    incoming.computed_page(&shown, &page, &query)
}

/// One slot of a room on a date, today's when none is given. On a date on which clocks skip it there is none.
async fn show_slot(incoming: Incoming, date: Option<Date>) -> Reply {
    let slot: RoomSlotRow = incoming.row().await?;
    let date = date.unwrap_or_else(|| slot.zone.date(incoming.at()));
    let Standing { bookings, blocks } = Standing::of(&incoming, slot.room_id, date).await?;
    let shown = overlay(&slot, date, &bookings, &blocks).ok_or_else(Problem::not_found)?;
    incoming.computed(&shown)
}

/// What stands in a room on a date.
struct Standing {
    bookings: Vec<SlotBookingRow>,
    blocks: Vec<RoomBlockRow>,
}

impl Standing {
    async fn of(incoming: &Incoming, room: RoomId, date: Date) -> Result<Self, Problem> {
        let bookings = Query::equal("roomDay", Cell::Text(room_day(room, date)), MOST);
        let blocks = Query::equal("roomId", Cell::Integer(i64::try_from(room.number()).unwrap_or(i64::MAX)), MOST);
        let bookings = incoming.service().rows::<SlotBookingRow>(&bookings).await.map_err(edge::unreadable)?;
        let blocks = incoming.service().rows::<RoomBlockRow>(&blocks).await.map_err(edge::unreadable)?;
        Ok(Self { bookings: read(&bookings.rows)?, blocks: read(&blocks.rows)? })
    }
}

fn read<R: DeserializeOwned>(rows: &[String]) -> Result<Vec<R>, Problem> {
    rows.iter().map(|row| serde_json::from_str(row).map_err(|error| edge::internal(&kernel::misread(&error)))).collect()
}
