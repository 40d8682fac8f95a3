//! The id of a request: the caller's own when they sent a good one, else one of ours. It is on every answer, and the correlation of all
//! that the request leads to.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The header, in both directions.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken from a caller.
const LONGEST: usize = 128;

/// The id that a caller has sent, when it is one: 1 to 128 letters, digits and `-_.:/+=@`, once. Those can stand in a log, in a path of a
/// file and in a query without being taken for anything else.
pub fn sent(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(HEADER).iter();
    let (Some(one), None) = (all.next(), all.next()) else { return None };
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&byte);
    one.to_str().ok().filter(|id| (1..=LONGEST).contains(&id.len()) && id.bytes().all(is_safe))
}

/// Puts the id on an answer, or on a request in place of what was sent.
pub fn put(headers: &mut HeaderMap, id: &str) {
    // One that we made or took has no other letters than a header may have.
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(HEADER, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_when_it_is_short_safe_and_one() {
        let check = |ids: &[&[u8]], taken: Option<&str>| {
            let headers: HeaderMap = ids.iter().map(|id| (HEADER, HeaderValue::from_bytes(id).unwrap())).collect();
            assert_eq!(sent(&headers), taken, "{ids:?}");
        };
        check(&[b"019ab-7_x.y:z/+=@"], Some("019ab-7_x.y:z/+=@"));
        check(&[&[b'a'; 128]], Some(&"a".repeat(128)));
        check(&[], None);
        for bad in [&b""[..], b"a b", b"a\tb", b"\"a\"", b"a,b", "\u{c608}".as_bytes(), b"<a>", b"a%0a", &[b'a'; 129]] {
            check(&[bad], None);
        }
        check(&[b"a", b"b"], None);
    }
}
