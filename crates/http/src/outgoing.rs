//! Requests that this process makes itself: for keys, to deliver traces, and of the command line to a process that serves.

use axum::http::{Request, StatusCode, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Asks other servers, over connections that are kept. Clones share them.
///
/// Without TLS there is no need to know any authorities.
#[derive(Clone)]
pub enum Outgoing {
    /// http
    Plain(Client<HttpConnector, Full<Bytes>>),
    /// https
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl Outgoing {
    /// What asks the server at this address.
    ///
    /// # Errors
    /// When TLS cannot be had because this machine knows no authorities.
    pub fn to(uri: &Uri) -> Result<Self, String> {
        let client = Client::builder(TokioExecutor::new());
        if uri.scheme_str() == Some("http") {
            return Ok(Self::Plain(client.build_http()));
        }
        let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(rustls::crypto::ring::default_provider());
        let tls = tls.map_err(|error| format!("TLS cannot be had: {error}"))?;
        Ok(Self::Tls(client.build(tls.https_only().enable_http1().build())))
    }

    /// Sends a request; the status and the body of its answer, which may have so many bytes.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn send(&self, request: Request<Full<Bytes>>, largest: usize) -> Result<(StatusCode, Bytes), String> {
        let answer = match self {
            Self::Plain(client) => client.request(request).await,
            Self::Tls(client) => client.request(request).await,
        };
        // The error itself says that connecting failed; what it comes from says why.
        let answer = answer.map_err(|error| std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), largest).collect().await.map_err(|error| error.to_string())?;
        Ok((status, body.to_bytes()))
    }
}
