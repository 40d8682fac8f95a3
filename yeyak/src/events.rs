//! `yeyak events`: what became of a request, for whoever has to explain it to somebody.

use std::path::Path;

use clock::SystemClock;
use edge::story;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use store::sqlite::{Options, SqliteStore};

use crate::cli::Events;
use crate::config::quoted;
use crate::data_dir::DataDir;
use crate::error::{Fatal, one_line};
use crate::server::Connection;
use crate::systems;

/// A story, as it was told by a process or a store.
struct Story {
    events: Vec<Value>,
    is_whole: bool,
}

/// What is asked for, as it is printed.
///
/// # Errors
/// When nobody can be asked, or nothing is known of it.
pub(crate) fn tell(asked: &Events) -> Result<String, Fatal> {
    let story = match &asked.data {
        Some(directory) => {
            let tasks = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let tasks = tasks.map_err(|error| Fatal::Failed(format!("threads cannot be had: {error}")))?;
            tasks.block_on(read(directory, &asked.correlation))?
        }
        None => ask(asked)?,
    };
    if story.events.is_empty() && story.is_whole {
        return Err(Fatal::Failed(format!("nothing is known of a story {}", quoted(&asked.correlation))));
    }
    if asked.server.json {
        return Ok(format!("{:#}\n", json!({"correlation": asked.correlation, "complete": story.is_whole, "events": story.events})));
    }
    let zone = TimeZone::get(&asked.zone).map_err(|_| Fatal::Usage(format!("--zone: {} is no time zone", quoted(&asked.zone))))?;
    Ok(in_words(asked, &zone, &story))
}

fn in_words(asked: &Events, zone: &TimeZone, story: &Story) -> String {
    let mut text = format!("The story {}, in times of {}:\n", one_line(&asked.correlation), asked.zone);
    for event in &story.events {
        let said = |name: &str| event[name].as_str().unwrap_or_default();
        let at = said("at").parse::<Timestamp>().map(|at| at.to_zoned(zone.clone()).strftime("%F %T%.3f").to_string());
        let at = at.unwrap_or_else(|_| said("at").to_owned());
        let depth = usize::try_from(event["depth"].as_u64().unwrap_or(0)).unwrap_or(0).min(20);
        let other = Some(said("correlation")).filter(|other| *other != asked.correlation);
        let other = other.map(|other| format!(" (of the story {other})")).unwrap_or_default();
        text.push_str(&one_line(&format!("{at}  {}{}{other}", "  ".repeat(depth), said("says"))));
        text.push('\n');
    }
    if !story.is_whole {
        text.push_str("There was too much to look through: this is not all.\n");
    }
    text
}

/// Asks a process that serves, page by page.
fn ask(asked: &Events) -> Result<Story, Fatal> {
    let server = Connection::to(&asked.server)?;
    let mut story = Story { events: Vec::new(), is_whole: true };
    let mut next = Some(format!("/actuator/events?correlation={}&size=1000", percent_encoded(&asked.correlation)));
    while let Some(target) = next {
        let mut page = server.get(&target)?;
        story.is_whole &= page["complete"] == true;
        next = page["_links"]["next"]["href"].as_str().map(str::to_owned);
        match page["_embedded"]["events"].take() {
            Value::Array(events) if !events.is_empty() => story.events.extend(events),
            _ => next = None,
        }
    }
    Ok(story)
}

fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Reads the stores of a directory that nobody serves.
async fn read(directory: &Path, correlation: &str) -> Result<Story, Fatal> {
    if !directory.is_dir() {
        return Err(Fatal::Failed(format!("{}: is no directory", directory.display())));
    }
    // It is held, so that nobody begins to serve it meanwhile.
    let data = DataDir::open(directory, SystemClock::real_now()).map_err(Fatal::Data)?;
    let mut told = Vec::new();
    for spec in systems::declared() {
        let file = data.path().join(systems::file(spec.name));
        if file.exists() {
            let failed = |why: String| Fatal::Failed(format!("{}: {why}", file.display()));
            let store = SqliteStore::open(&file, spec.schema(), &Options::default()).map_err(|error| failed(error.to_string()))?;
            told.push((spec.name, spec.story(&store, correlation).await.map_err(|error| failed(error.to_string()))?));
        }
    }
    let (events, is_whole) = story::entries(&told);
    Ok(Story { events, is_whole })
}
