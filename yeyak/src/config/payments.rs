//! Who takes the restaurants' money.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use payments::{SecretKey, TossSettings};

use super::sources::Sources;
use super::value;

/// Who takes the restaurants' money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Payments {
    /// The provider that is built in, which moves nobody's money.
    Test,
    /// Toss Payments.
    Toss(Toss),
}

/// How Toss Payments is reached, and who we are there. The secret key itself is not here: it is read when it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toss {
    /// Where its API is: `restaurant.payments.base`, by default the real one.
    pub(crate) base: String,
    /// The client key, which guests' browsers are shown: `restaurant.payments.client-key`.
    pub(crate) client_key: String,
    /// The file with the secret key: `restaurant.payments.secret-key-file`. A relative path is taken from the working directory.
    pub(crate) secret_key_file: PathBuf,
    /// Where guests reach our checkout pages, as `/restaurant/checkout` is seen from outside: `restaurant.payments.checkout`.
    pub(crate) checkout: String,
}

/// Which provider it is: `restaurant.payments.provider`, by default the one that is built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    Test,
    Toss,
}

/// No secret key is as long.
const LONGEST_KEY: u64 = 4096;

impl Payments {
    /// Reads what was said of it.
    pub(super) fn read(said: &mut Sources<'_>) -> Self {
        let provider = said.take("restaurant.payments.provider", value::provider);
        let base = said.take("restaurant.payments.base", value::payments_api);
        let client_key = said.take("restaurant.payments.client-key", value::client_key);
        let secret_key_file = said.take("restaurant.payments.secret-key-file", value::key_file);
        let checkout = said.take("restaurant.payments.checkout", value::checkout);
        // The key's file shows what was meant, and nobody is to believe that money is taken when none is.
        if provider.value().is_none() && secret_key_file.value().is_some() {
            let message = "counts with restaurant.payments.provider=toss alone, which nobody says: write that too";
            said.refuse(&secret_key_file, message.into());
        }
        if provider.value() != Some(&Provider::Toss) {
            return Self::Test;
        }
        let needed = [
            (client_key.value().is_none(), "client-key, by which guests' browsers know us at Toss Payments"),
            (secret_key_file.value().is_none(), "secret-key-file, the path of a file with the secret key"),
            (checkout.value().is_none(), "checkout, the address under which guests reach /restaurant/checkout"),
        ];
        for (_, what) in needed.iter().filter(|(missing, _)| *missing) {
            said.refuse(&provider, format!("toss needs restaurant.payments.{what}"));
        }
        match (client_key.into_value(), secret_key_file.into_value(), checkout.into_value()) {
            (Some(client_key), Some(secret_key_file), Some(checkout)) => {
                let base = base.into_value().unwrap_or_else(|| TossSettings::BASE.into());
                Self::Toss(Toss { base, client_key, secret_key_file, checkout })
            }
            _ => Self::Test,
        }
    }
}

impl Toss {
    /// The same with the secret key, read from its file.
    ///
    /// # Errors
    /// When that cannot be read, or has no key in it.
    pub(crate) fn with_key(&self) -> Result<TossSettings, String> {
        let path = &self.secret_key_file;
        let wrong = |why: String| format!("restaurant.payments.secret-key-file: {}: {why}", path.display());
        let key = read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        // What is wrong with the key is said without it.
        let secret_key = SecretKey::new(&key).map_err(|error| wrong(error.to_string()))?;
        let Self { base, client_key, checkout, .. } = self.clone();
        Ok(TossSettings { base, secret_key, client_key, checkout })
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut key = String::new();
    File::open(path)?.take(LONGEST_KEY).read_to_string(&mut key)?;
    Ok(key)
}
