//! What is answered: the same bytes as Yeyak's.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};

use crate::booking::{Wanted, instant, opens};
use crate::reader::{COUNTED, Page, Reader};
use crate::rooms::{Room, Rooms, Slot};
use crate::writer::{Outcome, Refused, Work};

/// The rooms' zone: Yeyak's default.
const ZONE: &str = "Asia/Seoul";
const LONGEST_PAGE: i64 = 1000;

/// Everything that answers take.
pub(crate) struct Limit {
    rooms: Rooms,
    writer: mpsc::Sender<Work>,
    reader: Reader,
    zone: TimeZone,
}

impl Limit {
    pub(crate) fn new(rooms: Rooms, writer: mpsc::Sender<Work>, reader: Reader) -> Result<Self, jiff::Error> {
        Ok(Self { rooms, writer, reader, zone: TimeZone::get(ZONE)? })
    }

    async fn write(&self, work: impl FnOnce(oneshot::Sender<Outcome>) -> Work) -> Outcome {
        let (sender, receiver) = oneshot::channel();
        self.writer.send(work(sender)).await.map_err(|_| Refused::Failed)?;
        receiver.await.map_err(|_| Refused::Failed)?
    }
}

/// The routes that the bench asks.
pub(crate) fn router(limit: Limit) -> Router {
    Router::new()
        .route("/reserves", get(page).post(reserve))
        .route("/reserves/{id}", get(item))
        .route("/roomSlots", get(room_slots))
        .route("/rooms", axum::routing::post(add_room))
        .route("/actuator/health/readiness", get(ready))
        .with_state(Arc::new(limit))
}

async fn ready() -> StatusCode {
    StatusCode::OK
}

async fn reserve(State(limit): State<Arc<Limit>>, body: String) -> Response {
    let Ok(wanted) = serde_json::from_str::<Wanted<'_>>(&body) else { return refuse(StatusCode::UNPROCESSABLE_ENTITY, "malformed-body") };
    let booking = limit.rooms.with(wanted.room_id, |room| wanted.booking(room, &limit.zone, now()));
    let booking = match booking {
        Some(Ok(booking)) => booking,
        Some(Err(why)) => return refuse(StatusCode::CONFLICT, why),
        None => return refuse(StatusCode::CONFLICT, "no-such-room"),
    };
    match limit.write(|asker| Work::Book(booking, asker)).await {
        Ok((id, row)) => {
            let (place, mut body) = (format!("/reserves/{id}"), String::with_capacity(row.len() + 256));
            write_item(&mut body, &row, id);
            ([(header::LOCATION, place), (header::ETAG, format!("\"{id}-1\""))], (StatusCode::CREATED, hal(body))).into_response()
        }
        Err(Refused::Taken(other)) => refuse(StatusCode::CONFLICT, &format!("slot-taken by {other}")),
        Err(Refused::Failed) => refuse(StatusCode::SERVICE_UNAVAILABLE, "store-away"),
    }
}

async fn item(State(limit): State<Arc<Limit>>, Path(id): Path<i64>) -> Response {
    match limit.reader.row(id) {
        Ok(Some(row)) => {
            let mut body = String::with_capacity(row.len() + 256);
            write_item(&mut body, &row, id);
            ([(header::ETAG, format!("\"{id}-1\""))], hal(body)).into_response()
        }
        Ok(None) => refuse(StatusCode::NOT_FOUND, "not-found"),
        Err(_) => refuse(StatusCode::SERVICE_UNAVAILABLE, "store-away"),
    }
}

/// A person's reservations are asked for from the last date on; others are not sorted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    #[serde(default)]
    page: i64,
    #[serde(default = "usual_size")]
    size: i64,
    user_id: Option<String>,
    sort: Option<String>,
    date: Option<Date>,
}

const fn usual_size() -> i64 {
    20
}

async fn page(State(limit): State<Arc<Limit>>, RawQuery(raw): RawQuery, Query(asked): Query<Asked>) -> Response {
    let (number, size) = (asked.page.max(0), asked.size.clamp(1, LONGEST_PAGE));
    let found = match (&asked.user_id, asked.sort.as_deref()) {
        (Some(user), Some("date,desc")) => limit.reader.page_of(user, number, size),
        (None, None) => limit.reader.page(number, size),
        _ => return refuse(StatusCode::UNPROCESSABLE_ENTITY, "not-asked-by-the-bench"),
    };
    let Ok(Page { rows, total }) = found else { return refuse(StatusCode::SERVICE_UNAVAILABLE, "store-away") };
    let mut body = String::from(r#"{"_embedded":{"reserves":["#);
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        write_item(&mut body, row, id_of(row));
    }
    write_end(
        &mut body,
        &Collection { path: "/reserves", query: raw.as_deref().unwrap_or_default(), number, size, total, shown: rows.len() },
    );
    hal(body).into_response()
}

async fn room_slots(State(limit): State<Arc<Limit>>, RawQuery(raw): RawQuery, Query(asked): Query<Asked>) -> Response {
    let (number, size) = (asked.page.max(0), asked.size.clamp(1, LONGEST_PAGE));
    let Some(date) = asked.date else { return refuse(StatusCode::UNPROCESSABLE_ENTITY, "not-asked-by-the-bench") };
    let (total, slots) =
        limit.rooms.page((number * size).unsigned_abs() as usize, size.unsigned_abs() as usize, |id, place, room, slot| {
            (id, place, (room.floor.clone(), room.days_ahead), slot)
        });
    match limit.write_slots(&slots, date) {
        Ok(mut body) => {
            let total = i64::try_from(total).unwrap_or(i64::MAX);
            let query = raw.as_deref().unwrap_or_default();
            write_end(&mut body, &Collection { path: "/roomSlots", query, number, size, total, shown: slots.len() });
            hal(body).into_response()
        }
        Err(why) => refuse(StatusCode::SERVICE_UNAVAILABLE, why),
    }
}

impl Limit {
    /// The beginning of a page of slots. What stands in a room is read once.
    fn write_slots(&self, slots: &[(u64, usize, (String, i64), Slot)], date: Date) -> Result<String, &'static str> {
        let mut body = String::from(r#"{"_embedded":{"roomSlots":["#);
        let now = now().as_microsecond();
        let (from, until) = (instant(date, Time::midnight(), &self.zone)?, instant(tomorrow(date)?, Time::midnight(), &self.zone)?);
        let (from, until) = (from.as_microsecond(), until.as_microsecond());
        let rooms = slots.iter().map(|(room, ..)| *room).collect();
        let standing = self.reader.standing(rooms, from, until).map_err(|_| "store-away")?;
        for (index, (room, place, (floor, days_ahead), Slot { start, end })) in slots.iter().enumerate() {
            let (starts, ends) = (instant(date, *start, &self.zone)?, instant(date, *end, &self.zone)?);
            let opens = opens(date, *days_ahead, &self.zone)?;
            let (first, end_of) = (starts.as_microsecond(), ends.as_microsecond());
            let taken = standing.get(room).into_iter().flatten().find(|standing| standing.starts < end_of && standing.ends > first);
            if index > 0 {
                body.push(',');
            }
            let id = room * 100 + *place as u64;
            let (start, end) = (start.strftime("%H:%M"), end.strftime("%H:%M"));
            let floor = serde_json::Value::from(floor.as_str());
            // Writing to a text does not fail.
            _ = write!(
                body,
                r#"{{"id":{id},"roomId":{room},"floor":{floor},"date":"{date}","startTime":"{start}","endTime":"{end}","startsAt":"{starts}","endsAt":"{ends}","opensAt":"{opens}","#
            );
            _ = match taken {
                Some(taken) => {
                    let user = serde_json::Value::from(taken.user.as_str());
                    write!(body, r#""status":"Reserved","reserveId":{},"userId":{user},"#, taken.id)
                }
                None => write!(body, r#""status":"Available","reserveId":null,"userId":null,"#),
            };
            let href = format!("/roomSlots/{id}");
            _ = write!(
                body,
                r#""_links":{{"self":{{"href":"{href}?date={date}"}},"roomSlot":{{"href":"{href}?date={date}"}},"history":{{"href":"{href}/history"}}"#
            );
            if taken.is_none() && opens.as_microsecond() <= now && now < end_of {
                body.push_str(r#","reserve":{"href":"/reserves","method":"POST"}"#);
            }
            body.push_str("}}");
        }
        Ok(body)
    }
}

/// What is said of a room.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewRoom {
    floor: String,
    opening_rule: String,
    slots: String,
}

async fn add_room(State(limit): State<Arc<Limit>>, body: String) -> Response {
    let Ok(wanted) = serde_json::from_str::<NewRoom>(&body) else { return refuse(StatusCode::UNPROCESSABLE_ENTITY, "malformed-body") };
    let days_ahead = wanted.opening_rule.strip_prefix("days-ahead:").and_then(|days| days.parse().ok());
    let (Some(days_ahead), Ok(slots)) = (days_ahead, wanted.slots.parse()) else {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "not-asked-by-the-bench");
    };
    let room = Room { floor: wanted.floor, days_ahead, slots };
    match limit.write(|asker| Work::AddRoom(room.clone(), wanted.slots, asker)).await {
        Ok((id, _)) => {
            limit.rooms.add(id.unsigned_abs(), room);
            (StatusCode::CREATED, hal(format!(r#"{{"id":{id}}}"#))).into_response()
        }
        Err(_) => refuse(StatusCode::SERVICE_UNAVAILABLE, "store-away"),
    }
}

/// A row with its links.
fn write_item(body: &mut String, row: &str, id: i64) {
    body.push_str(row.strip_suffix('}').unwrap_or(row));
    // Writing to a text does not fail.
    _ = write!(
        body,
        r#","_links":{{"self":{{"href":"/reserves/{id}"}},"reserve":{{"href":"/reserves/{id}"}},"history":{{"href":"/reserves/{id}/history"}},"cancel":{{"href":"/reserves/{id}","method":"DELETE"}}}}}}"#
    );
}

/// A row begins with its id.
fn id_of(row: &str) -> i64 {
    let digits = row.strip_prefix(r#"{"id":"#).and_then(|rest| rest.split(',').next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

struct Collection<'a> {
    path: &'a str,
    query: &'a str,
    number: i64,
    size: i64,
    /// Counted up to one beyond [`COUNTED`].
    total: i64,
    shown: usize,
}

/// The end of a collection: its links, and where in it the page is.
fn write_end(body: &mut String, of: &Collection<'_>) {
    let Collection { path, query, number, size, .. } = *of;
    let is_bound = of.total > COUNTED;
    let total = of.total.min(COUNTED);
    let pages = total / size + i64::from(total % size > 0);
    let last = (pages - 1).max(0);
    let others: String = query
        .split('&')
        .filter(|one| !one.is_empty() && !one.starts_with("page=") && !one.starts_with("size="))
        .fold(String::new(), |others, one| others + one + "&");
    let to = |name: &str, page: i64| format!(r#","{name}":{{"href":"{path}?{others}page={page}&size={size}"}}"#);
    let own = if query.is_empty() { String::new() } else { format!("?{query}") };
    _ = write!(body, r#"]}},"_links":{{"self":{{"href":"{path}{own}"}}{}"#, to("first", 0));
    if number > 0 {
        body.push_str(&to("prev", if is_bound { number - 1 } else { last.min(number - 1) }));
    }
    if if is_bound { of.shown as i64 >= size } else { number < last } {
        body.push_str(&to("next", number + 1));
    }
    if !is_bound {
        body.push_str(&to("last", last));
    }
    let bound = if is_bound { r#","totalIsLowerBound":true"# } else { "" };
    _ = write!(body, r#"}},"page":{{"size":{size},"totalElements":{total},"totalPages":{pages},"number":{number}{bound}}}}}"#);
}

fn hal(body: String) -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/hal+json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ],
        body,
    )
}

fn refuse(status: StatusCode, code: &str) -> Response {
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
    (status, headers, format!(r#"{{"code":"{code}"}}"#)).into_response()
}

fn tomorrow(date: Date) -> Result<Date, &'static str> {
    date.checked_add(1.day()).map_err(|_| "no-such-day")
}

#[allow(clippy::disallowed_methods, reason = "the machine's time is this server's")]
fn now() -> Timestamp {
    Timestamp::now()
}
