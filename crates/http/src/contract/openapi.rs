//! The OpenAPI 3.1 document, made of what the routes declare.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use kernel::{Field, FieldKind};
use serde_json::{Map, Value, json};

use super::declare::{Asked, Fields, Kind, Row};
use super::problems;
use super::{FieldSchema, Operation, Schema, System};
use crate::Problem;
use crate::auth::Who;
use crate::position::MOST;
use crate::query::{FURTHEST_ROW, LARGEST_PAGE};

/// Where the paths of a document stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paths {
    /// Behind the name of their system.
    Prefixed,
    /// One system alone: its name may be left out, and stands as a second server.
    Bare,
    /// One service on a port of its own: there is no name to stand before it.
    Unnamed,
}

const ABOUT: &str = "\
Reservation systems: whatever can run out is decided once.\n\n\
* **Bodies are read leniently.** Numbers, flags and texts stand for each other (`\"3\"` is 3), blanks around a text do not count, a field that is null or \
blank is absent (unless a route says that null unsets it), of two with one name the last counts, and a field that is not known here is ignored. \
A body is read as JSON whatever its `Content-Type` says.\n\
* **Answers are HAL.** Every field of a row is there, null when it is unset; `_links` offers what whoever asks can do with it now.\n\
* **Refusals are `application/problem+json`** with a stable `code`; `type` leads to a page that says what it means and what to do. \
A method that a path does not have is [`method-not-allowed`](/errors/method-not-allowed), a path that there is not [`not-found`](/errors/not-found).\n\
* **An `X-Request-Id`** of yours (1 to 128 letters, digits and `-_.:/+=@`) is kept, or the request gets one: it stands on every answer, in the log and in histories.\n\
* **An `Idempotency-Key`** makes a request happen once, however often it is sent.";

/// The document of these systems. It says the same at each call.
pub fn document(systems: &[System], paths: Paths) -> Value {
    let mut document = Document { hidden: hidden(systems), schemas: BTreeMap::new(), paths: Map::new(), tags: Vec::new() };
    for system in systems {
        let base = if paths == Paths::Prefixed { format!("/{}", system.name) } else { String::new() };
        for service in &system.services {
            let tag = format!("{}/{}", system.name, service.name);
            document.tags.push(json!({"name": tag}));
            for operation in &service.operations {
                document.add(system.name, &tag, &base, operation);
            }
        }
    }
    let alone = systems.first().filter(|_| paths == Paths::Bare).map(|system| format!("/{}", system.name));
    document.add_common(alone.is_some());
    let mut servers = vec![json!({"url": "/", "description": "This installation"})];
    servers.extend(alone.map(|url| json!({"url": url, "description": "The same, by the name of the system"})));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Yeyak · 예약", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": servers,
        "security": [{}, {"bearer": []}],
        "tags": document.tags,
        "paths": document.paths,
        "components": {
            "schemas": document.schemas,
            "parameters": parameters(),
            "headers": headers(),
            "responses": constant_responses(),
            "securitySchemes": {"bearer": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "Needed where an installation was told `auth=required`; with `auth=open` nobody has to prove anything.",
            }},
        },
    })
}

/// The fields of each row that some route hides from those whom they do not concern: there they are null.
fn hidden(systems: &[System]) -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut hidden: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for operation in systems.iter().flat_map(|system| &system.services).flat_map(|service| &service.operations) {
        let fields: Vec<_> = match operation.who {
            Who::EachTheirOwn(own) => own.fields().collect(),
            Who::PersonIn(field) => vec![field],
            Who::Anyone | Who::Operator | Who::Administrator => Vec::new(),
        };
        hidden.entry((operation.declaration.row.name)().into_owned()).or_default().extend(fields);
    }
    hidden
}

struct Document {
    hidden: BTreeMap<String, BTreeSet<&'static str>>,
    schemas: BTreeMap<String, Value>,
    paths: Map<String, Value>,
    tags: Vec<Value>,
}

impl Document {
    fn add(&mut self, system: &str, tag: &str, base: &str, operation: &Operation) {
        let declaration = &operation.declaration;
        let row = self.row(&declaration.row);
        let collection = operation.path.split('/').nth(1).unwrap_or_default();
        let (id, summary) = title(declaration.kind, collection, declaration.row.item);
        let id = match (declaration.kind, operation.path.split_once("{id}/")) {
            // What can be done with an item besides is named as its path is.
            (Kind::Edit | Kind::Change, Some((_, act))) => act_on(act, collection),
            _ => id,
        };
        let mut responses = self.answers(operation, &row, &links(system, collection));
        responses.extend(refusals(operation.codes()));
        let mut shown = json!({
            "operationId": format!("{system}_{id}"), "tags": [tag], "summary": declaration.summary.map_or(summary, str::to_owned),
            "description": who(operation.who), "x-yeyak-who": operation.who.to_string(),
        });
        let mut parameters = Vec::new();
        if operation.path.contains("{id}") {
            parameters.push(json!({"$ref": "#/components/parameters/id"}));
        }
        match &declaration.asked {
            Asked::Nothing => {}
            Asked::Body(fields) => shown["requestBody"] = self.body(fields, &row),
            Asked::Listing(filters, fields) => parameters.extend(listing(&filters(), fields())),
            Asked::Filters(filters, fields) => parameters.extend(filtering(&filters(), fields())),
            Asked::Parameters(fields) => parameters.extend(fields().into_iter().map(FieldSchema::into_parameter)),
            Asked::Stretch => parameters.extend(["after", "size"].map(|name| json!({"$ref": format!("#/components/parameters/{name}")}))),
        }
        let headers: &[&str] = match declaration.kind {
            Kind::List | Kind::Show | Kind::History => &["If-None-Match", "Yeyak-Wait-For"],
            Kind::Follow => &["Last-Event-ID", "Yeyak-Wait-For"],
            Kind::Create { .. } => &["Idempotency-Key", "Prefer"],
            Kind::Edit | Kind::Change => &["Idempotency-Key", "If-Match", "Prefer"],
        };
        parameters.extend(headers.iter().map(|name| json!({"$ref": format!("#/components/parameters/{name}")})));
        if !parameters.is_empty() {
            shown["parameters"] = parameters.into();
        }
        shown["responses"] = responses.into_iter().collect::<Map<_, _>>().into();
        let path = self.paths.entry(format!("{base}{}", operation.path)).or_insert_with(|| json!({}));
        path[operation.method.to_lowercase()] = shown;
    }

    /// What needs no system: what an operator asks, and the contract itself. Those have one place only.
    fn add_common(&mut self, elsewhere: bool) {
        for (name, schema) in super::common::schemas() {
            self.part(name.into(), schema);
        }
        for (name, schema) in super::common::types() {
            self.part(name, schema);
        }
        self.tags.extend(super::common::tags());
        for (path, mut operations) in super::common::paths() {
            if elsewhere {
                operations["servers"] = json!([{"url": "/"}]);
            }
            self.paths.insert(path.into(), operations);
        }
    }

    /// Takes in the schema of a row with all its parts, and says its name.
    fn row(&mut self, row: &Row) -> String {
        let name = (row.name)().into_owned();
        if self.schemas.contains_key(&name) {
            return name;
        }
        let mut parts = Vec::new();
        (row.parts)(&mut parts);
        for (part, schema) in parts {
            self.part(part, serde_json::to_value(schema).unwrap_or_default());
        }
        let mut schema = serde_json::to_value((row.schema)()).unwrap_or_default();
        let hidden = self.hidden.get(&name).cloned().unwrap_or_default();
        if let Some(properties) = schema["properties"].as_object_mut() {
            for (_, property) in properties.iter_mut().filter(|(field, _)| hidden.contains(field.as_str())) {
                nullable(property);
            }
            let links = ["self", row.item, "history"];
            properties.insert(
                "_links".into(),
                json!({
                    "type": "object", "required": links, "additionalProperties": {"$ref": "#/components/schemas/Link"},
                    "description": "Where it stands, and what can be done with it now.",
                }),
            );
            // Every field is there, null when it is unset.
            schema["required"] = properties.keys().cloned().collect::<Vec<_>>().into();
        }
        self.part(name.clone(), schema);
        name
    }

    /// Takes in a schema. Two things of one name would be two schemas of one name: one of them wants another, `#[schema(as = …)]`.
    fn part(&mut self, name: String, schema: Value) {
        let known = self.schemas.entry(name).or_insert_with_key(|_| schema.clone());
        debug_assert_eq!(*known, schema, "two schemas have one name");
    }

    fn body(&self, fields: &Fields, row: &str) -> Value {
        // A field that is sent and shown again means the same in both.
        body_of(fields(), |name| self.schemas.get(row)?["properties"].get(name)?["description"].as_str())
    }

    fn answers(&mut self, operation: &Operation, row: &str, links: &Value) -> BTreeMap<String, Value> {
        let item = json!({"$ref": format!("#/components/schemas/{row}")});
        let hal = |description: &str, schema: &Value| json!({"description": description, "content": {"application/hal+json": {"schema": schema}}});
        let with = |mut answer: Value, headers: &[&str]| {
            let of = |name: &&str| ((*name).to_owned(), json!({"$ref": format!("#/components/headers/{name}")}));
            answer["headers"] = headers.iter().chain(&["X-Request-Id"]).map(of).collect::<Map<_, _>>().into();
            answer
        };
        let collection = operation.declaration.row.collection;
        let answer = |status: u16| match (operation.declaration.kind, status) {
            (Kind::List | Kind::Show | Kind::History, 304) => with(json!({"description": "It is still as the tag says."}), &["ETag"]),
            (Kind::List, _) => {
                let name = format!("{row}Page");
                let rows =
                    json!({"type": "object", "required": [collection], "properties": {collection: {"type": "array", "items": item}}});
                self.part(name.clone(), page(&rows));
                with(hal("A page of them.", &json!({"$ref": format!("#/components/schemas/{name}")})), &["ETag", "yeyak-stale"])
            }
            (Kind::Show, _) => with(hal("It.", &item), &["ETag", "yeyak-stale"]),
            (Kind::History, _) => with(hal("What happened to it, in order.", &json!({"$ref": "#/components/schemas/History"})), &["ETag"]),
            (Kind::Follow, _) => with(
                json!({
                    "description": "Rows as they change: `row` with one as it is now, `removed` with the `id` of one that is gone or matches no longer, \
                        `current` when all that stood was told, `reset` when everything is told anew. The last `id` is what to come back with.",
                    "content": {"text/event-stream": {"schema": {"type": "string"}}},
                }),
                &[],
            ),
            (Kind::Create { .. }, 201) => {
                let mut answer = with(hal("It is made.", &item), &["Location", "ETag", "Yeyak-Position", "Preference-Applied"]);
                answer["links"] = links.clone();
                answer
            }
            (Kind::Create { .. }, 204) => {
                let stood = json!({"description": "It stood already; `Content-Location` says where."});
                with(stood, &["Content-Location", "ETag", "Yeyak-Position", "Preference-Applied"])
            }
            (Kind::Create { .. }, _) => {
                with(hal("It stood already, and nothing was changed.", &item), &["Content-Location", "ETag", "Yeyak-Position"])
            }
            (Kind::Edit, 204) => with(
                json!({"description": "It is done; `Content-Location` says where it stands."}),
                &["Content-Location", "ETag", "Yeyak-Position", "Preference-Applied"],
            ),
            (Kind::Edit, _) => with(hal("It, as it is now.", &item), &["Content-Location", "ETag", "Yeyak-Position"]),
            (Kind::Change, _) => with(json!({"description": "It is done."}), &["Yeyak-Position", "Preference-Applied"]),
        };
        operation.statuses().iter().map(|status| status.to_string()).zip(operation.statuses().iter().copied().map(answer)).collect()
    }
}

/// Where one goes from a row that was just made.
fn links(system: &str, collection: &str) -> Value {
    let to = |kind| {
        let (id, _) = title(kind, collection, collection);
        json!({"operationId": format!("{system}_{id}"), "parameters": {"id": "$response.body#/id"}})
    };
    json!({"show": to(Kind::Show), "history": to(Kind::History)})
}

/// What an act on an item is called in programs: `noShowReservations` of `no-show`.
pub(super) fn act_on(act: &str, collection: &str) -> String {
    let words = act.split('-').chain([collection]).enumerate();
    words.map(|(place, word)| if place == 0 { word.to_owned() } else { word[..1].to_uppercase() + &word[1..] }).collect()
}

/// What an operation is called in programs, and by people.
fn title(kind: Kind, collection: &str, item: &str) -> (String, String) {
    let capital = |name: &str| name[..1].to_uppercase() + &name[1..];
    let (all, one) = (capital(collection), capital(item));
    match kind {
        Kind::List => (format!("list{all}"), format!("List {collection}")),
        Kind::Show => (format!("show{all}"), format!("Show a {item}")),
        Kind::History => (format!("history{all}"), format!("Show what happened to a {item}")),
        Kind::Follow => (format!("follow{all}"), format!("Follow {collection} as they change")),
        Kind::Create { .. } => (format!("create{all}"), format!("Make a {one}")),
        Kind::Edit => (format!("change{all}"), format!("Change a {one}")),
        Kind::Change => (format!("delete{all}"), format!("End a {one}")),
    }
}

/// Who may, in a sentence.
fn who(who: Who) -> String {
    match who {
        Who::Anyone => "For everyone.".into(),
        Who::EachTheirOwn(own) => {
            let fields: Vec<_> = own.fields().map(|field| format!("`{field}`")).collect();
            format!("For everyone. People see {} of themselves alone: of others it is null.", fields.join(" and "))
        }
        Who::PersonIn(field) => format!(
            "People act for themselves: `{field}` names nobody else and, with a token, may be left out. Administrators act for everyone."
        ),
        Who::Operator => "For operators and administrators.".into(),
        Who::Administrator => "For administrators.".into(),
    }
}

/// The parameters of a collection.
fn listing(filters: &[Field], extras: Vec<FieldSchema>) -> Vec<Value> {
    let mut names = vec!["id"];
    names.extend(filters.iter().map(|field| field.name).filter(|name| *name != "id"));
    let by = names.join("|");
    let sort = json!({"type": "string", "pattern": format!("^({by})(,(asc|desc))?$")});
    let count = extras.len();
    let mut parameters = filtering(filters, extras);
    let paging = [
        json!({"$ref": "#/components/parameters/page"}),
        json!({"$ref": "#/components/parameters/size"}),
        query("sort", "By which field, and in which direction.", sort),
    ];
    parameters.splice(count..count, paging);
    parameters
}

fn query(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": Schema::from(schema).or_blank().into_json()})
}

/// Parameters of a collection's own and its filters, but for those whose names mean something else.
fn filtering(filters: &[Field], extras: Vec<FieldSchema>) -> Vec<Value> {
    let own: Vec<_> = extras.iter().map(|field| field.name).collect();
    let filters = [Field::integer("id")].into_iter().chain(filters.iter().copied().filter(|field| field.name != "id"));
    let mut parameters: Vec<_> = extras.into_iter().map(FieldSchema::into_parameter).collect();
    for field in filters.filter(|field| !own.contains(&field.name)) {
        let schema = match field.kind {
            FieldKind::Integer => json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX}),
            FieldKind::Text => json!({"type": "string", "maxLength": crate::fields::LONGEST_TEXT, "pattern": super::schema::ONE_LINE}),
            FieldKind::Instant => json!({"type": "string", "format": "date-time"}),
        };
        parameters.push(query(field.name, &format!("Only those whose `{}` is this.", field.name), schema));
    }
    parameters
}

/// A position, as `Yeyak-Wait-For` takes it: a service, an epoch, a shard and a number.
const POSITION: &str = r"[A-Za-z][A-Za-z0-9-]*:[1-9][0-9]{0,8}\.([0-9]|1[0-5])\.[1-9][0-9]{0,17}";

/// The parameters that several operations have.
fn parameters() -> Value {
    let number = |name: &str, least: u64, most: u64, description: &str| {
        let schema = Schema::from(json!({"type": "integer", "minimum": least, "maximum": most})).or_blank().into_json();
        json!({"name": name, "in": "query", "description": description, "schema": schema})
    };
    json!({
        "id": {"name": "id", "in": "path", "required": true, "description": "Its number.",
            "schema": {"type": "integer", "minimum": 1, "maximum": i64::MAX}},
        "page": number("page", 0, FURTHEST_ROW, &format!("Which page, from 0. It begins within the first {FURTHEST_ROW} rows.")),
        "size": number("size", 1, LARGEST_PAGE, "How many at most; 20 when it is not said."),
        "after": number("after", 1, i64::MAX.unsigned_abs(), "Only what stands behind this position."),
        "Idempotency-Key": {"name": "Idempotency-Key", "in": "header",
            "description": "Makes the request happen once, however often it is sent with this key within a day.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}},
        "If-None-Match": {"name": "If-None-Match", "in": "header", "description": "Tags of answers that are known: 304 if it is still one of them.",
            "schema": {"type": "string"}},
        "If-Match": {"name": "If-Match", "in": "header", "description": "The tag with which the row was shown: only if it is still so.",
            "schema": {"type": "string"}},
        "Prefer": {"name": "Prefer", "in": "header", "description": "`return=minimal`: no body in the answer.", "schema": {"type": "string"}},
        "Yeyak-Wait-For": {"name": "Yeyak-Wait-For", "in": "header",
            "description": format!("The `Yeyak-Position` of a write, or up to {MOST} of them with commas between. The read waits until what it shows has followed it, for up to two \
                seconds unless the installation says otherwise; [`not-caught-up`](/errors/not-caught-up) tells that it has not. Only services whose events the read's own service \
                follows itself can be waited for, and that service: [`not-a-source`](/errors/not-a-source) tells that it follows another one through a third, or not at all. What a \
                service has published can be read there at once, so a position of its own that lies ahead is not waited for: it is not caught up with."),
            "schema": {"type": "string", "pattern": format!("^{POSITION}( *, *{POSITION}){{0,{}}}$", MOST - 1), "examples": ["reserve:1.3.42"]}},
        "Last-Event-ID": {"name": "Last-Event-ID", "in": "header", "description": "The `id` of the last event that was heard: only what changed since is told.",
            "schema": {"type": "string"}},
    })
}

/// The headers that answers have.
fn headers() -> Value {
    json!({
        "ETag": {"description": "Changes whenever the answer does. Each coding of an answer has its own; any of them is good for `If-Match`.", "schema": {"type": "string"}},
        "Yeyak-Position": {"description": "Where it stands in what services publish: `service:epoch.shard.seq`, with commas between several. A read that sends \
            it as `Yeyak-Wait-For` shows what followed from it, where its service follows this one itself.", "schema": {"type": "string"}},
        "Content-Location": {"description": "Where it stands.", "schema": {"type": "string", "format": "uri-reference"}},
        "Preference-Applied": {"description": "That `Prefer` was heeded.", "schema": {"const": "return=minimal"}},
        "X-Request-Id": {"description": "What the request is known by, in the log and as the story it begins.", "schema": {"type": "string"}},
        "Location": {"description": "Where it stands.", "required": true, "schema": {"type": "string", "format": "uri-reference"}},
        "Retry-After": {"description": "In how many seconds to try again.", "schema": {"type": "integer", "minimum": 1}},
        "WWW-Authenticate": {"description": "That a bearer token is wanted.", "required": true, "schema": {"type": "string"}},
        "Allow": {"description": "The methods that there are here.", "schema": {"type": "string"}},
        "yeyak-stale": {"description": "The view is being built anew; what is shown is its last state before.", "schema": {"const": "true"}},
    })
}

/// A page of a collection.
fn page(rows: &Value) -> Value {
    let link = json!({"$ref": "#/components/schemas/Link"});
    json!({
        "type": "object", "required": ["_embedded", "_links", "page"],
        "properties": {
            "_embedded": rows,
            "_links": {
                "type": "object", "required": ["self", "first"],
                "properties": {"self": link, "first": link, "prev": link, "next": link, "last": link},
            },
            "page": {"$ref": "#/components/schemas/Page"},
        },
    })
}

/// Groups codes by their status. What stands in every contract with the same codes stands once, among the components.
pub(super) fn refusals(codes: Vec<&'static str>) -> BTreeMap<String, Value> {
    let codes: BTreeSet<_> = codes.into_iter().collect();
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for code in codes {
        let page = problems::find(code);
        debug_assert!(page.is_some(), "docs/errors/{code}.md is missing");
        by_status.entry(page.map_or(500, |page| page.status)).or_default().push(code);
    }
    by_status
        .into_iter()
        .map(|(status, codes)| {
            let constant = CONSTANT.iter().find(|(_, constant)| *constant == codes);
            let shown =
                constant.map_or_else(|| refusal(status, &codes), |(name, _)| json!({"$ref": format!("#/components/responses/{name}")}));
            (status.to_string(), shown)
        })
        .collect()
}

/// The refusals that nearly every operation has, by name.
const CONSTANT: &[(&str, &[&str])] = &[
    ("Unauthorized", &["token-expired", "token-invalid", "token-missing"]),
    ("TooLarge", &["body-too-large"]),
    ("TooSlow", &["body-too-slow"]),
    ("UriTooLong", &["uri-too-long"]),
    ("NotFound", &["not-found"]),
    ("Fault", &["internal"]),
    ("Unavailable", &["overloaded", "service-unavailable"]),
    ("UnavailableOrUnknown", &["outcome-unknown", "overloaded", "service-unavailable"]),
];

fn constant_responses() -> Map<String, Value> {
    let shown = |(name, codes): &(&str, &[&str])| {
        let status = codes.first().and_then(|code| problems::find(code)).map_or(500, |page| page.status);
        ((*name).to_owned(), refusal(status, codes))
    };
    CONSTANT.iter().map(shown).collect()
}

fn refusal(status: u16, codes: &[&str]) -> Value {
    let problem = Problem::new(StatusCode::from_u16(status).unwrap_or_default(), "", "");
    let title = problem.title();
    let said = codes.iter().map(|code| {
        let title = problems::find(code).map_or("", |page| page.title);
        format!("* [`{code}`](/errors/{code}): {title}")
    });
    let mut shown = json!({
        "description": format!("{title}\n\n{}", said.collect::<Vec<_>>().join("\n")),
        "content": {"application/problem+json": {"schema": {
            "allOf": [{"$ref": "#/components/schemas/Problem"}],
            "properties": {"status": {"const": status}, "code": {"enum": codes}},
        }}},
    });
    let header = match status {
        401 => Some("WWW-Authenticate"),
        405 => Some("Allow"),
        409 if codes.contains(&"request-in-progress") => Some("Retry-After"),
        503 => Some("Retry-After"),
        _ => None,
    };
    for header in header.into_iter().chain(["X-Request-Id"]) {
        shown["headers"][header] = json!({"$ref": format!("#/components/headers/{header}")});
    }
    shown
}

/// A property that may be null as well.
fn nullable(property: &mut Value) {
    let null = json!({"type": "null"});
    if property.get("$ref").is_some() {
        let description = property.get("description").cloned();
        let mut reference = property.take();
        if let Some(members) = reference.as_object_mut() {
            members.shift_remove("description");
        }
        *property = json!({"oneOf": [{"type": "null"}, reference]});
        if let Some(description) = description {
            property["description"] = description;
        }
    } else if let Some(kind) = property.get_mut("type") {
        match kind {
            Value::Array(kinds) if kinds.contains(&"null".into()) => {}
            Value::Array(kinds) => kinds.push("null".into()),
            one => *one = json!([one.take(), "null"]),
        }
    } else if let Some(forms) = property.get_mut("oneOf").and_then(Value::as_array_mut).filter(|forms| !forms.contains(&null)) {
        forms.push(null);
    }
}

/// The body that these fields make, with what is known of them otherwise. One that requires none of them may be left out.
pub(super) fn body_of<'a>(fields: Vec<FieldSchema>, about: impl Fn(&str) -> Option<&'a str>) -> Value {
    let required: Vec<_> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let needed = !required.is_empty();
    let property = |field: FieldSchema| {
        let about = about(field.name);
        (field.name.to_owned(), field.into_property(about))
    };
    let properties: Map<_, _> = fields.into_iter().map(property).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if needed {
        schema["required"] = json!(required);
    }
    json!({"required": needed, "content": {"application/json": {"schema": schema}}})
}
