//! What reserve's events do to a maintenance.

use kernel::{Commands, Policy, Timestamp};

use super::domain::{Command, Maintenance};
use crate::reserve::api::ReserveEvent;

/// A time that the calendar gives back, ends its maintenance (required.md: "DELETE or its `until` ends it").
pub(crate) struct EndWithTime;

impl Policy for EndWithTime {
    const NAME: &'static str = "end-with-time";
    type On = ReserveEvent;

    fn react(event: &ReserveEvent, at: Timestamp) -> Commands {
        match event {
            ReserveEvent::Unblocked { maintenance_id, .. } => Commands::to::<Maintenance>(maintenance_id, Command::TimeEnded { at }),
            _ => Commands::none(),
        }
    }
}
