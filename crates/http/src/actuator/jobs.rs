//! Work that takes longer than a request may: begun by one, watched by others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::shown::{JobProgress, JobState, JobStatus};

/// Tells how far a job is: `done` of about `total`.
pub type Report = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// What a job does with what it was asked for. It runs on a thread of its own.
pub type Work = Arc<dyn Fn(&Value, Report) -> Result<Value, String> + Send + Sync>;

/// Runs something on a thread of its own.
pub type Thread = Arc<dyn Fn(Box<dyn FnOnce() + Send>) -> Result<(), String> + Send + Sync>;

/// Why what is asked for cannot be begun, if it cannot.
pub type Refuse = Arc<dyn Fn(&Value) -> Option<String> + Send + Sync>;

/// A job of which one runs at a time; how the last one ended stays known.
#[derive(Clone)]
pub struct Job {
    work: Work,
    thread: Thread,
    refuse: Option<Refuse>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// How many have begun since the process has.
    number: u64,
    asked: Value,
    progress: (u64, u64),
    ended: Option<Result<Value, String>>,
}

impl State {
    const fn runs(&self) -> bool {
        self.number > 0 && self.ended.is_none()
    }
}

/// Why a job was not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotBegun {
    /// One that was asked for something else runs already.
    Busy,
    /// What it is asked for cannot be: a sentence.
    Refused(String),
}

impl Job {
    /// One that does this.
    pub fn new(work: Work, thread: Thread) -> Self {
        Self { work, thread, refuse: None, state: Arc::default() }
    }

    /// It is not begun for what cannot be.
    #[must_use]
    pub fn unless(self, refuse: Refuse) -> Self {
        Self { refuse: Some(refuse), ..self }
    }

    /// Begins it, unless one that was asked for the same runs already: `false`, and that one counts for both.
    ///
    /// # Errors
    /// [`NotBegun`] says why not.
    pub fn begin(&self, asked: Value) -> Result<bool, NotBegun> {
        {
            let mut state = lock(&self.state);
            if state.runs() {
                return if state.asked == asked { Ok(false) } else { Err(NotBegun::Busy) };
            }
            if let Some(why) = self.refuse.as_ref().and_then(|refuse| refuse(&asked)) {
                return Err(NotBegun::Refused(why));
            }
            *state = State { number: state.number + 1, asked: asked.clone(), ..State::default() };
        }
        let (work, state) = (Arc::clone(&self.work), Arc::clone(&self.state));
        let report: Report = {
            let state = Arc::clone(&state);
            Arc::new(move |done, total| lock(&state).progress = (done, total))
        };
        let run = move || {
            let ended = catch_unwind(AssertUnwindSafe(|| work(&asked, report)));
            lock(&state).ended = Some(ended.unwrap_or_else(|_| Err("it panicked; the log tells more".into())));
        };
        if let Err(why) = (self.thread)(Box::new(run)) {
            lock(&self.state).ended = Some(Err(why));
        }
        Ok(true)
    }

    /// How it is, or the last one was.
    pub fn show(&self) -> JobState {
        let state = lock(&self.state);
        let (status, result, why) = match &state.ended {
            None if state.number == 0 => (JobStatus::Never, None, None),
            None => (JobStatus::Running, None, None),
            Some(Ok(result)) => (JobStatus::Done, Some(result.clone()), None),
            Some(Err(why)) => (JobStatus::Failed, None, Some(why.clone())),
        };
        let (done, total) = state.progress;
        let progress = (state.number > 0).then_some(JobProgress { done, total });
        JobState { status, number: state.number, progress, result, why }
    }
}

/// Nothing that holds it leaves it half.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use serde_json::json;

    use super::*;

    type Waiting = Arc<Mutex<Vec<Box<dyn FnOnce() + Send>>>>;

    /// A job, and the threads that were asked for, which run when the test wants them to.
    fn job(work: Work) -> (Job, Waiting) {
        let waiting = Waiting::default();
        let threads = Arc::clone(&waiting);
        let thread: Thread = Arc::new(move |run| {
            threads.lock().unwrap().push(run);
            Ok(())
        });
        (Job::new(work, thread), waiting)
    }

    fn shown(job: &Job) -> Value {
        serde_json::to_value(job.show()).unwrap()
    }

    fn run_all(waiting: &Waiting) {
        for run in std::mem::take(&mut *waiting.lock().unwrap()) {
            run();
        }
    }

    #[test]
    fn one_runs_at_a_time_and_asking_for_the_same_again_changes_nothing() {
        let (ran, runs) = mpsc::channel();
        let (job, waiting) = job(Arc::new(move |asked, report| {
            report(1, 2);
            ran.send(asked.clone()).unwrap();
            Ok(json!("made"))
        }));
        assert_eq!(shown(&job), json!({"status": "never", "number": 0}));
        assert_eq!(job.begin(json!("a")), Ok(true));
        assert_eq!((job.begin(json!("a")), job.begin(json!("b"))), (Ok(false), Err(NotBegun::Busy)));
        assert_eq!(shown(&job)["status"], "running");
        run_all(&waiting);
        assert_eq!(runs.try_iter().collect::<Vec<_>>(), [json!("a")]);
        assert_eq!(shown(&job), json!({"status": "done", "number": 1, "progress": {"done": 1, "total": 2}, "result": "made"}));
        assert_eq!(job.begin(json!("b")), Ok(true));
        run_all(&waiting);
        assert_eq!((runs.try_iter().count(), shown(&job)["number"].as_u64()), (1, Some(2)));
    }

    #[test]
    fn what_cannot_be_is_not_begun() {
        let (job, waiting) = job(Arc::new(|_, _| Ok(Value::Null)));
        let job = job.unless(Arc::new(|asked| (asked == "a").then(|| "not a".into())));
        assert_eq!(job.begin(json!("a")), Err(NotBegun::Refused("not a".into())));
        assert_eq!((shown(&job)["number"].as_u64(), waiting.lock().unwrap().len()), (Some(0), 0));
        assert_eq!(job.begin(json!("b")), Ok(true));
    }

    #[test]
    fn one_that_fails_or_panics_says_so() {
        let (failing, waiting) = job(Arc::new(|_, _| Err("no room".into())));
        failing.begin(Value::Null).unwrap();
        run_all(&waiting);
        assert_eq!((shown(&failing)["status"].clone(), shown(&failing)["why"].clone()), (json!("failed"), json!("no room")));
        let (panicking, waiting) = job(Arc::new(|_, _| panic!("oh")));
        panicking.begin(Value::Null).unwrap();
        run_all(&waiting);
        assert_eq!(shown(&panicking)["status"], "failed");
    }
}
