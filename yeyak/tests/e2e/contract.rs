//! The contract of a running installation: that it is served for programs and for people, and leads from a refusal to what it means.

use serde_json::{Map, Value, json};

use crate::steered::parked;
use crate::support::{Answer, Yeyak, until};
use crate::who::Place;

#[track_caller]
fn get(yeyak: &Yeyak, path: &str, accept: &str) -> Answer {
    yeyak.api().try_send("GET", path, &[("Accept", accept)], b"").unwrap()
}

#[test]
fn programs_and_people_find_the_contract() {
    let yeyak = Yeyak::rooms(&["--samples"]);
    let openapi = get(&yeyak, "/openapi.json", "*/*").expect(200);
    assert_eq!(openapi["openapi"], "3.1.0");
    let urls: Vec<_> = openapi["servers"].as_array().unwrap().iter().map(|server| server["url"].as_str().unwrap()).collect();
    assert_eq!(urls, ["/", "/meetingroom"]);
    // Each collection is where the document says that it is, by either name.
    for path in openapi["paths"].as_object().unwrap().keys().filter(|path| !path.contains('{') && !path.starts_with("/actuator")) {
        assert_eq!(get(&yeyak, path, "*/*").status, 200, "{path}");
        if openapi["paths"][path].get("servers").is_none() {
            assert_eq!(get(&yeyak, &format!("/meetingroom{path}"), "*/*").status, 200, "{path}");
        }
    }
    let asyncapi = get(&yeyak, "/asyncapi.json", "*/*").expect(200);
    assert_eq!(
        (&asyncapi["asyncapi"], &asyncapi["channels"]["meetingroom.reserve"]["address"]),
        (&"3.0.0".into(), &"meetingroom/reserve".into())
    );

    let docs = get(&yeyak, "/docs", "text/html");
    assert_eq!((docs.status, docs.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(docs.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    assert!(String::from_utf8_lossy(&docs.body).contains("<code>/reserves/{id}</code>"));
    yeyak.stop();
}

#[test]
fn a_refusal_leads_to_its_page() {
    let yeyak = Yeyak::rooms(&["--samples"]);
    let refused = yeyak.api().get("/rooms/4711").problem(404, "not-found");
    let page = refused["type"].as_str().unwrap();
    let check = |accept: &str, kind: &str, begins: &str| {
        let answer = get(&yeyak, page, accept);
        assert_eq!((answer.status, answer.header("content-type"), answer.header("vary")), (200, Some(kind), Some("accept")));
        assert!(String::from_utf8_lossy(&answer.body).starts_with(begins), "{answer:?}");
    };
    check("*/*", "text/markdown; charset=utf-8", "# There is nothing here");
    check("text/html,*/*;q=0.8", "text/html; charset=utf-8", "<!DOCTYPE html>");
    get(&yeyak, "/errors/no-such-code", "*/*").problem(404, "not-found");
    assert!(String::from_utf8_lossy(&get(&yeyak, "/errors", "*/*").body).contains("[`slot-taken`](/errors/slot-taken)"));
    yeyak.stop();
}

#[test]
fn what_is_not_served_is_not_promised() {
    let data = tempfile::tempdir().unwrap();
    let yeyak = Yeyak::start(&["serve", "meetingroom/room", "--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap()]);
    let openapi = get(&yeyak, "/openapi.json", "*/*").expect(200);
    assert!(openapi["paths"].get("/rooms").is_some() && openapi["paths"].get("/reserves").is_none());
    let channels = get(&yeyak, "/asyncapi.json", "*/*").expect(200)["channels"].clone();
    assert_eq!(channels.as_object().unwrap().keys().collect::<Vec<_>>(), ["meetingroom.room"]);
    yeyak.stop();
}

/// A document, and what of it was needed to describe answers.
pub(crate) struct Described<'a>(pub(crate) &'a Value);

impl Described<'_> {
    /// What is wrong with a value: something that its schema does not say, or says otherwise. Members that no schema names are wrong too:
    /// nobody would know of them.
    pub(crate) fn wrong(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let (mut members, mut any) = (Map::new(), false);
        let wrong = self.within(schema, value, at, &mut members, &mut any);
        let unnamed = || value.as_object()?.keys().find(|name| !any && !members.contains_key(*name));
        wrong.or_else(|| Some(format!("{at}/{} is not described", unnamed()?)))
    }

    fn within(&self, schema: &Value, value: &Value, at: &str, members: &mut Map<String, Value>, any: &mut bool) -> Option<String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let part = self.0.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference}"));
            if let Some(wrong) = self.within(part, value, at, members, any) {
                return Some(wrong);
            }
        }
        if let Some(wrong) = array(&schema["allOf"]).iter().find_map(|part| self.within(part, value, at, members, any)) {
            return Some(wrong);
        }
        if let Some(one_of) = schema["oneOf"].as_array() {
            *any = true;
            let fitting = one_of.iter().filter(|one| self.wrong(one, value, at).is_none()).count();
            if fitting != 1 {
                return Some(format!("{at} is {value}, which fits {fitting} of {}", schema["oneOf"]));
            }
        }
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_u64() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let kinds = &schema["type"];
        if !kinds.is_null() && *kinds != kind && !array(kinds).contains(&kind.into()) {
            return Some(format!("{at} is {value}, and no {kinds}"));
        }
        if schema["enum"].as_array().is_some_and(|all| !all.contains(value)) {
            return Some(format!("{at} is {value}, and none of {}", schema["enum"]));
        }
        // What says nothing takes anything.
        *any |= schema.get("$ref").is_none() && schema.get("allOf").is_none() && kinds.is_null();
        for name in array(&schema["required"]) {
            if value.get(name.as_str().unwrap()).is_none() {
                return Some(format!("{at} has no {name}"));
            }
        }
        if let Some(items) = schema.get("items") {
            return array(value).iter().enumerate().find_map(|(number, item)| self.wrong(items, item, &format!("{at}/{number}")));
        }
        for (name, member) in value.as_object().into_iter().flatten() {
            let described = [&schema["properties"][name], &schema["additionalProperties"]].into_iter().find(|schema| schema.is_object());
            if let Some(described) = described {
                members.insert(name.clone(), Value::Null);
                if let Some(wrong) = self.wrong(described, member, &format!("{at}/{name}")) {
                    return Some(wrong);
                }
            }
        }
        None
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn operators_are_answered_as_the_contract_says() {
    let place = Place::new();
    let line = parked(&place);
    let yeyak = Yeyak::serve(&place.path("data"), &["--faults"]);
    let api = yeyak.api();
    let document = api.get("/openapi.json").expect(200);
    let described = Described(&document);
    let check = |method: &str, path: &str, body: &Value| {
        let answer = if body.is_null() { api.send(method, path, None) } else { api.send(method, path, Some(body)) };
        let template = path.split('?').next().unwrap();
        let answers = &document["paths"][template][method.to_lowercase()]["responses"][answer.status.to_string()];
        let content = &answers["content"][answer.header("content-type").unwrap()]["schema"];
        assert!(content.is_object(), "{method} {path}: {answer:?} is not described");
        assert_eq!(described.wrong(content, &answer.json(), ""), None, "{method} {path}: {answer:?}");
        answer.json()
    };
    let none = Value::Null;
    assert_eq!(check("GET", "/actuator/verify", &none)["status"], "never");
    check("POST", "/actuator/faults", &json!({"service": "meetingroom/room", "delayMs": 1}));
    check("GET", "/actuator/faults", &none);
    assert_eq!(check("POST", "/actuator/verify", &none)["begun"], true);
    let ended = |path: &str| until("it has ended", || Some(check("GET", path, &none)).filter(|job| job["status"] == "done"));
    let verified = ended("/actuator/verify");
    assert!(verified["result"]["differences"].as_array().is_some_and(|all| !all.is_empty()), "{verified}");
    check("POST", "/actuator/backup", &json!({"name": "one"}));
    assert!(ended("/actuator/backup")["result"]["manifest"]["files"].as_array().is_some_and(|files| files.len() > 1));
    for path in
        ["/actuator/health", "/actuator/health/liveness", "/actuator/health/readiness", "/actuator/services", "/actuator/projections"]
    {
        check("GET", path, &none);
    }
    assert_eq!(check("GET", "/actuator/parked", &none)["lines"][0]["line"], line);
    check("GET", &format!("/actuator/parked/events?line={line}"), &none);
    check("POST", "/actuator/parked/retry", &json!({"line": line}));
    check("POST", "/actuator/parked/discard", &json!({"line": line, "all": true, "reason": "tried"}));
    let view = json!({"projection": "meetingroom/schedule/room-slots"});
    check("POST", "/actuator/projections/retry", &view);
    check("POST", "/actuator/projections/rebuild", &view);
    check("GET", "/actuator/projections", &none);
    api.try_send("DELETE", "/reserves/1", &[("X-Request-Id", "a-story")], b"").unwrap();
    api.try_send("POST", "/rooms", &[("X-Request-Id", "a-story")], json!({"floor": "2"}).to_string().as_bytes()).unwrap().expect(201);
    let story = check("GET", "/actuator/events?correlation=a-story&size=1", &none);
    assert!(story["_links"]["next"].is_object(), "{story}");
    yeyak.terminate();
}
