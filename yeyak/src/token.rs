//! `yeyak token`: tokens from a key of one's own, for trying out what takes one.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use clock::SystemClock;
use edge::auth::{Expected, LocalKey, Role};
use jiff::SignedDuration;

use crate::cli::Token;
use crate::config::quoted;
use crate::error::Fatal;

/// What is asked for: a token, or the key's public half.
///
/// # Errors
/// When the key cannot be read or made, or a role is none.
pub(crate) fn make(asked: &Token) -> Result<String, Fatal> {
    let roles = asked.role.iter().map(|name| {
        Role::named(name).ok_or_else(|| Fatal::Usage(format!("--role: {} is no role: write administrator or operator", quoted(name))))
    });
    let roles: Vec<Role> = roles.collect::<Result<_, _>>()?;
    let path = asked.key.as_path();
    let key = if asked.new_key { new_key(path)? } else { read_key(path)? };
    let Some(subject) = &asked.subject else { return Ok(format!("{}\n", key.jwks())) };

    let expected = Expected { issuer: asked.issuer.clone(), audience: asked.audience.clone() };
    let from = asked.clock.unwrap_or_else(SystemClock::real_now);
    let until = from.checked_add(SignedDuration::from_mins(asked.minutes.into()));
    let until = until.map_err(|_| Fatal::Usage("--clock: a token cannot be good for so long after it".into()))?;
    Ok(format!("{}\n", key.token(&expected, subject, &roles, from, until)))
}

fn read_key(path: &Path) -> Result<LocalKey, Fatal> {
    let failed = |why: String| Fatal::Failed(format!("{}: {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| failed(format!("cannot be read: {error}; --new-key makes a key")))?;
    LocalKey::parse(&text).map_err(|error| failed(error.to_string()))
}

/// Makes a key that its owner alone can read. One that is there is somebody's, and stays.
fn new_key(path: &Path) -> Result<LocalKey, Fatal> {
    let failed = |why: String| Fatal::Failed(format!("{}: {why}", path.display()));
    let text = LocalKey::generate().map_err(failed)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| failed(format!("a key cannot be written here: {error}")))?;
    LocalKey::parse(&text).map_err(|error| failed(error.to_string()))
}
