//! Aggregates with their types set aside, so that one writer can serve them all.

use std::any::Any;
use std::marker::PhantomData;

use kernel::{Exposed, Refused, RowChange, Rows, Timestamp, misread};
use serde::Serialize;

/// An event of an aggregate whose type is set aside.
pub(crate) type AnyEvent = Box<dyn Any + Send>;

/// What an event leaves behind when it is taken into the state.
pub(crate) struct Left {
    /// The rows it changes.
    pub(crate) rows: Vec<RowChange>,
    /// Its published form.
    pub(crate) published: Option<String>,
}

/// A new event that was taken into the state.
pub(crate) struct Applied {
    /// Its JSON.
    pub(crate) data: String,
    /// What it leaves behind.
    pub(crate) left: Left,
}

/// The state of one aggregate.
pub(crate) trait AnyState: Send + Sync {
    fn wake_at(&self) -> Option<Timestamp>;
    fn replays_time(&self) -> bool;
    fn tick(&self, at: Timestamp) -> Vec<AnyEvent>;
    fn decide(&self, command: &(dyn Any + Send + Sync), at: Timestamp) -> Result<Vec<AnyEvent>, Refused>;
    /// Takes a new event into the state.
    fn apply(&mut self, key: &str, event: &AnyEvent, at: Timestamp) -> Result<Applied, String>;
    /// Takes a recorded event into the state, and says what it leaves behind.
    fn fold(&mut self, key: &str, data: &str, at: Timestamp) -> Result<Left, String>;
    /// Takes a recorded event into the state alone, which is all that a command needs.
    fn evolve(&mut self, data: &str, at: Timestamp) -> Result<(), String>;
    fn snapshot(&self) -> Result<String, String>;
    fn as_any(&self) -> &dyn Any;
}

/// A kind of aggregate.
pub(crate) trait AnyKind: Send + Sync {
    fn name(&self) -> &'static str;
    /// [`Exposed::COLLECTION`].
    fn collection(&self) -> Option<&'static str>;
    fn fresh(&self) -> Box<dyn AnyState>;
    /// The state in a snapshot, if it still reads.
    fn restore(&self, snapshot: &str) -> Option<Box<dyn AnyState>>;
}

/// The kind `A`.
pub(crate) struct Kind<A>(PhantomData<fn() -> A>);

impl<A> Kind<A> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<A: Exposed> AnyKind for Kind<A> {
    fn name(&self) -> &'static str {
        A::NAME
    }

    fn collection(&self) -> Option<&'static str> {
        A::COLLECTION
    }

    fn fresh(&self) -> Box<dyn AnyState> {
        Box::new(State(A::default()))
    }

    fn restore(&self, snapshot: &str) -> Option<Box<dyn AnyState>> {
        serde_json::from_str::<A>(snapshot).ok().map(|state| Box::new(State(state)) as Box<dyn AnyState>)
    }
}

struct State<A>(A);

impl<A: Exposed> State<A> {
    fn key(text: &str) -> Result<A::Key, String> {
        text.parse().map_err(|_| format!("{text:?} is no key of a {}", A::NAME))
    }

    fn take(&mut self, key: &str, event: &A::Event, at: Timestamp) -> Result<Left, String> {
        let key = Self::key(key)?;
        let mut rows = Rows::default();
        self.0.rows(&key, event, at, &mut rows);
        self.0.evolve(event, at);
        let published = self.0.publish(&key, event, at).map(|published| wire_form(&published, at)).transpose()?;
        Ok(Left { rows: rows.into_changes(), published })
    }

    fn read(data: &str) -> Result<A::Event, String> {
        serde_json::from_str(data).map_err(|error| format!("an event of a {} cannot be read: {}", A::NAME, misread(&error)))
    }
}

fn erase<E: Send + 'static>(events: Vec<E>) -> Vec<AnyEvent> {
    events.into_iter().map(|event| Box::new(event) as AnyEvent).collect()
}

impl<A: Exposed> AnyState for State<A> {
    fn wake_at(&self) -> Option<Timestamp> {
        self.0.wake_at()
    }

    fn replays_time(&self) -> bool {
        A::REPLAYS_TIME
    }

    fn tick(&self, at: Timestamp) -> Vec<AnyEvent> {
        erase(self.0.tick(at))
    }

    fn decide(&self, command: &(dyn Any + Send + Sync), at: Timestamp) -> Result<Vec<AnyEvent>, Refused> {
        let Some(command) = command.downcast_ref::<A::Command>() else {
            // `Commands::to` pairs an aggregate with its own command type, so only a fault of the runtime gets here.
            return Err(Refused::new(kernel::RefusedKind::Invalid, "wrong-command", format!("this is no command to a {}", A::NAME)));
        };
        self.0.decide(command.clone(), at).map(erase).map_err(Into::into)
    }

    fn apply(&mut self, key: &str, event: &AnyEvent, at: Timestamp) -> Result<Applied, String> {
        let event = event.downcast_ref::<A::Event>().ok_or("an event of another kind")?;
        let left = self.take(key, event, at)?;
        let data = serde_json::to_string(event).map_err(|error| error.to_string())?;
        Ok(Applied { data, left })
    }

    fn fold(&mut self, key: &str, data: &str, at: Timestamp) -> Result<Left, String> {
        self.take(key, &Self::read(data)?, at)
    }

    fn evolve(&mut self, data: &str, at: Timestamp) -> Result<(), String> {
        self.0.evolve(&Self::read(data)?, at);
        Ok(())
    }

    fn snapshot(&self) -> Result<String, String> {
        serde_json::to_string(&self.0).map_err(|error| error.to_string())
    }

    fn as_any(&self) -> &dyn Any {
        &self.0
    }
}

/// The JSON that goes out: the event, tagged by `eventType`, with the `timestamp` that the originals' events carried.
fn wire_form(published: &impl Serialize, at: Timestamp) -> Result<String, String> {
    #[derive(Serialize)]
    struct Wire<'a, E> {
        #[serde(flatten)]
        event: &'a E,
        timestamp: String,
    }
    let wire = Wire { event: published, timestamp: at.strftime("%Y%m%d%H%M%S").to_string() };
    let json = serde_json::to_string(&wire).map_err(|error| error.to_string())?;
    // A tag comes first.
    if json.starts_with(r#"{"eventType":"#) { Ok(json) } else { Err("a published event is tagged by eventType".into()) }
}
