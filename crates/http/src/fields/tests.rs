use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What `json` is read as in a field of type `T`, or the code of what is wrong with it.
fn read<T: Lenient>(json: &str) -> Result<T, &'static str> {
    let body = format!(r#"{{"field": {json}}}"#);
    let fields = Fields::parse(body.as_bytes()).unwrap();
    fields.read(required("field")).map_err(|problem| problem.errors[0].code)
}

fn faults<T>(result: Result<T, Problem>) -> Vec<(String, &'static str)> {
    let errors = result.err().map(|mut problem| std::mem::take(&mut problem.errors)).unwrap_or_default();
    errors.into_iter().map(|error| (error.field, error.code)).collect()
}

#[test]
fn every_bad_field_is_named_at_once() {
    let fields = Fields::parse(br#"{"userId": "", "roomId": "x", "date": null, "endTime": "25:00", "other": [1]}"#).unwrap();
    let result = fields.read((
        required::<String>("userId"),
        required::<u64>("roomId"),
        optional::<Date>("date"),
        optional::<Time>("endTime"),
        optional("partySize").within(1..=20).or(2_u32),
    ));
    let named = [("userId", "missing"), ("roomId", "wrong-type"), ("endTime", "wrong-type")];
    assert_eq!(faults(result), named.map(|(name, code)| (name.to_owned(), code)));
}

#[test]
fn what_is_left_out_is_its_default() {
    let fields = Fields::parse(b"{\"a\": null, \"b\": \"  \"}").unwrap();
    let read = fields.read((optional("a").or(2_u32), optional::<String>("b"), optional::<bool>("c"))).unwrap();
    assert_eq!(read, (2, None, None));
    assert!(Fields::parse(b" \n").unwrap().read(()).is_ok());
}

#[test]
fn null_unsets_what_can_be_unset() {
    let read = |body: &[u8]| {
        Fields::parse(body).unwrap().read(optional::<u32>("a").within(1..=9).or_unset()).map_err(|problem| problem.status.as_u16())
    };
    assert_eq!(read(b"{}"), Ok(None));
    assert_eq!(read(br#"{"a": " "}"#), Ok(None), "a blank text is as if it were left out");
    assert_eq!(read(br#"{"a": null}"#), Ok(Some(None)));
    assert_eq!(read(br#"{"a": 3}"#), Ok(Some(Some(3))));
    assert_eq!(read(br#"{"a": 10}"#), Err(422));
}

#[test]
fn of_two_fields_with_one_name_the_last_counts() {
    let fields = Fields::parse(br#"{"a": 1, "a": 2}"#).unwrap();
    assert_eq!(fields.read(required::<u32>("a")).unwrap(), 2);
    let fields = Fields::parse(br#"{"a": 1, "a": null}"#).unwrap();
    assert_eq!(fields.read(optional::<u32>("a")).unwrap(), None);
}

#[test]
fn bodies_that_are_no_json_are_400_and_no_objects_422() {
    let status = |body: &[u8]| Fields::parse(body).unwrap_err().status.as_u16();
    assert_eq!(status(b"{"), 400);
    assert_eq!(status(b"{} {}"), 400);
    assert_eq!(status(b"{\"a\": 01}"), 400);
    assert_eq!(status(b"{\"a\": \"\xff\"}"), 400);
    assert_eq!(status(br#"{"a": "\ud800"}"#), 400);
    assert_eq!(status(br#"{"\ud800": 1}"#), 400);
    assert_eq!(status(b"[1]"), 422);
    assert_eq!(status(b" 3"), 422);
    assert_eq!(status(b"null"), 422);
}

#[test]
fn depth_and_size_harm_nobody() {
    let deep = format!(r#"{{"a": {}{}, "b": 1e999999}}"#, "[".repeat(30_000), "]".repeat(30_000));
    let fields = Fields::parse(deep.as_bytes()).unwrap();
    assert_eq!(fields.read(()), Ok(()));
    let result = fields.read((required::<Value>("a"), required::<i64>("b"), optional::<Vec<u64>>("a"), optional::<Vec<Vec<u64>>>("a")));
    assert_eq!(
        faults(result).into_iter().map(|(_, code)| code).collect::<Vec<_>>(),
        ["invalid", "out-of-range", "wrong-type", "wrong-type"]
    );
}

#[test]
fn ids_count_from_1() {
    for json in ["3", r#""3""#, "3.0", "3e0", "0.3e1", r#"" 3 ""#, r#""03""#] {
        assert_eq!(read::<u64>(json), Ok(3), "{json}");
    }
    assert_eq!(read::<u64>("9223372036854775807"), Ok(i64::MAX as u64));
    for json in ["0", "-1", "9223372036854775808", "18446744073709551616", "1e30", "-1e999", r#""9e999""#] {
        assert_eq!(read::<u64>(json), Err("out-of-range"), "{json}");
    }
    for json in ["3.5", r#""three""#, r#""inf""#, r#""NaN""#, "true", "[3]", "{}", r#""-""#, r#""1_000""#] {
        assert_eq!(read::<u64>(json), Err("wrong-type"), "{json}");
    }
}

#[test]
fn numbers_keep_to_their_range() {
    assert_eq!(read::<u16>("65535"), Ok(65_535));
    assert_eq!(read::<u16>("65536"), Err("out-of-range"));
    assert_eq!(read::<u32>("-1"), Err("out-of-range"));
    assert_eq!(read::<i64>(r#""-9223372036854775808""#), Ok(i64::MIN));
    // The range that is told is the field's own, also of what its type could not hold.
    for body in [r#"{"point": 6}"#, r#"{"point": 256}"#, r#"{"point": -1}"#, r#"{"point": 1, "point": 99999999999999999999}"#] {
        let problem = Fields::parse(body.as_bytes()).unwrap().read(required::<u8>("point").within(1..=5)).unwrap_err();
        assert_eq!(problem.errors, [FieldError::new("point", "out-of-range", "must be from 1 to 5")], "{body}");
    }
}

#[test]
fn flags_are_texts_too() {
    assert_eq!(read::<bool>("true"), Ok(true));
    assert_eq!(read::<bool>(r#""false""#), Ok(false));
    assert_eq!(read::<bool>(r#""yes""#), Err("wrong-type"));
    assert_eq!(read::<bool>("1"), Err("wrong-type"));
}

#[test]
fn texts_are_one_line_and_not_too_long() {
    assert_eq!(read::<String>(r#""  홍길동 ""#).as_deref(), Ok("홍길동"));
    assert_eq!(read::<String>("1.50").as_deref(), Ok("1.50"));
    assert_eq!(read::<String>("true").as_deref(), Ok("true"));
    assert_eq!(read::<String>("{}"), Err("wrong-type"));
    assert_eq!(read::<String>(r#""a\u0000b""#), Err("bad-characters"));
    assert_eq!(read::<String>(r#""a\nb""#), Err("bad-characters"));
    assert_eq!(read::<String>(&format!("{:?}", "가".repeat(200))).map(|text| text.len()), Ok(600));
    assert_eq!(read::<String>(&format!("{:?}", "가".repeat(201))), Err("too-long"));
    assert_eq!(read::<Text<3>>(r#""abcd""#), Err("too-long"));
    assert_eq!(read::<Text<3>>(r#""abc""#).as_deref(), Ok("abc"));
}

#[test]
fn dates_are_written_in_two_ways() {
    let day = Ok(jiff::civil::date(2026, 11, 24));
    for json in [r#""2026-11-24""#, r#""20261124""#, "20261124"] {
        assert_eq!(read::<Date>(json), day, "{json}");
    }
    for json in [r#""2026-02-29""#, r#""2026-1-24""#, r#""24.11.2026""#, r#""+2026112""#, r#""2026가11""#, "2026", "{}"] {
        assert_eq!(read::<Date>(json), Err("wrong-type"), "{json}");
    }
    assert_eq!(read::<Date>(r#""1899-12-31""#), Err("out-of-range"));
    assert_eq!(read::<Date>("22010101"), Err("out-of-range"));
}

#[test]
fn times_are_of_a_day() {
    assert_eq!(read::<Time>(r#""09:30""#), Ok(jiff::civil::time(9, 30, 0, 0)));
    assert_eq!(read::<Time>(r#""23:59:59""#), Ok(jiff::civil::time(23, 59, 59, 0)));
    for json in [r#""24:00""#, r#""9:30""#, r#""09:30:""#, r#""-1:30""#, r#""가:30""#, "930"] {
        assert_eq!(read::<Time>(json), Err("wrong-type"), "{json}");
    }
}

#[test]
fn instants_have_an_offset() {
    let at = read::<Timestamp>(r#""2026-11-23T09:30:00.123456789+09:00""#).unwrap();
    assert_eq!(at.to_string(), "2026-11-23T00:30:00.123456Z");
    assert_eq!(read::<Timestamp>(r#""2026-11-23T09:30:00""#), Err("wrong-type"));
    assert_eq!(read::<Timestamp>("20261123"), Err("wrong-type"));
    assert!(read::<Timestamp>(r#""1970-01-01T00:00:00Z""#).is_ok());
    assert!(read::<Timestamp>(r#""2200-12-31T23:59:59Z""#).is_ok());
    assert_eq!(read::<Timestamp>(r#""1969-12-31T23:59:59Z""#), Err("out-of-range"));
    assert_eq!(read::<Timestamp>(r#""2201-01-01T00:00:00Z""#), Err("out-of-range"));
    assert_eq!(read::<Timestamp>(r#""9999-12-30T00:00:00Z""#), Err("out-of-range"));
}

#[test]
fn money_is_exact() {
    let won = Money { minor: 12_000, currency: Currency::Krw };
    assert_eq!(read::<Money>(r#"{"amount": "12000", "currency": "KRW"}"#), Ok(won));
    assert_eq!(read::<Money>(r#"{"amount": 12000, "currency": "KRW"}"#), Ok(won));
    assert_eq!(read::<Money>(r#"{"amount": "0.5", "currency": "KRW"}"#), Err("invalid"));
    assert_eq!(read::<Money>(r#"{"amount": "5", "currency": "XXX"}"#), Err("invalid"));
    assert_eq!(read::<Money>(r#"{"amount": "5"}"#), Err("wrong-type"));
    assert_eq!(read::<Money>("5"), Err("wrong-type"));
}

#[test]
fn lists_may_be_written_with_commas() {
    assert_eq!(read::<Vec<u64>>(r#"[1, "2"]"#), Ok(vec![1, 2]));
    assert_eq!(read::<Vec<String>>(r#""perm, cut""#), Ok(vec!["perm".into(), "cut".into()]));
    assert_eq!(read::<Vec<u64>>("7"), Ok(vec![7]));
    assert_eq!(read::<Vec<u64>>("[]"), Ok(vec![]));
    assert_eq!(read::<Vec<u64>>("[1, 0]"), Err("out-of-range"));
    assert_eq!(read::<Vec<u64>>("[1, null]"), Err("wrong-type"));
    assert_eq!(read::<Vec<u64>>("{}"), Err("wrong-type"));
}

#[test]
fn a_type_of_ones_own_is_read_from_its_text() {
    let fields = Fields::parse(br#"{"address": "127.0.0.1", "other": "x", "slots": [["09:00", "10:00"]]}"#).unwrap();
    let address: std::net::IpAddr = fields.read(required::<String>("address").try_map(|text| text.parse())).unwrap();
    assert!(address.is_loopback());
    let problem = fields.read(optional::<String>("other").try_map(|text| text.parse::<std::net::IpAddr>())).unwrap_err();
    assert_eq!(problem.errors, [FieldError::new("other", "invalid", "invalid IP address syntax")]);
    let slots = optional("slots").try_map(serde_json::from_value::<Vec<(String, String)>>);
    assert_eq!(fields.read(slots).unwrap().map(|slots| slots.len()), Some(1));
    assert_eq!(fields.text("address"), Some("127.0.0.1"));
}

#[test]
fn what_the_fields_say_stands_in_no_log() {
    let fields = Fields::parse(br#"{"userNm": "Hong"}"#).unwrap();
    assert_eq!(format!("{fields:?}"), r#"{"userNm"}"#);
}

/// Reads everything there is under `name` as everything it can be.
fn read_all(fields: &Fields<'_>, name: &'static str) {
    let _ = fields.read((
        optional::<u64>(name),
        optional::<i64>(name).within(1..=5),
        optional::<u16>(name),
        optional::<bool>(name),
        optional::<String>(name),
        optional::<Date>(name),
        optional::<Time>(name),
        optional::<Timestamp>(name),
        optional::<Money>(name),
        optional::<Vec<u64>>(name),
        optional::<Value>(name),
        required::<String>(name).try_map(|text| text.parse::<std::net::IpAddr>()),
    ));
}

proptest! {
    #[test]
    fn no_bytes_do_harm(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(fields) = Fields::parse(&body) {
            read_all(&fields, "a");
        }
    }

    #[test]
    fn nothing_that_looks_like_json_does_harm(value in r#"["\[{,:}\]\\ud8-ce0-9.tru fals+-T:Z가]{0,40}"#) {
        let body = format!(r#"{{"a": {value}}}"#);
        if let Ok(fields) = Fields::parse(body.as_bytes()) {
            read_all(&fields, "a");
        }
    }

    #[test]
    fn no_text_does_harm(text in any::<String>()) {
        let body = json!({"a": text}).to_string();
        read_all(&Fields::parse(body.as_bytes()).unwrap(), "a");
    }

    #[test]
    fn numbers_and_texts_stand_for_each_other(number in any::<i64>()) {
        let (bare, quoted) = (number.to_string(), format!("\"{number}\""));
        prop_assert_eq!(read::<i64>(&bare), Ok(number));
        prop_assert_eq!(read::<i64>(&quoted), Ok(number));
        prop_assert_eq!(read::<u64>(&bare), read::<u64>(&quoted));
        prop_assert_eq!(read::<u64>(&bare).ok(), u64::try_from(number).ok().filter(|id| *id > 0));
        prop_assert_eq!(read::<String>(&bare), read::<String>(&quoted));
    }

    #[test]
    fn floats_and_texts_stand_for_each_other(number in any::<f64>().prop_filter("JSON has no others", |number| number.is_finite())) {
        let bare = json!(number).to_string();
        let quoted = format!("\"{bare}\"");
        prop_assert_eq!(read::<i64>(&bare), read::<i64>(&quoted));
        prop_assert_eq!(read::<u32>(&bare), read::<u32>(&quoted));
    }

    #[test]
    fn dates_come_back_as_they_were_sent(day in 0_i64..110_000) {
        let day = jiff::civil::date(1900, 1, 1).saturating_add(jiff::Span::new().days(day));
        let compact = day.strftime("%Y%m%d").to_string();
        for json in [format!("\"{day}\""), format!("\"{compact}\""), compact] {
            prop_assert_eq!(read::<Date>(&json).ok(), (day.year() <= 2200).then_some(day));
        }
    }
}
