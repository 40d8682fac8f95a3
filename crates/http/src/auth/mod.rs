//! Who asks, proved: bearer tokens, the keys they are signed with, and who may do what.
//!
//! - `token`: takes a bearer token apart, and checks what it claims
//! - `keys`: the issuer's public keys, which change while the installation runs
//! - `source`: where these keys are read from, a file or an address
//! - `local`: a key of one's own, for trying it out
//! - `who`: who may do what, as routes declare it
//! - `offers`: which of the moves that an item offers its reader may make
//!
//! **Invariant:** nothing here says more than that a token is missing, expired or invalid; which check found it so is for the log, and
//! neither log nor answer ever shows a token or whose it is. Who steers an installation is no secret of theirs: the actuator logs it.

mod keys;
mod local;
mod offers;
mod source;
#[cfg(test)]
mod tests;
mod token;
mod who;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use clock::SharedClock;
use futures_util::future::select;
use kernel::{Caller, Timestamp};
use serde::Deserialize;

use keys::Keys;
use token::{Refusal, Token};

use crate::Problem;

pub use kernel::Role;
pub use keys::{KeySet, NotKeys};
pub use local::{LocalKey, NotAKey};
pub use offers::Offers;
pub use source::{HttpKeys, KeySource, Location, NotALocation};
pub use token::is_subject;
pub use who::{Own, Who};

/// Whether callers have to prove who they are.
#[derive(Clone)]
pub enum Auth {
    /// Nobody has to: whoever a request names, acts.
    Open,
    /// Everyone does, with a token that this checks.
    Required(Arc<Verifier>),
}

/// Someone who has proved who they are.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    subject: String,
    administrator: bool,
    operator: bool,
    until: Option<Timestamp>,
}

/// What a token must say to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Who must have issued it.
    pub issuer: String,
    /// For whom it must be meant.
    pub audience: String,
}

/// Checks tokens against the keys of their issuer, by the installation's clock.
pub struct Verifier {
    expected: Expected,
    keys: Arc<Keys>,
    clock: SharedClock,
}

impl Auth {
    /// Who sends these headers; nobody in particular when nobody has to prove it.
    pub(crate) async fn identify(&self, headers: &HeaderMap) -> Result<Option<Identity>, Problem> {
        match self {
            Self::Open => Ok(None),
            Self::Required(verifier) => verifier.verify(headers).await.map(Some),
        }
    }

    /// What is wrong with the keys that tokens are checked by; nothing when nobody has to prove anything.
    pub(crate) fn trouble(&self) -> Option<String> {
        match self {
            Self::Open => None,
            Self::Required(verifier) => verifier.trouble(),
        }
    }

    pub(crate) const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }
}

impl Identity {
    /// Someone with these roles. Kept to what a token may say.
    fn new(subject: String, roles: &[Role]) -> Self {
        Self { subject, administrator: roles.contains(&Role::Administrator), operator: roles.contains(&Role::Operator), until: None }
    }

    /// The same, proved until an instant.
    fn proved_until(self, until: Option<Timestamp>) -> Self {
        Self { until, ..self }
    }

    /// Until when that is proved, if it ends.
    pub(crate) const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Their id: as a person, the one under which the systems know them.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether they may act for everyone.
    pub const fn is_administrator(&self) -> bool {
        self.administrator
    }

    /// Whether they may see everything.
    pub const fn is_staff(&self) -> bool {
        self.administrator || self.operator
    }

    /// Who acts when they act: an operator who does what people do, does it as a person.
    pub fn caller(&self) -> Caller {
        if self.administrator { Caller::Staff(Role::Administrator, self.subject.clone()) } else { Caller::Person(self.subject.clone()) }
    }
}

/// Whose it is stays out of logs.
impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("administrator", &self.administrator).field("operator", &self.operator).finish_non_exhaustive()
    }
}

impl Verifier {
    /// Checks tokens by the keys that `source` tells. It knows none of them yet: see [`Verifier::load`].
    pub fn new(expected: Expected, source: Box<dyn KeySource>, clock: SharedClock) -> Self {
        Self { expected, keys: Arc::new(Keys::new(source, Arc::clone(&clock))), clock }
    }

    /// Reads the keys now, and tells how many there are.
    ///
    /// # Errors
    /// Why they cannot be read. The verifier goes on with those it knows, and answers 503 until it knows some.
    pub async fn load(&self) -> Result<usize, String> {
        self.keys.look().await;
        self.keys.outcome()
    }

    /// Looks at the source again and again; it never ends. Keys are found without it as well, once a token names an unknown one; with
    /// it, those that were taken out go too, and a look goes on though whoever began it has gone away.
    pub async fn keep_fresh(&self) {
        loop {
            let wait = self.clock.sleep(self.keys.refresh());
            select(wait, pin!(self.keys.begun())).await;
            self.keys.look().await;
        }
    }

    /// What is wrong with the keys, if anything is: they could not be read at the last look, or there are none.
    pub(crate) fn trouble(&self) -> Option<String> {
        match self.keys.outcome() {
            Ok(0) => Some("no key is known".into()),
            Ok(_) => None,
            Err(why) => Some(why),
        }
    }

    /// Who sends these headers.
    ///
    /// # Errors
    /// 401, or 503 as long as the issuer's keys could never be read.
    pub async fn verify(&self, headers: &HeaderMap) -> Result<Identity, Problem> {
        let identified = async {
            let token = Token::parse(token::bearer(headers)?)?;
            let known = self.keys.known();
            let mut claims = token.verified_by(known.as_deref());
            // The key may be a new one, also under a name that is known.
            if let Err(Refusal::NoKeys | Refusal::Unsigned(_)) = claims
                && let Some(others) = self.keys.others_than(known.as_ref()).await
            {
                claims = token.verified_by(Some(&others));
            }
            claims?.check(&self.expected, self.clock.now())
        };
        identified.await.map_err(|refusal: Refusal| {
            tracing::debug!(why = refusal.why(), "a token was refused");
            refusal.into_problem()
        })
    }

    /// Who sends these headers, by the keys that are known now: it never waits for the issuer.
    pub(crate) fn recognize(&self, headers: &HeaderMap) -> Option<Identity> {
        let token = Token::parse(token::bearer(headers).ok()?).ok()?;
        let claims = token.verified_by(self.keys.known().as_deref()).ok()?;
        claims.check(&self.expected, self.clock.now()).ok()
    }
}

impl Problem {
    /// 401: nobody has said who asks.
    pub fn token_missing() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "token-missing", "This takes a bearer token that says who you are.")
    }

    /// 401: what was sent does not prove who asks.
    pub fn token_invalid() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "token-invalid", "The bearer token is not valid here.")
    }

    /// 401: it proved it until a while ago.
    pub fn token_expired() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "token-expired", "The bearer token has expired.")
    }

    /// 403: a person acts for somebody else, or asks about them.
    pub fn not_yourself() -> Self {
        Self::new(StatusCode::FORBIDDEN, "not-yourself", "You can do this for yourself alone.")
    }

    /// 403: this takes the role.
    pub fn role_missing(role: Role) -> Self {
        match role {
            Role::Administrator => Self::new(StatusCode::FORBIDDEN, "administrators-only", "Only an administrator can do this."),
            Role::Operator => Self::new(StatusCode::FORBIDDEN, "operators-only", "Only an operator can do this."),
        }
    }
}

/// How far two clocks may be apart.
const LEEWAY: Duration = Duration::from_secs(30);

/// A JSON object. Derived readers take an array for one as well, with the fields in our order.
fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    json.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(json).ok()).flatten()
}
