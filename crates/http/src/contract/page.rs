//! The contract as pages for people: without scripts, without anything from elsewhere, readable on a phone and aloud.

use std::fmt::Write as _;

use pulldown_cmark::{Options, Parser, html};
use serde_json::{Map, Value};

use super::problems::{self, Page};

const STYLE: &str = include_str!("page.css");

/// The whole document.
pub(super) fn docs(openapi: &Value) -> String {
    let empty = Map::new();
    let tags = openapi["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    let paths = openapi["paths"].as_object().unwrap_or(&empty);
    let mut main = String::new();
    write(&mut main, format_args!("<header>{}</header>", markdown_of(text(&openapi["info"], "description"))));
    write(&mut main, format_args!("<p>{}</p>", FORMS));
    let mut contents = String::new();
    for tag in tags {
        let name = text(tag, "name");
        let anchor = name.replace('/', "-");
        write(&mut contents, format_args!("<li><a href=\"#{anchor}\">{}</a></li>", escape(name)));
        write(&mut main, format_args!("<section id=\"{anchor}\"><h2>{}</h2>{}", escape(name), described(tag)));
        for (path, operations) in paths {
            for (method, operation) in operations.as_object().unwrap_or(&empty) {
                if operation["tags"][0] == name {
                    main.push_str(&operation_of(openapi, path, method, operation));
                }
            }
        }
        main.push_str("</section>");
    }
    contents.push_str("<li><a href=\"#schemas\">Forms · 자료 형식</a></li>");
    main.push_str("<section id=\"schemas\"><h2>Forms · 자료 형식</h2>");
    for (name, schema) in openapi["components"]["schemas"].as_object().unwrap_or(&empty) {
        write(
            &mut main,
            format_args!("<article id=\"schema-{0}\"><h3>{0}</h3>{1}{2}</article>", escape(name), described(schema), form_of(schema)),
        );
    }
    main.push_str("</section>");
    let nav = format!("<nav aria-label=\"Contents · 차례\"><ul>{contents}<li><a href=\"/errors\">Refusals · 오류</a></li></ul></nav>");
    let title = format!("{} {}", text(&openapi["info"], "title"), text(&openapi["info"], "version"));
    frame(&title, &nav, &main)
}

/// From here on, a bound is one of the machine's.
const FAR: u64 = 1 << 62;

const FORMS: &str =
    "For programs · 프로그램용: <a href=\"/openapi.json\">OpenAPI 3.1</a>, events · 이벤트: <a href=\"/asyncapi.json\">AsyncAPI 3.0</a>.";

/// The list of all refusals.
pub(super) fn errors() -> String {
    frame("Refusals · 오류", BACK, &markdown_of(&errors_as_markdown()))
}

/// The same as Markdown.
pub(super) fn errors_as_markdown() -> String {
    let mut list = String::from("# Refusals · 오류\n\n| code | status | what it means · 뜻 |\n|---|---|---|\n");
    for Page { code, status, title, korean_title, .. } in problems::all() {
        write(&mut list, format_args!("| [`{code}`](/errors/{code}) | {status} | {title} · {korean_title} |\n"));
    }
    list
}

const BACK: &str = "<nav aria-label=\"Contents · 차례\"><ul><li><a href=\"/docs\">Contract · API 문서</a></li><li><a href=\"/errors\">Refusals · 오류</a></li></ul></nav>";

/// The page about a code.
pub(super) fn error(page: &Page) -> String {
    // What stands below a heading in Korean is Korean, for those who have it read to them.
    let body = markdown_of(page.text)
        .replace("<h2>한국어</h2>", "</div><div lang=\"ko\"><h2>한국어</h2>")
        .replace("<h2>Example · 예</h2>", "</div><div><h2>Example · 예</h2>");
    frame(&format!("{} · {}", page.title, page.korean_title), BACK, &format!("<div>{body}</div>"))
}

fn operation_of(openapi: &Value, path: &str, method: &str, operation: &Value) -> String {
    let mut shown = String::new();
    let method = method.to_uppercase();
    let id = escape(text(operation, "operationId"));
    write(&mut shown, format_args!("<article id=\"{id}\"><h3><code class=\"{method}\">{method}</code> <code>{}</code></h3>", escape(path)));
    write(
        &mut shown,
        format_args!("<p><strong>{}.</strong> {}</p>", escape(text(operation, "summary")), inline(text(operation, "description"))),
    );
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !parameters.is_empty() {
        shown.push_str("<details><summary>Parameters · 매개변수</summary><dl>");
        for parameter in parameters.iter().map(|parameter| resolve(openapi, parameter)) {
            let required = if parameter["required"] == true { ", required · 필수" } else { "" };
            write(
                &mut shown,
                format_args!(
                    "<dt><code>{}</code> <small>{}, {}{required}</small></dt><dd>{}</dd>",
                    escape(text(parameter, "name")),
                    escape(text(parameter, "in")),
                    kind_of(&parameter["schema"]),
                    inline(text(parameter, "description")),
                ),
            );
        }
        shown.push_str("</dl></details>");
    }
    if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
        write(&mut shown, format_args!("<details open><summary>Body · 본문</summary>{}</details>", form_of(schema)));
    }
    shown.push_str("<details><summary>Answers · 응답</summary><dl>");
    for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
        let answer = resolve(openapi, answer);
        let forms = answer["content"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(media, content)| format!("<small>{} {}</small>", escape(media), kind_of(&content["schema"])));
        let headers: Vec<_> =
            answer["headers"].as_object().into_iter().flatten().map(|(name, _)| format!("<code>{}</code>", escape(name))).collect();
        let headers = if headers.is_empty() { String::new() } else { format!("<small>with · 헤더 {}</small>", headers.join(", ")) };
        write(
            &mut shown,
            format_args!(
                "<dt>{} {} {headers}</dt><dd>{}</dd>",
                escape(status),
                forms.collect::<String>(),
                markdown_of(text(answer, "description"))
            ),
        );
    }
    shown.push_str("</dl></details></article>");
    shown
}

/// The fields of an object, or what else it is.
fn form_of(schema: &Value) -> String {
    let Some(properties) = schema["properties"].as_object() else { return format!("<p>{}</p>", kind_of(schema)) };
    let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
    let mut shown = String::from("<dl>");
    for (name, property) in properties {
        let mark = if required(name) { "" } else { ", optional · 선택" };
        write(
            &mut shown,
            format_args!(
                "<dt><code>{}</code> <small>{}{mark}</small></dt><dd>{}</dd>",
                escape(name),
                kind_of(property),
                inline(text(property, "description"))
            ),
        );
    }
    shown + "</dl>"
}

/// What a value is, in a few words.
fn kind_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return format!("<a href=\"#schema-{0}\">{0}</a>", escape(name));
    }
    if let Some(forms) = ["oneOf", "anyOf", "allOf"].iter().find_map(|keyword| schema[keyword].as_array()) {
        // That it may be absent is said by its being optional.
        let is_absence = |form: &&Value| form["$ref"].as_str().is_some_and(|name| name.ends_with("/Absent") || name.ends_with("/Blank"));
        return forms.iter().filter(|form| !is_absence(form)).map(kind_of).collect::<Vec<_>>().join(" or ");
    }
    if let Some(values) = schema["enum"].as_array() {
        return values
            .iter()
            .map(|value| format!("<code>{}</code>", escape(value.as_str().unwrap_or_default())))
            .collect::<Vec<_>>()
            .join(" ");
    }
    if schema["type"] == "array" {
        return format!("list of {}", kind_of(&schema["items"]));
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        Value::String(kind) => kind.clone(),
        _ => schema.get("const").map_or("any".into(), ToString::to_string),
    };
    let bound = |keyword: &str, sign: &str| {
        // The furthest numbers that there are say nothing to people.
        let bound = schema.get(keyword).filter(|bound| bound.as_i64().is_none_or(|bound| bound.unsigned_abs() < FAR));
        bound.map(|bound| format!(", {sign} {bound}")).unwrap_or_default()
    };
    let bounds = [bound("minimum", "≥"), bound("maximum", "≤"), bound("minLength", "length ≥"), bound("maxLength", "length ≤")].concat();
    let format = schema["format"].as_str().map(|format| format!(", {format}")).unwrap_or_default();
    let example = schema.pointer("/examples/0").map(|example| format!(", as · 예 {example}")).unwrap_or_default();
    escape(&format!("{kinds}{format}{bounds}{example}"))
}

fn described(schema: &Value) -> String {
    let description = text(schema, "description");
    if description.is_empty() { String::new() } else { format!("<p>{}</p>", escape(description)) }
}

/// What a reference within the document leads to.
fn resolve<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    part["$ref"].as_str().and_then(|reference| document.pointer(reference.trim_start_matches('#'))).unwrap_or(part)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn frame(title: &str, nav: &str, main: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body>{nav}<main>{heading}{main}</main></body></html>\n",
        title = escape(title),
        // A page that was written as Markdown has a heading of its own.
        heading = if main.contains("<h1>") { String::new() } else { format!("<h1>{}</h1>", escape(title)) },
    )
}

fn markdown_of(text: &str) -> String {
    let mut shown = String::new();
    html::push_html(&mut shown, Parser::new_ext(text, Options::ENABLE_TABLES));
    shown
}

/// Markdown within a line.
fn inline(text: &str) -> String {
    markdown_of(text).trim().trim_start_matches("<p>").trim_end_matches("</p>").into()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn write(into: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing into a text cannot fail.
    let _ = into.write_fmt(what);
}
