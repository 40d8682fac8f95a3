use axum::Router;
use axum::body::Body;
use axum::http::{Extensions, Request, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::Answer;

/// A request as a test writes it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method.
    pub method: &'static str,
    /// The path with its query.
    pub path: String,
    /// The body, if there is one.
    pub body: Option<String>,
    /// Headers beyond those that come with the body.
    pub headers: Vec<(String, String)>,
    /// What the server that takes it in knows of it.
    pub extensions: Extensions,
}

impl Asked {
    /// Without a body.
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None, headers: Vec::new(), extensions: Extensions::new() }
    }

    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    /// A POST of JSON.
    pub fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::new("POST", path).json(body)
    }

    /// A DELETE.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new("DELETE", path)
    }

    /// With JSON as its body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = Some(body.to_string());
        self
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With what a server adds: from where it comes, say.
    #[must_use]
    pub fn with(mut self, extension: impl Clone + Send + Sync + 'static) -> Self {
        self.extensions.insert(extension);
        self
    }

    /// To be done once for this key.
    #[must_use]
    pub fn once(self, key: impl Into<String>) -> Self {
        self.header("idempotency-key", key)
    }

    /// What it says, on one line.
    pub fn line(&self) -> String {
        let key = self.headers.iter().find(|(name, _)| name == "idempotency-key").map(|(_, key)| format!(" [{key}]"));
        format!("{} {} {}{}", self.method, self.path, self.body.as_deref().unwrap_or_default(), key.unwrap_or_default())
    }

    /// Sends it through a router.
    pub(crate) async fn send(self, router: Router) -> Answer {
        let asked = self.line();
        let (parts, body) = self.begin(router).await.into_parts();
        // The body was made in memory, so it is whole; one that is not shows as empty.
        let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { asked, status: parts.status, headers: parts.headers, text }
    }

    /// Sends it through a router, and leaves the body of the answer to be read.
    pub(crate) async fn begin(self, router: Router) -> Response {
        let asked = self.line();
        let mut request = Request::builder().method(self.method).uri(&self.path);
        if self.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(self.body.map_or_else(Body::empty, Body::from));
        let mut request = request.unwrap_or_else(|error| panic!("{asked} is no request: {error}"));
        request.extensions_mut().extend(self.extensions);
        match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

impl Answer {
    /// Whether it says nothing certain of earlier tries under the same key: too much is going on, the same request is still being
    /// worked on, or the fault switch refused it at the door.
    pub fn is_to_be_repeated(&self) -> bool {
        let code = self.json()["code"].clone();
        self.status == StatusCode::SERVICE_UNAVAILABLE || code == "request-in-progress" || code == "refused-on-purpose"
    }
}
