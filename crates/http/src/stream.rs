//! `GET /{collection}/stream`: rows as they change, as server-sent events.
//!
//! | event | data | what it says |
//! |---|---|---|
//! | `row` | the item | it stands like this |
//! | `removed` | `{"id": 7}` | it is gone, or is not among those asked for |
//! | `current` | `{}` | everything until now has been told |
//! | `reset` | `{}` | what happened meanwhile cannot be told: forget everything, it is told again |
//!
//! Whoever begins is told all that stands. Whoever comes back with `Last-Event-ID` is told what changed since. A row that changes faster than
//! its client reads is told as it is then, not as it was between. The stream ends with the token that it was asked with, when its client does
//! not read, and when the service stops.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use clock::timeout;
use futures_util::stream;
use kernel::{Resource, Timestamp};
use runtime::{Followed, Follower, Mark};
use tokio::sync::mpsc;

use crate::incoming::{Incoming, Reply};
use crate::{FieldError, Problem, hal, query};

/// What a client was told last.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// After so long without anything to tell, something is sent all the same: it keeps the connection, and shows when nobody is there any more.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Whoever takes nothing for so long is let go.
const PATIENCE: Duration = Duration::from_secs(30);

/// When a client comes back that was cut off, in milliseconds.
const COME_BACK: u32 = 2_000;

/// Marks an answer whose body is told piece by piece, each already as its reader may see it.
#[derive(Clone, Copy)]
pub(crate) struct Streamed;

impl Incoming {
    /// Answers the rows of `R`, those that match its query, as they change.
    ///
    /// # Errors
    /// 422 naming each wrong parameter, 503 when too many follow already.
    pub async fn follow<R: Resource>(&self, filters: Vec<(&'static str, store::Cell)>) -> Reply {
        let from = last_event(&self.headers);
        let client = self.identity.as_ref().map(|identity| identity.caller().to_string());
        let Some(follower) = self.service.follow::<R>(filters, from, client.as_deref()) else { return Err(Problem::overloaded(HEARTBEAT)) };
        let (sender, receiver) = mpsc::channel::<Bytes>(1);
        let (hidden, identity) = (self.who, self.identity.clone());
        let base = self.base.clone();
        let item = move |row: &str, at: Timestamp| {
            let item = hal::item::<R>(row, &base, at);
            match &identity {
                Some(identity) => hidden.show_text(identity, item),
                None => Some(item),
            }
        };
        let until = self.identity.as_ref().and_then(|identity| identity.until());
        let clock = self.service.clock().clone();
        self.service.spawn(Box::pin(async move { tell(follower, item, sender, clock, until).await }));

        let body = stream::unfold(receiver, async |mut receiver| {
            let piece = receiver.recv().await?;
            Some((Ok::<_, std::convert::Infallible>(piece), receiver))
        });
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
            // What stands between is not to collect events before it hands them on.
            (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
        ];
        let mut response: Response = (StatusCode::OK, headers, Body::from_stream(body)).into_response();
        response.extensions_mut().insert(Streamed);
        Ok(response)
    }
}

/// The mark that a client comes back with; one that is none of ours, inside, is as good as unknown.
fn last_event(headers: &HeaderMap) -> Option<Option<Mark>> {
    let value = headers.get(LAST_EVENT_ID)?;
    Some(value.to_str().ok().and_then(|text| text.trim().parse().ok()))
}

/// The filters of a query, which has nothing else.
pub(crate) fn filters<R: Resource>(raw: &str) -> Result<Vec<(&'static str, store::Cell)>, Problem> {
    let mut query = query::parse::<R>(raw);
    let names: Vec<_> = form_urlencoded::parse(raw.as_bytes()).map(|(name, _)| name).collect();
    for name in ["page", "size", "sort"].into_iter().filter(|name| names.iter().any(|one| one == name)) {
        let error = FieldError::new(name, "unknown-field", "has no meaning where rows are told as they change");
        match &mut query {
            Ok(_) => query = Err(Problem::unprocessable(vec![error])),
            Err(problem) => problem.errors.push(error),
        }
    }
    Ok(query?.filters)
}

/// Tells a client what happens until there is nothing more to tell, or nobody to tell it to.
async fn tell(
    mut follower: Follower,
    item: impl Fn(&str, Timestamp) -> Option<String>,
    client: mpsc::Sender<Bytes>,
    clock: clock::SharedClock,
    until: Option<Timestamp>,
) {
    let mut piece = format!("retry: {COME_BACK}\n\n");
    loop {
        if !piece.is_empty() && !matches!(timeout(&*clock, PATIENCE, client.send(piece.into())).await, Ok(Ok(()))) {
            return;
        }
        let now = clock.now();
        let left = until.map_or(HEARTBEAT, |until| Duration::try_from(until.duration_since(now)).unwrap_or_default().min(HEARTBEAT));
        if left.is_zero() {
            return;
        }
        let told = tokio::select! {
            biased;
            () = client.closed() => return,
            told = timeout(&*clock, left, follower.next()) => told,
        };
        piece = match told {
            Ok(Followed::Changes(changes)) => {
                let at = clock.now();
                let mut piece = String::new();
                for (mark, change) in changes {
                    match change.row.as_deref().map(|row| item(row, at)) {
                        Some(Some(item)) => event(&mut piece, "row", Some(&mark), &item),
                        // What cannot be checked is not shown.
                        Some(None) => return tracing::error!("a row cannot be read, and a stream was ended"),
                        None => event(&mut piece, "removed", Some(&mark), &format!(r#"{{"id":{}}}"#, change.place.id)),
                    }
                }
                piece
            }
            Ok(Followed::Current(mark)) => single("current", Some(&mark)),
            Ok(Followed::Reset) => single("reset", None),
            Ok(Followed::Ended) => return,
            // An id alone is no event, but is remembered: whoever comes back need not go through what did not concern them.
            Err(_) => follower.mark().map_or_else(|| ":\n\n".into(), |mark| format!(":\nid: {mark}\n\n")),
        };
    }
}

fn single(name: &str, mark: Option<&Mark>) -> String {
    let mut piece = String::new();
    event(&mut piece, name, mark, "{}");
    piece
}

fn event(piece: &mut String, name: &str, mark: Option<&Mark>, data: &str) {
    if let Some(mark) = mark {
        piece.push_str(&format!("id: {mark}\n"));
    }
    piece.push_str(&format!("event: {name}\n"));
    for line in data.lines() {
        piece.push_str(&format!("data: {line}\n"));
    }
    piece.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Reserve;

    #[test]
    fn a_stream_is_filtered_and_nothing_else() {
        let check = |raw, filters_of| assert_eq!(filters::<Reserve>(raw).map(|filters| filters.len()), Ok(filters_of), "{raw}");
        check("", 0);
        check("status=Reserved&roomId=3&id=1", 3);
        let wrong = |raw| {
            let errors = filters::<Reserve>(raw).unwrap_err().errors.clone();
            errors.into_iter().map(|error| format!("{} {}", error.field, error.code)).collect::<Vec<_>>()
        };
        assert_eq!(wrong("page=1"), ["page unknown-field"]);
        assert_eq!(wrong("size=&x=1&sort=id"), ["x unknown-field", "size unknown-field", "sort unknown-field"]);
    }

    #[test]
    fn an_event_is_lines_that_end_with_an_empty_one() {
        let mut piece = String::new();
        event(&mut piece, "row", None, "{\"a\":\n1}");
        assert_eq!(piece, "event: row\ndata: {\"a\":\ndata: 1}\n\n");
    }
}
