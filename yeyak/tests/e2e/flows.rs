//! Meeting rooms as people use them: from the first room to the last maintenance, with services that are down in between, through each
//! of the doors that there are.

use serde_json::{Value, json};

use crate::support::{Api, Yeyak, command, loopback, until};

/// Monday, within the slot from 10:00 to 11:50.
const MORNING: &str = "2026-11-23T10:05:00+09:00";

/// Where each service is reached.
struct Site {
    conference: Api,
    reserve: Api,
    room: Api,
    schedule: Api,
    maintenance: Api,
    /// Where the fault switch is.
    operator: Api,
}

impl Site {
    /// All behind one door.
    fn of(yeyak: &Yeyak, base: &str) -> Self {
        let api = yeyak.api().under(base);
        let [conference, reserve, room, schedule, maintenance] = std::array::from_fn(|_| api.clone());
        Self { conference, reserve, room, schedule, maintenance, operator: yeyak.api() }
    }

    /// Each at its own port.
    fn at_ports(yeyak: &Yeyak) -> Self {
        let at = |port| Api::new((yeyak.address.ip(), port).into());
        Self { conference: at(8081), reserve: at(8082), room: at(8083), schedule: at(8084), maintenance: at(8085), operator: yeyak.api() }
    }

    /// A room that is on the schedule.
    #[track_caller]
    fn add_room(&self, rule: &str) -> Value {
        let room = self.room.post("/rooms", &json!({"floor": "7", "name": "Hangang", "capacity": "8", "openingRule": rule})).expect(201);
        self.shows(&room["id"], "Available", &Value::Null);
        room["id"].clone()
    }

    /// Waits until the schedule and the catalogue show a room like this.
    #[track_caller]
    fn shows(&self, room: &Value, status: &str, reserve: &Value) {
        until(&format!("/roomTables shows room {room} as {status}, reservation {reserve}"), || {
            let row = self.schedule.get(&format!("/roomTables/{room}"));
            let row = if row.status == 404 { return None } else { row.expect(200) };
            (row["status"] == status && row["reserveId"] == *reserve && row["roomId"] == *room).then_some(())
        });
        if status != "Available" {
            until(&format!("/rooms shows room {room} as {status}"), || {
                (self.room.get(&format!("/rooms/{room}")).expect(200)["status"] == status).then_some(())
            });
        }
    }

    /// Does something while a service has a fault.
    fn during<T>(&self, service: &str, fault: &str, work: impl FnOnce() -> T) -> T {
        self.operator.post("/actuator/faults", &json!({"service": format!("meetingroom/{service}"), fault: "true"})).expect(200);
        let done = work();
        self.operator.delete("/actuator/faults").expect(204);
        done
    }
}

/// The values that a reservation is sent with, as texts, in the manner of HTTPie.
fn asks(user: &str, room: &Value) -> Value {
    json!({"userId": user, "roomId": room.to_string()})
}

fn starts(user: &str, room: &Value, reserve: &Value) -> Value {
    json!({"userId": user, "roomId": room.to_string(), "reserveId": reserve.to_string()})
}

/// The story that the documents of the system tell.
fn from_the_first_room_to_the_last_maintenance(site: &Site) {
    let room = site.add_room("same-day");
    let reserve = site.reserve.post("/reserves", &asks("1", &room)).expect(201);
    assert_eq!((&reserve["date"], &reserve["startTime"], &reserve["endTime"]), (&json!("2026-11-23"), &json!("10:00"), &json!("11:50")));
    assert_eq!((&reserve["status"], &reserve["conferenceId"]), (&json!("Reserved"), &Value::Null));
    let id = &reserve["id"];
    site.shows(&room, "Reserved", id);

    // What stands is in the way of everybody else, and is shown to the one whose it is.
    let taken = site.reserve.post("/reserves", &asks("2", &room)).problem(409, "slot-taken");
    assert_eq!(taken["inTheWay"], json!({"reserveId": id, "start": reserve["startsAt"], "end": reserve["endsAt"]}));
    assert_eq!(site.reserve.post("/reserves", &asks("1", &room)).expect(200)["id"], *id);
    let reserved = site.maintenance.post("/maintenances", &json!({"roomId": room})).problem(409, "reserved");
    assert_eq!(reserved["inTheWay"][0]["reserveId"], *id);
    site.conference.post("/conferences", &starts("2", &room, id)).problem(403, "not-the-reserver");
    site.reserve.send("DELETE", &format!("/reserves/{id}"), Some(&json!({"userId": "2"}))).problem(403, "not-the-reserver");

    let meeting = site.conference.post("/conferences", &starts("1", &room, id)).expect(201);
    assert_eq!((&meeting["status"], &meeting["reserveId"], &meeting["userId"]), (&json!("Started"), id, &json!("1")));
    site.shows(&room, "Started", id);
    site.conference.post("/conferences", &starts("1", &room, id)).problem(409, "already-started");
    site.reserve.delete(&format!("/reserves/{id}")).problem(409, "already-started");
    site.conference
        .send("DELETE", &format!("/conferences/{}", meeting["id"]), Some(&json!({"userId": "2"})))
        .problem(403, "not-the-reserver");

    // A meeting that is over gives back what is left of its slot.
    for _ in 0..2 {
        site.conference.delete(&format!("/conferences/{}", meeting["id"])).expect(204);
    }
    site.shows(&room, "Available", &Value::Null);
    site.conference.post("/conferences", &starts("1", &room, id)).problem(409, "not-startable");
    let again = site.reserve.post("/reserves", &asks("2", &room)).expect(201);
    for _ in 0..2 {
        site.reserve.delete(&format!("/reserves/{}", again["id"])).expect(204);
    }
    site.shows(&room, "Available", &Value::Null);

    let maintenance = site.maintenance.post("/maintenances", &json!({"roomId": room.to_string()})).expect(201);
    assert_eq!((&maintenance["status"], &maintenance["until"]), (&json!("Started"), &Value::Null));
    assert_eq!(site.maintenance.post("/maintenances", &json!({"roomId": room})).expect(200)["id"], maintenance["id"]);
    site.shows(&room, "Maintenance", &Value::Null);
    let closed = site.reserve.post("/reserves", &asks("1", &room)).problem(409, "under-maintenance");
    assert_eq!(closed["inTheWay"]["maintenanceId"], maintenance["id"]);
    site.maintenance.delete(&format!("/maintenances/{}", maintenance["id"])).expect(204);
    site.shows(&room, "Available", &Value::Null);
    site.reserve.post("/reserves", &asks("3", &room)).expect(201);
}

/// What goes on while a service is away, and what is refused at once.
fn while_services_are_down(site: &Site) {
    let room = site.add_room("same-day");
    let reserve = site.reserve.post("/reserves", &asks("7", &room)).expect(201);
    let id = &reserve["id"];
    site.shows(&room, "Reserved", id);

    // Reserve decides; without it nothing begins, and nothing is left of what was asked.
    site.during("reserve", "down", || {
        for (api, path, body) in [
            (&site.conference, "/conferences", starts("7", &room, id)),
            (&site.maintenance, "/maintenances", json!({"roomId": room})),
            (&site.room, "/rooms", json!({"floor": "8"})),
            (&site.reserve, "/reserves", asks("7", &room)),
        ] {
            let refused = api.post(path, &body);
            refused.problem(503, "service-unavailable");
            assert!(refused.header("retry-after").is_some());
        }
    });
    assert!(site.conference.rows("/conferences").iter().all(|meeting| meeting["roomId"] != room));
    assert!(site.maintenance.rows(&format!("/maintenances?roomId={room}")).is_empty());
    assert!(site.room.rows("/rooms?floor=8").is_empty());

    // Room only follows, and catches up.
    let meeting = site.during("room", "down", || {
        site.room.get("/rooms").problem(503, "service-unavailable");
        site.conference.post("/conferences", &starts("7", &room, id)).expect(201)
    });
    site.shows(&room, "Started", id);
    site.during("room", "down", || {
        site.conference.delete(&format!("/conferences/{}", meeting["id"])).expect(204);
        let other = until("the slot is free again", || {
            let answer = site.reserve.post("/reserves", &asks("8", &room));
            (answer.status != 409).then(|| answer.expect(201))
        });
        site.reserve.delete(&format!("/reserves/{}", other["id"])).expect(204);
    });
    until("room catches up", || (site.room.get(&format!("/rooms/{room}")).expect(200)["status"] == "Available").then_some(()));

    // What follows is late while schedule is down, and there after it.
    let reserve = site.during("schedule", "down", || {
        site.schedule.get("/roomTables").problem(503, "service-unavailable");
        site.reserve.post("/reserves", &asks("9", &room)).expect(201)
    });
    site.shows(&room, "Reserved", &reserve["id"]);

    // One that is made to refuse still shows what it has.
    site.during("reserve", "refuse", || {
        site.reserve.post("/reserves", &asks("9", &room)).problem(409, "refused-on-purpose");
        site.conference.post("/conferences", &starts("9", &room, &reserve["id"])).problem(409, "refused-on-purpose");
        site.reserve.get("/reserves").expect(200);
        assert_eq!(site.reserve.send("HEAD", "/reserves", None).status, 200);
    });
    site.conference.post("/conferences", &starts("9", &room, &reserve["id"])).expect(201);
    let health = site.operator.get("/actuator/health").expect(200);
    assert_eq!(health["status"], "UP", "{health}");
}

/// A callee that is slower than its caller waits: refused, and nothing stands afterwards.
fn while_reserve_is_slow(site: &Site) {
    let room = site.add_room("same-day");
    let reserve = site.reserve.post("/reserves", &asks("1", &room)).expect(201);
    site.operator.post("/actuator/faults", &json!({"service": "meetingroom/reserve", "delayMs": "800"})).expect(200);
    let slow = site.conference.post("/conferences", &starts("1", &room, &reserve["id"]));
    slow.problem(503, "service-unavailable");
    site.operator.delete("/actuator/faults").expect(204);
    // Its late start is taken back, so that it can be cancelled, or started after all.
    let meeting = until("the start can be asked for again", || {
        let answer = site.conference.post("/conferences", &starts("1", &room, &reserve["id"]));
        (answer.status == 201).then(|| answer.expect(201))
    });
    assert_eq!(site.conference.rows(&format!("/conferences?roomId={room}")).len(), 1);
    site.shows(&room, "Started", &reserve["id"]);
    site.conference.delete(&format!("/conferences/{}", meeting["id"])).expect(204);
    site.shows(&room, "Available", &Value::Null);
}

#[test]
fn without_the_systems_name() {
    let yeyak = Yeyak::rooms(&["--samples", "--faults", "--clock", MORNING]);
    let site = Site::of(&yeyak, "");
    from_the_first_room_to_the_last_maintenance(&site);
    while_services_are_down(&site);
    while_reserve_is_slow(&site);
    yeyak.stop();
}

#[test]
fn below_the_systems_name() {
    let yeyak = Yeyak::demo(&["--empty", "--faults", "--clock", MORNING]);
    let site = Site::of(&yeyak, "/meetingroom");
    from_the_first_room_to_the_last_maintenance(&site);
    while_services_are_down(&site);
    let created = yeyak.api().post("/meetingroom/rooms", &json!({"floor": 1})).json();
    assert_eq!(created["_links"]["self"]["href"], format!("/meetingroom/rooms/{}", created["id"]));
    yeyak.stop();
}

#[test]
fn at_the_services_own_ports() {
    // Should they be taken all the same, whoever has them will go.
    let data = tempfile::TempDir::new().unwrap();
    let listen = format!("{}:0", loopback(2));
    let flags = ["--service-ports", "--faults", "--listen", &listen, "--clock", MORNING, "--data", data.path().to_str().unwrap()];
    let arguments = [&["serve", "meetingroom"][..], &flags].concat();
    let yeyak = until("the ports are free", || match Yeyak::run(command().args(&arguments)) {
        Ok(yeyak) => Some(yeyak),
        Err(lines) if lines.iter().any(|line| line.contains("taken")) => None,
        Err(lines) => panic!("{lines:#?}"),
    });
    let site = Site::at_ports(&yeyak);
    from_the_first_room_to_the_last_maintenance(&site);
    while_services_are_down(&site);
    // Each port has its service alone, and everybody's health.
    site.reserve.get("/rooms").problem(404, "not-found");
    site.room.get("/reserves").problem(404, "not-found");
    site.schedule.get("/actuator/health/readiness").expect(200);
    // The door to all is there as well.
    from_the_first_room_to_the_last_maintenance(&Site::of(&yeyak, ""));
    yeyak.stop();
}

#[test]
fn rooms_open_by_their_rules() {
    let yeyak = Yeyak::rooms(&["--clock", "2026-11-23T21:55:00+09:00"]);
    let site = Site::of(&yeyak, "");
    let [today, ticket, ahead] = ["same-day", "slot-start", "days-ahead:14"].map(|rule| site.add_room(rule));

    // After the last slot of the day.
    let none_left = site.reserve.post("/reserves", &asks("1", &today)).problem(409, "no-slot-left");
    assert_eq!(none_left["nextOpening"], "2026-11-23T15:00:00Z");
    assert_eq!(none_left["nextSlot"], json!({"date": "2026-11-24", "startTime": "08:00", "endTime": "09:50"}));
    let none_left = site.reserve.post("/reserves", &asks("1", &ticket)).problem(409, "no-slot-left");
    assert_eq!(none_left["nextOpening"], "2026-11-23T23:00:00Z");

    let on = |room: &Value, date: &str, start: &str| {
        site.reserve.post("/reserves", &json!({"userId": "1", "roomId": room, "date": date, "startTime": start}))
    };
    assert_eq!(on(&today, "20261124", "08:00").problem(409, "not-open-yet")["opensAt"], "2026-11-23T15:00:00Z");
    assert_eq!(on(&ticket, "2026-11-24", "10:00").problem(409, "not-open-yet")["opensAt"], "2026-11-24T01:00:00Z");
    on(&ahead, "2026-11-23", "08:00").problem(409, "slot-over");
    on(&ahead, "2026-11-22", "08:00").problem(409, "slot-over");
    assert_eq!(on(&ahead, "20261124", "08:00").expect(201)["startsAt"], "2026-11-23T23:00:00Z");
    on(&ahead, "2026-12-07", "20:00").expect(201);
    on(&ahead, "2026-12-08", "08:00").problem(409, "not-open-yet");
    let no_such_slot = on(&ahead, "2026-11-24", "08:30").problem(422, "no-such-slot");
    assert_eq!(no_such_slot["slots"][0], json!({"start": "08:00", "end": "09:50"}));

    let own = site.room.post("/rooms", &json!({"floor": 1, "openingRule": "days-ahead:1", "slots": "22:00-23:00,23:00-24:00"})).expect(201);
    let taken = site.reserve.post("/reserves", &asks("1", &own["id"])).expect(201);
    assert_eq!((&taken["startTime"], &taken["endTime"]), (&json!("22:00"), &json!("23:00")));
    yeyak.stop();
}

#[test]
fn what_is_over_ends_by_itself() {
    // Five seconds before the end of a slot.
    let yeyak = Yeyak::rooms(&["--clock", "2026-11-23T11:49:55+09:00"]);
    let site = Site::of(&yeyak, "");
    let (held, closed) = (site.add_room("same-day"), site.add_room("same-day"));
    let reserve = site.reserve.post("/reserves", &asks("1", &held)).expect(201);
    let meeting = site.conference.post("/conferences", &starts("1", &held, &reserve["id"])).expect(201);
    let until_then = json!({"roomId": closed, "until": reserve["endsAt"]});
    let maintenance = site.maintenance.post("/maintenances", &until_then).expect(201);
    site.shows(&closed, "Maintenance", &Value::Null);

    let ended = |api: &Api, path: String| {
        until(&format!("{path} has ended"), || Some(api.get(&path).expect(200)).filter(|row| row["status"] == "Ended"))
    };
    let meeting = ended(&site.conference, format!("/conferences/{}", meeting["id"]));
    assert_eq!(meeting["endedAt"], reserve["endsAt"]);
    ended(&site.reserve, format!("/reserves/{}", reserve["id"]));
    let maintenance = ended(&site.maintenance, format!("/maintenances/{}", maintenance["id"]));
    assert_eq!(maintenance["endedAt"], reserve["endsAt"]);
    for room in [&held, &closed] {
        site.shows(room, "Available", &Value::Null);
        assert_eq!(site.reserve.post("/reserves", &asks("2", room)).expect(201)["startTime"], "12:00");
    }
    yeyak.stop();
}

#[test]
fn a_request_that_is_repeated_under_its_key_happens_once() {
    let yeyak = Yeyak::rooms(&["--samples", "--faults", "--clock", MORNING]);
    let api = yeyak.api();
    let post = |path: &str, key: &str, body: &str| api.try_send("POST", path, &[("Idempotency-Key", key)], body.as_bytes()).unwrap();
    for (path, key, body, other) in [
        ("/reserves", "r", r#"{"userId": "1", "roomId": 1}"#, r#"{"userId": "1", "roomId": 3}"#),
        ("/rooms", "r", r#"{"floor": "4"}"#, r#"{"floor": "5"}"#),
        ("/conferences", "c", r#"{"userId": "1", "roomId": 1, "reserveId": 1}"#, r#"{"userId": "1", "roomId": 2, "reserveId": 1}"#),
        ("/maintenances", "m", r#"{"roomId": 4}"#, r#"{"roomId": 3}"#),
    ] {
        let first = post(path, key, body);
        let location = format!("{path}/{}", first.expect(201)["id"]);
        assert_eq!(first.header("location"), Some(location.as_str()));
        let again = post(path, key, body);
        assert_eq!((again.status, &again.body, again.header("location")), (201, &first.body, Some(location.as_str())));
        post(path, key, other).problem(422, "idempotency-key-reused");
        // Nobody has proven to be who a body names, so another name makes no other key.
        let stranger = r#"{"userId": "2", "roomId": 1, "reserveId": 1, "floor": "6"}"#;
        post(path, key, stranger).problem(422, "idempotency-key-reused");
    }
    // What was refused is decided anew.
    let body = r#"{"userId": "2", "roomId": 1}"#;
    post("/reserves", "n", body).problem(409, "slot-taken");
    api.delete("/conferences/1").expect(204);
    until("the room is free", || (post("/reserves", "n", body).status == 201).then_some(()));
    yeyak.stop();
}

#[test]
fn collections_page_sort_and_filter() {
    let yeyak = Yeyak::rooms(&["--samples", "--clock", MORNING]);
    let api = yeyak.api();
    for user in 1..=5 {
        let body = json!({"userId": user, "roomId": 3, "date": "2026-11-24", "startTime": format!("{:02}:00", 8 + 2 * (user % 3))});
        let answer = api.post("/reserves", &body);
        assert_eq!(answer.status, if user <= 3 { 201 } else { 409 });
    }
    let ids = |path: &str| api.rows(path).iter().map(|row| row["id"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(ids("/reserves"), [1, 2, 3]);
    assert_eq!(ids("/reserves?sort=userId,desc"), [3, 2, 1]);
    assert_eq!(ids("/reserves?userId=2"), [2]);
    assert_eq!(ids("/reserves?status=Canceled"), Vec::<u64>::new());
    assert_eq!(ids("/rooms?floor=3&sort=id,desc"), [4, 3]);
    let page = api.get("/reserves?size=2&page=1").expect(200);
    assert_eq!(page["page"], json!({"size": 2, "totalElements": 3, "totalPages": 2, "number": 1}));
    assert_eq!(page["_embedded"]["reserves"][0]["id"], 3);
    assert_eq!(page["_links"]["prev"]["href"], "/reserves?page=0&size=2");
    let wrong = api.get("/reserves?colour=red&size=0").problem(422, "invalid-fields");
    assert_eq!(wrong["errors"].as_array().unwrap().len(), 2);
    yeyak.stop();
}

#[test]
fn a_history_tells_what_happened_and_why() {
    let yeyak = Yeyak::rooms(&["--samples", "--clock", MORNING]);
    let api = yeyak.api();
    api.post("/reserves", &asks("1", &json!(1))).expect(201);
    api.post("/conferences", &starts("1", &json!(1), &json!(1))).expect(201);
    api.delete("/conferences/1").expect(204);
    let entries = until("the reservation ends", || {
        let history = api.get("/reserves/1/history").expect(200);
        let entries = history["_embedded"]["history"].as_array().unwrap().clone();
        (entries.len() == 3).then_some(entries)
    });
    let told = |entry: &Value| entry["type"].as_str().unwrap().to_owned();
    assert_eq!(entries.iter().map(told).collect::<Vec<_>>(), ["reserved", "started", "ended"]);
    assert_eq!((&entries[0]["caller"], &entries[0]["causation"]), (&json!("person:1"), &json!("POST /reserves")));
    assert_eq!(entries[1]["causation"], "conference/start-meeting/1");
    assert_eq!(entries[2]["caller"], "internal:policy:reserve/end-meeting");
    assert!(entries.windows(2).all(|pair| pair[0]["position"].as_u64() < pair[1]["position"].as_u64()));
    // The meeting's story is that of the request which started it.
    let meeting = api.get("/conferences/1/history").expect(200);
    assert_eq!(meeting["_embedded"]["history"][0]["correlation"], entries[1]["correlation"]);
    yeyak.stop();
}

#[test]
fn every_link_leads_somewhere() {
    let yeyak = Yeyak::rooms(&["--samples", "--clock", MORNING]);
    let api = yeyak.api();
    api.post("/reserves", &asks("1", &json!(1))).expect(201);
    api.post("/conferences", &starts("1", &json!(1), &json!(1))).expect(201);
    api.post("/maintenances", &json!({"roomId": 2})).expect(201);
    let found: Vec<_> = ["rooms", "reserves", "conferences", "maintenances", "roomTables", "reserveTables", "roomSlots"]
        .iter()
        .map(|collection| until("there is a row", || api.rows(&format!("/{collection}")).into_iter().next()))
        .collect();
    for row in found {
        for (name, link) in row["_links"].as_object().unwrap() {
            let href = link["href"].as_str().unwrap();
            // Who follows a move changes something; that it is there is told by the methods that its path has.
            let answer = api.send(if link["method"].is_null() { "GET" } else { "PUT" }, href, None);
            let allowed = answer.header("allow").unwrap_or_default();
            let leads = link["method"].as_str().map_or(answer.status == 200, |method| allowed.contains(method));
            assert!(leads, "{name} of {row} leads to {answer:?}");
        }
    }
    yeyak.stop();
}
