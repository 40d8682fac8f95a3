use serde_json::json;

use super::*;

fn breaks(before: &Value, now: &Value) -> Vec<String> {
    let whole = |document: &Value| json!({"openapi": document, "asyncapi": {}});
    between(&whole(before), &whole(now)).into_iter().collect()
}

/// A document whose one operation has this besides.
fn operation(parts: Value) -> Value {
    json!({"paths": {"/a": {"post": parts}}})
}

#[track_caller]
fn check_operation(before: Value, now: Value, expected: &[&str]) {
    assert_eq!(breaks(&operation(before), &operation(now)), expected);
}

/// What a body of the first schema is to one who takes the second.
#[track_caller]
fn sent(before: Value, now: Value, expected: &[&str]) {
    let body = |schema: Value| json!({"requestBody": {"content": {"application/json": {"schema": schema}}}});
    check_operation(
        body(before),
        body(now),
        &expected.iter().map(|what| format!("POST /a body{what}")).collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>(),
    );
}

/// What an answer of the second schema is to one who expects the first.
#[track_caller]
fn read(before: Value, now: Value, expected: &[&str]) {
    let answer = |schema: Value| json!({"responses": {"200": {"content": {"application/json": {"schema": schema}}}}});
    check_operation(
        answer(before),
        answer(now),
        &expected.iter().map(|what| format!("POST /a 200{what}")).collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>(),
    );
}

#[test]
fn what_stays_breaks_nobody() {
    let document = operation(json!({"requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["a"]}}}}}));
    assert_eq!(breaks(&document, &document), Vec::<String>::new());
}

#[test]
fn paths_and_methods_stay() {
    let one = json!({"paths": {"/a": {"get": {}, "post": {}}, "/b": {"get": {}}}});
    assert_eq!(breaks(&one, &json!({"paths": {"/a": {"get": {}}}})), ["GET /b: is gone", "POST /a: is gone"]);
    assert_eq!(breaks(&json!({"paths": {}}), &one), Vec::<String>::new());
    assert_eq!(breaks(&json!({"paths": {"/a": {"servers": []}}}), &json!({"paths": {"/a": {}}})), Vec::<String>::new());
}

#[test]
fn who_may_stays() {
    check_operation(
        json!({"x-yeyak-who": "anyone"}),
        json!({"x-yeyak-who": "operator"}),
        &["POST /a: is for `operator` now, was for `anyone`"],
    );
}

#[test]
fn parameters_are_taken_as_before() {
    let with = |parameters: Value| json!({"parameters": parameters});
    let page = json!({"name": "page", "in": "query", "schema": {"type": "integer", "maximum": 100}});
    let mut narrow = page.clone();
    narrow["schema"]["maximum"] = 10.into();
    let mut required = page.clone();
    required["required"] = true.into();
    check_operation(with(json!([page])), with(json!([])), &["POST /a: query page is taken no longer"]);
    check_operation(with(json!([])), with(json!([page])), &[]);
    check_operation(with(json!([])), with(json!([required])), &["POST /a: query page is required now"]);
    check_operation(with(json!([page])), with(json!([required])), &["POST /a: query page is required now"]);
    check_operation(with(json!([page])), with(json!([narrow])), &["POST /a query page: maximum is 10 now"]);
    check_operation(with(json!([narrow])), with(json!([page])), &[]);
    // A parameter of that name elsewhere is another one.
    let header = json!({"name": "page", "in": "header", "schema": {}});
    check_operation(with(json!([page])), with(json!([header])), &["POST /a: query page is taken no longer"]);
}

#[test]
fn parameters_are_found_where_they_are_referred_to() {
    let document = |most: u64| {
        json!({
            "paths": {"/a": {"get": {"parameters": [{"$ref": "#/components/parameters/size"}]}}},
            "components": {"parameters": {"size": {"name": "size", "in": "query", "schema": {"maximum": most}}}},
        })
    };
    assert_eq!(breaks(&document(10), &document(5)), ["GET /a query size: maximum is 5 now"]);
}

#[test]
fn bodies_are_read_as_before() {
    let body = |required: bool| json!({"requestBody": {"required": required, "content": {"application/json": {"schema": {}}}}});
    check_operation(json!({}), body(true), &["POST /a: a body is required now"]);
    check_operation(json!({}), body(false), &[]);
    check_operation(body(false), body(true), &["POST /a: a body is required now"]);
    check_operation(body(false), json!({}), &["POST /a: a body is read no longer"]);
    let media = json!({"requestBody": {"content": {"application/xml": {"schema": {}}}}});
    check_operation(media, body(false), &["POST /a body: application/xml is gone"]);
}

#[test]
fn fields_that_are_sent_are_read_and_no_more_are_wanted() {
    let object = |fields: Value, required: Value| json!({"type": "object", "properties": fields, "required": required});
    let (a, ab) = (json!({"a": {}}), json!({"a": {}, "b": {}}));
    sent(object(ab.clone(), json!([])), object(a.clone(), json!([])), &[".b: is gone"]);
    sent(object(a.clone(), json!([])), object(ab.clone(), json!([])), &[]);
    sent(object(a.clone(), json!([])), object(ab.clone(), json!(["b"])), &[".b: is required now"]);
    sent(object(ab.clone(), json!(["b"])), object(ab, json!([])), &[]);
    sent(json!({"type": "object"}), json!({"type": "object", "additionalProperties": false}), &[": no longer takes other fields"]);
}

#[test]
fn values_that_are_sent_are_taken_as_before() {
    sent(json!({"type": ["integer", "string"]}), json!({"type": "integer"}), &[": no longer takes string"]);
    sent(json!({"type": "integer"}), json!({"type": ["integer", "string"]}), &[]);
    sent(json!({"type": "integer"}), json!({"type": "number"}), &[]);
    sent(json!({"type": "number"}), json!({"type": "integer"}), &[": no longer takes number"]);
    sent(json!({}), json!({"type": "integer"}), &[": no longer takes anything"]);
    sent(json!({"enum": ["a", "b"]}), json!({"enum": ["a"]}), &[": the value \"b\" is gone"]);
    sent(json!({"enum": ["a"]}), json!({"enum": ["a", "b"]}), &[]);
    sent(json!({"type": "string"}), json!({"type": "string", "enum": ["a"]}), &[": takes certain values only"]);
    sent(json!({"maxLength": 40}), json!({"maxLength": 20}), &[": maxLength is 20 now"]);
    sent(json!({"maxLength": 20}), json!({"maxLength": 40}), &[]);
    sent(json!({"maxLength": 20}), json!({}), &[]);
    sent(json!({}), json!({"minLength": 1}), &[": minLength is 1 now"]);
    sent(json!({"minimum": 1}), json!({"minimum": 2}), &[": minimum is 2 now"]);
    sent(json!({"minimum": 2}), json!({"minimum": 1}), &[]);
    sent(json!({"pattern": "a"}), json!({"pattern": "b"}), &[": pattern is \"b\" now"]);
    sent(json!({"pattern": "a"}), json!({}), &[]);
    sent(json!({}), json!({"format": "date"}), &[": format is \"date\" now"]);
    sent(json!({"items": {"maximum": 2}}), json!({"items": {"maximum": 1}}), &["[]: maximum is 1 now"]);
}

#[test]
fn answers_stay() {
    let answers = |statuses: Value| json!({"responses": statuses});
    check_operation(answers(json!({"200": {}, "201": {}})), answers(json!({"200": {}})), &["POST /a 201: is answered no longer"]);
    check_operation(answers(json!({"200": {}})), answers(json!({"200": {}, "304": {}})), &[]);
    let header = json!({"200": {"headers": {"Location": {}}}});
    check_operation(answers(header.clone()), answers(json!({"200": {}})), &["POST /a 200: the header Location is gone"]);
    check_operation(answers(json!({"200": {}})), answers(header), &[]);
    let media = json!({"200": {"content": {"text/html": {"schema": {}}}}});
    check_operation(answers(media), answers(json!({"200": {}})), &["POST /a 200: text/html is gone"]);
}

#[test]
fn what_is_read_is_there_and_is_what_it_was() {
    let object = |fields: Value, required: Value| json!({"type": "object", "properties": fields, "required": required});
    let (a, ab) = (json!({"a": {}}), json!({"a": {}, "b": {}}));
    read(object(ab.clone(), json!([])), object(a.clone(), json!([])), &[".b: is gone"]);
    read(object(a.clone(), json!([])), object(ab.clone(), json!(["b"])), &[]);
    read(object(a.clone(), json!(["a"])), object(a, json!([])), &[".a: is not always there now"]);
    read(json!({"type": "string"}), json!({"type": ["string", "null"]}), &[": can be null now"]);
    read(json!({"type": ["string", "null"]}), json!({"type": "string"}), &[]);
    read(json!({"type": "integer"}), json!({"type": "string"}), &[": can be string now"]);
    read(json!({"type": "number"}), json!({"type": "integer"}), &[]);
    read(json!({"type": "integer"}), json!({}), &[": can be anything now"]);
    read(json!({"enum": ["a", "b"]}), json!({"enum": ["a"]}), &[": the value \"b\" is gone"]);
    read(json!({"enum": ["a"]}), json!({"enum": ["a", "b"]}), &[]);
    read(json!({"const": "a"}), json!({"const": "b"}), &[": the value \"a\" is gone"]);
    read(json!({"enum": ["a"]}), json!({"type": "string"}), &[": can be any value now"]);
    read(json!({"format": "date"}), json!({"format": "date-time"}), &[": is no \"date\" now"]);
    read(json!({"maximum": 5}), json!({"maximum": 9}), &[]);
    read(json!({"additionalProperties": {"type": "string"}}), json!({"additionalProperties": {"type": "null"}}), &[".*: can be null now"]);
    read(json!({"allOf": [{"type": "string"}]}), json!({"allOf": [{"type": "null"}]}), &[": can be null now"]);
}

#[test]
fn alternatives_are_matched_by_what_they_take() {
    let (text, number, nothing) = (json!({"type": "string"}), json!({"type": "integer"}), json!({"type": "null"}));
    sent(json!({"anyOf": [text, number]}), json!({"anyOf": [number, text, nothing]}), &[]);
    sent(json!({"anyOf": [text, number]}), json!({"anyOf": [text]}), &[": no longer takes what was \"integer\""]);
    sent(text.clone(), json!({"anyOf": [text, nothing]}), &[]);
    sent(json!({"anyOf": [text, nothing]}), text.clone(), &[": no longer takes what was \"null\""]);
    read(json!({"oneOf": [text, nothing]}), json!({"oneOf": [nothing, text]}), &[]);
    read(text.clone(), json!({"oneOf": [text, nothing]}), &[": can be, as it could not, \"null\""]);
    read(json!({"oneOf": [text, nothing]}), text, &[]);
    let page = |most: u64| json!({"anyOf": [{"type": "integer", "maximum": most}, {"type": "string"}]});
    sent(page(9), page(5), &[": maximum is 5 now"]);
    sent(page(5), page(9), &[]);
    let item = |kind: &str| json!({"oneOf": [{"type": "object", "properties": {"id": {"type": kind}}}, {"type": "null"}]});
    read(item("integer"), item("string"), &[".id: can be string now"]);
}

#[test]
fn what_is_referred_to_is_compared_once_for_each_side() {
    let document = |kind: &str| {
        let schema = json!({"$ref": "#/components/schemas/Node"});
        let content = json!({"content": {"application/json": {"schema": schema}}});
        json!({
            "paths": {"/a": {"post": {"requestBody": content, "responses": {"200": content, "201": content}}}},
            "components": {"schemas": {"Node": {"type": "object", "properties": {"id": {"type": kind}, "next": schema}}}},
        })
    };
    assert_eq!(
        breaks(&document("integer"), &document("string")),
        ["Node (Read).id: can be string now", "Node (Sent).id: no longer takes integer"]
    );
    assert_eq!(breaks(&document("integer"), &document("integer")), Vec::<String>::new());
}

#[test]
fn events_stay_as_they_were() {
    let document = |address: &str, messages: &[&str], kind: &str| {
        let message = |name: &&str| ((*name).to_owned(), json!({"$ref": format!("#/components/messages/{name}")}));
        json!({
            "channels": {"s.a": {"address": address, "messages": messages.iter().map(message).collect::<Map<_, _>>()}},
            "components": {"messages": {
                "Made": {"contentType": "application/json", "payload": {"properties": {"id": {"type": kind}}}},
                "Gone": {"contentType": "application/json", "payload": {}},
            }},
        })
    };
    let check = |before: &Value, now: &Value, expected: &[&str]| {
        let whole = |document: &Value| json!({"openapi": {}, "asyncapi": document});
        assert_eq!(between(&whole(before), &whole(now)).into_iter().collect::<Vec<_>>(), expected);
    };
    let one = document("s/a", &["Made", "Gone"], "integer");
    check(&one, &one, &[]);
    check(&one, &json!({"channels": {}}), &["s.a: is gone"]);
    check(&one, &document("s/b", &["Made", "Gone"], "integer"), &["s.a: is at \"s/b\" now, was at \"s/a\""]);
    check(&one, &document("s/a", &["Made"], "integer"), &["s.a Gone: is gone"]);
    check(&document("s/a", &["Made"], "integer"), &one, &[]);
    check(&one, &document("s/a", &["Made", "Gone"], "string"), &["s.a Made.id: can be string now"]);
}
