use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

/// What a request was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// What stands for an answer that could not be had.
    pub(crate) fn none(path: &str) -> Self {
        Self { asked: path.into(), status: StatusCode::SERVICE_UNAVAILABLE, headers: HeaderMap::new(), text: String::new() }
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// A header's text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body, when this is the status.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{} was answered {} {}", self.asked, self.status, self.text);
        self.json()
    }

    /// The body of a problem with this status and code.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(problem["code"], code, "{} was answered {}", self.asked, self.text);
        problem
    }
}
