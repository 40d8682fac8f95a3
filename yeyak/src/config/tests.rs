mod payments;

use std::ffi::OsString;
use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use gateway::Cors;

use super::payments::Toss;
use super::*;

fn read(text: &[u8], flags: &[(&'static str, &str)], variables: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("y.toml");
    fs::write(&path, text).unwrap();
    let environment = Environment::of(variables.iter().copied());
    Settings::read(flags, &environment, Some(&path), Data::Directory("d".into())).map_err(|problems| {
        let above = format!("{}/", directory.path().display());
        problems.iter().map(|problem| problem.to_string().replacen(&above, "", 1)).collect()
    })
}

fn file(text: &str) -> Result<Settings, Vec<String>> {
    read(text.as_bytes(), &[], &[])
}

/// That the file has these problems, and no others.
#[track_caller]
fn wrong(text: &str, problems: &[&str]) {
    assert_eq!(file(text).unwrap_err(), problems);
}

fn default() -> Settings {
    Settings {
        listen: ([127, 0, 0, 1], 8088).into(),
        data: Data::Directory("d".into()),
        auth: Auth::Open,
        cors: Cors::Any,
        open_to_network: false,
        clock: None,
        samples: false,
        service_ports: false,
        faults: false,
        log: Log { level: "info".parse().unwrap(), format: LogFormat::Text },
        telemetry: Telemetry { otlp: None, sampled_percent: 100 },
        limits: Limits { queue: 1024, body: 65536, request_seconds: 10, connections: 4096, silence_seconds: 75, drain_seconds: 0 },
        backup_dir: None,
        meetingroom: Meetingroom {
            zone: "Asia/Seoul".into(),
            queues: BTreeMap::new(),
            reserve: Reserve { grace_minutes: 15, early_minutes: 10 },
        },
        restaurant: Restaurant { zone: "Asia/Seoul".into(), queues: BTreeMap::new(), payments: Payments::Test },
    }
}

const ALL: &str = r#"
listen = "[::1]:9000"
data = "/var/lib/yeyak"
auth = "open"
cors = "https://pages.example, http://localhost:3000"
clock = 2026-11-23T10:05:00+09:00
samples = true
service-ports = true
faults = true

[log]
level = "warn, yeyak_store::sqlite = debug"
format = "json"

[telemetry]
otlp = "https://collector.example:4318"
sampled-percent = 5

[limits]
queue = 100_000
body = 1
request-seconds = 0x3c
connections = 9
silence-seconds = 8
drain-seconds = 7

[backup]
dir = "b"

[meetingroom]
zone = "europe/berlin"
room.queue = 1
conference.queue = 3
maintenance.queue = 4

[meetingroom.reserve]
queue = 2
grace-minutes = 0
early-minutes = 1440

[restaurant]
zone = "europe/rome"
reservation.queue = 5
deposit.queue = 6
restaurant.queue = 7
recommendation.queue = 8

[restaurant.payments]
provider = "toss"
base = "http://127.0.0.1:9"
client-key = "test_ck_1"
secret-key-file = "toss.key"
checkout = "https://tables.example/restaurant/checkout"
"#;

fn all() -> Settings {
    Settings {
        listen: "[::1]:9000".parse().unwrap(),
        data: Data::Directory("/var/lib/yeyak".into()),
        auth: Auth::Open,
        cors: Cors::These(vec!["https://pages.example".parse().unwrap(), "http://localhost:3000".parse().unwrap()]),
        open_to_network: false,
        clock: Some("2026-11-23T01:05:00Z".parse().unwrap()),
        samples: true,
        service_ports: true,
        faults: true,
        log: Log { level: "warn,yeyak_store::sqlite=debug".parse().unwrap(), format: LogFormat::Json },
        telemetry: Telemetry { otlp: Some("https://collector.example:4318".into()), sampled_percent: 5 },
        limits: Limits { queue: 100_000, body: 1, request_seconds: 60, connections: 9, silence_seconds: 8, drain_seconds: 7 },
        backup_dir: Some("b".into()),
        meetingroom: Meetingroom {
            zone: "Europe/Berlin".into(),
            queues: [("room", 1), ("reserve", 2), ("conference", 3), ("maintenance", 4)].map(|(name, queue)| (name.into(), queue)).into(),
            reserve: Reserve { grace_minutes: 0, early_minutes: 1440 },
        },
        restaurant: Restaurant {
            zone: "Europe/Rome".into(),
            queues: [("reservation", 5), ("deposit", 6), ("restaurant", 7), ("recommendation", 8)]
                .map(|(name, queue)| (name.into(), queue))
                .into(),
            payments: Payments::Toss(Toss {
                base: "http://127.0.0.1:9".into(),
                client_key: "test_ck_1".into(),
                secret_key_file: "toss.key".into(),
                checkout: "https://tables.example/restaurant/checkout".into(),
            }),
        },
    }
}

#[test]
fn nothing_said_is_the_default() {
    assert_eq!(file("").unwrap(), default());
    assert_eq!(file("# nothing\n[limits]\n[meetingroom.reserve]\n").unwrap(), default());
    let none = Settings::read(&[], &Environment::default(), None, Data::Temporary).unwrap();
    assert_eq!(none, Settings { data: Data::Temporary, ..default() });
}

#[test]
fn every_key_can_stand_in_the_file() {
    assert_eq!(file(ALL).unwrap(), all());
    let (windows, marked) = (ALL.replace('\n', "\r\n"), format!("\u{feff}{ALL}"));
    assert_eq!(file(&windows).unwrap(), all());
    assert_eq!(file(&marked).unwrap(), all());
    assert_eq!(file("limits = { queue = 7 }\nmeetingroom.reserve.early-minutes = 3").unwrap().limits.queue, 7);
}

#[test]
fn every_key_has_a_variable() {
    let variables = [
        ("YEYAK_LISTEN", "[::1]:9000"),
        ("YEYAK_DATA", "/var/lib/yeyak"),
        ("YEYAK_AUTH", "open"),
        ("YEYAK_CORS", "https://pages.example, http://localhost:3000"),
        ("YEYAK_CLOCK", "2026-11-23T10:05:00+09:00"),
        ("YEYAK_SAMPLES", "1"),
        ("YEYAK_SERVICE_PORTS", "on"),
        ("YEYAK_FAULTS", "Yes"),
        ("YEYAK_LOG_LEVEL", "warn,yeyak_store::sqlite=DEBUG"),
        ("YEYAK_LOG_FORMAT", "json"),
        ("YEYAK_TELEMETRY_OTLP", "https://collector.example:4318"),
        ("YEYAK_TELEMETRY_SAMPLED_PERCENT", "5"),
        ("YEYAK_LIMITS_QUEUE", "100000"),
        ("YEYAK_LIMITS_BODY", "1"),
        ("YEYAK_LIMITS_REQUEST_SECONDS", " 60 "),
        ("YEYAK_LIMITS_CONNECTIONS", "9"),
        ("YEYAK_LIMITS_SILENCE_SECONDS", "8"),
        ("YEYAK_LIMITS_DRAIN_SECONDS", "7"),
        ("YEYAK_MEETINGROOM_ROOM_QUEUE", "1"),
        ("YEYAK_MEETINGROOM_RESERVE_QUEUE", "2"),
        ("YEYAK_MEETINGROOM_CONFERENCE_QUEUE", "3"),
        ("YEYAK_MEETINGROOM_MAINTENANCE_QUEUE", "4"),
        ("YEYAK_BACKUP_DIR", "b"),
        ("YEYAK_MEETINGROOM_ZONE", "Europe/Berlin"),
        ("YEYAK_MEETINGROOM_RESERVE_GRACE_MINUTES", "0"),
        ("YEYAK_MEETINGROOM_RESERVE_EARLY_MINUTES", "1440"),
        ("YEYAK_RESTAURANT_ZONE", "Europe/Rome"),
        ("YEYAK_RESTAURANT_RESERVATION_QUEUE", "5"),
        ("YEYAK_RESTAURANT_DEPOSIT_QUEUE", "6"),
        ("YEYAK_RESTAURANT_RESTAURANT_QUEUE", "7"),
        ("YEYAK_RESTAURANT_RECOMMENDATION_QUEUE", "8"),
        ("YEYAK_RESTAURANT_PAYMENTS_PROVIDER", "toss"),
        ("YEYAK_RESTAURANT_PAYMENTS_BASE", "http://127.0.0.1:9"),
        ("YEYAK_RESTAURANT_PAYMENTS_CLIENT_KEY", "test_ck_1"),
        ("YEYAK_RESTAURANT_PAYMENTS_SECRET_KEY_FILE", "toss.key"),
        ("YEYAK_RESTAURANT_PAYMENTS_CHECKOUT", "https://tables.example/restaurant/checkout"),
    ];
    assert_eq!(read(b"", &[], &variables).unwrap(), all());
    assert_eq!(read(b"", &[], &variables.map(|(name, _)| (name, ""))).unwrap(), default());
}

#[test]
fn what_others_tell_somebody_else_is_not_heard() {
    assert_eq!(
        read(b"", &[], &[("LISTEN", "x"), ("YEYAK_SERVICE_HOST", "10.0.0.1"), ("YEYAK_PORT", "tcp://10.0.0.1:8088")]),
        Ok(default())
    );
}

#[test]
fn a_flag_goes_before_the_environment_before_the_file() {
    let listen =
        |flags: &[(&'static str, &str)], variables: &[(&str, &str)]| read(b"listen = ':1'", flags, variables).unwrap().listen.port();
    assert_eq!(listen(&[], &[]), 1);
    assert_eq!(listen(&[], &[("YEYAK_LISTEN", ":2")]), 2);
    assert_eq!(listen(&[("listen", ":3")], &[("YEYAK_LISTEN", ":2")]), 3);
    assert!(!read(b"samples = true", &[("samples", "false")], &[]).unwrap().samples);
}

#[test]
fn what_is_wrong_is_named_wherever_it_was_said_also_when_it_is_overridden() {
    let problems =
        read(b"\nlisten = 1\nfaults = 'x'", &[("listen", ":3"), ("clock", "now")], &[("YEYAK_LISTEN", "x"), ("YEYAK_FAULTS", "2")]);
    assert_eq!(
        problems.unwrap_err(),
        [
            "y.toml:2: listen: 1 is not right here: write an address and a port, such as \"127.0.0.1:8088\", or a port alone, such as \":8088\"",
            "y.toml:3: faults: \"x\" is not right here: write true or false",
            "YEYAK_FAULTS: \"2\" is not right here: write true or false",
            "YEYAK_LISTEN: \"x\" is not right here: write an address and a port, such as \"127.0.0.1:8088\", or a port alone, such as \":8088\"",
            "--clock: \"now\" is not right here: write an instant with its offset from UTC, such as 2026-11-23T10:05:00+09:00",
        ]
    );
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_named() {
    let value: OsString = std::os::unix::ffi::OsStringExt::from_vec(vec![b'a', 0xff]);
    let problems = Settings::read(&[], &Environment::of([("YEYAK_DATA", value)]), None, Data::Temporary).unwrap_err();
    assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), ["YEYAK_DATA: is not UTF-8"]);
}

#[test]
fn each_kind_of_value_is_checked() {
    wrong("limits.queue = 0", &["y.toml:1: limits.queue: 0 is not right here: write a whole number from 1 to 100000"]);
    wrong("limits.queue = 100001", &["y.toml:1: limits.queue: 100001 is not right here: write a whole number from 1 to 100000"]);
    wrong("limits.queue = -1", &["y.toml:1: limits.queue: -1 is not right here: write a whole number from 1 to 100000"]);
    wrong("limits.queue = 1.5", &["y.toml:1: limits.queue: 1.5 is not right here: write a whole number from 1 to 100000"]);
    wrong("limits.queue = '5'", &["y.toml:1: limits.queue: \"5\" is not right here: write a whole number from 1 to 100000"]);
    wrong(
        "limits.queue = 99999999999999999999",
        &["y.toml:1: limits.queue: 99999999999999999999 is not right here: write a whole number from 1 to 100000"],
    );
    wrong("limits.body = 65537", &["y.toml:1: limits.body: 65537 is not right here: write a whole number from 1 to 65536"]);
    wrong("limits.request-seconds = 0", &["y.toml:1: limits.request-seconds: 0 is not right here: write a whole number from 1 to 300"]);
    wrong(
        "meetingroom.reserve = { grace-minutes = 1441, early-minutes = true }",
        &[
            "y.toml:1: meetingroom.reserve.early-minutes: true is not right here: write a whole number from 0 to 1440",
            "y.toml:1: meetingroom.reserve.grace-minutes: 1441 is not right here: write a whole number from 0 to 1440",
        ],
    );
    wrong("samples = 'yes'", &["y.toml:1: samples: \"yes\" is not right here: write true or false"]);
    wrong("samples = []", &["y.toml:1: samples: a list is not right here: write true or false"]);
    wrong("[samples]", &["y.toml:1: samples: a section is not right here: write true or false"]);
    wrong("data = ''", &["y.toml:1: data: \"\" is not right here: write the path of a directory, such as \"yeyak-data\""]);
    wrong("auth = 'none'", &["y.toml:1: auth: \"none\" is not right here: write \"open\" or \"required\""]);
    wrong("[auth]\nmode = true", &["y.toml:2: auth.mode: true is not right here: write \"open\" or \"required\""]);
    wrong(
        "[auth]\nissuer = ' '",
        &["y.toml:2: auth.issuer: \" \" is not right here: write a name as it stands in tokens, such as \"https://issuer.example\""],
    );
    wrong(
        "[auth]\njwks = 'ftp://x/y'",
        &["y.toml:2: auth.jwks: \"ftp://x/y\" is not right here: write the path of a JWKS, such as \"keys.json\", or its https address"],
    );
    wrong(
        "[auth]\njwks = 'http://issuer.example/keys'",
        &["y.toml:2: auth.jwks: \"http://issuer.example/keys\" is not safe: keys of another machine come by https alone"],
    );
    wrong("log.format = 'xml'", &["y.toml:1: log.format: \"xml\" is not right here: write \"text\" or \"json\""]);
    for level in ["inof", "", "info,", "yeyak=loud", "=info", "a b=info", "a::=info"] {
        let problem = format!(
            "y.toml:1: log.level: {level:?} is not right here: write off, error, warn, info, debug or trace, \
             also for a part of Yeyak, such as \"info,yeyak_store=debug\""
        );
        wrong(&format!("log.level = '{level}'"), &[&problem]);
    }
    let long = "x".repeat(1000);
    wrong(
        &format!("auth = '{long}'"),
        &[&format!("y.toml:1: auth: \"{}…\" is not right here: write \"open\" or \"required\"", "x".repeat(60))],
    );
}

#[test]
fn an_address_is_one_of_this_machine_with_a_port() {
    let listen = |text: &str| file(&format!("listen = '{text}'"));
    for (text, address) in [
        (":9", "127.0.0.1:9"),
        ("localhost:9", "127.0.0.1:9"),
        (" 127.0.0.2:0 ", "127.0.0.2:0"),
        ("[::1]:9", "[::1]:9"),
        ("[::ffff:127.0.0.1]:9", "[::ffff:127.0.0.1]:9"),
    ] {
        assert_eq!(listen(text).unwrap().listen, address.parse().unwrap());
    }
    const RIGHT: &str = "write an address and a port, such as \"127.0.0.1:8088\", or a port alone, such as \":8088\"";
    for text in ["", "8088", "example.com:80", "localhost", "::1:x:80"] {
        assert_eq!(listen(text).unwrap_err(), [format!("y.toml:1: listen: {text:?} is not right here: {RIGHT}")]);
    }
    for text in ["127.0.0.1", "::1"] {
        assert_eq!(listen(text).unwrap_err(), [format!("y.toml:1: listen: {text:?} has no port: {RIGHT}")]);
    }
    for text in [":", ":65536", ":+80", "127.0.0.1:http", "[::1]"] {
        assert_eq!(listen(text).unwrap_err(), [format!("y.toml:1: listen: {text:?} has no port from 0 to 65535: {RIGHT}")]);
    }
}

#[test]
fn open_to_everybody_never_listens_to_other_machines() {
    let line = |place: &str, ip: &str, port: u16| {
        format!(
            "{place}: auth=open takes everybody at their word, so it listens to this machine alone, never on {ip}: \
             write 127.0.0.1:{port} or localhost:{port}, or auth=required; \
             or open-to-network as well, if everybody who can reach it may do everything"
        )
    };
    assert_eq!(file("\nlisten = '0.0.0.0:80'").unwrap_err(), [line("y.toml:2: listen", "0.0.0.0", 80)]);
    assert_eq!(read(b"", &[("listen", "[::]:9")], &[]).unwrap_err(), [line("--listen", "::", 9)]);
    assert_eq!(read(b"", &[("auth", "open")], &[("YEYAK_LISTEN", "10.1.2.3:9")]).unwrap_err(), [line("YEYAK_LISTEN", "10.1.2.3", 9)]);
    assert_eq!(read(b"listen = '0.0.0.0:80'", &[("listen", ":9")], &[]).unwrap().listen.port(), 9);
    let told = read(b"listen = '0.0.0.0:80'", &[("open-to-network", "true")], &[]).unwrap();
    assert!(told.open_to_network && told.reaches_network());
}

#[test]
fn who_has_to_prove_it_is_told_in_a_section_by_variables_or_by_the_flag() {
    let tokens = |issuer: &str, jwks: Location| Tokens { issuer: issuer.into(), audience: "yeyak".into(), jwks };
    let section = "[auth]\nmode = 'required'\nissuer = 'https://issuer.example'\naudience = 'yeyak'\njwks = 'keys.json'\n";
    let told = file(section).unwrap();
    assert_eq!(told.auth, Auth::Required(tokens("https://issuer.example", Location::File("keys.json".into()))));
    let variables = [("YEYAK_AUTH_ISSUER", "other"), ("YEYAK_AUTH_JWKS", "https://issuer.example/keys")];
    let told = read(section.as_bytes(), &[], &variables).unwrap();
    assert_eq!(told.auth, Auth::Required(tokens("other", Location::Url("https://issuer.example/keys".into()))));
    assert_eq!(read(section.as_bytes(), &[("auth", "open")], &[]).unwrap().auth, Auth::Open);
    assert!(file(&format!("listen = '0.0.0.0:80'\n{section}")).is_ok(), "who proves who they are may come from anywhere");
}

#[test]
fn what_proofs_are_checked_by_has_to_be_told() {
    let needs = |place: &str, what: &str| format!("{place}: auth=required needs {what}");
    let (issuer, audience, jwks) = (
        "auth.issuer, who has issued the tokens that count",
        "auth.audience, for whom these are meant",
        "auth.jwks, the path or the address of the issuer's public keys",
    );
    let place = "y.toml:2: auth.mode";
    assert_eq!(file("[auth]\nmode = 'required'").unwrap_err(), [needs(place, issuer), needs(place, audience), needs(place, jwks)]);
    let most = b"[auth]\nissuer = 'i'\njwks = 'k'";
    assert_eq!(read(most, &[("auth", "required")], &[]).unwrap_err(), [needs("--auth", audience)]);
    assert_eq!(read(most, &[], &[("YEYAK_AUTH", "required")]).unwrap_err(), [needs("YEYAK_AUTH", audience)]);
}

#[test]
fn the_gateway_and_the_services_do_not_want_the_same_port() {
    let right = "port 8083 belongs to a service, with service-ports: write one outside 8081–8085";
    assert_eq!(file("service-ports = true\nlisten = ':8083'").unwrap_err(), [format!("y.toml:2: listen: {right}")]);
    assert!(file("service-ports = true\nlisten = ':8086'").is_ok());
    assert!(file("listen = ':8083'").is_ok());
}

#[test]
fn an_instant_needs_its_offset_and_a_time_in_reach() {
    let clock = |value: &str| file(&format!("clock = {value}"));
    for value in ["2026-11-23T10:05:00+09:00", "'2026-11-23T10:05:00+09:00'", "2026-11-23 01:05:00Z"] {
        assert_eq!(clock(value).unwrap().clock, Some("2026-11-23T01:05:00Z".parse().unwrap()));
    }
    const RIGHT: &str = "write an instant with its offset from UTC, such as 2026-11-23T10:05:00+09:00";
    wrong("clock = 2026-11-23T10:05:00", &[&format!("y.toml:1: clock: 2026-11-23T10:05:00 has no offset from UTC: {RIGHT}")]);
    wrong("clock = '2026-11-23'", &[&format!("y.toml:1: clock: \"2026-11-23\" has no offset from UTC: {RIGHT}")]);
    wrong("clock = 10:05:00", &[&format!("y.toml:1: clock: 10:05:00 is not right here: {RIGHT}")]);
    wrong("clock = 'noon'", &[&format!("y.toml:1: clock: \"noon\" is not right here: {RIGHT}")]);
    wrong("clock = 5", &[&format!("y.toml:1: clock: 5 is not right here: {RIGHT}")]);
    wrong("clock = 3000-01-01T00:00:00Z", &["y.toml:1: clock: 3000-01-01T00:00:00Z is out of range: write a year from 1970 to 2999"]);
    assert!(clock("2999-12-31T23:59:59Z").is_ok());
}

#[test]
fn a_time_zone_is_one_of_the_database() {
    assert_eq!(file("meetingroom.zone = 'utc'").unwrap().meetingroom.zone, "UTC");
    wrong("restaurant.zone = 'Asia/Soul'", &["y.toml:1: restaurant.zone: \"Asia/Soul\" is no time zone: did you mean \"Asia/Seoul\"?"]);
    wrong("meetingroom.zone = 'Asia/Soul'", &["y.toml:1: meetingroom.zone: \"Asia/Soul\" is no time zone: did you mean \"Asia/Seoul\"?"]);
    const RIGHT: &str = "write an IANA time zone, such as \"Asia/Seoul\"";
    for zone in ["", "+09:00", "한국", "Etc/Unknown", "../../etc/passwd"] {
        wrong(&format!("meetingroom.zone = '{zone}'"), &[&format!("y.toml:1: meetingroom.zone: {zone:?} is not right here: {RIGHT}")]);
    }
}

#[test]
fn an_unknown_key_is_named_with_the_one_that_was_meant() {
    const KEYS: &str = "the keys are listen, service-ports, data, auth, auth.mode, auth.issuer, auth.audience, auth.jwks, \
        cors, open-to-network, clock, samples, faults, log.level, log.format, telemetry.otlp, telemetry.sampled-percent, limits.queue, \
        limits.body, limits.request-seconds, limits.connections, limits.silence-seconds, limits.drain-seconds, backup.dir, meetingroom.zone, \
        meetingroom.room.queue, meetingroom.reserve.queue, meetingroom.conference.queue, meetingroom.maintenance.queue, \
        meetingroom.reserve.grace-minutes, meetingroom.reserve.early-minutes, restaurant.zone, restaurant.reservation.queue, \
        restaurant.deposit.queue, restaurant.restaurant.queue, restaurant.recommendation.queue, restaurant.payments.provider, \
        restaurant.payments.base, restaurant.payments.client-key, restaurant.payments.secret-key-file, restaurant.payments.checkout";
    wrong("lisen = ':1'", &["y.toml:1: lisen: is unknown: did you mean listen?"]);
    wrong("service_ports = true", &["y.toml:1: service_ports: is unknown: did you mean service-ports?"]);
    wrong("queue = 5", &["y.toml:1: queue: is unknown: did you mean limits.queue?"]);
    wrong("[meetingrooms]\n\nzone = 'UTC'", &["y.toml:3: meetingrooms.zone: is unknown: did you mean meetingroom.zone?"]);
    wrong(
        "[meetingroom]\ngrace_minutes = 5",
        &["y.toml:2: meetingroom.grace_minutes: is unknown: did you mean meetingroom.reserve.grace-minutes?"],
    );
    wrong("'limits.queue' = 5", &["y.toml:1: \"limits.queue\": is unknown: did you mean limits.queue?"]);
    wrong("colour = 'red'", &[&format!("y.toml:1: colour: is unknown: {KEYS}")]);
    wrong("[[hairshop]]", &[&format!("y.toml:1: hairshop: is unknown: {KEYS}")]);
    wrong("\"\\n\" = 1", &[&format!("y.toml:1: \"\\n\": is unknown: {KEYS}")]);
    wrong("listen.port = 80", &["y.toml:1: listen.port: is unknown: did you mean listen?"]);
    wrong(
        "limits = 3",
        &[
            "y.toml:1: limits: 3 is not right here: write a section [limits] with queue, body, request-seconds, connections, silence-seconds, drain-seconds",
        ],
    );
    wrong(
        "meetingroom = []",
        &[
            "y.toml:1: meetingroom: a list is not right here: write a section [meetingroom] with zone, room.queue, reserve.queue, conference.queue, maintenance.queue, reserve.grace-minutes, reserve.early-minutes",
        ],
    );
}

#[test]
fn all_that_is_wrong_is_named_at_once_in_the_order_of_the_lines() {
    wrong(
        "samples = 1\nfaults\n\nlisten = ':1'\nlisten = ':2'\n[limits\nqueue = 0\n[log]\nlevel = 'loud'\nformat = \n",
        &[
            "y.toml:1: samples: 1 is not right here: write true or false",
            "y.toml:2: is not TOML: key with no value, expected `=`",
            "y.toml:5: listen: stands twice: leave one of them out",
            "y.toml:6: is not TOML: unclosed table, expected `]`",
            "y.toml:7: limits.queue: 0 is not right here: write a whole number from 1 to 100000",
            "y.toml:9: log.level: \"loud\" is not right here: write off, error, warn, info, debug or trace, also for a part of Yeyak, such as \"info,yeyak_store=debug\"",
            "y.toml:10: is not TOML: string values must be quoted, expected literal string",
        ],
    );
}

#[test]
fn a_slip_does_not_hide_the_next_one() {
    const NO_VALUE: &str = "is not TOML: key with no value, expected `=`";
    const QUOTES: &str = "is not TOML: string values must be quoted, expected literal string";
    wrong(
        "queue 1\ndata = yeyak-data\nfaults\nsamples = 1\n",
        &[
            &format!("y.toml:1: {NO_VALUE}"),
            &format!("y.toml:2: {QUOTES}"),
            &format!("y.toml:3: {NO_VALUE}"),
            "y.toml:4: samples: 1 is not right here: write true or false",
        ],
    );
    wrong(
        "[limits]\n[limits]\n\nauth = 'open",
        &["y.toml:2: limits: stands twice: leave one of them out", "y.toml:4: is not TOML: invalid literal string, expected `'`"],
    );
    for text in ["x\n", "[x\n", "'''\nx\n", "x\n[y\n"] {
        assert_eq!(file(&text.repeat(1000)).unwrap_err().len(), 1000 * text.lines().count(), "{text}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let directory = TempDir::new().unwrap();
    let says = |path: &Path, message: &str| {
        let problems = Settings::read(&[], &Environment::default(), Some(path), Data::Temporary).unwrap_err();
        assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), [format!("{}: {message}", path.display())]);
    };
    says(&directory.path().join("none"), "cannot be read: No such file or directory (os error 2)");
    says(directory.path(), "cannot be read: Is a directory (os error 21)");
    says(Path::new("/dev/zero"), "is larger than 65536 bytes, so it cannot be a configuration of Yeyak");
    assert_eq!(read(b"auth = 'open'\ndata = '\xff'", &[], &[]).unwrap_err(), ["y.toml:2: is not UTF-8: save the file as UTF-8"]);
}

#[test]
fn depth_breaks_nothing() {
    for text in ["a.".repeat(30_000) + "a = 1", "a = ".to_owned() + &"[".repeat(60_000), "a = ".to_owned() + &"{a=".repeat(20_000)] {
        assert!(file(&text).is_err());
    }
}

/// Lines that look like a configuration, more or less.
fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "[a-z.\\-_\"' ]{0,12}=[ a-z0-9\"'\\[\\]{}:+\\-T.#]{0,16}",
        "(listen|data|auth|clock|samples|faults|service-ports) ?= ?(true|[0-9]{1,6}|\"[^\"]{0,8}\"|'[0-9:.]{0,12}'|2026-11-23T10:05:00Z?)",
        "\\[{1,2}(log|limits|meetingroom|meetingroom.reserve|listen|x)\\]{0,2}",
        "(level|queue|zone|grace-minutes|limits.body) = (-?[0-9]{1,20}|'[A-Za-z/=,:]{0,12}'|\\[\\]|\\{\\}|\"\"\")",
    ];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn nothing_in_a_file_is_a_panic_and_every_problem_is_one_line(
        text in prop_oneof![any::<Vec<u8>>(), "(?s).{0,200}".prop_map(String::into_bytes), lines().prop_map(String::into_bytes)],
    ) {
        let count = 1 + text.iter().filter(|byte| **byte == b'\n').count();
        match read(&text, &[], &[]) {
            Ok(settings) => {
                prop_assert!(settings.listen.ip().to_canonical().is_loopback());
                prop_assert!((1..=100_000).contains(&settings.limits.queue));
            }
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                for problem in problems {
                    let line = problem.strip_prefix("y.toml:").and_then(|rest| rest.split_once(": ")?.0.parse::<usize>().ok());
                    prop_assert!(line.is_some_and(|line| (1..=count).contains(&line)), "{problem}");
                    prop_assert!(!crate::error::one_line(&problem).contains('\n'));
                }
            }
        }
    }

    #[test]
    fn nothing_in_the_environment_or_a_flag_is_a_panic(
        key in prop::sample::select(vec!["listen", "data", "auth", "clock", "samples", "log.level", "limits.queue", "meetingroom.zone"]),
        word in prop_oneof!["(?s).{0,40}", "[0-9:.T+Z\\[\\]\\-]{0,30}"],
    ) {
        let variable = variable(key);
        let flag = read(b"", &[(key, &word)], &[]);
        let environment = read(b"", &[], &[(&variable, &word)]);
        // A variable set to nothing is not set.
        prop_assert!(word.is_empty() || flag.is_ok() == environment.is_ok());
    }
}

#[test]
fn nobody_is_open_by_mistake() {
    let variables =
        [("YEYAK_AUTH_MODE", "required"), ("YEYAK_AUTH_ISSUER", "i"), ("YEYAK_AUTH_AUDIENCE", "a"), ("YEYAK_AUTH_JWKS", "keys.json")];
    let told = read(b"auth = 'open'", &[], &variables).unwrap();
    assert!(matches!(told.auth, Auth::Required(_)), "the environment goes before the file, however the key is written");
    assert!(file("[auth]\nissuer = 'i'\naudience = 'a'\njwks = 'keys.json'").is_err(), "keys without a mode are open to all");
    let both = [
        ("YEYAK_AUTH", "open"),
        ("YEYAK_AUTH_MODE", "required"),
        ("YEYAK_AUTH_ISSUER", "i"),
        ("YEYAK_AUTH_AUDIENCE", "a"),
        ("YEYAK_AUTH_JWKS", "keys.json"),
    ];
    assert!(read(b"", &[], &both).is_err(), "two words for one thing");
    assert_eq!(read(b"", &[("auth", "open")], &variables).unwrap().auth, Auth::Open);
}

#[test]
fn origins_are_those_that_browsers_send() {
    let cors = |text: &str| file(&format!("cors = '{text}'")).map(|settings| settings.cors);
    let these = |origins: &[&str]| Cors::These(origins.iter().map(|origin| origin.parse().unwrap()).collect());
    assert_eq!(cors("*").unwrap(), Cors::Any);
    assert_eq!(cors("https://a.example").unwrap(), these(&["https://a.example"]));
    assert_eq!(cors(" http://localhost:3000 ,https://[::1]:8443").unwrap(), these(&["http://localhost:3000", "https://[::1]:8443"]));
    for bad in [
        "",
        ",",
        "*, https://a.example",
        "a.example",
        "https://",
        "https://a.example/",
        "https://a.example/x",
        "https://a.example?x",
        "ftp://a.example",
        "https://A.example",
        "https://u@a.example",
        "https://a.example:443",
        "http://a.example:80",
        "null",
        "https://a b",
    ] {
        assert!(cors(bad).is_err(), "{bad}");
    }
    let required = "[auth]\nmode = 'required'\nissuer = 'i'\naudience = 'a'\njwks = 'keys.json'\n";
    assert_eq!(file(required).unwrap().cors, Cors::These(Vec::new()), "nobody is let in who is not named");
}

#[test]
fn traces_go_to_an_address_or_nowhere() {
    let right = "write the address of an OTLP collector, such as \"http://127.0.0.1:4318\"";
    for wrong_one in ["collector:4318", "ftp://collector", "http://", "http://c/?key=1", ""] {
        let shown = wrong_one.replace("key=1", "…");
        let says = format!("y.toml:1: telemetry.otlp: {shown:?} is not right here: {right}");
        wrong(&format!("telemetry.otlp = {wrong_one:?}"), &[&says]);
    }
    assert_eq!(file("telemetry.otlp = \"http://c:4318/base\"").unwrap().telemetry.otlp.as_deref(), Some("http://c:4318/base"));
    wrong(
        "telemetry.sampled-percent = 101",
        &["y.toml:1: telemetry.sampled-percent: 101 is not right here: write a whole number from 0 to 100"],
    );
}

#[test]
fn a_password_in_an_address_is_refused_and_never_shown() {
    const SECRET: &str = "s3cret";
    let addresses = [
        format!("https://user:{SECRET}@host.example/x"),
        format!("https://{SECRET}@host.example"),
        format!("ftp://user:{SECRET}@host.example/x"),
        format!("://{SECRET}@"),
    ];
    for address in &addresses {
        for text in [format!("telemetry.otlp = {address:?}"), format!("auth.jwks = {address:?}")] {
            let problems = file(&text).unwrap_err();
            assert!(problems.len() == 1 && problems[0].contains("has a user or a password in it"), "{text}: {problems:?}");
            assert!(!problems[0].contains(SECRET), "{problems:?}");
        }
        let elsewhere = file(&format!("cors = {address:?}\nlisten = {address:?}")).unwrap_err();
        assert!(elsewhere.len() == 2 && !elsewhere.concat().contains(SECRET), "{elsewhere:?}");
    }
    for mistyped in [
        format!("https:/user:{SECRET}@h/keys"),
        format!("//user:{SECRET}@h/k"),
        format!("user:{SECRET}@h/k"),
        format!("https:/h/keys?key={SECRET}"),
    ] {
        for key in ["auth.jwks", "listen", "cors", "telemetry.otlp", "auth.mode", "log.level"] {
            let problems = file(&format!("{key} = {mistyped:?}")).unwrap_err();
            assert!(!problems.concat().contains(SECRET), "{key}: {problems:?}");
        }
    }
    for odd in [format!("user:{SECRET}@host.example"), format!("https://user:{SECRET}/?#@host.example")] {
        let problems = file(&format!("telemetry.otlp = {odd:?}")).unwrap_err();
        assert!(!problems.concat().contains(SECRET), "{problems:?}");
    }
    for address in [format!("http://issuer.example/keys?key={SECRET}"), format!("ftp://issuer.example/keys?key={SECRET}")] {
        let problems = file(&format!("auth.jwks = {address:?}")).unwrap_err();
        assert!(problems.len() == 1 && problems[0].contains("issuer.example/keys") && !problems[0].contains(SECRET), "{problems:?}");
    }
}
