//! The routes of the contract: for programs, for people, and about refusals. Everybody may see them, also without a token.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

use super::accept::wants_html;
use super::openapi::Paths;
use super::{System, asyncapi, openapi, page, problems};
use crate::Problem;
use crate::conditional::{self, Conditions};
use crate::finish::not_modified;

/// What is served, written once.
struct Documents {
    openapi: Document,
    asyncapi: Document,
    docs: Document,
}

/// A text with its tag.
struct Document {
    text: Bytes,
    tag: String,
}

impl Document {
    fn new(text: String) -> Self {
        Self { tag: conditional::tag(text.as_bytes()), text: text.into() }
    }

    /// The answer with it as `write` has it, or that it is still as whoever asks knows it.
    fn answer(&self, headers: &HeaderMap, write: fn(Bytes) -> Response) -> Result<Response, Problem> {
        let mut answer = write(self.text.clone());
        conditional::put(answer.headers_mut(), &self.tag);
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(match Conditions::of(headers).known(&self.tag)? {
            None => answer,
            Some(known) => not_modified(answer, &known),
        })
    }
}

/// The documents are made when they are first asked for: a start does not wait for them.
type Shared = Arc<LazyLock<Documents, Box<dyn FnOnce() -> Documents + Send>>>;

/// Path and what answers. All of them are GET.
fn offered() -> Vec<(&'static str, MethodRouter<Shared>)> {
    vec![
        ("/openapi.json", get(async |State(shared): State<Shared>, headers: HeaderMap| shared.openapi.answer(&headers, json))),
        ("/asyncapi.json", get(async |State(shared): State<Shared>, headers: HeaderMap| shared.asyncapi.answer(&headers, json))),
        ("/docs", get(async |State(shared): State<Shared>, headers: HeaderMap| shared.docs.answer(&headers, html))),
        ("/errors", get(list)),
        ("/errors/{code}", get(show)),
    ]
}

/// The paths of the contract's own routes, each of which answers a GET.
pub fn declared() -> Vec<&'static str> {
    offered().into_iter().map(|(path, _)| path).collect()
}

/// The routes of the contract of what `systems` makes, whose paths stand as `paths` says.
pub fn router(systems: impl FnOnce() -> Vec<System> + Send + 'static, paths: Paths) -> Router {
    let make: Box<dyn FnOnce() -> Documents + Send> = Box::new(move || {
        let systems = systems();
        let openapi = openapi::document(&systems, paths);
        Documents {
            docs: Document::new(page::docs(&openapi)),
            openapi: Document::new(openapi.to_string()),
            asyncapi: Document::new(asyncapi::document(&systems).to_string()),
        }
    });
    let shared: Shared = Arc::new(LazyLock::new(make));
    offered().into_iter().fold(Router::new(), |router, (path, answers)| router.route(path, answers)).with_state(shared)
}

fn json(text: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// A page of ours has no script and asks for nothing else.
fn html(text: impl Into<Bytes>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"),
        (header::VARY, "accept"),
    ];
    (headers, text.into()).into_response()
}

fn markdown(text: impl Into<Bytes>) -> Response {
    ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8"), (header::VARY, "accept")], text.into()).into_response()
}

async fn list(headers: HeaderMap) -> Response {
    if wants_html(&headers) { html(page::errors()) } else { markdown(page::errors_as_markdown()) }
}

async fn show(code: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Result<Response, Problem> {
    let Path(code) = code.map_err(|_| Problem::not_found())?;
    let found = problems::find(&code).ok_or_else(Problem::not_found)?;
    Ok(if wants_html(&headers) { html(page::error(found)) } else { markdown(found.text) })
}
