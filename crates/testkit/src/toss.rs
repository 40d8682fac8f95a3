//! A server that behaves as the public documentation of Toss Payments says its core API does: for the adapter's own tests, and for those
//! of whatever has guests pay there.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clock::{Clock, ManualClock};
use jiff::tz::offset;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// The secret key that it takes.
pub const SECRET: &str = "test_sk_of-this-test";

/// What goes wrong with a `POST`.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It is answered with this, and not done. Without a code it is answered with something that is no JSON.
    Says(u16, &'static str),
    /// It is done, and answered with this.
    DoneButSays(u16, &'static str),
    /// It is done when the test lets it.
    Held,
    /// It is done, and answered when the test lets it.
    DoneAndHeld,
    /// It is answered with this, and done all the same when the test lets it.
    SaysAndIsDoneLater(u16, &'static str),
    /// It is done, and answered with something that is no JSON.
    DoneButGarbled,
    /// It is done, and answered with the payment of another order.
    DoneButOfAnother,
}

/// The server, which runs beside the test until that ends.
#[derive(Clone)]
pub struct Toss {
    clock: ManualClock,
    state: Arc<Mutex<Core>>,
    /// What was held goes on when there are permits.
    released: Arc<Semaphore>,
    /// Where it listens.
    pub base: String,
}

#[derive(Default)]
struct Core {
    payments: BTreeMap<String, Payment>,
    transactions: Vec<Value>,
    /// What a request was answered with, by its path and key; nothing while it is under way.
    answers: HashMap<(String, String), Option<(StatusCode, Value)>>,
    faults: VecDeque<Fault>,
    /// How many requests are held.
    held: usize,
    /// What lookups are answered with, while that is not the truth.
    lookups: Option<(u16, &'static str)>,
    asked: Vec<String>,
}

struct Payment {
    order: String,
    status: &'static str,
    total: i64,
    balance: i64,
    approved_at: Option<String>,
    cancels: Vec<Value>,
    failure: Option<&'static str>,
}

type Answer = (StatusCode, Value);

fn error(status: u16, code: &str) -> Answer {
    let said = if code.is_empty() { json!("<html>") } else { json!({ "code": code, "message": "…" }) };
    (StatusCode::from_u16(status).unwrap(), said)
}

fn shown((status, body): Answer) -> Response {
    let text = body.as_str().map_or_else(|| body.to_string(), ToOwned::to_owned);
    (status, text).into_response()
}

impl Toss {
    /// One that nobody has paid at, on a port that is free.
    ///
    /// # Panics
    /// When there is none, as all here do when something is not as a test needs it.
    #[expect(clippy::disallowed_methods, reason = "the server of this test runs beside it")]
    pub async fn start(clock: ManualClock) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let toss = Self { clock, state: Arc::default(), released: Arc::new(Semaphore::new(0)), base };
        let router = Router::new()
            .route("/v1/payments/confirm", post(confirm))
            .route("/v1/payments/{payment}", get(look_up))
            .route("/v1/payments/orders/{order}", get(look_up_order))
            .route("/v1/payments/{payment}/cancel", post(cancel))
            .route("/v1/transactions", get(transactions))
            .layer(from_fn_with_state(toss.clone(), authorized))
            .with_state(toss.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        toss
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.state.lock().unwrap()
    }

    /// The guest has agreed to pay this in the window of the SDK.
    pub fn agree(&self, payment: &str, order: &str, total: i64) {
        let agreed = Payment {
            order: order.into(),
            status: "IN_PROGRESS",
            total,
            balance: total,
            approved_at: None,
            cancels: Vec::new(),
            failure: None,
        };
        self.core().payments.insert(payment.into(), agreed);
    }

    /// How a payment stands is now this.
    pub fn turns(&self, payment: &str, status: &'static str) {
        self.core().payments.get_mut(payment).unwrap().status = status;
    }

    /// The next `POST` goes wrong like this, and the one after it like the next.
    pub fn fault(&self, fault: Fault) {
        self.core().faults.push_back(fault);
    }

    /// From now on lookups are answered with this.
    pub fn lookups_say(&self, says: Option<(u16, &'static str)>) {
        self.core().lookups = says;
    }

    /// The next `POST` is held, whatever else is to go wrong.
    pub fn hold_next(&self) {
        self.core().faults.push_front(Fault::Held);
    }

    /// What is not held yet is not held any more.
    pub fn hold_no_more(&self) {
        self.core().faults.retain(|fault| !matches!(fault, Fault::Held));
    }

    /// How many requests are held.
    pub fn held(&self) -> usize {
        self.core().held
    }

    /// Lets all that is held go on.
    pub fn release(&self) {
        self.released.add_permits(self.held());
    }

    async fn hold(&self) {
        self.core().held += 1;
        self.released.acquire().await.unwrap().forget();
        self.core().held -= 1;
    }

    /// Forgets under which keys it was asked, as it does after 15 days.
    pub fn forget_keys(&self) {
        self.core().answers.clear();
    }

    /// How much is kept of all payments.
    pub fn kept(&self) -> i64 {
        self.core().payments.values().filter(|payment| payment.approved_at.is_some()).map(|payment| payment.balance).sum()
    }

    /// How often a request was made: method and path.
    pub fn asked(&self, request: &str) -> usize {
        self.core().asked.iter().filter(|asked| *asked == request).count()
    }

    /// The reasons for which a payment was given back.
    pub fn reasons(&self, payment: &str) -> Vec<String> {
        self.core().payments[payment].cancels.iter().map(|cancel| cancel["cancelReason"].as_str().unwrap().into()).collect()
    }

    /// Adds to the list of transactions.
    pub fn transaction(&self, transaction: Value) {
        self.core().transactions.push(transaction);
    }

    fn now(&self) -> String {
        let korea = offset(9);
        korea.to_datetime(self.clock.now()).strftime("%Y-%m-%dT%H:%M:%S+09:00").to_string()
    }

    /// Does something once for its key, whether whoever asked still waits or not.
    #[expect(clippy::disallowed_methods, reason = "what was begun goes on by itself")]
    async fn once(self, path: String, headers: HeaderMap, work: impl Fn(&mut Core, &str) -> Answer + Send + 'static) -> Response {
        tokio::spawn(async move { self.begun(path, &headers, work).await }).await.unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "what lands later goes on by itself")]
    async fn begun(&self, path: String, headers: &HeaderMap, work: impl Fn(&mut Core, &str) -> Answer + Send + 'static) -> Response {
        let key = headers["Idempotency-Key"].to_str().unwrap().to_owned();
        assert!((1..=300).contains(&key.len()));
        let id = (path, key);
        let (fault, now) = {
            let mut core = self.core();
            match core.answers.get(&id) {
                Some(None) => return shown(error(409, "IDEMPOTENT_REQUEST_PROCESSING")),
                Some(Some(answer)) => return shown(answer.clone()),
                None => {}
            }
            core.answers.insert(id.clone(), None);
            (core.faults.pop_front(), self.now())
        };
        if matches!(fault, Some(Fault::Held)) {
            self.hold().await;
        }
        if let Some(Fault::SaysAndIsDoneLater(status, code)) = fault {
            let toss = self.clone();
            tokio::spawn(async move {
                toss.hold().await;
                work(&mut toss.core(), &now);
            });
            self.core().answers.insert(id, Some(error(status, code)));
            return shown(error(status, code));
        }
        let answer = match fault {
            Some(Fault::Says(status, code) | Fault::SaysAndIsDoneLater(status, code)) => error(status, code),
            Some(Fault::DoneButSays(status, code)) => {
                work(&mut self.core(), &now);
                error(status, code)
            }
            Some(Fault::DoneButOfAnother) => {
                let (status, mut payment) = work(&mut self.core(), &now);
                payment["orderId"] = "of-another".into();
                (status, payment)
            }
            Some(Fault::Held | Fault::DoneAndHeld | Fault::DoneButGarbled) | None => work(&mut self.core(), &now),
        };
        self.core().answers.insert(id, Some(answer.clone()));
        match fault {
            Some(Fault::DoneAndHeld) => self.hold().await,
            Some(Fault::DoneButGarbled) => return "<html>".into_response(),
            Some(Fault::Says(..) | Fault::DoneButSays(..) | Fault::DoneButOfAnother | Fault::SaysAndIsDoneLater(..) | Fault::Held)
            | None => {}
        }
        shown(answer)
    }
}

impl Core {
    /// Adds to the list of transactions what has just been done to a payment.
    fn moved(&mut self, key: &str, amount: i64, now: &str) {
        let Payment { order, status, .. } = &self.payments[key];
        let transaction = json!({
            "mId": "tosspayments", "transactionKey": format!("txrd-{:06}", self.transactions.len()), "paymentKey": key, "orderId": order,
            "method": "카드", "status": status, "transactionAt": now, "currency": "KRW", "amount": amount,
        });
        self.transactions.push(transaction);
    }

    fn show(&self, key: &str) -> Answer {
        let Some(payment) = self.payments.get(key) else { return error(404, "NOT_FOUND_PAYMENT") };
        let body = json!({
            "mId": "tosspayments", "version": "2022-11-16", "paymentKey": key, "orderId": payment.order, "orderName": "…",
            "currency": "KRW", "method": "카드", "status": payment.status, "totalAmount": payment.total, "balanceAmount": payment.balance,
            "approvedAt": payment.approved_at, "cancels": if payment.cancels.is_empty() { Value::Null } else { payment.cancels.clone().into() },
            "failure": payment.failure.map(|code| json!({ "code": code, "message": "…" })),
        });
        (StatusCode::OK, body)
    }
}

async fn authorized(State(toss): State<Toss>, request: Request, next: Next) -> Response {
    let expected = format!("Basic {}", STANDARD.encode(format!("{SECRET}:")));
    toss.core().asked.push(format!("{} {}", request.method(), request.uri().path()));
    if request.headers().get(AUTHORIZATION).is_none_or(|given| *given != *expected) {
        return shown(error(401, "UNAUTHORIZED_KEY"));
    }
    next.run(request).await
}

async fn confirm(State(toss): State<Toss>, headers: HeaderMap, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let work = move |core: &mut Core, now: &str| {
        let key = body["paymentKey"].as_str().unwrap();
        let Some(payment) = core.payments.get_mut(key) else { return error(404, "NOT_FOUND_PAYMENT") };
        if payment.order != body["orderId"].as_str().unwrap() {
            return error(404, "NOT_FOUND_PAYMENT_SESSION");
        }
        if payment.total != body["amount"].as_i64().unwrap() {
            return error(403, "FORBIDDEN_REQUEST");
        }
        match payment.status {
            "IN_PROGRESS" => {
                payment.status = "DONE";
                payment.approved_at = Some(now.into());
                let total = payment.total;
                core.moved(key, total, now);
                core.show(key)
            }
            "DONE" | "CANCELED" | "PARTIAL_CANCELED" => error(400, "ALREADY_PROCESSED_PAYMENT"),
            _ => error(404, "NOT_FOUND_PAYMENT_SESSION"),
        }
    };
    toss.once("confirm".into(), headers, work).await
}

async fn cancel(State(toss): State<Toss>, Path(key): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let path = format!("{key}/cancel");
    let work = move |core: &mut Core, now: &str| {
        let Some(payment) = core.payments.get_mut(&key) else { return error(404, "NOT_FOUND_PAYMENT") };
        let reason = body["cancelReason"].as_str().unwrap();
        assert!(reason.chars().count() <= 200);
        match payment.status {
            "CANCELED" => return error(400, "ALREADY_CANCELED_PAYMENT"),
            "DONE" | "PARTIAL_CANCELED" | "WAITING_FOR_DEPOSIT" => {}
            _ => return error(403, "NOT_CANCELABLE_PAYMENT"),
        }
        let amount = body["cancelAmount"].as_i64().unwrap_or(payment.balance);
        if body["refundableAmount"].as_i64().is_some_and(|left| left != payment.balance) {
            return error(400, "NOT_MATCHES_REFUNDABLE_AMOUNT");
        }
        if amount > payment.balance {
            return error(403, "NOT_CANCELABLE_AMOUNT");
        }
        payment.balance -= amount;
        payment.status = if payment.balance == 0 { "CANCELED" } else { "PARTIAL_CANCELED" };
        let key_of_cancel = format!("txrd-{}", payment.cancels.len());
        payment.cancels.push(json!({
            "cancelAmount": amount, "cancelReason": reason, "canceledAt": now, "transactionKey": key_of_cancel, "cancelStatus": "DONE",
            "refundableAmount": payment.balance,
        }));
        core.moved(&key, amount, now);
        core.show(&key)
    };
    toss.once(path, headers, work).await
}

async fn look_up(State(toss): State<Toss>, Path(key): Path<String>) -> Response {
    let core = toss.core();
    shown(core.lookups.map_or_else(|| core.show(&key), |(status, code)| error(status, code)))
}

async fn look_up_order(State(toss): State<Toss>, Path(order): Path<String>) -> Response {
    let core = toss.core();
    let key = core.payments.iter().find(|(_, payment)| payment.order == order).map(|(key, _)| key.clone());
    shown(core.lookups.map_or_else(|| core.show(&key.unwrap_or_default()), |(status, code)| error(status, code)))
}

async fn transactions(State(toss): State<Toss>, RawQuery(query): RawQuery) -> Response {
    let query: HashMap<String, String> = query
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let core = toss.core();
    // Times of Korea compare as texts, as long as they have the same form.
    let within = |transaction: &&Value| {
        let at = &transaction["transactionAt"].as_str().unwrap()[..19];
        at >= query["startDate"].as_str() && at <= query["endDate"].as_str()
    };
    let limit: usize = query["limit"].parse().unwrap();
    assert!(limit <= 5000);
    let all = core.transactions.iter().filter(within);
    let page: Vec<_> = match query.get("startingAfter") {
        Some(after) => all.skip_while(|transaction| transaction["transactionKey"] != **after).skip(1).take(limit).cloned().collect(),
        None => all.take(limit).cloned().collect(),
    };
    shown((StatusCode::OK, page.into()))
}
