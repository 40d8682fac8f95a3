use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A currency that Yeyak takes, by its ISO 4217 code, with the number of its minor digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// The Korean won, which has no minor unit.
    Krw,
    /// The US dollar.
    Usd,
    /// The euro.
    Eur,
}

impl Currency {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Krw, Self::Usd, Self::Eur];

    /// How many digits stand behind the decimal point (ISO 4217, "minor unit").
    pub const fn digits(self) -> u32 {
        match self {
            Self::Krw => 0,
            Self::Usd | Self::Eur => 2,
        }
    }
}

/// An amount in minor units (won, cents) of one currency. Never a float.
///
/// In JSON it is `{"amount": "12.50", "currency": "USD"}`: a decimal text, so that nothing on its way makes a float of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct Money {
    /// The amount in minor units.
    pub minor: i64,
    /// Of which currency.
    pub currency: Currency,
}

/// An amount as it is written in JSON.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Money)]
struct Written {
    /// A decimal number with no more digits behind the point than the currency has.
    #[schema(example = "10000")]
    amount: String,
    /// ISO 4217.
    currency: Currency,
}

impl From<Money> for Written {
    fn from(money: Money) -> Self {
        Self { amount: money.to_string(), currency: money.currency }
    }
}

impl TryFrom<Written> for Money {
    type Error = MoneyError;

    fn try_from(written: Written) -> Result<Self, MoneyError> {
        Self::parse(&written.amount, written.currency)
    }
}

impl utoipa::PartialSchema for Money {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        Written::schema()
    }
}
impl utoipa::ToSchema for Money {
    fn name() -> std::borrow::Cow<'static, str> {
        "Money".into()
    }

    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        Written::schemas(schemas);
    }
}

/// Why a text is no amount of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// It is not a decimal number.
    #[error("an amount is a decimal number such as 12000 or 12.50")]
    NotANumber,
    /// It has more digits behind the point than the currency has.
    #[error("the currency has fewer digits behind the point")]
    TooPrecise,
    /// It does not fit.
    #[error("the amount is too large")]
    TooLarge,
}

impl Money {
    /// Reads a decimal text such as `"12.50"` as an amount of `currency`.
    ///
    /// # Errors
    /// When the text is not a number, finer than the currency's minor unit, or beyond what fits.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !is_number(fraction) || digits.ends_with('.') {
            return Err(MoneyError::NotANumber);
        }
        let width = currency.digits() as usize;
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > width {
            return Err(MoneyError::TooPrecise);
        }
        let minor = i64::from_str(&format!("{whole}{fraction:0<width$}")).map_err(|_| MoneyError::TooLarge)?;
        Ok(Self { minor: if negative { -minor } else { minor }, currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.currency.digits();
        let unit = 10_u64.pow(width);
        let sign = if self.minor < 0 { "-" } else { "" };
        let (whole, rest) = (self.minor.unsigned_abs() / unit, self.minor.unsigned_abs() % unit);
        if width == 0 { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{rest:0width$}", width = width as usize) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_json_an_amount_is_a_decimal_text() {
        let money = Money { minor: 1_250, currency: Currency::Usd };
        let json = r#"{"amount":"12.50","currency":"USD"}"#;
        assert_eq!(serde_json::to_string(&money).unwrap(), json);
        assert_eq!(serde_json::from_str::<Money>(json).unwrap(), money);
        assert!(serde_json::from_str::<Money>(r#"{"amount":"0.5","currency":"KRW"}"#).is_err());
    }

    #[test]
    fn amounts_read_and_show_exactly() {
        let check = |text: &str, currency, minor| {
            let money = Money::parse(text, currency).unwrap();
            assert_eq!(money.minor, minor);
            assert_eq!(Money::parse(&money.to_string(), currency).unwrap(), money);
        };
        check("12000", Currency::Krw, 12_000);
        check("12.5", Currency::Usd, 1_250);
        check("-0.05", Currency::Eur, -5);
        assert_eq!(Money::parse("0.5", Currency::Krw), Err(MoneyError::TooPrecise));
        assert_eq!(Money::parse("1.", Currency::Usd), Err(MoneyError::NotANumber));
        assert_eq!(Money::parse("99999999999999999999", Currency::Krw), Err(MoneyError::TooLarge));
    }
}
