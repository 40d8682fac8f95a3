//! A booking: what is asked for, what it becomes, and how it is written.

use std::borrow::Cow;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;

use crate::rooms::Room;

/// How long before its slot a meeting can be started: Yeyak's default.
const EARLY_MINUTES: i64 = 10;

/// What is asked for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wanted<'a> {
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    pub(crate) room_id: u64,
    date: Date,
    #[serde(borrow)]
    start_time: Cow<'a, str>,
    #[serde(borrow)]
    end_time: Cow<'a, str>,
}

/// What is to be decided.
#[derive(Clone, Debug)]
pub(crate) struct Booking {
    pub(crate) user: String,
    pub(crate) room: u64,
    pub(crate) date: String,
    /// Microseconds since 1970.
    pub(crate) starts: i64,
    pub(crate) ends: i64,
    /// The fields of its row behind the id.
    fields: String,
}

impl Wanted<'_> {
    /// The slot that is meant, if the room has it, and it can be had now.
    pub(crate) fn booking(&self, room: &Room, zone: &TimeZone, now: Timestamp) -> Result<Booking, &'static str> {
        let time = |text: &str| text.parse::<Time>().map_err(|_| "malformed-time");
        let (start, end) = (time(&self.start_time)?, time(&self.end_time)?);
        if !room.slots.0.iter().any(|slot| slot.start == start && slot.end == end) {
            return Err("no-such-slot");
        }
        let starts = instant(self.date, start, zone)?;
        let ends = instant(self.date, end, zone)?;
        if ends <= now {
            return Err("slot-over");
        }
        if now < opens(self.date, room.days_ahead, zone)? {
            return Err("not-open-yet");
        }
        let user = serde_json::to_string(&self.user_id).map_err(|_| "malformed-user")?;
        let startable = starts.checked_sub(EARLY_MINUTES.minutes()).map_err(|_| "no-such-slot")?;
        let fields = format!(
            r#""userId":{user},"roomId":{},"date":"{}","startTime":"{}","endTime":"{}","status":"Reserved","startsAt":"{starts}","endsAt":"{ends}","startableFrom":"{startable}","conferenceId":null"#,
            self.room_id, self.date, self.start_time, self.end_time,
        );
        let (starts, ends) = (starts.as_microsecond(), ends.as_microsecond());
        Ok(Booking { user: self.user_id.clone().into_owned(), room: self.room_id, date: self.date.to_string(), starts, ends, fields })
    }
}

impl Booking {
    /// Its row.
    pub(crate) fn row(&self, id: i64) -> String {
        format!(r#"{{"id":{id},{}}}"#, self.fields)
    }

    /// What others are told of it: the row, and how its room is occupied now.
    pub(crate) fn event(&self, id: i64) -> String {
        format!(
            r#"{{"eventType":"Reserved","id":{id},{},"occupancy":{{"status":"Available","reserveId":null,"userId":null}}}}"#,
            self.fields
        )
    }
}

/// From when on the slots of a date can be had.
pub(crate) fn opens(date: Date, days_ahead: i64, zone: &TimeZone) -> Result<Timestamp, &'static str> {
    date.checked_sub(days_ahead.days()).map_or(Ok(Timestamp::MIN), |day| instant(day, Time::midnight(), zone))
}

/// The first instant at which a clock of the zone shows this.
pub(crate) fn instant(date: Date, time: Time, zone: &TimeZone) -> Result<Timestamp, &'static str> {
    zone.to_ambiguous_timestamp(date.to_datetime(time)).compatible().map_err(|_| "no-such-slot")
}
