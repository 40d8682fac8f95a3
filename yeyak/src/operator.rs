//! What operators' commands do and print.

use std::sync::{Arc, Mutex, PoisonError};

use clock::SystemClock;
use edge::actuator::Report;
use serde_json::{Value, json};

use crate::cli::{Backup, Fault, Parked, Payments, Projections, Restore, Server, Services, Verify};
use crate::error::{Fatal, Shown, print, say};
use crate::manifest::Manifest;
use crate::restore::{Ended, Restored, Told};
use crate::server::Connection;
use crate::{backup, restore, verify};

/// `yeyak parked`
///
/// # Errors
/// When the installation cannot be asked, or refuses; so do all here.
pub(crate) fn parked(asked: &Parked) -> Result<(), Fatal> {
    match asked {
        Parked::List { server } => show(server, &Connection::to(server)?.get("/actuator/parked")?, |answer| {
            let lines = list(answer, "lines");
            let rows = lines.iter().map(|line| {
                let behind = line["behind"].as_u64().unwrap_or(0);
                [
                    text(&line["line"]),
                    text(&line["event"]),
                    text(&line["since"]),
                    behind.to_string(),
                    text(&line["tries"]),
                    text(&line["nextTry"]),
                    text(&line["error"]),
                ]
            });
            table(["LINE", "EVENT", "SINCE", "BEHIND", "TRIES", "NEXT TRY", "ERROR"], rows, "nothing is parked")
        }),
        Parked::Show { line, server } => {
            let answer = Connection::to(server)?.get(&format!("/actuator/parked/events?line={}", escaped(line)))?;
            show(server, &answer, |answer| {
                let events = list(answer, "events").iter().map(|event| {
                    let error =
                        if text(&event["error"]).is_empty() { "waits behind the one before it".into() } else { text(&event["error"]) };
                    format!(
                        "event {} ({}) of {}, story {}\n  tries: {}, next at {}\n  error: {error}\n  data:  {}\n",
                        text(&event["event"]),
                        text(&event["id"]),
                        text(&event["since"]),
                        text(&event["correlation"]),
                        text(&event["tries"]),
                        text(&event["nextTry"]),
                        event["data"]
                    )
                });
                events.collect()
            })
        }
        Parked::Retry { line, server } => {
            let answer = Connection::to(server)?.post("/actuator/parked/retry", &json!({"line": line}))?;
            show(server, &answer, |answer| {
                let failed = &answer["failed"];
                let failed = if failed.is_null() {
                    String::new()
                } else {
                    format!(
                        "event {} failed again: {}\nit is tried again at {}\n",
                        text(&failed["event"]),
                        text(&failed["error"]),
                        text(&failed["nextTry"])
                    )
                };
                format!("{}handled: {}, left: {}\n", failed, text(&answer["handled"]), text(&answer["left"]))
            })?;
            if answer["failed"].is_null() { Ok(()) } else { Err(Fatal::Failed(format!("{line} is still parked"))) }
        }
        Parked::Discard { line, event, all, reason, server } => {
            let body = if *all {
                json!({"line": line, "all": true, "reason": reason})
            } else {
                json!({"line": line, "event": event, "reason": reason})
            };
            let answer = Connection::to(server)?.post("/actuator/parked/discard", &body)?;
            show(server, &answer, |answer| {
                let events: Vec<String> = list(answer, "discarded").iter().map(text).collect();
                format!("discarded: {}\nleft: {}\n", events.join(", "), text(&answer["left"]))
            })
        }
    }
}

/// `yeyak projections`
pub(crate) fn projections(asked: &Projections) -> Result<(), Fatal> {
    match asked {
        Projections::List { server } => show(server, &Connection::to(server)?.get("/actuator/projections")?, |answer| {
            let all = list(answer, "projections");
            let rows = all.iter().map(|one| {
                let lower_bound = if one["rowsIsLowerBound"] == true { "+" } else { "" };
                let anew = &one["rebuilding"];
                let anew =
                    if anew.is_null() { String::new() } else { format!("{} of {}", text(&anew["handled"]), text(&one["published"])) };
                let halted = if one["halted"].is_null() { &one["rebuilding"]["halted"] } else { &one["halted"] };
                [
                    text(&one["projection"]),
                    text(&one["version"]),
                    text(&one["served"]),
                    text(&one["state"]),
                    text(&one["behind"]),
                    format!("{}{lower_bound}", text(&one["rows"])),
                    anew,
                    text(halted),
                ]
            });
            table(["PROJECTION", "VERSION", "SERVED", "STATE", "BEHIND", "ROWS", "REBUILT", "ERROR"], rows, "there are no projections")
        }),
        Projections::Rebuild { projection, no_wait, server } => {
            let connection = Connection::to(server)?;
            let begun = connection.post("/actuator/projections/rebuild", &json!({"projection": projection}))?;
            if *no_wait {
                return show(server, &begun, |_| format!("{projection}: {}\n", how(&begun)));
            }
            say_if_joined(&format!("rebuilding {projection}"), &begun);
            let end = connection.watch(&format!("rebuilding {projection}"), |server| {
                let all = server.get("/actuator/projections")?;
                let one =
                    list(&all, "projections").iter().find(|one| one["projection"] == projection.as_str()).cloned().unwrap_or_default();
                let anew = &one["rebuilding"];
                match (anew.is_null(), anew["halted"].as_str()) {
                    (true, _) => Ok(Ok(one)),
                    (false, Some(why)) => Err(Fatal::Failed(format!("{projection} cannot be rebuilt: {why}"))),
                    (false, None) => Ok(Err((anew["handled"].as_u64().unwrap_or(0), one["published"].as_u64().unwrap_or(0)))),
                }
            })?;
            show(server, &end, |end| format!("{projection}: rebuilt, {} rows\n", text(&end["rows"])))
        }
        Projections::Retry { projection, server } => {
            let answer = Connection::to(server)?.post("/actuator/projections/retry", &json!({"projection": projection}))?;
            show(server, &answer, |answer| {
                let told = if answer["hadHalted"] == true { "is followed again" } else { "had not halted" };
                format!("{projection} {told}\n")
            })
        }
    }
}

/// `yeyak services`
pub(crate) fn services(asked: &Services) -> Result<(), Fatal> {
    show(&asked.server, &Connection::to(&asked.server)?.get("/actuator/services")?, |answer| {
        let all = list(answer, "services");
        let rows = all.iter().map(|one| {
            [
                text(&one["service"]),
                text(&one["state"]),
                faults(&one["fault"]),
                text(&one["behind"]),
                text(&one["parked"]),
                text(&one["halted"]),
            ]
        });
        table(["SERVICE", "STATE", "FAULT", "BEHIND", "PARKED", "HALTED"], rows, "no services run there")
    })
}

/// What is wrong with a service on purpose, in a few words.
fn faults(fault: &Value) -> String {
    let mut told = Vec::new();
    if fault["down"] == true {
        told.push("down".to_owned());
    }
    if let Some(delay) = fault["delayMs"].as_u64().filter(|delay| *delay > 0) {
        told.push(format!("delay {delay} ms"));
    }
    if fault["refuse"] == true {
        told.push("refuse".into());
    }
    told.join(", ")
}

/// `yeyak fault`
pub(crate) fn fault(asked: &Fault) -> Result<(), Fatal> {
    const PATH: &str = "/actuator/faults";
    let set = |server: &Server, body: Value| -> Result<(Server, Value), Fatal> {
        Ok((server.clone(), switch(Connection::to(server)?.post(PATH, &body))?))
    };
    let (server, answer) = match asked {
        Fault::List { server } => (server.clone(), switch(Connection::to(server)?.get(PATH))?),
        Fault::Down { service, server } => set(server, json!({"service": service, "down": true}))?,
        Fault::Delay { service, milliseconds, server } => set(server, json!({"service": service, "delayMs": milliseconds}))?,
        Fault::Refuse { service, server } => set(server, json!({"service": service, "refuse": true}))?,
        Fault::Clear { service: Some(service), server } => set(server, json!({"service": service, "down": false}))?,
        Fault::Clear { service: None, server } => {
            switch(Connection::to(server)?.delete(PATH))?;
            (server.clone(), json!({}))
        }
    };
    show(&server, &answer, |answer| {
        let all = answer.as_object().into_iter().flatten();
        let rows = all.map(|(service, fault)| [service.clone(), faults(fault)]);
        table(["SERVICE", "FAULT"], rows, "nothing is wrong on purpose")
    })
}

/// Says where the switch is, to who finds none.
fn switch(answer: Result<Value, Fatal>) -> Result<Value, Fatal> {
    answer.map_err(|error| match error {
        Fatal::Failed(why) if why.ends_with("(not-found)") => {
            Fatal::Failed("there is no fault switch: it is there with `serve --faults`".into())
        }
        other => other,
    })
}

/// `yeyak verify`; whether all is sound.
pub(crate) fn verify(asked: &Verify) -> Result<bool, Fatal> {
    let result = match &asked.data {
        Some(data) => {
            let _lock = restore::stopped_to_read(data, SystemClock::real_now()).map_err(unable)?;
            // A backup is as it was made, or no backup: where restoring would refuse it, its content says nothing.
            if let Some(manifest) = Manifest::of(data)? {
                let checking = to_stderr("checking the backup");
                manifest.check(data, |done, total| checking(done, total))?;
            }
            verify::stopped(data, &to_stderr("verifying"))?
        }
        None => {
            let connection = Connection::to(&asked.server)?;
            let begun = connection.post("/actuator/verify", &json!({})).map_err(unable)?;
            if asked.no_wait {
                show(&asked.server, &begun, |_| format!("{}; `yeyak verify` waits for its end\n", how(&begun)))?;
                return Ok(true);
            }
            say_if_joined("verifying", &begun);
            connection.watch_job("verifying", "/actuator/verify", &begun["number"]).map_err(unable)?
        }
    };
    show(&asked.server, &result, told).map_err(unable)?;
    Ok(result["sound"] == true)
}

/// Whoever verifies must not take that it could not be done for a difference.
fn unable(error: Fatal) -> Fatal {
    match error {
        usage @ (Fatal::Usage(_) | Fatal::Settings(_)) => usage,
        other => Fatal::Unable(other.to_string()),
    }
}

fn told(result: &Value) -> String {
    let differences = list(result, "differences");
    let lines = differences
        .iter()
        .map(|one| format!("{} {} {}: {}\n", text(&one["service"]), text(&one["kind"]), text(&one["key"]), text(&one["what"])));
    let looked_at =
        format!("{} aggregates, {} events, {} rows", text(&result["aggregates"]), text(&result["events"]), text(&result["rows"]));
    let end = match differences.len() {
        0 => format!("sound: {looked_at} agree\n"),
        1 => format!("1 difference in {looked_at}\n"),
        many => format!("{many}{} differences in {looked_at}\n", if result["more"] == true { " and more" } else { "" }),
    };
    lines.chain([end]).collect()
}

/// `yeyak payments`; whether the provider and we agree.
pub(crate) fn payments(asked: &Payments) -> Result<bool, Fatal> {
    const PATH: &str = "/actuator/payments";
    let Payments::Reconcile { day, no_wait, server } = asked;
    let connection = Connection::to(server)?;
    let begun = connection.post(PATH, &json!({"day": day.map(|day| day.to_string())})).map_err(|error| match error {
        Fatal::Failed(why) if why.ends_with("(not-found)") => Fatal::Unable("no system that runs there takes payments".into()),
        other => unable(other),
    })?;
    if *no_wait {
        show(server, &begun, |_| format!("{}; `yeyak payments reconcile` waits for its end\n", how(&begun)))?;
        return Ok(true);
    }
    say_if_joined("comparing payments", &begun);
    let result = connection.watch_job("comparing payments", PATH, &begun["number"]).map_err(unable)?;
    show(server, &result, disagreements).map_err(unable)?;
    Ok(result["agrees"] == true)
}

fn disagreements(result: &Value) -> String {
    let compared: u64 = list(result, "systems").iter().filter_map(|system| system["payments"].as_u64()).sum();
    let all = list(result, "disagreements");
    if all.is_empty() {
        return format!("{compared} payments agree\n");
    }
    let side = |side: &Value| {
        let money = |name: &str| format!("{} {}", text(&side[name]["amount"]), text(&side[name]["currency"]));
        if side["paid"].is_null() {
            return text(&side["status"]);
        };
        let sums = format!("paid {}, refunded {}", money("paid"), money("refunded"));
        if side["status"].is_null() { sums } else { format!("{sums} ({})", text(&side["status"])) }
    };
    let rows = all.iter().map(|one| {
        let (ours, theirs) = (side(&one["ours"]), side(&one["theirs"]));
        [
            text(&one["system"]),
            text(&one["reservationNo"]),
            text(&one["what"]),
            ours,
            theirs,
            text(&one["since"]),
            text(&one["payment"]),
            text(&one["order"]),
        ]
    });
    let heads = ["SYSTEM", "RESERVATION", "WHAT", "OURS", "THEIRS", "SINCE", "PAYMENT", "ORDER"];
    format!("{}{} of {compared} payments disagree\n", table(heads, rows, ""), all.len())
}

/// `yeyak backup`
pub(crate) fn backup(asked: &Backup) -> Result<(), Fatal> {
    let name = asked.name.clone().unwrap_or_else(|| backup::name_of(SystemClock::real_now()));
    let result = match &asked.data {
        Some(data) => {
            if !backup::is_name(&name) {
                return Err(Fatal::Usage(format!("NAME: {}; --to says where", backup::NO_NAME)));
            }
            let held = restore::stopped(data, SystemClock::real_now())?;
            let directory = asked.to.clone().unwrap_or_else(|| held.path().join(backup::DIRECTORY));
            let manifest = backup::make(held.path(), &directory, &name, &to_stderr("backing up")).map_err(Fatal::Failed)?;
            json!({"name": name, "directory": directory.join(&name).display().to_string(), "manifest": manifest})
        }
        None => {
            let connection = Connection::to(&asked.server)?;
            let begun = connection.post("/actuator/backup", &json!({"name": name}))?;
            if asked.no_wait {
                return show(&asked.server, &begun, |_| format!("{name}: {}\n", how(&begun)));
            }
            say_if_joined("backing up", &begun);
            connection.watch_job("backing up", "/actuator/backup", &begun["number"])?
        }
    };
    show(&asked.server, &result, |result| {
        let files = list(&result["manifest"], "files");
        let bytes: u64 = files.iter().filter_map(|file| file["bytes"].as_u64()).sum();
        format!("{}: {} files, {bytes} bytes\n", text(&result["directory"]), files.len())
    })
}

/// `yeyak restore`; whether what was restored is sound.
pub(crate) fn restore(asked: &Restore) -> Result<bool, Fatal> {
    let now = SystemClock::real_now();
    let progress = Told { checking: to_stderr("checking the backup"), verifying: to_stderr("verifying") };
    match restore::restore(&asked.backup, &asked.data, asked.replace, now, &progress)? {
        Ended::Restored(Restored { manifest, aside, verified }) => {
            if let Some(aside) = aside {
                print(&format!("what was there is in {}\n", aside.display()))?;
            }
            print(&format!("restored what was backed up at {}\n{}", manifest.made, told(&verified)))?;
            Ok(verified["sound"] == true)
        }
        Ended::Unsound(verified) => {
            print(&told(&verified))?;
            let (data, backup) = (asked.data.display(), asked.backup.display());
            Err(Fatal::Failed(format!(
                "nothing was restored, and {data} is as it was: {backup} is not sound; take another, or restore it to a new directory"
            )))
        }
    }
}

/// Whether what was asked for was begun, or had been before.
fn how(answer: &Value) -> &'static str {
    if answer["begun"] == false { "under way already" } else { "begun" }
}

/// Says on stderr that what is waited for was begun by somebody else.
fn say_if_joined(what: &str, answer: &Value) {
    if answer["begun"] == false {
        say(&format!("{what}: under way already, and waited for"));
    }
}

/// Shows on stderr how far something is.
fn to_stderr(what: &str) -> Report {
    let shown = Mutex::new(Shown::of(what));
    Arc::new(move |done, total| shown.lock().unwrap_or_else(PoisonError::into_inner).progress(done, total))
}

/// Prints an answer: as JSON where that is wanted, else as `say` has it.
fn show(server: &Server, answer: &Value, say: impl FnOnce(&Value) -> String) -> Result<(), Fatal> {
    print(&if server.json { format!("{answer:#}\n") } else { say(answer) })
}

fn list<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer[name].as_array().map_or(&[], Vec::as_slice)
}

/// A value in a line of text. What came from elsewhere may hold anything, so it is kept to one line.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => crate::error::one_line(text),
        other => other.to_string(),
    }
}

/// Columns as wide as what is in them, the last as long as it is.
fn table<const N: usize>(heads: [&str; N], rows: impl Iterator<Item = [String; N]>, none: &str) -> String {
    let rows: Vec<[String; N]> = rows.collect();
    if rows.is_empty() {
        return format!("{none}\n");
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).chain([heads[column].len()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |cells: [&str; N]| {
        let cells: String = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}  ")).collect();
        format!("{}\n", cells.trim_end())
    };
    std::iter::once(line(heads)).chain(rows.iter().map(|row| line(row.each_ref().map(String::as_str)))).collect()
}

/// A text as it stands in a query.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_what_is_in_it() {
        let rows = [["a".to_owned(), "회의실".to_owned()], ["longer".to_owned(), String::new()]];
        assert_eq!(table(["X", "Y"], rows.into_iter(), "none"), "X       Y\na       회의실\nlonger\n");
        assert_eq!(table(["X"], std::iter::empty(), "none"), "none\n");
    }

    #[test]
    fn a_text_from_elsewhere_stays_in_its_line_and_in_its_query() {
        assert_eq!(text(&json!("a\nb\u{1b}[31m")), r"a\nb\u{1b}[31m");
        assert_eq!(escaped("a/b c&d=회"), "a/b%20c%26d%3D%ED%9A%8C");
    }
}
