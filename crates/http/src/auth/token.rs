//! A bearer token: a signed JWT (RFC 7519) in its compact form (RFC 7515), read as strictly as RFC 8725 wants it.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Role, Timestamp};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::keys::{Algorithm, KeySet};
use super::{Expected, Identity, LEEWAY, object};
use crate::Problem;

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 8 * 1024;

/// The longest id of anyone, in characters: what systems take for a person's id is no longer.
const LONGEST_SUBJECT: usize = 64;

/// Why a token does not count. The reason is for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is none.
    Missing,
    /// It was good until it expired.
    Expired,
    /// None of the keys that are known has signed it.
    Unsigned(&'static str),
    /// The issuer's keys could never be read, so nobody can tell.
    NoKeys,
    /// Anything else.
    Invalid(&'static str),
}

impl Refusal {
    pub(super) const fn why(self) -> &'static str {
        match self {
            Self::Missing => "there is none",
            Self::Expired => "it has expired",
            Self::NoKeys => "no key was ever read",
            Self::Unsigned(why) | Self::Invalid(why) => why,
        }
    }

    pub(super) fn into_problem(self) -> Problem {
        match self {
            Self::Missing => Problem::token_missing(),
            Self::Expired => Problem::token_expired(),
            Self::NoKeys => Problem::unavailable("issuer"),
            Self::Unsigned(_) | Self::Invalid(_) => Problem::token_invalid(),
        }
    }
}

/// The one token among these headers.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = all.next() else { return Err(Refusal::Missing) };
    if all.next().is_some() {
        return Err(Refusal::Invalid("there are several headers"));
    }
    let value = value.to_str().map_err(|_| Refusal::Invalid("the header is not ASCII"))?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::Missing);
    }
    let token = token.trim_matches(' ');
    if token.is_empty() {
        return Err(Refusal::Missing);
    }
    if token.len() > LONGEST {
        return Err(Refusal::Invalid("it is too long"));
    }
    Ok(token)
}

/// A token of which nothing is proved yet.
pub(super) struct Token<'a> {
    algorithm: Algorithm,
    key_id: Option<String>,
    /// What is signed: the first two parts as they were sent.
    signed: &'a [u8],
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// A token's header, as far as it matters. What it says of keys elsewhere (`jwk`, `jku`, `x5u`) is never followed.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    /// Whether it is there at all: whatever it names, we do not understand it, and null is no list of names.
    #[serde(default, deserialize_with = "is_there")]
    crit: bool,
}

fn is_there<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(from).map(|_| true)
}

impl<'a> Token<'a> {
    /// Takes a token apart.
    pub(super) fn parse(token: &'a str) -> Result<Self, Refusal> {
        const FORM: Refusal = Refusal::Invalid("it is no signed JWT");
        let (signed, signature) = token.rsplit_once('.').ok_or(FORM)?;
        let (header, payload) = signed.split_once('.').ok_or(FORM)?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| FORM);
        let (header, payload, signature) = (decoded(header)?, decoded(payload)?, decoded(signature)?);

        let header: Header = object(&header).ok_or(FORM)?;
        if header.crit {
            return Err(Refusal::Invalid("it has critical headers"));
        }
        // Tokens for other purposes, signed with the same key, say what they are (RFC 8725, 3.11).
        let purpose = header.typ.map(|typ| typ.to_ascii_lowercase());
        let purpose = purpose.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        if !matches!(purpose, None | Some("jwt" | "at+jwt")) {
            return Err(Refusal::Invalid("it is a token for something else"));
        }
        let algorithm = Algorithm::named(&header.alg).ok_or(Refusal::Invalid("its algorithm is none of ours"))?;
        Ok(Self { algorithm, key_id: header.kid, signed: signed.as_bytes(), payload, signature })
    }

    /// What it claims, once one of these keys is found to have signed it. The key decides how that is checked.
    pub(super) fn verified_by(&self, keys: Option<&KeySet>) -> Result<Claims, Refusal> {
        let mut keys = keys.ok_or(Refusal::NoKeys)?.of(self.key_id.as_deref(), self.algorithm).peekable();
        if keys.peek().is_none() {
            return Err(Refusal::Unsigned("no such key"));
        }
        if !keys.any(|key| key.has_signed(self.signed, &self.signature)) {
            return Err(Refusal::Unsigned("its signature is wrong"));
        }
        object(&self.payload).ok_or(Refusal::Invalid("its claims cannot be read"))
    }
}

/// Whether somebody can have this id: 1 to 64 characters, none of them a control character, and no space around them.
pub fn is_subject(text: &str) -> bool {
    let is_long = text.chars().nth(LONGEST_SUBJECT).is_some();
    !text.is_empty() && !is_long && text.trim() == text && !text.chars().any(char::is_control)
}

/// What a token says, as far as it matters.
#[derive(Deserialize)]
pub(super) struct Claims {
    iss: String,
    sub: String,
    aud: OneOrMore,
    exp: f64,
    nbf: Option<f64>,
    roles: Option<OneOrMore>,
}

/// Many issuers write a list of one as the one.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(all) => all,
        }
    }
}

impl Claims {
    /// Who it is about, if it counts here and now. That it has expired is told of one alone that is good in all else.
    pub(super) fn check(self, expected: &Expected, now: Timestamp) -> Result<Identity, Refusal> {
        if self.iss != expected.issuer {
            return Err(Refusal::Invalid("somebody else has issued it"));
        }
        if !self.aud.all().contains(&expected.audience) {
            return Err(Refusal::Invalid("it is meant for somebody else"));
        }
        if !is_subject(&self.sub) {
            return Err(Refusal::Invalid("its subject is nobody's id"));
        }
        let (now, leeway) = (now.as_duration().as_secs_f64(), LEEWAY.as_secs_f64());
        if self.nbf.is_some_and(|nbf| nbf > now + leeway) {
            return Err(Refusal::Invalid("it does not count yet"));
        }
        if self.exp + leeway <= now {
            return Err(Refusal::Expired);
        }
        let roles: Vec<Role> = self.roles.iter().flat_map(OneOrMore::all).filter_map(|name| Role::named(name)).collect();
        let ends = Duration::try_from_secs_f64(self.exp + leeway).ok().and_then(|end| Timestamp::UNIX_EPOCH.checked_add(end).ok());
        Ok(Identity::new(self.sub, &roles).proved_until(ends))
    }
}
