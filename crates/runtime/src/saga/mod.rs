//! Sagas: acts that take more than one service, committed before their first call and carried to an end whatever happens.
//!
//! A saga's progress is an aggregate of its service, `Run`. While the asker waits, `Driven` makes the calls, one after the
//! other, and ends the saga with the last of them; between the first transaction and the last nothing is written, since each callee
//! knows what it replied. A saga that is left behind (a kill, a stall) is woken by its `wake_at` and *recalls* its calls: what
//! a callee decided stands, and what it has not decided yet it never will. One that *waits* is told by somebody what it needs, and waits on
//! when that is refused by whoever is asked next. A saga that cannot go on, or of which a call timed out, *compensates*: what was done is
//! cancelled, last first, until that is certain. Behind its pivot it *insists*. The state of the run decides between them, so they can race
//! without harm.

mod answering;
mod begin;
mod drive;
mod run;
mod telling;

use std::any::Any;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use kernel::{Begin, Saga};
use store::{Meta, StoreError};

pub(crate) use answering::{SagaAnswer, told};
pub use begin::{MakeSaga, SagaRequest};
use run::{Asker, RunCommand, Who};
pub(crate) use run::{LONGEST_PAUSE, Run};
pub use telling::SagaInput;

use crate::handle::ServiceHandle;
use crate::open_sagas::{SagaState, Unfinished};

/// A saga with its types set aside.
pub(crate) struct SagaEntry {
    pub(crate) name: &'static str,
    /// Goes on with one that was woken.
    pub(crate) resume: fn(ServiceHandle, String) -> BoxFuture<'static, ()>,
    /// What a rule's [`Begin`] is to its run.
    begin: fn(&dyn Any, &Meta) -> Option<AnyCommand>,
}

pub(crate) type AnyCommand = Arc<dyn Any + Send + Sync>;

impl SagaEntry {
    pub(crate) const fn of<S: Saga>() -> Self {
        Self {
            name: S::NAME,
            resume: |service, key| Box::pin(async move { drive::resume::<S>(&service, key).await }),
            begin: |command, meta| {
                let Begin(saga) = command.downcast_ref::<Begin<S>>()?.clone();
                Some(Arc::new(RunCommand::Begin { saga, asker: Asker { who: Who::Nobody, meta: meta.clone() } }))
            },
        }
    }

    /// The command to its run that a rule means; none when it is one already.
    pub(crate) fn begin(&self, command: &dyn Any, meta: &Meta) -> Option<AnyCommand> {
        (self.begin)(command, meta)
    }
}

impl ServiceHandle {
    /// Counts the sagas that were left behind by whoever ran before.
    pub(crate) async fn load_open_sagas(&self) -> Result<(), StoreError> {
        let Unfinished { open, waiting } = Unfinished::of(self).await?;
        for root in open {
            self.open_sagas().begin(self.name(), root.aggregate, &root.key, SagaState::LeftBehind);
        }
        for root in waiting {
            self.open_sagas().wait(self.name(), root.aggregate, &root.key);
        }
        Ok(())
    }
}
