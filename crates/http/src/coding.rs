//! The codings in which an answer can be sent (RFC 9110, 8.4 and 12.5.3), and what they do to its tag.
//!
//! A coded answer is made of other bytes, so it has a strong tag of its own: that of the answer with the coding's name behind it. It says
//! the same, so whoever was told either knows the answer.

use axum::http::{HeaderMap, header};

/// A way to make a body smaller. The one that is preferred comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coding {
    /// As in RFC 1952.
    Gzip,
    /// As in RFC 8878.
    Zstd,
}

impl Coding {
    const ALL: [Self; 2] = [Self::Gzip, Self::Zstd];

    /// The one that a client would rather have; the better one of those it likes alike.
    pub fn wanted(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let wishes: Vec<_> = values.flat_map(|value| value.split(',')).map(wish).collect();
        let weight = |is_meant: &dyn Fn(&str) -> bool| wishes.iter().find(|(name, _)| is_meant(name)).map(|(_, weight)| *weight);
        let of = |coding: Self| weight(&|name| coding.is_named(name)).or_else(|| weight(&|name| name == "*")).unwrap_or(0);
        let best = Self::ALL.into_iter().map(|coding| (of(coding), coding)).max();
        // Who does not say how much they want it as it is, would rather have it smaller.
        let plain = weight(&|name| name.eq_ignore_ascii_case("identity")).unwrap_or(0);
        best.filter(|(weight, _)| *weight > 0 && *weight >= plain).map(|(_, coding)| coding)
    }

    /// Its name in `Content-Encoding`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn is_named(self, name: &str) -> bool {
        name.eq_ignore_ascii_case(self.name()) || (self == Self::Gzip && name.eq_ignore_ascii_case("x-gzip"))
    }

    /// The strong tag of an answer so coded that has this one uncoded.
    pub fn tag(self, plain: &str) -> String {
        format!("{}-{}\"", plain.strip_suffix('"').unwrap_or(plain), self.name())
    }

    /// In which coding an answer with the tag `plain` has this one, if it has it in any: `Some(None)` when it is uncoded.
    pub(crate) fn of(tag: &str, plain: &str) -> Option<Option<Self>> {
        match tag.strip_prefix(plain.strip_suffix('"')?)?.strip_suffix('"')? {
            "" => Some(None),
            suffix => {
                let name = suffix.strip_prefix('-')?;
                Self::ALL.into_iter().find(|coding| coding.name() == name).map(Some)
            }
        }
    }
}

/// A coding and how much it is wanted, in thousandths.
fn wish(text: &str) -> (&str, u32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    let weight =
        quality.map_or(Some(1.0), |(_, quality)| quality.trim().parse::<f32>().ok().filter(|quality| (0.0..=1.0).contains(quality)));
    // What cannot be read is not wanted.
    (name, weight.map_or(0, |weight| (weight * 1000.0) as u32))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_best_of_what_is_wanted_is_taken() {
        let check = |values: &[&str], coding: Option<Coding>| {
            let headers: HeaderMap = values.iter().map(|value| (header::ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap())).collect();
            assert_eq!(Coding::wanted(&headers), coding, "{values:?}");
        };
        let (gzip, zstd) = (Some(Coding::Gzip), Some(Coding::Zstd));
        check(&[], None);
        for value in [
            "",
            "identity",
            "br, deflate",
            "gzip;q=0",
            "*;q=0",
            "gzip;q=0, zstd;q=0.0, *",
            "gzip;q=x",
            "gzip;q=2",
            "gzip;q=-1",
            "gzip;q=NaN",
            "gzip;q=0.1, identity;q=1",
            "*;q=0.5, identity",
            ";,=;",
        ] {
            check(&[value], None);
        }
        for value in [
            "gzip",
            "GZIP",
            "x-gzip",
            "gzip, deflate, br",
            "gzip;q=1.0, zstd;q=0.5",
            "zstd;q=0, *",
            "gzip ; q=0.001",
            "identity;q=0.5, gzip;q=0.5",
        ] {
            check(&[value], gzip);
        }
        for value in ["gzip, deflate, br, zstd", "*", "zstd;q=0.9, gzip;q=0.9", "identity;q=0, zstd"] {
            check(&[value], zstd);
        }
        check(&["br", "gzip"], gzip);
    }

    #[test]
    fn each_coding_of_an_answer_has_a_tag_of_its_own() {
        for (coding, tag) in [(Coding::Gzip, "\"a-gzip\""), (Coding::Zstd, "\"a-zstd\"")] {
            assert_eq!(coding.tag("\"a\""), tag);
            assert_eq!(Coding::of(tag, "\"a\""), Some(Some(coding)));
        }
        assert_eq!(Coding::of("\"a\"", "\"a\""), Some(None));
        for other in ["", "\"", "\"a", "\"ab\"", "\"b\"", "\"a-\"", "\"a-br\"", "\"agzip\"", "\"a-gzip-gzip\"", "\"a-gzip", "W/\"a\"", "a"]
        {
            assert_eq!(Coding::of(other, "\"a\""), None, "{other}");
        }
    }
}
