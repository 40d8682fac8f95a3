//! The issuer's public keys, which change while the installation runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use clock::{SharedClock, timeout};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;
use serde_json::Value;

use super::source::{KeySource, LARGEST};

/// The most keys of a set that are kept. Issuers have two or three.
const MOST: usize = 100;

/// How long the source may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a token is signed. Nothing else counts: neither `none` nor what is signed with a secret that both sides share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// A public key. Its kind decides how signatures are checked, whatever a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// RSA of 2048 to 8192 bits.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// A point on P-256, uncompressed.
    P256(Vec<u8>),
    /// A point on Ed25519.
    Ed25519(Vec<u8>),
}

impl PublicKey {
    pub(super) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let by_point = |how: &'static dyn VerificationAlgorithm, point| UnparsedPublicKey::new(how, point).verify(message, signature);
        match self {
            Self::Rsa { n, e } => RsaPublicKeyComponents { n, e }.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature),
            Self::P256(point) => by_point(&signature::ECDSA_P256_SHA256_FIXED, point),
            Self::Ed25519(point) => by_point(&signature::ED25519, point),
        }
        .is_ok()
    }
}

/// The keys of a JWKS (RFC 7517) that can be used here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet(Vec<(Option<String>, PublicKey)>);

/// A text is no JWKS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotKeys;

impl std::fmt::Display for NotKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("is no JWKS: it must be a JSON object with a list of \"keys\"")
    }
}

impl std::error::Error for NotKeys {}

/// One key of a JWKS, as far as it matters.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Those keys of a JWKS that can be used here; what cannot is left out, as the RFC wants it.
    ///
    /// # Errors
    /// When it is no JWKS at all.
    pub fn parse(text: &[u8]) -> Result<Self, NotKeys> {
        #[derive(Deserialize)]
        struct Jwks {
            keys: Vec<Value>,
        }
        let Jwks { keys } = serde_json::from_slice(text).map_err(|_| NotKeys)?;
        let keys = keys.into_iter().take(MOST).filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Ok(Self(keys.filter_map(|key| Some((key.kid.clone(), key.public_key()?))).collect()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key of this name for this algorithm. A token that names none can mean the only one.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Found<'_> {
        let mut named = self.0.iter().filter(|(known, _)| id.is_none() || known.as_deref() == id).peekable();
        if named.peek().is_none() || (id.is_none() && self.0.len() > 1) {
            return Found::Unknown;
        }
        named.find(|(_, key)| key.algorithm() == algorithm).map_or(Found::OfAnotherKind, |(_, key)| Found::Key(key))
    }
}

enum Found<'a> {
    Key(&'a PublicKey),
    OfAnotherKind,
    Unknown,
}

impl Jwk {
    fn public_key(&self) -> Option<PublicKey> {
        let is_for_signatures = self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self.key_ops.as_ref().is_none_or(|all| all.iter().any(|one| one == "verify"));
        let part = |text: &Option<String>, length: Option<usize>| {
            let bytes = URL_SAFE_NO_PAD.decode(text.as_deref()?).ok()?;
            length.is_none_or(|length| bytes.len() == length).then_some(bytes)
        };
        let (key, alg) = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let (n, e) = (part(&self.n, None)?, part(&self.e, None)?);
                // Of another size it could never check anything; sets that hold nothing else are to be told of at the start.
                let is_of_size = (256..=1024).contains(&n.len()) && n.first().is_some_and(|first| *first != 0);
                (is_of_size.then_some(PublicKey::Rsa { n, e })?, "RS256")
            }
            ("EC", Some("P-256")) => (PublicKey::P256([vec![4], part(&self.x, Some(32))?, part(&self.y, Some(32))?].concat()), "ES256"),
            ("OKP", Some("Ed25519")) => (PublicKey::Ed25519(part(&self.x, Some(32))?), "EdDSA"),
            _ => return None,
        };
        (is_for_signatures && self.alg.as_deref().is_none_or(|said| said == alg)).then_some(key)
    }
}

/// Why there is no key to check with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Not this one.
    Key,
    /// The source could not be read yet.
    All,
}

/// The keys that are known now, and where more come from.
pub(super) struct Keys {
    source: Box<dyn KeySource>,
    clock: SharedClock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<Arc<KeySet>>,
    /// What they were read from.
    text: Bytes,
    /// When the source was last looked at, by the clock's elapsed time.
    looked: Option<Duration>,
    /// The look that is under way, for all who wait for it.
    look: Option<Shared<BoxFuture<'static, ()>>>,
    /// What was wrong at the last look.
    trouble: Option<String>,
}

impl Keys {
    pub(super) fn new(source: Box<dyn KeySource>, clock: SharedClock) -> Self {
        Self { source, clock, state: Mutex::default() }
    }

    pub(super) fn refresh(&self) -> Duration {
        self.source.refresh()
    }

    /// What came of the last look: how many keys are known, or what was wrong.
    pub(super) fn outcome(&self) -> Result<usize, String> {
        let state = self.state();
        match &state.trouble {
            Some(why) => Err(why.clone()),
            None => Ok(state.known.as_ref().map_or(0, |known| known.len())),
        }
    }

    /// The key of this name, after a look at the source if nobody knows it: at most one in a while, whoever asks how often.
    pub(super) async fn find(self: &Arc<Self>, id: Option<&str>, algorithm: Algorithm) -> Result<PublicKey, Missing> {
        match self.known(id, algorithm) {
            Err(Some(_)) if self.may_look() => {
                self.look().await;
                self.known(id, algorithm)
            }
            found => found,
        }
        .map_err(|missing| missing.unwrap_or(Missing::Key))
    }

    /// The key of this name among those known. Nothing is missing when there is one of another kind.
    fn known(&self, id: Option<&str>, algorithm: Algorithm) -> Result<PublicKey, Option<Missing>> {
        let Some(known) = self.state().known.clone() else { return Err(Some(Missing::All)) };
        match known.find(id, algorithm) {
            Found::Key(key) => Ok(key.clone()),
            Found::OfAnotherKind => Err(None),
            Found::Unknown => Err(Some(Missing::Key)),
        }
    }

    fn may_look(&self) -> bool {
        let state = self.state();
        let now = self.clock.elapsed();
        state.look.is_some() || state.looked.is_none_or(|looked| now.saturating_sub(looked) >= self.source.at_most_every())
    }

    /// Looks at the source, or waits for the look that is under way.
    pub(super) async fn look(self: &Arc<Self>) {
        let look = {
            let mut state = self.state();
            state.looked = Some(self.clock.elapsed());
            let start = || {
                let keys = Arc::clone(self);
                async move { keys.read().await }.boxed().shared()
            };
            state.look.get_or_insert_with(start).clone()
        };
        look.await;
    }

    async fn read(&self) {
        let read = timeout(&*self.clock, PATIENCE, self.source.read()).await;
        let read = read.unwrap_or_else(|_| Err("it does not answer".into()));
        let mut state = self.state();
        state.look = None;
        let trouble = match read {
            Ok(text) if state.known.is_some() && text == state.text => None,
            Ok(text) if text.len() > LARGEST => Some("it is too large".into()),
            Ok(text) => match KeySet::parse(&text) {
                Ok(known) => {
                    tracing::info!(source = self.source.name(), keys = known.len(), "the keys of tokens were read");
                    (state.known, state.text) = (Some(Arc::new(known)), text);
                    None
                }
                Err(error) => Some(error.to_string()),
            },
            Err(why) => Some(why),
        };
        // One line for each trouble, however often it is met.
        if let Some(why) = trouble.as_deref().filter(|_| trouble != state.trouble) {
            tracing::warn!(source = self.source.name(), why, "the keys of tokens cannot be read; those that are known go on");
        }
        state.trouble = trouble;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
