//! When a system has come to rest, and what keeps it from it.

use runtime::SystemHandle;

/// What is not at rest in a system.
#[derive(Debug, Default)]
pub(crate) struct Unrest {
    /// What goes on, or will by itself when time passes.
    pub(crate) busy: Vec<String>,
    /// What only an operator can end.
    pub(crate) stuck: Vec<String>,
}

impl Unrest {
    /// What is not at rest in `system` now.
    pub(crate) async fn of(system: &SystemHandle) -> Self {
        let mut found = Self::default();
        if let Err(error) = found.look(system).await {
            // A store that is away may come back.
            found.busy.push(format!("the store cannot be read: {error}"));
        }
        found
    }

    async fn look(&mut self, system: &SystemHandle) -> Result<(), store::StoreError> {
        let status = system.status().await?;
        for consumer in &status.consumers {
            let name = format!("{}/{} of {}", consumer.service, consumer.consumer, consumer.source);
            match &consumer.halted {
                Some(why) => self.stuck.push(format!("{name} has halted: {why}")),
                None if consumer.behind > 0 => self.busy.push(format!("{name} is {} events behind", consumer.behind)),
                None => {}
            }
        }
        self.stuck.extend(system.parked().await?.into_iter().map(|parked| format!("parked: {parked}")));
        if status.waiting != (0, 0) {
            self.busy.push(format!("{} new and {} begun pieces of work wait for the writer", status.waiting.0, status.waiting.1));
        }
        if status.open_sagas > 0 {
            self.busy.push(format!("{} sagas are driven", status.open_sagas));
        }
        self.busy.extend(system.unfinished_sagas().await?.into_iter().map(|saga| format!("saga {saga} has not ended")));
        self.busy.extend(status.rebuilding.iter().map(|(service, view)| format!("{service}/{view} is being rebuilt")));
        if let Some(due) = system.next_wake().await?
            && let Some(now) = system.services().next().map(|service| service.now())
            && due <= now
        {
            self.busy.push(format!("something was due at {due}, and it is {now}"));
        }
        Ok(())
    }
}
