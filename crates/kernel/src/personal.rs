use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::error::Category;

/// A name, a phone number: data about a person, which no log may show.
///
/// `Debug` hides it, and there is no `Display`; whoever shows it has to ask for it by [`reveal`](Self::reveal).
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Personal<T>(T);

impl<T> Personal<T> {
    /// Marks `value` as personal.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for showing it to someone who may see it.
    pub const fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Personal(…)")
    }
}

impl<T: utoipa::PartialSchema> utoipa::PartialSchema for Personal<T> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        T::schema()
    }
}
impl<T: utoipa::ToSchema> utoipa::ToSchema for Personal<T> {}

/// What is wrong with a JSON text, for the log: of which sort, and where. What stands there may be about a person, so nothing of it is said.
pub fn misread(error: &serde_json::Error) -> String {
    let message = error.to_string();
    // This names a field as the code calls it; other messages show what was found.
    let missing = message.split_once(" at line").map(|(what, _)| what).filter(|what| what.starts_with("missing field"));
    let what = match error.classify() {
        Category::Io => "it could not be read to its end",
        Category::Syntax => "it is no JSON",
        Category::Data => missing.unwrap_or("it has another form than is expected"),
        Category::Eof => "it breaks off",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_it() {
        assert!(!format!("{:?}", Personal::new("Hong Gildong")).contains("Hong"));
    }

    #[test]
    fn what_is_wrong_with_a_text_shows_nothing_of_it() {
        #[derive(Debug, Deserialize)]
        struct Row {
            _id: u64,
        }
        let check = |json, says| assert_eq!(misread(&serde_json::from_str::<Row>(json).unwrap_err()), says);
        check(r#"{"_id": "Hong"}"#, "it has another form than is expected (line 1, column 14)");
        check(r#"{"user": "Hong"}"#, "missing field `_id` (line 1, column 16)");
        check("Hong", "it is no JSON (line 1, column 1)");
        check(r#"{"_id"#, "it breaks off (line 1, column 5)");
    }
}
