//! What every document has: the form of refusals and of links, the routes of operators, and those of the contract itself.

use serde_json::{Map, Value, json};

use super::FieldSchema;
use super::openapi::{body_of, refusals};
use crate::actuator::{Access, Actuator, steering};
use crate::auth::Who;
use crate::fields::Spec;

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
                            "correlation": text("The story it belongs to: one id for all that one request led to."),
                            "causation": text("What directly led to it."),
                        },
                    }}}},
                    "_links": {"type": "object", "required": ["self"], "properties": {"self": link, "next": link}},
                },
            }),
        ),
        (
            "Health",
            json!({
                "type": "object", "required": ["status"],
                "properties": {
                    "status": {"enum": ["UP", "DEGRADED", "DOWN", "OUT_OF_SERVICE"], "description": "DEGRADED serves, and wants an operator."},
                    "auth": {"const": "open-to-network", "description": "Whoever reaches it may do everything."},
                    "components": {"type": "object", "description": "Each system, for those who may see it."},
                    "faults": {"type": "array", "items": {"type": "string"}, "description": "The services whose fault switch is on."},
                    "why": text("What does not work."),
                },
            }),
        ),
        (
            "Faults",
            json!({
                "type": "object", "description": "Each service whose fault switch is on.",
                "additionalProperties": {
                    "type": "object", "required": ["down", "delayMs", "refuse"],
                    "properties": {"down": {"type": "boolean"}, "delayMs": count("How long each request waits, in milliseconds."), "refuse": {"type": "boolean"}},
                },
            }),
        ),
    ]
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
    let named = |name: &str| Some(("application/json", json!({"$ref": format!("#/components/schemas/{name}")})));
    let object = |required: &[&str]| Some(("application/json", json!({"type": "object", "required": required})));
    let health = || named("Health");
    let number = || json!({"type": "integer", "minimum": 0, "maximum": i64::MAX});
    let job = || object(&["status"]);
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
            Said::new("story", "Tell what became of a request", vec![(200, Some(("application/hal+json", object(&["correlation"])?.1)))])
                .asking(vec![
                    parameter("correlation", true, "The id of the story: a request's `X-Request-Id`.", correlation),
                    parameter("after", false, "Behind how many entries.", number()),
                    parameter("size", false, "How many at most.", json!({"type": "integer", "minimum": 1, "maximum": 1000})),
                ])
                .refusing(&["invalid-fields"])
        }
        ("GET", "/actuator/services") => Said::new("services", "List the services that run here", vec![(200, object(&["services"]))]),
        ("GET", "/actuator/parked") => Said::new("parked", "List the lines of parked events", vec![(200, object(&["lines"]))]),
        ("GET", "/actuator/parked/events") => {
            Said::new("parkedEvents", "Show a line of parked events", vec![(200, object(&["line", "events"]))])
                .asking(vec![
                    parameter("line", true, "The line, as the list names it.", json!({"type": "string"})),
                    parameter("after", false, "Only what stands behind this event.", number()),
                ])
                .refusing(&["invalid-fields", "not-parked"])
        }
        ("POST", "/actuator/parked/retry") => {
            Said::new("retryParked", "Try a line of parked events now", vec![(200, object(&["line", "handled", "left"]))])
                .reading(steering::line())
                .refusing(&["not-parked", "parked-moved-on"])
        }
        ("POST", "/actuator/parked/discard") => {
            Said::new("discardParked", "Give parked events up", vec![(200, object(&["line", "discarded", "left"]))])
                .reading(steering::discarding())
                .refusing(&["not-parked", "parked-moved-on"])
        }
        ("GET", "/actuator/projections") => Said::new("projections", "List the projections", vec![(200, object(&["projections"]))]),
        ("POST", "/actuator/projections/retry") => {
            Said::new("retryProjection", "Let a halted projection go on", vec![(200, object(&["projection", "hadHalted"]))])
                .reading(steering::projection())
                .refusing(&["no-such-projection"])
        }
        ("POST", "/actuator/projections/rebuild") => {
            Said::new("rebuildProjection", "Build a projection anew", vec![(202, object(&["projection", "begun"]))])
                .reading(steering::projection())
                .refusing(&["no-such-projection"])
        }
        ("GET", "/actuator/verify") => Said::new("showVerification", "Show how far the verification is", vec![(200, job())]),
        ("POST", "/actuator/verify") => {
            Said::new("verify", "Fold everything again and compare", vec![(202, job())]).refusing(&["job-under-way", "job-refused"])
        }
        ("GET", "/actuator/backup") => Said::new("showBackup", "Show how far the backup is", vec![(200, job())]),
        ("POST", "/actuator/backup") => Said::new("backup", "Make a consistent copy of all data", vec![(202, job())])
            .reading(steering::naming())
            .refusing(&["job-under-way", "job-refused"]),
        ("GET", "/actuator/faults") => Said::new("listFaults", "Show the fault switch", vec![(200, named("Faults"))]),
        ("POST", "/actuator/faults") => {
            Said::new("setFault", "Make a service fail on purpose", vec![(200, named("Faults"))]).reading(crate::actuator::fault())
        }
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
    if !body.is_empty() {
        codes.extend(["malformed-json", "invalid-fields", "body-too-large"]);
    }
    let mut responses: Map<String, Value> = refusals(codes).into_iter().collect();
    for (status, shown) in answers {
        let mut answer = json!({"description": match status {
            503 => "It cannot serve.",
            202 => "It was begun.",
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
        operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": body_of(body)}}});
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
