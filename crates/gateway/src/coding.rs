//! Bodies made smaller on their way, for whoever can read that (RFC 9110, 8.4 and 12.5.3).

use std::io::Write;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt;

/// What is shorter fits into one packet as it is.
const WORTH_IT: u64 = 1024;

/// How hard zstd tries: little, for somebody waits.
const ZSTD_LEVEL: i32 = 1;

/// A way to make a body smaller. The one that is preferred comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Coding {
    Gzip,
    Zstd,
}

impl Coding {
    /// The one that a client would rather have; the better one of those it likes alike.
    pub(crate) fn wanted(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let wishes: Vec<_> = values.flat_map(|value| value.split(',')).map(wish).collect();
        let weight = |coding: Self| {
            let named = wishes.iter().find(|(name, _)| coding.is_named(name));
            named.or_else(|| wishes.iter().find(|(name, _)| *name == "*")).map_or(0, |(_, weight)| *weight)
        };
        let best = [Self::Gzip, Self::Zstd].into_iter().map(|coding| (weight(coding), coding)).max();
        best.filter(|(weight, _)| *weight > 0).map(|(_, coding)| coding)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn is_named(self, name: &str) -> bool {
        name.eq_ignore_ascii_case(self.name()) || (self == Self::Gzip && name.eq_ignore_ascii_case("x-gzip"))
    }

    fn encode(self, body: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(body)?;
                encoder.finish()
            }
            Self::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL),
        }
    }
}

/// A coding and how much it is wanted, in thousandths.
fn wish(text: &str) -> (&str, u32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    let weight =
        quality.map_or(Some(1.0), |(_, quality)| quality.trim().parse::<f32>().ok().filter(|quality| (0.0..=1.0).contains(quality)));
    // What cannot be read is not wanted.
    (name, weight.map_or(0, |weight| (weight * 1000.0) as u32))
}

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
    let Ok(smaller) = coding.encode(&body) else { return Response::from_parts(parts, body.into()) };
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    parts.headers.remove(header::CONTENT_LENGTH);
    // The bytes are others now, and the meaning is the same: that is what a weak tag says.
    if let Some(tag) = parts.headers.get_mut(header::ETAG)
        && !tag.as_bytes().starts_with(b"W/")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())
    {
        *tag = weak;
    }
    Response::from_parts(parts, Body::from(Bytes::from(smaller)))
}

/// A body that was whole in memory cannot break off; should it, nobody is shown half of it.
fn broken() -> Response {
    use axum::response::IntoResponse;
    edge::internal(&"an answer broke off").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_what_is_wanted_is_taken() {
        let check = |values: &[&str], coding: Option<Coding>| {
            let headers: HeaderMap = values.iter().map(|value| (header::ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap())).collect();
            assert_eq!(Coding::wanted(&headers), coding, "{values:?}");
        };
        let (gzip, zstd) = (Some(Coding::Gzip), Some(Coding::Zstd));
        check(&[], None);
        for value in [
            "",
            "identity",
            "br, deflate",
            "gzip;q=0",
            "*;q=0",
            "gzip;q=0, zstd;q=0.0, *",
            "gzip;q=x",
            "gzip;q=2",
            "gzip;q=-1",
            "gzip;q=NaN",
            ";,=;",
        ] {
            check(&[value], None);
        }
        for value in ["gzip", "GZIP", "x-gzip", "gzip, deflate, br", "gzip;q=1.0, zstd;q=0.5", "zstd;q=0, *", "gzip ; q=0.001"] {
            check(&[value], gzip);
        }
        for value in ["gzip, deflate, br, zstd", "*", "zstd;q=0.9, gzip;q=0.9", "identity;q=0, zstd"] {
            check(&[value], zstd);
        }
        check(&["br", "gzip"], gzip);
    }
}
