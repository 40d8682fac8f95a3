//! A backup taken under load, restored, verified, and gone on from; and everything that is no backup, or no place for one.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::steering::{Site, good, refused, reserve, run, url};
use crate::support::{Api, until};

fn add_rooms(api: &Api) {
    for _ in 0..3 {
        api.post("/rooms", &json!({"floor": "1", "openingRule": "days-ahead:90"})).expect(201);
    }
}

#[test]
fn a_backup_taken_under_load_is_restored_verified_and_gone_on_from() {
    let site = Site::new();
    let yeyak = site.serve("data");
    let api = yeyak.api();
    add_rooms(&api);
    let (next, done, enough) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let acknowledged = std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !enough.load(Ordering::Acquire) {
                    reserve(&api, next.fetch_add(1, Ordering::AcqRel));
                    done.fetch_add(1, Ordering::AcqRel);
                }
            });
        }
        until("there are bookings", || (done.load(Ordering::Acquire) > 20).then_some(()));
        let before = api.rows("/reserves");
        let told = good(&["backup", "first", "--url", &url(&yeyak)]);
        let after = done.load(Ordering::Acquire);
        until("it was never held up", || (done.load(Ordering::Acquire) > after).then_some(()));
        enough.store(true, Ordering::Release);
        assert!(told.contains("backups/first: 2 files, "), "{told}");
        before
    });
    let booked = next.load(Ordering::Acquire);
    yeyak.stop();

    let backup = site.path("data").join("backups/first");
    let manifest: Value = serde_json::from_slice(&fs::read(backup.join("manifest.json")).unwrap()).unwrap();
    assert_eq!((&manifest["format"], &manifest["systems"][0]["name"]), (&json!(1), &json!("meetingroom")));
    let restored = good(&["restore", backup.to_str().unwrap(), "--data", &site.text("restored")]);
    assert!(restored.starts_with("restored what was backed up at ") && restored.contains("sound: "), "{restored}");

    let yeyak = site.serve("restored");
    let api = yeyak.api();
    let rows = api.rows("/reserves");
    for row in &acknowledged {
        assert!(rows.contains(row), "{row} was acknowledged before the backup began");
    }
    // A booking that is in it is answered from its key; one that is not can be had now.
    for number in 0..booked {
        reserve(&api, number);
    }
    let rows = api.rows("/reserves");
    assert_eq!(rows.len(), booked, "nobody has booked twice");
    until("the views follow", || {
        let taken = api.rows("/roomSlots?date=2026-11-24").into_iter().filter(|slot| slot["status"] == "Reserved").count();
        (taken == rows.iter().filter(|row| row["date"] == "2026-11-24").count()).then_some(())
    });
    assert!(good(&["verify", "--url", &url(&yeyak)]).starts_with("sound: "));
    // What comes now belongs to a new epoch, which no other restore of the same backup has.
    good(&["backup", "second", "--url", &url(&yeyak)]);
    let second = fs::read(site.path("restored").join("backups/second/manifest.json")).unwrap();
    let second: Value = serde_json::from_slice(&second).unwrap();
    // A backup itself is not to be served: what is written to it would spoil it.
    refused(
        &["serve", "--listen", "127.0.0.1:0", "--data", site.path("restored").join("backups/second").to_str().unwrap()],
        1,
        &["is a backup"],
    );
    assert!(second["systems"][0]["services"].as_array().unwrap().iter().all(|service| service["epoch"].as_u64() > Some(2)), "{second}");
    assert!(manifest["systems"][0]["services"].as_array().unwrap().iter().all(|service| service["epoch"] == 1));
    yeyak.stop();
}

#[test]
fn one_that_does_not_run_is_backed_up_where_one_wants() {
    let site = Site::new();
    let yeyak = site.serve("data");
    add_rooms(&yeyak.api());
    yeyak.stop();
    let (data, to) = (site.text("data"), site.text("elsewhere"));
    // One that was killed has left a part, which is no backup.
    fs::create_dir_all(site.path("elsewhere/.old.part")).unwrap();
    fs::write(site.path("elsewhere/.old.part/lock"), "").unwrap();
    let made = good(&["backup", "cold", "--data", &data, "--to", &to]);
    assert!(made.contains("elsewhere/cold: 2 files"), "{made}");
    let names: Vec<_> = fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["cold"], "nothing is left that is none");
    refused(&["backup", "cold", "--data", &data, "--to", &to], 1, &["cold is there already"]);
    refused(&["backup", "a/b", "--data", &data, "--to", &to], 2, &["NAME"]);
    refused(&["backup", "cold", "--data", &site.text("none")], 1, &["there is no installation in"]);
    let unnamed = good(&["backup", "--data", &data]);
    assert!(unnamed.contains("data/backups/20"), "{unnamed}");
}

#[test]
fn over_http_a_name_is_all_that_is_taken() {
    let site = Site::new();
    let yeyak = site.serve("data");
    let api = yeyak.api();
    for name in ["..", "../x", "/etc", ".hidden", "a/b", "a b", ""] {
        api.post("/actuator/backup", &json!({"name": name})).problem(422, "invalid-fields");
    }
    good(&["backup", "one", "--url", &url(&yeyak)]);
    refused(&["backup", "one", "--url", &url(&yeyak)], 1, &["one is there already", "job-refused"]);
    let begun = good(&["backup", "two", "--no-wait", "--url", &url(&yeyak)]);
    assert_eq!(begun, "two: begun\n");
    until("it is made", || (api.get("/actuator/backup").json()["status"] == "done").then_some(()));
    assert!(site.path("data/backups/two/manifest.json").exists());
    yeyak.stop();
}

#[test]
fn what_is_no_backup_or_no_place_for_one_is_refused() {
    let site = Site::new();
    let yeyak = site.serve("data");
    add_rooms(&yeyak.api());
    yeyak.stop();
    good(&["backup", "b", "--data", &site.text("data"), "--to", &site.text("backups")]);
    let backup = site.text("backups/b");
    let restore = |from: &str, to: &str, code: i32, said: &[&str]| refused(&["restore", from, "--data", &site.text(to)], code, said);
    restore(&site.text("data"), "new", 1, &["is no backup", "manifest.json"]);
    restore(&backup, "data", 1, &["has an installation in it", "--replace"]);
    fs::create_dir(site.path("foreign")).unwrap();
    fs::write(site.path("foreign/letter.txt"), "dear").unwrap();
    restore(&backup, "foreign", 1, &["letter.txt"]);
    refused(&["restore", &backup, "--data", &site.text("foreign"), "--replace"], 1, &["letter.txt"]);
    let running = site.serve("data");
    refused(&["restore", &backup, "--data", &site.text("data"), "--replace"], 1, &["in use"]);
    running.stop();

    // Damaged in one byte, without its manifest's agreement, or of a release that is not yet.
    let damaged = |name: &str, damage: &dyn Fn(&mut Vec<u8>)| {
        let copy = site.path(&format!("damaged-{name}"));
        fs::create_dir_all(&copy).unwrap();
        for entry in fs::read_dir(&backup).unwrap() {
            let entry = entry.unwrap();
            let mut bytes = fs::read(entry.path()).unwrap();
            if entry.file_name() == name {
                damage(&mut bytes);
            }
            fs::write(copy.join(entry.file_name()), bytes).unwrap();
        }
        copy.to_str().unwrap().to_owned()
    };
    restore(&damaged("meetingroom.db", &|bytes| *bytes.last_mut().unwrap() ^= 1), "new", 1, &["meetingroom.db", "checksum"]);
    restore(&damaged("yeyak.json", &Vec::clear), "new", 1, &["yeyak.json", "checksum"]);
    let newer = damaged("manifest.json", &|bytes| {
        *bytes = String::from_utf8(bytes.clone()).unwrap().replace("\"format\": 1", "\"format\": 2").into_bytes();
    });
    restore(&newer, "new", 1, &["newer release"]);
    let climbs = damaged("manifest.json", &|bytes| {
        *bytes = String::from_utf8(bytes.clone()).unwrap().replace("\"name\": \"yeyak.json\"", "\"name\": \"../yeyak.json\"").into_bytes();
    });
    restore(&climbs, "new", 1, &["no file of a backup"]);
    assert!(!site.path("new").exists(), "nothing was made");
}

#[test]
fn an_installation_that_is_replaced_is_moved_aside_whole() {
    let site = Site::new();
    let yeyak = site.serve("data");
    add_rooms(&yeyak.api());
    good(&["backup", "b", "--url", &url(&yeyak)]);
    yeyak.api().post("/rooms", &json!({"floor": "7"})).expect(201);
    yeyak.stop();
    let data = site.text("data");
    let told = good(&["restore", &site.text("data/backups/b"), "--data", &data, "--replace"]);
    let aside = told.lines().next().unwrap().strip_prefix("what was there is in ").unwrap().to_owned();
    let yeyak = site.serve("data");
    assert_eq!(yeyak.api().rows("/rooms").len(), 3);
    yeyak.stop();
    assert!(good(&["verify", "--data", &aside]).starts_with("sound: "), "what was replaced is still whole");
    assert!(good(&["backup", "again", "--data", &aside, "--to", &site.text("elsewhere")]).contains("again"));
}

/// A restore that was killed leaves nothing that anybody takes for an installation, and can be begun anew.
#[test]
fn a_restore_that_was_killed_leaves_no_installation() {
    let site = Site::new();
    let yeyak = site.serve("data");
    add_rooms(&yeyak.api());
    yeyak.stop();
    good(&["backup", "b", "--data", &site.text("data"), "--to", &site.text("backups")]);
    let (backup, half) = (site.text("backups/b"), site.text("half"));
    for moved_up in [false, true] {
        let data = site.path("half");
        _ = fs::remove_dir_all(&data);
        fs::create_dir_all(data.join("restoring")).unwrap();
        fs::copy(site.path("backups/b/yeyak.json"), data.join("restoring/yeyak.json")).unwrap();
        let file = if moved_up { "meetingroom.db" } else { "restoring/meetingroom.db" };
        fs::copy(site.path("backups/b/meetingroom.db"), data.join(file)).unwrap();
        refused(&["serve", "--listen", "127.0.0.1:0", "--data", &half], 1, &["is not Yeyak's"]);
        refused(&["verify", "--data", &half], 2, &["no installation"]);
        assert!(good(&["restore", &backup, "--data", &half]).contains("sound: "));
        let ended = run(&["restore", &backup, "--data", &half]);
        assert_eq!(ended.code, 1, "it is an installation now");
    }
    let yeyak = site.serve("half");
    assert_eq!(yeyak.api().rows("/rooms").len(), 3);
    yeyak.stop();
}

/// Killed while it moved an installation aside, it has left some of that in its place.
#[test]
fn an_installation_that_was_being_moved_aside_is_moved_on_and_not_lost() {
    let site = Site::new();
    let yeyak = site.serve("data");
    add_rooms(&yeyak.api());
    good(&["backup", "b", "--url", &url(&yeyak)]);
    yeyak.api().post("/rooms", &json!({"floor": "7"})).expect(201);
    yeyak.stop();
    let (data, aside) = (site.path("data"), site.path("data/replaced-20260101T000000Z"));
    fs::create_dir(&aside).unwrap();
    fs::create_dir(data.join("restoring")).unwrap();
    fs::rename(data.join("yeyak.json"), aside.join("yeyak.json")).unwrap();
    let (from, to) = (site.text("data/backups/b"), site.text("data"));
    for _ in 0..2 {
        assert!(good(&["restore", &from, "--data", &to]).contains("sound: "));
        // And once more, killed after the new one had been moved to its place without its marker.
        fs::create_dir(data.join("restoring")).unwrap();
        fs::remove_file(data.join("yeyak.json")).unwrap();
    }
    assert!(good(&["restore", &from, "--data", &to]).contains("sound: "));
    let restored = site.serve("data");
    assert_eq!(restored.api().rows("/rooms").len(), 3);
    restored.stop();
    let replaced = site.serve("data/replaced-20260101T000000Z");
    assert_eq!(replaced.api().rows("/rooms").len(), 4, "what was replaced is whole");
    replaced.stop();
}
