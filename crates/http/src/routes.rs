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
use axum::routing::{MethodFilter, MethodRouter, on};
use bytes::Bytes;
use clock::timeout;
use futures_util::FutureExt;
use http_body_util::{BodyExt, Collected, LengthLimitError, Limited};
use kernel::{Resource, Timestamp};
use runtime::ServiceHandle;
use utoipa::ToSchema;

use crate::auth::{Auth, Identity, Who};
use crate::contract::{Contract, Operation, Reads, lists, shows, tells};
use crate::incoming::{Incoming, Reply, internal};
use crate::{FieldError, Problem, idempotency};

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

/// How requests come in: what one may cost, and whether callers prove who they are.
#[derive(Clone)]
pub struct Entry {
    /// What one request may cost.
    pub limits: Limits,
    /// Whether callers prove who they are.
    pub auth: Auth,
}

impl Entry {
    /// Nobody has to prove who they are.
    pub const fn open(limits: Limits) -> Self {
        Self { limits, auth: Auth::Open }
    }
}

/// The routes of one service, collected by its `http.rs`.
#[derive(Default)]
pub struct Routes(Vec<Route>);

struct Route {
    methods: &'static [&'static str],
    operation: Arc<Operation>,
    make: Box<dyn FnOnce(Place) -> MethodRouter>,
}

/// Where a route stands.
#[derive(Clone)]
struct Place {
    service: ServiceHandle,
    base: Arc<str>,
    entry: Entry,
}

/// What a route says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its method.
    pub method: &'static str,
    /// Its path, behind the base.
    pub path: String,
    /// Who may use it.
    pub who: Who,
}

impl Routes {
    /// No routes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The rows of `R` can be listed, shown, and asked for their history.
    #[must_use]
    pub fn resource<R: Resource + ToSchema>(self, who: Who) -> Self {
        self.resource_as::<R>(R::COLLECTION, who)
    }

    /// The same under another name of the collection.
    #[must_use]
    pub fn resource_as<R: Resource + ToSchema>(self, collection: &str, who: Who) -> Self {
        let list = async |incoming: Incoming, (query, ())| incoming.list::<R>(&query).await;
        self.get(&format!("/{collection}"), who, lists::<R>(), list).item::<R>(collection, who)
    }

    /// The rows of `R` can be shown and asked for their history.
    #[must_use]
    pub fn item<R: Resource + ToSchema>(self, collection: &str, who: Who) -> Self {
        let show = async |incoming: Incoming, ()| incoming.show::<R>().await;
        self.get(&format!("/{collection}/{{id}}"), who, shows::<R>(), show).past::<R>(collection, who)
    }

    /// The rows of `R` can be asked for their history.
    #[must_use]
    pub fn past<R: Resource + ToSchema>(self, collection: &str, who: Who) -> Self {
        let tell = async |incoming: Incoming, ()| incoming.history::<R>().await;
        self.get(&format!("/{collection}/{{id}}/history"), who, tells::<R>(), tell)
    }

    /// A GET. The handler gets what its contract reads.
    #[must_use]
    pub fn get<Q: Reads, F: Future<Output = Reply> + Send + 'static>(
        self,
        path: &str,
        who: Who,
        contract: Contract<Q>,
        handler: impl Fn(Incoming, Q::Output) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        self.route(MethodFilter::GET, &["GET", "HEAD"], path, who, contract, handler)
    }

    /// A POST. The handler gets what its contract reads.
    #[must_use]
    pub fn post<Q: Reads, F: Future<Output = Reply> + Send + 'static>(
        self,
        path: &str,
        who: Who,
        contract: Contract<Q>,
        handler: impl Fn(Incoming, Q::Output) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        self.route(MethodFilter::POST, &["POST"], path, who, contract, handler)
    }

    /// A DELETE. The handler gets what its contract reads.
    #[must_use]
    pub fn delete<Q: Reads, F: Future<Output = Reply> + Send + 'static>(
        self,
        path: &str,
        who: Who,
        contract: Contract<Q>,
        handler: impl Fn(Incoming, Q::Output) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        self.route(MethodFilter::DELETE, &["DELETE"], path, who, contract, handler)
    }

    /// Who may use which route, in the order in which they were declared.
    pub fn declared(&self) -> impl Iterator<Item = Declared> {
        // Whoever may GET may HEAD: it is the same route.
        self.0.iter().map(|route| Declared { method: route.operation.method, path: route.operation.path.clone(), who: route.operation.who })
    }

    /// What each route says of itself, in the order in which they were declared.
    pub fn operations(&self) -> Vec<Arc<Operation>> {
        self.0.iter().map(|route| Arc::clone(&route.operation)).collect()
    }

    /// The routes of `service`, as axum serves them. `base` stands before every path: nothing, or the system's name.
    pub fn into_router(self, service: ServiceHandle, base: &str, entry: &Entry) -> Router {
        let place = Place { service, base: base.into(), entry: entry.clone() };
        let mut methods: HashMap<String, Vec<&'static str>> = HashMap::new();
        let mut router = Router::new();
        for route in self.0 {
            let path = &route.operation.path;
            methods.entry(path.clone()).or_default().extend(route.methods);
            router = router.route(path, (route.make)(place.clone()));
        }
        for (path, methods) in methods {
            let allowed = methods.join(", ");
            router = router.route(&path, axum::routing::any(async move || Problem::method_not_allowed(allowed)));
        }
        router
    }

    fn route<Q: Reads, F: Future<Output = Reply> + Send + 'static>(
        mut self,
        filter: MethodFilter,
        methods: &'static [&'static str],
        path: &str,
        who: Who,
        contract: Contract<Q>,
        handler: impl Fn(Incoming, Q::Output) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        let Contract { declaration, reads } = contract;
        let method = methods.first().copied().unwrap_or_default();
        let operation = Arc::new(Operation { method, path: path.into(), who, declaration });
        let (own, reads) = (Arc::clone(&operation), Arc::new(reads));
        let make = move |place: Place| {
            let guarded = move |request: Request<Body>| {
                let (place, operation, reads, handler) = (place.clone(), Arc::clone(&own), Arc::clone(&reads), handler.clone());
                let handled = move |incoming: Incoming| async move {
                    if !incoming.method.is_safe() {
                        // Also where the answer is known without it: a key that cannot be kept is never taken for one.
                        idempotency::key(&incoming.headers)?;
                    }
                    let read = reads.read(&incoming)?;
                    handler(incoming, read).await
                };
                async move { guard(place, &operation, request, handled).await }
            };
            on(filter, guarded)
        };
        self.0.push(Route { methods, operation, make: Box::new(make) });
        self
    }
}

/// What stands before every handler: who asks and whether they may, the fault switch, the limits, and a net under whatever panics.
async fn guard<F: Future<Output = Reply>>(
    place: Place,
    operation: &Operation,
    request: Request<Body>,
    handler: impl FnOnce(Incoming) -> F,
) -> Response {
    let Place { service, base, entry } = place;
    let who = operation.who;
    let clock = Arc::clone(service.clock());
    let handled = AssertUnwindSafe(async {
        let identity = entry.auth.identify(request.headers()).await?;
        if let Some(identity) = &identity {
            who.admit(identity)?;
        }
        let shown = identity.clone();
        let reply = async {
            pass_faults(&service, request.method()).await?;
            let incoming = read(service.clone(), base, entry.limits, who, identity, request).await?;
            if let Some(identity) = &incoming.identity {
                who.check(identity, &incoming.query, &incoming.body)?;
            }
            handler(incoming).await
        };
        let reply = reply.await;
        // Where it is tested, an answer that the contract does not name is a fault; where it runs, it is still an answer.
        debug_assert_eq!(operation.undeclared(&reply), None);
        match shown {
            Some(identity) => Ok(who.show(&identity, reply.unwrap_or_else(IntoResponse::into_response)).await),
            None => reply,
        }
    });
    let reply = match timeout(&*clock, entry.limits.time, handled.catch_unwind()).await {
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

async fn read(
    service: ServiceHandle,
    base: Arc<str>,
    limits: Limits,
    who: Who,
    identity: Option<Identity>,
    request: Request<Body>,
) -> Result<Incoming, Problem> {
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
        who,
        identity,
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
