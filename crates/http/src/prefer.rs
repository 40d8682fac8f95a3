//! What a client would rather have: `Prefer: return=minimal` (RFC 7240).

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Whether a client would rather not be sent what it has just made. Of several wishes of one name the first counts.
pub(crate) fn is_minimal(headers: &HeaderMap) -> bool {
    let all = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    let wishes = all.flat_map(|value| value.split(',')).filter_map(|wish| wish.split(';').next()?.split_once('='));
    let mut returns = wishes.filter(|(name, _)| name.trim().eq_ignore_ascii_case("return"));
    returns.next().is_some_and(|(_, value)| value.trim().trim_matches('"').eq_ignore_ascii_case("minimal"))
}

/// The answer to a write that succeeded, without its body. Where the row is, the answer says all the same.
pub(crate) fn minimal(response: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    if parts.status == StatusCode::OK {
        parts.status = StatusCode::NO_CONTENT;
    }
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(APPLIED, HeaderValue::from_static("return=minimal"));
    Response::from_parts(parts, Body::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimal_is_a_wish_among_others() {
        let check = |values: &[&str], minimal| {
            let headers: HeaderMap = values.iter().map(|value| (PREFER, HeaderValue::from_str(value).unwrap())).collect();
            assert_eq!(is_minimal(&headers), minimal, "{values:?}");
        };
        for value in
            ["return=minimal", "Return = Minimal", "respond-async, return=minimal; x=1", "return=\"minimal\"", "wait=5,return=minimal"]
        {
            check(&[value], true);
        }
        for value in
            ["", "return", "minimal", "return=representation", "return=representation, return=minimal", "x; return=minimal", ",,;=,"]
        {
            check(&[value], false);
        }
        check(&["wait=1", "return=minimal"], true);
    }
}
