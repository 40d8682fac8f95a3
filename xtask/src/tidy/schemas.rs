//! What a service publishes is read by others for ever: its schema is committed, and changes by addition only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};

use super::{RustFile, Violation};
use crate::shell::{self, Outcome};
use crate::tree::Tree;

/// What explains, and binds nobody.
const WORDS: &[&str] = &["$comment", "$schema", "default", "deprecated", "description", "example", "examples", "externalDocs", "title"];
/// Keywords that hold a schema.
const ONE: &[&str] = &["additionalProperties", "contains", "items", "not", "propertyNames"];
/// Keywords that hold schemas by name.
const NAMED: &[&str] = &["$defs", "components", "definitions", "patternProperties", "properties", "schemas"];

/// Asks the binary what it publishes and compares that with `schemas/`; `bless` writes additions.
pub(super) fn run(root: &Path, tree: &Tree, files: &[RustFile<'_>], bless: bool, binary: Option<&Path>) -> Outcome<Vec<Violation>> {
    let mut ask = match binary {
        Some(binary) => shell::command(root, &binary.to_string_lossy(), &["schemas"]),
        None => shell::command(root, "cargo", &["run", "--quiet", "--locked", "--package", "yeyak", "--", "schemas"]),
    };
    let text = shell::output(&mut ask)?;
    let now: BTreeMap<String, Value> =
        serde_json::from_str(&text).map_err(|error| format!("`yeyak schemas` prints no object of schemas: {error}"))?;
    let (mut violations, write) = compare(tree, &now, bless);
    violations.extend(unasked(files, &now));
    for (path, text) in write {
        let file = root.join(&path);
        let made = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(&file, text)).map_err(|error| format!("{path} cannot be written: {error}"))?;
        println!("tidy: {path} written");
    }
    Ok(violations)
}

/// Services that publish, but whose schema the binary does not print.
fn unasked(files: &[RustFile<'_>], now: &BTreeMap<String, Value>) -> Vec<Violation> {
    let publishing = files.iter().filter(|file| !file.file.is_test()).filter_map(|file| Some((file, file.service.as_ref()?)));
    publishing
        .filter(|(_, service)| !now.contains_key(&service.to_string()))
        .flat_map(|(file, service)| {
            file.impls("Published").map(move |found| file.violation(found.line, format!("`yeyak schemas` prints nothing for {service}")))
        })
        .collect()
}

/// What differs from the committed schemas, and the files that a blessing writes.
fn compare(tree: &Tree, now: &BTreeMap<String, Value>, bless: bool) -> (Vec<Violation>, Vec<(String, String)>) {
    let (mut violations, mut write) = (Vec::new(), Vec::new());
    for (service, schema) in now {
        let path = format!("schemas/{service}.json");
        let text = format!("{schema:#}\n");
        let mut difference = Difference::default();
        match tree.file(&path).map(|file| serde_json::from_str::<Value>(&file.text)) {
            None => difference.additions.push("it is new".into()),
            Some(Err(error)) => difference.breaks.push(format!("does not read as JSON: {error}")),
            Some(Ok(before)) => difference.of(&before, schema, ""),
        }
        let mut lost = BTreeSet::new();
        lost_references(schema, schema, &mut lost);
        difference.breaks.extend(
            lost.into_iter().map(|reference| format!("refers to `{reference}`, which does not stand in it, so its changes go unseen")),
        );
        if !difference.breaks.is_empty() {
            violations.extend(difference.breaks.into_iter().map(|what| Violation::new(&path, 1, what)));
        } else if !difference.additions.is_empty() && bless {
            write.push((path, text));
        } else {
            let bless = "run `cargo xtask tidy --bless` and commit it";
            violations.extend(difference.additions.into_iter().map(|what| Violation::new(&path, 1, format!("{what}: {bless}"))));
        }
    }
    for file in tree.files() {
        if let Some(service) = file.path.strip_prefix("schemas/").and_then(|path| path.strip_suffix(".json"))
            && !now.contains_key(service)
        {
            violations.push(Violation::new(&file.path, 1, format!("{service} publishes nothing any more, but its events are still read")));
        }
    }
    (violations, write)
}

/// The references within `part` that lead nowhere in the whole schema.
fn lost_references<'a>(part: &'a Value, whole: &Value, lost: &mut BTreeSet<&'a str>) {
    match part {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref")
                && reference.strip_prefix('#').and_then(|pointer| whole.pointer(pointer)).is_none()
            {
                lost.insert(reference);
            }
            fields.values().for_each(|part| lost_references(part, whole, lost));
        }
        Value::Array(parts) => parts.iter().for_each(|part| lost_references(part, whole, lost)),
        _ => {}
    }
}

/// What became of a schema.
#[derive(Debug, Default)]
struct Difference {
    additions: Vec<String>,
    breaks: Vec<String>,
}

impl Difference {
    fn of(&mut self, before: &Value, now: &Value, at: &str) {
        let (Value::Object(old), Value::Object(new)) = (before, now) else {
            if before != now {
                self.breaks.push(format!("{}: is now {now}, was {before}", place(at)));
            }
            return;
        };
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys {
            match (key.as_str(), old.get(key), new.get(key)) {
                (_, old, new) if old == new => {}
                (words, _, _) if WORDS.contains(&words) => self.additions.push(format!("{}: its {words} changed", place(at))),
                ("required", old, new) => self.required(&texts(old), &texts(new), at),
                ("enum", Some(Value::Array(old)), Some(Value::Array(new))) => {
                    let gone = old.iter().filter(|value| !new.contains(value));
                    self.breaks.extend(gone.map(|value| format!("{}: the value {value} is gone", place(at))));
                    let added = new.iter().filter(|value| !old.contains(value));
                    self.additions.extend(added.map(|value| format!("{}: the value {value} is new", place(at))));
                }
                ("oneOf" | "anyOf", Some(Value::Array(old)), Some(Value::Array(new))) => self.variants(old, new, at),
                ("allOf", Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
                    for (old, new) in old.iter().zip(new) {
                        self.of(old, new, at);
                    }
                }
                (named, old @ (None | Some(Value::Object(_))), new @ (None | Some(Value::Object(_)))) if NAMED.contains(&named) => {
                    let empty = Map::new();
                    let map = |value: Option<&'_ Value>| value.and_then(Value::as_object).cloned().unwrap_or_else(|| empty.clone());
                    self.named(&map(old), &map(new), at);
                }
                (one, Some(old), Some(new)) if ONE.contains(&one) => self.of(old, new, &format!("{at}/{one}")),
                (other, old, new) => {
                    let show = |value: Option<&Value>| value.map_or("nothing".into(), ToString::to_string);
                    self.breaks.push(format!("{}: `{other}` is now {}, was {}", place(at), show(new), show(old)));
                }
            }
        }
    }

    fn named(&mut self, old: &Map<String, Value>, new: &Map<String, Value>, at: &str) {
        for (name, schema) in old {
            match new.get(name) {
                Some(now) => self.of(schema, now, &format!("{at}/{name}")),
                None => self.breaks.push(format!("{}: `{name}` is gone", place(at))),
            }
        }
        let added = new.keys().filter(|name| !old.contains_key(*name));
        self.additions.extend(added.map(|name| format!("{}: `{name}` is new", place(at))));
    }

    /// A field that must be there cannot be read from old events, one that need not be there fails old readers.
    fn required(&mut self, old: &BTreeSet<&str>, new: &BTreeSet<&str>, at: &str) {
        self.breaks.extend(new.difference(old).map(|name| format!("{}: `{name}` is required now", place(at))));
        self.breaks.extend(old.difference(new).map(|name| format!("{}: `{name}` is no longer always there", place(at))));
    }

    fn variants(&mut self, old: &[Value], new: &[Value], at: &str) {
        for before in old {
            let label = label(before);
            match new.iter().find(|now| self::label(now) == label) {
                Some(now) => self.of(before, now, &format!("{at}/{label}")),
                None => self.breaks.push(format!("{}: `{label}` is gone", place(at))),
            }
        }
        let added = new.iter().map(label).filter(|name| !old.iter().any(|before| label(before) == *name));
        self.additions.extend(added.map(|name| format!("{}: `{name}` is new", place(at))));
    }
}

fn place(at: &str) -> &str {
    if at.is_empty() { "the schema" } else { at.trim_start_matches('/') }
}

fn texts(value: Option<&Value>) -> BTreeSet<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What one of several alternatives is called: its `eventType`, its reference, its title, its only field, or else its type.
fn label(schema: &Value) -> String {
    let tag = |schema: &Value| {
        let tag = schema.pointer("/properties/eventType")?;
        tag.pointer("/enum/0").or_else(|| tag.get("const"))?.as_str().map(str::to_owned)
    };
    let nested = || schema.get("allOf")?.as_array()?.iter().find_map(tag);
    let text = |key: &str| schema.get(key)?.as_str().map(str::to_owned);
    let only_field = || {
        let fields = schema.get("properties")?.as_object()?;
        if fields.len() == 1 { fields.keys().next().cloned() } else { None }
    };
    let first_value = || schema.pointer("/enum/0").map(ToString::to_string);
    tag(schema)
        .or_else(nested)
        .or_else(|| text("$ref"))
        .or_else(|| text("title"))
        .or_else(first_value)
        .or_else(only_field)
        .unwrap_or_else(|| schema.get("type").unwrap_or(schema).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::found;
    use super::*;

    fn reserved() -> Value {
        json!({
            "type": "object",
            "description": "A slot was taken.",
            "required": ["id", "eventType"],
            "properties": {"eventType": {"type": "string", "enum": ["Reserved"]}, "id": {"type": "integer"}, "note": {"type": ["string", "null"]}},
        })
    }

    fn events(variants: &[Value]) -> Value {
        json!({"oneOf": variants})
    }

    /// (how many breaks, how many additions) from one schema to another.
    fn difference(before: &Value, now: &Value) -> (usize, usize) {
        let mut difference = Difference::default();
        difference.of(before, now, "");
        (difference.breaks.len(), difference.additions.len())
    }

    fn changed(change: impl FnOnce(&mut Value)) -> (usize, usize) {
        let mut now = reserved();
        change(&mut now);
        difference(&events(&[reserved()]), &events(&[now]))
    }

    #[test]
    fn additions_are_told_from_breaks() {
        assert_eq!(changed(|_| {}), (0, 0));
        assert_eq!(changed(|now| now["properties"]["floor"] = json!({"type": "integer"})), (0, 1), "an optional field");
        assert_eq!(changed(|now| now["description"] = json!("Someone took a slot.")), (0, 1), "words");
        assert_eq!(changed(|now| now["properties"]["id"] = json!({"type": "string"})), (1, 0), "another type");
        assert_eq!(changed(|now| now["properties"]["id"]["format"] = json!("int64")), (1, 0), "another format");
        assert_eq!(changed(|now| drop(now["properties"].as_object_mut().unwrap().remove("note"))), (1, 0), "a field that goes");
        assert_eq!(changed(|now| now["required"] = json!(["id", "eventType", "note"])), (1, 0), "required now");
        assert_eq!(changed(|now| now["required"] = json!(["eventType"])), (1, 0), "no longer required");
        let both = |now: &mut Value| {
            now["properties"]["floor"] = json!({"type": "integer"});
            now["required"] = json!(["id", "eventType", "floor"]);
        };
        assert_eq!(changed(both), (1, 1), "a new field that is required");
    }

    #[test]
    fn variants_are_matched_by_their_tag() {
        let canceled = json!({"allOf": [{"$ref": "#/components/schemas/Gone"}, {"type": "object", "properties": {"eventType": {"enum": ["Canceled"]}}}]});
        let one = events(&[reserved()]);
        let two = events(&[canceled.clone(), reserved()]);
        assert_eq!(difference(&one, &two), (0, 1));
        assert_eq!(difference(&two, &one), (1, 0));
        assert_eq!(difference(&two, &events(&[reserved(), canceled])), (0, 0), "order");
        assert_eq!(difference(&json!({"enum": ["a"]}), &json!({"enum": ["a", "b"]})), (0, 1));
        assert_eq!(difference(&json!({"enum": ["a", "b"]}), &json!({"enum": ["a"]})), (1, 0));
    }

    #[test]
    fn what_is_referred_to_is_compared_as_well() {
        let with =
            |kind: &str| json!({"oneOf": [reserved()], "components": {"schemas": {"Slot": {"properties": {"start": {"type": kind}}}}}});
        assert_eq!(difference(&with("string"), &with("integer")), (1, 0));
        let lost = |schema: Value| {
            let mut lost = BTreeSet::new();
            lost_references(&schema, &schema, &mut lost);
            lost.len()
        };
        assert_eq!(lost(json!({"items": {"$ref": "#/components/schemas/Slot"}})), 1);
        assert_eq!(lost(json!({"items": {"$ref": "#/components/schemas/Slot"}, "components": {"schemas": {"Slot": {}}}})), 0);
    }

    #[test]
    fn a_service_whose_schema_is_not_printed_is_found() {
        let api = [("systems/s/src/a/api.rs", "impl Published for Event { const SERVICE: &'static str = \"a\"; }")];
        assert_eq!(found(|files| unasked(files, &BTreeMap::new()), &api).len(), 1);
        assert_eq!(found(|files| unasked(files, &BTreeMap::from([("s/a".to_owned(), json!({}))])), &api).len(), 0);
    }

    #[test]
    fn additions_wait_for_a_blessing_and_breaks_get_none() {
        let published = |schema: Value| BTreeMap::from([("s/a".to_owned(), schema)]);
        let one = events(&[reserved()]);
        let committed = one.to_string();
        let tree = Tree::of(&[("schemas/s/a.json", &committed)]);
        let outcome = |tree: &Tree, now: Value, bless| {
            let (violations, write) = compare(tree, &published(now), bless);
            (violations.len(), write.len())
        };
        assert_eq!(outcome(&tree, one.clone(), false), (0, 0));
        assert_eq!(outcome(&Tree::of(&[]), one.clone(), false), (1, 0));
        assert_eq!(outcome(&Tree::of(&[]), one.clone(), true), (0, 1));
        assert_eq!(outcome(&tree, events(&[]), true), (1, 0));
        assert_eq!(compare(&tree, &BTreeMap::new(), true).0.len(), 1, "a service that no longer publishes");
        let (_, write) = compare(&Tree::of(&[]), &published(one.clone()), true);
        assert_eq!(serde_json::from_str::<Value>(&write[0].1).unwrap(), one);
    }
}
