//! What operators begin and that takes long, as a running process does it: each on a thread of its own.

use std::path::PathBuf;
use std::sync::Arc;

use edge::actuator::{Job, Thread};
use runtime::SystemHandle;
use serde_json::json;
use tokio::runtime::Handle;

use crate::till::reconciling::{self, Reconciler};
use crate::{backup, verify};

/// A thread that nobody waits for: a process that ends leaves such work as a kill would, which it is made for.
fn thread() -> Thread {
    Arc::new(|run| {
        let thread = std::thread::Builder::new().name("operator".into()).spawn(run);
        thread.map(drop).map_err(|error| format!("a thread cannot be had: {error}"))
    })
}

/// Verifies these systems.
pub(crate) fn verifies(systems: Vec<SystemHandle>) -> Job {
    let tasks = Handle::current();
    Job::new(Arc::new(move |_, report| tasks.block_on(verify::running(&systems, &report))), thread())
}

/// Backs up the data in `data` to directories below `directory`.
pub(crate) fn backs_up(data: PathBuf, directory: PathBuf) -> Job {
    let directory = std::path::absolute(&directory).unwrap_or(directory);
    let place = directory.clone();
    let work = move |name: &serde_json::Value, report| {
        let name = name.as_str().unwrap_or_default();
        let made = backup::make(&data, &directory, name, &report);
        let manifest = made.inspect_err(|why| tracing::error!(name, why, "a backup could not be made"))?;
        tracing::info!(name, "a backup was made");
        Ok(json!({"name": name, "directory": directory.join(name).display().to_string(), "manifest": manifest}))
    };
    Job::new(Arc::new(work), thread()).unless(Arc::new(move |name| backup::standing(&place, name.as_str().unwrap_or_default())))
}

/// Compares the payments of these with their providers'; none where there are none.
pub(crate) fn reconciles(books: Vec<Arc<Reconciler>>) -> Option<Job> {
    let tasks = Handle::current();
    let is_none = books.is_empty();
    let work = move |day: &serde_json::Value, _| {
        let day = day.as_str().map(str::parse).transpose().map_err(|error: jiff::Error| error.to_string())?;
        tasks.block_on(reconciling::all(&books, day))
    };
    (!is_none).then(|| Job::new(Arc::new(work), thread()))
}
