//! What a field takes, as JSON Schema has it (draft 2020-12, which is OpenAPI 3.1's).

use std::ops::RangeInclusive;

use jiff::civil::{Date, Time};
use kernel::{Id, Money, Personal, Timestamp};
use serde_json::{Value, json};
use utoipa::PartialSchema;

use crate::Text;
use crate::fields::LONGEST_TEXT;

/// One line, as texts are read: no control characters, which can forge lines of logs.
pub(super) const ONE_LINE: &str = r"^[^\u0000-\u001F\u007F-\u009F]*$";

/// The same, with something in it besides blanks.
const SOME_LINE: &str = r"^[^\u0000-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u001F\u007F-\u009F]*$";

/// From here on, a whole number written as text is told by its digits alone, without its bounds.
const MANY_DIGITS: i64 = 1_000_000_000_000_000_000;

/// The schema of a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema(Value);

/// What a field of a body, or a parameter of a query, takes.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldSchema {
    /// Its name.
    pub name: &'static str,
    /// Whether it has to be there.
    pub required: bool,
    /// What it takes when it is there.
    pub schema: Schema,
}

/// A type whose values can be sent, and what is taken for one.
pub trait Described {
    /// What is taken for a value: numbers, flags and texts stand for each other, so it is wider than the type.
    fn taken() -> Schema;
}

impl From<Value> for Schema {
    fn from(schema: Value) -> Self {
        Self(schema)
    }
}

impl Schema {
    /// The schema as JSON.
    pub fn into_json(self) -> Value {
        self.0
    }

    /// A whole number, or a text that writes one.
    pub fn whole_number(range: RangeInclusive<i64>) -> Self {
        let (least, most) = (*range.start(), *range.end());
        let digits = match u64::try_from(least) {
            Ok(least) if most < MANY_DIGITS => digits_within(least, most.unsigned_abs()),
            Ok(least) => format!("{}[0-9]{{0,17}}", if least == 0 { "[0-9]" } else { "[1-9]" }),
            Err(_) => "-?[0-9]{1,18}".into(),
        };
        Self(json!({"type": ["integer", "string"], "minimum": least, "maximum": most, "pattern": format!("^({digits})$")}))
    }

    /// One line of at most `longest` characters. A number or a flag stands for how it is written.
    pub fn line(longest: usize) -> Self {
        Self(json!({"type": ["string", "number", "boolean"], "maxLength": longest, "pattern": ONE_LINE}))
    }

    /// How a `T` is written in JSON.
    pub fn of<T: PartialSchema>() -> Self {
        // A schema made by a derive always has a JSON form; were it not so, it would say nothing.
        Self(serde_json::to_value(T::schema()).unwrap_or_default())
    }

    /// How a `T` is written as text. Where any text can be one, a number or a flag stands for how it is written.
    pub fn of_text<T: PartialSchema>() -> Self {
        let Self(mut schema) = Self::of::<T>();
        let is_narrow = ["pattern", "enum", "format"].iter().any(|keyword| schema.get(keyword).is_some());
        if let Some(members) = schema.as_object_mut().filter(|_| !is_narrow) {
            members.insert("type".into(), json!(["string", "number", "boolean"]));
            members.insert("pattern".into(), ONE_LINE.into());
            members.entry("maxLength").or_insert(LONGEST_TEXT.into());
        }
        Self(schema)
    }

    /// The same, with an example.
    pub(crate) fn with_example(mut self, example: Value) -> Self {
        if let Some(members) = self.0.as_object_mut() {
            members.insert("examples".into(), json!([example]));
        }
        self
    }

    /// The same, of a field that may be left out: what is null or blank says so too.
    #[must_use]
    pub fn or_absent(self) -> Self {
        let absent = json!({"$ref": "#/components/schemas/Absent"});
        match self.0 {
            // What says nothing takes that already.
            Value::Object(members) if members.is_empty() => Self(members.into()),
            taken => Self(json!({"anyOf": [taken, absent]})),
        }
    }

    /// The same, of a parameter of a query, which has no null.
    #[must_use]
    pub fn or_blank(self) -> Self {
        Self(json!({"anyOf": [self.0, {"$ref": "#/components/schemas/Blank"}]}))
    }
}

impl FieldSchema {
    /// Its schema in a body, with what is said of it.
    pub(crate) fn into_property(self, about: Option<&str>) -> Value {
        let Schema(mut schema) = if self.required { self.schema.not_blank() } else { self.schema.or_absent() };
        if let (Some(members), Some(about)) = (schema.as_object_mut(), about) {
            members.insert("description".into(), about.into());
        }
        schema
    }

    /// It as a parameter of a query.
    pub(crate) fn into_parameter(self) -> Value {
        let Schema(schema) = if self.required { self.schema.not_blank() } else { self.schema.or_blank() };
        json!({"name": self.name, "in": "query", "required": self.required, "schema": schema})
    }
}

impl Schema {
    /// The same, of a field that has to be there, which a blank text is not.
    fn not_blank(mut self) -> Self {
        if self.0["pattern"] == ONE_LINE {
            self.0["minLength"] = 1.into();
            self.0["pattern"] = SOME_LINE.into();
        }
        self
    }
}

/// The digits of the whole numbers from `least` to `most`, as a regular expression: stretch by stretch, each of which has one form.
fn digits_within(least: u64, most: u64) -> String {
    let mut ends = vec![most];
    for power in 1..18 {
        let unit = 10_u64.pow(power);
        let nines = least - least % unit + unit - 1;
        let zeros = (most + 1) - (most + 1) % unit;
        ends.extend([Some(nines), zeros.checked_sub(1)].into_iter().flatten().filter(|end| (least..most).contains(end)));
    }
    ends.sort_unstable();
    ends.dedup();
    let mut start = least;
    let mut forms = Vec::new();
    for end in ends {
        forms.push(form(start, end));
        start = end + 1;
    }
    forms.join("|")
}

/// The numbers from `least` to `most`, which have the same number of digits.
fn form(least: u64, most: u64) -> String {
    let digit = |(low, high): (char, char)| if low == high { low.to_string() } else { format!("[{low}-{high}]") };
    least.to_string().chars().zip(most.to_string().chars()).map(digit).collect()
}

impl Described for u64 {
    fn taken() -> Schema {
        Schema::whole_number(1..=i64::MAX)
    }
}

macro_rules! described_numbers {
    ($($number:ty)+) => {$(
        impl Described for $number {
            fn taken() -> Schema {
                Schema::whole_number(<$number>::MIN.into()..=<$number>::MAX.into())
            }
        }
    )+};
}

described_numbers!(u8 u16 u32 i64);

impl<T> Described for Id<T> {
    fn taken() -> Schema {
        u64::taken()
    }
}

impl<T: Described> Described for Personal<T> {
    fn taken() -> Schema {
        T::taken()
    }
}

impl Described for bool {
    fn taken() -> Schema {
        Schema(json!({"type": ["boolean", "string"], "pattern": "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$"}))
    }
}

impl Described for String {
    fn taken() -> Schema {
        Schema::line(LONGEST_TEXT)
    }
}

impl<const MAX: usize> Described for Text<MAX> {
    fn taken() -> Schema {
        Schema::line(MAX)
    }
}

impl Described for Date {
    fn taken() -> Schema {
        // The years are those of `YEARS`, from 1900 to 2200.
        let years = "(19|20|21)[0-9]{2}|2200";
        Schema(json!({"anyOf": [
            {"type": "string", "format": "date", "pattern": format!("^({years})-"), "examples": ["2026-11-23"]},
            {"type": "string", "pattern": format!("^({years})({DAYS})$"), "examples": ["20261123"]},
        ]}))
    }
}

/// The days of all years, as `MMdd`. That of leap years is taken as well, where there is one.
const DAYS: &str = "(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])(29|30)|(0[13578]|1[02])31";

impl Described for Time {
    fn taken() -> Schema {
        Schema(json!({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$", "examples": ["09:30"]}))
    }
}

impl Described for Timestamp {
    fn taken() -> Schema {
        Schema(
            json!({"type": "string", "format": "date-time", "pattern": "^(19[7-9][0-9]|2[01][0-9]{2}|2200)-", "examples": ["2026-11-23T09:30:00+09:00"]}),
        )
    }
}

impl Described for Money {
    fn taken() -> Schema {
        let member = |example: &str| json!({"type": ["string", "number"], "examples": [example]});
        Schema(json!({
            "type": "object", "required": ["amount", "currency"],
            "properties": {"amount": member("12000"), "currency": {"type": "string", "examples": ["KRW"]}},
        }))
    }
}

impl<T: Described> Described for Vec<T> {
    fn taken() -> Schema {
        Schema(json!({"anyOf": [
            {"type": "array", "items": T::taken().into_json()},
            {"type": "string", "description": "The same, with commas between."},
        ]}))
    }
}

impl Described for Value {
    fn taken() -> Schema {
        Schema(json!({}))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether a text is one of the forms, which consist of digits and of ranges of digits.
    fn matches(forms: &str, text: &str) -> bool {
        forms.split('|').any(|form| {
            let mut form = form.chars();
            let each = |digit: char| match form.next() {
                Some('[') => {
                    let (low, high) = (form.next().unwrap(), form.nth(1).unwrap());
                    form.next();
                    (low..=high).contains(&digit)
                }
                other => other == Some(digit),
            };
            text.chars().map(each).fold(true, |all, one| all & one) && form.next().is_none()
        })
    }

    #[test]
    fn ranges_are_written_as_digits() {
        let check = |least, most, forms: &str| assert_eq!(digits_within(least, most), forms);
        check(0, 9, "[0-9]");
        check(1, 100, "[1-9]|[1-9][0-9]|100");
        check(5, 5, "5");
        check(0, 255, "[0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5]");
        check(1, 100_000, "[1-9]|[1-9][0-9]|[1-9][0-9][0-9]|[1-9][0-9][0-9][0-9]|[1-9][0-9][0-9][0-9][0-9]|100000");
    }

    #[test]
    fn what_may_be_left_out_may_be_null_or_blank() {
        let property = |required, schema| FieldSchema { name: "a", required, schema }.into_property(Some("A."));
        let absent = json!({"$ref": "#/components/schemas/Absent"});
        assert_eq!(property(false, bool::taken()), json!({"anyOf": [bool::taken().into_json(), absent], "description": "A."}));
        assert_eq!(property(false, Value::taken()), json!({"description": "A."}));
        assert_eq!(property(true, String::taken())["pattern"], SOME_LINE);
        assert_eq!(property(true, u64::taken())["type"], json!(["integer", "string"]));
    }

    proptest! {
        #[test]
        fn the_digits_are_those_of_the_range_and_no_others(least in 0_u64..3000, length in 0_u64..3000, number in 0_u64..10_000) {
            let (most, text) = (least + length, number.to_string());
            prop_assert_eq!(matches(&digits_within(least, most), &text), (least..=most).contains(&number));
        }
    }
}
