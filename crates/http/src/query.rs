//! Reading the query of a collection: `page`, `size`, `sort` and a filter for each of its fields.

use std::borrow::Cow;

use kernel::{Field, FieldKind, Resource, Timestamp};
use store::{Cell, Direction, Query};

use crate::fields::{Fault, Fields, Json, Lenient, Spec};
use crate::problem::{FieldError, Problem};

/// The most rows that one page has.
pub(crate) const LARGEST_PAGE: u64 = 1_000;

/// How many rows a reader can leaf through: mostly all before a page are passed over to find it, so what lies further takes
/// a filter.
pub(crate) const FURTHEST_ROW: u64 = 100_000;

/// So many faults are told and no more: a query can hold thousands of bad names, and an answer is not to be larger than what was asked.
const MOST_FAULTS: usize = 50;

/// How much of an unknown parameter's name is told back.
const LONGEST_NAME: usize = 60;

/// The query of a collection of `R`: `page=2&size=50&sort=floor,desc&status=Reserved`.
///
/// It is sorted by one field, whose index has the order; for two, all rows would be read and sorted. A parameter without a value
/// counts as not given.
///
/// # Errors
/// 422 naming every parameter that is unknown, wrong, or given twice.
pub fn parse<R: Resource>(raw: &str) -> Result<Query, Problem> {
    parse_with::<R, ()>(raw, ()).map(|(query, ())| query)
}

/// As [`parse`], with parameters besides those of the collection, which are read as a body's fields are. They come first: a field of the
/// collection that has the name of one of them is no filter.
///
/// ```
/// # use edge::{Problem, optional, query};
/// # fn handler<RoomSlot: kernel::Resource>(raw: &str) -> Result<(), Problem> {
/// let extras = (optional::<jiff::civil::Date>("date"), optional::<i64>("floor"));
/// let (query, (date, floor)) = query::parse_with::<RoomSlot, _>(raw, extras)?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// 422 naming every parameter that is unknown, wrong, or given twice.
pub fn parse_with<R: Resource, S: Spec>(raw: &str, extras: S) -> Result<(Query, S::Output), Problem> {
    let mut reader = Reader { fields: R::FIELDS, same_as_id: R::SAME_AS_ID, query: Query::default(), seen: Vec::new(), errors: Vec::new() };
    let mut extra_names = Vec::new();
    extras.names(&mut extra_names);
    let mut extra_fields = Fields::default();
    for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
        if extra_names.contains(&name.as_ref()) {
            if reader.is_first(&name) {
                extra_fields.insert_text(&name, &value);
            }
        } else {
            reader.read(&name, &value);
        }
    }
    let Reader { query, mut errors, .. } = reader;
    let extras = extras.read(&extra_fields, &mut errors);
    if errors.is_empty() && query.page.saturating_mul(query.size) > FURTHEST_ROW {
        errors.push(FieldError::new("page", "out-of-range", format!("must begin within the first {FURTHEST_ROW} rows; use a filter")));
    }
    match extras {
        Some(extras) if errors.is_empty() => Ok((query, extras)),
        _ => Err(Problem::unprocessable(errors)),
    }
}

/// What a collection can be filtered and sorted by, besides `id`.
pub(crate) fn filters<R: Resource>() -> Vec<Field> {
    R::SAME_AS_ID.iter().copied().map(Field::integer).chain(R::FIELDS.iter().copied()).collect()
}

/// A query that has these parameters and no others, read as a body's fields are.
///
/// # Errors
/// 422 naming every parameter that is unknown, wrong, or given twice.
pub fn parse_alone<S: Spec>(raw: &str, spec: S) -> Result<S::Output, Problem> {
    let mut reader = Reader { fields: &[], same_as_id: &[], query: Query::default(), seen: Vec::new(), errors: Vec::new() };
    let (mut names, mut fields) = (Vec::new(), Fields::default());
    spec.names(&mut names);
    let known = || if names.is_empty() { "is not read here".to_owned() } else { format!("must be one of {}", names.join(", ")) };
    for (name, value) in form_urlencoded::parse(raw.as_bytes()).filter(|(name, value)| !(name.is_empty() && value.is_empty())) {
        if !names.contains(&name.as_ref()) {
            reader.fault(&name, Fault { code: "unknown-field", message: known().into() });
        } else if reader.is_first(&name) {
            fields.insert_text(&name, &value);
        }
    }
    let mut errors = reader.errors;
    match spec.read(&fields, &mut errors) {
        Some(output) if errors.is_empty() => Ok(output),
        _ => Err(Problem::unprocessable(errors)),
    }
}

/// A query that is being read, parameter by parameter.
struct Reader {
    fields: &'static [Field],
    same_as_id: &'static [&'static str],
    query: Query,
    /// The parameters that were there, in lower numbers than would make a search worth its while.
    seen: Vec<String>,
    errors: Vec<FieldError>,
}

impl Reader {
    fn read(&mut self, name: &str, value: &str) {
        if name.is_empty() && value.is_empty() {
            // Nothing stands between two ampersands.
            return;
        }
        if name == "sort" {
            return self.sort(value);
        }
        let Some(field) = self.field(name).or_else(|| ["page", "size"].contains(&name).then(|| Field::integer(""))) else {
            return self.fault(name, Fault { code: "unknown-field", message: self.known("must be one of page, size, sort") });
        };
        if !self.is_first(name) || value.trim().is_empty() {
            return;
        }
        let read = match name {
            "page" => page_number(value, 0..=i64::MAX as u64).map(|page| self.query.page = page),
            "size" => page_number(value, 1..=LARGEST_PAGE).map(|size| self.query.size = size),
            _ => cell(field.kind, value).map(|cell| self.query.filters.push((field.name, cell))),
        };
        if let Err(fault) = read {
            self.fault(name, fault);
        }
    }

    /// `field,desc`, or a field only.
    fn sort(&mut self, value: &str) {
        let mut names: Vec<&str> = value.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let direction = match names.last() {
            Some(last) if last.eq_ignore_ascii_case("desc") => Some(Direction::Descending),
            Some(last) if last.eq_ignore_ascii_case("asc") => Some(Direction::Ascending),
            _ => None,
        };
        if direction.is_some() {
            names.pop();
        }
        for name in names {
            match self.field(name) {
                // A field by which it is sorted already has nothing more to say.
                Some(field) if self.query.sort.iter().any(|(sorted, _)| *sorted == field.name) => {}
                Some(_) if !self.query.sort.is_empty() => {
                    return self.fault("sort", Fault { code: "too-many", message: "must be by one field".into() });
                }
                Some(field) => self.query.sort.push((field.name, direction.unwrap_or(Direction::Ascending))),
                None => return self.fault("sort", Fault { code: "unknown-field", message: self.known("must be by") }),
            }
        }
    }

    fn field(&self, name: &str) -> Option<Field> {
        const ID: Field = Field::integer("id");
        let name = if self.same_as_id.contains(&name) { ID.name } else { name };
        self.fields.iter().chain([&ID]).find(|field| field.name == name).copied()
    }

    /// `start` and the names of all fields, in a sentence.
    fn known(&self, start: &str) -> Cow<'static, str> {
        let fields = self.fields.iter().map(|field| field.name).filter(|name| *name != "id");
        let names = self.same_as_id.iter().copied().chain(fields);
        let joint = if start.ends_with("by") { " " } else { ", " };
        names.fold(format!("{start}{joint}id"), |text, name| text + ", " + name).into()
    }

    /// Whether this parameter was not there before; if it was, that is a fault.
    fn is_first(&mut self, name: &str) -> bool {
        let first = !self.seen.iter().any(|seen| seen == name);
        if first {
            self.seen.push(name.into());
        } else {
            self.fault(name, Fault { code: "repeated", message: "must be given once".into() });
        }
        first
    }

    /// Takes note of a fault, once for each parameter and kind.
    fn fault(&mut self, name: &str, fault: Fault) {
        if self.errors.len() >= MOST_FAULTS {
            return;
        }
        let name: String = name.chars().take(LONGEST_NAME).collect();
        if !self.errors.iter().any(|error| error.field == name && error.code == fault.code) {
            self.errors.push(FieldError::new(name, fault.code, fault.message));
        }
    }
}

fn page_number(value: &str, range: std::ops::RangeInclusive<u64>) -> Result<u64, Fault> {
    let number = i64::read(&Json::Text(value.trim().into()))?;
    let fault = || Fault::out_of_range(format!("must be from {} to {}", range.start(), range.end()));
    u64::try_from(number).ok().filter(|number| range.contains(number)).ok_or_else(fault)
}

fn cell(kind: FieldKind, value: &str) -> Result<Cell, Fault> {
    let json = Json::Text(value.trim().into());
    match kind {
        FieldKind::Integer => i64::read(&json).map(Cell::Integer),
        FieldKind::Text => String::read(&json).map(Cell::Text),
        FieldKind::Instant => Timestamp::read(&json)
            // In a query a plus sign means a blank, and few remember to write %2B in an offset.
            .or_else(|fault| Timestamp::read(&Json::Text(value.trim().replace(' ', "+"))).map_err(|_| fault))
            .map(|at| Cell::Integer(at.as_microsecond())),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::Date;
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::Reserve;
    use crate::optional;

    fn faults(raw: &str) -> Vec<(String, &'static str)> {
        let problem = parse::<Reserve>(raw).unwrap_err();
        assert_eq!(problem.status.as_u16(), 422);
        problem.errors.iter().map(|error| (error.field.clone(), error.code)).collect()
    }

    fn fault(raw: &str, name: &str, code: &'static str) {
        assert_eq!(faults(raw), [(name.to_owned(), code)], "{raw}");
    }

    #[test]
    fn a_query_is_read_whole() {
        let query = parse::<Reserve>("page=2&size=100&sort=status,desc&id=7&roomId=%33&status=No+Show&startsAt=1970-01-01T09:00:01+09:00");
        assert_eq!(
            query,
            Ok(Query {
                page: 2,
                size: 100,
                sort: vec![("status", Direction::Descending)],
                filters: vec![
                    ("id", Cell::Integer(7)),
                    ("roomId", Cell::Integer(3)),
                    ("status", Cell::Text("No Show".into())),
                    ("startsAt", Cell::Integer(1_000_000)),
                ],
            })
        );
        assert_eq!(parse::<Reserve>(""), Ok(Query::default()));
        assert_eq!(parse::<Reserve>("&status=&page=&sort="), Ok(Query::default()));
        assert_eq!(parse::<Reserve>("sort=roomId,roomId,DESC&sort=roomId").unwrap().sort, [("roomId", Direction::Descending)]);
    }

    #[test]
    fn another_name_of_the_id_is_the_id() {
        let query = parse::<Reserve>("reserveNo=7&sort=reserveNo,desc&sort=id").unwrap();
        assert_eq!((query.filters, query.sort), (vec![("id", Cell::Integer(7))], vec![("id", Direction::Descending)]));
        fault("reserveNo=x", "reserveNo", "wrong-type");
        let names: Vec<_> = filters::<Reserve>().iter().map(|field| field.name).collect();
        assert_eq!(names, ["reserveNo", "roomId", "status", "startsAt"]);
    }

    #[test]
    fn every_bad_parameter_is_named() {
        let named = [("size", "out-of-range"), ("colour", "unknown-field"), ("roomId", "wrong-type"), ("sort", "unknown-field")];
        assert_eq!(faults("size=0&colour=red&colour=blue&roomId=x&sort=colour,desc"), named.map(|(name, code)| (name.to_owned(), code)));
        fault("status=a&status=b", "status", "repeated");
        fault("page=-1", "page", "out-of-range");
        fault("size=1001", "size", "out-of-range");
        fault("page=1.5", "page", "wrong-type");
        fault("sort=status,down", "sort", "unknown-field");
        fault("sort=status,roomId", "sort", "too-many");
        fault("sort=status,desc&sort=roomId&sort=id", "sort", "too-many");
        fault("startsAt=yesterday", "startsAt", "wrong-type");
        fault("status=%00", "status", "bad-characters");
        fault("=x", "", "unknown-field");
    }

    #[test]
    fn nobody_leafs_further_than_there_is_anything() {
        assert!(parse::<Reserve>("page=100&size=1000").is_ok());
        fault("page=101&size=1000", "page", "out-of-range");
        fault("page=9223372036854775807&size=1000", "page", "out-of-range");
        fault("page=99999999999999999999999", "page", "out-of-range");
    }

    #[test]
    fn thousands_of_bad_names_make_no_large_answer() {
        let raw: String = (0..30_000).map(|name| format!("{name}&")).collect();
        assert_eq!(faults(&raw).len(), MOST_FAULTS);
    }

    #[test]
    fn parameters_of_a_handler_are_read_like_fields() {
        let read = |raw| parse_with::<Reserve, _>(raw, (optional::<Date>("date"), optional::<u16>("status")));
        let (query, (date, floor)) = read("date=20261124&status=3&size=5&roomId=").unwrap();
        assert_eq!((query.size, query.filters.len()), (5, 0));
        assert_eq!((date, floor), (Some(jiff::civil::date(2026, 11, 24)), Some(3)));
        let problem = read("date=soon&floor=3&status=1&status=2").unwrap_err();
        let names: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(names, ["floor", "status", "date"]);
    }

    #[test]
    fn parameters_alone_are_all_that_there_is() {
        let read = |raw| parse_alone(raw, (optional::<Date>("date"), optional::<u16>("floor")));
        assert_eq!(read("date=20261124&&floor=").unwrap(), (Some(jiff::civil::date(2026, 11, 24)), None));
        let problem = read("page=1&date=soon&floor=1&floor=2").unwrap_err();
        let faults: Vec<_> = problem.errors.iter().map(|error| (error.field.as_str(), error.code)).collect();
        assert_eq!(faults, [("page", "unknown-field"), ("floor", "repeated"), ("date", "wrong-type")]);
        let none = parse_alone("service=x", ()).unwrap_err();
        assert_eq!((none.errors[0].field.as_str(), none.errors[0].message.as_ref()), ("service", "is not read here"));
        assert_eq!(parse_alone("", ()), Ok(()));
    }

    proptest! {
        #[test]
        fn no_query_does_harm(raw in any::<String>()) {
            let _ = parse::<Reserve>(&raw);
        }

        #[test]
        fn nothing_that_looks_like_a_query_does_harm(
            raw in "((page|size|sort|id|roomId|status|startsAt|date|%|%f|%ff|%00)=[0-9a-zA-Z,.+%:TZ -]{0,30}&?){0,6}"
        ) {
            if let Ok((query, _)) = parse_with::<Reserve, _>(&raw, optional::<Date>("date")) {
                prop_assert!((1..=LARGEST_PAGE).contains(&query.size));
                prop_assert!(query.page * query.size <= FURTHEST_ROW);
            }
        }
    }
}
