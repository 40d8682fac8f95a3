//! A calendar at work, as the runtime drives it: what is due happens before a command is decided, at the instant it was due.

use std::collections::BTreeSet;

use booking::{DatedSlot, Entry, TimeOfDay, Timed, Zone};
use jiff::civil::Date;
use kernel::{Aggregate, Exposed, Id, Period, Refused, Timestamp};

use super::{Calendar, Command, Event};
use crate::conference::api::ConferenceId;
use crate::maintenance::api::MaintenanceId;
use crate::reserve::api::{Occupancy, ReserveEvent, ReserveId, RoomStatus, Rules, UserId};

pub(crate) struct Desk {
    pub(super) calendar: Calendar,
    /// Everything that happened, and when.
    pub(super) log: Vec<(Timestamp, Event)>,
    pub(super) now: Timestamp,
}

pub(super) fn seoul() -> Rules {
    Rules::usual(Zone::named("Asia/Seoul").unwrap())
}

/// An instant of 2026-11-23 in Seoul, or of the date that is given as well: `10:05`, `24T10:05`.
pub(super) fn at(text: &str) -> Timestamp {
    let (day, time) = text.split_once('T').unwrap_or(("23", text));
    let seconds = if time.len() == 5 { ":00" } else { "" };
    format!("2026-11-{day}T{time}{seconds}+09:00").parse().unwrap()
}

pub(super) fn date(day: i8) -> Date {
    Date::constant(2026, 11, day)
}

pub(super) fn time(text: &str) -> TimeOfDay {
    text.parse().unwrap()
}

pub(super) fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

pub(super) fn reserve(number: u64) -> ReserveId {
    Id::new(number)
}

pub(super) fn conference(number: u64) -> ConferenceId {
    Id::new(number)
}

pub(super) fn maintenance(number: u64) -> MaintenanceId {
    Id::new(number)
}

impl Desk {
    /// A calendar that opens at 08:00 on 2026-11-23 in Seoul.
    pub(super) fn open(rules: Rules) -> Self {
        let mut desk = Self::closed();
        desk.send(Command::Open { name: Some("Hangang".into()), floor: "3".into(), rules }).unwrap();
        desk
    }

    /// A calendar that was never opened.
    pub(super) fn closed() -> Self {
        Self { calendar: Calendar::default(), log: Vec::new(), now: at("08:00") }
    }

    /// Time passes until `now`, which is given as to [`at`].
    pub(super) fn at(&mut self, now: &str) -> &mut Self {
        self.pass(at(now));
        self
    }

    pub(super) fn pass(&mut self, now: Timestamp) {
        assert!(self.now <= now, "time never goes back");
        while let Some(wake) = self.calendar.wake_at().filter(|wake| *wake <= now) {
            let due = wake.max(self.calendar.as_of());
            let events = self.calendar.tick(due);
            assert!(!events.is_empty(), "a calendar that wakes has something to say");
            self.happen(events, due);
        }
        self.now = now;
        assert_eq!(*self.calendar.announced(), occupied(&self.calendar, now), "what was told still holds at {now}");
    }

    pub(super) fn send(&mut self, command: Command) -> Result<Vec<Event>, Refused> {
        let events = self.calendar.decide(command, self.now).map_err(Refused::from)?;
        self.happen(events.clone(), self.now);
        Ok(events)
    }

    fn happen(&mut self, events: Vec<Event>, at: Timestamp) {
        for event in events {
            self.calendar.evolve(&event, at);
            assert_eq!(*self.calendar.announced(), occupied(&self.calendar, at), "after {event:?} at {at}");
            self.log.push((at, event));
        }
    }

    pub(super) fn reserve(&mut self, id: u64, who: &str) -> Result<Vec<Event>, Refused> {
        self.send(Command::Reserve { id: reserve(id), user: user(who), date: None, start: None, end: None })
    }

    pub(super) fn reserve_on(&mut self, id: u64, who: &str, day: i8, start: &str) -> Result<Vec<Event>, Refused> {
        self.send(Command::Reserve { id: reserve(id), user: user(who), date: Some(date(day)), start: Some(time(start)), end: None })
    }

    pub(super) fn cancel(&mut self, id: u64, who: Option<&str>) -> Result<Vec<Event>, Refused> {
        self.send(Command::Cancel { id: reserve(id), by: who.map(user) })
    }

    pub(super) fn start(&mut self, id: u64, who: &str, meeting: u64) -> Result<Vec<Event>, Refused> {
        self.send(Command::Start { reservation: reserve(id), user: user(who), conference: conference(meeting) })
    }

    pub(super) fn end(&mut self, id: u64, meeting: u64) -> Result<Vec<Event>, Refused> {
        self.send(Command::End { reservation: reserve(id), conference: conference(meeting) })
    }

    pub(super) fn withdraw(&mut self, id: u64, meeting: u64) -> Result<Vec<Event>, Refused> {
        self.send(Command::WithdrawStart { reservation: reserve(id), conference: conference(meeting) })
    }

    pub(super) fn block(&mut self, id: u64, from: Option<&str>, until: Option<&str>) -> Result<Vec<Event>, Refused> {
        self.send(Command::Block { maintenance: maintenance(id), from: from.map(at), until: until.map(at) })
    }

    /// The status that was told last, and the reservation that goes with it.
    pub(super) fn shows(&self) -> (RoomStatus, Option<u64>) {
        let Occupancy { status, reserve_id, .. } = self.calendar.announced();
        (*status, reserve_id.map(ReserveId::number))
    }

    /// The slot of a reservation that stands, as its civil times.
    pub(super) fn slot(&self, id: u64) -> Option<String> {
        let reservation = self.calendar.reservation(reserve(id))?;
        Some(format!("{} {}", reservation.date, reservation.slot))
    }

    /// What happened since the log was this long, and when, in Seoul's civil time.
    pub(super) fn happened_since(&self, length: usize) -> Vec<(String, Event)> {
        let seoul = jiff::tz::TimeZone::get("Asia/Seoul").unwrap();
        self.log[length..].iter().map(|(at, event)| (seoul.to_datetime(*at).time().to_string(), event.clone())).collect()
    }

    /// What was published, as followers get it.
    pub(super) fn published(&self) -> Vec<ReserveEvent> {
        let mut calendar = Calendar::default();
        let publish = |(at, event): &(Timestamp, Event)| {
            calendar.evolve(event, *at);
            calendar.publish(&Id::new(3), event, *at)
        };
        self.log.iter().filter_map(publish).collect()
    }
}

/// How a room is occupied, found out the plain way: look at everything that stands, and at every slot of the day.
pub(super) fn occupied(calendar: &Calendar, at: Timestamp) -> Occupancy {
    let Some(rules) = &calendar.rules else { return closing(calendar) };
    let today = rules.slots.iter().filter_map(|slot| slot.on(rules.zone.date(at), &rules.zone));
    let slot = today.filter(|slot| at < slot.ends_at()).min_by_key(DatedSlot::starts_at);
    let meets = |period: &Period, slot: DatedSlot| period.start() < slot.ends_at() && period.end().is_none_or(|end| slot.starts_at() < end);
    let closed = |block: &Entry<MaintenanceId, Period>| {
        let lasts = block.what.start() <= at && block.what.end().is_none_or(|end| at < end);
        lasts || slot.is_some_and(|slot| at < slot.starts_at() && meets(&block.what, slot))
    };
    if calendar.blocks.iter().any(closed) {
        return Occupancy { status: RoomStatus::Maintenance, ..Occupancy::default() };
    }
    let held = calendar.reservations.iter().find(|entry| entry.what.meeting.is_some());
    let led = || calendar.reservations.iter().find(|entry| slot.is_some_and(|slot| meets(&entry.time(), slot)));
    held.or_else(led).map_or_else(Occupancy::default, |entry| Occupancy {
        status: if entry.what.meeting.is_some() { RoomStatus::Started } else { RoomStatus::Reserved },
        reserve_id: Some(entry.id),
        user_id: Some(entry.what.user.clone()),
    })
}

/// What the usual day of a room shows in each of its minutes: what slots have is painted first, and what is closed over it.
pub(super) fn painted(reserved: &BTreeSet<usize>, closed: &[(usize, usize)]) -> Vec<RoomStatus> {
    let mut day = vec![RoomStatus::Available; 24 * 60];
    for slot in 0..7 {
        let (from, until) = (480 + 120 * slot, 590 + 120 * slot);
        let next_from = if slot == 0 { 0 } else { from - 10 };
        if reserved.contains(&slot) {
            day[next_from..until].fill(RoomStatus::Reserved);
        }
        if (from..until).any(|minute| closed.iter().any(|(begins, ends)| (*begins..*ends).contains(&minute))) {
            day[next_from..from].fill(RoomStatus::Maintenance);
        }
    }
    closed.iter().for_each(|(begins, ends)| day[*begins..*ends].fill(RoomStatus::Maintenance));
    day
}

/// A calendar without rules holds nothing.
fn closing(calendar: &Calendar) -> Occupancy {
    assert_eq!((calendar.reservations.iter().count(), calendar.blocks.iter().count()), (0, 0));
    Occupancy::default()
}

/// Every period for which the room is someone's: a slot, and what a meeting took before its slot began.
pub(super) fn periods(calendar: &Calendar) -> Vec<Period> {
    let reserved = calendar.reservations.iter().map(|entry| {
        let since = entry.what.meeting.as_ref().map_or(Timestamp::MAX, |meeting| meeting.since);
        Period::new(since.min(entry.what.period.start()), entry.what.period.end().unwrap()).unwrap()
    });
    reserved.chain(calendar.blocks.iter().map(|block| block.what)).collect()
}
