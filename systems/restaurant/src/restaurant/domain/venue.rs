//! A venue, as the catalogue knows it. What it is kept by is decided by its calendar.

use kernel::{Aggregate, Refused, Timestamp};
use serde::{Deserialize, Serialize};

use crate::reservation::api::{RestaurantNo, VenueRules};
use crate::restaurant::api::VenueId;

/// A venue in the catalogue. What reservation tells of it can come before the venue itself, since either takes its own way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Venue {
    /// Its number, once it was added.
    pub(crate) id: Option<VenueId>,
    /// The newest of its rules that are known here.
    pub(crate) kept: Option<Kept>,
}

/// What a venue is kept by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Kept {
    /// How often the rules were set when these were.
    pub(crate) revision: u64,
    /// The rules.
    pub(crate) rules: VenueRules,
}

/// What can be asked of a venue.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// It belongs to the catalogue from now on, under this number.
    Add(VenueId, Kept),
    /// Reservation keeps it by these rules. Older ones than those that are known change nothing.
    Follow(Kept),
}

/// What can have happened to a venue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Event {
    /// It was added.
    Added {
        /// Its number.
        id: VenueId,
        /// What it is kept by.
        kept: Kept,
    },
    /// It is kept by other rules.
    Changed {
        /// By which.
        kept: Kept,
    },
}

impl Aggregate for Venue {
    const NAME: &'static str = "venue";
    type Key = RestaurantNo;
    type Command = Command;
    type Event = Event;
    // Nothing is ever refused: whether a venue can be added or changed is decided by the call that comes before.
    type Refusal = Refused;

    fn decide(&self, command: Command, _at: Timestamp) -> Result<Vec<Event>, Refused> {
        let newer = |kept: Kept| Some(kept).filter(|kept| self.kept.as_ref().is_none_or(|known| known.revision < kept.revision));
        Ok(match command {
            Command::Add(..) if self.id.is_some() => Vec::new(),
            Command::Add(id, kept) => {
                let known = self.kept.clone().filter(|known| kept.revision < known.revision);
                vec![Event::Added { id, kept: known.unwrap_or(kept) }]
            }
            Command::Follow(kept) => newer(kept).map(|kept| Event::Changed { kept }).into_iter().collect(),
        })
    }

    fn evolve(&mut self, event: &Event, _at: Timestamp) {
        match event {
            Event::Added { id, kept } => {
                self.id = Some(*id);
                self.kept = Some(kept.clone());
            }
            Event::Changed { kept } => self.kept = Some(kept.clone()),
        }
    }
}
