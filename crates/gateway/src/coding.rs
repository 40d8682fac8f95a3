//! Bodies made smaller on their way, for whoever can read that.

use std::io::Write;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use edge::Coding;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt;

/// What is shorter fits into one packet as it is.
const WORTH_IT: u64 = 1024;

/// How hard zstd tries: little, for somebody waits.
const ZSTD_LEVEL: i32 = 1;

/// The answer, its body in this coding where that is worth it. What is told piece by piece goes out as it is told.
pub(crate) async fn encoded(mut answer: Response, coding: Option<Coding>) -> Response {
    let is_live = answer.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let is_encoded = answer.headers().contains_key(header::CONTENT_ENCODING);
    let is_long = answer.body().size_hint().exact().is_some_and(|length| length >= WORTH_IT);
    if is_live || is_encoded || !is_long {
        return answer;
    }
    // Also an answer that is not made smaller might have been.
    answer.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let Some(coding) = coding else { return answer };
    let (mut parts, body) = answer.into_parts();
    let Ok(body) = body.collect().await else { return broken() };
    let body = body.to_bytes();
    let Ok(smaller) = encode(coding, &body) else { return Response::from_parts(parts, body.into()) };
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    parts.headers.remove(header::CONTENT_LENGTH);
    // A weak tag is good for these bytes too.
    if let Some(tag) = parts.headers.get_mut(header::ETAG)
        && let Some(plain) = tag.to_str().ok().filter(|tag| !tag.starts_with("W/"))
        && let Ok(own) = HeaderValue::from_str(&coding.tag(plain))
    {
        *tag = own;
    }
    Response::from_parts(parts, Body::from(Bytes::from(smaller)))
}

fn encode(coding: Coding, body: &[u8]) -> std::io::Result<Vec<u8>> {
    match coding {
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(body)?;
            encoder.finish()
        }
        Coding::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL),
    }
}

/// A body that was whole in memory cannot break off; should it, nobody is shown half of it.
fn broken() -> Response {
    use axum::response::IntoResponse;
    edge::internal(&"an answer broke off").into_response()
}
