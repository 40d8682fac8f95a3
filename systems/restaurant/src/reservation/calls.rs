//! How each call becomes a command to a calendar, and what takes it back.

use kernel::Answer;

use super::api::{ChangeVenue, OpenVenue, RestaurantNo};
use super::domain::calendar::{Calendar, Command};

impl Answer for OpenVenue {
    type By = Calendar;

    fn command(&self) -> (RestaurantNo, Command) {
        let Self { restaurant_no, venue_id, rules } = self.clone();
        (restaurant_no, Command::Open { venue_id, rules })
    }

    fn reply(&self, after: &Calendar) -> u64 {
        after.revision()
    }

    fn undo(&self) -> (RestaurantNo, Command) {
        (self.restaurant_no.clone(), Command::Close { venue_id: self.venue_id })
    }
}

impl Answer for ChangeVenue {
    type By = Calendar;

    fn command(&self) -> (RestaurantNo, Command) {
        let Self { restaurant_no, rules, before } = self.clone();
        (restaurant_no, Command::Change { before, rules })
    }

    fn reply(&self, after: &Calendar) -> u64 {
        after.revision()
    }

    fn undo(&self) -> (RestaurantNo, Command) {
        let Self { restaurant_no, rules, before } = self.clone();
        (restaurant_no, Command::TakeBack { before, rules })
    }
}
