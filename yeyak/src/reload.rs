//! SIGHUP: the configuration is read again, and what can be changed while everything runs is changed.

use std::sync::Arc;

use edge::auth::Verifier;
use tokio::signal::unix::Signal;

use crate::config::{Log, Settings};
use crate::error::Fatal;
use crate::log::Levels;

/// Reads everything that was said again: the file may say something else by now.
pub(crate) type Again = Box<dyn Fn() -> Result<Settings, Fatal> + Send + Sync>;

/// What can be changed while everything runs: the levels of the log, and the issuer's keys.
pub(crate) struct Reload {
    /// What holds now.
    pub(crate) settings: Settings,
    /// Reads what is to hold.
    pub(crate) again: Again,
    /// The log's.
    pub(crate) levels: Levels,
    /// The keys, where callers prove who they are.
    pub(crate) keys: Option<Arc<Verifier>>,
}

impl Reload {
    /// Reads it again at each of these signals.
    pub(crate) async fn run(mut self, mut hangups: Signal) {
        while hangups.recv().await.is_some() {
            self.once().await;
        }
    }

    async fn once(&mut self) {
        let read = match (self.again)() {
            Ok(read) => read,
            Err(wrong) => return tracing::error!(%wrong, "the configuration was read again and is wrong; nothing was changed"),
        };
        if let Some(keys) = &self.keys
            && let Err(why) = keys.load().await
        {
            tracing::warn!(why, "the issuer's keys could not be read again; those that were known hold");
        }
        self.levels.set(&read.log.level);
        self.settings.log.level = read.log.level.clone();
        let restart = differing(&self.settings, &read);
        if restart.is_empty() {
            tracing::info!("the configuration was read again");
        } else {
            tracing::warn!(
                restart = restart.join(", "),
                "the configuration was read again; what differs beside the log's levels takes a restart"
            );
        }
    }
}

/// The parts of the configuration that differ.
fn differing(now: &Settings, read: &Settings) -> Vec<&'static str> {
    // Named one by one, so that a new part is not forgotten here.
    let Settings {
        listen,
        data,
        auth,
        open_to_network,
        clock,
        samples,
        service_ports,
        faults,
        log,
        telemetry,
        cors,
        backup_dir,
        limits,
        meetingroom,
        restaurant,
    } = now;
    let Log { level: _, format } = log;
    let parts = [
        ("listen", *listen != read.listen),
        ("data", *data != read.data),
        ("auth", *auth != read.auth),
        ("cors", *cors != read.cors),
        ("open-to-network", *open_to_network != read.open_to_network),
        ("clock", *clock != read.clock),
        ("samples", *samples != read.samples),
        ("service-ports", *service_ports != read.service_ports),
        ("faults", *faults != read.faults),
        ("log.format", *format != read.log.format),
        ("telemetry", *telemetry != read.telemetry),
        ("backup.dir", *backup_dir != read.backup_dir),
        ("limits", *limits != read.limits),
        ("meetingroom", *meetingroom != read.meetingroom),
        ("restaurant", *restaurant != read.restaurant),
    ];
    parts.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
}
