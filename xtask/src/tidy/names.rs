//! Names that stand in stores and on the wire stand in `names.lock` as well, so that none changes unseen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{RustFile, Service, Violation};
use crate::rust::{last_segment, parameter, string};
use crate::shell::Outcome;
use crate::tree::Tree;

const LOCK: &str = "names.lock";
const HEAD: &str = "\
# The names that stand in stores and on the wire. `cargo xtask tidy --bless` adds new ones and raises versions of views.
# A name that goes or changes leaves data behind that nothing reads: take its line out by hand, and say why in the commit.
";

/// A durable name: its service, its kind, and itself.
type Name = (Service, &'static str, String);

/// The names found in the source, each with the version of a view (0 for all others) and where it stands.
type Found<'a> = BTreeMap<Name, (u64, &'a RustFile<'a>, usize)>;

/// Which trait gives a name of which kind by which constant.
const NAMED: &[(&str, &str, &str)] = &[
    ("Aggregate", "NAME", "aggregate"),
    ("Policy", "NAME", "policy"),
    ("Saga", "NAME", "saga"),
    ("Projection", "NAME", "view"),
    ("Call", "NAME", "call"),
    ("Resource", "COLLECTION", "collection"),
];

/// Compares the source with the lock; `bless` adds what is new.
pub(super) fn run(root: &Path, tree: &Tree, files: &[RustFile<'_>], bless: bool) -> Outcome<Vec<Violation>> {
    let mut violations = Vec::new();
    let found = scan(files, &mut violations);
    let lock = tree.file(LOCK).map_or("", |file| &file.text);
    let (differences, blessed) = compare(lock, &found, bless);
    if bless && blessed != lock {
        std::fs::write(root.join(LOCK), blessed).map_err(|error| format!("{LOCK} cannot be written: {error}"))?;
        println!("tidy: {LOCK} written");
    }
    violations.extend(differences);
    Ok(violations)
}

/// Reads the durable names from the source.
fn scan<'a>(files: &'a [RustFile<'a>], violations: &mut Vec<Violation>) -> Found<'a> {
    let mut found = Found::new();
    for file in files.iter().filter(|file| !file.file.is_test()) {
        let Some(service) = &file.service else { continue };
        found.entry((service.clone(), "service", service.name.clone())).or_insert((0, file, 1));
        for item in &file.source.impls {
            for (_, constant, kind) in NAMED.iter().filter(|(of, _, _)| *of == item.of) {
                let Some(name) = item.consts.get(*constant).and_then(|value| string(value)) else {
                    violations.push(file.violation(item.line, format!("{} for {} gives no literal {constant}", item.of, item.on)));
                    continue;
                };
                let version = item.consts.get("VERSION").and_then(|value| value.parse().ok()).unwrap_or(0);
                if *kind == "view" && version == 0 {
                    violations.push(file.violation(item.line, format!("the view {name} has no literal VERSION from 1")));
                }
                if let Some((_, other, line)) = found.insert((service.clone(), kind, name.into()), (version, file, item.line)) {
                    let twice = format!("{kind} `{name}` of {service} stands twice, also in {}:{line}", other.file.path);
                    violations.push(file.violation(item.line, twice));
                }
            }
            if matches!(item.of.as_str(), "Published" | "Call") && owner(files, service, item.consts.get("SERVICE")) != Some(&service.name)
            {
                violations.push(file.violation(
                    item.line,
                    format!("{} for {}: SERVICE is not `{}`, the name of its folder", item.of, item.on, service.name),
                ));
            }
            let events = match item.of.as_str() {
                "Published" => Some(("event", item.on.as_str())),
                "Aggregate" => item.types.get("Event").map(|event| ("fact", last_segment(event))),
                _ => None,
            };
            if let Some((kind, name)) = events {
                match enum_of(file, files, service, name) {
                    Some((at, found_enum)) => {
                        if kind == "event" && parameter(&found_enum.serde, "tag").as_deref() != Some("eventType") {
                            violations.push(file.violation(item.line, format!("{name} is published, so it is tagged by `eventType`")));
                        }
                        // Facts are told apart by their aggregate: two may have one of the same name.
                        let prefix = item.consts.get("NAME").and_then(|value| string(value)).map(|name| format!("{name}."));
                        for variant in &found_enum.variants {
                            let name = prefix.clone().filter(|_| kind == "fact").unwrap_or_default() + variant;
                            found.insert((service.clone(), kind, name), (0, at, found_enum.line));
                        }
                    }
                    None => violations.push(
                        file.violation(item.line, format!("{name} is no enum in the folder of {service}; its events cannot be read")),
                    ),
                }
            }
        }
    }
    found
}

/// The service that `SERVICE` names: a literal, or a constant of the same service.
fn owner<'a>(files: &'a [RustFile<'a>], service: &Service, value: Option<&'a String>) -> Option<&'a str> {
    let value = value?;
    string(value).or_else(|| {
        let mut own = files.iter().filter(|file| file.service.as_ref() == Some(service));
        own.find_map(|file| string(file.source.consts.get(last_segment(value))?))
    })
}

/// The enum of this name that stands beside `here`, or else elsewhere in the service: two aggregates may each have an `Event`.
fn enum_of<'a>(
    here: &'a RustFile<'a>,
    files: &'a [RustFile<'a>],
    service: &Service,
    name: &str,
) -> Option<(&'a RustFile<'a>, &'a crate::rust::Enum)> {
    let own = files.iter().filter(|file| file.service.as_ref() == Some(service));
    let mut near = std::iter::once(here).chain(own);
    near.find_map(|file| Some((file, file.source.enums.iter().find(|found| found.name == name)?)))
}

/// What differs between lock and source, and the lock with what may be added.
fn compare(lock: &str, found: &Found<'_>, bless: bool) -> (Vec<Violation>, String) {
    let mut violations = Vec::new();
    let mut locked: BTreeMap<(String, String, String), (u64, usize)> = BTreeMap::new();
    for (index, text) in lock.lines().enumerate().filter(|(_, text)| !text.is_empty() && !text.starts_with('#')) {
        let [service, kind, name] = text.split(' ').collect::<Vec<_>>()[..] else {
            violations.push(Violation::new(LOCK, index + 1, "a line is `SYSTEM/SERVICE KIND NAME`"));
            continue;
        };
        let (name, version) = name.split_once('@').map_or((name, 0), |(name, version)| (name, version.parse().unwrap_or(0)));
        locked.insert((service.into(), kind.into(), name.into()), (version, index + 1));
    }
    let mut lines = BTreeSet::new();
    let show = |(service, kind, name): &(String, String, String), version: u64| {
        if version == 0 { format!("{service} {kind} {name}") } else { format!("{service} {kind} {name}@{version}") }
    };
    for ((service, kind, name), (version, file, line)) in found {
        let key = (service.to_string(), (*kind).to_owned(), name.clone());
        let what = match locked.remove(&key) {
            Some((before, _)) if before > *version => {
                lines.insert(show(&key, before));
                violations.push(file.violation(*line, format!("the view {service} {name} goes back from version {before} to {version}")));
                continue;
            }
            Some((before, _)) if before == *version => None,
            Some((before, _)) => Some(format!("the view {service} {name} is raised from version {before} to {version}")),
            None => Some(format!("{service} has a new {kind}, `{name}`")),
        };
        lines.insert(show(&key, *version));
        if let (Some(what), false) = (what, bless) {
            violations.push(file.violation(*line, format!("{what}: run `cargo xtask tidy --bless` and commit {LOCK}")));
        }
    }
    for (key, (version, line)) in locked {
        lines.insert(show(&key, version));
        let what = format!(
            "`{}` is nowhere in the source, but stands in stores; renamed? If it may go, take this line out by hand",
            show(&key, version)
        );
        violations.push(Violation::new(LOCK, line, what));
    }
    let blessed = lines.into_iter().fold(HEAD.to_owned(), |text, line| text + &line + "\n");
    (violations, blessed)
}

#[cfg(test)]
mod tests {
    use super::super::rust_files;
    use super::*;

    const DOMAIN: &str = "impl Aggregate for Room { const NAME: &'static str = \"room\"; type Event = Happened; }
        enum Happened { Added, Moved { floor: u32 } }";
    const API: &str = "impl Published for Event { const SERVICE: &'static str = super::NAME; }
        #[serde(tag = \"eventType\")] pub enum Event { Added { id: u64 } }
        impl Call for Add { const SERVICE: &'static str = \"room\"; const NAME: &'static str = \"add\"; }";
    const VIEWS: &str = "impl Projection for Table { const NAME: &'static str = \"table\"; const VERSION: u32 = 2; }
        impl Resource for Row { const COLLECTION: &'static str = \"roomTables\"; }";
    const MOD: &str = "pub const NAME: &str = \"room\";";

    /// What is found, and the lock after a blessing.
    fn check(lock: &str, files: &[(&str, &str)], bless: bool) -> (Vec<String>, String) {
        let files: Vec<(String, &str)> = files.iter().map(|(name, text)| (format!("systems/s/src/room/{name}.rs"), *text)).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        let tree = Tree::of(&files);
        let mut violations = Vec::new();
        let files = rust_files(&tree, &mut violations);
        let found = scan(&files, &mut violations);
        let (differences, blessed) = compare(lock, &found, bless);
        violations.extend(differences);
        (violations.iter().map(ToString::to_string).collect(), blessed)
    }

    const ALL: &[(&str, &str)] = &[("domain", DOMAIN), ("api", API), ("views", VIEWS), ("mod", MOD)];

    #[test]
    fn all_kinds_of_names_are_found_and_blessed() {
        let (violations, lock) = check("", ALL, true);
        assert_eq!(violations, Vec::<String>::new());
        let lines: Vec<&str> = lock.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                "s/room aggregate room",
                "s/room call add",
                "s/room collection roomTables",
                "s/room event Added",
                "s/room fact room.Added",
                "s/room fact room.Moved",
                "s/room service room",
                "s/room view table@2",
            ]
        );
        assert_eq!(check(&lock, ALL, false), (Vec::new(), lock.clone()));
    }

    #[test]
    fn an_aggregate_has_the_events_that_stand_beside_it() {
        let aggregate = |name: &str, events: &str| {
            format!("impl Aggregate for A {{ const NAME: &'static str = \"{name}\"; type Event = Event; }} enum Event {{ {events} }}")
        };
        let (one, other) = (aggregate("one", "Opened"), aggregate("other", "Made, Ended"));
        let (_, lock) = check("", &[("domain/one", &one), ("domain/other", &other)], true);
        let facts: Vec<&str> = lock.lines().filter_map(|line| line.strip_prefix("s/room fact ")).collect();
        assert_eq!(facts, ["one.Opened", "other.Ended", "other.Made"]);
    }

    #[test]
    fn a_new_name_fails_until_it_is_blessed() {
        let (violations, _) = check("", ALL, false);
        assert_eq!(violations.len(), 8, "{violations:?}");
    }

    #[test]
    fn a_name_that_goes_fails_whether_blessed_or_not() {
        let (_, lock) = check("", ALL, true);
        for bless in [false, true] {
            let (violations, after) = check(&lock, &[("domain", DOMAIN), ("api", API), ("mod", MOD)], bless);
            assert_eq!(violations.len(), 2, "{violations:?}");
            assert_eq!(after, lock);
        }
    }

    #[test]
    fn a_view_is_raised_by_a_blessing_and_never_lowered() {
        let (_, lock) = check("", ALL, true);
        let older = lock.replace("table@2", "table@1");
        assert_eq!(check(&older, ALL, false).0.len(), 1);
        assert_eq!(check(&older, ALL, true), (Vec::new(), lock.clone()));
        let newer = lock.replace("table@2", "table@3");
        assert_eq!(check(&newer, ALL, true).0.len(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for text in [
            "impl Aggregate for Room { const NAME: &'static str = OTHER; }",
            "impl Projection for Table { const NAME: &'static str = \"table\"; const VERSION: u32 = V; }",
            "impl Published for Event { const SERVICE: &'static str = \"other\"; } #[serde(tag = \"eventType\")] enum Event { A }",
            "impl Published for Event { const SERVICE: &'static str = \"room\"; } enum Event { A }",
            "impl Published for Event { const SERVICE: &'static str = \"room\"; }",
            "impl Policy for A { const NAME: &'static str = \"a\"; } impl Policy for B { const NAME: &'static str = \"a\"; }",
        ] {
            assert_eq!(check("", &[("domain", text)], true).0.len(), 1, "{text}");
        }
        assert_eq!(check("only two\n", &[], true).0.len(), 1);
    }
}
