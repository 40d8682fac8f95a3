//! Callers who prove who they are, and the table of who may use which route.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use clock::SharedClock;
use edge::auth::{Expected, KeySource, LocalKey, Role, Verifier};
use edge::{Auth, Declared, Entry, Limits};
use jiff::Timestamp;
use serde_json::Value;

use crate::app::{Answer, Asked, TestApp};

static KEY: LazyLock<LocalKey> = LazyLock::new(|| {
    let key = LocalKey::generate().unwrap_or_else(|error| panic!("no key can be made: {error}"));
    LocalKey::parse(&key).unwrap_or_else(|error| panic!("a key of its own cannot be read: {error}"))
});

/// The key, as whoever checks tokens reads it.
struct TheKey;

impl KeySource for TheKey {
    fn name(&self) -> &str {
        "the test's key"
    }

    fn read(&self) -> std::pin::Pin<Box<dyn Future<Output = Result<Bytes, String>> + Send>> {
        Box::pin(std::future::ready(Ok(KEY.jwks().to_string().into())))
    }

    fn refresh(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn at_most_every(&self) -> Duration {
        Duration::from_secs(30)
    }
}

fn expected() -> Expected {
    Expected { issuer: "test".into(), audience: "yeyak".into() }
}

/// The entry of a system whose callers prove who they are.
pub fn guarded(clock: SharedClock) -> Entry {
    let auth = Auth::Required(Arc::new(Verifier::new(expected(), Box::new(TheKey), clock)));
    Entry { limits: Limits::default(), auth }
}

/// A request with a token that says who asks, for an hour from `now`.
pub fn as_one(asked: Asked, now: Timestamp, subject: &str, roles: &[Role]) -> Asked {
    asked.header("authorization", format!("Bearer {}", KEY.token(&expected(), subject, roles, now, now + Duration::from_secs(3600))))
}

/// "in" for whoever was let in: to what is there, or to what says why it cannot be. A refusal by its code, and all else as it is.
pub fn told(answer: &Answer) -> String {
    match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => answer.json()["code"].as_str().unwrap_or_default().to_owned(),
        StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => "in".into(),
        status if status.is_success() => "in".into(),
        status => status.to_string(),
    }
}

/// Every route of a system, who may use it, and what it says to nobody, to person 1, to an operator and to an administrator.
pub struct WhoTable(Vec<(String, Vec<String>)>);

impl WhoTable {
    /// Reads a table: one route a line, columns two spaces apart, comments behind `#`.
    ///
    /// # Panics
    /// When a line is no row.
    pub fn read(text: &str) -> Self {
        let rows = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (method, rest) = line.split_once(char::is_whitespace).unwrap_or_else(|| panic!("{line:?} is no row"));
            let (path, rest) = rest.trim().split_once(char::is_whitespace).unwrap_or_else(|| panic!("{line:?} is no row"));
            let mut columns = rest.split("  ").map(str::trim).filter(|column| !column.is_empty());
            let who = columns.next().unwrap_or_else(|| panic!("{line:?} does not say who"));
            (format!("{method} {path}: {who}"), columns.map(str::to_owned).collect())
        });
        Self(rows.collect())
    }

    /// Every route that is declared has a row, and every row a route.
    ///
    /// # Panics
    /// When it is not so.
    #[track_caller]
    pub fn lists(&self, declared: Vec<Declared>) {
        let declared: Vec<_> = declared.into_iter().map(|route| format!("{} {}: {}", route.method, route.path, route.who)).collect();
        let rows: Vec<_> = self.0.iter().map(|(row, _)| row.clone()).collect();
        assert_eq!(declared, rows, "who.txt says who may use each route");
    }

    /// Every route does what its row says, to callers who name person 2 in `body`; and to person 2 what the table says of those who act for
    /// themselves.
    ///
    /// # Panics
    /// When one does not.
    #[track_caller]
    pub fn holds(&self, app: &mut TestApp, now: Timestamp, body: &Value) {
        for (row, expected) in &self.0 {
            let (method, path) = row.split_once(": ").and_then(|(route, _)| route.split_once(' ')).unwrap_or_default();
            let ask = || {
                // Nothing stands under this number, so nothing changes between one caller and the next.
                let method = ["GET", "POST", "PATCH", "DELETE"].into_iter().find(|one| *one == method).unwrap_or_default();
                let asked = Asked { method, ..Asked::get(path.replace("{id}", "999")) };
                if method == "GET" { asked } else { asked.json(body) }
            };
            let mut send = |asked: Asked| {
                // A stream has no end to wait for.
                if path.ends_with("/stream") { app.listen(asked, usize::MAX).so_far() } else { app.send(asked) }
            };
            let as_one = |subject, roles: &[Role]| as_one(ask(), now, subject, roles);
            let answers =
                [send(ask()), send(as_one("1", &[])), send(as_one("lee", &[Role::Operator])), send(as_one("kim", &[Role::Administrator]))];
            assert_eq!(answers.each_ref().map(told).to_vec(), *expected, "{row}");
            let (own, is_for_staff) = (send(as_one("2", &[])), expected[1].ends_with("-only"));
            assert_eq!(told(&own) == "in", !is_for_staff, "{row}: {own:?}");
        }
    }
}

/// The names of the moves that an item offers to each of these readers, the same by itself, in a page and in a stream. What it offers to an
/// administrator and not to one of them is forbidden to that one, who sends it with `body`.
///
/// # Panics
/// When it is not so.
#[track_caller]
pub fn offered(app: &mut TestApp, now: Timestamp, item: &str, readers: &[(&str, &[Role])], body: &Value) -> Vec<Vec<String>> {
    let (collection, _) = item.rsplit_once('/').unwrap_or_default();
    let all = moves(&app.send(as_one(Asked::get(item), now, "the administrator", &[Role::Administrator])).expect(200));
    let offered = readers.iter().map(|(reader, roles)| {
        let mut ask = |asked: Asked| app.send(as_one(asked, now, reader, roles));
        let shown = ask(Asked::get(item)).expect(200);
        let page = ask(Asked::get(format!("{collection}?size=1000"))).expect(200);
        let rows = page["_embedded"].as_object().and_then(|all| all.values().next()?.as_array());
        let listed = rows.and_then(|rows| rows.iter().find(|row| row["id"] == shown["id"]));
        assert_eq!(listed, Some(&shown), "{item}, as {reader} is shown it in a page");
        let own = moves(&shown);
        for (_, method, href) in all.iter().filter(|one| !own.contains(one)) {
            let method = ["POST", "PATCH", "DELETE"].into_iter().find(|one| one == method).unwrap_or_default();
            assert_eq!(ask(Asked::new(method, href).json(body)).status, StatusCode::FORBIDDEN, "{method} {href} by {reader}");
        }
        let stream = app.listen(as_one(Asked::get(format!("{collection}/stream")), now, reader, roles), usize::MAX);
        let told = stream.events().into_iter().find(|told| told.data["id"] == shown["id"]);
        assert_eq!(told.map(|told| told.data), Some(shown), "{item}, as {reader} is told of it in a stream");
        own.into_iter().map(|(name, ..)| name).collect()
    });
    offered.collect()
}

/// The moves of an item: name, method, where to.
fn moves(item: &Value) -> Vec<(String, String, String)> {
    let links = item["_links"].as_object().into_iter().flatten();
    links.filter_map(|(name, link)| Some((name.clone(), link["method"].as_str()?.to_owned(), link["href"].as_str()?.to_owned()))).collect()
}
