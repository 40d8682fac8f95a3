//! Operators' commands against the binary itself: what they print, what they change, and how they refuse.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Answer, Api, Yeyak, command, until};
use crate::who::Place;

/// What a command printed, and the code it ended with.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn run(arguments: &[&str]) -> Ended {
    let output = command().args(arguments).output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ended = Ended { code: output.status.code().expect("a code"), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    ended
}

/// What it printed, if it ended well.
#[track_caller]
pub(crate) fn good(arguments: &[&str]) -> String {
    let ended = run(arguments);
    assert_eq!(ended.code, 0, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    ended.stdout
}

/// It refuses with this code and one line that has all of this in it; what stands before it tells how far it came.
#[track_caller]
pub(crate) fn refused(arguments: &[&str], code: i32, said: &[&str]) {
    let ended = run(arguments);
    assert_eq!(ended.code, code, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    let lines: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("yeyak: ")).collect();
    let [line] = lines[..] else { panic!("{arguments:?} is refused in one line: {}", ended.stderr) };
    for said in said {
        assert!(line.contains(said), "{arguments:?}: {said:?} is missing in {line}");
    }
}

/// An installation in a directory that outlives it.
pub(crate) struct Site {
    directory: TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn serve(&self, name: &str) -> Yeyak {
        Yeyak::serve(&self.path(name), &["--faults", "--clock", "2026-11-23T08:00:00+09:00"])
    }
}

/// The address of a process, as its flag has it.
pub(crate) fn url(yeyak: &Yeyak) -> String {
    format!("http://{}", yeyak.address)
}

/// Books the slot with this number among those of three rooms, once.
pub(crate) fn reserve(api: &Api, number: usize) -> Value {
    try_reserve(api, number).unwrap().expect(201)
}

fn try_reserve(api: &Api, number: usize) -> std::io::Result<Answer> {
    let (room, slot) = (number % 3 + 1, number / 3);
    let date = jiff::civil::date(2026, 11, 24).saturating_add(jiff::Span::new().days(i64::try_from(slot / 7).unwrap()));
    let start = format!("{:02}:00", 8 + slot % 7 * 2);
    let body = json!({"userId": format!("u{number}"), "roomId": room, "date": date.to_string(), "startTime": start});
    let key = format!("booking-{number}");
    api.try_send("POST", "/reserves", &[("Idempotency-Key", &key)], body.to_string().as_bytes())
}

/// Some of everything: rooms, bookings with keys, cancellations, a meeting, a maintenance, and an aggregate with a snapshot.
fn fill(api: &Api) {
    for _ in 0..3 {
        api.post("/rooms", &json!({"floor": "1", "openingRule": "days-ahead:90"})).expect(201);
    }
    for number in 0..12 {
        reserve(api, number);
    }
    for id in 1..=3 {
        api.delete(&format!("/reserves/{id}")).expect(204);
    }
    let meets = api.post("/reserves", &json!({"userId": "1", "roomId": 2, "date": "2026-11-23", "startTime": "08:00"})).expect(201);
    api.post("/conferences", &json!({"userId": "1", "roomId": 2, "reserveId": meets["id"]})).expect(201);
    api.post("/rooms", &json!({"floor": "2"})).expect(201);
    api.post("/maintenances", &json!({"roomId": 4})).expect(201);
    // So often that the calendar of room 3 is kept as a snapshot as well.
    for _ in 0..260 {
        let row = api.post("/reserves", &json!({"userId": "9", "roomId": 3, "date": "2026-12-10", "startTime": "08:00"})).expect(201);
        api.delete(&format!("/reserves/{}", row["id"])).expect(204);
    }
}

/// A directory with some of everything in it, of an installation that does not run.
fn filled(site: &Site, name: &str) -> PathBuf {
    let yeyak = site.serve(name);
    fill(&yeyak.api());
    until("everything is followed", || {
        let health = yeyak.api().get("/actuator/health").json();
        let consumers = health["components"]["meetingroom"]["consumers"].as_array().unwrap().clone();
        consumers.iter().all(|consumer| consumer["behind"] == 0).then_some(())
    });
    yeyak.stop();
    site.path(name)
}

pub(crate) fn copied(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for name in ["meetingroom.db", "yeyak.json"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

pub(crate) fn database(data: &Path) -> Connection {
    Connection::open(data.join("meetingroom.db")).unwrap()
}

#[test]
fn services_faults_and_projections_are_seen_and_steered() {
    let site = Site::new();
    let yeyak = site.serve("data");
    let (api, url) = (yeyak.api(), url(&yeyak));
    let ask = |arguments: &[&str]| good(&[arguments, &["--url", &url]].concat());
    api.post("/rooms", &json!({"floor": "1"})).expect(201);
    let services = ask(&["services"]);
    assert!(services.lines().any(|line| line.starts_with("meetingroom/reserve ") && line.contains(" up ")), "{services}");

    assert_eq!(ask(&["fault", "list"]), "nothing is wrong on purpose\n");
    assert!(ask(&["fault", "down", "meetingroom/reserve"]).contains("meetingroom/reserve  down"));
    assert!(ask(&["services"]).lines().any(|line| line.starts_with("meetingroom/reserve ") && line.contains(" down ")));
    api.get("/reserves").problem(503, "service-unavailable");
    assert!(ask(&["fault", "delay", "meetingroom/room", "200"]).contains("delay 200 ms"));
    assert!(!ask(&["fault", "clear", "meetingroom/reserve"]).contains("meetingroom/reserve"));
    assert!(ask(&["fault", "refuse", "meetingroom/room"]).contains("refuse"));
    api.post("/rooms", &json!({"floor": "1"})).problem(409, "refused-on-purpose");
    assert_eq!(ask(&["fault", "clear"]), "nothing is wrong on purpose\n");
    refused(&["fault", "down", "meetingroom/kitchen", "--url", &url], 1, &["service", "meetingroom/reserve"]);
    refused(&["fault", "delay", "meetingroom/room", "0", "--url", &url], 2, &["0", "1..=600000"]);

    let projections = ask(&["projections", "list"]);
    assert!(
        projections.lines().any(|line| line.starts_with("meetingroom/schedule/room-tables ") && line.contains(" live ")),
        "{projections}"
    );
    let rebuilt = ask(&["projections", "rebuild", "meetingroom/schedule/room-tables"]);
    assert_eq!(rebuilt, "meetingroom/schedule/room-tables: rebuilt, 1 rows\n");
    assert!(ask(&["projections", "rebuild", "meetingroom/schedule/room-slots", "--no-wait"]).contains("begun"));
    assert!(ask(&["projections", "retry", "meetingroom/schedule/room-tables"]).contains("had not halted"));
    refused(&["projections", "rebuild", "meetingroom/schedule/none", "--url", &url], 1, &["no-such-projection"]);
    let shown: Value = serde_json::from_str(&ask(&["projections", "list", "--json"])).unwrap();
    assert_eq!(shown["projections"][0]["version"], 2);
    assert!(ask(&["verify"]).starts_with("sound: "));
    yeyak.stop();
}

#[test]
fn what_cannot_be_asked_is_told_in_one_line() {
    refused(&["services", "--url", "http://127.0.0.1:1"], 1, &["http://127.0.0.1:1", "cannot be asked", "--url"]);
    refused(&["verify", "--url", "http://127.0.0.1:1"], 2, &["cannot be asked"]);
    for url in ["127.0.0.1:8088", "ftp://here", "http://", "nothing at all"] {
        refused(&["services", "--url", url], 2, &["--url", "is no address"]);
    }
    for url in ["http://kim:s3cret@127.0.0.1:1", "http://s3cret@", "kim:s3cret@127.0.0.1"] {
        refused(&["services", "--url", url], 2, &["--url", "has a user or a password in it", "--token"]);
        for arguments in [&["services"][..], &["services", "--help"]] {
            let ended = command().args(arguments).env("YEYAK_URL", url).output().unwrap();
            let said = [ended.stdout, ended.stderr].map(|said| String::from_utf8(said).unwrap()).concat();
            assert!(!said.contains("s3cret"), "{said}");
        }
    }
    refused(&["parked"], 2, &["requires a subcommand", "discard"]);
    refused(&["parked", "discard", "a"], 2, &["--reason"]);
    refused(&["parked", "discard", "a", "--reason", "b"], 2, &["--event"]);
    refused(&["verify", "--data", "/no/such/directory"], 2, &["there is no installation in /no/such/directory"]);
    refused(&["backup", "--to", "/tmp"], 2, &["--data"]);
    refused(&["completions", "cmd"], 2, &["cmd", "bash"]);
    let site = Site::new();
    site.serve("gone").stop();
    std::fs::remove_file(site.path("gone/meetingroom.db")).unwrap();
    refused(&["verify", "--data", &site.text("gone")], 2, &["there is no store in it"]);
    let yeyak = Yeyak::serve(&site.path("data"), &[]);
    refused(&["fault", "list", "--url", &url(&yeyak)], 1, &["--faults"]);
    refused(&["services", "--url", &format!("{}/nowhere", url(&yeyak))], 1, &["not-found"]);
    refused(&["verify", "--data", &site.text("data")], 2, &["in use", "--url"]);
    refused(&["backup", "--data", &site.text("data")], 1, &["in use", "--url"]);
    yeyak.stop();
}

#[test]
fn an_operator_looks_and_tries_and_an_administrator_gives_up_and_makes_anew() {
    let place = Place::new();
    place.token("key.pem", &["--new-key", "--jwks"]);
    place.publish(&["key.pem"]);
    let [person, operator, administrator] = [&[][..], &["--role", "operator"], &["--role", "administrator"]]
        .map(|role| place.token("key.pem", &[&["--subject", "kim"], role].concat()));
    let yeyak = place.serve(&["--samples"]);
    let url = url(&yeyak);
    let looks: &[&[&str]] = &[&["services"], &["parked", "list"], &["projections", "list"], &["verify"]];
    let changes: &[&[&str]] = &[&["projections", "rebuild", "meetingroom/schedule/room-tables"], &["backup", "one"]];
    let discard: &[&str] = &["parked", "discard", "a/b", "--event", "1", "--reason", "r"];
    let with = |arguments: &[&'static str], token: &str| -> Vec<String> {
        arguments.iter().chain(&["--url", &url, "--token", token]).map(|text| (*text).to_owned()).collect()
    };
    let refused = |arguments: &[&'static str], token: &str, said: &str| {
        let arguments = with(arguments, token);
        let ended = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(ended.code != 0 && ended.stderr.contains(said), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    };
    let good = |arguments: &[&'static str], token: &str| good(&with(arguments, token).iter().map(String::as_str).collect::<Vec<_>>());
    for look in looks {
        refused(look, &person, "operators-only");
        refused(look, "nonsense", "token-invalid");
        good(look, &operator);
    }
    for change in changes {
        refused(change, &operator, "administrators-only");
        good(change, &administrator);
    }
    refused(discard, &operator, "administrators-only");
    refused(discard, &administrator, "not-parked");
    let with_variable = command().args(["services", "--url", &url]).env("YEYAK_TOKEN", &operator).output().unwrap();
    assert!(with_variable.status.success());
    let with_variable = command().args(["parked", "list"]).env("YEYAK_TOKEN", &operator).env("YEYAK_URL", &url).output().unwrap();
    assert!(with_variable.status.success());
    let with_nothing = command().args(["services", "--url", &url]).env("YEYAK_TOKEN", "").output().unwrap();
    assert!(String::from_utf8(with_nothing.stderr).unwrap().contains("token-missing"), "set to nothing is not set");
    yeyak.stop();
}

#[test]
fn completions_and_man_pages_know_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = good(&["completions", shell]);
        for command in ["parked", "projections", "restore", "no-wait"] {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
    }
    let site = Site::new();
    let written = good(&["man", &site.text("man")]);
    for page in ["yeyak.1", "yeyak-serve.1", "yeyak-parked-discard.1", "yeyak-restore.1"] {
        let path = site.path("man").join(page);
        assert!(written.contains(path.to_str().unwrap()) && std::fs::read_to_string(&path).unwrap().contains(".TH"), "{page}");
    }
}

/// Puts an event of the feed back as parked, as if it had failed; `data` is what it then says.
pub(crate) fn park(data: &Path, seqs: std::ops::RangeInclusive<u64>, data_of: Option<&str>) -> String {
    let database = database(data);
    let (shard, key): (u8, String) = database
        .query_row("SELECT shard, key FROM reserve_events WHERE seq = 6 LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    for seq in seqs.clone() {
        let published: (String, i64, u32) = database
            .query_row("SELECT published, at, epoch FROM reserve_events WHERE shard = ?1 AND seq = ?2", (shard, seq), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .unwrap();
        let at = jiff::Timestamp::from_microsecond(published.1).unwrap();
        let said = data_of.filter(|_| seq == *seqs.start()).map_or(published.0, str::to_owned);
        let event = json!({"source": "reserve", "shard": shard, "position": {"epoch": published.2, "seq": seq}, "key": key, "at": at,
            "data": said, "meta": {"correlation": "story", "causation": "request", "caller": "person"}});
        let error = if seq == *seqs.start() { "a rule\npanicked" } else { "" };
        let sql = "INSERT INTO room_parked (consumer, source, shard, seq, key, at, event, error, tries, next_at) \
                   VALUES ('policies', 'reserve', ?1, ?2, ?3, ?4, ?5, ?6, 3, ?7)";
        // Far ahead, so that nothing is tried by itself.
        database.execute(sql, (shard, seq, &key, published.1, event.to_string(), error, i64::MAX / 4096)).unwrap();
    }
    format!("meetingroom/room/policies/reserve/{key}")
}

#[test]
fn what_is_parked_is_listed_shown_tried_and_discarded() {
    let site = Site::new();
    let data = filled(&site, "data");
    let line = park(&data, 3..=5, Some("{}"));
    let yeyak = site.serve("data");
    let url = url(&yeyak);
    let with = |arguments: &[&str]| [arguments, &["--url", &url]].concat().iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let ask = |arguments: &[&str]| good(&with(arguments).iter().map(String::as_str).collect::<Vec<_>>());
    let listed = ask(&["parked", "list"]);
    let row = listed.lines().find(|row| row.starts_with(&line)).unwrap_or_else(|| panic!("{listed}"));
    assert!(row.contains(r"a rule\npanicked"), "an error stays in its line: {row}");
    let shown = ask(&["parked", "show", &line]);
    assert!(shown.contains("event 3") && shown.contains("event 5") && shown.contains("waits behind the one before it"), "{shown}");
    refused(&["parked", "show", "meetingroom/room/policies/reserve/none", "--url", &url], 1, &["not-parked"]);

    // It fails again, and says at what.
    let tried = run(&["parked", "retry", &line, "--url", &url]);
    assert_eq!(tried.code, 1, "{}{}", tried.stdout, tried.stderr);
    assert!(tried.stdout.contains("event 3 failed again") && tried.stdout.contains("left: 3"), "{}", tried.stdout);
    refused(&["parked", "discard", &line, "--event", "4", "--reason", "x", "--url", &url], 1, &["parked-moved-on"]);
    let discarded = ask(&["parked", "discard", &line, "--event", "3", "--reason", "it was written by hand"]);
    assert!(discarded.contains("/3") && discarded.contains("left: 2"), "{discarded}");
    let logged = until("it is logged", || yeyak.lines().into_iter().find(|said| said.contains("parked events were discarded")));
    assert!(logged.contains("it was written by hand") && logged.contains(&line), "{logged}");
    let tried = ask(&["parked", "retry", &line]);
    assert_eq!(tried, "handled: 2, left: 0\n");
    assert_eq!(ask(&["parked", "list"]), "nothing is parked\n");
    refused(&["parked", "retry", &line, "--url", &url], 1, &["not-parked"]);
    refused(&["parked", "discard", &line, "--all", "--reason", "x", "--url", &url], 1, &["not-parked"]);
    yeyak.terminate();
}

/// What is done to a sound store, and what is then told of it.
const DAMAGES: &[(&str, &str)] = &[
    ("UPDATE reserve_snapshots SET state = '{'", "meetingroom/reserve snapshot calendar/3: is not JSON"),
    ("UPDATE reserve_snapshots SET version = version - 1", "meetingroom/reserve snapshot calendar/3: is not the state"),
    ("UPDATE reserve_snapshots SET version = version + 5000", "meetingroom/reserve snapshot calendar/3: its snapshot is of version"),
    ("INSERT INTO reserve_snapshots VALUES ('calendar', '77', 1, '{}')", "meetingroom/reserve root calendar/77: has events or a snapshot"),
    ("UPDATE reserve_roots SET version = version + 1 WHERE key = '1'", "meetingroom/reserve root calendar/1: its version is"),
    ("UPDATE reserve_roots SET wake_at = wake_at + 1 WHERE key = '2'", "meetingroom/reserve wake-up calendar/2: its events say"),
    ("DELETE FROM reserve_roots WHERE key = '1'", "meetingroom/reserve root calendar/1: has events or a snapshot"),
    ("DELETE FROM reserve_events WHERE key = '1' AND version = 3", "meetingroom/reserve root calendar/1: after version 0 comes 4"),
    (
        "UPDATE reserve_events SET before = NULL WHERE key = '1' AND version = 3",
        "meetingroom/reserve root calendar/1: has events or a snapshot",
    ),
    ("UPDATE reserve_roots SET last = NULL WHERE key = '1'", "meetingroom/reserve root calendar/1: its version is"),
    ("UPDATE reserve_events SET data = '{}' WHERE key = '1' AND version = 3", "meetingroom/reserve root calendar/1: an event"),
    ("UPDATE reserve_events SET at = 1 WHERE key = '1' AND version = 3", "version 3 happens before the one in front of it"),
    (
        r#"UPDATE reserve_row_reserves SET "@json" = json_set("@json", '$.status', 'Odd'), status = 'Odd' WHERE id = 5"#,
        "meetingroom/reserve row reserves/5: status: events say \"Reserved\", the row says \"Odd\"",
    ),
    ("UPDATE reserve_row_reserves SET userId = 'x' WHERE id = 5", "meetingroom/reserve row reserves/5: it is not found under the userId"),
    ("DELETE FROM reserve_row_reserves WHERE id = 5", "meetingroom/reserve row reserves/5: its events make a row, and none stands"),
    (r#"INSERT INTO reserve_row_reserves (id, "@json") VALUES (9999, '{}')"#, "reserves/9999: a row stands, and no event makes it"),
    ("UPDATE reserve_sequences SET rows = rows + 1", "meetingroom/reserve row reserves: it is said to have "),
    ("UPDATE schedule_sequences SET rows = rows - 1", "meetingroom/schedule view roomTables@2: it is said to have "),
    ("DELETE FROM room_row_rooms WHERE id = 4", "meetingroom/room row rooms/4: its events make a row, and none stands"),
    ("UPDATE reserve_sequences SET value = value + 1 WHERE name LIKE '@feed/%'", "meetingroom/reserve feed shard"),
    ("UPDATE reserve_events SET seq = seq + 1000 WHERE key = '1' AND seq IS NOT NULL AND version > 4", "comes 100"),
    ("UPDATE reserve_events SET epoch = 7 WHERE key = '1' AND version = 3", "it says epoch 7, and stands in epoch 1"),
    ("UPDATE reserve_events SET published = 'x' WHERE key = '1' AND version = 3", "its published form is not JSON"),
    (
        "UPDATE reserve_events SET published = json_set(published, '$.userId', 'x') WHERE key = '1' AND version = 3",
        "meetingroom/reserve feed calendar/1: version 3 was published otherwise: userId: events say \"u",
    ),
    (
        "UPDATE reserve_events SET published = json_set(published, '$.odd', 1) WHERE key = '1' AND version = 3",
        "meetingroom/reserve feed calendar/1: version 3 was published otherwise: odd: events say null",
    ),
    ("UPDATE reserve_epochs SET after = 1", "its epochs do not follow each other"),
    ("UPDATE room_positions SET seq = seq + 5000", "meetingroom/room position policies/reserve/"),
    ("DELETE FROM room_positions", "it is missing, and its policies have reacted to"),
    ("UPDATE room_positions SET seq = 0", "it is at 0, and its policies have reacted to"),
    ("UPDATE room_positions SET consumer = 'nobody'", "there is no such consumer"),
    ("UPDATE schedule_positions SET epoch = 3", "it says epoch 3, and"),
    (r#"DELETE FROM "schedule_row_roomTables@2" WHERE id = 1"#, "meetingroom/schedule view roomTables@2/1: its events make a row"),
    (
        r#"UPDATE "schedule_row_roomTables@2" SET "@json" = json_set("@json", '$.status', 'Odd') WHERE id = 1"#,
        "view roomTables@2/1: status:",
    ),
    ("DELETE FROM schedule_history WHERE n = 1", "meetingroom/schedule history"),
    (
        "DELETE FROM schedule_positions WHERE consumer = 'roomTables@2'",
        "meetingroom/schedule position roomTables@2/reserve: it is missing, and there are rows: events would be folded into them once more",
    ),
    (
        "DELETE FROM schedule_positions WHERE consumer = 'slotBookings@2'",
        "position slotBookings@2/reserve: it is missing, and there are rows",
    ),
    ("DROP TABLE \"schedule_row_roomTables@2\"", "meetingroom/schedule view roomTables@2: it is served, and has no table"),
    (
        "UPDATE schedule_views SET version = 7 WHERE name = 'roomTables'",
        "meetingroom/schedule view roomTables@7: it is served until roomTables@2 has caught up, and has no table",
    ),
    ("DELETE FROM schedule_views WHERE name = 'roomTables'", "meetingroom/schedule view roomTables@2: no version is said to be served"),
    ("UPDATE reserve_records SET value = '{}' WHERE kind = 'call'", "meetingroom/reserve call"),
    (
        "UPDATE reserve_records SET key = 'odd' WHERE kind = 'call' AND key IN (SELECT key FROM reserve_records WHERE kind = 'call' LIMIT 1)",
        "meetingroom/reserve call odd: its key is none of a saga's step",
    ),
    ("UPDATE reserve_records SET value = 'x' WHERE kind = 'answer'", "meetingroom/reserve answer"),
    (
        r#"UPDATE reserve_records SET value = json_set(value, '$.answer.shown.id', 9999) WHERE kind = 'answer'"#,
        "reserves/9999, which no event makes",
    ),
    ("UPDATE reserve_sequences SET value = 3", "meetingroom/reserve counter reserves: it is at 3, and 273 was given already"),
    ("DELETE FROM reserve_sequences", "meetingroom/reserve counter reserves: it is missing, and 273 was given already"),
    ("DELETE FROM conference_sequences", "meetingroom/conference counter conferences: it is missing, and 1 was given already"),
    ("UPDATE conference_roots SET wake_at = 5 WHERE wake_at IS NULL", "meetingroom/conference wake-up"),
];

#[test]
fn each_damage_is_found_and_named() {
    let site = Site::new();
    let sound = filled(&site, "sound");
    let told = good(&["verify", "--data", sound.to_str().unwrap()]);
    assert!(told.starts_with("sound: ") && told.lines().count() == 1, "{told}");
    for (number, (sql, said)) in DAMAGES.iter().enumerate() {
        let data = site.path(&format!("damaged-{number}"));
        copied(&sound, &data);
        let changed = database(&data).execute(sql, []).unwrap();
        assert!(changed > 0 || sql.starts_with("DROP"), "{sql} does nothing");
        let ended = run(&["verify", "--data", data.to_str().unwrap()]);
        assert_eq!(ended.code, 1, "{sql}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stdout.contains(said), "{sql}: {said:?} is missing in {}", ended.stdout);
        assert!(ended.stdout.lines().last().unwrap().contains("difference"), "{}", ended.stdout);
    }
    // What is parked and was never published, or is not yet come to.
    let data = site.path("parked");
    copied(&sound, &data);
    park(&data, 3..=3, Some("{}"));
    assert!(run(&["verify", "--data", data.to_str().unwrap()]).stdout.contains("it is not the event that was published"));
}

/// What is not there yet is not missing: in a fresh installation, and where a release has added something and did not run yet.
#[test]
fn what_nobody_has_begun_is_no_difference() {
    let site = Site::new();
    site.serve("fresh").stop();
    assert!(good(&["verify", "--data", &site.text("fresh")]).starts_with("sound: "));
    let sound = filled(&site, "sound");
    let before: &[(&str, &str)] = &[
        // Of before the service was there, the view, or its version.
        (
            "no schedule",
            "DROP TABLE \"schedule_row_roomTables@2\"; DROP TABLE schedule_roots; DROP TABLE schedule_events; DROP TABLE schedule_sequences;
             DROP TABLE schedule_epochs; DROP TABLE schedule_positions;",
        ),
        (
            "no view",
            "DROP TABLE \"schedule_row_roomTables@2\"; DELETE FROM schedule_positions WHERE consumer = 'roomTables@2';
             DELETE FROM schedule_views WHERE name = 'roomTables'; DELETE FROM schedule_history WHERE view = 'roomTables@2';",
        ),
        (
            "another version",
            "ALTER TABLE \"schedule_row_roomTables@2\" RENAME TO \"schedule_row_roomTables@7\";
             UPDATE schedule_positions SET consumer = 'roomTables@7' WHERE consumer = 'roomTables@2';
             UPDATE schedule_history SET view = 'roomTables@7' WHERE view = 'roomTables@2';
             UPDATE schedule_views SET version = 7 WHERE name = 'roomTables';",
        ),
        // An event of before its published form had this field.
        ("a lesser form", "UPDATE reserve_events SET published = json_remove(published, '$.timestamp') WHERE key = '1' AND version = 3;"),
    ];
    for (name, sql) in before {
        let data = site.path(name);
        copied(&sound, &data);
        database(&data).execute_batch(sql).unwrap();
        let told = good(&["verify", "--data", data.to_str().unwrap()]);
        assert!(told.starts_with("sound: "), "{name}: {told}");
    }
}

#[test]
fn a_file_that_is_damaged_is_found_by_the_store_itself() {
    let site = Site::new();
    let data = filled(&site, "data");
    let file = data.join("meetingroom.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let page = 4096;
    // What the file has stands in front, and without it nothing can be opened.
    let behind = bytes.len() / page * 2 / 3 * page;
    for start in (behind..bytes.len()).step_by(page * 3) {
        bytes[start..start + 64].fill(0xAB);
    }
    std::fs::write(&file, bytes).unwrap();
    let ended = run(&["verify", "--data", data.to_str().unwrap()]);
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("meetingroom store file: "), "{}", ended.stdout);
}

#[test]
fn a_kill_in_the_middle_of_everything_leaves_what_is_sound() {
    let site = Site::new();
    let mut yeyak = site.serve("data");
    let api = yeyak.api();
    for _ in 0..3 {
        api.post("/rooms", &json!({"floor": "1", "openingRule": "days-ahead:90"})).expect(201);
    }
    std::thread::scope(|scope| {
        for client in 0..4 {
            let api = &api;
            scope.spawn(move || {
                for number in 0..100 {
                    if try_reserve(api, number * 4 + client).is_err() {
                        return;
                    }
                }
            });
        }
        until("there is something to lose", || (api.rows("/reserves").len() > 5).then_some(()));
        // While it runs and is written to, it is sound as well; also while a view takes the place of another.
        for view in ["room-tables", "room-slots", "room-tables"] {
            good(&["projections", "rebuild", &format!("meetingroom/schedule/{view}"), "--no-wait", "--url", &url(&yeyak)]);
            let told = good(&["verify", "--url", &url(&yeyak)]);
            assert!(told.starts_with("sound: "), "{told}");
        }
        yeyak.kill();
    });
    assert!(good(&["verify", "--data", &site.text("data")]).starts_with("sound: "));
}
