//! What is done to every answer before it goes out: tags, the conditions of who reads, and what who writes would rather have.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt;

use crate::conditional::{self, Conditions};
use crate::incoming::{Reply, internal};
use crate::stream::Streamed;
use crate::{Problem, prefer};

/// What a request says of its answer.
pub(crate) struct Finish {
    /// Of a read, when it wants an answer at all; of a write, that is decided with it.
    conditions: Option<Conditions>,
    /// Whether a write would rather not be answered with what it wrote.
    is_minimal: bool,
    /// Whether it depends on who asks.
    is_personal: bool,
}

impl Finish {
    pub(crate) fn of(method: &Method, headers: &HeaderMap, is_personal: bool) -> Self {
        let is_read = method.is_safe();
        Self { conditions: is_read.then(|| Conditions::of(headers)), is_minimal: !is_read && prefer::is_minimal(headers), is_personal }
    }

    /// The answer as it goes out.
    pub(crate) async fn finish(&self, mut response: Response) -> Reply {
        if self.is_personal {
            response.headers_mut().append(header::VARY, HeaderValue::from_static("authorization"));
        }
        if response.extensions().get::<Streamed>().is_some() {
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            return Ok(response);
        }
        match (&self.conditions, response.status()) {
            (Some(conditions), StatusCode::OK) => {
                // It may be kept, and is asked for again with its tag.
                let caches = if self.is_personal { "private, no-cache" } else { "no-cache" };
                response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(caches));
                let (response, tag) = tagged(response).await?;
                Ok(match conditions.known(&tag)? {
                    None => response,
                    Some(known) => not_modified(response, &known),
                })
            }
            (None, status) if status.is_success() => {
                // What was made, or stood already, is shown as it stands, so this is its tag.
                let is_shown = matches!(status, StatusCode::CREATED | StatusCode::OK);
                let response = if is_shown { tagged(response).await?.0 } else { response };
                Ok(if self.is_minimal { prefer::minimal(response) } else { response })
            }
            _ => Ok(response),
        }
    }
}

/// An answer with the tag of its body. Answers are made in memory.
async fn tagged(response: Response) -> Result<(Response, String), Problem> {
    let (mut parts, body) = response.into_parts();
    let body: Bytes = body.collect().await.map_err(|_| internal(&"an answer broke off"))?.to_bytes();
    let tag = conditional::tag(&body);
    conditional::put(&mut parts.headers, &tag);
    Ok((Response::from_parts(parts, body.into()), tag))
}

/// That it is as it was when it was sent with this tag.
pub(crate) fn not_modified(response: Response, tag: &str) -> Response {
    let mut headers = response.into_parts().0.headers;
    conditional::without_content(&mut headers);
    conditional::put(&mut headers, tag);
    // The whole answer might have been made smaller.
    headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    (StatusCode::NOT_MODIFIED, headers, Body::empty()).into_response()
}
