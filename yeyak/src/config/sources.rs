//! What was said, from all places at once, until each key has been asked for.

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::value::Value;
use super::{Place, Problem, file};

/// The variables of the environment that are meant for Yeyak. One that is set to nothing counts as not set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// Those of this process.
    #[expect(clippy::disallowed_methods, reason = "the configuration is read here")]
    pub(crate) fn of_process() -> Self {
        Self::of(env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))))
    }

    /// Those among `variables`.
    pub(crate) fn of(variables: impl IntoIterator<Item = (impl Into<String>, impl Into<OsString>)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self(variables.filter(|(name, value)| name.starts_with("YEYAK_") && !value.is_empty()).collect())
    }

    /// What this one is set to.
    pub(crate) fn get(&self, variable: &str) -> Option<&OsStr> {
        self.0.get(variable).map(OsString::as_os_str)
    }
}

/// The variable of the environment that says the same as this key or flag.
pub(crate) fn variable(key: &str) -> String {
    let name = key.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' });
    "YEYAK_".chars().chain(name).collect()
}

/// Everything that was said and not yet asked for, and what was wrong with it so far.
pub(super) struct Sources<'a> {
    flags: &'a [(&'static str, &'a str)],
    environment: &'a Environment,
    file: HashMap<String, (Place, Value)>,
    known: Vec<&'static str>,
    problems: Vec<Problem>,
}

/// What was said for a key, and by whom.
pub(super) struct Said<T> {
    key: &'static str,
    found: Option<(Place, T)>,
}

impl<T> Said<T> {
    /// The value, if there is one.
    pub(super) fn value(&self) -> Option<&T> {
        self.found.as_ref().map(|(_, value)| value)
    }

    /// Whether it was said in a place that goes before the other's: flags, then the environment, then the file, then nowhere.
    pub(super) fn goes_before<U>(&self, other: &Said<U>) -> bool {
        let rank = |place: Option<&Place>| match place {
            None => 0,
            Some(Place::File(..)) => 1,
            Some(Place::Environment(_)) => 2,
            Some(Place::Flag(_)) => 3,
        };
        rank(self.found.as_ref().map(|(place, _)| place)) > rank(other.found.as_ref().map(|(place, _)| place))
    }

    /// The value, if there is one.
    pub(super) fn into_value(self) -> Option<T> {
        self.found.map(|(_, value)| value)
    }
}

impl<'a> Sources<'a> {
    /// Hears them all.
    pub(super) fn gather(flags: &'a [(&'static str, &'a str)], environment: &'a Environment, file: Option<&Path>) -> Self {
        let (entries, problems) = file.map(file::read).unwrap_or_default();
        let name = file.map(|path| path.display().to_string()).unwrap_or_default();
        let file = entries.into_iter().map(|entry| (entry.key, (Place::File(name.clone(), Some(entry.line)), entry.value))).collect();
        Self { flags, environment, file, known: Vec::new(), problems }
    }

    /// Takes out the value of `key`: the flag's, else the environment's, else the file's. `read` checks all three.
    pub(super) fn take<T>(&mut self, key: &'static str, read: impl Fn(&Value) -> Result<T, String>) -> Said<T> {
        self.known.push(key);
        let mut said = Vec::new();
        let variable = variable(key);
        // What stands in a section of the file has a flag of one word: `log.format` is --log-format.
        for (flag, text) in self.flags.iter().filter(|(flag, _)| self::variable(flag) == variable) {
            said.push((Place::Flag(format!("--{flag}")), Value::Word((*text).into())));
        }
        if let Some(text) = self.environment.get(&variable) {
            match text.to_str() {
                Some(text) => said.push((Place::Environment(variable), Value::Word(text.into()))),
                None => self.add(Place::Environment(variable), None, "is not UTF-8".into()),
            }
        }
        said.extend(self.file.remove(key));

        let mut found = None;
        for (place, value) in said {
            match read(&value) {
                Ok(value) => _ = found.get_or_insert((place, value)),
                Err(message) => self.add(place, Some(key), message),
            }
        }
        Said { key, found }
    }

    /// Says that a value is wrong beside the others.
    pub(super) fn refuse<T>(&mut self, said: &Said<T>, message: String) {
        // The defaults agree with each other; should one be wrong beside something else, its flag can change it.
        let place = said.found.as_ref().map_or_else(|| Place::Flag(format!("--{}", said.key)), |(place, _)| place.clone());
        self.add(place, Some(said.key), message);
    }

    /// All that was wrong, sorted. Nobody asked for what is still here, so nobody knows it.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        for (key, (place, value)) in std::mem::take(&mut self.file) {
            if let Some(message) = self.unknown(&key, &value) {
                self.add(place, Some(&key), message);
            }
        }
        self.problems.sort_by(|one, other| (&one.place, &one.key).cmp(&(&other.place, &other.key)));
        self.problems
    }

    fn add(&mut self, place: Place, key: Option<&str>, message: String) {
        self.problems.push(Problem { place, key: key.map(Into::into), message });
    }

    /// What to say of a key nobody asked for; nothing of a known section that is empty.
    fn unknown(&self, key: &str, value: &Value) -> Option<String> {
        let inside: Vec<&str> = self.known.iter().filter_map(|known| known.strip_prefix(key)?.strip_prefix('.')).collect();
        if !inside.is_empty() {
            return match value {
                Value::Table => None,
                other => Some(format!("{other} is not right here: write a section [{key}] with {}", inside.join(", "))),
            };
        }
        let last = |key: &str| key.rsplit('.').next().unwrap_or_default().replace('_', "-");
        let above = |known: &str| key.strip_prefix(known).is_some_and(|rest| rest.starts_with('.'));
        let elsewhere = self.known.iter().find(|known| above(known) || last(known) == last(key));
        Some(match elsewhere.copied().or_else(|| nearest(key, self.known.iter().copied())) {
            Some(meant) => format!("is unknown: did you mean {meant}?"),
            None => format!("is unknown: the keys are {}", self.known.join(", ")),
        })
    }
}

/// The one among `all` that `word` is a slip of.
pub(crate) fn nearest<'b>(word: &str, all: impl IntoIterator<Item = &'b str>) -> Option<&'b str> {
    if word.len() > 80 {
        return None;
    }
    let word = word.to_lowercase();
    let distances = all.into_iter().map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate));
    let (distance, candidate) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + candidate.len() / 5 && distance < candidate.len() / 2 + 1).then_some(candidate)
}
