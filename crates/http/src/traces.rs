//! Where traces are sent: OTLP over HTTP, in the binary form.

use std::time::Duration;

use axum::http::{Request, Uri, header};
use bytes::Bytes;
use clock::{SharedClock, timeout};
use http_body_util::Full;
use telemetry::{Ended, Resource, Tracer};

use crate::client::Client;

/// How long spans are gathered before they are sent together.
const GATHER: Duration = Duration::from_secs(1);

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to leave a collector alone that does not take what it is sent.
const PAUSE: Duration = Duration::from_secs(5);

/// The largest answer that is read. What it says is of no interest.
const LARGEST: usize = 64 * 1024;

/// Sends what a [`Tracer`] has recorded. What cannot be delivered is lost and counted: it neither grows nor holds anybody up.
pub struct Exporter {
    endpoint: Uri,
    client: Client,
    resource: Resource,
    tracer: Tracer,
    clock: SharedClock,
}

impl Exporter {
    /// One that sends to the collector at this address, to whose path `/v1/traces` is added unless it stands there.
    ///
    /// # Errors
    /// When it is none, or TLS cannot be had because this machine knows no authorities.
    pub fn new(endpoint: &str, resource: Resource, tracer: Tracer, clock: SharedClock) -> Result<Self, String> {
        let base = endpoint.trim_end_matches('/');
        let whole = if base.ends_with("/v1/traces") { base.to_owned() } else { format!("{base}/v1/traces") };
        let endpoint: Uri = whole.parse().map_err(|_| format!("{endpoint} is no address"))?;
        let client = Client::to(&endpoint)?;
        Ok(Self { endpoint, client, resource, tracer, clock })
    }

    /// Sends until the process ends.
    pub async fn run(&self) {
        let mut fails = false;
        loop {
            let spans = self.tracer.ended().await;
            match (self.deliver(&spans).await, fails) {
                (Ok(()), false) => {}
                (Ok(()), true) => {
                    tracing::info!(endpoint = %self.endpoint, "traces are delivered again");
                    fails = false;
                }
                (Err(why), told) => {
                    if !told {
                        tracing::warn!(endpoint = %self.endpoint, why, "traces cannot be delivered; they are dropped until they can be");
                    }
                    fails = true;
                    self.clock.sleep(PAUSE).await;
                }
            }
            if spans.len() < Tracer::AT_ONCE {
                self.clock.sleep(GATHER).await;
            }
        }
    }

    /// Sends what is left, once, before the process ends.
    pub async fn flush(&self) {
        loop {
            let spans = self.tracer.take();
            if spans.is_empty() || self.deliver(&spans).await.is_err() {
                return;
            }
        }
    }

    async fn deliver(&self, spans: &[Ended]) -> Result<(), String> {
        let delivered = timeout(&*self.clock, PATIENCE, self.send(spans)).await.unwrap_or_else(|_| Err("it does not answer".into()));
        self.tracer.count(spans.len(), delivered.is_ok());
        delivered
    }

    async fn send(&self, spans: &[Ended]) -> Result<(), String> {
        let body = Bytes::from(telemetry::request(&self.resource, spans));
        let request = Request::post(self.endpoint.clone()).header(header::CONTENT_TYPE, "application/x-protobuf").body(Full::new(body));
        let request = request.map_err(|error| error.to_string())?;
        let status = self.client.ask(request, LARGEST).await?.status;
        if status.is_success() { Ok(()) } else { Err(format!("it answers with {status}")) }
    }
}
