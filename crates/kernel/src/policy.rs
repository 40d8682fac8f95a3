use std::any::Any;
use std::sync::Arc;

use jiff::Timestamp;

use crate::{Aggregate, Published};

/// A reaction of a service to what another one published: it commands its own service, and nothing else.
///
/// A refusal of what it commands is an outcome, not a failure. A reaction that has to call another service is a [`Saga`](crate::Saga).
pub trait Policy: Send + Sync + 'static {
    /// The durable name, unique in its service.
    const NAME: &'static str;
    /// The events it listens to.
    type On: Published;

    /// What to do about `event`, from the event alone.
    fn react(event: &Self::On, at: Timestamp) -> Commands;
}

/// A command to one aggregate, with its types set aside so that commands to different kinds can stand in one list.
#[derive(Clone)]
pub struct Command {
    /// The kind of aggregate, [`Aggregate::NAME`].
    pub aggregate: &'static str,
    /// The text of its key.
    pub key: String,
    /// The command, an `Aggregate::Command` of that kind.
    pub command: Arc<dyn Any + Send + Sync>,
}

/// Commands to aggregates of one service, which are accepted together or not at all; each aggregate at most once.
#[derive(Clone, Default)]
pub struct Commands(Vec<Command>);

impl Commands {
    /// No commands.
    pub fn none() -> Self {
        Self::default()
    }

    /// One command to one aggregate.
    pub fn to<A: Aggregate>(key: &A::Key, command: A::Command) -> Self {
        Self::none().and::<A>(key, command)
    }

    /// These and one more. A second command to the same aggregate would be decided on the state before the first, which is
    /// never what is meant; the runtime refuses such a list.
    #[must_use]
    pub fn and<A: Aggregate>(mut self, key: &A::Key, command: A::Command) -> Self {
        self.0.push(Command { aggregate: A::NAME, key: key.to_string(), command: Arc::new(command) });
        self
    }
}

impl FromIterator<Command> for Commands {
    fn from_iter<I: IntoIterator<Item = Command>>(commands: I) -> Self {
        Self(commands.into_iter().collect())
    }
}

impl IntoIterator for Commands {
    type Item = Command;
    type IntoIter = std::vec::IntoIter<Command>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Commands {
    type Item = &'a Command;
    type IntoIter = std::slice::Iter<'a, Command>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
