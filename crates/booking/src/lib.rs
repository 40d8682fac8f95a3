//! The pure booking rules that systems share: the slots of a day, when they open, and calendars in which nothing overlaps.
//!
//! Every instant comes in as an argument, and every civil time meets a [`Zone`] before it is compared with one.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod agenda;
mod korean;
mod opening;
mod slots;
mod time_of_day;
mod zone;

pub use agenda::{Agenda, Entry};
pub use korean::KOREAN;
pub use opening::{Closed, NotAnOpeningRule, OpeningRule, next_opening};
pub use slots::{DatedSlot, DaySlots, MAX_SLOTS, Slot, SlotsError};
pub use time_of_day::{NotATime, TimeOfDay};
pub use zone::{UnknownZone, Zone};
