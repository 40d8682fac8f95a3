//! In which language a person is told what went wrong: English, or Korean for whoever prefers it (`Accept-Language`, RFC 9110).
//!
//! Sentences stand in the code in English, where they are said. A [`Catalogue`] knows the same in Korean, sentence by sentence, as
//! gettext's catalogues do; what it does not know stays English. Codes, fields and members are for programs, and the same in both.

mod korean;

use axum::body::Body;
use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_LANGUAGE, CONTENT_LENGTH, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use crate::Problem;

/// What sentences mean in Korean: pairs of the English and the Korean one. `{}` stands for what changes from one time to the next; in the
/// Korean sentence `{0}` is the first of them, `{1}` the second, and `{1:}` the second where that is a sentence of its own.
pub type Sentences = &'static [(&'static str, &'static str)];

/// What is known in Korean.
#[derive(Clone, Debug)]
pub struct Catalogue(Vec<Sentences>);

impl Catalogue {
    /// What is said here, and what systems say themselves.
    pub fn new(systems: impl IntoIterator<Item = Sentences>) -> Self {
        Self([korean::SENTENCES].into_iter().chain(systems).collect())
    }

    /// The Korean sentence for an English one, if it is known.
    pub fn korean(&self, english: &str) -> Option<String> {
        self.said(english, true)
    }

    /// `is_whole` unless it is a part of another sentence. Such a part has no further ones: what people send stands in sentences too, and
    /// is no reason to go on.
    fn said(&self, english: &str, is_whole: bool) -> Option<String> {
        self.0.iter().copied().flatten().find_map(|(pattern, korean)| {
            let parts = matched(pattern, english)?;
            let part = |place: &str| {
                let part = |number: &str| parts.get(number.parse::<usize>().ok()?).copied();
                match place.strip_suffix(':') {
                    Some(number) if is_whole => part(number).map(|part| self.said(part, false).unwrap_or_else(|| part.to_owned())),
                    Some(number) => part(number).map(str::to_owned),
                    None => part(place).map(str::to_owned),
                }
            };
            Some(filled(korean, part))
        })
    }

    /// The problem as a reader of Korean is told it.
    fn translated(&self, mut problem: Problem) -> Problem {
        let tell = |text: &mut String| {
            if let Some(korean) = self.korean(text) {
                *text = korean;
            }
        };
        problem.title = self.korean(problem.title());
        tell(&mut problem.detail);
        problem.errors.iter_mut().for_each(|error| tell(&mut error.message));
        problem
    }
}

/// A Korean sentence with its parts. It is gone through once, so that what stands in a part is never taken for a place.
fn filled(korean: &str, part: impl Fn(&str) -> Option<String>) -> String {
    let (mut text, mut rest) = (String::new(), korean);
    while let Some((before, behind)) = rest.split_once('{') {
        text.push_str(before);
        match behind.split_once('}').and_then(|(place, rest)| Some((part(place)?, rest))) {
            Some((part, after)) => {
                text.push_str(&part);
                rest = after;
            }
            None => {
                text.push('{');
                rest = behind;
            }
        }
    }
    text + rest
}

/// What stands in a sentence where its pattern has `{}`; nothing when it is another sentence.
fn matched<'a>(pattern: &str, sentence: &'a str) -> Option<Vec<&'a str>> {
    let mut literals = pattern.split("{}");
    let mut rest = sentence.strip_prefix(literals.next()?)?;
    let mut parts = Vec::new();
    let mut literals = literals.peekable();
    while let Some(literal) = literals.next() {
        // The last part reaches to the end, whatever stands in it.
        let end = if literals.peek().is_none() { rest.len().checked_sub(literal.len())? } else { rest.find(literal)? };
        let (part, behind) = rest.split_at_checked(end)?;
        rest = behind.strip_prefix(literal)?;
        parts.push(part);
    }
    rest.is_empty().then_some(parts)
}

/// Tells what went wrong in Korean, if that is preferred, or in English.
pub fn spoken(mut response: Response, korean: bool, catalogue: &Catalogue) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("accept-language"));
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(if korean { "ko" } else { "en" }));
    if !korean {
        return response;
    }
    headers.remove(CONTENT_LENGTH);
    response.map(|_| Body::from(catalogue.translated(problem).to_json()))
}

/// Whether Korean is preferred to English: what is not named is as good as `*`, and English goes first where both are as good.
pub fn prefers_korean(headers: &HeaderMap) -> bool {
    let (mut korean, mut english, mut any) = (None, None, 0.0_f32);
    let ranges = headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    for range in ranges {
        let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
        let weight = match weight.split_once('=') {
            Some((name, weight)) if name.trim().eq_ignore_ascii_case("q") => weight.trim().parse().unwrap_or(0.0),
            _ => 1.0_f32,
        };
        let weight = if (0.0..=1.0).contains(&weight) { weight } else { 0.0 };
        let better = |known: &mut Option<f32>| *known = Some(known.unwrap_or(0.0).max(weight));
        match tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "ko" => better(&mut korean),
            "en" => better(&mut english),
            "*" => any = weight,
            _ => {}
        }
    }
    korean.unwrap_or(any) > english.unwrap_or(any)
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use http_body_util::BodyExt;
    use serde_json::{Value, json};

    use super::*;
    use crate::FieldError;

    fn prefers(values: &[&str]) -> bool {
        let headers = values.iter().map(|value| (ACCEPT_LANGUAGE, HeaderValue::from_str(value).unwrap()));
        prefers_korean(&headers.collect())
    }

    #[test]
    fn korean_is_for_whoever_prefers_it() {
        for yes in ["ko", "ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", "KO", "fr, ko;q=0.1", "en;q=0.2, ko;q=0.3", "ko-Kore-KR", "en;q=0, *"] {
            assert!(prefers(&[yes]), "{yes}");
        }
        for no in [
            "ko;q=inf",
            "ko;q=2",
            "ko;Q=0.1, en;q=0.2",
            "ko; q = 0",
            "",
            "en",
            "*",
            "en, ko",
            "ko;q=0",
            "ko;q=x",
            "en-GB,ko;q=0.9",
            "kok",
            "fr",
            ";;,q=,",
        ] {
            assert!(!prefers(&[no]), "{no}");
        }
        assert!(prefers(&["en;q=0.5", "ko"]));
        assert!(!prefers(&[]));
    }

    #[test]
    fn a_pattern_gives_what_changes() {
        let check =
            |pattern, sentence, parts: Option<&[&str]>| assert_eq!(matched(pattern, sentence).as_deref(), parts, "{pattern} {sentence}");
        check("a", "a", Some(&[]));
        check("a", "ab", None);
        check("a{}", "abc", Some(&["bc"]));
        check("{}c", "abc", Some(&["ab"]));
        check("from {} to {}", "from 1 to 2 to 3", Some(&["1", "2 to 3"]));
        check("a{}a", "a", None);
        check("a{}b", "axc", None);
        check("{}é", "a", None);
        check("{}a", "é", None);
    }

    #[test]
    fn every_pattern_has_its_parts_in_korean() {
        for (english, korean) in korean::SENTENCES {
            let parts = english.matches("{}").count();
            let named =
                (0..9).filter(|number| korean.contains(&format!("{{{number}}}")) || korean.contains(&format!("{{{number}:}}"))).count();
            assert_eq!(parts, named, "{english}: {korean}");
            assert!(!korean.contains("{}"), "{korean}");
            assert_eq!(korean::SENTENCES.iter().filter(|(other, _)| other == english).count(), 1, "{english} stands twice");
        }
    }

    #[test]
    fn what_people_send_is_told_as_it_is() {
        let catalogue = Catalogue::new([&[("`{}` is no {}", "`{0}`은(는) {1}이(가) 아닙니다")] as Sentences]);
        let check = |english: &str, korean: &str| assert_eq!(catalogue.korean(english).as_deref(), Some(korean), "{english}");
        check("item 2: must be given", "2번째 항목: 꼭 있어야 합니다");
        check("item 2: `must be given` is no slot", "2번째 항목: `must be given`은(는) slot이(가) 아닙니다");
        check("`{1}{0}` is no {0}", "`{1}{0}`은(는) {0}이(가) 아닙니다");
        check("item {1}: {0}", "{1}번째 항목: {0}");
        check("item 1: item 2: item 3: must be given", "1번째 항목: 2번째 항목: item 3: must be given");
        let deep = "item 1: ".repeat(8_000);
        assert!(catalogue.korean(&deep).unwrap().len() < 2 * deep.len());
    }

    async fn told(problem: Problem, language: &str) -> (Value, HeaderMap) {
        let catalogue = Catalogue::new([&[("the room is on floor {}", "{0}층에 있는 회의실입니다")] as Sentences]);
        let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, language.parse().unwrap())]);
        let (head, body) = spoken(problem.into_response(), prefers_korean(&headers), &catalogue).into_parts();
        (serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap(), head.headers)
    }

    #[tokio::test]
    async fn a_problem_is_told_in_the_language_of_the_reader() {
        let mut problem = Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "a-code", "the room is on floor 3").with("floor", 3);
        problem.errors = vec![FieldError::new("roomId", "missing", "must be given"), FieldError::new("x", "y", "nobody knows this")];
        let (english, headers) = told(problem.clone(), "en").await;
        assert_eq!(english, serde_json::from_str::<Value>(&problem.to_json()).unwrap());
        assert_eq!((&headers[CONTENT_LANGUAGE], &headers[VARY]), (&"en".parse().unwrap(), &"accept-language".parse().unwrap()));
        let (korean, headers) = told(problem, "ko-KR").await;
        assert_eq!(headers[CONTENT_LANGUAGE], "ko");
        let errors = json!([
            {"field": "roomId", "code": "missing", "message": "꼭 있어야 합니다"}, {"field": "x", "code": "y", "message": "nobody knows this"},
        ]);
        assert_eq!((&korean["detail"], &korean["errors"], &korean["floor"]), (&json!("3층에 있는 회의실입니다"), &errors, &json!(3)));
        assert_eq!((&korean["code"], &korean["status"], &korean["type"]), (&json!("a-code"), &json!(422), &json!("/errors/a-code")));
        assert_eq!(korean["title"], "요청이 올바르지 않습니다");
    }
}
