//! A service's routes, and what stands before all of them.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header::EXPECT;
use axum::http::{HeaderMap, Method, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use bytes::Bytes;
use clock::{Clock, Elapsed, timeout};
use futures_util::FutureExt;
use http_body_util::{BodyExt, Collected, LengthLimitError, Limited};
use kernel::{Resource, Timestamp};
use runtime::ServiceHandle;
use utoipa::ToSchema;

use crate::auth::{Auth, Identity, Offers, Who};
use crate::contract::{Contract, Operation, Reads, follows, lists, shows, tells};
use crate::finish::Finish;
use crate::incoming::{COME_BACK, Incoming, Reply, internal};
use crate::observer::Traced;
use crate::{FieldError, Peer, Problem, idempotency, position, request_id};

/// What one request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest body, in bytes.
    pub body: usize,
    /// How long a request's body may take to arrive, and how long the request may then take to be answered.
    pub time: Duration,
    /// The longest path and query, in bytes.
    pub uri: usize,
    /// How long a read waits for what its `Yeyak-Wait-For` names.
    pub wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 64 * 1024, time: Duration::from_secs(10), uri: 8 * 1024, wait: Duration::from_secs(2) }
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
pub struct Routes {
    routes: Vec<Route>,
    /// To whom the items of a collection are shown, as they are shown to them.
    items: BTreeMap<&'static str, Who>,
}

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
    items: Arc<BTreeMap<&'static str, Who>>,
    offers: Arc<Offers>,
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

    /// The rows of `R` can be listed, followed, shown, and asked for their history.
    #[must_use]
    pub fn resource<R: Resource + ToSchema>(self, who: Who) -> Self {
        self.resource_as::<R>(R::COLLECTION, who)
    }

    /// The same under another name of the collection.
    #[must_use]
    pub fn resource_as<R: Resource + ToSchema>(self, collection: &str, who: Who) -> Self {
        let list = async |incoming: Incoming, (query, ())| incoming.list::<R>(&query).await;
        let follow = async |incoming: Incoming, (filters, ())| incoming.follow::<R>(filters).await;
        self.get(&format!("/{collection}"), who, lists::<R>(), list)
            .get(&format!("/{collection}/stream"), who, follows::<R>(), follow)
            .item::<R>(collection, who)
    }

    /// The rows of `R` can be shown and asked for their history.
    #[must_use]
    pub fn item<R: Resource + ToSchema>(mut self, collection: &str, who: Who) -> Self {
        self.items.insert(R::COLLECTION, who);
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

    /// A PATCH. The handler gets what its contract reads.
    #[must_use]
    pub fn patch<Q: Reads, F: Future<Output = Reply> + Send + 'static>(
        self,
        path: &str,
        who: Who,
        contract: Contract<Q>,
        handler: impl Fn(Incoming, Q::Output) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        self.route(MethodFilter::PATCH, &["PATCH"], path, who, contract, handler)
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
        let declared = |operation: &Operation| Declared { method: operation.method, path: operation.path.clone(), who: operation.who };
        self.routes.iter().map(move |route| declared(&route.operation))
    }

    /// What each route says of itself, in the order in which they were declared.
    pub fn operations(&self) -> Vec<Arc<Operation>> {
        self.routes.iter().map(|route| Arc::clone(&route.operation)).collect()
    }

    /// The routes of `service`, as axum serves them. `base` stands before every path: nothing, or the system's name; `offers` are the whole
    /// system's.
    pub fn into_router(self, service: ServiceHandle, base: &str, entry: &Entry, offers: &Arc<Offers>) -> Router {
        let (items, offers) = (Arc::new(self.items), Arc::clone(offers));
        let place = Place { service, base: base.into(), entry: entry.clone(), items, offers };
        let mut methods: HashMap<String, Vec<&'static str>> = HashMap::new();
        let mut router = Router::new();
        for route in self.routes {
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
        self.routes.push(Route { methods, operation, make: Box::new(make) });
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
    let id = request_id::sent(request.headers()).map_or_else(|| place.service.new_id(), str::to_owned);
    // Boxed, or each of the futures around it would move all of it once more.
    let handled = Box::pin(AssertUnwindSafe(answer(place, operation, &id, request, handler)).catch_unwind());
    let reply = handled.await.unwrap_or_else(|_| Err(internal(&"a handler panicked")));
    let mut response = reply.unwrap_or_else(IntoResponse::into_response);
    request_id::put(response.headers_mut(), &id);
    response
}

/// The answer as its caller may see it, and as they want it.
async fn answer<F: Future<Output = Reply>>(
    place: Place,
    operation: &Operation,
    id: &str,
    mut request: Request<Body>,
    handler: impl FnOnce(Incoming) -> F,
) -> Reply {
    let who = operation.who;
    let (service, limits) = (place.service.clone(), place.entry.limits);
    let identity = match in_time(&service, limits, admitted(&place, who, request.method(), request.headers())).await {
        Ok(identity) => identity,
        Err(problem) => {
            drain(&mut request, limits, &**service.clock()).await;
            return Err(problem);
        }
    };
    let offers = Arc::clone(&place.offers);
    let (shown, finish) = (identity.clone(), Finish::of(request.method(), request.headers(), identity.is_some()));
    let decided = async |incoming: Incoming| {
        if let Some(identity) = &incoming.identity {
            who.check(identity, &incoming.query, &incoming.body)?;
        }
        if incoming.method.is_safe() {
            position::wait(&incoming.headers, &incoming.service, incoming.may_wait()).await?;
        }
        handler(incoming).await
    };
    // How long the client takes to send its body is no time that the service takes.
    let reply = match read(place, who, identity, id, request).await {
        // Where it is pinned it stays: moved, it would be a part of each future that waits for it, once more in each.
        Ok(incoming) => in_time(&service, limits, pin!(decided(incoming))).await,
        Err(problem) => Err(problem),
    };
    // Where it is tested, an answer that the contract does not name is a fault; where it runs, it is still an answer.
    debug_assert_eq!(operation.undeclared(&reply), None);
    let response = match (reply, shown) {
        (reply, Some(identity)) => who.show(&identity, &offers, reply.unwrap_or_else(IntoResponse::into_response)).await,
        (reply, None) => reply?,
    };
    finish.finish(response).await
}

/// What `work` comes to, unless it takes too long.
async fn in_time<T>(service: &ServiceHandle, limits: Limits, work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let done = timeout(&**service.clock(), limits.time, work).await;
    // What was handed in goes on; that is why the client is told to ask again, not that nothing happened.
    done.unwrap_or_else(|Elapsed| Err(Problem::unavailable(service.name())))
}

/// Who asks, if the head alone lets them in.
async fn admitted(place: &Place, who: Who, method: &Method, headers: &HeaderMap) -> Result<Option<Identity>, Problem> {
    // Whoever will be turned away is so before any work is done for it, or those who are not would wait for that work.
    if !method.is_safe() && place.service.turns_away() {
        return Err(Problem::overloaded(COME_BACK));
    }
    let identity = place.entry.auth.identify(headers).await?;
    if let Some(identity) = &identity {
        who.admit(identity)?;
    }
    pass_faults(&place.service, method).await?;
    Ok(identity)
}

/// Takes the body that goes with what is answered without it: a connection that is closed on what is still being sent is reset, and the
/// answer is lost.
pub(crate) async fn drain(request: &mut Request<Body>, limits: Limits, clock: &dyn Clock) {
    // Whoever asks beforehand whether to send it does not send it.
    let asks = request.headers().get(EXPECT).is_some_and(|expect| expect.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if !asks {
        let _ = read_body(std::mem::take(request.body_mut()), limits, clock).await;
    }
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

async fn read(place: Place, who: Who, identity: Option<Identity>, id: &str, request: Request<Body>) -> Result<Incoming, Problem> {
    let Place { service, base, entry: Entry { limits, .. }, items, offers } = place;
    let (mut parts, body) = request.into_parts();
    if parts.uri.path_and_query().map_or(0, |uri| uri.as_str().len()) > limits.uri {
        return Err(Problem::uri_too_long());
    }
    let parameters = RawPathParams::from_request_parts(&mut parts, &())
        .await
        .map_err(|_| Problem::not_found())?
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let peer = parts.extensions.remove::<Peer>();
    let trace = parts.extensions.remove::<Traced>().map(|Traced(context)| context);
    let body = read_body(body, limits, &**service.clock()).await?;
    let at = service.now();
    Ok(Incoming {
        // Whoever serves it below its base has taken that away already.
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        base,
        method: parts.method,
        headers: parts.headers,
        body,
        parameters,
        at,
        deadline: at.checked_add(limits.time).unwrap_or(Timestamp::MAX),
        wait: limits.wait,
        id: id.to_owned(),
        items,
        offers,
        service,
        who,
        identity,
        peer,
        trace,
    })
}

/// The whole body, if it is not too large, and arrives in time.
pub(crate) async fn read_body(body: Body, limits: Limits, clock: &dyn Clock) -> Result<Bytes, Problem> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let read = timeout(clock, limits.time, Limited::new(body, limits.body).collect()).await;
    let read = read.map_err(|Elapsed| Problem::too_slow())?.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
        Some(_) => Problem::too_large(),
        None => Problem::unprocessable(vec![FieldError::new("", "unreadable", "the body could not be read to its end")]),
    });
    read.map(Collected::to_bytes)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use clock::ManualClock;
    use futures_util::{StreamExt, stream};

    use super::*;

    #[tokio::test]
    async fn a_body_is_waited_for_no_longer_than_it_may_take() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let limits = Limits { body: 4, ..Limits::default() };
        let begun = || stream::iter(["{", "}"].map(|part| Ok::<_, Infallible>(Bytes::from(part))));
        assert_eq!(read_body(Body::from_stream(begun()), limits, &clock).await, Ok("{}".into()));
        let mut stalled = Box::pin(read_body(Body::from_stream(begun().chain(stream::pending())), limits, &clock));
        assert_eq!((&mut stalled).now_or_never(), None);
        clock.advance(limits.time - Duration::from_millis(1));
        assert_eq!((&mut stalled).now_or_never(), None);
        clock.advance(Duration::from_millis(1));
        assert_eq!(
            stalled.await.map_err(|problem| (problem.status.as_u16(), problem.code.to_string())),
            Err((408, "body-too-slow".into()))
        );
        assert_eq!(read_body(Body::from("12345"), limits, &clock).await.map_err(|problem| problem.status.as_u16()), Err(413));
    }
}
