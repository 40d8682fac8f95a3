//! What of a contract breaks those who were written against an older one: whoever sends must be understood as before, and whoever reads
//! must find what was there. What is new breaks nobody.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Bounds from below and from above.
const LEAST: &[&str] = &["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];
const MOST: &[&str] = &["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];

/// The breaks between two contracts, one sentence each.
pub(super) fn between(before: &Value, now: &Value) -> BTreeSet<String> {
    let mut breaks = BTreeSet::new();
    Comparison { old: &before["openapi"], new: &now["openapi"], seen: BTreeSet::new(), breaks: &mut breaks }.operations();
    Comparison { old: &before["asyncapi"], new: &now["asyncapi"], seen: BTreeSet::new(), breaks: &mut breaks }.channels();
    breaks
}

/// Who writes what a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    /// The client: it must be taken as before.
    Sent,
    /// We: it must be as it was.
    Read,
}

struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    /// The pairs of references that are being compared, or have been.
    seen: BTreeSet<(String, String, Side)>,
    breaks: &'a mut BTreeSet<String>,
}

impl<'a> Comparison<'a> {
    fn say(&mut self, at: &str, what: impl AsRef<str>) {
        self.breaks.insert(format!("{at}: {}", what.as_ref()));
    }

    fn operations(&mut self) {
        for (path, old) in members(&self.old["paths"]) {
            for (method, old) in members(old) {
                if !METHODS.contains(&method.as_str()) {
                    continue;
                }
                let at = format!("{} {path}", method.to_uppercase());
                match self.new["paths"].get(path).and_then(|path| path.get(method)) {
                    Some(new) => self.operation(old, new, &at),
                    None => self.say(&at, "is gone"),
                }
            }
        }
    }

    fn operation(&mut self, old: &'a Value, new: &'a Value, at: &str) {
        let who = |operation: &Value| operation["x-yeyak-who"].as_str().unwrap_or_default().to_owned();
        if who(old) != who(new) {
            self.say(at, format!("is for `{}` now, was for `{}`", who(new), who(old)));
        }
        self.parameters(old, new, at);
        self.body(old, new, at);
        for (status, old) in members(&old["responses"]) {
            let at = format!("{at} {status}");
            match new["responses"].get(status) {
                Some(new) => self.answer(resolve(self.old, old), resolve(self.new, new), &at),
                None => self.say(&at, "is answered no longer"),
            }
        }
    }

    fn parameters(&mut self, old: &'a Value, new: &'a Value, at: &str) {
        let of = |document: &'a Value, operation: &'a Value| -> Vec<(String, &'a Value)> {
            let all = operation["parameters"].as_array().into_iter().flatten().map(|parameter| resolve(document, parameter));
            all.map(|parameter| (format!("{} {}", text(parameter, "in"), text(parameter, "name")), parameter)).collect()
        };
        let (old, new) = (of(self.old, old), of(self.new, new));
        for (name, parameter) in &old {
            match new.iter().find(|(known, _)| known == name) {
                Some((_, now)) => {
                    if now["required"] == true && parameter["required"] != true {
                        self.say(at, format!("{name} is required now"));
                    }
                    self.schema(Side::Sent, &parameter["schema"], &now["schema"], &format!("{at} {name}"));
                }
                None => self.say(at, format!("{name} is taken no longer")),
            }
        }
        for (name, parameter) in &new {
            if parameter["required"] == true && !old.iter().any(|(known, _)| known == name) {
                self.say(at, format!("{name} is required now"));
            }
        }
    }

    fn body(&mut self, old: &'a Value, new: &'a Value, at: &str) {
        let (old, new) = (old.get("requestBody"), new.get("requestBody"));
        let required = |body: Option<&Value>| body.is_some_and(|body| body["required"] == true);
        if required(new) && !required(old) {
            self.say(at, "a body is required now");
        }
        match (old, new) {
            (Some(old), Some(new)) => self.content(Side::Sent, old, new, &format!("{at} body")),
            (Some(_), None) => self.say(at, "a body is read no longer"),
            (None, _) => {}
        }
    }

    fn answer(&mut self, old: &'a Value, new: &'a Value, at: &str) {
        for (name, _) in members(&old["headers"]) {
            if new["headers"].get(name).is_none() {
                self.say(at, format!("the header {name} is gone"));
            }
        }
        self.content(Side::Read, old, new, at);
    }

    fn content(&mut self, side: Side, old: &'a Value, new: &'a Value, at: &str) {
        for (media, old) in members(&old["content"]) {
            match new["content"].get(media) {
                Some(new) => self.schema(side, &old["schema"], &new["schema"], at),
                None => self.say(at, format!("{media} is gone")),
            }
        }
    }

    fn channels(&mut self) {
        for (name, old) in members(&self.old["channels"]) {
            let Some(new) = self.new["channels"].get(name) else {
                self.say(name, "is gone");
                continue;
            };
            if old["address"] != new["address"] {
                self.say(name, format!("is at {} now, was at {}", new["address"], old["address"]));
            }
            for (message, old) in members(&old["messages"]) {
                let at = format!("{name} {message}");
                match new["messages"].get(message) {
                    Some(new) => {
                        let (old, new) = (resolve(self.old, old), resolve(self.new, new));
                        if old["contentType"] != new["contentType"] {
                            self.say(&at, format!("is {} now, was {}", new["contentType"], old["contentType"]));
                        }
                        self.schema(Side::Read, &old["payload"], &new["payload"], &at);
                        self.schema(Side::Read, &old["headers"], &new["headers"], &format!("{at} headers"));
                    }
                    None => self.say(&at, "is gone"),
                }
            }
        }
    }

    fn schema(&mut self, side: Side, old: &'a Value, new: &'a Value, at: &str) {
        if let (Some(one), Some(other)) = (old["$ref"].as_str(), new["$ref"].as_str())
            && !self.seen.insert((one.into(), other.into(), side))
        {
            return;
        }
        let at = &old["$ref"]
            .as_str()
            .and_then(|reference| reference.rsplit('/').next())
            .map_or_else(|| at.to_owned(), |name| format!("{name} ({side:?})"));
        let (olds, news) = (forms(self.old, old), forms(self.new, new));
        if let ([old], [new]) = (olds.as_slice(), news.as_slice()) {
            return self.form(side, old, new, at);
        }
        // Each form that was taken has one that takes it still; each that can be read now has one that could be.
        let (each, among) = match side {
            Side::Sent => (&olds, &news),
            Side::Read => (&news, &olds),
        };
        for one in each {
            let is_covered = among.iter().any(|other| {
                let (old, new) = if side == Side::Sent { (one, other) } else { (other, one) };
                let mut breaks = BTreeSet::new();
                Comparison { old: self.old, new: self.new, seen: self.seen.clone(), breaks: &mut breaks }.form(side, old, new, at);
                breaks.is_empty()
            });
            if is_covered {
                continue;
            }
            // What is still of its type has been changed, and how says more than that it has.
            match among.iter().find(|other| other.get("type") == one.get("type")) {
                Some(other) if side == Side::Sent => self.form(side, one, other, at),
                Some(other) => self.form(side, other, one, at),
                None => {
                    let what = one.get("type").unwrap_or(one);
                    let verb = if side == Side::Sent { "no longer takes what was" } else { "can be, as it could not," };
                    self.say(at, format!("{verb} {what}"));
                }
            }
        }
    }

    /// One form of each, neither of which is an alternative.
    fn form(&mut self, side: Side, old: &'a Value, new: &'a Value, at: &str) {
        self.types(side, old, new, at);
        self.values(side, old, new, at);
        match side {
            Side::Sent => self.bounds(old, new, at),
            Side::Read if old.get("format") != new.get("format") && old.get("format").is_some() => {
                self.say(at, format!("is no {} now", old["format"]))
            }
            Side::Read => {}
        }
        self.properties(side, old, new, at);
        if let (Some(old), Some(new)) = (old.get("items"), new.get("items")) {
            self.schema(side, old, new, &format!("{at}[]"));
        }
        if let (Some(old @ Value::Object(_)), Some(new @ Value::Object(_))) =
            (old.get("additionalProperties"), new.get("additionalProperties"))
        {
            self.schema(side, old, new, &format!("{at}.*"));
        }
        if side == Side::Sent
            && new.get("additionalProperties") == Some(&Value::Bool(false))
            && old.get("additionalProperties") != Some(&Value::Bool(false))
        {
            self.say(at, "no longer takes other fields");
        }
        for (old, new) in old["allOf"].as_array().into_iter().flatten().zip(new["allOf"].as_array().into_iter().flatten()) {
            self.schema(side, old, new, at);
        }
    }

    fn types(&mut self, side: Side, old: &Value, new: &Value, at: &str) {
        let (from, into) = if side == Side::Sent { (types(old), types(new)) } else { (types(new), types(old)) };
        let Some(into) = into else { return };
        let missing: Vec<_> = match from {
            None => vec!["anything"],
            Some(from) => from.into_iter().filter(|one| !(into.contains(one) || *one == "integer" && into.contains("number"))).collect(),
        };
        for one in missing {
            self.say(at, if side == Side::Sent { format!("no longer takes {one}") } else { format!("can be {one} now") });
        }
    }

    fn values(&mut self, side: Side, old: &Value, new: &Value, at: &str) {
        match (values(old), values(new)) {
            (Some(old), Some(new)) => {
                for gone in old.iter().filter(|value| !new.contains(value)) {
                    self.say(at, format!("the value {gone} is gone"));
                }
            }
            (None, Some(_)) if side == Side::Sent => self.say(at, "takes certain values only"),
            (Some(_), None) if side == Side::Read => self.say(at, "can be any value now"),
            _ => {}
        }
    }

    fn bounds(&mut self, old: &Value, new: &Value, at: &str) {
        let number = |schema: &Value, bound: &str| schema.get(bound).and_then(Value::as_f64);
        for bound in LEAST.iter().chain(MOST) {
            let is_narrower = match (number(old, bound), number(new, bound)) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(old), Some(new)) => {
                    if LEAST.contains(bound) {
                        new > old
                    } else {
                        new < old
                    }
                }
            };
            if is_narrower {
                self.say(at, format!("{bound} is {} now", new[*bound]));
            }
        }
        for form in ["pattern", "format"] {
            if new.get(form).is_some() && new.get(form) != old.get(form) {
                self.say(at, format!("{form} is {} now", new[form]));
            }
        }
    }

    fn properties(&mut self, side: Side, old: &'a Value, new: &'a Value, at: &str) {
        for (name, property) in members(&old["properties"]) {
            let at = format!("{at}.{name}");
            match new["properties"].get(name) {
                Some(now) => self.schema(side, property, now, &at),
                None => self.say(&at, "is gone"),
            }
        }
        let (old, new) = (required(old), required(new));
        let (from, what) = match side {
            Side::Sent => (new.difference(&old), "is required now"),
            Side::Read => (old.difference(&new), "is not always there now"),
        };
        for name in from {
            self.say(&format!("{at}.{name}"), what);
        }
    }
}

const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The alternatives that a schema has: itself, if it has none.
fn forms<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let schema = resolve(document, schema);
    match ["anyOf", "oneOf"].iter().find_map(|keyword| schema[keyword].as_array()) {
        Some(alternatives) => alternatives.iter().flat_map(|one| forms(document, one)).collect(),
        None => vec![schema],
    }
}

/// What a reference within the document leads to.
fn resolve<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    part["$ref"].as_str().and_then(|reference| document.pointer(reference.strip_prefix('#')?)).unwrap_or(part)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// The types that a schema allows; nothing when it allows any.
fn types(schema: &Value) -> Option<BTreeSet<&str>> {
    match schema.get("type")? {
        Value::Array(types) => Some(types.iter().filter_map(Value::as_str).collect()),
        one => Some(one.as_str().into_iter().collect()),
    }
}

/// The values that a schema allows, if it lists them.
fn values(schema: &Value) -> Option<Vec<&Value>> {
    schema.get("enum").and_then(Value::as_array).map(|values| values.iter().collect()).or_else(|| schema.get("const").map(|one| vec![one]))
}

fn required(schema: &Value) -> BTreeSet<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests;
