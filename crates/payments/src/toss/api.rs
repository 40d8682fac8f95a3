//! One request to Toss Payments, and one answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kernel::misread;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::settings::{SecretKey, TossError, TossSettings};
use super::wire::Said;

/// The largest answer that is read, in bytes. A page of transactions is the longest, at a few hundred each.
const LARGEST: usize = 2 * 1024 * 1024;

/// The door to Toss Payments: no redirects, TLS with whom the machine's authorities vouch for.
pub(super) struct Api {
    client: Connection,
    base: String,
    /// Marked as sensitive, so that it is shown nowhere.
    authorization: HeaderValue,
}

enum Connection {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// Why there is no answer to go by.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nobody was reached, so nothing has happened.
    Unreached(String),
    /// The request was sent, and what came of it is not known.
    Unknown(String),
    /// Toss says what is wrong.
    Said {
        /// The status of its answer.
        status: u16,
        /// Its code of the error; empty when it says none.
        code: String,
    },
}

impl Api {
    pub(super) fn new(base: &str, key: &SecretKey) -> Result<Self, TossError> {
        let base = base.trim_end_matches('/');
        if !TossSettings::is_base(base) {
            return Err(TossError::Base);
        }
        let client = Client::builder(TokioExecutor::new());
        let client = if base.starts_with("http:") {
            Connection::Plain(client.build_http())
        } else {
            let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(rustls::crypto::ring::default_provider());
            let tls = tls.map_err(|error| TossError::Tls(error.to_string()))?;
            Connection::Tls(client.build(tls.https_only().enable_http1().build()))
        };
        // The key is the user, and there is no password behind the colon.
        let encoded = STANDARD.encode(format!("{}:", key.reveal()));
        let mut authorization = HeaderValue::try_from(format!("Basic {encoded}")).map_err(|_| TossError::Key)?;
        authorization.set_sensitive(true);
        Ok(Self { client, base: base.into(), authorization })
    }

    /// Looks something up.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        self.ask(Request::get(format!("{}{path}", self.base)), Bytes::new()).await
    }

    /// Has something done, once for `key`.
    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, key: &str, body: &impl Serialize) -> Result<T, Trouble> {
        let body = serde_json::to_vec(body).map_err(|error| Trouble::Unreached(misread(&error)))?;
        let request = Request::post(format!("{}{path}", self.base)).header(CONTENT_TYPE, "application/json").header("Idempotency-Key", key);
        self.ask(request, body.into()).await
    }

    async fn ask<T: DeserializeOwned>(&self, request: hyper::http::request::Builder, body: Bytes) -> Result<T, Trouble> {
        let request = request.header(AUTHORIZATION, self.authorization.clone()).body(Full::new(body));
        let request = request.map_err(|error| Trouble::Unreached(error.to_string()))?;
        let answer = match &self.client {
            Connection::Plain(client) => client.request(request).await,
            Connection::Tls(client) => client.request(request).await,
        };
        let answer = answer.map_err(|error| {
            let why = innermost(&error);
            if error.is_connect() { Trouble::Unreached(why) } else { Trouble::Unknown(why) }
        })?;
        let status = answer.status();
        let body =
            Limited::new(answer.into_body(), LARGEST).collect().await.map_err(|error| Trouble::Unknown(error.to_string()))?.to_bytes();
        if status == StatusCode::OK {
            return serde_json::from_slice(&body).map_err(|error| Trouble::Unknown(misread(&error)));
        }
        let code = serde_json::from_slice::<Said>(&body).map(|said| said.code).unwrap_or_default();
        Err(Trouble::Said { status: status.as_u16(), code })
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
