//! Callers who prove who they are: a key made, tokens made with it, strangers refused, and the keys changed while it runs.

use std::fs;
use std::io::{BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::http::{connect, read_answer};
use crate::support::{Answer, Api, Yeyak, command, until};

/// A directory with a configuration, and keys beside it.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { directory: TempDir::new().unwrap() };
        let jwks = place.path("keys.json");
        let config = format!("[auth]\nmode = \"required\"\nissuer = \"yeyak\"\naudience = \"yeyak\"\njwks = \"{}\"\n", jwks.display());
        fs::write(place.path("yeyak.toml"), config).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What `yeyak token` with these flags prints, with the key of this name.
    #[track_caller]
    pub(crate) fn token(&self, key: &str, flags: &[&str]) -> String {
        let output = command().arg("token").arg("--key").arg(self.path(key)).args(flags).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Makes keys known to whoever checks tokens.
    pub(crate) fn publish(&self, keys: &[&str]) {
        let all: Vec<Value> =
            keys.iter().map(|key| serde_json::from_str::<Value>(&self.token(key, &["--jwks"])).unwrap()["keys"][0].clone()).collect();
        // As one should: nobody ever sees half of it.
        fs::write(self.path("next.json"), json!({"keys": all}).to_string()).unwrap();
        fs::rename(self.path("next.json"), self.path("keys.json")).unwrap();
    }

    pub(crate) fn serve(&self, flags: &[&str]) -> Yeyak {
        let config = self.path("yeyak.toml");
        Yeyak::serve(&self.path("data"), &[&["--config", config.to_str().unwrap()], flags].concat())
    }
}

#[track_caller]
fn ask(api: &Api, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let headers: &[(&str, &str)] = if token.is_empty() { &[] } else { &[("Authorization", &bearer)] };
    api.try_send(method, path, headers, body.as_bytes()).unwrap()
}

const NOTHING: Value = Value::Null;

#[test]
fn who_does_not_send_what_they_said_is_told_so_and_a_stranger_that_they_are_one() {
    let place = Place::new();
    place.token("key.pem", &["--new-key", "--jwks"]);
    place.publish(&["key.pem"]);
    let config = place.path("yeyak.toml");
    fs::write(&config, fs::read_to_string(&config).unwrap() + "[limits]\nrequest-seconds = 1\n").unwrap();
    let token = place.token("key.pem", &["--subject", "kim", "--role", "administrator"]);
    let yeyak = place.serve(&["--faults"]);
    let begin = |path: &str, token: Option<&str>| {
        let mut stream = connect(yeyak.address).unwrap();
        let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        write!(stream, "POST {path} HTTP/1.1\r\nHost: yeyak\r\n{bearer}Content-Length: 9\r\n\r\n").unwrap();
        BufReader::new(stream)
    };
    let stalled = ["/rooms", "/actuator/faults", "/actuator/parked/retry", "/actuator/backup"].map(|path| begin(path, Some(&token)));
    let mut stranger = begin("/rooms", None);
    for mut stream in stalled {
        read_answer(&mut stream, "POST").unwrap().unwrap().problem(408, "body-too-slow");
    }
    read_answer(&mut stranger, "POST").unwrap().unwrap().problem(401, "token-missing");
    yeyak.stop();
}

#[test]
fn who_has_a_token_acts_and_a_stranger_does_not() {
    let place = Place::new();
    place.token("key.pem", &["--new-key", "--jwks"]);
    assert_eq!(fs::metadata(place.path("key.pem")).unwrap().permissions().mode() & 0o777, 0o600);
    place.publish(&["key.pem"]);
    let administrator = place.token("key.pem", &["--subject", "kim", "--role", "administrator"]);
    let operator = place.token("key.pem", &["--subject", "lee", "--role", "operator", "--minutes", "5"]);
    let (ann, bob) = (place.token("key.pem", &["--subject", "ann"]), place.token("key.pem", &["--subject", "bob"]));
    let elsewhere = place.token("key.pem", &["--subject", "ann", "--audience", "elsewhere"]);
    let past = place.token("key.pem", &["--subject", "ann", "--clock", "2020-01-01T00:00:00Z"]);
    place.token("other.pem", &["--new-key", "--jwks"]);
    let forged = place.token("other.pem", &["--subject", "kim", "--role", "administrator"]);

    let yeyak = place.serve(&["--faults"]);
    let api = yeyak.api();
    let room = json!({"floor": "1", "openingRule": "days-ahead:30"});
    let refused = ask(&api, "", "POST", "/rooms", &room);
    refused.problem(401, "token-missing");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"yeyak\""));
    ask(&api, &forged, "POST", "/rooms", &room).problem(401, "token-invalid");
    ask(&api, &elsewhere, "GET", "/rooms", &NOTHING).problem(401, "token-invalid");
    ask(&api, &past, "GET", "/rooms", &NOTHING).problem(401, "token-expired");
    ask(&api, &ann, "POST", "/rooms", &room).problem(403, "administrators-only");
    ask(&api, &administrator, "POST", "/meetingroom/rooms", &room).expect(201);

    ask(&api, &ann, "POST", "/reserves", &json!({"userId": "bob", "roomId": 1})).problem(403, "not-yourself");
    let made = ask(&api, &ann, "POST", "/reserves", &json!({"roomId": 1, "date": in_two_days()})).expect(201);
    assert_eq!(made["userId"], "ann");
    assert_eq!(ask(&api, &bob, "GET", "/reserves/1", &NOTHING).expect(200)["userId"], NOTHING);
    assert_eq!(ask(&api, &operator, "GET", "/reserves/1", &NOTHING).expect(200)["userId"], "ann");
    ask(&api, &bob, "DELETE", "/reserves/1", &NOTHING).problem(403, "not-the-reserver");
    ask(&api, &ann, "DELETE", "/reserves/1", &NOTHING).expect(204);

    // Probes are everybody's; what they show, and the fault switch, are not.
    for path in ["/actuator/health", "/actuator/health/liveness", "/actuator/health/readiness"] {
        assert_eq!(api.get(path).expect(200), json!({"status": "UP"}), "{path}");
        assert_eq!(ask(&api, &ann, "GET", path, &NOTHING).expect(200), json!({"status": "UP"}), "{path}");
    }
    assert!(ask(&api, &operator, "GET", "/actuator/health", &NOTHING).expect(200)["components"].is_object());
    let fault = json!({"service": "meetingroom/room", "delayMs": 1});
    ask(&api, "", "POST", "/actuator/faults", &fault).problem(401, "token-missing");
    ask(&api, &ann, "POST", "/actuator/faults", &fault).problem(403, "operators-only");
    ask(&api, &ann, "GET", "/actuator/faults", &NOTHING).problem(403, "operators-only");
    for path in ["/actuator/prometheus", "/actuator/events?correlation=1"] {
        ask(&api, "", "GET", path, &NOTHING).problem(401, "token-missing");
        ask(&api, &ann, "GET", path, &NOTHING).problem(403, "operators-only");
        assert_eq!(ask(&api, &operator, "GET", path, &NOTHING).status, 200, "{path}");
    }
    ask(&api, &operator, "POST", "/actuator/faults", &fault).expect(200);
    ask(&api, &administrator, "DELETE", "/actuator/faults", &NOTHING).expect(204);
    for line in yeyak.lines() {
        assert!(
            !line.contains("eyJ") && !line.contains("\"ann\"") && !line.contains("\"bob\""),
            "a log shows no token and no person: {line}"
        );
        assert!(!line.contains("kim") || line.contains("by=\"kim\""), "who is named is so for having steered: {line}");
    }
    yeyak.stop();
}

/// A date on which the room can be reserved at any hour.
fn in_two_days() -> String {
    let date = std::process::Command::new("date").args(["-u", "-d", "2 days", "+%F"]).output().unwrap();
    String::from_utf8(date.stdout).unwrap().trim().to_owned()
}

#[test]
fn keys_change_without_a_restart() {
    let place = Place::new();
    for key in ["old.pem", "new.pem"] {
        place.token(key, &["--new-key", "--jwks"]);
    }
    let (old, new) = (place.token("old.pem", &["--subject", "1"]), place.token("new.pem", &["--subject", "1"]));
    place.publish(&["old.pem"]);
    let yeyak = place.serve(&["--samples"]);
    let api = yeyak.api();
    let status = |token: &str| ask(&api, token, "GET", "/rooms", &NOTHING).status;
    assert_eq!((status(&old), status(&new)), (200, 401));
    place.publish(&["old.pem", "new.pem"]);
    until("the new key counts", || (status(&new) == 200).then_some(()));
    assert_eq!(status(&old), 200);
    // While it is away or half of it, those that are known go on.
    fs::write(place.path("keys.json"), "{\"keys\": [").unwrap();
    until("it is told that they cannot be read", || yeyak.lines().iter().any(|line| line.contains("cannot be read")).then_some(()));
    assert_eq!((status(&old), status(&new)), (200, 200));
    place.publish(&["new.pem"]);
    until("the old key counts no more", || (status(&old) == 401).then_some(()));
    assert_eq!(status(&new), 200);
    yeyak.stop();
}

#[test]
fn keys_can_come_from_an_address() {
    let place = Place::new();
    place.token("key.pem", &["--new-key", "--jwks"]);
    let jwks = place.token("key.pem", &["--jwks"]);
    let token = place.token("key.pem", &["--subject", "1"]);
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let answered = std::thread::Builder::new().spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = server.accept().unwrap();
        let mut asked = [0; 1024];
        let length = stream.read(&mut asked).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", jwks.len());
        stream.write_all(format!("{head}{jwks}").as_bytes()).unwrap();
        String::from_utf8_lossy(&asked[..length]).into_owned()
    });
    let mut serve = command();
    serve.args(["serve", "meetingroom", "--auth", "required", "--samples", "--listen", "127.0.0.1:0", "--data"]).arg(place.path("data"));
    serve.env("YEYAK_AUTH_ISSUER", "yeyak").env("YEYAK_AUTH_AUDIENCE", "yeyak").env("YEYAK_AUTH_JWKS", format!("http://{address}/keys"));
    let yeyak = Yeyak::run(&mut serve).unwrap();
    assert!(answered.unwrap().join().unwrap().starts_with("GET /keys HTTP/1.1\r\n"));
    ask(&yeyak.api(), &token, "GET", "/rooms", &NOTHING).expect(200);
    yeyak.stop();
}

#[test]
fn an_issuer_that_is_away_lets_nobody_in() {
    let data = TempDir::new().unwrap();
    let mut serve = command();
    serve.args(["serve", "meetingroom", "--auth", "required", "--listen", "127.0.0.1:0", "--data"]).arg(data.path());
    serve.env("YEYAK_AUTH_ISSUER", "yeyak").env("YEYAK_AUTH_AUDIENCE", "yeyak").env("YEYAK_AUTH_JWKS", "http://127.0.0.1:1/keys");
    let yeyak = Yeyak::run(&mut serve).unwrap();
    let place = Place::new();
    let token = place.token("key.pem", &["--new-key", "--subject", "1"]);
    let answer = ask(&yeyak.api(), &token, "GET", "/rooms", &NOTHING);
    answer.problem(503, "service-unavailable");
    assert!(answer.header("retry-after").is_some());
    ask(&yeyak.api(), "", "GET", "/rooms", &NOTHING).problem(401, "token-missing");
    yeyak.stop();
}

#[test]
fn open_to_the_network_is_said_and_shown() {
    let data = TempDir::new().unwrap();
    let directory = data.path().to_str().unwrap();
    let yeyak = Yeyak::start(&["serve", "meetingroom", "--listen", "0.0.0.0:0", "--open-to-network", "--data", directory]);
    let api = Api::new(([127, 0, 0, 1], yeyak.address.port()).into());
    assert_eq!(api.get("/actuator/health").expect(200)["auth"], "open-to-network");
    api.post("/rooms", &json!({"floor": "1"})).expect(201);
    assert!(yeyak.lines().iter().any(|line| line.contains("WARN") && line.contains("open to the network")), "{:#?}", yeyak.lines());
    yeyak.stop();
}

#[test]
fn what_is_wrong_with_keys_is_told_in_one_line() {
    let place = Place::new();
    let said = |arguments: &[&str], ok: bool| {
        let output = command().current_dir(place.directory.path()).args(arguments).output().unwrap();
        assert_eq!(output.status.success(), ok, "{arguments:?} {output:?}");
        let text = String::from_utf8(if arguments[0] == "check-config" { output.stdout } else { output.stderr }).unwrap();
        assert!(text.lines().count() <= 1, "{text}");
        text
    };
    let check = ["check-config", "yeyak.toml"];
    let serve = ["serve", "--config", "yeyak.toml", "--listen", "127.0.0.1:0"];
    assert!(said(&check, false).contains("keys.json: cannot be read"));
    fs::write(place.path("keys.json"), "{}").unwrap();
    assert!(said(&check, false).contains("is no JWKS"));
    fs::write(place.path("keys.json"), "{\"keys\": []}").unwrap();
    assert!(said(&check, false).contains("has no public key"));
    // It says so as the last of its lines, for the log has begun by then.
    let output = command().current_dir(place.directory.path()).args(serve).output().unwrap();
    let last = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && last.lines().last().unwrap().contains("has no public key"), "{last}");
    place.token("key.pem", &["--new-key", "--jwks"]);
    place.publish(&["key.pem"]);
    said(&check, true);

    // Whatever `serve` refuses is refused here too, and a file without an end is not read to its end.
    let keys = fs::read_to_string(place.path("keys.json")).unwrap();
    fs::write(place.path("keys.json"), format!("{keys}{}", " ".repeat(64 * 1024))).unwrap();
    assert!(said(&check, false).contains("larger than 64 KiB"));
    let output = command().current_dir(place.directory.path()).args(serve).output().unwrap();
    let last = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && last.lines().last().unwrap().contains("larger than 64 KiB"), "{last}");
    fs::remove_file(place.path("keys.json")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", place.path("keys.json")).unwrap();
    assert!(said(&check, false).contains("larger than 64 KiB"));
    fs::remove_file(place.path("keys.json")).unwrap();
    fs::write(place.path("keys.json"), &keys).unwrap();

    let key = ["token", "--key", "key.pem"];
    assert!(said(&[&key[..], &["--new-key", "--jwks"]].concat(), false).contains("key.pem"), "a key that is there stays");
    assert!(said(&[&key[..], &["--subject", "1", "--role", "chief"]].concat(), false).contains("administrator or operator"));
    assert!(said(&key, false).contains("--subject"));
    assert!(said(&[&key[..], &["--subject", "1", "--minutes", "0"]].concat(), false).contains("--minutes"));
    assert!(said(&["token", "--key", "none.pem", "--jwks"], false).contains("--new-key"));
    assert!(said(&["token", "--key", "keys.json", "--jwks"], false).contains("no private Ed25519 key"));
}

#[test]
fn a_token_is_made_of_what_can_count_alone() {
    let place = Place::new();
    let token = |flags: &[&str], variables: &[(&str, &str)]| {
        let mut command = command();
        command.arg("token").arg("--key").arg(place.path("key.pem")).args(flags).envs(variables.iter().copied());
        let output = command.output().unwrap();
        let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        if output.status.success() { Ok((stdout, stderr)) } else { Err(stderr) }
    };
    token(&["--new-key", "--jwks"], &[]).unwrap();

    // A variable that is set to nothing is not set.
    let at = ["--subject", "1", "--clock", "2026-11-23T10:05:00+09:00"];
    let usual = token(&at, &[]).unwrap();
    assert_eq!(usual.1, "");
    assert_eq!(token(&at, &[("YEYAK_AUTH_ISSUER", ""), ("YEYAK_AUTH_AUDIENCE", ""), ("YEYAK_CLOCK", "")]).unwrap(), usual);
    assert_eq!(token(&at[..2], &[("YEYAK_AUTH_ISSUER", " yeyak "), ("YEYAK_CLOCK", "2026-11-23T01:05:00Z")]).unwrap(), usual);
    assert_ne!(token(&at, &[("YEYAK_AUTH_ISSUER", "other")]).unwrap(), usual);
    assert_ne!(token(&at, &[("YEYAK_AUTH_AUDIENCE", "other")]).unwrap(), usual);
    assert_eq!(token(&[&at[..], &["--issuer", "yeyak"]].concat(), &[("YEYAK_AUTH_ISSUER", "other")]).unwrap(), usual);
    token(&at[..2], &[("YEYAK_CLOCK", "")]).unwrap();

    let refuses = |flags: &[&str], variables: &[(&str, &str)], said: &str| {
        let line = token(flags, variables).unwrap_err();
        assert!(line.contains(said) && line.lines().count() == 1, "{line}");
    };
    refuses(&at[..2], &[("YEYAK_CLOCK", "noon")], "YEYAK_CLOCK: \"noon\" is not right here: write an instant");
    refuses(&["--subject", "1", "--clock", "noon"], &[], "--clock: \"noon\" is not right here");
    refuses(&[&at[..], &["--issuer", " "]].concat(), &[], "--issuer: \" \" says nothing");
    let long = "x".repeat(65);
    for subject in ["", " ", " 1", "1 ", "a\nb", &long] {
        refuses(&["--subject", subject], &[], "--subject: ");
        refuses(&["--subject", subject], &[], "nobody's id");
    }
    token(&["--subject", &"회".repeat(64)], &[]).unwrap();

    for (mode, is_told) in [(0o640, true), (0o604, true), (0o620, true), (0o600, false), (0o400, false)] {
        fs::set_permissions(place.path("key.pem"), fs::Permissions::from_mode(mode)).unwrap();
        let (made, told) = token(&at, &[]).unwrap();
        assert_eq!(made, usual.0);
        assert_eq!(told.contains("key.pem: others than its owner can use this key"), is_told, "{mode:o} {told}");
    }
}

#[test]
fn an_issuer_that_comes_back_lets_people_in_soon_and_health_tells_of_it() {
    use std::io::{Read as _, Write as _};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    let place = Place::new();
    place.token("key.pem", &["--new-key", "--jwks"]);
    let (jwks, token) = (place.token("key.pem", &["--jwks"]), place.token("key.pem", &["--subject", "1"]));
    let operator = place.token("key.pem", &["--subject", "lee", "--role", "operator"]);
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let is_back = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_back);
    // It ends with the process.
    std::thread::Builder::new()
        .spawn(move || {
            for stream in server.incoming() {
                let mut stream = stream.unwrap();
                if seen.load(Ordering::Relaxed) {
                    _ = stream.read(&mut [0; 1024]).unwrap();
                    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{jwks}", jwks.len()).unwrap();
                }
            }
        })
        .unwrap();
    let mut serve = command();
    serve.args(["serve", "meetingroom", "--auth", "required", "--listen", "127.0.0.1:0", "--data"]).arg(place.path("data"));
    serve.env("YEYAK_AUTH_ISSUER", "yeyak").env("YEYAK_AUTH_AUDIENCE", "yeyak");
    serve.env("YEYAK_AUTH_JWKS", format!("http://{address}/keys?token=hidden"));
    let yeyak = Yeyak::run(&mut serve).unwrap();
    let api = yeyak.api();
    let health = |token: &str| ask(&api, token, "GET", "/actuator/health", &NOTHING).expect(200);
    for token in ["", &token, &operator] {
        assert_eq!(health(token), json!({"status": "DEGRADED"}));
    }
    api.get("/actuator/health/readiness").expect(200);
    ask(&api, &token, "GET", "/rooms", &NOTHING).problem(503, "service-unavailable");

    is_back.store(true, Ordering::Relaxed);
    // Nobody asks for anything but its health, so it is the process itself that looks again.
    until("the keys are read", || (health("") == json!({"status": "UP"})).then_some(()));
    ask(&api, &token, "GET", "/rooms", &NOTHING).expect(200);
    assert_eq!(health(&operator)["components"]["issuer"], json!({"status": "UP"}));
    assert!(!yeyak.lines().iter().any(|line| line.contains("hidden")), "{:#?}", yeyak.lines());
    yeyak.stop();
}
