//! What a value may be, key by key. Each function says what is wrong and what is right.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use axum::http::{HeaderValue, Uri};
use edge::auth::{Location, NotALocation};
use gateway::Cors;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{self, TimeZone};
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::payments::Provider;
use super::sources::nearest;
use super::{LogFormat, Mode};

/// A value as it was written.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A word of the command line or the environment, which may be meant as anything.
    Word(String),
    /// A text of the file.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// A number that is not whole, or beyond measure.
    Number(String),
    /// True or false.
    Boolean(bool),
    /// A date, a time, or both.
    Date(String),
    /// A list.
    List,
    /// A table with nothing in it.
    Table,
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(text) | Self::Text(text) => out.write_str(&quoted(text)),
            Self::Whole(number) => write!(out, "{number}"),
            Self::Number(text) | Self::Date(text) => out.write_str(&shortened(text)),
            Self::Boolean(truth) => write!(out, "{truth}"),
            Self::List => out.write_str("a list"),
            Self::Table => out.write_str("a section"),
        }
    }
}

/// A text in quotation marks, in one line and not too long for it. What can be secret in an address is left out.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", shortened(&without_secrets(text)))
}

/// An address without its user, its password and its query, however it was mistyped; any other text as it is.
fn without_secrets(text: &str) -> Cow<'_, str> {
    let is_address = ["://", ":/", "//"].iter().any(|sign| text.contains(sign));
    if !is_address && !text.contains('@') {
        return text.into();
    }
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    // Whatever stands before the last @ may be part of a password, also where no address has one, or it was mistyped.
    let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, rest)| ("…@", rest));
    let (rest, query) = rest.split_once(['?', '#']).map_or((rest, ""), |(rest, _)| (rest, "?…"));
    let (scheme, sign) = scheme.map_or(("", ""), |scheme| (scheme, "://"));
    format!("{scheme}{sign}{user}{rest}{query}").into()
}

/// What is said to whoever writes a user and a password into an address. It has them no more.
pub(crate) const USER_IN_ADDRESS: &str =
    "has a user or a password in it, before the @: whoever sees the address would see them; leave them out";

fn shortened(text: &str) -> String {
    const MANY: usize = 60;
    match text.char_indices().nth(MANY) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into(),
    }
}

fn wrong<T>(value: &Value, right: impl fmt::Display) -> Result<T, String> {
    Err(format!("{value} is not right here: write {right}"))
}

/// A text; `right` says what of.
fn text<'a>(value: &'a Value, right: &str) -> Result<&'a str, String> {
    match value {
        Value::Word(text) | Value::Text(text) => Ok(text.trim()),
        other => wrong(other, right),
    }
}

/// An address to listen on.
pub(super) fn address(value: &Value) -> Result<SocketAddr, String> {
    const RIGHT: &str = "an address and a port, such as \"127.0.0.1:8088\", or a port alone, such as \":8088\"";
    let text = text(value, RIGHT)?;
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if text.parse::<IpAddr>().is_ok() {
        return Err(format!("{value} has no port: write {RIGHT}"));
    }
    let Some((host, port)) = text.rsplit_once(':') else { return wrong(value, RIGHT) };
    let Some(port) = port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse().ok()).flatten() else {
        return Err(format!("{value} has no port from 0 to 65535: write {RIGHT}"));
    };
    match host {
        "" | "localhost" => Ok(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)),
        _ => wrong(value, RIGHT),
    }
}

/// A directory.
pub(super) fn path(value: &Value) -> Result<PathBuf, String> {
    const RIGHT: &str = "the path of a directory, such as \"yeyak-data\"";
    // A path may begin or end with a space.
    match value {
        Value::Word(text) | Value::Text(text) if !text.trim().is_empty() && !text.contains('\0') => Ok(PathBuf::from(text)),
        other => wrong(other, RIGHT),
    }
}

/// Whether callers have to prove who they are.
pub(super) fn mode(value: &Value) -> Result<Mode, String> {
    const RIGHT: &str = "\"open\" or \"required\"";
    match text(value, RIGHT)? {
        "open" => Ok(Mode::Open),
        "required" => Ok(Mode::Required),
        _ => wrong(value, RIGHT),
    }
}

/// The name of an issuer or an audience, as tokens have it.
pub(super) fn name(value: &Value) -> Result<String, String> {
    const RIGHT: &str = "a name as it stands in tokens, such as \"https://issuer.example\"";
    match text(value, RIGHT)? {
        "" => wrong(value, RIGHT),
        name => Ok(name.into()),
    }
}

/// Where keys are.
pub(super) fn location(value: &Value) -> Result<Location, String> {
    const RIGHT: &str = "the path of a JWKS, such as \"keys.json\", or its https address";
    match text(value, RIGHT)?.parse() {
        Ok(location) => Ok(location),
        Err(NotALocation::User) => Err(USER_IN_ADDRESS.into()),
        Err(NotALocation::Malformed) => wrong(value, RIGHT),
        Err(error @ NotALocation::Insecure) => Err(format!("{value} {error}")),
    }
}

/// The address of a collector of traces.
pub(super) fn endpoint(value: &Value) -> Result<String, String> {
    web_address(value, "the address of an OTLP collector, such as \"http://127.0.0.1:4318\"")
}

/// Where guests reach the checkout pages.
pub(super) fn checkout(value: &Value) -> Result<String, String> {
    web_address(value, "the address of the checkout pages, such as \"https://tables.example/restaurant/checkout\"")
}

/// Where the API of a payment provider is.
pub(super) fn payments_api(value: &Value) -> Result<String, String> {
    const RIGHT: &str = "the https address of the API, or for tests an http one of this machine";
    let text = web_address(value, RIGHT)?;
    if payments::TossSettings::is_base(&text) { Ok(text) } else { wrong(value, RIGHT) }
}

/// Who takes the money.
pub(super) fn provider(value: &Value) -> Result<Provider, String> {
    const RIGHT: &str = "\"test\" or \"toss\"";
    match text(value, RIGHT)? {
        "test" => Ok(Provider::Test),
        "toss" => Ok(Provider::Toss),
        _ => wrong(value, RIGHT),
    }
}

/// A key that everybody may see.
pub(super) fn client_key(value: &Value) -> Result<String, String> {
    const RIGHT: &str = "the client key, such as \"test_ck_…\"";
    let key = text(value, RIGHT)?;
    if key.contains("sk_") {
        // Not shown: whoever mistook one for the other has a secret there.
        return Err(format!("is a secret key, which is not to stand here: write {RIGHT}"));
    }
    let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_key { Ok(key.into()) } else { wrong(value, RIGHT) }
}

/// The file of a secret key. What was written is not shown: it may be the key.
pub(super) fn key_file(value: &Value) -> Result<PathBuf, String> {
    const RIGHT: &str = "the path of a file with the secret key, such as \"toss.key\"";
    match path(value) {
        Ok(path) if !path.to_string_lossy().contains("_sk_") => Ok(path),
        Ok(_) | Err(_) => Err(format!("is not right here: write {RIGHT}")),
    }
}

/// An address of the web, without a user and without a query.
fn web_address(value: &Value, right: &str) -> Result<String, String> {
    let text = text(value, right)?;
    if text.contains('@') {
        return Err(USER_IN_ADDRESS.into());
    }
    let uri = text.parse::<Uri>().ok().filter(|uri| uri.query().is_none() && uri.host().is_some_and(|host| !host.is_empty()));
    let scheme = uri.as_ref().and_then(Uri::scheme_str);
    if matches!(scheme, Some("http" | "https")) { Ok(text.into()) } else { wrong(value, right) }
}

/// The origins of pages: `*` for all, or some with commas between them.
pub(super) fn origins(value: &Value) -> Result<Cors, String> {
    const RIGHT: &str = "\"*\" for all, or origins such as \"https://pages.example, http://localhost:3000\"";
    match text(value, RIGHT)? {
        "*" => Ok(Cors::Any),
        list => list
            .split(',')
            .map(|one| origin(one.trim()).ok_or(()))
            .collect::<Result<_, _>>()
            .map(Cors::These)
            .or_else(|()| wrong(value, RIGHT)),
    }
}

/// An origin as browsers write it: a scheme, a host in lower case, and a port where it is not the usual one.
fn origin(text: &str) -> Option<HeaderValue> {
    let (scheme, authority) = text.split_once("://").filter(|(scheme, _)| ["http", "https"].contains(scheme))?;
    let uri: Uri = text.parse().ok()?;
    let usual = if scheme == "https" { 443 } else { 80 };
    let is_origin = uri.authority().is_some_and(|found| found == authority)
        && !authority.contains('@')
        && !authority.bytes().any(|byte| byte.is_ascii_uppercase())
        && uri.port_u16() != Some(usual);
    is_origin.then(|| HeaderValue::from_str(text).ok()).flatten()
}

/// An instant.
pub(super) fn instant(value: &Value) -> Result<Timestamp, String> {
    const RIGHT: &str = "an instant with its offset from UTC, such as 2026-11-23T10:05:00+09:00";
    let written = match value {
        Value::Date(date) => date,
        other => text(other, RIGHT)?,
    };
    let Ok(instant) = written.parse::<Timestamp>() else {
        return match written.parse::<DateTime>() {
            Ok(_) => Err(format!("{value} has no offset from UTC: write {RIGHT}")),
            Err(_) => wrong(value, RIGHT),
        };
    };
    let year = instant.to_zoned(TimeZone::UTC).year();
    if (1970..3000).contains(&year) { Ok(instant) } else { Err(format!("{value} is out of range: write a year from 1970 to 2999")) }
}

/// True or false.
pub(super) fn boolean(value: &Value) -> Result<bool, String> {
    match value {
        Value::Boolean(truth) => Ok(*truth),
        Value::Word(word) => match word.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => wrong(value, "true or false"),
        },
        other => wrong(other, "true or false"),
    }
}

/// A whole number from `least` to `most`.
pub(super) fn whole(least: u32, most: u32) -> impl Fn(&Value) -> Result<u32, String> {
    move |value| {
        let number = match value {
            Value::Whole(number) => Some(*number),
            Value::Word(word) => word.trim().parse().ok(),
            _ => None,
        };
        match number.and_then(|number| u32::try_from(number).ok()).filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(number),
            None => wrong(value, format_args!("a whole number from {least} to {most}")),
        }
    }
}

/// The IANA name of a time zone, in its usual spelling.
pub(super) fn zone(value: &Value) -> Result<String, String> {
    const RIGHT: &str = "an IANA time zone, such as \"Asia/Seoul\"";
    let name = text(value, RIGHT)?;
    match TimeZone::get(name).ok().filter(|zone| !zone.is_unknown()).as_ref().and_then(TimeZone::iana_name) {
        Some(name) => Ok(name.into()),
        None => {
            let known: Vec<_> = tz::db().available().map(|zone| zone.to_string()).collect();
            match nearest(name, known.iter().map(String::as_str)) {
                Some(meant) => Err(format!("{value} is no time zone: did you mean \"{meant}\"?")),
                None => wrong(value, RIGHT),
            }
        }
    }
}

/// The levels of the log: one for all, and ones for parts.
pub(super) fn levels(value: &Value) -> Result<Targets, String> {
    const RIGHT: &str = "off, error, warn, info, debug or trace, also for a part of Yeyak, such as \"info,yeyak_store=debug\"";
    let mut levels = Targets::new();
    for part in text(value, RIGHT)?.split(',').map(str::trim) {
        let (target, level) = part.split_once('=').map_or((None, part), |(target, level)| (Some(target.trim()), level.trim()));
        let level = match level.to_ascii_lowercase().as_str() {
            "off" => LevelFilter::OFF,
            "error" => LevelFilter::ERROR,
            "warn" => LevelFilter::WARN,
            "info" => LevelFilter::INFO,
            "debug" => LevelFilter::DEBUG,
            "trace" => LevelFilter::TRACE,
            _ => return wrong(value, RIGHT),
        };
        levels = match target {
            None => levels.with_default(level),
            Some(target) if is_module(target) => levels.with_target(target, level),
            Some(_) => return wrong(value, RIGHT),
        };
    }
    Ok(levels)
}

fn is_module(name: &str) -> bool {
    name.split("::").all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

/// The form of the log.
pub(super) fn log_format(value: &Value) -> Result<LogFormat, String> {
    match text(value, "\"text\" or \"json\"")? {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => wrong(value, "\"text\" or \"json\""),
    }
}
