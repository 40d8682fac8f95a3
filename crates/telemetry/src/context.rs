//! Which trace something belongs to, as W3C's Trace Context writes it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A place in a trace: which trace, and which span of it is the parent of what comes next.
///
/// Its text, in stores and messages, is that of the header `traceparent`, and behind a space that of `tracestate` if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    pub(crate) trace: [u8; 16],
    pub(crate) span: [u8; 8],
    /// Whether this trace is recorded.
    pub(crate) sampled: bool,
    /// What others' tracers want to be handed on.
    pub(crate) state: Option<Arc<str>>,
}

/// What others want to be handed on is dropped when it is longer (W3C Trace Context §3.3.1.5).
const LONGEST_STATE: usize = 512;

impl TraceContext {
    /// The context of a request with these headers. Nothing when `traceparent` is malformed, as the recommendation has it.
    pub fn of_headers(traceparent: &str, tracestate: &str) -> Option<Self> {
        let mut context = Self::of_traceparent(traceparent)?;
        let state = tracestate.trim_matches([' ', '\t', ',']);
        let is_plain = state.bytes().all(|byte| (0x20..0x7f).contains(&byte) || byte == b'\t');
        context.state = (!state.is_empty() && state.len() <= LONGEST_STATE && is_plain).then(|| state.into());
        Some(context)
    }

    fn of_traceparent(text: &str) -> Option<Self> {
        let (version, rest) = text.split_at_checked(2)?;
        let [version] = hex::<1>(version)?;
        let rest = rest.strip_prefix('-')?;
        let (known, beyond) = rest.split_at_checked(52)?;
        // A later version may have more behind, and this one has nothing.
        if version == 0xff || (version == 0 && !beyond.is_empty()) || !(beyond.is_empty() || beyond.starts_with('-')) {
            return None;
        }
        let mut parts = known.split('-');
        let (trace, span, [flags]) = (hex::<16>(parts.next()?)?, hex::<8>(parts.next()?)?, hex::<1>(parts.next()?)?);
        let is_whole = parts.next().is_none() && trace != [0; 16] && span != [0; 8];
        is_whole.then_some(Self { trace, span, sampled: flags & 1 == 1, state: None })
    }

    /// The id of its trace, as tools show it.
    pub fn trace_id(&self) -> String {
        Hex(&self.trace).to_string()
    }

    /// What goes into the header `traceparent`.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-0{}", Hex(&self.trace), Hex(&self.span), u8::from(self.sampled))
    }

    /// What goes into the header `tracestate`.
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// Lower-case hexadecimal digits of exactly so many bytes.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = digit(digits[0])? << 4 | digit(digits[1])?;
    }
    Some(bytes)
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.traceparent())?;
        self.state.as_ref().map_or(Ok(()), |state| write!(f, " {state}"))
    }
}

/// A text is no place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoContext;

impl fmt::Display for NoContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is no trace context")
    }
}

impl std::error::Error for NoContext {}

impl FromStr for TraceContext {
    type Err = NoContext;

    fn from_str(text: &str) -> Result<Self, NoContext> {
        let (parent, state) = text.split_once(' ').unwrap_or((text, ""));
        Self::of_headers(parent, state).ok_or(NoContext)
    }
}

impl Serialize for TraceContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_context_is_what_the_recommendation_takes_for_one() {
        let read = |text: &str| TraceContext::of_headers(text, "").map(|context| context.traceparent());
        assert_eq!(read(PARENT).as_deref(), Some(PARENT));
        assert_eq!(read(&PARENT.replace("-01", "-00")).as_deref(), Some(&*PARENT.replace("-01", "-00")));
        // Of a later version what is known is taken, and of flags the one that is known.
        assert_eq!(read("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-09-what").as_deref(), Some(PARENT));
        for wrong in [
            "",
            "00",
            "00-",
            "é0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_state_of_others_is_handed_on_unless_it_is_too_long() {
        let state = |text: &str| TraceContext::of_headers(PARENT, text).unwrap().tracestate().map(str::to_owned);
        assert_eq!(state("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE").as_deref(), Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
        assert_eq!(state(" ,"), None);
        assert_eq!(state(&"a".repeat(513)), None);
        assert_eq!(state("a=\u{e9}"), None);
    }

    #[test]
    fn what_is_stored_is_read_again() {
        for state in ["", "a=1, b=2"] {
            let context = TraceContext::of_headers(PARENT, state).unwrap();
            let json = serde_json::to_string(&context).unwrap();
            assert_eq!(serde_json::from_str::<TraceContext>(&json).unwrap(), context, "{json}");
        }
    }
}
