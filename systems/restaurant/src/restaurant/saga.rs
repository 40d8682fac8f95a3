//! Adding and changing venues: reservation's calendar decides first, so that what is shown can be reserved, and what is reserved fits.

use kernel::{Commands, Saga, Steps, Timestamp};
use serde::{Deserialize, Serialize};

use super::api::VenueId;
use super::domain::venue::{Command, Kept, Venue};
use crate::reservation::api::{self, OpenVenue, RestaurantNo, VenueRules};

/// | step | done by | undone by |
/// |---|---|---|
/// | open the calendar | reservation: `OpenVenue` | reservation: it is closed |
/// | the venue stands | restaurant: `Add` | – |
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddVenue {
    /// The number it will have.
    pub(crate) id: VenueId,
    /// Under which guests know it.
    pub(crate) restaurant_no: RestaurantNo,
    /// What it is to be kept by.
    pub(crate) rules: VenueRules,
    /// How often its rules were set, once reservation has told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<u64>,
}

impl Saga for AddVenue {
    const NAME: &'static str = "add-venue";

    fn steps() -> Steps<Self> {
        Steps::new().call::<OpenVenue>(Self::open, Self::opened).end(Self::add)
    }
}

impl AddVenue {
    fn open(&self) -> Option<OpenVenue> {
        let Self { id: venue_id, restaurant_no, rules, .. } = self.clone();
        Some(OpenVenue { restaurant_no, venue_id, rules })
    }

    fn opened(&mut self, revision: u64) {
        self.revision = Some(revision);
    }

    fn add(&self, _at: Timestamp) -> Commands {
        let kept = Kept { revision: self.revision.unwrap_or_default(), rules: self.rules.clone() };
        Commands::to::<Venue>(&self.restaurant_no, Command::Add(self.id, kept))
    }
}

/// | step | done by | undone by |
/// |---|---|---|
/// | change the calendar | reservation: `ChangeVenue` | reservation: it is changed back |
/// | the venue shows it | restaurant: `Follow` | – |
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangeVenue {
    /// Which venue.
    pub(crate) restaurant_no: RestaurantNo,
    /// What it is kept by.
    pub(crate) before: VenueRules,
    /// What it is to be kept by.
    pub(crate) rules: VenueRules,
    /// How often its rules were set, once reservation has told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<u64>,
}

impl Saga for ChangeVenue {
    const NAME: &'static str = "change-venue";

    fn steps() -> Steps<Self> {
        Steps::new().call::<api::ChangeVenue>(Self::change, Self::changed).end(Self::follow)
    }
}

impl ChangeVenue {
    fn change(&self) -> Option<api::ChangeVenue> {
        let Self { restaurant_no, before, rules, .. } = self.clone();
        Some(api::ChangeVenue { restaurant_no, rules, before })
    }

    fn changed(&mut self, revision: u64) {
        self.revision = Some(revision);
    }

    fn follow(&self, _at: Timestamp) -> Commands {
        let kept = Kept { revision: self.revision.unwrap_or_default(), rules: self.rules.clone() };
        Commands::to::<Venue>(&self.restaurant_no, Command::Follow(kept))
    }
}
