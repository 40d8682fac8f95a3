use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

/// A minute of a civil day, `00:00` to `24:00`; the last is the next day's midnight, so that a slot can end the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TimeOfDay {
    /// Minutes since midnight, at most 1440.
    minutes: u16,
}

/// A text is no time of a day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time of a day: write hours and minutes, such as 08:00, up to 24:00")]
pub struct NotATime(pub String);

impl TimeOfDay {
    /// Midnight, at which a day begins.
    pub const MIDNIGHT: Self = Self { minutes: 0 };

    /// This time on `date`, as clocks would show it. None only for 24:00 on the last date there is.
    pub fn on(self, date: Date) -> Option<DateTime> {
        let date = if self.minutes == 24 * 60 { date.tomorrow().ok()? } else { date };
        // Both fit: minutes are at most 1440, and 1440 itself is 00:00 of the next date.
        let (hour, minute) = ((self.minutes / 60 % 24) as i8, (self.minutes % 60) as i8);
        Some(date.at(hour, minute, 0, 0))
    }

    /// `hour:00` and so many minutes. Callers in this crate keep it within a day.
    pub(crate) const fn at(hour: u16, minute: u16) -> Self {
        Self { minutes: hour * 60 + minute }
    }
}

impl FromStr for TimeOfDay {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let number = |part: &str, most: usize| {
            let digits = (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse::<u16>().ok()).flatten()
        };
        let read = || {
            let (hours, minutes) = text.trim().split_once(':')?;
            let (hour, minute) = (number(hours, 2)?, number(minutes, 2).filter(|_| minutes.len() == 2)?);
            let time = Self::at(hour, minute);
            (minute < 60 && time.minutes <= 24 * 60).then_some(time)
        };
        read().ok_or_else(|| NotATime(text.into()))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = NotATime;

    fn try_from(text: String) -> Result<Self, NotATime> {
        text.parse()
    }
}

impl utoipa::PartialSchema for TimeOfDay {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^([01]\\d|2[0-3]):[0-5]\\d$|^24:00$"))
            .description(Some("A time of a day, HH:MM, up to 24:00."))
            .into()
    }
}
impl utoipa::ToSchema for TimeOfDay {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_and_show() {
        for (text, shown) in [("08:00", "08:00"), ("8:05", "08:05"), ("24:00", "24:00"), (" 23:59 ", "23:59")] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), shown);
        }
        for text in ["", "8", "08:0", "24:01", "25:00", "08:60", "-1:00", "08:00:00", "०८:००", "+8:00"] {
            assert_eq!(text.parse::<TimeOfDay>(), Err(NotATime(text.into())));
        }
    }

    #[test]
    fn midnight_at_the_end_is_the_next_date() {
        let end: TimeOfDay = "24:00".parse().unwrap();
        assert_eq!(end.on(Date::constant(2026, 12, 31)), Some(Date::constant(2027, 1, 1).at(0, 0, 0, 0)));
        assert_eq!(end.on(Date::MAX), None);
    }
}
