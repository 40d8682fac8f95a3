//! The documents of a small system, and what keeps them from drifting from what is read and answered.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::{HeaderName, Request, StatusCode, header};
use axum::response::IntoResponse;
use http_body_util::BodyExt;
use jiff::civil::Date;
use kernel::{Field, Resource};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tower::ServiceExt as _;
use utoipa::ToSchema;

use super::openapi::Paths;
use super::*;
use crate::auth::{Own, Who};
use crate::incoming::{Incoming, Reply};
use crate::{Problem, Routes, Spec, optional, required};

/// A table that is kept for someone.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Table)]
struct TableRow {
    /// Its number.
    id: u64,
    /// Whose it is.
    guest_id: String,
    /// How many sit there.
    seats: Option<u32>,
}

impl Resource for TableRow {
    const COLLECTION: &'static str = "tables";
    const ITEM: &'static str = "table";
    const FIELDS: &'static [Field] = &[Field::text("guestId"), Field::instant("since")];

    fn id(&self) -> u64 {
        self.id
    }
}

fn wanted() -> impl Spec<Output = (String, Option<u32>)> {
    (required::<String>("guestId"), optional::<u32>("seats").within(1..=12))
}

fn day() -> impl Spec<Output = Option<Date>> {
    optional::<Date>("date")
}

fn routes() -> Routes {
    let take = async |incoming: Incoming, (_, _): (String, Option<u32>)| -> Reply { Err(Problem::unavailable(incoming.query())) };
    let leave = async |_: Incoming, ()| -> Reply { Ok(StatusCode::NO_CONTENT.into_response()) };
    let move_over = async |incoming: Incoming, (_, _): (String, Option<u32>)| incoming.show::<TableRow>().await;
    let list = async |incoming: Incoming, (query, _): (store::Query, Option<Date>)| incoming.list::<TableRow>(&query).await;
    let takes = creates::<TableRow, _, _>("Take a table", wanted).refuses(&["slot-taken"]).or_stands();
    Routes::new()
        .resource::<TableRow>(Who::EachTheirOwn(Own::named_by(&["guestId"])))
        .post("/tables", Who::PersonIn("guestId"), takes, take)
        .patch("/tables/{id}", Who::PersonIn("guestId"), edits::<TableRow, _, _>("Ask for another table", wanted), move_over)
        .delete("/tables/{id}", Who::Administrator, changes::<TableRow>("Give a table back"), leave)
        .get("/evenings", Who::Anyone, lists::<TableRow>().with(day), list)
}

fn systems() -> Vec<System> {
    let services = vec![Service { name: "table", operations: routes().operations(), events: Vec::new() }];
    vec![System { name: "inn", services }]
}

fn document(paths: Paths) -> Value {
    openapi::document(&systems(), paths)
}

#[test]
fn a_body_is_described_as_it_is_read() {
    let document = document(Paths::Prefixed);
    let schema = &document["paths"]["/inn/tables"]["post"]["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(schema["required"], json!(["guestId"]));
    assert_eq!(schema["properties"]["guestId"]["description"], "Whose it is.", "what the row says of a field of that name");
    let [seats, absent] = schema["properties"]["seats"]["anyOf"].as_array().unwrap().as_slice() else { panic!("{schema}") };
    assert_eq!((&seats["type"], &absent["$ref"]), (&json!(["integer", "string"]), &json!("#/components/schemas/Absent")));
    assert_eq!((&seats["minimum"], &seats["maximum"], &seats["pattern"]), (&json!(1), &json!(12), &json!("^([1-9]|1[0-2])$")));
}

#[test]
fn a_row_has_all_its_fields_and_hides_what_is_others() {
    let row = &document(Paths::Prefixed)["components"]["schemas"]["Table"];
    assert_eq!(row["required"], json!(["guestId", "id", "seats", "_links"]));
    assert_eq!(row["properties"]["guestId"]["type"], json!(["string", "null"]));
}

#[test]
fn an_act_on_an_item_is_named_as_its_path_is() {
    assert_eq!(openapi::act_on("payment", "reservations"), "paymentReservations");
    assert_eq!(openapi::act_on("no-show", "reservations"), "noShowReservations");
}

#[test]
fn each_answer_and_each_refusal_is_named() {
    let document = document(Paths::Prefixed);
    let statuses = |path: &str, method: &str| {
        let responses = document["paths"][path][method]["responses"].as_object().unwrap();
        responses.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(statuses("/inn/tables", "post"), "200 201 204 400 401 403 408 409 412 413 414 422 500 503");
    assert_eq!(statuses("/inn/tables/{id}", "patch"), "200 204 400 401 403 404 408 409 412 413 414 422 500 503");
    assert_eq!(statuses("/inn/tables/{id}", "delete"), "204 400 401 403 404 408 409 412 413 414 422 500 503");
    assert_eq!(statuses("/inn/evenings", "get"), "200 304 401 408 410 412 413 414 422 500 503");
    let codes = &document["paths"]["/inn/tables"]["post"]["responses"]["409"]["content"]["application/problem+json"]["schema"]["properties"]
        ["code"];
    assert!(codes["enum"].as_array().unwrap().contains(&json!("slot-taken")));
    let made = &document["paths"]["/inn/tables"]["post"]["responses"]["201"]["headers"];
    assert_eq!(made["Location"]["$ref"], "#/components/headers/Location");
}

#[test]
fn parameters_are_those_that_are_taken() {
    let document = document(Paths::Prefixed);
    let names = |path: &str, method: &str| {
        let parameters = document["paths"][path][method]["parameters"].as_array().cloned().unwrap_or_default();
        let name = |parameter: &Value| {
            let named = parameter.get("name").or(parameter.get("$ref")).and_then(Value::as_str).unwrap_or_default();
            named.rsplit('/').next().unwrap_or_default().to_owned()
        };
        parameters.iter().map(name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("/inn/tables", "get"), "page size sort id guestId since If-None-Match Yeyak-Wait-For");
    assert_eq!(names("/inn/evenings", "get"), "date page size sort id guestId since If-None-Match Yeyak-Wait-For");
    assert_eq!(names("/inn/tables/{id}/history", "get"), "id after size If-None-Match Yeyak-Wait-For");
    assert_eq!(names("/inn/tables", "post"), "Idempotency-Key Prefer");
    assert_eq!(names("/inn/tables/{id}", "patch"), "id Idempotency-Key If-Match Prefer");
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(part: &Value, found: &mut Vec<String>) {
        match part {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|part| references(part, found));
            }
            Value::Array(parts) => parts.iter().for_each(|part| references(part, found)),
            _ => {}
        }
    }
    for paths in [Paths::Prefixed, Paths::Bare, Paths::Unnamed] {
        let document = document(paths);
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
        }
    }
}

#[test]
fn paths_stand_where_they_are_served() {
    let (prefixed, bare, unnamed) = (document(Paths::Prefixed), document(Paths::Bare), document(Paths::Unnamed));
    assert!(prefixed["paths"].get("/inn/tables").is_some() && prefixed["paths"].get("/tables").is_none());
    assert_eq!(prefixed["servers"].as_array().unwrap().len(), 1);
    assert!(bare["paths"].get("/tables").is_some());
    assert_eq!(bare["servers"][1]["url"], "/inn");
    assert_eq!(bare["paths"]["/actuator/health"]["servers"], json!([{"url": "/"}]), "an operator's path has no name before it");
    assert_eq!(unnamed["servers"].as_array().unwrap().len(), 1);
    for document in [prefixed, bare, unnamed] {
        assert!(document["paths"].get("/actuator/health").is_some() && document["paths"].get("/errors/{code}").is_some());
    }
}

#[test]
fn what_serves_the_contract_is_in_it() {
    let document = document(Paths::Prefixed);
    for path in declared() {
        assert!(document["paths"][path].get("get").is_some(), "{path}");
    }
}

#[test]
fn operations_have_names_of_their_own() {
    let document = document(Paths::Prefixed);
    let operations = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let mut names: Vec<_> = operations.filter_map(|operation| operation["operationId"].as_str()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(names.contains(&"inn_createTables"));
}

#[test]
fn an_answer_that_no_contract_names_is_found() {
    let operations = routes().operations();
    let operation = |method: &str, path: &str| operations.iter().find(|one| one.method == method && one.path == path).unwrap();
    let takes = operation("POST", "/tables");
    let undeclared = |problem: Problem| takes.undeclared(&Err(problem));
    let status = |status: StatusCode| takes.undeclared(&Ok(status.into_response()));
    assert_eq!(status(StatusCode::CREATED), None);
    assert_eq!(status(StatusCode::OK), None);
    assert!(status(StatusCode::ACCEPTED).unwrap().contains("202"));
    assert_eq!(undeclared(Problem::new(StatusCode::CONFLICT, "slot-taken", "")), None);
    assert_eq!(undeclared(Problem::malformed()), None);
    assert!(undeclared(Problem::new(StatusCode::CONFLICT, "room-in-use", "")).unwrap().contains("room-in-use"), "another route's");
    assert!(undeclared(Problem::new(StatusCode::FORBIDDEN, "slot-taken", "")).unwrap().contains("403"), "another status");
    assert!(operation("GET", "/tables").undeclared(&Err(Problem::key_reused())).is_some());
}

#[test]
fn the_pages_for_people_show_every_operation_and_run_nothing() {
    let document = document(Paths::Bare);
    let page = page::docs(&document);
    for (path, operations) in document["paths"].as_object().unwrap() {
        assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
        assert!(operations.is_object());
    }
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"), "it works offline");
    for found in problems::all() {
        let page = page::error(found);
        assert!(page.contains(&format!("<code>{}</code>", found.code)) && page.contains("<div lang=\"ko\">"), "{}", found.code);
        assert_eq!(page.matches("<div").count(), page.matches("</div>").count());
    }
}

#[test]
fn an_event_is_a_message_of_its_feed() {
    let events = json!({
        "description": "What table publishes.",
        "oneOf": [{"description": "It is taken.", "properties": {"eventType": {"enum": ["Taken"]}, "id": {"$ref": "#/components/schemas/Id"}}}],
        "components": {"schemas": {"Id": {"type": "integer"}}},
    });
    let mut systems = systems();
    systems[0].services[0].events = vec![("table".into(), events)];
    let document = asyncapi::document(&systems);
    assert_eq!(document["channels"]["inn.table"]["address"], "inn/table");
    let message =
        document.pointer(document["channels"]["inn.table"]["messages"]["Taken"]["$ref"].as_str().unwrap().trim_start_matches('#'));
    assert_eq!(message.unwrap()["payload"]["properties"]["id"]["$ref"], "#/components/schemas/Id");
    assert_eq!(document["components"]["schemas"]["Id"]["type"], "integer");
    assert_eq!(document["operations"]["inn.table.publish"]["action"], "send");
}

#[tokio::test]
async fn a_document_that_is_known_is_not_sent_again() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let router = router(
        move || {
            count.fetch_add(1, Ordering::Relaxed);
            systems()
        },
        Paths::Bare,
    );
    let ask = async |path: &str, name: HeaderName, value: &str| {
        let request = Request::get(path).header(name, value).body(axum::body::Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap()
    };
    for path in ["/openapi.json", "/asyncapi.json", "/docs"] {
        let first = ask(path, header::IF_NONE_MATCH, "\"other\"").await;
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        let body = first.into_body().collect().await.unwrap().to_bytes();
        assert!(tag == crate::conditional::tag(&body) && body.len() > 100, "{path}");
        let again = ask(path, header::IF_NONE_MATCH, &tag).await;
        assert_eq!((again.status(), again.headers()[header::ETAG].to_str().unwrap()), (StatusCode::NOT_MODIFIED, tag.as_str()), "{path}");
        assert!(again.into_body().collect().await.unwrap().to_bytes().is_empty(), "{path}");
        assert_eq!(ask(path, header::IF_MATCH, "\"other\"").await.status(), StatusCode::PRECONDITION_FAILED, "{path}");
    }
    assert_eq!(made.load(Ordering::Relaxed), 1, "they are made once");
}
