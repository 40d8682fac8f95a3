//! Every code of a refusal has its page in `docs/errors`, with the status that the source gives it, and every page has its code.

use std::collections::{BTreeMap, BTreeSet};

use super::Violation;
use crate::tree::{File, Tree};

const FOLDER: &str = "docs/errors/";

/// What stands before a code where one is given, and the status that it means.
const STATUSES: &[(&str, u16)] = &[
    ("Forbidden", 403),
    ("NotFound", 404),
    ("Conflict", 409),
    ("Invalid", 422),
    ("Unavailable", 503),
    ("BAD_REQUEST", 400),
    ("UNAUTHORIZED", 401),
    ("FORBIDDEN", 403),
    ("NOT_FOUND", 404),
    ("METHOD_NOT_ALLOWED", 405),
    ("NOT_ACCEPTABLE", 406),
    ("REQUEST_TIMEOUT", 408),
    ("CONFLICT", 409),
    ("GONE", 410),
    ("PRECONDITION_FAILED", 412),
    ("PAYLOAD_TOO_LARGE", 413),
    ("URI_TOO_LONG", 414),
    ("UNSUPPORTED_MEDIA_TYPE", 415),
    ("UNPROCESSABLE_ENTITY", 422),
    ("PRECONDITION_REQUIRED", 428),
    ("TOO_MANY_REQUESTS", 429),
    ("REQUEST_HEADER_FIELDS_TOO_LARGE", 431),
    ("INTERNAL_SERVER_ERROR", 500),
    ("NOT_IMPLEMENTED", 501),
    ("BAD_GATEWAY", 502),
    ("SERVICE_UNAVAILABLE", 503),
    ("GATEWAY_TIMEOUT", 504),
];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut known = BTreeSet::new();
    let pages: BTreeMap<&str, &File> =
        tree.files().filter_map(|file| Some((file.path.strip_prefix(FOLDER)?.strip_suffix(".md")?, file))).collect();
    for file in tree.files().filter(|file| file.extension() == "rs" && !file.is_test() && !is_for_tests(&file.path)) {
        for (line, status, code) in codes(&file.text) {
            known.insert(code);
            match pages.get(code) {
                None => violations.push(Violation::new(&file.path, line, format!("`{code}` has no page: {FOLDER}{code}.md"))),
                Some(page) if !page.text.lines().any(|text| text == format!("`{code}`, status {status}")) => {
                    violations.push(Violation::new(
                        &file.path,
                        line,
                        format!("`{code}` is answered with {status}; {} says otherwise", page.path),
                    ));
                }
                Some(_) => {}
            }
        }
    }
    violations.extend(
        pages
            .iter()
            .filter(|(code, _)| !known.contains(*code))
            .map(|(code, page)| Violation::new(&page.path, 1, format!("nothing answers `{code}`"))),
    );
    violations
}

/// Whether a file is there to test or to measure others; what it refuses nobody who uses Yeyak is ever answered.
fn is_for_tests(path: &str) -> bool {
    path.starts_with("crates/testkit/") || path.starts_with("bench/") || path.contains("/conformance")
}

/// The codes of a file outside its tests: `…(Conflict, "slot-taken", …)`, with line and status.
fn codes(text: &str) -> Vec<(usize, u16, &str)> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let mut found = Vec::new();
    for (at, _) in text.match_indices('"') {
        let before = text[..at].trim_end();
        let Some(before) = before.strip_suffix(',') else { continue };
        let kind = before.rsplit(|letter: char| !(letter.is_alphanumeric() || letter == '_')).next().unwrap_or_default();
        let Some((_, status)) = STATUSES.iter().find(|(name, _)| *name == kind) else { continue };
        let Some((code, _)) = text[at + 1..].split_once('"') else { continue };
        if !code.is_empty() && code.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-') {
            found.push((text[..at].lines().count(), *status, code));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_where_they_are_given() {
        let check = |text, expected: &[(usize, u16, &str)]| assert_eq!(codes(text), expected, "{text}");
        check("Refused::new(RefusedKind::Conflict, \"slot-taken\", x)", &[(1, 409, "slot-taken")]);
        check("no(NotFound,\n    \"no-such-room\")", &[(2, 404, "no-such-room")]);
        check("Problem::new(StatusCode::BAD_REQUEST, \"malformed-json\", \"The body\")", &[(1, 400, "malformed-json")]);
        check("Self::new(RefusedKind::Standing, \"standing\", x)", &[]);
        check("(StatusCode::NOT_FOUND, \"Not a code\")", &[]);
        check("#[cfg(test)]\nmod tests {\nno(Conflict, \"c\")", &[]);
    }

    #[test]
    fn each_code_has_a_page_and_each_page_a_code() {
        let source = ("systems/s/src/a/domain.rs", "no(Conflict, \"slot-taken\")");
        let page = |status: u16| format!("# Taken · 사용 중\n\n`slot-taken`, status {status}\n");
        let (right, wrong) = (page(409), page(403));
        let count = |files: &[(&str, &str)]| check(&Tree::of(files)).len();
        assert_eq!(count(&[source, ("docs/errors/slot-taken.md", &right)]), 0);
        assert_eq!(count(&[source]), 1, "no page");
        assert_eq!(count(&[source, ("docs/errors/slot-taken.md", &wrong)]), 1, "another status");
        assert_eq!(count(&[("docs/errors/slot-taken.md", &right)]), 1, "no code");
    }
}
