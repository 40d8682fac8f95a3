use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::TimeOfDay;

/// A time zone of the IANA database. What is stored of it is its name, so the rules are those of the running release.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// A name is not in the IANA time zone database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time zone: write an IANA name, such as Asia/Seoul")]
pub struct UnknownZone(pub String);

impl Default for Zone {
    /// Asia/Seoul, where the systems come from (design §10).
    #[allow(clippy::expect_used, reason = "the time zone database is built in, and has had this name since 1993")]
    fn default() -> Self {
        Self::named("Asia/Seoul").expect("Asia/Seoul is in the database that is built in")
    }
}

impl Zone {
    /// The zone with this IANA name.
    ///
    /// # Errors
    /// [`UnknownZone`] when the database that is built in has no such name.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        match TimeZone::get(name) {
            Ok(rules) => Ok(Self { name: rules.iana_name().unwrap_or(name).into(), rules }),
            Err(_) => Err(UnknownZone(name.into())),
        }
    }

    /// Its IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The date that calendars show at `at`.
    pub fn date(&self, at: Timestamp) -> Date {
        self.rules.to_datetime(at).date()
    }

    /// The first instant at which clocks show `time` on `date`, or have just passed it by being set forward.
    ///
    /// This never runs backwards as times grow, whatever clocks are set to: times that are skipped all fall on the instant
    /// of the change, and of a time that is shown twice it is the first showing. None beyond the last date there is.
    pub fn instant(&self, date: Date, time: TimeOfDay) -> Option<Timestamp> {
        let wanted = time.on(date)?;
        let ambiguous = self.rules.to_ambiguous_timestamp(wanted);
        let first = ambiguous.earlier().ok()?;
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => Some(first),
            // `first` reads the skipped time with the offset that comes after it, and so lies before the change.
            AmbiguousOffset::Gap { .. } => {
                let changes = self.rules.following(first).map(|change| change.timestamp());
                changes.into_iter().find(|change| self.rules.to_datetime(*change) >= wanted)
            }
        }
    }

    /// The instant at which `date` begins.
    pub fn midnight(&self, date: Date) -> Option<Timestamp> {
        self.instant(date, TimeOfDay::MIDNIGHT)
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for Zone {}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;

    fn try_from(name: String) -> Result<Self, UnknownZone> {
        Self::named(&name)
    }
}

impl utoipa::PartialSchema for Zone {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("An IANA time zone, such as Asia/Seoul."))
            .into()
    }
}
impl utoipa::ToSchema for Zone {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(zone: &str, date: Date, time: &str, instant: &str) {
        let zone = Zone::named(zone).unwrap();
        assert_eq!(zone.instant(date, time.parse().unwrap()), Some(instant.parse().unwrap()));
    }

    #[test]
    fn a_plain_time_is_one_instant() {
        check("Asia/Seoul", Date::constant(2026, 11, 23), "10:00", "2026-11-23T10:00:00+09:00");
        check("Asia/Seoul", Date::constant(2026, 11, 23), "24:00", "2026-11-24T00:00:00+09:00");
    }

    #[test]
    fn a_skipped_time_is_the_change_itself() {
        check("America/New_York", Date::constant(2026, 3, 8), "02:30", "2026-03-08T03:00:00-04:00");
        check("Europe/Berlin", Date::constant(2026, 3, 29), "02:01", "2026-03-29T03:00:00+02:00");
        // Lord Howe moves its clocks by half an hour only.
        check("Australia/Lord_Howe", Date::constant(2026, 10, 4), "02:15", "2026-10-04T02:30:00+11:00");
        // Apia left out a whole day when it crossed the date line.
        check("Pacific/Apia", Date::constant(2011, 12, 30), "10:00", "2011-12-31T00:00:00+14:00");
    }

    #[test]
    fn a_doubled_time_is_its_first_showing() {
        check("America/New_York", Date::constant(2026, 11, 1), "01:30", "2026-11-01T01:30:00-04:00");
        check("Australia/Lord_Howe", Date::constant(2026, 4, 5), "01:45", "2026-04-05T01:45:00+11:00");
    }

    #[test]
    fn only_known_zones_have_a_name() {
        assert_eq!(Zone::named("Mars/Phobos"), Err(UnknownZone("Mars/Phobos".into())));
        assert_eq!(Zone::named("asia/seoul").unwrap().name(), "Asia/Seoul");
        let json = serde_json::to_string(&Zone::named("Asia/Seoul").unwrap()).unwrap();
        assert_eq!(json, r#""Asia/Seoul""#);
        assert_eq!(serde_json::from_str::<Zone>(&json).unwrap().name(), "Asia/Seoul");
    }
}
