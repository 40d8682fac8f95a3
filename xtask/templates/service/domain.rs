//! A {{service}}: what can be asked of it, and what can have happened to it.

use kernel::{Aggregate, Refused, RefusedKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::api::{{Service}}Id;

/// A {{service}}.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct {{Service}} {
    /// What it is called, while it stands.
    pub(crate) name: Option<String>,
}

/// What can be asked of a {{service}}.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// It shall stand, under this name.
    Add {
        /// What it is called.
        name: String,
    },
    /// It shall stand no longer.
    Remove,
}

/// What can have happened to a {{service}}.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Event {
    /// It was added.
    Added {
        /// What it is called.
        name: String,
    },
    /// It was removed.
    Removed,
}

/// Why a {{service}} says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It does not stand.
    #[error("there is no such {{service}}")]
    Unknown,
    /// Another one stands here.
    #[error("it stands already under another name")]
    Taken,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown => Self::new(RefusedKind::NotFound, "not-found", refusal),
            Refusal::Taken => Self::new(RefusedKind::Conflict, "taken", refusal),
        }
    }
}

impl Aggregate for {{Service}} {
    const NAME: &'static str = "{{service}}";
    type Key = {{Service}}Id;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, _at: Timestamp) -> Result<Vec<Event>, Refusal> {
        match (command, &self.name) {
            (Command::Add { name }, None) => Ok(vec![Event::Added { name }]),
            (Command::Add { name }, Some(standing)) if name == *standing => Ok(Vec::new()),
            (Command::Add { .. }, Some(_)) => Err(Refusal::Taken),
            (Command::Remove, Some(_)) => Ok(vec![Event::Removed]),
            (Command::Remove, None) => Err(Refusal::Unknown),
        }
    }

    fn evolve(&mut self, event: &Event, _at: Timestamp) {
        match event {
            Event::Added { name } => self.name = Some(name.clone()),
            Event::Removed => self.name = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After `given`, `command` brings `then`.
    fn check(given: &[Event], command: Command, then: Result<Vec<Event>, Refusal>) {
        let at = Timestamp::UNIX_EPOCH;
        let mut state = {{Service}}::default();
        given.iter().for_each(|event| state.evolve(event, at));
        assert_eq!(state.decide(command, at), then);
    }

    fn add(name: &str) -> Command {
        Command::Add { name: name.into() }
    }

    fn added(name: &str) -> Event {
        Event::Added { name: name.into() }
    }

    #[test]
    fn it_is_added_once() {
        check(&[], add("one"), Ok(vec![added("one")]));
        check(&[added("one")], add("one"), Ok(Vec::new()));
        check(&[added("one")], add("two"), Err(Refusal::Taken));
    }

    #[test]
    fn it_is_removed_while_it_stands() {
        check(&[added("one")], Command::Remove, Ok(vec![Event::Removed]));
        check(&[], Command::Remove, Err(Refusal::Unknown));
        check(&[added("one"), Event::Removed], add("two"), Ok(vec![added("two")]));
    }
}
