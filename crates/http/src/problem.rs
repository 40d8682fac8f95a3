use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kernel::{CallError, Refused, RefusedKind};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// The members that a problem has of its own; a detail of the same name is left out.
const OWN_MEMBERS: [&str; 6] = ["type", "title", "status", "detail", "code", "errors"];

/// How long a client waits when it asks again for what somebody else is still busy with.
const SHORTLY: Duration = Duration::from_secs(1);

/// What is wrong with one field of a body, or with one parameter of a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Its name.
    pub field: String,
    /// A stable code, such as `missing` or `out-of-range`.
    pub code: &'static str,
    /// A short sentence for a person, without its subject: "must be a date such as 2026-11-23". It never repeats what was sent.
    pub message: String,
}

impl FieldError {
    /// `field` is wrong in the way that `code` says and `message` explains.
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}

/// Every answer that is not what was asked for: problem+json, RFC 9457.
///
/// It is boxed, so that a `Result<_, Problem>` costs the good case nothing; its [`Parts`] read and write as if they were its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem(Box<Parts>);

/// What a [`Problem`] consists of. Its `type` follows from the code, its `title` from the status.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// The status, in the answer's head and in its body.
    pub status: StatusCode,
    /// A stable code, such as `slot-taken`; `/errors/{code}` explains it.
    pub code: Cow<'static, str>,
    /// What all problems of this status have in common, where it is told in another language.
    pub title: Option<String>,
    /// A sentence for a person.
    pub detail: String,
    /// Every field that is wrong.
    pub errors: Vec<FieldError>,
    /// Further members of the body, such as what stands in the way.
    pub extra: Map<String, Value>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// The methods that would be allowed, as in the `Allow` header.
    pub allow: Option<String>,
}

impl Deref for Problem {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Parts {
        &mut self.0
    }
}

impl Parts {
    /// What all problems of this status have in common.
    pub fn title(&self) -> &str {
        match self.status {
            _ if self.title.is_some() => self.title.as_deref().unwrap_or_default(),
            StatusCode::BAD_REQUEST => "The request cannot be read",
            StatusCode::UNAUTHORIZED => "Please say who you are",
            StatusCode::FORBIDDEN => "This is not for you to do",
            StatusCode::NOT_FOUND => "There is no such thing",
            StatusCode::CONFLICT => "Something stands in the way",
            StatusCode::GONE => "This is gone",
            StatusCode::UNPROCESSABLE_ENTITY => "The request does not make sense",
            StatusCode::SERVICE_UNAVAILABLE => "Please try again shortly",
            StatusCode::INTERNAL_SERVER_ERROR => "Something went wrong on our side",
            status => status.canonical_reason().unwrap_or("The request was not carried out"),
        }
    }
}

impl Problem {
    /// A problem with nothing but a status, a code and a sentence.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            code: code.into(),
            title: None,
            detail: detail.into(),
            errors: Vec::new(),
            extra: Map::new(),
            retry_after: None,
            allow: None,
        }))
    }

    /// With one more member in its body.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.into(), value.into());
        self
    }

    /// With a time after which to try again.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// 400: the body is no JSON.
    pub fn malformed() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed-json", "The body is not well-formed JSON.")
    }

    /// 422: fields or parameters are missing or wrong; all of them are named.
    pub fn unprocessable(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields", "Some fields are missing or wrong.");
        problem.errors = errors;
        problem
    }

    /// 404: there is nothing under this path.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is nothing here.")
    }

    /// 405: the path exists, but not with this method. `allow` lists those it has: `GET, POST`.
    pub fn method_not_allowed(allow: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This cannot be done here.");
        problem.allow = Some(allow.into());
        problem
    }

    /// 413: the body is too large.
    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large.")
    }

    /// 408: the body did not arrive in time.
    pub fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", "The body did not arrive in time.")
    }

    /// 414: the path and its query are too long.
    pub fn uri_too_long() -> Self {
        Self::new(StatusCode::URI_TOO_LONG, "uri-too-long", "The address is too long.")
    }

    /// 503: all places are taken, and the request was not begun.
    pub fn overloaded(retry_after: Duration) -> Self {
        let detail = "Too much is going on just now. Please try again shortly.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail).after(retry_after)
    }

    /// 503: it takes `service` to do this, and `service` does not answer.
    pub fn unavailable(service: &str) -> Self {
        Refused::unavailable(service).into()
    }

    /// 503: nobody knows whether it happened. With an idempotency key, asking again tells.
    pub fn outcome_unknown(retry_after: Duration) -> Self {
        let detail = "Whether this happened is not known. Look, or ask again with the same Idempotency-Key.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "outcome-unknown", detail).after(retry_after)
    }

    /// 409: a request with the same idempotency key, or what was told before this one, has not finished yet.
    pub fn in_progress() -> Self {
        Self::new(StatusCode::CONFLICT, "request-in-progress", "This is still being worked on.").after(SHORTLY)
    }

    /// 422: the idempotency key was used for something else.
    pub fn key_reused() -> Self {
        let detail = "This idempotency key was used with another request.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", detail)
    }

    /// 500: a fault of ours. It tells nothing but an id, [`Problem::id`], under which the log tells the rest.
    #[allow(clippy::disallowed_methods, reason = "the id names a line of the log, and decides nothing")]
    pub fn internal() -> Self {
        let detail = "Something went wrong on our side. It is logged under this id.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).with("id", uuid::Uuid::now_v7().to_string())
    }

    /// The id under which an [`internal`](Self::internal) problem is to be logged.
    pub fn id(&self) -> Option<&str> {
        self.extra.get("id")?.as_str()
    }

    /// Its body.
    pub fn to_json(&self) -> String {
        // Texts and JSON values under text keys always have a JSON form; were it not so, the status would still say enough.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &format_args!("/errors/{}", self.code))?;
        map.serialize_entry("title", self.title())?;
        map.serialize_entry("status", &self.status.as_u16())?;
        map.serialize_entry("code", &self.code)?;
        map.serialize_entry("detail", &self.detail)?;
        if !self.errors.is_empty() {
            map.serialize_entry("errors", &self.errors)?;
        }
        for (name, value) in self.extra.iter().filter(|(name, _)| !OWN_MEMBERS.contains(&name.as_str())) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.to_json()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = self.retry_after {
            // Whole seconds is all that the header can say: rounded up, for coming back early is a request wasted.
            let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
            headers.insert(RETRY_AFTER, seconds.max(1).into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 6750: who has sent nothing is told how; who has sent something wrong, that it was.
            let missing = self.code == "token-missing";
            let challenge = if missing { r#"Bearer realm="yeyak""# } else { r#"Bearer realm="yeyak", error="invalid_token""# };
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        // Where nobody says which methods there are, the router that knows them fills the header in.
        if let Some(allow) = self.allow.as_deref().filter(|allow| !allow.is_empty()).and_then(|allow| HeaderValue::from_str(allow).ok()) {
            headers.insert(ALLOW, allow);
        }
        // Whoever knows the reader's language may tell it again.
        response.extensions_mut().insert(self);
        response
    }
}

/// A refusal's details become members of the body, but for the name of a `field` that makes no sense: that is told as every wrong field is.
/// One that says that something stands already is for the routes to answer with that row; where none does, it is a conflict.
impl From<Refused> for Problem {
    fn from(mut refused: Refused) -> Self {
        let status = match refused.kind {
            RefusedKind::Forbidden => StatusCode::FORBIDDEN,
            RefusedKind::NotFound => StatusCode::NOT_FOUND,
            RefusedKind::Conflict | RefusedKind::Standing => StatusCode::CONFLICT,
            RefusedKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            RefusedKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        let field = match refused.details.get("field") {
            Some(Value::String(field)) if refused.kind == RefusedKind::Invalid => Some(field.clone()),
            _ => None,
        };
        // Which rule it breaks is said by the problem's own code; a field's are those of the edge, and this one is of the right type.
        let errors = field.map(|field| {
            refused.details.shift_remove("field");
            FieldError::new(field, "invalid", refused.message.clone())
        });
        let mut problem = Self::new(status, refused.code, refused.message);
        problem.errors = errors.into_iter().collect();
        problem.extra = refused.details;
        if status == StatusCode::SERVICE_UNAVAILABLE { problem.after(SHORTLY) } else { problem }
    }
}

/// A callee's refusal is the caller's; a callee that does not answer is 503, whatever the reason, which is for the log.
impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refused) => refused.into(),
            CallError::Unavailable { service, .. } | CallError::TimedOut { service } | CallError::Undecided { service } => {
                Self::unavailable(&service)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(problem: &Problem) -> Value {
        serde_json::from_str(&problem.to_json()).unwrap()
    }

    #[test]
    fn a_refusal_shows_its_details_but_cannot_pose_as_another() {
        let refused =
            Refused::new(RefusedKind::Conflict, "slot-taken", "this slot is taken").with("reserveId", 7).with("status", "Reserved");
        assert_eq!(
            body(&refused.into()),
            json!({
                "type": "/errors/slot-taken", "title": "Something stands in the way", "status": 409, "code": "slot-taken",
                "detail": "this slot is taken", "reserveId": 7,
            })
        );
    }

    #[test]
    fn a_field_that_makes_no_sense_is_told_as_every_wrong_field() {
        let refused = |kind| Refused::new(kind, "no-such-slot", "the room has no such slot").with("field", "startTime").with("slots", 7);
        let shown = body(&refused(RefusedKind::Invalid).into());
        assert_eq!(shown["errors"], json!([{"field": "startTime", "code": "invalid", "message": "the room has no such slot"}]));
        assert_eq!((&shown["code"], &shown["slots"], shown.get("field")), (&json!("no-such-slot"), &json!(7), None));
        let conflict = body(&refused(RefusedKind::Conflict).into());
        assert_eq!((conflict.get("errors"), &conflict["field"]), (None, &json!("startTime")));
    }

    #[test]
    fn each_kind_of_refusal_has_its_status() {
        let check = |kind, status| assert_eq!(Problem::from(Refused::new(kind, "c", "m")).status.as_u16(), status);
        check(RefusedKind::Forbidden, 403);
        check(RefusedKind::NotFound, 404);
        check(RefusedKind::Conflict, 409);
        check(RefusedKind::Standing, 409);
        check(RefusedKind::Invalid, 422);
    }

    #[test]
    fn every_bad_field_is_named() {
        let problem = Problem::unprocessable(vec![FieldError::new("roomId", "missing", "must be given")]);
        let body = body(&problem);
        assert_eq!(body["status"], 422);
        assert_eq!(body["errors"], json!([{"field": "roomId", "code": "missing", "message": "must be given"}]));
    }

    #[test]
    fn headers_say_what_the_body_is_and_when_to_come_back() {
        let check = |wait, seconds: &str| {
            let response = Problem::overloaded(wait).into_response();
            assert_eq!(response.status(), 503);
            assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
            assert_eq!(response.headers()[RETRY_AFTER], seconds);
        };
        check(Duration::ZERO, "1");
        check(Duration::from_millis(1_500), "2");
        check(Duration::from_secs(30), "30");
        assert_eq!(Problem::method_not_allowed("GET, POST").into_response().headers()[ALLOW], "GET, POST");
        assert!(!Problem::not_found().into_response().headers().contains_key(RETRY_AFTER));
    }

    #[test]
    fn a_fault_of_ours_tells_an_id_and_nothing_else() {
        let problem = Problem::internal();
        assert_eq!(body(&problem)["id"].as_str(), problem.id());
        assert_ne!(problem.id(), Problem::internal().id());
    }

    #[test]
    fn a_silent_callee_is_told_by_name_alone() {
        let error = CallError::Unavailable { service: "reserve".into(), why: "10.0.0.3 refused".into() };
        let problem = Problem::from(error);
        assert_eq!((problem.status.as_u16(), problem.retry_after), (503, Some(SHORTLY)));
        assert!(problem.to_json().contains("reserve") && !problem.to_json().contains("10.0.0.3"));
    }
}
