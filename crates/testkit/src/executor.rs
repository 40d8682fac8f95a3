//! An executor on one thread, whose order of running comes from a seed.
//!
//! Of the tasks that are ready it runs one that the seed picks, so different seeds try different interleavings and the same seed
//! tries the same one again. Who is ready is kept as an ordered set: in which order wakers were called does not matter, so
//! nothing that wakes several tasks at once in an order of its own (tokio's `watch` does) can make two runs differ.
//!
//! Tasks belong to a [`Group`], which stands for a process. Killing a group drops its tasks wherever they wait, which is what a
//! crash does to a process.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use fastrand::Rng;
use futures_util::future::BoxFuture;
use runtime::Spawner;

use crate::trace::Trace;

/// What tasks belong to: a process, or the clients outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group(u64);

type TaskId = u64;

struct Task {
    group: Group,
    work: BoxFuture<'static, ()>,
}

/// What spawners and wakers share with the executor.
#[derive(Default)]
struct Queue {
    last_task: TaskId,
    last_group: u64,
    living: BTreeSet<Group>,
    spawned: Vec<(TaskId, Task)>,
    ready: BTreeSet<TaskId>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Queue>>);

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Each operation on the queue is whole, so a lock that a panic poisoned is still good.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, group: Group, work: BoxFuture<'static, ()>) {
        let mut queue = self.queue();
        if !queue.living.contains(&group) {
            // A process that is gone starts nothing any more. What it drops may wake others, so the lock goes first.
            drop(queue);
            drop(work);
            return;
        }
        queue.last_task += 1;
        let id = queue.last_task;
        queue.spawned.push((id, Task { group, work }));
        queue.ready.insert(id);
    }
}

struct Ready {
    id: TaskId,
    shared: Shared,
}

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.shared.queue().ready.insert(self.id);
    }
}

/// How the next task is chosen.
enum Choice {
    /// Each in its turn.
    InTurn(TaskId),
    /// By the seed.
    Seeded(Rng),
}

/// The executor. Dropping it drops all tasks.
pub struct Executor {
    shared: Shared,
    tasks: BTreeMap<TaskId, Task>,
    choice: Choice,
    steps: u64,
    trace: Trace,
}

impl Executor {
    /// One that runs ready tasks in turn.
    pub fn in_turn() -> Self {
        Self::choosing(Choice::InTurn(0))
    }

    /// One that picks among the ready tasks by a seed.
    pub fn seeded(seed: u64) -> Self {
        Self::choosing(Choice::Seeded(Rng::with_seed(seed)))
    }

    fn choosing(choice: Choice) -> Self {
        Self { shared: Shared::default(), tasks: BTreeMap::new(), choice, steps: 0, trace: Trace::default() }
    }

    /// A new group, which lives until it is [killed](Self::kill).
    pub fn group(&mut self) -> Group {
        let mut queue = self.shared.queue();
        queue.last_group += 1;
        let group = Group(queue.last_group);
        queue.living.insert(group);
        group
    }

    /// Starts a task.
    pub fn spawn(&self, group: Group, work: impl Future<Output = ()> + Send + 'static) {
        self.shared.spawn(group, Box::pin(work));
    }

    /// What starts tasks of a group from within, as the runtime wants it.
    pub fn spawner(&self, group: Group) -> Spawner {
        let shared = self.shared.clone();
        Arc::new(move |work| shared.spawn(group, work))
    }

    /// Drops all tasks of a group wherever they wait, and whatever it still starts.
    pub fn kill(&mut self, group: Group) {
        self.shared.queue().living.remove(&group);
        self.admit();
        let (gone, kept) = std::mem::take(&mut self.tasks).into_iter().partition(|(_, task)| task.group == group);
        self.tasks = kept;
        let gone: BTreeMap<_, _> = gone;
        let mut queue = self.shared.queue();
        for id in gone.keys() {
            queue.ready.remove(id);
        }
        // What is dropped may wake others and tries to start more, so the lock goes first.
        drop(queue);
        drop(gone);
    }

    /// How many times a task was run.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// What was run in which order, and what else was noted: the same for two runs that did the same.
    pub fn trace(&mut self) -> &mut Trace {
        &mut self.trace
    }

    /// How many tasks there are, by what they wait for: ready, not ready.
    pub fn tasks(&self) -> (usize, usize) {
        let queue = self.shared.queue();
        let ready = queue.ready.len();
        (ready, (self.tasks.len() + queue.spawned.len()).saturating_sub(ready))
    }

    /// Runs one task that is ready; false when none is.
    pub fn step(&mut self) -> bool {
        let picked = self.pick();
        if let Some(id) = picked {
            self.poll(id);
        }
        picked.is_some()
    }

    /// Runs tasks until none is ready.
    pub fn run_until_stalled(&mut self) {
        while self.step() {}
    }

    /// Runs tasks and `work` until it is done. When nothing is ready, `idle` may make something ready (let time pass) and says
    /// whether it did; `None` when it could not, so that `work` would wait for ever.
    pub fn run_until<T>(&mut self, work: impl Future<Output = T>, mut idle: impl FnMut() -> bool) -> Option<T> {
        let mut work = pin!(work);
        let id = {
            let mut queue = self.shared.queue();
            queue.last_task += 1;
            let id = queue.last_task;
            queue.ready.insert(id);
            id
        };
        let waker = self.waker(id);
        loop {
            match self.pick() {
                Some(picked) if picked == id => {
                    if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                        return Some(done);
                    }
                }
                Some(picked) => self.poll(picked),
                None if idle() => {}
                None => return None,
            }
        }
    }

    fn waker(&self, id: TaskId) -> Waker {
        Arc::new(Ready { id, shared: self.shared.clone() }).into()
    }

    /// Takes over what was started since the last look.
    fn admit(&mut self) {
        let spawned = std::mem::take(&mut self.shared.queue().spawned);
        self.tasks.extend(spawned);
    }

    /// Chooses who runs next.
    fn pick(&mut self) -> Option<TaskId> {
        self.admit();
        let mut queue = self.shared.queue();
        let id = match &mut self.choice {
            Choice::InTurn(last) => {
                let next = queue.ready.range(*last + 1..).next().or_else(|| queue.ready.first()).copied()?;
                *last = next;
                next
            }
            Choice::Seeded(rng) => {
                if queue.ready.is_empty() {
                    return None;
                }
                queue.ready.iter().nth(rng.usize(..queue.ready.len())).copied()?
            }
        };
        queue.ready.remove(&id);
        drop(queue);
        self.steps += 1;
        self.trace.note(&id.to_le_bytes());
        Some(id)
    }

    fn poll(&mut self, id: TaskId) {
        // A task that has ended may be woken once more.
        let Some(mut task) = self.tasks.remove(&id) else { return };
        let waker = self.waker(id);
        if task.work.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            self.tasks.insert(id, task);
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.shared.queue().living.clear();
        self.admit();
        // What is dropped may wake and start others, which now comes to nothing.
        drop(std::mem::take(&mut self.tasks));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clock::{Clock, ManualClock};
    use jiff::Timestamp;
    use tokio::sync::{mpsc, oneshot};

    use super::*;

    /// Who got a word in, in which order, when three tasks speak three times each.
    fn spoken(mut executor: Executor) -> Vec<u8> {
        let (speak, mut heard) = mpsc::unbounded_channel();
        let group = executor.group();
        for who in 0..3 {
            let speak = speak.clone();
            executor.spawn(group, async move {
                for _ in 0..3 {
                    speak.send(who).unwrap();
                    let mut yielded = false;
                    std::future::poll_fn(|context| {
                        context.waker().wake_by_ref();
                        if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }
                    })
                    .await;
                }
            });
        }
        drop(speak);
        executor.run_until_stalled();
        std::iter::from_fn(|| heard.try_recv().ok()).collect()
    }

    #[test]
    fn the_seed_decides_the_order() {
        assert_eq!(spoken(Executor::in_turn()), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
        assert_eq!(spoken(Executor::seeded(7)), spoken(Executor::seeded(7)));
        assert!((0..20).any(|seed| spoken(Executor::seeded(seed)) != spoken(Executor::seeded(7))));
    }

    #[test]
    fn time_passes_when_nothing_else_can_happen() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let mut executor = Executor::in_turn();
        let sleep = clock.sleep(Duration::from_secs(3));
        let advance = || clock.next_wake().inspect(|wait| clock.advance(*wait)).is_some();
        assert_eq!(executor.run_until(sleep, advance), Some(()));
        assert_eq!(clock.now().as_second(), 3);
        assert_eq!(executor.run_until(std::future::pending::<()>(), advance), None);
    }

    #[test]
    fn a_killed_group_is_gone_with_all_that_it_held() {
        let mut executor = Executor::in_turn();
        let (process, outside) = (executor.group(), executor.group());
        let (held, mut lost) = oneshot::channel::<()>();
        let (answer, mut answered) = oneshot::channel();
        executor.spawn(process, async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        executor.run_until_stalled();
        executor.spawn(outside, async move {
            let _ = answer.send((&mut lost).await.is_err());
        });
        executor.run_until_stalled();
        executor.kill(process);
        executor.spawner(process)(Box::pin(async { unreachable!("a dead process starts nothing") }));
        executor.run_until_stalled();
        assert_eq!(answered.try_recv(), Ok(true));
        assert_eq!(executor.tasks(), (0, 0));
    }
}
