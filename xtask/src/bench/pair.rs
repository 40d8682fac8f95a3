//! Both sides, side by side, with the same rooms.

use std::path::Path;

use tempfile::TempDir;

use super::load::{self, Plan};
use super::server::{Server, Side};
use super::{Bench, Scale, Tools};
use crate::shell::Outcome;

/// The slots of an ordinary room's day.
pub(super) const SLOTS: &str = "08:00-09:50,10:00-11:50,13:00-14:50";

/// Both, and how many bookings were asked of each.
pub(crate) struct Pair {
    // Processes end before their directories go.
    pub(super) limit: One,
    pub(super) yeyak: One,
}

/// One of both.
pub(crate) struct One {
    pub(super) server: Server,
    place: TempDir,
    /// The count of its next booking.
    pub(super) next: u64,
}

impl Pair {
    /// Starts both on empty directories and gives them rooms.
    pub(super) fn fresh(tools: &Tools, rooms: u64, slots: &str) -> Outcome<Self> {
        Ok(Self { limit: One::with_rooms(tools, Side::Limit, rooms, slots)?, yeyak: One::with_rooms(tools, Side::Yeyak, rooms, slots)? })
    }

    /// Both, the one first that was second in the round before.
    pub(super) fn in_turn(&mut self, round: usize) -> [&mut One; 2] {
        if round.is_multiple_of(2) { [&mut self.limit, &mut self.yeyak] } else { [&mut self.yeyak, &mut self.limit] }
    }

    /// Books until so many stand in each.
    pub(super) fn grow(&mut self, tools: &Tools, scale: &Scale, to: u64) -> Outcome {
        for one in [&mut self.limit, &mut self.yeyak] {
            let more = to.saturating_sub(one.next);
            if more > 0 {
                println!("   {more} bookings more for {}", one.server.side.name());
                one.book(tools, &Plan::ordinary(scale.rooms), more)?;
                one.server.drained()?;
            }
        }
        Ok(())
    }
}

impl One {
    /// Starts one on an empty directory.
    pub(super) fn fresh(tools: &Tools, side: Side) -> Outcome<Self> {
        Self::started(|data| Server::start(tools, side, data))
    }

    /// Starts one on an empty directory and gives it rooms.
    pub(super) fn with_rooms(tools: &Tools, side: Side, rooms: u64, slots: &str) -> Outcome<Self> {
        let one = Self::fresh(tools, side)?;
        one.server.add_rooms(rooms, slots)?;
        Ok(one)
    }

    /// Starts Yeyak on an empty directory, with this on its command line.
    pub(super) fn yeyak(tools: &Tools, arguments: &[&str]) -> Outcome<Self> {
        Self::started(|data| Server::start_with(tools, Side::Yeyak, data, arguments))
    }

    fn started(start: impl FnOnce(&Path) -> Outcome<Server>) -> Outcome<Self> {
        let place = tempfile::tempdir().map_err(|error| format!("no place for data: {error}"))?;
        let data = place.path().join("data");
        std::fs::create_dir(&data).map_err(|error| format!("no place for data: {error}"))?;
        Ok(Self { server: start(&data)?, place, next: 0 })
    }

    /// Books so many, as fast as they are answered.
    pub(super) fn book(&mut self, tools: &Tools, plan: &Plan, count: u64) -> Outcome<load::Measured> {
        let measured = load::count(tools, self.server.address, plan, self.next, count)?;
        self.next = self.next.saturating_add(count);
        Ok(measured)
    }

    /// Books so many a second, each due at its instant; `follow` measures how soon others see them.
    pub(super) fn book_steadily(&mut self, tools: &Tools, plan: &Plan, rate: f64, seconds: u64, follow: bool) -> Outcome<load::Measured> {
        let measured = load::steady_bookings(tools, self.server.address, plan, self.next, rate.round(), seconds, follow)?;
        self.next = measured.next;
        self.server.drained()?;
        Ok(measured)
    }

    /// Kills it and starts it anew on what it left.
    pub(super) fn restart(&mut self, tools: &Tools) -> Outcome {
        self.server.end();
        self.server = Server::start(tools, self.server.side, &self.data())?;
        Ok(())
    }

    pub(super) fn data(&self) -> std::path::PathBuf {
        self.place.path().join("data")
    }
}

impl Bench {
    /// Both with a year of bookings in each room; they are made by requests like everybody's.
    pub(super) fn full(&mut self) -> Outcome<(&Tools, &Scale, &mut super::Figures, &mut Pair)> {
        if self.full.is_none() {
            let mut pair = Pair::fresh(&self.tools, self.scale.rooms, SLOTS)?;
            pair.grow(&self.tools, &self.scale, self.scale.size(2))?;
            self.full = Some(pair);
        }
        let pair = self.full.as_mut().ok_or("there is no full store")?;
        Ok((&self.tools, &self.scale, &mut self.figures, pair))
    }
}
