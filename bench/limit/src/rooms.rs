//! The rooms, in memory: there are few, and they only become more.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{PoisonError, RwLock};

use jiff::civil::Time;
use rusqlite::Connection;

/// A room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) floor: String,
    /// How many days ahead it can be booked.
    pub(crate) days_ahead: i64,
    pub(crate) slots: Slots,
}

/// The slots of a day, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slots(pub(crate) Vec<Slot>);

/// A slot: the first instant, and the first behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) start: Time,
    pub(crate) end: Time,
}

/// All of them, by number.
#[derive(Debug, Default)]
pub(crate) struct Rooms(RwLock<BTreeMap<u64, Room>>);

impl Rooms {
    /// Those in the file.
    pub(crate) fn load(connection: &Connection) -> Result<Self, Box<dyn std::error::Error>> {
        let mut statement = connection.prepare("SELECT id, floor, days_ahead, slots FROM rooms")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?)))?;
        let mut rooms = BTreeMap::new();
        for row in rows {
            let (id, floor, days_ahead, slots) = row?;
            rooms.insert(id, Room { floor, days_ahead, slots: slots.parse()? });
        }
        Ok(Self(RwLock::new(rooms)))
    }

    /// Looks at a room.
    pub(crate) fn with<T>(&self, id: u64, look: impl FnOnce(&Room) -> T) -> Option<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).map(look)
    }

    /// Adds one that is on disk.
    pub(crate) fn add(&self, id: u64, room: Room) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(id, room);
    }

    /// Shows `count` slots from the `first` on, of all rooms in order: the room's number, the slot's place in its day from 1 on, the room and the
    /// slot. Gives how many slots there are as well.
    pub(crate) fn page<T>(&self, first: usize, count: usize, mut show: impl FnMut(u64, usize, &Room, Slot) -> T) -> (usize, Vec<T>) {
        let rooms = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let total = rooms.values().map(|room| room.slots.0.len()).sum();
        let mut passed = 0;
        let mut shown = Vec::with_capacity(count);
        for (&id, room) in rooms.iter() {
            let slots = room.slots.0.len();
            if passed + slots > first {
                for (place, slot) in room.slots.0.iter().enumerate().skip(first.saturating_sub(passed)).take(count - shown.len()) {
                    shown.push(show(id, place + 1, room, *slot));
                }
            }
            passed += slots;
            if shown.len() == count {
                break;
            }
        }
        (total, shown)
    }
}

impl FromStr for Slots {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let slot = |text: &str| {
            let (start, end) = text.split_once('-')?;
            let (start, end) = (start.parse().ok()?, end.parse().ok()?);
            (start < end).then_some(Slot { start, end })
        };
        text.split(',').map(slot).collect::<Option<_>>().map(Self).ok_or_else(|| format!("`{text}` are no slots"))
    }
}
