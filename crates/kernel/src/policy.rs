use std::any::Any;
use std::sync::Arc;

use jiff::Timestamp;

use crate::{Aggregate, Published, Resource, Saga};

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
pub struct Commands {
    known: Vec<Command>,
    new: Vec<NewCommand>,
}

/// A command that takes the next number of a collection.
#[derive(Clone)]
pub struct NewCommand {
    /// The collection.
    pub collection: &'static str,
    make: Arc<dyn Fn(u64) -> Command + Send + Sync>,
}

impl NewCommand {
    /// The command, now that its number is known.
    pub fn numbered(&self, number: u64) -> Command {
        (self.make)(number)
    }
}

impl Command {
    fn to<A: Aggregate>(key: &A::Key, command: A::Command) -> Self {
        Self { aggregate: A::NAME, key: key.to_string(), command: Arc::new(command) }
    }
}

impl Commands {
    /// No commands.
    pub fn none() -> Self {
        Self::default()
    }

    /// One command to one aggregate.
    pub fn to<A: Aggregate>(key: &A::Key, command: A::Command) -> Self {
        Self::none().and::<A>(key, command)
    }

    /// The beginning of a saga that nobody waits for, under a key of its own. One that began before under this key is left to go on.
    pub fn begin<S: Saga>(key: impl ToString, saga: S) -> Self {
        let command = Command { aggregate: S::NAME, key: key.to_string(), command: Arc::new(Begin(saga)) };
        Self { known: vec![command], new: Vec::new() }
    }

    /// These and those.
    #[must_use]
    pub fn with(mut self, others: Self) -> Self {
        self.known.extend(others.known);
        self.new.extend(others.new);
        self
    }

    /// These and one more. A second command to the same aggregate would be decided on the state before the first, which is
    /// never what is meant; the runtime refuses such a list.
    #[must_use]
    pub fn and<A: Aggregate>(mut self, key: &A::Key, command: A::Command) -> Self {
        self.known.push(Command::to::<A>(key, command));
        self
    }

    /// These and one that takes the next number of `R`. Only a policy can say so; whoever answers a client has the number beforehand.
    #[must_use]
    pub fn and_new<R: Resource, A: Aggregate>(mut self, command: impl Fn(u64) -> (A::Key, A::Command) + Send + Sync + 'static) -> Self {
        let make = Arc::new(move |number| {
            let (key, command) = command(number);
            Command::to::<A>(&key, command)
        });
        self.new.push(NewCommand { collection: R::COLLECTION, make });
        self
    }

    /// Those that have no number yet.
    pub fn unnumbered(&self) -> &[NewCommand] {
        &self.new
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.new.is_empty()
    }
}

/// A saga that is to begin with nobody waiting for it: what [`Commands::begin`] asks of the runtime.
#[derive(Clone, Debug)]
pub struct Begin<S>(pub S);

impl FromIterator<Command> for Commands {
    fn from_iter<I: IntoIterator<Item = Command>>(commands: I) -> Self {
        Self { known: commands.into_iter().collect(), new: Vec::new() }
    }
}

impl IntoIterator for Commands {
    type Item = Command;
    type IntoIter = std::vec::IntoIter<Command>;

    fn into_iter(self) -> Self::IntoIter {
        self.known.into_iter()
    }
}

impl<'a> IntoIterator for &'a Commands {
    type Item = &'a Command;
    type IntoIter = std::slice::Iter<'a, Command>;

    fn into_iter(self) -> Self::IntoIter {
        self.known.iter()
    }
}
