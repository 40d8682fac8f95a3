//! The log: lines on stderr, for people or for machines.

use std::io::{self, IsTerminal as _};
use std::panic::{self, PanicHookInfo};

use tracing::Subscriber;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, Registry, reload};

use crate::config::{Log, LogFormat};
use crate::error::Fatal;

/// Starts logging to stderr, for the whole process, panics included.
///
/// # Errors
/// [`Fatal::Failed`] when it was started before.
pub(crate) fn start(log: &Log) -> Result<Levels, Fatal> {
    let (subscriber, levels) = subscriber(log, io::stderr, io::stderr().is_terminal());
    tracing::subscriber::set_global_default(subscriber).map_err(|error| Fatal::Failed(format!("cannot log: {error}")))?;
    panic::set_hook(Box::new(tell));
    Ok(levels)
}

/// The levels of a log that runs.
#[derive(Clone)]
pub(crate) struct Levels(reload::Handle<Targets, Registry>);

impl Levels {
    /// From now on it is these.
    pub(crate) fn set(&self, levels: &Targets) {
        // It fails only when the log is gone, and nobody could be told.
        let _ = self.0.reload(levels.clone());
    }
}

fn subscriber<W>(log: &Log, writer: W, colours: bool) -> (impl Subscriber + Send + Sync + use<W>, Levels)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // A line that cannot be written is lost: to complain about it on a stderr that is closed would be a panic.
    let lines = fmt::layer().with_writer(writer).log_internal_errors(false);
    // To a terminal there are colours already, unless NO_COLOR is set.
    let lines = if colours { lines } else { lines.with_ansi(false) };
    let lines = match log.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let (levels, handle) = reload::Layer::new(log.level.clone());
    (Registry::default().with(lines.with_filter(levels)), Levels(handle))
}

/// Tells of a panic. What it says of itself may hold what somebody has sent or stored, so it is told where it stands alone.
fn tell(panic: &PanicHookInfo<'_>) {
    tracing::error!(place = panic.location().map(tracing::field::display), "a panic, which is a fault of ours");
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, format: LogFormat) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = Log { level: level.parse::<Targets>().unwrap(), format };
        let (subscriber, _levels) = subscriber(&log, move || writer.clone(), false);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "yeyak_store", rows = 3, "opened");
            tracing::debug!(target: "yeyak_store", "looked");
            tracing::warn!(target: "yeyak_http", "slow");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn text_is_a_line_for_each_event_at_its_level() {
        let lines = logged("warn,yeyak_store=info", LogFormat::Text);
        let lines: Vec<&str> = lines.lines().collect();
        assert!(lines[0].ends_with(" INFO yeyak_store: opened rows=3"), "{lines:?}");
        assert!(lines[1].ends_with(" WARN yeyak_http: slow"), "{lines:?}");
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn levels_can_be_changed_while_it_runs() {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = Log { level: "warn".parse().unwrap(), format: LogFormat::Text };
        let (subscriber, levels) = subscriber(&log, move || writer.clone(), false);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("before");
            levels.set(&"info".parse().unwrap());
            tracing::info!("after");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("before") && text.contains("after"), "{text}");
    }

    #[test]
    fn json_is_an_object_for_each_event() {
        let lines = logged("debug,yeyak_http=off", LogFormat::Json);
        let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["level"], &lines[0]["message"], &lines[0]["rows"]), (&"INFO".into(), &"opened".into(), &3.into()));
        assert_eq!((&lines[1]["level"], &lines[1]["target"]), (&"DEBUG".into(), &"yeyak_store".into()));
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn a_panic_is_a_line_that_says_where_and_not_what() {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = Log { level: "error".parse().unwrap(), format: LogFormat::Json };
        let (subscriber, _levels) = subscriber(&log, move || writer.clone(), false);
        let ended = tracing::subscriber::with_default(subscriber, || {
            let usual = panic::take_hook();
            panic::set_hook(Box::new(tell));
            let ended = panic::catch_unwind(|| panic!("Kim\nhas asked"));
            panic::set_hook(usual);
            ended
        });
        assert!(ended.is_err());
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(line["level"] == "ERROR" && line["place"].as_str().unwrap().contains("log.rs:"), "{text}");
        assert!(!text.contains("Kim") && text.lines().count() == 1, "{text}");
    }
}
