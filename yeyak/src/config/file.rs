//! The configuration file, flattened: every value in it under its whole key, with its line.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::value::Value;
use super::{Place, Problem};

/// A file that is larger is no configuration of Yeyak.
const LARGEST: u64 = 64 * 1024;

/// One value of the file.
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) value: Value,
}

/// Reads the file; of one that is damaged, as much as can be read beside what is wrong with it.
pub(super) fn read(path: &Path) -> (Vec<Entry>, Vec<Problem>) {
    let name = path.display().to_string();
    let broken = |line, message| (Vec::new(), vec![Problem { place: Place::File(name.clone(), line), key: None, message }]);
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)) {
        Err(error) => return broken(None, format!("cannot be read: {error}")),
        Ok(_) if bytes.len() as u64 > LARGEST => {
            return broken(None, format!("is larger than {LARGEST} bytes, so it cannot be a configuration of Yeyak"));
        }
        Ok(_) => {}
    }
    match str::from_utf8(&bytes) {
        Ok(text) => parse(&name, text),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            broken(Some(1 + line_ends(good).len()), "is not UTF-8: save the file as UTF-8".into())
        }
    }
}

/// Takes a TOML text apart.
pub(super) fn parse(name: &str, text: &str) -> (Vec<Entry>, Vec<Problem>) {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let mut problems = Vec::new();
    let mut broken = HashSet::new();
    for _ in 0..MOST_ROUNDS {
        let (entries, errors) = parse_once(&lines.join("\n"));
        let mut repaired = false;
        for Slip { line, key, message } in errors {
            // One slip often breaks the rest of its line as well.
            if broken.insert(line) {
                problems.push(Problem { place: Place::File(name.into(), Some(line)), key, message });
            }
            if let Some(text) = lines.get_mut(line - 1)
                && let Some(better) = repair(text)
            {
                *text = better;
                repaired = true;
            }
        }
        if !repaired {
            // What is left of a broken line was not meant.
            return (entries.into_iter().filter(|entry| !broken.contains(&entry.line)).collect(), problems);
        }
    }
    (Vec::new(), problems)
}

/// The parser does not get over everything: it passes over what follows a key without a value. A second round does for any
/// text that was meant as a configuration; more are a bound against one that was not.
const MOST_ROUNDS: usize = 100;

/// What a line that the parser cannot get over is taken for, so that the lines after it are checked as well.
fn repair(line: &str) -> Option<String> {
    let bare = line.trim();
    if let Some(section) = bare.strip_prefix('[').filter(|rest| !rest.contains(']')) {
        return Some(format!("[{}]", section.split(['#', ' ']).next().unwrap_or_default()));
    }
    let is_key = bare.starts_with(|first: char| first.is_alphanumeric() || matches!(first, '_' | '-' | '"' | '\''));
    (is_key && !bare.contains('=')).then(String::new)
}

/// A place that is not TOML.
struct Slip {
    line: usize,
    key: Option<String>,
    message: String,
}

fn parse_once(text: &str) -> (Vec<Entry>, Vec<Slip>) {
    let ends = line_ends(text.as_bytes());
    // What is missing at the end is missing in the last line that has something in it.
    let last = text.trim_end().len();
    let line_of = |offset: usize| 1 + ends.partition_point(|end| *end < offset.min(last));
    let (table, errors) = DeTable::parse_recoverable(text);

    let mut entries = Vec::new();
    flatten("", table.get_ref(), &line_of, &mut entries);
    let slips = errors.into_iter().map(|error| {
        let span = error.span().unwrap_or_default();
        let line = line_of(span.start);
        match error.message() {
            "duplicate key" => {
                Slip { line, key: text.get(span).map(|key| key.trim().to_owned()), message: "stands twice: leave one of them out".into() }
            }
            message => Slip { line, key: None, message: format!("is not TOML: {message}") },
        }
    });
    (entries, slips.collect())
}

/// Puts all of `table` into `entries`. A table that has something in it is no entry itself. The parser bounds the depth.
fn flatten(above: &str, table: &DeTable<'_>, line_of: &impl Fn(usize) -> usize, entries: &mut Vec<Entry>) {
    for (key, value) in table {
        let line = line_of(key.span().start);
        let key = written(key.get_ref());
        let key = if above.is_empty() { key } else { format!("{above}.{key}") };
        let value = match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => {
                flatten(&key, inner, line_of, entries);
                continue;
            }
            DeValue::Table(_) => Value::Table,
            DeValue::Array(_) => Value::List,
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Whole(number),
                Err(_) => Value::Number(number.to_string()),
            },
            DeValue::Float(number) => Value::Number(number.to_string()),
            DeValue::Boolean(truth) => Value::Boolean(*truth),
            DeValue::Datetime(date) => Value::Date(date.to_string()),
        };
        entries.push(Entry { key, line, value });
    }
}

/// A key as it must be written: one with a dot in it is another than two with a dot between them.
fn written(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if bare { key.into() } else { format!("{key:?}") }
}

/// Where lines end.
fn line_ends(text: &[u8]) -> Vec<usize> {
    text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect()
}
