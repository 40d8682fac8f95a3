//! Which of two forms of a page a client would rather have.

use axum::http::{HeaderMap, header};

/// Whether a page is wanted as HTML rather than as Markdown. A browser says so; who takes anything gets what stands in the file.
pub(super) fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT);
    let ranges: Vec<(&str, f32)> =
        accepted.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(range).collect();
    quality(&ranges, "text/html") > quality(&ranges, "text/markdown").max(quality(&ranges, "text/plain"))
}

/// A range of types with its weight: `text/*;q=0.5`.
fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
    (kind, weight)
}

/// The weight of a type: that of the most specific range that it lies in.
fn quality(ranges: &[(&str, f32)], kind: &str) -> f32 {
    let group = kind.split_once('/').map_or(kind, |(group, _)| group);
    let weight = |wanted: &str| ranges.iter().find(|(range, _)| range.eq_ignore_ascii_case(wanted)).map(|(_, weight)| *weight);
    weight(kind).or_else(|| weight(&format!("{group}/*"))).or_else(|| weight("*/*")).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_browser_gets_html_and_everyone_else_what_they_ask_for() {
        let check = |accept: &str, html: bool| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_str(accept).unwrap())]);
            assert_eq!(wants_html(&headers), html, "{accept}");
        };
        check("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true);
        check("text/html", true);
        check("*/*", false);
        check("text/*", false);
        check("text/markdown", false);
        check("text/html;q=0.5, text/markdown", false);
        check("text/html, text/plain;q=0.2", true);
        check("application/json", false);
        check("", false);
        assert!(!wants_html(&HeaderMap::new()));
    }
}
