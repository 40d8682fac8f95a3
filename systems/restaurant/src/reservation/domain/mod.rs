//! What reservation decides: who holds which seats of a venue, and what becomes of each reservation.

pub(crate) mod calendar;
pub(crate) mod reservation;
