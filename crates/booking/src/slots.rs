use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use kernel::{Period, Timestamp};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{NotATime, TimeOfDay, Zone};

/// How many slots a day may have: one every half hour.
pub const MAX_SLOTS: usize = 48;

/// A half-open stretch of a civil day that is booked as a whole, such as `08:00-09:50`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "Bounds")]
pub struct Slot {
    start: TimeOfDay,
    end: TimeOfDay,
}

/// A slot as it is written, before it is known to end after it begins.
#[derive(Deserialize)]
struct Bounds {
    start: TimeOfDay,
    end: TimeOfDay,
}

/// The slots of a day, in order, none overlapping another. There are 1 to [`MAX_SLOTS`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DaySlots(Vec<Slot>);

/// Why slots cannot be those of a day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotsError {
    /// There are none.
    #[error("a day has at least one slot, such as 08:00-09:50")]
    None,
    /// There are more than [`MAX_SLOTS`].
    #[error("a day has at most {MAX_SLOTS} slots")]
    TooMany,
    /// A part of the text is not two times.
    #[error("`{0}` is no slot: write its start and end, such as 08:00-09:50")]
    NotASlot(String),
    /// A time cannot be read.
    #[error(transparent)]
    NotATime(#[from] NotATime),
    /// A slot would be empty.
    #[error("a slot ends after it begins, unlike {0}-{1}")]
    Empty(TimeOfDay, TimeOfDay),
    /// Two slots have time in common.
    #[error("the slots {0} and {1} overlap")]
    Overlap(Slot, Slot),
}

/// One slot on one date, as the instants between which it lies. It is never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatedSlot {
    /// The civil date.
    pub date: Date,
    /// The slot.
    pub slot: Slot,
    /// From its first instant to the first one after it.
    pub period: Period,
}

impl Slot {
    /// The slot from `start` to `end`.
    ///
    /// # Errors
    /// [`SlotsError::Empty`] when it would not end after it begins.
    pub fn new(start: TimeOfDay, end: TimeOfDay) -> Result<Self, SlotsError> {
        if start < end { Ok(Self { start, end }) } else { Err(SlotsError::Empty(start, end)) }
    }

    /// When it begins.
    pub const fn start(self) -> TimeOfDay {
        self.start
    }

    /// The first minute after it.
    pub const fn end(self) -> TimeOfDay {
        self.end
    }

    /// This slot on `date`. None when clocks that are set forward skip the whole of it, so that there is nothing to book.
    pub fn on(self, date: Date, zone: &Zone) -> Option<DatedSlot> {
        let period = Period::new(zone.instant(date, self.start)?, zone.instant(date, self.end)?).ok()?;
        Some(DatedSlot { date, slot: self, period })
    }
}

impl DaySlots {
    /// These slots, put in order.
    ///
    /// # Errors
    /// When there are none, too many, or two of them overlap.
    pub fn new(mut slots: Vec<Slot>) -> Result<Self, SlotsError> {
        slots.sort_unstable();
        if slots.is_empty() {
            return Err(SlotsError::None);
        }
        if slots.len() > MAX_SLOTS {
            return Err(SlotsError::TooMany);
        }
        let overlap = slots.iter().zip(&slots[1..]).find(|(one, next)| next.start < one.end);
        match overlap {
            Some((one, next)) => Err(SlotsError::Overlap(*one, *next)),
            None => Ok(Self(slots)),
        }
    }

    /// The slots, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Slot> + '_ {
        self.0.iter().copied()
    }

    /// The one that begins at `start` (if given) and ends at `end` (if given).
    pub fn find(&self, start: Option<TimeOfDay>, end: Option<TimeOfDay>) -> Option<Slot> {
        self.iter().find(|slot| start.is_none_or(|start| slot.start == start) && end.is_none_or(|end| slot.end == end))
    }

    /// The slot of `date` that is running at `at` or, if none is, the first that comes after. None when all are over.
    pub fn running_or_next(&self, date: Date, zone: &Zone, at: Timestamp) -> Option<DatedSlot> {
        // Instants grow with civil times (see `Zone::instant`), so what is over at `at` stands before what is not.
        let over = self.0.partition_point(|slot| zone.instant(date, slot.end).is_some_and(|end| end <= at));
        self.0[over..].iter().find_map(|slot| slot.on(date, zone))
    }

    /// The instant from which `slot` is the running-or-next one of its date: the end of the one before it on that date, or
    /// that date's midnight.
    pub fn leads_from(&self, slot: &DatedSlot, zone: &Zone) -> Timestamp {
        let before = self.0.partition_point(|other| other.end <= slot.slot.start);
        // A slot that clocks skip on that date never ran, so what counts is the one before it.
        let ended = self.0[..before].iter().rev().find_map(|before| before.on(slot.date, zone)).map(|before| before.ends_at());
        let start = slot.starts_at();
        ended.or_else(|| zone.midnight(slot.date)).map_or(start, |from| from.min(start))
    }
}

impl Default for DaySlots {
    /// 08:00–09:50, 10:00–11:50, … 20:00–21:50 (seed: the meeting rooms' slots).
    fn default() -> Self {
        let slot = |hour| Slot { start: TimeOfDay::at(hour, 0), end: TimeOfDay::at(hour + 1, 50) };
        Self((8..=20).step_by(2).map(slot).collect())
    }
}

impl DatedSlot {
    /// Its first instant.
    pub const fn starts_at(&self) -> Timestamp {
        self.period.start()
    }

    /// The first instant after it.
    pub fn ends_at(&self) -> Timestamp {
        // A dated slot always has an end; only the type of its period would allow none.
        self.period.end().unwrap_or(Timestamp::MAX)
    }
}

impl TryFrom<Bounds> for Slot {
    type Error = SlotsError;

    fn try_from(Bounds { start, end }: Bounds) -> Result<Self, SlotsError> {
        Self::new(start, end)
    }
}

impl FromStr for Slot {
    type Err = SlotsError;

    fn from_str(text: &str) -> Result<Self, SlotsError> {
        let (start, end) = text.split_once(['-', '–']).ok_or_else(|| SlotsError::NotASlot(text.trim().into()))?;
        Self::new(start.parse()?, end.parse()?)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start, self.end)
    }
}

impl FromStr for DaySlots {
    type Err = SlotsError;

    fn from_str(text: &str) -> Result<Self, SlotsError> {
        if text.trim().is_empty() {
            return Err(SlotsError::None);
        }
        // One more than allowed is enough to know that there are too many, however long the text is.
        let slots = text.split(',').take(MAX_SLOTS + 1).map(str::parse).collect::<Result<_, _>>()?;
        Self::new(slots)
    }
}

impl fmt::Display for DaySlots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, slot) in self.iter().enumerate() {
            write!(f, "{}{slot}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Serialize for DaySlots {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DaySlots {
    /// Reads a list of `{start, end}`, or the text form.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl<'de> Visitor<'de> for Written {
            type Value = DaySlots;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("slots, as a list of {start, end} or as a text such as 08:00-09:50,10:00-11:50")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<DaySlots, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<DaySlots, A::Error> {
                let mut slots = Vec::new();
                while let Some(slot) = list.next_element()? {
                    slots.push(slot);
                    if slots.len() > MAX_SLOTS {
                        return Err(A::Error::custom(SlotsError::TooMany));
                    }
                }
                DaySlots::new(slots).map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_any(Written)
    }
}

impl utoipa::PartialSchema for DaySlots {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::schema::ArrayBuilder::new().items(Slot::schema()).min_items(Some(1)).max_items(Some(MAX_SLOTS)).into()
    }
}
impl utoipa::ToSchema for DaySlots {}
