//! A story as it is shown: for machines, and a sentence each for whoever reads it to a customer.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kernel::Timestamp;
use runtime::{Story, Told};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::incoming::{hal_json, internal, name_and_data};
use crate::{FieldError, Problem};

/// How many entries are shown when nobody says, and at most.
const USUALLY: usize = 200;
const AT_MOST: usize = 1000;

/// The longest id of a story.
const LONGEST: usize = 200;

/// How much of a value a sentence shows.
const LONGEST_VALUE: usize = 60;

/// What is asked: whose story, behind how many entries, and how many.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) correlation: String,
    after: usize,
    size: usize,
}

impl Asked {
    /// Reads a query.
    ///
    /// # Errors
    /// 422 naming each parameter that is wrong, missing or another.
    pub(crate) fn read(query: &str) -> Result<Self, Problem> {
        let (mut correlation, mut after, mut size, mut errors) = (None, 0, USUALLY, Vec::new());
        let mut wrong = |field: &str, code, message: String| errors.push(FieldError::new(field, code, message));
        let mut seen = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let is_first = !seen.contains(&name);
            seen.push(name.clone());
            match (&*name, value.parse::<usize>()) {
                ("correlation" | "after" | "size", _) if !is_first => wrong(&name, "repeated", "must be given once".into()),
                ("correlation", _) if (1..=LONGEST).contains(&value.trim().len()) => correlation = Some(value.trim().to_owned()),
                ("correlation", _) => wrong("correlation", "out-of-range", format!("must be the id of a story, up to {LONGEST} letters")),
                ("after", Ok(number)) => after = number,
                ("size", Ok(number)) if (1..=AT_MOST).contains(&number) => size = number,
                ("after", _) => wrong("after", "wrong-type", "must be a whole number".into()),
                ("size", _) => wrong("size", "out-of-range", format!("must be a whole number from 1 to {AT_MOST}")),
                // Somebody's word is not repeated, for it may be as long as a query.
                _ => wrong("", "unknown-field", "must be one of correlation, after, size".into()),
            }
        }
        match correlation {
            Some(correlation) if errors.is_empty() => Ok(Self { correlation, after, size }),
            None if errors.is_empty() => Err(Problem::unprocessable(vec![FieldError::new("correlation", "missing", "must be given")])),
            _ => Err(Problem::unprocessable(errors)),
        }
    }

    /// The answer, from what each system has to tell.
    pub(crate) fn answer(&self, told: &[(&str, Story)]) -> Response {
        let (entries, is_whole) = all(told);
        let total = entries.len();
        let id: String = form_urlencoded::byte_serialize(self.correlation.as_bytes()).collect();
        let href = |after: usize| format!("/actuator/events?correlation={id}&after={after}&size={}", self.size);
        let next = self.after.saturating_add(self.size);
        let to = |after| Link { href: href(after) };
        let links = Links { own: to(self.after), next: (next < total).then(|| to(next)) };
        let shown = Shown {
            correlation: self.correlation.clone(),
            total,
            complete: is_whole,
            embedded: Embedded { events: entries.into_iter().skip(self.after).take(self.size).collect() },
            links,
        };
        match serde_json::to_string(&shown) {
            Ok(body) => hal_json(StatusCode::OK, body),
            Err(error) => internal(&error).into_response(),
        }
    }
}

/// What became of a request, in order.
#[derive(Serialize, ToSchema)]
#[schema(as = Story)]
pub(crate) struct Shown {
    /// The id of the story.
    correlation: String,
    /// How many entries it has.
    total: usize,
    /// Whether that is all; else there was too much to look through.
    complete: bool,
    #[serde(rename = "_embedded")]
    embedded: Embedded,
    #[serde(rename = "_links")]
    links: Links,
}

/// The entries of a page of a story.
#[derive(Serialize, ToSchema)]
#[schema(as = StoryEvents)]
struct Embedded {
    events: Vec<Entry>,
}

/// Where a story goes on.
#[derive(Serialize, ToSchema)]
#[schema(as = StoryLinks)]
struct Links {
    #[serde(rename = "self")]
    own: Link,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<Link>,
}

/// A place.
#[derive(Serialize, ToSchema)]
#[schema(as = StoryLink)]
struct Link {
    href: String,
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
#[schema(as = StoryEntry)]
struct Entry {
    /// When it did.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// In which system.
    system: String,
    /// In which service.
    service: &'static str,
    /// To which kind of aggregate, or in which saga.
    aggregate: String,
    /// To which one.
    key: String,
    /// Which one it is among all that happened to that, from 1.
    version: u64,
    /// What happened.
    #[serde(rename = "type")]
    kind: String,
    /// The particulars.
    data: Value,
    /// The row it is about: COLLECTION/ID.
    #[schema(required = true)]
    subject: Option<String>,
    /// The id under which it was published, if it was.
    #[schema(required = true)]
    event: Option<String>,
    /// Who did it.
    caller: String,
    /// The story it belongs to.
    correlation: String,
    /// What directly led to it.
    causation: String,
    /// The trace it belongs to, where one was begun.
    #[schema(required = true)]
    trace: Option<String>,
    /// Whether it is a step of a saga.
    step: bool,
    /// How many things led to it, one through the other.
    depth: usize,
    /// All of that in a sentence.
    says: String,
}

/// Everything that systems have to tell of a story, as it is shown, and whether that is all.
pub fn entries(told: &[(&str, Story)]) -> (Vec<Value>, bool) {
    let (all, is_whole) = all(told);
    // They have names for fields and no numbers that JSON has not.
    (all.iter().filter_map(|entry| serde_json::to_value(entry).ok()).collect(), is_whole)
}

fn all(told: &[(&str, Story)]) -> (Vec<Entry>, bool) {
    let all = told.iter().flat_map(|(system, story)| story.told.iter().map(|told| entry(system, told)));
    (all.collect(), told.iter().all(|(_, story)| story.is_whole))
}

fn entry(system: &str, told: &Told) -> Entry {
    let event = &told.event;
    let (kind, data) = if told.is_step { step(&event.data) } else { name_and_data(&event.data) };
    let says = sentence(told, &kind, &data);
    Entry {
        at: event.at,
        system: system.to_owned(),
        service: told.service,
        aggregate: event.aggregate.clone(),
        key: event.key.clone(),
        version: event.version,
        kind,
        data,
        subject: event.subject.clone(),
        event: told.id(),
        caller: event.meta.caller.clone(),
        correlation: event.meta.correlation.clone(),
        causation: event.meta.causation.clone(),
        trace: event.meta.trace.as_ref().map(telemetry::TraceContext::trace_id),
        step: told.is_step,
        depth: told.depth,
        says,
    }
}

/// A saga's step, without the client's key and the bookkeeping behind it.
fn step(event: &str) -> (String, Value) {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(event) else { return (String::new(), Value::Null) };
    let name = fields.shift_remove("type").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
    fields.shift_remove("asker");
    let data = fields.shift_remove("saga").filter(Value::is_object).unwrap_or(Value::Object(fields));
    (name, data)
}

/// `reserve: calendar 3 Reserved (reserveId 1, userId 7), by person 7, asked by POST /reserves [reserve/4/17]`
fn sentence(told: &Told, name: &str, data: &Value) -> String {
    let event = &told.event;
    let what = if told.is_step {
        format!("saga {} {}: {}", event.aggregate, event.key, stepped(name))
    } else {
        format!("{} {} {name}", event.aggregate, event.key)
    };
    let fields = data.as_object().map(details).filter(|details| !details.is_empty());
    let fields = fields.map(|details| format!(" ({details})")).unwrap_or_default();
    let id = told.id().map(|id| format!(" [{id}]")).unwrap_or_default();
    format!("{}: {what}{fields}, by {}, {}{id}", told.service, who(&event.meta.caller), why(&event.meta.causation))
}

fn stepped(name: &str) -> &str {
    match name {
        "begun" => "it begins",
        "accepted" => "what it asked for was agreed, and it ends",
        "waited" => "it waits to be told something",
        "told" => "it is told what it waited for",
        "passed" => "from here on it only goes forward",
        "doubted" => "it cannot go on, so it turns round",
        "resumed" => "it was left behind, and goes on",
        "givenUp" => "it ends with nothing standing",
        other => other,
    }
}

fn details(fields: &Map<String, Value>) -> String {
    let shown = fields.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| {
        let value = match (value, value["start"].as_str(), value["end"].as_str()) {
            (Value::String(text), ..) => text.clone(),
            (_, Some(start), Some(end)) => format!("{start} to {end}"),
            _ => value.to_string(),
        };
        // What a person wrote stays in its line.
        let value: String = value.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        match value.char_indices().nth(LONGEST_VALUE) {
            Some((end, _)) => format!("{name} {}…", value.get(..end).unwrap_or_default()),
            None => format!("{name} {value}"),
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn who(caller: &str) -> String {
    match caller.split_once(':') {
        Some(("internal", "clock")) => "the clock".into(),
        Some(("internal", part)) => part.replacen(':', " ", 1),
        Some((role, id)) => format!("{role} {id}"),
        None => format!("the {caller}"),
    }
}

fn why(causation: &str) -> String {
    match causation {
        "clock" => "because its time had come".into(),
        request if request.contains(' ') => format!("asked by {request}"),
        cause => format!("because of {cause}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_story_is_asked_for_by_its_id() {
        let asked = |after, size| Asked { correlation: "a b".into(), after, size };
        assert_eq!(Asked::read("correlation=a+b").unwrap(), asked(0, 200));
        assert_eq!(Asked::read("correlation=%20a%20b&after=3&size=1000").unwrap(), asked(3, 1000));
        let wrong = |query: &str| {
            let errors = Asked::read(query).unwrap_err().errors.clone();
            errors.iter().map(|error| format!("{} {}", error.field, error.code)).collect::<Vec<_>>()
        };
        assert_eq!(wrong(""), ["correlation missing"]);
        assert_eq!(
            wrong("correlation=&size=0&after=x&y=1"),
            ["correlation out-of-range", "size out-of-range", "after wrong-type", " unknown-field"]
        );
        assert_eq!(wrong(&format!("correlation={}", "x".repeat(201))), ["correlation out-of-range"]);
        assert_eq!(wrong("correlation=a&correlation=a&after=1&after=2"), ["correlation repeated", "after repeated"]);
    }

    #[test]
    fn who_and_why_are_said_in_words() {
        assert_eq!(who("person:7"), "person 7");
        assert_eq!(who("administrator"), "the administrator");
        assert_eq!(who("operator:lee"), "operator lee");
        assert_eq!(who("internal:clock"), "the clock");
        assert_eq!(who("internal:policy:room/follow-occupancy"), "policy room/follow-occupancy");
        assert_eq!(why("clock"), "because its time had come");
        assert_eq!(why("DELETE /reserves/1"), "asked by DELETE /reserves/1");
        assert_eq!(why("reserve/4/17"), "because of reserve/4/17");
    }

    #[test]
    fn what_somebody_wrote_stays_in_its_line_and_is_not_endless() {
        let fields =
            json!({"name": "a\nb", "none": null, "long": "é".repeat(61), "slot": {"from": 1}, "period": {"start": "8", "end": "9"}});
        assert_eq!(details(fields.as_object().unwrap()), format!("name a b, long {}…, slot {{\"from\":1}}, period 8 to 9", "é".repeat(60)));
    }

    #[test]
    fn a_step_shows_what_it_is_for_and_not_the_clients_key() {
        let (name, data) = step(r#"{"type":"begun","saga":{"roomId":3},"asker":{"who":{"client":{"key":"secret"}}}}"#);
        assert_eq!((name.as_str(), data), ("begun", json!({"roomId": 3})));
        assert_eq!(step(r#"{"type":"givenUp","why":"unavailable"}"#), ("givenUp".into(), json!({"why": "unavailable"})));
    }
}
