//! The issuer's public keys, which change while the installation runs.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use clock::{SharedClock, timeout};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, poll_fn};
use futures_util::task::AtomicWaker;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;
use serde_json::Value;

use super::object;
use super::source::{KeySource, LARGEST, read_file};

/// The most keys of a set that are kept. Issuers have two or three.
const MOST: usize = 100;

/// How long the source may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often the source is looked at while no key is known: nobody gets in until one is.
const WHILE_NONE: Duration = Duration::from_secs(2);

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
pub enum NotKeys {
    /// It is something else.
    Malformed,
    /// It has more than 64 KiB, and is not looked at.
    TooLarge,
}

impl std::fmt::Display for NotKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Malformed => "is no JWKS: it must be a JSON object with a list of \"keys\"",
            Self::TooLarge => "is no JWKS: it is larger than 64 KiB",
        })
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
        if text.len() > LARGEST {
            return Err(NotKeys::TooLarge);
        }
        let Jwks { keys } = object(text).ok_or(NotKeys::Malformed)?;
        let keys = keys.into_iter().take(MOST).filter(Value::is_object).filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Ok(Self(keys.filter_map(|key| Some((key.kid.clone(), key.public_key()?))).collect()))
    }

    /// Those of a file.
    ///
    /// # Errors
    /// Why it cannot be read, or that it is no JWKS.
    pub fn read(path: &Path) -> Result<Self, String> {
        Self::parse(&read_file(path)?).map_err(|error| error.to_string())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys of this name for this algorithm: most often one, but nothing keeps an issuer from naming two alike. A token that names
    /// none can mean the only one.
    pub(super) fn of(&self, id: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &PublicKey> {
        let is_meant = move |known: Option<&str>| if id.is_none() { self.0.len() == 1 } else { known == id };
        self.0.iter().filter(move |(known, key)| is_meant(known.as_deref()) && key.algorithm() == algorithm).map(|(_, key)| key)
    }
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

/// The keys that are known now, and where more come from.
pub(super) struct Keys {
    source: Box<dyn KeySource>,
    clock: SharedClock,
    state: Mutex<State>,
    /// Whoever goes on with looks that were begun.
    keeper: AtomicWaker,
}

/// A look at the source, for all who wait for it.
type Look = Shared<BoxFuture<'static, ()>>;

#[derive(Default)]
struct State {
    known: Option<Arc<KeySet>>,
    /// What they were read from.
    text: Bytes,
    /// When the last look ended, by the clock's elapsed time.
    looked: Option<Duration>,
    /// The look that is under way.
    look: Option<Look>,
    /// What was wrong at the last look.
    trouble: Option<String>,
}

impl State {
    fn knows_none(&self) -> bool {
        self.known.as_ref().is_none_or(|known| known.is_empty())
    }
}

impl Keys {
    pub(super) fn new(source: Box<dyn KeySource>, clock: SharedClock) -> Self {
        Self { source, clock, state: Mutex::default(), keeper: AtomicWaker::new() }
    }

    /// How long to wait before the next look without a reason: not so long after one that brought nothing.
    pub(super) fn refresh(&self) -> Duration {
        let (state, usual) = (self.state(), self.source.refresh());
        if state.knows_none() {
            usual.min(WHILE_NONE)
        } else if state.trouble.is_some() {
            usual.min(self.source.at_most_every())
        } else {
            usual
        }
    }

    /// What came of the last look: how many keys are known, or what was wrong.
    pub(super) fn outcome(&self) -> Result<usize, String> {
        let state = self.state();
        match &state.trouble {
            Some(why) => Err(why.clone()),
            None => Ok(state.known.as_ref().map_or(0, |known| known.len())),
        }
    }

    /// The keys that are known now; nothing as long as they could never be read.
    pub(super) fn known(&self) -> Option<Arc<KeySet>> {
        self.state().known.clone()
    }

    /// The keys after a look at the source, if they are others than these by now. There is at most one look in a while, whoever asks
    /// how often, so nobody can have us besiege the issuer.
    pub(super) async fn others_than(self: &Arc<Self>, known: Option<&Arc<KeySet>>) -> Option<Arc<KeySet>> {
        let look = {
            let mut state = self.state();
            let usual = self.source.at_most_every();
            let pause = if state.knows_none() { usual.min(WHILE_NONE) } else { usual };
            let is_due = state.looked.is_none_or(|looked| self.clock.elapsed().saturating_sub(looked) >= pause);
            (is_due || state.look.is_some()).then(|| self.begin(&mut state))
        };
        if let Some(look) = look {
            self.keeper.wake();
            look.await;
        }
        self.known().filter(|now| known.is_none_or(|known| !Arc::ptr_eq(known, now)))
    }

    /// Looks at the source, or waits for the look that is under way.
    pub(super) async fn look(self: &Arc<Self>) {
        let look = self.begin(&mut self.state());
        look.await;
    }

    /// Is ready once a look is under way. Whoever began it may go away; it must not stay as it is until somebody else comes.
    pub(super) async fn begun(&self) {
        poll_fn(|context| {
            self.keeper.register(context.waker());
            if self.state().look.is_some() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// The look that is under way, else a new one.
    fn begin(self: &Arc<Self>, state: &mut State) -> Look {
        let start = || {
            let keys = Arc::clone(self);
            async move { keys.read().await }.boxed().shared()
        };
        state.look.get_or_insert_with(start).clone()
    }

    async fn read(&self) {
        let read = timeout(&*self.clock, PATIENCE, self.source.read()).await;
        let read = read.unwrap_or_else(|_| Err("it does not answer".into()));
        let mut state = self.state();
        state.look = None;
        // A pause begins when a look ends: as long as an issuer hangs, only those who come while it is looked at wait for it.
        state.looked = Some(self.clock.elapsed());
        let trouble = match read {
            Ok(text) if state.known.is_some() && text == state.text => None,
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
        match trouble.as_deref() {
            Some(why) if trouble != state.trouble => {
                tracing::warn!(source = self.source.name(), why, "the keys of tokens cannot be read; those that are known go on");
            }
            None if state.trouble.is_some() => tracing::info!(source = self.source.name(), "the keys of tokens can be read again"),
            _ => {}
        }
        state.trouble = trouble;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
