//! Rows that stand, beside those that their events make.

use serde_json::Value;
use store::sqlite::{Scratch, ScratchRow};
use store::{StoreError, StoredRow, cells};

use super::{AT_ONCE, About, Audit};
use kernel::Field;

/// How much is shown of a value that differs.
const SHOWN: usize = 120;

impl Audit<'_> {
    /// The rows of a service's own resources, and its counters.
    pub(super) fn own_rows(&mut self, about: &About<'_>) -> Result<(), StoreError> {
        let service = about.service;
        for resource in &service.resources {
            let name = resource.collection;
            match self.read(service.name, "row", name, |snapshot| snapshot.has_table(service.name, name))? {
                Some(true) => self.rows(about, "row", name, resource.fields)?,
                // One that a release has added is made when that release opens the file.
                Some(false) if about.scratch.largest(name)?.is_some() => {
                    self.found(service.name, "row", name, "its events make rows, and it has no table");
                }
                Some(false) | None => {}
            }
        }
        self.counters(about)
    }

    /// A counter that stands below what it has given gives it again. A number that nothing came of is not known to anybody.
    fn counters(&mut self, about: &About<'_>) -> Result<(), StoreError> {
        let service = about.service;
        let Some(counters) = self.read(service.name, "counter", "all", |snapshot| snapshot.sequences(service.name))? else {
            return Ok(());
        };
        for resource in service.resources.iter().filter(|resource| resource.counted) {
            let name = resource.collection;
            let Some(largest) = about.scratch.largest(name)? else { continue };
            match counters.iter().find(|(counter, _)| counter == name) {
                None => self.found(service.name, "counter", name, format!("it is missing, and {largest} was given already")),
                Some((_, last)) if *last < largest => {
                    self.found(service.name, "counter", name, format!("it is at {last}, and {largest} was given already"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// One table, row by row, in the order of their ids.
    pub(super) fn rows(&mut self, about: &About<'_>, kind: &'static str, table: &str, fields: &[Field]) -> Result<(), StoreError> {
        let service = about.service.name;
        let mut folded = Folded { scratch: &about.scratch, table, page: Vec::new(), after: None };
        let (mut after, mut stand) = (None, 0);
        let mut expected = folded.next()?;
        loop {
            let Some(rows) = self.read(service, kind, table, |snapshot| snapshot.rows(service, table, after, AT_ONCE))? else {
                return Ok(());
            };
            let Some(last) = rows.last() else { break };
            after = Some(last.id);
            stand += rows.len() as u64;
            for row in rows {
                while let Some(missing) = expected.take_if(|expected| expected.id < row.id) {
                    self.found(service, kind, format!("{table}/{}", missing.id), "its events make a row, and none stands");
                    expected = folded.next()?;
                }
                match expected.take_if(|expected| expected.id == row.id) {
                    Some(same) => {
                        self.row(service, kind, table, fields, same.json.as_deref(), &row);
                        expected = folded.next()?;
                    }
                    None => self.found(service, kind, format!("{table}/{}", row.id), "a row stands, and no event makes it"),
                }
                self.verified.rows += 1;
            }
        }
        while let Some(missing) = expected {
            self.found(service, kind, format!("{table}/{}", missing.id), "its events make a row, and none stands");
            expected = folded.next()?;
        }
        let total = self.read(service, kind, table, |snapshot| snapshot.total(service, table))?.flatten();
        if let Some(total) = total.filter(|total| *total != stand) {
            self.found(service, kind, table, format!("it is said to have {total} rows, and has {stand}"));
        }
        Ok(())
    }

    fn row(&mut self, service: &'static str, kind: &'static str, table: &str, fields: &[Field], expected: Option<&str>, row: &StoredRow) {
        let key = || format!("{table}/{}", row.id);
        let Ok(stands) = serde_json::from_str::<Value>(&row.json) else {
            self.found(service, kind, key(), "is not JSON");
            return;
        };
        // Both are written by the same code, so they are nearly always the same to the letter.
        if expected != Some(row.json.as_str()) {
            let expected: Option<Value> = expected.and_then(|json| serde_json::from_str(json).ok());
            if expected.as_ref() != Some(&stands) {
                self.found(service, kind, key(), differences(&expected.unwrap_or_default(), &stands));
            }
        }
        for ((field, shown), stored) in fields.iter().zip(cells(fields, &row.json)).zip(&row.cells) {
            if shown != *stored {
                self.found(service, kind, key(), format!("it is not found under the {} that it shows", field.name));
            }
        }
    }
}

/// What is folded again of one table, in the order of ids, without what was taken away.
struct Folded<'a> {
    scratch: &'a Scratch,
    table: &'a str,
    /// The next ones, the first at the end.
    page: Vec<ScratchRow>,
    after: Option<u64>,
}

impl Folded<'_> {
    fn next(&mut self) -> Result<Option<ScratchRow>, StoreError> {
        loop {
            if self.page.is_empty() {
                self.page = self.scratch.page(self.table, self.after, AT_ONCE)?;
                let Some(last) = self.page.last() else { return Ok(None) };
                self.after = Some(last.id);
                self.page.reverse();
            }
            if let Some(row) = self.page.pop().filter(|row| row.json.is_some()) {
                return Ok(Some(row));
            }
        }
    }
}

/// The fields in which two objects of JSON differ, of those that stand there; those that are missing were not yet thought of then.
pub(super) fn differences_of_known(expected: &Value, stands: &Value) -> Option<String> {
    let Some(show) = stands.as_object() else { return Some(differences(expected, stands)) };
    let expected: serde_json::Map<_, _> = show.keys().map(|name| (name.clone(), expected[name].clone())).collect();
    Some(differences(&expected.into(), stands)).filter(|differ| !differ.is_empty())
}

/// The fields in which two rows differ.
fn differences(expected: &Value, stands: &Value) -> String {
    let (Some(say), Some(show)) = (expected.as_object(), stands.as_object()) else {
        return format!("events say {}, the row says {}", short(Some(expected)), short(Some(stands)));
    };
    let names = say.keys().chain(show.keys().filter(|name| !say.contains_key(*name)));
    let differ = names.filter(|name| say.get(*name) != show.get(*name));
    let told = differ.map(|name| format!("{name}: events say {}, the row says {}", short(say.get(name)), short(show.get(name))));
    told.collect::<Vec<_>>().join("; ")
}

fn short(value: Option<&Value>) -> String {
    let text = value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
