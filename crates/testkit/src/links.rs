//! Following every link that a system gives.

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;

use crate::app::{Answer, Asked, TestApp};

/// Reads what stands under `paths`, every page and item that a link of these leads to, and so on; of the collections also as they are told to
/// who follows them. What can be read was found under the address that was given, and where something else can be done, it can be sent there.
/// All that was found, by its address.
///
/// # Panics
/// When a link leads nowhere.
#[track_caller]
pub fn follow_all(app: &mut TestApp, paths: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let mut ahead: VecDeque<_> = paths.into_iter().map(|path| (path, "the beginning".to_owned())).collect();
    let mut seen = BTreeSet::new();
    while let Some((path, from)) = ahead.pop_front() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let mut links = Vec::new();
        if path.split('?').next().is_some_and(|path| path.ends_with("/stream")) {
            let live = app.listen(Asked::get(&path), usize::MAX);
            found(&live.so_far(), &from);
            live.events().iter().for_each(|told| collect(&told.data, &mut links));
        } else {
            let answer = app.get(&path);
            found(&answer, &from);
            collect(&answer.json(), &mut links);
        }
        for (href, method) in links {
            match method {
                None => ahead.push_back((href, path.clone())),
                Some(method) => {
                    let answer = app.send(Asked::new("OPTIONS", &href));
                    let takes = answer.header("allow").split(',').any(|one| one.trim() == method);
                    assert!(takes, "{path} says {method} {href}, and that takes {:?}", answer.headers);
                }
            }
        }
    }
    seen
}

#[track_caller]
fn found(answer: &Answer, from: &str) {
    assert_eq!(answer.status, 200, "{} of {from}: {}", answer.asked, answer.text);
}

/// Where all links of a document lead, each with the method that goes there unless it is to be read.
fn collect(value: &Value, links: &mut Vec<(String, Option<String>)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::Object(all) if name == "_links" => links.extend(
                        all.values()
                            .filter_map(|link| Some((link["href"].as_str()?.to_owned(), link["method"].as_str().map(str::to_owned)))),
                    ),
                    _ => collect(member, links),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|one| collect(one, links)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
