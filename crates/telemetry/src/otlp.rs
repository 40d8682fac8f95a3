//! Spans as OTLP sends them: `ExportTraceServiceRequest` in the binary form of protocol buffers.
//!
//! The messages are few and settled (opentelemetry-proto 1, `trace.proto`), so they are written here field by field.

use jiff::Timestamp;

use crate::{Attribute, Ended};

/// Who it is whose spans are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// What it is called: `service.name`.
    pub name: &'static str,
    /// Its version: `service.version`.
    pub version: &'static str,
    /// Which process of it: `service.instance.id`.
    pub instance: String,
}

/// The body of a request that delivers these spans.
pub fn request(resource: &Resource, spans: &[Ended]) -> Vec<u8> {
    let mut described = Message::default();
    for (key, value) in
        [("service.name", resource.name), ("service.version", resource.version), ("service.instance.id", &resource.instance)]
    {
        described.message(1, &text(key, value));
    }
    let mut scope = Message::default();
    scope.bytes(1, resource.name.as_bytes());
    scope.bytes(2, resource.version.as_bytes());
    let mut scoped = Message::default();
    scoped.message(1, &scope);
    for span in spans {
        scoped.message(2, &self::span(span));
    }
    let mut of_resource = Message::default();
    of_resource.message(1, &described);
    of_resource.message(2, &scoped);
    let mut request = Message::default();
    request.message(1, &of_resource);
    request.0
}

fn span(span: &Ended) -> Message {
    /// `STATUS_CODE_ERROR`
    const ERROR: u64 = 2;
    let mut message = Message::default();
    message.bytes(1, &span.context.trace);
    message.bytes(2, &span.context.span);
    if let Some(state) = &span.context.state {
        message.bytes(3, state.as_bytes());
    }
    if let Some(parent) = &span.parent {
        message.bytes(4, parent);
    }
    message.bytes(5, span.name.as_bytes());
    message.whole(6, span.kind as u64);
    message.fixed(7, nanoseconds(span.start));
    message.fixed(8, nanoseconds(span.end));
    for (key, value) in &span.attributes {
        message.message(
            9,
            &match value {
                Attribute::Text(value) => text(key, value),
                Attribute::Whole(value) => whole(key, *value),
            },
        );
    }
    if let Some(why) = &span.failed {
        let mut status = Message::default();
        status.bytes(2, why.as_bytes());
        status.whole(3, ERROR);
        message.message(15, &status);
    }
    message
}

fn nanoseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap_or(0)
}

fn text(key: &str, value: &str) -> Message {
    let mut any = Message::default();
    any.bytes(1, value.as_bytes());
    key_value(key, &any)
}

fn whole(key: &str, value: i64) -> Message {
    let mut any = Message::default();
    any.whole(3, value.cast_unsigned());
    key_value(key, &any)
}

fn key_value(key: &str, value: &Message) -> Message {
    let mut message = Message::default();
    message.bytes(1, key.as_bytes());
    message.message(2, value);
    message
}

/// A message of protocol buffers, field after field.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn whole(&mut self, field: u64, value: u64) {
        self.varint(field << 3);
        self.varint(value);
    }

    fn fixed(&mut self, field: u64, value: u64) {
        self.varint(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    fn message(&mut self, field: u64, value: &Self) {
        self.bytes(field, &value.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, TraceContext};

    /// The bytes were checked once against the messages that protoc makes of trace.proto.
    #[test]
    fn a_span_is_written_as_the_protocol_has_it() {
        let context = TraceContext { trace: [0xab; 16], span: [0xcd; 8], sampled: true, state: Some("a=b".into()) };
        let at = |nanos| Timestamp::from_nanosecond(nanos).unwrap();
        let attributes = vec![("route", "/x".into()), ("status", 503_u16.into())];
        let failed = Some("down".into());
        let ended =
            Ended { context, parent: Some([1; 8]), name: "GET".into(), kind: Kind::Server, start: at(1), end: at(258), attributes, failed };
        let resource = Resource { name: "yeyak", version: "1", instance: "i".into() };
        let hex: String = request(&resource, &[ended]).iter().map(|byte| format!("{byte:02x}")).collect();
        let key = |key: &str, value: &str| {
            let (key, value) = (field(1, key.as_bytes()), field(2, &field(1, value.as_bytes())));
            field(1, &[key, value].concat())
        };
        let described = [key("service.name", "yeyak"), key("service.version", "1"), key("service.instance.id", "i")].concat();
        let scope = [field(1, b"yeyak"), field(2, b"1")].concat();
        let span = [
            field(1, &[0xab; 16]),
            field(2, &[0xcd; 8]),
            field(3, b"a=b"),
            field(4, &[1; 8]),
            field(5, b"GET"),
            vec![0x30, 2, 0x39, 1, 0, 0, 0, 0, 0, 0, 0, 0x41, 2, 1, 0, 0, 0, 0, 0, 0],
            field(9, &[field(1, b"route"), field(2, &field(1, b"/x"))].concat()),
            field(9, &[field(1, b"status"), field(2, &[0x18, 0xf7, 0x03])].concat()),
            field(15, &[field(2, b"down"), vec![0x18, 2]].concat()),
        ];
        let expected = field(1, &[field(1, &described), field(2, &[field(1, &scope), field(2, &span.concat())].concat())].concat());
        let expected: String = expected.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected);
    }

    fn field(number: u8, value: &[u8]) -> Vec<u8> {
        assert!(value.len() < 128 * 128);
        let length = value.len();
        let length = if length < 128 { vec![length as u8] } else { vec![(length & 127) as u8 | 128, (length >> 7) as u8] };
        [vec![number << 3 | 2], length, value.to_vec()].concat()
    }
}
