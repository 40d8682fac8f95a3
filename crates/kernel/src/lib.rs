//! The pure vocabulary every system is written in.
//!
//! Nothing here does IO, awaits, reads a clock or draws a random number. A system's rules are types that implement
//! [`Aggregate`], [`Policy`], [`Projection`], [`Call`] and [`Saga`]; the `runtime` crate makes them durable and concurrent.

mod aggregate;
mod call;
mod caller;
mod id;
mod money;
mod period;
mod personal;
mod policy;
mod projection;
mod published;
mod refusal;
mod resource;
mod saga;

pub use aggregate::{Aggregate, Exposed, Key};
pub use call::{Answer, Call, CallError};
pub use caller::{Caller, Role};
pub use id::Id;
pub use jiff::Timestamp;
pub use money::{Currency, Money, MoneyError};
pub use period::{EmptyPeriod, Period};
pub use personal::{Personal, misread};
pub use policy::{Begin, Command, Commands, NewCommand, Policy};
pub use projection::Projection;
pub use published::Published;
pub use refusal::{Refused, RefusedKind};
pub use resource::{Field, FieldKind, Move, Resource, RowChange, Rows};
pub use saga::{AnswerBySaga, CallStep, Saga, Step, Steps, WaitStep};
