//! What every saga has to survive, without a line of its own: each mishap of its call, and a crash anywhere.
//!
//! After each of them the system comes to rest, every row agrees with its events, either everything of the request stands or
//! nothing, and the same request under the same key is answered with success and stands once.

use std::sync::{Arc, Mutex, PoisonError};

use calls::{Act, Envelope, Transport};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use kernel::{CallError, Refused, RefusedKind};

use crate::app::{Asked, Setup, TestApp};
use crate::disk::Disk;
use crate::subject::Subject;

/// What goes wrong with a saga's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The callee says no.
    Refused,
    /// The callee cannot be reached, on any try.
    Unavailable,
    /// The callee cannot be reached at first.
    UnavailableOnce,
    /// The callee does what it is asked, and its answer is lost.
    AnswerLost,
    /// The same, and it cannot be reached for some time after.
    AnswerLostThenAway,
    /// The call never arrives.
    Lost,
    /// It arrives late, just before it is cancelled.
    LateBeforeCancel,
    /// It arrives late, after it was cancelled.
    LateAfterCancel,
    /// It arrives twice.
    Doubled,
    /// Its cancelling arrives twice, after the answer was lost.
    CancelDoubled,
}

const MISHAPS: [Mishap; 10] = [
    Mishap::Refused,
    Mishap::Unavailable,
    Mishap::UnavailableOnce,
    Mishap::AnswerLost,
    Mishap::AnswerLostThenAway,
    Mishap::Lost,
    Mishap::LateBeforeCancel,
    Mishap::LateAfterCancel,
    Mishap::Doubled,
    Mishap::CancelDoubled,
];

/// How often a callee is away after [`Mishap::AnswerLostThenAway`].
const TIMES_AWAY: u32 = 5;

/// The mishap that befalls one call of a saga, while it is planned.
#[derive(Clone, Default)]
struct Plan(Arc<Mutex<Planned>>);

#[derive(Default)]
struct Planned {
    /// What befalls an act.
    mishap: Option<Mishap>,
    /// How many acts go well before that.
    spared: usize,
    /// What befalls the cancelling of an act.
    on_cancel: Option<Mishap>,
    /// Acts that were sent and have not arrived.
    late: Vec<Envelope>,
    /// How often a callee is away that is asked for what came of an act, or to undo it.
    away: u32,
}

impl Planned {
    fn at(mishap: Mishap, spared: usize) -> Self {
        Self { mishap: Some(mishap), spared, ..Self::default() }
    }

    /// The mishap that befalls this act.
    fn befalls(&mut self) -> Option<Mishap> {
        if self.spared > 0 {
            self.spared -= 1;
            return None;
        }
        self.mishap.take()
    }

    /// Whether the callee is away once more.
    const fn is_away(&mut self) -> bool {
        let is_away = self.away > 0;
        self.away = self.away.saturating_sub(1);
        is_away
    }
}

impl Plan {
    fn with<T>(&self, work: impl FnOnce(&mut Planned) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A way to the callee on which the planned mishap happens.
struct Mishaps {
    way: Arc<dyn Transport>,
    plan: Plan,
}

fn away(envelope: &Envelope) -> CallError {
    CallError::Unavailable { service: envelope.service.clone(), why: "so it was planned".into() }
}

/// A network does not know of deadlines: what is late is decided by the clock of the callee, which may be another.
fn timeless(envelope: Envelope) -> Envelope {
    Envelope { deadline: Timestamp::MAX, ..envelope }
}

impl Mishaps {
    /// An act, and what becomes of its answer: `None` when nobody ever hears it.
    async fn act(&self, mishap: Option<Mishap>, envelope: Envelope) -> Option<Result<String, CallError>> {
        match mishap {
            Some(Mishap::Refused) => {
                let refused = Refused::new(RefusedKind::Conflict, "refused-on-purpose", "the callee says no");
                Some(Err(CallError::Refused(refused)))
            }
            Some(Mishap::Unavailable) => {
                // The next try finds the same.
                self.plan.with(|plan| plan.mishap = Some(Mishap::UnavailableOnce));
                Some(Err(away(&envelope)))
            }
            Some(Mishap::UnavailableOnce) => Some(Err(away(&envelope))),
            Some(Mishap::AnswerLost | Mishap::CancelDoubled | Mishap::AnswerLostThenAway) => {
                let _ = self.way.send(envelope).await;
                self.plan.with(|plan| {
                    plan.away = if mishap == Some(Mishap::AnswerLostThenAway) { TIMES_AWAY } else { 0 };
                    plan.on_cancel = mishap;
                });
                None
            }
            Some(Mishap::Lost) => None,
            Some(Mishap::LateBeforeCancel | Mishap::LateAfterCancel) => {
                self.plan.with(|plan| {
                    plan.on_cancel = mishap;
                    plan.late.push(timeless(envelope));
                });
                None
            }
            Some(Mishap::Doubled) => {
                let first = self.way.send(envelope.clone()).await;
                let second = self.way.send(envelope).await;
                assert_eq!(first, second, "the same call is answered the same");
                Some(second)
            }
            None => Some(self.way.send(envelope).await),
        }
    }

    async fn cancel(&self, mishap: Option<Mishap>, envelope: Envelope) -> Result<String, CallError> {
        let late = self.plan.with(|plan| std::mem::take(&mut plan.late));
        if mishap == Some(Mishap::LateAfterCancel) {
            let cancelled = self.way.send(envelope).await;
            for late in late {
                let landed = self.way.send(late).await;
                assert!(matches!(landed, Err(CallError::Refused(_))), "a cancelled call was answered {landed:?}");
            }
            return cancelled;
        }
        for late in late {
            let _ = self.way.send(late).await;
        }
        if mishap == Some(Mishap::CancelDoubled) {
            let _ = self.way.send(envelope.clone()).await;
        }
        self.way.send(envelope).await
    }
}

impl Transport for Mishaps {
    fn send<'a>(&'a self, envelope: Envelope) -> BoxFuture<'a, Result<String, CallError>> {
        Box::pin(async move {
            if !matches!(envelope.act, Act::Do(_)) && self.plan.with(Planned::is_away) {
                return Err(away(&envelope));
            }
            match &envelope.act {
                Act::Do(_) => {
                    let mishap = self.plan.with(Planned::befalls);
                    match self.act(mishap, envelope).await {
                        Some(answer) => answer,
                        // Whoever waits gives up by itself.
                        None => std::future::pending().await,
                    }
                }
                Act::Recall(_) => self.way.send(envelope).await,
                Act::Cancel(_) => {
                    let mishap = self.plan.with(|plan| plan.on_cancel.take());
                    self.cancel(mishap, envelope).await
                }
            }
        })
    }
}

/// A request that begins a saga, and how to see what stands of it.
pub struct SagaCase<'a> {
    /// Makes what it needs, and the request.
    pub prepare: &'a dyn Fn(&mut TestApp) -> Asked,
    /// How many of what it makes stand, after checking whatever has to hold of them: that all services that know of them agree.
    pub standing: &'a dyn Fn(&mut TestApp) -> usize,
    /// Whether it lies behind its pivot from the beginning: it succeeds whatever happens.
    pub insists: bool,
}

impl SagaCase<'_> {
    /// Lets everything happen to it that can.
    ///
    /// # Panics
    /// When something is left half done.
    pub fn survives_everything(&self, subject: Subject, at: Timestamp) {
        // A refusal behind the pivot is an outcome, which is the saga's own business.
        for mishap in MISHAPS.into_iter().filter(|mishap| !self.insists || *mishap != Mishap::Refused) {
            // Each call that it leads to, its own and those of whom it calls, one after the other.
            let calls = (0..).take_while(|spared| self.survives(subject, at, mishap, *spared)).count();
            assert!(calls > 0, "{mishap:?} befalls nothing: it makes no call");
        }
        self.survives_a_kill_at_any_step(subject, at);
        self.survives_a_power_cut_at_any_write(subject, at);
    }

    fn app(subject: Subject, at: Timestamp, plan: &Plan, seed: u64) -> TestApp {
        let plan = plan.clone();
        let between = move |way| Arc::new(Mishaps { way, plan: plan.clone() }) as Arc<dyn Transport>;
        TestApp::with(subject, Setup::at(at).on(&Disk::new(seed)).calls(between))
    }

    /// Lets one mishap befall one of its calls, and says whether it makes so many.
    fn survives(&self, subject: Subject, at: Timestamp, mishap: Mishap, spared: usize) -> bool {
        let plan = Plan::default();
        let mut app = Self::app(subject, at, &plan, 0);
        let asked = (self.prepare)(&mut app).once("saga");
        app.settle();
        let before = (self.standing)(&mut app);
        plan.with(|plan| *plan = Planned::at(mishap, spared));
        let answer = app.send(asked.clone());
        app.settle();
        let befell = plan.with(|plan| std::mem::take(plan).mishap.is_none());
        if !befell {
            return false;
        }
        app.verify();
        let what = format!("{mishap:?} after {spared} calls");
        let stands = (self.standing)(&mut app) - before;
        assert_eq!(stands == 1, answer.status.is_success(), "{what}: {} {}, and {stands} stand", answer.status, answer.text);
        let expected = self.insists || matches!(mishap, Mishap::UnavailableOnce | Mishap::Doubled);
        assert_eq!(answer.status.is_success(), expected, "{what}: {} {}", answer.status, answer.text);
        self.happens_once(&mut app, &asked, before, &what);
        true
    }

    /// Whatever came before, the same request under its key is answered with success, and stands once.
    fn happens_once(&self, app: &mut TestApp, asked: &Asked, before: usize, after: &str) {
        for _ in 0..2 {
            let answer = app.send(asked.clone());
            assert!(answer.status.is_success(), "after {after}: {} {}", answer.status, answer.text);
            app.settle();
            assert_eq!((self.standing)(app) - before, 1, "after {after}");
        }
    }

    fn survives_a_kill_at_any_step(&self, subject: Subject, at: Timestamp) {
        for steps in 0.. {
            let mut app = Self::app(subject, at, &Plan::default(), 0);
            let asked = (self.prepare)(&mut app).once("saga");
            app.settle();
            let before = (self.standing)(&mut app);
            app.begin(asked.clone());
            app.steps(steps);
            let is_over = !app.steps_are_left();
            app.restart();
            self.is_whole(&mut app, before, &format!("a kill after {steps} steps"));
            self.happens_once(&mut app, &asked, before, &format!("a kill after {steps} steps"));
            if is_over {
                assert!(steps > 5, "the request was over after {steps} steps");
                return;
            }
        }
    }

    fn survives_a_power_cut_at_any_write(&self, subject: Subject, at: Timestamp) {
        for operations in 0.. {
            let mut app = Self::app(subject, at, &Plan::default(), operations);
            let Some(disk) = app.disk().cloned() else { return };
            let asked = (self.prepare)(&mut app).once("saga");
            app.settle();
            let before = (self.standing)(&mut app);
            disk.cut_power_after(Some(operations));
            app.begin(asked.clone());
            while !disk.is_cut() && app.steps_are_left() {
                app.steps(1);
            }
            let is_over = !disk.is_cut();
            app.crash();
            self.is_whole(&mut app, before, &format!("a power cut after {operations} writes"));
            self.happens_once(&mut app, &asked, before, &format!("a power cut after {operations} writes"));
            if is_over {
                assert!(operations > 5, "the request was over after {operations} writes");
                return;
            }
        }
    }

    fn is_whole(&self, app: &mut TestApp, before: usize, after: &str) {
        app.settle();
        app.verify();
        let stands = (self.standing)(app) - before;
        assert!(stands <= 1, "after {after} {stands} stand");
    }
}
