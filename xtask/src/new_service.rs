use std::path::Path;

use crate::shell::Outcome;

/// The files of a new service: name, and text with `{{…}}` where its names come.
const TEMPLATES: &[(&str, &str)] = &[
    ("mod.rs", include_str!("../templates/service/mod.rs")),
    ("api.rs", include_str!("../templates/service/api.rs")),
    ("domain.rs", include_str!("../templates/service/domain.rs")),
    ("http.rs", include_str!("../templates/service/http.rs")),
    ("views.rs", include_str!("../templates/service/views.rs")),
];

/// Makes the folder of a service and declares it in its system's `lib.rs`.
pub(crate) fn run(root: &Path, system: &str, name: &str) -> Outcome {
    let is_name = |text: &str| text.starts_with(|letter: char| letter.is_ascii_lowercase()) && text.chars().all(is_name_letter);
    if !is_name(name) {
        return Err(format!("`{name}` is no name of a service: lower-case letters, digits and `_`, a letter first"));
    }
    if matches!(name, "api" | "lib" | "mod" | "self" | "super" | "crate" | "kernel" | "runtime") {
        return Err(format!("`{name}` means something else already"));
    }
    let source = root.join("systems").join(system).join("src");
    let lib = source.join("lib.rs");
    let text = std::fs::read_to_string(&lib).map_err(|error| format!("`{system}` is no system: {}: {error}", lib.display()))?;
    let folder = source.join(name);
    if folder.exists() {
        return Err(format!("{} stands already", folder.display()));
    }
    let write =
        |path: &Path, text: String| std::fs::write(path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()));
    std::fs::create_dir(&folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    for (file, template) in TEMPLATES {
        write(&folder.join(file), render(template, system, name))?;
        println!("made systems/{system}/src/{name}/{file}");
    }
    write(&lib, list(&declare(&text, name), name))?;
    println!("declared in systems/{system}/src/lib.rs");
    println!("next: say what it is for in mod.rs, then `cargo xtask tidy --bless` for its names and its schema");
    Ok(())
}

fn is_name_letter(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_'
}

/// A template with the names put in: `{{system}}`, `{{service}}` (waiting_list), `{{Service}}` (WaitingList), `{{collection}}` (waitingLists).
fn render(template: &str, system: &str, name: &str) -> String {
    let capital = |part: &str| part[..1].to_uppercase() + &part[1..];
    let pascal: String = name.split('_').filter(|part| !part.is_empty()).map(capital).collect();
    let item = pascal[..1].to_lowercase() + &pascal[1..];
    let names = [("system", system), ("service", name), ("Service", &pascal), ("item", &item), ("collection", &format!("{item}s"))];
    names.iter().fold(template.to_owned(), |text, (placeholder, value)| text.replace(&format!("{{{{{placeholder}}}}}"), value))
}

/// The text of `lib.rs` with one more line at the end of its table of services.
fn list(lib: &str, name: &str) -> String {
    let Some(table) = lib.find("const SERVICES") else { return lib.to_owned() };
    let Some(end) = lib[table..].find("];") else { return lib.to_owned() };
    let (before, after) = lib.split_at(table + end);
    format!("{before}    ({name}::service, {name}::routes),\n{after}")
}

/// The text of `lib.rs` with one more `pub mod`, at its place in the alphabet.
fn declare(lib: &str, name: &str) -> String {
    let line = format!("pub mod {name};");
    let mut lines: Vec<&str> = lib.lines().collect();
    let is_module = |text: &&str| text.starts_with("pub mod ") && text.ends_with(';');
    let after = lines.iter().position(|text| is_module(text) && **text > *line);
    let last = lines.iter().rposition(is_module).map(|last| last + 1);
    match after.or(last) {
        Some(at) => lines.insert(at, &line),
        None => lines.extend(["", &line]),
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust::Source;

    #[test]
    fn no_placeholder_is_left_and_what_is_made_is_rust() {
        for (file, template) in TEMPLATES {
            for name in ["waiting_list", "visit"] {
                let text = render(template, "meetingroom", name);
                assert!(!text.contains("{{") && !text.contains("}}"), "{file}: {text}");
                Source::read(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
            }
        }
    }

    #[test]
    fn names_take_the_form_of_their_place() {
        let text = render("{{system}} {{service}} {{Service}} {{item}} {{collection}}", "meetingroom", "waiting_list");
        assert_eq!(text, "meetingroom waiting_list WaitingList waitingList waitingLists");
    }

    #[test]
    fn a_service_is_declared_at_its_place() {
        let lib = "//! A system.\n\npub mod reserve;\npub mod room;\n\npub fn services() {}\n";
        let check = |name, expected: &str| assert_eq!(declare(lib, name), lib.replace("pub mod reserve;\npub mod room;\n", expected));
        check("conference", "pub mod conference;\npub mod reserve;\npub mod room;\n");
        check("ring", "pub mod reserve;\npub mod ring;\npub mod room;\n");
        check("schedule", "pub mod reserve;\npub mod room;\npub mod schedule;\n");
        assert_eq!(declare("//! A system.\n", "room"), "//! A system.\n\npub mod room;\n");
    }

    #[test]
    fn a_service_is_listed_last() {
        let lib = "const SERVICES: &[Member] = &[\n    (room::service, room::routes),\n];\n";
        let expected = "const SERVICES: &[Member] = &[\n    (room::service, room::routes),\n    (visit::service, visit::routes),\n];\n";
        assert_eq!(list(lib, "visit"), expected);
        assert_eq!(list("//! No table.\n", "visit"), "//! No table.\n");
    }

    #[test]
    fn a_folder_is_made_once_and_only_for_a_proper_name() {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("systems/meetingroom/src");
        std::fs::create_dir_all(&source).unwrap();
        std::fs::write(source.join("lib.rs"), "//! A system.\n").unwrap();
        assert!(run(root.path(), "meetingroom", "visit").is_ok());
        assert!(std::fs::read_to_string(source.join("lib.rs")).unwrap().contains("pub mod visit;"));
        assert_eq!(std::fs::read_dir(source.join("visit")).unwrap().count(), TEMPLATES.len());
        for (system, name) in
            [("meetingroom", "visit"), ("meetingroom", "Visit"), ("meetingroom", "../x"), ("meetingroom", ""), ("gone", "visit")]
        {
            assert!(run(root.path(), system, name).is_err(), "{system} {name}");
        }
    }
}
