//! A key of one's own: what makes tokens when there is no issuer, for trying things out and for tests.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kernel::{Role, Timestamp};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Expected;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// What stands before the 32 bytes of a private key in PKCS #8, version 1 (RFC 8410, section 7). Version 2 has the public half besides, which
/// OpenSSL does not read in every release.
const BEFORE_KEY: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// An Ed25519 key pair.
pub struct LocalKey(Ed25519KeyPair);

/// A text is no such key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAKey;

impl fmt::Display for NotAKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is no private Ed25519 key in PEM (PKCS #8)")
    }
}

impl std::error::Error for NotAKey {}

/// It never shows itself.
impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl LocalKey {
    /// The text of a new one, PEM.
    ///
    /// # Errors
    /// When the machine has no randomness.
    pub fn generate() -> Result<String, String> {
        let mut key = [0; 32];
        SystemRandom::new().fill(&mut key).map_err(|_| "this machine has no randomness".to_owned())?;
        Ok(format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode([&BEFORE_KEY[..], &key].concat())))
    }

    /// The key of a PEM text.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let (_, rest) = text.split_once(BEGIN).ok_or(NotAKey)?;
        let (inside, _) = rest.split_once(END).ok_or(NotAKey)?;
        let inside: String = inside.split_whitespace().collect();
        let document = STANDARD.decode(inside).map_err(|_| NotAKey)?;
        // Either version is read: whether a public half that is there belongs to it is checked.
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&document).map(Self).map_err(|_| NotAKey)
    }

    /// Its name: the thumbprint of its public half (RFC 7638).
    pub fn id(&self) -> String {
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x());
        URL_SAFE_NO_PAD.encode(Sha256::digest(members))
    }

    /// Its public half, as a JWKS.
    pub fn jwks(&self) -> Value {
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": self.x(), "kid": self.id(), "alg": "EdDSA", "use": "sig"}]})
    }

    /// A token that says that this is `subject`, with these roles, from one instant until another.
    pub fn token(&self, expected: &Expected, subject: &str, roles: &[Role], from: Timestamp, until: Timestamp) -> String {
        let roles: Vec<_> = roles.iter().map(|role| role.name()).collect();
        self.sign(
            &json!({"alg": "EdDSA", "typ": "JWT", "kid": self.id()}),
            &json!({
                "iss": expected.issuer, "aud": expected.audience, "sub": subject, "roles": roles,
                "iat": from.as_second(), "exp": until.as_second(),
            }),
        )
    }

    /// Any header and claims, signed.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    #[cfg(test)]
    pub(super) fn sign_raw(&self, text: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.0.sign(text))
    }

    fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key())
    }
}
