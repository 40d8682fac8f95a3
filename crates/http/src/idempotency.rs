//! A client that sends an `Idempotency-Key` gets its request carried out once, however often it sends it.

use axum::http::{HeaderMap, Method, StatusCode};
use sha2::{Digest, Sha256};

use crate::Problem;

/// The header that carries the key.
pub const HEADER: &str = "idempotency-key";

/// The longest key that is kept.
const LONGEST: usize = 255;

/// The key that the request carries, if any.
///
/// # Errors
/// 400 `bad-idempotency-key` when there are several of them, or it is not 1 to 255 visible ASCII characters.
pub fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut keys = headers.get_all(HEADER).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    if keys.next().is_some() {
        return Err(bad("There is more than one idempotency key."));
    }
    match key.to_str() {
        Ok(key) if (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(key.into())),
        _ => Err(bad("An idempotency key is 1 to 255 visible ASCII characters.")),
    }
}

/// What tells two requests with one key apart. The body counts byte by byte: a client that repeats a request repeats its bytes.
pub fn fingerprint(method: &Method, path: &str, body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [method.as_str().as_bytes(), path.as_bytes(), body] {
        // The length stands before each part, so that no two requests run together into the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn bad(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad-idempotency-key", detail)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(keys: &[&[u8]]) -> Result<Option<String>, Problem> {
        let mut headers = HeaderMap::new();
        for key in keys {
            headers.append(HEADER, HeaderValue::from_bytes(key).unwrap());
        }
        key(&headers)
    }

    #[test]
    fn a_key_is_one_visible_text() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[b"8e03978e-40d5"]), Ok(Some("8e03978e-40d5".into())));
        assert!(read(&[&[b'k'; 255]]).is_ok());
        let refused = |keys: &[&[u8]]| assert_eq!(read(keys).unwrap_err().code, "bad-idempotency-key");
        refused(&[b""]);
        refused(&[b"a b"]);
        refused(&[&[b'k'; 256]]);
        refused(&["예약".as_bytes()]);
        refused(&[b"a", b"a"]);
    }

    #[test]
    fn each_part_of_a_request_counts() {
        let one = fingerprint(&Method::POST, "/reserves", b"{}");
        assert_eq!(one, fingerprint(&Method::POST, "/reserves", b"{}"));
        assert_ne!(one, fingerprint(&Method::PUT, "/reserves", b"{}"));
        assert_ne!(one, fingerprint(&Method::POST, "/rooms", b"{}"));
        assert_ne!(one, fingerprint(&Method::POST, "/reserves", b"{ }"));
    }

    proptest! {
        #[test]
        fn moving_bytes_between_path_and_body_makes_another_request(text in "[a-z/]{2,20}", split in 1_usize..20) {
            let split = split.min(text.len() - 1);
            let (path, body) = text.split_at(split);
            prop_assert_ne!(fingerprint(&Method::POST, path, body.as_bytes()), fingerprint(&Method::POST, &text, b""));
        }
    }
}
