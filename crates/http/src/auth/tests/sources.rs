//! Keys: which there are, where they come from, and what is told of them.

use super::*;

#[test]
fn a_set_of_keys_is_an_object_with_a_list() {
    let one = key().jwks()["keys"][0].to_string();
    // What stands in a list instead of an object has no names, so it is not guessed which field is which.
    for text in ["", "{", "[]", "{}", r#"{"keys": {}}"#, "\u{0}", "[[]]", &format!("[[{one}]]"), &format!("[{one}]"), &one] {
        assert_eq!(KeySet::parse(text.as_bytes()), Err(NotKeys::Malformed), "{text}");
    }
    assert!(KeySet::parse(br#"{"keys": [], "more": 1}"#).unwrap().is_empty());
    let x = URL_SAFE_NO_PAD.encode([7; 32]);
    let listed = json!({"keys": [["OKP", null, null, null, "a", "Ed25519", null, null, x, null]]}).to_string();
    assert!(KeySet::parse(listed.as_bytes()).unwrap().is_empty());

    let set = format!(r#"{{"keys": [{one}]}}"#);
    let padded = |length: usize| format!("{set}{}", " ".repeat(length - set.len()));
    assert_eq!(KeySet::parse(padded(64 * 1024).as_bytes()).unwrap().len(), 1);
    assert_eq!(KeySet::parse(padded(64 * 1024 + 1).as_bytes()), Err(NotKeys::TooLarge));
}

/// The keys of several sets, all under one name.
fn named_alike(keys: &[&LocalKey], name: &Value) -> Value {
    json!({"keys": keys.iter().map(|key| changed(key.jwks()["keys"][0].clone(), json!({"kid": name}))).collect::<Vec<_>>()})
}

fn by(key: &LocalKey, name: &Value) -> String {
    let claims = json!({"iss": "https://issuer.example", "aud": "yeyak", "sub": "7", "exp": now().as_second() + 600});
    key.sign(&changed(json!({"alg": "EdDSA"}), json!({"kid": name})), &claims)
}

#[test]
fn of_keys_that_are_named_alike_each_is_tried() {
    let (bench, other, stranger) = (Bench::new(), key(), key());
    bench.said.say(&named_alike(&[&bench.key, &other], &json!("a")));
    for key in [&bench.key, &other] {
        assert!(bench.ask_token(&by(key, &json!("a"))).is_ok());
        assert_eq!(bench.ask_token(&by(key, &NONE)).unwrap_err(), "token-invalid", "which of two is not said");
    }
    assert_eq!(bench.ask_token(&by(&stranger, &json!("a"))).unwrap_err(), "token-invalid");
}

#[test]
fn a_key_that_was_replaced_under_its_name_is_found_and_forgers_cause_a_look_now_and_then_alone() {
    for name in [json!("a"), NONE] {
        let (bench, new, stranger) = (Bench::new(), key(), key());
        bench.said.say(&named_alike(&[&bench.key], &name));
        assert!(bench.ask_token(&by(&bench.key, &name)).is_ok());
        bench.said.say(&named_alike(&[&new], &name));
        for key in [&stranger, &new] {
            assert_eq!(bench.ask_token(&by(key, &name)).unwrap_err(), "token-invalid", "not so soon after the last look");
        }
        assert_eq!(bench.said.asked(), 1);
        bench.clock.advance(Duration::from_secs(30));
        assert!(bench.ask_token(&by(&new, &name)).is_ok());
        assert_eq!(bench.ask_token(&by(&bench.key, &name)).unwrap_err(), "token-invalid", "the old key is gone");
        assert_eq!(bench.said.asked(), 2);
        for round in 3..6 {
            bench.clock.advance(Duration::from_secs(30));
            for _ in 0..10 {
                assert_eq!(bench.ask_token(&by(&stranger, &name)).unwrap_err(), "token-invalid");
            }
            assert_eq!(bench.said.asked(), round);
        }
    }
}

#[test]
fn while_no_key_is_known_the_source_is_looked_at_every_two_seconds_and_never_twice_at_once() {
    let bench = Bench::new();
    let header = headers(&[&format!("Bearer {}", bench.token(none(), none()))]);
    bench.said.hang(true);
    let mut all: Vec<_> = (0..20).map(|_| Box::pin(bench.verifier.verify(&header))).collect();
    assert!(all.iter_mut().all(|one| step(&mut one.as_mut()).is_none()), "they wait for the look");
    bench.clock.advance(Duration::from_secs(5));
    for mut one in all {
        assert_eq!(step(&mut one.as_mut()).unwrap().unwrap_err().code, "service-unavailable");
    }
    bench.said.hang(false);
    assert_eq!(wait(bench.verifier.verify(&header)).unwrap_err().code, "service-unavailable", "nor is it looked at again at once");
    assert_eq!(bench.said.asked(), 1);
    bench.clock.advance(Duration::from_secs(2));
    assert!(wait(bench.verifier.verify(&header)).is_ok());
    assert_eq!(bench.said.asked(), 2);
}

#[test]
fn whoever_keeps_keys_fresh_hurries_until_there_are_some_and_while_they_cannot_be_read() {
    let bench = Bench::new();
    let mut keeper = std::pin::pin!(bench.verifier.keep_fresh());
    let mut look_after = |seconds: u64, asked: usize| {
        assert!(step(&mut keeper).is_none());
        assert_eq!(bench.clock.next_wake(), Some(Duration::from_secs(seconds)));
        bench.clock.advance(Duration::from_secs(seconds));
        assert!(step(&mut keeper).is_none());
        assert_eq!(bench.said.asked(), asked);
    };
    bench.said.fail();
    look_after(2, 1);
    bench.said.say(&json!({"keys": []}));
    look_after(2, 2);
    bench.said.say(&bench.key.jwks());
    look_after(2, 3);
    bench.said.fail();
    look_after(300, 4);
    bench.said.say(&bench.key.jwks());
    look_after(30, 5);
    look_after(300, 6);
    assert!(bench.ask_token(&bench.token(none(), json!({"exp": 4e9}))).is_ok());
}

#[test]
fn a_look_goes_on_though_whoever_began_it_has_gone_away() {
    struct Woken(AtomicBool);
    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let bench = Bench::new();
    assert!(bench.ask_token(&bench.token(none(), none())).is_ok());
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = std::task::Waker::from(Arc::clone(&woken));
    let mut keeper = std::pin::pin!(bench.verifier.keep_fresh());
    assert!(keeper.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());

    let new = key();
    bench.said.say(&new.jwks());
    bench.clock.advance(Duration::from_secs(30));
    let header = headers(&[&format!("Bearer {}", by(&new, &json!(new.id())))]);
    {
        let mut first = std::pin::pin!(bench.verifier.verify(&header));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending());
    }
    assert!(woken.0.load(Ordering::Relaxed), "somebody is told to go on with it");
    assert!(step(&mut keeper).is_none());
    assert!(bench.verifier.recognize(&header).is_some());
    assert_eq!(bench.said.asked(), 2);
}

#[test]
fn a_new_key_is_found_when_a_token_names_it_and_looked_for_now_and_then_alone() {
    let bench = Bench::new();
    assert!(bench.ask_token(&bench.token(none(), none())).is_ok());
    assert_eq!(bench.said.asked(), 1);

    let new = key();
    let token = new.token(&expected(), "8", &[], now(), now() + Duration::from_secs(600));
    bench.said.say(&new.jwks());
    for _ in 0..10 {
        assert_eq!(bench.ask_token(&token).unwrap_err(), "token-invalid", "not so soon after the last look");
    }
    assert_eq!(bench.said.asked(), 1);
    bench.clock.advance(Duration::from_secs(30));
    assert_eq!(bench.ask_token(&token).unwrap().subject(), "8");
    assert_eq!(bench.said.asked(), 2);
    assert_eq!(bench.ask_token(&bench.token(none(), none())).unwrap_err(), "token-invalid", "the old key is gone");
    assert_eq!(bench.said.asked(), 2);
}

#[test]
fn those_who_come_at_once_wait_for_one_look() {
    let bench = Bench::new();
    let header = headers(&[&format!("Bearer {}", bench.token(none(), none()))]);
    let (one, other) = wait(join(bench.verifier.verify(&header), bench.verifier.verify(&header)));
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(bench.said.asked(), 1);
}

#[test]
fn a_look_that_is_given_up_is_taken_up_by_the_next() {
    let bench = Bench::new();
    let header = headers(&[&format!("Bearer {}", bench.token(none(), none()))]);
    {
        let mut first = std::pin::pin!(bench.verifier.verify(&header));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending());
    }
    assert!(wait(bench.verifier.verify(&header)).is_ok());
    assert_eq!(bench.said.asked(), 1);
}

#[test]
fn keys_that_are_known_go_on_while_their_source_is_away() {
    let bench = Bench::new();
    let token = bench.token(none(), none());
    bench.said.fail();
    assert_eq!(bench.ask_token(&token).unwrap_err(), "service-unavailable", "none was ever known");
    bench.said.say(&bench.key.jwks());
    bench.clock.advance(Duration::from_secs(30));
    assert!(bench.ask_token(&token).is_ok());
    bench.said.fail();
    assert_eq!(wait(bench.verifier.load()), Err("gone".into()));
    assert!(bench.ask_token(&token).is_ok());
    bench.said.say(&json!("nonsense"));
    assert!(wait(bench.verifier.load()).is_err());
    assert!(bench.ask_token(&token).is_ok());
    bench.said.say(&json!({"keys": []}));
    assert_eq!(wait(bench.verifier.load()), Ok(0));
    assert_eq!(bench.ask_token(&token).unwrap_err(), "token-invalid", "those that are taken out are out");
}

#[test]
fn keys_come_from_a_file_or_by_https() {
    let check = |text: &str, expected: Result<Location, NotALocation>| assert_eq!(text.parse(), expected, "{text}");
    let url = |text: &str| Ok(Location::Url(text.into()));
    check("keys.json", Ok(Location::File("keys.json".into())));
    check("https://issuer.example/keys", url("https://issuer.example/keys"));
    for here in ["http://127.0.0.1:9/keys", "http://localhost/keys", "http://[::1]:9/"] {
        check(here, url(here));
    }
    for elsewhere in ["http://issuer.example/keys", "http://10.0.0.1/", "http://localhost.example/", "HTTP://127.0.0.1.example/"] {
        check(elsewhere, Err(NotALocation::Insecure));
    }
    for text in ["", " ", "ftp://x/y", "https://", "https:// x", "file:///etc/keys", "a\0b", "https:/h/keys", "//h/keys?key=secret"] {
        check(text, Err(NotALocation::Malformed));
    }
}

#[test]
fn an_address_of_keys_holds_no_password_and_shows_nothing_secret() {
    for text in ["https://kim:secret@issuer.example/keys", "https://kim@issuer.example/", "http://:@127.0.0.1/", "http://kim@localhost/"] {
        assert_eq!(text.parse::<Location>(), Err(NotALocation::User), "{text}");
        assert!(HttpKeys::new(text).is_err(), "{text}");
    }
    for mistyped in
        ["https:/kim:secret@h/keys", "//kim:secret@h/k", "kim:secret@h/k", "kim:sec/ret@h", "HTTPS:kim@h", " https:/kim:secret@h"]
    {
        assert_eq!(mistyped.parse::<Location>(), Err(NotALocation::User), "{mistyped}");
    }
    for file in ["keys@home.json", "/etc/yeyak:1/keys@home.json", "./a:b@c", "C:keys.json"] {
        assert_eq!(file.parse(), Ok(Location::File(file.into())), "{file}");
    }
    assert!("https://issuer.example/@keys?of=kim@example".parse::<Location>().is_ok());
    let location: Location = "http://127.0.0.1:9/keys?token=secret#more".parse().unwrap();
    assert_eq!(location.to_string(), "http://127.0.0.1:9/keys");
    assert_eq!(location.source().unwrap().name(), "http://127.0.0.1:9/keys");
}

/// What health says with this header, and its status.
fn health(verifier: &Arc<Verifier>, value: Option<&str>) -> (u16, Value) {
    use tower::ServiceExt as _;
    let actuator = crate::actuator::Actuator {
        systems: Vec::new(),
        faults: None,
        auth: Auth::Required(Arc::clone(verifier)),
        limits: crate::Limits::default(),
        clock: Arc::new(ManualClock::at(now())),
        observer: crate::Observer::new(Arc::new(ManualClock::at(now())), telemetry::Tracer::off()),
        open_to_network: false,
        stopping: Arc::default(),
        verify: None,
        backup: None,
        reconcile: None,
        shows: Vec::new(),
    };
    let mut request = axum::http::Request::get("/actuator/health").body(axum::body::Body::empty()).unwrap();
    *request.headers_mut() = headers(value.as_slice());
    let answer = wait(actuator.into_router().oneshot(request)).unwrap();
    let status = answer.status().as_u16();
    let body = wait(http_body_util::BodyExt::collect(answer.into_body())).unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

#[test]
fn health_is_for_everybody_and_degraded_while_the_keys_cannot_be_read() {
    let Bench { key, said, clock, verifier } = Bench::new();
    let verifier = Arc::new(verifier);
    let token = |roles: &[Role]| format!("Bearer {}", key.token(&expected(), "7", roles, now(), now() + Duration::from_secs(600)));
    let (person, operator) = (token(&[]), token(&[Role::Operator]));
    let all = [None, Some("Basic eDp5"), Some("Bearer x.y.z"), Some(person.as_str()), Some(operator.as_str())];

    // An issuer that hangs keeps nobody from asking, and is not asked for that either.
    said.hang(true);
    for value in all {
        assert_eq!(health(&verifier, value), (200, json!({"status": "DEGRADED"})), "{value:?}");
    }
    assert_eq!(said.asked(), 0);

    said.hang(false);
    assert_eq!(wait(verifier.load()), Ok(1));
    for value in &all[..4] {
        assert_eq!(health(&verifier, *value), (200, json!({"status": "UP"})), "{value:?}");
    }
    let shown = json!({"status": "UP", "components": {"issuer": {"status": "UP"}}, "faults": []});
    assert_eq!(health(&verifier, Some(&operator)), (200, shown));

    said.fail();
    assert!(wait(verifier.load()).is_err());
    for value in &all[..4] {
        assert_eq!(health(&verifier, *value), (200, json!({"status": "DEGRADED"})), "{value:?}");
    }
    let issuer = json!({"status": "DEGRADED", "why": "gone"});
    let shown = json!({"status": "DEGRADED", "components": {"issuer": issuer}, "faults": []});
    assert_eq!(health(&verifier, Some(&operator)), (200, shown));

    clock.advance(Duration::from_secs(30));
    said.say(&json!({"keys": []}));
    assert_eq!(wait(verifier.load()), Ok(0));
    assert_eq!(health(&verifier, None), (200, json!({"status": "DEGRADED"})), "nobody gets in with no key at all");
}

#[test]
fn an_rsa_key_that_could_never_check_anything_is_no_key() {
    let jwks = |n: &[u8]| json!({"keys": [{"kty": "RSA", "kid": "weak", "n": URL_SAFE_NO_PAD.encode(n), "e": "AQAB"}]}).to_string();
    assert_eq!(KeySet::parse(jwks(&[0xff; 256]).as_bytes()).unwrap().len(), 1);
    for n in [&[0xff; 64][..], &[0; 256], &[0xff; 1025]] {
        assert!(KeySet::parse(jwks(n).as_bytes()).unwrap().is_empty());
    }
}
