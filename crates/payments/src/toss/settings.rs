use std::fmt;

/// How Toss Payments is reached, and who we are there.
#[derive(Clone, Debug)]
pub struct TossSettings {
    /// Where its API is: [`TossSettings::BASE`], or for tests an address of this machine.
    pub base: String,
    /// The secret key (`test_sk_…` or `live_sk_…`).
    pub secret_key: SecretKey,
    /// The client key (`test_ck_…` or `live_ck_…`), which the guest's browser is shown.
    pub client_key: String,
    /// The address of our checkout pages; that of an order is this, `/` and the order.
    pub checkout: String,
}

impl TossSettings {
    /// Where the API of Toss Payments is.
    pub const BASE: &'static str = "https://api.tosspayments.com";

    /// Whether the API can be asked there: by https, or by http on this machine alone, since others would see the key; without a user in it.
    pub fn is_base(base: &str) -> bool {
        let Some(uri) = base.parse::<hyper::Uri>().ok() else { return false };
        let Some(authority) = uri.authority().filter(|authority| !authority.as_str().contains('@')) else { return false };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let is_here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        match uri.scheme_str() {
            Some("http") => is_here,
            scheme => scheme == Some("https"),
        }
    }
}

/// A secret key, which nothing shows.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(String);

impl SecretKey {
    /// Takes a key as it was given to us, without the white space around it.
    ///
    /// # Errors
    /// When it cannot be one: it is empty, or has more in it than letters, digits, `-` and `_`.
    pub fn new(key: &str) -> Result<Self, TossError> {
        let key = key.trim();
        if key.is_empty() || !crate::api::is_name(key) {
            return Err(TossError::Key);
        }
        Ok(Self(key.into()))
    }

    /// The key itself, for the header in which it is sent.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// Why Toss Payments cannot be asked with these settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TossError {
    /// The address of its API is none, or would show the key to others.
    #[error("the address of Toss Payments is https, or http on this machine alone, without a user in it")]
    Base,
    /// The secret key cannot be one.
    #[error("the secret key of Toss Payments is letters, digits, - and _")]
    Key,
    /// TLS cannot be had.
    #[error("TLS cannot be had: {0}")]
    Tls(String),
}
