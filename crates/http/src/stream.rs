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
//! not read, and when the service stops. Items that a view computes are told a page at a time, with the mark at its end.

use std::future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use clock::timeout;
use futures_util::stream;
use kernel::{Resource, Timestamp};
use runtime::{Followed, Follower, Mark, Wanted};
use store::Change;
use tokio::sync::mpsc;

use crate::auth::{Identity, Offers, Who};
use crate::incoming::{Incoming, Reply};
use crate::{FieldError, Problem, Spec, hal, query};

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
    /// 503 when too many follow already.
    pub async fn follow<R: Resource>(&self, filters: Filters) -> Reply {
        let shown = self.shown();
        let told = move |_, changes: Vec<(Mark, Change)>, at| {
            let item = |row: String| hal::item::<R>(&row, &shown.base, at);
            let items = changes.into_iter().map(|(mark, change)| (Some(mark), change.place.id, change.row.map(item)));
            future::ready(shown.piece(items))
        };
        self.stream(Wanted::rows::<R>(filters), None, told)
    }

    /// Answers items that a view computes from what is `wanted`, as they change, until `until`. `compute` gets changed rows of one of the
    /// collections, and says which items are to be told again, each with what it is by now.
    ///
    /// # Errors
    /// 503 when too many follow already.
    pub async fn follow_computed<R: Resource, F>(
        &self,
        wanted: Wanted,
        until: Option<Timestamp>,
        compute: impl Fn(&'static str, Vec<Change>) -> F + Send + 'static,
    ) -> Reply
    where
        F: Future<Output = Result<Vec<(u64, Option<R>)>, Problem>> + Send,
    {
        let shown = self.shown();
        let told = move |collection, changes: Vec<(Mark, Change)>, at| {
            let (mut marks, changes): (Vec<_>, _) = changes.into_iter().unzip();
            let (shown, computed) = (shown.clone(), compute(collection, changes));
            async move {
                // What stood in its way was logged; nothing is lost to whoever comes back with the mark before.
                let items = computed.await.ok()?;
                let items: Vec<_> = items
                    .into_iter()
                    .map(|(id, item)| Some((id, item.map(|item| hal::computed_item(&item, &shown.base, at)).transpose().ok()?)))
                    .collect::<Option<_>>()?;
                // Only who has heard all of it has heard of these changes.
                let (count, mut mark) = (items.len(), marks.pop());
                shown.piece((1..).zip(items).map(|(n, (id, item))| (mark.take_if(|_| n == count), id, item)))
            }
        };
        self.stream(wanted, until, told)
    }

    /// Answers what is wanted as it changes, as `told` puts it.
    fn stream<F>(
        &self,
        wanted: Wanted,
        until: Option<Timestamp>,
        told: impl Fn(&'static str, Vec<(Mark, Change)>, Timestamp) -> F + Send + 'static,
    ) -> Reply
    where
        F: Future<Output = Option<String>> + Send,
    {
        let caller = self.identity.as_ref().map(|identity| identity.caller().to_string());
        let peer = self.peer.map(|peer| peer.network());
        let from = last_event(&self.headers);
        let follower = self.service.follow(wanted.within(&caller), from, caller.as_deref().or(peer.as_deref()));
        let Some(follower) = follower else { return Err(Problem::overloaded(HEARTBEAT)) };
        let (sender, receiver) = mpsc::channel::<Bytes>(1);
        let until = self.identity.as_ref().and_then(|identity| identity.until()).into_iter().chain(until).min();
        let clock = self.service.clock().clone();
        self.service.spawn(Box::pin(async move { tell(follower, told, sender, clock, until).await }));

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

    fn shown(&self) -> Shown {
        Shown { who: self.who, identity: self.identity.clone(), offers: Arc::clone(&self.offers), base: Arc::clone(&self.base) }
    }
}

/// How rows are shown to a client.
#[derive(Clone)]
struct Shown {
    who: Who,
    identity: Option<Identity>,
    offers: Arc<Offers>,
    base: Arc<str>,
}

impl Shown {
    /// What a client is told of these items, each with the mark behind it, its id, and what it is with its links. None when one cannot be
    /// shown.
    fn piece(&self, items: impl Iterator<Item = (Option<Mark>, u64, Option<String>)>) -> Option<String> {
        let mut piece = String::new();
        for (mark, id, item) in items {
            let Some(item) = item else {
                event(&mut piece, "removed", mark.as_ref(), &format!(r#"{{"id":{id}}}"#));
                continue;
            };
            let item = match &self.identity {
                Some(identity) => self.who.show_text(identity, &self.offers, item),
                None => Some(item),
            };
            let Some(item) = item else {
                tracing::error!("a row cannot be read, and a stream was ended");
                return None;
            };
            event(&mut piece, "row", mark.as_ref(), &item);
        }
        Some(piece)
    }
}

/// The mark that a client comes back with; one that is none of ours, inside, is as good as unknown.
fn last_event(headers: &HeaderMap) -> Option<Option<Mark>> {
    let value = headers.get(LAST_EVENT_ID)?;
    Some(value.to_str().ok().and_then(|text| text.trim().parse().ok()))
}

/// What fields of the rows that are meant equal.
type Filters = Vec<(&'static str, store::Cell)>;

/// The filters of a query and parameters besides, as of a list; it has nothing else.
pub(crate) fn filters<R: Resource, S: Spec>(raw: &str, extras: S) -> Result<(Filters, S::Output), Problem> {
    let mut query = query::parse_with::<R, S>(raw, extras);
    let names: Vec<_> = form_urlencoded::parse(raw.as_bytes()).map(|(name, _)| name).collect();
    for name in ["page", "size", "sort"].into_iter().filter(|name| names.iter().any(|one| one == name)) {
        let error = FieldError::new(name, "unknown-field", "has no meaning where rows are told as they change");
        match &mut query {
            Ok(_) => query = Err(Problem::unprocessable(vec![error])),
            Err(problem) => problem.errors.push(error),
        }
    }
    query.map(|(query, extras)| (query.filters, extras))
}

/// Tells a client what happens until there is nothing more to tell, or nobody to tell it to.
async fn tell<F: Future<Output = Option<String>>>(
    mut follower: Follower,
    told: impl Fn(&'static str, Vec<(Mark, Change)>, Timestamp) -> F,
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
        let followed = tokio::select! {
            biased;
            () = client.closed() => return,
            followed = timeout(&*clock, left, follower.next()) => followed,
        };
        piece = match followed {
            Ok(Followed::Changes(collection, changes)) => match told(collection, changes, clock.now()).await {
                Some(piece) => piece,
                // What cannot be checked is not shown.
                None => return,
            },
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
        let check =
            |raw, filters_of| assert_eq!(filters::<Reserve, ()>(raw, ()).map(|(filters, ())| filters.len()), Ok(filters_of), "{raw}");
        check("", 0);
        check("status=Reserved&roomId=3&id=1", 3);
        let wrong = |raw| {
            let errors = filters::<Reserve, ()>(raw, ()).unwrap_err().errors.clone();
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
