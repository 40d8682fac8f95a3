//! Callers who prove who they are: a key made, tokens made with it, strangers refused, and the keys changed while it runs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

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
    ask(&api, &operator, "POST", "/actuator/faults", &fault).expect(200);
    ask(&api, &administrator, "DELETE", "/actuator/faults", &NOTHING).expect(204);
    for line in yeyak.lines() {
        assert!(!line.contains("eyJ") && !line.contains("kim"), "a log shows no token and nobody's name: {line}");
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
    serve.args(["serve", "--auth", "required", "--samples", "--listen", "127.0.0.1:0", "--data"]).arg(place.path("data"));
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
    serve.args(["serve", "--auth", "required", "--listen", "127.0.0.1:0", "--data"]).arg(data.path());
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
    let yeyak = Yeyak::start(&["serve", "--listen", "0.0.0.0:0", "--open-to-network", "--data", directory]);
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

    let key = ["token", "--key", "key.pem"];
    assert!(said(&[&key[..], &["--new-key", "--jwks"]].concat(), false).contains("key.pem"), "a key that is there stays");
    assert!(said(&[&key[..], &["--subject", "1", "--role", "chief"]].concat(), false).contains("administrator or operator"));
    assert!(said(&key, false).contains("--subject"));
    assert!(said(&[&key[..], &["--subject", "1", "--minutes", "0"]].concat(), false).contains("--minutes"));
    assert!(said(&["token", "--key", "none.pem", "--jwks"], false).contains("--new-key"));
    assert!(said(&["token", "--key", "keys.json", "--jwks"], false).contains("no private Ed25519 key"));
}
