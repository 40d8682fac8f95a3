//! What reserve's events do to a meeting.

use kernel::{Commands, Policy, Timestamp};

use super::domain::{Command, Conference};
use crate::reserve::api::ReserveEvent;

/// A slot that ends, ends its meeting (required.md: "the slot's end ends it too").
pub(crate) struct EndWithSlot;

impl Policy for EndWithSlot {
    const NAME: &'static str = "end-with-slot";
    type On = ReserveEvent;

    fn react(event: &ReserveEvent, at: Timestamp) -> Commands {
        match event {
            ReserveEvent::Ended { conference_id, .. } => Commands::to::<Conference>(conference_id, Command::SlotEnded { at }),
            _ => Commands::none(),
        }
    }
}
