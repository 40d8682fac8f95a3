//! `yeyak verify`, of an installation that runs and of one that does not, in one form.

use std::path::Path;

use edge::actuator::Report;
use runtime::{Progress, SystemHandle, Verified};
use serde_json::{Value, json};
use store::sqlite;

use crate::error::Fatal;
use crate::systems;

/// Verifies the data in this directory, which this process alone has.
///
/// # Errors
/// When it cannot be read, or there is none.
pub(crate) fn stopped(data: &Path, report: &Report) -> Result<Value, Fatal> {
    let specs: Vec<_> = systems::declared().into_iter().filter(|spec| data.join(systems::file(spec.name)).exists()).collect();
    if specs.is_empty() {
        return Err(Fatal::Unable(format!("{}: there is no store in it", data.display())));
    }
    let mut all = Vec::new();
    for (place, spec) in specs.iter().enumerate() {
        let path = data.join(systems::file(spec.name));
        let unable = |error: &dyn std::fmt::Display| Fatal::Unable(format!("{}: {error}", path.display()));
        let held = sqlite::snapshot_of(&path, &spec.schema()).map_err(|error| Fatal::Unable(error.to_string()))?;
        let verified = runtime::verify_store(spec, &*held, told(report, place, specs.len())).map_err(|error| unable(&error))?;
        all.push((spec.name, verified));
    }
    Ok(show(&all))
}

/// Verifies systems that run, as they stand at one instant each.
///
/// # Errors
/// When a store cannot be read.
pub(crate) async fn running(systems: &[SystemHandle], report: &Report) -> Result<Value, String> {
    let mut all = Vec::new();
    for (place, system) in systems.iter().enumerate() {
        let verified = system.verified(told(report, place, systems.len())).await;
        all.push((system.name(), verified.map_err(|error| format!("{}: {error}", system.name()))?));
    }
    Ok(show(&all))
}

/// Tells how far one of several systems is, each taken for as long as the others.
fn told(report: &Report, place: usize, of: usize) -> impl FnMut(Progress) + Send + use<> {
    let (report, place, of) = (std::sync::Arc::clone(report), place as u64, of as u64);
    move |Progress { done, total }| report(total * place + done, total * of)
}

fn show(all: &[(&'static str, Verified)]) -> Value {
    let differences = all.iter().flat_map(|(system, verified)| {
        verified.found.iter().map(move |found| {
            let service = if found.service.is_empty() { (*system).to_owned() } else { format!("{system}/{}", found.service) };
            json!({"service": service, "kind": found.kind, "key": found.key, "what": found.what})
        })
    });
    let differences: Vec<Value> = differences.collect();
    let sum = |of: fn(&Verified) -> u64| all.iter().map(|(_, verified)| of(verified)).sum::<u64>();
    json!({
        "sound": differences.is_empty(),
        "systems": all.iter().map(|(system, _)| *system).collect::<Vec<_>>(),
        "aggregates": sum(|verified| verified.roots),
        "events": sum(|verified| verified.events),
        "rows": sum(|verified| verified.rows),
        "differences": differences,
        "more": all.iter().any(|(_, verified)| verified.more),
    })
}
