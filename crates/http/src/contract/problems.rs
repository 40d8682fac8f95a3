//! The pages of `docs/errors`, one for each code: they come with the binary, and say which codes there are.

use std::sync::LazyLock;

/// The names and texts of the pages, in the order of their names.
const TEXTS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// A page about a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The code.
    pub code: &'static str,
    /// The status that it is answered with.
    pub status: u16,
    /// What it means, in a few words of English.
    pub title: &'static str,
    /// The same, in Korean.
    pub korean_title: &'static str,
    /// The page, as Markdown.
    pub text: &'static str,
}

/// All pages, in the order of their codes.
pub fn all() -> &'static [Page] {
    static PAGES: LazyLock<Vec<Page>> = LazyLock::new(|| TEXTS.iter().filter_map(|(code, text)| read(code, text)).collect());
    &PAGES
}

/// The page about `code`.
pub fn find(code: &str) -> Option<&'static Page> {
    let pages = all();
    pages.binary_search_by(|page| page.code.cmp(code)).ok().and_then(|at| pages.get(at))
}

/// A page begins with `# Title · 제목` and, behind an empty line, `` `code`, status 409 ``.
fn read(code: &'static str, text: &'static str) -> Option<Page> {
    let mut lines = text.lines();
    let (title, korean_title) = lines.next()?.strip_prefix("# ")?.split_once(" · ")?;
    let status = lines.nth(1)?.strip_prefix(&format!("`{code}`, status "))?.parse().ok()?;
    Some(Page { code, status, title, korean_title, text })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_page_is_one() {
        let read: Vec<_> = all().iter().map(|page| page.code).collect();
        let written: Vec<_> = TEXTS.iter().map(|(code, _)| *code).collect();
        assert_eq!(read, written, "a page begins with `# Title · 제목`, an empty line, and `code`, status 409");
        assert!(read.is_sorted());
    }

    #[test]
    fn a_page_tells_in_both_languages_what_it_means_and_what_to_do_and_shows_an_answer() {
        for page in all() {
            let headings: Vec<_> = page.text.lines().filter(|line| line.starts_with("## ")).collect();
            assert_eq!(headings, ["## English", "## 한국어", "## Example · 예"], "{}", page.code);
            for begins in ["**What it means.** ", "**What you can do.** ", "**무슨 뜻인가요.** ", "**어떻게 하면 되나요.** "]
            {
                assert!(page.text.lines().any(|line| line.starts_with(begins)), "{}: {begins}", page.code);
            }
            let example = page.text.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
            let example: Value = serde_json::from_str(example).unwrap_or_else(|error| panic!("{}: {error}", page.code));
            assert_eq!(example["code"], page.code);
            assert_eq!(example["status"], page.status, "{}", page.code);
            assert_eq!(example["type"], format!("/errors/{}", page.code));
            let status = axum::http::StatusCode::from_u16(page.status).unwrap();
            let problem = crate::Problem::new(status, page.code, example["detail"].as_str().unwrap());
            assert_eq!(example["title"], problem.title(), "{}", page.code);
        }
    }

    #[test]
    fn codes_are_found() {
        assert_eq!(find("not-found").map(|page| page.status), Some(404));
        assert_eq!(find("no-such-code"), None);
    }
}
