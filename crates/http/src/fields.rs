//! Reading the fields of a JSON body.

mod presence;

use std::any::type_name;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::ops::{Deref, RangeInclusive};
use std::str::FromStr;

use jiff::civil::{Date, Time};
use kernel::{Currency, Id, Money, Personal, Timestamp};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::PartialSchema;

use crate::contract::{Described, FieldSchema, Schema};
use crate::problem::{FieldError, Problem};
pub use presence::{Optional, Or, OrUnset, Presence, Required};

/// How many characters a text has at most, where its field does not say otherwise by [`Text`].
pub(crate) const LONGEST_TEXT: usize = 200;

/// The years that a date may lie in. Far enough for every purpose, and near enough for later arithmetic never to leave what a date can be.
const YEARS: RangeInclusive<i16> = 1900..=2200;

/// The first instant, and the first one no more, that may be sent, in seconds since 1970: from 1970 to the end of 2200.
const INSTANTS: std::ops::Range<i64> = 0..7_289_654_400;

/// Up to here every whole number has a floating-point form of its own.
const EXACT_FLOAT: f64 = 9_007_199_254_740_992.0;

/// The fields of a JSON object, of which a handler reads those it knows.
///
/// ```
/// # use edge::{Fields, Problem, optional, required};
/// # fn handler(body: &[u8]) -> Result<(), Problem> {
/// let fields = Fields::parse(body)?;
/// let (user, room, date, copies) = fields.read((
///     required::<String>("userId"),
///     required::<u64>("roomId"),
///     optional::<jiff::civil::Date>("date"),
///     optional("copies").within(1..=100).or(1_u32),
/// ))?;
/// # let _: (String, u64, Option<jiff::civil::Date>, u32) = (user, room, date, copies);
/// # Ok(())
/// # }
/// # handler(br#"{"userId": 7, "roomId": "3"}"#).unwrap();
/// ```
///
/// A field that is null or a blank text is absent, unless null has a meaning of its own there ([`Field::or_unset`]). Fields that nobody asks for are ignored; of two with one name the last counts.
#[derive(Default)]
pub struct Fields<'a> {
    said: BTreeMap<String, Json<'a>>,
    /// Those that are null.
    nulls: BTreeSet<String>,
}

impl<'a> Fields<'a> {
    /// The fields of a body. A body of no bytes has no fields.
    ///
    /// # Errors
    /// 400 when the body is not JSON, 422 when it is not an object.
    pub fn parse(body: &'a [u8]) -> Result<Self, Problem> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let body: &RawValue = serde_json::from_slice(body).map_err(|_| Problem::malformed())?;
        if !body.get().starts_with('{') {
            return Err(Problem::unprocessable(vec![FieldError::new("", "wrong-type", "the body must be a JSON object")]));
        }
        Self::of(body).ok_or_else(Problem::malformed)
    }

    /// The fields of a well-formed value, if it is an object and its texts are Unicode.
    fn of(object: &'a RawValue) -> Option<Self> {
        // Each value is kept as it was written, and looked into only where a handler asks for it: a number keeps all of its digits, and
        // nothing that is ignored can be too deep.
        let values: BTreeMap<String, &'a RawValue> = serde_json::from_str(object.get()).ok()?;
        let mut fields = Self::default();
        for (name, value) in values {
            if value.get() == "null" {
                fields.nulls.insert(name);
            } else if let Some(value) = Json::of(value).ok()? {
                fields.said.insert(name, value);
            }
        }
        Some(fields)
    }

    /// Adds a field that came as text, as a query's do.
    pub(crate) fn insert_text(&mut self, name: &str, text: &str) {
        if let Some(value) = Json::text(text) {
            self.said.insert(name.into(), value);
        }
    }

    /// Whether the body says anything under `name`.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.said.contains_key(name)
    }

    /// What the body says under `name`, if it is a text, a number or a flag. For what stands outside the handler's own list of fields, such
    /// as who acts.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.said.get(name)?.scalar()
    }

    /// Reads the fields that `spec` lists: one [`required`] or [`optional`], or a tuple of up to twelve.
    ///
    /// # Errors
    /// 422 naming every field that is missing or wrong.
    pub fn read<S: Spec>(&self, spec: S) -> Result<S::Output, Problem> {
        let mut errors = Vec::new();
        match spec.read(self, &mut errors) {
            Some(output) if errors.is_empty() => Ok(output),
            _ => Err(Problem::unprocessable(errors)),
        }
    }
}

/// Names alone: what the fields say may be about a person, which no log may show.
impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.said.keys()).finish()
    }
}

/// The value of a field that is there: trimmed, not blank, not null. It has no `Debug`, lest a log show it.
pub enum Json<'a> {
    /// A text.
    Text(String),
    /// A number, as it was written.
    Number(&'a str),
    /// `true` or `false`.
    Flag(bool),
    /// An array or an object, well-formed and of any depth.
    Nested(&'a RawValue),
}

impl<'a> Json<'a> {
    fn of(value: &'a RawValue) -> Result<Option<Self>, serde_json::Error> {
        let json = value.get();
        Ok(match json.as_bytes() {
            [b'"', ..] => Self::text(&serde_json::from_str::<String>(json)?),
            [b'{' | b'[', ..] => Some(Self::Nested(value)),
            b"true" => Some(Self::Flag(true)),
            b"false" => Some(Self::Flag(false)),
            b"null" => None,
            _ => Some(Self::Number(json)),
        })
    }

    fn text(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self::Text(text.into()))
    }

    /// Its text, where one stands for the other: a text itself, a number's digits, `true` or `false`.
    pub fn scalar(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(digits) => Some(digits),
            Self::Flag(flag) => Some(if *flag { "true" } else { "false" }),
            Self::Nested(_) => None,
        }
    }
}

/// Why a value is not what its field wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// As [`FieldError::code`].
    pub code: &'static str,
    /// As [`FieldError::message`].
    pub message: Cow<'static, str>,
}

impl Fault {
    /// The value is not of the field's type.
    pub fn wrong_type(message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: "wrong-type", message: message.into() }
    }

    /// The value is of the right type, and too small or too large.
    pub fn out_of_range(message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: "out-of-range", message: message.into() }
    }

    /// The value is of the right type, and breaks a rule of its own.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: "invalid", message: message.into() }
    }

    fn missing() -> Self {
        Self { code: "missing", message: "must be given".into() }
    }
}

/// A type that a field can be of, read as widely as it can be meant: numbers, flags and texts stand for each other.
///
/// A type of another crate that can be had from a text needs none of this: [`Field::parse`] reads it.
pub trait Lenient: Described + Sized + 'static {
    /// Reads the value. What it takes is what [`Described::taken`] says.
    ///
    /// # Errors
    /// What is wrong with it, if it cannot be meant for one.
    fn read(json: &Json<'_>) -> Result<Self, Fault>;
}

/// What is to be read: one field, or a tuple of them. Every field of it is looked at, also after one was found wrong.
pub trait Spec {
    /// What comes out of it.
    type Output;

    /// Adds the names of its fields to `names`.
    fn names(&self, names: &mut Vec<&'static str>);

    /// Adds what its fields take to `fields`.
    fn describe(&self, fields: &mut Vec<FieldSchema>);

    /// Reads its fields; whatever is wrong with them goes to `errors`, and then there is no output.
    fn read(self, fields: &Fields<'_>, errors: &mut Vec<FieldError>) -> Option<Self::Output>;
}

/// How a value becomes a `T`.
type Reader<T> = Box<dyn FnOnce(&Json<'_>) -> Result<T, Fault>>;

/// A field of type `T` that is [`Required`], [`Optional`], or something else when it is left out ([`Or`]).
pub struct Field<T, P> {
    name: &'static str,
    read: Reader<T>,
    schema: Box<dyn Fn() -> Schema>,
    presence: P,
}

/// The field `name`, which has to be there.
pub fn required<T: Lenient>(name: &'static str) -> Field<T, Required> {
    Field { name, read: Box::new(T::read), schema: Box::new(T::taken), presence: Required }
}

/// The field `name`, which may be left out.
pub fn optional<T: Lenient>(name: &'static str) -> Field<T, Optional> {
    Field { name, read: Box::new(T::read), schema: Box::new(T::taken), presence: Optional }
}

impl<T: 'static, P> Field<T, P> {
    /// Only from the first to the last of `range`.
    #[must_use]
    pub fn within(self, range: RangeInclusive<T>) -> Self
    where
        T: PartialOrd + Display + Clone + Into<i64>,
    {
        let (least, most) = (range.start().clone(), range.end().clone());
        let Self { name, read, schema, presence } = self;
        let read = move |json: &Json<'_>| {
            let fault = || Fault::out_of_range(format!("must be from {} to {}", range.start(), range.end()));
            match read(json) {
                Ok(value) if range.contains(&value) => Ok(value),
                // What its type cannot hold lies no more in the range than what it can.
                Err(Fault { code: "out-of-range", .. }) | Ok(_) => Err(fault()),
                Err(other) => Err(other),
            }
        };
        let within = Self { name, read: Box::new(read), schema, presence };
        within.described(move || Schema::whole_number(least.clone().into()..=most.clone().into()))
    }

    /// Says what it takes, where that does not follow from its type.
    #[must_use]
    pub fn described(self, schema: impl Fn() -> Schema + 'static) -> Self {
        Self { schema: Box::new(schema), ..self }
    }

    /// Makes something else of the value. An error says in its own words what the value must be.
    #[must_use]
    pub fn try_map<U, E: Display>(self, map: impl FnOnce(T) -> Result<U, E> + 'static) -> Field<U, P> {
        self.then(|value| map(value).map_err(|error| Fault::invalid(error.to_string())))
    }

    /// With an example of what can be sent.
    #[must_use]
    pub fn like(self, example: impl Into<Value> + Clone + 'static) -> Self {
        let Self { name, read, schema, presence } = self;
        Self { name, read, schema: Box::new(move || schema().with_example(example.clone().into())), presence }
    }

    fn then<U>(self, next: impl FnOnce(T) -> Result<U, Fault> + 'static) -> Field<U, P> {
        let Self { name, read, schema, presence } = self;
        Field { name, read: Box::new(|json| read(json).and_then(next)), schema, presence }
    }
}

impl<P> Field<String, P> {
    /// Reads the text as a `U`, in whose own words an error is told.
    #[must_use]
    pub fn parse<U: FromStr<Err: Display> + PartialSchema + 'static>(self) -> Field<U, P> {
        self.try_map(|text| text.parse()).described(Schema::of_text::<U>)
    }
}

impl<T> Field<T, Optional> {
    /// What it is when it is left out.
    #[must_use]
    pub fn or(self, default: T) -> Field<T, Or<T>> {
        Field { name: self.name, read: self.read, schema: self.schema, presence: Or(default) }
    }
}

impl<T> Field<T, Optional> {
    /// Null is not as if it were left out: it unsets what stands there.
    #[must_use]
    pub fn or_unset(self) -> Field<T, OrUnset> {
        Field { name: self.name, read: self.read, schema: self.schema, presence: OrUnset }
    }
}

impl<T, P: Presence<T>> Spec for Field<T, P> {
    type Output = P::Output;

    fn names(&self, names: &mut Vec<&'static str>) {
        names.push(self.name);
    }

    fn describe(&self, fields: &mut Vec<FieldSchema>) {
        fields.push(FieldSchema { name: self.name, required: P::REQUIRED, schema: (self.schema)() });
    }

    fn read(self, fields: &Fields<'_>, errors: &mut Vec<FieldError>) -> Option<P::Output> {
        let Self { name, read, schema: _, presence } = self;
        let output = match fields.said.get(name) {
            Some(json) => read(json).map(|value| presence.present(value)),
            None if fields.nulls.contains(name) => presence.null(),
            None => presence.absent(),
        };
        output.map_err(|fault| errors.push(FieldError::new(name, fault.code, fault.message))).ok()
    }
}

/// Nothing is to be read.
impl Spec for () {
    type Output = ();

    fn names(&self, _names: &mut Vec<&'static str>) {}

    fn describe(&self, _fields: &mut Vec<FieldSchema>) {}

    fn read(self, _fields: &Fields<'_>, _errors: &mut Vec<FieldError>) -> Option<()> {
        Some(())
    }
}

macro_rules! tuple_spec {
    ($($field:ident)+) => {
        impl<$($field: Spec),+> Spec for ($($field,)+) {
            type Output = ($($field::Output,)+);

            #[allow(non_snake_case, reason = "each variable is named for its type")]
            fn names(&self, names: &mut Vec<&'static str>) {
                let ($($field,)+) = self;
                $($field.names(names);)+
            }

            #[allow(non_snake_case, reason = "each variable is named for its type")]
            fn describe(&self, fields: &mut Vec<FieldSchema>) {
                let ($($field,)+) = self;
                $($field.describe(fields);)+
            }

            #[allow(non_snake_case, reason = "each variable is named for its type")]
            fn read(self, fields: &Fields<'_>, errors: &mut Vec<FieldError>) -> Option<Self::Output> {
                let ($($field,)+) = self;
                // All are read before any of them can end this by its absence.
                $(let $field = $field.read(fields, errors);)+
                Some(($($field?,)+))
            }
        }
    };
}

tuple_spec!(A);
tuple_spec!(A B);
tuple_spec!(A B C);
tuple_spec!(A B C D);
tuple_spec!(A B C D E);
tuple_spec!(A B C D E F);
tuple_spec!(A B C D E F G);
tuple_spec!(A B C D E F G H);
tuple_spec!(A B C D E F G H I);
tuple_spec!(A B C D E F G H I J);
tuple_spec!(A B C D E F G H I J K);
tuple_spec!(A B C D E F G H I J K L);

/// The whole number that `text` writes, however it writes it: `3`, `3.0`, `3e0`. `None` when it writes none, and the furthest number there
/// is when it does not fit.
fn whole_number(text: &str) -> Option<i128> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = text.parse().ok()?;
    // Digits alone overflowed either way, and "inf" is a word.
    if !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
        || number.fract() != 0.0 && number.is_finite()
    {
        return None;
    }
    // Above that, a float is a guess; nobody writes an id so, and out of range is what it is.
    Some(if number.abs() <= EXACT_FLOAT {
        number as i128
    } else if number > 0.0 {
        i128::MAX
    } else {
        i128::MIN
    })
}

fn read_number(json: &Json<'_>, message: &'static str) -> Result<i128, Fault> {
    let number = match json {
        Json::Flag(_) => None,
        json => json.scalar().and_then(whole_number),
    };
    number.ok_or_else(|| Fault::wrong_type(message))
}

/// An id, from 1.
impl Lenient for u64 {
    fn read(json: &Json<'_>) -> Result<Self, Fault> {
        let number = read_number(json, "must be an id, which is a whole number")?;
        // The stores keep ids in signed columns.
        let id = i64::try_from(number).ok().and_then(|id| Self::try_from(id).ok()).filter(|id| *id > 0);
        id.ok_or_else(|| Fault::out_of_range(if number < 1 { "must be an id, which is 1 or more" } else { "is larger than any id" }))
    }
}

macro_rules! lenient_number {
    ($($number:ty)+) => {$(
        impl Lenient for $number {
            fn read(json: &Json<'_>) -> Result<Self, Fault> {
                let number = read_number(json, "must be a whole number")?;
                Self::try_from(number).map_err(|_| Fault::out_of_range(format!("must be from {} to {}", Self::MIN, Self::MAX)))
            }
        }
    )+};
}

lenient_number!(u8 u16 u32 i64);

impl<T: 'static> Lenient for Id<T> {
    fn read(json: &Json<'_>) -> Result<Self, Fault> {
        u64::read(json).map(Self::new)
    }
}

impl<T: Lenient> Lenient for Personal<T> {
    fn read(json: &Json<'_>) -> Result<Self, Fault> {
        T::read(json).map(Self::new)
    }
}

impl Lenient for bool {
    fn read(json: &Json<'_>) -> Result<Self, Fault> {
        let text = json.scalar().unwrap_or_default();
        match text {
            text if text.eq_ignore_ascii_case("true") => Ok(true),
            text if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(Fault::wrong_type("must be true or false")),
        }
    }
}

/// One line of at most 200 characters. [`Text`] has other limits.
impl Lenient for String {
    fn read(json: &Json<'_>) -> Result<Self, Fault> {
        Text::<LONGEST_TEXT>::read(json).map(Self::from)
    }
}

/// One line of at most `MAX` characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> Self {
        text.0
    }
}

impl<const MAX: usize> Deref for Text<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> Lenient for Text<MAX> {
    fn read(json: &Json<'_>) -> Result<Self, Fault> {
        let text = json.scalar().ok_or_else(|| Fault::wrong_type("must be a text"))?;
        // NUL is what some databases cannot keep; the rest is what can forge lines of logs and messages.
        if text.chars().any(char::is_control) {
            return Err(Fault { code: "bad-characters", message: "must be one line, without control characters".into() });
        }
        if text.chars().nth(MAX).is_some() {
            return Err(Fault { code: "too-long", message: format!("must have {MAX} characters at most").into() });
        }
        Ok(Self(text.into()))
    }
}

/// Two digits at `at`.
fn two_digits(text: &str, at: usize) -> Option<i8> {
    digits(text.get(at..at + 2)?)?.parse().ok()
}

fn digits(text: &str) -> Option<&str> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text)
}

fn read_date(text: &str) -> Option<Date> {
    let dashed = match text.as_bytes() {
        [_, _, _, _, b'-', _, _, b'-', _, _] => 1,
        [_, _, _, _, _, _, _, _] => 0,
        _ => return None,
    };
    let year = digits(text.get(..4)?)?.parse().ok()?;
    Date::new(year, two_digits(text, 4 + dashed)?, two_digits(text, 6 + 2 * dashed)?).ok()
}

/// `2026-11-23` or `20261123`.
impl Lenient for Date {
    fn read(json: &Json<'_>) -> Result<Self, Fault> {
        let date = json.scalar().and_then(read_date).ok_or_else(|| Fault::wrong_type("must be a date such as 2026-11-23"))?;
        if YEARS.contains(&date.year()) {
            Ok(date)
        } else {
            Err(Fault::out_of_range(format!("must be a date from {} to {}", YEARS.start(), YEARS.end())))
        }
    }
}

fn read_time(text: &str) -> Option<Time> {
    let second = match text.as_bytes() {
        [_, _, b':', _, _] => 0,
        [_, _, b':', _, _, b':', _, _] => two_digits(text, 6)?,
        _ => return None,
    };
    Time::new(two_digits(text, 0)?, two_digits(text, 3)?, second, 0).ok()
}

/// `09:30` or `09:30:00`.
impl Lenient for Time {
    fn read(json: &Json<'_>) -> Result<Self, Fault> {
        json.scalar().and_then(read_time).ok_or_else(|| Fault::wrong_type("must be a time such as 09:30"))
    }
}

/// RFC 3339 with an offset, to the microsecond.
impl Lenient for Timestamp {
    fn read(json: &Json<'_>) -> Result<Self, Fault> {
        let fault = || Fault::wrong_type("must be a time with its offset, such as 2026-11-23T09:30:00+09:00");
        let at: Self = json.scalar().and_then(|text| text.parse().ok()).ok_or_else(fault)?;
        if !INSTANTS.contains(&at.as_second()) {
            return Err(Fault::out_of_range("must be a time from 1970 to 2200"));
        }
        // The stores keep microseconds; what is finer would come back as something else.
        Self::from_microsecond(at.as_microsecond()).map_err(|_| fault())
    }
}

/// `{"amount": "12000", "currency": "KRW"}`.
impl Lenient for Money {
    fn read(json: &Json<'_>) -> Result<Self, Fault> {
        let fault = || Fault::wrong_type(r#"must be money such as {"amount": "12000", "currency": "KRW"}"#);
        let Json::Nested(object) = json else { return Err(fault()) };
        let fields = Fields::of(object).ok_or_else(fault)?;
        let (amount, currency) = fields.text("amount").zip(fields.text("currency")).ok_or_else(fault)?;
        let unknown = || Fault::invalid("must be in a currency that is taken here, such as KRW");
        let currency: Currency = serde_json::from_value(currency.into()).map_err(|_| unknown())?;
        Self::parse(amount, currency).map_err(|error| Fault::invalid(error.to_string()))
    }
}

/// A list, or a text with commas between its items, for a client that can send texts only.
impl<T: Lenient> Lenient for Vec<T> {
    fn read(json: &Json<'_>) -> Result<Self, Fault> {
        let items = match json {
            Json::Nested(list) => serde_json::from_str::<Vec<&RawValue>>(list.get())
                .ok()
                .and_then(|items| items.into_iter().map(|item| Json::of(item).ok().flatten()).collect::<Option<Vec<_>>>()),
            scalar => scalar.scalar().and_then(|text| text.split(',').map(Json::text).collect()),
        };
        let items = items.ok_or_else(|| Fault::wrong_type("must be a list, without empty items"))?;
        let item = |(at, item): (usize, &Json<'_>)| {
            T::read(item).map_err(|fault| Fault { message: format!("item {}: {}", at + 1, fault.message).into(), ..fault })
        };
        items.iter().enumerate().map(item).collect()
    }
}

/// Any JSON, for what no other type here can say; then [`Field::try_map`] it.
impl Lenient for Value {
    fn read(json: &Json<'_>) -> Result<Self, Fault> {
        match json {
            Json::Text(text) => Ok(text.as_str().into()),
            Json::Flag(flag) => Ok((*flag).into()),
            Json::Number(digits) => serde_json::from_str(digits).map_err(|_| Fault::out_of_range("is too large a number")),
            Json::Nested(value) => serde_json::from_str(value.get()).map_err(|_| Fault::invalid("is too deep, or not Unicode")),
        }
    }
}

impl<T, P> fmt::Debug for Field<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field<{}>({:?})", type_name::<T>(), self.name)
    }
}

#[cfg(test)]
mod tests;
