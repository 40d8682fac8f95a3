//! A service's routes, and what stands before all of them.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::{Method, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use bytes::Bytes;
use clock::timeout;
use futures_util::FutureExt;
use http_body_util::{BodyExt, Collected, LengthLimitError, Limited};
use kernel::{Resource, Timestamp};
use runtime::ServiceHandle;

use crate::incoming::{Incoming, Reply, internal};
use crate::{FieldError, Problem};

/// What one request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest body, in bytes.
    pub body: usize,
    /// How long a request may take, its body included.
    pub time: Duration,
    /// The longest path and query, in bytes.
    pub uri: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 64 * 1024, time: Duration::from_secs(10), uri: 8 * 1024 }
    }
}

/// The routes of one service, collected by its `http.rs`.
pub struct Routes {
    service: ServiceHandle,
    base: Arc<str>,
    limits: Limits,
    router: Router,
    methods: HashMap<String, Vec<&'static str>>,
}

impl Routes {
    /// No routes yet. `base` stands before every path: nothing, or the system's name.
    pub fn of(service: ServiceHandle, base: &str, limits: Limits) -> Self {
        Self { service, base: base.into(), limits, router: Router::new(), methods: HashMap::new() }
    }

    /// The rows of `R` can be listed, shown, and asked for their history.
    #[must_use]
    pub fn resource<R: Resource>(self) -> Self {
        self.resource_as::<R>(R::COLLECTION)
    }

    /// The same under another name of the collection.
    #[must_use]
    pub fn resource_as<R: Resource>(self, collection: &str) -> Self {
        self.get(&format!("/{collection}"), async |incoming: Incoming| incoming.list::<R>().await).item::<R>(collection)
    }

    /// The rows of `R` can be shown and asked for their history.
    #[must_use]
    pub fn item<R: Resource>(self, collection: &str) -> Self {
        self.get(&format!("/{collection}/{{id}}"), async |incoming: Incoming| incoming.show::<R>().await)
            .get(&format!("/{collection}/{{id}}/history"), async |incoming: Incoming| incoming.history::<R>().await)
    }

    /// A GET.
    #[must_use]
    pub fn get<F: Future<Output = Reply> + Send + 'static>(
        self,
        path: &str,
        handler: impl Fn(Incoming) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        self.route(MethodFilter::GET, &["GET", "HEAD"], path, handler)
    }

    /// A POST.
    #[must_use]
    pub fn post<F: Future<Output = Reply> + Send + 'static>(
        self,
        path: &str,
        handler: impl Fn(Incoming) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        self.route(MethodFilter::POST, &["POST"], path, handler)
    }

    /// A DELETE.
    #[must_use]
    pub fn delete<F: Future<Output = Reply> + Send + 'static>(
        self,
        path: &str,
        handler: impl Fn(Incoming) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        self.route(MethodFilter::DELETE, &["DELETE"], path, handler)
    }

    /// The routes, as axum serves them.
    pub fn into_router(self) -> Router {
        let mut router = self.router;
        for (path, methods) in self.methods {
            let allowed = methods.join(", ");
            router = router.route(&path, axum::routing::any(async move || Problem::method_not_allowed(allowed)));
        }
        router
    }

    fn route<F: Future<Output = Reply> + Send + 'static>(
        mut self,
        filter: MethodFilter,
        methods: &[&'static str],
        path: &str,
        handler: impl Fn(Incoming) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        let (service, base, limits) = (self.service.clone(), Arc::clone(&self.base), self.limits);
        let guarded = move |request: Request<Body>| {
            let (service, base, handler) = (service.clone(), Arc::clone(&base), handler.clone());
            async move { guard(service, base, limits, request, handler).await }
        };
        self.router = self.router.route(path, on(filter, guarded));
        self.methods.entry(path.into()).or_default().extend(methods);
        self
    }
}

/// What stands before every handler: the fault switch, the limits, and a net under whatever panics.
async fn guard<F: Future<Output = Reply>>(
    service: ServiceHandle,
    base: Arc<str>,
    limits: Limits,
    request: Request<Body>,
    handler: impl Fn(Incoming) -> F,
) -> Response {
    let clock = Arc::clone(service.clock());
    let handled = AssertUnwindSafe(async {
        pass_faults(&service, request.method()).await?;
        let incoming = read(service.clone(), base, limits, request).await?;
        handler(incoming).await
    });
    let reply = match timeout(&*clock, limits.time, handled.catch_unwind()).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(_)) => Err(internal(&"a handler panicked")),
        // What was handed in goes on; that is why the client is told to ask again, not that nothing happened.
        Err(_) => Err(Problem::unavailable(service.name())),
    };
    reply.unwrap_or_else(IntoResponse::into_response)
}

/// A service that is stopped, delayed or made to refuse is so for clients as well.
async fn pass_faults(service: &ServiceHandle, method: &Method) -> Result<(), Problem> {
    let fault = service.fault();
    if fault.down {
        return Err(Problem::unavailable(service.name()));
    }
    if !fault.delay.is_zero() {
        service.clock().sleep(fault.delay).await;
    }
    if fault.refuse && !method.is_safe() {
        return Err(Problem::new(axum::http::StatusCode::CONFLICT, "refused-on-purpose", "The fault switch makes this service refuse."));
    }
    Ok(())
}

async fn read(service: ServiceHandle, base: Arc<str>, limits: Limits, request: Request<Body>) -> Result<Incoming, Problem> {
    let (mut parts, body) = request.into_parts();
    if parts.uri.to_string().len() > limits.uri {
        return Err(Problem::uri_too_long());
    }
    let parameters = RawPathParams::from_request_parts(&mut parts, &())
        .await
        .map_err(|_| Problem::not_found())?
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let body = read_body(body, limits.body).await?;
    let path = parts.uri.path();
    let at = service.now();
    Ok(Incoming {
        path: path.strip_prefix(&*base).unwrap_or(path).to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        base,
        method: parts.method,
        headers: parts.headers,
        body,
        parameters,
        at,
        deadline: at.checked_add(limits.time).unwrap_or(Timestamp::MAX),
        service,
    })
}

/// The whole body, if it has no more bytes than `limit`.
pub(crate) async fn read_body(body: Body, limit: usize) -> Result<Bytes, Problem> {
    let read = Limited::new(body, limit).collect().await.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
        Some(_) => Problem::too_large(),
        None => Problem::unprocessable(vec![FieldError::new("", "unreadable", "the body could not be read to its end")]),
    });
    read.map(Collected::to_bytes)
}
