//! `yeyak token`: tokens from a key of one's own, for trying out what takes one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use clock::SystemClock;
use edge::auth::{Expected, LocalKey, Role, is_subject};
use jiff::{SignedDuration, Timestamp};

use crate::cli::Token;
use crate::config::{Environment, quoted, variable};
use crate::error::{Fatal, one_line};

/// What is asked for: a token, or the key's public half.
///
/// # Errors
/// When the key cannot be read or made, or when what is to stand in the token could never count.
pub(crate) fn make(asked: &Token) -> Result<String, Fatal> {
    let environment = Environment::of_process();
    let roles = asked.role.iter().map(|name| {
        Role::named(name).ok_or_else(|| Fatal::Usage(format!("--role: {} is no role: write administrator or operator", quoted(name))))
    });
    let roles: Vec<Role> = roles.collect::<Result<_, _>>()?;
    let issuer = said(&environment, "--issuer", asked.issuer.as_deref(), "auth.issuer")?;
    let audience = said(&environment, "--audience", asked.audience.as_deref(), "auth.audience")?;
    let expected =
        Expected { issuer: issuer.map_or_else(yeyak, |(_, name)| name), audience: audience.map_or_else(yeyak, |(_, name)| name) };
    let from = match said(&environment, "--clock", asked.clock.as_deref(), "clock")? {
        Some((place, text)) => instant(&place, &text)?,
        None => SystemClock::real_now(),
    };
    if let Some(subject) = asked.subject.as_deref().filter(|subject| !is_subject(subject)) {
        return Err(Fatal::Usage(format!(
            "--subject: {} can be nobody's id: write 1 to 64 characters, none of them a control character, and no space around them",
            quoted(subject)
        )));
    }

    let path = asked.key.as_path();
    let key = if asked.new_key { new_key(path)? } else { read_key(path)? };
    let Some(subject) = &asked.subject else { return Ok(format!("{}\n", key.jwks())) };

    let until = from.checked_add(SignedDuration::from_mins(asked.minutes.into()));
    let until = until.map_err(|_| Fatal::Usage("--clock: a token cannot be good for so long after it".into()))?;
    Ok(format!("{}\n", key.token(&expected, subject, &roles, from, until)))
}

/// Who issues tokens and for whom they are meant, when nobody says.
fn yeyak() -> String {
    "yeyak".into()
}

/// What was said, and where: by the flag, else by the variable of the key. As everywhere, a variable that is set to nothing is not set.
fn said(environment: &Environment, flag: &str, given: Option<&str>, key: &str) -> Result<Option<(String, String)>, Fatal> {
    let variable = variable(key);
    let (place, text) = match (given, environment.get(&variable)) {
        (Some(text), _) => (flag.to_owned(), text),
        (None, Some(text)) => {
            let text = text.to_str().ok_or_else(|| Fatal::Usage(format!("{variable}: is not UTF-8")))?;
            (variable, text)
        }
        (None, None) => return Ok(None),
    };
    match text.trim() {
        "" => Err(Fatal::Usage(format!("{place}: {} says nothing: write something, or leave it out", quoted(text)))),
        text => Ok(Some((place, text.into()))),
    }
}

fn instant(place: &str, text: &str) -> Result<Timestamp, Fatal> {
    let wrong = |_| {
        let right = "write an instant with its offset from UTC, such as 2026-11-23T10:05:00+09:00";
        Fatal::Usage(format!("{place}: {} is not right here: {right}", quoted(text)))
    };
    text.parse().map_err(wrong)
}

fn read_key(path: &Path) -> Result<LocalKey, Fatal> {
    let failed = |why: String| Fatal::Failed(format!("{}: {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| failed(format!("cannot be read: {error}; --new-key makes a key")))?;
    let key = LocalKey::parse(&text).map_err(|error| failed(error.to_string()))?;
    warn_if_others_read(path);
    Ok(key)
}

/// Says so when others than its owner can do anything with a key: whoever reads it can be everybody.
fn warn_if_others_read(path: &Path) {
    let mode = fs::metadata(path).map_or(0, |about| about.permissions().mode());
    if mode & 0o077 != 0 {
        let shown = one_line(&path.display().to_string());
        // It is made all the same, also when nobody listens.
        _ = writeln!(io::stderr().lock(), "yeyak: {shown}: others than its owner can use this key: chmod 600 keeps it");
    }
}

/// Makes a key that its owner alone can read. One that is there is somebody's, and stays.
fn new_key(path: &Path) -> Result<LocalKey, Fatal> {
    let failed = |why: String| Fatal::Failed(format!("{}: {why}", path.display()));
    let text = LocalKey::generate().map_err(failed)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| failed(format!("a key cannot be written here: {error}")))?;
    LocalKey::parse(&text).map_err(|error| failed(error.to_string()))
}
