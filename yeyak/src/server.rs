//! An installation that runs, as the command line asks it.

use std::time::Duration;

use clock::{Clock, SystemClock, timeout};
use edge::client::Client;
use jiff::SignedDuration;
use serde_json::Value;
use tokio::runtime::Runtime;

use axum::http::{Method, Uri};

use crate::cli::{DEFAULT_URL, Server};
use crate::config::{USER_IN_ADDRESS, quoted};
use crate::error::{Fatal, Shown};

/// How long one answer may take. Work that takes longer is begun and watched.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often work that takes long is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The largest answer: a thousand events of 64 KiB would be larger, and are not looked at on a screen.
const LARGEST: usize = 64 * 1024 * 1024;

/// The other end.
pub(crate) struct Connection {
    url: String,
    token: Option<String>,
    client: Client,
    tasks: Runtime,
    clock: SystemClock,
}

impl Connection {
    /// To where it runs. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Fatal::Usage`] when the address is none.
    pub(crate) fn to(server: &Server) -> Result<Self, Fatal> {
        // A variable that is set to nothing counts as not set.
        let url = if server.url.is_empty() { DEFAULT_URL } else { server.url.trim_end_matches('/') };
        let token = server.token.clone().filter(|token| !token.is_empty());
        if url.contains('@') {
            return Err(Fatal::Usage(format!("--url: {USER_IN_ADDRESS}; a token goes into --token")));
        }
        let wrong = || Fatal::Usage(format!("--url: {} is no address: write one such as http://127.0.0.1:8088", quoted(&server.url)));
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) || uri.query().is_some() {
            return Err(wrong());
        }
        let tasks = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let tasks = tasks.map_err(|error| Fatal::Failed(format!("threads cannot be had: {error}")))?;
        let client = Client::to(&uri).map_err(Fatal::Failed)?;
        Ok(Self { url: url.into(), token, client, tasks, clock: SystemClock::with_offset(SignedDuration::ZERO) })
    }

    /// What it answers to a GET.
    ///
    /// # Errors
    /// When it cannot be reached, or refuses.
    pub(crate) fn get(&self, path: &str) -> Result<Value, Fatal> {
        self.ask(Method::GET, path, None)
    }

    /// What it answers to a POST.
    ///
    /// # Errors
    /// When it cannot be reached, or refuses.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, Fatal> {
        self.ask(Method::POST, path, Some(body))
    }

    /// What it answers to a DELETE.
    ///
    /// # Errors
    /// When it cannot be reached, or refuses.
    pub(crate) fn delete(&self, path: &str) -> Result<Value, Fatal> {
        self.ask(Method::DELETE, path, None)
    }

    fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Fatal> {
        let uri: Uri = format!("{}{path}", self.url).parse().map_err(|_| Fatal::Usage("--url: is no address".into()))?;
        let sent = self.client.send(method, uri, self.token.as_deref(), body.map(|body| body.to_string().into()), LARGEST);
        let answered = self.tasks.block_on(timeout(&self.clock, PATIENCE, sent));
        let answered = answered.unwrap_or_else(|_| Err(format!("no answer within {} seconds", PATIENCE.as_secs())));
        let answered = answered
            .map_err(|why| Fatal::Failed(format!("{} cannot be asked: {why}; start it, or say with --url where it runs", self.url)))?;
        let body = if answered.body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&answered.body) };
        match body {
            Ok(body) if answered.status.is_success() => Ok(body),
            Ok(problem) if problem["detail"].is_string() => Err(Fatal::Failed(told(&problem))),
            _ => Err(Fatal::Failed(format!("{}{path} was answered with {}: is it Yeyak that runs there?", self.url, answered.status))),
        }
    }

    /// Watches what takes long until `look` has its end, and shows how far it is: `look` answers the end, or how much is done of how much.
    ///
    /// # Errors
    /// Those of `look`.
    pub(crate) fn watch<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Result<Result<T, (u64, u64)>, Fatal>) -> Result<T, Fatal> {
        let mut shown = Shown::of(what);
        loop {
            match look(self)? {
                Ok(end) => return Ok(end),
                Err((done, total)) => shown.progress(done, total),
            }
            self.tasks.block_on(async { self.clock.sleep(LOOK_AGAIN).await });
        }
    }

    /// Watches the job at `path` that was begun under this `number`, and hands over what came of it.
    ///
    /// # Errors
    /// When it failed.
    pub(crate) fn watch_job(&self, what: &str, path: &str, number: &Value) -> Result<Value, Fatal> {
        self.watch(what, |server| {
            let job = server.get(path)?;
            if job["number"] != *number {
                return Err(Fatal::Failed(format!("{what}: another was begun, or the process anew, before its end was seen")));
            }
            match job["status"].as_str() {
                Some("done") => Ok(Ok(job["result"].clone())),
                Some("running") => {
                    let of = |name: &str| job["progress"][name].as_u64().unwrap_or(0);
                    Ok(Err((of("done"), of("total"))))
                }
                _ => Err(Fatal::Failed(format!("{what}: {}", job["why"].as_str().unwrap_or("it came to nothing")))),
            }
        })
    }
}

/// A problem in one line: what it says, every field that is wrong, and its code.
fn told(problem: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let errors = problem["errors"].as_array().into_iter().flatten();
    let errors: String = errors.map(|error| format!(" {} {};", text(&error["field"]), text(&error["message"]))).collect();
    format!("{}{errors} ({})", text(&problem["detail"]), text(&problem["code"]))
}
