use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use clock::ManualClock;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join};
use kernel::Timestamp;
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::*;

mod sources;

/// What some source says now, how often it was asked, and whether it makes its readers wait.
#[derive(Clone)]
struct Said {
    text: Arc<Mutex<Result<String, String>>>,
    asked: Arc<AtomicUsize>,
    hangs: Arc<AtomicBool>,
}

impl Said {
    fn keys(jwks: &Value) -> Self {
        Self { text: Arc::new(Mutex::new(Ok(jwks.to_string()))), asked: Arc::default(), hangs: Arc::default() }
    }

    fn say(&self, jwks: &Value) {
        *self.text.lock().unwrap() = Ok(jwks.to_string());
    }

    fn fail(&self) {
        *self.text.lock().unwrap() = Err("gone".into());
    }

    /// From now on it never answers, or does so again.
    fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::Relaxed);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl KeySource for Said {
    fn name(&self) -> &str {
        "said"
    }

    fn read(&self) -> BoxFuture<'static, Result<Bytes, String>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.hangs.load(Ordering::Relaxed) {
            return std::future::pending().boxed();
        }
        let text = self.text.lock().unwrap().clone().map(Bytes::from);
        // It takes a moment, as a source elsewhere does.
        async move {
            let mut waited = false;
            std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                if std::mem::replace(&mut waited, true) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
            text
        }
        .boxed()
    }

    fn refresh(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn at_most_every(&self) -> Duration {
        Duration::from_secs(30)
    }
}

const NOW: &str = "2026-11-23T10:00:00+09:00";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn expected() -> Expected {
    Expected { issuer: "https://issuer.example".into(), audience: "yeyak".into() }
}

fn key() -> LocalKey {
    LocalKey::parse(&LocalKey::generate().unwrap()).unwrap()
}

fn verifier(said: &Said, clock: &ManualClock) -> Verifier {
    Verifier::new(expected(), Box::new(said.clone()), Arc::new(clock.clone()))
}

fn headers(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

/// Waits for what never waits for anything but itself.
fn wait<T>(work: impl Future<Output = T>) -> T {
    step(&mut std::pin::pin!(work)).expect("it waits for nothing")
}

/// Goes on with work, as far as it comes by itself.
fn step<T>(work: &mut std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    (0..100).find_map(|_| match work.as_mut().poll(&mut context) {
        std::task::Poll::Ready(done) => Some(done),
        std::task::Poll::Pending => None,
    })
}

/// One key, and a verifier that knows it.
struct Bench {
    key: LocalKey,
    said: Said,
    clock: ManualClock,
    verifier: Verifier,
}

impl Bench {
    fn new() -> Self {
        let (key, clock) = (key(), ManualClock::at(now()));
        let said = Said::keys(&key.jwks());
        let verifier = verifier(&said, &clock);
        Self { key, said, clock, verifier }
    }

    /// Whom the header proves, or the code of the refusal.
    fn ask(&self, values: &[&str]) -> Result<Identity, String> {
        wait(self.verifier.verify(&headers(values))).map_err(|problem| problem.code.to_string())
    }

    fn ask_token(&self, token: &str) -> Result<Identity, String> {
        self.ask(&[&format!("Bearer {token}")])
    }

    fn header(&self) -> Value {
        json!({"alg": "EdDSA", "typ": "JWT", "kid": self.key.id()})
    }

    /// A token with something changed in its header and its claims; null takes away.
    fn token(&self, header: Value, claims: Value) -> String {
        let at = now().as_second();
        let good = json!({"iss": "https://issuer.example", "aud": "yeyak", "sub": "7", "exp": at + 600});
        self.key.sign(&changed(self.header(), header), &changed(good, claims))
    }

    #[track_caller]
    fn refuses(&self, header: Value, claims: Value, code: &str) {
        let shown = format!("{header} {claims}");
        assert_eq!(self.ask_token(&self.token(header, claims)).unwrap_err(), code, "{shown}");
    }

    #[track_caller]
    fn takes(&self, header: Value, claims: Value) -> Identity {
        let shown = format!("{header} {claims}");
        match self.ask_token(&self.token(header, claims)) {
            Ok(identity) => identity,
            Err(code) => panic!("{code}: {shown}"),
        }
    }
}

fn changed(mut good: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => _ = good.as_object_mut().unwrap().remove(name),
            value => good[name] = value.clone(),
        }
    }
    good
}

fn encoded(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

const NONE: Value = Value::Null;

fn none() -> Value {
    json!({})
}

#[test]
fn a_good_token_says_who_it_is_and_which_roles_they_have() {
    let bench = Bench::new();
    let plain = bench.takes(none(), none());
    assert_eq!((plain.subject(), plain.is_administrator(), plain.is_staff()), ("7", false, false));
    assert_eq!(plain.caller(), Caller::Person("7".into()));

    let administrator = bench.takes(none(), json!({"roles": ["administrator", "baker", "operator"]}));
    assert_eq!(administrator.caller(), Caller::Staff(Role::Administrator, "7".into()));
    let operator = bench.takes(none(), json!({"roles": "operator"}));
    assert!(operator.is_staff() && !operator.is_administrator());
    assert_eq!(operator.caller(), Caller::Person("7".into()));
    let neither = bench.takes(none(), json!({"roles": ["Administrator", " operator", "administrator operator"]}));
    assert!(!neither.is_staff(), "a role is its name to the letter");
    assert!(!format!("{administrator:?}").contains('7'), "whose it is stays out of logs");
}

#[test]
fn a_token_can_be_written_as_issuers_write_it() {
    let bench = Bench::new();
    for typ in [NONE, json!("JWT"), json!("jwt"), json!("at+jwt"), json!("application/at+jwt")] {
        bench.takes(json!({"typ": typ}), none());
    }
    bench.takes(json!({"kid": null}), none());
    bench.takes(json!({"jku": "http://evil.example/", "jwk": key().jwks()["keys"][0]}), json!({"scope": "x", "iat": 0.5}));
    bench.takes(none(), json!({"aud": ["other", "yeyak"]}));
    bench.takes(none(), json!({"exp": 4e9, "nbf": 0}));
    let token = bench.token(none(), none());
    assert!(bench.ask(&[&format!("bearer  {token} ")]).is_ok());
}

#[test]
fn a_header_without_a_bearer_token_is_none() {
    let bench = Bench::new();
    for values in [&[][..], &[""], &["Bearer"], &["Bearer "], &["Basic eDp5"], &["Bearer\tx"]] {
        assert_eq!(bench.ask(values).unwrap_err(), "token-missing", "{values:?}");
    }
    let good = format!("Bearer {}", bench.token(none(), none()));
    assert_eq!(bench.ask(&[&good, &good]).unwrap_err(), "token-invalid", "one header says who asks");
    assert_eq!(bench.ask(&[&good, "Basic eDp5"]).unwrap_err(), "token-invalid");
    assert_eq!(bench.ask(&[&format!("{good}, {good}")]).unwrap_err(), "token-invalid");
    assert_eq!(bench.ask(&["Bearer 회의"]).unwrap_err(), "token-invalid");
}

#[test]
fn what_is_no_signed_token_is_refused() {
    let bench = Bench::new();
    let good = bench.token(none(), none());
    let parts: Vec<_> = good.split('.').collect();
    let (header, claims, signature) = (parts[0], parts[1], parts[2]);
    for token in [
        "x".into(),
        "..".into(),
        "...".into(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!(".{claims}.{signature}"),
        format!("{header}..{signature}"),
        format!("{good}."),
        format!("{good}.x"),
        format!("{good}="),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}.{}", &signature[..signature.len() - 1]),
        format!("{header}.{}.{signature}", encoded(&json!({"iss": "x"}))),
        format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode("{")),
        format!("{}.{claims}.{signature}", encoded(&json!([]))),
        format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","alg":"EdDSA"}"#)),
        // Only one of the encodings of a signature counts: the last letter has bits that mean nothing.
        format!("{header}.{claims}.{}", other_last_letter(signature)),
    ] {
        assert_eq!(bench.ask_token(&token).unwrap_err(), "token-invalid", "{token}");
    }
}

fn other_last_letter(text: &str) -> String {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = text.split_at(text.len() - 1);
    let next = (LETTERS.find(last).unwrap() + 1) % 64;
    format!("{rest}{}", &LETTERS[next..=next])
}

#[test]
fn a_token_of_more_than_8_kib_is_refused_unread() {
    let bench = Bench::new();
    let long = |length: usize| bench.token(none(), json!({"pad": "x".repeat(length)}));
    assert!(bench.ask_token(&long(5000)).is_ok());
    let too_long = long(6200);
    assert!(too_long.len() > 8 * 1024);
    assert_eq!(bench.ask_token(&too_long).unwrap_err(), "token-invalid");
}

#[test]
fn a_token_cannot_choose_how_it_is_checked() {
    let bench = Bench::new();
    for algorithm in ["none", "None", "", "HS256", "HS512", "RS256", "RS384", "PS256", "ES256", "ES384", "eddsa", "Ed448"] {
        bench.refuses(json!({"alg": algorithm}), none(), "token-invalid");
    }
    bench.refuses(json!({"alg": null}), none(), "token-invalid");
    bench.refuses(json!({"alg": 7}), none(), "token-invalid");

    // The oldest trick: the public key, which everybody knows, as the secret of an HMAC.
    let public = URL_SAFE_NO_PAD.decode(bench.key.jwks()["keys"][0]["x"].as_str().unwrap()).unwrap();
    let claims = encoded(&json!({"iss": "https://issuer.example", "aud": "yeyak", "sub": "7", "exp": 4e9}));
    let signed = format!("{}.{claims}", encoded(&changed(bench.header(), json!({"alg": "HS256"}))));
    let tag = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &public), signed.as_bytes());
    assert_eq!(bench.ask_token(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))).unwrap_err(), "token-invalid");
    let unsigned = format!("{}.{claims}.", encoded(&changed(bench.header(), json!({"alg": "none"}))));
    assert_eq!(bench.ask_token(&unsigned).unwrap_err(), "token-invalid");
}

#[test]
fn a_header_that_we_would_have_to_understand_is_refused() {
    let bench = Bench::new();
    bench.refuses(json!({"crit": ["exp"]}), none(), "token-invalid");
    bench.refuses(json!({"crit": ["b64"], "b64": false}), none(), "token-invalid");
    bench.refuses(json!({"crit": []}), none(), "token-invalid");
    bench.refuses(json!({"typ": "logout+jwt"}), none(), "token-invalid");
    bench.refuses(json!({"typ": "dpop+jwt"}), none(), "token-invalid");
}

#[test]
fn a_token_of_or_for_somebody_else_is_refused() {
    let bench = Bench::new();
    bench.refuses(none(), json!({"iss": "https://issuer.example/"}), "token-invalid");
    bench.refuses(none(), json!({"iss": null}), "token-invalid");
    bench.refuses(none(), json!({"aud": "Yeyak"}), "token-invalid");
    bench.refuses(none(), json!({"aud": []}), "token-invalid");
    bench.refuses(none(), json!({"aud": null}), "token-invalid");
    bench.refuses(none(), json!({"aud": {"yeyak": true}}), "token-invalid");
    for subject in [NONE, json!(""), json!(" "), json!(" 7"), json!("7\n"), json!("a\u{0}b"), json!(7), json!("x".repeat(65))] {
        bench.refuses(none(), json!({"sub": subject}), "token-invalid");
    }
    bench.takes(none(), json!({"sub": "회".repeat(64)}));
    let stranger = key();
    let token = stranger.sign(&bench.header(), &json!({"iss": "https://issuer.example", "aud": "yeyak", "sub": "7", "exp": 4e9}));
    assert_eq!(bench.ask_token(&token).unwrap_err(), "token-invalid", "a good name is no good signature");
}

#[test]
fn time_is_the_installations_with_half_a_minute_to_spare() {
    let bench = Bench::new();
    let at = now().as_second();
    for (exp, code) in [(at + 1, None), (at - 29, None), (at - 30, Some("token-expired")), (0, Some("token-expired"))] {
        assert_eq!(bench.ask_token(&bench.token(none(), json!({"exp": exp}))).err().as_deref(), code, "exp {}", exp - at);
    }
    for (nbf, code) in [(at - 1, None), (at + 30, None), (at + 31, Some("token-invalid"))] {
        assert_eq!(bench.ask_token(&bench.token(none(), json!({"nbf": nbf}))).err().as_deref(), code, "nbf {}", nbf - at);
    }
    for exp in [NONE, json!("4e9"), json!(true), json!(-1e300)] {
        assert!(bench.ask_token(&bench.token(none(), json!({"exp": exp}))).is_err(), "{exp}");
    }
    // That it has expired is told of a token alone that is good in all else.
    bench.refuses(none(), json!({"exp": 0, "iss": "x"}), "token-invalid");
    bench.refuses(none(), json!({"exp": 0, "aud": "x"}), "token-invalid");

    let token = bench.token(none(), none());
    assert!(bench.ask_token(&token).is_ok());
    bench.clock.advance(Duration::from_secs(630));
    assert_eq!(bench.ask_token(&token).unwrap_err(), "token-expired");
}

#[test]
fn each_refusal_is_401_with_a_challenge_and_nothing_of_the_token() {
    let check = |problem: Problem, code: &str, challenge: &str| {
        assert_eq!(problem.code, code);
        let json = problem.to_json();
        let response = problem.into_response();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["www-authenticate"]),
            (401, &HeaderValue::from_str(challenge).unwrap())
        );
        for detail in ["signature", "issuer", "audience", "kid"] {
            assert!(!json.contains(detail), "{json}");
        }
    };
    let invalid = r#"Bearer realm="yeyak", error="invalid_token""#;
    check(Refusal::Missing.into_problem(), "token-missing", r#"Bearer realm="yeyak""#);
    check(Refusal::Invalid("its signature is wrong").into_problem(), "token-invalid", invalid);
    check(Refusal::Expired.into_problem(), "token-expired", invalid);
}

/// Signs with other kinds of keys than our own.
fn signed(header: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let claims = json!({"iss": "https://issuer.example", "aud": "yeyak", "sub": "7", "exp": 4e9});
    let text = format!("{}.{}", encoded(header), encoded(&claims));
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(sign(text.as_bytes())))
}

#[test]
fn keys_of_each_kind_check_their_own_signatures_alone() {
    let random = SystemRandom::new();
    let rsa: String = include_str!("test-rsa.pem").lines().filter(|line| !line.starts_with('-')).collect();
    let rsa = RsaKeyPair::from_pkcs8(&STANDARD.decode(rsa).unwrap()).unwrap();
    let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(rsa.public());
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let p256 = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
    let point = p256.public_key().as_ref().to_vec();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwks = json!({"keys": [
        {"kty": "oct", "kid": "secret", "k": part(b"secret")},
        {"kty": "RSA", "kid": "rsa", "n": part(&public.n), "e": part(&public.e), "use": "sig"},
        {"kty": "EC", "crv": "P-256", "kid": "p256", "x": part(&point[1..33]), "y": part(&point[33..]), "key_ops": ["verify"]},
        {"kty": "RSA", "kid": "for-secrets", "n": part(&public.n), "e": part(&public.e), "use": "enc"},
        {"kty": "RSA", "kid": "for-another", "n": part(&public.n), "e": part(&public.e), "alg": "PS256"},
        {"kty": "EC", "crv": "P-521", "kid": "p521", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "kid": "short", "x": "AA", "y": "AA"},
        7,
    ]});
    assert_eq!(KeySet::parse(jwks.to_string().as_bytes()).unwrap().len(), 2);
    let clock = ManualClock::at(now());
    let verifier = verifier(&Said::keys(&jwks), &clock);
    let by_rsa = |message: &[u8]| {
        let mut signature = vec![0; rsa.public().modulus_len()];
        rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
        signature
    };
    let by_p256 = |message: &[u8]| p256.sign(&random, message).unwrap().as_ref().to_vec();
    let ask = |token: &str| wait(verifier.verify(&headers(&[&format!("Bearer {token}")]))).map_err(|problem| problem.code.to_string());

    assert_eq!(ask(&signed(&json!({"alg": "RS256", "kid": "rsa"}), by_rsa)).unwrap().subject(), "7");
    assert_eq!(ask(&signed(&json!({"alg": "ES256", "kid": "p256"}), by_p256)).unwrap().subject(), "7");
    for (header, by_rsa_key) in [
        (json!({"alg": "ES256", "kid": "rsa"}), true),
        (json!({"alg": "EdDSA", "kid": "rsa"}), true),
        (json!({"alg": "RS256", "kid": "p256"}), true),
        (json!({"alg": "RS256", "kid": "for-secrets"}), true),
        (json!({"alg": "RS256", "kid": "for-another"}), true),
        (json!({"alg": "RS256", "kid": "unknown"}), true),
        // Which of two is not said.
        (json!({"alg": "RS256"}), true),
        (json!({"alg": "RS256", "kid": "p256"}), false),
        (json!({"alg": "ES256", "kid": "rsa"}), false),
    ] {
        let token = if by_rsa_key { signed(&header, by_rsa) } else { signed(&header, by_p256) };
        assert_eq!(ask(&token).unwrap_err(), "token-invalid", "{header}");
    }
}

#[test]
fn a_local_key_is_read_as_it_was_written_and_as_others_write_it() {
    let text = LocalKey::generate().unwrap();
    let key = LocalKey::parse(&text).unwrap();
    assert_eq!(LocalKey::parse(&text.replace('\n', "\r\n")).unwrap().id(), key.id());
    assert_eq!(key.id().len(), 43);
    assert!(!format!("{key:?}").contains(text.lines().nth(1).unwrap()));
    // As `openssl genpkey -algorithm ed25519` writes it.
    let other =
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    assert_eq!(LocalKey::parse(other).unwrap().jwks()["keys"][0]["x"], "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE");
    // The same form, so that it reads ours.
    let [ours, theirs] = [&text, other].map(|text| STANDARD.decode(text.lines().nth(1).unwrap()).unwrap());
    assert_eq!((ours.len(), &ours[..16]), (theirs.len(), &theirs[..16]));
    // And the one with the public half, as keys were written before.
    let with_public = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let written = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(with_public));
    assert!(LocalKey::parse(&written).is_ok());
    for text in ["", "x", include_str!("test-rsa.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        assert_eq!(LocalKey::parse(text).unwrap_err(), NotAKey);
    }
}

proptest! {
    /// Whatever is sent, it neither gets in nor does harm.
    #[test]
    fn what_was_not_signed_never_passes(value in prop::collection::vec(any::<u8>(), 0..300), token in "(bearer|Bearer|BASIC)? {0,2}[A-Za-z0-9_.=-]{0,200}") {
        let bench = Bench::new();
        for value in [HeaderValue::from_bytes(&value).ok(), HeaderValue::from_str(&token).ok()].into_iter().flatten() {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
            let problem = wait(bench.verifier.verify(&headers)).unwrap_err();
            prop_assert_eq!(problem.status, StatusCode::UNAUTHORIZED);
        }
    }

    /// Nor does a good token of which one byte was changed.
    #[test]
    fn what_was_changed_after_it_was_signed_never_passes(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let bench = Bench::new();
        let mut token = bench.token(none(), none());
        let at = at.index(token.len());
        prop_assume!(token[at..=at] != to);
        token.replace_range(at..=at, &to);
        prop_assert_eq!(bench.ask_token(&token).unwrap_err(), "token-invalid");
    }

    /// Nor do claims that no issuer would write, though they are signed.
    #[test]
    fn odd_claims_do_no_harm(header in "\\PC{0,40}", claims in "\\PC{0,80}", exp in any::<f64>()) {
        let bench = Bench::new();
        let mut odd = json!({"kid": header, "typ": claims});
        _ = bench.ask_token(&bench.token(odd.take(), json!({"exp": exp, "sub": header, "aud": claims})).replace("null", ""));
        let text = format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(&header), URL_SAFE_NO_PAD.encode(&claims));
        prop_assert!(bench.ask_token(&text).is_err());
    }
}

/// A token with these texts for its header and claims, signed with the issuer's own key.
fn written(bench: &Bench, header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    format!("{signed}.{}", bench.key.sign_raw(signed.as_bytes()))
}

#[test]
fn a_token_of_another_form_is_refused_though_the_issuer_signed_it() {
    let bench = Bench::new();
    let (id, later) = (bench.key.id(), now().as_second() + 600);
    let head = format!(r#"{{"alg":"EdDSA","kid":"{id}"}}"#);
    let claims = |more: &str| format!(r#"{{"iss":"https://issuer.example","aud":"yeyak","sub":"7",{more}}}"#);
    let good = claims(&format!(r#""exp":{later}"#));
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(bench.ask_token(&written(&bench, &head, &good)).is_ok());
    for (header, claims) in [
        (format!(r#"{{"alg":"EdDSA","kid":"{id}","crit":null}}"#), good.clone()),
        (format!(r#"{{"alg":"EdDSA","kid":"{id}","crit":null,"crit":["x"]}}"#), good.clone()),
        (format!(r#"["EdDSA","{id}","JWT",null]"#), good.clone()),
        (r#"{"alg":"EdDSA","kid":7}"#.into(), good.clone()),
        (head.clone(), format!(r#"["https://issuer.example","7","yeyak",{later},null,["administrator"]]"#)),
        (head.clone(), claims(&format!(r#""sub":"8","exp":{later}"#))),
        (head.clone(), claims(&format!(r#""exp":{later},"exp":1"#))),
        (head.clone(), claims(r#""exp":1e999"#)),
        (head.clone(), claims(&format!(r#""exp":{}"#, "9".repeat(400)))),
        (head.clone(), claims(&format!(r#""exp":{later},"nbf":"0""#))),
        (head.clone(), claims(&format!(r#""exp":{later},"roles":{{"administrator":1}}"#))),
        (head.clone(), claims(&format!(r#""exp":{later},"aud":{}"#, deep(1500)))),
        (head.clone(), format!("{good} x")),
        (head.clone(), format!("\u{feff}{good}")),
    ] {
        assert!(bench.ask_token(&written(&bench, &header, &claims)).is_err(), "{header} {claims}");
    }
}
