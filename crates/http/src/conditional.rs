//! Entity tags, and requests that depend on them (RFC 9110, 13).
//!
//! A tag is a hash (XXH3, of 128 bits: decision 022) of the answer as its caller sees it: with what is hidden from them left out, and with the
//! moves that are possible now. So it changes whenever the answer does, tells nothing that the answer does not, and can be worked out again
//! where a command is decided. What is sent in a coding has a tag of that ([`Coding::tag`]), and whoever has one of them has seen the same:
//! here, and only here, that is known.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use twox_hash::XxHash3_128;

use crate::{Coding, Problem};

/// The most tags of one header that are looked at. A cache may know several answers, never so many.
const MOST_TAGS: usize = 64;

/// The tag of an answer with this body.
pub(crate) fn tag(body: &[u8]) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(XxHash3_128::oneshot(body).to_be_bytes()))
}

/// What a request says in `If-Match` and `If-None-Match`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    /// What stands must be one of these.
    matches: Option<Tags>,
    /// What stands must be none of these.
    matches_none: Option<Tags>,
    /// In which coding an answer would be sent, were it worth it.
    coding: Option<Coding>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Tags {
    /// `*`: whatever stands.
    Any,
    /// Each with its quotation marks, a weak one with `W/` before them.
    These(Vec<String>),
}

impl Tags {
    /// The tags of a header, if it is there. What is no tag matches nothing.
    fn of(headers: &HeaderMap, name: HeaderName) -> Option<Self> {
        let mut all = headers.get_all(name).iter().peekable();
        all.peek()?;
        let mut tags = Vec::new();
        for value in all {
            // A tag may have commas and bytes beyond ASCII in it; ours never have.
            let text = String::from_utf8_lossy(value.as_bytes());
            let parts: Vec<_> = text.split(',').map(|tag| tag.trim().to_owned()).collect();
            if parts == ["*"] {
                return Some(Self::Any);
            }
            tags.extend(parts);
        }
        tags.truncate(MOST_TAGS);
        Some(Self::These(tags))
    }

    /// The first of these that what has the tag `own` has in a coding that counts; a weak one of theirs counts when `weak` does.
    fn find(&self, own: &str, weak: bool, counts: impl Fn(Option<Coding>) -> bool) -> Option<&str> {
        let Self::These(tags) = self else { return None };
        let mut all = tags.iter().map(|tag| if weak { tag.strip_prefix("W/").unwrap_or(tag) } else { tag });
        all.find(|tag| Coding::of(tag, own).is_some_and(&counts))
    }

    /// Whether what has this tag, or nothing, is among these.
    fn have(&self, own: Option<&str>, weak: bool) -> bool {
        own.is_some_and(|own| *self == Self::Any || self.find(own, weak, |_| true).is_some())
    }
}

impl Conditions {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let [matches, matches_none] = [header::IF_MATCH, header::IF_NONE_MATCH].map(|name| Tags::of(headers, name));
        Self { matches, matches_none, coding: Coding::wanted(headers) }
    }

    pub(crate) const fn is_none(&self) -> bool {
        self.matches.is_none() && self.matches_none.is_none()
    }

    /// Whether a write may happen to what has this tag, or to nothing.
    pub(crate) fn admit(&self, own: Option<&str>) -> bool {
        self.matches.as_ref().is_none_or(|tags| tags.have(own, false))
            && !self.matches_none.as_ref().is_some_and(|tags| tags.have(own, true))
    }

    /// The tag under which a reader has what has this one already, if they have it: then a 304 says so. In a coding they have it only if it
    /// would be sent so now: what a cache has kept for others may be what this one cannot read.
    ///
    /// # Errors
    /// 412 when it is not what they expect.
    pub(crate) fn known(&self, own: &str) -> Result<Option<String>, Problem> {
        if self.matches.as_ref().is_some_and(|tags| !tags.have(Some(own), false)) {
            return Err(Problem::precondition_failed());
        }
        Ok(match &self.matches_none {
            None => None,
            Some(Tags::Any) => Some(own.to_owned()),
            Some(tags) => tags.find(own, true, |coding| coding.is_none() || coding == self.coding).map(str::to_owned),
        })
    }

    /// Whether something new may be made in a collection, which always stands, and whose tag nobody decides by.
    pub(crate) fn admit_new(&self) -> bool {
        self.matches.as_ref().is_none_or(|tags| *tags == Tags::Any) && self.matches_none.as_ref().is_none_or(|tags| *tags != Tags::Any)
    }
}

/// Takes from an answer all that its 304 must not say: what it is, and how long.
pub(crate) fn without_content(headers: &mut HeaderMap) {
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
        headers.remove(name);
    }
}

/// Writes a tag.
pub(crate) fn put(headers: &mut HeaderMap, tag: &str) {
    if let Ok(value) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, value);
    }
}

impl Problem {
    /// 412: what stands is not what the request expects.
    pub fn precondition_failed() -> Self {
        let detail = "This has changed since you looked, or is not what If-Match or If-None-Match says. Look again.";
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition-failed", detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(headers: &[(HeaderName, &str)]) -> Conditions {
        Conditions::of(&headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect())
    }

    #[test]
    fn a_write_happens_to_what_is_expected_alone() {
        let check = |name: HeaderName, value, own, admitted| {
            assert_eq!(conditions(&[(name.clone(), value)]).admit(own), admitted, "{name}: {value} of {own:?}");
        };
        let (own, none) = (Some("\"a\""), None);
        for (value, of_own, of_none) in [
            ("\"a\"", true, false),
            ("\"b\", \"a\"", true, false),
            ("\"b\"", false, false),
            // A weak one says too little for a write.
            ("W/\"a\"", false, false),
            ("a", false, false),
            ("", false, false),
            ("*", true, false),
            // Whoever was shown it in a coding was shown the same.
            ("\"a-gzip\"", true, false),
            ("\"b\", \"a-zstd\"", true, false),
            ("\"b-zstd\"", false, false),
            ("W/\"a-gzip\"", false, false),
        ] {
            check(header::IF_MATCH, value, own, of_own);
            check(header::IF_MATCH, value, none, of_none);
        }
        for (value, of_own) in
            [("\"a\"", false), ("W/\"a\"", false), ("\"b\"", true), ("*", false), ("", true), ("\"a-gzip\"", false), ("\"a-br\"", true)]
        {
            check(header::IF_NONE_MATCH, value, own, of_own);
            check(header::IF_NONE_MATCH, value, none, true);
        }
        assert!(conditions(&[]).admit(none) && conditions(&[]).is_none());
        let both = [(header::IF_MATCH, "\"b\""), (header::IF_MATCH, "\"a\"")];
        assert!(conditions(&both).admit(own), "two headers are one list");
    }

    #[test]
    fn a_reader_who_has_it_is_told_so() {
        let check = |headers: &[(HeaderName, &str)], known: Result<Option<&str>, u16>| {
            let found = conditions(headers).known("\"a\"");
            let found = found.as_ref().map(Option::as_deref).map_err(|problem| problem.status.as_u16());
            assert_eq!(found, known, "{headers:?}");
        };
        for value in ["\"a\"", "W/\"a\"", "\"b\",\"a\"", "*"] {
            check(&[(header::IF_NONE_MATCH, value)], Ok(Some("\"a\"")));
        }
        for value in ["\"b\"", "a", "", "W/a"] {
            check(&[(header::IF_NONE_MATCH, value)], Ok(None));
        }
        check(&[(header::IF_MATCH, "\"a\"")], Ok(None));
        check(&[(header::IF_MATCH, "\"a-zstd\"")], Ok(None));
        check(&[(header::IF_MATCH, "*")], Ok(None));
        check(&[(header::IF_MATCH, "W/\"a\"")], Err(412));
        check(&[(header::IF_MATCH, "\"b\""), (header::IF_NONE_MATCH, "\"a\"")], Err(412));
        // In another coding than they would be sent it in they may have it, and cannot read it.
        let coded = (header::IF_NONE_MATCH, "\"a-gzip\"");
        check(&[coded.clone(), (header::ACCEPT_ENCODING, "gzip")], Ok(Some("\"a-gzip\"")));
        check(&[coded.clone(), (header::ACCEPT_ENCODING, "zstd, gzip")], Ok(None));
        check(&[coded, (header::ACCEPT_ENCODING, "br")], Ok(None));
        check(&[(header::IF_NONE_MATCH, "\"a\""), (header::ACCEPT_ENCODING, "gzip")], Ok(Some("\"a\"")));
    }

    #[test]
    fn a_tag_is_one_of_its_body() {
        assert_eq!(tag(b"one"), tag(b"one"));
        assert_ne!(tag(b"one"), tag(b"two"));
        assert_eq!(tag(b"").len(), 24);
    }
}
