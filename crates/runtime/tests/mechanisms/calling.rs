//! The real door keeps what every transport keeps.

use std::sync::Arc;

use crate::support::{Bench, Process, toy};
use calls::Transport;
use calls::conformance::{Backend, POOL};
use clock::ManualClock;
use futures_util::future::BoxFuture;
use runtime::Fault;

/// A pool behind its door, and behind the in-process transport.
struct Real {
    bench: Bench,
    toy: Process,
}

impl Real {
    fn fresh() -> Self {
        let bench = Bench::new();
        let toy = bench.start(toy::mended());
        Self { bench, toy }
    }
}

impl Backend for Real {
    fn transport(&self) -> Arc<dyn Transport> {
        let doors = calls::InProcess::default();
        doors.open(POOL, self.toy.service(POOL).door());
        Arc::new(doors)
    }

    fn clock(&self) -> ManualClock {
        self.bench.clock.clone()
    }

    fn block_on(&self, future: BoxFuture<'_, ()>) {
        self.toy.wait(future);
    }

    fn stop(&self, stopped: bool) {
        self.toy.fault(POOL, Fault { down: stopped, ..Fault::default() });
    }
}

calls::conformance!(Real::fresh());
