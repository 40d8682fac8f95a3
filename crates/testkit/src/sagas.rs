//! What every saga has to survive, without a line of its own: each mishap of its call, and a crash anywhere.
//!
//! After each of them the system comes to rest, every row agrees with its events, either everything of the request stands or
//! nothing, and the same request under the same key is answered with success and stands once. One that waits for a second request is told
//! after a kill and a power cut at any step, while it lapses, and twice; that request has all the mishaps of the first.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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

/// A request of a client.
type Request<'a> = &'a dyn Fn(&mut TestApp) -> Asked;

/// A request that begins a saga, and how to see what stands of it.
#[derive(Clone, Copy)]
pub struct SagaCase<'a> {
    prepare: Request<'a>,
    standing: &'a dyn Fn(&mut TestApp) -> usize,
    wait: Option<(Duration, Request<'a>)>,
    remedy: Option<Request<'a>>,
}

/// Which of a saga's requests everything happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// The one that begins it.
    Begins,
    /// The one that tells it what it waits for.
    Tells,
}

/// The key of the request that begins a saga.
const BEGUN: &str = "saga";

/// The key of the request that tells it.
const TOLD: &str = "told";

/// A system that is about to be asked.
struct Ready {
    app: TestApp,
    /// What begins the saga.
    begins: Asked,
    /// What everything is about to happen to.
    asked: Asked,
    which: Which,
    /// How many stand already.
    before: usize,
}

impl Ready {
    /// The request under its key.
    fn request(&self) -> Asked {
        self.asked.clone().once(if self.which == Which::Begins { BEGUN } else { TOLD })
    }

    /// Sends the request, and does not wait for its answer.
    fn begin(&mut self) {
        self.app.begin(self.request());
    }
}

impl<'a> SagaCase<'a> {
    /// One that `prepare` makes what it needs for, and the request. `standing` says how many of what it makes stand, after checking whatever
    /// has to hold of them: that all services that know of them agree. What waits does not stand.
    pub const fn new(prepare: Request<'a>, standing: &'a dyn Fn(&mut TestApp) -> usize) -> Self {
        Self { prepare, standing, wait: None, remedy: None }
    }

    /// It waits for so long, at most, to be told by a second request: that for the newest which waits.
    #[must_use]
    pub const fn waits(self, within: Duration, tells: Request<'a>) -> Self {
        Self { wait: Some((within, tells)), ..self }
    }

    /// It lies behind its pivot from the beginning: it succeeds whatever happens. When a callee has refused, it stands once this is asked.
    #[must_use]
    pub const fn insists(self, remedy: Request<'a>) -> Self {
        Self { remedy: Some(remedy), ..self }
    }

    /// Lets everything happen to it that can.
    ///
    /// # Panics
    /// When something is left half done.
    pub fn survives_everything(&self, subject: Subject, at: Timestamp) {
        let ready = |which, plan: &Plan, seed| self.ready(Self::app(subject, at, plan, seed), which);
        for which in [Which::Begins, Which::Tells].into_iter().filter(|which| *which == Which::Begins || self.wait.is_some()) {
            for mishap in MISHAPS {
                // Each call that it leads to, its own and those of whom it calls, one after the other.
                let calls = (0..).take_while(|spared| self.survives(|plan| ready(which, plan, 0), mishap, *spared)).count();
                assert!(calls > 0, "{mishap:?} befalls nothing: {which:?} makes no call");
            }
            let ready = |seed| ready(which, &Plan::default(), seed);
            self.survives_a_kill_at_any_step(ready, Ready::begin);
            self.survives_a_power_cut_at_any_write(ready, Ready::begin);
        }
        if let Some((within, _)) = self.wait {
            let ready = |seed| ready(Which::Tells, &Plan::default(), seed);
            let lapses = |ready: &mut Ready| ready.app.clock().advance(within);
            self.survives_a_kill_at_any_step(ready, lapses);
            self.survives_a_power_cut_at_any_write(ready, lapses);
            self.is_told_while_it_lapses(ready, within);
            self.is_told_twice(ready);
        }
    }

    fn app(subject: Subject, at: Timestamp, plan: &Plan, seed: u64) -> TestApp {
        let plan = plan.clone();
        let between = move |way| Arc::new(Mishaps { way, plan: plan.clone() }) as Arc<dyn Transport>;
        TestApp::with(subject, Setup::at(at).on(&Disk::new(seed)).calls(between))
    }

    /// Lets everything happen that comes before the request.
    fn ready(&self, mut app: TestApp, which: Which) -> Ready {
        let begins = (self.prepare)(&mut app);
        app.settle();
        let before = (self.standing)(&mut app);
        let asked = match self.wait {
            Some((_, tells)) if which == Which::Tells => {
                succeeds(&mut app, begins.clone().once(BEGUN), "nothing");
                assert_eq!((self.standing)(&mut app), before, "what waits does not stand");
                tells(&mut app)
            }
            _ => begins.clone(),
        };
        Ready { app, begins, asked, which, before }
    }

    /// Lets one mishap befall one of its calls, and says whether it makes so many.
    fn survives(&self, ready: impl Fn(&Plan) -> Ready, mishap: Mishap, spared: usize) -> bool {
        let plan = Plan::default();
        let mut ready = ready(&plan);
        plan.with(|plan| *plan = Planned::at(mishap, spared));
        let answer = ready.app.send(ready.request());
        ready.app.settle();
        let befell = plan.with(|plan| std::mem::take(plan).mishap.is_none());
        if !befell {
            return false;
        }
        let what = format!("{mishap:?} after {spared} calls of {:?}", ready.which);
        if let Some(remedy) = self.remedy.filter(|_| mishap == Mishap::Refused) {
            let asked = remedy(&mut ready.app);
            succeeds(&mut ready.app, asked, &what);
        }
        ready.app.verify();
        let expected = self.remedy.is_some() || matches!(mishap, Mishap::UnavailableOnce | Mishap::Doubled);
        assert_eq!(answer.status.is_success(), expected, "{what}: {} {}", answer.status, answer.text);
        let waits = self.wait.is_some() && ready.which == Which::Begins;
        assert_eq!(self.stands(&mut ready, &what) == 1, expected && !waits, "{what}: {} {}", answer.status, answer.text);
        self.happens_once(ready, &what);
        true
    }

    /// How many of it stand.
    fn stands(&self, ready: &mut Ready, after: &str) -> usize {
        let stand = (self.standing)(&mut ready.app);
        assert!((ready.before..=ready.before + 1).contains(&stand), "after {after} {stand} stand, and {} before", ready.before);
        stand - ready.before
    }

    /// Whatever came before: the same request under its key is answered with success and stands once. One that tells may come too late; then
    /// nothing stands of it, and all of it can begin again.
    fn happens_once(&self, mut ready: Ready, after: &str) {
        if ready.which == Which::Begins {
            return self.runs_through(&mut ready, BEGUN, after);
        }
        let stood = self.stands(&mut ready, after);
        let answer = ready.app.send(ready.request());
        ready.app.settle();
        let stands = self.stands(&mut ready, after);
        assert_eq!(stands == 1, answer.status.is_success(), "after {after}: {} {}", answer.status, answer.text);
        assert!(stands >= stood, "after {after}");
        if stands == 0 {
            self.runs_through(&mut ready, "again", after);
        }
    }

    /// The whole story under these keys, twice, stands once.
    fn runs_through(&self, ready: &mut Ready, key: &str, after: &str) {
        let mut told = None;
        for _ in 0..2 {
            succeeds(&mut ready.app, ready.begins.clone().once(key), after);
            if let Some((_, tells)) = self.wait {
                let told = told.get_or_insert_with(|| tells(&mut ready.app).once(format!("{key}-told"))).clone();
                succeeds(&mut ready.app, told, after);
            }
            assert_eq!(self.stands(ready, after), 1, "after {after}");
        }
        if let Some((within, _)) = self.wait {
            ready.app.advance(within);
            ready.app.settle();
            assert_eq!(self.stands(ready, after), 1, "after {after}, and as long as it would have waited");
        }
    }

    fn survives_a_kill_at_any_step(&self, ready: impl Fn(u64) -> Ready, happens: impl Fn(&mut Ready)) {
        for steps in 0.. {
            let mut ready = ready(0);
            happens(&mut ready);
            ready.app.steps(steps);
            let is_over = !ready.app.steps_are_left();
            ready.app.restart();
            self.is_whole(ready, &format!("a kill after {steps} steps"));
            if is_over {
                assert!(steps > 5, "it was over after {steps} steps");
                return;
            }
        }
    }

    fn survives_a_power_cut_at_any_write(&self, ready: impl Fn(u64) -> Ready, happens: impl Fn(&mut Ready)) {
        for operations in 0.. {
            let mut ready = ready(operations);
            let Some(disk) = ready.app.disk().cloned() else { return };
            disk.cut_power_after(Some(operations));
            happens(&mut ready);
            while !disk.is_cut() && ready.app.steps_are_left() {
                ready.app.steps(1);
            }
            let is_over = !disk.is_cut();
            ready.app.crash();
            self.is_whole(ready, &format!("a power cut after {operations} writes"));
            if is_over {
                assert!(operations > 5, "it was over after {operations} writes");
                return;
            }
        }
    }

    fn is_told_while_it_lapses(&self, ready: impl Fn(u64) -> Ready, within: Duration) {
        for is_told_first in [false, true] {
            for steps in 0.. {
                let mut ready = ready(0);
                let lapses = |ready: &mut Ready| ready.app.clock().advance(within);
                if is_told_first {
                    ready.begin()
                } else {
                    lapses(&mut ready)
                }
                ready.app.steps(steps);
                let is_over = !ready.app.steps_are_left();
                if is_told_first {
                    lapses(&mut ready)
                } else {
                    ready.begin()
                }
                self.is_whole(ready, &format!("{steps} steps, told first: {is_told_first}, and lapsing"));
                if is_over {
                    break;
                }
            }
        }
    }

    fn is_told_twice(&self, ready: impl Fn(u64) -> Ready) {
        for key in [TOLD, "told otherwise"] {
            for steps in 0.. {
                let mut ready = ready(0);
                let again = ready.asked.clone().once(key);
                ready.begin();
                ready.app.steps(steps);
                let is_over = !ready.app.steps_are_left();
                ready.app.send(again);
                ready.app.settle();
                ready.app.verify();
                let after = format!("being told again, {key}, after {steps} steps");
                assert_eq!(self.stands(&mut ready, &after), 1, "after {after}");
                if is_over {
                    break;
                }
            }
        }
    }

    fn is_whole(&self, mut ready: Ready, after: &str) {
        ready.app.settle();
        ready.app.verify();
        let after = format!("{after} of {:?}", ready.which);
        self.stands(&mut ready, &after);
        self.happens_once(ready, &after);
    }
}

fn succeeds(app: &mut TestApp, asked: Asked, after: &str) {
    let answer = app.send(asked);
    assert!(answer.status.is_success(), "after {after}: {} {}", answer.status, answer.text);
    app.settle();
}
