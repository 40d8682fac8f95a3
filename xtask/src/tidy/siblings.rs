//! A service touches its siblings through their `api` alone, and shows nothing else of itself.

use std::collections::BTreeSet;

use super::{RustFile, Service, Violation};

pub(super) fn check(files: &[RustFile<'_>]) -> Vec<Violation> {
    let services: BTreeSet<&Service> = files.iter().filter_map(|file| file.service.as_ref()).collect();
    let mut violations = Vec::new();
    for file in files {
        let Some(own) = &file.service else { continue };
        for path in &file.source.paths {
            // `crate` in `pub(crate)`, `self` in a method.
            if path.segments.len() == 1 && !path.glob {
                continue;
            }
            let (inner, segments) = file.source.resolve(path, &file.module);
            if !inner {
                continue;
            }
            let what = match segments.split_first() {
                None if path.glob => "everything of the crate is brought in; name what is used".into(),
                Some((first, rest))
                    if *first != own.name && is_service(&services, own, first) && rest.first().is_none_or(|next| next != "api") =>
                {
                    format!("`{}` reaches into {}/{first}; a sibling may use `crate::{first}::api` only", segments.join("::"), own.system)
                }
                _ => continue,
            };
            violations.push(file.violation(path.line, what));
        }
        if file.module.len() == 1 {
            let shown = file.source.mods.iter().filter(|found| found.public && found.name != "api");
            violations.extend(
                shown.map(|found| file.violation(found.line, format!("only `api` is public in a service, `{}` is not", found.name))),
            );
        }
    }
    violations
}

fn is_service(services: &BTreeSet<&Service>, own: &Service, name: &str) -> bool {
    services.contains(&Service { system: own.system.clone(), name: name.into() })
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        let siblings =
            [("systems/meetingroom/src/reserve/api.rs", ""), ("systems/meetingroom/src/room/mod.rs", "pub mod api; mod domain;")];
        let files: Vec<_> = siblings.into_iter().filter(|(other, _)| *other != path).chain([(path, text)]).collect();
        found(check, &files).len()
    }

    #[test]
    fn what_is_not_api_is_out_of_reach() {
        for text in [
            "use crate::reserve::domain::Calendar;",
            "use crate::reserve::{api::Reserved, calls};",
            "fn f() { super::super::reserve::calls::g() }",
            "use crate::reserve; fn f() {}",
            "mod tests { use super::super::super::reserve::domain; }",
            "use crate::*;",
        ] {
            assert_eq!(count("systems/meetingroom/src/room/http.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn api_and_what_is_ones_own_is_in_reach() {
        for text in [
            "use crate::reserve::api::{self, Reserved};",
            "use super::domain::Room; pub(crate) fn f(&self) {}",
            "use crate::room::domain::Room;",
            "use crate::vocabulary::Floor;",
            "use other::reserve::domain;",
        ] {
            assert_eq!(count("systems/meetingroom/src/room/http.rs", text), 0, "{text}");
        }
        assert_eq!(count("systems/meetingroom/src/lib.rs", "use crate::reserve::domain::Calendar;"), 0);
    }

    #[test]
    fn only_api_is_public() {
        assert_eq!(count("systems/meetingroom/src/room/mod.rs", "pub mod api; mod domain; #[cfg(test)] mod tests;"), 0);
        assert_eq!(count("systems/meetingroom/src/room/mod.rs", "pub mod api; pub(crate) mod domain; pub mod http;"), 2);
    }
}
