//! A backup taken under load, restored, verified, and gone on from; and everything that is no backup, or no place for one.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::steering::{Site, copied, database, good, refused, reserve, run, url};
use crate::support::{Api, until};

fn add_rooms(api: &Api) {
    for _ in 0..3 {
        api.post("/rooms", &json!({"floor": "1", "openingRule": "days-ahead:90"})).expect(201);
    }
}

impl Site {
    /// An installation with three rooms in `data`, which does not run, and its backup in `backups/b`, whose path is answered.
    fn backed_up(&self) -> String {
        let yeyak = self.serve("data");
        add_rooms(&yeyak.api());
        yeyak.stop();
        good(&["backup", "b", "--data", &self.text("data"), "--to", &self.text("backups")]);
        self.text("backups/b")
    }

    /// How many rooms the installation in a directory has.
    fn rooms(&self, name: &str) -> usize {
        let yeyak = self.serve(name);
        let rooms = yeyak.api().rows("/rooms").len();
        yeyak.stop();
        rooms
    }
}

/// Everything below a directory, with what a write to it would change.
fn listing(path: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        let found = path.metadata().unwrap();
        all.push(format!("{} {} {:o} {:?}", path.display(), found.len(), found.permissions().mode(), found.modified().unwrap()));
        if found.is_dir() {
            all.extend(listing(&path));
        }
    }
    all.sort();
    all
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
    // Those that were killed have left a part, which is no backup: at the very beginning, and on the way.
    fs::create_dir_all(site.path("elsewhere/.cold.part")).unwrap();
    fs::create_dir(site.path("elsewhere/.old.part")).unwrap();
    for name in ["lock", "meetingroom.db", "meetingroom.db-journal", "yeyak.json", "manifest.json"] {
        fs::write(site.path("elsewhere/.old.part").join(name), "").unwrap();
    }
    let made = good(&["backup", "cold", "--data", &data, "--to", &to]);
    assert!(made.contains("elsewhere/cold: 2 files"), "{made}");
    let names: Vec<_> = fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["cold"], "nothing is left that is none");
    refused(&["backup", "cold", "--data", &data, "--to", &to], 1, &["cold is there already"]);
    refused(&["backup", "a/b", "--data", &data, "--to", &to], 2, &["NAME"]);
    refused(&["backup", "cold", "--data", &site.text("none")], 1, &["there is no installation in"]);
    for name in ["..", "../b", "/etc", ".b", "a b", "a\nb", "회의", &"b".repeat(65)] {
        refused(&["backup", name, "--data", &data, "--to", &to], 2, &["NAME"]);
    }
    let unnamed = good(&["backup", "--data", &data]);
    assert!(unnamed.contains("data/backups/20"), "{unnamed}");
}

#[test]
fn one_that_does_not_fit_names_the_place_where_it_would_be() {
    let site = Site::new();
    site.serve("data").stop();
    // No file may become as large as the store.
    let bounded = "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\"";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", bounded, env!("CARGO_BIN_EXE_yeyak"), "backup", "full", "--data", &site.text("data"), "--to", &site.text("small")]);
    let ended = shell.output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    let line = said.lines().last().unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(line.starts_with(&format!("yeyak: {}", site.text("small/.full.part/meetingroom.db"))), "{said}");
    assert!(!line.contains("the store is away"), "{said}");
    assert!(fs::read_dir(site.path("small")).unwrap().next().is_none(), "nothing is left of it");
}

#[test]
fn only_what_a_backup_has_left_is_taken_away() {
    let site = Site::new();
    site.backed_up();
    let of_others = ["backups/.photos.part", "backups/.two words.part", "backups/.deep.part", "elsewhere"];
    for name in of_others {
        fs::create_dir(site.path(name)).unwrap();
        fs::write(site.path(name).join("lock"), "").unwrap();
    }
    fs::write(site.path("backups/.photos.part/me.png"), "").unwrap();
    fs::create_dir(site.path("backups/.deep.part/meetingroom.db")).unwrap();
    symlink(site.path("elsewhere"), site.path("backups/.link.part")).unwrap();
    fs::write(site.path("backups/.file.part"), "").unwrap();
    let before = of_others.map(|name| listing(&site.path(name)));
    let backup = |name: &str| ["backup", name, "--data", &site.text("data"), "--to", &site.text("backups")].map(str::to_owned);
    good(&backup("c").each_ref().map(String::as_str));
    assert_eq!(of_others.map(|name| listing(&site.path(name))), before);
    assert!(site.path("backups/.link.part").is_symlink() && site.path("backups/.file.part").exists());
    for name in ["photos", "link", "file", "deep"] {
        refused(&backup(name).each_ref().map(String::as_str), 1, &[&format!(".{name}.part"), "no backup's"]);
    }
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
    let backup = site.backed_up();
    let restore = |from: &str, to: &str, code: i32, said: &[&str]| refused(&["restore", from, "--data", &site.text(to)], code, said);
    restore(&site.text("data"), "new", 1, &["is no backup", "manifest.json"]);
    restore(&backup, "data", 1, &["has an installation in it", "--replace"]);
    fs::create_dir(site.path("foreign")).unwrap();
    fs::write(site.path("foreign/letter.txt"), "dear").unwrap();
    restore(&backup, "foreign", 1, &["letter.txt"]);
    refused(&["restore", &backup, "--data", &site.text("foreign"), "--replace"], 1, &["letter.txt", "no yeyak.json"]);
    // Beside an installation it would look as if it belonged to the restored one. What restoring leaves is known by what is in it.
    fs::write(site.path("data/letter.txt"), "dear").unwrap();
    fs::write(site.path("data/another"), "dear").unwrap();
    refused(
        &["restore", &backup, "--data", &site.text("data"), "--replace"],
        1,
        &[r#""another", "letter.txt""#, "beside the installation"],
    );
    for name in ["letter.txt", "another"] {
        fs::remove_file(site.path("data").join(name)).unwrap();
    }
    for name in ["restoring", "restored"] {
        let theirs = site.path("data").join(name);
        fs::create_dir(&theirs).unwrap();
        fs::write(theirs.join("letter.txt"), "dear").unwrap();
        refused(&["restore", &backup, "--data", &site.text("data"), "--replace"], 1, &[&format!("{name}/letter.txt")]);
        fs::remove_dir_all(theirs).unwrap();
    }
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
    // Verifying says no other of it than restoring.
    let spoilt = |from: &str, said: &[&str]| {
        restore(from, "new", 1, said);
        refused(&["verify", "--data", from], 1, said);
    };
    spoilt(&damaged("meetingroom.db", &|bytes| *bytes.last_mut().unwrap() ^= 1), &["meetingroom.db", "checksum"]);
    let newer = damaged("manifest.json", &|bytes| {
        *bytes = String::from_utf8(bytes.clone()).unwrap().replace("\"format\": 1", "\"format\": 2").into_bytes();
    });
    spoilt(&newer, &["newer release"]);
    let climbs = damaged("manifest.json", &|bytes| {
        *bytes = String::from_utf8(bytes.clone()).unwrap().replace("\"name\": \"yeyak.json\"", "\"name\": \"../yeyak.json\"").into_bytes();
    });
    spoilt(&climbs, &["no file of a backup"]);
    restore(&damaged("yeyak.json", &Vec::clear), "new", 1, &["yeyak.json", "checksum"]);
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

/// The state of a process that was killed while it made things ready: what was there is served, and the next one begins anew.
#[test]
fn a_restore_that_was_killed_before_it_was_ready_has_changed_nothing() {
    let site = Site::new();
    let backup = site.backed_up();
    for name in ["data", "half"] {
        fs::create_dir_all(site.path(name).join("restoring")).unwrap();
        for file in ["yeyak.json", "meetingroom.db"] {
            fs::copy(site.path("backups/b").join(file), site.path(name).join("restoring").join(file)).unwrap();
        }
    }
    assert_eq!(site.rooms("data"), 3);
    let half = site.text("half");
    refused(&["serve", "--listen", "127.0.0.1:0", "--data", &half], 1, &["is not Yeyak's"]);
    refused(&["verify", "--data", &half], 2, &["no installation"]);
    assert!(good(&["restore", &backup, "--data", &half]).contains("sound: "));
    assert!(good(&["restore", &backup, "--data", &site.text("data"), "--replace"]).contains("sound: "));
    refused(&["restore", &backup, "--data", &half], 1, &["--replace"]);
    for name in ["data", "half"] {
        assert!(!site.path(name).join("restoring").exists());
        assert_eq!(site.rooms(name), 3);
    }
}

/// The state of one that was killed in the middle of the switch: whoever comes next ends it, with the backup or without.
#[test]
fn a_restore_that_was_killed_when_it_was_ready_is_ended_by_whoever_comes_next() {
    let site = Site::new();
    let backup = site.backed_up();
    for (name, next) in
        [("served", &[][..]), ("restored", &["restore", &backup]), ("verified", &["verify"]), ("backed-up", &["backup", "c"])]
    {
        let (data, text) = (site.path(name), site.text(name));
        copied(&site.path("data"), &data);
        // What tells the old one from the new.
        database(&data).execute("DELETE FROM room_row_rooms WHERE id = 1", []).unwrap();
        let (ready, aside) = (data.join("restored"), data.join("replaced-20260101T000000Z"));
        copied(backup.as_ref(), &ready);
        fs::copy(site.path("backups/b/manifest.json"), ready.join("manifest.json")).unwrap();
        fs::write(ready.join("replaces"), "replaced-20260101T000000Z").unwrap();
        fs::create_dir(&aside).unwrap();
        fs::rename(data.join("yeyak.json"), aside.join("yeyak.json")).unwrap();
        if next.is_empty() {
            assert_eq!(site.rooms(name), 3);
        } else {
            good(&[next, &["--data", &text]].concat());
        }
        assert!(!ready.exists());
        assert!(good(&["verify", "--data", &text]).starts_with("sound: "), "{name}: it is the new one");
        assert_eq!(run(&["verify", "--data", aside.to_str().unwrap()]).code, 1, "{name}: the old one is kept, as it was");
    }
}

#[test]
fn what_is_not_sound_replaces_nothing() {
    let site = Site::new();
    site.backed_up();
    copied(&site.path("data"), &site.path("odd"));
    database(&site.path("odd")).execute("DELETE FROM room_row_rooms WHERE id = 2", []).unwrap();
    good(&["backup", "odd", "--data", &site.text("odd"), "--to", &site.text("backups")]);
    let (odd, data) = (site.text("backups/odd"), site.text("data"));
    let before = listing(&site.path("data"));
    let ended = run(&["restore", &odd, "--data", &data, "--replace"]);
    assert!(ended.code == 1 && ended.stdout.contains("room row rooms/2: its events make a row, and none stands"), "{}", ended.stdout);
    assert!(ended.stderr.contains("nothing was restored") && ended.stderr.contains("is as it was"), "{}", ended.stderr);
    let of_data = |all: Vec<String>| all.into_iter().filter(|line| !line.contains("/lock ")).collect::<Vec<_>>();
    assert_eq!(of_data(listing(&site.path("data"))), of_data(before));
    // Where there is nothing to lose it is better than nothing, and said all the same.
    let ended = run(&["restore", &odd, "--data", &site.text("new")]);
    assert!(ended.code == 1 && ended.stdout.contains("rooms/2: its events make a row"), "{}{}", ended.stdout, ended.stderr);
    assert!(site.path("new/yeyak.json").exists());
}

#[test]
fn a_backup_that_cannot_be_written_is_verified_and_restored_without_a_trace() {
    let site = Site::new();
    let backup = site.backed_up();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for entry in fs::read_dir(&backup).unwrap() {
        mode(&entry.unwrap().path(), 0o444);
    }
    mode(backup.as_ref(), 0o555);
    let before = listing(backup.as_ref());
    assert!(good(&["verify", "--data", &backup]).starts_with("sound: "));
    assert!(good(&["restore", &backup, "--data", &site.text("new")]).contains("sound: "));
    assert_eq!(listing(backup.as_ref()), before);
    for entry in fs::read_dir(site.path("new")).unwrap() {
        let found = entry.unwrap();
        let mode = found.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o600, 0o600, "{} is {mode:o}", found.path().display());
    }
    assert_eq!(site.rooms("new"), 3);
    mode(backup.as_ref(), 0o755);
}
