//! What clients of every sort could send.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

/// A request whose head HTTP can carry, whatever else is in it.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) target: Vec<u8>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

/// Bytes on a connection.
#[derive(Clone)]
pub(super) struct Raw(pub(super) Vec<u8>);

impl Asked {
    pub(super) fn new(method: &str, target: &str, body: &[u8]) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), body: body.into() }
    }
}

fn shown(bytes: &[u8]) -> String {
    const MANY: usize = 400;
    let text = bytes[..bytes.len().min(MANY)].escape_ascii().to_string();
    if bytes.len() > MANY { format!("{text}… ({} bytes)", bytes.len()) } else { text }
}

impl fmt::Debug for Asked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.method, shown(&self.target))?;
        for (name, value) in &self.headers {
            write!(out, " | {name}: {}", shown(value))?;
        }
        write!(out, " | {}", shown(&self.body))
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&shown(&self.0))
    }
}

/// The fields that some route knows.
const FIELDS: &[&str] = &[
    "userId",
    "roomId",
    "reserveId",
    "date",
    "startTime",
    "endTime",
    "floor",
    "name",
    "capacity",
    "openingRule",
    "slots",
    "from",
    "until",
    "status",
    "id",
    "service",
    "down",
    "delayMs",
    "refuse",
];

/// Texts that mean something to somebody.
const TEXTS: &[&str] = &[
    "",
    " ",
    "1",
    "0",
    "-1",
    "1.0",
    "1e3",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "true",
    "NaN",
    "null",
    "2026-11-23",
    "20261123",
    "2026-11-24",
    "2026-02-29",
    "0000-00-00",
    "0000-01-01",
    "-9999-01-01",
    "9999-12-31",
    "2200-12-31",
    "2201-01-01",
    "1900-01-01",
    "2026-11-23T10:05:00+09:00",
    "2026-11-23T10:05:00Z",
    "2026-11-23T10:05:00",
    "1970-01-01T00:00:00Z",
    "2200-12-31T23:59:59.999999999Z",
    "9999-12-31T23:59:59Z",
    "9999-12-30T22:00:00.999999999Z",
    "-009999-01-02T01:59:59Z",
    "2026-11-23T24:00:00+09:00",
    "2026-11-23T23:59:60Z",
    "2026-11-23T10:05:00+25:59",
    "00:00",
    "08:00",
    "09:50",
    "10:00",
    "11:50",
    "23:59",
    "24:00",
    "24:01",
    "08:00:30",
    "8",
    "-08:00",
    "same-day",
    "slot-start",
    "days-ahead:0",
    "days-ahead:14",
    "days-ahead:65535",
    "days-ahead:65536",
    "days-ahead:-1",
    "days-ahead:",
    "08:00-09:50",
    "08:00-09:50,09:50-24:00",
    "10:00-09:00",
    "00:00-24:00",
    "08:00-08:00",
    ",",
    "-",
    "meetingroom/reserve",
    "meetingroom/room",
    "room",
    "회의실",
    "\u{0}",
    "\u{1f600}",
    "\u{202e}",
    "a\u{301}",
    "\r\nX-Injected: 1",
    "'; DROP TABLE reserve_rows; --",
    "%00",
    "../../etc/passwd",
    "{\"a\":1}",
    "\u{feff}1",
    "１２",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(TEXTS).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => (proptest::sample::select(vec!["x", "é", "한", "\u{1f600}", "\\", "\""]), 1_usize..300).prop_map(|(one, many)| one.repeat(many)),
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-20_i64..120).prop_map(Value::from),
        any::<f64>().prop_map(|float| Number::from_f64(float).map_or(Value::Null, Value::Number)),
        proptest::sample::select(vec![0_u64, 1, 1 << 53, 1 << 63, u64::MAX, 20_261_124, 4_294_967_295, 4_294_967_296, 600_000])
            .prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number(), text().prop_map(Value::from)];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((text(), inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// An object of fields that are known, with any values.
fn known_fields() -> impl Strategy<Value = Value> {
    vec((proptest::sample::select(FIELDS), value()), 0..10)
        .prop_map(|fields| Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

/// Any body that fits, and some that do not.
pub(super) fn body() -> impl Strategy<Value = Vec<u8>> {
    let json = prop_oneof![value(), known_fields()].prop_map(|value| value.to_string().into_bytes());
    prop_oneof![
        4 => json.clone(),
        1 => vec(any::<u8>(), 0..200),
        2 => (json.clone(), any::<prop::sample::Index>()).prop_map(|(json, end)| json[..end.index(json.len() + 1)].to_vec()),
        2 => (json, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut json, at, byte)| {
            let at = at.index(json.len());
            json[at] = byte;
            json
        }),
        1 => (proptest::sample::select(vec!["[", "{\"a\":", "[[[{\"userId\":"]), 1_usize..10_000).prop_map(|(one, many)| one.repeat(many).into_bytes()),
        1 => (proptest::sample::select(FIELDS), 1_usize..30_000)
            .prop_map(|(field, deep)| format!("{{\"{field}\": {}1{}}}", "[".repeat(deep), "]".repeat(deep)).into_bytes()),
        1 => (proptest::sample::select(FIELDS), proptest::sample::select(vec!["9", "-9", "0.0", "1e9", "1e-9"]), 1_usize..20_000)
            .prop_map(|(field, digits, many)| format!("{{\"{field}\": {digits}{}}}", "9".repeat(many)).into_bytes()),
        1 => (proptest::sample::select(FIELDS), vec(proptest::sample::select(vec!["\\ud800", "\\udc00", "\\u0000", "\\x", "\\", "\u{7f}", "é"]), 1..5))
            .prop_map(|(field, parts)| format!("{{\"{field}\": \"{}\"}}", parts.concat()).into_bytes()),
        1 => (60_000_usize..70_000).prop_map(|length| vec![b' '; length]),
    ]
}

/// A body that this route could almost, or really, take: all of its fields, of which some are right.
pub(super) fn almost_right(route: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let right = match route {
        "/rooms" => json!({"floor": "3", "name": "Hangang", "capacity": 8, "openingRule": "same-day", "slots": "08:00-09:50"}),
        "/reserves" => json!({"userId": "1", "roomId": 3, "date": "2026-11-24", "startTime": "08:00", "endTime": "09:50"}),
        "/conferences" => json!({"userId": "1", "roomId": 1, "reserveId": 1}),
        // On another day than the reservations above, which would stand in its way.
        _ => json!({"roomId": 3, "from": "2026-11-25T08:00:00+09:00", "until": "2026-11-25T09:00:00+09:00"}),
    };
    let Value::Object(right) = right else { unreachable!("all are objects") };
    let wrong = prop_oneof![
        4 => text().prop_map(Value::from),
        2 => number(),
        1 => value(),
        1 => slots(),
    ];
    let changed = vec(prop::option::weighted(0.3, wrong), right.len());
    (changed, vec(proptest::bool::weighted(0.1), right.len())).prop_map(move |(changed, dropped)| {
        let fields = right.iter().zip(changed).zip(dropped).filter(|(_, dropped)| !dropped);
        let body: Map<_, _> = fields.map(|(((name, right), wrong), _)| (name.clone(), wrong.unwrap_or_else(|| right.clone()))).collect();
        Value::Object(body).to_string().into_bytes()
    })
}

/// The slots of a day, in either form, in order or not.
fn slots() -> impl Strategy<Value = Value> {
    let time = || (0_u8..26, 0_u8..61).prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}"));
    let pairs = || vec((time(), time()), 0..30);
    prop_oneof![
        pairs().prop_map(|pairs| pairs.iter().map(|(start, end)| format!("{start}-{end}")).collect::<Vec<_>>().join(",").into()),
        pairs().prop_map(|pairs| pairs.iter().map(|(start, end)| json!({"start": start, "end": end})).collect::<Vec<_>>().into()),
    ]
}

/// What can stand in a path or query without ending it.
fn escaped() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => proptest::sample::select(TEXTS).prop_map(|text| text.bytes().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect()),
        2 => "[a-zA-Z0-9._~!$&'()*+,;=:@-]{0,20}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..6).prop_map(|bytes| bytes.into_iter().flat_map(|byte| format!("%{byte:02x}").into_bytes()).collect()),
        1 => "(%|%f|%zz|%00|%2f|%2F|\\.\\.|\\.|%2e%2e|/|//|;|:|\\*|\\{id\\}){1,5}".prop_map(String::into_bytes),
        1 => (1_usize..12_000).prop_map(|length| vec![b'a'; length]),
        1 => (0_u64..4, 0_u64..2).prop_map(|(id, high)| (id + high * (1 << 63)).to_string().into_bytes()),
    ]
}

fn query() -> impl Strategy<Value = Vec<u8>> {
    const NAMES: &[&str] =
        &["page", "size", "sort", "id", "roomId", "userId", "status", "date", "floor", "after", "startTime", "reserveId", "conferenceId"];
    let value = prop_oneof![
        3 => escaped(),
        1 => proptest::sample::select(vec!["0", "1", "1000", "1001", "-1", "18446744073709551615", "99999999999", "id,desc", "status,asc", "roomId", "desc", ","])
            .prop_map(|text| text.as_bytes().to_vec()),
    ];
    let name = prop_oneof![4 => proptest::sample::select(NAMES).prop_map(|name| name.as_bytes().to_vec()), 1 => escaped()];
    vec((name, value), 0..5).prop_map(|parameters| {
        let each: Vec<_> = parameters.iter().map(|(name, value)| [name, &b"="[..], value].concat()).collect();
        each.join(&b'&')
    })
}

fn header() -> impl Strategy<Value = (String, Vec<u8>)> {
    let name = proptest::sample::select(vec![
        "Idempotency-Key",
        "Content-Type",
        "Accept",
        "Accept-Encoding",
        "Content-Encoding",
        "If-Match",
        "If-None-Match",
        "Origin",
        "Authorization",
        "Cookie",
        "X-Forwarded-For",
        "X-HTTP-Method-Override",
        "Expect",
        "Range",
        "Traceparent",
        "Upgrade",
        "X-Anything",
        "X-Request-Id",
        "Yeyak-Wait-For",
        "Last-Event-ID",
        "Prefer",
        "Access-Control-Request-Method",
        "Access-Control-Request-Headers",
    ]);
    let value = prop_oneof![
        2 => "[ -~]{0,40}".prop_map(String::into_bytes),
        1 => vec(0x80_u8..=0xff, 0..20),
        1 => (1_usize..20_000).prop_map(|length| vec![b'v'; length]),
        2 => proptest::sample::select(vec![
            "text/plain", "application/xml", "application/json; charset=utf-16", "multipart/form-data", "application/x-www-form-urlencoded", "gzip", "*", "\"1\"",
            "100-continue", "bytes=0-1", "websocket", "h2c", "DELETE", ";;;", "key-1", "return=minimal", "return=minimal;;,=", "W/\"1\"", "\"1\", *, W/",
            "gzip;q=0.5, zstd", "*;q=0", "identity;q=0", "reserve:1.0.1", "reserve:1.3.42, room:9.15.18446744073709551615", "0000000000000001-1-1",
            "ffffffffffffffff-18446744073709551615", "https://page.example", "null",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    (name.prop_map(str::to_owned), value)
}

/// A request to this route, or to something like it.
pub(super) fn asked(route: &'static str) -> impl Strategy<Value = Asked> {
    let method = proptest::sample::select(vec![
        "GET", "GET", "GET", "HEAD", "POST", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get", "X",
    ]);
    let id = prop_oneof![1 => Just(b"1".to_vec()), 2 => escaped()];
    let behind = prop_oneof![4 => Just(Vec::new()), 1 => escaped()];
    let base = proptest::sample::select(vec!["", "/meetingroom", "/meetingroom/meetingroom", "/"]);
    let body = prop_oneof![2 => Just(Vec::new()), 1 => body()];
    (method, base, id, behind, query(), vec(header(), 0..4), body).prop_map(move |(method, base, id, behind, query, headers, body)| {
        let mut target = base.as_bytes().to_vec();
        for (index, part) in route.split("{id}").enumerate() {
            if index > 0 {
                target.extend_from_slice(&id);
            }
            target.extend_from_slice(part.as_bytes());
        }
        target.extend_from_slice(&behind);
        if !query.is_empty() {
            target.push(b'?');
            target.extend_from_slice(&query);
        }
        Asked { method: method.into(), target, headers, body }
    })
}

/// Requests that are broken in some way, several of them, or none at all.
pub(super) fn raw() -> impl Strategy<Value = Raw> {
    let line = prop_oneof![
        4 => Just(b"POST /reserves HTTP/1.1\r\n".to_vec()),
        1 => Just(b"GET /rooms HTTP/1.1\r\n".to_vec()),
        1 => Just(b"GET http://elsewhere/rooms HTTP/1.1\r\n".to_vec()),
        1 => Just(b"CONNECT yeyak:80 HTTP/1.1\r\n".to_vec()),
        1 => Just(b"OPTIONS * HTTP/1.1\r\n".to_vec()),
        1 => Just(b"GET /rooms HTTP/1.0\r\n".to_vec()),
        1 => Just(b"GET /rooms HTTP/2.0\r\n".to_vec()),
        1 => Just(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        1 => vec(any::<u8>(), 0..40).prop_map(|path| [b"GET /", &path[..], b" HTTP/1.1\r\n"].concat()),
        1 => (8_000_usize..100_000).prop_map(|length| [b"GET /", &vec![b'a'; length][..], b" HTTP/1.1\r\n"].concat()),
    ];
    let header = prop_oneof![
        Just(b"Host: yeyak\r\n".to_vec()),
        (0_u64..200).prop_map(|length| format!("Content-Length: {length}\r\n").into_bytes()),
        Just(b"Content-Length: -1\r\n".to_vec()),
        Just(b"Content-Length: 18446744073709551616\r\n".to_vec()),
        Just(b"Content-Length: 99999999\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"Transfer-Encoding: gzip, chunked\r\n".to_vec()),
        Just(b"Transfer-Encoding: identity\r\n".to_vec()),
        Just(b"Expect: 100-continue\r\n".to_vec()),
        Just(b"Connection: upgrade\r\nUpgrade: websocket\r\n".to_vec()),
        Just(b"No colon\r\n".to_vec()),
        Just(b": no name\r\n".to_vec()),
        Just(b" folded\r\n".to_vec()),
        vec(any::<u8>(), 0..30).prop_map(|value| [b"X: ", &value[..], b"\r\n"].concat()),
        (1_usize..600_000).prop_map(|length| [b"X: ", &vec![b'v'; length][..], b"\r\n"].concat()),
        (1_usize..300).prop_map(|many| b"X: y\r\n".repeat(many)),
    ];
    let body = prop_oneof![
        Just(Vec::new()),
        Just(b"{\"userId\": \"1\", \"roomId\": 1}".to_vec()),
        Just(b"5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n".to_vec()),
        Just(b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n".to_vec()),
        Just(b"-1\r\n{}\r\n0\r\n\r\n".to_vec()),
        Just(b"2\r\n{}\r\n0\r\nTrailer: x\r\n\r\n".to_vec()),
        vec(any::<u8>(), 0..100),
    ];
    let request =
        (line, vec(header, 0..4), body).prop_map(|(line, headers, body)| [line, headers.concat(), b"\r\n".to_vec(), body].concat());
    prop_oneof![
        6 => vec(request, 1..4).prop_map(|requests| Raw(requests.concat())),
        1 => vec(any::<u8>(), 0..300).prop_map(Raw),
    ]
}
