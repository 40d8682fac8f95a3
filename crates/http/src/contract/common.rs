//! What every document has: the form of refusals and of links, the routes of operators, and those of the contract itself.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;

use super::FieldSchema;
use super::openapi::{body_of, refusals};
use crate::actuator::{Access, Actuator, shown, steering};
use crate::auth::Who;
use crate::fields::Spec;
use crate::story;

/// Schemas that many answers refer to.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let text = |description: &str| json!({"type": "string", "description": description});
    let own = |description: &str| json!({"type": ["string", "null"], "description": description});
    let count = |description: &str| json!({"type": "integer", "minimum": 0, "description": description});
    let link = json!({"$ref": "#/components/schemas/Link"});
    vec![
        (
            "Problem",
            json!({
                "type": "object", "description": "Why something was not done (RFC 9457). Further members say what stands in the way, by id and interval.",
                "required": ["type", "title", "status", "code", "detail"],
                "properties": {
                    "type": {"type": "string", "format": "uri-reference", "pattern": "^/errors/[a-z0-9-]+$", "description": "The page about this code."},
                    "title": text("What all refusals of this status have in common."),
                    "status": {"type": "integer", "minimum": 400, "maximum": 599},
                    "code": text("A stable code, to tell refusals apart by."),
                    "detail": text("A sentence for a person."),
                    "errors": {"type": "array", "description": "Every field that is wrong.", "items": {"$ref": "#/components/schemas/FieldError"}},
                },
            }),
        ),
        (
            "FieldError",
            json!({
                "type": "object", "description": "What is wrong with one field of a body, or one parameter of a query.",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": text("Its name."), "message": text("A short sentence without its subject."),
                    "code": {"type": "string", "description": "A stable code.", "enum": FIELD_CODES},
                },
            }),
        ),
        (
            "Absent",
            json!({"type": ["null", "string"], "pattern": "^\\s*$", "description": "Null or blank, which is as if it were left out."}),
        ),
        ("Blank", json!({"type": "string", "pattern": "^\\s*$", "description": "Blank, which is as if it were left out."})),
        (
            "Link",
            json!({
                "type": "object", "required": ["href"],
                "properties": {"href": {"type": "string", "format": "uri-reference"}, "method": text("The method to send; GET when it is not said.")},
            }),
        ),
        (
            "Page",
            json!({
                "type": "object", "required": ["size", "totalElements", "totalPages", "number"],
                "properties": {
                    "size": count("How many a page has at most."), "totalElements": count("How many there are."), "totalPages": count("How many pages that makes."),
                    "number": count("Which page this is, from 0."),
                    "totalIsLowerBound": {"const": true, "description": "Nobody counted further: there are as many, or more."},
                },
            }),
        ),
        (
            "History",
            json!({
                "type": "object", "required": ["_embedded", "_links"],
                "properties": {
                    "_embedded": {"type": "object", "required": ["history"], "properties": {"history": {"type": "array", "items": {
                        "type": "object", "required": ["position", "at", "type", "data", "caller", "correlation", "causation"],
                        "properties": {
                            "position": count("Its place in the history."),
                            "at": {"type": "string", "format": "date-time", "description": "When it happened."},
                            "type": text("What happened."), "data": {"description": "The particulars."},
                            "caller": own("Who did it; null when that is for others to know."),
                            "correlation": own("The story it belongs to: one id for all that one request led to; null when that was another's request."),
                            "causation": text("What directly led to it."),
                        },
                    }}}},
                    "_links": {"type": "object", "required": ["self"], "properties": {"self": link, "next": link}},
                },
            }),
        ),
        ("Verification", verification()),
        ("Backup", backup()),
        ("Reconciliation", reconciliation()),
    ]
}

/// What comparing payments comes to.
fn reconciliation() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    let instant = |description: &str| json!({"type": "string", "format": "date-time", "description": description});
    let money = || {
        json!({
            "type": "object", "required": ["amount", "currency"], "properties": {"amount": text("A decimal number."), "currency": text("ISO 4217.")},
        })
    };
    let side = |description: &str| {
        let status = text("What it is to us.");
        let sums = json!({
            "type": "object", "required": ["paid", "refunded"], "properties": {"paid": money(), "refunded": money(), "status": status},
        });
        json!({"description": description, "anyOf": [sums, {"type": "null"}]})
    };
    json!({
        "type": "object", "description": "What comparing our payments with the provider's came to.",
        "required": ["agrees", "systems", "disagreements"],
        "properties": {
            "agrees": {"type": "boolean", "description": "Whether there is no disagreement."},
            "systems": {"type": "array", "items": {
                "type": "object", "required": ["system", "provider", "from", "until", "payments"],
                "properties": {
                    "system": text("Whose payments."), "provider": text("Who took them."), "from": instant("Those that were made from here on."),
                    "until": instant("Up to here."),
                    "payments": {"type": "integer", "minimum": 0, "description": "How many were compared."},
                },
            }},
            "disagreements": {"type": "array", "items": {
                "type": "object",
                "required": ["system", "reservationNo", "order", "payment", "what", "ours", "theirs", "since", "detail"],
                "properties": {
                    "system": text("Whose payment."),
                    "reservationNo": {"type": ["integer", "null"], "description": "For which reservation; null when it is for none of ours."},
                    "order": text("What it is called, by our own name."), "payment": text("The provider's name of it."),
                    "what": {"type": "string", "description": "What sort of disagreement it is.", "enum": [
                        "only-there", "only-here", "other-amount", "other-order", "refunded-there", "refunded-here", "owed",
                    ]},
                    "ours": side("What our book has of it."), "theirs": side("What the provider has of it."),
                    "since": instant("When money was last known to move."), "detail": text("A sentence for a person."),
                },
            }},
        },
    })
}

/// What a verification comes to.
fn verification() -> Value {
    let count = |description: &str| json!({"type": "integer", "minimum": 0, "description": description});
    let text = |description: &str| json!({"type": "string", "description": description});
    json!({
        "type": "object", "description": "What verifying came to.",
        "required": ["sound", "systems", "aggregates", "events", "rows", "differences", "more"],
        "properties": {
            "sound": {"type": "boolean", "description": "Whether everything agrees with its events."},
            "systems": {"type": "array", "items": {"type": "string"}, "description": "What was looked at."},
            "aggregates": count("How many aggregates were folded again."), "events": count("How many of their events."),
            "rows": count("How many rows were compared."),
            "differences": {"type": "array", "items": {
                "type": "object", "required": ["service", "kind", "key", "what"],
                "properties": {
                    "service": text("SYSTEM/SERVICE, or SYSTEM for its store."), "kind": text("What sort of thing it is."),
                    "key": text("Which one."), "what": text("What its events say, and what stands."),
                },
            }},
            "more": {"type": "boolean", "description": "Whether there are more differences than are told."},
        },
    })
}

/// What a backup comes to.
fn backup() -> Value {
    let count = |description: &str| json!({"type": "integer", "minimum": 0, "description": description});
    let text = |description: &str| json!({"type": "string", "description": description});
    let all = |required: &[&str], properties: Value| json!({"type": "array", "items": {"type": "object", "required": required, "properties": properties}});
    let positions = json!({"type": "array", "items": {"type": "integer", "minimum": 0}, "description": "The last place of each shard."});
    let services =
        all(&["name", "epoch", "positions"], json!({"name": text("Its name."), "epoch": count("Its epoch."), "positions": positions}));
    let systems = json!({"name": text("Its name."), "file": text("Its file."), "services": services});
    let files = json!({"name": text("Its name."), "bytes": count("Its length."), "sha256": text("Its SHA-256.")});
    json!({
        "type": "object", "description": "What was backed up.", "required": ["name", "directory", "manifest"],
        "properties": {
            "name": text("What it is called."), "directory": text("Where it stands."),
            "manifest": {
                "type": "object", "description": "What it says of itself.", "required": ["format", "yeyak", "made", "systems", "files"],
                "properties": {
                    "format": count("The form of its files."), "yeyak": text("The release that made it."),
                    "made": {"type": "string", "format": "date-time", "description": "When, by the machine's clock."},
                    "systems": all(&["name", "file", "services"], systems), "files": all(&["name", "bytes", "sha256"], files),
                },
            },
        },
    })
}

/// The types of what the actuator answers, and all that they consist of.
pub(super) fn types() -> Vec<(String, Value)> {
    fn add<T: ToSchema>(all: &mut Vec<(String, RefOr<utoipa::openapi::Schema>)>) {
        all.push((T::name().into_owned(), T::schema()));
        T::schemas(all);
    }
    let mut all = Vec::new();
    add::<shown::Health>(&mut all);
    add::<shown::SwitchedFaults>(&mut all);
    add::<shown::Services>(&mut all);
    add::<shown::ParkedLines>(&mut all);
    add::<shown::ParkedEvents>(&mut all);
    add::<shown::RetriedLine>(&mut all);
    add::<shown::DiscardedEvents>(&mut all);
    add::<shown::Projections>(&mut all);
    add::<shown::RebuildBegun>(&mut all);
    add::<shown::RetriedProjection>(&mut all);
    add::<shown::JobState>(&mut all);
    add::<shown::JobAsked>(&mut all);
    add::<story::Shown>(&mut all);
    all.into_iter().map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default())).collect()
}

/// What can be wrong with a field (`docs/errors/invalid-fields.md` explains them).
pub(crate) const FIELD_CODES: &[&str] = &[
    "bad-characters",
    "invalid",
    "missing",
    "out-of-range",
    "repeated",
    "too-long",
    "too-many",
    "unknown",
    "unknown-field",
    "unreadable",
    "wrong-type",
];

pub(super) fn tags() -> Vec<Value> {
    vec![
        json!({"name": "actuator", "description": "For those who watch over a process and steer it."}),
        json!({"name": "contract", "description": "This description, and the pages about refusals."}),
    ]
}

/// The paths of operators and of the contract, with their operations.
pub(super) fn paths() -> Vec<(&'static str, Value)> {
    let mut paths: Vec<(&'static str, Value)> = Vec::new();
    let offered =
        Actuator::declared().into_iter().filter_map(|(method, path, access)| Some((path, method, actuator(method, path, access)?)));
    for (path, method, operation) in offered.chain(contract().into_iter().map(|(path, operation)| (path, "GET", operation))) {
        let at = paths.iter().position(|(known, _)| *known == path).unwrap_or_else(|| {
            paths.push((path, json!({})));
            paths.len() - 1
        });
        paths[at].1[method.to_lowercase()] = operation;
    }
    paths
}

/// What is said of a route of the actuator, besides what follows from who may use it.
struct Said {
    name: &'static str,
    summary: &'static str,
    /// Each status with what is answered, and in which form.
    answers: Vec<(u16, Option<(&'static str, Value)>)>,
    parameters: Vec<Value>,
    body: Vec<FieldSchema>,
    codes: &'static [&'static str],
}

impl Said {
    fn new(name: &'static str, summary: &'static str, answers: Vec<(u16, Option<(&'static str, Value)>)>) -> Self {
        Self { name, summary, answers, parameters: Vec::new(), body: Vec::new(), codes: &[] }
    }

    fn reading(mut self, body: impl Spec) -> Self {
        body.describe(&mut self.body);
        self
    }

    fn asking(mut self, parameters: Vec<Value>) -> Self {
        self.parameters = parameters;
        self
    }

    fn refusing(mut self, codes: &'static [&'static str]) -> Self {
        self.codes = codes;
        self
    }
}

/// A parameter of a route of the actuator.
fn parameter(name: &str, required: bool, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "required": required, "description": description, "schema": schema})
}

fn said(method: &str, path: &str) -> Option<Said> {
    fn of<T: ToSchema>() -> Option<(&'static str, Value)> {
        Some(("application/json", json!({"$ref": format!("#/components/schemas/{}", T::name())})))
    }
    let health = of::<shown::Health>;
    let number = || json!({"type": "integer", "minimum": 0, "maximum": i64::MAX});
    // What a job comes to depends on what it does.
    fn job<T: ToSchema>(result: &str) -> Option<(&'static str, Value)> {
        let (kind, state) = of::<T>()?;
        Some((kind, json!({"allOf": [state], "properties": {"result": {"$ref": format!("#/components/schemas/{result}")}}})))
    }
    Some(match (method, path) {
        ("GET", "/actuator/health") => Said::new("health", "Show how the process is", vec![(200, health()), (503, health())]),
        ("GET", "/actuator/health/liveness") => Said::new("liveness", "Tell that the process lives", vec![(200, health())]),
        ("GET", "/actuator/health/readiness") => {
            Said::new("readiness", "Tell whether the process can serve", vec![(200, health()), (503, health())])
        }
        ("GET", "/actuator/prometheus") => {
            Said::new("prometheus", "Show the metrics", vec![(200, Some(("text/plain", json!({"type": "string"}))))])
        }
        ("GET", "/actuator/events") => {
            let correlation = json!({"type": "string", "minLength": 1, "maxLength": 200, "pattern": "\\S"});
            Said::new("story", "Tell what became of a request", vec![(200, Some(("application/hal+json", of::<story::Shown>()?.1)))])
                .asking(vec![
                    parameter("correlation", true, "The id of the story: a request's `X-Request-Id`.", correlation),
                    parameter("after", false, "Behind how many entries.", number()),
                    parameter("size", false, "How many at most.", json!({"type": "integer", "minimum": 1, "maximum": 1000})),
                ])
                .refusing(&["invalid-fields"])
        }
        ("GET", "/actuator/services") => Said::new("services", "List the services that run here", vec![(200, of::<shown::Services>())]),
        ("GET", "/actuator/parked") => Said::new("parked", "List the lines of parked events", vec![(200, of::<shown::ParkedLines>())]),
        ("GET", "/actuator/parked/events") => {
            Said::new("parkedEvents", "Show a line of parked events", vec![(200, of::<shown::ParkedEvents>())])
                .asking(vec![
                    parameter("line", true, "The line, as the list names it.", json!({"type": "string", "pattern": "^[!-~가-힣]{1,200}$"})),
                    parameter("after", false, "Only what stands behind this event.", number()),
                ])
                .refusing(&["invalid-fields", "not-parked"])
        }
        ("POST", "/actuator/parked/retry") => {
            Said::new("retryParked", "Try a line of parked events now", vec![(200, of::<shown::RetriedLine>())])
                .reading(steering::line())
                .refusing(&["not-parked", "parked-moved-on"])
        }
        ("POST", "/actuator/parked/discard") => {
            Said::new("discardParked", "Give parked events up", vec![(200, of::<shown::DiscardedEvents>())])
                .reading(steering::discarding())
                .refusing(&["not-parked", "parked-moved-on"])
        }
        ("GET", "/actuator/projections") => Said::new("projections", "List the projections", vec![(200, of::<shown::Projections>())]),
        ("POST", "/actuator/projections/retry") => {
            Said::new("retryProjection", "Let a halted projection go on", vec![(200, of::<shown::RetriedProjection>())])
                .reading(steering::projection())
                .refusing(&["no-such-projection"])
        }
        ("POST", "/actuator/projections/rebuild") => {
            Said::new("rebuildProjection", "Build a projection anew", vec![(202, of::<shown::RebuildBegun>())])
                .reading(steering::projection())
                .refusing(&["no-such-projection"])
        }
        ("GET", "/actuator/verify") => {
            Said::new("showVerification", "Show how far the verification is", vec![(200, job::<shown::JobState>("Verification"))])
        }
        ("POST", "/actuator/verify") => {
            Said::new("verify", "Fold everything again and compare", vec![(202, job::<shown::JobAsked>("Verification"))])
                .refusing(&["job-under-way", "job-refused"])
        }
        ("GET", "/actuator/backup") => Said::new("showBackup", "Show how far the backup is", vec![(200, job::<shown::JobState>("Backup"))]),
        ("POST", "/actuator/backup") => {
            Said::new("backup", "Make a consistent copy of all data", vec![(202, job::<shown::JobAsked>("Backup"))])
                .reading(steering::naming())
                .refusing(&["job-under-way", "job-refused"])
        }
        ("GET", "/actuator/payments") => {
            Said::new("showReconciliation", "Show how far comparing payments is", vec![(200, job::<shown::JobState>("Reconciliation"))])
        }
        ("POST", "/actuator/payments") => {
            let answers = vec![(202, job::<shown::JobAsked>("Reconciliation"))];
            Said::new("reconcile", "Compare payments with the provider's: those of a day, or of the last sixty", answers)
                .reading(steering::of_day())
                .refusing(&["job-under-way", "job-refused"])
        }
        ("GET", "/actuator/faults") => Said::new("listFaults", "Show the fault switch", vec![(200, of::<shown::SwitchedFaults>())]),
        ("POST", "/actuator/faults") => Said::new("setFault", "Make a service fail on purpose", vec![(200, of::<shown::SwitchedFaults>())])
            .reading(crate::actuator::fault()),
        ("DELETE", "/actuator/faults") => Said::new("clearFaults", "End all faults", vec![(204, None)]),
        _ => return None,
    })
}

/// An operation of the actuator. One that is not described here is in no document; a test finds it.
pub(super) fn actuator(method: &str, path: &str, access: Access) -> Option<Value> {
    let Said { name, summary, answers, parameters, body, codes: own } = said(method, path)?;
    let mut codes = vec!["internal"];
    codes.extend(own);
    if path != "/actuator/health/liveness" && path != "/actuator/health/readiness" {
        codes.extend(["token-invalid", "token-expired", "token-missing"]);
    }
    if let Access::Only(who) = access {
        // Without `--faults` there is no switch.
        codes.extend(["not-found", "service-unavailable", "overloaded"]);
        codes.push(if who == Who::Administrator { "administrators-only" } else { "operators-only" });
    }
    if method != "GET" {
        // A parameter that is not read.
        codes.push("invalid-fields");
    }
    if !body.is_empty() {
        codes.extend(["malformed-json", "body-too-large", "body-too-slow"]);
    }
    let mut responses: Map<String, Value> = refusals(codes).into_iter().collect();
    for (status, shown) in answers {
        let mut answer = json!({"description": match status {
            503 => "It cannot serve.",
            202 => "It was begun, or is under way.",
            _ => "It is so.",
        }});
        if let Some((kind, schema)) = shown {
            answer["content"] = json!({kind: {"schema": schema}});
        }
        responses.insert(status.to_string(), answer);
    }
    let mut operation = json!({
        "operationId": format!("actuator_{name}"), "tags": ["actuator"], "summary": summary, "x-yeyak-who": access.to_string(), "responses": responses,
    });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if !body.is_empty() {
        operation["requestBody"] = body_of(body, |_| None);
    }
    Some(operation)
}

/// The routes of the contract itself.
fn contract() -> Vec<(&'static str, Value)> {
    let operation = |name: &str, summary: &str, types: &[&str], found: bool| {
        let content: Map<_, _> = types.iter().map(|one| ((*one).to_owned(), json!({"schema": kind(one)}))).collect();
        let mut responses: Map<String, Value> = if found { Map::new() } else { refusals(vec!["not-found"]).into_iter().collect() };
        responses.insert("200".into(), json!({"description": "It.", "content": content}));
        json!({
            "operationId": format!("contract_{name}"), "tags": ["contract"], "summary": summary, "x-yeyak-who": "everybody", "responses": responses,
        })
    };
    // What was made once has a tag.
    let document = |name: &str, summary: &str, kind: &str| {
        let mut operation = operation(name, summary, &[kind], true);
        let tag = json!({"ETag": {"$ref": "#/components/headers/ETag"}});
        operation["parameters"] = json!([{"$ref": "#/components/parameters/If-None-Match"}]);
        operation["responses"]["200"]["headers"] = tag.clone();
        operation["responses"]["304"] = json!({"description": "It is still as the tag says.", "headers": tag});
        for (status, refusal) in refusals(vec!["precondition-failed"]) {
            operation["responses"][status] = refusal;
        }
        operation
    };
    let pages = ["text/markdown", "text/html"];
    let mut page = operation("error", "Show what a refusal means, and what to do", &pages, false);
    page["parameters"] = json!([{"name": "code", "in": "path", "required": true, "description": "The code of the refusal.", "schema": {"type": "string", "minLength": 1, "examples": ["slot-taken"]}}]);
    vec![
        ("/openapi.json", document("openapi", "Show this document", "application/json")),
        ("/asyncapi.json", document("asyncapi", "Show which events are published", "application/json")),
        ("/docs", document("docs", "Show this document to people", "text/html")),
        ("/errors", operation("errors", "List all refusals", &pages, true)),
        ("/errors/{code}", page),
    ]
}

fn kind(media: &str) -> Value {
    json!({"type": if media == "application/json" { "object" } else { "string" }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_of_the_actuator_is_described() {
        for (method, path, access) in Actuator::declared() {
            assert!(actuator(method, path, access).is_some(), "{method} {path} is described nowhere");
        }
    }
}
