//! The pure booking rules that systems share: the slots of a day, when they open, calendars in which nothing
//! overlaps, and places of which there are only so many.
//!
//! Every instant comes in as an argument, and every civil time meets a [`Zone`] before it is compared with one.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod agenda;
mod korean;
mod opening;
mod seats;
mod slots;
mod time_of_day;
mod zone;

pub use agenda::{Agenda, Entry, Timed};
pub use korean::KOREAN;
pub use opening::{Closed, NotAnOpeningRule, OpeningRule, next_opening};
pub use seats::{Holder, Seats, TooFew};
pub use slots::{DatedSlot, DaySlots, MAX_SLOTS, Slot, SlotsError};
pub use time_of_day::{NotATime, TimeOfDay};
pub use zone::{UnknownZone, Zone};
