//! What is said wrongly, or cannot be had, is told in one clear line and a code that is not 0; never by a panic.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::{Yeyak, command, loopback};

/// What it said on stderr, after it ended with this code.
#[track_caller]
fn ended(command: &mut Command, code: i32) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(status.code(), Some(code), "{command:?}: {stdout}{stderr}");
    for sign in ["panicked", "RUST_BACKTRACE", "stack backtrace", "Error {"] {
        assert!(!stderr.contains(sign), "{stderr}");
    }
    stderr
}

/// One line on stderr with all of this in it.
#[track_caller]
fn check_command(command: &mut Command, code: i32, said: &[&str]) {
    let stderr = ended(command, code);
    assert_eq!(stderr.lines().count(), 1, "{command:?}: {stderr}");
    for said in said {
        assert!(stderr.contains(said), "{command:?}: {said:?} is missing in {stderr}");
    }
}

#[track_caller]
fn check(arguments: &[&str], code: i32, said: &[&str]) {
    check_command(command().args(arguments), code, said);
}

#[test]
fn a_wrong_command_line_is_told_in_one_line() {
    check(&[], 2, &["a command is missing", "serve"]);
    check(&["sreve"], 2, &["sreve", "serve"]);
    check(&["serve", "--prot", "1"], 2, &["--prot"]);
    check(&["serve", "--data"], 2, &["--data", "value"]);
    check(&["serve", "hotel"], 2, &["hotel", "meetingroom"]);
    check(&["serve", "meetingrom"], 2, &["did you mean meetingroom?"]);
    check(&["serve", "meetingroom/rooms"], 2, &["conference, reserve, room, schedule, maintenance"]);
    check(&["serve", "--listen", "8088"], 2, &["--listen", "127.0.0.1:8088"]);
    check(&["serve", "--listen", "0.0.0.0:8088"], 2, &["--listen", "auth=open", "127.0.0.1:8088"]);
    check(&["serve", "--auth", "none"], 2, &["--auth", "open"]);
    check(&["serve", "--clock", "2026-11-23T10:05:00"], 2, &["--clock", "+09:00"]);
    check(&["serve", "--samples=maybe"], 2, &["--samples", "maybe"]);
    check(&["serve", "--config", "/no/such/file"], 2, &["/no/such/file", "cannot be read"]);
    check(&["demo", "--clock", "noon"], 2, &["--clock", "noon"]);
    check(&["demo", "--samples"], 2, &["--samples"]);
}

#[test]
fn a_wrong_variable_is_told_by_its_name() {
    check_command(command().arg("serve").env("YEYAK_LISTEN", "here"), 2, &["YEYAK_LISTEN", "here"]);
    check_command(command().arg("serve").env("YEYAK_TARGET", "hotel"), 2, &["YEYAK_TARGET", "hotel"]);
    check_command(command().arg("demo").env("YEYAK_CLOCK", "now"), 2, &["YEYAK_CLOCK", "now"]);
    check_command(command().arg("demo").env("YEYAK_EMPTY", "perhaps"), 2, &["YEYAK_EMPTY", "perhaps"]);
}

#[test]
fn each_flag_can_be_said_by_its_variable() {
    let data = TempDir::new().unwrap();
    let mut serve = command();
    serve.arg("serve").env("YEYAK_TARGET", "meetingroom/room,meetingroom/reserve").env("YEYAK_LISTEN", "127.0.0.1:0");
    serve.env("YEYAK_DATA", data.path()).env("YEYAK_FAULTS", "true").env("YEYAK_SAMPLES", "false").env("YEYAK_AUTH", "open");
    serve.env("YEYAK_CLOCK", "2026-11-23T10:05:00+09:00");
    let yeyak = Yeyak::run(&mut serve).unwrap();
    yeyak.api().post("/rooms", &serde_json::json!({"floor": "1"})).expect(201);
    yeyak.api().get("/actuator/faults").expect(200);
    let date = &yeyak.api().post("/reserves", &serde_json::json!({"userId": 1, "roomId": 1})).expect(201)["date"];
    assert_eq!(date, "2026-11-23");
    yeyak.api().get("/roomTables").problem(404, "not-found");
    assert!(data.path().join("yeyak.json").exists());
    yeyak.stop();
}

#[test]
fn help_and_version_are_no_failure() {
    for arguments in [&["--help"][..], &["serve", "--help"], &["demo", "--help"], &["check-config", "--help"], &["--version"]] {
        let output = command().args(arguments).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty() && !output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_printed_is_a_failure_and_nobody_listening_is_none() {
    let yeyak = Yeyak::demo(&["--faults"]);
    let url = format!("http://{}", yeyak.address);
    let place = TempDir::new().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (key, pages) = (path("key.pem"), path("man"));
    let commands: &[&[&str]] = &[
        &["--help"],
        &["check-config"],
        &["completions", "bash"],
        &["man", &pages],
        &["services", "--url", &url],
        &["parked", "list", "--url", &url],
        &["projections", "list", "--json", "--url", &url],
        &["fault", "list", "--url", &url],
        &["verify", "--url", &url],
    ];
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    // A pipe whose other end is gone.
    let closed = || std::io::pipe().unwrap().1;
    let complains = |arguments: &[&str]| {
        // That it could not be said is not to pass for a difference.
        let code = if arguments[0] == "verify" { 2 } else { 1 };
        let stderr = ended(command().args(arguments).stdout(full()), code);
        let complaints: Vec<_> = stderr.lines().filter(|line| line.starts_with("yeyak: cannot print: ")).collect();
        assert_eq!(complaints.len(), 1, "{arguments:?}: {stderr}");
    };
    for arguments in commands {
        complains(arguments);
        ended(command().args(*arguments).stdout(closed()), 0);
    }
    complains(&["token", "--key", &key, "--new-key", "--jwks"]);
    complains(&["backup", "one", "--url", &url]);
    complains(&["demo", "--listen", "127.0.0.1:0"]);
    yeyak.stop();
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = TempDir::new().unwrap();
    check(&["demo", "--listen", &address], 1, &[&address, "taken", "--listen"]);
    let unused = data.path().join("unused");
    check(&["serve", "--listen", &address, "--data", unused.to_str().unwrap()], 1, &[&address, "taken"]);
    assert!(!unused.exists(), "who cannot listen touches no data");
}

#[test]
fn a_service_port_that_is_taken_is_named() {
    let host = loopback(1);
    // Should somebody else have it, then it is taken as well.
    let taken = TcpListener::bind(format!("{host}:8083"));
    check(&["serve", "meetingroom", "--service-ports", "--listen", &format!("{host}:0")], 1, &[":8083", "taken"]);
    drop(taken);
}

/// `serve` on this directory says why it cannot.
#[track_caller]
fn refused(data: &Path, said: &[&str]) {
    let data = data.to_str().unwrap();
    check(&["serve", "--listen", "127.0.0.1:0", "--data", data], 1, &[&[data], said].concat());
    check(&["demo", "--listen", "127.0.0.1:0", "--data", data], 1, &[&[data], said].concat());
}

#[test]
fn a_data_directory_that_cannot_be_had_is_told() {
    let above = TempDir::new().unwrap();
    let file = above.path().join("file");
    fs::write(&file, "mine").unwrap();
    refused(&file, &["not a directory"]);
    refused(&file.join("below"), &["cannot be"]);
    if cfg!(target_os = "linux") {
        // Where nobody, not even root, can make a directory.
        refused(Path::new("/proc/yeyak"), &["cannot be created"]);
    }
    let locked = above.path().join("locked");
    fs::create_dir(&locked).unwrap();
    let mut permissions = fs::metadata(&locked).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&locked, permissions).unwrap();
    // Root may write everywhere, so this directory is one like any other to it.
    if fs::write(locked.join("probe"), "").is_err() {
        refused(&locked, &["cannot be written"]);
    }
}

#[test]
fn what_is_not_ours_is_left_as_it_was() {
    let data = TempDir::new().unwrap();
    fs::write(data.path().join("notes.txt"), "mine").unwrap();
    refused(data.path(), &["not Yeyak's", "notes.txt"]);
    let names: Vec<_> = fs::read_dir(data.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["notes.txt"]);

    let other = TempDir::new().unwrap();
    Yeyak::serve(other.path(), &[]).stop();
    let store = other.path().join("meetingroom.db");
    for name in ["meetingroom.db", "meetingroom.db-wal", "meetingroom.db-shm"] {
        let _ = fs::remove_file(other.path().join(name));
    }
    fs::write(&store, "this is no database, though it is called one").unwrap();
    refused(other.path(), &["meetingroom.db"]);
    assert_eq!(fs::read(&store).unwrap(), b"this is no database, though it is called one");
}

#[test]
fn one_that_is_in_use_names_who_uses_it() {
    let data = TempDir::new().unwrap();
    let first = Yeyak::serve(data.path(), &[]);
    refused(data.path(), &["in use by another process", &format!("pid {}", first.id())]);
    first.api().get("/rooms").expect(200);
    first.stop();
    Yeyak::serve(data.path(), &[]).stop();
}

#[test]
fn one_of_a_newer_release_is_left_to_it() {
    let data = TempDir::new().unwrap();
    Yeyak::serve(data.path(), &["--samples"]).stop();
    let marker = data.path().join("yeyak.json");
    let ours = fs::read_to_string(&marker).unwrap();
    fs::write(&marker, ours.replace("\"format\":1", "\"format\":2")).unwrap();
    refused(data.path(), &["newer release"]);

    fs::write(&marker, "{").unwrap();
    refused(data.path(), &["damaged", "yeyak.json"]);

    // A store has a format of its own: the four bytes at 60 of SQLite's header.
    fs::write(&marker, ours).unwrap();
    let store = data.path().join("meetingroom.db");
    assert!(!data.path().join("meetingroom.db-wal").exists(), "who ends in peace leaves one file");
    let mut bytes = fs::read(&store).unwrap();
    bytes[60..64].copy_from_slice(&7_u32.to_be_bytes());
    fs::write(&store, bytes).unwrap();
    refused(data.path(), &["newer release", "format 7"]);
}

const WRONG_LINES: &str = "listen = \"127.0.0.1:8088\"
lisen = \"127.0.0.1:8088\"
[limits]
queue = 0
body = \"large\"
[meetingroom]
zone = \"Asia/Soul\"
[meetingroom.reserve]
grace-minutes = 15
grace-minutes = 20
";

#[test]
fn every_wrong_line_of_a_configuration_is_named() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("yeyak.toml");
    fs::File::create(&path).unwrap().write_all(WRONG_LINES.as_bytes()).unwrap();
    let name = path.to_str().unwrap();
    let wrong =
        [(2, "lisen", "listen"), (4, "queue", "1"), (5, "body", "65536"), (7, "zone", "Asia/Seoul"), (10, "grace-minutes", "twice")];

    let told = |text: &str, before: &str| {
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), wrong.len(), "{text}");
        for (line, (number, key, hint)) in lines.iter().zip(wrong) {
            assert!(line.starts_with(&format!("{before}{name}:{number}: ")), "{line}");
            assert!(line.contains(key) && line.contains(hint), "{line}");
        }
    };
    let checked = command().args(["check-config", name]).output().unwrap();
    assert_eq!(checked.status.code(), Some(1));
    told(&String::from_utf8(checked.stdout).unwrap(), "");
    told(&ended(command().args(["serve", "--config", name]), 2), "yeyak: ");

    fs::write(&path, "[limits]\nqueue = 64\n").unwrap();
    let checked = command().args(["check-config", name]).output().unwrap();
    assert!(checked.status.success() && checked.stderr.is_empty());
}

#[test]
fn a_port_of_the_systems_choice_is_told() {
    let yeyak = Yeyak::demo(&[]);
    assert_ne!(yeyak.address.port(), 0);
    assert_eq!(yeyak.api().rows("/meetingroom/rooms").len(), 4);
    assert_eq!(yeyak.api().rows("/restaurant/venues").len(), 1);
    yeyak.stop();
}
