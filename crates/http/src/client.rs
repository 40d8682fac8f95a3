//! A small HTTP client: one request, one answer, bounded. For issuers' keys, to deliver traces, and for the command line.

use axum::http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Asks one server. It follows no redirects, and speaks TLS with whom the machine's authorities vouch for.
#[derive(Clone)]
pub struct Client(Connection);

/// Without TLS there is no need to know any authorities.
#[derive(Clone)]
enum Connection {
    Plain(Hyper<HttpConnector, Full<Bytes>>),
    Tls(Hyper<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// What came back.
pub struct Answered {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its whole body.
    pub body: Bytes,
}

impl Client {
    /// One for addresses of this kind: `http` in plain, everything else by TLS.
    ///
    /// # Errors
    /// When TLS cannot be had, because this machine knows no authorities.
    pub fn to(uri: &Uri) -> Result<Self, String> {
        let client = Hyper::builder(TokioExecutor::new());
        if uri.scheme_str() == Some("http") {
            return Ok(Self(Connection::Plain(client.build_http())));
        }
        let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(rustls::crypto::ring::default_provider());
        let tls = tls.map_err(|error| format!("TLS cannot be had: {error}"))?;
        Ok(Self(Connection::Tls(client.build(tls.https_only().enable_http1().build()))))
    }

    /// Sends a request, with a bearer token and a JSON body if there are any, and reads an answer of up to `limit` bytes.
    ///
    /// # Errors
    /// Why there is no answer: a short text.
    pub async fn send(&self, method: Method, uri: Uri, token: Option<&str>, body: Option<Bytes>, limit: usize) -> Result<Answered, String> {
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(body.unwrap_or_default())).map_err(|error| error.to_string())?;
        self.ask(request, limit).await
    }

    /// Sends a request as it is, and reads an answer of up to `limit` bytes.
    ///
    /// # Errors
    /// Why there is no answer: a short text.
    pub async fn ask(&self, request: Request<Full<Bytes>>, limit: usize) -> Result<Answered, String> {
        let answer = match &self.0 {
            Connection::Plain(client) => client.request(request).await,
            Connection::Tls(client) => client.request(request).await,
        };
        // The error itself says that connecting failed; what it comes from says why.
        let answer = answer.map_err(|error| innermost(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, limit).collect().await.map_err(|error| error.to_string())?;
        Ok(Answered { status: head.status, headers: head.headers, body: body.to_bytes() })
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
