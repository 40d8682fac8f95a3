//! Who waits for whom goes in no circle: two services that wait for each other would both go down when one does.

use std::collections::{BTreeMap, BTreeSet};

use super::{RustFile, Service, Violation};

/// A call that a service can make.
struct Edge<'a> {
    to: &'a Service,
    call: &'a str,
    at: (&'a RustFile<'a>, usize),
}

/// Whoever names a sibling's call can make it, in a saga or from a handler; so that is what makes an edge.
pub(super) fn check(files: &[RustFile<'_>]) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut calls: BTreeMap<&str, Vec<&Service>> = BTreeMap::new();
    for file in files {
        let Some(service) = &file.service else { continue };
        for found in file.impls("Call") {
            calls.entry(&found.on).or_default().push(service);
        }
    }
    let mut graph: BTreeMap<&Service, Vec<Edge<'_>>> = BTreeMap::new();
    for file in files {
        let Some(from) = &file.service else { continue };
        let mut edge = |to, call, line| graph.entry(from).or_default().push(Edge { to, call, at: (file, line) });
        for path in &file.source.paths {
            let (inner, segments) = file.source.resolve(path, &file.module);
            let (Some(first), Some(last)) = (segments.first(), segments.last()) else { continue };
            for (call, owners) in &calls {
                let meant = owners.iter().filter(|owner| {
                    **owner != from
                        && if inner {
                            owner.system == from.system && owner.name == *first
                        } else {
                            owner.system == *first && segments.get(1) == Some(&owner.name)
                        }
                });
                // `api::*` brings in all calls of the service.
                for owner in meant.filter(|_| path.glob || last == call || segments.iter().any(|segment| segment == call)) {
                    edge(*owner, *call, path.line);
                }
            }
        }
    }
    let mut done = BTreeSet::new();
    for start in graph.keys() {
        follow(&graph, start, &mut Vec::new(), &mut done, &mut violations);
    }
    violations
}

/// Walks on from `at`, and says so where it comes to a service that is on the way there.
fn follow<'a>(
    graph: &'a BTreeMap<&'a Service, Vec<Edge<'a>>>,
    at: &'a Service,
    way: &mut Vec<&'a Service>,
    done: &mut BTreeSet<&'a Service>,
    found: &mut Vec<Violation>,
) {
    if !done.insert(at) {
        return;
    }
    way.push(at);
    let mut seen = BTreeSet::new();
    for edge in graph.get(at).into_iter().flatten().filter(|edge| seen.insert(edge.to)) {
        if let Some(start) = way.iter().position(|service| *service == edge.to) {
            let circle: Vec<String> = way[start..].iter().chain([&edge.to]).map(ToString::to_string).collect();
            let (file, line) = edge.at;
            found.push(file.violation(line, format!("the call {} closes a circle: {}", edge.call, circle.join(" → "))));
        } else {
            follow(graph, edge.to, way, done, found);
        }
    }
    way.pop();
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    const START: (&str, &str) =
        ("systems/s/src/b/api.rs", "pub struct Start; impl kernel::Call for Start { const SERVICE: &'static str = \"b\"; }");
    const SAGA: (&str, &str) = ("systems/s/src/a/saga.rs", "use crate::b::api::Start; impl S { fn start() -> Start { Start } }");

    #[test]
    fn a_chain_is_no_circle() {
        assert_eq!(found(check, &[START, SAGA]), Vec::<String>::new());
        let own = ("systems/s/src/b/calls.rs", "use super::api::Start; fn answer(start: Start) {}");
        assert_eq!(found(check, &[START, SAGA, own]), Vec::<String>::new());
    }

    #[test]
    fn a_circle_is_found() {
        let ask = ("systems/s/src/a/api.rs", "impl Call for Ask { const SERVICE: &'static str = \"a\"; }");
        for back in [
            "impl T { fn ask() -> crate::a::api::Ask { todo() } }",
            "use crate::a::api; fn f() { send(api::Ask { x }) }",
            "use crate::a::api::*;",
        ] {
            let violations = found(check, &[START, SAGA, ask, ("systems/s/src/b/saga.rs", back)]);
            assert_eq!(violations.len(), 1, "{back}: {violations:?}");
            assert!(violations[0].contains("s/a → s/b → s/a"), "{violations:?}");
        }
    }
}
