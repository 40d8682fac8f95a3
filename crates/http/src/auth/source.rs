//! Where the issuer's keys are read from.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::client::Client;
use axum::http::{Method, StatusCode, Uri};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

/// The largest set of keys that is read, in bytes.
pub(super) const LARGEST: usize = 64 * 1024;

/// Tells the issuer's keys, as a JWKS.
pub trait KeySource: Send + Sync + 'static {
    /// What to call it in a log: never with anything secret in it.
    fn name(&self) -> &str;

    /// Reads them.
    fn read(&self) -> BoxFuture<'static, Result<Bytes, String>>;

    /// How often it is looked at without a reason.
    fn refresh(&self) -> Duration;

    /// How often it is looked at at most, because of keys that nobody knows.
    fn at_most_every(&self) -> Duration;
}

/// A place where keys can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A file of this machine.
    File(PathBuf),
    /// An address: https, or http on this machine alone, and without a user or a password. What stands in its query is never shown.
    Url(String),
}

/// A text is no place where keys can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotALocation {
    /// It is blank, or an address that cannot be.
    Malformed,
    /// It is an address with a user or a password: nobody would send them, and everybody who reads an address would see them.
    User,
    /// It is an address of another machine without TLS: whoever stands between could put in keys of their own.
    Insecure,
}

impl fmt::Display for NotALocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "is neither the path of a file nor an address",
            Self::User => "has a user or a password in it",
            Self::Insecure => "is not safe: keys of another machine come by https alone",
        })
    }
}

impl std::error::Error for NotALocation {}

impl FromStr for Location {
    type Err = NotALocation;

    fn from_str(text: &str) -> Result<Self, NotALocation> {
        if text.trim().is_empty() || text.contains('\0') {
            return Err(NotALocation::Malformed);
        }
        match text.split_once("://") {
            None if is_mistyped_address(text) => Err(if text.contains('@') { NotALocation::User } else { NotALocation::Malformed }),
            None => Ok(Self::File(text.into())),
            Some(_) => address(text).map(|_| Self::Url(text.into())),
        }
    }
}

/// Whether a text without `://` was meant for an address all the same. Taken for the path of a file, it would be shown with its password.
fn is_mistyped_address(text: &str) -> bool {
    let lower = text.trim_start().to_ascii_lowercase();
    let has_scheme = ["http:", "https:", "//"].iter().any(|begins| lower.starts_with(begins));
    let has_password = text.rsplit_once('@').is_some_and(|(before, _)| before.contains(':')) && !text.starts_with(['/', '.']);
    has_scheme || has_password
}

/// An address where keys can be.
fn address(text: &str) -> Result<Uri, NotALocation> {
    let unread = if text.contains('@') { NotALocation::User } else { NotALocation::Malformed };
    let uri: Uri = text.parse().map_err(|_| unread)?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(NotALocation::User);
    }
    let host = uri.host().filter(|host| !host.is_empty()).ok_or(NotALocation::Malformed)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if is_here => Ok(uri),
        Some("http") => Err(NotALocation::Insecure),
        _ => Err(NotALocation::Malformed),
    }
}

/// An address without its query, which may hold a secret.
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => f.write_str(without_query(url)),
        }
    }
}

impl Location {
    /// What reads the keys there.
    ///
    /// # Errors
    /// When TLS cannot be had: this machine knows no authorities.
    pub fn source(&self) -> Result<Box<dyn KeySource>, String> {
        Ok(match self {
            Self::File(path) => Box::new(FileKeys { name: path.display().to_string(), path: path.clone() }),
            Self::Url(url) => Box::new(HttpKeys::new(url)?),
        })
    }
}

/// Keys in a file. It is small and near, so it is simply read again and again.
struct FileKeys {
    name: String,
    path: PathBuf,
}

impl KeySource for FileKeys {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(&self) -> BoxFuture<'static, Result<Bytes, String>> {
        std::future::ready(read_file(&self.path)).boxed()
    }

    fn refresh(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn at_most_every(&self) -> Duration {
        Duration::from_secs(1)
    }
}

pub(super) fn read_file(path: &Path) -> Result<Bytes, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    // One byte more than may be, so that too much is noticed.
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    Ok(bytes.into())
}

/// Keys at an address.
pub struct HttpKeys {
    name: String,
    uri: Uri,
    client: Client,
}

impl HttpKeys {
    /// Those at this address.
    ///
    /// # Errors
    /// When keys cannot be there, or TLS cannot be had because this machine knows no authorities.
    pub fn new(url: &str) -> Result<Self, String> {
        let uri = address(url).map_err(|error| error.to_string())?;
        let client = Client::to(&uri)?;
        Ok(Self { name: without_query(url).into(), uri, client })
    }
}

impl KeySource for HttpKeys {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(&self) -> BoxFuture<'static, Result<Bytes, String>> {
        let (client, uri) = (self.client.clone(), self.uri.clone());
        async move {
            let answer = client.send(Method::GET, uri, None, None, LARGEST).await?;
            if answer.status != StatusCode::OK {
                return Err(format!("it answers with {}", answer.status));
            }
            Ok(answer.body)
        }
        .boxed()
    }

    fn refresh(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn at_most_every(&self) -> Duration {
        Duration::from_secs(30)
    }
}
