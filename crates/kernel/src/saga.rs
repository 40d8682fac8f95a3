use std::any::Any;
use std::fmt::Debug;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Aggregate, Call, Commands, Refused, RefusedKind, misread};

/// One act that takes more than one service: calls that must be accepted elsewhere before something stands here.
///
/// The value is what was asked for and what has been learnt on the way. It is kept, so its JSON is durable.
///
/// A saga is committed before its first call and survives a kill at any line. Until its pivot it can come to nothing: what was
/// done is then undone, last first, and each call is cancelled by its key until that is certain. Behind the pivot it only goes
/// forward. What [`Steps::end`] commands is committed together with the saga's end; where no step insists, that is the pivot.
pub trait Saga: Serialize + DeserializeOwned + Clone + Debug + Send + Sync + 'static {
    /// The durable name, unique in its service.
    const NAME: &'static str;

    /// Its steps, in order: the table that the saga is.
    fn steps() -> Steps<Self>;
}

/// A saga as the answer to a call: what the call asks for takes more than this service.
///
/// The saga's beginning is bound to the call's key, and its end keeps the reply under it, or the refusal. Cancelled while it is
/// under way, it turns round.
pub trait AnswerBySaga: Call {
    /// The saga that does what is asked.
    type By: Saga;

    /// Its key, unlike that of any other call, and the saga as it begins.
    fn saga(&self) -> (String, Self::By);

    /// The reply, from the saga as it ended.
    fn reply(ended: &Self::By) -> Self::Reply;

    /// What takes it back once it has ended well. It must be harmless when that was done before.
    fn undo(&self) -> Commands;
}

/// The steps of a saga: a table of what is done, what undoes it, and where the pivot lies.
///
/// | step | is done | is undone |
/// |---|---|---|
/// | [`begin`](Self::begin) | a command, committed with the saga's beginning, which is refused when it is | by commands, committed with its end |
/// | [`call`](Self::call) | by another service, once for its key | by the callee, which is asked to cancel it |
/// | [`wait`](Self::wait) | by somebody who tells, until an instant, and again if the call behind it is refused | – |
/// | [`insist`](Self::insist) | by another service, asked until it answers | never: it lies behind the pivot |
/// | [`end`](Self::end) | commands, committed with the saga's end | – |
pub struct Steps<S> {
    begin: Option<BeginStep<S>>,
    list: Vec<Step<S>>,
    end: Option<End<S>>,
}

/// What is committed with a saga's beginning, with its types set aside.
struct BeginStep<S> {
    command: Box<dyn Fn(&S) -> Commands + Send + Sync>,
    taken: Taken<S>,
    withdraw: Make<S>,
}

type Make<S> = fn(&S) -> Commands;
type Taken<S> = Box<dyn Fn(&mut S, &dyn Any, Timestamp) + Send + Sync>;
type End<S> = fn(&S, Timestamp) -> Commands;

/// What a saga does between its beginning and its end.
pub enum Step<S> {
    /// Another service is asked, and may refuse.
    Call(CallStep<S>),
    /// Somebody has to tell something first.
    Wait(WaitStep<S>),
    /// Another service is asked until it answers.
    Insist(CallStep<S>),
}

/// A call with its types set aside.
pub struct CallStep<S> {
    /// [`Call::SERVICE`].
    pub service: &'static str,
    /// [`Call::NAME`].
    pub name: &'static str,
    /// [`Call::DEADLINE`].
    pub deadline: Duration,
    body: Body<S>,
    heard: Heard<S>,
}

/// The call's JSON; none when this saga does not need it.
type Body<S> = Box<dyn Fn(&S) -> Option<Result<String, String>> + Send + Sync>;
/// What the saga learns from a reply, or from a refusal behind the pivot.
type Heard<S> = Box<dyn Fn(&mut S, Result<&str, Refused>) -> Result<(), String> + Send + Sync>;

/// What a saga waits for, with its type set aside.
pub struct WaitStep<S> {
    until: fn(&S) -> Option<Timestamp>,
    meanwhile: Make<S>,
    told: Told<S>,
}

type Told<S> = Box<dyn Fn(&mut S, &str) -> Result<(), Refused> + Send + Sync>;

impl<S: Saga> Steps<S> {
    /// Steps that begin with nothing but the saga itself.
    pub const fn new() -> Self {
        Self { begin: None, list: Vec::new(), end: None }
    }

    /// Steps that begin with a command to this service. When it is refused the saga does not begin. `taken` learns from the aggregate as
    /// it stands then, and `withdraw` takes the command back when the saga comes to nothing.
    pub fn begin<A: Aggregate>(
        command: fn(&S) -> (A::Key, A::Command),
        taken: fn(&mut S, &A, Timestamp),
        withdraw: fn(&S) -> Commands,
    ) -> Self {
        let begin = BeginStep {
            command: Box::new(move |saga| {
                let (key, command) = command(saga);
                Commands::to::<A>(&key, command)
            }),
            taken: Box::new(move |saga, state, at| {
                if let Some(state) = state.downcast_ref() {
                    taken(saga, state, at);
                }
            }),
            withdraw,
        };
        Self { begin: Some(begin), list: Vec::new(), end: None }
    }

    /// Then another service is asked. `call` may find that this saga has no need of it; `heard` takes in the reply.
    #[must_use]
    pub fn call<C: Call>(mut self, call: fn(&S) -> Option<C>, heard: fn(&mut S, C::Reply)) -> Self {
        self.list.push(Step::Call(CallStep::of(call, move |saga, reply| {
            if let Ok(reply) = reply {
                heard(saga, reply);
            }
        })));
        self
    }

    /// Then the saga waits until somebody tells it something, if `until` says until when; at that instant it comes to nothing. What
    /// stands `meanwhile` is committed with the wait. What is told can be refused, here or by whoever is asked next, and the saga waits on.
    #[must_use]
    pub fn wait<T: DeserializeOwned + 'static>(
        mut self,
        until: fn(&S) -> Option<Timestamp>,
        meanwhile: fn(&S) -> Commands,
        told: fn(&mut S, T) -> Result<(), Refused>,
    ) -> Self {
        let told = move |saga: &mut S, json: &str| {
            let what = serde_json::from_str(json);
            let what = what.map_err(|error| Refused::new(RefusedKind::Invalid, "wrong-command", misread(&error)))?;
            told(saga, what)
        };
        self.list.push(Step::Wait(WaitStep { until, meanwhile, told: Box::new(told) }));
        self
    }

    /// Then another service is asked until it answers: from here on the saga only goes forward. `heard` takes in the reply or the
    /// refusal.
    #[must_use]
    pub fn insist<C: Call>(mut self, call: fn(&S) -> Option<C>, heard: fn(&mut S, Result<C::Reply, Refused>)) -> Self {
        self.list.push(Step::Insist(CallStep::of(call, heard)));
        self
    }

    /// In the end this is commanded to this service. Behind the pivot it may not be refused.
    #[must_use]
    pub const fn end(mut self, end: fn(&S, Timestamp) -> Commands) -> Self {
        self.end = Some(end);
        self
    }

    /// What is commanded with its beginning, if anything is.
    pub fn begins(&self, saga: &S) -> Option<Commands> {
        self.begin.as_ref().map(|begin| (begin.command)(saga))
    }

    /// Learns from the aggregate that was commanded with its beginning.
    pub fn taken(&self, saga: &mut S, state: &dyn Any, at: Timestamp) {
        if let Some(begin) = &self.begin {
            (begin.taken)(saga, state, at);
        }
    }

    /// What takes its beginning back.
    pub fn withdraws(&self, saga: &S) -> Commands {
        self.begin.as_ref().map_or_else(Commands::none, |begin| (begin.withdraw)(saga))
    }

    /// What is commanded with its end.
    pub fn ends(&self, saga: &S, at: Timestamp) -> Commands {
        self.end.map_or_else(Commands::none, |make| make(saga, at))
    }

    /// What lies between.
    pub fn list(&self) -> &[Step<S>] {
        &self.list
    }

    /// The wait that a saga goes back to when the call of this step is refused: that right before it, if there was need of one.
    pub fn waits_on(&self, step: usize, saga: &S) -> Option<usize> {
        let before = step.checked_sub(1)?;
        match self.list.get(before)? {
            Step::Wait(wait) => wait.until(saga).map(|_| before),
            Step::Call(_) | Step::Insist(_) => None,
        }
    }

    /// The first step behind the pivot; as many as there are steps when the end is the pivot.
    pub fn pivot(&self) -> usize {
        self.list.iter().position(|step| matches!(step, Step::Insist(_))).unwrap_or(self.list.len())
    }
}

impl<S: Saga> Default for Steps<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: 'static> CallStep<S> {
    fn of<C: Call>(call: fn(&S) -> Option<C>, heard: impl Fn(&mut S, Result<C::Reply, Refused>) + Send + Sync + 'static) -> Self {
        Self {
            service: C::SERVICE,
            name: C::NAME,
            deadline: C::DEADLINE,
            body: Box::new(move |saga| call(saga).map(|call| serde_json::to_string(&call).map_err(|error| error.to_string()))),
            heard: Box::new(move |saga, reply| {
                let reply = reply.map(|json| serde_json::from_str(json).map_err(|error| misread(&error)));
                match reply {
                    Ok(reply) => heard(saga, Ok(reply?)),
                    Err(refused) => heard(saga, Err(refused)),
                }
                Ok(())
            }),
        }
    }

    /// The call's JSON; none when this saga does not need it.
    pub fn body(&self, saga: &S) -> Option<Result<String, String>> {
        (self.body)(saga)
    }

    /// Takes in the JSON of the reply.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn replied(&self, saga: &mut S, reply: &str) -> Result<(), String> {
        (self.heard)(saga, Ok(reply))
    }

    /// Takes in a refusal behind the pivot.
    pub fn refused(&self, saga: &mut S, refused: Refused) {
        // Only a reply can fail to be read.
        let _ = (self.heard)(saga, Err(refused));
    }
}

impl<S> WaitStep<S> {
    /// Until when it waits; not at all when there is no need.
    pub fn until(&self, saga: &S) -> Option<Timestamp> {
        (self.until)(saga)
    }

    /// What stands while it waits.
    pub fn meanwhile(&self, saga: &S) -> Commands {
        (self.meanwhile)(saga)
    }

    /// Takes in the JSON of what is told.
    ///
    /// # Errors
    /// Why that cannot be; it waits on.
    pub fn told(&self, saga: &mut S, what: &str) -> Result<(), Refused> {
        (self.told)(saga, what)
    }
}
