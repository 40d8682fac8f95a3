//! Runs futures on one thread, in the order in which they became ready, until none is.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::BoxFuture;

/// What runs so often without coming to rest spins.
const MOST_POLLS: usize = 300_000;

/// A process, whose tasks can be dropped together.
pub type Process = usize;

#[derive(Clone, Default)]
pub struct Executor(Arc<Mutex<Tasks>>);

#[derive(Default)]
struct Tasks {
    last: u64,
    tasks: BTreeMap<u64, (Process, Option<BoxFuture<'static, ()>>)>,
    ready: VecDeque<u64>,
    dead: Vec<Process>,
}

struct Ready(u64, Executor);

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        let mut tasks = self.1.0.lock().unwrap();
        if !tasks.ready.contains(&self.0) {
            tasks.ready.push_back(self.0);
        }
    }
}

/// What a future will have brought.
pub struct Started<T>(Arc<Mutex<Option<T>>>);

impl<T> Started<T> {
    /// What it brought, once it did.
    pub fn answer(&self) -> Option<T> {
        self.0.lock().unwrap().take()
    }
}

impl Executor {
    /// Lets a future run beside everything else.
    pub fn spawn(&self, process: Process, work: BoxFuture<'static, ()>) {
        let mut tasks = self.0.lock().unwrap();
        if tasks.dead.contains(&process) {
            drop(tasks);
            return drop(work);
        }
        tasks.last += 1;
        let id = tasks.last;
        tasks.tasks.insert(id, (process, Some(work)));
        tasks.ready.push_back(id);
    }

    /// Starts a future of a process, to be asked for its answer later.
    pub fn start<T: Send + 'static>(&self, process: Process, work: impl Future<Output = T> + Send + 'static) -> Started<T> {
        let slot = Arc::new(Mutex::new(None));
        let filled = Arc::clone(&slot);
        self.spawn(
            process,
            Box::pin(async move {
                let answer = work.await;
                *filled.lock().unwrap() = Some(answer);
            }),
        );
        Started(slot)
    }

    /// Runs until nothing is ready; how often something ran.
    pub fn run(&self) -> usize {
        let mut polls = 0;
        loop {
            let mut tasks = self.0.lock().unwrap();
            let Some(id) = tasks.ready.pop_front() else { return polls };
            let Some(mut work) = tasks.tasks.get_mut(&id).and_then(|(_, work)| work.take()) else { continue };
            drop(tasks);
            let waker = Waker::from(Arc::new(Ready(id, self.clone())));
            let done = work.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
            let mut tasks = self.0.lock().unwrap();
            if done {
                tasks.tasks.remove(&id);
            } else if let Some((_, place)) = tasks.tasks.get_mut(&id) {
                *place = Some(work);
            }
            drop(tasks);
            polls += 1;
            assert!(polls < MOST_POLLS, "something spins");
        }
    }

    /// Runs until this future has its answer; it must not have to wait for time.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            if let Poll::Ready(answer) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return answer;
            }
            assert!(self.run() > 0, "this waits for something that does not come by itself");
        }
    }

    /// Drops all tasks of a process, wherever they are: what a kill does.
    pub fn kill(&self, process: Process) {
        let mut tasks = self.0.lock().unwrap();
        tasks.dead.push(process);
        let (gone, left) = std::mem::take(&mut tasks.tasks).into_iter().partition(|(_, (of, _))| *of == process);
        tasks.tasks = left;
        drop(tasks);
        let gone: BTreeMap<_, _> = gone;
        drop(gone);
    }
}
