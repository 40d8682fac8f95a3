//! Guests who pay at Toss Payments in their browser: a local server that does what its documentation says takes their money.

use std::fs;
use std::thread::Builder;

use clock::ManualClock;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::toss::{Fault, SECRET, Toss};
use tokio::runtime::Runtime;

use crate::contract::Described;
use crate::several::is_away_for_a_minute;
use crate::steering::{run, url};
use crate::support::{Answer, Api, Yeyak, until};
use crate::who::Place;

const NOW: &str = "2026-11-23T10:05:00+09:00";

/// A confirmation, as Toss is asked for it.
const CONFIRM: &str = "POST /v1/payments/confirm";

/// A deposit for two at a restaurant of which nothing was said.
const DEPOSIT: i64 = 20_000;

/// A restaurant that takes its deposits by Toss Payments.
struct Shop {
    directory: TempDir,
    toss: Toss,
    /// What Toss runs on.
    _threads: Runtime,
}

impl Shop {
    fn new(now: &str) -> Self {
        let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let toss = threads.block_on(Toss::start(ManualClock::at(testkit::at(now))));
        let directory = TempDir::new().unwrap();
        let shop = Self { directory, toss, _threads: threads };
        fs::write(shop.directory.path().join("yeyak.toml"), shop.settings()).unwrap();
        shop
    }

    /// What it says of its payments.
    fn settings(&self) -> String {
        let key = self.directory.path().join("toss.key");
        fs::write(&key, format!("{SECRET}\n")).unwrap();
        format!(
            "\n[restaurant.payments]\nprovider = \"toss\"\nbase = {:?}\nclient-key = \"test_ck_of-this-test\"\nsecret-key-file = {key:?}\n\
             checkout = \"https://tables.example/restaurant/checkout\"\n",
            self.toss.base
        )
    }

    fn serve(&self, now: &str) -> Yeyak {
        self.serve_with(now, &[])
    }

    fn serve_with(&self, now: &str, more: &[&str]) -> Yeyak {
        let path = |name: &str| self.directory.path().join(name).to_str().unwrap().to_owned();
        let (config, data) = (path("yeyak.toml"), path("data"));
        let flags = ["serve", "restaurant", "--listen", "127.0.0.1:0", "--config", &config, "--data", &data, "--clock", now];
        Yeyak::start(&[&flags, more].concat())
    }

    /// What somebody with the secret key does at Toss by hand.
    fn by_hand(&self, path: &str, body: &Value) {
        let toss = Api::new(self.toss.base.strip_prefix("http://").unwrap().parse().unwrap());
        let body = body.to_string();
        let head = format!("POST {path} HTTP/1.1\r\nHost: toss\r\nConnection: close\r\nIdempotency-Key: by-hand\r\n");
        let head = format!("{head}Authorization: Basic dGVzdF9za19vZi10aGlzLXRlc3Q6\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut stream = crate::support::http::connect(toss.address).unwrap();
        std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

/// A table is reserved as far as it is without its deposit: the order under which that is paid.
fn book(yeyak: &Yeyak) -> String {
    let made =
        yeyak.api().post("/restaurant/reservations", &json!({"customerId": "1", "restaurantNo": "10", "day": "20261124"})).expect(201);
    assert_eq!(made["status"], "DepositPending");
    let link = made["checkout"].as_str().unwrap();
    link.strip_prefix("https://tables.example/restaurant/checkout/").unwrap().to_owned()
}

fn reservation(yeyak: &Yeyak, id: u64) -> Value {
    yeyak.api().get(&format!("/restaurant/reservations/{id}")).expect(200)
}

fn becomes(yeyak: &Yeyak, path: &str, status: &str) {
    until(&format!("{path} is {status}"), || (yeyak.api().get(path).expect(200)["status"] == status).then_some(()));
}

/// The browser is somewhere: the status, and what the guest reads.
fn browse(yeyak: &Yeyak, path: &str) -> (u16, String) {
    let page = yeyak.api().get(&format!("/restaurant/checkout/{path}"));
    assert_eq!(
        (page.header("content-type"), page.header("cache-control")),
        (Some("text/html; charset=utf-8"), Some("no-store")),
        "{page:?}"
    );
    let text = String::from_utf8(page.body).unwrap();
    assert!(!text.contains(SECRET), "{text}");
    (page.status, text)
}

/// Toss tells that something has happened.
fn notice(yeyak: &Yeyak, order: &str, payment: &str) -> Answer {
    let data = json!({"paymentKey": payment, "orderId": order, "status": "DONE", "totalAmount": 1});
    let body = json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-11-23T10:06:00.000000", "data": data});
    yeyak.api().post("/restaurant/webhooks/toss", &body)
}

/// Comparing the books ends with this code, and prints this.
#[track_caller]
fn reconciled(yeyak: &Yeyak, more: &[&str], code: i32, says: &[&str]) -> String {
    let ended = run(&[&["payments", "reconcile", "--url", &url(yeyak)], more].concat());
    assert_eq!(ended.code, code, "{}{}", ended.stdout, ended.stderr);
    for part in says {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    ended.stdout
}

fn metric(yeyak: &Yeyak, name: &str) -> String {
    let shown = String::from_utf8(yeyak.api().get("/actuator/prometheus").body).unwrap();
    let line = shown.lines().find_map(|line| line.strip_prefix(&format!("{name}{{system=\"restaurant\"}} ")));
    line.unwrap_or_else(|| panic!("{name}: {shown}")).to_owned()
}

fn end(yeyak: Yeyak) {
    let told = yeyak.lines().concat();
    assert!(!told.contains(SECRET) && !told.contains("dGVzdF9za19v"), "the secret key is in no log");
    yeyak.stop();
}

#[test]
fn a_guest_pays_in_their_browser_and_has_a_table() {
    let shop = Shop::new(NOW);
    let yeyak = shop.serve(NOW);
    let order = book(&yeyak);
    let (status, page) = browse(&yeyak, &order);
    assert_eq!(status, 200);
    for part in ["test_ck_of-this-test", &order, "20000", &format!("https://tables.example/restaurant/checkout/{order}/agreed")] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(browse(&yeyak, "reservation-1-guessed").0, 404, "a number alone leads nowhere");

    let back = format!("{order}/agreed?paymentKey=tviva_1&orderId={order}&amount=20000");
    let (_, page) = browse(&yeyak, &back);
    assert!(page.contains("not paid yet") && page.contains("requestPayment"), "Toss knows nothing of it: {page}");
    let (_, page) = browse(&yeyak, &format!("{order}/failed?code=PAY_PROCESS_CANCELED&message=%3Cb%3E&orderId={order}"));
    assert!(page.contains("not paid yet") && !page.contains("<b>"), "{page}");
    assert_eq!((reservation(&yeyak, 1)["status"].as_str(), shop.toss.asked(CONFIRM)), (Some("DepositPending"), 0));

    shop.toss.agree("tviva_1", &order, DEPOSIT);
    for _ in 0..2 {
        let (status, page) = browse(&yeyak, &back);
        assert!(status == 200 && page.contains("the table is reserved"), "{page}");
    }
    becomes(&yeyak, "/restaurant/reservations/1", "Reserved");
    assert_eq!((shop.toss.kept(), shop.toss.asked(CONFIRM)), (DEPOSIT, 1));
    assert!(browse(&yeyak, &order).1.contains("the table is reserved"));

    // A program of the guest's own goes on by itself.
    let order = book(&yeyak);
    shop.toss.agree("tviva_2", &order, DEPOSIT);
    yeyak.api().post("/restaurant/reservations/2/payment", &json!({"customerId": "1", "paymentKey": "tviva_2"})).expect(200);
    becomes(&yeyak, "/restaurant/reservations/2", "Reserved");
    reconciled(&yeyak, &[], 0, &["2 payments agree"]);
    end(yeyak);
}

#[test]
fn a_guest_whose_card_is_declined_pays_with_another() {
    let shop = Shop::new(NOW);
    let yeyak = shop.serve(NOW);
    let order = book(&yeyak);
    let pays = |payment: &str| browse(&yeyak, &format!("{order}/agreed?paymentKey={payment}"));
    for (payment, asked) in [("tviva_1", 1), ("tviva_2", 2)] {
        shop.toss.agree(payment, &order, DEPOSIT);
        shop.toss.fault(Fault::Says(403, "REJECT_CARD_PAYMENT"));
        let (status, page) = pays(payment);
        assert!(status == 200 && page.contains("was declined") && page.contains("requestPayment"), "{status} {page}");
        shop.toss.turns(payment, "ABORTED");
        let (status, page) = pays(payment);
        assert!(status == 200 && page.contains("not paid yet"), "it is not asked for again: {status} {page}");
        assert_eq!((reservation(&yeyak, 1)["status"].as_str(), shop.toss.asked(CONFIRM)), (Some("DepositPending"), asked));
    }
    shop.toss.agree("tviva_3", &order, DEPOSIT);
    let (status, page) = pays("tviva_3");
    assert!(status == 200 && page.contains("the table is reserved"), "{status} {page}");
    becomes(&yeyak, "/restaurant/reservations/1", "Reserved");
    assert_eq!((shop.toss.kept(), shop.toss.asked(CONFIRM)), (DEPOSIT, 3));
    reconciled(&yeyak, &[], 0, &["1 payments agree"]);
    end(yeyak);
}

#[test]
fn a_browser_that_comes_back_has_no_token_and_needs_none() {
    let (shop, place) = (Shop::new(NOW), Place::new());
    place.token("key.pem", &["--new-key", "--jwks"]);
    place.publish(&["key.pem"]);
    let (config, data) = (place.path("yeyak.toml"), place.path("data"));
    fs::write(&config, fs::read_to_string(&config).unwrap() + &shop.settings()).unwrap();
    let flags = ["serve", "restaurant", "--listen", "127.0.0.1:0", "--clock", NOW];
    let yeyak = Yeyak::start(&[&flags[..], &["--config", config.to_str().unwrap(), "--data", data.to_str().unwrap()]].concat());
    let post = |subject: &[&str], path: &str, body: Value| {
        let bearer = format!("Bearer {}", place.token("key.pem", &[&["--clock", NOW, "--subject"], subject].concat()));
        yeyak.api().try_send("POST", path, &[("Authorization", &bearer)], body.to_string().as_bytes()).unwrap().expect(201)
    };
    post(&["kim", "--role", "administrator"], "/restaurant/venues", json!({"restaurantNo": "10"}));
    let made = post(&["ann"], "/restaurant/reservations", json!({"restaurantNo": "10", "day": "20261124"}));
    let order = made["checkout"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    shop.toss.agree("tviva_1", &order, DEPOSIT);
    let (status, page) = browse(&yeyak, &format!("{order}/agreed?paymentKey=tviva_1"));
    assert!(status == 200 && page.contains("the table is reserved"), "{page}");
    assert_eq!(shop.toss.kept(), DEPOSIT);
    yeyak.api().post("/restaurant/reservations/1/payment", &json!({"paymentKey": "tviva_1"})).problem(401, "token-missing");
    yeyak.api().post("/actuator/payments", &json!({})).problem(401, "token-missing");
    end(yeyak);
}

#[test]
fn a_guest_whose_browser_died_has_a_table_when_toss_tells_of_the_payment() {
    let shop = Shop::new(NOW);
    let yeyak = shop.serve(NOW);
    let order = book(&yeyak);
    let rubbish: [&[u8]; 3] = [b"", b"{}", b"\xff"];
    for body in rubbish {
        assert_eq!(yeyak.api().try_send("POST", "/restaurant/webhooks/toss", &[], body).unwrap().status, 200);
    }
    assert_eq!(yeyak.api().try_send("POST", "/restaurant/webhooks/toss", &[], &vec![b' '; 70_000]).unwrap().status, 413);
    for (order, payment) in [(order.as_str(), "tviva_forged"), ("reservation-1-guessed", "tviva_1"), ("reservation-9-x", "tviva_1")] {
        assert_eq!(notice(&yeyak, order, payment).status, 200, "there is nothing to repeat");
    }
    shop.toss.agree("tviva_other", "reservation-9-other", DEPOSIT);
    shop.toss.agree("tviva_less", &order, DEPOSIT - 1);
    assert_eq!((notice(&yeyak, &order, "tviva_other").status, notice(&yeyak, &order, "tviva_less").status), (200, 200));
    assert_eq!((reservation(&yeyak, 1)["status"].as_str(), shop.toss.asked(CONFIRM)), (Some("DepositPending"), 0), "nobody is believed");

    shop.toss.agree("tviva_1", &order, DEPOSIT);
    shop.toss.lookups_say(Some((500, "COMMON_ERROR")));
    assert_eq!(notice(&yeyak, &order, "tviva_1").status, 503, "Toss is to tell it again");
    shop.toss.lookups_say(None);
    for _ in 0..2 {
        assert_eq!(notice(&yeyak, &order, "tviva_1").status, 200);
    }
    becomes(&yeyak, "/restaurant/reservations/1", "Reserved");
    assert_eq!((shop.toss.kept(), shop.toss.asked(CONFIRM)), (DEPOSIT, 1));

    // One who gave up before that has paid nothing.
    let order = book(&yeyak);
    shop.toss.agree("tviva_2", &order, DEPOSIT);
    yeyak.api().send("DELETE", "/restaurant/reservations/2", Some(&json!({"customerId": "1"}))).expect(204);
    assert_eq!(notice(&yeyak, &order, "tviva_2").status, 200);
    assert_eq!(browse(&yeyak, &order).0, 404);
    assert_eq!((shop.toss.kept(), shop.toss.asked(CONFIRM)), (DEPOSIT, 1));
    reconciled(&yeyak, &[], 0, &["1 payments agree"]);
    end(yeyak);
}

/// A guest pays, and Yeyak is killed while Toss holds that.
fn killed_while_paid(shop: &Shop, yeyak: &mut Yeyak, order: &str, held: Fault) {
    shop.toss.agree("tviva_1", order, DEPOSIT);
    shop.toss.fault(held);
    let (api, path) = (yeyak.api(), format!("/restaurant/checkout/{order}/agreed?paymentKey=tviva_1"));
    let browser = Builder::new().spawn(move || drop(api.try_send("GET", &path, &[], b""))).expect("a thread");
    until("Toss is asked for the money", || (shop.toss.held() == 1).then_some(()));
    yeyak.kill();
    browser.join().unwrap();
}

#[test]
fn a_kill_while_money_is_taken_leaves_a_table_or_nothing() {
    let shop = Shop::new(NOW);
    let mut yeyak = shop.serve(NOW);
    let order = book(&yeyak);
    killed_while_paid(&shop, &mut yeyak, &order, Fault::DoneAndHeld);
    shop.toss.release();
    assert_eq!(shop.toss.kept(), DEPOSIT);

    let yeyak = shop.serve(NOW);
    reconciled(&yeyak, &[], 0, &[]);
    assert_eq!(notice(&yeyak, &order, "tviva_1").status, 503, "what was left behind is gone on with by itself");
    assert_eq!(browse(&yeyak, &order).0, 200);
    end(yeyak);
    is_away_for_a_minute(&shop.directory.path().join("data"));
    let yeyak = shop.serve(NOW);
    let ended = until("it comes to its end", || {
        let status = reservation(&yeyak, 1)["status"].as_str().unwrap().to_owned();
        ["Reserved", "Canceled"].contains(&status.as_str()).then_some(status)
    });
    let kept = if ended == "Reserved" { DEPOSIT } else { 0 };
    until("no money is kept of a table that there is not", || (shop.toss.kept() == kept).then_some(()));
    assert_eq!((notice(&yeyak, &order, "tviva_1").status, shop.toss.kept(), shop.toss.asked(CONFIRM)), (200, kept, 1));
    reconciled(&yeyak, &[], 0, &["1 payments agree"]);
    end(yeyak);
}

/// Toss never heard of it, which is certain once it cannot be on its way any more; a new process does not begin to wait anew. The guest can
/// pay again then, while there is time.
#[test]
fn a_kill_while_money_is_asked_for_leaves_a_table_that_can_be_paid() {
    for (minutes, comes_in_time) in [(5, true), (11, false)] {
        let shop = Shop::new(NOW);
        let mut yeyak = shop.serve(NOW);
        let order = book(&yeyak);
        killed_while_paid(&shop, &mut yeyak, &order, Fault::Held);
        for _ in 0..minutes {
            is_away_for_a_minute(&shop.directory.path().join("data"));
        }
        let yeyak = shop.serve(NOW);
        if comes_in_time {
            let pays = || browse(&yeyak, &format!("{order}/agreed?paymentKey=tviva_1")).1;
            until("the guest pays", || pays().contains("the table is reserved").then_some(()));
            assert_eq!((shop.toss.kept(), shop.toss.asked(CONFIRM)), (DEPOSIT, 2));
        } else {
            becomes(&yeyak, "/restaurant/reservations/1", "Canceled");
            let (status, page) = browse(&yeyak, &order);
            assert!(status == 404 && page.contains("whatever was paid is given back"), "{page}");
            assert_eq!((shop.toss.kept(), shop.toss.asked(CONFIRM)), (0, 1));
        }
        end(yeyak);
    }
}

#[test]
fn a_code_of_toss_that_nobody_knows_is_in_nobody_elses_way() {
    let shop = Shop::new(NOW);
    let yeyak = shop.serve(NOW);
    for n in 0..8 {
        let order = book(&yeyak);
        shop.toss.agree(&format!("tviva_{n}"), &order, DEPOSIT);
        shop.toss.fault(Fault::Says(400, "A_CODE_OF_TOMORROW"));
        let (status, page) = browse(&yeyak, &format!("{order}/agreed?paymentKey=tviva_{n}"));
        assert!(status == 200 && page.contains("The table could not be kept"), "{status} {page}");
    }
    let order = book(&yeyak);
    shop.toss.agree("tviva_paid", &order, DEPOSIT);
    shop.toss.fault(Fault::DoneButSays(400, "A_CODE_OF_TOMORROW"));
    let (status, page) = browse(&yeyak, &format!("{order}/agreed?paymentKey=tviva_paid"));
    assert!(status == 200 && page.contains("the table is reserved"), "{status} {page}");
    assert_eq!(shop.toss.kept(), DEPOSIT);
    end(yeyak);
}

#[test]
fn a_guest_whose_table_could_not_be_kept_reads_that_nothing_is_owed() {
    let shop = Shop::new(NOW);
    let yeyak = shop.serve_with(NOW, &["--faults"]);
    let orders: Vec<String> = (0..30).map(|_| book(&yeyak)).collect();
    let pays = |n: usize| browse(&yeyak, &format!("{}/agreed?paymentKey=tviva_{n}", orders[n]));
    for (n, order) in orders.iter().enumerate() {
        shop.toss.agree(&format!("tviva_{n}"), order, DEPOSIT);
    }
    yeyak.api().post("/actuator/faults", &json!({"service": "restaurant/recommendation", "down": "true"})).expect(200);
    let (status, page) = pays(0);
    assert!(status == 200 && page.contains("The table could not be kept") && page.contains("자리를 확보하지 못해"), "{status} {page}");
    let (status, page) = pays(0);
    assert!(status == 404 && page.contains("whatever was paid is given back"), "{status} {page}");
    until("it is given back", || (shop.toss.kept() == 0).then_some(()));

    // Once it is known that a table cannot be kept, no money is asked for, and the guest can go on later.
    let waits = (1..orders.len()).find(|n| pays(*n).0 == 503).expect("the breaker opens");
    let asked = shop.toss.asked(CONFIRM);
    let (status, page) = pays(waits);
    assert!(status == 503 && page.contains("Nothing is kept unless the table is reserved"), "{status} {page}");
    assert_eq!((reservation(&yeyak, waits as u64 + 1)["status"].as_str(), shop.toss.asked(CONFIRM)), (Some("DepositPending"), asked));
    yeyak.api().delete("/actuator/faults").expect(204);
    until("the guest pays", || (pays(waits).0 == 200).then_some(()));
    assert!(pays(waits).1.contains("the table is reserved"));
    until("nothing else is kept", || (shop.toss.kept() == DEPOSIT).then_some(()));
    end(yeyak);
}

#[test]
fn a_guest_with_several_tabs_reads_the_same_in_each() {
    let shop = Shop::new(NOW);
    let yeyak = shop.serve(NOW);
    let order = book(&yeyak);
    shop.toss.agree("tviva_1", &order, DEPOSIT);
    shop.toss.fault(Fault::Held);
    let tab = || {
        let (api, path) = (yeyak.api(), format!("/restaurant/checkout/{order}/agreed?paymentKey=tviva_1"));
        Builder::new().spawn(move || api.try_send("GET", &path, &[], b"").unwrap()).expect("a thread")
    };
    let first = tab();
    until("the first asks for the money", || (shop.toss.held() == 1).then_some(()));
    let looked = || shop.toss.asked("GET /v1/payments/tviva_1");
    let before = looked();
    let others: Vec<_> = (0..4).map(|_| tab()).collect();
    until("the others have looked", || (looked() == before + 4).then_some(()));
    shop.toss.release();
    for tab in others.into_iter().chain([first]) {
        let answer = tab.join().unwrap();
        assert!(answer.status == 200 && String::from_utf8_lossy(&answer.body).contains("the table is reserved"), "{answer:?}");
    }
    assert_eq!((shop.toss.kept(), shop.toss.asked(CONFIRM)), (DEPOSIT, 1));
    end(yeyak);
}

#[test]
fn what_toss_and_we_disagree_about_is_listed() {
    let shop = Shop::new(NOW);
    let yeyak = shop.serve(NOW);
    assert_eq!(metric(&yeyak, "yeyak_payments_disagreements"), "NaN");
    for (id, payment) in [(1, "tviva_1"), (2, "tviva_2")] {
        let order = book(&yeyak);
        shop.toss.agree(payment, &order, DEPOSIT);
        yeyak.api().post(&format!("/restaurant/reservations/{id}/payment"), &json!({"paymentKey": payment})).expect(200);
        becomes(&yeyak, &format!("/restaurant/reservations/{id}"), "Reserved");
    }
    reconciled(&yeyak, &[], 0, &["2 payments agree"]);
    assert_eq!(metric(&yeyak, "yeyak_payments_disagreements"), "0");

    shop.by_hand("/v1/payments/tviva_2/cancel", &json!({"cancelReason": "by hand", "cancelAmount": 5000}));
    shop.toss.agree("tviva_3", "reservation-3-elsewhere", 700);
    shop.by_hand("/v1/payments/confirm", &json!({"paymentKey": "tviva_3", "orderId": "reservation-3-elsewhere", "amount": 700}));
    let says = ["refunded-there", "paid 20000 KRW, refunded 5000 KRW", "PayCompleted", "only-there", "2 of 3 payments disagree"];
    let printed = reconciled(&yeyak, &[], 1, &says);
    assert!(!printed.contains("tviva_1"), "{printed}");
    assert_eq!(metric(&yeyak, "yeyak_payments_disagreements"), "2");

    let json: Value = serde_json::from_str(&reconciled(&yeyak, &["--json", "--day", "2026-11-23"], 1, &[])).unwrap();
    let money = |amount: &str| json!({"amount": amount, "currency": "KRW"});
    let one = &json["disagreements"][0];
    assert_eq!((&one["reservationNo"], &one["payment"], &one["what"]), (&json!(2), &json!("tviva_2"), &json!("refunded-there")));
    assert_eq!(one["ours"], json!({"paid": money("20000"), "refunded": money("0"), "status": "PayCompleted"}));
    assert_eq!(one["theirs"], json!({"paid": money("20000"), "refunded": money("5000")}));
    let (document, shown) = (yeyak.api().get("/openapi.json").expect(200), yeyak.api().get("/actuator/payments").expect(200));
    let content = &document["paths"]["/actuator/payments"]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!((shown["status"].as_str(), Described(&document).wrong(content, &shown, "")), (Some("done"), None), "{content}");
    reconciled(&yeyak, &["--day", "2026-11-22"], 0, &["0 payments agree"]);
    reconciled(&yeyak, &["--day", "2026-11-24"], 2, &[]);
    end(yeyak);
}

#[test]
fn each_day_the_books_are_compared() {
    let night = "2026-11-23T03:59:55+09:00";
    let shop = Shop::new(night);
    shop.toss.agree("tviva_1", "reservation-7-elsewhere", 700);
    shop.by_hand("/v1/payments/confirm", &json!({"paymentKey": "tviva_1", "orderId": "reservation-7-elsewhere", "amount": 700}));
    let yeyak = shop.serve(night);
    let said = until("it is logged", || yeyak.lines().into_iter().find(|line| line.contains("the payment provider and we disagree")));
    for part in ["reservation=7", "payment=\"tviva_1\"", "what=\"only-there\""] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(metric(&yeyak, "yeyak_payments_disagreements"), "1");
    end(yeyak);
}

#[test]
fn what_toss_refuses_to_give_back_is_owed_until_an_operator_has_it_tried_again() {
    let shop = Shop::new(NOW);
    let yeyak = shop.serve(NOW);
    let order = book(&yeyak);
    shop.toss.agree("tviva_1", &order, DEPOSIT);
    yeyak.api().post("/restaurant/reservations/1/payment", &json!({"paymentKey": "tviva_1"})).expect(200);
    becomes(&yeyak, "/restaurant/reservations/1", "Reserved");
    shop.toss.fault(Fault::Says(403, "EXCEED_MAX_REFUND_DUE"));
    yeyak.api().delete("/restaurant/reservations/1").expect(204);
    becomes(&yeyak, "/restaurant/deposits/1", "PayCancelFailed");
    assert_eq!(yeyak.api().rows("/restaurant/deposits?status=PayCancelFailed").len(), 1);
    let (status, text) = browse(&yeyak, &order);
    assert!(status == 404 && text.contains("still owed to you"), "{text}");
    let told: Vec<_> = yeyak.lines().into_iter().filter(|line| line.contains("refused for good")).collect();
    assert!(told.len() == 1 && told[0].contains(" WARN ") && told[0].contains("EXCEED_MAX_REFUND_DUE"), "{told:?}");
    reconciled(&yeyak, &[], 1, &["owed", "PayCancelFailed", "1 of 1 payments disagree"]);
    for _ in 0..2 {
        yeyak.api().post("/restaurant/deposits/1/refund", &json!({})).expect(204);
    }
    becomes(&yeyak, "/restaurant/deposits/1", "PayCanceled");
    assert_eq!((shop.toss.kept(), shop.toss.reasons("tviva_1").len()), (0, 1));
    reconciled(&yeyak, &[], 0, &["1 payments agree"]);
    end(yeyak);
}

#[test]
fn where_no_money_is_taken_there_is_nowhere_to_pay() {
    let yeyak = Yeyak::demo(&[]);
    yeyak.api().get("/restaurant/checkout/reservation-1-x").problem(404, "not-found");
    yeyak.api().post("/restaurant/webhooks/toss", &json!({})).problem(404, "not-found");
    reconciled(&yeyak, &[], 0, &["payments agree"]);
    yeyak.stop();
    let rooms = Yeyak::rooms(&[]);
    let ended = run(&["payments", "reconcile", "--url", &url(&rooms)]);
    assert!(ended.code == 2 && ended.stderr.contains("no system that runs there takes payments"), "{}", ended.stderr);
    rooms.stop();
}
