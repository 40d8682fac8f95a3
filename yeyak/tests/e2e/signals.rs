//! SIGTERM, which finishes what was begun, and kill -9, which loses nothing that was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::http::{Answer, connect, read_answer};
use crate::support::{Api, Stopwatch, Yeyak, rounds, until};

/// How long the process may take to leave.
const LEAVES_WITHIN: Duration = Duration::from_secs(5);

/// How often it is killed, unless `YEYAK_KILLS` says otherwise.
const KILLS: usize = 3;

/// How many clients there are at once.
const CLIENTS: usize = 8;

/// How many rooms there are, each with 105 slots from 2026-11-23 to 2026-12-07.
const ROOMS: usize = 12;

fn serve(data: &Path) -> Yeyak {
    Yeyak::serve(data, &["--faults", "--clock", "2026-11-23T07:30:00+09:00"])
}

fn add_rooms(api: &Api) {
    for _ in 0..ROOMS {
        api.post("/rooms", &json!({"floor": "1", "openingRule": "days-ahead:14"})).expect(201);
    }
}

/// One client's request for a slot, under a key of its own.
#[derive(Clone, Debug)]
struct Booking {
    key: String,
    body: String,
}

impl Booking {
    /// The slot with this number among those of all rooms; those of today are among them.
    fn of(number: usize) -> Self {
        let (room, slot) = (number % ROOMS + 1, number / ROOMS);
        let date = jiff::civil::date(2026, 11, 23).saturating_add(jiff::Span::new().days(i64::try_from(slot / 7).unwrap()));
        let start = format!("{:02}:00", 8 + slot % 7 * 2);
        let body = json!({"userId": format!("u{number}"), "roomId": room, "date": date.to_string(), "startTime": start});
        Self { key: format!("booking-{number}"), body: body.to_string() }
    }

    fn send(&self, api: &Api) -> std::io::Result<Answer> {
        api.try_send("POST", "/reserves", &[("Idempotency-Key", &self.key)], self.body.as_bytes())
    }
}

/// What a load of bookings came to.
#[derive(Default)]
struct Load {
    acknowledged: Vec<(Booking, Answer)>,
    /// Those that were taken back, and that this was acknowledged.
    canceled: BTreeSet<u64>,
    /// Those for which it was asked, without an answer.
    perhaps_canceled: BTreeSet<u64>,
    unanswered: Vec<Booking>,
    turned_away: usize,
}

/// Books slot after slot, and takes every fourth back, until the process is gone. `enough` is called once so many are acknowledged.
fn load(api: &Api, first: &AtomicUsize, count: usize, enough: impl FnOnce() + Send) -> Load {
    let acknowledged = AtomicUsize::new(0);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| client(api, first, &acknowledged))).collect();
        scope.spawn(|| {
            until("enough is acknowledged", || (acknowledged.load(Ordering::Acquire) >= count).then_some(()));
            enough();
        });
        let loads = clients.into_iter().map(|client| client.join().unwrap());
        loads.fold(Load::default(), |mut all, one| {
            all.acknowledged.extend(one.acknowledged);
            all.canceled.extend(one.canceled);
            all.perhaps_canceled.extend(one.perhaps_canceled);
            all.unanswered.extend(one.unanswered);
            all.turned_away += one.turned_away;
            all
        })
    })
}

fn client(api: &Api, next: &AtomicUsize, acknowledged: &AtomicUsize) -> Load {
    let mut load = Load::default();
    loop {
        let booking = Booking::of(next.fetch_add(1, Ordering::AcqRel));
        match booking.send(api) {
            Ok(answer) => {
                let row = answer.expect(201);
                load.acknowledged.push((booking, answer));
                let id = row["id"].as_u64().unwrap();
                if acknowledged.fetch_add(1, Ordering::AcqRel).is_multiple_of(4) {
                    match api.try_send("DELETE", &format!("/reserves/{id}"), &[], b"") {
                        Ok(answer) => {
                            answer.expect(204);
                            load.canceled.insert(id);
                        }
                        Err(_) => _ = load.perhaps_canceled.insert(id),
                    }
                }
            }
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                load.turned_away += 1;
                return load;
            }
            // The connection stood, and broke: nobody knows whether this one was begun.
            Err(_) => load.unanswered.push(booking),
        }
    }
}

fn by_id(api: &Api) -> BTreeMap<u64, Value> {
    let mut rows = BTreeMap::new();
    for status in ["Reserved", "Canceled"] {
        for room in 1..=ROOMS {
            for row in api.rows(&format!("/reserves?roomId={room}&status={status}")) {
                assert!(rows.insert(row["id"].as_u64().unwrap(), row).is_none(), "one id stands once");
            }
        }
    }
    rows
}

/// That every acknowledged booking is there once, that its key gives the same answer, and that what nobody was told stands once at most.
fn check_kept(api: &Api, load: &Load) {
    let before = by_id(api);
    let mut slots = BTreeSet::new();
    for row in before.values().filter(|row| row["status"] == "Reserved") {
        assert!(slots.insert(format!("{} {}", row["roomId"], row["startsAt"])), "a slot is had twice: {row}");
    }
    for (booking, answer) in &load.acknowledged {
        let told = answer.json();
        let id = told["id"].as_u64().unwrap();
        let kept = before.get(&id).unwrap_or_else(|| panic!("{told} was acknowledged, and is gone"));
        for field in ["userId", "roomId", "date", "startTime", "endTime", "startsAt", "endsAt"] {
            assert_eq!(kept[field], told[field]);
        }
        let canceled = kept["status"] == "Canceled";
        assert!(canceled || !load.canceled.contains(&id), "a cancelled one stands: {kept}");
        assert!(!canceled || load.canceled.contains(&id) || load.perhaps_canceled.contains(&id), "one that stood is cancelled: {kept}");
        let again = booking.send(api).unwrap();
        assert_eq!((again.status, &again.body, again.header("location")), (201, &answer.body, answer.header("location")));
    }
    assert_eq!(by_id(api).len(), before.len(), "a key that is repeated repeats nothing");
    for booking in &load.unanswered {
        booking.send(api).unwrap().expect(201);
        booking.send(api).unwrap().expect(201);
        let user = serde_json::from_str::<Value>(&booking.body).unwrap()["userId"].clone();
        assert_eq!(api.rows(&format!("/reserves?userId={}", user.as_str().unwrap())).len(), 1, "{booking:?}");
    }
}

/// That all views come to say what `/reserves` says.
fn check_views(api: &Api) {
    let standing: Vec<_> = by_id(api).into_values().filter(|row| row["status"] == "Reserved").collect();
    let mut by_date: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let shown = |room: &Value, start: &Value, id: &Value, user: &Value| format!("room {room} {start} {id} {user}");
    for row in &standing {
        let slots = by_date.entry(row["date"].as_str().unwrap().to_owned()).or_default();
        slots.insert(shown(&row["roomId"], &row["startTime"], &row["id"], &row["userId"]));
    }
    for (date, expected) in &by_date {
        until("the slots of a day agree with the reservations", || {
            let slots = api.rows(&format!("/roomSlots?date={date}"));
            let taken = slots.iter().filter(|slot| slot["status"] == "Reserved");
            let taken = taken.map(|slot| shown(&slot["roomId"], &slot["startTime"], &slot["reserveId"], &slot["userId"]));
            (taken.collect::<BTreeSet<_>>() == *expected).then_some(())
        });
    }
    // At half past seven a room shows the slot of eight o'clock.
    let leading =
        |room: &Value| standing.iter().find(|row| row["roomId"] == *room && row["date"] == "2026-11-23" && row["startTime"] == "08:00");
    until("the rooms' tables agree with the reservations", || {
        let tables = api.rows("/roomTables");
        assert_eq!(tables.len(), ROOMS);
        let agrees = |table: &Value| {
            let leading = leading(&table["roomId"]);
            let (status, nobody) = (if leading.is_some() { "Reserved" } else { "Available" }, Value::Null);
            let (id, user) = leading.map_or((&nobody, &nobody), |row| (&row["id"], &row["userId"]));
            table["status"] == status && table["reserveId"] == *id && table["userId"] == *user
        };
        tables.iter().all(agrees).then_some(())
    });
    until("the rooms agree with the reservations", || {
        let rooms = api.rows("/rooms");
        rooms.iter().all(|room| room["status"] == if leading(&room["id"]).is_some() { "Reserved" } else { "Available" }).then_some(())
    });
    let health = api.get("/actuator/health").expect(200);
    assert_eq!(health["status"], "UP", "{health}");
}

#[test]
fn kill_9_loses_nothing_that_was_acknowledged_and_repeats_nothing() {
    let data = TempDir::new().unwrap();
    let mut yeyak = serve(data.path());
    add_rooms(&yeyak.api());
    let (next, kills) = (AtomicUsize::new(0), rounds("YEYAK_KILLS", KILLS));
    let mut all = Load::default();
    for kill in 0..kills {
        // Killed sooner and later, so that it is busy with different things; and not so late that the slots run out.
        let count = (13 + kill * 7 % 50).min(ROOMS * 105 / kills / 2);
        let load = load(&yeyak.api(), &next, count, || yeyak.kill());
        yeyak.assert_no_faults();
        yeyak = serve(data.path());
        println!(
            "kill {}: {} acknowledged, {} without an answer; ready again after {:?}",
            kill + 1,
            load.acknowledged.len(),
            load.unanswered.len(),
            yeyak.ready_after
        );
        check_kept(&yeyak.api(), &load);
        check_views(&yeyak.api());
        all.acknowledged.extend(load.acknowledged);
        all.canceled.extend(load.canceled);
        all.perhaps_canceled.extend(load.perhaps_canceled);
    }
    // Whatever was acknowledged before any of the kills.
    check_kept(&yeyak.api(), &all);
    yeyak.stop();
}

#[test]
fn sigterm_answers_what_was_begun_and_keeps_what_was_acknowledged() {
    let data = TempDir::new().unwrap();
    let mut yeyak = serve(data.path());
    let api = yeyak.api();
    add_rooms(&api);

    // These are certainly begun: the server has asked for their bodies.
    let number = ROOMS * 105 - 1;
    let mut begun: Vec<_> = (number - 4..number)
        .map(|number| {
            let body = Booking::of(number).body;
            let mut stream = connect(api.address).unwrap();
            let head = format!("POST /reserves HTTP/1.1\r\nHost: yeyak\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).unwrap();
            let mut stream = BufReader::new(stream);
            let go_on = read_answer(&mut stream, "POST").unwrap().unwrap();
            assert_eq!(go_on.status, 100);
            (body, stream)
        })
        .collect();

    let (watch, next) = (Stopwatch::start(), AtomicUsize::new(0));
    let load = load(&api, &next, 40, || yeyak.terminate());
    let mut load = load;
    for (body, stream) in &mut begun {
        stream.get_mut().write_all(body.as_bytes()).unwrap();
        let answer = read_answer(stream, "POST").unwrap().expect("what was begun is answered");
        answer.expect(201);
        let id = answer.json()["id"].clone();
        assert!(id.is_u64());
    }
    let status = yeyak.ended();
    assert!(status.success(), "{status}: {:#?}", yeyak.lines());
    yeyak.assert_no_faults();
    println!(
        "{} acknowledged, {} connections broken before they were served, {} refused; gone after {:?}",
        load.acknowledged.len(),
        load.unanswered.len(),
        load.turned_away,
        watch.elapsed()
    );
    assert_eq!(load.turned_away, CLIENTS);

    let yeyak = serve(data.path());
    let api = yeyak.api();
    // A connection that nobody had accepted yet was reset by the system: such a request was never begun.
    for booking in std::mem::take(&mut load.unanswered) {
        let user = serde_json::from_str::<Value>(&booking.body).unwrap()["userId"].clone();
        assert!(api.rows(&format!("/reserves?userId={}", user.as_str().unwrap())).is_empty(), "{booking:?} stands, and was not answered");
    }
    check_kept(&api, &load);
    for (body, _) in &begun {
        let user = serde_json::from_str::<Value>(body).unwrap()["userId"].clone();
        assert_eq!(api.rows(&format!("/reserves?userId={}", user.as_str().unwrap())).len(), 1);
    }
    check_views(&api);
    yeyak.stop();
}

#[test]
fn sigterm_waits_for_nobody_who_says_nothing() {
    let mut yeyak = Yeyak::rooms(&["--samples"]);
    let idle = |sent: &str| {
        let mut stream = connect(yeyak.address).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
        BufReader::new(stream)
    };
    let mut kept_alive = idle("GET /rooms HTTP/1.1\r\nHost: yeyak\r\n\r\n");
    assert_eq!(read_answer(&mut kept_alive, "GET").unwrap().unwrap().status, 200);
    let mut silent = idle("");
    let mut half_a_head = idle("POST /reserves HTTP/1.1\r\nHost: yey");
    let mut half_a_body = idle("POST /reserves HTTP/1.1\r\nHost: yeyak\r\nContent-Length: 50\r\n\r\n{\"userId\"");
    // All of them were accepted once one that came later was answered.
    yeyak.api().get("/rooms").expect(200);

    let watch = Stopwatch::start();
    yeyak.terminate();
    let status = yeyak.ended();
    let took = watch.elapsed();
    assert!(status.success(), "{status}");
    assert!(took < LEAVES_WITHIN, "it left after {took:?}");
    println!("gone after {took:?}, with four who said nothing");
    yeyak.assert_no_faults();
    for stream in [&mut kept_alive, &mut silent, &mut half_a_head, &mut half_a_body] {
        let mut rest = Vec::new();
        // Closed or reset, but over; and nobody was told that something happened.
        let _ = stream.read_to_end(&mut rest);
        assert!(!rest.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&rest));
    }
}

#[test]
fn sigterm_without_anybody_there_is_quick() {
    for signal in ["-TERM", "-INT"] {
        let mut yeyak = Yeyak::rooms(&["--samples"]);
        let watch = Stopwatch::start();
        yeyak.signal(signal);
        assert!(yeyak.ended().success());
        assert!(watch.elapsed() < Duration::from_secs(2), "{:?}", watch.elapsed());
    }
}

#[test]
fn sigterm_while_it_starts_is_not_lost() {
    for _ in 0..5 {
        let data = TempDir::new().unwrap();
        let mut yeyak =
            Yeyak::starting(&["serve", "meetingroom", "--listen", "127.0.0.1:0", "--samples", "--data", data.path().to_str().unwrap()]);
        // From here on it is being started: the directory is its own, and the store is being made.
        until("it has begun", || data.path().join("lock").exists().then_some(()));
        yeyak.terminate();
        let status = yeyak.ended();
        assert!(status.success(), "{status}: {:#?}", yeyak.lines());
        // It can be started again on what it left.
        Yeyak::serve(data.path(), &["--samples"]).stop();
    }
}

#[test]
fn sighup_takes_what_it_can_and_says_what_it_cannot() {
    let data = TempDir::new().unwrap();
    let config = data.path().join("yeyak.toml");
    let write = |text: &str| std::fs::write(&config, text).unwrap();
    let told = |yeyak: &Yeyak, what: &str| {
        until(what, || yeyak.lines().iter().any(|line| line.contains(what)).then_some(()));
    };
    write("log.level = \"info\"\n");
    let directory = data.path().join("data");
    let mut yeyak = Yeyak::serve(&directory, &["--config", config.to_str().unwrap()]);
    yeyak.signal("-HUP");
    told(&yeyak, "INFO yeyak::reload: the configuration was read again");
    write("log.level = \"debug\"\nlimits.queue = 7\n");
    yeyak.signal("-HUP");
    told(&yeyak, "takes a restart restart=\"limits\"");
    write("log.level = \"loud\"\n");
    yeyak.signal("-HUP");
    told(&yeyak, "nothing was changed");
    yeyak.api().get("/rooms").expect(200);
    yeyak.terminate();
    assert!(yeyak.ended().success());
}

#[test]
fn sigterm_first_says_that_it_is_no_longer_ready() {
    let data = TempDir::new().unwrap();
    let config = data.path().join("yeyak.toml");
    std::fs::write(&config, "limits.drain-seconds = 60\n").unwrap();
    let mut yeyak = Yeyak::serve(&data.path().join("data"), &["--config", config.to_str().unwrap()]);
    let api = yeyak.api();
    api.get("/actuator/health/readiness").expect(200);
    yeyak.terminate();
    until("it is not ready", || (api.try_send("GET", "/actuator/health/readiness", &[], b"").unwrap().status == 503).then_some(()));
    // It still answers, until those who send to it know; and it can be told to be quick about it.
    api.get("/actuator/health/liveness").expect(200);
    api.get("/rooms").expect(200);
    yeyak.terminate();
    assert!(yeyak.ended().success());
}
