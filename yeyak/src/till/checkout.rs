//! Where guests pay in their browser, where that brings them back, and where the provider tells that something has happened.
//!
//! All of it asks the system's own routes, as the installation itself: whoever has the link of a payment may pay it, whoever they are. What a
//! browser or a notice says is only ever a reason to look: the provider is asked before anything is done, and only if it knows of such a
//! payment the reservation is told, which asks once more and takes the money.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use clock::{SharedClock, timeout};
use edge::{Limits, request_id};
use kernel::{Call, Money};
use payments::api::Approve;
use payments::{Checkout, Notice, Provider};
use restaurant::reservation::api::reservation_of;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use super::pages;

/// So many payments are looked up at once. A provider is asked for each, and anybody can send notices.
const MOST: usize = 32;

/// How long a browser waits for what another does with its payment: as long as a provider may take.
const PATIENCE: Duration = <Approve as Call>::DEADLINE;

/// How long before it is looked at again.
const PAUSE: Duration = Duration::from_millis(250);

/// What the pages and the provider's notices need.
pub(crate) struct Desk {
    /// Who takes the money.
    pub(crate) provider: Arc<dyn Provider>,
    /// The system's routes, open to the installation itself.
    pub(crate) door: Router,
    /// Where guests reach the pages.
    pub(crate) address: String,
    /// What a request may cost.
    pub(crate) limits: Limits,
    /// By which time it is timed.
    pub(crate) clock: SharedClock,
}

/// The routes of a system's pages and notices, to stand beside its own.
pub(crate) fn routes(desk: Desk) -> Router {
    let counter = Arc::new(Counter { desk, places: Semaphore::new(MOST) });
    Router::new()
        .route("/checkout/{order}", get(pay))
        .route("/checkout/{order}/agreed", get(agreed))
        .route("/checkout/{order}/failed", get(failed))
        .route("/webhooks/toss", post(noticed))
        .with_state(counter)
}

struct Counter {
    desk: Desk,
    places: Semaphore,
}

/// How a payment stands.
enum Standing {
    /// It can be paid.
    Open {
        /// The number of its reservation.
        id: u64,
        /// How much.
        amount: Money,
        /// What the guest reads beside that.
        title: String,
    },
    /// It is paid, and the table reserved.
    Paid,
    /// Its table is not reserved, or no longer, and no money of it is kept.
    Undone,
    /// The same, but for money that is still to be given back.
    Owed,
    /// There is no such payment, or no longer.
    Over,
    /// It is being worked on.
    UnderWay,
    /// Nobody can tell now.
    Unsure,
}

/// What came of a payment that somebody says was agreed to.
enum Came {
    /// It is paid, and the table reserved.
    Paid,
    /// The provider knows of no such payment; it can still be paid.
    NotAgreed,
    /// The provider said no; it can still be paid.
    Declined,
    /// The table is free again, and no money is kept.
    Refused,
    /// The same, since before that.
    Undone,
    /// The table is not reserved, or no longer, and money is still to be given back.
    Owed,
    /// There was nothing to pay, or no longer.
    Over,
    /// Somebody else goes on with it.
    UnderWay,
    /// It could not be gone on with; ask again.
    NotNow,
    /// Nobody can tell; ask again.
    Unsure,
}

async fn pay(State(counter): State<Arc<Counter>>, Order(order): Order, headers: HeaderMap) -> Response {
    counter.show(&order, &headers, "").await
}

/// The browser comes back, with a payment that the guest has agreed to.
async fn agreed(
    State(counter): State<Arc<Counter>>,
    Order(order): Order,
    brought: Result<Query<Brought>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let payment = brought.map(|Query(Brought { payment_key })| payment_key).unwrap_or_default();
    let came = match counter.go_on(&order, &payment, &headers).await {
        Came::UnderWay => counter.outcome(&order, &headers).await,
        came => came,
    };
    match came {
        Came::Paid => page(StatusCode::OK, pages::said(pages::PAID)),
        Came::NotAgreed => counter.show(&order, &headers, pages::NOT_AGREED).await,
        Came::Declined => counter.show(&order, &headers, pages::DECLINED).await,
        Came::Refused => page(StatusCode::OK, pages::said(pages::REFUSED)),
        Came::Undone => page(StatusCode::NOT_FOUND, pages::said(pages::UNDONE)),
        Came::Owed => page(StatusCode::NOT_FOUND, pages::said(pages::OWED)),
        Came::Over => page(StatusCode::NOT_FOUND, pages::said(pages::OVER)),
        Came::NotNow => later(pages::NOT_NOW),
        Came::UnderWay | Came::Unsure => later(pages::UNSURE),
    }
}

/// The browser comes back without one. What it says of the reason is the provider's to tell, and was told there.
async fn failed(State(counter): State<Arc<Counter>>, Order(order): Order, headers: HeaderMap) -> Response {
    counter.show(&order, &headers, pages::NOT_AGREED).await
}

/// The order in a path. What can be none is nobody's.
struct Order(String);

impl<S: Send + Sync> FromRequestParts<S> for Order {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(Path::from_request_parts(parts, state).await.map(|Path(order)| order).unwrap_or_default()))
    }
}

/// What the browser brings back. It brings more, and nothing of it is trusted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Brought {
    #[serde(default)]
    payment_key: String,
}

/// The provider tells that something has happened. It repeats itself for as long as it is not answered 200, so that is what everything is
/// answered about which there is nothing to do, or no longer.
async fn noticed(State(counter): State<Arc<Counter>>, request: Request) -> Response {
    let Limits { body: most, time, .. } = counter.desk.limits;
    let (parts, body) = request.into_parts();
    let body = match timeout(&*counter.desk.clock, time, to_bytes(body, most)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let Some(Notice { order, payment }) = Notice::read(&body) else { return StatusCode::OK.into_response() };
    match counter.go_on(&order, &payment, &parts.headers).await {
        Came::Paid => {
            tracing::info!(order, "a payment that the provider told of stands");
            StatusCode::OK.into_response()
        }
        Came::NotAgreed | Came::Declined | Came::Refused | Came::Undone | Came::Owed | Came::Over => StatusCode::OK.into_response(),
        Came::UnderWay | Came::NotNow | Came::Unsure => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")]).into_response(),
    }
}

impl Counter {
    /// The page on which an order is paid, if it can be.
    async fn show(&self, order: &str, headers: &HeaderMap, first: &'static str) -> Response {
        match self.standing(order, headers).await {
            Standing::Open { amount, title, .. } => {
                let address = format!("{}/{order}", self.desk.address.trim_end_matches('/'));
                let (agreed, failed) = (format!("{address}/agreed"), format!("{address}/failed"));
                let shown = self.desk.provider.checkout_page(&Checkout { order: order.into(), amount, title, agreed, failed });
                page(StatusCode::OK, pages::with(first, shown))
            }
            Standing::Paid => page(StatusCode::OK, pages::said(pages::PAID)),
            Standing::Undone => page(StatusCode::NOT_FOUND, pages::said(pages::UNDONE)),
            Standing::Owed => page(StatusCode::NOT_FOUND, pages::said(pages::OWED)),
            Standing::Over => page(StatusCode::NOT_FOUND, pages::said(pages::OVER)),
            Standing::UnderWay | Standing::Unsure => later(pages::UNSURE),
        }
    }

    /// Goes on with a reservation whose payment somebody says was agreed to. Doing so twice is harmless.
    async fn go_on(&self, order: &str, payment: &str, headers: &HeaderMap) -> Came {
        let Ok(place) = self.places.try_acquire() else { return Came::Unsure };
        let (id, amount) = match self.standing(order, headers).await {
            Standing::Open { id, amount, .. } => (id, amount),
            Standing::Paid => return Came::Paid,
            Standing::Undone => return Came::Undone,
            Standing::Owed => return Came::Owed,
            Standing::Over => return Came::Over,
            Standing::UnderWay => return Came::UnderWay,
            Standing::Unsure => return Came::Unsure,
        };
        match self.desk.provider.has_agreed(order, amount, payment).await {
            Ok(true) => {}
            Ok(false) => return Came::NotAgreed,
            Err(_) => return Came::Unsure,
        }
        // From here on it is the reservation's own bound that counts.
        drop(place);
        let path = format!("/reservations/{id}/payment");
        let (status, problem) = self.ask("POST", &path, headers, json!({"paymentKey": payment}).to_string()).await;
        if status == StatusCode::OK {
            return Came::Paid;
        }
        // Somebody else was first, with the same or with nothing; or it comes to nothing, which may take a moment yet.
        let is_late = matches!(problem["code"].as_str(), Some("not-waiting" | "request-in-progress" | "taken-back"));
        match self.standing(order, headers).await {
            Standing::Paid => Came::Paid,
            Standing::Undone | Standing::Over => Came::Refused,
            Standing::Owed => Came::Owed,
            Standing::Open { .. } | Standing::UnderWay if is_late => Came::UnderWay,
            Standing::Open { .. } if problem["code"] == "payment-declined" => Came::Declined,
            Standing::Open { .. } if status.is_client_error() => Came::NotAgreed,
            Standing::Open { .. } => Came::NotNow,
            Standing::UnderWay | Standing::Unsure => Came::Unsure,
        }
    }

    /// What came of a payment with which somebody else goes on, unless that takes too long.
    async fn outcome(&self, order: &str, headers: &HeaderMap) -> Came {
        let outcome = async {
            loop {
                match self.standing(order, headers).await {
                    Standing::Paid => return Came::Paid,
                    Standing::Undone | Standing::Over => return Came::Refused,
                    Standing::Owed => return Came::Owed,
                    Standing::Unsure => return Came::Unsure,
                    Standing::Open { .. } | Standing::UnderWay => self.desk.clock.sleep(PAUSE).await,
                }
            }
        };
        timeout(&*self.desk.clock, PATIENCE, outcome).await.unwrap_or(Came::Unsure)
    }

    /// How the payment of an order stands. Whoever guesses a number does not know the order: that is compared with what was asked for.
    async fn standing(&self, order: &str, headers: &HeaderMap) -> Standing {
        let Some(id) = reservation_of(order) else { return Standing::Over };
        let (found, deposit) = self.ask("GET", &format!("/deposits/{id}"), headers, String::new()).await;
        match found {
            StatusCode::OK if deposit["order"] == order => {}
            StatusCode::OK => return Standing::Over,
            // Of what never stood the deposit is not shown.
            StatusCode::NOT_FOUND => {}
            _ => return Standing::Unsure,
        }
        let (found, reservation) = self.ask("GET", &format!("/reservations/{id}"), headers, String::new()).await;
        match found {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Standing::Over,
            _ => return Standing::Unsure,
        }
        match (reservation["status"].as_str(), deposit["status"].as_str(), serde_json::from_value(deposit["amount"].clone())) {
            (Some("DepositPending"), Some("PayRequested"), Ok(amount)) => {
                let text = |name: &str| reservation[name].as_str().unwrap_or_default().to_owned();
                let title = format!("예약금 · Deposit: {}, {} {}", text("restaurantNo"), text("day"), text("time"));
                Standing::Open { id: id.number(), amount, title }
            }
            (Some("DepositPending"), ..) => Standing::UnderWay,
            (Some("Canceled"), Some("PayKept"), _) => Standing::Over,
            (Some("Canceled"), Some("PayCancelRequested" | "PayCancelFailed"), _) => Standing::Owed,
            (Some("Canceled"), ..) => Standing::Undone,
            (Some("DepositPayed" | "Reserved" | "Recommanded" | "NoShow"), ..) => Standing::Paid,
            _ => Standing::Over,
        }
    }

    /// Asks a route of the system, in the story of the request that came in.
    async fn ask(&self, method: &str, path: &str, headers: &HeaderMap, body: String) -> (StatusCode, Value) {
        let away = (StatusCode::SERVICE_UNAVAILABLE, Value::Null);
        let mut request = Request::builder().method(method).uri(path);
        if let Some(id) = request_id::sent(headers) {
            request = request.header(request_id::HEADER, id);
        }
        let Ok(request) = request.body(Body::from(body)) else { return away };
        let Ok(response) = self.desk.door.clone().oneshot(request).await;
        let status = response.status();
        match to_bytes(response.into_body(), LARGEST).await {
            Ok(body) => (status, serde_json::from_slice(&body).unwrap_or_default()),
            Err(_) => away,
        }
    }
}

/// The largest answer of a route that is asked here, in bytes: one row, or one problem.
const LARGEST: usize = 64 * 1024;

/// A page that says this, and asks for itself again.
fn later(text: &str) -> Response {
    let mut response = page(StatusCode::SERVICE_UNAVAILABLE, pages::said_for_now(text));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// A page is true of this moment, and its address for nobody else to see.
fn page(status: StatusCode, text: String) -> Response {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    (status, headers, Html(text)).into_response()
}
